"""What must hold when everything has ended: the LMS, the audit log and the client agree."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.database import Database
from gateway.exports import write_jsonl
from gateway.keyring import keyring
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.settings import Settings
from tests.campaign.report import Report
from tests.campaign.traffic import Client

Event = dict[str, Any]
State = dict[str, Any]

_EMAIL = 'emails[type eq "work"].value'
_NATIVE = {
    "userName": "username",
    "externalId": "idnumber",
    "name.givenName": "firstname",
    "name.familyName": "lastname",
    _EMAIL: "email",
}


def events_of(database: Path) -> list[Event]:
    """Return all audit events of a database, oldest first."""
    store = Database(f"sqlite:///{database}")
    try:
        return list(_ledger(store).audit.stream(None))
    finally:
        store.close()


def check_ledger(report: Report, database: Path) -> None:
    """Check that all events are sealed, and that the export is verified by the public key alone."""
    store = Database(f"sqlite:///{database}")
    try:
        ledger = _ledger(store)
        ledger.sealer.finish()
        found = verify(ledger.prover.whole(), ledger.prover.verifier)
    finally:
        store.close()
    report.failures += found.findings
    report.figures["ledger"] = f"{found.events} events in {found.leaves} leaves verified"


def _ledger(store: Database) -> Ledger:
    settings = Settings(f"sqlite:///{store.path}")
    return Ledger(store, settings.audit, keyring(settings))


def keep_events(report: Report, events: list[Event]) -> None:
    """Keep the events of a run that failed, and name the file."""
    if report.failures:
        with tempfile.NamedTemporaryFile(
            "w", prefix=f"campaign-{report.name}-", suffix=".jsonl", delete=False
        ) as kept:
            write_jsonl(events, kept)
        report.figures["events are kept in"] = kept.name


def open_events(database: Path) -> set[int]:
    """Return the sequences of the events without an outcome."""
    connection = sqlite3.connect(database, timeout=30)
    try:
        rows = connection.execute("SELECT sequence FROM events WHERE outcome = 'open'")
        return {row[0] for row in rows}
    finally:
        connection.close()


def check_database(report: Report, database: Path, secrets: Iterable[str] = ()) -> None:
    """Check that SQLite finds its file whole, and that no secret stands in it."""
    connection = sqlite3.connect(database, timeout=30)
    try:
        said = connection.execute("PRAGMA integrity_check").fetchone()[0]
        report.expect(said == "ok", f"integrity_check: {said}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    for file in database.parent.glob(f"{database.name}*"):
        content = file.read_bytes() if file.is_file() else b""
        for secret in secrets:
            report.expect(secret.encode() not in content, f"a password stands in {file.name}")


def check_events(report: Report, events: list[Event]) -> None:
    """Check that every event has ended, and that nothing was created twice."""
    open_ = [event["sequence"] for event in events if event["outcome"] == "open"]
    report.expect(not open_, f"open events: {open_[:20]}")
    for event in events:
        if event["outcome"] == "unknown":
            secret = all("new" not in c and "old" not in c for c in event.get("changes", ()))
            report.expect(secret, f"unknown without need: {_shown(event)}")
    made = Counter(
        (event["resourceType"], event["login"])
        for event in events
        if event["operation"] == "create" and event["outcome"] == "success"
    )
    twice = [name for name, number in made.items() if number > 1]
    report.expect(not twice, f"created twice: {twice[:20]}")


def check_replay(
    report: Report,
    events: list[Event],
    users: dict[str, dict[str, Any]],
    cohorts: dict[str, dict[str, Any]],
) -> None:
    """Check that the events that succeeded lead, one after the other, to what the LMS shows."""
    states = replay(report, events)
    for (type_, id), state in states.items():
        if state is None:
            gone = id not in (users if type_ == "User" else cohorts)
            report.expect(gone, f"{type_} {id} was deleted and is there")
        elif type_ == "User":
            _compare_user(report, id, state, users.get(id))
        else:
            _compare_group(report, id, state, cohorts.get(id))
    for type_, found in (("User", users), ("Group", cohorts)):
        for id in found:
            ours = int(id.rpartition("-")[2]) > 4 if type_ == "User" else True
            report.expect(not ours or (type_, id) in states, f"no event made {type_} {id}")


def replay(report: Report, events: list[Event]) -> dict[tuple[str, str], State | None]:
    """Return the state of each resource by its events; None for a deleted one.

    Checks on the way that each old value is the one that the events before have left.
    """
    states: dict[tuple[str, str], State | None] = {}
    for event in events:
        if "resourceId" not in event:
            continue
        key = event["resourceType"], event["resourceId"]
        halfway = event["outcome"] == "failed" and "in part" in event.get("detail", "")
        if event["outcome"] != "success" and not halfway:
            continue
        if event["operation"] == "create":
            report.expect(states.get(key) is None, f"made again: {_shown(event)}")
            states[key] = {"active": "true", "members": set()}
        state = states.get(key)
        if state is None:
            report.expect(False, f"before it was made: {_shown(event)}")
            continue
        for change in event.get("changes", ()):
            _apply(report, event, change, state, event["operation"] == "create")
        if event["operation"] == "delete" and event["resourceType"] == "Group":
            states[key] = None
    return states


def _apply(report: Report, event: Event, change: dict[str, str], state: State, free: bool) -> None:
    path, old, new = change.get("path", ""), change.get("old"), change.get("new")
    if path == "members":
        held = state["members"]
        if old is not None:
            report.expect(free or old in held, f"removed without being there: {_shown(event)}")
            held.discard(old)
        if new is not None:
            report.expect(free or new not in held, f"added twice: {_shown(event)}")
            held.add(new)
        return
    if path not in (*_NATIVE, "active", "displayName"):
        return
    known = state.get(path)
    if event["operation"] != "delete" or event["resourceType"] == "User":
        report.expect(free or old == known, f"{path} was {known!r}: {_shown(event)}")
    state[path] = new


def _compare_user(report: Report, id: str, state: State, held: dict[str, Any] | None) -> None:
    if held is None:
        report.expect(False, f"user {id} is missing: {state}")
        return
    for path, native in _NATIVE.items():
        report.expect(
            (state.get(path) or "") == held.get(native, ""),
            f"user {id}: {path} is {held.get(native)!r} and by the log {state.get(path)!r}",
        )
    active = "false" if held["suspended"] else "true"
    report.expect(
        active == state["active"],
        f"user {id}: active is {active} and by the log {state['active']}",
    )


def _compare_group(report: Report, id: str, state: State, held: dict[str, Any] | None) -> None:
    if held is None:
        report.expect(False, f"group {id} is missing: {state}")
        return
    members = {str(member) for member in held["members"]}
    report.expect(
        members == state["members"],
        f"group {id} has {sorted(members)} and by the log {sorted(state['members'])}",
    )
    report.expect(held["name"] == state["displayName"], f"group {id} is named {held['name']}")


def check_clients(
    report: Report,
    clients: list[Client],
    users: dict[str, dict[str, Any]],
    cohorts: dict[str, dict[str, Any]],
) -> None:
    """Check that the LMS has what the clients were told, exactly once."""
    logins = Counter(user["username"] for user in users.values())
    for client in clients:
        for account in client.accounts.values():
            held = users.get(account.id)
            report.expect(logins[account.login] == 1, f"{account.login}: {logins[account.login]}")
            if held is None:
                report.expect(False, f"{account.login} was promised and is missing")
                continue
            wanted = (account.login, account.given, account.family)
            found = (held["username"], held["firstname"], held["lastname"])
            report.expect(wanted == found, f"{account.id}: promised {wanted}, found {found}")
            active = account.active and not account.deleted
            report.expect(active != held["suspended"], f"{account.login}: active is not {active}")
        for group in client.teams.values():
            cohort = cohorts.get(group.id)
            if group.deleted or cohort is None:
                report.expect(group.deleted and cohort is None, f"{group.name}: deleted or missing")
                continue
            members = {str(member) for member in cohort["members"]}
            report.expect(
                members == group.members,
                f"{group.name}: promised {sorted(group.members)}, found {sorted(members)}",
            )


def _shown(event: Event) -> str:
    names = ("sequence", "operation", "resourceId", "login", "outcome", "detail")
    words = [f"{name}={event[name]}" for name in names if name in event]
    return " ".join([*words, str(event.get("changes", ""))])[:600]
