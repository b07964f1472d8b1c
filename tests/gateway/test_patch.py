"""PATCH over HTTP (RFC 7644 section 3.5.2): what reaches the LMS, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.attributes import ENTERPRISE
from tests.gateway.service import Scim, patch_op, team


def test_a_patch_answers_with_the_resource(scim: Scim) -> None:
    id = scim.add("ann")
    answer = scim.patch(f"/Users/{id}", {"op": "replace", "path": "externalId", "value": "E1"})
    assert answer.status_code == 200
    assert answer.json["externalId"] == "E1"
    assert answer.json == scim.get(f"/Users/{id}").json


def test_a_group_is_patched_without_a_body_unless_attributes_are_asked_for(moodle: Scim) -> None:
    id = moodle.add_group("Staff")
    rename = {"op": "replace", "path": "displayName", "value": "Crew"}
    assert moodle.patch(f"/Groups/{id}", rename).status_code == 204
    query = {"attributes": "displayName"}
    answer = moodle.patch(f"/Groups/{id}", rename, query_string=query)
    assert answer.status_code == 200
    assert answer.json["displayName"] == "Crew"


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        ({"op": "Add", "path": "externalId", "value": "E9"}, "externalId", "E9"),
        ({"op": "REPLACE", "path": "NAME.givenname", "value": "Eve"}, "name.givenName", "Eve"),
        ({"op": "replace", "path": "name.given", "value": "Eve"}, "name.givenName", "Eve"),
        ({"op": "replace", "value": {"name.givenName": "Eve"}}, "name.givenName", "Eve"),
        ({"op": "replace", "value": {"name": {"givenName": "Eve"}}}, "name.familyName", "Doe"),
        ({"op": "replace", "path": "active", "value": "False"}, "active", False),
        ({"op": "replace", "value": {"active": False}}, "active", False),
        ({"op": "add", "path": 'emails[type eq "work"].value', "value": "e@example.edu"},
         "emails.0.value", "e@example.edu"),
        ({"op": "replace", "path": "emails",
          "value": [{"value": "e@example.edu", "type": "work"}]},
         "emails.0.value", "e@example.edu"),
        ({"op": "add", "path": f"{ENTERPRISE}:department", "value": "Art"},
         f"{ENTERPRISE}.department", "Art"),
        ({"op": "add", "value": {f"{ENTERPRISE}:department": "Art"}},
         f"{ENTERPRISE}.department", "Art"),
        ({"op": "replace", "value": {ENTERPRISE: {"department": "Art"}}},
         f"{ENTERPRISE}.department", "Art"),
        ({"op": "remove", "path": "externalId"}, "externalId", None),
        ({"op": "Remove", "path": f"{ENTERPRISE}:department"}, ENTERPRISE, None),
        ({"op": "replace", "path": "externalId", "value": ""}, "externalId", None),
        ({"op": "replace", "path": "externalId", "value": None}, "externalId", None),
    ],
)  # fmt: skip
def test_one_operation(scim: Scim, operation: dict[str, Any], path: str, expected: Any) -> None:
    if path.startswith(ENTERPRISE) and not scim.holds(f"{ENTERPRISE}:department"):
        pytest.skip(f"{scim.name} has no department")
    id = scim.add("ann", externalId="E1", **{ENTERPRISE: {"department": "Physics"}})
    assert scim.patch(f"/Users/{id}", operation).status_code == 200
    shown = scim.get(f"/Users/{id}").json
    value: Any = shown.get(ENTERPRISE) if path.startswith(ENTERPRISE) else shown
    for part in path.removeprefix(ENTERPRISE).strip(".").split("."):
        if part:
            value = value[int(part)] if part.isdigit() else value.get(part)
    assert value == expected


@pytest.mark.parametrize(
    ("operation", "kinds"),
    [
        ({"op": "remove"}, {"noTarget"}),
        ({"op": "fly", "path": "title"}, {"invalidSyntax"}),
        ({"op": "add", "path": "title"}, {"invalidValue"}),
        ({"op": "replace", "path": "id", "value": "9"}, {"mutability"}),
        ({"op": "replace", "path": "meta.created", "value": "9"}, {"mutability"}),
        ({"op": "replace", "path": "groups", "value": []}, {"mutability"}),
        ({"op": "remove", "path": "userName"}, {"mutability", "invalidValue"}),
        ({"op": "replace", "path": "userName", "value": ""}, {"mutability", "invalidValue"}),
        ({"op": "replace", "path": "shoeSize", "value": 44}, {"invalidPath"}),
        ({"op": "replace", "path": "emails[", "value": "x"}, {"invalidPath", "invalidFilter"}),
        ({"op": "replace", "path": 'phoneNumbers[type eq "pager" and value co "1"]',
          "value": {"value": "1"}}, {"noTarget"}),
        ({"op": "replace", "path": "active", "value": "perhaps"}, {"invalidValue"}),
        ({"op": "replace", "path": "active", "value": 1}, {"invalidValue"}),
        ({"op": "replace", "path": "name", "value": "Ann"}, {"invalidValue"}),
        ({"op": "replace", "value": "Ann"}, {"invalidValue", "invalidSyntax"}),
        ({"op": "replace", "path": 5, "value": "Ann"}, {"invalidPath"}),
    ],
)  # fmt: skip
def test_a_refused_operation_leaves_nothing_behind(
    scim: Scim, operation: dict[str, Any], kinds: set[str]
) -> None:
    id = scim.add("ann", externalId="E1")
    before = scim.get(f"/Users/{id}").json
    scim.service.forget()
    good = {"op": "replace", "path": "externalId", "value": "E2"}
    refused = scim.patch(f"/Users/{id}", good, operation)
    assert refused.status_code == 400
    assert refused.json["scimType"] in kinds
    # Canvas shows in a call of its own who is active.
    assert scim.service.calls <= (2 if scim.name == "canvas" else 1)
    assert scim.get(f"/Users/{id}").json == before
    assert scim.event["outcome"] == "refused"


@pytest.mark.parametrize(
    "body",
    [{}, {"Operations": []}, {"Operations": {}}, {"Operations": [5]}, [], "x", 5,
     {"schemas": ["urn:x"], "Operations": [{"op": "add", "value": {"title": "x"}}]}],
)  # fmt: skip
def test_what_is_no_patch_is_refused(scim: Scim, body: Any) -> None:
    id = scim.add("ann")
    assert scim.send("PATCH", f"/Users/{id}", body).status_code == 400
    assert scim.event["outcome"] == "refused"
    assert scim.event["operation"] == "patch"


def test_names_of_the_message_have_no_letter_case(scim: Scim) -> None:
    id = scim.add("ann")
    body = {**patch_op(), "operations": [{"OP": "Add", "Path": "externalId", "VALUE": "E1"}]}
    del body["Operations"]
    assert scim.send("PATCH", f"/Users/{id}", body).status_code == 200
    assert scim.get(f"/Users/{id}").json["externalId"] == "E1"


def test_what_changes_nothing_is_recorded_and_not_sent(scim: Scim) -> None:
    id = scim.add("ann", externalId="E1")
    before = scim.get(f"/Users/{id}").json
    scim.service.forget()
    same = [
        {"op": "replace", "path": "externalId", "value": "E1"},
        {"op": "add", "path": "emails", "value": [{"value": "ann@example.edu", "type": "work"}]},
        {"op": "replace", "path": "active", "value": "True"},
    ][: 3 if scim.name == "moodle" else 2]
    assert scim.patch(f"/Users/{id}", *same).status_code == 200
    if scim.name == "moodle":
        assert [call for call, _ in scim.service.moodle.site.calls if "update" in call] == []
    assert scim.event["outcome"] == "noChange"
    assert "changes" not in scim.event
    assert scim.get(f"/Users/{id}").json == before


class TestMembers:
    """Members of a group, as clients add and remove them."""

    @pytest.fixture
    def ids(self, scim: Scim) -> list[str]:
        return [scim.add(login) for login in ("ann", "bob", "cat")]

    @pytest.mark.parametrize("path", ["members", None, "Members"])
    def test_members_are_added(self, scim: Scim, ids: list[str], path: str | None) -> None:
        group = scim.add_group("Staff", ids[0])
        value: Any = [{"$ref": None, "value": id} for id in ids[:2]]
        operation = {"op": "Add", "path": path, "value": value if path else {"members": value}}
        assert scim.patch(f"/Groups/{group}", operation).status_code in (200, 204)
        assert scim.members(group) == set(ids[:2])

    def test_members_are_removed_by_value_path_and_by_value(
        self, scim: Scim, ids: list[str]
    ) -> None:
        group = scim.add_group("Staff", *ids)
        by_path = {"op": "remove", "path": f'members[value eq "{ids[0]}"]'}
        by_value = {"op": "Remove", "path": "members", "value": [{"value": ids[1]}]}
        assert scim.patch(f"/Groups/{group}", by_path).status_code in (200, 204)
        assert scim.members(group) == set(ids[1:])
        assert scim.patch(f"/Groups/{group}", by_value).status_code in (200, 204)
        assert scim.members(group) == {ids[2]}
        assert scim.patch(f"/Groups/{group}", {"op": "remove", "path": "members"}).status_code in (
            200,
            204,
        )
        assert scim.members(group) == set()

    def test_one_request_removes_and_adds(self, scim: Scim, ids: list[str]) -> None:
        group = scim.add_group("Staff", ids[0])
        answer = scim.patch(
            f"/Groups/{group}",
            {"op": "remove", "path": f'members[value eq "{ids[0]}"]'},
            {"op": "add", "path": "members", "value": [{"value": ids[1]}]},
        )
        assert answer.status_code in (200, 204)
        assert scim.members(group) == {ids[1]}

    def test_a_list_of_members_is_replaced(self, scim: Scim, ids: list[str]) -> None:
        group = scim.add_group("Staff", *ids[:2])
        replaced = {"op": "replace", "path": "members", "value": [{"value": i} for i in ids[1:]]}
        assert scim.patch(f"/Groups/{group}", replaced).status_code in (200, 204)
        assert scim.members(group) == set(ids[1:])
        paths = {(c["op"], c["path"]) for c in scim.event["changes"]}
        assert paths == {("add", "members"), ("remove", "members")}

    def test_unknown_members_are_refused_and_none_is_added(self, moodle: Scim) -> None:
        ann = moodle.add("ann")
        group = moodle.add_group("Staff")
        value = [{"value": ann}, {"value": "424242"}]
        refused = moodle.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": value})
        assert refused.status_code == 400
        assert "424242" in refused.json["detail"]
        assert moodle.members(group) == set()

    @pytest.mark.parametrize("more", [{"type": "Group"}, {"$ref": "../Users/x"}, {"display": "x"}])
    def test_a_member_that_is_said_twice_is_one(
        self, scim: Scim, ids: list[str], more: dict[str, str]
    ) -> None:
        twice = [{"value": ids[0], "type": "User"}, {"value": ids[0], **more}]
        made = scim.post("/Groups", {**team("Crew"), "members": twice})
        assert [member["value"] for member in made.json["members"]] == ids[:1]
        group = scim.add_group("Team")
        body = scim.get(f"/Groups/{group}").json
        put = scim.put(f"/Groups/{group}", {**body, "members": twice})
        assert [member["value"] for member in put.json["members"]] == ids[:1]
        for op in ("add", "replace", "remove"):
            answer = scim.patch(f"/Groups/{group}", {"op": op, "path": "members", "value": twice})
            assert answer.status_code in (200, 204)
            shown = scim.get(f"/Groups/{group}").json.get("members", [])
            assert [member["value"] for member in shown] == ids[: int(op != "remove")]

    def test_a_member_that_is_there_changes_nothing(self, scim: Scim, ids: list[str]) -> None:
        group = scim.add_group("Staff", ids[0])
        add = {"op": "add", "path": "members", "value": [{"value": ids[0]}]}
        assert scim.patch(f"/Groups/{group}", add).status_code in (200, 204)
        assert scim.event["outcome"] == "noChange"
