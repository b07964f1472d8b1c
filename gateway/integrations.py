"""Consents: an administrator lets a target into its LMS (RFC 6749 section 4.1, PKCE RFC 7636).

What is to be remembered between leaving and coming back travels in `state`, encrypted, so that
any worker can go on with it; it is good for ten minutes, and its code serves once.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from urllib.parse import parse_qs, urlsplit

import orjson
from cryptography.fernet import InvalidToken, MultiFernet
from flask import Blueprint, Response, request

from gateway.audit import AuditLog
from gateway.intents import Intent
from gateway.targets import Target
from schemas.errors import ScimError, invalid_value, not_found

PATH = "/integrations/add"
"""Where the LMS leads the administrator back to; it is registered there."""
SECONDS = 600

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""


class Consents:
    """Consents to targets: begun with an address to go to, ended with what comes back."""

    def __init__(self, targets: Mapping[str, Target], keys: MultiFernet, audit: AuditLog) -> None:
        self._targets = targets
        self._keys = keys
        self._audit = audit

    def begin(self, name: str, redirect_uri: str) -> str:
        """Return the address at which an administrator consents. Raises 404, 501."""
        verifier = secrets.token_urlsafe(48)
        state = {"target": name, "redirect_uri": redirect_uri, "verifier": verifier}
        sealed = self._keys.encrypt(orjson.dumps(state)).decode()
        digest = sha256(verifier.encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        return self._target(name).connector.authorize_url(redirect_uri, sealed, challenge)

    def end(self, answer: Mapping[str, str], actor: str) -> str:
        """Take what came back, and return the target's name; the attempt is an audit event.

        Raises ScimError: 400 for a refusal or for what is too old, used or not ours.
        """
        state = self._opened(answer.get("state", ""))
        intent = Intent(state["target"], "connect", "Target", actor=actor)
        try:
            if error := answer.get("error"):
                raise invalid_value(f"The LMS says that nobody has consented: {error[:60]}.")
            connector = self._target(state["target"]).connector
            connector.connect(answer.get("code", ""), state["redirect_uri"], state["verifier"])
        except ScimError as error:
            self._audit.record(intent, "failed", status=error.status, detail=error.detail)
            raise
        self._audit.record(intent, "success", status=200)
        return state["target"]

    def _opened(self, state: str) -> dict[str, str]:
        try:
            opened: dict[str, str] = orjson.loads(self._keys.decrypt(state.encode(), ttl=SECONDS))
        except (InvalidToken, UnicodeEncodeError):
            raise invalid_value(
                "This consent is not ours, or it is too old; begin again."
            ) from None
        return opened

    def _target(self, name: str) -> Target:
        if name not in self._targets:
            raise not_found(f"There is no target {name[:60]!r}.")
        return self._targets[name]


def answer_of(address: str) -> dict[str, str]:
    """Return what an address brings to which an administrator was led back."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def make_integrations(consents: Consents) -> Blueprint:
    """Return the page to which an LMS leads an administrator back."""
    pages = Blueprint("integrations", __name__)

    @pages.get(PATH)
    def add() -> Response:
        try:
            name = consents.end(request.args.to_dict(), f"browser at {request.remote_addr}")
        except ScimError as error:
            return _page("Not connected", error.detail, error.status)
        return _page("Connected", f"Target {name} is connected. You can close this page.", 200)

    return pages


def _page(title: str, text: str, status: int) -> Response:
    content = _PAGE.format(title=escape(title), text=escape(text))
    return Response(content, status, headers=_HEADERS, content_type="text/html; charset=utf-8")
