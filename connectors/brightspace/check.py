"""The set-up check of a Brightspace target: what is missing, by Brightspace's own names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from connectors.base import Finding
from connectors.brightspace.client import BrightspaceClient, Row
from connectors.brightspace.oauth import covers
from connectors.brightspace.roles import RoleTable
from connectors.brightspace.tokens import Chain
from connectors.brightspace.versions import KNOWN, NoVersion
from connectors.probing import Probe, clock, probed, unanswered
from schemas.errors import ScimError

_NOBODY = "999999999999999999"
_WHERE = "Admin Tools > Roles and Permissions > the role of the integration's account"
_CORE = "core:*:*"
_FEW = 5
"""Accounts of which at least one should have an org-defined id."""


_PROBES = (
    Probe("reading users", "users:userdata:read", "GET", "lp/users/"),
    Probe("creating users", "users:userdata:create", "POST", "lp/users/", {}),
    Probe("changing users", "users:userdata:update", "PUT", f"lp/users/{_NOBODY}", {}),
    Probe("deleting users", "users:userdata:delete", "DELETE", f"lp/users/{_NOBODY}"),
    Probe("activating users", "users:activation:update", "PUT",
           f"lp/users/{_NOBODY}/activation", {}),
    Probe("setting passwords", "users:password:write", "PUT",
           f"lp/users/{_NOBODY}/password", {}),
    Probe("reading enrolments", "enrollment:orgunit:read", "GET",
           f"lp/enrollments/users/{_NOBODY}/orgUnits/"),
    Probe("enrolling", "enrollment:orgunit:create", "POST", "lp/enrollments/", {}),
    Probe("enrolling in batches", "enrollment:orgunit:create", "POST",
           "lp/enrollments/batch/", []),
    Probe("ending enrolments", "enrollment:orgunit:delete", "DELETE",
           f"lp/enrollments/orgUnits/{_NOBODY}/users/{_NOBODY}"),
    Probe("reading org units", "organizations:organization:read", "GET",
           "lp/orgstructure/?orgUnitType=3"),
    Probe("creating courses", "orgunits:course:create", "POST", "lp/courses/", {}),
    Probe("changing courses", "orgunits:course:update", "PUT", f"lp/courses/{_NOBODY}", {}),
)  # fmt: skip


def findings(client: BrightspaceClient, roles: RoleTable) -> Iterator[Finding]:
    """Yield what the check finds; it stops where nothing further can be found out."""
    if client.scope != client.given_scope:
        yield Finding(
            "warning",
            f"The scope {client.given_scope!r} is read as {client.scope!r}.",
            f'Write scope = "{client.scope}" in [targets.{client.http.name}]',
        )
    try:
        own = own_login(client)
        spoken = ", ".join(f"{product} {client.versions.of(product)}" for product in KNOWN)
    except ScimError as error:
        yield _unanswered(client, error)
        yield from (found for found in _clocks(client) if found.level != "ok")
        return
    yield Finding("ok", f"Brightspace answers to {own} in {spoken}.")
    yield from _clocks(client)
    yield from _missing_scopes(client)
    yield from _default_roles(roles)
    for probe in _PROBES:
        yield probed(probe, client.probe, _refused)
    yield from _hidden(client)
    yield _budget(client)


def _unanswered(client: BrightspaceClient, error: ScimError) -> Finding:
    if isinstance(error, NoVersion):
        cure = "Ask D2L to update the site: these versions are the oldest that they still support"
        return Finding("error", error.detail, cure)
    cure = "Check url and auth_url, the application's credentials and scope"
    return unanswered(error, client.http, cure)


def _clocks(client: BrightspaceClient) -> Iterator[Finding]:
    """Yield how far the site's clock is from ours, and the token service's where it is wrong."""
    yield clock(client.http)
    service = clock(client.auth)
    if service.level != "ok":
        yield replace(service, text=f"Of {client.auth.url}: {service.text}")


def _budget(client: BrightspaceClient) -> Finding:
    left, reserve = client.credits.left, client.credits.reserve
    if left is None:
        return Finding("ok", "Brightspace does not limit the application's calls.")
    if left > reserve:
        return Finding("ok", f"{left} credits of this minute are left.")
    return Finding(
        "warning",
        f"Only {left} credits of this minute are left: lists wait first.",
        "Register an application for Matricula alone (Admin Tools > Manage Extensibility), or "
        f"write a smaller reserve in [targets.{client.http.name}]",
    )


def own_login(client: BrightspaceClient) -> str:
    """Return the login name of the integration's account, where its scopes let it be seen."""
    try:
        return str(client.get("lp/users/whoami")["UniqueName"])
    except (KeyError, TypeError):
        return "?"
    except ScimError as error:
        if error.status != 403:
            raise
        return "an account that may not see itself"


def _missing_scopes(client: BrightspaceClient) -> Iterator[Finding]:
    """Yield the scopes that were asked for and not granted, where the token service tells."""
    granted = client.token.scope if isinstance(client.token, Chain) else ""
    lacking = [scope for scope in client.scope.split() if granted and not covers(granted, scope)]
    if lacking:
        yield Finding(
            "warning",
            f"The authorization does not include {' '.join(lacking)}.",
            "Register the scope with the application and run `matricula connect` again",
        )


def _default_roles(roles: RoleTable) -> Iterator[Finding]:
    """Yield whether the configured roles are there; else the list of those that are."""
    try:
        rows = roles.rows()
    except ScimError as error:
        yield Finding(
            "error", f"The roles cannot be read: {error.detail}", "Grant role:detail:read"
        )
        return
    known = {str(row["Identifier"]): str(row["DisplayName"]) for row in rows}
    shown = ", ".join(f"{id} {name}" for id, name in known.items())
    for entry, id in (("config.roleId", roles.default), ("default_course_role", roles.in_courses)):
        if id in known:
            yield Finding("ok", f"{entry} {id} is the role {known[id]}.")
        elif id:
            yield Finding(
                "error",
                f"{entry}: there is no role {id}, or the integration may not give it.",
                f"Use one of: {shown}",
            )
    if not roles.default:
        yield Finding(
            "warning",
            "New accounts must name their role, for the configuration has no config.roleId.",
            f"Use one of: {shown}",
        )


def _refused(probe: Probe, said: str) -> Finding:
    cure = f"Give the scope {probe.right} or {_CORE}, and the permission: {_WHERE}"
    return Finding("error", f"{probe.what.capitalize()}: {said}", cure)


def _hidden(client: BrightspaceClient) -> Iterator[Finding]:
    """Yield what is read as empty for want of a permission, and would be cleared by a change."""
    try:
        rows: list[Row] = client.page("lp/users/", {})[0]
    except ScimError:
        return
    for name in ("OrgDefinedId", "ExternalEmail"):
        if len(rows) >= _FEW and not any(row.get(name) for row in rows):
            yield Finding(
                "warning",
                f"No account shows a value of {name}; any change of an account would clear it.",
                f"If there are any, let the integration's account see them: {_WHERE}",
            )
