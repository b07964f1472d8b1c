"""Users of a Learn site: `v1/users`, and who observes whom."""

from __future__ import annotations

import re
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from connectors.addresses import path_value
from connectors.base import Options
from connectors.blackboard import fields
from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.fields import ID, an_id, text
from connectors.blackboard.listed import Listed
from connectors.blackboard.sources import Sources
from connectors.flat import NULL, flat, nested
from connectors.mapping import Field, Mapping, Native, Resource, read_only
from connectors.overrides import overridden
from connectors.passwords import new_password
from connectors.ticket import Ticket
from schemas.attributes import ENTERPRISE
from schemas.changes import Change
from schemas.errors import ScimError, forbidden, invalid_value
from schemas.user import LMS_USER, USER

PATH = "v1/users"
LIST = "GET v1/users"
ONE = "GET v1/users/{id}"
AVAILABLE = "availability.available"
SYSTEM_ADMIN = "SystemAdmin"
OBSERVER = "Observer"

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_OBSERVERS = f"{LMS_USER}:observers"


def user_mapping(options: Options, sources: Sources) -> Mapping:
    """Return the mapping of users.

    Configuration of the target: `disable_as` (`No`, or `Disabled` as a SIS feed leaves people),
    `native_email_filter` (the site keeps addresses in the letter case in which they are asked
    for, so that its own search misses none), and `attributes`.
    """
    off = options.more.get("disable_as", "No")
    if off not in ("No", "Disabled"):
        raise ValueError('disable_as is "No" or "Disabled"')
    by_email = options.more.get("native_email_filter", False)
    address = 'addresses[type eq "work"]'

    def phone(kind: str, native: str) -> Field:
        return Field(f'phoneNumbers[type eq "{kind}"].value', f"contact.{native}", write=text(50))

    mapping = Mapping(
        USER,
        read_only("id", "id", push=fields.by_key(ONE, "id")),
        Field("userName", "userName", required=True, empty=None, write=text(255),
              push=fields.containing(LIST, "userName", case_exact=False)
              | fields.by_key(ONE, "userName")),
        Field("externalId", "externalId", filled=True, write=text(256),
              push=fields.containing(LIST, "externalId", case_exact=True)
              | fields.by_key(ONE, "externalId")),
        read_only(f"{LMS_USER}:uuid", "uuid", push=fields.by_key(ONE, "uuid")),
        Field("name.givenName", "name.given", required=True, empty=None, write=text(100)),
        Field("name.familyName", "name.family", required=True, empty=None, write=text(100),
              push=fields.containing(LIST, "name.family", case_exact=False)),
        Field("name.middleName", "name.middle", write=text(100)),
        Field("name.honorificPrefix", "name.title", write=text(100)),
        Field("name.honorificSuffix", "name.suffix", write=text(100)),
        Field("nickName", "name.other", write=text(100)),
        Field("title", "job.title", write=text(100)),
        Field(f"{ENTERPRISE}:department", "job.department", write=text(100)),
        Field(f"{ENTERPRISE}:organization", "job.company", write=text(100)),
        Field('emails[type eq "work"].value', "contact.email", write=text(100),
              push=fields.equal(LIST, "contact.email") if by_email else {}),
        phone("work", "businessPhone"),
        phone("home", "homePhone"),
        phone("mobile", "mobilePhone"),
        phone("fax", "businessFax"),
        Field("profileUrl", "contact.webPage", write=text(100)),
        Field(f"{address}.streetAddress", "address.street1", write=text(100)),
        Field(f"{LMS_USER}:streetAddress2", "address.street2", write=text(100)),
        Field(f"{address}.locality", "address.city", write=text(50)),
        Field(f"{address}.region", "address.state", write=text(50)),
        Field(f"{address}.postalCode", "address.zipCode", write=text(50)),
        Field(f"{address}.country", "address.country", write=text(50)),
        Field("locale", "locale.id", read=fields.tag_of, write=fields.locale_of,
              settle=fields.settled_locale),
        Field(f"{LMS_USER}:calendar", "locale.calendar", filled=True, empty=None),
        Field(f"{LMS_USER}:firstDayOfWeek", "locale.firstDayOfWeek", filled=True, empty=None,
              read=lambda day: {"0": "Sunday", "1": "Monday", "6": "Saturday"}.get(day, day)),
        Field("active", AVAILABLE, empty=None, default=True, read=lambda held: held == "Yes",
              write=lambda on: "Yes" if on else off,
              push=fields.equal(LIST, AVAILABLE, lambda on: "Yes" if on else None)),
        Field(f"{LMS_USER}:available", AVAILABLE, empty=None, filled=True,
              push=fields.equal(LIST, AVAILABLE)),
        Field("password", "password", readable=False, empty=None),
        Field(f"{LMS_USER}:studentId", "studentId", write=text(100),
              push=_only_eq(fields.containing(LIST, "studentId", case_exact=True))),
        Field(f"{LMS_USER}:educationLevel", "educationLevel", filled=True, empty=None),
        Field(f"{LMS_USER}:gender", "gender", filled=True, empty=None),
        Field(f"{LMS_USER}:birthDate", "birthDate", empty=NULL, read=lambda held: held[:10],
              write=_day),
        Field(f"{LMS_USER}:dataSourceId", "dataSourceId", filled=True, empty=None, write=an_id,
              settle=sources.id_of, push=fields.equal(LIST, "dataSourceId", fields.pushed_id)),
        Field(f"{LMS_USER}:institutionRoleIds", "institutionRoleIds", filled=True, empty=None,
              settle=_ordered, push=fields.equal(LIST, "institutionRoleIds", _role)),
        Field(f"{LMS_USER}:systemRoleIds", "systemRoleIds", filled=True, empty=None,
              settle=_ordered),
        read_only(f"{LMS_USER}:lastLogin", "lastLogin", push=fields.bounds(LIST, "lastLogin")),
        Field(_OBSERVERS, "observers", costly=True, returned="request"),
        read_only(f"{LMS_USER}:observees", "observees", costly=True, returned="request"),
        *fields.dates(LIST),
        walk="reads all users, a hundred in one call",
    )  # fmt: skip
    natives = {field.native: field for field in mapping.fields}
    return overridden(mapping, options.attributes, natives.get)


class Users(Listed):
    """All accounts that the integration's user may see."""

    def __init__(self, client: BlackboardClient, options: Options, sources: Sources) -> None:
        super().__init__(user_mapping(options, sources), client, PATH)
        self._off = options.more.get("disable_as", "No")
        self._may_grant = bool(options.more.get("allow_system_admin", False))

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        for name in {"observers", "observees"} & {part.split(".")[0] for part in wanted}:
            for resource in resources:
                path = f"{PATH}/{resource['id']}/{name}"
                held = [row for rows in self._client.rows(path) for row in rows]
                resource.setdefault(LMS_USER, {})[name] = [
                    {"value": row["id"], "userName": row.get("userName", "")} for row in held
                ]

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = self._checked(self.mapping.to_native(resource), {}, resource)
        native.setdefault("password", new_password())
        observers = self._observers(resource)
        if observers:
            self._refuse_observers(native.get("systemRoleIds", ()), observers)
        created = self._client.send(ticket, "POST", PATH, nested(native))
        made = self.mapping.to_scim(flat(created))
        if observers:
            self._link(ticket, made["id"], observers)
            made.setdefault(LMS_USER, {})["observers"] = observers
        return made

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        native = self.mapping.to_native_changes(changes)
        native = self._checked(native, before, after)
        old = self._observers(before)
        known = {item["value"]: item.get("userName") for item in old}
        new = self._observers(after, known)
        added = [item for item in new if item["value"] not in known]
        kept = {item["value"] for item in new}
        gone = [item for item in old if item["value"] not in kept]
        if added:
            self._refuse_observers(after.get(LMS_USER, {}).get("systemRoleIds", ()), added)
        made = after
        if native:
            made = self._patched(ticket, before["id"], native) or after
        self._link(ticket, before["id"], added)
        for item in gone:
            self._client.send(ticket, "DELETE", f"{PATH}/{before['id']}/observers/{item['value']}")
        if any(change.path.name == "observers" for change in changes):
            made.setdefault(LMS_USER, {})["observers"] = new
        return made

    def delete(self, ticket: Ticket, id: str) -> None:
        self._client.send(ticket, "DELETE", f"{PATH}/{id}")

    def find_again(self, resource: Resource) -> Resource | None:
        return self.named("userName", resource["userName"])

    def _patched(self, ticket: Ticket, id: str, native: Native) -> Resource | None:
        row = self._client.send(ticket, "PATCH", f"{PATH}/{id}", nested(native))
        return self.mapping.to_scim(flat(row)) if "id" in row else None

    def _checked(self, native: Native, before: Resource, after: Resource) -> Native:
        """Return the native values with one word for the availability; refuse administrators.

        Where `active` and `available` both change and contradict each other, it is not available.
        """
        said = after.get(LMS_USER, {}).get("available")
        if AVAILABLE in native and said != before.get(LMS_USER, {}).get("available"):
            off = after.get("active") is False and before.get("active") is not False
            native[AVAILABLE] = self._off if off and said == "Yes" else said
        roles = before.get(LMS_USER, {}).get("systemRoleIds", ())
        granted = set(native.get("systemRoleIds", ())) - set(roles)
        if SYSTEM_ADMIN in granted and not self._may_grant:
            raise forbidden(
                "This target does not grant SystemAdmin (allow_system_admin = true lets it)."
            )
        return native

    def _observers(
        self, resource: Resource, known: Dict[str, str | None] = MappingProxyType({})
    ) -> list[Resource]:
        """Return the observers of a resource with their ids; a new login name is looked up.

        `known` are login names by id: who has another one now is somebody else.
        """
        found = []
        for item in resource.get(LMS_USER, {}).get("observers", ()):
            id, login = item.get("value"), item.get("userName")
            if login and id in known and known[id] != login:
                item = {"userName": login}
            if "value" in item and not ID.fullmatch(item["value"]):
                raise invalid_value(f"observers.value: {item['value'][:40]!r} is no user's id.")
            if "value" not in item:
                user = self._user(f"userName:{item['userName']}")
                item = {"value": user["id"], "userName": user.get("userName", "")}
            found.append(item)
        return found

    def _refuse_observers(self, own_roles: Sequence[str], observers: list[Resource]) -> None:
        """Raise 400 where Learn would refuse a link, before anything is written."""
        if OBSERVER in own_roles:
            raise invalid_value("observers: who holds the role Observer cannot be observed.")
        for item in observers:
            user = self._user(item["value"])
            if OBSERVER not in user.get("systemRoleIds", ()):
                raise invalid_value(
                    f"observers: user {item['value']} does not hold the role Observer."
                )

    def _user(self, form: str) -> dict[str, Any]:
        row = self._client.get(f"{PATH}/{path_value(form)}")
        if row is None:
            raise invalid_value(f"observers: there is no user {form[:80]!r}.")
        return row

    def _link(self, ticket: Ticket, id: str, observers: list[Resource]) -> None:
        for item in observers:
            try:
                self._client.send(ticket, "PUT", f"{PATH}/{id}/observers/{item['value']}")
            except ScimError as error:
                if error.status != 409:
                    raise


def _only_eq(push: Any) -> dict[str, Any]:
    return {"eq": push["eq"]}


def _day(value: Any) -> str:
    if not _DAY.fullmatch(value):
        raise ValueError("not a date as YYYY-MM-DD")
    return f"{date.fromisoformat(value)}T00:00:00.000Z"


def _role(value: Any) -> str | None:
    return value if value and "," not in value and value == value.strip() else None


def _ordered(roles: Any) -> Any:
    """Return roles as Learn gives them back: the primary first, the others by their letters."""
    return (
        [*roles[:1], *sorted(set(roles[1:]) - set(roles[:1]))] if isinstance(roles, list) else roles
    )
