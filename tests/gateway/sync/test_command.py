"""`matricula sync`: what people type, what they read, and the exit codes for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.moodle.simulator import Simulator, create_simulator
from gateway.cli import main
from tests.campaign.loopback import served

VARIABLE = "TEST_SYNC_MOODLE_TOKEN"
SECRET = "Shown-To-Nobody-4711"
CSV = (
    "userName,name.given,name.family,contact.email,password\n"
    f"ann,Ann,Doe,ann@example.edu,{SECRET}\n"
    f"bob,Bob,Roe,bob@example.edu,{SECRET}\n"
    f",No,Name,no@example.edu,{SECRET}\n"
)


class Desk:
    """A folder with a configuration and files, where commands are typed."""

    def __init__(self, folder: Path, simulator: Simulator, url: str) -> None:
        self.folder = folder
        self.simulator = simulator
        self.config = folder / "matricula.toml"
        target = (
            f'connector = "moodle"\nurl = "{url}"\nallow_private_network = true\n'
            f'token = "${{{VARIABLE}}}"\n'
        )
        self.config.write_text(f"[targets.moodle]\n{target}[targets.second]\n{target}")
        self.plan = folder / "my.plan"

    def type(self, *arguments: str) -> Result:
        """Run the command with the configuration; whatever it prints is no traceback."""
        result = CliRunner().invoke(main, ["sync", *arguments, "--config", str(self.config)])
        assert "Traceback" not in result.output
        assert SECRET not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def file(self, content: str, name: str = "people.csv") -> str:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return str(path)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    simulator = create_simulator(users=2, cohorts=0)
    monkeypatch.setenv(VARIABLE, simulator.site.token)
    with served(simulator) as url:
        yield Desk(tmp_path, simulator, url)


def test_a_plan_is_shown_and_saved_and_then_done(desk: Desk) -> None:
    shown = desk.type("moodle", desk.file(CSV), "--plan", str(desk.plan))
    assert shown.exit_code == 0, shown.output
    said = shown.stdout.splitlines()
    assert said[0] == "create: ann (line 2)"
    assert "refused: ? (line 4): it has no userName" in said
    assert "moodle, User: create 2, change 0, disable 0, delete 0, no change 0, not there 0, " \
        "refused 1" in said  # fmt: skip
    assert any(line.startswith("Upstream calls to apply it: ") for line in said)
    assert said[-1].endswith(f"matricula sync moodle --apply {desk.plan}")
    done = desk.type("moodle", "--apply", str(desk.plan))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Done: create 2, change 0, disable 0, delete 0. Left: 0.")
    again = desk.type("moodle", "--apply", str(desk.plan))
    assert "2 were done before" in again.stdout


def test_a_change_is_shown_from_old_to_new(desk: Desk) -> None:
    desk.type("moodle", desk.file(CSV), "--plan", str(desk.plan))
    desk.type("moodle", "--apply", str(desk.plan))
    csv = desk.file(CSV.replace("Ann,Doe", "Anna,Doe"))
    shown = desk.type("moodle", csv, "--plan", str(desk.plan))
    assert "change: ann (line 2): name.givenName: Ann -> Anna" in shown.stdout
    head = json.loads(desk.type("moodle", csv, "--plan", str(desk.plan), "--json").stdout)
    assert (head["totals"]["change"], head["totals"]["none"]) == (1, 1)
    result = desk.type("moodle", "--apply", str(desk.plan), "--json")
    assert json.loads(result.stdout)["done"] == {"change": 1}


def test_exit_codes_tell_programs_what_has_stopped_it(desk: Desk) -> None:
    everybody = "".join(f"p{n},P,{n},p{n}@example.edu,\n" for n in range(20))
    head = CSV.splitlines()[0] + "\n"
    desk.type("moodle", desk.file(head + everybody), "--plan", str(desk.plan))
    assert desk.type("moodle", "--apply", str(desk.plan)).exit_code == 0
    emptied = desk.file(head)
    asked = ("--missing", "disable", "--plan", str(desk.plan))
    assert "The guard will stop after 2 of" in desk.type("moodle", emptied, *asked).stdout
    stopped = desk.type("moodle", "--apply", str(desk.plan))
    assert stopped.exit_code == 3
    assert "matricula guard release moodle disable" in stopped.stdout
    released = ["guard", "release", "moodle", "disable", "--config", str(desk.config)]
    assert CliRunner().invoke(main, released).exit_code == 0
    assert desk.type("moodle", "--apply", str(desk.plan)).exit_code == 3
    created = desk.file(head + "late,L,L,late@example.edu,\n")
    first, second = desk.folder / "1.plan", desk.folder / "2.plan"
    for plan in (first, second):
        desk.type("moodle", created, "--plan", str(plan))
    assert desk.type("moodle", "--apply", str(first)).exit_code == 0
    moved = desk.type("moodle", "--apply", str(second))
    assert moved.exit_code == 4
    assert "late" in moved.stdout and "Make a new plan" in moved.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name a file"),
        (("FILE", "--from", "second"), "Name a file"),
        (("--from", "moodle"), "to itself"),
        (("--from", "nowhere"), "No such target: nowhere"),
        (("--from", "second", "--type", "Group"), "only users and courses"),
        (("FILE", "--type", "Thing"), "no resource type Thing"),
        (("FILE", "--match", "nonsense"), "nonsense"),
        (("FILE", "--match", "externalId"), "No column holds externalId"),
        (("FILE", "--map", "given=name.given"), "no column 'given'"),
        (("FILE", "--mode", "add", "--missing", "delete"), "nothing is removed"),
        (
            ("FILE", "--type", "Group", "--map", "userName=displayName", "--missing", "disable"),
            "cannot be disabled",
        ),
        (("--apply", "FILE"), "is no plan"),
        (("FILE", "--apply", "FILE"), "nothing else"),
    ],
)
def test_what_cannot_be_asked_for(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    file = desk.file(CSV)
    given = [file if word == "FILE" else word for word in arguments]
    result = desk.type("moodle", *given)
    assert result.exit_code != 0
    assert said in result.stderr
    assert not list(desk.folder.glob("*.plan"))


def test_an_unknown_target_is_named(desk: Desk) -> None:
    assert "Known: moodle, second" in desk.type("elsewhere", desk.file(CSV)).stderr


def test_another_target_can_be_the_source(tmp_path: Path, desk: Desk) -> None:
    """Two names for one LMS: what is there already is what shall be."""
    result = desk.type("moodle", "--from", "second", "--plan", str(desk.plan), "--json")
    assert result.exit_code == 0, result.output
    totals = json.loads(result.stdout)["totals"]
    assert totals["none"] >= 2
    assert not any(totals[kind] for kind in ("create", "change", "disable", "delete"))


def test_each_lms_gets_its_own_people_and_some_are_in_two(desk: Desk) -> None:
    kinds = ("Student", "Teacher", "Both")
    rows = [f"p{n},P,{n},p{n}@example.edu,{kinds[n % 3]}" for n in range(30)]
    csv = desk.file("\n".join(["userName,name.given,name.family,contact.email,userType", *rows]))
    wanted = {"moodle": ("Student", "Both"), "second": ("Teacher", "Both")}
    for target, types in wanted.items():
        filter = " or ".join(f'userType eq "{kind}"' for kind in types)
        arguments = ("--where", filter, "--plan", str(desk.plan), "--json")
        head = json.loads(desk.type(target, csv, *arguments).stdout)
        assert (head["totals"]["create"], head["totals"]["refused"]) == (20, 0)
        planned = [json.loads(line) for line in desk.plan.read_text().splitlines()[1:]]
        assert {kinds[int(line["login"][1:]) % 3] for line in planned} == {*types}
    refused = desk.type("moodle", csv, "--where", "shoeSize pr").output
    assert "not an attribute of User" in refused
