"""The simulator against every recorded case of a real Moodle 4.5.6.

Left out of the fixtures: the reads of 50 to 2,000 ids, which measured time only, a report on roles,
and rows of reports that only the measured site had. Skipped, with a
test of their own in test_simulator.py: bodies of 7 and 9 MB, and more fields than max_input_vars.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.connectors.moodle.recorded import load_cases, replay

REPLAYED = [(function, case) for function, case in load_cases() if "skip" not in case]


def differences(recorded: Any, given: Any, path: str = "") -> list[str]:
    """List where a reply differs from the recorded one, ignoring what `"..."` stands for."""
    if recorded == "..." or path.endswith(".userprivateaccesskey"):
        return [] if isinstance(given, str) else [f"{path}: {given!r} is no text"]
    if type(recorded) is not type(given):
        return [f"{path}: {given!r} instead of {recorded!r}"]
    if isinstance(recorded, dict):
        if "..." in recorded:
            given = {key: value for key, value in given.items() if key in recorded}
            recorded = {key: value for key, value in recorded.items() if key != "..."}
        if list(recorded) != list(given):
            return [f"{path}: keys {list(given)} instead of {list(recorded)}"]
        return [
            difference
            for key, value in recorded.items()
            if not _depends_on_machine(recorded, key)
            for difference in differences(value, given[key], f"{path}.{key}")
        ]
    if isinstance(recorded, list):
        return _list_differences(recorded, given, path)
    return [] if recorded == given else [f"{path}: {given!r} instead of {recorded!r}"]


def _list_differences(recorded: list[Any], given: list[Any], path: str) -> list[str]:
    if path.endswith(".userids"):
        recorded, given = sorted(recorded), sorted(given)
    if recorded and isinstance(recorded[-1], str) and recorded[-1].startswith("..."):
        words = recorded[-1].split()
        if words[-1] == "counted" and len(given) != int(words[1]):
            return [f"{path}: {len(given)} elements instead of {words[1]}"]
        shown = {element["id"] for element in recorded[:-1] if "id" in element}
        recorded = recorded[:-1]
        given = [e for e in given if e["id"] in shown] if shown else given[: len(recorded)]
    if len(recorded) != len(given):
        return [f"{path}: {len(given)} elements instead of {len(recorded)}"]
    return [
        difference
        for index, (one, other) in enumerate(zip(recorded, given, strict=True))
        for difference in differences(one, other, f"{path}[{index}]")
    ]


def _depends_on_machine(recorded: dict[str, Any], key: str) -> bool:
    if key == "debuginfo":
        return recorded["errorcode"] != "invalidparameter"
    if key == "cacherev":
        return True
    return key == "value" and recorded.get("name") == "_lastloaded"


@pytest.mark.parametrize(
    ("function", "case"), REPLAYED, ids=[f"{f}: {c['name']}" for f, c in REPLAYED]
)
def test_a_recorded_case_is_answered_as_by_moodle(function: str, case: dict[str, Any]) -> None:
    answer = replay(function, case)
    assert answer.status_code == case["status"]
    assert answer.headers["Content-Type"] == case.get("content_type", "application/json")
    recorded = case["response"]
    if isinstance(recorded, dict) and "__raw__" in recorded:
        text = recorded["__raw__"].removesuffix(" ...")
        if answer.status_code != 503:
            assert answer.text.startswith(text)
    elif function == "protocol_errors" and "token" in (recorded or {}):
        assert set(json.loads(answer.text)) == set(recorded)
    else:
        assert differences(recorded, json.loads(answer.text)) == []


def test_what_is_not_replayed_says_why() -> None:
    skipped = [case for _, case in load_cases() if "skip" in case]
    assert [case["skip"] for case in skipped if not case["skip"]] == []
    assert len(skipped) == 3
