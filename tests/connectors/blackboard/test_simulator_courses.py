"""Courses, queued work, enrolments, groups, terms and data sources of the simulator."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.blackboard.simulator import Clock, create_simulator
from connectors.blackboard.simulator.entitlements import (
    ALL,
    MANAGE_DATA_SOURCES,
    VIEW_COURSES,
    VIEW_INSTITUTION_ROLES,
    VIEW_MEMBERSHIPS,
    VIEW_SYSTEM_ROLES,
    WRITE_COURSES,
    WRITE_GROUPS,
    WRITE_MEMBERSHIPS,
    WRITE_TERMS,
)
from connectors.simulation.clock import write_date
from tests.connectors.blackboard.site import PREFIX, START, Client, course, person

BOUND = "2025-01-13T06:00:00.000Z"


@pytest.fixture
def client() -> Client:
    client = Client(create_simulator(users=30, clock=Clock(START)))
    client.ok("POST v3/courses", course("C"))
    return client


def without(client: Client, *names: str) -> None:
    client.site.settings.entitlements = set(ALL) - set(names)


def follow(answer: Any) -> str:
    """Return the path of an answer's location, as clients of these tests want it."""
    location: str = answer.headers["Location"]
    assert location.startswith(f"{PREFIX}/")
    return location.removeprefix(f"{PREFIX}/")


def test_a_course_is_created_with_defaults(client: Client) -> None:
    answer = client("POST v3/courses", course("D"))
    body = answer.get_json()
    assert answer.status_code == 201
    assert follow(answer) == f"v3/courses/{body['id']}"
    expected = {
        "externalId": "D",
        "dataSourceId": "_2_1",
        "organization": False,
        "ultraStatus": "Classic",
        "allowGuests": True,
        "allowObservers": False,
        "closedComplete": False,
        "availability": {"available": "Yes", "duration": {"type": "Continuous"}},
        "enrollment": {"type": "InstructorLed"},
        "hasChildren": False,
    }
    assert {name: body[name] for name in expected} == expected
    ultra = client.ok("POST v3/courses", course("U", ultraStatus="Ultra", allowGuests=True))
    assert ultra["allowGuests"] is False
    assert client.ok("PATCH v3/courses/courseId:U", {"allowGuests": True})["allowGuests"] is False
    assert follow(client("POST v1/courses", course("E"))).startswith("v1/courses/_")


@pytest.mark.parametrize(
    "body",
    [
        {"courseId": "x"},
        {"name": "x"},
        course("x" * 101),
        course("x", name="x" * 334),
        course("x", externalId="x" * 257),
        course("x", ultraStatus="Ultrapreview"),
        course("x", termId="_99_1"),
        course("x", locale={"id": "x" * 21}),
        course("x", readOnly=True),
        course("x", availability={"available": "Term"}),
        course("x", availability={"duration": {"start": BOUND}}),
        course("x", availability={"duration": {"type": "FixedNumDays", "end": BOUND}}),
        course("x", availability={"duration": {"type": "DateRange", "daysOfUse": 3}}),
        course("x", availability={"duration": {"type": "UseTerm"}}),
        course("x", enrollment={"start": BOUND}),
        course("x", enrollment={"type": "InstructorLed", "accessCode": "rook"}),
        course("x", enrollment={"type": "SelfEnrollment", "accessCode": "x" * 51}),
    ],
)
def test_courses_that_are_refused(client: Client, body: dict[str, Any]) -> None:
    assert client.status("POST v3/courses", body) == 400
    assert len(client.site.courses) == 1


def test_properties_that_go_together(client: Client) -> None:
    availability = {"available": "Term", "duration": {"type": "FixedNumDays", "daysOfUse": 3}}
    enrollment = {"type": "SelfEnrollment", "start": BOUND, "accessCode": "rook"}
    given = {"termId": "externalId:2025SP", "availability": availability}
    body = client.ok("PATCH v3/courses/courseId:C", {**given, "enrollment": enrollment})
    assert (body["termId"], body["availability"]) == ("_31_1", availability)
    assert body["enrollment"] == enrollment
    assert client.status("PATCH v3/courses/courseId:C", {"termId": ""}) == 400
    stretch = {"duration": {"type": "DateRange", "end": BOUND}}
    closed = {"type": "InstructorLed"}
    body = client.ok("PATCH v3/courses/courseId:C", {"availability": stretch, "enrollment": closed})
    assert body["availability"]["duration"] == {"type": "DateRange", "end": BOUND}
    assert body["enrollment"] == closed


def test_what_is_only_taken_on_creation(client: Client) -> None:
    for body in ({"courseId": "D"}, {"organization": True}, {"ultraStatus": "Ultra"}):
        assert client.status("PATCH v3/courses/courseId:C", body) == 400


def test_duplicate_courses(client: Client) -> None:
    client.ok("POST v3/courses", course("D"))
    assert client.status("POST v3/courses", course("C", externalId="new")) == 409
    assert client.status("POST v3/courses", course("new", externalId="C")) == 409
    assert client.status("PATCH v3/courses/courseId:D", {"externalId": "C"}) == 409
    assert client.status("PATCH v3/courses/courseId:D", {"externalId": "D"}) == 200


def test_a_closed_course_takes_nothing_but_its_reopening(client: Client) -> None:
    client.ok("PATCH v3/courses/courseId:C", {"closedComplete": True})
    assert client.status("PATCH v3/courses/courseId:C", {"name": "New"}) == 403
    assert client.status("PATCH v3/courses/courseId:C", {"closedComplete": True}) == 403
    assert client.ok("GET v1/courses/courseId:C")["readOnly"] is True
    body = client.ok("PATCH v3/courses/courseId:C", {"closedComplete": False, "name": "New"})
    assert (body["name"], body["closedComplete"]) == ("New", False)


def test_forms_of_course_ids(client: Client) -> None:
    body = client.ok("GET v3/courses/courseId:C")
    for wanted in (body["id"], f"uuid:{body['uuid']}", "externalId:C"):
        assert client.ok(f"GET v3/courses/{wanted}") == body
    assert client.status("GET v3/courses/C") == client.status("GET v3/courses/userName:C") == 400
    refusal = client.refused("GET v3/courses/courseId:none")
    assert refusal == (404, "Could not find object with ID: courseId:none")


def test_the_first_versions_delete_at_once(client: Client) -> None:
    client.ok("POST v3/courses", course("D"))
    assert client.status("DELETE v1/courses/courseId:C") == 204
    assert client.status("DELETE v2/courses/courseId:D", removeFiles="true") == 204
    assert client.rows("v3/courses") == []


def test_the_third_version_queues_a_deletion(client: Client) -> None:
    client.site.settings.task_seconds = 10
    answer = client("DELETE v3/courses/courseId:C")
    assert (answer.status_code, answer.data) == (202, b"")
    task = follow(answer)
    assert follow(client("DELETE v3/courses/courseId:C")) == task
    assert client.ok(f"GET {task}")["status"] == "Queued"
    client.site.clock.advance(9.9)
    running = client(f"GET {task}")
    assert (running.status_code, running.get_json()["status"]) == (200, "Running")
    assert client.status("GET v3/courses/courseId:C") == 200
    client.site.clock.advance(0.1)
    assert client.status("GET v3/courses/courseId:C") == 404
    done = client(f"GET {task}")
    assert (done.status_code, done.get_json()["status"]) == (303, "Complete")
    assert client.status(f"GET {follow(done)}") == 404
    assert client.status(f"GET {task}", fields="status") == 303
    assert client.status("GET v1/courses/_5001_1/tasks/_999_1") == 404
    assert client.status("GET v1/courses/_5001_1/tasks/x") == 400


def test_a_deletion_may_name_the_systems_task(client: Client) -> None:
    client.site.settings.delete_task = "system"
    task = follow(client("DELETE v3/courses/courseId:C"))
    assert task.startswith("v1/system/tasks/_")
    assert "ended" not in client.ok(f"GET {task}")
    client.site.clock.advance(2)
    assert client.ok(f"GET {task}")["ended"] == write_date(START + 2)


def test_a_copy_is_queued(client: Client) -> None:
    client.ok("PATCH v3/courses/courseId:C", {"description": "Told"})
    target = {"targetCourse": {"courseId": "D"}}
    answer = client("POST v2/courses/courseId:C/copy", target)
    assert (answer.status_code, answer.get_json()) == (202, {})
    assert client.status("GET v3/courses/courseId:D") == 404
    client.site.clock.advance(2)
    body = client.ok("GET v3/courses/courseId:D")
    assert (body["description"], body["externalId"]) == ("Told", "D")
    assert follow(client(f"GET {follow(answer)}")) == f"v1/courses/{body['id']}"
    assert client.status("POST v2/courses/courseId:C/copy", target) == 409
    assert client.status("POST v2/courses/courseId:C/copy", {}) == 400
    assert client.status("POST v1/courses/courseId:none/copy", {"courseId": "E"}) == 404


def test_cross_listing() -> None:
    client = Client(create_simulator(users=4))
    for name in ("P", "K", "L"):
        client.ok("POST v3/courses", course(name))
    client.ok("PUT v1/courses/courseId:K/users/userName:user1")
    link = "v1/courses/courseId:P/children/courseId:K"
    assert client.status(f"PUT {link}") == 201
    assert client.status(f"PUT {link}") == 409
    assert client.status("PUT v1/courses/courseId:K/children/courseId:L") == 400
    child, parent = (client.ok(f"GET v3/courses/courseId:{name}") for name in "KP")
    assert (child["parentId"], parent["hasChildren"]) == (parent["id"], True)
    member = "v1/courses/courseId:P/users/userName:user1"
    assert client.ok(f"GET {member}")["childCourseId"] == child["id"]
    assert "childCourseId" not in client.ok(f"PATCH {member}", {"childCourseId": None})
    assert client.status(f"PATCH {member}", {"childCourseId": "courseId:L"}) == 400
    moved = client.ok(f"PATCH {member}", {"childCourseId": "courseId:K"})
    assert moved["childCourseId"] == child["id"]
    assert client.status("GET v1/courses/courseId:P/children/courseId:L") == 404
    assert client.status(f"DELETE {link}", separationStyle="half") == 400
    assert client.status(f"DELETE {link}") == 204
    assert client.status(f"GET {member}") == 404
    assert client.status("GET v1/courses/courseId:K/users/userName:user1") == 200


HOME = "v1/courses/courseId:C/users"


def test_an_enrolment_is_created_and_never_changed_by_put(client: Client) -> None:
    body = {"courseRoleId": "Instructor", "displayOrder": 2}
    answer = client(f"PUT {HOME}/userName:user1", body)
    made = answer.get_json()
    assert answer.status_code == 201
    assert follow(answer) == f"v1/courses/{made['courseId']}/users/_101_1"
    assert (made["userId"], made["courseRoleId"], made["displayOrder"]) == (
        *("_101_1", "Instructor"),
        2,
    )
    assert (made["availability"], made["dataSourceId"]) == ({"available": "Yes"}, "_2_1")
    refusal = client.refused(f"PUT {HOME}/userName:user1", {"courseRoleId": "Student"})
    assert refusal == (409, "User already enrolled")
    assert client.ok(f"GET {HOME}/_101_1") == made
    client.site.clock.advance(5)
    changed = client.ok(f"PATCH {HOME}/_101_1", {"courseRoleId": "Student"})
    assert changed["modified"] == write_date(START + 5) != changed["created"]
    assert "displayOrder" not in changed
    assert client.status(f"DELETE {HOME}/_101_1") == 204
    for method in ("GET", "PATCH", "DELETE"):
        body = {} if method == "PATCH" else None
        assert client.status(f"{method} {HOME}/_101_1", body) == 404


def test_the_stamps_of_objects_are_their_own(client: Client) -> None:
    made = client.ok(f"PUT {HOME}/_101_1", {})
    client.site.clock.advance(5)
    client.ok("PATCH v1/users/_101_1", {"gender": "Male"})
    client.ok("PATCH v3/courses/courseId:C", {"description": "x"})
    assert client.ok(f"GET {HOME}/_101_1")["modified"] == made["modified"]
    client.ok(f"PATCH {HOME}/_101_1", {"availability": {"available": "No"}})
    later = write_date(START + 5)
    assert client.ok(f"GET {HOME}/_101_1")["modified"] == later
    client.site.clock.advance(5)
    client.ok(f"DELETE {HOME}/_101_1")
    assert client.ok("GET v1/users/_101_1")["modified"] == later
    assert client.ok("GET v3/courses/courseId:C")["modified"] == later


def test_enrolments_that_are_refused(client: Client) -> None:
    client.ok("POST v1/users", person("guest", systemRoleIds=["Guest"]))
    refused = {
        f"PUT {HOME}/userName:none": (404, {}),
        f"PUT {HOME}/userName:user1": (404, {"courseRoleId": "Teacher"}),
        "PUT v1/courses/courseId:none/users/userName:user1": (400, {}),
        f"PUT {HOME}/userName:user25": (400, {}),
        f"PUT {HOME}/userName:guest": (400, {}),
        f"PUT {HOME}/userName:administrator": (403, {}),
        f"PUT {HOME}/userName:user2": (400, {"availability": {"available": "Term"}}),
    }
    for address, (status, body) in refused.items():
        assert client.status(address, body) == status, address
    assert client.rows(HOME) == []


@pytest.mark.parametrize("role", ["Auditor", "_60_1"])
def test_roles_of_enrolments_may_be_custom_ones(client: Client, role: str) -> None:
    made = client.ok(f"PUT {HOME}/_101_1", {"courseRoleId": role})
    assert made["courseRoleId"] == "Auditor"


def test_entitlements_of_enrolments(client: Client) -> None:
    client.ok(f"PUT {HOME}/_101_1", {})
    without(client, VIEW_MEMBERSHIPS)
    assert client.status(f"GET {HOME}") == client.status(f"GET {HOME}/_101_1") == 403
    assert client.status("GET v1/users/_101_1/courses") == 403
    role = {"courseRoleId": "Grader"}
    assert client.ok(f"PATCH {HOME}/_101_1", role) == {}
    without(client, WRITE_MEMBERSHIPS)
    assert client.status(f"PUT {HOME}/_102_1", {}) == 403
    assert client.status(f"PATCH {HOME}/_101_1", {}) == 403
    assert client.status(f"DELETE {HOME}/_101_1") == 403
    assert client.ok(f"GET {HOME}/_101_1")["courseRoleId"] == "Grader"


def test_entitlements_of_courses(client: Client) -> None:
    hidden = course("H", availability={"available": "No"}, enrollment={"type": "SelfEnrollment"})
    client.ok("POST v3/courses", hidden)
    client.ok("PATCH v3/courses/courseId:H", {"enrollment": {"accessCode": "rook"}})
    without(client, VIEW_COURSES)
    assert client.names("v3/courses", "courseId") == ["C"]
    assert client.status("GET v3/courses/courseId:H") == 404
    shown = client.ok("GET v3/courses/courseId:C")
    assert shown.keys() == {
        *("id", "courseId", "name", "organization", "closedComplete", "availability")
    }
    client.ok("PUT v1/courses/courseId:H/users/userName:integration", {})
    shown = client.ok("GET v3/courses/courseId:H")
    assert shown["enrollment"] == {"type": "SelfEnrollment"}
    assert shown.keys().isdisjoint({"uuid", "externalId", "dataSourceId", "created"})
    without(client, WRITE_COURSES)
    assert client.status("POST v3/courses", course("x")) == 403
    assert client.status("PATCH v3/courses/courseId:C", {}) == 403
    assert client.status("DELETE v3/courses/courseId:C") == 403


@pytest.mark.parametrize(
    ("entitlement", "address"),
    [
        (VIEW_INSTITUTION_ROLES, "GET v1/institutionRoles"),
        (VIEW_SYSTEM_ROLES, "GET v1/systemRoles"),
        (VIEW_SYSTEM_ROLES, "GET v1/systemRoles/_1_1"),
        (MANAGE_DATA_SOURCES, "GET v1/dataSources"),
        (MANAGE_DATA_SOURCES, "DELETE v1/dataSources/_7_1"),
        (WRITE_TERMS, "DELETE v1/terms/_31_1"),
        (WRITE_GROUPS, "DELETE v2/courses/courseId:C/groups/externalId:g"),
    ],
)
def test_other_entitlements(client: Client, entitlement: str, address: str) -> None:
    client.ok("POST v2/courses/courseId:C/groups", {"name": "G", "externalId": "g"})
    without(client, entitlement)
    answer = client(address)
    assert (answer.status_code, answer.get_json()["status"]) == (403, 403)
    without(client)
    assert client.status(address) != 403


GROUPS = "v2/courses/courseId:C/groups"


def test_groups_and_sets_in_both_versions(client: Client) -> None:
    teams = client.ok(f"POST {GROUPS}/sets", {"name": "Teams"})["id"]
    team = client.ok(f"POST {GROUPS}/sets/{teams}/groups", {"name": "Team"})
    alone = client.ok(f"POST {GROUPS}", {"name": "Alone", "externalId": "a"})
    assert team["groupSetId"] == teams
    assert client.names(GROUPS, "name") == client.names(GROUPS, "name", inGroupSet="false")
    assert client.names(GROUPS, "name") == ["Alone"]
    assert client.names(GROUPS, "name", inGroupSet="true") == ["Team"]
    assert client.names(f"{GROUPS}/sets", "name") == ["Teams"]
    assert client.names(f"{GROUPS}/sets/{teams}/groups", "name") == ["Team"]
    older = GROUPS.replace("v2", "v1")
    rows = {row["name"]: (row["parentId"], row["isGroupSet"]) for row in client.rows(older)}
    assert rows == {"Teams": (None, True), "Team": (teams, False), "Alone": (None, False)}
    assert client.status(f"GET {GROUPS}/{teams}") == 404
    assert client.status(f"GET {GROUPS}/sets/{alone['id']}") == 404
    assert client.status(f"POST {GROUPS}", {"name": "Again", "externalId": "a"}) == 409
    assert client.status(f"POST {GROUPS}", {}) == 400
    assert client.status(f"POST {GROUPS}", {"name": "x", "parentId": teams}) == 400
    moved = client.ok(f"PATCH {older}/externalId:a", {"parentId": teams})
    assert moved["parentId"] == teams
    assert client.status(f"PATCH {GROUPS}/externalId:a", {"enrollment": {"type": "x"}}) == 400
    assert "externalId" not in client.ok(f"PATCH {GROUPS}/externalId:a", {"externalId": ""})
    assert client.status(f"DELETE {GROUPS}/sets/{teams}") == 204
    assert client.rows(older) == []


def test_sets_by_what_is_in_them(client: Client) -> None:
    full = client.ok(f"POST {GROUPS}/sets", {"name": "Full"})["id"]
    client.ok(f"POST {GROUPS}/sets", {"name": "Open", "availability": {"available": "Yes"}})
    client.ok(f"POST {GROUPS}/sets/{full}/groups", {"name": "x"})
    assert client.names(f"{GROUPS}/sets", "name", nonEmptyGroupSets="true") == ["Full"]
    assert client.names(f"{GROUPS}/sets", "name", onlyAvailableGroupSets="true") == ["Open"]
    client.site.settings.version = (3900, 70, 0)
    assert len(client.rows(f"{GROUPS}/sets", nonEmptyGroupSets="true")) == 2


def test_a_sign_up_sheet_is_only_shown_where_people_sign_up(client: Client) -> None:
    sheet = {"signupSheet": {"name": "Sign"}}
    shut = client.ok(f"POST {GROUPS}", {"name": "x", "enrollment": sheet})
    assert shut["enrollment"] == {"type": "InstructorOnly", "limit": 0}
    given = {"type": "SelfEnrollment", **sheet}
    open_to_all = client.ok(f"POST {GROUPS}", {"name": "y", "enrollment": given})
    assert open_to_all["enrollment"] == {"limit": 0, **given}


def test_members_of_groups(client: Client) -> None:
    for number in (1, 2, 3):
        client.ok(f"PUT {HOME}/userName:user{number}", {})
    body = {"name": "G", "externalId": "g", "enrollment": {"limit": 2}}
    client.ok(f"POST {GROUPS}", body)
    teams = client.ok(f"POST {GROUPS}/sets", {"name": "Teams"})["id"]
    users = f"{GROUPS}/externalId:g/users"
    answer = client(f"PUT {users}/userName:user1")
    assert (answer.status_code, answer.get_json()) == (201, {"userId": "_101_1"})
    assert client.status(f"PUT {users}/userName:user1") == 409
    assert client.status(f"PUT {users}/userName:user4") == 400
    assert client.status(f"PUT {users}/userName:none") == 404
    assert client.status(f"PUT {GROUPS}/{teams}/users/userName:user1") == 404
    older = GROUPS.replace("v2", "v1")
    assert client.status(f"PUT {older}/{teams}/users/userName:user1") == 400
    assert client.status(f"PUT {users}/userName:user2") == 201
    assert client.status(f"PUT {users}/userName:user3") == 409
    assert client.status(f"DELETE {users}/userName:user1") == 204
    assert client.status(f"DELETE {users}/userName:user1") == 404
    assert client.status(f"GET {users}/userName:user1") == 404
    client.ok(f"DELETE {HOME}/userName:user2")
    assert client.rows(users) == []


@pytest.mark.parametrize(("view", "first"), [("Ultra", []), ("Classic", ["_101_1"])])
def test_an_ultra_course_moves_people_between_the_groups_of_a_set(
    client: Client, view: str, first: list[str]
) -> None:
    client.ok("POST v3/courses", course("U", ultraStatus=view))
    home = "v2/courses/courseId:U"
    client.ok("PUT v1/courses/courseId:U/users/_101_1", {})
    teams = client.ok(f"POST {home}/groups/sets", {"name": "Teams"})["id"]
    for key in ("a", "b"):
        body = {"name": key, "externalId": key}
        client.ok(f"POST {home}/groups/sets/{teams}/groups", body)
        client.ok(f"PUT {home}/groups/externalId:{key}/users/_101_1")
    assert client.names(f"{home}/groups/externalId:a/users", "userId") == first
    assert client.names(f"{home}/groups/externalId:b/users", "userId") == ["_101_1"]


def test_roles_by_their_keys(client: Client) -> None:
    home = "v1/systemRoles/roleId:Portal"
    assert client.ok(f"GET {home}")["custom"] is False
    assert client.ok(f"GET {home}:custom")["custom"] is True
    assert client.ok("GET v1/institutionRoles/roleId:LIBRARIAN")["id"] == "_22_1"
    assert client.status("GET v1/institutionRoles/roleId:STUDENT:custom") == 404
    assert client.status("GET v1/institutionRoles/STUDENT") == 400
    assert client.status("GET v1/courseRoles/_99_1") == 404


def test_data_sources_and_terms(client: Client) -> None:
    for kind, more in (("dataSources", {}), ("terms", {"name": "N"})):
        body = {"externalId": "one", **more}
        made = client.ok(f"POST v1/{kind}", body)
        assert client.status(f"POST v1/{kind}", body) == 409
        assert client.status(f"POST v1/{kind}", more) == 400
        client.ok(f"POST v1/{kind}", {**body, "externalId": "two"})
        assert client.status(f"PATCH v1/{kind}/externalId:two", {"externalId": "one"}) == 409
        changed = client.ok(f"PATCH v1/{kind}/{made['id']}", {"externalId": "three"})
        assert changed["externalId"] == "three"
        assert client.status(f"DELETE v1/{kind}/externalId:three") == 204
        assert client.status(f"GET v1/{kind}/{made['id']}") == 404
    assert client.status("DELETE v1/dataSources/externalId:SYSTEM") == 400
    assert client.status("DELETE v1/dataSources/externalId:SIS") == 400
    bad = {"availability": {"duration": {"start": BOUND}}}
    assert client.status("POST v1/terms", {"externalId": "x", "name": "x", **bad}) == 400
    placed = {"termId": "_31_1", "availability": {"available": "Term"}}
    client.ok("PATCH v3/courses/courseId:C", placed)
    client.ok("DELETE v1/terms/_31_1")
    left = client.ok("GET v3/courses/courseId:C")
    assert "termId" not in left
    assert left["availability"]["available"] == "No"
