"""The token of a target: an administrator's own, or one of a developer key that is renewed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from connectors.base import Options
from connectors.bearer import Bearer
from connectors.http import HttpClient
from connectors.ticket import NoWrite
from schemas.errors import ScimError

PATH = "/login/oauth2/token"


def token_of(http: HttpClient, options: Options) -> Bearer:
    """Return the access token of a target's `token`, or of `client_id` and `client_secret`.

    With a `refresh_token` those ask for an hour's token in the name of whoever gave it; without
    one, in that of the key's service user. Raises ValueError when there is none of all that.
    """
    if options.token:
        return Bearer(lambda: (options.token, math.inf))
    given = {
        name: str(options.more.get(name, ""))
        for name in ("client_id", "client_secret", "refresh_token")
    }
    if not given["client_id"] or not given["client_secret"]:
        raise ValueError("token is needed: one of an administrator, or client_id and client_secret")
    kind = "refresh_token" if given["refresh_token"] else "client_credentials"
    form = urlencode({"grant_type": kind, **{n: v for n, v in given.items() if v}}).encode()
    return Bearer(lambda: _asked(http, form))


def _asked(http: HttpClient, form: bytes) -> tuple[str, float]:
    # Canvas keeps the refresh token, so that asking again does no harm.
    response = http.send(
        "POST",
        PATH,
        permit=NoWrite.TOKEN,
        name="POST login/oauth2/token",
        repeatable=True,
        content=form,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    try:
        body: Mapping[str, Any] = orjson.loads(response.content)
        if response.status_code < 300:
            return str(body["access_token"]), float(body["expires_in"])
        why = f": {body['error']}" if body.get("error") else ""
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        why = ""
    raise ScimError(
        502,
        f"Canvas gives no token for this client_id (status {response.status_code}{why}). "
        "Check client_id, client_secret and refresh_token.",
    )
