"""JSON web tokens (RFC 7519, RFC 9068) of the issuers that the configuration trusts."""

from __future__ import annotations

import logging
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import (
    ClaimError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
)
from joserfc.jwk import KeySet

from connectors.ticket import NoWrite
from gateway.database import now
from gateway.elsewhere import client_of
from gateway.security import SCOPE, Issuer
from gateway.tokens import Token
from schemas.errors import InvalidToken, ScimError

KEEP_SECONDS = 3600
"""How long keys are good before they are read again."""

STALE_SECONDS = 86_400
"""How long old keys serve while no new ones can be had."""

LOOK_AGAIN_SECONDS = 60
"""How often at most a token with an unknown key makes us look for new ones."""

_LONGEST = 8192
_LARGEST = 2**20

log = logging.getLogger(__name__)


class Issuers:
    """All issuers that are trusted."""

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        self._trusted = {issuer.issuer: _Trusted(issuer) for issuer in issuers}

    @staticmethod
    def read(text: str) -> bool:
        """Tell whether a bearer token looks like a signed JSON web token."""
        return text.count(".") == 2 and text.startswith("eyJ")

    def verify(self, text: str) -> Token:
        """Return what the token allows. Raises InvalidToken, and 503 when no keys can be had."""
        if len(text) > _LONGEST:
            raise InvalidToken("The token is too long.")
        trusted = self._trusted.get(str(_claims(text).get("iss")))
        if trusted is None:
            raise InvalidToken("The token's issuer is not trusted here.")
        return trusted.verify(text)


class _Trusted:
    """One issuer with its keys."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._keys = Keys(issuer.name, _source(issuer))
        self._registry = jwt.JWTClaimsRegistry(
            leeway=issuer.leeway,
            iss={"essential": True, "value": issuer.issuer},
            aud={"essential": True, "values": list(issuer.audience)},
            exp={"essential": True},
        )

    def verify(self, text: str) -> Token:
        try:
            claims = self._decoded(text).claims
            self._registry.validate(claims)
        except ExpiredTokenError:
            raise InvalidToken("The token has expired.") from None
        except ClaimError as error:
            raise InvalidToken(f"The token's claim {error.claim} is not accepted here.") from None
        except (JoseError, ValueError):
            raise InvalidToken("The token's signature is not accepted here.") from None
        actor = claims.get(self._issuer.actor_claim)
        if not isinstance(actor, str) or not actor:
            raise InvalidToken(f"The token lacks the claim {self._issuer.actor_claim}.")
        return Token(
            prefix="jwt",
            name=f"{self._issuer.name}:{actor[:200]}",
            targets=self._issuer.targets,
            scopes=self._scopes(claims.get(self._issuer.scope_claim)),
            created=now(),
            expires=datetime.fromtimestamp(claims["exp"] + self._issuer.leeway, UTC),
        )

    def _decoded(self, text: str) -> jwt.Token:
        algorithms = list(self._issuer.algorithms)
        try:
            return jwt.decode(text, self._keys.get(), algorithms)
        except InvalidKeyIdError:
            if not self._keys.look_again():
                raise
            return jwt.decode(text, self._keys.get(), algorithms)

    def _scopes(self, claim: Any) -> tuple[str, ...]:
        """Return our scopes for the issuer's words; words that mean nothing here are left out."""
        words = claim.split() if isinstance(claim, str) else claim
        found = dict.fromkeys(self._issuer.grant)
        for word in words if isinstance(words, list) else ():
            if word in self._issuer.scopes:
                found |= dict.fromkeys(self._issuer.scopes[word])
            elif isinstance(word, str) and SCOPE.fullmatch(word):
                found[word] = None
        return tuple(found)


class Keys:
    """An issuer's public keys (RFC 7517), kept for a while and looked for again with restraint."""

    def __init__(self, name: str, read: Callable[[], bytes]) -> None:
        self._name = name
        self._read = read
        self._lock = threading.Lock()
        self._keys: KeySet | None = None
        self._got = self._tried = -float("inf")

    def get(self) -> KeySet:
        """Return the keys; 503 when there are none, or only those of yesterday."""
        if monotonic() - self._got > KEEP_SECONDS:
            self.look_again()
        if self._keys is None or monotonic() - self._got > STALE_SECONDS:
            detail = f"The keys of the issuer {self._name} cannot be read at the moment."
            raise ScimError(503, detail, retry_after=LOOK_AGAIN_SECONDS)
        return self._keys

    def look_again(self) -> bool:
        """Read the keys anew, one at a time and not too often; tell whether they were read."""
        if not self._lock.acquire(blocking=self._keys is None):
            return False
        try:
            if monotonic() - self._tried < LOOK_AGAIN_SECONDS:
                return False
            self._tried = monotonic()
            self._keys = KeySet.import_key_set(orjson.loads(self._read()))
            self._got = self._tried
        except (ScimError, OSError, ValueError, KeyError, TypeError, JoseError) as problem:
            log.warning("keys of issuer %s cannot be read: %s", self._name, type(problem).__name__)
            return False
        else:
            return True
        finally:
            self._lock.release()


def _source(issuer: Issuer) -> Callable[[], bytes]:
    """Return what reads the issuer's key set, from its file or its URL."""
    if issuer.jwks.startswith("file:"):
        return Path(issuer.jwks.removeprefix("file:")).read_bytes
    client, path = client_of(
        issuer.jwks,
        f"security.issuers.{issuer.name}.jwks",
        f"issuer-{issuer.name}",
        timeout=10.0,
        allow_private_network=issuer.allow_private_network,
    )

    def fetch() -> bytes:
        response = client.send("GET", path, permit=NoWrite.ELSEWHERE, name="jwks", repeatable=True)
        if response.status_code != 200 or len(response.content) > _LARGEST:
            raise ValueError("no key set")
        return response.content

    return fetch


def _claims(text: str) -> dict[str, Any]:
    """Return the claims of a token that nobody has checked yet: to find out whose it is."""
    try:
        part = text.split(".")[1]
        claims = orjson.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        raise InvalidToken("The token is not readable.") from None
    return claims if isinstance(claims, dict) else {}
