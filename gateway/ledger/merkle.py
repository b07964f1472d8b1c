"""The Merkle tree of RFC 9162 section 2.1 with SHA-256: roots, and proofs that a leaf is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_LENGTH = 32
"""Bytes of every hash."""

RangeHash = Callable[[int, int], bytes]
"""Gives the hash of the leaves from start up to end, a complete subtree: end - start is a power
of two that divides start."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees beside each other (RFC 9162 section 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the hashes of its complete subtrees, the largest first.

    It holds one hash for each bit that is set in `size`, the number of leaves.

    >>> frontier = Frontier()
    >>> frontier.append(leaf_hash(b"first"))
    >>> frontier.size
    1
    """

    def __init__(self) -> None:
        self.size = 0
        self._hashes: list[bytes] = []

    def append(self, hash: bytes, leaves: int = 1) -> None:
        """Add a leaf by its hash, or a complete subtree of so many leaves by its root.

        Raises ValueError when such a subtree cannot begin here.
        """
        if leaves < 1 or leaves & (leaves - 1) or self.size % leaves:
            raise ValueError(f"No complete subtree of {leaves} leaves begins at {self.size}.")
        width = leaves
        while self.size & width:
            hash = node_hash(self._hashes.pop(), hash)
            width *= 2
        self._hashes.append(hash)
        self.size += leaves

    def root(self) -> bytes:
        """Return the root of the tree; that of an empty one is the hash of nothing."""
        if not self._hashes:
            return sha256().digest()
        *others, root = self._hashes
        for left in reversed(others):
            root = node_hash(left, root)
        return root


def root_of(hashes: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes, or over the roots of complete subtrees of one size."""
    frontier = Frontier()
    for hash in hashes:
        frontier.append(hash)
    return frontier.root()


def inclusion_proof(index: int, size: int, range_hash: RangeHash) -> list[bytes]:
    """Return the hashes beside the way from a leaf up to the root (RFC 9162 section 2.1.3.1).

    `index` counts from 0. Raises ValueError when the tree of that size has no such leaf.
    """
    _expect_leaf(index, size)

    def any_hash(start: int, end: int) -> bytes:
        middle = _split(start, end)
        if 2 * (middle - start) == end - start or end - start == 1:
            return range_hash(start, end)
        return node_hash(range_hash(start, middle), any_hash(middle, end))

    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = _split(start, end)
        if index < middle:
            proof.append(any_hash(middle, end))
            end = middle
        else:
            proof.append(range_hash(start, middle))
            start = middle
    return proof[::-1]


def root_of_inclusion(hash: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that a leaf's hash and its proof lead to (RFC 9162 section 2.1.3.2).

    Raises ValueError when no proof for that leaf has this form.
    """
    _expect_leaf(index, size)
    last = size - 1
    for beside in proof:
        if not last or len(beside) != HASH_LENGTH:
            raise ValueError("The proof has not the form that its leaf and tree size demand.")
        if index % 2 or index == last:
            hash = node_hash(beside, hash)
            while index and not index % 2:
                index, last = index // 2, last // 2
        else:
            hash = node_hash(hash, beside)
        index, last = index // 2, last // 2
    if last:
        raise ValueError("The proof is too short for its tree size.")
    return hash


def _split(start: int, end: int) -> int:
    """Return where a tree divides: after the largest power of two below the number of leaves."""
    return start + (1 << (end - start - 1).bit_length() >> 1)


def _expect_leaf(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise ValueError(f"A tree of {size} leaves has no leaf {index}.")
