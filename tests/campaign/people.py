"""People: records as a file has them, and whether LMS, log and database tell of each once."""

from __future__ import annotations

import csv
import random
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from tests.campaign.invariants import (
    Event,
    check_database,
    check_events,
    check_ledger,
    check_replay,
    events_of,
)
from tests.campaign.processes import Gateway, Moodle
from tests.campaign.report import Report, counts

SECRET = "Kept-Nowhere-4712"
"""The first password of everybody."""
MAP = """
[columns]
login = "userName"
number = "externalId"
given = "name.given"
family = "name.family"
mail = "contact.email"
state = { path = "active", values = { here = true, away = false } }
"first password" = "password"
"""
_COLUMNS = ("login", "number", "given", "family", "mail", "state", "first password")
_WRITES = ("create", "update", "delete")

Row = dict[str, str]
"""A record: the text in each column."""


def make_rows(seed: int, count: int, dice: random.Random) -> list[Row]:
    """Return so many people, some of them away."""
    return [_row(seed, number, dice) for number in range(count)]


def _row(seed: int, number: int, dice: random.Random) -> Row:
    login = f"s{seed % 1000}n{number}"
    return {
        "login": login,
        "number": str(100_000 + number),
        "given": dice.choice(("Ann", "Zoë", "王", "O'Neil")),
        "family": f"Doe {number}",
        "mail": f"{login}@example.edu",
        "state": "away" if dice.random() < 0.05 else "here",
        "first password": SECRET,
    }


def with_changes(rows: list[Row]) -> list[Row]:
    """Return the people, every tenth with another name and number."""
    return [_changed(row) if n % 10 == 0 else row for n, row in enumerate(rows)]


def _changed(row: Row) -> Row:
    return row | {"given": "Changed", "number": f"9{row['number']}"}


def write_rows(file: Path, rows: list[Row]) -> None:
    """Write the file, which MAP tells how to read."""
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def native_writes(site: Moodle) -> int:
    """Return how many calls that write the LMS has got."""
    made = site.client.get("/_simulator/calls").json()
    return sum(n for name, n in made.items() if any(f"_{w}_" in name for w in _WRITES))


def count_events(database: Path) -> int:
    """Return how many audit events there are, open ones among them."""
    connection = sqlite3.connect(database, timeout=30)
    try:
        number: int = connection.execute("SELECT count(*) FROM events").fetchone()[0]
        return number
    finally:
        connection.close()


def check_accounts(report: Report, site: Moodle, rows: list[Row]) -> None:
    """Check that the LMS has each record once, and as the file says."""
    held: dict[str, list[dict[str, Any]]] = {}
    for user in site.users().values():
        held.setdefault(user["username"], []).append(user)
    twice = [login for login, users in held.items() if len(users) > 1]
    report.expect(not twice, f"duplicates: {twice[:20]}")
    for row in rows:
        user = held.get(row["login"], [{}])[0]
        found = {
            "number": user.get("idnumber"),
            "given": user.get("firstname"),
            "family": user.get("lastname"),
            "mail": user.get("email"),
            "state": "away" if user.get("suspended") else "here",
        }
        wanted = {name: row[name] for name in found}
        report.expect(found == wanted, f"{row['login']}: {found} instead of {wanted}")
    report.figures["duplicates"] = len(twice)


def check_all(report: Report, served: Gateway, site: Moodle) -> list[Event]:
    """Check log, ledger, database and plans of a gateway that has ended; return its events."""
    events = events_of(served.database)
    check_events(report, events)
    accounts = [event for event in events if event["resourceType"] == "User"]
    check_replay(report, accounts, site.users(), site.cohorts())
    check_ledger(report, served.database)
    check_database(report, served.database, [SECRET])
    for plan in served.folder.rglob("*.plan"):
        report.expect(SECRET.encode() not in plan.read_bytes(), f"a password stands in {plan.name}")
    report.figures["events"] = counts(Counter(f"{e['operation']} {e['outcome']}" for e in events))
    return events
