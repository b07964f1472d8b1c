"""A person's timeline over all targets, or that of one account; and what held at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, g, render_template, request

from gateway.audit import AuditLog
from gateway.audit_events import visible_to
from gateway.console.lines import erasures
from gateway.console.moments import State, state_at
from gateway.console.pages import page_of
from gateway.console.recording import record
from gateway.console.selection import equal, selection_of
from gateway.console.services import PLACE, ConsoleServices
from gateway.tokens import Token
from schemas.audit_event import AUDIT_EVENT
from schemas.errors import ScimError
from schemas.filters import (
    Filter,
    Present,
    all_of,
    any_of,
    conjunction,
    instant,
    is_text,
    parse_path,
)


@dataclass(frozen=True, slots=True)
class Account:
    """One resource of one target."""

    target: str
    type: str
    id: str

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
    """Whom a timeline is about: a login with all accounts that had it, or one account.

    `login` may as well be the external id or e-mail address of the accounts; it is empty where
    the log knows none of an account.
    """

    title: str
    login: str
    accounts: tuple[Account, ...]
    filter: Filter


@dataclass(frozen=True, slots=True)
class AccountState:
    """What an account held at a moment; `erased` is when the log was made to forget it."""

    account: Account
    state: State
    erased: str | None


def add_routes(console: Blueprint, services: ConsoleServices) -> None:
    """Add the timeline to the console."""

    @console.get("/timeline")
    def timeline() -> str:
        subject = subject_of(services.audit, request.args, g.token)
        if subject is None:
            return render_template("timeline_form.html")
        selection = selection_of(request.args)
        moment = moment_of(request.args.get("as_of", ""))
        terms = selection.terms()
        record_use(services, "read", subject, all_of(*terms))
        return render_template(
            "timeline.html",
            subject=subject,
            selection=selection,
            page=page_of(services, all_of(subject.filter, visible_to(g.token), *terms)),
            moment=moment,
            states=states_at(services.audit, subject, moment) if moment else [],
        )


def record_use(
    services: ConsoleServices, operation: str, subject: Subject, chosen: Filter | None
) -> None:
    """Write down that somebody looks at a timeline, or takes it away. Raises 503."""
    named: dict[str, Any] = {"login": subject.login or None}
    if request.args.get("id"):
        named["resource_id"] = "/".join((request.args["target"], request.args["id"]))
    record(services, operation, filter=chosen, **named)


def subject_of(audit: AuditLog, arguments: Mapping[str, str], token: Token) -> Subject | None:
    """Return whom the parameters of a URL are about, None when they do not say."""
    login, target, id = (arguments.get(name, "").strip() for name in ("login", "target", "id"))
    if not is_text(login + target + id):
        raise ScimError(400, "The address holds characters that are no text.")
    if target and id:
        return _of_account(audit, Account(target, arguments.get("type", "") or "User", id), token)
    return _of_login(audit, login, token) if login else None


def moment_of(text: str) -> datetime | None:
    """Return the moment that a form names, in UTC; None when it names none. Raises 400."""
    if not text.strip():
        return None
    moment = instant(text.strip())
    if moment is None:
        raise ScimError(400, f"{text[:30]!r} is no moment: write it as 2026-01-31T12:00.")
    return moment.astimezone(UTC)


def states_at(audit: AuditLog, subject: Subject, moment: datetime) -> list[AccountState]:
    """Return what each account of the subject held at a moment."""
    found = []
    for account in subject.accounts:
        events = list(audit.stream(account.filter))
        erased = erasures(audit, events)
        kept = [event for event in events if event.get("subject") not in erased]
        state = state_at(kept, account.type, moment)
        found.append(AccountState(account, state, max(erased.values(), default=None)))
    return found


def _of_account(audit: AuditLog, account: Account, token: Token) -> Subject:
    mine = [account.filter, visible_to(token)]
    total, _ = audit.search(all_of(*mine), count=0)
    has_login = Present(parse_path("login", AUDIT_EVENT))
    _, named = audit.search(all_of(*mine, has_login), count=1, descending=True)
    login = named[0]["login"] if named else ""
    title = f"{login or f'{account.type} {account.id}'} in {account.target}"
    return Subject(title, login, (account,) if total else (), account.filter)


def _of_login(audit: AuditLog, login: str, token: Token) -> Subject:
    """Gather the accounts that had the login, and with them what they did under another one."""
    found = tuple(
        Account(*one)
        for one in audit.accounts(login)
        if one[0] not in ("", PLACE.name) and {"all", one[0]} & {*token.targets}
    )
    filter = any_of(equal("login", login), *(account.filter for account in found))
    return Subject(login, login, found, filter)
