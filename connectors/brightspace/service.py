"""Service users: access tokens for an application that shows itself by a signed assertion."""

from __future__ import annotations

import time
import uuid

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from connectors.brightspace.oauth import InvalidGrant, TokenService
from schemas.errors import ScimError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECONDS = 50
"""How long an assertion is good; less than a minute is advised."""

_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class ServiceUser:
    """The key of an application with a service user (RFC 7523); nothing of it has to be kept."""

    def __init__(self, service: TokenService, pem: str, key_id: str, scope: str) -> None:
        if not key_id:
            raise ValueError("key_id is needed: the kid of the key in the published key set")
        self._service = service
        self._key = _private_key(pem, key_id)
        self._header = {"alg": _algorithm(self._key), "typ": "JWT", "kid": key_id}
        self._scope = scope

    def ask(self) -> tuple[str, float]:
        """Return a new access token and the seconds that it lives."""
        grant = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
            "scope": self._scope,
        }
        try:
            answer = self._service.exchange(grant)
        except InvalidGrant:
            raise ScimError(
                502, "Brightspace's token service does not take the signed assertion."
            ) from None
        return answer["access_token"], answer["expires_in"]

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self._service.client_id,
            "sub": self._service.client_id,
            "aud": self._service.url,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + SECONDS,
        }
        return jwt.encode(self._header, claims, self._key, [self._header["alg"]])


def _private_key(pem: str, key_id: str) -> RSAKey | ECKey:
    key: RSAKey | ECKey
    for kind in (RSAKey, ECKey):
        try:
            key = kind.import_key(pem, {"kid": key_id})
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private:
            return key
    raise ValueError("key is no private RSA or EC key in PEM form")


def _algorithm(key: RSAKey | ECKey) -> str:
    if isinstance(key, RSAKey):
        return "RS256"
    if key.curve_name not in _CURVES:
        raise ValueError(f"key is of a curve that Brightspace does not take: {key.curve_name}")
    return _CURVES[key.curve_name]
