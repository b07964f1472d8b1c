"""Batches of Brightspace: what each of many writes becomes, and how many calls they take."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.mapping import Resource
from schemas.errors import ScimError
from tests.connectors import operations
from tests.connectors.brightspace.joined import Joined, joined
from tests.connectors.operations import TICKET, fitted

USERS, ENROLMENTS = "POST lp/users/batch/", "POST lp/enrollments/batch/"
ALL = {"scope": "core:*:* enrollment:*:*", "default_course_role": 110}


def person(number: int, **more: Any) -> Resource:
    return {
        "userName": f"p{number}",
        "externalId": f"P-{number}",
        "name": {"givenName": "Pat", "familyName": f"No {number}"},
        "emails": [{"value": f"p{number}@example.org", "type": "work"}],
        **more,
    }


def create_many(joined: Joined, name: str, resources: list[Resource]) -> list[Any]:
    collection = joined[name]
    joined.forget()
    return [*operations.create_many(collection, [fitted(collection, one) for one in resources])]


def statuses(outcomes: list[Any]) -> list[int]:
    return [one.status if isinstance(one, ScimError) else 200 for one in outcomes]


@pytest.fixture
def brightspace() -> Joined:
    made = joined(users=6, more=ALL)
    for code in ("PHYS-1", "CHEM-1"):
        made["Course"].create(TICKET, {"courseId": code, "name": code, "categoryId": "6660"})
    made["User"].get("1")
    return made


PAIRS = [
    {"userId": user, "courseId": course}
    for course in ("6671", "6672")
    for user in ("3163", "3164", "3165")
]


def test_accounts_are_made_in_one_write_and_looked_up(brightspace: Joined) -> None:
    people = [person(number, active=number != 3, password="a Secret 1!") for number in range(20)]
    made = create_many(brightspace, "User", people)
    assert brightspace.writes == [USERS]
    assert brightspace.calls == [USERS] + ["GET lp/users/"] * 20
    assert [one["userName"] for one in made] == [f"p{number}" for number in range(20)]
    assert [one["active"] for one in made] == [number != 3 for number in range(20)]
    assert len({one["id"] for one in made}) == 20


def test_a_few_are_made_one_by_one(brightspace: Joined) -> None:
    create_many(brightspace, "User", [person(number) for number in range(4)])
    assert brightspace.calls == ["POST lp/users/"] * 4


def test_whom_brightspace_names_is_refused_alone(brightspace: Joined) -> None:
    brightspace["User"].create(TICKET, person(3))
    people = [*(person(number) for number in range(8)), person(9, externalId="P-3"), person(2)]
    outcomes = create_many(brightspace, "User", people)
    expected = [409 if number in (3, 8, 9) else 200 for number in range(10)]
    assert statuses(outcomes) == expected
    assert {one.scim_type for one in outcomes if isinstance(one, ScimError)} == {"uniqueness"}


def test_an_unknown_role_is_refused_alone(brightspace: Joined) -> None:
    lms = "urn:ietf:params:scim:schemas:extension:lms:2.0:User"
    people = [
        person(n, **({lms: {"institutionRoleIds": ["99"]}} if n == 2 else {})) for n in range(6)
    ]
    outcomes = create_many(brightspace, "User", people)
    alone = create_many(brightspace, "User", [{**people[2], "userName": "q"}])
    assert statuses(outcomes) == [*[200] * 2, alone[0].status, *[200] * 3]


def test_a_refused_password_is_never_repeated(
    brightspace: Joined, caplog: pytest.LogCaptureFixture
) -> None:
    people = [person(n, password="x" if n == 2 else "a Secret 1!") for n in range(6)]
    outcomes = create_many(brightspace, "User", people)
    assert statuses(outcomes) == [200, 200, 400, 200, 200, 200]
    assert "Secret" not in caplog.text


def test_where_no_batch_may_be_sent_all_go_singly() -> None:
    more = {"scope": "core:*:*", "default_course_role": 110}
    made = joined(users=6, more=more, scopes="core:*:*")
    for code in ("PHYS-1", "CHEM-1"):
        made["Course"].create(TICKET, {"courseId": code, "name": code, "categoryId": "6660"})
    outcomes = create_many(made, "Membership", PAIRS)
    assert statuses(outcomes) == [200] * 6
    assert made.writes == [ENROLMENTS] + ["POST lp/enrollments/"] * 6


def test_enrolments_are_one_write(brightspace: Joined) -> None:
    outcomes = create_many(brightspace, "Membership", PAIRS)
    assert [one["id"] for one in outcomes] == [f"{p['courseId']}.{p['userId']}" for p in PAIRS]
    assert {one["courseRoleId"] for one in outcomes} == {"110"}
    assert brightspace.writes == [ENROLMENTS]
    assert len(brightspace.calls) <= 2 + len(PAIRS) + 1
    brightspace.forget()
    changes = [(one, {**one, "courseRoleId": "109"}) for one in outcomes]
    changed = operations.update_many(brightspace["Membership"], changes)
    assert brightspace.calls == [ENROLMENTS]
    read = [brightspace["Membership"].get(one["id"]) for one in changed]
    assert {one["courseRoleId"] for one in read if one} == {"109"}


def test_nobody_gets_another_role_by_being_enrolled_again(brightspace: Joined) -> None:
    first = {**PAIRS[0], "courseRoleId": "109"}
    brightspace["Membership"].create(TICKET, first)
    brightspace.site.settings.unsearchable = (3163,)
    unknown = {"userId": "999999", "courseId": "6671"}
    outcomes = create_many(brightspace, "Membership", [*PAIRS, PAIRS[1], unknown])
    assert statuses(outcomes) == [409, 200, 200, 200, 200, 200, 409, 400]
    held = brightspace["Membership"].get("6671.3163")
    assert held is not None
    assert held["courseRoleId"] == "109"


FAULTS = [
    ("truncated", {}, 502, True),
    ("html", {}, 502, True),
    ("timeout_before", {}, 504, True),
    ("status", {"status": 500}, 502, True),
    ("status", {"status": 400}, 400, True),
    ("status", {"status": 503}, 503, False),
]


@pytest.mark.parametrize(("kind", "given", "status", "unknown"), FAULTS)
@pytest.mark.parametrize("name", ["User", "Membership"])
def test_a_fault_concerns_all_that_were_sent(
    brightspace: Joined, name: str, kind: str, given: dict[str, Any], status: int, unknown: bool
) -> None:
    people = [person(number, active=number > 2) for number in range(6)]
    # An answer of `[]` cannot be cut in two: one has to be refused.
    many = [*people[:5], person(0)] if name == "User" else PAIRS
    brightspace.simulator.faults.add(kind, match="batch", **given)
    if kind == "truncated":
        brightspace["User"].create(TICKET, person(5))
        many = people if name == "User" else [*PAIRS, {"userId": "999999", "courseId": "6671"}]
    outcomes = create_many(brightspace, name, many)
    concerned = outcomes if kind == "truncated" else outcomes[:5]
    assert {(one.status, one.unknown) for one in concerned} == {(status, unknown)}


def test_who_cannot_be_looked_up_is_unknown(
    brightspace: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    brightspace.simulator.faults.add("status", match="userName=p3", times=3, status=500)
    outcomes = create_many(brightspace, "User", [person(number) for number in range(6)])
    assert statuses(outcomes) == [200, 200, 200, 502, 200, 200]
    assert outcomes[3].unknown
