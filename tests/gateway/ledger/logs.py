"""Generated logs: sealed events with amendments and erasures, and exports of them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ledger.lines import checkpoint_line, event_line, head_line
from gateway.ledger.merkle import Frontier, inclusion_proof, leaf_hash, root_of
from gateway.ledger.notes import Checkpoint, Signer, sign
from gateway.ledger.records import canonical, commit, opening

ORIGIN = "gateway.example/audit"
SETTLED = ("success", "noChange", "refused", "failed")
_TEXTS = ("ann", "", "Zoë", "a\0b", 'quo"te', "back\\slash", "line\nend", "\u2028", "🎓", "x" * 300)


@dataclass(frozen=True, slots=True)
class Leaf:
    """What is sealed at once: the record, and the opening, None when the person was erased."""

    record: dict[str, Any]
    opening: dict[str, Any] | None

    @property
    def hash(self) -> bytes:
        """The leaf's hash."""
        return leaf_hash(canonical(self.record))


@cache
def signer(number: int = 0, origin: str = ORIGIN) -> Signer:
    """Return one of many signers."""
    return Signer(origin, Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")))


def leaves_of(random: Random, amended: float = 0.2, erased: float = 0.1) -> Iterator[Leaf]:
    """Yield leaves without end; shares of them amend an earlier one, or are erased."""
    unsettled: list[tuple[dict[str, Any], dict[str, Any], bytes]] = []
    sequence = 0
    while True:
        if unsettled and random.random() < amended:
            public, personal, salt = unsettled.pop(random.randrange(len(unsettled)))
            outcome = random.choice((*SETTLED, "unknown"))
            public = {**public, "outcome": outcome, "status": 200, "finished": _time(random)}
            personal = {**personal, "detail": _text(random)}
        else:
            sequence += 1
            public, personal = _event(random, sequence)
            salt = random.randbytes(32)
        if public["outcome"] not in SETTLED:
            unsettled.append((public, personal, salt))
        shown = None if random.random() < erased else opening(_shown(personal), salt)
        yield Leaf(commit(public, personal, salt), shown)


def some_leaves(random: Random, count: int) -> list[Leaf]:
    """Return so many leaves."""
    return list(islice(leaves_of(random), count))


def note(hashes: Iterable[bytes], key: Signer | None = None) -> str:
    """Return the signed checkpoint over leaf hashes."""
    hashes = list(hashes)
    return signed(len(hashes), root_of(hashes), key or signer())


def signed(size: int, root: bytes, key: Signer) -> str:
    """Return a signed checkpoint of the log that the signer is named after."""
    return sign(str(Checkpoint(key.name, size, root)), key)


def whole(
    leaves: Iterable[Leaf], sizes: Container[int] = (), key: Signer | None = None
) -> Iterator[bytes]:
    """Yield the lines of a whole export, with checkpoints at the sizes and at the end."""
    key = key or signer()
    frontier = Frontier()
    sealed = None
    yield head_line(key.name, False)
    for leaf in leaves:
        yield event_line(frontier.size, leaf.record, leaf.opening)
        frontier.append(leaf.hash)
        if frontier.size in sizes:
            sealed = frontier.size
            yield checkpoint_line(signed(sealed, frontier.root(), key))
    if sealed != frontier.size:
        yield checkpoint_line(signed(frontier.size, frontier.root(), key))


def part(
    leaves: Sequence[Leaf], chosen: Iterable[int], key: Signer | None = None
) -> Iterator[bytes]:
    """Yield the lines of a part: the chosen leaves with their proofs."""
    key = key or signer()
    hashes = [leaf.hash for leaf in leaves]
    yield head_line(key.name, True)
    yield checkpoint_line(note(hashes, key))
    for index in sorted(chosen):
        proof = inclusion_proof(index, len(hashes), lambda a, b: root_of(hashes[a:b]))
        yield event_line(index, leaves[index].record, leaves[index].opening, proof)


def _event(random: Random, sequence: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the public and the personal part of a new event."""
    public: dict[str, Any] = {
        "sequence": sequence,
        "time": _time(random),
        "actor": random.choice(("token 7", "token 12", "sync")),
        "clientAddress": "192.0.2.7",
        "requestId": random.randbytes(8).hex(),
        "target": random.choice(("moodle", "canvas")),
        "operation": random.choice(("create", "replace", "patch", "delete")),
        "resourceType": random.choice(("User", "Group")),
        "resourceId": str(random.randrange(10**6)),
        "outcome": random.choice((*SETTLED, "success", "success", "open", "unknown")),
        "upstreamCalls": random.randrange(4),
        "durationMicroseconds": random.randrange(10**6),
        "configuration": "c0ffee",
        "ignored": random.sample(["nickName", "title"], random.randrange(3)),
    }
    if random.random() < 0.9:
        public["subject"] = random.randrange(1000)
    count = random.randrange(4)
    public["changes"] = [
        {"native": "firstname", "op": random.choice(("add", "replace", "remove"))}
        for _ in range(count)
    ]
    personal: dict[str, Any] = {"login": f"user{random.randrange(10**6)}"}
    if random.random() < 0.3:
        personal["lookup"] = _text(random)
    personal["changes"] = [{"old": _text(random), "new": _text(random)} for _ in range(count)]
    for change, texts in zip(public["changes"], personal["changes"], strict=True):
        holder = texts if random.random() < 0.1 else change
        holder["path"] = 'emails[value eq "a@example.edu"]' if holder is texts else "name.givenName"
        if random.random() < 0.2:
            del texts["old"]
    return public, personal


def _shown(personal: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in personal.items() if name != "lookup"}


def _text(random: Random) -> str:
    return random.choice(_TEXTS) if random.random() < 0.3 else f"value {random.randrange(10**6)}"


def _time(random: Random) -> str:
    return f"2026-03-{random.randrange(1, 29):02}T12:00:{random.randrange(60):02}.000Z"
