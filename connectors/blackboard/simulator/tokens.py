"""Access tokens by OAuth 2: one for the application, given out again as long as it lives."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Any

from connectors.blackboard.simulator.errors import OAuthError
from connectors.blackboard.simulator.settings import Settings
from connectors.simulation.clock import Clock

if TYPE_CHECKING:
    from connectors.blackboard.simulator.calls import Call
    from connectors.blackboard.simulator.site import Site

_LETTERS = string.ascii_letters + string.digits
_OTHER_GRANTS = ("authorization_code", "refresh_token")


class Tokens:
    """The token of the application, made when there is none that lives."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._value = ""
        self._expires = 0.0

    def issue(self) -> tuple[str, int]:
        """Return the living token and its remaining seconds."""
        now = self._clock.now()
        if not self.is_valid(self._value):
            self._value = "".join(secrets.choice(_LETTERS) for _ in range(32))
            self._expires = now + self._settings.token_seconds
        return self._value, int(self._expires - now)

    def is_valid(self, value: str) -> bool:
        """Tell whether a value is the living token."""
        known = bool(value) and secrets.compare_digest(value.encode(), self._value.encode())
        return known and self._clock.now() < self._expires

    def revoke(self) -> None:
        """Forget the token, as a site does when the application is removed and added again."""
        self._expires = 0.0


def request_token(site: Site, call: Call) -> dict[str, Any]:
    """Answer `POST /v1/oauth2/token`: client credentials in, token out."""
    _check_client(site, call)
    grant = call.form.get("grant_type") or call.args.get("grant_type")
    if not grant:
        raise OAuthError(400, "invalid_request", "Invalid access token request.")
    if grant in _OTHER_GRANTS:
        raise OAuthError(400, "invalid_grant", "Invalid access token request.")
    if grant != "client_credentials":
        raise OAuthError(400, "unsupported_grant_type", "Invalid access token request.")
    value, seconds = site.tokens.issue()
    return {"access_token": value, "token_type": "bearer", "expires_in": seconds}


def describe_token(site: Site, call: Call) -> dict[str, Any]:
    """Answer `GET /v1/oauth2/tokeninfo`: whose token it is."""
    _check_client(site, call)
    if not site.tokens.is_valid(call.args.get("access_token", "")):
        raise OAuthError(400, "invalid_request", "Invalid access token.")
    return {"application_id": site.application_id, "scope": "*"}


def _check_client(site: Site, call: Call) -> None:
    name, password = call.client
    known = secrets.compare_digest(name.encode(), site.client_id.encode())
    right = secrets.compare_digest(password.encode(), site.client_secret.encode())
    if not (known and right) or site.settings.application != "available":
        raise OAuthError(
            401,
            "invalid_client",
            "Invalid client credentials, or no access granted to this Learn server.",
        )
