"""The tree beside pymerkle's, and what RFC 9162 section 2.1 says of it."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from gateway.ledger.merkle import (
    Frontier,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    root_of_inclusion,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(1500)]
SMALL = range(1, 71)


def range_hash(start: int, end: int) -> bytes:
    """Return the hash of a complete subtree; others are not asked for."""
    width = end - start
    assert width & (width - 1) == 0 and start % width == 0
    return root_of(LEAVES[start:end])


def defined(hashes: list[bytes]) -> bytes:
    """Return a root as the definition of section 2.1.1 says it."""
    if len(hashes) == 1:
        return hashes[0]
    split = max(power for power in (2**n for n in range(12)) if power < len(hashes))
    return node_hash(defined(hashes[:split]), defined(hashes[split:]))


@pytest.fixture(scope="module")
def oracle() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for number in range(len(LEAVES)):
        tree.append_entry(str(number).encode())
    return tree


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == sha256(b"").digest()


def test_leaves_and_nodes_have_different_prefixes() -> None:
    assert leaf_hash(b"") == sha256(b"\x00").digest()
    assert node_hash(b"l" * 32, b"r" * 32) == sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()


@pytest.mark.parametrize("size", SMALL)
def test_roots_are_those_of_the_definition_and_of_pymerkle(size: int, oracle: InmemoryTree) -> None:
    root = root_of(LEAVES[:size])
    assert root == defined(LEAVES[:size])
    assert root == oracle.get_root(size)


@given(st.integers(1, len(LEAVES)))
def test_greater_roots_are_those_of_pymerkle(oracle: InmemoryTree, size: int) -> None:
    assert root_of(LEAVES[:size]) == oracle.get_root(size)


@pytest.mark.parametrize("size", SMALL)
def test_every_leaf_is_proved(size: int) -> None:
    for index in range(size):
        proof = inclusion_proof(index, size, range_hash)
        assert len(proof) <= (size - 1).bit_length()
        assert root_of_inclusion(LEAVES[index], index, size, proof) == root_of(LEAVES[:size])


@given(st.data())
def test_proofs_are_those_of_pymerkle(oracle: InmemoryTree, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    theirs = oracle.prove_inclusion(index + 1, size)
    ours = inclusion_proof(index, size, range_hash)
    assert [LEAVES[index], *ours] == theirs.path
    assert root_of_inclusion(LEAVES[index], index, size, ours) == oracle.get_root(size)


@given(st.data())
def test_a_proof_proves_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 200))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, range_hash)
    at = data.draw(st.integers(0, len(proof) - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda other: other != index))
    stranger = leaf_hash(b"stranger")
    root = root_of(LEAVES[:size])

    def leads_elsewhere(hash: bytes, index: int, size: int, proof: list[bytes]) -> bool:
        try:
            return root_of_inclusion(hash, index, size, proof) != root
        except ValueError:
            return True

    assert leads_elsewhere(stranger, index, size, proof)
    assert leads_elsewhere(LEAVES[other], index, size, proof)
    assert leads_elsewhere(LEAVES[index], other, size, proof)
    assert leads_elsewhere(LEAVES[index], index, size, proof[:-1])
    assert leads_elsewhere(LEAVES[index], index, size, [*proof, stranger])
    assert leads_elsewhere(LEAVES[index], index, size, [*proof[:at], stranger, *proof[at + 1 :]])
    assert leads_elsewhere(LEAVES[index], index, size, [*proof[:at], b"", *proof[at + 1 :]])


@pytest.mark.parametrize("size", SMALL)
def test_a_proof_has_the_length_that_its_size_asks_for(size: int) -> None:
    for index in range(size):
        proof = inclusion_proof(index, size, range_hash)
        wrong = [[*proof, LEAVES[0]]]
        if proof:
            wrong += [proof[:-1], [*proof[:-1], b""], [LEAVES[0] * 2, *proof[1:]]]
        for other in wrong:
            with pytest.raises(ValueError, match="proof"):
                root_of_inclusion(LEAVES[index], index, size, other)


@given(st.integers(0, len(LEAVES)), st.sampled_from([1, 2, 8, 64, 1024]))
def test_a_frontier_goes_on_from_the_hashes_of_complete_blocks(size: int, block: int) -> None:
    frontier = Frontier()
    for start in range(0, size - size % block, block):
        frontier.append(root_of(LEAVES[start : start + block]), block)
    for hash in LEAVES[size - size % block : size]:
        frontier.append(hash)
    assert frontier.size == size
    assert frontier.root() == root_of(LEAVES[:size])


@pytest.mark.parametrize(("size", "leaves"), [(0, 0), (0, -1), (0, 3), (1, 2), (2, 4), (6, 4)])
def test_no_subtree_begins_in_another(size: int, leaves: int) -> None:
    frontier = Frontier()
    for hash in LEAVES[:size]:
        frontier.append(hash)
    with pytest.raises(ValueError, match="complete subtree"):
        frontier.append(LEAVES[0], leaves)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 5), (5, 5)])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_proof(index, size, range_hash)
    with pytest.raises(ValueError, match="has no leaf"):
        root_of_inclusion(LEAVES[0], index, size, [])
