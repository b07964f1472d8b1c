"""The account actions: enable, disable, reset a password, validate, explain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.gateway.service import Scim, Service, person


def test_disable_and_enable(moodle: Scim) -> None:
    id = moodle.add("ann")
    for action, active in (("disable", False), ("enable", True)):
        for outcome in ("success", "noChange"):
            assert moodle.post(f"/Users/{id}/.{action}").status_code == 204
            assert moodle.event["operation"] == action
            assert moodle.event["outcome"] == outcome
        assert moodle.get(f"/Users/{id}").json["active"] is active


@pytest.mark.parametrize(
    "more",
    [
        {"emails": [{"value": f"{n}@x.edu", "type": "work", "primary": True} for n in "ab"]},
        {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"costCenter": "47"}},
        {"title": "Dr"},
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_what_a_create_refuses_is_not_valid(
    make: Callable[..., Service], more: dict[str, Any], strict: bool
) -> None:
    moodle = Scim(make("moodle", moodle_policies={"strict": strict}), "moodle")
    told = moodle.post("/Users/.validate", person("ann", **more)).json
    made = moodle.post("/Users", person("ann", **more))
    assert told["valid"] is (made.status_code == 201)
    if not told["valid"]:
        (problem,) = told["problems"]
        assert problem["detail"] == made.json["detail"]


def test_disable_in_memory(service: Any) -> None:
    scim = Scim(service, "memory")
    id = scim.add("ann")
    assert scim.post(f"/Users/{id}/.disable").status_code == 204
    assert scim.get(f"/Users/{id}").json["active"] is False


@pytest.mark.parametrize("action", ["enable", "disable", "resetPassword"])
def test_unknown_accounts(scim: Scim, action: str) -> None:
    body = {"password": "Correct-Horse-7"} if action == "resetPassword" else None
    assert scim.post(f"/Users/424242/.{action}", body).status_code == 404
    assert scim.event["operation"] == action
    assert scim.event["outcome"] == "refused"


def test_a_given_password(moodle: Scim) -> None:
    id = moodle.add("ann")
    body = {"password": "Correct-Horse-7", "mustChange": True}
    assert moodle.post(f"/Users/{id}/.resetPassword", body).status_code == 204
    site = moodle.service.moodle.site
    assert site.passwords_match("ann", "Correct-Horse-7")
    assert site.users[int(id)].preferences["auth_forcepasswordchange"] == "1"
    assert moodle.event["operation"] == "resetPassword"
    assert {c["path"] for c in moodle.event["changes"]} >= {"password"}
    assert all(not {"old", "new"} & set(c) for c in moodle.event["changes"])


def test_a_generated_password(moodle: Scim) -> None:
    id = moodle.add("ann")
    shown = [moodle.post(f"/Users/{id}/.resetPassword", {"generate": True}) for _ in range(2)]
    passwords = [answer.json["password"] for answer in shown]
    assert passwords[0] != passwords[1]
    assert moodle.service.moodle.site.passwords_match("ann", passwords[1])


def test_the_lms_sends_its_own_message(moodle: Scim) -> None:
    id = moodle.add("ann")
    assert moodle.post(f"/Users/{id}/.resetPassword", {"notify": True}).status_code == 204
    assert [mail.address for mail in moodle.service.moodle.site.mails] == ["ann@example.edu"]
    assert moodle.event["operation"] == "resetPassword"
    assert moodle.event["outcome"] == "success"


def test_memory_sends_no_message(service: Any) -> None:
    scim = Scim(service, "memory")
    id = scim.add("ann")
    assert scim.post(f"/Users/{id}/.resetPassword", {"notify": True}).status_code == 501


@pytest.mark.parametrize(
    "body",
    [{}, [], {"password": ""}, {"password": 5}, {"generate": "yes"}, {"generate": False},
     {"password": "Correct-Horse-7", "generate": True}, {"notify": True, "generate": True}],
)  # fmt: skip
def test_an_unclear_wish_is_refused_and_recorded(scim: Scim, body: Any) -> None:
    id = scim.add("ann")
    assert scim.post(f"/Users/{id}/.resetPassword", body).status_code == 400
    assert scim.event["operation"] == "resetPassword"
    assert scim.event["outcome"] == "refused"


class TestValidate:
    def test_an_account(self, scim: Scim) -> None:
        id = scim.add("ann")
        events = len(scim.service.events)
        told = scim.post(f"/Users/{id}/.validate").json
        assert (told["exists"], told["usable"], told["matches"]) == (True, True, True)
        body = {"name": {"givenName": "Eve"}, "password": "x", "userName": "ann"}
        told = scim.post(f"/Users/{id}/.validate", body).json
        assert told["matches"] is False
        assert [m["path"] for m in told["mismatches"]] == ["name.givenName"]
        assert "password" in told["notCompared"]
        scim.post(f"/Users/{id}/.disable")
        assert scim.post(f"/Users/{id}/.validate").json["usable"] is False
        assert len(scim.service.events) == events + 1

    def test_no_account(self, scim: Scim) -> None:
        answer = scim.post("/Users/424242/.validate")
        assert answer.status_code == 200
        assert answer.json["exists"] is False

    def test_a_new_account(self, scim: Scim) -> None:
        told = scim.post("/Users/.validate", person("ann", password="Correct-Horse-7")).json
        assert told["valid"] is True
        assert told["problems"] == []
        assert scim.logins(filter='userName eq "ann"') == []
        assert scim.service.events == []

    def test_what_is_wrong_with_a_new_account(self, scim: Scim) -> None:
        scim.add("ann")
        taken = scim.post("/Users/.validate", person("ANN")).json
        assert taken["valid"] is False
        assert taken["problems"][0]["scimType"] == "uniqueness"
        missing = scim.post("/Users/.validate", {"name": {"givenName": "A"}}).json
        assert missing["valid"] is False

    def test_a_deleted_account_is_not_in_the_way(self, scim: Scim) -> None:
        scim.delete(f"/Users/{scim.add('ann')}")
        assert scim.post("/Users/.validate", person("ann")).json["valid"] is True

    def test_what_would_be_ignored(self, moodle: Scim) -> None:
        told = moodle.post("/Users/.validate", person("ann", title="Dr", shoeSize=44)).json
        assert {"title", "shoeSize"} <= set(told["ignored"])
