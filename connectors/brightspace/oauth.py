"""The token service that all Brightspace tenants share, and the address where people consent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from connectors.http import HttpClient, Response
from connectors.ticket import NoWrite
from schemas.errors import ScimError

AUTH_URL = "https://auth.brightspace.com"
AUTHORIZE = "/oauth2/auth"
TOKEN = "/core/connect/token"
SCOPE = "core:*:* enrollment:orgunit:create"
"""What is asked for by default: the core scope, and that of batches, which it does not open."""

_WORD = re.compile(r"[a-z_]{1,60}")


class InvalidGrant(Exception):
    """The service does not take what was to be exchanged, and never will."""


class TokenService:
    """The token endpoint as one application sees it; `own` are its id and, if any, its secret."""

    def __init__(self, http: HttpClient, own: Mapping[str, str]) -> None:
        self.url = http.url + TOKEN
        self.client_id = own["client_id"]
        self._http = http
        self._own = dict(own)

    def exchange(self, grant: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer to a grant, with `access_token` and `expires_in`.

        Raises InvalidGrant, and ScimError 503 when nobody knows whether the exchange was made:
        what was to be exchanged may then be tried once more, later.
        """
        try:
            response = self._http.send(
                "POST",
                TOKEN,
                permit=NoWrite.TOKEN,
                name="POST core/connect/token",
                repeatable=False,
                content=urlencode({**self._own, **grant}).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
        except ScimError as error:
            # No write to the LMS was under way, so nothing of it is unknown.
            raise ScimError(
                503, f"No access token: {error.detail}", retry_after=error.retry_after
            ) from None
        answer = _object(response)
        if response.status_code >= 300:
            raise _refused(response.status_code, answer)
        try:
            return {**answer, "expires_in": float(answer["expires_in"]),
                    "access_token": str(answer["access_token"])}  # fmt: skip
        except (KeyError, TypeError, ValueError):
            raise ScimError(
                503, "The answer of Brightspace's token service cannot be read."
            ) from None

    def authorize_url(self, redirect_uri: str, scope: str, state: str, challenge: str) -> str:
        """Return where a person consents (RFC 6749 section 4.1.1); `challenge` is PKCE's S256."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._http.url}{AUTHORIZE}?{urlencode(asked)}"


def corrected(scope: str) -> str:
    """Return scopes whose parts are divided by colons: `core:*.*` is a slip for `core:*:*`.

    >>> corrected("core:*.* users:userdata:read")
    'core:*:* users:userdata:read'
    """
    return " ".join(part.replace("*.*", "*:*") for part in scope.split())


def covers(granted: str, wanted: str) -> bool:
    """Tell whether one of the granted scopes includes the wanted one; a part may be `*`."""
    parts = wanted.split(":")
    return any(
        len(held := scope.split(":")) == len(parts)
        and all(mine in ("*", part) for mine, part in zip(held, parts, strict=True))
        for scope in granted.split()
    )


def _object(response: Response) -> dict[str, Any]:
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        body = None
    return body if isinstance(body, dict) else {}


def _refused(status: int, answer: Mapping[str, Any]) -> Exception:
    error = str(answer.get("error", ""))
    if error == "invalid_grant":
        return InvalidGrant()
    # The description is free text, in which secrets may be repeated.
    why = f", {error}" if _WORD.fullmatch(error) else ""
    return ScimError(
        502,
        f"Brightspace's token service refuses the application (status {status}{why}). Check "
        "client_id, client_secret or key, key_id and scope.",
    )
