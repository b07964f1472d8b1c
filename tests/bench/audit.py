"""What the audit log costs: an event begun and finished beside two bare commits to the store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import text

from gateway.audit import AuditLog
from gateway.database import Database
from gateway.intents import ChangeRecord, Intent
from gateway.ledger.keys import AuditKeys
from gateway.ledger.sealer import Sealer

WRITES = 500
PEOPLE = 100
_CHANGE = ChangeRecord("name.givenName", "firstname", "replace", "Ann", "Anna")


def measure(rounds: int) -> None:
    """Print microseconds for each way, rounds of them in turn, and how fast events are sealed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'matricula.db'}")
        database.migrate()
        keys = AuditKeys(database, MultiFernet([Fernet(Fernet.generate_key())]))
        audit, sealer = AuditLog(database, keys), Sealer(database, keys, "bench")
        with database.write() as connection:
            connection.execute(text("CREATE TABLE floor (number INTEGER PRIMARY KEY, said TEXT)"))

        def bare(number: int) -> None:
            for said in ("begun", "finished"):
                with database.write() as connection:
                    values = {"said": said * 40}
                    connection.execute(text("INSERT INTO floor (said) VALUES (:said)"), values)

        def audited(number: int) -> None:
            who = number % PEOPLE
            intent = Intent("moodle", "patch", "User", str(who), f"user{who}", (_CHANGE,))
            ticket = audit.begin(intent)
            audit.finish(ticket.sequence, "success", status=200)

        taken: dict[str, list[float]] = {"two bare commits": [], "begin and finish": [], "seal": []}
        for _ in range(rounds):
            taken["two bare commits"].append(_each(bare))
            taken["begin and finish"].append(_each(audited))
            started = perf_counter()
            sealed = sealer.seal()
            taken["seal"].append((perf_counter() - started) / sealed)
        database.close()
    floor = median(taken["two bare commits"])
    print(f"\n{'audit log, one write':<24}{'us':>8}{'ratio':>8}")
    for name, seconds in taken.items():
        print(f"{name:<24}{median(seconds) * 1e6:8.0f}{median(seconds) / floor:8.2f}")


def _each(work: Callable[[int], None]) -> float:
    started = perf_counter()
    for number in range(WRITES):
        work(number)
    return (perf_counter() - started) / WRITES
