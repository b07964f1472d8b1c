"""Deltas: what is told of a change leads from what was to what is."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.database import now
from gateway.exporting import runs
from gateway.exporting.deltas import difference, digests_of
from gateway.exporting.files import part_of
from gateway.exporting.journals import Journal
from gateway.exporting.runs import Delta
from gateway.exporting.sources import Source
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


@pytest.fixture
def moodle(make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch) -> Scim:
    """Give a Moodle with a report of changes, whose own accounts are old."""
    monkeypatch.setattr(runs, "MARGIN", timedelta())
    more = {"report": 1, "languages": ["en", "de"]}
    options = {"more": more, "attributes": {"studentId": "profile_field_costcenter"}}
    service = make(
        "moodle",
        users=40,
        moodle_options=options,
        moodle_settings={"custom_fields": ("costcenter",), "languages": ("en", "de")},
    )
    service.moodle.site.add_report()
    for user in service.moodle.site.users.values():
        user.timemodified = 1
    return Scim(service, "moodle")


def quickly(source: Source, state: Path) -> list[tuple[str, str]]:
    lines = delta_lines(source, state, Delta(quick=True))
    return sorted((line["op"], line["id"]) for line in lines)


def age(scim: Scim) -> None:
    """Let all that was changed so far be long ago."""
    for user in scim.service.moodle.site.users.values():
        user.timemodified = 1


def test_a_report_tells_what_has_changed(moodle: Scim, tmp_path: Path) -> None:
    source, state = source_of(moodle, "User"), tmp_path / "state"
    ids = [moodle.add(f"own{number}") for number in range(4)]
    assert {op for op, _ in quickly(source, state)} == {"created"}
    age(moodle)
    moodle.service.forget()
    assert quickly(source, state) == []
    assert moodle.service.calls == 2
    moodle.patch(f"/Users/{ids[0]}", {"op": "replace", "path": "name.givenName", "value": "New"})
    moodle.delete(f"/Users/{ids[1]}")
    new = moodle.add("another")
    moodle.service.forget()
    found = quickly(source, state)
    assert found == sorted([("changed", ids[0]), ("deleted", ids[1]), ("created", new)])
    assert moodle.service.calls == 3
    assert quickly(source, state) == []
    # What the LMS itself has deleted is seen by the next run that reads all.
    source.collection.delete(TICKET, ids[2])
    assert quickly(source, state) == []
    lines = delta_lines(source, state, Delta())
    assert [(line["op"], line["id"]) for line in lines] == [("deleted", ids[2])]


@pytest.mark.parametrize("policy", ["disable", "delete"])
def test_who_was_deleted_here_is_gone_until_he_is_back(
    make: Callable[..., Service], tmp_path: Path, policy: str
) -> None:
    blackboard = Scim(make("blackboard", users=3, policies={"delete": policy}), "blackboard")
    source, state = source_of(blackboard, "User"), tmp_path / "state"
    ids = [blackboard.add(f"own{number}") for number in range(2)]
    quickly(source, state)
    for id in ids:
        blackboard.delete(f"/Users/{id}")
    back = blackboard.add("own0")
    assert (back == ids[0]) is (policy == "disable")
    found = quickly(source, state)
    assert ("deleted", ids[1]) in found
    assert (("deleted", ids[0]) in found) is (policy == "delete")


def test_each_attribute_is_seen(moodle: Scim, tmp_path: Path) -> None:
    source, state = source_of(moodle, "User"), tmp_path / "state"
    id = moodle.add("own")
    quickly(source, state)
    for path, value in {
        "userName": "renamed",
        "externalId": "x-1",
        "name.familyName": "Other",
        'emails[type eq "work"].value': "other@example.edu",
        "active": False,
        "locale": "de",
        "timezone": "Europe/Oslo",
        "address.country": "NO",
        "department": "Physics",
        "description": "Somebody",
    }.items():
        age(moodle)
        answer = moodle.patch(f"/Users/{id}", {"op": "replace", "path": path, "value": value})
        assert answer.status_code == 200, answer.text
        assert quickly(source, state) == [("changed", id)], path


def test_a_custom_field_alone_waits_for_a_run_that_reads_all(moodle: Scim, tmp_path: Path) -> None:
    source, state = source_of(moodle, "User"), tmp_path / "state"
    id = moodle.add("own")
    quickly(source, state)
    age(moodle)
    moodle.patch(f"/Users/{id}", {"op": "add", "path": "studentId", "value": "S-1"})
    assert quickly(source, state) == []
    lines = delta_lines(source, state, Delta())
    assert [(line["op"], line["id"]) for line in lines] == [("changed", id)]


def test_a_state_that_tells_no_moment_is_not_trusted(
    make: Callable[..., Service], tmp_path: Path
) -> None:
    """An LMS that shows moments, and has shown none to the run before, is read as a whole."""
    source = source_of(Scim(make("blackboard", users=3), "blackboard"), "User")
    state = tmp_path / "state"
    with closing(Journal(part_of(state))) as journal:
        journal.note([], begun=(now() + timedelta(days=1)).isoformat())
        journal.become(state)
    assert len(quickly(source, state)) == len(exports.exported(source, exports.ALL))
