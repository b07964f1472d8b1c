"""Accounts, ids and observers of the simulator."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from connectors.blackboard.simulator import Clock, create_simulator
from connectors.blackboard.simulator.entitlements import (
    ALL,
    CREATE_USERS,
    DELETE_USERS,
    MODIFY_USERS,
    RESET_PASSWORDS,
    VIEW_SOME_OF_USERS,
    VIEW_USERS,
)
from connectors.simulation.clock import write_date
from tests.connectors.blackboard.site import PREFIX, START, Client, person

TAKEN = "A user with the same userName or externalId already exists"


@pytest.fixture
def client() -> Client:
    return Client(create_simulator(users=5, clock=Clock(START)))


def without(client: Client, *names: str) -> None:
    client.site.settings.entitlements = set(ALL) - set(names)


def test_an_account_is_created_with_defaults(client: Client) -> None:
    answer = client("POST v1/users", person("Zo"))
    body = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{PREFIX}/v1/users/{body['id']}"
    expected = {
        "externalId": "Zo",
        "dataSourceId": "_2_1",
        "educationLevel": "Unknown",
        "gender": "Unknown",
        "systemRoleIds": ["User"],
        "institutionRoleIds": ["STUDENT"],
        "availability": {"available": "Yes"},
        "created": write_date(START),
        "modified": write_date(START),
    }
    assert {name: body[name] for name in expected} == expected
    assert "password" not in body
    assert client.site.passwords_match("Zo", "Passw0rd!x")
    assert client.ok(f"GET v1/users/{body['id']}") == body


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"userName": ...}, "userName"),
        ({"password": ...}, "password"),
        ({"name": ...}, "name.given"),
        ({"name": {"given": "A"}}, "name.family"),
        ({"userName": ""}, "userName"),
        ({"name": {"given": "A", "family": None}}, "name.family"),
    ],
)
def test_what_a_new_account_needs(client: Client, missing: dict[str, Any], named: str) -> None:
    body = {**person("zo"), **missing}
    sent = {name: value for name, value in body.items() if value is not ...}
    refusal = client.refused("POST v1/users", sent)
    assert refusal == (400, f"Required field missing: {named}")


@pytest.mark.parametrize(
    ("path", "most"),
    [
        (("externalId",), 256),
        (("studentId",), 100),
        (("pronouns",), 1000),
        (("name", "middle"), 100),
        (("job", "title"), 100),
        (("contact", "mobilePhone"), 50),
        (("contact", "email"), 100),
        (("contact", "institutionEmail"), 254),
        (("address", "street1"), 100),
        (("address", "country"), 50),
    ],
)
def test_lengths(client: Client, path: tuple[str, ...], most: int) -> None:
    def body(length: int) -> dict[str, Any]:
        value: Any = "x" * length
        for name in reversed(path):
            value = {name: value}
        found: dict[str, Any] = value
        return found

    assert client.status("PATCH v1/users/_101_1", body(most)) == 200
    assert client.status("PATCH v1/users/_101_1", body(most + 1)) == 400


@pytest.mark.parametrize(
    "body",
    [
        {"gender": "male"},
        {"educationLevel": "University"},
        {"availability": {"available": "Maybe"}},
        {"availability": "Yes"},
        {"name": {"preferredDisplayName": "Nick"}},
        {"locale": {"firstDayOfWeek": "Tuesday"}},
        {"birthDate": "17 April"},
        {"institutionRoleIds": "STUDENT"},
        {"institutionRoleIds": ["_1_1"]},
        {"systemRoleIds": ["NoSuch"]},
        {"dataSourceId": "_99_1"},
        {"dataSourceId": "SIS"},
        {"userName": 7},
        {"userName": None},
        {"avatar": {"uploadId": "1", "resourceId": "2"}},
        ["not an object"],
    ],
)
def test_values_that_are_refused(client: Client, body: Any) -> None:
    before = dict(client.site.users["_101_1"].body)
    assert client.status("PATCH v1/users/_101_1", body) == 400
    assert client.site.users["_101_1"].body == before


def test_a_change_is_merged_and_lists_are_replaced(client: Client) -> None:
    client.site.clock.advance(60)
    client.ok("PATCH v1/users/_101_1", {"job": {"title": "Dean", "company": "Us"}})
    roles = {"institutionRoleIds": ["STAFF", "FACULTY"]}
    client.ok("PATCH v1/users/_101_1", roles)
    body = client.ok(
        "PATCH v1/users/_101_1", {"job": {"company": ""}, "institutionRoleIds": ["ALUMNI"]}
    )
    assert body["job"] == {"title": "Dean"}
    assert body["institutionRoleIds"] == ["ALUMNI"]
    assert body["modified"] == write_date(START + 60) != body["created"]
    assert body["name"]["given"] == "Bo"
    cleared = client.ok("PATCH v1/users/_101_1", {"studentId": None, "job": {"title": None}})
    assert "studentId" not in cleared
    assert cleared["job"] == {}


def test_the_first_role_is_primary_and_the_rest_are_in_order(client: Client) -> None:
    body = client.ok(
        "POST v1/users",
        person(
            "zo",
            institutionRoleIds=["STUDENT", "STAFF", "LIBRARIAN", "ALUMNI", "STAFF"],
            systemRoleIds=["User", "Portal", "Help.Desk"],
        ),
    )
    assert body["institutionRoleIds"] == ["STUDENT", "ALUMNI", "LIBRARIAN", "STAFF"]
    assert body["systemRoleIds"] == ["User", "Help.Desk", "Portal"]


def test_duplicates_are_refused_in_new_and_in_changed_accounts(client: Client) -> None:
    for taken in ({"userName": "user1"}, {"externalId": "s1000001"}):
        body = {**person("zo"), **taken}
        assert client.refused("POST v1/users", body) == (409, TAKEN)
        assert client.refused("PATCH v1/users/_102_1", taken) == (409, TAKEN)
        assert client.status("PATCH v1/users/_101_1", taken) == 200
    assert client.ok("PATCH v1/users/_102_1", {"userName": "new"})["userName"] == "new"
    assert client.status("GET v1/users/userName:user2") == 404
    assert client.ok("GET v1/users/userName:new")["id"] == "_102_1"
    assert client.status("POST v1/users", person("user2")) == 201


def test_read_only_and_unknown_properties(client: Client) -> None:
    for body in ({"id": "_9_1"}, {"created": write_date(0)}, {"colour": "red"}):
        assert client.status("PATCH v1/users/_101_1", body) == 400
    client.site.settings.unknown_properties = "ignore"
    body = client.ok("PATCH v1/users/_101_1", {"id": "_9_1", "colour": "red"})
    assert body["id"] == "_101_1"
    assert "colour" not in body


def test_only_the_day_of_a_birth_date_counts(client: Client) -> None:
    sent = {"birthDate": "2001-04-17T23:30:00.000-08:00"}
    body = client.ok("PATCH v1/users/_101_1", sent)
    assert body["birthDate"] == "2001-04-17T00:00:00.000Z"


def test_a_body_that_is_no_json(client: Client) -> None:
    answer = client.http.post(
        f"{PREFIX}/v1/users",
        data=b"{",
        headers={"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 400


def test_a_password_needs_an_entitlement_of_its_own(client: Client) -> None:
    without(client, MODIFY_USERS)
    assert client.status("PATCH v1/users/_101_1", {"password": "New1"}) == 200
    assert client.site.passwords_match("user1", "New1")
    assert client.status("PATCH v1/users/_101_1", {"password": "New2", "gender": "Male"}) == 403
    without(client, *RESET_PASSWORDS)
    assert client.status("PATCH v1/users/_101_1", {"password": "New3"}) == 403
    assert client.status("PATCH v1/users/_101_1", {"gender": "Male"}) == 200
    without(client, RESET_PASSWORDS[0])
    assert client.status("PATCH v1/users/_101_1", {"password": "New4"}) == 200
    assert client.site.passwords_match("user1", "New4")


def test_a_deleted_account_is_gone_with_its_places() -> None:
    client = Client(create_simulator(users=30, courses=2))
    (observed,) = [one for one in client.site.users.values() if one.observers]
    observer = observed.observers[0]
    member = client.rows("v2/courses/_5001_1/groups/_802_1/users")[0]["userId"]
    for one in (observer, member):
        assert client.status(f"DELETE v1/users/{one}") == 204
        assert client.status(f"GET v1/users/{one}") == 404
        assert client.status(f"DELETE v1/users/{one}") == 404
    assert observed.observers == []
    assert member not in client.names("v1/courses/_5001_1/users", "userId", limit=200)
    assert member not in client.names("v2/courses/_5001_1/groups/_802_1/users", "userId")


IDS = ["_101_1", "userName:user1", "externalId:s1000001", "studentId:1000001"]


@pytest.mark.parametrize("wanted", [*IDS, "email:user1@students.example.edu"])
def test_forms_of_ids(client: Client, wanted: str) -> None:
    assert client.ok(f"GET v1/users/{wanted}")["userName"] == "user1"
    uuid = client.site.users["_101_1"].body["uuid"]
    assert client.ok(f"GET v1/users/uuid:{uuid}")["userName"] == "user1"


@pytest.mark.parametrize("wanted", ["_999_1", "userName:none", "externalId:", "uuid:x"])
def test_ids_of_nobody(client: Client, wanted: str) -> None:
    refusal = client.refused(f"GET v1/users/{wanted}")
    assert refusal == (404, f"Could not find object with ID: {wanted}")


@pytest.mark.parametrize("wanted", ["user1", "101", "_101", "courseId:x", "me", "_1x_1"])
def test_ids_without_a_form(client: Client, wanted: str) -> None:
    assert client.status(f"GET v1/users/{wanted}") == 400


def test_some_ids_need_an_entitlement_and_a_release(client: Client) -> None:
    without(client, MODIFY_USERS)
    assert client.status("GET v1/users/studentId:1000001") == 403
    without(client)
    client.site.settings.version = (3900, 79, 0)
    assert client.status("GET v1/users/studentId:1000001") == 400


ODD = ["a:b", "a b", "50%", "%41", "ünï", "Ω😀", "a?b#c", "a+b", "x;y=z", "..", "a&b"]


@pytest.mark.parametrize("key", ODD)
def test_ids_are_percent_decoded_once(client: Client, key: str) -> None:
    client.ok("POST v1/users", person("odd", externalId=key))
    transport = httpx.WSGITransport(app=client.simulator)
    headers = {"Authorization": f"Bearer {client.token}"}
    with httpx.Client(transport=transport, base_url="http://bb.test", headers=headers) as http:
        sent = "".join(f"%{byte:02X}" for byte in key.encode())
        answer = http.get(f"{PREFIX}/v1/users/externalId:{sent}")
    assert answer.json()["userName"] == "odd"
    answer = client.http.get(f"{PREFIX}/v1/users/externalId:{sent}", headers=headers)
    assert answer.json["userName"] == "odd"


def test_a_slash_in_an_id_is_refused_before_the_application(client: Client) -> None:
    client.ok("POST v1/users", person("odd", externalId="a/b"))
    headers = {"Authorization": f"Bearer {client.token}"}
    address = f"{PREFIX}/v1/users/externalId:a%2Fb"
    before = len(client.site.calls)
    answer = client.http.get(address, headers=headers)
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert len(client.site.calls) == before
    client.site.settings.encoded_slashes = True
    assert client.http.get(address, headers=headers).json["userName"] == "odd"


def test_case_of_ids() -> None:
    strict = Client(create_simulator(users=1))
    loose = Client(create_simulator(users=1, case_sensitive_ids=False))
    assert strict.status("GET v1/users/userName:USER1") == 404
    assert loose.status("GET v1/users/userName:USER1") == 200
    assert loose.status("POST v1/users", person("User1")) == 409


def test_entitlements_of_accounts(client: Client) -> None:
    without(client, VIEW_USERS, VIEW_SOME_OF_USERS)
    assert client.status("GET v1/users") == client.status("GET v1/users/_101_1") == 403
    without(client, CREATE_USERS)
    assert client.status("POST v1/users", person("zo")) == 403
    without(client, DELETE_USERS)
    assert client.status("DELETE v1/users/_101_1") == 403
    without(client, MODIFY_USERS)
    refusal = client("PATCH v1/users/_101_1", {"gender": "Male"})
    assert refusal.get_json()["status"] == refusal.status_code == 403


def test_who_may_see_some_of_accounts_sees_few_properties(client: Client) -> None:
    client.site.settings.entitlements = {VIEW_SOME_OF_USERS}
    body = client.ok("GET v1/users/_101_1")
    assert body == {
        "id": "_101_1",
        "name": {"given": "Bo", "family": "Novak"},
        "systemRoleIds": ["User"],
    }
    assert all("userName" not in row for row in client.rows("v1/users"))
    client.site.settings.entitlements = {VIEW_SOME_OF_USERS, VIEW_USERS}
    assert client.ok("GET v1/users/_101_1")["userName"] == "user1"


def test_administrators_see_one_another_only(client: Client) -> None:
    assert "administrator" not in client.names("v1/users", "userName")
    assert client.status("GET v1/users/userName:administrator") == 403
    assert client.status("PATCH v1/users/userName:administrator", {"gender": "Male"}) == 403
    assert client.status("DELETE v1/users/userName:administrator") == 403
    admin = {"systemRoleIds": ["SystemAdmin"]}
    assert client.status("PATCH v1/users/_101_1", admin) == 403
    assert client.status("POST v1/users", person("zo", **admin)) == 403
    among = Client(create_simulator(sees_system_admins=True))
    assert among.names("v1/users", "userName") == ["administrator", "integration"]
    assert among.ok("POST v1/users", person("zo", **admin))["systemRoleIds"] == ["SystemAdmin"]


def test_observers(client: Client) -> None:
    observing = {"systemRoleIds": ["Observer"]}
    client.ok("POST v1/users", person("pat", **observing))
    client.ok("POST v1/users", person("lee", **observing))
    link = "v1/users/_101_1/observers/userName:pat"
    answer = client(f"PUT {link}", {})
    assert (answer.status_code, answer.get_json()["userName"]) == (201, "pat")
    assert client.status(f"PUT {link}") == 409
    assert client.names("v1/users/_101_1/observers", "userName") == ["pat"]
    assert client.names("v1/users/userName:pat/observees", "userName") == ["user1"]
    assert client.status("PUT v1/users/_101_1/observers/_102_1") == 400
    assert client.status("PUT v1/users/userName:lee/observers/userName:pat") == 400
    assert client.status("PUT v1/users/_101_1/observers/_999_1") == 404
    assert client.status("DELETE v1/users/_101_1/observers/userName:lee") == 404
    assert client.status(f"DELETE {link}") == 204
    assert client.rows("v1/users/_101_1/observers") == []
    client.site.settings.entitlements = set(ALL) - {"system.observer_user.CREATE"}
    assert client.status(f"PUT {link}") == 403
    client.site.settings.entitlements = set(ALL) - {"observer.associations.VIEW"}
    assert client.status("GET v1/users/_101_1/observers") == 403
