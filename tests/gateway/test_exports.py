"""Exports: every change a row, and no cell that a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io
import json

import pytest

from gateway.audit import AuditLog
from gateway.database import Database
from gateway.exports import write_csv, write_jsonl
from gateway.intents import ChangeRecord, Intent
from tests.gateway.service import audit_log


def fill(database: Database) -> AuditLog:
    log = audit_log(database)
    changes = ChangeRecord("userName", "login", "add", None, "é,\n"), ChangeRecord("active")
    log.begin(Intent("t", "create", "User", changes=changes, ignored=("title", "locale")))
    log.record(Intent("t", "patch", "User", "7"), "noChange", status=200)
    return log


def rows(events: object) -> list[dict[str, str]]:
    stream = io.StringIO(newline="")
    write_csv(events, stream, {"t": "=Arts"})  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))


def test_jsonl(sqlite: Database) -> None:
    log = fill(sqlite)
    stream = io.StringIO()
    write_jsonl(log.stream(), stream)
    lines = stream.getvalue().splitlines()
    assert [json.loads(line) for line in lines] == log.search()[1]


def test_csv_has_a_row_per_change(sqlite: Database) -> None:
    first, second, third = rows(fill(sqlite).stream())
    assert (first["sequence"], first["path"], first["new"]) == ("1", "userName", "é,\n")
    assert (second["sequence"], second["path"], second["new"]) == ("1", "active", "")
    assert (third["sequence"], third["path"], third["status"]) == ("2", "", "200")
    assert first["ignored"] == second["ignored"] == "title locale"
    assert (first["target"], first["targetLabel"]) == ("t", "'=Arts")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_csv_is_safe_against_formulas(begin: str) -> None:
    (row,) = rows(
        [{"login": f"{begin}1", "changes": [{"new": f"{begin}2"}], "detail": f"a{begin}"}]
    )
    assert (row["login"], row["new"]) == (f"'{begin}1", f"'{begin}2")
    assert row["detail"] == f"a{begin}"
