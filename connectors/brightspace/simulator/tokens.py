"""Access tokens, refresh tokens that serve once, and the codes of the consent page."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from joserfc import jwt
from joserfc.jwk import OctKey

from connectors.brightspace.simulator.errors import OAuthError, invalid_token
from connectors.brightspace.simulator.settings import Settings
from connectors.simulation.clock import Clock

CODE_SECONDS = 600
ISSUER = "https://api.brightspace.com/auth"


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token allows, and until when."""

    scope: str
    expires: float


@dataclass(slots=True)
class Refresh:
    """A refresh token of a chain that one consent began."""

    chain: int
    scope: str
    made: float
    spent: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """What the consent page promised; a challenge asks for the verifier that it was made from."""

    redirect_uri: str
    scope: str
    made: float
    challenge: str
    method: str


class Tokens:
    """The credentials that one application holds at one tenant."""

    def __init__(self, clock: Clock, settings: Settings, client_id: str, subject: int) -> None:
        self._clock = clock
        self._settings = settings
        self._client_id = client_id
        self._subject = subject
        self._tenant = str(uuid.uuid4())
        self._key = OctKey.generate_key(256)
        self._access: dict[str, Access] = {}
        self._refresh: dict[str, Refresh] = {}
        self._codes: dict[str, Code] = {}
        self._chains = 0

    def issue(self, scope: str) -> str:
        """Return a new access token: a JWT with the claims that the vendor's have."""
        now = self._clock.now()
        self._access = {text: one for text, one in self._access.items() if one.expires > now - 60}
        expires = now + self._settings.token_seconds
        claims = {
            "iss": ISSUER,
            "aud": f"{ISSUER}/token",
            "sub": str(self._subject),
            "tenantid": self._tenant,
            "client_id": self._client_id,
            "scope": scope,
            "jti": str(uuid.uuid4()),
            "nbf": int(now),
            "exp": int(expires),
        }
        text = jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, self._key)
        self._access[text] = Access(scope, expires)
        return text

    def check(self, text: str) -> str:
        """Return the scopes of a living access token; others are refused."""
        found = self._access.get(text)
        if found is None:
            raise invalid_token("Couldn't parse token")
        if self._clock.now() >= found.expires:
            raise invalid_token("The access token is expired")
        return found.scope

    def every(self) -> list[str]:
        """Return the access and refresh tokens that are remembered."""
        return [*self._access, *self._refresh]

    def revoke(self) -> None:
        """End every access token; refresh tokens still serve."""
        self._access.clear()

    def withdraw(self) -> None:
        """End every token, as when the person who consented takes it back."""
        self._access.clear()
        self._refresh.clear()

    def begin_chain(self, scope: str) -> str:
        """Return the first refresh token of a new consent."""
        self._chains += 1
        return self._add(self._chains, scope)

    def find(self, text: str) -> Refresh:
        """Return a living refresh token; one that is dead or unknown is refused."""
        found = self._refresh.get(text)
        if found is None or self._is_old(found):
            raise _dead()
        if found.spent:
            if self._settings.reuse_revokes_chain:
                self._end_chain(found.chain)
            raise _dead()
        return found

    def rotate(self, spent: Refresh) -> str:
        """Spend a refresh token and return the one that takes its place."""
        spent.spent = True
        return self._add(spent.chain, spent.scope)

    def lives(self, text: str) -> bool:
        """Tell whether a refresh token would be taken."""
        found = self._refresh.get(text)
        return found is not None and not found.spent and not self._is_old(found)

    def promise(self, redirect_uri: str, scope: str, challenge: str, method: str) -> str:
        """Return a new code of the consent page."""
        text = secrets.token_urlsafe(24)
        self._codes[text] = Code(redirect_uri, scope, self._clock.now(), challenge, method)
        return text

    def redeem(self, text: str) -> Code:
        """Spend a code and return what it stands for."""
        found = self._codes.pop(text, None)
        if found is None or self._clock.now() >= found.made + CODE_SECONDS:
            raise OAuthError("invalid_grant", "The authorization code is invalid or has expired.")
        return found

    def _add(self, chain: int, scope: str) -> str:
        text = f"rt.{secrets.token_urlsafe(24)}"
        self._refresh[text] = Refresh(chain, scope, self._clock.now())
        return text

    def _is_old(self, one: Refresh) -> bool:
        seconds = self._settings.refresh_seconds
        return seconds is not None and self._clock.now() >= one.made + seconds

    def _end_chain(self, chain: int) -> None:
        for one in self._refresh.values():
            if one.chain == chain:
                one.spent = True


def _dead() -> OAuthError:
    return OAuthError("invalid_grant", "The refresh token is invalid or has already been used.")
