"""The page of a target: what it holds, how its set-up is, and whether it is written to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, url_for
from werkzeug.wrappers import Response

from connectors.base import Finding
from gateway import matrix
from gateway.auth import caller
from gateway.checking import findings
from gateway.console.overview import state_of
from gateway.console.services import ConsoleServices
from gateway.intents import Intent
from gateway.targets import Target
from schemas.errors import InsufficientScope, not_found

SCOPE = "targets:write"
"""Who may pause a target, and have its set-up checked."""


def add_routes(console: Blueprint, services: ConsoleServices) -> None:
    """Add the page of a target, and what can be asked there."""
    asks: dict[str, Callable[[str, Intent], None]] = {
        "pause": services.pauses.pause,
        "resume": services.pauses.resume,
    }

    @console.get("/targets/<name>")
    def target(name: str) -> str:
        return page(visible(name))

    @console.post("/targets/<name>/check")
    def check_target(name: str) -> str:
        found = writable(name)
        return page(found, findings(found.connector))

    @console.post("/targets/<name>/<any(pause, resume):asked>")
    def ask_target(name: str, asked: str) -> Response:
        found = writable(name)
        by = caller(None).intent(found.name, asked, "Target", configuration=services.configuration)
        asks[asked](found.name, by)
        return redirect(url_for("console.target", name=name), 303)

    def page(target: Target, found: Sequence[Finding] | None = None) -> str:
        return render_template(
            "target.html",
            target=state_of(services, target),
            is_paused=services.pauses.since(target.name) is not None,
            may_ask=g.token.allows(target.name, SCOPE),
            findings=found,
            types=_matrix(target),
        )

    def visible(name: str) -> Target:
        for target in services.targets_for(g.token):
            if target.name == name:
                return target
        raise not_found("There is no such target, or your token is not for it.")

    def writable(name: str) -> Target:
        target = visible(name)
        if not g.token.allows(name, SCOPE):
            raise InsufficientScope(f"The token lacks the scope {SCOPE} on {services.label(name)}.")
        return target


def _matrix(target: Target) -> dict[str, list[dict[str, Any]]]:
    """Return the support matrix of a target by resource type."""
    types: dict[str, list[dict[str, Any]]] = {}
    for row in matrix.rows(matrix.of_targets({target.name: target})):
        types.setdefault(row["type"], []).append(row)
    return types
