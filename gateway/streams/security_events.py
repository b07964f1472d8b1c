"""Audit events as security event tokens (RFC 8417) with the events of SCIM (RFC 9967)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from gateway.intents import unfiltered
from schemas.course import COURSE
from schemas.group import GROUP
from schemas.membership import MEMBERSHIP
from schemas.role import ROLE
from schemas.user import USER

Event = dict[str, Any]

MEDIA_TYPE = "application/secevent+jwt"
ALGORITHM = "EdDSA"

_PROV = "urn:ietf:params:scim:event:prov:"
_NOTICES = {
    "create": "create:notice",
    "revive": "create:notice",
    "replace": "put:notice",
    "patch": "patch:notice",
    "resetPassword": "patch:notice",
}
_SIGNALS = {"delete": "delete", "enable": "activate", "disable": "deactivate"}
_ENDPOINTS = {kind.name: kind.endpoint for kind in (USER, GROUP, COURSE, MEMBERSHIP, ROLE)}


def is_provisioning(event: Event) -> bool:
    """Tell whether an audit event is one of SCIM's: a write to a resource that succeeded."""
    return (
        event["outcome"] == "success"
        and (event["operation"] in _NOTICES or event["operation"] in _SIGNALS)
        and event.get("resourceType") in _ENDPOINTS
        and {"target", "resourceId"} <= event.keys()
    )


def claims(event: Event, public_url: str, jti: str, audience: str = "") -> dict[str, Any]:
    """Return the claims of the token of a provisioning event (RFC 8417 section 2.2).

    The issuer is the target's SCIM base URL, to which the subject's `uri` is relative (RFC 9967
    section 2.1). `txn` is the request's id, so that an event which comes again with its final
    outcome can be told from another one. Only names of attributes are told, never values: who
    needs them reads the resource.
    """
    said: dict[str, Any] = {
        "iss": f"{public_url}/{event['target']}/scim/v2",
        "iat": _seconds(event.get("finished") or event["time"]),
        "jti": jti,
        "txn": event.get("requestId", f"event-{event['id']}"),
        "toe": _seconds(event["time"]),
        "sub_id": {
            "format": "scim",
            "uri": f"/{_ENDPOINTS[event['resourceType']]}/{quote(event['resourceId'], safe=':')}",
            "id": event["resourceId"],
        },
        "events": _events(event),
    }
    if audience:
        said["aud"] = audience
    return said


def activation(event: Event) -> bool | None:
    """Tell whether a write has let the account in (True), shut it out (False), or neither."""
    if event["operation"] in ("enable", "disable"):
        return bool(event["operation"] == "enable")
    for change in event.get("changes", ()):
        if change.get("path") == "active" and change.get("new") in ("true", "false"):
            return bool(change["new"] == "true")
    return None


def _events(event: Event) -> dict[str, Any]:
    """Return the events of RFC 9967 section 2.4 by URI."""
    operation = event["operation"]
    if operation in _SIGNALS:
        return {_PROV + _SIGNALS[operation]: {}}
    found: dict[str, Any] = {_PROV + _NOTICES[operation]: {"attributes": attributes(event)}}
    is_active = None if operation == "create" else activation(event)
    if is_active is not None:
        found[_PROV + ("activate" if is_active else "deactivate")] = {}
    return found


def attributes(event: Event) -> list[str]:
    """Return the paths of the attributes that changed, each once, without value filters."""
    paths = (change.get("path") for change in event.get("changes", ()))
    return list(dict.fromkeys(unfiltered(path) for path in paths if path))


def _seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


class SetSigner:
    """Signs tokens, and shows receivers the public half of its key.

    The key is made out of the one that signs the ledger (RFC 5869), and is another one: nothing
    that one of them has signed can be taken for what the other signs.
    """

    def __init__(self, ledger: Ed25519PrivateKey) -> None:
        derived = HKDF(SHA256(), 32, None, b"security event tokens")
        seed = derived.derive(ledger.private_bytes_raw())
        self._key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
        self._id = self._key.thumbprint()

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a signed token (RFC 8417 section 2.3)."""
        header = {"alg": ALGORITHM, "typ": "secevent+jwt", "kid": self._id}
        return jwt.encode(header, claims, self._key, registry=_Registry())

    def jwks(self) -> dict[str, Any]:
        """Return the key set by which receivers check signatures (RFC 7517)."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self._id, "alg": ALGORITHM, "use": "sig"}]}


class _Registry(JWSRegistry):
    """Signs by EdDSA without a warning: RFC 9864 renames it, but receivers know this name."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]
