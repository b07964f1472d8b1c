"""How the database finds events: by an index, on SQLite and PostgreSQL, however many there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from gateway import tables
from gateway.database import Database
from schemas.audit_event import AUDIT_EVENT
from schemas.filters import parse_filter
from tests.gateway.service import audit_keys, audit_log

EVENTS = 20_000
PEOPLE = 1_000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = 'target eq "moodle" and resourceType eq "User" and resourceId eq "77"'
QUERIES = [
    'login eq "user77"',
    ACCOUNT,
    f'login eq "user77" or ({ACCOUNT})',
    f'({ACCOUNT}) and changes[path eq "active" and old eq "value77"]',
    "subject eq 77",
    'actor eq "actor77"',
    'changes.new eq "value77"',
    'changes.old eq "value77" and target eq "moodle"',
    'changes[path eq "active" and (old eq "value77" or new eq "value77")]',
    'time ge "2026-01-01T00:00:00Z" and time lt "2026-01-01T00:10:00Z"',
    'outcome eq "FAILED" and time ge "2026-01-01T00:00:00Z"',
    'operation eq "resetPassword"',
    "sequence gt 19990",
]


@pytest.fixture
def many(database: Database) -> Database:
    """Give a database with many events of many people."""
    digest = audit_keys(database).digest
    logins = [digest(f"user{number}") for number in range(PEOPLE)]
    values = [digest(f"value{number}") for number in range(PEOPLE)]
    rows = [
        {
            "sequence": number,
            "time": BEGIN + timedelta(seconds=number),
            "actor": f"actor{number % PEOPLE}",
            "target": "moodle",
            "operation": "patch" if number % 100 else "resetPassword",
            "resource_type": "User",
            "resource_id": str(number % PEOPLE),
            "subject": number % PEOPLE,
            "login": logins[number % PEOPLE],
            "outcome": "success" if number % 500 else "failed",
            "leaf": number,
        }
        for number in range(1, EVENTS)
    ]
    made = [
        {
            "sequence": row["sequence"],
            "position": 0,
            "path": "active",
            "op": "replace",
            "old": values[row["subject"]],
            "new": values[row["subject"]],
        }
        for row in rows
    ]
    with database.write() as connection:
        connection.execute(insert(tables.events), rows)
        connection.execute(insert(tables.changes), made)
        connection.execute(text("ANALYZE"))
    return database


def plans_of(database: Database, filter: str) -> list[str]:
    """Return how the database looks for the events of a filter: for the count and the page."""
    asked: list[tuple[str, Any]] = []
    engine = database._engine

    def listen(_: Any, cursor: Any, statement: str, parameters: Any, *more: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", listen)
    try:
        node = parse_filter(filter, AUDIT_EVENT)
        audit_log(database).search(node, count=25, descending=True)
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
    with database.read() as connection:
        return [
            "\n".join(
                str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters)
            )
            for statement, parameters in asked
            if "FROM events" in statement
        ]


def test_every_question_is_answered_by_an_index(many: Database) -> None:
    for query in QUERIES:
        plans = plans_of(many, query)
        assert len(plans) == 2, query
        for plan in plans:
            scans = [
                line
                for line in plan.splitlines()
                if line.startswith(("SCAN events", "SCAN changes")) or "Seq Scan on" in line
            ]
            # A small table beside it may be read as a whole.
            assert not [line for line in scans if "subjects" not in line], f"{query}\n{plan}"
