"""What a tamperer does to an export, by kind; each kind gives lines that must not verify.

Two things are no tampering: to leave out an opening, which is what an erasure does, and to leave
out a checkpoint that others follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from random import Random
from typing import Any

import orjson

from gateway.ledger.encoding import decode, encode
from gateway.ledger.lines import checkpoint_line, event_line, head_line
from gateway.ledger.notes import Checkpoint, sign
from gateway.ledger.records import canonical, commitment
from gateway.ledger.verify import lines_of
from tests.gateway.ledger.logs import Leaf, note, part, signed, signer, some_leaves, whole

Export = tuple[list[bytes], list[str]]
"""The lines, and the checkpoints that were published before."""

_JUNK = (b"", b"\n", b"{}\n", b"[]\n", b"null\n", b"1\n", b"\xff\n", b'{"leaf":0}\n', b"[" * 2000)


@dataclass(frozen=True, slots=True)
class Log:
    """Sealed leaves, and the sizes at which there are checkpoints, that of all among them."""

    leaves: list[Leaf]
    sizes: list[int]

    @property
    def notes(self) -> list[str]:
        """The signed checkpoints."""
        hashes = [leaf.hash for leaf in self.leaves]
        return [note(hashes[:size]) for size in self.sizes]

    @property
    def lines(self) -> list[bytes]:
        """The whole export."""
        return list(whole(self.leaves, self.sizes))


def some_log(random: Random, leaves: int = 12) -> Log:
    """Return a log of up to so many leaves, at least one of them with an opening."""
    chosen: list[Leaf] = []
    while not any(leaf.opening for leaf in chosen):
        chosen = some_leaves(random, random.randint(1, leaves))
    count = len(chosen)
    sizes = {count, *random.sample(range(1, count + 1), random.randrange(min(4, count)))}
    return Log(chosen, sorted(sizes))


def _edit_record(random: Random, log: Log) -> Export:
    index, leaf = _chosen(random, log)
    if leaf.opening and "login" in leaf.opening and random.random() < 0.3:
        opening = _edited(random, leaf.opening, "login")
        sealed = commitment("login", opening["login"], decode(opening["salt"]))
        return _with(log, index, Leaf({**leaf.record, "login": sealed}, opening))
    return _with(log, index, replace(leaf, record=_edited(random, leaf.record)))


def _edit_opening(random: Random, log: Log) -> Export:
    index = random.choice([i for i, leaf in enumerate(log.leaves) if leaf.opening])
    leaf = log.leaves[index]
    assert leaf.opening
    values = [name for name in leaf.opening if name != "changes"]
    change = random.choice(
        (
            lambda opening: _edited(random, opening, random.choice(values)),
            lambda opening: {**opening, "salt": encode(random.randbytes(32))},
            lambda opening: {**opening, "salt": encode(decode(opening["salt"]) + b"\0")},
            lambda opening: {**opening, "nickname": "Ann"},
            lambda opening: {**opening, "changes": [*opening["changes"], {"new": "a"}]},
            lambda opening: {name: opening[name] for name in opening if name != "salt"},
            lambda opening: random.choice(([], {}, "", 0, [opening])),
        )
    )
    return _with(log, index, replace(leaf, opening=change(leaf.opening)))


def _delete(random: Random, log: Log) -> Export:
    if len(log.leaves) > 1 and random.random() < 0.5:
        leaves = list(log.leaves)
        del leaves[random.randrange(len(leaves))]
        return _rebuilt(log, _renumbered(leaves)), []
    lines = log.lines
    needed = [line for line in lines[:-1] if not line.startswith(b'{"checkpoint"')] + lines[-1:]
    lines.remove(random.choice(needed))
    return lines, []


def _insert(random: Random, log: Log) -> Export:
    if random.random() < 0.5:
        leaves = list(log.leaves)
        leaves.insert(random.randint(0, len(leaves)), some_leaves(random, 1)[0])
        return _rebuilt(log, _renumbered(leaves)), []
    lines = log.lines
    stranger = some_leaves(random, 1)[0]
    new = random.choice(
        (
            random.choice(lines),
            random.choice(_JUNK),
            event_line(random.randrange(len(log.leaves) + 1), stranger.record, stranger.opening),
            checkpoint_line(note([stranger.hash])),
        )
    )
    lines.insert(random.randint(0, len(lines)), new)
    return lines, []


def _swap(random: Random, log: Log) -> Export:
    if len(log.leaves) > 1 and random.random() < 0.5:
        leaves = list(log.leaves)
        one, other = random.sample(range(len(leaves)), 2)
        leaves[one], leaves[other] = leaves[other], leaves[one]
        leaves = random.choice((leaves, _renumbered(leaves)))
        return _rebuilt(log, leaves), []
    lines = log.lines
    one, other = random.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return lines, []


def _truncate(random: Random, log: Log) -> Export:
    kept = random.randrange(len(log.leaves))
    if random.random() < 0.5:
        return list(whole(log.leaves[:kept], log.sizes)), log.notes[-1:]
    lines = log.lines
    return lines[: random.randrange(len(lines))], log.notes[-1:]


def _forge_checkpoint(random: Random, log: Log) -> Export:
    position = random.randrange(len(log.sizes))
    size, true = log.sizes[position], log.notes[position]
    text, blank, signature = true.rpartition("\n\n")
    origin, _, root = text.split("\n")
    own, other, at = signer(), signer(1 + random.randrange(9)), random.randrange(4, 68)
    bytes_ = bytearray(decode(signature.split(" ")[2].rstrip("\n")))
    bytes_[at] ^= 1 << random.randrange(8)
    forged = random.choice(
        (
            signed(size, decode(root), other),
            signed(size, random.randbytes(32), other),
            signed(size, random.randbytes(32), own),
            signed(size + random.choice((-1, 1)), decode(root), own),
            sign(str(Checkpoint("another.example", size, decode(root))), own),
            signed(size, decode(root), signer(0, "another.example")),
            f"{origin}\n{size}\n{encode(random.randbytes(32))}{blank}{signature}",
            f"{origin}\n{size + 1}\n{root}{blank}{signature}",
            f"{origin}.\n{size}\n{root}{blank}{signature}",
            f"{text}{blank}{' '.join(signature.split(' ')[:2])} {encode(bytes(bytes_))}\n",
            f"{text}\n",
            text,
            "",
        )
    )
    lines = log.lines
    lines[lines.index(checkpoint_line(true))] = checkpoint_line(forged)
    return lines, []


def _fork(random: Random, log: Log) -> Export:
    """Seal another history with the true key; a checkpoint of the first one was published."""
    size, published = random.choice(list(zip(log.sizes, log.notes, strict=True)))
    leaves = list(log.leaves)
    index = random.randrange(size)
    other = _edited(random, leaves[index].record, "clientAddress")
    leaves[index] = replace(leaves[index], record=other)
    return list(whole(leaves, log.sizes)), [published]


def _edit_bytes(random: Random, log: Log) -> Export:
    return _with_other_byte(random, log.lines), []


def _edit_part(random: Random, log: Log) -> Export:
    count = len(log.leaves)
    chosen = sorted(random.sample(range(count), random.randint(1, count)))
    lines = list(part(log.leaves, chosen))
    if random.random() < 0.5:
        return _with_other_byte(random, lines), []
    at = random.randrange(2, len(lines))
    entry = orjson.loads(lines[at])
    proof, stranger = entry["proof"], encode(random.randbytes(32))
    entry |= random.choice(
        (
            {"record": _edited(random, entry["record"])},
            {"leaf": entry["leaf"] + random.choice((-1, 1))},
            {"proof": [*proof, stranger]},
            {"proof": [stranger, *proof[1:]]},
            {"proof": [proof]},
            {"proof": None},
        )
    )
    lines[at] = canonical(entry) + b"\n"
    return lines, []


KINDS: dict[str, Callable[[Random, Log], Export]] = {
    "record edited": _edit_record,
    "opening edited": _edit_opening,
    "line deleted": _delete,
    "line inserted": _insert,
    "lines swapped": _swap,
    "truncated": _truncate,
    "checkpoint forged": _forge_checkpoint,
    "forked": _fork,
    "byte edited": _edit_bytes,
    "part edited": _edit_part,
}


def _chosen(random: Random, log: Log) -> tuple[int, Leaf]:
    index = random.randrange(len(log.leaves))
    return index, log.leaves[index]


def _with(log: Log, index: int, leaf: Leaf) -> Export:
    leaves = list(log.leaves)
    leaves[index] = leaf
    return _rebuilt(log, leaves), []


def _rebuilt(log: Log, leaves: list[Leaf]) -> list[bytes]:
    """Return an export of other leaves with the checkpoints of the log: one that lacks its key."""
    notes = dict(zip(log.sizes, log.notes, strict=True))

    def lines() -> Iterator[bytes]:
        yield head_line(signer().name, False)
        for index, leaf in enumerate(leaves):
            yield event_line(index, leaf.record, leaf.opening)
            if index + 1 in notes:
                yield checkpoint_line(notes.pop(index + 1))
        yield from map(checkpoint_line, notes.values())

    return list(lines())


def _renumbered(leaves: list[Leaf]) -> list[Leaf]:
    """Return the leaves with the sequences that their places ask for."""
    numbers: dict[int, int] = {}
    return [
        replace(leaf, record={**leaf.record, "sequence": numbers.setdefault(old, len(numbers) + 1)})
        for leaf in leaves
        for old in [leaf.record["sequence"]]
    ]


def _edited(random: Random, fields: dict[str, Any], name: str = "") -> dict[str, Any]:
    """Return the fields with one of them changed, left out or added."""
    name = name or random.choice((*fields, "added"))
    value = fields.get(name)
    match value:
        case [*items] if items and random.random() < 0.5:
            at = random.randrange(len(items))
            edited = _edited(random, items[at]) if isinstance(items[at], dict) else 7
            return {**fields, name: [*items[:at], edited, *items[at + 1 :]]}
        case [*items]:
            return {**fields, name: random.choice(([*items, "added"], [*items, {}], {}))}
        case str():
            return {**fields, name: random.choice((value + "x", value.upper() + ".", 5))}
        case int():
            return {**fields, name: random.choice((value + 1, str(value), [], None))}
        case _:
            return {**fields, name: "added"}


def _with_other_byte(random: Random, lines: list[bytes]) -> list[bytes]:
    """Return the lines after one byte was changed, deleted or inserted."""
    content = bytearray(b"".join(lines))
    at = random.randrange(len(content))
    match random.randrange(3):
        case 0:
            content[at] ^= random.randrange(1, 256)
        case 1:
            del content[at]
        case _:
            content.insert(at, random.choice((random.randrange(256), content[at], 10, 32)))
    return list(lines_of(BytesIO(content)))
