"""PATCH by RFC 7644 section 3.5.2 and as clients send it; differences between two resources."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.attributes import ENTERPRISE, LMS, ResourceType
from schemas.changes import apply_patch, check, diff
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.group import GROUP as SCIM_GROUP
from schemas.messages import PATCH_OP, load_patch, load_resource
from schemas.user import USER
from tests.schemas.strategies import groups, json_values, keys, properties, users

BJENSEN = {
    "id": "1",
    "userName": "bjensen",
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "emails": [
        {"value": "b@work", "type": "work", "primary": True, "display": "B"},
        {"value": "b@home", "type": "home"},
    ],
    "active": True,
    ENTERPRISE: {"manager": {"value": "26", "displayName": "John"}, "department": "D"},
}


def with_immutable(resource_type: ResourceType, name: str) -> ResourceType:
    """Return the type with an attribute of its extension made immutable."""
    (extension,) = resource_type.extensions
    attributes = tuple(
        replace(a, mutability="immutable") if a.name == name else a for a in extension.attributes
    )
    return replace(resource_type, extensions=(replace(extension, attributes=attributes),))


GROUP = with_immutable(SCIM_GROUP, "kind")
TEAM = {
    "id": "g",
    "displayName": "Team",
    "members": [{"value": "1", "type": "User"}, {"value": "2"}],
}
WORK, HOME = BJENSEN["emails"]  # type: ignore[misc]


def op(op: str, path: str | None = None, *value: Any) -> dict[str, Any]:
    return (
        {"op": op}
        | ({"path": path} if path is not None else {})
        | ({"value": value[0]} if value else {})
    )


def patched(*operations: dict[str, Any], on: dict[str, Any] = BJENSEN, strict: bool = False) -> Any:
    resource_type = GROUP if "displayName" in on else USER
    before = copy.deepcopy(on)
    try:
        message = load_patch({"schemas": [PATCH_OP], "Operations": list(operations)})
        return apply_patch(resource_type, on, message, strict=strict)[0]
    finally:
        assert on == before


def refusal(*operations: dict[str, Any], **options: Any) -> str | None:
    with pytest.raises(ScimError) as caught:
        patched(*operations, **options)
    assert caught.value.status == 400
    return caught.value.scim_type


def emails(*operations: dict[str, Any]) -> Any:
    return patched(*operations).get("emails")


class TestAdd:
    @pytest.mark.parametrize("verb", ["add", "replace"])
    def test_a_single_value_is_set_or_replaced(self, verb: str) -> None:
        assert patched(op(verb, "title", "T"))["title"] == "T"
        assert patched(op(verb, "USERNAME", "x"))["userName"] == "x"
        assert patched(op(verb, "name.givenName", "X"))["name"]["familyName"] == "Jensen"

    @pytest.mark.parametrize("verb", ["add", "replace"])
    def test_a_complex_value_keeps_what_is_not_mentioned(self, verb: str) -> None:
        name = patched(op(verb, "name", {"GIVENNAME": "X"}))["name"]
        assert name == {"givenName": "X", "familyName": "Jensen"}
        assert patched(op(verb, "name", {}))["name"] == BJENSEN["name"]

    def test_values_are_appended(self) -> None:
        new = {"value": "c", "type": "other"}
        assert emails(op("add", "emails", [new])) == [WORK, HOME, new]
        assert emails(op("add", "emails", new)) == [WORK, HOME, new]
        assert emails(op("add", None, {"emails": [new]})) == [WORK, HOME, new]

    @pytest.mark.parametrize(
        "known",
        [
            *({"value": "b@home"}, {"value": "b@home", "type": "home"}, {"value": "B@HOME"}),
            *({"value": "b@home", "type": "HOME", "primary": False},),
        ],
    )
    def test_a_value_that_is_there_changes_nothing(self, known: dict[str, Any]) -> None:
        assert patched(op("add", "emails", [known, known])) == BJENSEN

    def test_the_same_address_of_another_type_is_another_value(self) -> None:
        other = {"value": "b@home", "type": "work"}
        assert emails(op("add", "emails", [other])) == [WORK, HOME, other]

    def test_a_known_value_takes_over_what_else_is_said(self) -> None:
        after = emails(op("add", "emails", [{"value": "b@home", "primary": True}]))
        assert [email["value"] for email in after] == ["b@work", "b@home"]
        assert [email["primary"] for email in after] == [False, True]

    def test_members_are_known_by_their_value(self) -> None:
        again = [{"value": "2", "type": "User", "$ref": None}, {"value": "1"}]
        members = patched(op("add", "members", again), on=TEAM)["members"]
        assert [member["value"] for member in members] == ["1", "2"]

    def test_a_new_primary_takes_the_place_of_the_old(self) -> None:
        new = {"value": "c", "primary": True}
        assert emails(op("add", "emails", [new]))[0]["primary"] is False
        assert emails(op("replace", 'emails[type eq "home"].primary', True))[0]["primary"] is False

    def test_two_primary_values_are_refused(self) -> None:
        two = [{"value": "c", "primary": True}, {"value": "d", "primary": True}]
        for verb in ("add", "replace"):
            assert refusal(op(verb, "emails", two)) == "invalidValue"
        assert refusal(op("replace", "emails.primary", True)) == "invalidValue"

    def test_nothing_is_appended_by_null_and_stubs(self) -> None:
        for value in (None, [], [None], "", [{"value": "", "type": "work"}]):
            assert patched(op("add", "emails", value)) == BJENSEN


class TestReplace:
    def test_a_list_is_replaced_as_a_whole(self) -> None:
        assert emails(op("replace", "emails", [{"value": "c"}])) == [{"value": "c"}]
        assert emails(op("replace", "emails", [])) is None
        assert emails(op("replace", "emails", None)) is None

    def test_a_value_path_replaces_matching_values_only(self) -> None:
        after = emails(op("replace", 'emails[type eq "work"].value', "new"))
        assert after == [WORK | {"value": "new"}, HOME]
        for value in ({"value": "new"}, [{"value": "new"}], "new"):
            assert emails(op("replace", 'emails[type eq "work"]', value)) == after

    def test_a_value_path_without_match_has_no_target(self) -> None:
        assert refusal(op("replace", 'emails[type eq "other"].value', "x")) == "noTarget"
        assert refusal(op("replace", 'emails[type eq "other"]', {"value": "x"})) == "noTarget"

    def test_the_example_of_the_standard(self) -> None:
        home = {"type": "home", "streetAddress": "1"}
        user = {"userName": "b", "addresses": [home, {"type": "work", "streetAddress": "2"}]}
        new = {"type": "work", "streetAddress": "911 Universal City Plaza", "primary": True}
        after = patched(op("replace", 'addresses[type eq "work"]', new), on=user)
        assert after["addresses"] == [home, new]

    def test_null_sub_attributes_are_removed_and_the_others_kept(self) -> None:
        for empty in (None, ""):
            name = patched(op("replace", "name", {"givenName": empty}))["name"]
            assert name == {"familyName": "Jensen"}
        assert "name" not in patched(op("replace", "name", None))

    def test_simple_values_are_selected_by_value(self) -> None:
        user = {"userName": "b", LMS + "User": {"institutionRoleIds": ["A", "B"]}}
        path = 'institutionRoleIds[value eq "A"]'
        assert patched(op("replace", path, "C"), on=user)[LMS + "User"] == {
            "institutionRoleIds": ["C", "B"]
        }
        assert patched(op("remove", path), on=user)[LMS + "User"] == {"institutionRoleIds": ["B"]}
        added = patched(op("add", 'institutionRoleIds[value eq "D"]', "D"), on=user)
        assert added[LMS + "User"] == {"institutionRoleIds": ["A", "B", "D"]}


class TestRemove:
    def test_attributes_sub_attributes_and_values(self) -> None:
        assert "active" not in patched(op("remove", "active"))
        assert patched(op("remove", "name.givenName"))["name"] == {"familyName": "Jensen"}
        assert emails(op("remove", 'emails[type eq "work"]')) == [HOME]
        assert emails(op("remove", "emails")) is None
        assert ENTERPRISE not in patched(op("remove", ENTERPRISE))

    def test_the_last_value_gone_means_unassigned(self) -> None:
        assert "emails" not in patched(op("remove", 'emails[type eq "work" or type eq "home"]'))
        assert "name" not in patched(
            op("remove", "name.givenName"), op("remove", "name.familyName")
        )
        assert "emails" not in patched(op("remove", "emails.value"))

    def test_a_path_is_needed(self) -> None:
        assert refusal(op("remove")) == "noTarget"

    def test_what_the_standard_requires_cannot_be_removed(self) -> None:
        for operation in (op("remove", "userName"), op("replace", "userName", None)):
            with pytest.raises(ScimError) as caught:
                check(USER, patched(operation), before=BJENSEN, patched=True)
            assert caught.value.scim_type == "mutability"
        with pytest.raises(ScimError) as caught:
            check(USER, {})
        assert caught.value.scim_type == "invalidValue"

    def test_a_list_of_values_removes_these_only(self) -> None:
        for value in ([{"value": "1"}], {"value": "1"}, "1", [{"value": "1", "$ref": None}]):
            assert patched(op("remove", "members", value), on=TEAM)["members"] == [{"value": "2"}]
        assert emails(op("remove", "emails", "b@work")) == [HOME]
        assert emails(op("remove", "emails", [{"value": "b@work", "type": "home"}])) == [WORK, HOME]

    def test_an_empty_list_of_values_removes_nothing(self) -> None:
        for value in ([], [{}], [None], ""):
            assert patched(op("remove", "members", value), on=TEAM) == TEAM
        assert refusal(op("remove", "members", 5), on=TEAM) == "invalidValue"

    def test_one_address_in_a_list_of_values_does_not_remove_all(self) -> None:
        user = {
            "userName": "b",
            "addresses": [{"type": "work", "locality": "A"}, {"locality": "B"}],
        }
        after = patched(op("remove", "addresses", [{"locality": "B"}]), on=user)
        assert after["addresses"] == [{"type": "work", "locality": "A"}]


class TestMutability:
    @pytest.mark.parametrize(
        "path", ["id", "meta", "meta.created", "groups", "uuid", "manager.displayName"]
    )
    def test_read_only_targets_are_refused(self, path: str) -> None:
        for verb in ("add", "replace", "remove"):
            assert refusal(op(verb, path, "x")) == "mutability"

    def test_read_only_attributes_beside_others_are_ignored(self) -> None:
        body = {"id": "9", "meta": {}, "groups": [], "title": "T", LMS + "User": {"uuid": "x"}}
        assert patched(op("replace", None, body)) == BJENSEN | {"title": "T"}

    def test_what_is_immutable_can_be_set_once(self) -> None:
        once = patched(op("add", "kind", "course"), on=TEAM)
        assert patched(op("replace", "kind", "course"), on=once) == once
        for operation in (
            op("replace", "kind", "section"),
            op("remove", "kind"),
        ):
            assert refusal(operation, on=once) == "mutability"
        assert refusal(op("remove", LMS + "Group"), on=once, strict=True) == "mutability"
        assert patched(op("remove", LMS + "Group"), on=once) == once

    def test_a_member_cannot_become_another(self) -> None:
        path = 'members[value eq "1"]'
        for operation in (op("replace", path + ".value", "7"), op("replace", path, {"value": "7"})):
            assert refusal(operation, on=TEAM) == "mutability"

    def test_schemas_follows_from_the_attributes(self) -> None:
        assert patched(op("replace", "schemas", ["urn:x"])) == BJENSEN
        assert refusal(op("remove", "schemas")) == "mutability"
        assert refusal(op("add", "schemas", ["x"]), strict=True) == "mutability"


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            " ",
            "foo",
            "name.foo",
            "title pr",
            "emails[",
            'emails[foo eq "x"]',
            "name[givenName pr]",
            'emails[type eq "work"].foo',
            "urn:x:title",
            'userName[value eq "x"]',
            "emails[type gt true]",
        ],
    )
    def test_paths_that_lead_nowhere_are_refused(self, path: str) -> None:
        assert refusal(op("replace", path, "x")) == "invalidPath"

    def test_short_paths_make_the_value_that_they_stand_for(self) -> None:
        after = patched(op("replace", "address.city", "Bonn"), op("add", "contact.email", "n"))
        assert after["addresses"] == [{"type": "work", "locality": "Bonn"}]
        assert after["emails"] == [WORK | {"value": "n"}, HOME]


class TestClients:
    def test_entra_one_operation_per_attribute(self) -> None:
        after = patched(
            op("Add", 'emails[type eq "Other"].value', "o"),
            op("Replace", "active", "False"),
            op("Add", f"{ENTERPRISE}:manager", "99"),
            op("Replace", "name.familyName", "X"),
        )
        assert after["emails"][2] == {"type": "other", "value": "o"}
        assert after["active"] is False and after["name"]["familyName"] == "X"
        assert after[ENTERPRISE]["manager"]["value"] == "99"

    def test_entra_pathless_with_dotted_and_urn_keys(self) -> None:
        value = {
            "name.givenName": "X",
            'emails[type eq "work"].value': "w",
            'phoneNumbers[type eq "mobile"].value': "5",
            f"{ENTERPRISE}:department": "E",
            ENTERPRISE: {"manager": "7"},
        }
        after = patched(op("Replace", None, value))
        assert after["name"] == {"givenName": "X", "familyName": "Jensen"}
        assert after["emails"][0]["value"] == "w" and after["phoneNumbers"][0]["value"] == "5"
        assert (
            after[ENTERPRISE]["department"] == "E" and after[ENTERPRISE]["manager"]["value"] == "7"
        )

    def test_okta_deactivates_without_path(self) -> None:
        assert patched(op("replace", None, {"active": False}))["active"] is False

    def test_okta_and_authentik_rename_groups_with_id_and_schemas(self) -> None:
        value = {"id": "g", "schemas": ["x"], "externalId": "e", "displayName": "N"}
        after = patched(op("replace", None, value), on=TEAM)
        assert after == TEAM | {"displayName": "N", "externalId": "e"}

    def test_okta_exchanges_members_in_one_request(self) -> None:
        after = patched(
            op("remove", 'members[value eq "1"]'), op("add", "members", [{"value": "3"}]), on=TEAM
        )
        assert after["members"] == [{"value": "2"}, {"value": "3"}]

    def test_onelogin_empties_the_manager(self) -> None:
        for value in ("", None, {"value": ""}, {}):
            manager = patched(op("replace", "manager", value))[ENTERPRISE].get("manager")
            assert manager is None or value == {}

    def test_names_that_no_schema_knows_are_reported(self) -> None:
        value = {"foo": 1, "name": {"bar": 1}, ENTERPRISE: {"baz": 1}, "": 1}
        (operation,) = load_patch({"Operations": [op("add", None, value)]})
        assert apply_patch(USER, BJENSEN, [operation]) == (
            BJENSEN,
            ["foo", "name.bar", f"{ENTERPRISE}:baz", ""],
        )

    @pytest.mark.parametrize(
        "operation",
        [
            *(
                op("add", None, {"foo": 1}),
                op("add", None, {"id": "1"}),
                op("replace", "active", "False"),
            ),
            *(op("add", "manager", "26"), op("remove", "emails", [{"value": "b@work"}])),
            *(
                op("add", 'emails[type eq "other"].value', "x"),
                op("remove", 'emails[type eq "other"]'),
            ),
            *(op("add", ENTERPRISE, {"foo": 1}), op("add", "emails", {"value": "x"})),
            *(op("add", "name", {"foo": 1}), op("add", LMS + "User", {"uuid": "x"})),
        ],
    )
    def test_strict_refuses_what_is_only_tolerated(self, operation: dict[str, Any]) -> None:
        patched(operation)
        refusal(operation, strict=True)

    def test_one_bad_operation_leaves_nothing_behind(self) -> None:
        refusal(op("replace", "title", "X"), op("add", "emails", ["n"]), op("replace", "foo", 1))

    @pytest.mark.parametrize(
        "value", [[{"value": ["x"]}], [{"value": "a", "type": {}}], 5, [[]], [5], True]
    )
    @pytest.mark.parametrize("verb", ["add", "replace", "remove"])
    def test_wrong_types_in_lists_are_invalid_values(self, verb: str, value: Any) -> None:
        assert refusal(op(verb, "emails", value)) == "invalidValue"


class TestCheck:
    def test_values_outside_the_canonical_ones_are_refused(self) -> None:
        with pytest.raises(ScimError):
            check(USER, {"userName": "b", LMS + "User": {"gender": "x"}})
        check(USER, {"userName": "b", "emails": [{"value": "a", "type": "my own"}]})

    def test_at_most_one_value_is_primary(self) -> None:
        with pytest.raises(ScimError):
            check(USER, {"userName": "b", "emails": [{"value": "a", "primary": True}] * 2})


class TestDiff:
    def changes(self, old: dict[str, Any], new: dict[str, Any], on: Any = USER) -> list[Any]:
        return [(str(c.path), c.op, c.old, c.new) for c in diff(on, old, new)]

    def test_attribute_by_attribute(self) -> None:
        new = patched(
            op("replace", "name.givenName", "X"), op("add", "title", "T"), op("remove", "active")
        )
        assert self.changes(BJENSEN, new) == [
            ("name.givenName", "replace", "Barbara", "X"),
            ("title", "add", None, "T"),
            ("active", "remove", True, None),
        ]

    def test_values_are_told_apart_by_type(self) -> None:
        new = patched(op("replace", 'emails[type eq "work"].value', "n"))
        assert self.changes(BJENSEN, new) == [
            ('emails[type eq "work"].value', "replace", "b@work", "n")
        ]

    def test_members_come_and_go_as_a_whole_even_when_there_is_one(self) -> None:
        one, two = ({"displayName": "T", "members": [{"value": v, "type": "User"}]} for v in "12")
        assert self.changes(one, two, GROUP) == [
            ("members", "remove", {"value": "1", "type": "User"}, None),
            ("members", "add", None, {"value": "2", "type": "User"}),
        ]

    def test_a_member_said_in_other_words_is_the_same(self) -> None:
        said = TEAM | {"members": [{"value": "2", "type": "User", "$ref": "x"}, {"value": "1"}]}
        assert self.changes(TEAM, said, GROUP) == []

    def test_not_primary_needs_no_saying(self) -> None:
        said = {"emails": [{"value": "a", "type": "work", "primary": False}]}
        assert self.changes({"emails": [{"value": "a", "type": "work"}]}, said) == []

    def test_an_immutable_attribute_that_is_left_out_stays(self) -> None:
        old = {"displayName": "T", LMS + "Group": {"kind": "course"}}
        assert self.changes(old, {"displayName": "T"}, GROUP) == []
        with pytest.raises(ScimError):
            self.changes(old, {"displayName": "T", LMS + "Group": {"kind": "section"}}, GROUP)

    def test_a_password_differs_whenever_it_is_given(self) -> None:
        assert self.changes({"password": "x"}, {"password": "x"}) == [
            ("password", "add", None, "x")
        ]
        assert self.changes({"password": "x"}, {}) == []


def writable(resource_type: Any, resource: dict[str, Any]) -> dict[str, Any]:
    """Return the resource as a client may write it: no secrets, values told apart, one primary."""
    loaded, _ = load_resource(resource_type, resource)
    loaded.pop("password", None)
    loaded.get(LMS + "User", {}).pop("mustChangePassword", None)
    for holder in (loaded, *(v for v in loaded.values() if isinstance(v, dict))):
        for name, items in holder.items():
            if isinstance(items, list) and items and isinstance(items[0], dict):
                apart = {str(i.get("value", i)).casefold(): i for i in reversed(items)}
                holder[name] = list(apart.values())
                for item in holder[name][1:]:
                    item.pop("primary", None)
    return loaded


people = users(values=["ann", "Bob", "c@x"]).map(lambda user: writable(USER, user))


@properties
@given(people, people)
def test_nothing_differs_exactly_when_both_agree(old: Any, new: Any) -> None:
    assert diff(USER, old, old) == () == diff(USER, new, new)

    def flat(resource: dict[str, Any]) -> set[str]:
        """Return every assigned value with its place, without the order of lists."""
        found: set[str] = set()
        for name, value in resource.items():
            if isinstance(value, dict):
                found |= {f"{name}.{inner}" for inner in flat(value)}
            elif isinstance(value, list):
                for item in value:
                    # Not being primary needs no saying.
                    pairs = sorted(item.items()) if isinstance(item, dict) else [item]
                    found.add(f"{name}={[pair for pair in pairs if pair != ('primary', False)]}")
            else:
                found.add(f"{name}={value!r}")
        return found

    assert (diff(USER, old, new) == ()) == (flat(old) == flat(new))


@properties
@given(people, people)
def test_replacing_twice_is_replacing_once(old: Any, new: Any) -> None:
    message = load_patch({"Operations": [op("replace", None, new)]})
    before = copy.deepcopy(old)
    once, _ = apply_patch(USER, old, message)
    assert old == before
    assert apply_patch(USER, once, message)[0] == once


@properties
@given(people)
def test_adding_its_own_values_leaves_a_resource_as_it_is(user: Any) -> None:
    message = load_patch({"Operations": [op("add", None, copy.deepcopy(user))]})
    after, unknown = apply_patch(USER, user, message)
    assert unknown == [] and diff(USER, user, after) == ()


TARGETS = st.tuples(st.just(USER), users()) | st.tuples(st.just(GROUP), groups())
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "replace", "remove", "Add"]), "value": json_values},
        optional={"path": keys()},
    ),
    min_size=1,
    max_size=3,
)


@properties
@given(TARGETS, OPERATIONS, st.booleans())
def test_any_operation_is_done_or_refused_and_never_touches_its_input(target, operations, strict):
    resource_type, resource = target
    before = copy.deepcopy(resource)
    try:
        after, _ = apply_patch(
            resource_type, resource, load_patch({"Operations": operations}), strict=strict
        )
        check(resource_type, after, before=resource)
        for change in diff(resource_type, resource, after):
            assert parse_path(str(change.path), resource_type) == change.path
    except ScimError as error:
        error.detail.encode()
    assert resource == before
