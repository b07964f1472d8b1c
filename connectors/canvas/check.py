"""The set-up check of a Canvas target: what is missing, by Canvas's own names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.addresses import path_value
from connectors.base import Finding
from connectors.canvas.client import ROOT, CanvasClient
from connectors.probing import clock, unanswered
from schemas.errors import ScimError
from schemas.filters import instant

NEEDED = {
    "read_roster": "reading users and courses",
    "read_sis": "reading SIS ids (externalId)",
    "manage_sis": "writing SIS ids, and disabling people who have one",
    "manage_user_logins": "creating, changing, disabling and deleting users",
}
"""Account rights without which the target does not work; all of them an administrator's."""
USEFUL = {
    "view_user_logins": "reading who is active",
    "read_email_addresses": "reading e-mail addresses",
    "manage_user_details": "changing names and e-mail addresses",
    "manage_students": "memberships of courses",
    "manage_groups": "groups",
    "manage_courses": "creating and changing courses",
    "read_reports": "one report for who is active, where a call for each user would be needed",
    "manage_user_observers": "observers",
}
"""Rights of one part each; some of them have finer names on newer servers."""

SOON = 14
"""Days before its end from which a token alarms."""

_WHERE = "Admin > Permissions > Account Roles: the role of the token's user"
_TOKENS = "Account > Settings > Approved Integrations"
_LITTLE = 150
"""What is left in the bucket when clients are to slow down."""
_HINT = 5
"""Characters of a token by which Canvas finds it."""


def findings(client: CanvasClient, token: str, configured: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the check finds; it stops where nothing further can be found out."""
    try:
        own = client.get("users/self")
    except ScimError as error:
        yield unanswered(error, client.http, f"Check url and token; a new one: {_TOKENS}")
        return
    if own is None:
        yield Finding(
            "error",
            "There is no Canvas at this URL.",
            f'Write url = "https://..." in [targets.{client.http.name}]: where people log in, '
            "without a path",
        )
        return
    yield Finding("ok", f"Canvas answers as {own.get('name')!r} (user {own.get('id')}).")
    yield Finding("ok", "Canvas tells no version: hosted sites always have the newest.")
    yield clock(client.http)
    if token:
        yield from _ending(client, token)
    for looks in (_rights(client), _reading(client, str(own.get("id")))):
        try:
            yield from looks
        except ScimError as error:
            yield Finding("error", error.detail, f"Give it the right: {_WHERE}")
    if not configured.get("profiles"):
        yield Finding("ok", "Title and biography are left alone (profiles = true holds them).")
    if configured.get("sis_import"):
        yield _importing(client)
    yield _budget(client)


def _importing(client: CanvasClient) -> Finding:
    """Tell whether accounts can be imported; where they cannot, they are made one by one."""
    cure = f"{_WHERE}: import_sis; or leave sis_import out of [targets.{client.http.name}]"
    try:
        held = client.get(f"{ROOT}/permissions", {"permissions[]": ["import_sis"]}) or {}
        client.get(f"{ROOT}/sis_imports", {"per_page": 1})
    except ScimError as error:
        return Finding("warning", f"No SIS imports: {error.detail}", cure)
    if not held.get("import_sis"):
        return Finding("warning", "Without the right import_sis: no SIS imports.", cure)
    return Finding("ok", "Many new accounts of a sync go into one SIS import.")


def _budget(client: CanvasClient) -> Finding:
    left = client.bucket.left
    if left is None:
        return Finding("ok", "Canvas tells of no limit of calls.")
    if left >= _LITTLE:
        return Finding("ok", f"{left:.0f} units of calls are left; Canvas adds 10 each second.")
    return Finding(
        "warning",
        f"Only {left:.0f} units of calls are left: others use the same token, or it is busy.",
        f"Make a token for Matricula alone ({_TOKENS}), or write connections = 4 in "
        f"[targets.{client.http.name}]",
    )


def _ending(client: CanvasClient, token: str) -> Iterator[Finding]:
    """Yield when the token ends; Canvas finds it by its first characters, the site's part apart."""
    hint = token.rpartition("~")[2][:_HINT]
    try:
        shown = client.get(f"users/self/tokens/{path_value(hint)}")
    except ScimError:
        shown = None
    if shown is None:
        yield Finding("warning", "Canvas does not tell when this token ends.", f"See {_TOKENS}")
        return
    end = instant(str(shown["expires_at"])) if shown.get("expires_at") else None
    if end is None:
        yield Finding(
            "warning",
            "The token never ends: whoever gets hold of it has it until it is deleted.",
            f"Keep it safe, or make one that ends: {_TOKENS}",
        )
        return
    days = (end - datetime.now(UTC)).days
    level = "warning" if days <= SOON else "ok"
    cure = f"Make a new one in time: {_TOKENS}" if days <= SOON else ""
    yield Finding(level, f"The token ends in {days} days, on {end:%Y-%m-%d}.", cure)


def _rights(client: CanvasClient) -> Iterator[Finding]:
    """Yield the rights that the token's user lacks in the root account."""
    account = client.get(ROOT)
    names = [*NEEDED, *USEFUL]
    held = client.get(f"{ROOT}/permissions", {"permissions[]": names})
    if held is None or account is None:
        yield Finding(
            "warning",
            "Canvas does not tell the rights of the token's user.",
            f"Compare them with {', '.join(NEEDED)}: {_WHERE}",
        )
        return
    lacking = [name for name in NEEDED if not held.get(name)]
    for name in lacking:
        yield Finding(
            "error",
            f"The token's user lacks the right {name} in {account.get('name')!r}: {NEEDED[name]}.",
            f"Give it, or take a token of an account administrator: {_WHERE}",
        )
    for name, purpose in USEFUL.items():
        if not held.get(name):
            yield Finding("warning", f"Without the right {name}: no {purpose}.", _WHERE)
    if not lacking:
        yield Finding("ok", f"The token is an administrator's of {account.get('name')!r}.")


def _reading(client: CanvasClient, own: str) -> Iterator[Finding]:
    """Yield what is left out of other people's accounts as Canvas shows them."""
    rows, _ = client.page(f"{ROOT}/users", {"per_page": 5, "include[]": "email"})
    others = [row for row in rows if str(row.get("id")) != own]
    if others and not any("login_id" in row for row in others):
        yield Finding("error", "Canvas shows nobody's login: no user would be there.", _WHERE)
    if others and not any("sis_user_id" in row for row in others):
        yield Finding("warning", "Canvas shows no SIS ids: externalId stays empty.", _WHERE)
