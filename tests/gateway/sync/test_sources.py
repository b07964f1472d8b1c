"""Sources and columns: what is read out of a file, and how values are understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sync.columns import Columns, read_map
from gateway.sync.source import Record, file_source
from schemas.course import COURSE
from schemas.membership import MEMBERSHIP
from schemas.user import USER


def read(path: Path, content: str | bytes) -> list[Record]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(file_source(path).records())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_all_countries(tmp_path: Path, delimiter: str, mark: str, end: str) -> None:
    lines = [f"a{delimiter}b", f"Zoë {delimiter}", "", f'"x{delimiter}{end}y"{delimiter}2']
    found = read(tmp_path / "f.csv", mark + end.join(lines) + end)
    assert [record.values for record in found] == [
        {"a": "Zoë", "b": None},
        {"a": f"x{delimiter}{end}y", "b": "2"},
    ]
    assert [record.line for record in found] == [2, 4]


def test_a_spoilt_record_spoils_no_other(tmp_path: Path) -> None:
    found = read(tmp_path / "f.csv", b"a,b\n1,2\n\xff,2\n1,2,3\nx\x00,2\n5,6\n")
    assert [bool(record.problem) for record in found] == [False, True, True, True, False]
    assert found[-1].values == {"a": "5", "b": "6"}
    lines = b'{"a": 1}\n\nnonsense\n[1]\n{"a": "\xff"}\n{"a": null, "b": {"c": []}}\n'
    found = read(tmp_path / "f.jsonl", lines)
    assert [(r.line, bool(r.problem)) for r in found] == [
        *((1, False), (3, True), (4, True), (5, True), (6, False))
    ]
    assert found[-1].values == {"a": None, "b.c": None}


@pytest.mark.parametrize("content", ["", "\n", ",,\n", "a,b,a\n"])
def test_without_columns_a_file_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ValueError, match="column"):
        read(tmp_path / "f.csv", content)


def test_an_empty_file_of_json_lines_has_no_records(tmp_path: Path) -> None:
    assert read(tmp_path / "f.jsonl", "") == []


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(), max_size=3), max_size=5))
def test_json_lines_come_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, str]]
) -> None:
    content = "".join(json.dumps(record) + "\n" for record in records)
    found = read(tmp_path_factory.mktemp("lines") / "f.jsonl", content)
    good = [r for r in found if not r.problem]
    wanted = [{name: value or None for name, value in record.items()} for record in records]
    texts = [w for w in wanted if all(v is None or _is_clean(v) for v in w.values())]
    assert [record.values for record in good] == texts


def _is_clean(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)


def value(column: dict[str, Any], given: Any, full: Any = USER) -> Any:
    row = Columns(full, {"x": column}, {}).row(Record(1, {"x": given}))
    if row.problem:
        raise ValueError(row.problem)
    return row.values[0][1]


def test_values_are_read_by_the_type_of_their_attribute() -> None:
    assert value({"path": "active"}, "Yes") is True
    assert value({"path": "active", "values": {"A": True, "I": False}}, "I") is False
    assert value({"path": "birthDate", "date": "%d.%m.%Y"}, "31.12.1999") == "1999-12-31"
    moment = {"path": "start", "date": "%d.%m.%Y %H:%M@Europe/Berlin"}
    assert value(moment, "01.07.2026 14:00", COURSE) == "2026-07-01T12:00:00Z"
    assert value({"path": "institutionRoleIds", "split": "|"}, "a| b|") == ["a", "b"]
    assert value({"path": "daysOfUse"}, "7", COURSE) == 7
    assert value({"path": "active"}, None) is None
    for column, bad in (
        ({"path": "active"}, "perhaps"),
        ({"path": "active", "values": {"A": True}}, "B"),
        ({"path": "birthDate", "date": "%d.%m.%Y"}, "31.02.1999"),
    ):
        with pytest.raises(ValueError, match=column["path"]):
            value(column, bad)


def test_names_of_columns_are_paths_or_mapped() -> None:
    columns = Columns(USER, {"login": "userName"}, {"userType": "Student"})
    assert columns.check(["login", "contact.email", "remark"], ()) == ("remark",)
    row = columns.row(Record(1, {"login": "ann", "contact.email": "a@b.c", "remark": "?"}))
    assert {str(column.path): value for column, value in row.values} == {
        "userType": "Student",
        "userName": "ann",
        'emails[type eq "work"].value': "a@b.c",
    }
    for names, said in (
        (["contact.email"], "no column 'login'"),
        (["login", "contact.email", 'emails[type eq "work"].value'], "two columns"),
    ):
        with pytest.raises(ValueError, match=said):
            columns.check(names, ())


def test_references_are_named_by_a_key() -> None:
    columns = Columns(MEMBERSHIP, {"who": "userId.userName", "what": "courseId.courseId"}, {})
    who, what = columns.of("who"), columns.of("what")
    assert who is not None and what is not None
    assert (str(who.path), str(who.by)) == ("userId", "userName")
    assert (str(what.path), str(what.by)) == ("courseId", "courseId")


@pytest.mark.parametrize(
    "mapped",
    [
        {"x": "nonsense"},
        {"x": "meta.created"},
        {"x": "groups"},
        {"x": 5},
        {"x": {"values": {}}},
        {"x": {"path": "active", "more": 1}},
        {"x": {"path": "active", "split": ""}},
        {"x": {"path": "active", "missing": "ignore"}},
        {"x": {"path": "institutionRoleIds.name", "missing": "perhaps"}},
        {"x": {"path": "birthDate", "date": "%Q"}},
        {"x": 'emails[type ne "work"].value'},
    ],
)
def test_bad_maps_are_refused(mapped: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Columns(USER, mapped, {})


def test_maps_come_from_options_and_files(tmp_path: Path) -> None:
    toml = tmp_path / "map.toml"
    toml.write_text('[columns]\nlogin = "userName"\n[constants]\nuserType = "Student"\n')
    table = tmp_path / "map.json"
    table.write_text('{"columns": {"mail": "contact.email"}}')
    columns, constants = read_map([str(toml), str(table), "given=name.given"])
    assert columns == {"login": "userName", "mail": "contact.email", "given": "name.given"}
    assert constants == {"userType": "Student"}
    toml.write_text("[rows]\n")
    table.write_text("[")
    for option in ("login", str(toml), str(table), str(tmp_path / "none.toml")):
        with pytest.raises(ValueError):
            read_map([option])
