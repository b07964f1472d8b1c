"""Who asks: bearer tokens checked on every request, and what each may do."""

from __future__ import annotations

from flask import Blueprint, g, request
from flask_httpauth import HTTPTokenAuth

from gateway.attempts import Caller
from gateway.tokens import Token, Tokens
from schemas.errors import InsufficientScope, ScimError

PUBLIC = frozenset({"scim.service_provider_config"})
"""Endpoints that answer without a token (RFC 7643 section 5: how to authenticate is no secret)."""


def protect(blueprint: Blueprint, tokens: Tokens) -> None:
    """Let no request into the blueprint without a good token."""
    auth = HTTPTokenAuth("Bearer", realm="Matricula")

    @auth.verify_token  # type: ignore[untyped-decorator]
    def verify(text: str) -> Token | None:
        return tokens.verify(text) if text else None

    @auth.error_handler  # type: ignore[untyped-decorator]
    def refuse(status: int) -> None:
        raise ScimError(status, "A valid bearer token is needed.")

    @auth.login_required  # type: ignore[untyped-decorator]
    def check() -> None:
        g.token = auth.current_user()

    @blueprint.before_request
    def authenticate() -> None:
        if request.endpoint not in PUBLIC:
            check()


def require(scope: str) -> None:
    """Raise 403 unless the token of the request has the scope on its target."""
    token: Token = g.token
    if not token.allows(g.target.name, scope):
        raise InsufficientScope(f"The token lacks the scope {scope} on target {g.target.name}.")


def caller(observe: object) -> Caller:
    """Return who makes the current request."""
    return Caller(
        actor=g.token.name,
        client_address=request.remote_addr or "",
        client=(request.user_agent.string or "")[:200],
        request_id=g.request_id,
        require=require,
        observe=observe,  # type: ignore[arg-type]
    )
