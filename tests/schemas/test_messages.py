"""Bodies that come in: names and types made canonical, and errors that name the place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from marshmallow import Schema, fields

from schemas.attributes import ENTERPRISE, LMS
from schemas.errors import ScimError
from schemas.group import GROUP
from schemas.messages import (
    PATCH_OP,
    SEARCH_REQUEST,
    load_form,
    load_patch,
    load_resource,
    load_search,
    load_value,
)
from schemas.user import USER
from tests.schemas.strategies import json_values, properties

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def user(**body: Any) -> dict[str, Any]:
    return load_resource(USER, body)[0]


def refusal(call: Any, *arguments: Any, **options: Any) -> ScimError:
    with pytest.raises(ScimError) as caught:
        call(*arguments, **options)
    assert caught.value.status == 400
    caught.value.detail.encode()
    return caught.value


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


class TestNormalisation:
    def test_names_are_taken_in_any_letter_case(self) -> None:
        body = {
            "USERNAME": "b",
            "NaMe": {"GIVENname": "B"},
            ENTERPRISE.upper(): {"DEPARTMENT": "D"},
        }
        assert load_resource(USER, body) == (
            {"userName": "b", "name": {"givenName": "B"}, ENTERPRISE: {"department": "D"}},
            [],
        )

    @pytest.mark.parametrize("empty", [None, "", []])
    def test_null_and_empty_values_are_unassigned(self, empty: Any) -> None:
        assert user(userName="b", title=None, nickName="") == {"userName": "b"}
        assert user(name={"givenName": None, "familyName": ""}) == {}
        assert user(emails=[None, "", {"value": None}, {"type": "work", "value": ""}]) == {
            "emails": []
        }
        assert user(emails=empty) in ({}, {"emails": []})

    def test_an_empty_list_stays_for_a_put_may_mean_it(self) -> None:
        assert user(emails=[]) == {"emails": []}

    def test_read_only_attributes_are_ignored(self) -> None:
        body = {"id": "1", "meta": {"version": 5}, "groups": "nonsense", "userName": "b"}
        assert user(**body, emails=[{"value": "a@x", "display": 5}]) == {
            "userName": "b",
            "emails": [{"value": "a@x"}],
        }

    def test_unknown_names_are_reported_once_and_without_place(self) -> None:
        body = {"foo": 1, "emails": [{"value": "a", "bar": 1}, {"value": "b", "bar": 2}]}
        _, unknown = load_resource(USER, body | {ENTERPRISE: {"baz": 1}, "urn:x": {}})
        assert unknown == ["foo", "emails.bar", f"{ENTERPRISE}:baz", "urn:x"]

    @pytest.mark.parametrize(("word", "value"), [("True", True), ("FALSE", False), ("true", True)])
    def test_boolean_words_are_booleans(self, word: str, value: bool) -> None:
        assert user(active=word)["active"] is value
        assert user(emails=[{"value": "a", "primary": word}])["emails"][0]["primary"] is value

    def test_a_bare_string_is_the_value_of_a_complex_attribute(self) -> None:
        body = {ENTERPRISE: {"manager": "26"}, "roles": ["Student"], "emails": "a@x"}
        loaded, _ = load_resource(USER, body)
        assert loaded[ENTERPRISE] == {"manager": {"value": "26"}}
        assert loaded["roles"] == [{"value": "Student"}] and loaded["emails"] == [{"value": "a@x"}]

    def test_canonical_values_take_their_own_letter_case(self) -> None:
        assert user(**{LMS + "User": {"gender": "FEMALE"}})[LMS + "User"]["gender"] == "Female"
        assert user(emails=[{"value": "a", "type": "WORK"}])["emails"][0]["type"] == "work"

    def test_repeated_values_are_one(self) -> None:
        emails = [{"value": "a", "type": "work"}, {"type": "work", "value": "a"}, {"value": "a"}]
        assert user(emails=emails)["emails"] == [emails[0], {"value": "a"}]

    def test_the_body_is_left_as_it_is(self) -> None:
        body = {"Emails": [{"VALUE": "a", "Primary": "True"}]}
        load_resource(USER, body)
        assert body == {"Emails": [{"VALUE": "a", "Primary": "True"}]}


class TestWrongTypes:
    @pytest.mark.parametrize(
        ("body", "place"),
        [
            ({"userName": 5}, "userName: "),
            ({"userName": ["b"]}, "userName: "),
            ({"userName": {}}, "userName: "),
            ({"name": "B"}, "name must be an object"),
            ({"name": {"givenName": {"x": 1}}}, "name.givenName: "),
            ({"emails": [{"value": "a"}, {"value": 5}]}, "emails[1].value: "),
            ({"emails": [{"value": "a"}, 5]}, "emails[1] must be an object"),
            ({"emails": [{"value": "a", "primary": 1}]}, "emails[0].primary: "),
            ({"emails": [[{"value": "a"}]]}, "emails[0] must be an object"),
            ({"active": "yes"}, "active: "),
            ({"active": 0}, "active: "),
            ({"active": [True]}, "active: "),
            ({"x509Certificates": [{"value": "%%"}]}, "x509Certificates[0].value: "),
            ({ENTERPRISE: "x"}, f"{ENTERPRISE} must be an object"),
            ({ENTERPRISE: {"department": 5}}, f"{ENTERPRISE}.department: "),
            ({"title": "\ud800"}, "title: "),
            ({"title": "a\x00"}, "title: "),
        ],
    )
    def test_an_error_names_the_place(self, body: dict[str, Any], place: str) -> None:
        error = refusal(load_resource, USER, body)
        assert error.scim_type == "invalidValue" and error.detail.startswith(place)

    @pytest.mark.parametrize("limit", [True, "5", 1.5, 2**63, [1]])
    def test_an_integer_is_a_json_number_without_fraction(self, limit: Any) -> None:
        refusal(load_resource, GROUP, {LMS + "Group": {"enrollmentLimit": limit}})

    @pytest.mark.parametrize("body", [None, [], "x", 5, True])
    def test_a_body_must_be_an_object(self, body: Any) -> None:
        assert refusal(load_resource, USER, body).scim_type == "invalidSyntax"
        assert refusal(load_patch, body).scim_type == "invalidSyntax"
        assert refusal(load_search, body).scim_type == "invalidSyntax"

    def test_one_value_names_its_path(self) -> None:
        emails = USER.find("emails")
        assert emails is not None
        error = refusal(load_value, emails, [{"value": "a"}, {"value": 5}], "emails")
        assert error.detail.startswith("emails[1].value: ")

    def test_a_long_list_of_errors_is_cut(self) -> None:
        assert len(refusal(load_resource, USER, {"emails": [{"value": 5}] * 5000}).detail) <= 1000

    def test_deep_nesting_is_a_wrong_type_and_no_crash(self) -> None:
        for name in ("schemas", "userName", "emails", "name", "unknown", ENTERPRISE):
            for strict in (False, True):
                try:
                    load_resource(USER, {name: nested(50_000)}, strict=strict)
                except ScimError as error:
                    error.detail.encode()
        refusal(load_patch, {"schemas": nested(50_000), "Operations": nested(50_000)})
        refusal(load_search, {"filter": nested(50_000)})


class TestStrict:
    BODY = {"schemas": [CORE_USER, ENTERPRISE], "userName": "b"}

    def test_a_body_as_the_standard_wants_it_is_taken(self) -> None:
        assert load_resource(USER, self.BODY, strict=True) == ({"userName": "b"}, [])

    @pytest.mark.parametrize(
        "more",
        [
            *({"foo": 1}, {"active": "True"}, {"emails": {"value": "a"}}, {"roles": ["Student"]}),
            *(
                {"schemas": None},
                {"schemas": []},
                {"schemas": [ENTERPRISE]},
                {"schemas": CORE_USER},
            ),
            *({"schemas": [CORE_USER, "urn:x"]}, {"schemas": [CORE_USER, 5]}, {"\ud800": 1}),
        ],
    )
    def test_what_is_only_tolerated_is_refused(self, more: dict[str, Any]) -> None:
        refusal(load_resource, USER, self.BODY | more, strict=True)

    def test_a_hundred_unknown_names_do_not_make_a_long_error(self) -> None:
        body = self.BODY | {f"name{n}" * 50: 1 for n in range(100)}
        assert len(refusal(load_resource, USER, body, strict=True).detail) < 1200


class TestPatchMessages:
    def test_names_and_op_in_any_letter_case(self) -> None:
        body = {
            "SCHEMAS": [PATCH_OP.lower()],
            "operations": [{"OP": "Add", "Path": "x", "Value": 1}],
        }
        (operation,) = load_patch(body)
        assert (operation.op, operation.path, operation.value) == ("add", "x", 1)

    @pytest.mark.parametrize(
        "body",
        [
            *(
                {},
                {"Operations": []},
                {"Operations": {}},
                {"Operations": ["x"]},
                {"Operations": None},
            ),
            *({"schemas": [], "Operations": [{"op": "remove", "path": "x"}]},),
            *({"schemas": PATCH_OP, "Operations": [{"op": "remove", "path": "x"}]},),
            *(
                {"Operations": [{"op": op, "path": "x", "value": 1}]}
                for op in ("move", "", None, 5)
            ),
        ],
    )
    def test_broken_messages_are_invalid_syntax(self, body: dict[str, Any]) -> None:
        assert refusal(load_patch, body).scim_type == "invalidSyntax"

    def test_a_path_is_a_string(self) -> None:
        operation = {"op": "add", "path": ["x"], "value": 1}
        assert refusal(load_patch, {"Operations": [operation]}).scim_type == "invalidPath"

    @pytest.mark.parametrize("op", ["add", "replace"])
    def test_add_and_replace_need_a_value(self, op: str) -> None:
        assert refusal(load_patch, {"Operations": [{"op": op, "path": "x"}]})
        assert load_patch({"Operations": [{"op": op, "path": "x", "value": None}]})

    @pytest.mark.parametrize(
        "operation",
        [{"op": "Add", "path": "title", "value": "x"}, {"op": "add", "path": "", "value": {}}],
    )
    def test_strict_refuses_capitals_and_empty_paths(self, operation: dict[str, Any]) -> None:
        load_patch({"schemas": [PATCH_OP], "Operations": [operation]})
        refusal(load_patch, {"schemas": [PATCH_OP], "Operations": [operation]}, strict=True)
        refusal(load_patch, {"Operations": [{"op": "remove", "path": "x"}]}, strict=True)


class TestSearchRequests:
    def test_everything_has_the_default_of_the_standard(self) -> None:
        loaded = load_search({"schemas": [SEARCH_REQUEST]})
        assert loaded["start_index"] == 1 and loaded["count"] is None
        assert loaded["filter"] is None and loaded["sort_by"] is None
        assert loaded["attributes"] == loaded["excluded_attributes"] == []
        assert loaded["descending"] is False

    def test_names_and_order_in_any_letter_case(self) -> None:
        loaded = load_search({"STARTINDEX": "5", "Count": 0, "sortorder": "DESCENDING"})
        assert (loaded["start_index"], loaded["count"], loaded["descending"]) == (5, 0, True)

    @pytest.mark.parametrize(
        "parameters",
        [
            *({"count": "many"}, {"count": True}, {"count": 1e400}, {"startIndex": [1]}),
            *({"filter": 5}, {"attributes": "userName"}, {"attributes": [5]}, {"sortOrder": "up"}),
            *({"sortBy": {}}, {"sortOrder": 5}),
        ],
    )
    def test_wrong_types_are_invalid_values(self, parameters: dict[str, Any]) -> None:
        assert refusal(load_search, parameters).scim_type == "invalidValue"

    def test_null_is_absent(self) -> None:
        assert load_search({"count": None, "filter": None}) == load_search({})


class Form(Schema):
    password = fields.String(required=True)
    must_change = fields.Boolean(data_key="mustChange", load_default=False)


def test_small_messages_of_our_own() -> None:
    assert load_form(Form(), {"PASSWORD": "x", "MustChange": True})["must_change"] is True
    for body in ({}, {"password": 5}, {"password": "x", "\ud800": 1}, [], None):
        refusal(load_form, Form(), body)


@properties
@given(json_values)
def test_any_json_is_taken_or_refused(body: Any) -> None:
    for load in (load_patch, load_search, lambda b: load_form(Form(), b)):
        for candidate in (body, {"Operations": body}, {"Operations": [body]}):
            try:
                load(candidate)
            except ScimError as error:
                error.detail.encode()
    for strict in (False, True):
        for resource_type in (USER, GROUP):
            for urns in ({}, {"schemas": [s.urn for s in resource_type.schemas()]}):
                candidate = body | urns if isinstance(body, dict) else body
                try:
                    loaded, _ = load_resource(resource_type, candidate, strict=strict)
                except ScimError as error:
                    error.detail.encode()
                else:
                    assert load_resource(resource_type, loaded) == (loaded, [])
