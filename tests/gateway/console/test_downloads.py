"""What a page shows as a file."""

from __future__ import annotations

import csv
import io
import json
import re

from tests.gateway.console.visitor import Visitor
from tests.gateway.service import Scim


def test_downloads(ann: Scim, auditor: Visitor) -> None:
    lines = auditor.download("/timeline/download", login="ann", format="jsonl")
    assert lines.content_type == "application/jsonl"
    events = [json.loads(line) for line in lines.text.splitlines()]
    assert [event["operation"] for event in events] == [
        *("create", "patch", "disable", "patch", "create")
    ]
    chosen = {"login": "ann", "attribute": "externalId", "operation": "patch"}
    table = auditor.download("/timeline/download", format="csv", **chosen)
    assert table.content_type == "text/csv; charset=utf-8"
    assert re.search(r"filename=matricula-timeline-\w+\.csv", table.headers["Content-Disposition"])
    (row,) = csv.DictReader(io.StringIO(table.text, newline=""))
    assert (row["path"], row["old"], row["new"]) == ("externalId", "E-1", "E-2")
    everything = auditor.download("/events/download", format="jsonl", filter='login eq "bob"')
    assert [json.loads(line)["login"] for line in everything.text.splitlines()] == ["bob"]


def test_pages_link_to_their_downloads(ann: Scim, auditor: Visitor) -> None:
    page = auditor.get("/timeline", login="ann", operation="create", page="1")
    wanted = "/console/timeline/download?login=ann&amp;operation=create&amp;format=csv"
    assert wanted in page.text
