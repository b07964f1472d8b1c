"""Signed assertions (RFC 7523): JSON web tokens by which a service user's application shows itself.

The signature is verified against the application's published keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from connectors.brightspace.simulator.errors import OAuthError

if TYPE_CHECKING:
    from connectors.brightspace.simulator.site import Site

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
LONGEST = 300
"""The seconds for which an assertion may be good."""

_TOLERANCE = 5


class Assertions:
    """Verifies assertions and remembers their `jti` as long as they could come again."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def check(self, site: Site, text: str, audiences: Iterable[str]) -> None:
        """Refuse an assertion that is not the application's own, fresh and new."""
        if site.settings.jwks is None:
            raise OAuthError("unauthorized_client", "The application has no service user.")
        claims = self._decode(site, text)
        now = site.clock.now()
        if claims.get("iss") != site.client_id or claims.get("sub") != site.client_id:
            raise _invalid("iss and sub are not the client id")
        named = claims.get("aud")
        if not set(named if isinstance(named, list) else [named]) & set(audiences):
            raise _invalid("aud is not the token endpoint")
        issued, expires = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int | float) or issued > now + _TOLERANCE:
            raise _invalid("iat is missing or lies ahead")
        if not isinstance(expires, int | float) or expires <= now:
            raise _invalid("exp is missing or past")
        if expires - now > LONGEST + _TOLERANCE:
            raise _invalid("exp is too far ahead")
        self._use(claims.get("jti"), now, expires)

    def _decode(self, site: Site, text: str) -> dict[str, Any]:
        try:
            keys = KeySet.import_key_set(dict(site.settings.jwks or {}))  # type: ignore[arg-type]
            token = jwt.decode(text, keys, ALGORITHMS)
        except (JoseError, ValueError, KeyError):
            raise _invalid("the signature does not count") from None
        if not token.header.get("kid"):
            raise _invalid("kid is missing")
        return token.claims

    def _use(self, identifier: Any, now: float, expires: float) -> None:
        self._seen = {one: end for one, end in self._seen.items() if end > now}
        if not isinstance(identifier, str) or not identifier:
            raise _invalid("jti is missing")
        if identifier in self._seen:
            raise _invalid("jti has been used")
        self._seen[identifier] = expires


def _invalid(why: str) -> OAuthError:
    return OAuthError("invalid_client", f"Client authentication failed: {why}.")
