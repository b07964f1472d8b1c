"""Records: one form, and commitments that hide what they bind."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.ledger.encoding import encode
from gateway.ledger.records import canonical, commit, opening, opens

SALTS = st.binary(min_size=32, max_size=32)
VALUES = st.text(st.characters(codec="utf-8"))
LEVELS = st.dictionaries(st.sampled_from(["login", "detail", "lookup"]), VALUES)
CHANGES = st.lists(st.dictionaries(st.sampled_from(["old", "new", "path"]), VALUES), max_size=3)
PERSONAL = st.builds(lambda level, changes: {**level, "changes": changes}, LEVELS, CHANGES)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | VALUES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4)
    ),
    max_leaves=12,
)
SALT = bytes(range(32))


def public(personal: dict[str, Any]) -> dict[str, Any]:
    """Return a public part that such a personal part belongs to."""
    changes = [{"op": "replace", "native": "firstname"} for _ in personal["changes"]]
    return {"sequence": 1, "outcome": "success", "changes": changes}


def sealed(personal: dict[str, Any], salt: bytes) -> dict[str, Any]:
    return commit(public(personal), personal, salt)


@given(JSON)
def test_the_canonical_form_is_that_of_rfc_8785(value: Any) -> None:
    by_standard_library = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert canonical(value) == by_standard_library.encode()
    assert json.loads(canonical(value)) == value


def test_control_characters_are_written_as_rfc_8785_says() -> None:
    assert canonical('\x00\b\t\n\f\r\x1f\x7f"\\/\u2028é') == (
        '"\\u0000\\b\\t\\n\\f\\r\\u001f\x7f\\"\\\\/\u2028é"'.encode()
    )


@pytest.mark.parametrize(
    "value",
    [1.0, [1.5], {"a": [{"b": -0.0}]}, 2**53, -(2**53), 2**70, {"é": 1}, {1: 2}, (1,), "\ud800"],
)
def test_what_has_no_form_of_its_own_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="no canonical form"):
        canonical(value)


def test_deep_nesting_is_refused() -> None:
    value: Any = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(ValueError, match="no canonical form"):
        canonical(value)


def test_a_commitment_is_an_hmac_over_the_name_and_the_value() -> None:
    record = commit(
        {"sequence": 1, "changes": [{"op": "add"}, {"op": "add"}]},
        {"login": "ann", "changes": [{}, {"new": "Zoë"}]},
        SALT,
    )

    def expected(text: bytes) -> str:
        return b64encode(hmac.new(SALT, text, hashlib.sha256).digest()).decode()

    assert record == {
        "sequence": 1,
        "login": expected(b"login\x00ann"),
        "changes": [{"op": "add"}, {"op": "add", "new": expected(b"changes.1.new\x00Zo\xc3\xab")}],
    }


def test_what_is_public_stays_as_it_is() -> None:
    part = {"sequence": 1, "changes": [{"op": "add"}]}
    assert commit(part, {}, SALT) == part
    assert commit({"sequence": 1}, {}, SALT) == {"sequence": 1}


@given(PERSONAL, SALTS)
def test_what_was_sealed_opens(personal: dict[str, Any], salt: bytes) -> None:
    shown = opening(personal, salt)
    assert (shown is None) == (not any([personal.keys() - {"changes"}, *personal["changes"]]))
    assert shown is None or opens(sealed(personal, salt), shown)


@given(PERSONAL, SALTS, st.data())
def test_an_opening_may_leave_values_out(
    personal: dict[str, Any], salt: bytes, data: st.DataObject
) -> None:
    def some(level: dict[str, Any]) -> dict[str, Any]:
        kept = data.draw(st.sets(st.sampled_from(sorted(level)))) if level else ()
        return {name: level[name] for name in kept}

    part = some({name: value for name, value in personal.items() if name != "changes"})
    changes = [some(change) for change in personal["changes"]]
    shown = opening({**part, "changes": changes}, salt)
    assert shown is None or opens(sealed(personal, salt), shown)


@given(PERSONAL, SALTS, VALUES, st.data())
def test_nothing_else_opens(
    personal: dict[str, Any], salt: bytes, value: str, data: st.DataObject
) -> None:
    record = sealed(personal, salt)
    levels = [personal, *personal["changes"]]
    places = [(n, name) for n, level in enumerate(levels) for name in level if name != "changes"]
    assume(places)
    at, changed = data.draw(st.sampled_from(places))
    assume(levels[at][changed] != value)
    edited = [
        {**level, changed: value} if number == at else level for number, level in enumerate(levels)
    ]
    other = {**edited[0], "changes": edited[1:]}
    assert not opens(record, opening(other, salt))


@given(PERSONAL, SALTS, SALTS)
def test_commitments_hide(personal: dict[str, Any], salt: bytes, other: bytes) -> None:
    """Equal values look different in different events, and in different places of one."""
    assume(salt != other)
    records = [sealed(personal, salt), sealed(personal, other)]
    seen = [
        value
        for record in records
        for level in (record, *record["changes"])
        for name, value in level.items()
        if name in ("login", "detail", "lookup", "old", "new", "path")
    ]
    assert len(seen) == len(set(seen))
    assert not {value for value in personal.values() if isinstance(value, str)} & set(seen)


@given(PERSONAL, SALTS, SALTS)
def test_another_salt_opens_nothing(personal: dict[str, Any], salt: bytes, other: bytes) -> None:
    assume(salt != other)
    assert not opens(sealed(personal, salt), opening(personal, other))


@given(st.none() | JSON | st.dictionaries(st.sampled_from(["salt", "login", "changes"]), JSON))
def test_nothing_opens_that_is_no_opening(value: Any) -> None:
    assert not opens({"sequence": 1, "login": "x", "changes": [{"op": "add"}]}, value)


@pytest.mark.parametrize(
    "change",
    [
        {"salt": None},
        {"salt": encode(SALT[:31])},
        {"salt": encode(SALT).replace("8=", "9=")},
        {"sequence": "1"},
        {"nickname": "ann"},
        {"login": None},
        {"login": ["ann"]},
        {"changes": {}},
        {"changes": [[["new", "b"]]]},
        {"changes": [{"new": "b"}, {}]},
        {"changes": [{"new": "b", "op": "add"}]},
        {"changes.0.new": "b"},
    ],
)
def test_what_is_not_in_the_record_does_not_open(change: dict[str, Any]) -> None:
    personal = {"login": "ann", "changes": [{"new": "b"}]}
    record = sealed(personal, SALT)
    shown = opening(personal, SALT)
    assert shown and opens(record, shown)
    assert not opens(record, {**shown, **change})


@pytest.mark.parametrize("shown", [{}, {"changes": []}, {"changes": [{}]}])
def test_an_opening_shows_something(shown: dict[str, Any]) -> None:
    record = sealed({"login": "ann", "changes": [{"new": "b"}]}, SALT)
    assert opening(shown, SALT) is None
    assert not opens(record, {"salt": encode(SALT), **shown})


@pytest.mark.parametrize(
    ("part", "personal", "salt"),
    [
        ({"login": "ann"}, {"login": "ann"}, SALT),
        ({"changes": [{"new": "a"}]}, {"changes": [{"new": "a"}]}, SALT),
        ({"changes": []}, {"changes": [{"new": "a"}]}, SALT),
        ({}, {"changes": [{}]}, SALT),
        ({}, {"login": None}, SALT),
        ({}, {"login": 7}, SALT),
        ({}, {"changes": "a"}, SALT),
        ({}, {"login": "ann"}, b""),
        ({}, {"login": "\ud800"}, SALT),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    part: dict[str, Any], personal: dict[str, Any], salt: bytes
) -> None:
    with pytest.raises(ValueError):
        commit(part, personal, salt)
