"""Users of the simulated Canvas with their logins and channels: what may be written, what shows."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from connectors.canvas.simulator.names import guess_sortable, read_names
from connectors.canvas.simulator.permissions import ALL, MANAGE_DETAILS, MANAGE_SIS
from tests.connectors.canvas.site import Client


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["login_id"] for row in rows]


def search(canvas: Client, term: str, more: str = "") -> list[str]:
    return names(canvas.get(f"accounts/1/users?per_page=100&search_term={term}{more}"))


@pytest.mark.parametrize(
    ("sortable", "given", "family"),
    [
        ("Byron, Ada", "Ada", "Byron"),
        ("Hopper, Grace Murray", "Grace Murray", "Hopper"),
        ("King, Martin Luther Jr.", "Martin Luther", "King"),
        ("Mary Ann", "Mary", "Ann"),
        ("Madonna", "Madonna", ""),
        (", Mary Ann", "Mary Ann", ""),
        ("van Gogh,", "", "van Gogh"),
    ],
)
def test_names_are_read_from_the_sortable_one(sortable: str, given: str, family: str) -> None:
    assert read_names(sortable) == (given, family)
    canvas = Client(users=1)
    canvas.put("users/1001", {"user": {"sortable_name": sortable}})
    body = canvas.get("users/1001")
    assert (body["first_name"], body["last_name"]) == (given, family)


def test_a_new_user_has_what_was_asked_for() -> None:
    canvas = Client()
    made = canvas.ada()
    assert made["sortable_name"] == guess_sortable("Ada Byron") == "Byron, Ada"
    assert made["login_id"] == "abyron" and made["sis_user_id"] == "S-1001"
    assert canvas.get("users/1001")["email"] == "ada.byron@example.edu"
    assert canvas.get("users/1001/communication_channels")[0]["workflow_state"] == "active"
    assert canvas.site.passwords_match("ABYRON", "correct-horse-9")
    assert not canvas.site.passwords_match("abyron", "wrong-horse-9")


def test_what_a_creation_does_not_take_is_passed_over() -> None:
    canvas = Client(pronouns=("she/her",))
    given = {
        "user": {"name": "A B", "email": "a@b.example", "pronouns": "she/her", "event": "suspend"},
        "pseudonym": {
            "unique_id": "ab",
            "declared_user_type": "staff",
            "workflow_state": "suspended",
        },
    }
    made = canvas.post("accounts/1/users", given)
    assert "pronouns" not in made
    assert canvas.get(f"users/{made['id']}")["email"] is None
    login = canvas.get(f"users/{made['id']}/logins")[0]
    assert (login["declared_user_type"], login["workflow_state"]) == (None, "active")


def test_a_name_is_guessed_from_the_login() -> None:
    body = Client().person("just-a-login")
    assert body["name"] == body["short_name"] == body["sortable_name"] == "just-a-login"


@pytest.mark.parametrize(
    ("login", "channel", "address"),
    [
        ("x@example.edu", None, "x@example.edu"),
        ("x@example.edu", {"skip_confirmation": True}, "x@example.edu"),
        ("x@example.edu", {"address": ""}, None),
        ("x", {"address": "not an address"}, None),
        ("x", {"address": "y@example.edu"}, "y@example.edu"),
    ],
)
def test_where_the_address_comes_from(
    login: str, channel: dict[str, Any] | None, address: str | None
) -> None:
    canvas = Client()
    body: dict[str, Any] = {"pseudonym": {"unique_id": login}}
    if channel is not None:
        body["communication_channel"] = channel
    number = canvas.post("accounts/1/users", body)["id"]
    assert canvas.get(f"users/{number}")["email"] == address


def test_two_may_share_an_address() -> None:
    canvas = Client()
    for login in ("one", "two"):
        given = {"address": "shared@example.edu"}
        body = {"pseudonym": {"unique_id": login}, "communication_channel": given}
        canvas.post("accounts/1/users", body)
    rows = canvas.get("accounts/1/users?search_term=shared")
    assert len(rows) == 2


def test_users_are_made_in_the_root_account() -> None:
    canvas = Client(courses=1)
    body = canvas.post("accounts/12/users", {"pseudonym": {"unique_id": "x"}}, 400)
    assert body == {"message": "Action must be called on a root account."}


@pytest.mark.parametrize(
    ("login", "kind"), [("", "blank"), ("x" * 101, "too_long"), ("a\tb", "invalid")]
)
def test_a_login_name_that_cannot_be(login: str, kind: str) -> None:
    body = Client().post("accounts/1/users", {"pseudonym": {"unique_id": login}}, 400)
    assert body["errors"]["pseudonym"]["unique_id"][0]["type"] == kind
    assert body["errors"]["user"]["pseudonyms"][0]["type"] == "invalid"


@pytest.mark.parametrize(
    ("settings", "password", "kind"),
    [
        ({}, "x" * 256, "too_long"),
        ({"common_passwords": ("password1",)}, "Password1", "common"),
        ({"password_repeats": 2}, "aaabcdxy", "repeated"),
        ({"password_sequence": 3}, "abcdxyuq", "sequence"),
        ({"password_min_length": 12}, "elevenchars", "too_short"),
    ],
)
def test_the_password_policy(settings: dict[str, Any], password: str, kind: str) -> None:
    canvas = Client(**settings)
    given = {"unique_id": "x", "password": password}
    body = canvas.post("accounts/1/users", {"pseudonym": given}, 400)
    assert [row["type"] for row in body["errors"]["pseudonym"]["password"]] == [kind]


def test_a_removed_login_name_is_free_and_its_sis_id_is_not() -> None:
    canvas = Client()
    canvas.ada()
    canvas.delete("accounts/1/users/1001")
    body = canvas.post(
        "accounts/1/users", {"pseudonym": {"unique_id": "new", "sis_user_id": "S-1001"}}, 400
    )
    assert body["errors"]["pseudonym"]["sis_user_id"][0]["type"] == "taken"
    assert canvas.person("abyron")["id"] == 1002


@pytest.mark.parametrize("silent", [True, False])
def test_a_sis_id_brings_its_user_back(silent: bool) -> None:
    canvas = Client()
    canvas.ada()
    canvas.delete("accounts/1/users/1001")
    body = {
        "user": {"name": "Ada King", "skip_registration": silent},
        "pseudonym": {"unique_id": "aking", "sis_user_id": "S-1001"},
        "communication_channel": {"skip_confirmation": True},
        "enable_sis_reactivation": True,
    }
    back = canvas.post("accounts/1/users", body)
    assert (back["id"], back["name"], back["login_id"]) == (1001, "Ada King", "aking")
    email = canvas.get("users/1001")["email"]
    assert email == ("ada.byron@example.edu" if silent else None)
    assert len(canvas.site.logins_of(1001)) == 1
    canvas.get("users/sis_login_id:abyron", 404)


def test_a_living_sis_id_is_not_brought_back() -> None:
    canvas = Client()
    canvas.ada()
    given = {"unique_id": "x", "sis_user_id": "S-1001"}
    canvas.post("accounts/1/users", {"pseudonym": given, "enable_sis_reactivation": True}, 400)


def test_the_search_looks_where_it_should() -> None:
    canvas = Client(users=12, admins_can_change_passwords=True)
    canvas.put("users/1001", {"user": {"name": "Needle Person", "short_name": "Quirk"}})
    assert search(canvas, "NEEDLE") == ["user1"]
    assert search(canvas, "quirk") == []
    assert search(canvas, "s1000001") == ["user1"]
    assert search(canvas, "int-6") == ["user6"]
    assert search(canvas, "home8@") == ["user8"]
    assert search(canvas, "1001") == ["user1"]


def test_a_suspended_login_is_listed_but_not_searched() -> None:
    canvas = Client()
    canvas.ada()
    canvas.put("users/1001", {"user": {"event": "suspend"}})
    assert search(canvas, "abyron") == []
    assert search(canvas, "S-1001") == search(canvas, "ada.byron@") == ["abyron"]
    assert "abyron" in names(canvas.get("accounts/1/users"))


def test_removed_users_are_listed_on_demand() -> None:
    canvas = Client()
    canvas.ada()
    canvas.delete("accounts/1/users/1001")
    assert [row["id"] for row in canvas.get("accounts/1/users")] == [1]
    rows = canvas.get("accounts/1/users?include_deleted_users=true")
    assert sorted(row["id"] for row in rows) == [1, 1001]
    assert len(canvas.get("accounts/1/users?include_deleted_users=1&search_term=abyron")) == 1


def test_filters_by_enrollment_and_uuid() -> None:
    canvas = Client(users=10, courses=2)
    teachers = canvas.get("accounts/1/users?enrollment_type=teacher")
    assert sorted(names(teachers)) == ["user10", "user5"]
    both = canvas.get("accounts/1/users?enrollment_type[]=teacher&enrollment_type[]=student")
    assert len(both) == 10
    assert len(canvas.get("accounts/1/users?role_filter_id=4")) == 2
    wrong = canvas.get("accounts/1/users?enrollment_type=king", 400)
    assert wrong["errors"][0]["message"].startswith("Invalid enrollment type")
    uuid = canvas.site.users[1003].uuid
    assert names(canvas.get(f"accounts/1/users?uuids[]={uuid}")) == ["user3"]
    assert "user1" in names(canvas.get("accounts/12/users?per_page=50"))
    assert "gateway" not in names(canvas.get("accounts/12/users?per_page=50"))


def test_the_orders_of_the_list() -> None:
    canvas = Client(users=9)
    rows = canvas.get("accounts/1/users")
    sortable = [row["sortable_name"].lower() for row in rows]
    assert sortable == sorted(sortable)
    query = "accounts/1/users?include[]=email&sort=email&order=desc"
    emails = [row["email"] for row in canvas.get(query)]
    assert emails[1:] == sorted(emails[1:], reverse=True)
    assert names(canvas.get("accounts/1/users?sort=sis_id"))[:2] == ["user1", "user2"]


def test_the_login_that_stands_for_a_user() -> None:
    canvas = Client()
    canvas.person("m", sis_user_id="S-1")
    canvas.post("accounts/1/logins", {"user": {"id": 1001}, "login": {"unique_id": "a"}})
    assert canvas.get("users/1001")["login_id"] == "m"
    canvas.put("accounts/1/logins/5001", {"login": {"workflow_state": "suspended"}})
    body = canvas.get("users/1001")
    assert (body["login_id"], body["sis_user_id"]) == ("a", None)


@pytest.mark.parametrize("field", ["colour", "bio", "title", "pronunciation", "pronouns"])
def test_a_field_that_is_not_allowed_refuses_the_whole_edit(field: str) -> None:
    canvas = Client(users=1)
    canvas.put("users/1001", {"user": {"name": "New", field: "x"}}, 403)
    assert canvas.get("users/1001")["name"] != "New"


def test_profile_fields_where_profiles_are_on() -> None:
    canvas = Client(users=1, profiles=True)
    body = canvas.put("users/1001", {"user": {"title": "Dr", "bio": "Born"}})
    assert (body["title"], body["bio"]) == ("Dr", "Born")
    assert "title" not in canvas.put("users/1001", {"user": {"name": "X"}})
    assert canvas.get("users/1001/profile")["title"] == "Dr"
    assert "title" not in canvas.get("users/1001")


def test_pronouns_are_those_of_the_account() -> None:
    canvas = Client(users=1, pronouns=("She/Her", "They/Them"))
    assert canvas.put("users/1001", {"user": {"pronouns": "she/her"}})["pronouns"] == "She/Her"
    assert canvas.put("users/1001", {"user": {"pronouns": "other"}})["pronouns"] == "She/Her"
    assert "pronouns" not in canvas.put("users/1001", {"user": {"pronouns": ""}})


def test_an_edit_of_the_name() -> None:
    canvas = Client()
    canvas.ada()
    body = canvas.put("users/1001", {"user": {"name": "Ada King"}})
    assert (body["sortable_name"], body["short_name"]) == ("King, Ada", "Ada")
    canvas.put("users/1001", {"user": {"sortable_name": "Lovelace, Ada"}})
    body = canvas.put("users/1001", {"user": {"name": "A K"}})
    assert body["sortable_name"] == "Lovelace, Ada"


def test_an_edit_of_the_address_leaves_the_old_one() -> None:
    canvas = Client()
    canvas.ada()
    body = canvas.put("users/1001", {"user": {"email": "new@example.edu"}})
    assert body["email"] == "new@example.edu"
    rows = canvas.get("users/1001/communication_channels")
    assert [(row["address"], row["position"], row["workflow_state"]) for row in rows] == [
        ("new@example.edu", 1, "unconfirmed"),
        ("ada.byron@example.edu", 2, "active"),
    ]
    canvas.put("users/1001", {"user": {"email": "ada.byron@example.edu"}})
    rows = canvas.get("users/1001/communication_channels")
    assert [row["id"] for row in rows] == [9001, 9002]
    canvas.token = canvas.site.add_token(1, permissions=ALL - {MANAGE_DETAILS})
    canvas.put("users/1001", {"user": {"email": "x@example.edu"}}, 403)


@pytest.mark.parametrize(
    ("field", "value"), [("time_zone", "Mars/Base"), ("locale", "xx"), ("name", "x" * 256)]
)
def test_values_that_cannot_be(field: str, value: str) -> None:
    canvas = Client(users=1)
    body = canvas.put("users/1001", {"user": {field: value}}, 400)
    assert body["errors"][field][0]["attribute"] == field


def test_time_zones_have_two_names() -> None:
    canvas = Client(users=1)
    given = {"time_zone": "Eastern Time (US & Canada)"}
    assert canvas.put("users/1001", {"user": given})["time_zone"] == "America/New_York"
    assert "time_zone" not in canvas.get("users/1001")
    assert canvas.get("users/1001/profile")["time_zone"] == "America/New_York"


def test_suspension_is_of_every_login() -> None:
    canvas = Client(users=9)
    canvas.put("users/1009", {"user": {"event": "suspend"}})
    assert canvas.states(1009) == ["suspended", "suspended"]
    canvas.put("users/1009", {"user": {"event": "unsuspend"}})
    assert canvas.states(1009) == ["active", "active"]
    canvas.put("users/1009", {"user": {"event": "explode"}})
    assert canvas.states(1009) == ["active", "active"]
    canvas.put("users/self", {"user": {"event": "suspend"}})
    assert canvas.states(1) == ["active"]
    canvas.token = canvas.site.add_token(1, permissions=ALL - {MANAGE_SIS})
    canvas.put("users/1009", {"user": {"event": "suspend"}})
    assert canvas.states(1009) == ["active", "suspended"]


def test_removal_takes_all_but_the_user() -> None:
    canvas = Client(users=25, courses=1)
    canvas.put("users/1001/observees/1005")
    canvas.post("accounts/1/admins", {"user_id": 1005, "role_id": 21})
    body = canvas.delete("accounts/1/users/1005")
    assert body["user"]["id"] == 1005
    shown = canvas.get("users/1005")
    assert "login_id" not in shown and shown["sis_user_id"] is None and shown["email"] is None
    assert canvas.get("users/1005/enrollments") == []
    assert canvas.get("users/1001/observees") == []
    assert 1005 not in [row["user_id"] for row in canvas.get("groups/701/memberships")]
    assert len(canvas.get("accounts/1/admins")) == 1
    canvas.delete("accounts/1/users/1005", status=404)
    canvas.delete("accounts/12/users/1006", status=404)


def test_a_removed_user_returns_with_his_last_login() -> None:
    canvas = Client(users=1, courses=1)
    canvas.delete("accounts/1/users/1001")
    body = canvas.put("accounts/1/users/1001/restore")
    assert body["login_id"] == "user1"
    assert canvas.get("users/1001/enrollments") == []
    assert canvas.get("users/1001/communication_channels") == []


def test_a_merged_user_is_answered_whole_with_404() -> None:
    canvas = Client(users=2)
    body = canvas.put("users/1001/merge_into/1002")
    assert body["id"] == 1002
    gone = canvas.get("users/1001", 404)
    assert (gone["id"], gone["merged_into_user_id"]) == (1001, 1002)
    assert len(canvas.get("users/1002/logins")) == 2
    canvas.put("users/1001", {"user": {"name": "x"}}, 404)


def test_sessions_and_tokens_of_a_user_end() -> None:
    canvas = Client(users=1)
    own = canvas.site.add_token(1001)
    assert canvas.delete("users/1001/sessions") == "ok"
    assert canvas.delete("users/1001/mobile_sessions") == "ok"
    assert canvas.site.tokens[own].revoked
    assert not canvas.site.tokens[canvas.site.token].revoked


def test_passwords_of_others_need_a_setting() -> None:
    canvas = Client(users=1)
    given = {"login": {"password": "long-enough-1"}}
    canvas.put("accounts/1/logins/5001", given, 403)
    canvas.put("accounts/1/logins/1", given)
    canvas.site.settings.admins_can_change_passwords = True
    canvas.put("accounts/1/logins/5001", given)
    assert canvas.site.passwords_match("user1", "long-enough-1")
    short = canvas.put("accounts/1/logins/5001", {"login": {"password": "x"}}, 400)
    assert short["errors"]["password"][0]["type"] == "too_short"


def test_nothing_of_an_edit_is_saved_if_one_field_is_refused() -> None:
    canvas = Client(users=2)
    given = {"unique_id": "renamed", "sis_user_id": "s1000002"}
    canvas.put("accounts/1/logins/5001", {"login": given}, 400)
    login = canvas.get("users/1001/logins")[0]
    assert (login["unique_id"], login["sis_user_id"]) == ("user1", "s1000001")


def test_a_login_name_is_unique_by_provider() -> None:
    canvas = Client(users=1)
    given = {"unique_id": "USER1", "authentication_provider_id": "saml"}
    canvas.post("accounts/1/logins", {"user": {"id": 1001}, "login": given})
    canvas.post("accounts/1/logins", {"user": {"id": 1001}, "login": given}, 400)


def test_user_types_are_a_list() -> None:
    canvas = Client(users=1)
    body = canvas.put("accounts/1/logins/5001", {"login": {"declared_user_type": "king"}}, 400)
    assert body["errors"]["declared_user_type"][0]["type"] == "inclusion"
    body = canvas.put("accounts/1/logins/5001", {"login": {"declared_user_type": "staff"}})
    assert body["declared_user_type"] == "staff"


def test_logins_of_the_account_are_the_callers_own() -> None:
    canvas = Client(users=2)
    assert [row["unique_id"] for row in canvas.get("accounts/1/logins")] == ["gateway"]
    assert canvas.get("accounts/1/logins?user_id=1002")[0]["unique_id"] == "user2"
    assert canvas.get("accounts/1/logins?user[id]=1002")[0]["unique_id"] == "user2"


def test_one_of_several_logins_can_go() -> None:
    canvas = Client(users=9)
    first, second = canvas.get("users/1009/logins")
    body = canvas.delete(f"users/1009/logins/{second['id']}")
    assert body["workflow_state"] == "deleted"
    canvas.delete(f"users/1009/logins/{second['id']}", status=404)
    canvas.delete(f"users/1001/logins/{first['id']}", status=404)
    canvas.put(f"accounts/1/logins/{second['id']}", {"login": {"unique_id": "x"}}, 404)


def test_stickiness_keeps_what_was_changed() -> None:
    canvas = Client(users=1)
    canvas.put("users/1001", {"user": {"name": "By Hand"}})
    given = {"user": {"name": "Feed", "short_name": "F"}, "override_sis_stickiness": False}
    body = canvas.put("users/1001", given)
    assert (body["name"], body["short_name"]) == ("By Hand", "F")


def test_channels_are_added_and_retired() -> None:
    canvas = Client()
    canvas.ada()
    path = "users/1001/communication_channels"
    given = {"communication_channel": {"address": "b@example.edu", "type": "email"}}
    made = canvas.post(path, {**given, "skip_confirmation": True})
    assert (made["position"], made["workflow_state"]) == (2, "active")
    assert canvas.get("users/1001")["email"] == "ada.byron@example.edu"
    gone = canvas.delete(f"{path}/9001")
    assert gone["workflow_state"] == "retired"
    assert canvas.get("users/1001")["email"] == "b@example.edu"
    assert [row["position"] for row in canvas.get(path)] == [1]
    canvas.delete(f"{path}/9001", status=404)
    canvas.delete(f"{path}/email/B@example.edu")
    assert canvas.get(path) == []
    wrong = canvas.post(path, {"communication_channel": {"address": "x", "type": "email"}}, 400)
    assert wrong["errors"]["path"][0]["type"] == "not_email"


def test_observers() -> None:
    canvas = Client(users=3)
    assert canvas.put("users/1001/observees/sis_login_id:user2")["id"] == 1002
    canvas.put("users/1001/observees/1002")
    assert [row["id"] for row in canvas.get("users/1001/observees")] == [1002]
    assert canvas.get("users/1002/observers")[0]["observation_link_root_account_ids"] == [1]
    canvas.get("users/1001/observees/1003", 404)
    canvas.delete("users/1001/observees/1002")
    canvas.delete("users/1001/observees/1002", status=404)


def test_custom_data() -> None:
    canvas = Client(users=1)
    path = "users/1001/custom_data"
    assert canvas.put(f"{path}/a/b?ns=org.x", {"data": {"c": 1}}) == {"data": {"c": 1}}
    assert canvas.get(f"{path}?ns=org.x") == {"data": {"a": {"b": {"c": 1}}}}
    assert canvas.get(f"{path}?ns=org.y", 400) == {"message": "no data for scope"}
    canvas.put(f"{path}/leaf?ns=org.x", {"data": "v"})
    clash = canvas.put(f"{path}/leaf/deep?ns=org.x", {"data": "w"}, 409)
    assert clash["message"] == "write conflict for custom_data hash"
    assert (clash["conflict_scope"], clash["value_at_conflict"]) == ("leaf", "v")
    canvas.delete(f"{path}/a?ns=org.x")
    assert canvas.get(f"{path}?ns=org.x") == {"data": {"leaf": "v"}}


def test_an_import_takes_users_and_warns() -> None:
    canvas = Client(users=2, import_polls=2)
    canvas.put("users/1002", {"user": {"name": "By Hand"}})
    text = (
        "user_id,login_id,first_name,last_name,email,status\n"
        "s1000001,user1,Ada,King,king@example.edu,suspended\n"
        "s1000002,user2,Feed,Name,,active\n"
        "N-1,user1,Else,Who,,active\n"
        "N-2,new,New,One,new@example.edu,active\n"
    )
    upload = {"attachment": (io.BytesIO(text.encode()), "users.csv")}
    response = canvas.call("POST", "accounts/1/sis_imports", data=upload)
    number = json.loads(response.text)["id"]
    states = [canvas.get(f"accounts/1/sis_imports/{number}") for _ in range(2)]
    assert [row["workflow_state"] for row in states] == ["importing", "imported_with_messages"]
    assert states[1]["data"]["counts"]["users"] == 3
    assert states[1]["processing_warnings"][0][0] == "users.csv"
    assert canvas.states(1001) == ["suspended"]
    body = canvas.get("users/1001")
    assert (body["name"], body["email"]) == ("Ada King", "king@example.edu")
    assert canvas.get("users/1002")["name"] == "By Hand"
    assert canvas.get("users/sis_user_id:N-2")["name"] == "New One"
    assert [row["id"] for row in canvas.get("accounts/1/sis_imports")["sis_imports"]] == [number]
    canvas.put(f"accounts/1/sis_imports/{number}/abort", status=400)
