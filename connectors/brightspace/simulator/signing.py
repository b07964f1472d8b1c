"""ID-key signatures, the vendor's older credentials: every call is signed in its query."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import unquote_plus

from connectors.brightspace.simulator.errors import invalid_signature
from connectors.brightspace.simulator.site import Site

TOLERANCE = 300
"""The seconds by which the caller's clock may differ."""


def is_signed(given: Mapping[str, str]) -> bool:
    """Tell whether a query carries ID-key parameters."""
    return "x_a" in given


def check_signatures(site: Site, method: str, path: str, given: Mapping[str, str]) -> None:
    """Refuse a call whose signatures are not those of the application and of its user."""
    stamp = given.get("x_t", "")
    if not stamp.isdecimal() or not site.id_keys:
        raise invalid_signature()
    if abs(int(stamp) - site.clock.now()) > TOLERANCE:
        raise invalid_signature(f"Timestamp out of range\r\n{int(site.clock.now())}")
    base = f"{method.upper()}&{unquote_plus(path.lower())}&{stamp}"
    pairs = (
        (given.get("x_a", ""), site.id_keys.app_id),
        (given.get("x_b", ""), site.id_keys.user_id),
        (given.get("x_c", ""), sign(site.id_keys.app_key, base)),
        (given.get("x_d", ""), sign(site.id_keys.user_key, base)),
    )
    if not all(hmac.compare_digest(got.encode(), right.encode()) for got, right in pairs):
        raise invalid_signature()


def sign(key: str, text: str) -> str:
    """Return the signature of a text: HMAC-SHA256 in base64 for URLs, without padding."""
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
