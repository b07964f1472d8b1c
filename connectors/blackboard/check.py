"""The set-up check of a Blackboard target: what is missing, by Learn's own names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.base import Finding
from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.listed import MOST
from connectors.blackboard.users import SYSTEM_ADMIN
from connectors.probing import Probe, clock, probed, unanswered
from schemas.errors import ScimError

_WHERE = "Administrator Panel > Users > System Roles > the role of the integration's user"
_NOBODY = "_0_1"
OLDEST = (3900, 65)
"""The oldest release whose specification this connector is written for."""


_PROBES = (
    Probe("reading users", "system.user.VIEW", "GET", "v1/users?limit=1"),
    Probe("creating users", "system.user.CREATE", "POST", "v1/users", {}),
    Probe("changing users", "system.user.properties.MODIFY", "PATCH", f"v1/users/{_NOBODY}", {}),
    Probe("deleting users", "system.user.DELETE", "DELETE", f"v1/users/{_NOBODY}"),
    Probe("reading institution roles", "system.institutionrole.VIEW", "GET",
           "v1/institutionRoles?limit=1"),
    Probe("reading system roles", "system.systemrole.manager.VIEW", "GET",
           "v1/systemRoles?limit=1"),
    Probe("reading course roles", "system.enrollment.CREATE", "GET", "v1/courseRoles?limit=1"),
    Probe("reading data sources", "system.datasource.manager.VIEW", "GET",
           "v1/dataSources?limit=1"),
    Probe("reading observers", "observer.associations.VIEW", "GET",
           f"v1/users/{_NOBODY}/observers"),
    Probe("making observers", "system.observer_user.CREATE", "PUT",
           f"v1/users/{_NOBODY}/observers/{_NOBODY}"),
    Probe("removing observers", "system.observer_user.DELETE", "DELETE",
           f"v1/users/{_NOBODY}/observers/{_NOBODY}"),
    Probe("reading courses", "to see courses", "GET", "v3/courses?limit=1"),
)  # fmt: skip


def findings(client: BlackboardClient) -> Iterator[Finding]:
    """Yield what the check finds; it stops where nothing further can be found out."""
    try:
        version = (client.get("v1/system/version") or {}).get("learn", {})
    except ScimError as error:
        yield unanswered(error, client.http, "Check url, client_id and client_secret")
        return
    yield _version(version)
    yield clock(client.http)
    for probe in _PROBES:
        yield probed(probe, client.probe, _refused)
    yield from _completeness(client)
    yield _budget(client)


def _version(learn: dict[str, Any]) -> Finding:
    shown = ".".join(str(learn.get(part, "?")) for part in ("major", "minor", "patch"))
    said = f"Blackboard Learn {shown} answers, and takes the application's key."
    try:
        is_old = (int(learn["major"]), int(learn["minor"])) < OLDEST
    except (KeyError, TypeError, ValueError):
        is_old = False
    if not is_old:
        return Finding("ok", said)
    oldest = ".".join(map(str, OLDEST))
    return Finding(
        "warning",
        f"{said} It is older than {oldest}, so that some filters and attributes do not work.",
        f"Update Learn to {oldest} or later, or ask Blackboard to",
    )


def _budget(client: BlackboardClient) -> Finding:
    budget = client.budget
    if budget.left is None:
        return Finding("ok", "Blackboard tells of no limit of calls.")
    left = f"{budget.left} of {budget.limit} calls are left for today"
    if budget.left > budget.reserve:
        return Finding("ok", f"{left}.")
    return Finding(
        "warning",
        f"Only {left}: lists are refused first, look-ups and writes last.",
        f"Write a smaller reserve in [targets.{client.http.name}], or ask for more calls a day: "
        "https://developer.blackboard.com, the group of the application",
    )


def _refused(probe: Probe, said: str) -> Finding:
    cure = f"Give the entitlement {probe.right}: {_WHERE}"
    return Finding("error", f"The integration's user lacks {probe.what}.", cure)


def _completeness(client: BlackboardClient) -> Iterator[Finding]:
    """Yield what lists leave out: administrators are shown to administrators only.

    Learn tells nobody whose token it is. One administrator in a list proves that all are shown;
    the site's first ones are among its oldest accounts.
    """
    oldest = {"limit": MOST, "sort": "created", "fields": "id,systemRoleIds"}
    try:
        rows, _ = client.page("v1/users", oldest)
    except ScimError:
        return
    if any(SYSTEM_ADMIN in row.get("systemRoleIds", ()) for row in rows):
        yield Finding("ok", f"Users who hold {SYSTEM_ADMIN} are listed too.")
    else:
        yield Finding(
            "warning",
            f"Lists and exports may omit users who hold {SYSTEM_ADMIN}: "
            f"none of the {len(rows)} oldest accounts does.",
            f"They are shown only to an integration user who holds {SYSTEM_ADMIN} as well",
        )
