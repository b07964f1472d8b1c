"""The forms of an export: columns, cells, dates, and a line for each difference."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from connectors.base import Options
from connectors.memory import Memory
from connectors.moodle import Moodle
from gateway.dates import DateFormat
from gateway.exporting.forms import Difference, JsonLines, Table, columns_of, dated
from schemas.attributes import ENTERPRISE
from schemas.filters import parse_path
from schemas.membership import MEMBERSHIP
from schemas.projection import DEFAULT, parse_projection
from schemas.user import USER

MAPPING = Memory(Options("memory")).collections["User"].mapping
PERSON: dict[str, Any] = {
    "id": "7",
    "userName": "=cmd",
    "name": {"givenName": "Ann", "familyName": 'O"Neil, Dr'},
    "emails": [{"type": "work", "value": "a@example.edu"}, {"value": "b@example.edu"}],
    "active": False,
    ENTERPRISE: {"department": "two\nlines", "manager": {"value": "8"}},
}


def table(*names: str, **more: Any) -> Table:
    projection = parse_projection(USER, names, ())
    return Table(columns_of(MAPPING, projection), {}, **more)


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def test_the_columns_are_what_is_asked_for() -> None:
    form = table("userName", "name", "emails", "active", "department", "manager")
    assert rows(form.head() + form.lines([PERSON])) == [
        [
            *("id", "userName", "name.formatted", "name.familyName", "name.givenName"),
            *("name.middleName", "name.honorificPrefix", "name.honorificSuffix"),
            *("active", "emails"),
            *(f"{ENTERPRISE}:department", f"{ENTERPRISE}:manager.value"),
            *(f"{ENTERPRISE}:manager.$ref", f"{ENTERPRISE}:manager.displayName"),
        ],
        [
            *("7", "'=cmd", "", 'O"Neil, Dr', "Ann", "", "", "", "false"),
            json.dumps(PERSON["emails"], separators=(",", ":")),
            *("two\nlines", "8", "", ""),
        ],
    ]


def test_one_part_of_an_attribute() -> None:
    form = table("name.givenName", "userName")
    assert rows(form.head()) == [["id", "userName", "name.givenName"]]


def test_excluded_and_hidden_ones_are_no_columns() -> None:
    every = [str(row.path) for row in columns_of(MAPPING, DEFAULT)]
    fewer = columns_of(MAPPING, parse_projection(USER, (), ("name.givenName", "emails")))
    assert "password" not in every
    gone = set(every) - {str(row.path) for row in fewer}
    assert gone == {"name.givenName", "emails"}


def test_values_of_a_type_have_columns_of_their_own() -> None:
    options = Options("moodle", url="https://moodle.example.edu", token="x")
    mapping = Moodle(options).collections["User"].mapping
    columns = columns_of(mapping, DEFAULT)
    assert 'emails[type eq "work"].value' in [str(row.path) for row in columns]
    form = Table(columns, {})
    (head, row) = rows(form.head() + form.lines([PERSON]))
    assert dict(zip(head, row, strict=True))['emails[type eq "work"].value'] == "a@example.edu"


@pytest.mark.parametrize("value", ["=1", "+1", "-1", "@x", "\tx", "＝1"])
def test_no_cell_is_a_formula(value: str) -> None:
    form = table("userName", is_delta=True)
    written = form.differences([Difference("created", "-7", {"id": "-7", "userName": value})])
    assert rows(written) == [["created", "", "'-7", f"'{value}"]]


def test_differences_in_both_forms() -> None:
    found = [
        Difference("created", "1", {"id": "1", "userName": "a"}),
        Difference("changed", "2", {"id": "2", "userName": "b"}, ("userName",)),
        Difference("changed", "3", {"id": "3"}, ("userName", "title"), {"userName": None}),
        Difference("deleted", "4", {}),
    ]
    assert [json.loads(line) for line in JsonLines({}).differences(found).splitlines()] == [
        {"op": "created", "id": "1", "resource": {"id": "1", "userName": "a"}},
        {"op": "changed", "id": "2", "resource": {"id": "2", "userName": "b"}},
        {"op": "changed", "id": "3", "changes": {"userName": None}},
        {"op": "deleted", "id": "4"},
    ]
    form = table("userName", is_delta=True)
    assert rows(form.head() + form.differences(found)) == [
        ["op", "changed", "id", "userName"],
        ["created", "", "1", "a"],
        ["changed", "userName", "2", "b"],
        ["changed", "userName title", "3", ""],
        ["deleted", "", "4", ""],
    ]


def test_dates_are_written_as_asked() -> None:
    start = parse_path("start", MEMBERSHIP)
    created = parse_path("meta.created", MEMBERSHIP)
    dates = {
        start: DateFormat.parse("%d.%m.%Y %I:%M %p@Europe/Berlin"),
        created: DateFormat.parse("%Y-%m-%d"),
    }
    shown = dated(
        {"start": "2026-07-01T12:05:00Z", "meta": {"created": "2026-01-02T03:04:05Z"}}, dates
    )
    assert shown == {"start": "01.07.2026 02:05 PM", "meta": {"created": "2026-01-02"}}
    assert dated({"userId": "7", "meta": {}}, dates) == {"userId": "7", "meta": {}}
    assert dated({"start": None, "meta": None}, dates) == {"start": None, "meta": None}
    with pytest.raises(ValueError, match=r"start: .*no date"):
        dated({"start": "soon"}, dates)
