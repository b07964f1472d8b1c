"""The simulator's answers have the shape of the recorded ones, and its refusals their words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.connectors.canvas.site import Client, assert_like, fixture, links

Case = Callable[[Client], Any]


@pytest.fixture
def canvas() -> Client:
    """A site with the recorded person and an enrollment, a group and a report of hers."""
    client = Client(admins_can_change_passwords=True, report_polls=1, import_polls=1)
    ada = client.ada()["id"]
    client.post("accounts/1/courses", {"course": {"name": "Engines", "sis_course_id": "C-301"}})
    given = {"user_id": ada, "type": "StudentEnrollment", "enrollment_state": "active"}
    client.post("courses/301/enrollments", {"enrollment": given})
    client.post("accounts/1/group_categories", {"name": "Library Staff"})
    client.post("group_categories/601/groups", {"name": "Library Staff"})
    client.post("groups/701/memberships", {"user_id": ada})
    report = client.post("accounts/1/reports/provisioning_csv", {"parameters": {"users": "true"}})
    client.get(f"accounts/1/reports/provisioning_csv/{report['id']}")
    client.put("accounts/1/logins/5001", {"login": {"declared_user_type": "student"}})
    return client


def uploaded(client: Client, poll: bool) -> Any:
    text = "user_id,login_id,status\nS-2,two,active\nS-3,abyron,active\n"
    headers = {"Content-Type": "text/csv"}
    made = json.loads(
        client.call("POST", "accounts/1/sis_imports", data=text, headers=headers).text
    )
    return client.get(f"accounts/1/sis_imports/{made['id']}") if poll else made


BODIES: dict[str, Case] = {
    "account": lambda c: c.get("accounts/1"),
    "admin_list": lambda c: c.get("accounts/1/admins"),
    "communication_channel_list": lambda c: c.get("users/1001/communication_channels"),
    "course": lambda c: c.get("courses/301"),
    "enrollment": lambda c: c.get("accounts/1/enrollments/7001"),
    "enrollment_list": lambda c: c.get("courses/301/enrollments"),
    "group": lambda c: c.get("groups/701"),
    "group_category": lambda c: c.get("group_categories/601"),
    "group_membership_list": lambda c: c.get("groups/701/memberships"),
    "group_membership_create_response": lambda c: c.post(
        "groups/701/memberships", {"user_id": "self"}
    ),
    "group_membership_delete_response": lambda c: c.delete("groups/701/users/1001"),
    "login": lambda c: c.get("users/1001/logins")[0],
    "login_list": lambda c: c.get("users/1001/logins"),
    "login_suspended": lambda c: c.put(
        "accounts/1/logins/5001", {"login": {"workflow_state": "suspended"}}
    ),
    "password_reset_response": lambda c: c.post("users/reset_password", {"email": "abyron"}),
    "report_started": lambda c: c.post(
        "accounts/1/reports/provisioning_csv", {"parameters": {"users": "true"}}
    ),
    "report_complete": lambda c: c.get("accounts/1/reports/provisioning_csv/71"),
    "section": lambda c: c.get("sections/401"),
    "sis_import_created": lambda c: uploaded(c, poll=False),
    "sis_import_done": lambda c: uploaded(c, poll=True),
    "user_create_response": lambda c: c.post(
        "accounts/1/users", {"pseudonym": {"unique_id": "other"}}
    ),
    "user_edit_response": lambda c: c.put("users/1001", {"user": {"short_name": "A"}}),
    "user_get": lambda c: c.get("users/1001"),
    "user_list": lambda c: c.get("accounts/1/users?include[]=email"),
    "user_profile": lambda c: c.get("users/1001/profile"),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_have_the_recorded_shape(canvas: Client, name: str) -> None:
    assert_like(fixture(name), BODIES[name](canvas))


def test_a_new_group_is_answered_with_its_category(canvas: Client) -> None:
    recorded = fixture("group_create_response")
    made = canvas.post("group_categories/601/groups", {"name": "Another"})
    assert_like(recorded, made)


def test_the_other_login_carries_its_provider(canvas: Client) -> None:
    given = {"unique_id": "ada@example.edu", "authentication_provider_id": "saml"}
    canvas.post("accounts/1/logins", {"user": {"id": 1001}, "login": given})
    first, second = canvas.get("users/1001/logins")
    assert "authentication_provider_type" not in first
    assert second.keys() == fixture("login_list")[1].keys()
    assert (second["authentication_provider_id"], second["authentication_provider_type"]) == (
        7,
        "saml",
    )


def test_a_removed_user_is_still_answered(canvas: Client) -> None:
    canvas.delete("accounts/1/users/1001")
    recorded = fixture("user_removed_from_account_get")
    ours = canvas.get("users/1001")
    ours.pop("avatar_url")
    assert recorded.keys() == ours.keys()
    assert (ours["sis_user_id"], ours["email"]) == (None, None)


def test_roles_have_the_recorded_shape(canvas: Client) -> None:
    ours = {row["id"]: row for row in canvas.get("accounts/1/roles?per_page=50")}
    for recorded in fixture("role_list"):
        assert_like(recorded, ours[recorded["id"]])


def test_the_users_csv_has_the_recorded_columns(canvas: Client) -> None:
    recorded = fixture("report_users_csv")
    attachment = canvas.get("accounts/1/reports/provisioning_csv/71")["attachment"]
    path = attachment["url"].partition("canvas.example.edu")[2]
    moved = canvas.simulator.test_client().get(path)
    response = canvas.simulator.test_client().get(moved.headers["Location"])
    assert response.content_type.startswith(recorded["content_type"])
    rows = list(csv.reader(io.StringIO(response.text)))
    assert rows[0] == recorded["header"]
    ada = next(row for row in rows if row[4] == "abyron")
    expected = list(recorded["rows"][0])
    assert ada == expected


def test_a_refreshed_token_has_the_recorded_shape(canvas: Client) -> None:
    site = canvas.site
    form = {
        "grant_type": "refresh_token",
        "client_id": site.client_id,
        "client_secret": site.client_secret,
        "refresh_token": site.refresh_token,
    }
    response = canvas.simulator.test_client().post("/login/oauth2/token", data=form)
    assert response.status_code == 200
    assert_like(fixture("oauth_refresh_response"), response.json)


def conclude(client: Client) -> Any:
    client.put("courses/301", {"course": {"event": "conclude"}})
    return client.call("POST", "courses/301/enrollments", json={"enrollment": {"user_id": 1001}})


def edit(client: Client, **login: Any) -> Any:
    return client.call("PUT", "accounts/1/logins/5001", json={"login": login})


def create(client: Client, **pseudonym: Any) -> Any:
    return client.call("POST", "accounts/1/users", json={"pseudonym": pseudonym})


def with_token(client: Client, token: str | None) -> Any:
    client.token = token
    return client.call("GET", "users/1001")


def expired(client: Client) -> Any:
    moment = 1_709_164_800
    return with_token(client, client.site.add_token(1, expires_at=moment))


def revoked(client: Client) -> Any:
    client.delete("users/self/sessions")
    return client.call("GET", "users/self")


def not_permitted(client: Client, status: int) -> Any:
    client.site.settings.denied_status = status
    return with_token(client, client.site.add_token(1, permissions=()))


def throttled(client: Client, status: int) -> Any:
    client.site.settings.throttle_status = status
    client.site.settings.call_cost = 800
    client.get("users/1001")
    return client.call("GET", "users/1001")


def other_provider(client: Client) -> Any:
    client.put("accounts/1/logins/5001", {"login": {"authentication_provider_id": 7}})
    return edit(client, password="long-enough-1")


def taken_integration_id(client: Client) -> Any:
    client.person("x", integration_id="X-1")
    return edit(client, integration_id="X-1")


def no_imports(client: Client) -> Any:
    client.site.settings.allow_sis_import = False
    return client.call("POST", "accounts/1/sis_imports", data="user_id\n")


def role_used(client: Client) -> Any:
    return client.call("POST", "accounts/1/roles", json={"label": "Help Desk"})


def below_root(client: Client) -> Any:
    made = client.post("accounts/1/sub_accounts", {"account": {"name": "Below"}})
    return client.call("GET", f"accounts/{made['id']}/logins")


def channel_twice(client: Client) -> Any:
    given = {"address": "ada.byron@example.edu", "type": "email"}
    path = "users/1001/communication_channels"
    return client.call("POST", path, json={"communication_channel": given})


def oauth(client: Client, **changed: str) -> Any:
    site = client.site
    form = {
        "grant_type": "refresh_token",
        "client_id": site.client_id,
        "client_secret": site.client_secret,
        "refresh_token": site.refresh_token,
        **changed,
    }
    return client.simulator.test_client().post("/login/oauth2/token", data=form)


REFUSALS: dict[str, Case] = {
    "unauthenticated": lambda c: with_token(c, None),
    "invalid_token": lambda c: with_token(c, "1~nothing"),
    "expired_token": expired,
    "revoked_token": revoked,
    "insufficient_scope": lambda c: with_token(c, c.site.add_token(1, scopes=())),
    "unauthorized_classic": lambda c: not_permitted(c, 401),
    "unauthorized_newer": lambda c: not_permitted(c, 403),
    "not_found": lambda c: c.call("GET", "users/99999"),
    "search_term_too_short": lambda c: c.call("GET", "accounts/1/users?search_term=a"),
    "create_user_login_taken": lambda c: create(c, unique_id="ABYRON"),
    "create_user_sis_id_taken": lambda c: create(c, unique_id="other", sis_user_id="S-1001"),
    "create_user_password_too_short": lambda c: create(c, unique_id="other", password="short"),
    "login_unique_id_taken": lambda c: edit(c, unique_id="gateway"),
    "login_integration_id_taken": taken_integration_id,
    "login_bad_workflow_state": lambda c: edit(c, workflow_state="asleep"),
    "login_password_not_canvas": other_provider,
    "login_last_one": lambda c: c.call("DELETE", "users/1001/logins/5001"),
    "login_nothing_recognised": lambda c: edit(c, colour="red"),
    "not_root_account": below_root,
    "restore_not_deleted": lambda c: c.call("PUT", "accounts/1/users/1001/restore"),
    "channel_exists": channel_twice,
    "password_reset_unknown": lambda c: c.call(
        "POST", "users/reset_password", json={"email": "no@example.edu"}
    ),
    "enrollment_concluded_course": conclude,
    "enrollment_not_inactive": lambda c: c.call("PUT", "courses/301/enrollments/7001/reactivate"),
    "role_name_used": role_used,
    "role_builtin": lambda c: c.call("DELETE", "accounts/1/roles/3"),
    "sis_import_not_enabled": no_imports,
    "custom_data_no_namespace": lambda c: c.call("GET", "users/1001/custom_data"),
    "rate_limited_403": lambda c: throttled(c, 403),
    "rate_limited_429": lambda c: throttled(c, 429),
    "oauth_unknown_client": lambda c: oauth(c, client_id="1"),
    "oauth_bad_secret": lambda c: oauth(c, client_secret="no"),
    "oauth_bad_refresh_token": lambda c: oauth(c, refresh_token="no"),
    "oauth_unsupported_grant": lambda c: oauth(c, grant_type="password"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_the_recorded_ones(canvas: Client, name: str) -> None:
    recorded = fixture("errors")[name]
    response = REFUSALS[name](canvas)
    text = response.text
    plain = isinstance(recorded["body"], str)
    assert response.status_code == recorded["status"], text
    assert (text if plain else json.loads(text)) == recorded["body"]
    for header, value in recorded["headers"].items():
        assert response.headers.get(header) == value, header
    assert ("WWW-Authenticate" in response.headers) == ("WWW-Authenticate" in recorded["headers"])


def test_every_recorded_refusal_is_tried() -> None:
    assert set(fixture("errors")) - set(REFUSALS) == {"server_error"}


def test_the_recorded_link_headers(canvas: Client) -> None:
    recorded = fixture("headers")
    query = "accounts/1/users?include%5B%5D=email"
    canvas.site.settings.call_cost = 0
    for number in range(199):
        canvas.person(f"p{number:03}")
    answers = {
        "numbered_uncounted_first": canvas.call("GET", f"{query}&per_page=100"),
        "numbered_uncounted_final": canvas.call("GET", f"{query}&page=3&per_page=100"),
        "bookmark_first": canvas.call("GET", f"{query}&sort=id&per_page=100"),
    }
    for name, response in answers.items():
        ours, theirs = response.headers["Link"], recorded[name]["Link"]
        if name == "bookmark_first":
            assert list(links(response)) == ["current", "next", "first"]
            token = links(response)["next"].partition("page=bookmark:")[2].partition("&")[0]
            ours, theirs = ours.replace(token, "x"), theirs.replace("IjExMDAi", "x")
        assert ours == theirs
    token = "bookmark:IjExMDAi"
    final = canvas.call("GET", f"{query}&sort=id&page={token}&per_page=100")
    assert json.loads(final.text)[0]["id"] == 1101


def test_the_recorded_throttle_is_the_default(canvas: Client) -> None:
    settings, recorded = canvas.site.settings, fixture("headers")["throttle_defaults"]
    ours = {
        "high_water_mark": settings.high_water_mark,
        "maximum": settings.maximum,
        "outflow_per_second": settings.outflow,
        "up_front_cost": settings.up_front_cost,
    }
    assert ours == recorded
