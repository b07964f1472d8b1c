"""Sessions: who is signed in, in an encrypted cookie that holds no token."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from cryptography.fernet import InvalidToken, MultiFernet
from flask import request, url_for
from werkzeug.wrappers import Response

from gateway.tokens import Token, Tokens
from schemas.errors import ScimError

COOKIE = "matricula_console"
SECONDS = 8 * 60 * 60
_PURPOSE = "console"
"""Other things are encrypted with the same keys; none of them is a session."""


@dataclass(frozen=True, slots=True)
class Session:
    """The public prefix of the token that signed in, empty before; `form` is in every form."""

    prefix: str
    form: str


def new_session(prefix: str = "") -> Session:
    """Return a session whose forms nobody else can write."""
    return Session(prefix, secrets.token_urlsafe(24))


def may_enter(token: Token) -> bool:
    """Tell whether a token opens the console: the audit log is what the console shows."""
    return bool({"audit:read", "admin"} & {*token.scopes})


class Sessions:
    """The sessions of the requests: read from their cookies, written into their answers."""

    def __init__(self, keys: MultiFernet, tokens: Tokens, public_url: str) -> None:
        self._keys = keys
        self._tokens = tokens
        self._is_https = public_url.startswith("https:")

    def read(self) -> Session | None:
        """Return the session of the request; None without one, or eight hours after it began."""
        try:
            opened = orjson.loads(self._keys.decrypt(request.cookies.get(COOKIE, ""), ttl=SECONDS))
        except (InvalidToken, UnicodeEncodeError):
            return None
        if not isinstance(opened, dict) or opened.pop("for", None) != _PURPOSE:
            return None
        return Session(**opened)

    def token_of(self, session: Session | None) -> Token | None:
        """Return the token that signed in, unless it has expired or was revoked meanwhile."""
        if session is None or not session.prefix:
            return None
        token = self._tokens.of(session.prefix)
        return token if token and not token.expired() and may_enter(token) else None

    def is_known(self, token: Token) -> bool:
        """Tell whether the token is one of the gateway's own, which can be looked up again."""
        return self._tokens.of(token.prefix) is not None

    def check_form(self, session: Session | None) -> None:
        """Raise 403 unless the posted form was given to this session."""
        sent = request.form.get("form", "").encode("utf-8", "replace")
        if session is None or not hmac.compare_digest(sent, session.form.encode()):
            raise ScimError(
                403,
                "The form is too old, or your browser sent no cookie with it. "
                "Go back, load the page again and send it once more.",
            )

    def write(self, response: Response, session: Session) -> None:
        """Put the session into the answer."""
        content = self._keys.encrypt(orjson.dumps({"for": _PURPOSE, **asdict(session)}))
        response.set_cookie(COOKIE, content.decode(), max_age=SECONDS, **self._attributes())

    def end(self, response: Response) -> None:
        """Take the session away from the browser."""
        response.delete_cookie(COOKIE, **self._attributes())

    def _attributes(self) -> dict[str, Any]:
        # Lax: a link in a ticket opens the page; nothing can be changed by following one.
        return {
            "path": url_for("console.overview"),
            "secure": self._is_https or request.is_secure,
            "httponly": True,
            "samesite": "Lax",
        }
