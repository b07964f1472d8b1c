"""Jobs over HTTP: asked for, planned, applied, done by a schedule, paused and tried again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.guards.configuration import parse_guard
from gateway.intents import Intent
from gateway.jobs import running, store
from gateway.jobs.working import refuse_mistakes
from gateway.references import ConfigurationError
from schemas.errors import ScimError
from tests.gateway.jobs.office import Office, later, make_office
from tests.gateway.service import Scim, make_service

SECRET = "Never-Shown-4711"
PEOPLE: dict[str, Any] = {"sync": "moodle", "file": "people.csv"}
AT_ONCE = PEOPLE | {"apply": True}
OWN = {"admin", "guest", "scimgw"}
"""Whom a new Moodle has."""
NIGHTLY = AT_ONCE | {"schedule": "30 2 * * *"}


def logins(office: Office) -> set[str]:
    return set(office.scim.logins(count=1000)) - OWN


def test_a_plan_waits_until_somebody_applies_it(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": PEOPLE})
    office.write("people.csv", "ann", "bob")
    run = office.done("people")
    assert (run["state"], run["phase"], run["totals"]) == ("planned", "plan", {"create": 2})
    assert (run["job"], run["target"], run["actor"]) == ("people", "moodle", "tester")
    assert logins(office) == set()
    assert office.scim.get("/Jobs/people").json["lastRun"]["state"] == "planned"

    run = office.done("people", "apply")
    assert (run["state"], run["phase"], run["totals"]) == ("done", "apply", {"create": 2})
    assert run["ended"] >= run["started"] >= run["requested"]
    assert logins(office) == {"ann", "bob"}
    asked = [(e["operation"], e["resourceId"], e["actor"]) for e in office.events("run", "apply")]
    assert asked == [("run", "people", "tester"), ("apply", "people", "tester")]
    made = [e for e in office.service.events if e.get("requestId", "").startswith(run["events"])]
    assert [e["operation"] for e in made] == ["create", "create", "sync"]
    assert {e["actor"] for e in made} == {"tester"}
    assert {e["client"] for e in made} == {"job people"}


def test_a_job_may_apply_its_plan_at_once_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE})
    office.write("people.csv", "ann")
    assert office.done("people")["state"] == "done"
    office.service.forget()
    again = office.done("people")
    assert (again["state"], again["totals"]) == ("done", {"none": 1})
    assert again["detail"] == "There was nothing to write."
    made = [name for name, _ in office.service.moodle.site.calls if "_get_" not in name]
    assert made == []


def test_what_a_plan_refuses_is_told_at_the_end_as_well(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE})
    office.write("people.csv", "ann", "")
    assert office.done("people")["totals"] == {"create": 1, "refused": 1}
    assert office.done("people")["totals"] == {"none": 1, "refused": 1}


def test_a_plan_can_be_read_and_shows_no_secret(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": PEOPLE})
    lines = [f"p{n},A,B,p{n}@example.edu,{SECRET}-{n}aA1!" for n in range(5)]
    head = "userName,name.givenName,name.familyName,contact.email,password"
    text = "\n".join([head, *lines, f",A,B,x@example.edu,{SECRET}"])
    (tmp_path / "people.csv").write_text(text)
    path = f"/JobRuns/{office.done('people')['id']}/.plan"
    page = office.scim.get(path)
    assert SECRET not in page.text
    assert page.json["totals"]["create"] == 5
    assert page.json["forecast"]["create"] >= 1
    assert page.json["lines"][0]["secrets"] == ["password"]
    assert page.json["lines"][-1]["kind"] == "refused"
    some = office.scim.get(path, kind="create", startIndex=4, count=1).json
    assert (some["totalResults"], [line["login"] for line in some["lines"]]) == (5, ["p3"])
    assert office.scim.get(path, kind="x").status_code == 400
    assert office.scim.get(path, count="x").status_code == 400
    assert office.scim.get("/JobRuns/99/.plan").status_code == 404
    for plan in tmp_path.glob("plans/*"):
        assert plan.stat().st_mode & 0o077 == 0
        plan.unlink()
    assert office.scim.get(path).status_code == 404


def test_only_the_plan_that_was_seen_is_applied(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": PEOPLE})
    office.write("people.csv", "ann")
    first = office.done("people")["id"]
    second = office.done("people")["id"]
    said = office.ask("people", "apply", 409, run=first)["detail"]
    assert said == f"people: run {first} is not the newest any more."
    for wrong in (7, "x", "", "9" * 5000):
        office.ask("people", "apply", 400, run=wrong)
    office.ask("people", "apply", run=second)
    office.ask("people", "apply", 409)
    assert office.work() == 1
    assert office.run(second)["state"] == "done"
    assert office.run(first)["state"] == "planned"
    said = office.ask("people", "apply", 409)["detail"]
    assert said == f"people: there is nothing to apply: run {second} is done."


def test_each_workflow_is_a_job(tmp_path: Path) -> None:
    jobs = {name: AT_ONCE | {"file": f"{name}.csv", "each": name} for name in ("create", "change")}
    jobs["delete"] = AT_ONCE | {"file": "delete.csv", "each": "delete"}
    office = make_office(tmp_path, jobs)
    office.write("create.csv", "ann", "bob", "cid")
    assert office.done("create")["totals"] == {"create": 3}
    office.write("change.csv", "ann", "bob", "dan", bob="Bert")
    assert office.done("change")["totals"] == {"change": 1}
    office.write("delete.csv", "cid", "eve")
    assert office.done("delete")["totals"] == {"delete": 1}
    held = office.scim.get("/Users", attributes="userName,name").json["Resources"]
    given = {user["userName"]: user["name"]["givenName"] for user in held}
    assert (given["ann"], given["bob"]) == ("Ann", "Bert")
    assert logins(office) == {"ann", "bob"}


def test_an_export_is_written_to_its_file(tmp_path: Path) -> None:
    job = {"export": "moodle", "out": "people-%Y.csv", "format": "csv", "filter": "userName pr"}
    office = make_office(tmp_path, {"out": job}, users=3)
    run = office.done("out")
    (file,) = tmp_path.glob("people-2*.csv")
    rows = file.read_text().splitlines()
    assert (run["state"], run["totals"]["written"]) == ("done", len(rows) - 1)
    (event,) = office.events("export")
    assert (event["requestId"], event["actor"]) == (f"{run['events']}export", "tester")
    assert event["detail"] == "userName"
    assert office.done("out")["state"] == "done"


def test_an_export_stops_in_the_middle_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_LOOK_SECONDS", 0)
    office = make_office(tmp_path, {"out": {"export": "moodle", "out": "out.jsonl"}}, users=450)
    id = office.ask("out", "run")["id"]
    assert office.work(lambda: True) == 1
    assert office.run(id)["state"] == "waiting"
    (part,) = tmp_path.glob("out.jsonl.part")
    begun = part.read_text()
    assert 0 < len(begun.splitlines()) < 450
    assert office.work() == 1
    assert office.run(id)["state"] == "done"
    text = (tmp_path / "out.jsonl").read_text()
    logins = [json.loads(line)["userName"] for line in text.splitlines()]
    assert text.startswith(begun)
    assert len(logins) == len(set(logins)) >= 450


def test_a_delta_tells_once_what_is_new(tmp_path: Path) -> None:
    job = {"export": "moodle", "out": "d-%H%M%S%f.jsonl", "delta": "people.state"}
    office = make_office(tmp_path, {"delta": job})
    assert office.done("delta")["totals"]["created"] > 0
    office.scim.add("ann")
    run = office.done("delta")
    assert (run["totals"]["created"], run["totals"].get("changed", 0)) == (1, 0)
    newest = max(tmp_path.glob("d-*.jsonl"))
    (told,) = map(json.loads, newest.read_text().splitlines())
    assert (told["op"], told["resource"]["userName"]) == ("created", "ann")


def test_a_schedule_begins_a_run_once(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": NIGHTLY | {"zone": "Europe/Berlin"}})
    office.write("people.csv", "ann")
    shown = office.scim.get("/Jobs/people").json
    assert (shown["schedule"], shown["zone"]) == ("30 2 * * *", "Europe/Berlin")
    assert shown["next"][11:19] in ("00:30:00", "01:30:00")
    assert office.work() == 0
    with later(days=1):
        assert office.work() == 1
        assert office.work() == 0
    run = office.newest("people")
    assert (run.actor, run.state) == ("schedule", "done")
    (event,) = office.events("run")
    assert (event["actor"], event["resourceId"]) == ("schedule", "people")
    assert logins(office) == {"ann"}


def test_what_a_schedule_has_missed_is_done_once(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": NIGHTLY})
    office.write("people.csv", "ann")
    with later(days=30):
        assert office.work() == 1
    with later(days=31):
        assert office.work() == 1
    assert len(office.desk.runs(job="people")) == 2


def test_a_schedule_that_is_new_begins_now(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE})
    office.write("people.csv", "ann")
    with later(days=30):
        again = make_office(tmp_path, {"people": NIGHTLY}, moodle=office.service.moodle)
        assert again.work() == 0
    with later(days=31):
        assert again.work() == 1


def test_a_schedule_does_not_begin_what_is_at_work(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": NIGHTLY})
    run = office.ask("people", "run")
    with later(days=1):
        office.desk.run_due()
        assert [one.id for one in office.desk.runs()] == [int(run["id"])]
        assert office.scim.get("/Jobs/people").json["next"] > run["requested"]


def test_a_paused_job_does_nothing(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": NIGHTLY})
    office.write("people.csv", "ann")
    office.ask("people", "run")
    shown = office.ask("people", "pause", 200)
    assert shown["paused"] is True
    assert "next" not in shown
    with later(days=1):
        assert office.work() == 0
    for what in ("run", "apply", "retry"):
        assert office.ask("people", what, 409)["detail"] == "people is paused: resume it first."
    assert office.ask("people", "pause", 409)["detail"] == "people is paused already."
    with later(days=2):
        assert office.ask("people", "resume", 200)["paused"] is False
        # What was asked for before is done; what the schedule has missed is not.
        assert office.work() == 1
    assert office.ask("people", "resume", 409)["detail"] == "people is not paused."
    done = [(e["operation"], e["outcome"]) for e in office.events("pause", "resume")]
    assert done == [("pause", "success"), ("resume", "success")]


@pytest.mark.parametrize("ends", ["pause", "stop"])
def test_a_run_stops_in_the_middle_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr(running, "_LOOK_SECONDS", 0)
    people = [f"p{n}" for n in range(300)]
    office = make_office(tmp_path, {"people": AT_ONCE})
    office.write("people.csv", *people)
    looks = 0

    def is_over() -> bool:
        nonlocal looks
        looks += 1
        if looks == 60 and ends == "pause":
            office.desk.pause("people", Intent("", "", "Job", actor="tester"))
        return looks >= 60 and ends == "stop"

    id = office.ask("people", "run")["id"]
    assert office.work(is_over) == 1
    run = office.run(id)
    assert (run["state"], run["phase"], run["failures"]) == ("waiting", "apply", 0)
    assert 0 < len(logins(office)) < len(people)
    if ends == "pause":
        office.ask("people", "resume", 200)
    assert office.work() == 1
    run = office.run(id)
    assert (run["state"], run["totals"]["create"] + run["totals"]["done before"]) == ("done", 300)
    assert logins(office) == set(people)
    made = [e["login"] for e in office.events("create") if e["outcome"] == "success"]
    assert sorted(made) == sorted(people)


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE})
    office.write("people.csv", "ann")
    id = office.ask("people", "run")["id"]
    store.Store(office.services.database).change(int(id), state="running", starts=3)
    assert office.work() == 1
    assert office.run(id)["state"] == "done"


def test_a_run_over_which_processes_die_is_given_up(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE})
    office.write("people.csv", "ann")
    id = office.ask("people", "run")["id"]
    kept = store.Store(office.services.database)
    kept.change(int(id), state="running", starts=running.MOST_STARTS)
    assert office.work() == 1
    run = office.run(id)
    assert (run["state"], run["detail"]) == ("failed", "The processes that did it have died.")
    assert logins(office) == set()
    assert office.done("people", "retry")["state"] == "done"


def test_what_fails_is_tried_again_and_then_left(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE | {"tries": 2}})
    run = office.done("people")
    assert (run["state"], run["failures"]) == ("waiting", 1)
    # Where the file is concerns nobody who may only read of jobs.
    assert run["detail"] == "people.csv: No such file or directory"
    assert office.scim.get("/Jobs/people").json["lastRun"]["state"] == "waiting"
    assert office.done("people", "retry")["failures"] == 1
    assert office.work() == 0
    with later(seconds=61):
        assert office.work() == 1
    run = office.run(run["id"])
    assert (run["state"], run["failures"]) == ("failed", 2)
    with later(days=2):
        assert office.work() == 0
    office.write("people.csv", "ann")
    assert office.done("people", "retry")["state"] == "done"
    assert [e["operation"] for e in office.events("run", "retry")] == [
        *("run", "retry", "retry"),
    ]
    assert office.ask("people", "retry", 409)["detail"].endswith(f"run {run['id']} is done.")


def test_what_somebody_else_has_tried_meanwhile_waits_for_its_time(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE})
    office.ask("people", "run")
    (seen,) = store.Store(office.services.database).active()
    assert office.work() == 1
    assert office.newest("people").failures == 1
    assert office.worker().work(seen, lambda: False) is None
    assert office.newest("people").failures == 1


def test_a_mistake_is_not_tried_again(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE})
    (tmp_path / "people.csv").write_text("name.givenName\nAnn\n")
    run = office.done("people")
    assert run["state"] == "failed"
    assert run["detail"] == "No column holds userName, by which accounts are matched."


def test_an_lms_that_has_moved_on_is_planned_for_anew(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": PEOPLE})
    office.write("people.csv", "ann", ann="Anna")
    office.done("people")
    office.scim.add("ann")
    run = office.done("people", "apply")
    assert (run["state"], run["phase"], run["failures"]) == ("waiting", "plan", 1)
    assert "has moved on" in run["detail"]
    assert "ann" not in run["detail"]
    with later(seconds=61):
        assert office.work() == 1
    run = office.run(run["id"])
    # A new plan is a new one to be seen.
    assert run["state"] == "planned"


def test_a_guard_stops_a_job_until_it_is_released(tmp_path: Path) -> None:
    guard = parse_guard({"delete": {"run": 1}}, "guard")
    office = make_office(
        tmp_path,
        {"gone": AT_ONCE | {"each": "delete"}},
        moodle_policies={"guard": guard, "delete": "delete"},
    )
    for login in ("ann", "bob"):
        office.scim.add(login)
    office.write("people.csv", "ann", "bob")
    run = office.done("gone")
    assert (run["state"], run["totals"]) == ("stopped", {"delete": 1, "left": 1})
    assert "The guard of moodle allows 1 deletes in one run." in run["detail"]
    assert office.done("gone", "retry")["state"] == "stopped"
    office.services.guard.release("moodle", "delete", Intent("", "release", "Guard"))
    assert office.done("gone", "retry")["state"] == "done"
    assert logins(office) == set()


def test_a_target_in_shadow_mode_is_only_planned_for(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE}, moodle_policies={"mode": "shadow"})
    office.write("people.csv", "ann")
    run = office.done("people")
    assert (run["state"], run["detail"]) == (
        *("planned", "moodle is in shadow mode: nothing is written."),
    )


def test_who_is_not_there_is_created_and_then_enrolled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolments = {
        "sync": "moodle",
        "type": "Membership",
        "file": "enrolments.csv",
        "apply": True,
        "map": ["Person=userId.userName", "Course=courseId.courseId"],
    }
    jobs = {"people": AT_ONCE | {"then": "enrolments"}, "enrolments": enrolments}
    office = make_office(tmp_path, jobs)
    course = office.scim.add_course("C1")
    office.write("people.csv", "ann", "bob")
    (tmp_path / "enrolments.csv").write_text("Person,Course\nann,C1\nbob,C1\n")

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    id = office.ask("people", "run")["id"]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("gateway.jobs.desk.Desk.end", crash)
        office.work()
    # The process has died before the end was kept: it is not done, and nothing follows.
    assert office.run(id)["state"] == "running"
    assert office.desk.job("enrolments").newest is None
    assert office.work() == 2
    assert (office.run(id)["state"], office.newest("enrolments").state) == ("done", "done")
    held = office.scim.get("/Memberships", filter=f'courseId eq "{course}"').json
    assert sorted(one["userName"] for one in held["Resources"]) == ["ann", "bob"]
    made = [e["login"] for e in office.events("create") if e["resourceType"] == "User"]
    assert sorted(made) == ["ann", "bob"]
    asked = [(e["resourceId"], e["actor"], e["client"]) for e in office.events("run")]
    assert asked[1:] == [("enrolments", "tester", "job people")]


def test_what_is_at_work_is_not_begun_a_second_time_by_what_it_follows(tmp_path: Path) -> None:
    jobs = {"people": AT_ONCE | {"then": "other"}, "other": AT_ONCE}
    office = make_office(tmp_path, jobs)
    office.write("people.csv", "ann")
    with office.services.database.lock(["other"], 0, family="jobs"):
        office.ask("other", "run")
        assert office.done("people")["state"] == "done"
    assert len(office.desk.runs(job="other")) == 1
    assert office.work() == 1


def test_a_job_is_done_by_one_at_a_time(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": AT_ONCE, "again": AT_ONCE})
    office.write("people.csv", "ann")
    office.ask("people", "run")
    assert office.ask("people", "run", 409)["detail"].endswith("is waiting.")
    with office.services.database.lock(["people"], 0, family="jobs"):
        assert office.work() == 0
        with pytest.raises(ScimError) as caught:
            office.worker().do("people", lambda: office.newest("people"), lambda told: None)
        assert caught.value.status == 503
        office.ask("again", "run")
        assert office.work() == 1
    assert office.work() == 1


def test_old_runs_are_forgotten_with_their_plans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT", 2)
    office = make_office(tmp_path, {"people": PEOPLE, "other": PEOPLE})
    office.write("people.csv", "ann")
    office.done("other")
    ids = [office.done("people")["id"] for _ in range(4)]
    assert [run.id for run in office.desk.runs(job="people")] == [int(ids[3]), int(ids[2])]
    kept = sorted(plan.name for plan in tmp_path.glob("plans/*.plan"))
    assert kept == ["other-1.plan", f"people-{ids[2]}.plan", f"people-{ids[3]}.plan"]


def test_jobs_and_runs_are_searched_as_all_resources_are(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"b": PEOPLE, "a": NIGHTLY})
    office.write("people.csv", "ann")
    for name in ("a", "b", "b"):
        office.done(name)
    scim = office.scim

    def ids(path: str, **query: Any) -> list[str]:
        return [one["id"] for one in scim.get(path, **query).json.get("Resources", ())]

    assert ids("/Jobs") == ["a", "b"]
    assert ids("/Jobs", filter="schedule pr") == ["a"]
    assert ids("/JobRuns") == ["3", "2", "1"]
    assert ids("/JobRuns", filter='job eq "b" and state eq "DONE"') == ["3", "2"]
    assert ids("/JobRuns", sortBy="requested", count=2, startIndex=2) == ["2", "3"]
    first = scim.get("/JobRuns", cursor="", count=2).json
    rest = scim.get("/JobRuns", cursor=first["nextCursor"], count=2).json
    assert [one["id"] for one in rest["Resources"]] == ["1"]
    assert "nextCursor" not in rest
    assert scim.get("/Jobs/a", attributes="kind").json.keys() == {"schemas", "id", "kind"}
    body = {"filter": 'id eq "2"', "schemas": []}
    assert scim.post("/JobRuns/.search", body).json["totalResults"] == 1
    for path in ("/Jobs/x", "/JobRuns/x"):
        assert scim.get(path).status_code == 404
    for method in ("PUT", "PATCH", "DELETE"):
        assert scim.send(method, "/Jobs/a", {}).status_code == 405
    assert scim.post("/Jobs", {}).status_code == 405


def test_who_may_ask(tmp_path: Path) -> None:
    jobs = {"people": PEOPLE, "other": {"export": "memory", "out": "m.jsonl"}}
    service = make_service(tmp_path, ["moodle", "memory"], jobs=jobs)
    office = Office(service, "moodle")
    office.write("people.csv", "ann")
    office.done("people")
    # Another target's job is none of this one's.
    assert [job["id"] for job in office.scim.get("/Jobs").json["Resources"]] == ["people"]
    assert office.scim.post("/Jobs/other/.run").status_code == 404

    def answers(*scopes: str, target: str = "moodle") -> list[int]:
        name = f"{target}-{'-'.join(scopes)}"
        service.tokens.add(name, name=name, targets=[target], scopes=list(scopes))
        service.client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {name}"
        scim = Scim(service, "moodle")
        return [
            scim.get("/Jobs").status_code,
            scim.get("/JobRuns/1/.plan").status_code,
            scim.post("/Jobs/people/.pause").status_code,
        ]

    assert answers("jobs:read") == [200, 403, 403]
    assert answers("jobs:read", "users:read") == [200, 200, 403]
    assert answers("users:write") == [403, 403, 403]
    assert answers("admin", target="memory") == [403, 403, 403]
    assert answers("jobs:write") == [403, 403, 200]


def test_a_job_that_could_never_be_done_is_refused_at_the_start(tmp_path: Path) -> None:
    def refused(**job: Any) -> str:
        services = make_office(tmp_path, {"one": job}).services
        with pytest.raises(ConfigurationError) as caught:
            refuse_mistakes(services)
        return str(caught.value)

    refuse_mistakes(make_office(tmp_path, {"people": PEOPLE}).services)
    assert refused(**PEOPLE, type="Thing") == "jobs.one: moodle has no resource type Thing"
    assert "nothing" in refused(**PEOPLE, match="nothing")
    assert "jobs.one: " in refused(export="moodle", out="a", filter="userName")
    assert "jobs.one: " in refused(export="moodle", out="a", attributes=["nothing"])


def test_a_job_of_another_target_now_begins_anew(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": PEOPLE})
    office.write("people.csv", "ann")
    office.ask("people", "run")
    moved = {"people": AT_ONCE | {"sync": "memory"}}
    other = make_office(tmp_path, moved, "memory")
    assert other.desk.job("people").newest is None
    assert other.work() == 0
    assert other.done("people")["state"] == "done"
    assert "ann" in other.scim.logins()
    assert "ann" not in logins(office)


def test_a_job_that_is_gone_from_the_configuration_is_left(tmp_path: Path) -> None:
    office = make_office(tmp_path, {"people": PEOPLE})
    office.ask("people", "run")
    rest = make_office(tmp_path, {}, moodle=office.service.moodle)
    assert rest.work() == 0
    assert rest.scim.get("/Jobs").json["totalResults"] == 0
    assert rest.scim.get("/JobRuns").json["totalResults"] == 1
    assert rest.scim.post("/Jobs/people/.run").status_code == 404


def test_a_stop_with_the_last_write_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_LOOK_SECONDS", 0)
    office = make_office(tmp_path, {"people": AT_ONCE})
    office.write("people.csv", "ann")
    looks: list[int] = []

    def is_over() -> bool:
        # The first look is at the planning, the second one at the only write.
        looks.append(1)
        return len(looks) > 1

    id = office.ask("people", "run")["id"]
    office.work(is_over)
    assert len(looks) > 1
    assert office.run(id)["state"] == "done"
    (event,) = office.events("sync")
    assert event["outcome"] == "success"
