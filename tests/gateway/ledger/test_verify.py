"""Verifying exports: clean ones have no finding, and whatever is done to one is found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.ledger.lines import checkpoint_line, event_line, head_line
from gateway.ledger.records import canonical
from gateway.ledger.verify import KEPT, MAX_FINDINGS, MAX_LINE, Report, lines_of, verify
from tests.gateway.ledger.logs import (
    Leaf,
    note,
    part,
    signed,
    signer,
    some_leaves,
    whole,
)
from tests.gateway.ledger.tampering import KINDS, some_log

SEEDS = st.integers(0, 2**32)
VERIFIER = signer().verifier
NAMES = ("leaf", "record", "open", "proof", "checkpoint", "sequence", "outcome", "changes", "salt")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["open", "", "a" * 44]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
        | st.fixed_dictionaries(
            {"leaf": inner, "record": inner}, optional={"open": inner, "proof": inner}
        )
        | st.fixed_dictionaries(
            {"sequence": st.just(1), "outcome": st.just("open")}, optional={"changes": inner}
        )
    ),
)
"""Values that resemble what stands in exports."""


def check(lines: Iterable[bytes], *published: str) -> Report:
    return verify(lines, VERIFIER, published)


def history(*outcomes: tuple[int, str], **more: Any) -> list[Leaf]:
    """Return leaves of events by sequence and outcome."""
    return [
        Leaf({"sequence": sequence, "outcome": outcome, "time": "t", **more}, None)
        for sequence, outcome in outcomes
    ]


@given(SEEDS)
def test_a_clean_log_has_no_finding(seed: int) -> None:
    log = some_log(Random(seed), 60)
    report = check(log.lines, *log.notes)
    assert report == Report(
        events=len({leaf.record["sequence"] for leaf in log.leaves}),
        leaves=len(log.leaves),
        checkpoints=len(log.sizes),
        erased=sum(leaf.opening is None for leaf in log.leaves),
        findings=(),
    )


@given(SEEDS)
def test_a_published_checkpoint_need_not_be_in_the_export(seed: int) -> None:
    log = some_log(Random(seed))
    hashes = [leaf.hash for leaf in log.leaves]
    published = [note(hashes[:size]) for size in range(len(hashes) + 1)]
    assert not check(whole(log.leaves), *published, *published).findings


@given(SEEDS)
def test_a_clean_part_has_no_finding(seed: int) -> None:
    random = Random(seed)
    log = some_log(random)
    chosen = random.sample(range(len(log.leaves)), random.randint(0, len(log.leaves)))
    report = check(part(log.leaves, chosen), log.notes[-1])
    assert not report.findings
    assert (report.leaves, report.checkpoints) == (len(chosen), 1)
    assert report.events == len({log.leaves[index].record["sequence"] for index in chosen})


def test_an_empty_log_has_no_finding() -> None:
    assert check(whole([]), note([])) == Report(0, 0, 1, 0, ())
    assert check(whole([], {0})) == Report(0, 0, 1, 0, ())


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS)
def test_tampering_is_found(kind: str, seed: int) -> None:
    random = Random(seed)
    log = some_log(random)
    assert not check(log.lines, *log.notes).findings
    lines, published = KINDS[kind](random, log)
    assert check(lines, *published).findings


@given(SEEDS)
def test_only_the_published_checkpoint_gives_a_fork_away(seed: int) -> None:
    random = Random(seed)
    lines, (published,) = KINDS["forked"](random, some_log(random))
    assert not check(lines).findings
    assert "another history" in " ".join(check(lines, published).findings)


def test_of_two_published_checkpoints_of_one_size_one_is_of_another_history() -> None:
    leaves = some_leaves(Random(1), 5)
    true, other = note(leaf.hash for leaf in leaves), signed(5, bytes(32), signer())
    for published in ((true, other), (other, true)):
        assert "another history" in " ".join(check(whole(leaves), *published).findings)


@pytest.mark.parametrize("end", [b"", b"\r\n", b" \n", b"\n\n"])
def test_a_line_has_its_end(end: bytes) -> None:
    lines = list(whole(some_leaves(Random(1), 3)))
    for number in range(1, len(lines)):
        edited = [*lines[:number], lines[number][:-1] + end, *lines[number + 1 :]]
        said = f"Line {number + 1}: This is not a JSON object in its canonical form."
        assert said in check(edited).findings


def test_only_a_published_checkpoint_gives_a_truncation_away() -> None:
    leaves = some_leaves(Random(1), 20)
    published = note(leaf.hash for leaf in leaves)
    lines = list(whole(leaves[:12]))
    assert not check(lines).findings
    assert check(lines, published).findings == (
        "A checkpoint of 20 leaves was published: the export is truncated.",
    )


def test_findings_name_their_line() -> None:
    lines = list(whole(history((1, "success"), (2, "success"), (3, "success")), {2}))
    lines[2] = lines[2].replace(b"success", b"refused")
    assert check(lines).findings == (
        "Line 4: The leaves from 0 to 2 are not those that were sealed.",
    )
    lines = list(whole(some_leaves(Random(2), 20), {10}))
    del lines[5]
    assert check(lines).findings[0] == "Line 6: Leaf 5 stands where leaf 4 is due."


@given(st.lists(st.binary(max_size=40)))
@example([head_line(VERIFIER.name, False)])
@example([head_line(VERIFIER.name, True)])
@example([head_line(VERIFIER.name, True), b'{"leaf":0,"record":{}}\n'])
@example([b"[" * 100_000])
def test_any_bytes_give_findings(lines: list[bytes]) -> None:
    assert check(lines).findings


@given(VALUES, st.booleans())
def test_any_values_give_findings(entry: Any, is_part: bool) -> None:
    lines = [head_line(VERIFIER.name, is_part), checkpoint_line(note([])), canonical(entry) + b"\n"]
    assert check(lines).findings
    assert check(lines[::2]).findings


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {},
        {"sequence": 1},
        {"sequence": True, "outcome": "success"},
        {"sequence": "1", "outcome": "success"},
        {"sequence": 0, "outcome": "success"},
        {"sequence": 1, "outcome": 7},
        {"sequence": 1, "outcome": "success", "changes": {}},
        {"sequence": 1, "outcome": "success", "changes": None},
        {"sequence": 1, "outcome": "success", "changes": ["old"]},
    ],
)
def test_a_record_has_what_every_event_has(record: Any) -> None:
    assert (
        "Line 2: The event lacks what every event has."
        in check(whole([Leaf(record, None)])).findings
    )


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        head_line("other.example", False),
        head_line(VERIFIER.name, False)[:-1],
        head_line(VERIFIER.name, False).replace(b"1", b"2"),
        head_line(VERIFIER.name, False).replace(b"1", b"true"),
        head_line(VERIFIER.name, False).replace(b"false", b"null"),
        head_line(VERIFIER.name, False).replace(b":", b": "),
    ],
)
def test_an_export_has_its_head(line: bytes) -> None:
    lines = list(whole(some_leaves(Random(3), 3)))
    finding = f"Line 1: This is not the head of an export of {VERIFIER.name}."
    assert finding in check([line, *lines[1:]]).findings


def test_an_empty_file_is_no_export() -> None:
    assert check([]).findings == ("The export is empty.",)


@pytest.mark.parametrize(
    "outcomes",
    [
        [(1, "success"), (2, "failed"), (3, "refused")],
        [(1, "open"), (2, "open"), (1, "success"), (2, "unknown"), (3, "success"), (2, "failed")],
        [(1, "open"), (1, "open"), (1, "unknown"), (1, "unknown"), (1, "noChange")],
    ],
)
def test_an_unsettled_event_may_be_amended(outcomes: list[tuple[int, str]]) -> None:
    report = check(whole(history(*outcomes)))
    assert not report.findings
    assert (report.events, report.leaves) == (max(outcomes)[0], len(outcomes))


@pytest.mark.parametrize(
    ("outcomes", "finding"),
    [
        ([(2, "success")], "Line 2: Event 2 stands where event 1 is due."),
        ([(1, "success"), (3, "open")], "Line 3: Event 3 stands where event 2 is due."),
        ([(2, "open"), (1, "open")], "Line 3: Event 1 is amended after its outcome was settled."),
        ([(1, "success")] * 2, "Line 3: Event 1 is amended after its outcome was settled."),
        (
            [(1, "open"), (1, "failed"), (1, "success")],
            "Line 4: Event 1 is amended after its outcome was settled.",
        ),
        (
            [(1, "unknown"), (1, "open")],
            "Line 3: Event 1 is open again, after its outcome was unknown.",
        ),
    ],
)
def test_events_have_their_order(outcomes: list[tuple[int, str]], finding: str) -> None:
    assert finding in check(whole(history(*outcomes))).findings


@pytest.mark.parametrize("name", KEPT)
def test_an_amendment_keeps_what_the_event_is(name: str) -> None:
    first, second = history((1, "open"), (1, "success"), **{name: "as before"})
    for value in ("another", None, 7):
        other = replace(second, record={**second.record, name: value})
        assert check(whole([first, other])).findings == (
            f"Line 3: Event 1 is amended with another {name}.",
        )


def test_what_is_not_a_checkpoint_of_this_log_is_said() -> None:
    leaves = some_leaves(Random(4), 3)
    hashes = [leaf.hash for leaf in leaves]
    other = signer(0, "other.example")
    for published, said in [
        ("", "Published checkpoint 1: "),
        (note(hashes, signer(9)), "Published checkpoint 1: The note has no signature of"),
        (note(hashes, other), "Published checkpoint 1: The note has no signature of"),
    ]:
        (finding,) = check(whole(leaves), published).findings
        assert finding.startswith(said)


def test_a_checkpoint_stands_once_and_in_its_place() -> None:
    leaves = some_leaves(Random(5), 6)
    lines = list(whole(leaves, {3}))
    assert check([*lines, lines[-1]]).findings == (
        "Line 10: The checkpoint repeats the one before it.",
        "The export does not end with a checkpoint over all its leaves.",
    )
    assert check([*lines[:4], *lines[5:6], lines[4], *lines[6:]]).findings == (
        "Line 6: A checkpoint of 3 leaves stands behind 4.",
    )


def test_a_part_has_its_checkpoint_first_and_alone() -> None:
    leaves = some_leaves(Random(6), 9)
    head, checkpoint, *events = part(leaves, [1, 4, 5])
    for lines in (
        [head],
        [head, *events],
        [head, events[0], checkpoint, *events[1:]],
        [head, checkpoint, checkpoint, *events],
        [head, checkpoint, *events, checkpoint],
        [head, checkpoint, *events[::-1]],
        [head, checkpoint, events[0], *events],
        [head, checkpoint, event_line(1, leaves[1].record, leaves[1].opening)],
        [head_line(VERIFIER.name, False), checkpoint, *events],
    ):
        assert check(lines).findings


def test_a_part_is_compared_with_published_checkpoints_of_its_size_alone() -> None:
    leaves = some_leaves(Random(7), 9)
    hashes = [leaf.hash for leaf in leaves]
    lines = list(part(leaves, [1, 4]))
    assert not check(lines, note(hashes)).findings
    assert "another history" in check(lines, signed(9, bytes(32), signer())).findings[0]
    assert "cannot be compared" in check(lines, note(hashes[:5])).findings[0]


def test_a_whole_export_has_no_proofs() -> None:
    leaf = history((1, "success"))[0]
    head, _, checkpoint = whole([leaf])
    lines = [head, event_line(0, leaf.record, None, []), checkpoint]
    assert check(lines).findings == ("Line 2: A whole export has no proofs.",)


def test_what_may_not_be_shown_is_no_erasure() -> None:
    """A log-in that is sealed and not shown is erased; events without one never had any."""
    record = {"sequence": 1, "outcome": "success"}
    for sealed, erased in [
        ({}, 0),
        ({"lookup": "x"}, 0),
        ({"login": "x"}, 1),
        ({"changes": [{"op": "add"}]}, 0),
        ({"changes": [{"op": "add", "new": "x"}]}, 1),
    ]:
        report = check(whole([Leaf({**record, **sealed}, None)]))
        assert (report.erased, report.findings) == (erased, ())


def test_not_all_findings_are_kept() -> None:
    findings = check([b"\n"] * 10_000).findings
    assert len(findings) == MAX_FINDINGS + 1
    assert findings[-1] == "The rest, from line 100 on, was not read."


def test_a_line_too_long_comes_in_pieces() -> None:
    pieces = list(lines_of(BytesIO(b"a\n" + b"x" * (MAX_LINE + 1) + b"\nb")))
    assert [len(piece) for piece in pieces] == [2, MAX_LINE, 2, 1]
