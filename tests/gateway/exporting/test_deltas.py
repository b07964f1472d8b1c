"""Deltas: what is told of a change leads from what was to what is."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exporting.deltas import difference, digests_of
from gateway.exporting.runs import Delta
from schemas.attributes import ENTERPRISE
from schemas.filters import parse_path
from schemas.user import USER
from tests.campaign import exports
from tests.campaign.exports import delta_lines, merged, source_of, unordered
from tests.campaign.report import Report
from tests.connectors.operations import TICKET
from tests.gateway.service import TARGETS, Scim, Service

SALT = bytes(16)
TEXTS = st.sampled_from(["a", "b", "ü"])
ITEMS = st.lists(st.fixed_dictionaries({"value": TEXTS}, optional={"type": TEXTS}), min_size=1)
RESOURCES = st.fixed_dictionaries(
    {"id": st.just("7"), "schemas": st.just([USER.schema.urn])},
    optional={
        "userName": TEXTS,
        "active": st.booleans(),
        "name": st.dictionaries(st.sampled_from(["givenName", "familyName"]), TEXTS, min_size=1),
        "emails": ITEMS,
        "roles": st.lists(TEXTS, min_size=1),
        ENTERPRISE: st.fixed_dictionaries(
            {},
            optional={
                "department": TEXTS,
                "manager": st.dictionaries(st.just("value"), TEXTS, min_size=1),
            },
        ).filter(bool),
    },
)
Resource = dict[str, Any]


def told(before: Resource, after: Resource, **more: Any) -> Any:
    """Return the difference of two resources, as their digests tell it."""
    old, new = digests_of(before, SALT), digests_of(after, SALT)
    return difference(deepcopy(after), new, old, **{"whole": False, **more})


@given(RESOURCES, RESOURCES)
def test_the_changes_lead_from_what_was_to_what_is(before: Resource, after: Resource) -> None:
    found = told(before, after)
    assert (found is None) == (unordered(before) == unordered(after))
    if found is not None:
        assert unordered(merged(before, found.changes)) == unordered(after)
        assert found.names


@given(RESOURCES, RESOURCES)
def test_only_what_differs_is_told(before: Resource, after: Resource) -> None:
    found = told(before, after)
    for name, value in (found.changes if found else {}).items():
        assert before.get(name) != value


@given(RESOURCES, RESOURCES)
def test_what_is_always_wanted_stands_beside_the_changes(before: Resource, after: Resource) -> None:
    paths = [parse_path(name, USER) for name in ("userName", "name.givenName", "department")]
    found = told(before, after, always=paths)
    if found is not None:
        for path in paths:
            assert list(path.values(found.changes)) == list(path.values(after))
        assert unordered(merged(before, found.changes)) == unordered(after)


def test_the_names_are_those_of_scim() -> None:
    before = {"id": "7", "name": {"givenName": "a"}, ENTERPRISE: {"department": "a"}}
    found = told(before, {"id": "7", "emails": [{"value": "a"}]})
    assert found.names == ("emails", "name.givenName", f"{ENTERPRISE}:department")
    assert found.changes == {"emails": [{"value": "a"}], "name": None, ENTERPRISE: None}


def test_a_new_one_is_told_whole() -> None:
    resource = {"id": "7", "userName": "a"}
    found = difference(resource, digests_of(resource, SALT), None, whole=False)
    assert found is not None
    assert (found.op, found.resource, found.changes) == ("created", resource, None)


@pytest.mark.parametrize("target", TARGETS)
def test_deltas_and_full_exports_agree(target: str) -> None:
    report = Report("histories", 7)
    exports.histories(report, random.Random(7), target, 12)
    assert not report.failures, report.text()


def test_asking_the_lms_what_has_changed(make: Callable[..., Service], tmp_path: Path) -> None:
    """Blackboard tells; the rest of the site is not read."""
    scim = Scim(make("blackboard", users=250), "blackboard")
    source = source_of(scim, "User")
    ids = [scim.add(f"own{number}") for number in range(4)]

    def changes() -> list[tuple[str, str]]:
        lines = delta_lines(source, tmp_path / "state", Delta(quick=True))
        return sorted((line["op"], line["id"]) for line in lines)

    first = changes()
    assert len(first) > 250
    assert {op for op, _ in first} == {"created"}
    assert changes() == []
    scim.patch(f"/Users/{ids[0]}", {"op": "replace", "path": "name.givenName", "value": "New"})
    scim.delete(f"/Users/{ids[1]}")
    new = scim.add("another")
    scim.service.forget()
    found = changes()
    assert found == sorted([("changed", ids[0]), ("deleted", ids[1]), ("created", new)])
    assert scim.service.calls == 1
    assert changes() == []
    # What the LMS itself has deleted is seen by the next run that reads all.
    source.collection.delete(TICKET, ids[2])
    assert changes() == []
    lines = delta_lines(source, tmp_path / "state", Delta())
    assert [(line["op"], line["id"]) for line in lines] == [("deleted", ids[2])]
