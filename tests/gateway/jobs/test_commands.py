"""`matricula jobs`: what people type and read, and the exit codes for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from connectors.moodle.simulator import Simulator, create_simulator
from gateway.cli import main
from gateway.database import Database
from gateway.jobs.store import Store
from tests.campaign.loopback import served

VARIABLE = "TEST_JOBS_MOODLE_TOKEN"
JOBS = """
[jobs.people]
sync = "moodle"
file = "people.csv"
schedule = "30 2 * * *"
[jobs.out]
export = "moodle"
out = "out.csv"
format = "csv"
"""
HEAD = "userName,name.given,name.family,contact.email\n"


class Desk:
    """A folder with a configuration and files, where commands are typed."""

    def __init__(self, folder: Path, simulator: Simulator, url: str) -> None:
        self.folder = folder
        self.simulator = simulator
        self.config = folder / "matricula.toml"
        self.config.write_text(
            f'[targets.moodle]\nconnector = "moodle"\nurl = "{url}"\n'
            f'allow_private_network = true\ntoken = "${{{VARIABLE}}}"\n{JOBS}'
        )
        self.people = folder / "people.csv"
        self.people.write_text(HEAD + "ann,Ann,Doe,ann@example.edu\n")

    def type(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, ["jobs", *arguments, "--config", str(self.config)])
        assert "Traceback" not in result.output
        assert result.exit_code == code, result.output
        return result

    def said(self, *arguments: str) -> Any:
        return json.loads(self.type(*arguments, "--json").stdout)

    def logins(self) -> set[str]:
        return {user.username for user in self.simulator.site.users.values()}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    simulator = create_simulator(users=2, cohorts=0)
    monkeypatch.setenv(VARIABLE, simulator.site.token)
    with served(simulator) as url:
        yield Desk(tmp_path, simulator, url)


def test_a_sync_is_planned_shown_and_applied(desk: Desk) -> None:
    planned = desk.type("run", "people").stdout
    assert "planned: create 1" in planned
    assert "create: ann (line 2)" in planned
    assert planned.endswith("To do it: matricula jobs apply people --run 1\n")
    assert "ann" not in desk.logins()
    assert desk.type("show", "people").stdout == planned
    assert "done: create 1" in desk.type("apply", "people", "--run", "1").stdout
    assert "ann" in desk.logins()
    assert "nothing to apply" in desk.type("apply", "people", code=1).output
    (run,) = desk.said("show", "people")["runs"]
    assert (run["state"], run["events"][:5]) == ("done", "sync-")


def test_a_plan_that_is_gone_is_told(desk: Desk) -> None:
    desk.type("run", "people")
    for plan in desk.folder.glob("plans/*"):
        plan.unlink()
    shown = desk.type("show", "people").stdout
    assert shown.endswith("Its plan is not there any more: do the job again.\n")


def test_an_export_is_written(desk: Desk) -> None:
    run = desk.said("run", "out")
    rows = (desk.folder / "out.csv").read_text().splitlines()
    assert run["totals"] == [{"type": "written", "value": len(rows) - 1}]


def test_the_list_tells_how_jobs_stand(desk: Desk) -> None:
    first, second = desk.type("list").stdout.splitlines()
    assert first == "out: export moodle; when asked for; never done"
    assert second.startswith("people: sync moodle; 2")
    desk.type("run", "out")
    desk.type("pause", "people")
    assert desk.type("list").stdout.splitlines() == [
        "out: export moodle; when asked for; done",
        "people: sync moodle; paused; never done",
    ]
    assert "people is paused: resume it first." in desk.type("run", "people", code=1).output
    assert "people is paused already." in desk.type("pause", "people", code=1).output
    desk.type("resume", "people")
    assert [job["paused"] for job in desk.said("list")] == [False, False]


def test_what_fails_here_is_left_to_people(desk: Desk) -> None:
    desk.people.unlink()
    failed = desk.type("run", "people", code=1).stdout
    assert "failed: " in failed
    assert "people.csv: No such file or directory" in failed
    desk.people.write_text(HEAD)
    assert "There was nothing to write." in desk.type("retry", "people").stdout
    assert "nothing to retry" in desk.type("retry", "people", code=1).output


def test_what_is_left_to_the_gateway_waits_for_it(desk: Desk) -> None:
    assert "waiting" in desk.type("run", "people", "--later").stdout
    assert "ann" not in desk.logins()
    # As when the process that was at work on it has died.
    database = Database(f"sqlite:///{desk.folder / 'matricula.db'}")
    Store(database).change(1, state="running")
    database.close()
    assert "planned: create 1" in desk.type("retry", "people").stdout


def test_a_job_that_there_is_not(desk: Desk) -> None:
    for command in ("run", "show", "apply", "retry", "pause", "resume"):
        assert "nothing" in desk.type(command, "nothing", code=1).output


def test_serve_refuses_a_job_that_could_never_be_done(desk: Desk) -> None:
    text = desk.config.read_text().replace("[jobs.out]", '[jobs.out]\nfilter = "userName"')
    desk.config.write_text(text)
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--config", str(desk.config)])
    assert result.exit_code == 1
    assert "jobs.out: " in result.output
