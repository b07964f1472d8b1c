"""Every operation of the vendor's description is offered, and every answer is one it describes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from connectors.blackboard.simulator import Clock, create_simulator
from connectors.blackboard.simulator.routes import ROUTES
from tests.connectors.blackboard.site import (
    PREFIX,
    START,
    Client,
    check,
    check_as,
    course,
    description,
    fixture,
    person,
)

NOT_OFFERED = {("GET", f"{PREFIX}/v1/oauth2/authorizationcode")}
"""The sign-in of a person, which a connector has no use for."""


@pytest.fixture
def client() -> Client:
    return Client(create_simulator(users=60, courses=12, clock=Clock(START)))


def visit_people(client: Client) -> None:
    ok = client.ok
    client.walk("v1/users", limit=7)
    created = ok("POST v1/users", person("zo", externalId="Z-1"))
    ok("GET v1/users/userName:zo")
    ok("PATCH v1/users/externalId:Z-1", {"avatar": {"uploadId": "7"}, "job": {"title": "Dean"}})
    assert client(f"GET v1/users/{created['id']}/avatar").status_code == 302
    ok(f"GET v1/users/{created['id']}/sessions")
    ok("GET v1/sessions")
    ok("POST v1/users", person("pat", systemRoleIds=["Observer"]))
    ok("PUT v1/users/userName:zo/observers/userName:pat")
    ok("GET v1/users/userName:zo/observers")
    ok("GET v1/users/userName:pat/observees")
    ok("DELETE v1/users/userName:zo/observers/userName:pat")
    for row in client.rows("v1/users", limit=40):
        ok(f"GET v1/users/{row['id']}/courses", expand="course")
    ok("DELETE v1/users/userName:pat")


def visit_courses(client: Client) -> None:
    ok = client.ok
    for release in (1, 2, 3):
        client.walk(f"v{release}/courses", limit=5)
        ok(f"POST v{release}/courses", course(f"C{release}"))
        ok(f"GET v{release}/courses/courseId:C{release}")
        ok(f"PATCH v{release}/courses/courseId:C{release}", {"name": "Renamed"})
    ok("PUT v1/courses/courseId:C1/children/courseId:C2")
    ok("GET v1/courses/courseId:C1/children", expand="childCourse")
    ok("GET v1/courses/courseId:C1/children/courseId:C2")
    ok("GET v1/courses/courseId:C2/crossListSet")
    ok("DELETE v1/courses/courseId:C1/children/courseId:C2")
    copied = client("POST v1/courses/courseId:C1/copy", {"courseId": "C4"})
    follow(client, copied.headers["Location"])
    target = {"targetCourse": {"courseId": "C5"}}
    follow(client, client("POST v2/courses/courseId:C1/copy", target).headers["Location"])
    gone = client("DELETE v3/courses/courseId:C3").headers["Location"]
    task = gone.rsplit("/", 1)[1]
    ok(f"GET v1/system/tasks/{task}")
    follow(client, gone)
    ok(f"GET v1/system/tasks/{task}")
    ok("DELETE v2/courses/courseId:C2")
    ok("DELETE v1/courses/courseId:C1")


def follow(client: Client, location: str) -> None:
    address = f"GET {location.removeprefix(f'{PREFIX}/')}"
    assert client(address).status_code == 200
    client.site.clock.advance(1)
    assert client(address).status_code == 200
    client.site.clock.advance(60)
    assert client(address).status_code == 303


def visit_members_and_groups(client: Client) -> None:
    ok = client.ok
    home = "courses/courseId:CRS-0001"
    client.walk(f"v1/{home}/users", expand="user", limit=3)
    ok(f"PUT v1/{home}/users/userName:zo", {"courseRoleId": "Auditor", "displayOrder": 3})
    ok(f"GET v1/{home}/users/userName:zo", expand="user")
    ok(f"PATCH v1/{home}/users/userName:zo", {"availability": {"available": "No"}})
    for release in (1, 2):
        groups = f"v{release}/{home}/groups"
        client.walk(groups, limit=2)
        made = ok(f"POST {groups}", {"name": "New", "externalId": f"g-{release}"})
        ok(f"GET {groups}/{made['id']}")
        ok(f"PATCH {groups}/externalId:g-{release}", {"description": "Newer"})
        ok(f"PUT {groups}/{made['id']}/users/userName:zo")
        ok(f"GET {groups}/{made['id']}/users", expand="user")
        ok(f"GET {groups}/{made['id']}/users/userName:zo")
        ok(f"DELETE {groups}/{made['id']}/users/userName:zo")
        ok(f"DELETE {groups}/{made['id']}")
    sets = f"v2/{home}/groups/sets"
    made = ok(f"POST {sets}", {"name": "Teams"})
    client.walk(sets)
    ok(f"GET {sets}/{made['id']}")
    ok(f"PATCH {sets}/{made['id']}", {"name": "Crews"})
    ok(f"POST {sets}/{made['id']}/groups", {"name": "Crew 1"})
    ok(f"GET {sets}/{made['id']}/groups")
    ok(f"DELETE {sets}/{made['id']}")
    ok(f"DELETE v1/{home}/users/userName:zo")
    ok("DELETE v1/users/userName:zo")


def visit_the_rest(client: Client) -> None:
    ok = client.ok
    for kind in ("institutionRoles", "systemRoles", "courseRoles"):
        for role in client.rows(f"v1/{kind}"):
            ok(f"GET v1/{kind}/{role['id']}")
    for kind, body in (("dataSources", {}), ("terms", {"name": "Summer"})):
        ok(f"POST v1/{kind}", {"externalId": "new", **body})
        client.walk(f"v1/{kind}", limit=1)
        ok(f"PATCH v1/{kind}/externalId:new", {"description": "Told"})
        ok(f"GET v1/{kind}/externalId:new")
        ok(f"DELETE v1/{kind}/externalId:new")
    ok("GET v1/system/version")
    ok("GET v1/system/info")


def visit_tokens(client: Client) -> None:
    for method, path, answer in (
        ("POST", "token", client.ask_for_token()),
        (
            "GET",
            "tokeninfo",
            client.http.get(
                f"{PREFIX}/v1/oauth2/tokeninfo?access_token={client.token}",
                auth=(client.site.client_id, client.site.client_secret),
            ),
        ),
    ):
        address = f"{PREFIX}/v1/oauth2/{path}"
        assert answer.status_code == 200
        found = check(method, address, 200, answer.json)
        assert found is not None
        client.visited.add(found)


def test_every_operation_is_offered_and_answers_as_described(client: Client) -> None:
    for visit in (visit_people, visit_courses):
        visit(client)
    visit_members_and_groups(client)
    visit_the_rest(client)
    visit_tokens(client)
    described = {
        (method.upper(), path)
        for path, operations in description()["paths"].items()
        for method in operations
    }
    assert described - client.visited == NOT_OFFERED


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        ({"id": 7}, "id"),
        ({"gender": "female"}, "gender"),
        ({"colour": "red"}, "colour"),
        ({"name": {"given": "x" * 101}}, "given"),
    ],
)
def test_the_check_can_fail(body: dict[str, Any], broken: str) -> None:
    with pytest.raises(AssertionError, match=broken):
        check_as("User", body)


def test_the_check_knows_statuses() -> None:
    body = {"status": 422, "message": "No"}
    with pytest.raises(AssertionError):
        check("GET", f"{PREFIX}/v1/users", 422, body)
    with pytest.raises(AssertionError):
        check("DELETE", f"{PREFIX}/v1/users/_1_1", 204, {"id": "_1_1"})


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("POST v1/institutionRoles", {}),
        ("DELETE v1/systemRoles/_1_1", None),
        ("PATCH v1/courseRoles/_1_1", {}),
        ("PUT v1/users/_101_1", {}),
    ],
)
def test_a_method_that_is_not_offered(client: Client, address: str, body: Any) -> None:
    answer = client(address, body)
    assert (answer.status_code, "GET" in answer.headers["Allow"]) == (405, True)


def test_an_unknown_address(client: Client) -> None:
    assert client.status("GET v1/nosuch") == 404
    assert client.status("GET v9/users") == 404
    assert client.status("GET v2/users") == 404
    assert client.http.get("/elsewhere").status_code == 404


def test_operations_come_with_the_release_that_is_told() -> None:
    told = {
        (method.upper(), re.sub(r"{\w+}", "*", path)): tuple(
            int(number) for number in operation["x-since"].split(".")[:2]
        )
        for path, operations in description()["paths"].items()
        for method, operation in operations.items()
        if "/oauth2/" not in path
    }
    assert told == {
        (route.method, "/".join([PREFIX, f"v{release}", *route.path])): since
        for route in ROUTES
        for release, since in route.releases.items()
    }


def test_a_release_offers_what_it_has() -> None:
    client = Client(create_simulator(version=(3000, 2, 0)))
    assert client.status("GET v1/system/version") == 404
    assert client.status("GET v1/users/_1_1/observers") == 404
    assert client.status("GET v1/users") == 200


def kinds(value: Any) -> Any:
    """Return the types of a body in place of its values."""
    if isinstance(value, dict):
        return {name: kinds(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [kinds(value[0])] if value else []
    return type(value).__name__


def results(name: str) -> list[dict[str, Any]]:
    content = fixture(name)
    rows: list[dict[str, Any]] = content["results"]
    return rows


FULL = fixture("user.json")


def test_an_account_has_the_recorded_shape(client: Client) -> None:
    read_only = ("id", "uuid", "created", "modified", "lastLogin")
    sent = {name: value for name, value in FULL.items() if name not in read_only}
    made = client.ok("POST v1/users", {**sent, "password": "x", "avatar": {"source": "Default"}})
    recorded = {name: value for name, value in FULL.items() if name != "lastLogin"}
    assert kinds(made) == kinds(recorded)
    assert {name: made[name] for name in sent if name != "avatar"} == {
        name: value for name, value in sent.items() if name != "avatar"
    }
    client.site.users[made["id"]].body["lastLogin"] = client.site.clock.stamp()
    assert kinds(client.ok(f"GET v1/users/{made['id']}")) == kinds(FULL)


def test_a_minimal_account_has_the_recorded_body(client: Client) -> None:
    recorded = fixture("user_minimal.json")
    made = client.ok("POST v1/users", person("bnovak", name=recorded["name"]))
    own = ("id", "uuid", "created", "modified", "avatar")
    assert list(made) == list(recorded)
    assert {name: made[name] for name in made if name not in own} == {
        name: recorded[name] for name in recorded if name not in own
    }
    assert kinds(made) == kinds(recorded)


def test_observers_have_the_recorded_shape(client: Client) -> None:
    (recorded,) = results("observers.json")
    name, contact = recorded["name"], recorded["contact"]
    roles = {role: recorded[role] for role in ("institutionRoleIds", "systemRoleIds")}
    client.ok("POST v1/users", person("pvega", name=name, contact=contact, **roles))
    put = client.ok("PUT v1/users/userName:user2/observers/userName:pvega")
    (observer,) = client.rows("v1/users/userName:user2/observers")
    assert observer == put
    assert kinds(observer) == kinds(recorded)


@pytest.mark.parametrize(
    ("release", "name"), [(1, "course_v1.json"), (3, "course_v3.json"), (2, "course_v3.json")]
)
def test_a_course_has_the_recorded_body(client: Client, release: int, name: str) -> None:
    recorded = fixture(name)
    computed = ("id", "uuid", "created", "modified", "hasChildren", "externalAccessUrl")
    own = (*computed, "guestAccessUrl")
    sent = {key: value for key, value in recorded.items() if key not in own}
    made = client.ok(f"POST v{release}/courses", sent)
    assert list(made) == [key for key in recorded if key != "readOnly"] or release == 1
    assert kinds(made) == kinds(recorded)
    assert {key: made[key] for key in sent} == sent
    place = recorded["externalAccessUrl"].replace(recorded["id"], made["id"])
    assert made["externalAccessUrl"] == made["guestAccessUrl"] == place


def test_a_course_to_enrol_in_has_the_recorded_body(client: Client) -> None:
    recorded = fixture("course_self_enrollment.json")
    names = ("externalId", "courseId", "name", "organization", "ultraStatus", "enrollment")
    made = client.ok("POST v3/courses", {name: recorded[name] for name in names})
    own = ("id", "uuid", "created", "modified")
    expected = {
        name: value.replace(recorded["id"], made["id"]) if name.endswith("Url") else value
        for name, value in recorded.items()
        if name not in own
    }
    assert {name: made[name] for name in made if name not in own} == expected


def test_memberships_have_the_recorded_shapes(client: Client) -> None:
    home = "v1/courses/courseId:CRS-0001/users"
    seen = [row for row in client.rows(home) if "lastAccessed" in row]
    recorded = fixture("membership.json")
    assert list(seen[0]) == list(recorded)
    assert kinds(seen[0]) == kinds(recorded)
    (shape,) = results("course_memberships_expand_user.json")
    (row,) = client.rows(
        home, expand="user", fields="id,userId,courseRoleId,user.userName", limit=1
    )
    assert kinds(row) == kinds(shape)


def test_a_membership_of_a_child_has_the_recorded_shape(client: Client) -> None:
    client.ok("POST v3/courses", course("P"))
    client.ok("POST v3/courses", course("K"))
    client.ok("PUT v1/courses/courseId:P/children/courseId:K")
    given = {"courseRoleId": "TeachingAssistant", "displayOrder": 1}
    body = {**given, "childCourseId": "courseId:K"}
    made = client.ok("PUT v1/courses/courseId:P/users/userName:user1", body)
    recorded = fixture("membership_child_course.json")
    for name in ("lastAccessed", "bypassCourseAvailabilityUntil"):
        del recorded[name]
    assert kinds(made) == kinds(recorded)


def test_the_recorded_enrolment_is_taken(client: Client) -> None:
    request = fixture("membership_create_request.json")
    made = client.ok("PUT v1/courses/courseId:CRS-0002/users/userName:user9", request)
    assert made["dataSourceId"] == "_7_1"
    recorded = fixture("membership.json")
    del recorded["lastAccessed"]
    assert kinds(made) == kinds(recorded)


def test_a_persons_course_comes_in_the_first_versions_shape(client: Client) -> None:
    (row, *_) = client.rows("v1/users/userName:user1/courses", expand="course")
    assert row["course"]["readOnly"] is False
    assert row["course"].keys().isdisjoint({"modified", "closedComplete", "allowObservers"})


def test_groups_have_the_recorded_shapes(client: Client) -> None:
    home = "courses/courseId:CRS-0001/groups"
    described = {"description": "Teams for the term project"}
    (teams,) = client.rows(f"v2/{home}/sets")
    client.ok(f"PATCH v2/{home}/sets/{teams['id']}", described)
    (teams,) = client.rows(f"v2/{home}/sets")
    assert kinds([teams]) == kinds(results("group_sets_v2.json"))
    (team, *_) = client.rows(f"v2/{home}/sets/{teams['id']}/groups")
    team = client.ok(f"PATCH v2/{home}/{team['id']}", described)
    assert kinds(team) == kinds(fixture("group_v2.json"))
    rows = client.rows(f"v1/{home}")
    for row, recorded in zip(rows, results("groups_v1.json"), strict=False):
        assert kinds({**row, "description": ""}) == kinds({**recorded, "description": ""})


def test_a_group_to_sign_up_for_has_the_recorded_body(client: Client) -> None:
    recorded = fixture("group_v2_self_enrollment.json")
    own = ("id", "uuid", "created", "modified")
    sent = {name: value for name, value in recorded.items() if name not in own}
    made = client.ok("POST v2/courses/courseId:CRS-0001/groups", sent)
    assert {name: made[name] for name in sent} == sent
    assert kinds(made) == kinds(recorded)


def test_members_of_groups_have_the_recorded_shape(client: Client) -> None:
    home = "v2/courses/courseId:CRS-0001"
    group = client.ok(f"POST {home}/groups", {"name": "x"})["id"]
    member = client.rows(f"{home.replace('v2', 'v1')}/users")[0]["userId"]
    made = client.ok(f"PUT {home}/groups/{group}/users/{member}")
    assert kinds(made) == kinds(fixture("group_member_created.json"))
    rows = client.rows(f"{home}/groups/{group}/users")
    assert kinds(rows) == kinds(results("group_members_v2.json"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("v1/institutionRoles", "institution_roles.json"),
        ("v1/systemRoles", "system_roles.json"),
        ("v1/courseRoles", "course_roles.json"),
        ("v1/dataSources", "data_sources.json"),
    ],
)
def test_the_recorded_rows_are_among_the_sites(client: Client, path: str, name: str) -> None:
    rows = client.rows(path)
    assert [row for row in results(name) if row not in rows] == []


def test_the_recorded_term_is_the_sites(client: Client) -> None:
    recorded = fixture("term.json")
    recorded["externalId"] = "2025SP"
    assert client.ok("GET v1/terms/externalId:2025SP") == recorded


def test_tasks_have_the_recorded_bodies(client: Client) -> None:
    recorded = fixture("course_task.json")
    client.site.settings.task_seconds = 10
    place = client("DELETE v3/courses/courseId:CRS-0002").headers["Location"]
    address = f"GET {place.removeprefix(f'{PREFIX}/')}"
    for name, seconds in (("queued", 0), ("running", 4), ("complete", 6)):
        client.site.clock.advance(seconds)
        answer = client(address)
        expected = {**recorded[name]["body"]}
        started = {"started": "2025-02-19T21:20:00.000Z"} if name != "queued" else {}
        assert answer.status_code == recorded[name]["status"]
        assert answer.json == {**expected, **started}
    system = client.ok(f"GET v1/system/tasks/{place.rsplit('/', 1)[1]}")
    assert kinds(system) == kinds(fixture("system_task.json"))


def test_the_version_has_the_recorded_shape(client: Client) -> None:
    assert kinds(client.ok("GET v1/system/version")) == kinds(fixture("version.json"))
