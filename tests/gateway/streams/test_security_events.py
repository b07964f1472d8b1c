"""Security event tokens: claims, events, signatures checked without the library that made them."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given

from gateway.streams.security_events import attributes, claims, is_provisioning
from tests.gateway.streams.ledger import KEY, PUBLIC_URL, SIGNER, Event, event, events

PROV = "urn:ietf:params:scim:event:prov:"
REGISTERED = {
    f"{PROV}{name}"
    for name in (
        *("create:notice", "patch:notice", "put:notice", "delete", "activate", "deactivate"),
        *("create:full", "patch:full", "put:full"),
    )
}


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verified(token: str, jwks: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token that one of the keys has signed."""
    head, body, signature = token.split(".")
    header = orjson.loads(decoded(head))
    (key,) = (key for key in jwks["keys"] if key["kid"] == header["kid"])
    public = Ed25519PublicKey.from_public_bytes(decoded(key["x"]))
    public.verify(decoded(signature), f"{head}.{body}".encode())
    return header, orjson.loads(decoded(body))


def said(made: Event) -> dict[str, Any]:
    assert is_provisioning(made)
    return claims(made, PUBLIC_URL, "jti-1", "https://receiver.example.edu")


def test_the_claims() -> None:
    made = said(event(1, "patch", changes=[{"path": "title"}, {"path": "active", "new": "false"}]))
    assert made == {
        "iss": "https://scim.example.edu/moodle/scim/v2",
        "iat": 1795262401,
        "toe": 1795262401,
        "jti": "jti-1",
        "txn": "request-1",
        "aud": "https://receiver.example.edu",
        "sub_id": {"format": "scim", "uri": "/Users/7", "id": "7"},
        "events": {
            f"{PROV}patch:notice": {"attributes": ["title", "active"]},
            f"{PROV}deactivate": {},
        },
    }


@pytest.mark.parametrize(
    ("operation", "uri", "payload"),
    [
        ("create", "create:notice", {"attributes": ["userName"]}),
        ("revive", "create:notice", {"attributes": ["userName"]}),
        ("replace", "put:notice", {"attributes": ["userName"]}),
        ("patch", "patch:notice", {"attributes": ["userName"]}),
        ("resetPassword", "patch:notice", {"attributes": ["userName"]}),
        ("delete", "delete", {}),
        ("enable", "activate", {}),
        ("disable", "deactivate", {}),
    ],
)
def test_the_events(operation: str, uri: str, payload: dict[str, Any]) -> None:
    made = event(1, operation, changes=[{"path": "userName", "new": "ann"}])
    assert said(made)["events"] == {PROV + uri: payload}


@pytest.mark.parametrize("kind", ["User", "Group", "Course", "Membership", "Role"])
def test_the_subject_is_below_its_endpoint(kind: str) -> None:
    made = said(event(1, resourceType=kind, resourceId="course:5/a b"))
    assert made["sub_id"]["uri"] == f"/{kind}s/course:5%2Fa%20b"


@pytest.mark.parametrize("outcome", ["open", "noChange", "refused", "failed", "unknown"])
def test_only_what_succeeded_is_provisioning(outcome: str) -> None:
    assert not is_provisioning(event(1, outcome=outcome))


def test_what_is_no_resource_is_no_provisioning() -> None:
    assert not is_provisioning(event(1, "authenticate", resourceType="Token"))
    assert not is_provisioning(event(1, "connect", resourceType="Target"))
    assert not is_provisioning(event(1, "create", resourceId=None))


def test_an_amended_event_has_the_same_transaction() -> None:
    first, second = (claims(event(3), PUBLIC_URL, jti) for jti in ("a", "b"))
    assert first["txn"] == second["txn"] == "request-3"
    assert (first["jti"], second["jti"]) == ("a", "b")


def test_attributes_come_without_values() -> None:
    paths = ['members[value eq "secret]\\"x"]', 'emails[type eq "work"].value', "emails", "members"]
    made = event(1, changes=[{"path": path, "new": "hush"} for path in paths])
    assert attributes(made) == ["members", "emails.value", "emails"]


@given(events())
def test_every_provisioning_event_is_registered_and_tells_no_value(drawn: Event) -> None:
    if not is_provisioning(drawn):
        return
    drawn["changes"] = [{**c, "old": "hush-1", "new": "hush-2"} for c in drawn.get("changes", ())]
    drawn["login"] = drawn["detail"] = drawn["actor"] = "hush-3"
    made = said(drawn)
    assert made["events"].keys() <= REGISTERED
    for uri, payload in made["events"].items():
        assert payload.keys() == ({"attributes"} if uri.endswith(":notice") else set())
    assert b"hush" not in orjson.dumps(made)


def test_a_signature_is_checked_by_the_key_set() -> None:
    token = SIGNER.sign(said(event(1)))
    jwks = SIGNER.jwks()
    header, made = verified(token, jwks)
    assert (header["typ"], header["alg"]) == ("secevent+jwt", "EdDSA")
    assert made == said(event(1))
    assert jwks["keys"][0].keys() == {"kty", "crv", "x", "kid", "alg", "use"}
    ledger = KEY.public_key().public_bytes_raw()
    assert decoded(jwks["keys"][0]["x"]) != ledger
    head, body, signature = token.split(".")
    other = SIGNER.sign(said(event(2))).split(".")[1]
    assert other != body
    with pytest.raises(InvalidSignature):
        verified(f"{head}.{other}.{signature}", jwks)
