"""The law of the audit log: a filter in SQL is the same filter in memory."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

import gateway.audit
from gateway.audit import AuditLog
from gateway.database import Database
from gateway.intents import ChangeRecord, Intent
from schemas.audit_event import AUDIT_EVENT, OPERATIONS, OUTCOMES
from schemas.errors import ScimError
from schemas.filters import parse_filter, parse_path
from schemas.match import comparable, compile_filter
from tests.gateway.service import audit_log

COMMON = [
    "",
    "Ann",
    "ann",
    "ANNA",
    "n",
    "%",
    "_",
    "a%b",
    "A_B",
    "'",
    '"',
    "\\",
    "é",
    "É",
    "1",
    "10",
]
UNICODE = ["ß", "SS", "ſs", "İ", "i̇", "ﬁ", "\uffff", "😀", "Straße", "STRASSE"]
START = datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)
MOMENTS = [START + timedelta(microseconds=step) for step in (0, 1, 2, 1_000_000, 86_400_000_000)]
INSTANTS = [
    "2026-01-31T23:59:59.999999Z",
    "2026-02-01T00:00:00Z",
    "2026-02-01T05:30:00+05:30",
    "2026-02-01T00:00:00",
    "2026-01-31",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
]

EXACT = ["target", "resourceType", "resourceId", "actor", "clientAddress", "requestId"]
TEXTS = [*EXACT, "login", "LOGIN", "client", "operation", "outcome", "detail", "configuration"]
TEXTS += ["id", "schemas", "externalId", "meta.resourceType", "meta.version", "ignored"]
CHANGES = ["path", "native", "op", "old", "new"]
TEXTS += [f"changes.{sub}" for sub in CHANGES]
NUMBERS = ["sequence", "status", "upstreamCalls", "duration"]
DATES = ["time", "finished", "meta.created", "meta.lastModified"]
WRITTEN_NUMBERS = [
    "0",
    "1",
    "2",
    "12.5",
    "200",
    "404",
    "-1",
    "1e300",
    "-1e300",
    "9" * 30,
    "-" + "9" * 400,
]
ORDERED = ["eq", "ne", "gt", "ge", "lt", "le"]


def words(values: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


def events(values: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    word = words(values)
    maybe = st.none() | word
    change = st.builds(ChangeRecord, path=maybe, native=maybe, op=maybe, old=maybe, new=maybe)
    return st.fixed_dictionaries(
        {
            "intent": st.builds(
                Intent,
                target=word.filter(bool),
                operation=st.sampled_from(OPERATIONS),
                resource_type=word.filter(bool),
                resource_id=maybe,
                login=maybe,
                changes=st.lists(change, max_size=3).map(tuple),
                ignored=st.lists(word, max_size=2).map(tuple),
                actor=maybe,
                client_address=maybe,
                client=maybe,
                request_id=maybe,
                configuration=maybe,
            ),
            "times": st.tuples(st.sampled_from(MOMENTS), st.sampled_from(MOMENTS)),
            "outcome": st.sampled_from(OUTCOMES),
            "status": st.none() | st.sampled_from([200, 404]),
            "detail": maybe,
            "upstream_calls": st.sampled_from([0, 1, 2]),
            "duration": st.sampled_from([0.0, 1.0, 12.5]),
        }
    )


def comparisons(names: list[str], ops: list[str], written: st.SearchStrategy[str]):  # type: ignore[no-untyped-def]
    compared = st.builds("{} {} {}".format, words(names), words(ops), written)
    null = st.builds("{} {} null".format, words(names), words(["eq", "ne"]))
    return compared | null | words(names).map("{} pr".format)


def filters(values: list[str]) -> st.SearchStrategy[str]:
    canonical = ["Success", "OPEN", "patch", AUDIT_EVENT.schema.urn, "AuditEvent", "auditevent"]
    strings = words([json.dumps(value) for value in [*values, *canonical]])
    any_op = [*ORDERED, "co", "sw", "ew"]
    dates = words([json.dumps(value) for value in INSTANTS])
    inner = joined(comparisons(CHANGES, any_op, strings))
    value = joined(comparisons(["value"], any_op, strings))
    meta = joined(comparisons(["created", "lastModified"], ORDERED, dates))
    return joined(
        comparisons(TEXTS, any_op, strings)
        | comparisons(NUMBERS, ORDERED, words(WRITTEN_NUMBERS))
        | comparisons(DATES, ORDERED, dates)
        | words(["changes pr", "meta pr", "ignored pr"])
        | st.builds("changes[{}]".format, inner)
        | st.builds("{}[{}]".format, words(["ignored", "schemas"]), value)
        | st.builds("meta[{}]".format, meta)
    )


def joined(terms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        terms,
        lambda inner: (
            st.builds("not ({})".format, inner)
            | st.builds("({}) and ({})".format, inner, inner)
            | st.builds("({}) or ({})".format, inner, inner)
        ),
        max_leaves=4,
    )


def fill(database: Database, made: list[dict[str, Any]]) -> AuditLog:
    """Empty the log and write the events into it."""
    log = audit_log(database)
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("TRUNCATE events, changes, ignored RESTART IDENTITY"))
        else:
            for table in ("ignored", "changes", "events", "sqlite_sequence"):
                connection.execute(text(f"DELETE FROM {table}"))
    with pytest.MonkeyPatch.context() as patch:
        for event in made:
            moments = iter(event["times"])
            patch.setattr(gateway.audit, "now", lambda moments=moments: next(moments))
            result = {k: v for k, v in event.items() if k not in ("intent", "times", "outcome")}
            sequence = log.begin(event["intent"]).sequence
            if event["outcome"] != "open":
                log.finish(sequence, event["outcome"], **result)
    return log


def check_filter(database: Database, made: list[dict[str, Any]], written: str) -> None:
    filter = parse_filter(written, AUDIT_EVENT)
    log = fill(database, made)
    total, everything = log.search(count=1000)
    assert total == len(everything) == len(made)
    expected = [event for event in everything if compile_filter(filter)(event)]
    assert log.search(filter, count=1000) == (len(expected), expected)
    assert list(log.stream(filter)) == expected


thorough = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@thorough
@given(made=st.lists(events(COMMON), max_size=5), written=filters(COMMON))
def test_sql_is_memory(database: Database, made: list[dict[str, Any]], written: str) -> None:
    check_filter(database, made, written)


@thorough
@given(made=st.lists(events(COMMON + UNICODE), max_size=5), written=filters(COMMON + UNICODE))
def test_sql_folds_as_python(sqlite: Database, made: list[dict[str, Any]], written: str) -> None:
    check_filter(sqlite, made, written)


@settings(thorough, max_examples=30)
@given(
    made=st.lists(events(COMMON), max_size=6),
    by=words(sorted({*TEXTS, *NUMBERS, *DATES} - {"schemas"})),
    descending=st.booleans(),
)
def test_order(database: Database, made: list[dict[str, Any]], by: str, descending: bool) -> None:
    log = fill(database, made)
    path = parse_path(by, AUDIT_EVENT)
    _, everything = log.search(count=1000)

    def key(event: dict[str, Any]) -> tuple[bool, Any, int]:
        values = (comparable(path.leaf, value) for value in path.values(event))
        first = next((value for value in values if value not in (None, "")), None)
        return first is None, first if first is not None else 0, event["sequence"]

    expected = sorted(everything, key=key, reverse=descending)
    assert log.search(count=1000, sort_by=path, descending=descending)[1] == expected


def test_sort_by_a_value_path(sqlite: Database) -> None:
    log = audit_log(sqlite)
    for new in ("b", "a", None):
        change = ChangeRecord("name", new=new), ChangeRecord("other", new=f"z{new}")
        log.begin(Intent("t", "patch", "User", changes=change))
    path = parse_path('changes[path eq "name"].new', AUDIT_EVENT)
    assert [event["id"] for event in log.search(sort_by=path)[1]] == ["2", "1", "3"]
    assert [e["id"] for e in log.search(sort_by=path, descending=True)[1]] == ["3", "1", "2"]
    with pytest.raises(ScimError, match="complex"):
        log.search(sort_by=parse_path("changes", AUDIT_EVENT))


def test_values_that_no_column_can_hold(database: Database) -> None:
    log = audit_log(database)
    odd = "a\0b\ud800"
    log.record(
        Intent("t", "patch", "User", odd, odd, (ChangeRecord("x", new=odd),), (odd,)),
        "refused",
        status=400,
    )
    (event,) = log.search()[1]
    assert event["login"] == r"a\x00b\ud800"
    assert event["changes"] == [{"path": "x", "new": event["login"]}]


def test_values_are_bound(database: Database) -> None:
    log = audit_log(database)
    log.begin(Intent("t", "patch", "User"))
    written = json.dumps("'; DROP TABLE events; --")
    for op in ("eq", "co", "sw", "ew", "gt"):
        log.search(parse_filter(f"login {op} {written}", AUDIT_EVENT))
    assert log.search()[0] == 1


def test_the_longest_filter(database: Database) -> None:
    log = audit_log(database)
    log.begin(Intent("t", "patch", "User"))
    written = " or ".join(["id pr"] * 450)
    assert log.search(parse_filter(written, AUDIT_EVENT))[0] == 1
    nested = "not (" * 30 + 'changes[path eq "x" or not (old pr)]' + ")" * 30
    assert log.search(parse_filter(nested, AUDIT_EVENT))[0] == 0
