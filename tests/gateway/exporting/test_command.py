"""`matricula export`: options, files, progress, and processes that are killed."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.moodle.simulator import Simulator, create_simulator
from gateway import progress
from gateway.exporting import runs
from tests.campaign import exports
from tests.campaign.loopback import served
from tests.campaign.report import Report
from tests.gateway.test_cli import VARIABLE, Project

PEOPLE = 7


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Simulator, str]]:
    simulator = create_simulator(users=PEOPLE, cohorts=2, courses=2)
    with served(simulator) as url:
        yield simulator, url


@pytest.fixture
def project(
    tmp_path: Path, site: tuple[Simulator, str], monkeypatch: pytest.MonkeyPatch
) -> Project:
    monkeypatch.setenv(VARIABLE, site[0].site.token)
    monkeypatch.delenv("MATRICULA_CONFIG", raising=False)
    return Project(tmp_path, *site)


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def logins(found: list[Any]) -> list[str]:
    return sorted(one["userName"] for one in found if one["userName"].startswith("user"))


@pytest.mark.parametrize("type_", ["User", "users"])
def test_to_stdout(project: Project, type_: str) -> None:
    result = project.run("export", "moodle", type_)
    assert result.exit_code == 0, result.output
    found = lines(result.stdout)
    assert logins(found) == [f"user{number:04}" for number in range(1, PEOPLE + 1)]
    assert found[0]["meta"]["location"].startswith("http://127.0.0.1:8080/moodle/scim/v2/Users/")
    assert result.stderr.startswith(f"{len(found)} written, in ")


def test_into_a_file(project: Project) -> None:
    out = project.folder / "people.csv"
    summary = project.ok(
        *("export", "moodle", "User", "--format", "csv", "--out", str(out), "--json"),
        *("--attributes", "userName,emails", "--filter", 'userName sw "user"'),
    )
    assert json.loads(summary)["written"] == PEOPLE
    found = list(csv.DictReader(io.StringIO(out.read_text(), newline="")))
    assert logins(found) == [f"user{number:04}" for number in range(1, PEOPLE + 1)]
    assert found[2]['emails[type eq "work"].value'].startswith("user0003@")
    assert [path.name for path in project.folder.glob("people*")] == ["people.csv"]


@pytest.mark.parametrize("type_", ["Group", "Course", "Membership", "Role"])
def test_other_types(project: Project, type_: str) -> None:
    found = lines(project.ok("export", "moodle", type_))
    assert found
    assert {one["meta"]["resourceType"] for one in found} == {type_}


def test_dates(project: Project) -> None:
    date = "meta.created=%d.%m.%Y %I:%M %p@Europe/Berlin"
    found = lines(project.ok("export", "moodle", "Course", "--date", date))
    created = {one["meta"]["created"] for one in found if "created" in one["meta"]}
    dated = lines(project.ok("export", "moodle", "Course"))
    assert created == {"01.01.2026 01:00 AM"}
    assert {one["meta"]["created"] for one in dated} == {"2026-01-01T00:00:00Z"}


def test_a_delta(project: Project, site: tuple[Simulator, str]) -> None:
    state = str(project.folder / "state")
    users = site[0].site.users
    one = next(user for user in users.values() if user.username == "user0002")

    def delta(*more: str) -> list[Any]:
        return lines(project.ok("export", "moodle", "User", "--delta", state, *more))

    assert {line["op"] for line in delta()} == {"created"}
    assert delta() == []
    one.lastname = "Changed"
    (whole,) = delta("--date", "meta.created=%Y")
    assert (whole["op"], whole["resource"]["name"]["familyName"]) == ("changed", "Changed")
    one.lastname = "Again"
    (part,) = delta("--changed-only", "--always", "userName")
    assert part["changes"]["name"]["familyName"] == "Again"
    assert part["changes"]["userName"] == "user0002"
    assert "emails" not in part["changes"]
    one.lastname = "Once more"
    out = project.folder / "delta.csv"
    more = ("--format", "csv", "--out", str(out), "--attributes", "userName,name.familyName")
    refused = project.refused("export", "moodle", "User", "--delta", state, *more)
    assert "state of another query" in refused
    assert not out.exists()
    project.ok("export", "moodle", "User", "--delta", f"{state}2", *more)
    one.lastname = "For the last time"
    said = json.loads(
        project.ok("export", "moodle", "User", "--delta", f"{state}2", *more, "--json")
    )
    assert (said["changed"], said["created"], said["deleted"]) == (1, 0, 0)
    (row,) = csv.DictReader(io.StringIO(out.read_text(), newline=""))
    assert row["changed"] == "name.familyName"
    assert row["name.familyName"] == "For the last time"


def test_a_delta_that_stops_leaves_the_state(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, out = project.folder / "state", project.folder / "delta.jsonl"
    command = ("export", "moodle", "User", "--delta", str(state), "--out", str(out))
    project.ok(*command)
    before = state.read_bytes()
    monkeypatch.setattr(runs.Progress, "count", stop)
    assert "the disk is full" in project.refused(*command)
    assert state.read_bytes() == before
    monkeypatch.undo()
    monkeypatch.setenv(VARIABLE, project.simulator.site.token)
    project.ok(*command)
    assert out.read_text() == ""


def stop(*_: Any) -> None:
    raise OSError("the disk is full")


def test_a_leftover_of_another_query(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    out = str(project.folder / "out.jsonl")
    monkeypatch.setattr(runs.Progress, "count", stop)
    project.refused("export", "moodle", "User", "--out", out)
    monkeypatch.undo()
    monkeypatch.setenv(VARIABLE, project.simulator.site.token)
    other = ("export", "moodle", "User", "--attributes", "userName", "--out", out)
    assert "--restart" in project.refused(*other)
    project.ok(*other, "--restart")
    assert len(lines(Path(out).read_text())) >= PEOPLE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "User"], "No such target"),
        (["moodle", "Thing"], "no resource type Thing"),
        (["moodle", "User", "--filter", "nonsense"], "Syntax error"),
        (["moodle", "User", "--attributes", "nonsense"], "nonsense"),
        (["moodle", "User", "--date", "userName"], "ATTRIBUTE=FORMAT"),
        (["moodle", "User", "--date", "userName=%Q"], "--date userName: "),
        (["moodle", "User", "--date", "userName=%Y"], "userName: "),
        (["moodle", "User", "--always", "userName"], "belong to --delta"),
        (["moodle", "User", "--quick"], "belong to --delta"),
        (["moodle", "User", "--delta", "x", "--quick"], "cannot be asked"),
        (["moodle", "User", "--delta", "x", "--quick", "--filter", "id pr"], "without --filter"),
        (["moodle", "User", "--out", "/no/such/folder/x"], "/no/such/folder/x"),
    ],
)
def test_a_mistake_is_one_clear_line(project: Project, arguments: list[str], said: str) -> None:
    assert said in project.refused("export", *arguments)


def test_an_export_is_an_event(project: Project) -> None:
    project.ok("export", "moodle", "User", "--filter", 'name.familyName eq "Evans"')
    database = project.database()
    (*_, event) = project.log(database).stream(None)
    database.close()
    assert (event["operation"], event["target"]) == ("export", "moodle")
    assert event["resourceType"] == "User"
    assert "Evans" not in json.dumps(event)


def test_progress_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SECONDS", 0)
    stream = io.StringIO()
    with progress.shown("Users", stream) as watch:
        watch(progress.Progress(100, 1_000))
        watch(progress.Progress(2_000))
    first, second = stream.getvalue().splitlines()
    assert first.startswith("Users: 100 of 1,000, about ")
    assert second.startswith("Users: 2,000; ")
    assert second.endswith(" a second")


def test_progress_as_a_bar() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with progress.shown("Users", stream) as watch:
        watch(progress.Progress(100))
        watch(progress.Progress(900, 1_000))
    assert "900/1000" in stream.getvalue()
    assert "/s" in stream.getvalue()


def test_killed_and_gone_on() -> None:
    report = Report("exports", 3)
    exports.killed(report, random.Random(3), "moodle", users=1_500, kills=2)
    assert not report.failures, report.text()


def test_a_quick_delta(project: Project, site: tuple[Simulator, str]) -> None:
    site[0].site.add_report()
    with project.config.open("a") as config:
        config.write("report = 1\n")
    command = ("export", "moodle", "User", "--delta", str(project.folder / "state"), "--quick")
    assert len(lines(project.ok(*command))) > PEOPLE
    one = next(user for user in site[0].site.users.values() if user.username == "user0003")
    one.lastname, one.timemodified = "Changed", site[0].site.now()
    (line,) = lines(project.ok(*command))
    assert line["resource"]["name"]["familyName"] == "Changed"
