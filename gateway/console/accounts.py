"""Accounts: one search over all targets, with the plan explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, render_template, request

from connectors.base import Collection
from connectors.planning import plan
from connectors.side_by_side import side_by_side
from gateway.console.pages import quoted
from gateway.console.recording import record
from gateway.console.services import Services
from gateway.query import Query
from gateway.reading import Reader
from gateway.targets import Target
from gateway.tokens import Token
from schemas.errors import ScimError
from schemas.filters import Filter, is_text, parse_filter
from schemas.projection import parse_projection

LONGEST = 200
_COUNT = 20
_KEYS = {
    "login": "userName eq {}",
    "external id": "externalId eq {}",
    "e-mail": 'emails[type eq "work"].value eq {}',
}
_SHOWN = ("userName", "externalId", "displayName", "name", "emails", "active")


@dataclass(frozen=True, slots=True)
class Account:
    """One account as the search shows it; `active` is None where the LMS does not tell."""

    id: str
    login: str
    name: str
    external_id: str
    email: str
    active: bool | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target answered: accounts, or what went wrong; and how it was asked."""

    target: str
    accounts: tuple[Account, ...] = ()
    plan: str = ""
    left_out: tuple[str, ...] = ()
    more: int = 0
    problem: str = ""


def add_routes(console: Blueprint, services: Services) -> None:
    """Add the account search to the console."""

    @console.get("/accounts")
    def accounts() -> str:
        wanted = request.args.get("q", "").strip()
        if len(wanted) > LONGEST or not is_text(wanted):
            raise ScimError(400, f"Search for a text of at most {LONGEST} characters.")
        readable = services.targets_for(g.token, "users:read")
        if wanted and readable:
            record(services, "read", "User", login=wanted)
        answers = search(services.reader, readable, wanted, g.token) if wanted else []
        found = sum(len(answer.accounts) for answer in answers)
        return render_template(
            "accounts.html", wanted=wanted, answers=answers, found=found, readable=readable
        )


def search(reader: Reader, targets: list[Target], wanted: str, token: Token) -> list[Answer]:
    """Ask all targets at once for the accounts with that login, external id or e-mail address."""

    def ask(target: Target) -> Answer:
        try:
            return _answer(reader, target, wanted, token)
        except ScimError as error:
            return Answer(target.name, problem=error.detail)

    return side_by_side(ask, targets, len(targets))


def _answer(reader: Reader, target: Target, wanted: str, token: Token) -> Answer:
    collection = target.collection("Users")
    filter, left_out = _filter(collection, wanted)
    projection = parse_projection(collection.mapping.full, _SHOWN, ())
    query = Query(filter, count=_COUNT, projection=projection, actor=token.name)
    found = reader.search(target, collection, query, "")
    accounts = tuple(_account(resource) for resource in found.get("Resources", ()))
    return Answer(
        target.name,
        accounts,
        reader.explain(target, collection, query)["plan"],
        left_out,
        (found.get("totalResults") or 0) - len(accounts),
    )


def _filter(collection: Collection, wanted: str) -> tuple[Filter, tuple[str, ...]]:
    """Return what to ask for, and the keys by which the LMS would have to be read as a whole."""
    value = quoted(wanted)
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


def _account(resource: dict[str, Any]) -> Account:
    name = resource.get("name") or {}
    spoken = " ".join(filter(None, (name.get("givenName"), name.get("familyName"))))
    return Account(
        id=resource["id"],
        login=resource.get("userName", ""),
        name=resource.get("displayName") or name.get("formatted") or spoken,
        external_id=resource.get("externalId", ""),
        email=next(_addresses(resource), ""),
        active=resource.get("active"),
    )


def _addresses(resource: dict[str, Any]) -> Iterator[str]:
    for email in resource.get("emails") or ():
        yield str(email.get("value", ""))
