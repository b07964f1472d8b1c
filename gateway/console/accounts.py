"""Accounts: a person's in all targets, side by side, with how each target was asked."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request

from gateway.accounts import LONGEST, find_accounts
from gateway.console.recording import record
from gateway.console.services import ConsoleServices
from schemas.errors import ScimError
from schemas.filters import is_text


def add_routes(console: Blueprint, services: ConsoleServices) -> None:
    """Add the account search to the console."""

    @console.get("/accounts")
    def accounts() -> str:
        wanted = request.args.get("q", "").strip()
        if len(wanted) > LONGEST or not is_text(wanted):
            raise ScimError(400, f"Search for a text of at most {LONGEST} characters.")
        readable = services.targets_for(g.token, "users:read")
        if wanted and readable:
            record(services, "read", "User", login=wanted)
        answers = []
        if wanted:
            token = g.token
            answers = find_accounts(services.reader, readable, wanted, token.name, token.allows)
        return render_template(
            "accounts.html",
            wanted=wanted,
            answers=answers,
            found=[(answer, account) for answer in answers for account in answer.accounts],
            readable=readable,
        )
