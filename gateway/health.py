"""Whether the LMSs answer, asked rarely however often somebody wants to know."""

from __future__ import annotations

import threading
from time import monotonic

from gateway.targets import Target
from schemas.errors import ScimError

READY_SECONDS = 10.0
OK = "ok"


class Health:
    """What each target said when it was last asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, tuple[float, str]] = {}

    def state(self, target: Target) -> str:
        """Return "ok" or what is wrong; the LMS is asked every ten seconds at most."""
        with self._lock:
            asked, known = self._last.get(target.name, (-READY_SECONDS, ""))
            if monotonic() - asked < READY_SECONDS:
                return known
            try:
                target.connector.ping()
                known = OK
            except ScimError as error:
                known = error.detail
            self._last[target.name] = (monotonic(), known)
            return known
