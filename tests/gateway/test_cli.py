"""The command line: each command on a configuration, and the servers as processes."""

from __future__ import annotations

import csv
import getpass
import io
import json
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from sqlalchemy.exc import OperationalError

from connectors.moodle.simulator import Simulator, create_simulator
from gateway.audit import AuditLog
from gateway.cli import main
from gateway.database import Database
from gateway.intents import ChangeRecord, Intent
from gateway.keyring import keyring
from gateway.ledger.keys import AuditKeys
from gateway.settings import Settings
from tests.campaign.loopback import served
from tests.campaign.processes import HOST, children, end, free_port, start, wait_until
from tests.gateway.service import at, person

VARIABLE = "TEST_MOODLE_TOKEN"


class Project:
    """A folder with a configuration in front of a simulator on a port."""

    def __init__(self, folder: Path, simulator: Simulator, url: str) -> None:
        self.folder = folder
        self.simulator = simulator
        self.config = folder / "matricula.toml"
        self.config.write_text(
            f'[targets.memory]\nconnector = "memory"\n[targets.moodle]\nconnector = "moodle"\n'
            f'url = "{url}"\nallow_private_network = true\ntoken = "${{{VARIABLE}}}"\n',
            encoding="utf-8",
        )

    def run(self, *arguments: str, **more: Any) -> Result:
        """Run a command with `--config`; whatever it prints is no traceback."""
        result = CliRunner().invoke(main, [*arguments, "--config", str(self.config)], **more)
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def ok(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def refused(self, *arguments: str) -> str:
        """Return the one line that a command says before it fails."""
        result = self.run(*arguments)
        assert result.exit_code != 0
        lines = result.stderr.strip().splitlines()
        assert lines[-1].startswith("Error: ")
        return lines[-1]

    def database(self) -> Database:
        database = Database(f"sqlite:///{self.folder / 'matricula.db'}")
        database.migrate()
        return database

    def log(self, database: Database) -> AuditLog:
        """Return the audit log as the commands know it, with the key beside the database."""
        keys = keyring(Settings(f"sqlite:///{database.path}"))
        return AuditLog(database, AuditKeys(database, keys))


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Simulator, str]]:
    simulator = create_simulator(users=3, cohorts=1)
    with served(simulator) as url:
        yield simulator, url


@pytest.fixture
def project(
    tmp_path: Path, site: tuple[Simulator, str], monkeypatch: pytest.MonkeyPatch
) -> Project:
    monkeypatch.setenv(VARIABLE, site[0].site.token)
    monkeypatch.delenv("MATRICULA_CONFIG", raising=False)
    return Project(tmp_path, *site)


def test_help_names_every_command() -> None:
    said = CliRunner().invoke(main, ["-h"]).output
    for command in "demo simulate serve check attributes explain token audit".split():
        assert command in said


def test_version() -> None:
    assert re.search(r"\d+\.\d+", CliRunner().invoke(main, ["--version"]).output)


def test_check_is_content_with_a_good_token(project: Project) -> None:
    said = project.ok("check")
    assert "moodle: ok: " in said
    assert "error" not in said
    found = json.loads(project.ok("check", "moodle", "--json"))
    assert set(found) == {"moodle"}
    assert found["moodle"][0]["level"] == "ok"


def test_check_names_what_is_wrong_with_a_token(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "0123456789abcdef0123456789abcdef")
    result = project.run("check", "moodle")
    assert result.exit_code == 1
    assert "moodle: error: " in result.stdout
    assert "token" in result.stdout
    assert "0123456789abcdef" not in result.output


def test_check_of_an_lms_that_is_not_there(project: Project) -> None:
    port = free_port()
    text = project.config.read_text(encoding="utf-8")
    text = re.sub(r"http://[\d.]+:\d+", f"http://{HOST}:{port}", text)
    project.config.write_text(text, encoding="utf-8")
    result = project.run("check", "moodle")
    assert result.exit_code == 1
    assert "cannot be reached" in result.stdout


def test_attributes_without_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MATRICULA_CONFIG", raising=False)
    shown = CliRunner().invoke(main, ["attributes"])
    assert shown.exit_code == 0
    assert "**memory: User**" in shown.output
    assert "| userName | - | username |" in shown.output
    only = CliRunner().invoke(main, ["attributes", "moodle", "--json"])
    assert {row["target"] for row in json.loads(only.output)} == {"moodle"}


def test_attributes_of_a_configuration(project: Project) -> None:
    with project.config.open("a", encoding="utf-8") as config:
        config.write("[targets.moodle.attributes]\ntimezone = ''\n")
    rows = json.loads(project.ok("attributes", "moodle", "--json"))
    names = {row["attribute"] for row in rows if row["type"] == "User"}
    assert "userName" in names
    assert "timezone" not in names
    assert "**moodle: Group**" in project.ok("attributes", "moodle")


def test_explain(project: Project) -> None:
    said = project.ok("explain", "moodle", 'userName eq "ann"')
    assert "core_user_get_users_by_field" in said
    plan = json.loads(project.ok("explain", "moodle", 'title eq "Dr"', "--json"))
    assert plan["plan"]
    said = project.ok("explain", "moodle", 'displayName co "x"', "--type", "Group")
    assert "core_cohort" in said


def test_accounts_of_a_person(project: Project) -> None:
    login = project.simulator.site.users_in_order()[-1].username
    text = project.ok("accounts", login)
    assert text.splitlines()[0] == "memory: no account"
    assert re.search(rf"^  {login}  .*  id \d+  .*(active|disabled)$", text, re.M), text
    answers = json.loads(project.ok("accounts", login, "--json"))
    assert [answer["target"] for answer in answers] == ["memory", "moodle"]
    (account,) = answers[1]["accounts"]
    assert account["login"] == login
    assert account["memberships"] == []
    assert "characters" in project.refused("accounts", "x" * 300)
    events = json.loads(project.ok("audit", "search", f'login eq "{login}"', "--json"))
    reads = [event for event in events if event["resourceType"] == "User"]
    assert [(one["operation"], one["actor"]) for one in reads] == [("read", getpass.getuser())] * 2
    assert reads[0]["client"].endswith("accounts")


def test_tokens(project: Project) -> None:
    made = project.ok(
        *("token", "create", "--target", "moodle", "--scope", "users:read"),
        *("--scope", "audit:read", "--name", "iam", "--days", "7"),
    )
    text = made.splitlines()[-1]
    assert re.fullmatch(r"mtr_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}", text)
    listed = project.ok("token", "list")
    assert "iam" in listed
    assert text not in listed
    rows = json.loads(project.ok("token", "list", "--json"))
    assert rows[0]["targets"] == ["moodle"]
    assert rows[0]["scopes"] == ["users:read", "audit:read"]
    assert rows[0]["expires"]
    assert "Revoked: 1." in project.ok("token", "revoke", rows[0]["prefix"])
    assert json.loads(project.ok("token", "list", "--json")) == []
    assert "No such token" in project.refused("token", "revoke", "iam")


def test_no_token_is_made_or_revoked_without_a_record(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **more: object) -> int:
        raise OperationalError("insert", {}, Exception("disk full"))

    create = ("token", "create", "--target", "all", "--scope", "admin", "--name")
    project.ok(*create, "first")
    with monkeypatch.context() as patched:
        patched.setattr("gateway.audit.add", full)
        for command in ((*create, "second"), ("token", "revoke", "first")):
            assert "cannot be written" in project.refused(*command)
    rows = json.loads(project.ok("token", "list", "--json"))
    assert [row["name"] for row in rows] == ["first"]


def record(project: Project, login: str, **more: Any) -> None:
    database = project.database()
    intent = Intent(
        **{
            "target": "moodle",
            "operation": "create",
            "resource_type": "User",
            "login": login,
            "actor": "=cmd()",
            "changes": (ChangeRecord("userName", "username", "add", None, login),),
            **more,
        }
    )
    project.log(database).record(intent, "success", status=201, resource_id="7")
    database.close()


def test_audit_search_and_export(project: Project) -> None:
    record(project, "ann")
    record(project, "bob")
    shown = project.run("audit", "search", 'login eq "ann"')
    assert "create User ann: success" in shown.stdout
    assert "bob" not in shown.stdout
    assert "1 of 1" in shown.stderr
    moodle = 'target eq "moodle"'
    events = json.loads(project.ok("audit", "search", moodle, "--json", "--count", "1"))
    assert [event["login"] for event in events] == ["bob"]
    lines = project.ok("audit", "export", moodle).splitlines()
    assert [json.loads(line)["login"] for line in lines] == ["ann", "bob"]
    output = project.folder / "events.csv"
    of_ann = f'login eq "ann" and {moodle}'
    project.ok("audit", "export", of_ann, "--format", "csv", "--output", str(output))
    with output.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["login"] for row in rows] == ["ann"]
    assert rows[0]["actor"] == "'=cmd()"
    written = project.ok("audit", "export", moodle, "--format", "csv")
    assert len(list(csv.DictReader(io.StringIO(written)))) == 2
    events = json.loads(project.ok("audit", "search", 'target ne "moodle"', "--json"))
    assert [(e["operation"], e.get("login"), e.get("detail")) for e in reversed(events)] == [
        ("read", "ann", "login"),
        ("read", None, "target"),
        ("export", None, "target"),
        ("export", "ann", "login, target"),
        ("export", None, "target"),
    ]
    assert {event["actor"] for event in events} == {getpass.getuser()}


def test_a_sealed_export_is_verified_offline(project: Project, tmp_path: Path) -> None:
    with project.config.open("a", encoding="utf-8") as file:
        file.write("[audit]\nname = 'audit.test'\ncheckpoints = 'published'\n")
    record(project, "ann")
    record(project, "bob")
    key, export, part = (tmp_path / name for name in ("key", "export", "part"))
    key.write_text(project.ok("audit", "key"))
    project.ok("audit", "export", "--format", "sealed", "--output", str(export))
    published = str(project.folder / "published")

    def verify(file: Path, *more: str) -> str:
        return (
            CliRunner()
            .invoke(main, ["audit", "verify", "--key", str(key), str(file), *more])
            .output
        )

    said = verify(export, "--checkpoints", published)
    assert said.startswith("Verified: 3 events in 3 leaves")
    of_bob = 'login eq "bob" and target eq "moodle"'
    project.ok("audit", "export", of_bob, "--format", "sealed", "--output", str(part))
    assert verify(part).startswith("Verified: 1 events")
    project.ok("audit", "prove", "1", "--output", str(part))
    assert verify(part).startswith("Verified: 1 events")
    export.write_bytes(export.read_bytes().replace(b"bob", b"eve", 1))
    told = json.loads(verify(export, "--json"))
    assert told["findings"] == ["Line 3: The personal values are not those that were sealed."]
    # An export of before is truncated beside what has been published since.
    project.ok("audit", "export", "--format", "sealed", "--output", str(export))
    project.ok("audit", "export", "--format", "sealed", "--output", str(part))
    assert "truncated" in verify(export, "--checkpoints", published)
    assert "no event 99" in project.refused("audit", "prove", "99")


def test_erase_hold_and_release(project: Project) -> None:
    record(project, "ann")
    assert "Held: 1" in project.ok("audit", "hold", "ann", "--reason", "Case 7")
    assert "Case 7" in project.refused("audit", "erase", "ann")
    assert "Released: 1" in project.ok("audit", "release", "ann")
    assert "Erased: 1" in project.ok("audit", "erase", "ANN")
    assert "ann" not in project.ok("audit", "export")
    assert "No event" in project.refused("audit", "erase", "ann")


def test_tokens_are_made_and_revoked_on_record(project: Project) -> None:
    project.ok("token", "create", "--target", "all", "--scope", "audit:read", "--name", "iam")
    project.ok("token", "revoke", "iam")
    events = json.loads(project.ok("audit", "search", "--json"))
    assert [event["operation"] for event in events] == ["revokeToken", "createToken"]
    assert {c["path"]: c["new"] for c in events[1]["changes"]} == {
        "name": "iam",
        "targets": "all",
        "scopes": "audit:read",
    }


def test_audit_recover(project: Project) -> None:
    assert "nothing was open" in project.ok("audit", "recover")
    database = project.database()
    lookup = json.dumps({"userName": "nobody"})
    intent = Intent("moodle", "create", "User", login="nobody", lookup=lookup)
    with at(-3600):
        project.log(database).begin(intent)
    database.close()
    assert project.ok("audit", "recover") == "Settled: failed 1.\n"
    assert json.loads(project.ok("audit", "recover", "--json")) == {}


def test_what_is_recovered_keeps_to_the_policies(project: Project) -> None:
    with project.config.open("a", encoding="utf-8") as file:
        file.write('[audit]\nvalues = { "userName" = "omit" }\n')
    database = project.database()
    changes = (ChangeRecord("userName", "username", "add", None, "nobody"),)
    intent = Intent("moodle", "create", "User", changes=changes, lookup='{"userName": "nobody"}')
    with at(-3600):
        project.log(database).begin(intent)
    database.close()
    assert project.ok("audit", "recover") == "Settled: failed 1.\n"
    (event,) = json.loads(project.ok("audit", "search", 'target eq "moodle"', "--json"))
    assert event["changes"] == [{"path": "userName", "native": "username", "op": "add"}]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("check", "canvas"), "canvas"),
        (("attributes", "canvas"), "canvas"),
        (("explain", "canvas", 'userName eq "a"'), "canvas"),
        (("explain", "moodle", "userName"), ""),
        (("explain", "moodle", 'nothing eq "a"'), "nothing"),
        (("explain", "moodle", 'userName eq "a"', "--type", "Course"), "Course"),
        (("audit", "search", "login eq"), ""),
        (("audit", "export", 'nothing eq "a"'), "nothing"),
        (("audit", "export", "--format", "pdf"), "pdf"),
        (("token", "create", "--target", "canvas", "--scope", "admin"), "canvas"),
        (("token", "create", "--target", "all", "--scope", "everything"), "everything"),
        (("token", "create", "--target", "all"), "--scope"),
        (("token", "create", "--target", "all", "--scope", "admin", "--days", "x"), "x"),
        (("serve", "--workers", "2"), "memory"),
        (("serve", "--workers", "0"), "workers"),
    ],
)
def test_a_mistake_is_one_clear_line(
    project: Project, arguments: tuple[str, ...], named: str
) -> None:
    assert named in project.refused(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("attributes",),
        ("explain", "moodle", 'userName eq "a"'),
        ("token", "list"),
        ("audit", "search"),
        ("audit", "recover"),
        ("serve",),
    ],
)
def test_a_broken_configuration_is_one_clear_line(
    project: Project, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    assert VARIABLE in project.refused(*arguments)
    project.config.write_text('[targets.moodle]\nconnector = "moodle"\nurl = 1\n')
    assert "targets.moodle.url" in project.refused(*arguments)


@pytest.mark.parametrize("arguments", [("check",), ("attributes",)])
@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ('connector = "tutor"', "'tutor' is none of"),
        ('connector = "moodle"\nurl = "moodle"', "not an https URL"),
        ('connector = "moodle"\nurl = "http://127.0.0.1"', "https://"),
    ],
)
def test_a_target_that_cannot_be_made_is_one_clear_line(
    project: Project, arguments: tuple[str, ...], entry: str, named: str
) -> None:
    project.config.write_text(f"[targets.moodle]\n{entry}\n")
    assert named in project.refused(*arguments)


def test_serve_says_in_one_line_why_it_does_not(project: Project) -> None:
    port = free_port()
    project.config.write_text('[targets.moodle]\nconnector = "tutor"\n')
    arguments = ("serve", "--config", str(project.config), "--port", str(port))
    process = start(*arguments, stderr=subprocess.PIPE)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    # The server tries a second time.
    assert set(said.decode().splitlines()) == {
        "Error: targets.moodle.connector: 'tutor' is none of "
        "blackboard, brightspace, canvas, memory, moodle"
    }


def test_serve_on_a_port_that_is_taken(project: Project, site: tuple[Simulator, str]) -> None:
    text = project.config.read_text(encoding="utf-8")
    project.config.write_text(text.replace("[targets.memory]", "[targets.other]"))
    port = site[1].rpartition(":")[2]
    assert "in use" in project.refused("serve", "--port", port)


@pytest.mark.parametrize("database", ["sqlite://", "mysql://host/name", "nonsense"])
def test_a_database_that_cannot_be_used_is_one_clear_line(project: Project, database: str) -> None:
    text = project.config.read_text(encoding="utf-8")
    project.config.write_text(f'[database]\nurl = "{database}"\n{text}', encoding="utf-8")
    assert "database.url" in project.refused("token", "list")


def test_a_database_of_a_newer_version_is_one_clear_line(project: Project) -> None:
    database = project.database()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "version 9999" in project.refused("token", "list")


def test_the_configuration_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MATRICULA_CONFIG", raising=False)
    without = CliRunner().invoke(main, ["check"])
    assert without.exit_code == 2
    assert "--config" in without.output
    missing = CliRunner().invoke(main, ["check", "--config", str(tmp_path / "nowhere.toml")])
    assert missing.exit_code == 2
    assert "does not exist" in missing.output


def test_the_environment_names_the_configuration(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATRICULA_CONFIG", str(project.config))
    assert CliRunner().invoke(main, ["token", "list"]).exit_code == 0


def test_simulate_an_unknown_lms() -> None:
    result = CliRunner().invoke(main, ["simulate", "tutor"])
    assert result.exit_code == 2
    assert "moodle" in result.output


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_simulate(by: int) -> None:
    arguments = ("simulate", "moodle", "--users", "4", "--json")
    process = start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        site = json.loads(process.stdout.readline())
        body = {"wstoken": site["token"], "moodlewsrestformat": "json"}
        body["wsfunction"] = "core_webservice_get_site_info"
        url = site["url"] + "/webservice/rest/server.php"
        assert httpx.post(url, data=body, timeout=30, trust_env=False).json()["release"]
    finally:
        code = end(process, by)
        said = process.stderr.read()
        process.stderr.close()
    assert code in (0, -by)
    assert "Traceback" not in said


def test_simulate_tells_all_that_a_target_needs() -> None:
    arguments = ("simulate", "brightspace", "--users", "1")
    process = start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        site = dict(process.stdout.readline().rstrip().split(": ", 1) for _ in range(6))
    finally:
        end(process)
        process.stdout.close()
    assert site["auth_url"] == site["url"]
    assert site["config"] == "{ roleId = 103 }"
    assert site["refresh_token"] and site["client_id"] and site["client_secret"]


def test_serve(project: Project) -> None:
    text = project.ok("token", "create", "--target", "moodle", "--scope", "users:read")
    headers = {"Authorization": f"Bearer {text.splitlines()[-1]}"}
    port = free_port()
    base = f"http://{HOST}:{port}"
    arguments = ("serve", "--config", str(project.config), "--port", str(port))
    with (project.folder / "log").open("wb") as log:
        process = start(*arguments, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(base), "an answer of the gateway")
        users = f"{base}/moodle/scim/v2/Users"
        with httpx.Client(timeout=30, trust_env=False, headers=headers) as client:
            assert client.get(users).json()["totalResults"] >= 3
            assert client.get(f"{base}/memory/scim/v2/Users").status_code == 403
            assert client.post(users, json={}).status_code == 403
            prefix = json.loads(project.ok("token", "list", "--json"))[0]["prefix"]
            project.ok("token", "revoke", prefix)
            wait_until(lambda: client.get(users).status_code == 401, "the end of the token")
        events = json.loads(project.ok("audit", "search", "--json"))
        refused = {event["operation"] for event in events if event["outcome"] == "refused"}
        assert refused == {"create", "authenticate"}
    finally:
        code = end(process)
    assert code == 0
    events = json.loads(project.ok("audit", "search", "--json"))
    assert [event["operation"] for event in events if "target" not in event] == [
        *("stop", "read", "revokeToken", "start", "configure", "createToken")
    ]
    assert "Traceback" not in (project.folder / "log").read_text(encoding="utf-8")


def answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize(
    ("users", "by", "starts"), [(0, signal.SIGTERM, 2), (2000, signal.SIGINT, 1)]
)
def test_demo(users: int, by: int, starts: int, tmp_path: Path) -> None:
    # On the data of an earlier one, too: there a new chain of refresh tokens begins.
    for start_number in range(starts):
        demonstrate(users, by, tmp_path, f"person{start_number}")


def demonstrate(users: int, by: int, data: Path, login: str) -> None:
    """Start a demo, do what its greeting says, create somebody, and see that it ends."""
    port = free_port()
    arguments = ("demo", "--port", str(port), "--users", str(users), "--data", str(data))
    with (data / "log").open("wb") as log:
        process = start(*arguments, stdout=subprocess.PIPE, stderr=log, text=True)
    simulators: list[int] = []
    try:
        said = greeting(process)
        simulators = children(process.pid)
        assert f"http://{HOST}:{port}/memory/scim/v2" in said
        assert f"http://{HOST}:{port}/moodle/scim/v2" in said
        token = next(line for line in said if line.startswith("Token")).rpartition(" ")[2]
        command = shlex.split(next(line for line in said if line.startswith("curl")))
        assert command[:2] == ["curl", "-H"]
        name, _, value = command[2].partition(": ")
        assert value == f"Bearer {token}"
        with httpx.Client(timeout=60, trust_env=False, headers={name: value}) as client:
            answer = client.get(command[3])
            assert answer.status_code == 200, answer.text
            assert answer.json()["totalResults"] >= users
            assert len(answer.json()["Resources"]) == 2
            at = f"http://{HOST}:{port}/brightspace/scim/v2/Users"
            made = client.post(at, json=person(login))
            assert made.status_code == 201, made.text
    finally:
        code = end(process, by)
    assert code == 0
    assert simulators
    for pid in simulators:
        wait_until(lambda: not runs(pid), "the end of what the demo started")  # noqa: B023
    said_otherwise = (data / "log").read_text(encoding="utf-8")
    assert "Traceback" not in said_otherwise
    assert token not in said_otherwise


def runs(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return listed.stdout.strip() != "" and "Z" not in listed.stdout


def greeting(process: subprocess.Popen[str]) -> list[str]:
    """Return the lines that the demo prints, up to the curl line, within a minute."""
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.strip())
            if line.strip().startswith("curl"):
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(60)
    assert lines, "the demo said nothing within a minute"
    assert lines[-1].startswith("curl"), lines
    return lines


def test_demo_on_a_port_that_is_taken(site: tuple[Simulator, str]) -> None:
    port = site[1].rpartition(":")[2]
    result = CliRunner().invoke(main, ["demo", "--port", port, "--users", "0"])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {HOST}:{port}: ")


def test_demo_takes_no_negative_users() -> None:
    assert CliRunner().invoke(main, ["demo", "--users", "-1"]).exit_code == 2
