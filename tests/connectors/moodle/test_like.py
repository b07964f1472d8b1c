"""LIKE patterns find at least what SCIM's comparison finds, on both databases."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.folding import plain_part
from connectors.moodle.like import escaped, pattern
from connectors.moodle.simulator.database import like, lower
from connectors.moodle.simulator.parameters import strip_tags
from tests.schemas.strategies import properties

FOLDED_OTHERWISE = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if chr(code).casefold() != chr(code).lower() or len(chr(code).lower()) > 1
]
"""All letters that case folding treats otherwise than lower case does."""
PARTNERS = sorted(
    {part for letter in FOLDED_OTHERWISE for part in letter.casefold() if part.isascii()}
)
"""The ASCII letters that such letters fold to."""

letters = st.one_of(
    st.sampled_from(FOLDED_OTHERWISE),
    st.sampled_from(PARTNERS),
    st.sampled_from("ßẞſKﬀﬁﬂﬃﬄﬅﬆŉẖẗẘẙẚǰİıσςΣ"),
    st.sampled_from("abkstfilnS%_\\*< '\u0307\u030c"),
    st.characters(min_codepoint=32, exclude_categories=["Cs"]),
)
texts = st.lists(letters, min_size=1, max_size=6).map("".join)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str, str]:
    """Draw (stored, wanted, operator) for which SCIM's comparison holds."""
    before, middle, after = draw(st.just("") | texts), draw(texts), draw(st.just("") | texts)
    operator = draw(st.sampled_from(["eq", "co", "sw", "ew"]))
    stored = {
        "eq": middle,
        "co": before + middle + after,
        "sw": middle + after,
        "ew": before + middle,
    }[operator]
    folded = stored.casefold()
    start, end = 0, len(folded)
    if operator in ("co", "ew"):
        start = draw(st.integers(0, end - 1))
    if operator in ("co", "sw"):
        end = draw(st.integers(start + 1, end))
    return stored, _unfolded(draw, folded[start:end]), operator


def _unfolded(draw: st.DrawFn, folded: str) -> str:
    """Write a folded text in another way that folds to the same."""
    forms = [folded, folded.upper(), unicodedata.normalize("NFC", folded), folded.title()]
    return draw(st.sampled_from([form for form in forms if form.casefold() == folded]))


@properties
@given(pair=pairs())
def test_what_scim_finds_is_found_by_the_pattern(pair: tuple[str, str, str]) -> None:
    stored, wanted, operator = pair
    native = pattern(wanted, operator)
    # A name that holds a tag cannot be stored; so nothing is lost where Moodle cuts one off.
    if native is not None and strip_tags(stored) == stored:
        assert like(strip_tags(native)).fullmatch(lower(stored)), native


@properties
@given(pair=pairs())
def test_what_scim_finds_holds_the_plain_part(pair: tuple[str, str, str]) -> None:
    stored, wanted, _ = pair
    part = plain_part(wanted)
    assert part is None or lower(part) in lower(stored)


@properties
@given(value=st.text("ab%_\\*", min_size=1, max_size=6))
def test_wildcards_in_a_value_are_literal(value: str) -> None:
    assert like(escaped(value)).fullmatch(value)
    assert not like(escaped(value)).fullmatch(value + "x")
    assert not like(escaped(value)).fullmatch("x" + value[1:])


@pytest.mark.parametrize(
    ("value", "operator", "expected"),
    [
        ("Ann", "eq", "ann"),
        ("Ann", "co", "%ann%"),
        ("Ann", "sw", "ann%"),
        ("Ann", "ew", "%ann"),
        ("50%_\\", "eq", "50\\%\\_\\\\"),
        ("office", "eq", "o%ce"),
        ("a < b", "sw", "a _ b%"),
        ("", "co", None),
        ("ß", "eq", None),
        ("s", "co", None),
    ],
)
def test_patterns_are_as_narrow_as_they_can_be(
    value: str, operator: str, expected: str | None
) -> None:
    assert pattern(value, operator) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Weißensee", "wei"), ("Cohort 01", "cohort 01"), ("ß", None), ("", None), ("kkk", None)],
)
def test_the_plain_part_is_the_longest_that_is_sure(value: str, expected: str | None) -> None:
    assert plain_part(value) == expected
