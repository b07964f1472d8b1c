"""Audit events as files: JSON lines for programs, in three forms, and CSV for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

import orjson

from schemas.audit_event import AUDIT_EVENT

_CHANGES = "changes"
_EVENT_COLUMNS = tuple(a.name for a in AUDIT_EVENT.schema.attributes if a.name != _CHANGES)
_CHANGE_COLUMNS = tuple(
    sub.name
    for a in AUDIT_EVENT.schema.attributes
    if a.name == _CHANGES
    for sub in a.sub_attributes
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula, also in its full-width forms."""


def write_jsonl(events: Iterable[dict[str, Any]], stream: TextIO) -> None:
    """Write each event as one line of JSON."""
    for event in events:
        stream.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE).decode())


def write_ocsf(events: Iterable[dict[str, Any]], stream: TextIO) -> None:
    """Write each event as one line of JSON in the Open Cybersecurity Schema Framework."""
    from gateway.streams.ocsf import ocsf

    write_jsonl(map(ocsf, events), stream)


def write_sets(events: Iterable[dict[str, Any]], stream: TextIO, public_url: str) -> None:
    """Write the claims of the security event token of each provisioning event, unsigned.

    Whoever gets an export has it from us; tokens that go by themselves are signed by streams.
    """
    from gateway.streams.security_events import claims, is_provisioning

    said = (claims(e, public_url, f"event:{e['id']}") for e in events if is_provisioning(e))
    write_jsonl(said, stream)


def write_csv(events: Iterable[dict[str, Any]], stream: TextIO, labels: Mapping[str, str]) -> None:
    """Write one row per change, with the columns of its event; at least one row per event.

    `labels` are what people call targets, by name; who has none is called by the name.
    Open the stream with newline="" as the csv module asks. A cell that a spreadsheet would take
    for a formula begins with a single quote instead.
    """
    writer = csv.writer(stream)
    writer.writerow((*_EVENT_COLUMNS, "targetLabel", *_CHANGE_COLUMNS))
    for event in events:
        target = event.get("target")
        writer.writerows(_rows(event, _cell(labels.get(str(target)) or target)))


def _rows(event: dict[str, Any], label: str) -> Iterator[list[str]]:
    shared = [*(_cell(event.get(name)) for name in _EVENT_COLUMNS), label]
    made: list[dict[str, Any]] = event.get(_CHANGES) or [{}]
    for change in made:
        yield [*shared, *(_cell(change.get(name)) for name in _CHANGE_COLUMNS)]


def _cell(value: Any) -> str:
    text = " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return harmless(text)


def harmless(text: str) -> str:
    """Return the text of a cell as no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
