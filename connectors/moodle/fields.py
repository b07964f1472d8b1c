"""What a Moodle keeps of a user: the mapping, and what it refuses to keep."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.base import Options
from connectors.languages import nearest
from connectors.mapping import Field, Impossible, Mapping, Push, read_only
from connectors.moodle.codes import COUNTRIES, language_of, locale_of, time_zones
from connectors.moodle.like import escaped, pattern
from connectors.moodle.moments import moment
from connectors.overrides import overridden
from schemas.attributes import ENTERPRISE
from schemas.user import LMS_USER, USER

BY_FIELD = "core_user_get_users_by_field"
SEARCH = "core_user_get_users"
PASSWORD_CHANGE = "preference:auth_forcepasswordchange"
CUSTOM = "profile_field_"

_USERNAME = re.compile(r"[a-z0-9._@-]+")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TAG = re.compile(r"<(?![ \t\n\v\f\r])")
ID = re.compile(r"[1-9][0-9]{0,17}")


def text(
    longest: int, *, tags: bool = False, name: bool = False, zero: bool = False
) -> Callable[[Any], str]:
    """Return the check of a text field: its length in the database, and what Moodle refuses.

    Without `tags`, a `<` not followed by white space counts as a tag; a `name` is more than white
    space. Without `zero`, the value "0" is refused, because Moodle takes it for empty when read.
    """

    def write(value: Any) -> str:
        if len(value) > longest:
            raise ValueError(f"longer than the {longest} characters that Moodle keeps")
        if not tags and _TAG.search(value):
            raise ValueError("Moodle takes the '<' for a tag")
        if name and not value.strip():
            raise ValueError("only white space")
        if value == "0" and not zero:
            raise ValueError('Moodle does not keep the value "0"')
        return str(value)

    return write


def _username(extended: bool) -> Callable[[Any], str]:
    def write(value: Any) -> str:
        if not extended and not _USERNAME.fullmatch(value):
            raise ValueError("Moodle takes only letters a-z, digits and - _ . @ in user names")
        return text(100, tags=True)(value)

    return write


def _email(value: Any) -> str:
    if not _EMAIL.fullmatch(value):
        raise ValueError("not an e-mail address that Moodle takes")
    return text(100)(value)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _like(parameter: str, operator: str) -> Push:
    def value(wanted: Any) -> str | None:
        # Moodle takes a name "0" for empty and so shows it to no search by that name.
        return None if wanted == "0" else pattern(wanted, operator)

    return Push(SEARCH, parameter, value=value)


def _email_like(operator: str) -> Push:
    """Addresses are ASCII in Moodle, so their letter case folds as the database's does."""
    before, after = operator in ("co", "ew"), operator in ("co", "sw")

    def value(wanted: Any) -> str | None:
        folded = wanted.casefold()
        if not folded.isascii():
            return pattern(wanted, operator)
        if not folded or folded != folded.strip():
            return None  # Moodle trims what it is asked for
        return ("%" if before else "") + escaped(folded) + ("%" if after else "")

    return Push(SEARCH, "email", value=value)


def _names(parameter: str) -> dict[str, Push]:
    return {operator: _like(parameter, operator) for operator in ("eq", "co", "sw", "ew")}


def id_key(value: Any) -> str:
    """Return an id that a filter names, if it is one."""
    if not ID.fullmatch(value):
        raise Impossible
    return str(value)


def user_number(value: Any) -> str:
    """Check the id of a user that is sent."""
    if not ID.fullmatch(value):
        raise ValueError(
            f"{value[:40]!r} is not the id of a user, a number; "
            "what Moodle calls ID number is the externalId"
        )
    return str(value)


def username_key(extended: bool) -> Callable[[Any], str | None]:
    """Return the look-up of a user name in any letter case.

    With extended user names another spelling may fold to the same name (sharp s and `ss`); where
    the name is not plain ASCII, everybody is read therefore.
    """

    def value(wanted: Any) -> str | None:
        folded: str = wanted.casefold()
        if _USERNAME.fullmatch(folded):
            return folded
        if not extended or not folded or len(wanted) > 100:
            raise Impossible
        return folded if folded.isascii() and folded == folded.strip() else None

    return value


def _idnumber_key(value: Any) -> str:
    if value in ("", "0") or len(value) > 255:
        raise Impossible
    return str(value)


def user_mapping(options: Options) -> Mapping:
    """Return the mapping of users for one site.

    Configuration of the target: `languages` (the site's language packs, default `["en"]`),
    `show_user_identity` (the site setting *Show user identity*: phones come back only when it
    lists them), `extended_usernames` (the site setting of that name), and `attributes`, which
    may name the custom profile field `profile_field_<short name>` for an attribute.
    """
    more = options.more
    extended = bool(more.get("extended_usernames", False))
    shown = more.get("show_user_identity", ["email"])
    locales = tuple(locale_of(language) for language in more.get("languages", ["en"]))
    mapping = Mapping(
        USER,
        read_only("id", "id", read=str, push={"eq": Push(BY_FIELD, "id", key=True, value=id_key)}),
        Field("userName", "username", write=_username(extended), settle=_lower, required=True,
              push={"eq": Push(BY_FIELD, "username", key=True, value=username_key(extended))},
              empty=None),
        Field("externalId", "idnumber", write=text(255, tags=True),
              push={"eq": Push(BY_FIELD, "idnumber", key=True, value=_idnumber_key)}),
        Field("name.givenName", "firstname", write=text(100, name=True, zero=True),
              required=True, push=_names("firstname"), empty=None),
        Field("name.familyName", "lastname", write=text(100, name=True, zero=True),
              required=True, push=_names("lastname"), empty=None),
        read_only("name.formatted", "fullname", returned="request"),
        read_only("displayName", "fullname"),
        Field('emails[type eq "work"].value', "email", write=_email, required=True,
              push={operator: _email_like(operator) for operator in ("eq", "co", "sw", "ew")},
              empty=None),
        Field("active", "suspended", read=lambda held: not held, write=lambda on: not on,
              empty=None, default=True),
        Field("password", "password", readable=False, empty=None),
        Field(f"{LMS_USER}:mustChangePassword", PASSWORD_CHANGE, readable=False, empty="0",
              write=int),
        Field("locale", "lang", filled=True, read=locale_of, write=language_of, canonical=locales,
              settle=lambda locale: nearest(locale, locales)),
        Field("timezone", "timezone", read=lambda zone: None if zone == "99" else zone,
              canonical=time_zones(), empty="99"),
        Field('addresses[type eq "work"].streetAddress', "address", write=text(255)),
        Field('addresses[type eq "work"].locality', "city", write=text(120)),
        Field('addresses[type eq "work"].country', "country", settle=_upper,
              canonical=COUNTRIES),
        Field('phoneNumbers[type eq "work"].value', "phone1", write=text(20),
              readable="phone1" in shown),
        Field('phoneNumbers[type eq "mobile"].value', "phone2", write=text(20),
              readable="phone2" in shown),
        Field(f"{ENTERPRISE}:department", "department", write=text(255, zero=True)),
        Field(f"{ENTERPRISE}:organization", "institution", write=text(255)),
        Field(f"{LMS_USER}:description", "description", write=text(65535, tags=True)),
        read_only(f"{LMS_USER}:lastLogin", "lastaccess", read=moment),
        read_only("groups", "cohorts", costly=True, returned="request",
                  subs={"type": {"canonical_values": ("direct",)}}),
        walk="reads all users at once, for Moodle cannot page; the ids are kept for ten minutes, "
        "and each page that follows is one call by id",
    )  # fmt: skip
    natives = {field.native: field for field in mapping.fields}
    natives |= {
        name: Field("nickName", name, readable=False, write=text(255))
        for name in ("middlename", "alternatename", "firstnamephonetic", "lastnamephonetic")
    }

    def field_of(native: str) -> Field | None:
        if native.startswith(CUSTOM):
            return Field("nickName", native, write=text(255, tags=True))
        return natives.get(native)

    return overridden(mapping, options.attributes, field_of)
