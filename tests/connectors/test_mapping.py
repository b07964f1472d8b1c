"""A mapping: both conversions, what fits, what is declared, and a target's overrides."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.mapping import Field, Mapping, Resource
from connectors.overrides import overridden
from schemas.attributes import ENTERPRISE
from schemas.changes import Change, check, diff
from schemas.errors import ScimError
from schemas.filters import parse_path
from schemas.user import LMS_USER, USER


def short(value: Any) -> str:
    if len(value) > 5:
        raise ValueError("longer than 5 characters")
    return str(value)


MAPPING = Mapping(
    USER,
    Field("id", "id", read=str, at_create=False, modifiable=False),
    Field("userName", "login", settle=lambda v: v.lower(), required=True, empty=None),
    Field("externalId", "ext"),
    Field("name.givenName", "first", required=True, empty=None),
    Field("name.familyName", "last", write=short),
    Field("displayName", "full", at_create=False, modifiable=False),
    Field('emails[type eq "work"].value', "mail", required=True, empty=None),
    Field("active", "blocked", read=lambda v: not v, write=lambda v: not v, empty=None),
    Field("password", "secret", readable=False, empty=None),
    Field("userType", "kind", at_create=True, modifiable=False),
    Field("locale", "lang", canonical=("en", "de"), default="en"),
    Field('phoneNumbers[type eq "work"].value', "phone"),
    Field('phoneNumbers[type eq "mobile"].value', "mobile"),
    Field('addresses[type eq "work"].locality', "city"),
    Field('addresses[type eq "work"].country', "country", settle=lambda v: v.upper()),
    Field(f"{ENTERPRISE}:department", "dept"),
)
NATIVE = {
    "id": 7,
    "login": "ann",
    "ext": "E",
    "first": "Ann",
    "last": "S",
    "full": "Ann S",
    "mail": "a@x.org",
    "blocked": False,
    "kind": "staff",
    "lang": "de",
    "phone": "1",
    "mobile": "",
    "city": "Oslo",
    "country": None,
    "dept": "Physics",
}
SCIM: Resource = {
    "id": "7",
    "userName": "ann",
    "externalId": "E",
    "name": {"givenName": "Ann", "familyName": "S"},
    "displayName": "Ann S",
    "emails": [{"type": "work", "value": "a@x.org", "primary": True}],
    "active": True,
    "userType": "staff",
    "locale": "de",
    "phoneNumbers": [{"type": "work", "value": "1"}],
    "addresses": [{"type": "work", "locality": "Oslo", "primary": True}],
    ENTERPRISE: {"department": "Physics"},
}


def test_a_native_record_becomes_a_resource() -> None:
    assert MAPPING.to_scim(NATIVE) == SCIM


def test_a_resource_becomes_a_native_record() -> None:
    assert MAPPING.to_native({**SCIM, "password": "p"}) == {
        **{k: v for k, v in NATIVE.items() if k not in ("id", "full", "mobile", "country")},
        "secret": "p",
    }


def test_empty_values_are_not_sent_and_defaults_are() -> None:
    given = {"userName": "a", "name": {"givenName": "A", "familyName": ""}}
    native = MAPPING.to_native(MAPPING.with_defaults(given))
    assert native == {"login": "a", "first": "A", "lang": "en"}


def test_a_refused_value_is_named_by_its_path() -> None:
    with pytest.raises(ScimError) as refused:
        MAPPING.to_native({"userName": "a", "name": {"familyName": "too long"}})
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
    assert refused.value.detail == "name.familyName: longer than 5 characters."


def changed(**values: Any) -> dict[str, Any]:
    after = MAPPING.carry_over(SCIM, {**SCIM, **values})
    return MAPPING.to_native_changes(diff(MAPPING.resource_type, SCIM, after))


def test_changes_become_native_values() -> None:
    assert changed(externalId=None, active=False, name={"givenName": "B", "familyName": "S"}) == {
        "ext": "",
        "blocked": True,
        "first": "B",
    }
    assert changed(addresses=[]) == {"city": ""}
    assert changed(phoneNumbers=[{"type": "mobile", "value": "2"}]) == {"phone": "", "mobile": "2"}
    assert changed(**{ENTERPRISE: {}}) == {"dept": ""}


def test_what_cannot_be_cleared_is_kept_when_it_is_left_out() -> None:
    assert changed(active=None, displayName=None) == {}


def test_what_can_only_be_set_at_creation_is_not_changed() -> None:
    path = parse_path("userType", USER)
    with pytest.raises(ScimError) as refused:
        MAPPING.to_native_changes([Change(path, "replace", "staff", "guest")])
    assert refused.value.scim_type == "mutability"


def test_the_native_name_of_a_change_is_known() -> None:
    assert MAPPING.native_name(parse_path("contact.email", USER)) == "mail"
    assert MAPPING.native_name(parse_path("emails", USER)) == "mail"
    assert MAPPING.native_name(parse_path("title", USER)) is None


@pytest.mark.parametrize(
    ("resource", "fitted", "ignored"),
    [
        ({"userName": "ANN"}, {"userName": "ann"}, []),
        ({"title": "Dr"}, {}, ["title"]),
        ({"displayName": "x"}, {}, ["displayName"]),
        ({"name": {"givenName": "A", "middleName": "B"}},
         {"name": {"givenName": "A"}}, ["name.middleName"]),
        ({ENTERPRISE: {"department": "P", "division": "D"}},
         {ENTERPRISE: {"department": "P"}}, [f"{ENTERPRISE}:division"]),
        # One address is demanded: any takes the place, the primary one first.
        ({"emails": [{"type": "home", "value": "h"}]},
         {"emails": [{"type": "work", "value": "h", "primary": True}]}, []),
        ({"emails": [{"value": "a"}, {"value": "b", "primary": True}]},
         {"emails": [{"type": "work", "value": "b", "primary": True}]}, ["emails[no type]"]),
        ({"emails": [{"type": "home", "value": "h", "primary": True},
                     {"type": "Work", "value": "w"}]},
         {"emails": [{"type": "work", "value": "w", "primary": True}]},
         ['emails[type eq "home"]']),
        # One is held, but not demanded: only one without a type takes the place.
        ({"addresses": [{"type": "home", "locality": "X"}]},
         {"addresses": []}, ['addresses[type eq "home"]']),
        ({"addresses": [{"locality": "X", "country": "no", "region": "R"}]},
         {"addresses": [{"type": "work", "locality": "X", "country": "NO", "primary": True}]},
         ['addresses[type eq "work"].region']),
        # Two are held: only their own types.
        ({"phoneNumbers": [{"value": "1"}, {"type": "MOBILE", "value": "2"}]},
         {"phoneNumbers": [{"type": "mobile", "value": "2"}]}, ["phoneNumbers[no type]"]),
        ({"emails": []}, {"emails": []}, []),
    ],
)  # fmt: skip
def test_what_fits_is_kept_and_the_rest_is_named(
    resource: Resource, fitted: Resource, ignored: list[str]
) -> None:
    assert MAPPING.fit(resource) == (fitted, ignored)


def test_what_is_read_fits_as_it_is() -> None:
    fitted, ignored = MAPPING.fit(MAPPING.to_scim(NATIVE))
    assert {**fitted, "id": "7", "displayName": "Ann S"} == SCIM
    assert ignored == ["displayName"]


def test_the_declared_type_is_what_is_held() -> None:
    declared = MAPPING.resource_type
    assert declared.find("title") is None
    assert [e.urn for e in declared.extensions] == [ENTERPRISE]
    name, emails, phones = (declared.find(n) for n in ("name", "emails", "phoneNumbers"))
    assert name is not None and emails is not None and phones is not None
    assert [s.name for s in name.sub_attributes] == ["familyName", "givenName"]
    assert name.required
    assert emails.sub("type").canonical_values == ("work",)  # type: ignore[union-attr]
    assert emails.sub("primary") is not None
    assert phones.sub("type").canonical_values == ("work", "mobile")  # type: ignore[union-attr]
    assert phones.sub("primary") is None
    assert declared.find("displayName").mutability == "readOnly"  # type: ignore[union-attr]
    assert declared.find("userType").mutability == "immutable"  # type: ignore[union-attr]
    assert declared.find("locale").canonical_values == ("en", "de")  # type: ignore[union-attr]
    assert declared.find("password").secret  # type: ignore[union-attr]


NATIVES = {field.native: field for field in MAPPING.fields} | {
    "spare": Field("nickName", "spare"),
    "other": Field("nickName", "other", write=short),
}


def override(**overrides: Any) -> Mapping:
    return overridden(MAPPING, {k.replace("__", "."): v for k, v in overrides.items()}, NATIVES.get)


@pytest.mark.parametrize(
    ("home", "attribute", "subs"), [("request", "request", "default"), (None, "default", "request")]
)
def test_an_attribute_whose_rows_are_shown_on_request_is_so_too(
    home: Any, attribute: str, subs: str
) -> None:
    """Else an answer would have it without its values, and who asks for it would not see them."""
    held = Mapping(
        USER,
        Field('phoneNumbers[type eq "work"].value', "phone", returned="request"),
        Field('phoneNumbers[type eq "home"].value', "home", returned=home),
        Field('addresses[type eq "work"].country', "country", returned="request"),
        Field('addresses[type eq "work"].locality', "city", returned=home),
    ).resource_type
    phones, addresses = held.find("phoneNumbers"), held.find("addresses")
    assert phones is not None and addresses is not None
    assert phones.returned == addresses.returned == attribute
    country = addresses.sub("country")
    assert country is not None and country.returned == subs


def test_an_attribute_moves_to_another_native_field() -> None:
    mapping = override(externalId="spare")
    assert mapping.to_scim({"spare": "s", "ext": "e"})["externalId"] == "s"
    assert mapping.to_native({"externalId": "x"})["spare"] == "x"
    assert MAPPING.to_native({"externalId": "x"})["ext"] == "x"


def test_an_attribute_is_added_by_its_short_name() -> None:
    mapping = override(job__title="spare", studentId="other")
    assert mapping.to_scim({"spare": "Dr", "other": "1"}) == {
        "title": "Dr",
        LMS_USER: {"studentId": "1"},
    }
    assert mapping.resource_type.find("title") is not None
    with pytest.raises(ScimError, match=r"studentId: longer"):
        mapping.to_native({LMS_USER: {"studentId": "too long"}})


def test_an_attribute_is_dropped() -> None:
    mapping = override(department="")
    assert mapping.resource_type.extensions == ()
    assert mapping.fit({ENTERPRISE: {"department": "P"}}) == ({}, [f"{ENTERPRISE}:department"])


def test_a_default_makes_an_attribute_optional() -> None:
    mapping = override(name__givenName={"default": "-"}, userType={"default": "guest"})
    resource = {"userName": "a", "emails": [{"type": "work", "value": "m"}]}
    check(mapping.resource_type, resource)
    native = mapping.to_native(mapping.with_defaults(resource))
    assert (native["first"], native["kind"]) == ("-", "guest")
    before = {**SCIM}
    after = mapping.carry_over(before, {k: v for k, v in SCIM.items() if k != "name"})
    assert after["name"]["givenName"] == "Ann"


def test_two_attributes_change_places() -> None:
    mapping = override(externalId="dept", department="ext")
    assert mapping.to_native({"externalId": "1", ENTERPRISE: {"department": "2"}}) == {
        "dept": "1",
        "ext": "2",
    }


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"nonsense": "spare"}, "not an attribute"),
        ({"emails[": "spare"}, "[Ss]yntax"),
        ({"title": "nonsense"}, "no field 'nonsense'"),
        ({"title": {"default": "x"}}, "needs the native field"),
        ({"title": None}, "needs the native field"),
        ({"title": 5}, "needs the native field"),
        ({"title": {"native": "spare", "defualt": "x"}}, "unknown setting defualt"),
        ({"userName": ""}, "cannot be dropped"),
        ({"userName": "spare"}, "cannot be dropped"),
        ({'emails[type eq "work"].value': ""}, "cannot be dropped"),
        ({"id": "ext"}, "cannot be mapped"),
        ({"id": ""}, "cannot be mapped"),
        ({"meta.created": "spare"}, "cannot be mapped"),
        ({"schemas": "spare"}, "cannot be mapped"),
        ({ENTERPRISE: "spare"}, "cannot be mapped"),
        ({"roles": "spare"}, "more than one value"),
        ({"systemRoleIds": "spare"}, "more than one value"),
        ({"name": "spare"}, "more than one value"),
        ({"emails.value": "spare"}, "name it as emails"),
        ({"active": "spare"}, "of type boolean"),
        ({"title": "blocked"}, "of type string"),
        ({"studentId": "ext"}, "ext cannot hold"),
        ({"locale": {"default": "fr"}}, "not one of the values"),
        ({"displayName": {"default": "x"}}, "cannot be written"),
        ({"name.familyName": {"default": 5}}, "wrong type"),
        ({"name.familyName": {"default": "too long"}}, "longer than 5"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(overrides: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        overridden(MAPPING, overrides, NATIVES.get)


def test_a_put_keeps_what_is_costly_and_left_out_in_extensions_too() -> None:
    mapping = Mapping(
        USER,
        Field("userName", "login"),
        Field("title", "title", costly=True),
        Field(f"{ENTERPRISE}:organization", "organization", costly=True),
        Field(f"{ENTERPRISE}:department", "department", costly=True),
    )
    held = {"organization": "Uni", "department": "Physics"}
    before = {"id": "1", "userName": "ann", "title": "Dr", ENTERPRISE: held}
    said = {"userName": "ann", ENTERPRISE: {"department": "Art"}}
    kept = mapping.whole - {"department"}
    assert mapping.replaced(before, said, kept) == {
        "userName": "ann", "title": "Dr", ENTERPRISE: {"department": "Art", "organization": "Uni"}
    }  # fmt: skip
