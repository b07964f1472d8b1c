"""What a target's policies keep from the LMS: removals, additions, attributes, its own account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.base import Options
from gateway.references import ConfigurationError
from gateway.settings import Settings, TargetSettings
from gateway.targets import make_targets
from schemas.attributes import CORE, ENTERPRISE
from schemas.changes import diff, replay
from schemas.user import USER
from tests.gateway.service import TARGETS, Scim, Service, patch_op, team

USERS = "/moodle/scim/v2/Users"
GROUPS = "/moodle/scim/v2/Groups"

Make = Callable[..., Service]


def ann(**more: Any) -> dict[str, Any]:
    return {
        "schemas": [CORE + "User"],
        "userName": "ann",
        "externalId": "1",
        "name": {"givenName": "Ann", "familyName": "Lee"},
        "emails": [{"value": "ann@example.edu", "type": "work"}],
        ENTERPRISE: {"department": "Physics"},
        **more,
    }


def test_a_target_that_only_adds_never_removes(make: Make) -> None:
    service = make("moodle", policies={"changes": "add"}, users=3)
    made = service.client.post(USERS, json=ann()).json
    sent = ann(externalId="2")
    del sent[ENTERPRISE]
    answer = service.client.put(f"{USERS}/{made['id']}", json=sent)
    assert answer.json["externalId"] == "2"
    assert answer.json[ENTERPRISE] == {"department": "Physics"}
    assert f"{ENTERPRISE}:department" in service.events[-1]["ignored"]
    assert service.client.get(f"{USERS}/{made['id']}").json == answer.json
    group = service.client.post(GROUPS, json={"displayName": "G", "members": [{"value": "5"}]}).json
    path = f"{GROUPS}/{group['id']}"
    replacement = {"op": "replace", "path": "members", "value": [{"value": "6"}]}
    assert service.client.patch(path, json=patch_op(replacement)).status_code == 204
    members = {member["value"] for member in service.client.get(path).json["members"]}
    assert members == {"5", "6"}


def test_a_target_that_only_removes_never_adds(make: Make) -> None:
    service = make("moodle", policies={"changes": "remove"}, users=3)
    made = service.client.post(USERS, json=ann()).json
    sent = ann(externalId="2")
    del sent[ENTERPRISE]
    answer = service.client.put(f"{USERS}/{made['id']}", json=sent)
    assert answer.json["externalId"] == "1"
    assert ENTERPRISE not in answer.json
    assert service.client.get(f"{USERS}/{made['id']}").json == answer.json


@pytest.mark.parametrize("changes", ["all", "add", "remove"])
def test_the_same_again_writes_nothing(make: Make, changes: str) -> None:
    service = make("moodle", policies={"changes": changes})
    made = service.client.post(USERS, json=ann()).json
    service.forget()
    assert service.client.put(f"{USERS}/{made['id']}", json=ann()).status_code == 200
    assert service.calls == 1
    assert service.events[-1]["outcome"] == "noChange"


def test_replaying_all_changes_gives_the_new_resource() -> None:
    old = ann(phoneNumbers=[{"type": "work", "value": "1"}], title="T")
    new = ann(externalId="2", nickName="A", phoneNumbers=[{"type": "home", "value": "2"}])
    del new["schemas"], old["schemas"]
    assert diff(USER, replay(USER, old, diff(USER, old, new)), new) == ()


def test_an_attribute_that_is_not_included_never_leaves_the_gateway(make: Make) -> None:
    service = make("moodle", policies={"include": ("externalId",)})
    made = service.client.post(USERS, json=ann()).json
    assert ENTERPRISE not in made
    assert service.events[-1]["ignored"] == [f"{ENTERPRISE}:department"]
    user = next(u for u in service.moodle.site.users.values() if u.username == "ann")
    assert (user.idnumber, user.department) == ("1", "")
    listed = service.client.get("/moodle/scim/v2/Schemas").json["Resources"]
    names = {a["name"] for s in listed if s["id"] == CORE + "User" for a in s["attributes"]}
    assert names == {"userName", "name", "emails"}


def test_an_included_name_must_be_an_attribute() -> None:
    target = TargetSettings("memory", Options(name="memory"), include=("nonsense",))
    with pytest.raises(ConfigurationError, match="nonsense"):
        make_targets(Settings(database="", targets={"memory": target}))


def test_the_account_of_the_targets_own_token_cannot_be_switched_off(make: Make) -> None:
    service = make("moodle")
    own = f"{USERS}/{service.moodle.site.service_account.id}"
    assert service.client.post(f"{own}/.disable").status_code == 403
    assert service.client.delete(own).status_code == 403
    change = {"op": "replace", "path": "active", "value": False}
    assert service.client.patch(own, json=patch_op(change)).status_code == 403
    assert service.client.get(own).json["active"] is True
    assert {event["outcome"] for event in service.events} == {"refused"}


@pytest.mark.parametrize("name", TARGETS)
def test_unknown_members_refuse_the_write(name: str, make: Callable[..., Service]) -> None:
    scim = Scim(make(name), name)
    ann = scim.add("ann")
    refused = scim.post("/Groups", team("Staff", ann, "7777"))
    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
    assert "7777" in refused.json["detail"]
    assert scim.get("/Groups", filter='displayName eq "Staff"').json["totalResults"] == 0
    group = scim.add_group("Crew", ann)
    add = {"op": "add", "path": "members", "value": [{"value": "7777"}]}
    assert scim.patch(f"/Groups/{group}", add).status_code == 400
    assert scim.members(group) == {ann}


@pytest.mark.parametrize("name", TARGETS)
def test_unknown_members_can_be_left_out_and_named(name: str, make: Callable[..., Service]) -> None:
    scim = Scim(make(name, policies={"unknown_members": "ignore"}), name)
    ann, ben, cleo = (scim.add(login) for login in ("ann", "ben", "cleo"))
    assert scim.delete(f"/Users/{cleo}").status_code == 204
    group = scim.add_group("Staff", ann, "7777", cleo)
    assert scim.members(group) == {ann}
    named = [f'members[value eq "{id}"]' for id in sorted(("7777", cleo))]
    assert scim.event["ignored"] == named
    add = {"op": "add", "path": "members", "value": [{"value": ben}, {"value": "x y"}]}
    assert scim.patch(f"/Groups/{group}", add).status_code in (200, 204)
    assert scim.members(group) == {ann, ben}
    assert scim.event["ignored"] == ['members[value eq "x y"]']
    assert scim.patch(f"/Groups/{group}", add).status_code in (200, 204)
    assert scim.event["outcome"] == "noChange"
