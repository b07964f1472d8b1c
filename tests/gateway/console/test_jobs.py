"""The pages of jobs: how they stand, the plans that wait, and the buttons that do it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import schemas.job
from gateway.console.jobs import STATES
from gateway.jobs.working import make_worker
from gateway.sync.forecast import Meter
from tests.gateway.console.test_pages import check_page
from tests.gateway.console.visitor import HOSTILE, Visitor, subjects, words
from tests.gateway.service import Scim, Service

PASSWORD = "Never-to-be-shown-1!"
COLUMNS = ("userName", "name.givenName", "name.familyName", "contact.email", "password")
PEOPLE = {"sync": "moodle", "file": "people.csv", "schedule": "30 2 * * 1-5"}
JOBS: dict[str, Any] = {
    "people": {**PEOPLE, "zone": "Europe/Berlin"},
    "roster": {"export": "memory", "out": "roster.jsonl"},
}


def put(folder: Path, *logins: str, given: str = "Ann", more: tuple[str, ...] = ()) -> None:
    """Write the file of the sync: a record for each login, with a password."""
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for login in logins:
            writer.writerow((login, given, "Doe", f"{login}@example.edu", PASSWORD))
        writer.writerows([more] if more else [])


@pytest.fixture
def service(make: Callable[..., Service], tmp_path: Path) -> Service:
    """Give a gateway with a sync of two people, and an export of another target."""
    put(tmp_path, "ann", "bob")
    return make("moodle", "memory", jobs=JOBS, moodle_policies={"label": "Moodle of Arts"})


def work(service: Service) -> None:
    """Carry out what was asked for."""
    parts = service.app.extensions["matricula"]
    worker = make_worker(
        parts["services"], parts["desk"], Meter(), lambda target: lambda *told: None
    )
    while worker.step(lambda: False):
        pass


@pytest.fixture
def plan(service: Service, auditor: Visitor) -> str:
    """Give the page of a plan that waits to be applied."""
    assert auditor.post("/jobs/people/run").status_code == 303
    work(service)
    return "/jobs/people/runs/1"


def links(page: str, beginning: str) -> list[str]:
    """Return where a page leads to, of what begins so, below the console."""
    return [unescape(place) for place in re.findall(rf'href="/console({beginning}[^"]*)"', page)]


def rows(page: str) -> list[str]:
    """Return the words of each row of a page's table."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    parted = body.replace("</t", " </t").replace("</li", " </li")
    return [words(row) for row in parted.split("<tr>")[1:]]


def test_every_state_has_a_word() -> None:
    assert tuple(STATES) == schemas.job.STATES


def test_from_the_list_to_the_accounts(service: Service, auditor: Visitor) -> None:
    people, roster = rows(auditor.get("/jobs").text)
    assert people.startswith("people Sync of Moodle of Arts: User 30 2 * * 1-5 Europe/Berlin 20")
    assert "none yet" in people
    assert roster == (
        "roster Export of memory: User when asked for none none yet Run now: roster Pause: roster"
    )
    answer = auditor.press("/jobs", "Run now: people")
    assert (answer.status_code, answer.location) == (303, "/console/jobs/people")
    assert "Run 1" in auditor.text("/jobs/people") and "Waiting" in auditor.text("/jobs/people")
    assert "Load again" in auditor.text("/jobs/people")
    work(service)
    assert "Planned create 2" in rows(auditor.get("/jobs").text)[0]
    page = auditor.get("/jobs/people").text
    assert "by tester Planned Create 2 phase plan" in words(page)
    (place,) = set(links(page, "/jobs/people/runs"))
    first, second = rows(auditor.get(place).text)
    assert first.startswith("Create ann 2 userName ann")
    assert (
        "userName ann name.givenName Ann name.familyName Doe" in first
        and "emails ann@example.edu" in first
    )
    assert second.startswith("Create bob 3")
    assert Scim(service, "moodle").logins(filter='userName eq "ann"') == []
    auditor.press(place, "Apply this plan: people")
    work(service)
    assert Scim(service, "moodle").logins(filter='userName eq "ann"') == ["ann"]
    assert "Done create 2" in rows(auditor.get("/jobs").text)[0]
    assert "Apply" not in auditor.text(place)
    assert "name.givenName Ann" in auditor.text(place)


@pytest.mark.parametrize("page", ["/jobs", "/jobs/people"])
def test_every_button_does_what_it_says(service: Service, auditor: Visitor, page: str) -> None:
    (service.folder / "people.csv").write_text("nobody's name\n", encoding="utf-8")
    auditor.press(page, "Run now: people")
    work(service)
    assert "Failed" in auditor.text(page)
    put(service.folder, "ann")
    auditor.press(page, "Retry: people")
    work(service)
    assert "Planned" in auditor.text(page)
    auditor.press(page, "Pause: people")
    assert "Paused since 20" in auditor.text(page)
    for gone in ("Run now: people", "See the plan: people", "Pause: people"):
        assert gone not in auditor.text(page)
    auditor.press(page, "Resume: people")
    # A plan is applied where it is seen.
    assert "See the plan: people" in auditor.text(page)
    plan = links(auditor.get(page).text, "/jobs/people/runs/")[0]
    auditor.press(plan, "Apply this plan: people")
    work(service)
    assert "Done" in auditor.text(page)
    asked = [event for event in service.events if event["resourceType"] == "Job"]
    done = [event["operation"] for event in asked if event.get("resourceId") == "people"]
    assert done == ["run", "retry", "pause", "resume", "apply"]
    said = {
        "actor": "tester",
        "target": "moodle",
        "clientAddress": "127.0.0.1",
        "outcome": "success",
    }
    assert said.items() <= asked[0].items()
    assert asked[0]["requestId"] and asked[0]["configuration"] == "test" and asked[0]["client"]


def test_a_form_of_somebody_else_asks_for_nothing(service: Service, auditor: Visitor) -> None:
    for asked in ("run", "apply", "retry", "pause", "resume"):
        for sent in ({}, {"form": "x"}):
            assert (
                auditor.client.post(f"/console/jobs/people/{asked}", data=sent).status_code == 403
            )
        assert auditor.get(f"/jobs/people/{asked}").status_code == 404
    assert auditor.post("/jobs/people/erase").status_code == 405
    stranger = service.app.test_client()
    assert stranger.get("/console/jobs").status_code == 303
    assert "Run 1" not in auditor.text("/jobs/people")


def test_what_a_token_may_see_and_ask(plan: str, make_visitor: Callable[..., Visitor]) -> None:
    none = make_visitor("audit:read")
    assert "No job is configured that your token may see" in none.text("/jobs")
    reader = make_visitor("audit:read", "jobs:read")
    assert "not with this token" in rows(reader.get("/jobs").text)[0]
    whole = make_visitor("audit:read", "jobs:read", "users:read")
    assert "<form" not in whole.get(plan).text.partition("<main")[2]
    writer = make_visitor("audit:read", "jobs:write")
    for visitor, path, scope in (
        (none, "/jobs/people", "jobs:read"),
        (none, plan, "jobs:read"),
        (reader, plan, "users:read"),
        (writer, plan, "jobs:read"),
    ):
        answer = visitor.get(path)
        assert answer.status_code == 403
        assert f"lacks the scope {scope} on target Moodle of Arts" in words(answer.text)
        assert "ann" not in words(answer.text).split()
    events = len(reader.service.events)
    for asked in ("run", "apply", "retry", "pause", "resume"):
        answer = whole.post(f"/jobs/people/{asked}")
        assert answer.status_code == 403
        assert "lacks the scope jobs:write" in words(answer.text)
    assert len(reader.service.events) == events
    assert writer.post("/jobs/people/apply").status_code == 303


def test_jobs_of_other_targets_are_not_there(
    plan: str, make_visitor: Callable[..., Visitor]
) -> None:
    visitor = make_visitor("admin", targets=("memory",))
    (roster,) = rows(visitor.get("/jobs").text)
    assert roster.startswith("roster")
    for name in ("people", "nowhere"):
        page = visitor.get(f"/jobs/{name}")
        assert page.status_code == 404
        assert f"Job '{name}' does not exist." in words(page.text)
        assert visitor.get(plan.replace("people", name)).status_code == 404
        assert visitor.post(f"/jobs/{name}/run").status_code == 404
    assert visitor.get("/jobs/roster/runs/1").status_code == 404
    assert visitor.get(f"/jobs/roster/runs/{2**70}").status_code == 404


def test_a_plan_of_a_target_that_the_job_was_for_before_is_not_shown(
    service: Service, plan: str, make: Callable[..., Service]
) -> None:
    moved = {"people": {**PEOPLE, "sync": "memory"}}
    other = make("moodle", "memory", jobs=moved, moodle=service.moodle)
    visitor = Visitor(other)
    visitor.sign_in(other.tokens.create("limited", ("memory",), ("admin",)))
    assert visitor.get(plan).status_code == 404
    assert links(visitor.get("/jobs/people").text, "/jobs/people/runs") == []


def test_only_what_was_seen_is_applied(service: Service, auditor: Visitor, plan: str) -> None:
    answer = auditor.post("/jobs/people/apply", run="7")
    assert answer.status_code == 409
    assert "run 7 is not the newest any more" in words(answer.text)
    for nonsense in ("0", "-1", "x", "1.0", "١", "9" * 5000):
        assert auditor.post("/jobs/people/apply", run=nonsense).status_code == 400
    assert auditor.post("/jobs/people/pause").status_code == 303
    for asked in ("run", "apply", "pause"):
        answer = auditor.post(f"/jobs/people/{asked}")
        assert answer.status_code == 409
        check_page(answer.text)
        assert "paused" in words(answer.text)
    assert "Apply" not in auditor.text(plan)
    auditor.post("/jobs/people/resume")
    auditor.post("/jobs/people/run")
    work(service)
    assert "Apply" not in auditor.text(plan)
    assert "Apply this plan" in auditor.text("/jobs/people/runs/2")


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("delete", "Delete bob none none"),
        ("disable", "Disable bob none active none → becomes false"),
    ],
)
def test_what_changes_is_told_from_old_to_new(
    make: Callable[..., Service], tmp_path: Path, missing: str, told: str
) -> None:
    put(tmp_path, "ann", given="Anna")
    asked = {**PEOPLE, "sync": "memory", "missing": missing}
    auditor = Visitor(make("memory", jobs={"people": asked})).sign_in()
    memory = Scim(auditor.service, "memory")
    memory.add("ann")
    memory.add("bob")
    auditor.post("/jobs/people/run")
    work(auditor.service)
    page = auditor.get("/jobs/people/runs/1").text
    assert rows(page) == ["Change ann 2 name.givenName Ann → becomes Anna", told]
    assert f"Comes to change 1, {missing} 1 Calls to the LMS read 2, change 1" in words(page)


@pytest.mark.parametrize(("target", "kinds"), [("moodle", "CRR"), ("memory", "CCC")])
def test_hostile_records_are_text_and_secrets_are_not_shown(
    make: Callable[..., Service], tmp_path: Path, target: str, kinds: str
) -> None:
    put(tmp_path, "ann", HOSTILE, more=("eve", HOSTILE, HOSTILE, "eve@x.org", PASSWORD))
    auditor = Visitor(make(target, jobs={"people": {**PEOPLE, "sync": target}})).sign_in()
    auditor.post("/jobs/people/run")
    work(auditor.service)
    page = auditor.get("/jobs/people/runs/1").text
    check_page(page)
    assert "<script" not in page and "<img" not in page
    found = rows(page)
    assert "".join(row[0] for row in found) == kinds
    assert f"{HOSTILE} 3 userName" in found[1]
    assert "password (secret)" in found[0]
    held = (tmp_path / "plans" / "people-1.plan").read_text(encoding="utf-8")
    sealed = re.findall(r'"password":"([^"]+)"', held)
    assert len(sealed) == kinds.count("C")
    for path in ("/jobs", "/jobs/people", "/jobs/people/runs/1"):
        shown = auditor.get(path).text
        assert not [secret for secret in (PASSWORD, *sealed) if secret in shown]


def test_reading_a_plan_is_an_event(
    service: Service, auditor: Visitor, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor.get("/jobs")
    auditor.get("/jobs/people")
    auditor.get("/jobs/people/runs/7")
    assert [event for event in service.events if event["operation"] == "read"] == []
    auditor.get(plan)
    event = service.events[-1]
    said = {"operation": "read", "resourceType": "JobRun", "resourceId": "1", "actor": "tester"}
    assert said.items() <= event.items()
    assert event["target"] == "console"

    def full(*_: Any, **__: Any) -> Any:
        raise OSError("the disk is full")

    monkeypatch.setattr(service.app.extensions["matricula"]["audit"], "record", full)
    answer = auditor.get(plan)
    assert answer.status_code == 503
    assert "ann" not in words(answer.text).split()


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_plan_that_is_gone_is_not_found(
    service: Service, auditor: Visitor, plan: str, content: bytes | None
) -> None:
    file = service.folder / "plans" / "people-1.plan"
    file.unlink() if content is None else file.write_bytes(content)
    answer = auditor.get(plan)
    assert answer.status_code == 404
    assert "Run 1 of people has no plan, or none any more." in words(answer.text)
    told = links(auditor.get("/jobs/people").text, plan)
    # What waits to be seen is linked to in any case.
    assert told == [plan] * (1 if content is None else 2)


def test_writes_come_first_and_pages_follow(service: Service, auditor: Visitor) -> None:
    moodle = Scim(service, "moodle")
    for number in range(3):
        moodle.add(f"known{number}", name={"givenName": "Ann", "familyName": "Doe"})
    fresh = [f"fresh{number:02}" for number in range(49)]
    put(service.folder, "known0", "known1", "", *fresh, "known2")
    auditor.post("/jobs/people/run")
    work(service)
    path = "/jobs/people/runs/1"
    first = auditor.get(path).text
    assert "53 lines, page 1 of 2" in words(first)
    assert [row.split()[0] for row in rows(first)] == ["Create"] * 49 + ["Refused"]
    (place,) = links(first.partition('rel="next"')[2], "/jobs/people")
    second = auditor.get(place).text
    assert [row.split()[2] for row in rows(second)] == ["known0", "known1", "known2"]
    assert links(second.partition('rel="prev"')[2], "/jobs/people") == [f"{path}?page=1"]
    kinds = links(first.partition('aria-label="Kinds of lines"')[2], "/jobs/people")[:4]
    assert kinds == [path, *(f"{path}?kind={kind}" for kind in ("create", "refused", "none"))]
    assert [len(rows(auditor.get(kind).text)) for kind in kinds[1:]] == [49, 1, 3]
    assert rows(auditor.get(path, kind="refused").text) == ["Refused ? 4 it has no userName"]
    assert "The plan has no such line." in auditor.text(path, kind="delete")
    assert "beyond the last one" in auditor.text(path, page="3")
    for query in ({"page": "0"}, {"page": "x"}, {"kind": "nonsense"}):
        assert auditor.get(path, **query).status_code == 400


def test_a_run_leads_to_its_events(service: Service, auditor: Visitor, plan: str) -> None:
    auditor.press(plan, "Apply this plan: people")
    work(service)
    asked, done = links(auditor.get("/jobs/people").text, r"/events\?")
    assert subjects(auditor.get(asked)) == [
        "Apply plan Job people in Moodle of Arts",
        "Run job Job people in Moodle of Arts",
    ]
    made = {subject for subject in subjects(auditor.get(done)) if subject.startswith("Create")}
    assert made == {"Create ann in Moodle of Arts", "Create bob in Moodle of Arts"}


def test_an_export_leads_to_its_own_event(service: Service, auditor: Visitor) -> None:
    for _ in range(10):
        auditor.post("/jobs/roster/run")
        work(service)
    page = auditor.get("/jobs/roster").text
    assert "phase export" in words(page)
    newest, *_, oldest = links(page, r"/events\?operation=")
    assert "run-10/" in newest and "run-1/" in oldest
    assert subjects(auditor.get(oldest)) == ["Export User in memory"]


def test_a_failed_run_says_why_and_when_it_is_tried_again(
    service: Service, auditor: Visitor
) -> None:
    (service.folder / "people.csv").unlink()
    auditor.post("/jobs/people/run")
    work(service)
    text = auditor.text("/jobs/people")
    assert "people.csv: No such file or directory phase plan" in text
    assert "failures 1 tried again 20" in text
    assert "failed, tried again at 20" in auditor.text("/jobs")


def test_the_menu_tells_where_one_is(plan: str, auditor: Visitor) -> None:
    for path, said in (("/jobs", "page"), ("/jobs/people", "true"), (plan, "true")):
        page = auditor.get(path).text
        check_page(page)
        menu = page.partition('aria-label="Pages"')[2].partition("</nav>")[0]
        assert re.findall(r'aria-current="(\w+)">(\w+)', menu) == [(said, "Jobs")]


def test_the_overview_says_what_waits_for_somebody(
    service: Service, auditor: Visitor, make_visitor: Callable[..., Visitor]
) -> None:
    assert "The job" not in auditor.text("/")
    put(service.folder, "ann")
    auditor.post("/jobs/people/run")
    work(service)
    assert "The job people has a plan that waits to be seen and applied." in auditor.text("/")
    assert "The job" not in make_visitor("audit:read").text("/")
    (service.folder / "people.csv").write_text("nobody's name\n", encoding="utf-8")
    auditor.post("/jobs/people/run")
    work(service)
    assert "The job people has failed." in auditor.text("/")
