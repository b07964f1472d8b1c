"""Who asks: bearer tokens checked on every request, and what each may do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flask import Blueprint, g, request
from flask_httpauth import HTTPTokenAuth

from gateway.attempts import Caller
from gateway.audit import AuditLog
from gateway.intents import Intent
from gateway.limits import Limiter
from gateway.security import Security
from gateway.tokens import Token, Tokens
from schemas.errors import InsufficientScope, InvalidToken, ScimError

if TYPE_CHECKING:
    from gateway.issuers import Issuers

PUBLIC = frozenset({"scim.service_provider_config", "overall.service_provider_config"})
"""Endpoints that answer without a token (RFC 7643 section 5: how to authenticate is no secret)."""

log = logging.getLogger(__name__)


class Authenticator:
    """Tells whose a bearer token is, and keeps off who tries too many or asks too much."""

    def __init__(self, tokens: Tokens, security: Security, audit: AuditLog) -> None:
        self._tokens = tokens
        self._issuers: Issuers | None = None
        if security.issuers:
            # Only here: the library costs workers memory and start-up time.
            from gateway.issuers import Issuers

            self._issuers = Issuers(security.issuers)
        self._audit = audit
        self._failures = Limiter(security.failed_authentications)
        self._requests = Limiter(security.requests_per_minute)

    def verify(self, text: str) -> Token:
        """Return what the token allows. Raises 401, and 429 beyond a limit.

        Who has failed too often tries no further tokens; those that this process has accepted
        before go on working, for a stranger may share an address with an identity platform.
        """
        address = request.remote_addr or ""
        try:
            if self._issuers is not None and self._issuers.read(text):
                token = self._issuers.verify(text)
            else:
                if self._failures.is_reached(address) and not self._tokens.has_accepted(text):
                    raise self._too_many(self._failures, address, "failed authentications")
                token = self._tokens.verify(text)
        except InvalidToken as error:
            raise self._refused(error, address) from None
        self.count(token)
        return token

    def count(self, token: Token) -> None:
        """Count a request of a token. Raises 429 beyond the limit."""
        key = f"{token.prefix}:{token.name}"
        if not self._requests.hit(key):
            raise self._too_many(self._requests, key, "requests of this token")

    def _refused(self, error: InvalidToken, address: str) -> ScimError:
        """Return the error to answer with, after one event for each failure up to the limit."""
        if not self._failures.hit(address):
            return self._too_many(self._failures, address, "failed authentications")
        detail = error.detail
        if self._failures.is_reached(address):
            detail += " For a while no further tokens are tried from this address."
        intent = Intent(
            target=g.target.name,
            operation="authenticate",
            resource_type="Token",
            client_address=address,
            client=_client(),
            request_id=g.request_id,
        )
        try:
            self._audit.record(intent, "refused", status=401, detail=detail)
        except Exception:
            # Nobody gets in because the refusal could not be written down.
            log.exception("a failed authentication could not be recorded")
        return error

    @staticmethod
    def _too_many(limiter: Limiter, key: str, what: str) -> ScimError:
        return ScimError(429, f"Too many {what}.", retry_after=limiter.wait(key))


def protect(blueprint: Blueprint, authenticator: Authenticator) -> None:
    """Let no request into the blueprint without a good token."""
    auth = HTTPTokenAuth("Bearer", realm="Matricula")

    @auth.verify_token  # type: ignore[untyped-decorator]
    def verify(text: str) -> Token | None:
        return authenticator.verify(text) if text else None

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
        client=_client(),
        request_id=g.request_id,
        require=require,
        observe=observe,  # type: ignore[arg-type]
    )


def _client() -> str:
    return (request.user_agent.string or "")[:200]
