"""Users of a Moodle site: the mapping, and the five methods on `core_user_*`."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.base import Collection, Options
from connectors.mapping import Field, Impossible, Mapping, Native, Push, Resource
from connectors.moodle.client import MoodleClient, MoodleError, chunks, warning_error
from connectors.moodle.codes import (
    COUNTRIES,
    language_of,
    locale_of,
    nearest,
    time_zones,
)
from connectors.moodle.like import escaped, pattern
from connectors.passwords import new_password
from connectors.planning import Branch, Plan
from schemas.attributes import ENTERPRISE
from schemas.changes import Change
from schemas.errors import ScimError, not_found_resource, uniqueness
from schemas.user import LMS_USER, USER

BY_FIELD = "core_user_get_users_by_field"
SEARCH = "core_user_get_users"
EVERYBODY = [{"key": "email", "value": "%"}]
PASSWORD_CHANGE = "preference:auth_forcepasswordchange"
CUSTOM = "profile_field_"

_USERNAME = re.compile(r"[a-z0-9._@-]+")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TAG = re.compile(r"<(?!\s)")
_ID = re.compile(r"[1-9][0-9]{0,17}")
_GUEST = "guest"
_WINDOW = 200
_EMPTY_WINDOWS = 5

log = logging.getLogger(__name__)


def text(longest: int, *, name: bool = False, zero: bool = False) -> Callable[[Any], str]:
    """Return the check of a text field: its length in the database, and what Moodle refuses.

    `name`: a `<` not followed by white space counts as a tag. Without `zero`, the value "0" is
    refused, because Moodle takes it for empty when read.
    """

    def write(value: Any) -> str:
        if len(value) > longest:
            raise ValueError(f"longer than the {longest} characters that Moodle keeps")
        if name and _TAG.search(value):
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
        return text(100)(value)

    return write


def _email(value: Any) -> str:
    if not _EMAIL.fullmatch(value):
        raise ValueError("not an e-mail address that Moodle takes")
    return text(100)(value)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _moment(seconds: Any) -> str | None:
    return (
        datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z") if seconds else None
    )


def _like(call_parameter: str, operator: str) -> Push:
    return Push(SEARCH, call_parameter, value=lambda value: pattern(value, operator))


def _email_like(operator: str) -> Push:
    """E-mail addresses are ASCII in Moodle, so their letter case folds as the database's does."""
    before, after = operator in ("co", "ew"), operator in ("co", "sw")

    def value(wanted: Any) -> str | None:
        if not wanted.isascii() or wanted != wanted.strip():
            raise Impossible
        like = ("%" if before else "") + escaped(wanted) + ("%" if after else "")
        return like if wanted.strip("%_") or operator == "eq" else None

    return Push(SEARCH, "email", value=value)


def _names(parameter: str) -> dict[str, Push]:
    return {operator: _like(parameter, operator) for operator in ("eq", "co", "sw", "ew")}


def _id_key(value: Any) -> str:
    if not _ID.fullmatch(value):
        raise Impossible
    return str(value)


def _username_key(extended: bool) -> Callable[[Any], str]:
    def value(wanted: Any) -> str:
        lowered: str = wanted.lower()
        if lowered != wanted.casefold() or not (extended or _USERNAME.fullmatch(lowered)):
            raise Impossible
        return lowered

    return value


def _idnumber_key(value: Any) -> str:
    if value == "0" or len(value) > 255:
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
        Field("id", "id", read=str, push={"eq": Push(BY_FIELD, "id", key=True, value=_id_key)},
              at_create=False, modifiable=False),
        Field("userName", "username", write=_username(extended), settle=_lower, required=True,
              push={"eq": Push(BY_FIELD, "username", key=True, value=_username_key(extended))},
              empty=None),
        Field("externalId", "idnumber", write=text(255),
              push={"eq": Push(BY_FIELD, "idnumber", key=True, value=_idnumber_key)}),
        Field("name.givenName", "firstname", write=text(100, name=True, zero=True),
              required=True, push=_names("firstname"), empty=None),
        Field("name.familyName", "lastname", write=text(100, name=True, zero=True),
              required=True, push=_names("lastname"), empty=None),
        Field("name.formatted", "fullname", at_create=False, modifiable=False),
        Field("displayName", "fullname", at_create=False, modifiable=False),
        Field('emails[type eq "work"].value', "email", write=_email, required=True,
              push={operator: _email_like(operator) for operator in ("eq", "co", "sw", "ew")},
              empty=None),
        Field("active", "suspended", read=lambda held: not held, write=lambda on: not on,
              empty=None),
        Field("password", "password", readable=False, empty=None),
        Field(f"{LMS_USER}:mustChangePassword", PASSWORD_CHANGE, readable=False, empty="0",
              write=int),
        Field("locale", "lang", read=locale_of, write=language_of, canonical=locales,
              settle=lambda locale: nearest(locale, locales)),
        Field("timezone", "timezone", read=lambda zone: None if zone == "99" else zone,
              canonical=time_zones(), empty="99"),
        Field('addresses[type eq "work"].streetAddress', "address", write=text(255)),
        Field('addresses[type eq "work"].locality', "city", write=text(120)),
        Field('addresses[type eq "work"].country', "country", settle=_upper,
              canonical=COUNTRIES),
        Field('phoneNumbers[type eq "work"].value', "phone1", write=text(20, name=True),
              readable="phone1" in shown),
        Field('phoneNumbers[type eq "mobile"].value', "phone2", write=text(20, name=True),
              readable="phone2" in shown),
        Field(f"{ENTERPRISE}:department", "department", write=text(255, zero=True)),
        Field(f"{ENTERPRISE}:organization", "institution", write=text(255)),
        Field(f"{LMS_USER}:lastLogin", "lastaccess", read=_moment, at_create=False,
              modifiable=False),
        walk="reads all users at once, for Moodle cannot page; the ids are kept for five minutes, "
        "and each page that follows is one call by id",
    )  # fmt: skip
    natives = {field.native: field for field in mapping.fields}
    natives |= {
        name: Field("nickName", name, readable=False, write=text(255, name=True))
        for name in ("middlename", "alternatename", "firstnamephonetic", "lastnamephonetic")
    }

    def field_of(native: str) -> Field | None:
        if native.startswith(CUSTOM):
            return Field("nickName", native, write=text(255))
        return natives.get(native)

    return mapping.overridden(options.attributes, field_of)


class Users(Collection):
    """All accounts of a site but the guest's; deleted ones do not exist."""

    can_fetch = True

    def __init__(self, client: MoodleClient, options: Options) -> None:
        self.mapping = user_mapping(options)
        self._client = client
        self._verify = options.verify
        self._notify = bool(options.more.get("notify", False))
        self._auth = options.more.get("auth")

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        found: dict[int, Native] = {}
        try:
            for branch in plan.branches if plan.branches is not None else [()]:
                found.update((row["id"], row) for row in self._native_search(branch))
        except MoodleError as error:
            if error.code != "invalidresponse":
                raise
            log.warning("one stored value spoils Moodle's list of users; reading in small parts")
            yield from self._search_around_bad_rows(plan)
            return
        yield self._resources(found[id] for id in sorted(found))

    def get(self, id: str) -> Resource | None:
        if not _ID.fullmatch(id):
            return None
        try:
            rows = self._by_field("id", [id])
        except MoodleError as error:
            if error.code == "invalidresponse":
                raise ScimError(502, _unreadable(id)) from None
            raise
        return next(iter(self._resources(rows)), None)

    def fetch(self, ids: Sequence[str]) -> list[Resource]:
        rows = {str(row["id"]): row for row in self._readable_rows(list(ids))}
        return self._resources(rows[id] for id in ids if id in rows)

    def create(self, resource: Resource) -> Resource:
        native = self.mapping.to_native(resource)
        suspended = native.pop("suspended", False)
        if self._auth:
            native["auth"] = self._auth
        if "password" not in native:
            native |= {"createpassword": True} if self._notify else {"password": new_password()}
        try:
            created = self._client.call(
                "core_user_create_users", {"users": [_nested(native)]}, write=True
            )
        except MoodleError as error:
            raise self._explained(error, native) from None
        id = str(created[0]["id"])
        if suspended:
            self._send_update(id, {"suspended": True})
        return self.get(id) or {**resource, "id": id}

    def update(self, before: Resource, after: Resource, changes: tuple[Change, ...]) -> Resource:
        native = self.mapping.to_native_changes(changes)
        secret = {k: native.pop(k) for k in ("password", PASSWORD_CHANGE) if k in native}
        if secret:
            self._send_update(before["id"], secret)
        if native:
            self._send_update(before["id"], native)
        if self._verify or not _derive_names(before, after):
            return self.get(before["id"]) or after
        return after

    def delete(self, id: str) -> None:
        try:
            self._client.call("core_user_delete_users", {"userids": [id]}, write=True)
        except MoodleError as error:
            if error.code == "invaliduser":
                raise not_found_resource("User", id) from None
            raise

    def find_again(self, resource: Resource) -> Resource | None:
        rows = self._by_field("username", [str(resource["userName"]).lower()])
        return next(iter(self._resources(rows)), None)

    def request_password_reset(self, resource: Resource) -> None:
        answer = self._client.call(
            "core_auth_request_password_reset", {"username": resource["userName"]}, write=True
        )
        if answer.get("status") == "dataerror":
            raise ScimError(400, "Moodle refused to send the message.", "invalidValue")

    def _native_search(self, branch: Branch) -> list[Native]:
        if branch and branch[0].push.key:
            return self._by_field(branch[0].push.parameter, list(branch[0].values))
        criteria = [{"key": c.push.parameter, "value": c.values[0]} for c in branch]
        answer = self._client.call(SEARCH, {"criteria": criteria or EVERYBODY})
        if answer.get("warnings"):
            # An unknown criterion is dropped by Moodle, and then everybody is found.
            raise ScimError(502, "Moodle did not understand the search.")
        return [_flat(row) for row in answer["users"]]

    def _by_field(self, field: str, values: list[str]) -> list[Native]:
        rows: list[Native] = []
        for part in chunks(values, 1):
            answer = self._client.call(BY_FIELD, {"field": field, "values": part})
            rows.extend(_flat(row) for row in answer)
        return rows

    def _readable_rows(self, ids: list[str]) -> list[Native]:
        """Read by id, halving a batch that one bad value spoils until that account is alone."""
        try:
            return self._by_field("id", ids) if ids else []
        except MoodleError as error:
            if error.code != "invalidresponse":
                raise
        if len(ids) == 1:
            log.error(_unreadable(ids[0]))
            return []
        half = len(ids) // 2
        return self._readable_rows(ids[:half]) + self._readable_rows(ids[half:])

    def _search_around_bad_rows(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        """Read everybody in windows of ids; ids only grow, so some empty windows are the end.

        The residual filter is applied to whatever comes, because no push of Moodle is exact.
        """
        first = 1
        empty = 0
        while empty < _EMPTY_WINDOWS:
            ids = [str(id) for id in range(first, first + _WINDOW)]
            rows = self._readable_rows(ids)
            empty = 0 if rows else empty + 1
            first += _WINDOW
            yield self._resources(rows)

    def _resources(self, rows: Any) -> list[Resource]:
        return [self.mapping.to_scim(row) for row in rows if _is_account(row)]

    def _send_update(self, id: str, native: Native) -> None:
        user = _nested({"id": id, **native})
        try:
            answer = self._client.call("core_user_update_users", {"users": [user]}, write=True)
        except MoodleError as error:
            if error.code == "invalidresponse" and "password" in native:
                detail = "Moodle refused the password: it breaks the site's password policy."
                raise ScimError(400, detail, "invalidValue") from None
            raise self._explained(error, native, own=id) from None
        for warning in (answer or {}).get("warnings", ()):
            raise self._explained(warning_error(warning), native, own=id)

    def _explained(self, error: MoodleError, native: Native, own: str = "") -> ScimError:
        """Tell a taken name (409) from a bad value (400): Moodle's refusal is the same."""
        if error.code not in ("invalidparameter", "dmlwriteexception"):
            return error
        for field, shown, criteria in (
            ("username", "userName", "username"),
            ("email", 'emails[type eq "work"].value', "email"),
        ):
            if field not in native:
                continue
            sought = escaped(native[field]) if criteria == "email" else native[field]
            answer = self._client.call(SEARCH, {"criteria": [{"key": criteria, "value": sought}]})
            holders = [str(row["id"]) for row in answer["users"] if str(row["id"]) != own]
            if holders:
                return uniqueness(f"{shown} is already in use by user {holders[0]}.")
        return error


def _is_account(row: Native) -> bool:
    """Tell an account from the guest and from the rest of a deleted one, whose email is a hash."""
    return row.get("username") != _GUEST and "@" in row.get("email", "@")


def _flat(row: dict[str, Any]) -> Native:
    for custom in row.get("customfields", ()):
        row[CUSTOM + custom["shortname"]] = custom.get("value")
    return row


def _nested(native: Native) -> dict[str, Any]:
    """Return the record as the function takes it: custom fields and preferences in lists."""
    user: dict[str, Any] = {}
    for name, value in native.items():
        if name.startswith(CUSTOM):
            entry = {"type": name.removeprefix(CUSTOM), "value": value}
            user.setdefault("customfields", []).append(entry)
        elif name.startswith("preference:"):
            entry = {"type": name.removeprefix("preference:"), "value": value}
            user.setdefault("preferences", []).append(entry)
        else:
            user[name] = value
    return user


def _derive_names(before: Resource, after: Resource) -> bool:
    """Compose the full name of the new parts where the site does it in the plain order."""
    old, new = before.get("name", {}), after.get("name", {})
    parts = ("givenName", "familyName")
    if [old.get(part) for part in parts] == [new.get(part) for part in parts]:
        return True
    if old.get("formatted") != " ".join(str(old.get(part, "")) for part in parts):
        return False
    after["displayName"] = new["formatted"] = " ".join(str(new.get(part, "")) for part in parts)
    return True


def _unreadable(id: str) -> str:
    return (
        f"Moodle cannot show user {id}: one of its stored values is refused by Moodle itself, "
        "for example a user name made while extended characters were allowed. Rename it there."
    )
