"""A person's timeline over all targets, or that of one account; and what held at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, g, render_template, request

from gateway.audit import AuditLog
from gateway.console.moments import State, state_at
from gateway.console.pages import page_of
from gateway.console.selection import all_of, either, equal, selection_of, visible_to
from gateway.console.services import Services
from gateway.tokens import Token
from schemas.errors import ScimError
from schemas.filters import Filter, conjunction, instant, is_text

_LOOKED_AT = 500
"""How many of a login's newest events tell which accounts had it."""


@dataclass(frozen=True, slots=True)
class Account:
    """One resource of one target; `login` is the last one that the log knows."""

    target: str
    type: str
    id: str
    login: str

    @property
    def filter(self) -> Filter:
        """Return the filter for the account's events."""
        return conjunction(
            equal("target", self.target),
            equal("resourceType", self.type),
            equal("resourceId", self.id),
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a timeline is about: a login with all accounts that had it, or one account."""

    title: str
    login: str
    accounts: tuple[Account, ...]
    filter: Filter


def add_routes(console: Blueprint, services: Services) -> None:
    """Add the timeline to the console."""

    @console.get("/timeline")
    def timeline() -> str:
        subject = subject_of(services.audit, request.args, g.token)
        if subject is None:
            return render_template("timeline_form.html")
        selection = selection_of(request.args)
        moment = moment_of(request.args.get("as_of", ""))
        filter = all_of(subject.filter, *visible_to(g.token), *selection.terms())
        return render_template(
            "timeline.html",
            subject=subject,
            selection=selection,
            page=page_of(services.audit, filter),
            moment=moment,
            states=states_at(services.audit, subject, moment) if moment else [],
        )


def subject_of(audit: AuditLog, arguments: Mapping[str, str], token: Token) -> Subject | None:
    """Return whom the parameters of a URL are about, None when they do not say."""
    login, target, id = (arguments.get(name, "").strip() for name in ("login", "target", "id"))
    if not is_text(login + target + id):
        raise ScimError(400, "The address holds characters that are no text.")
    if target and id:
        account = Account(target, arguments.get("type", "") or "User", id, "")
        return _of_account(audit, account, token)
    return _of_login(audit, login, token) if login else None


def moment_of(text: str) -> datetime | None:
    """Return the moment that a form names, in UTC; None when it names none. Raises 400."""
    if not text.strip():
        return None
    moment = instant(text.strip())
    if moment is None:
        raise ScimError(400, f"{text[:30]!r} is no moment: write it as 2026-01-31T12:00.")
    return moment.astimezone(UTC)


def states_at(audit: AuditLog, subject: Subject, moment: datetime) -> list[tuple[Account, State]]:
    """Return what each account of the subject held at a moment."""
    return [
        (account, state_at(audit.stream(account.filter), account.type, moment))
        for account in subject.accounts
    ]


def _of_account(audit: AuditLog, account: Account, token: Token) -> Subject:
    filter = all_of(account.filter, *visible_to(token))
    _, newest = audit.search(filter, count=_LOOKED_AT, descending=True)
    login = next((event["login"] for event in newest if "login" in event), "")
    known = Account(account.target, account.type, account.id, login)
    named = login or f"{account.type} {account.id}"
    return Subject(
        f"{named} in {account.target}", login, (known,) if newest else (), account.filter
    )


def _of_login(audit: AuditLog, login: str, token: Token) -> Subject:
    """Gather the accounts that had the login, and with them what they did under another one."""
    named = equal("login", login)
    _, newest = audit.search(all_of(named, *visible_to(token)), count=_LOOKED_AT, descending=True)
    accounts: dict[tuple[str, ...], Account] = {}
    for event in newest:
        if "resourceId" in event:
            key = (event["target"], event["resourceType"], event["resourceId"])
            accounts.setdefault(key, Account(*key, login))
    found = tuple(sorted(accounts.values(), key=lambda account: account.target))
    filter = either(named, *(account.filter for account in found))
    return Subject(login, login, found, filter)
