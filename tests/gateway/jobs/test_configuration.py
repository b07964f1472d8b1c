"""The sections `[jobs.NAME]`: what each entry means, and every mistake by its name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.jobs.configuration import JobSettings, parse_jobs
from gateway.orders import ExportOrder, SyncOrder
from gateway.references import ConfigurationError

TARGETS = ("moodle", "canvas")


def parsed(folder: Path, **entry: Any) -> JobSettings:
    return parse_jobs({"one": entry}, folder, TARGETS)["one"]


def test_a_sync_has_the_defaults(tmp_path: Path) -> None:
    job = parsed(tmp_path, sync="moodle", file="people.csv")
    assert job == JobSettings("one", "moodle", SyncOrder(file=tmp_path / "people.csv"))
    assert (job.kind, job.apply, job.schedule, job.tries) == ("sync", False, None, 3)


def test_a_sync_has_what_is_written(tmp_path: Path) -> None:
    job = parsed(
        tmp_path,
        **{"sync": "moodle", "from": "canvas", "apply": True, "schedule": "30 2 * * *"},
        zone="Europe/Berlin",
        tries=5,
        type="Course",
        match=["externalId"],
        map=["Login=userName", "more.toml"],
        where="active eq true",
        each="change",
        mode="add",
        missing="disable",
        spare="admin",
        empty="clear",
    )
    assert job.order == SyncOrder(
        source="canvas",
        type="Course",
        match=("externalId",),
        map=("Login=userName", str(tmp_path / "more.toml")),
        where="active eq true",
        each="change",
        mode="add",
        missing="disable",
        spare=("admin",),
        empty="clear",
    )
    assert (job.apply, job.tries, str(job.schedule)) == (True, 5, "30 2 * * * Europe/Berlin")


def test_an_export_has_what_is_written(tmp_path: Path) -> None:
    job = parsed(
        tmp_path,
        export="canvas",
        type="Group",
        filter="displayName pr",
        format="csv",
        attributes=["displayName"],
        out="g-%Y.csv",
        date="x=%Y",
        delta="g.state",
        whole=False,
        always=["externalId"],
        quick=True,
    )
    assert job.order == ExportOrder(
        type="Group",
        filter="displayName pr",
        format="csv",
        attributes=("displayName",),
        out=tmp_path / "g-%Y.csv",
        dates=("x=%Y",),
        delta=tmp_path / "g.state",
        whole=False,
        always=("externalId",),
        quick=True,
    )


def test_a_file_is_named_by_the_moment_on_the_clock_of_the_schedule(tmp_path: Path) -> None:
    entry = {"export": "moodle", "out": "p-%Y%m%d-%H%M.jsonl", "schedule": "0 0 * * *"}
    order = parsed(tmp_path, zone="Asia/Tokyo", **entry).order_at(
        datetime(2026, 12, 31, 20, 5, tzinfo=UTC)
    )
    assert isinstance(order, ExportOrder)
    assert order.out == tmp_path / "p-20270101-0505.jsonl"


_SYNC = {"sync": "moodle", "file": "a.csv"}
_EXPORT = {"export": "moodle", "out": "a.jsonl"}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "jobs.one needs either sync or export"),
        ({"sync": "moodle", "export": "moodle"}, "jobs.one needs either sync or export"),
        ("moodle", "jobs.one needs either sync or export"),
        ({"sync": "nowhere", "file": "a"}, "jobs.one.sync: there is no such target: nowhere"),
        ({"sync": "moodle"}, "jobs.one needs either file or from"),
        (_SYNC | {"from": "canvas"}, "jobs.one needs either file or from"),
        ({"sync": "moodle", "from": "x"}, "jobs.one.from: there is no such target: x"),
        (_SYNC | {"out": "x"}, "unknown entry jobs.one.out"),
        (_SYNC | {"apply": "yes"}, "jobs.one.apply must be true or false"),
        (_SYNC | {"each": "all"}, "jobs.one.each must be one of sync, create"),
        (_SYNC | {"mode": ["add"]}, "jobs.one.mode must be one of exact, add, remove"),
        (_SYNC | {"match": [1]}, "jobs.one.match must be a text or a list of texts"),
        (_SYNC | {"file": ""}, "jobs.one.file must be a text"),
        (_SYNC | {"tries": 0}, "jobs.one.tries must be a whole number"),
        (_SYNC | {"tries": True}, "jobs.one.tries must be a whole number"),
        (_SYNC | {"schedule": "at noon"}, "jobs.one.schedule: 'at noon' is never due"),
        (_SYNC | {"schedule": "* * * * *", "zone": "X"}, "jobs.one.schedule: 'X' is no zone"),
        (_SYNC | {"zone": "UTC"}, "jobs.one.zone belongs to a schedule"),
        ({"export": "moodle"}, "jobs.one needs out"),
        (_EXPORT | {"apply": True}, "unknown entry jobs.one.apply"),
        (_EXPORT | {"quick": True}, "jobs.one: whole, always and quick belong to delta"),
        (_EXPORT | {"delta": "s"}, "jobs.one.out: what one delta tells no other one tells again"),
        (_EXPORT | {"format": "xml"}, "jobs.one.format must be one of jsonl, csv"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, entry: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_jobs({"one": entry}, tmp_path, TARGETS)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (["one"], "jobs.one.then: one would follow itself"),
        (["two", "one"], "jobs.two.then: one would follow itself"),
        (["two", "three"], "jobs.two.then: there is no such job: three"),
    ],
)
def test_no_job_follows_itself(tmp_path: Path, then: list[str], said: str) -> None:
    table = {name: _SYNC | {"then": one} for name, one in zip(("one", "two"), then, strict=False)}
    with pytest.raises(ConfigurationError) as caught:
        parse_jobs(table, tmp_path, TARGETS)
    assert str(caught.value) == said


def test_names_are_plain(tmp_path: Path) -> None:
    for name in ("", "A", "a b", "../a", "-a", "a" * 64):
        with pytest.raises(ConfigurationError, match="a job's name"):
            parse_jobs({name: _SYNC}, tmp_path, TARGETS)


def test_two_jobs_write_no_file_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"two of them write a\.jsonl"):
        parse_jobs({"one": _EXPORT, "two": _EXPORT}, tmp_path, TARGETS)
