"""The SCIM service over all targets, at /scim/v2: read-only, so far for audit events."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace

from flask import Blueprint, g

from gateway.audit import AuditLog
from gateway.audit_events import add_audit_events, of_token
from gateway.auth import Authenticator, protect
from gateway.cursors import Cursors
from gateway.exchange import service_url

_PLACE = SimpleNamespace(name="scim")
"""Takes the place of a target in metrics and in the events of refused tokens."""


def make_overall(
    targets: Collection[str],
    authenticator: Authenticator,
    audit: AuditLog,
    cursors: Cursors,
    public_url: str,
) -> Blueprint:
    """Return the blueprint of `/scim/v2`."""
    scim = Blueprint("overall", __name__, url_prefix="/scim/v2")

    def base(target: str) -> str:
        # What is about no target, or about one that is not served any more, has its place here.
        return service_url(public_url, target if target in targets else "")

    @scim.before_request
    def stand_for_targets() -> None:
        g.target = _PLACE

    protect(scim, authenticator)
    add_audit_events(scim, audit, cursors, base, of_token)
    return scim
