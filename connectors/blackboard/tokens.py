"""The access token of an application: one for all, new by the clock or when it is refused."""

from __future__ import annotations

import base64

import orjson

from connectors.bearer import Bearer
from connectors.http import HttpClient
from connectors.ticket import NoWrite
from schemas.errors import ScimError

PATH = "/learn/api/public/v1/oauth2/token"


def token_of(http: HttpClient, client_id: str, client_secret: str) -> Bearer:
    """Return the token of client credentials (RFC 6749 section 4.4).

    Learn gives the same token again while it lives, with the seconds that are left, so a new one
    is asked for when the old one has ended and not before.
    """
    if not client_id or not client_secret:
        raise ValueError("client_id and client_secret are needed: the application's key and secret")
    pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    return Bearer(lambda: _asked(http, f"Basic {pair}"))


def _asked(http: HttpClient, authorization: str) -> tuple[str, float]:
    response = http.send(
        "POST",
        PATH,
        permit=NoWrite.TOKEN,
        name="POST v1/oauth2/token",
        repeatable=True,
        content=b"grant_type=client_credentials",
        headers={
            "Authorization": authorization,
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
        return str(body["access_token"]), float(body["expires_in"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise ScimError(
            502, f"There is no Blackboard Learn at this URL (status {response.status_code})."
        ) from None
