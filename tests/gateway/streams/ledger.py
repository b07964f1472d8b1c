"""A ledger in memory, and audit events as /AuditEvents shows them, for tests of streams."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from gateway.streams.security_events import SetSigner
from schemas.audit_event import AUDIT_EVENT, OPERATIONS, OUTCOMES

Event = dict[str, Any]

PUBLIC_URL = "https://scim.example.edu"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = SetSigner(KEY)
_BEGIN = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(sequence: int = 1, operation: str = "patch", **more: Any) -> Event:
    """Return an event; attributes that are given as None are not there."""
    time = (_BEGIN + timedelta(seconds=sequence)).isoformat(timespec="microseconds")
    time = time.replace("+00:00", "Z")
    made = {
        "schemas": [AUDIT_EVENT.schema.urn],
        "id": str(sequence),
        "sequence": sequence,
        "time": time,
        "finished": time,
        "actor": "hr",
        "clientAddress": "192.0.2.7",
        "client": "idp/1",
        "requestId": f"request-{sequence}",
        "target": "moodle",
        "operation": operation,
        "resourceType": "User",
        "resourceId": "7",
        "login": "ann",
        "outcome": "success",
        "status": 200,
        "upstreamCalls": 2,
        "duration": 12.5,
        "configuration": "abc",
        "meta": {"resourceType": "AuditEvent", "created": time, "lastModified": time},
        **more,
    }
    return {name: value for name, value in made.items() if value is not None}


class Ledger:
    """Sealed events, and the feed over them: an event is given with its last leaf only."""

    def __init__(self, *events: Event) -> None:
        self.events = list(events)

    def feed(self, after: int, count: int) -> list[tuple[int, Event]]:
        last = {event["id"]: leaf for leaf, event in enumerate(self.events)}
        found = [(leaf, self.events[leaf]) for leaf in sorted(last.values()) if leaf > after]
        return found[:count]


_TEXT = st.text(max_size=12)
_PATHS = st.sampled_from(
    ["active", "userName", "password", 'emails[type eq "a]b\\"c"].value', "members", "name.given"]
)
_CHANGES = st.lists(
    st.fixed_dictionaries(
        {"path": _PATHS},
        optional={"new": st.sampled_from(["true", "false", "x"]), "old": _TEXT, "op": _TEXT},
    ),
    max_size=4,
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Draw any event that the log can hold, with anything missing that may be."""
    missing = draw(
        st.sets(
            st.sampled_from(
                [
                    *("finished", "actor", "clientAddress", "client", "requestId", "resourceId"),
                    *("login", "status", "upstreamCalls", "duration", "configuration"),
                    *("target", "resourceType"),
                ]
            )
        )
    )
    return event(
        draw(st.integers(1, 10**9)),
        draw(st.sampled_from(OPERATIONS)),
        outcome=draw(st.sampled_from(OUTCOMES)),
        changes=draw(_CHANGES) or None,
        ignored=draw(st.lists(_TEXT, max_size=2)) or None,
        detail=draw(st.none() | _TEXT),
        **{
            **({} if "login" in missing else {"login": draw(_TEXT)}),
            **({} if "resourceId" in missing else {"resourceId": draw(st.text(min_size=1))}),
            **({} if "clientAddress" in missing else {"clientAddress": draw(_ADDRESSES)}),
            "resourceType": draw(_KINDS),
            **dict.fromkeys(missing),
        },
    )


_KINDS = st.sampled_from(["User", "Group", "Course", "Membership", "Role", "Token", "Target"])
_ADDRESSES = st.sampled_from(["192.0.2.7", "2001:db8::1", "not an address", "testclient"])
