"""The simulator proved by bbrest, a Blackboard client that others wrote, over a loopback port.

bbrest makes its typed methods from the vendor's description, which its constructor downloads; here
it gets the recorded one instead. It breaks off if a property of a body has no type or description.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.blackboard.simulator import Simulator, create_simulator
from connectors.blackboard.simulator.entitlements import ALL, CREATE_USERS
from tests.connectors.blackboard.site import START, fixture, person

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    bbrest = pytest.importorskip("bbrest", reason="bbrest is not installed")

pytestmark = pytest.mark.filterwarnings("ignore")


def description() -> dict[str, Any]:
    """Return the recorded description with what bbrest reads of it."""
    document: dict[str, Any] = copy.deepcopy(fixture("openapi-trimmed.json"))
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.setdefault("parameters", []):
                schema = parameter.get("schema", {})
                for name, given in schema.get("properties", {}).items():
                    given.setdefault("type", "object")
                    given.setdefault("description", name)
    return document


class Download:
    """The answer to the download of the description."""

    def json(self) -> dict[str, Any]:
        return description()


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=130, courses=3, rate_header_style="reset")


@pytest.fixture
def learn(
    simulator: Simulator, address: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[bbrest.BbRest]:
    monkeypatch.setattr(bbrest.requests, "get", lambda url: Download())
    site = simulator.site
    client = bbrest.BbRest(site.client_id, site.client_secret, address)
    yield client
    client.session.close()


def test_it_signs_in_and_learns_the_version(learn: bbrest.BbRest, simulator: Simulator) -> None:
    assert learn.version == "3900.123.0"
    assert simulator.site.tokens.is_valid(learn.token_info["access_token"])
    assert not learn.is_expired()


def test_wrong_credentials_give_no_methods(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bbrest.requests, "get", lambda url: Download())
    client = bbrest.BbRest("key", "secret", address)
    assert "Authorization failed" in capsys.readouterr().out
    assert not hasattr(client, "GetUsers")


def test_users_are_listed_over_two_pages(learn: bbrest.BbRest, simulator: Simulator) -> None:
    simulator.site.calls.clear()
    rows = learn.GetUsers(limit=200).json()["results"]
    assert [row["userName"] for row in rows] == [
        "integration",
        *(f"user{number}" for number in range(1, 131)),
    ]
    assert len(simulator.site.calls) == 2
    part = learn.GetUsers(limit=7, params={"limit": 4, "fields": "id"}).json()
    assert [row["id"] for row in part["results"]] == ["_2_1", *(f"_{n}_1" for n in range(101, 107))]
    assert part["paging"]["nextPage"].endswith("?limit=4&fields=id&offset=7")


def test_an_account_is_created_read_changed_and_deleted(
    learn: bbrest.BbRest, simulator: Simulator
) -> None:
    made = learn.CreateUser(payload=person("zoë", studentId="7"))
    assert made.status_code == 201
    assert learn.CreateUser(payload=person("zoë")).status_code == 409
    assert learn.GetUser(userId="zoë").json() == made.json()
    changed = learn.UpdateUser(userId="zoë", payload={"job": {"title": "Dean"}})
    assert changed.json()["job"] == {"title": "Dean"}
    assert changed.json()["studentId"] == "7"
    assert simulator.site.passwords_match("zoë", "Passw0rd!x")
    assert learn.DeleteUser(userId=made.json()["id"]).status_code == 204
    gone = learn.GetUser(userId="zoë")
    assert gone.status_code == 404
    assert gone.json()["message"] == "Could not find object with ID: userName:zoë"


def test_a_course_is_created_read_changed_and_deleted(
    learn: bbrest.BbRest, simulator: Simulator
) -> None:
    simulator.site.clock.set(START)
    learn.refresh_token()
    made = learn.CreateCourse(payload={"courseId": "Choir", "name": "Choir"})
    assert made.status_code == 201
    assert learn.GetCourse(courseId="Choir").json() == made.json()
    changed = learn.UpdateCourse(courseId="Choir", payload={"name": "Chorus"})
    assert changed.json()["name"] == "Chorus"
    assert [row["courseId"] for row in learn.GetCourses().json()["results"]][-1] == "Choir"
    queued = learn.DeleteCourse(courseId="Choir")
    assert queued.status_code == 202
    task = queued.headers["Location"].rsplit("/", 1)[1]
    course = made.json()["id"]
    assert learn.GetTask(courseId=course, taskId=task).json()["status"] == "Queued"
    simulator.site.clock.advance(2)
    finished = learn.GetTask(courseId=course, taskId=task)
    assert [one.status_code for one in finished.history] == [303]
    assert finished.status_code == learn.GetCourse(courseId="Choir").status_code == 404


def test_people_are_enrolled_and_grouped(learn: bbrest.BbRest, simulator: Simulator) -> None:
    learn.CreateCourse(payload={"courseId": "Choir", "name": "Choir"})
    enrol = {"courseId": "Choir", "userId": "user1"}
    made = learn.CreateMembership(**enrol, payload={"courseRoleId": "Grader"})
    assert (made.status_code, made.json()["courseRoleId"]) == (201, "Grader")
    assert learn.CreateMembership(**enrol).status_code == 409
    assert learn.GetMembership(**enrol).json() == made.json()
    role = {"courseRoleId": "Student"}
    assert learn.UpdateMembership(**enrol, payload=role).json()["courseRoleId"] == "Student"
    members = learn.GetCourseMemberships(courseId="Choir", params={"expand": "user"}).json()
    assert [row["user"]["userName"] for row in members["results"]] == ["user1"]
    taken = learn.GetUserMemberships(userId="user1").json()["results"]
    assert made.json()["id"] in [row["id"] for row in taken]
    group = learn.CreateGroup(courseId="Choir", payload={"name": "Altos", "externalId": "alto"})
    assert group.status_code == 201
    joined = learn.CreateGroupMembership(**enrol, groupId="alto")
    assert (joined.status_code, joined.json()) == (201, {"userId": "_101_1"})
    assert learn.DeleteMembership(**enrol).status_code == 204
    assert learn.GetGroupMemberships(courseId="Choir", groupId="alto").json()["results"] == []


def test_it_reads_the_budget_and_refusals(
    learn: bbrest.BbRest, simulator: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    learn.calls_remaining()
    assert "used 2 REST calls" in capsys.readouterr().out
    simulator.site.settings.entitlements = ALL - {CREATE_USERS}
    assert learn.CreateUser(payload=person("zo")).status_code == 403
    simulator.site.tokens.revoke()
    assert learn.GetUser(userId="user1").status_code == 401
    learn.refresh_token()
    assert learn.GetUser(userId="user1").status_code == 200
