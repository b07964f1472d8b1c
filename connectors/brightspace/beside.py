"""What Brightspace keeps beside an account: the person's own page, and the tenant's attributes.

Each is one record that is read and replaced as a whole, in calls of its own. In the mapping of
users its rows are costly, and their native names begin with the record's prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from connectors.brightspace.client import BrightspaceClient
from connectors.mapping import Field, Mapping, Native, Resource
from connectors.ticket import Ticket
from schemas.attributes import ENTERPRISE
from schemas.changes import Change
from schemas.user import LMS_USER

PROFILE, ATTRIBUTE = _PREFIXES = "profile.", "attribute."

Body = dict[str, Any]


def profile_fields() -> tuple[Field, ...]:
    """Return the rows that the person's own page holds."""
    address = 'addresses[type eq "work"]'

    def phone(kind: str, native: str) -> Field:
        return own(f'phoneNumbers[type eq "{kind}"].value', native)

    return (
        own("nickName", "Nickname"),
        own("title", "JobTitle"),
        own("profileUrl", "HomePage"),
        own(f"{ENTERPRISE}:organization", "Company"),
        phone("work", "BusinessPhone"),
        phone("home", "HomePhone"),
        phone("mobile", "MobilePhone"),
        phone("fax", "FaxNumber"),
        own(f"{address}.streetAddress", "Address1"),
        own(f"{LMS_USER}:streetAddress2", "Address2"),
        own(f"{address}.locality", "City"),
        own(f"{address}.region", "Province"),
        own(f"{address}.postalCode", "PostalCode"),
        own(f"{address}.country", "Country"),
    )


def own(path: str, native: str) -> Field:
    """Return the row of a text on the person's own page."""
    return Field(path, PROFILE + native, costly=True)


def field_beside(native: str) -> Field | None:
    """Return the row of whatever text of one of the records an override names."""
    prefix, dot, name = native.partition(".")
    return Field("title", native, costly=True) if prefix + dot in _PREFIXES and name else None


@dataclass(frozen=True, slots=True)
class _Record:
    """How one of the records is read and written: `shown` flattens it, `sent` merges into it."""

    prefix: str
    path: str
    shown: Callable[[Body], Native]
    sent: Callable[[Body, Native], Body]


def _shown_attributes(body: Body) -> Native:
    rows = body.get("Attributes") or ()
    return {row["AttributeId"]: row["Value"][0] for row in rows if row["Value"]}


def _sent_attributes(body: Body, values: Native) -> Body:
    """Return the whole set: what is left out of it is taken away."""
    kept = [row for row in body.get("Attributes") or () if row["AttributeId"] not in values]
    new = [{"AttributeId": name, "Value": [value]} for name, value in values.items() if value]
    return {"Attributes": kept + new}


def _sent_profile(body: Body, values: Native) -> Body:
    return {name: value for name, value in body.items() if name != "ProfileIdentifier"} | values


_RECORDS = (
    _Record(PROFILE, "lp/profile/user/{id}", dict, _sent_profile),
    _Record(ATTRIBUTE, "lp/attributes/users/{id}", _shown_attributes, _sent_attributes),
)


class Beside:
    """The records beside accounts, as far as a mapping of users has rows of them."""

    def __init__(self, client: BrightspaceClient, users: Mapping) -> None:
        self._client = client
        self._parts = [
            (record, mapping) for record in _RECORDS if (mapping := _part(users, record.prefix))
        ]

    def complete(self, resources: Sequence[Resource], wanted: Iterable[str]) -> None:
        """Fill the wanted attributes of each resource in, in one call for each record."""
        named = {name.partition(".")[0] for name in wanted}
        for record, mapping in self._parts:
            if not any(row.path.name in named for row in mapping.rows):
                continue
            for resource in resources:
                body = self._client.get(record.path.format(id=resource["id"])) or {}
                merge(resource, mapping.to_scim(record.shown(body)))
                _mark(resource, mapping)

    def of_new(self, ticket: Ticket, resource: Resource) -> Iterator[Callable[[str], None]]:
        """Yield the writes that a new account needs; each takes the account's id."""
        for record, mapping in self._parts:
            if native := mapping.to_native(resource):
                yield partial(self._write, ticket, record, native)

    def of_changes(
        self, ticket: Ticket, changes: tuple[Change, ...]
    ) -> Iterator[Callable[[str], None]]:
        """Yield the writes that changes need; each takes the account's id."""
        for record, mapping in self._parts:
            if native := mapping.to_native_changes(changes):
                yield partial(self._write, ticket, record, native)

    def _write(self, ticket: Ticket, record: _Record, native: Native, id: str) -> None:
        path = record.path.format(id=id)
        self._client.send(ticket, "PUT", path, record.sent(self._client.get(path) or {}, native))


def merge(resource: Resource, more: Resource) -> None:
    """Put attributes into a resource; those of an extension join what it has."""
    for name, value in more.items():
        held = resource.get(name)
        both = ":" in name and isinstance(held, dict)
        resource[name] = {**held, **value} if both and held else value


def _mark(resource: Resource, mapping: Mapping) -> None:
    """Put in, without a value, what has none: it was looked at."""
    for row in mapping.rows:
        path = row.path
        holder = resource.setdefault(path.urn, {}) if path.urn else resource
        holder.setdefault(path.name, [] if path.attribute.multi_valued else None)


def _part(users: Mapping, prefix: str) -> Mapping | None:
    """Return the mapping of one record, where nothing is costly any more."""
    fields = [
        replace(field, native=field.native.removeprefix(prefix), costly=False)
        for field in users.fields
        if field.costly and field.native.startswith(prefix)
    ]
    return Mapping(users.full, *fields) if fields else None
