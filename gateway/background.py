"""Work in the background: one thread for each kind, one of all processes at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from gateway.database import Database
from schemas.errors import ScimError

log = logging.getLogger(__name__)


class Background:
    """Does a step of work again and again, until it is stopped.

    `step` returns whether there is more to do at once; between steps that found nothing it waits
    for `seconds`. Only who holds the lock of that name works; the others wait for their turn.
    """

    def __init__(
        self, name: str, database: Database, step: Callable[[], bool], seconds: float
    ) -> None:
        self.name = name
        self._database = database
        self._step = step
        self._seconds = seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def is_stopped(self) -> bool:
        """Tell whether the work is to end: a step that takes long asks now and then."""
        return self._stopped.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the step that is under way, waiting for it as many seconds."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._database.lock(("work",), 0, family=self.name):
                    self._work()
            except ScimError:
                pass  # Another process does it.
            except Exception:
                log.exception("%s failed and is tried again", self.name)
            self._stopped.wait(self._seconds)

    def _work(self) -> None:
        while not self._stopped.is_set():
            if not self._step():
                self._stopped.wait(self._seconds)
