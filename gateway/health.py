"""Whether the LMSs answer and events can be written: asked rarely, however often one asks us."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from gateway.audit import AuditLog
from gateway.targets import Target
from schemas.errors import ScimError

READY_SECONDS = 10.0
OK = "ok"


class Health:
    """What each target and the audit log said when they were last asked."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._lock = threading.Lock()
        self._last: dict[str, tuple[float, str]] = {}

    def state(self, target: Target) -> str:
        """Return "ok" or what is wrong; the LMS is asked every ten seconds at most."""
        return self._state(target.name, target.connector.ping)

    def of_audit(self) -> str:
        """Return "ok" or what is wrong; a write is tried every ten seconds at most."""
        return self._state("", self._audit.probe)

    def _state(self, name: str, ask: Callable[[], None]) -> str:
        with self._lock:
            asked, known = self._last.get(name, (-READY_SECONDS, ""))
            if monotonic() - asked < READY_SECONDS:
                return known
            try:
                ask()
                known = OK
            except ScimError as error:
                known = error.detail
            self._last[name] = (monotonic(), known)
            return known
