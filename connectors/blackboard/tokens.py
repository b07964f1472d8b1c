"""The access token of an application: one for all, new by the clock or when it is refused."""

from __future__ import annotations

import base64
import threading
import time

import orjson

from connectors.http import HttpClient
from schemas.errors import ScimError

PATH = "/learn/api/public/v1/oauth2/token"
_MARGIN = 2.0
"""Seconds before its end from which a token is not used any more."""


class Token:
    """OAuth 2 client credentials (RFC 6749 section 4.4).

    Learn gives the same token again while it lives, with the seconds that are left, so a new one
    is asked for when the old one has ended and not before.
    """

    def __init__(self, http: HttpClient, client_id: str, client_secret: str) -> None:
        if not client_id or not client_secret:
            raise ValueError(
                "client_id and client_secret are needed: the application's key and secret"
            )
        pair = f"{client_id}:{client_secret}".encode()
        self._authorization = f"Basic {base64.b64encode(pair).decode()}"
        self._http = http
        self._lock = threading.Lock()
        self._value = ""
        self._until = 0.0

    def value(self, *, not_this: str = "") -> str:
        """Return a token; `not_this` is one that Learn has refused."""
        value = self._value
        if value and value != not_this and time.monotonic() < self._until:
            return value
        with self._lock:
            if self._value == not_this or time.monotonic() >= self._until:
                self._renew()
            return self._value

    def _renew(self) -> None:
        started = time.monotonic()
        response = self._http.send(
            "POST",
            PATH,
            name="POST v1/oauth2/token",
            repeatable=True,
            content=b"grant_type=client_credentials",
            headers={
                "Authorization": self._authorization,
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        if response.status_code in (400, 401, 403):
            raise ScimError(
                502,
                "Blackboard refuses the application's key or secret, or this site has not approved "
                "it: Administrator Panel > Integrations > REST API Integrations.",
            )
        try:
            body = orjson.loads(response.content)
            value, seconds = str(body["access_token"]), float(body["expires_in"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise ScimError(
                502, f"There is no Blackboard Learn at this URL (status {response.status_code})."
            ) from None
        self._value = value
        self._until = started + max(seconds - _MARGIN, 1.0)
