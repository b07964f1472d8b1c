"""docs/audit.md is true: its questions are answered, its commands and examples work."""

from __future__ import annotations

import getpass
import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.app import create_app
from gateway.cli import main
from gateway.database import now
from gateway.lifecycle import recorded
from gateway.settings import load, parse
from tests.gateway.console.visitor import Visitor, subjects, words
from tests.gateway.service import TOKEN, Scim, Service, make_service, person

DOCUMENT = Path(__file__).parents[2] / "docs" / "audit.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^### (.+)\n\n```sh\n(.+)\n```\n", TEXT, re.MULTILINE))
LEDGER = '[audit]\nname = "audit.example.edu"\ncheckpoints = "checkpoints"\n'
SECRETS = ("First-Word-1!", "Second-Word-2!", "Third-Word-3!")
EMAIL = 'emails[type eq "work"].value'
STRANGER = "mtr_AAAAAAAA_a-token-that-nobody-gave-out"


@dataclass(frozen=True)
class Answer:
    """What an answer must be: its events, oldest first, and words that it says and never says.

    Events are `ACTOR TARGET OPERATION TYPE LOGIN: OUTCOME`, or what a page has as their headings.
    """

    events: tuple[str, ...]
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


ANSWERS = {
    "Who disabled an account, and when?": Answer(
        (
            "helpdesk moodle disable User bjohnson: success",
            "entra canvas patch User bjensen: success",
        ),
        ("2025-02-12T", "2025-02-13T", "active: true -> false"),
    ),
    "Which e-mail addresses has a person had?": Answer(
        (
            "entra moodle create User bjensen: success",
            "entra canvas create User bjensen: success",
            "entra moodle patch User bjensen: success",
            "entra moodle patch User bjohnson: success",
        ),
        (
            "- -> bjensen@example.edu",
            "bjensen@example.edu -> b.jensen@example.edu",
            "b.jensen@example.edu -> bjohnson@example.edu",
        ),
        ("mlopez", "stranger@"),
    ),
    "What has a token changed in the last week?": Answer(
        (
            "entra moodle patch User mlopez: success",
            "entra moodle patch User mlopez: success",
            "entra moodle create Course BIO-101: success",
            "entra moodle create Membership 6/3: success",
            "entra moodle create Membership 7/3: success",
            "entra canvas create Course BIO-101: success",
            "entra canvas create Membership 1002/301: success",
        ),
        ("name.familyName: Doe -> Lopez", "password: - -> -"),
        ("bjensen",),
    ),
    "Which passwords were reset by hand?": Answer(
        (
            "helpdesk moodle resetPassword User mlopez: success",
            "helpdesk moodle resetPassword User akhan: success",
            "registry canvas patch User AKhan: success",
        ),
        ("password: - -> -",),
    ),
    "Which accounts were created in Canvas but not in Moodle?": Answer(
        (
            "entra canvas create User tchen: success",
            "registry canvas create User rsmith: success",
        ),
        ("tchen@example.edu",),
        ("akhan", "bjensen"),
    ),
    "What did a person's accounts hold on a certain day?": Answer(
        ("Create bjensen in moodle", "Create bjensen in canvas", "Change bjensen in moodle"),
        (
            'emails[type eq "work"].value b.jensen@example.edu event',
            'emails[type eq "work"].value bjensen@example.edu event',
            "userName bjensen event",
            "active true event",
        ),
        ("bjohnson@example.edu", "active false"),
    ),
    "Who was made a teacher, by whom?": Answer(
        (
            "entra moodle create Membership 6/3: success",
            "entra canvas create Membership 1002/301: success",
        ),
        ("userId: - -> 6", "courseRoleId: - -> editingteacher", "-> TeacherEnrollment"),
        ("-> student",),
    ),
    "Which accounts were deleted, and by whom?": Answer(
        ("Delete rsmith in canvas", "Delete jdoe in memory"),
        ("by registry Done", "by entra Done"),
        ("BIO-102",),
    ),
    "Which writes did not succeed, and why?": Answer(
        (
            "entra moodle create User mlopez: refused",
            "reporting moodle delete User -: refused",
            "helpdesk moodle resetPassword User -: refused",
            "entra moodle patch User akhan: failed",
        ),
        ("The token lacks the scope", "already", "- -> stranger@example.edu"),
    ),
    "Who has looked at what is known of a person?": Answer(
        (
            "Read bjensen in console",
            "Read bjensen",
            "Export BJensen",
            "Read bjensen in console",
            "Read bjensen in console",
        ),
        ("by auditor",),
        ("mlopez",),
    ),
    "Who was turned away at the door?": Answer(
        ("- canvas authenticate Token -: refused", "- console authenticate Token -: refused"),
        ("unknown, has expired or was revoked", "idp/9"),
        (STRANGER,),
    ),
    "Who gave out tokens, and when did the configuration change?": Answer(
        (
            "OPERATOR - configure Gateway -: success",
            "OPERATOR - createToken Token -: success",
            "OPERATOR - configure Gateway -: success",
            "OPERATOR - revokeToken Token -: success",
        ),
        ("name: - -> vendor; targets: - -> moodle; scopes: - -> users:read", "configuration: "),
    ),
}


@contextmanager
def on(day: str) -> Iterator[None]:
    """Let what is written down meanwhile be of that day."""
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("gateway.audit", "gateway.ledger.events"):
            patch.setattr(f"{module}.now", lambda: moment)
        yield


Acting = Callable[[str], Scim]
"""Gives a target as somebody uses it."""


def acting(service: Service, name: str, *scopes: str) -> Acting:
    """Return the targets as somebody with a token of that name uses them."""
    token = service.tokens.create(name, ["all"], scopes)
    client = service.app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return partial(Scim, replace(service, client=client))


def replacing(path: str, value: str | bool) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def run(folder: Path, line: str) -> Result:
    """Run a command line as it stands in the document, with the folder's configuration."""
    words = shlex.split(line, comments=True)
    assert words.pop(0) == "matricula"
    output = words[words.index(">") :] if ">" in words else []
    words = words[: len(words) - len(output)]
    variables = {"MATRICULA_CONFIG": str(folder / "matricula.toml")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(main, words, env=variables)
        if output:
            Path(output[1]).write_text(result.stdout, encoding="utf-8")
    return result


def ok(folder: Path, line: str) -> str:
    result = run(folder, line)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a configuration, and with the log of what happened in two times."""
    folder = tmp_path_factory.mktemp("history")
    config = folder / "matricula.toml"
    config.write_text('[targets.moodle]\nconnector = "memory"\n' + LEDGER, encoding="utf-8")
    service = make_service(folder)
    entra, registry = acting(service, "entra", "admin"), acting(service, "registry", "users:write")
    helpdesk = acting(service, "helpdesk", "users:write")
    try:
        with on("2025-01-10"), recorded(load(config)):
            ok(folder, "matricula token create --target moodle --scope users:read --name vendor")
        lives_of_accounts(entra, helpdesk)
        with on("2025-03-01"):
            deletions(entra, registry)
        with on("2025-03-02"):
            refusals(service, entra, helpdesk)
        last_week(entra, registry, helpdesk)
        looks(folder, service)
        config.write_text(f"# Changed.\n{config.read_text(encoding='utf-8')}", encoding="utf-8")
        with recorded(load(config)):
            ok(folder, "matricula token revoke vendor")
    finally:
        service.close()
    return folder


def lives_of_accounts(entra: Acting, helpdesk: Acting) -> None:
    moodle, canvas = entra("moodle"), entra("canvas")
    with on("2025-01-15"):
        jensen = moodle.add("bjensen", password=SECRETS[0]), canvas.add("bjensen")
        lopez, _ = moodle.add("mlopez"), moodle.add("akhan")
        for login in ("mlopez", "AKhan", "tchen"):
            canvas.add(login)
    with on("2025-01-20"):
        moodle.patch(f"/Users/{jensen[0]}", replacing(EMAIL, "b.jensen@example.edu"))
    with on("2025-02-10"):
        renamed = replacing("userName", "bjohnson"), replacing(EMAIL, "bjohnson@example.edu")
        moodle.patch(f"/Users/{jensen[0]}", *renamed)
    with on("2025-02-12"):
        helpdesk("moodle").post(f"/Users/{jensen[0]}/.disable")
        moodle.post(f"/Users/{lopez}/.disable")
    with on("2025-02-13"):
        canvas.patch(f"/Users/{jensen[1]}", replacing("active", False))
        moodle.post(f"/Users/{lopez}/.enable")


def deletions(entra: Acting, registry: Acting) -> None:
    canvas, memory, moodle = registry("canvas"), entra("memory"), entra("moodle")
    canvas.delete(f"/Users/{canvas.add('rsmith')}")
    memory.delete(f"/Users/{memory.add('jdoe')}")
    moodle.delete(f"/Courses/{moodle.add_course('BIO-102')}")


def refusals(service: Service, entra: Acting, helpdesk: Acting) -> None:
    moodle = entra("moodle")
    akhan = id_of(moodle, "akhan")
    emails = [{"type": "work", "value": "stranger@example.edu"}]
    moodle.post("/Users", person("mlopez", emails=emails))
    acting(service, "reporting", "users:read")("moodle").delete(f"/Users/{akhan}")
    helpdesk("moodle").post("/Users/999/.resetPassword", {"generate": True})
    service.moodle.faults.add("status", status=500, match="core_user_update_users")
    moodle.patch(f"/Users/{akhan}", replacing("name.givenName", "Amir"))
    stranger = {"Authorization": f"Bearer {STRANGER}", "User-Agent": "idp/9"}
    entra("canvas").send("GET", "/Users", headers=stranger)
    Visitor(service).post("/sign-in", token=STRANGER)


def last_week(entra: Acting, registry: Acting, helpdesk: Acting) -> None:
    moodle, canvas = entra("moodle"), entra("canvas")
    lopez, akhan = id_of(moodle, "mlopez"), id_of(moodle, "akhan")
    for _ in range(2):
        moodle.patch(f"/Users/{lopez}", replacing("name.familyName", "Lopez"))
    moodle.patch(f"/Users/{lopez}", replacing("password", SECRETS[1]))
    course = moodle.add_course("BIO-101")
    moodle.enrol(lopez, course, courseRoleId="editingteacher")
    moodle.enrol(akhan, course, courseRoleId="student")
    teacher = {"courseRoleId": "TeacherEnrollment"}
    canvas.enrol(id_of(canvas, "mlopez"), canvas.add_course("BIO-101"), **teacher)
    helpdesk("moodle").post(f"/Users/{lopez}/.resetPassword", {"generate": True})
    helpdesk("moodle").post(f"/Users/{akhan}/.resetPassword", {"notify": True})
    other = id_of(canvas, "AKhan")
    registry("canvas").patch(f"/Users/{other}", replacing("password", SECRETS[2]))


def looks(folder: Path, service: Service) -> None:
    auditor = Visitor(service).sign_in(service.tokens.create("auditor", ["all"], ["audit:read"]))
    auditor.get("/timeline", login="bjensen")
    auditor.get("/timeline", login="mlopez")
    ok(folder, "matricula audit search --person bjensen")
    ok(folder, "matricula audit export 'login eq \"BJensen\"' --output taken.jsonl")
    auditor.get("/events", filter='login eq "bjensen"')


def id_of(target: Scim, login: str) -> str:
    return str(target.get("/Users", filter=f'userName eq "{login}"').json["Resources"][0]["id"])


@pytest.fixture
def told(history: Path, tmp_path: Path) -> Iterator[Service]:
    """Give a gateway on a copy of the history, which other questions have not got into."""
    shutil.copytree(history, tmp_path, dirs_exist_ok=True)
    service = make_service(tmp_path)
    yield service
    service.close()


def asked(service: Service, question: str) -> tuple[list[str], str]:
    """Return the events of an answer, oldest first, and its words."""
    if question.startswith("GET /console"):
        token = service.tokens.create("auditor", ["all"], ["audit:read"])
        answer = Visitor(service).sign_in(token).client.get(question.removeprefix("GET "))
        assert answer.status_code == 200, answer.text
        return subjects(answer)[::-1], words(answer.text)
    if question.startswith("GET "):
        answer = service.client.get(question.removeprefix("GET "))
        assert answer.status_code == 200, answer.text
        found = answer.json["Resources"]
        assert answer.json["totalResults"] == len(found)
        return [named(event) for event in found[::-1]], answer.text
    said = ok(service.folder, question)
    events = json.loads(ok(service.folder, f"{question} --json"))
    return [named(event) for event in events[::-1]], said


def named(event: dict[str, Any]) -> str:
    actor = event.get("actor", "-")
    who = "OPERATOR" if actor == getpass.getuser() else actor
    what = f"{event['operation']} {event['resourceType']} {event.get('login', '-')}"
    return f"{who} {event.get('target', '-')} {what}: {event['outcome']}"


def test_there_are_twelve_questions() -> None:
    assert len(QUESTIONS) == 12
    assert QUESTIONS.keys() == ANSWERS.keys()


@pytest.mark.parametrize("title", QUESTIONS)
def test_each_question_is_answered(title: str, told: Service) -> None:
    events, said = asked(told, QUESTIONS[title])
    wanted = ANSWERS[title]
    assert events == [*wanted.events]
    for text in wanted.says:
        assert text in said
    for text in (*wanted.never, *SECRETS):
        assert text.casefold() not in said.casefold()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def configured(told: Service, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of the history with the document's configuration, without the witness."""
    (block,) = blocks("toml")
    for name in re.findall(r"\$\{(\w+)\}", block):
        monkeypatch.setenv(name, "of the environment")
    config = re.sub("^webhook = .*\n", "", block, flags=re.MULTILINE)
    (told.folder / "matricula.toml").write_text(config, encoding="utf-8")
    return told.folder


def test_the_configuration_is_one(configured: Path) -> None:
    (block,) = blocks("toml")
    settings = parse(tomllib.loads(block), configured)
    assert settings.audit.webhook and settings.audit.checkpoints
    assert settings.audit.values == {"externalId": "hash", "phoneNumbers": "omit"}
    assert settings.targets["moodle"].audit_reads
    assert {stream.kind for stream in settings.streams.values()} == {"webhook", "poll"}


def test_the_other_commands_work_one_after_another(configured: Path) -> None:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    said = {line.partition("  #")[0].rstrip(): ok(configured, line) for line in lines}
    verified = {line: text for line, text in said.items() if " verify " in line}
    assert [text.split(":")[0] for text in verified.values()] == ["Verified", "Verified"]
    assert "Verified: 1 events" in said["matricula audit verify event.jsonl --key matricula.key"]
    assert "b.jensen@example.edu" in (configured / "log.jsonl").read_text(encoding="utf-8")
    assert said["matricula audit erase bjensen"].startswith("Erased: ")
    assert "siem: webhook of ocsf" in said["matricula streams list"]
    # Whoever was erased is in no export any more, and the whole is proved as before.
    assert ok(configured, "matricula audit export --format sealed --output log.jsonl") == ""
    left = (configured / "log.jsonl").read_text(encoding="utf-8")
    assert "jensen" not in left and "mlopez" in left
    assert ok(configured, next(iter(verified))).startswith("Verified: ")


def test_the_poll_is_answered(configured: Path) -> None:
    (block,) = blocks("http")
    head, _, body = block.partition("\n\n")
    (method, path), *headers = (line.split(" ", 1) for line in head.splitlines())
    app = create_app(load(configured / "matricula.toml"))
    token = {"Authorization": f"Bearer {TOKEN}"}
    given = {name.rstrip(":"): value for name, value in headers}
    answer = app.test_client().open(path, method=method, data=body, headers=given | token)
    assert answer.status_code == 200, answer.text
    assert len(answer.json["sets"]) == 10 and answer.json["moreAvailable"]
    app.extensions["matricula"]["targets"]["moodle"].connector.close()
    app.extensions["matricula"]["database"].close()


def logins(folder: Path, *arguments: str) -> list[str]:
    """Return the logins of what a search finds, oldest first."""
    line = shlex.join(("matricula", "audit", "search", *arguments, "--json"))
    return [event.get("login", "-") for event in reversed(json.loads(ok(folder, line)))]


def test_days_end_a_search_in_the_past(told: Service) -> None:
    scim = Scim(told, "memory")
    for days in (5, 3, 1):
        with on((now() - timedelta(days, -60)).isoformat()):
            scim.add(f"u{days}")
    for days, found in ((1, ["u1"]), (2, ["u1"]), (3, ["u3", "u1"]), (6, ["u5", "u3", "u1"])):
        wanted = ("--days", str(days), 'target eq "memory"')
        assert logins(told.folder, *wanted) == found
    refused = run(told.folder, "matricula audit search --days 0")
    assert refused.exit_code == 2


def test_without_leaves_out_logins_and_nothing_else(told: Service) -> None:
    moodle = 'resourceType eq "User" and operation eq "create" and target eq "moodle"'
    canvas = 'resourceType eq "User" and operation eq "create" and target eq "canvas"'
    assert logins(told.folder, canvas, "--without", moodle) == ["tchen", "rsmith"]
    assert logins(told.folder, canvas, "--without", moodle, "--count", "1") == ["rsmith"]
    assert logins(told.folder, moodle, "--without", canvas) == []
    nobody = 'login eq "nobody"'
    assert logins(told.folder, moodle, "--without", nobody) == logins(told.folder, moodle)
    # What is about nobody is left in, though the other filter matches it, too.
    configure = 'operation eq "configure"'
    assert logins(told.folder, configure, "--without", configure) == ["-", "-"]
    wrong = run(told.folder, "matricula audit search --without 'shoe eq 5'")
    assert wrong.exit_code == 1 and "shoe" in wrong.stderr


@pytest.mark.parametrize("name", ["bjensen", "BJohnson", "b.jensen@example.edu"])
def test_a_person_is_found_under_every_name(told: Service, name: str) -> None:
    disabled = 'operation eq "disable"'
    assert logins(told.folder, "--person", name, disabled) == ["bjohnson"]
    newest = told.events[-1]
    assert (newest["operation"], newest["login"]) == ("read", name)
    assert newest["detail"] == "operation, subject"


def test_who_is_unknown_is_looked_for_on_record(told: Service) -> None:
    result = run(told.folder, "matricula audit search --person nobody")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "0 of 0\n")
    assert told.events[-1]["login"] == "nobody"


def test_a_proof_is_taken_away_on_record(told: Service) -> None:
    found = next(event for event in told.events if event["operation"] == "disable")
    ok(told.folder, f"matricula audit prove {found['id']} --output event.jsonl")
    taken = told.events[-1]
    assert (taken["operation"], taken["resourceId"]) == ("export", found["id"])
    assert taken["login"] == found["login"]
