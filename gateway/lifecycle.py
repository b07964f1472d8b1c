"""Start and stop of the gateway, and what of its configuration has changed since, as events."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.audit import AuditLog
from gateway.database import Database
from gateway.intents import ChangeRecord, Intent
from gateway.keyring import keyring
from gateway.ledger.ledger import Ledger
from gateway.settings import Settings
from schemas.audit_event import AUDIT_EVENT
from schemas.filters import parse_filter


@contextmanager
def recorded(settings: Settings) -> Iterator[None]:
    """Write down that the gateway starts, with which configuration, and that it has stopped.

    At the end all that is there is sealed and signed. Raises RuntimeError when a newer version of
    the program has changed the database.
    """
    database = Database(settings.database)
    keys = keyring(settings)
    database.migrate(keys)
    ledger = Ledger(database, settings.audit, keys)
    actor = getpass.getuser()

    def record(operation: str, *changes: ChangeRecord) -> None:
        intent = Intent("", operation, "Gateway", actor=actor, configuration=settings.version)
        ledger.audit.record(intent, "success", changes=changes)

    before = _last_configuration(ledger.audit)
    if before != settings.version:
        op = "replace" if before else "add"
        record("configure", ChangeRecord("configuration", None, op, before, settings.version))
    record("start")
    # Nothing of it stays open while others serve.
    database.close()
    try:
        yield
    finally:
        record("stop")
        ledger.sealer.finish()
        database.close()


def _last_configuration(audit: AuditLog) -> str | None:
    started = parse_filter('operation eq "start"', AUDIT_EVENT)
    _, events = audit.search(started, count=1, descending=True)
    return events[0].get("configuration") if events else None
