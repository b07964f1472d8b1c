"""Guards: exact limits for what may do harm, whoever is at work, until somebody releases them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from connectors.base import Options
from connectors.memory import Memory
from gateway.cli import main
from gateway.database import Database
from gateway.guards.configuration import GuardSettings, Limit, Limits, parse_guard
from gateway.guards.guard import Guard, Stopped
from gateway.intents import Intent
from gateway.references import ConfigurationError
from gateway.settings import TargetSettings
from gateway.targets import Target
from tests.gateway.service import Scim, Service, audit_log, course, membership, patch_op

Make = Callable[..., Service]
DISABLE = {"op": "replace", "path": "active", "value": False}


def guarded(**limits: Limits) -> dict[str, Any]:
    return {"policies": {"guard": GuardSettings(60.0, dict(limits))}}


def people(scim: Scim, count: int) -> list[str]:
    return [scim.add(f"person{number}") for number in range(count)]


def operations(service: Service) -> list[tuple[str, str]]:
    return [(event["operation"], event["resourceType"]) for event in service.events]


def release(service: Service, target: str, kind: str) -> None:
    known = service.app.extensions["matricula"]
    Guard(known["database"], known["audit"]).release(target, kind, Intent("", "release", "Guard"))


def test_the_limit_is_exact_and_holds_until_it_is_released(scim: Scim, make: Make) -> None:
    service = make(scim.name, **guarded(disable=Limits(Limit(2))))
    scim = Scim(service, scim.name)
    ids = people(scim, 4)
    answers = [scim.patch(f"/Users/{id}", DISABLE).status_code for id in ids]
    assert answers[2:] == [429, 429]
    assert {*answers[:2]} <= {200, 204}
    held = [scim.get(f"/Users/{id}").json.get("active", True) for id in ids]
    assert held == [False, False, True, True]
    stopped = scim.patch(f"/Users/{ids[3]}", DISABLE)
    assert "matricula guard release" in stopped.json["detail"]
    assert operations(service).count(("stop", "Guard")) == 1
    assert service.events[-1]["outcome"] == "refused"
    release(service, scim.name, "disable")
    assert service.events[-1]["operation"] == "release"
    assert scim.patch(f"/Users/{ids[2]}", DISABLE).status_code < 300
    assert scim.patch(f"/Users/{ids[3]}", DISABLE).status_code < 300


def test_each_way_of_disabling_counts(make: Make) -> None:
    service = make("moodle", **guarded(disable=Limits(Limit(3))))
    scim = Scim(service, "moodle")
    one, two, three, four = people(scim, 4)
    assert scim.post(f"/Users/{one}/.disable").status_code == 204
    body = scim.get(f"/Users/{two}").json | {"active": False}
    assert scim.put(f"/Users/{two}", body).status_code == 200
    operation = {"method": "PATCH", "path": f"/Users/{three}", "data": patch_op(DISABLE)}
    bulk = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [operation, operation | {"path": f"/Users/{four}"}],
    }
    results = scim.post("/Bulk", bulk).json["Operations"]
    assert sorted(one["status"] for one in results) == ["200", "429"]
    # What changes nothing counts nothing, and is not refused.
    assert scim.post(f"/Users/{one}/.disable").status_code == 204
    assert scim.patch(f"/Users/{one}", {"op": "add", "path": "active", "value": True}).status_code


def test_deletes_are_guarded_but_not_those_of_memberships(make: Make) -> None:
    service = make("moodle", **guarded(delete=Limits(Limit(1))))
    scim = Scim(service, "moodle")
    one, two = people(scim, 2)
    room = scim.post("/Courses", course("C1")).json["id"]
    held = [scim.post("/Memberships", membership(id, room)).json["id"] for id in (one, two)]
    assert [scim.delete(f"/Memberships/{id}").status_code for id in held] == [204, 204]
    assert [scim.delete(f"/Users/{id}").status_code for id in (one, two)] == [204, 429]
    assert scim.get(f"/Users/{two}").status_code == 200


def test_roles_that_are_granted_are_counted(make: Make) -> None:
    service = make("blackboard", **guarded(grant=Limits(Limit(2))))
    scim = Scim(service, "blackboard")
    one, two = people(scim, 2)
    room = scim.post("/Courses", course("C1")).json["id"]
    assert scim.post("/Memberships", membership(one, room)).status_code == 201
    teacher = membership(two, room, courseRoleId="Instructor")
    assert scim.post("/Memberships", teacher).status_code == 201
    roles = {"op": "add", "path": "systemRoleIds", "value": ["SystemAdmin", "CourseCreator"]}
    refused = scim.patch(f"/Users/{one}", roles)
    assert refused.status_code == 429, refused.text
    single = {"op": "add", "path": "systemRoleIds", "value": ["SystemAdmin"]}
    assert scim.patch(f"/Users/{one}", single).status_code == 429, "until it is released"
    assert "SystemAdmin" not in scim.get(f"/Users/{one}").text


def test_a_share_is_of_the_accounts_that_there_are(make: Make) -> None:
    service = make("moodle", users=19, **guarded(disable=Limits(Limit(percent=10))))
    scim = Scim(service, "moodle")
    ids = [user["id"] for user in scim.get("/Users").json["Resources"]][-4:]
    population = scim.get("/Users", count=0).json["totalResults"]
    most = int(population / 10)
    answers = [scim.patch(f"/Users/{id}", DISABLE).status_code for id in ids]
    assert answers == [200] * most + [429] * (4 - most)


def test_a_dry_run_says_what_the_guard_would_and_counts_nothing(make: Make) -> None:
    service = make("moodle", **guarded(disable=Limits(Limit(1))))
    scim = Scim(service, "moodle")
    one, two = people(scim, 2)
    asked = {"query_string": {"dryRun": "true"}}
    for _ in range(3):
        plan = scim.patch(f"/Users/{one}", DISABLE, **asked).json
        assert plan["outcome"] == "planned"
    scim.patch(f"/Users/{one}", DISABLE)
    plan = scim.patch(f"/Users/{two}", DISABLE, **asked).json
    assert plan["refusal"]["status"] == "429"
    assert ("stop", "Guard") not in operations(service)


def target(**limits: Limits) -> Target:
    settings = TargetSettings(
        "memory", Options(name="memory"), guard=GuardSettings(60.0, dict(limits))
    )
    return Target("memory", settings, Memory(settings.options))


def test_four_workers_together_stay_within_the_limit(database: Database) -> None:
    audit = audit_log(database)
    place = target(disable=Limits(Limit(10), Limit(7)))
    workers = [Guard(database, audit) for _ in range(4)]

    def disable(number: int) -> bool:
        guard = workers[number % 4]
        admission = guard.admission(place, {"disable": 1}, "a run")
        try:
            audit.begin(Intent("memory", "patch", "User", str(number)), admission)
        except Stopped as stopped:
            guard.stop(stopped)
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(disable, range(40))) == 7
    assert len(audit.unsettled()) == 7
    _, stops = audit.search(None, count=100)
    assert [event["operation"] for event in stops].count("stop") == 1


def test_runs_are_counted_apart_and_together(database: Database) -> None:
    audit = audit_log(database)
    guard, place = Guard(database, audit), target(delete=Limits(Limit(5), Limit(3)))

    def delete(run: str) -> None:
        admission = guard.admission(place, {"delete": 1}, run)
        audit.begin(Intent("memory", "delete", "User", "1"), admission)

    for run in ("one", "one", "one", "two", "two"):
        delete(run)
    for run in ("one", "two", ""):
        with pytest.raises(Stopped):
            delete(run)
    delete_refused = guard.states()[0]
    assert delete_refused.stopped is None, "only who was refused says so"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"disables": {}}, "unknown entry guard.disables"),
        ({"disable": 5}, "must be a table"),
        ({"disable": {"most": -1}}, "from 0 on"),
        ({"disable": {"most": 1.5}}, "whole number"),
        ({"disable": {"most": True}}, "whole number"),
        ({"disable": {"many": 1}}, "unknown entry guard.disable.many"),
        ({"window": 0}, "seconds"),
        ([], "section"),
    ],
)
def test_bad_limits_are_refused(table: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse_guard(table, "guard")


def test_the_command_lists_and_releases(tmp_path: Path) -> None:
    config = tmp_path / "matricula.toml"
    config.write_text(
        '[targets.memory]\nconnector = "memory"\n[targets.memory.guard]\ndisable = { most = 0 }\n'
    )

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["guard", *arguments, "--config", str(config)])

    assert run("list").output == ""
    from gateway.commands import ledger_of, targets_of

    with ledger_of(config) as ledger:
        guard = Guard(ledger.audit._database, ledger.audit)
        place = targets_of(config, "memory")["memory"]
        admission = guard.admission(place, {"disable": 1}, "")
        with pytest.raises(Stopped) as stopped:
            ledger.audit.begin(Intent("memory", "patch", "User", "1"), admission)
        guard.stop(stopped.value)
    assert "memory: disable: stopped since" in run("list").output
    assert run("release", "memory", "delete").exit_code == 1
    assert run("release", "memory", "disable").output == "Released: disable on memory.\n"
    assert "goes on" in run("list").output
    assert run("release", "memory", "disable").exit_code == 1
    with ledger_of(config) as ledger:
        done = [event["operation"] for event in ledger.audit.stream()]
    assert done == ["stop", "release"]
