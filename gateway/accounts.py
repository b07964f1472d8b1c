"""A person's accounts in all targets, with roles, groups and memberships, side by side.

Each LMS is asked by the keys that it can look up: login, external id, e-mail address. An LMS that
can look up by none of them is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import Collection
from connectors.planning import plan
from connectors.side_by_side import side_by_side
from gateway.query import MAX_COUNT, Query
from gateway.reading import Reader
from gateway.targets import Target
from schemas.errors import ScimError, invalid_value
from schemas.filters import Compare, Filter, any_of, is_text, parse_filter, parse_path
from schemas.membership import MEMBERSHIP
from schemas.projection import parse_projection
from schemas.user import LMS_USER

LONGEST = 200
_COUNT = 20
_KEYS = {
    "login": "userName eq {}",
    "external id": "externalId eq {}",
    "e-mail": 'emails[type eq "work"].value eq {}',
}
_SHOWN = ("userName", "externalId", "displayName", "name", "emails", "active")
_ROLES = ("roles", "institutionRoleIds", "systemRoleIds")
_USER_ID = parse_path("userId", MEMBERSHIP)
_OF_MEMBERSHIP = ("userId", "courseId", "courseRoleId", "available")

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Membership:
    """A course that an account is in, by its id; role and availability as the LMS has them."""

    course: str
    role: str
    available: str

    def __str__(self) -> str:
        shut = f"available {self.available}" if self.available not in ("", "Yes") else ""
        said = ", ".join(filter(None, (self.role, shut)))
        return f"course {self.course}: {said}" if said else f"course {self.course}"


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a person; None is what the LMS does not tell, or not without further calls."""

    id: str
    login: str
    name: str
    external_id: str
    email: str
    active: bool | None
    roles: tuple[str, ...] | None
    groups: tuple[str, ...] | None
    memberships: tuple[Membership, ...] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target answered: accounts, or what went wrong; and how it was asked.

    `left_out` are the keys by which the LMS cannot look up, `more` is how many accounts are not
    shown, `memberships` says why there are none to show, or not all.
    """

    target: str
    accounts: tuple[Account, ...] = ()
    plan: str = ""
    left_out: tuple[str, ...] = ()
    more: int = 0
    problem: str = ""
    memberships: str = ""


def find_accounts(
    reader: Reader,
    targets: Sequence[Target],
    wanted: str,
    actor: str,
    allows: Callable[[str, str], bool],
) -> list[Answer]:
    """Ask all targets at once for the accounts with that login, external id or e-mail address.

    `allows` tells of a target and a scope whether it may be read. Raises 400 for what is no text.
    """
    if len(wanted) > LONGEST or not is_text(wanted):
        raise invalid_value(f"Search for a text of at most {LONGEST} characters.")

    def ask(target: Target) -> Answer:
        try:
            found = _accounts(reader, target, wanted, actor)
        except ScimError as error:
            return Answer(target.name, problem=error.detail)
        if not found.accounts or "Membership" not in target.connector.collections:
            return found
        if not allows(target.name, "memberships:read"):
            return replace(found, memberships="The token lacks the scope memberships:read.")
        try:
            return _with_memberships(reader, target, found, actor)
        except ScimError as error:
            return replace(found, memberships=error.detail)

    return side_by_side(ask, targets, len(targets))


def _accounts(reader: Reader, target: Target, wanted: str, actor: str) -> Answer:
    collection = target.collection("Users")
    filter, left_out = _filter(collection, wanted)
    told = _told(collection)
    projection = parse_projection(collection.mapping.full, (*_SHOWN, *told), ())
    query = Query(filter, count=_COUNT, projection=projection, actor=actor)
    found = reader.search(target, collection, query, "")
    accounts = tuple(_account(resource, told) for resource in found.get("Resources", ()))
    return Answer(
        target.name,
        accounts,
        reader.explain(target, collection, query)["plan"],
        left_out,
        (found.get("totalResults") or 0) - len(accounts),
    )


def _with_memberships(reader: Reader, target: Target, found: Answer, actor: str) -> Answer:
    """Return the answer with the memberships of its accounts, asked for together."""
    collection = target.collection("Memberships")
    theirs = any_of(*(Compare(_USER_ID, "eq", account.id) for account in found.accounts))
    projection = parse_projection(collection.mapping.full, _OF_MEMBERSHIP, ())
    query = Query(theirs, count=MAX_COUNT, projection=projection, actor=actor)
    listed = reader.search(target, collection, query, "")
    held: dict[str, list[Membership]] = {account.id: [] for account in found.accounts}
    for one in listed.get("Resources", ()):
        held[one["userId"]].append(_membership(one))
    more = (listed.get("totalResults") or 0) - len(listed.get("Resources", ()))
    return replace(
        found,
        accounts=tuple(
            replace(account, memberships=tuple(held[account.id])) for account in found.accounts
        ),
        memberships=f"{more} more are not shown." if more > 0 else "",
    )


def _filter(collection: Collection, wanted: str) -> tuple[Filter, tuple[str, ...]]:
    """Return what to ask for, and the keys by which the LMS would have to be read as a whole."""
    value = json.dumps(wanted, ensure_ascii=False)
    full = collection.mapping.full
    terms = {key: form.format(value) for key, form in _KEYS.items()}
    if "@" not in wanted:
        del terms["e-mail"]
    quick = {key: term for key, term in terms.items() if _is_quick(collection, term)}
    chosen = quick or terms
    return parse_filter(" or ".join(chosen.values()), full), tuple(terms.keys() - chosen.keys())


def _is_quick(collection: Collection, term: str) -> bool:
    mapping = collection.mapping
    return plan(parse_filter(term, mapping.full), mapping).branches is not None


def _told(collection: Collection) -> tuple[str, ...]:
    """Return the roles that the LMS has of people, and the groups where they cost no call."""
    mapping = collection.mapping
    paths = {name: parse_path(name, mapping.full) for name in (*_ROLES, "groups")}
    cheap = (name for name in paths if name != "groups" or name not in mapping.costly)
    return tuple(name for name in cheap if mapping.rows_of(paths[name]))


def _account(resource: Resource, told: Sequence[str]) -> Account:
    name = resource.get("name") or {}
    spoken = " ".join(filter(None, (name.get("givenName"), name.get("familyName"))))
    return Account(
        id=resource["id"],
        login=resource.get("userName", ""),
        name=resource.get("displayName") or name.get("formatted") or spoken,
        external_id=resource.get("externalId", ""),
        email=next(_said(resource.get("emails"), "value"), ""),
        active=resource.get("active"),
        roles=tuple(dict.fromkeys(_roles(resource))) if {*told} & {*_ROLES} else None,
        groups=tuple(_said(resource.get("groups"), "display", "value"))
        if "groups" in told
        else None,
    )


def _membership(resource: Resource) -> Membership:
    said = (resource.get(name, "") for name in ("courseId", "courseRoleId", "available"))
    return Membership(*said)


def _roles(resource: Resource) -> Iterator[str]:
    yield from _said(resource.get("roles"), "display", "value")
    for name in _ROLES[1:]:
        yield from resource.get(LMS_USER, {}).get(name, ())


def _said(values: Sequence[Resource] | None, *names: str) -> Iterator[str]:
    """Yield of each value the first of its sub-attributes that is assigned."""
    for value in values or ():
        if said := next((value[name] for name in names if value.get(name)), ""):
            yield str(said)
