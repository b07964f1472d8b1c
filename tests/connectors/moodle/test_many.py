"""Many writes to Moodle in one call: what each becomes, and how many calls it takes."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Collection
from connectors.mapping import Resource
from connectors.moodle import Moodle
from connectors.moodle.accounts import Accounts
from connectors.moodle.client import MAX_VARIABLES
from connectors.moodle.simulator import Simulator, create_simulator
from schemas.errors import ScimError
from tests.connectors import operations
from tests.connectors.moodle.site import Joined, joined, options
from tests.connectors.operations import TICKET, fitted

CREATE, UPDATE, DELETE = (f"core_user_{method}_users" for method in ("create", "update", "delete"))
READ, SEARCH = "core_user_get_users_by_field", "core_user_get_users"
ENROL, UNENROL = "enrol_manual_enrol_users", "enrol_manual_unenrol_users"
LISTED = "core_enrol_get_enrolled_users"


def person(number: int, **more: Any) -> Resource:
    return {
        "userName": f"p{number}",
        "name": {"givenName": "Pat", "familyName": f"No {number}"},
        "emails": [{"value": f"p{number}@example.org", "type": "work"}],
        **more,
    }


def create_many(collection: Collection, resources: list[Resource]) -> list[Any]:
    return [*operations.create_many(collection, [fitted(collection, one) for one in resources])]


def statuses(outcomes: list[Any]) -> list[int]:
    return [one.status if isinstance(one, ScimError) else 200 for one in outcomes]


@pytest.fixture
def moodle() -> Joined:
    made = joined(users=6)
    made.forget()
    return made


def test_a_hundred_accounts_are_two_creates_and_one_read(moodle: Joined) -> None:
    made = create_many(moodle.users, [person(number) for number in range(100)])
    assert moodle.calls == [CREATE, CREATE, READ]
    assert [one["userName"] for one in made] == [f"p{number}" for number in range(100)]
    assert len({one["id"] for one in made}) == 100


def test_the_disabled_among_them_take_one_call_more(moodle: Joined) -> None:
    made = create_many(moodle.users, [person(number, active=number != 3) for number in range(9)])
    assert moodle.calls == [CREATE, UPDATE, READ]
    assert [one["active"] for one in made] == [number != 3 for number in range(9)]


def test_no_call_has_more_fields_than_php_takes(moodle: Joined) -> None:
    long = {"timezone": "Europe/Oslo", "addresses": [{"type": "work", "locality": "Oslo"}]}
    phones = [{"type": kind, "value": "1"} for kind in ("work", "mobile")]
    more = {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D"}}
    full = {**long, "phoneNumbers": phones, **more, "locale": "en", "externalId": "E"}
    people = [person(number, **full, password="a Secret 1!") for number in range(100)]
    made = create_many(moodle.users, people)
    assert statuses(made) == [200] * 100
    fields = len(people[0]) * 100
    assert moodle.calls.count(CREATE) >= max(2, fields // MAX_VARIABLES)


def test_one_bad_account_is_found_by_halving(moodle: Joined) -> None:
    moodle.site.add_user(username="p5", email="else@example.org")
    people = [person(number) for number in range(16)]
    outcomes = create_many(moodle.users, people)
    assert statuses(outcomes) == [409 if number == 5 else 200 for number in range(16)]
    assert moodle.calls == [CREATE] * 7 + [SEARCH] + [CREATE] * 2 + [READ]


def test_a_refused_password_is_ones_own_and_is_not_repeated(
    moodle: Joined, caplog: pytest.LogCaptureFixture
) -> None:
    people = [person(0), person(1, password="weak-weak"), person(2, password="a Secret 1!")]
    outcomes = create_many(moodle.users, people)
    assert statuses(outcomes) == [200, 400, 200]
    assert "weak-weak" not in outcomes[1].detail
    assert "weak-weak" not in caplog.text


def test_passwords_are_changed_one_by_one_and_the_rest_together(moodle: Joined) -> None:
    held = create_many(moodle.users, [person(number) for number in range(5)])
    moodle.forget()
    changes: list[Resource] = [
        {"externalId": "E"},
        {"password": "weak-weak"},
        {"externalId": "F"},
        {"password": "a Secret 1!"},
        {"active": False},
    ]
    pairs = [(one, {**one, **change}) for one, change in zip(held, changes, strict=True)]
    outcomes = [*operations.update_many(moodle.users, pairs)]
    assert statuses(outcomes) == [200, 400, 200, 200, 200]
    assert moodle.calls == [UPDATE] * 3
    read = [moodle.read("User", one["id"]) for one in held]
    assert [one.get("externalId") for one in read] == ["E", None, "F", None, None]
    assert [one["active"] for one in read] == [True] * 4 + [False]


def test_who_goes_alone_goes_beside_others() -> None:
    natives = [{"id": str(number), "password": "a Secret 1!"} for number in range(3)]
    together = Barrier(len(natives))

    class Client:
        def write(self, *call: Any, **more: Any) -> dict[str, Any]:
            # Nobody passes before all have come.
            together.wait(timeout=5)
            return {}

    assert Accounts(Client()).update(TICKET, natives) == [None] * len(natives)  # type: ignore[arg-type]


def test_a_warning_is_that_of_one_account(moodle: Joined) -> None:
    held = create_many(moodle.users, [person(number) for number in range(5)])
    moodle.site.users[int(held[1]["id"])].deleted = True
    moodle.forget()
    taken = [{"value": "p4@example.org", "type": "work"}]
    pairs = [(one, {**one, "externalId": "E"}) for one in held]
    pairs[2] = (held[2], {**held[2], "emails": taken})
    outcomes = [*operations.update_many(moodle.users, pairs)]
    assert statuses(outcomes) == [200, 404, 409, 200, 200]
    assert moodle.calls == [UPDATE]


def test_unknown_accounts_do_not_keep_others(moodle: Joined) -> None:
    held = create_many(moodle.users, [person(number) for number in range(60)])
    ids = [one["id"] for one in held]
    moodle.forget()
    assert statuses([*operations.delete_many(moodle.users, ids[:55])]) == [200] * 55
    assert moodle.calls == [DELETE, DELETE]
    outcomes = [*operations.delete_many(moodle.users, ["999999", *ids[55:]])]
    assert statuses(outcomes) == [404] + [200] * 5


def test_the_own_account_is_refused_alone(moodle: Joined) -> None:
    own = str(moodle.site.tokens[moodle.site.token].user_id)
    moodle.users.get(own)
    held = create_many(moodle.users, [person(0)])[0]
    outcomes = [*operations.delete_many(moodle.users, [own, held["id"]])]
    assert statuses(outcomes) == [403, 200]


def test_what_concerns_all_is_not_tried_again_in_parts(moodle: Joined) -> None:
    moodle.simulator.faults.add("html", match=CREATE)
    outcomes = create_many(moodle.users, [person(number) for number in range(8)])
    assert {(one.status, one.unknown) for one in outcomes} == {(502, True)}
    assert moodle.calls == []


def school() -> Joined:
    made = joined(users=6)
    for code in ("PHYS-1", "CHEM-1"):
        made.site.add_course(shortname=code)
    made.forget()
    return made


PAIRS = [
    {"userId": str(user), "courseId": str(course)} for course in (2, 3) for user in range(5, 9)
]


def test_many_are_enrolled_in_one_call_after_a_look_at_each_course() -> None:
    moodle = school()
    outcomes = create_many(moodle["Membership"], PAIRS)
    assert [one["id"] for one in outcomes] == [f"{p['courseId']}.{p['userId']}" for p in PAIRS]
    assert all(one["userName"] for one in outcomes)
    assert moodle.calls == [LISTED, LISTED, READ, ENROL]
    moodle.forget()
    ids = [one["id"] for one in outcomes]
    assert statuses([*operations.delete_many(moodle["Membership"], ids)]) == [200] * 8
    assert moodle.calls == [LISTED, LISTED, UNENROL, LISTED, LISTED]


def test_many_are_suspended_or_given_another_role_in_one_call() -> None:
    moodle = school()
    memberships = moodle["Membership"]
    held = create_many(memberships, PAIRS)
    moodle.forget()
    pairs = [(one, {**one, "available": "No"}) for one in held]
    off = [*operations.update_many(memberships, pairs)]
    assert moodle.calls == [ENROL, LISTED, LISTED]
    assert [moodle.read("Membership", one["id"])["available"] for one in off] == ["No"] * 8
    moodle.forget()
    pairs = [(one, {**one, "courseRoleId": "teacher"}) for one in off]
    assert statuses([*operations.update_many(memberships, pairs)]) == [200] * 8
    assert moodle.calls == ["core_role_assign_roles", "core_role_unassign_roles"]
    read = [moodle.read("Membership", one["id"]) for one in held]
    assert {(one["courseRoleId"], one["available"]) for one in read} == {("teacher", "No")}


def test_who_has_left_keeps_no_change_of_others() -> None:
    moodle = school()
    memberships = moodle["Membership"]
    held = create_many(memberships, PAIRS)
    memberships.delete(TICKET, held[2]["id"])
    moodle.site.users[8].deleted = True
    pairs = [(one, {**one, "courseRoleId": "teacher"}) for one in held]
    seen = []
    for update in (operations.update_many, operations.update_singly):
        seen.append(statuses([*update(memberships, pairs)]))
    assert seen[0] == seen[1]
    assert seen[0].count(200) == 6


def test_a_closed_course_keeps_nobody_out_of_the_others() -> None:
    moodle = school()
    moodle.site.courses[3].manual = False
    outcomes = create_many(moodle["Membership"], PAIRS)
    assert statuses(outcomes) == [200] * 4 + [403] * 4
    again = create_many(moodle["Membership"], [*PAIRS[:2], PAIRS[0]])
    assert statuses(again) == [409] * 3


LOGINS = st.sampled_from(["a", "b", "c", "taken", "d e", "f"])
PEOPLE = st.lists(
    st.builds(
        lambda login, address, word, on: {
            "userName": login,
            "name": {"givenName": "Pat", "familyName": "Doe"},
            "emails": [{"value": f"{address}@example.org", "type": "work"}],
            "active": on,
            **({"password": word} if word else {}),
        },
        LOGINS,
        st.sampled_from(["x", "y", "X", "z", "w", "v", "taken"]),
        st.sampled_from(["", "weak-weak", "a Secret 1!"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@given(PEOPLE)
@settings(deadline=None, max_examples=60)
def test_many_are_as_one_by_one(people: list[Resource]) -> None:
    seen = []
    for create in (operations.create_many, operations.create_singly):
        moodle = joined()
        moodle.site.add_user(username="taken", email="taken@example.org")
        outcomes = create(moodle.users, [*map(moodle.users.mapping.with_defaults, people)])
        users = moodle.site.users.values()
        seen.append(
            (
                [
                    (one.status, one.scim_type) if isinstance(one, ScimError) else {**one, "id": ""}
                    for one in outcomes
                ],
                [(user.username, user.email, user.suspended) for user in users],
            )
        )
    assert seen[0] == seen[1]


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=3)


@pytest.fixture
def users(simulator: Simulator, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give the users of a site that is reached over a loopback port."""
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    connector = Moodle(options(simulator, url=address, transport=None))
    yield connector.collections["User"]
    connector.close()


FAULTS = [
    ("drop_before", {}, 502, True),
    ("drop_after", {}, 502, True),
    ("truncated", {}, 502, True),
    ("html", {}, 502, True),
    ("timeout_before", {}, 504, True),
    ("status", {"status": 500}, 502, True),
    ("status", {"status": 503}, 503, False),
    ("status", {"status": 429}, 503, False),
]


@pytest.mark.parametrize("method", [CREATE, UPDATE, DELETE])
@pytest.mark.parametrize(("kind", "given", "status", "unknown"), FAULTS)
def test_a_fault_concerns_all_that_were_sent(
    simulator: Simulator,
    users: Collection,
    method: str,
    kind: str,
    given: dict[str, Any],
    status: int,
    unknown: bool,
) -> None:
    held = create_many(users, [person(number) for number in range(3)])
    simulator.faults.add(kind, match=method, **given)
    if method == CREATE:
        outcomes = create_many(users, [person(number) for number in range(3, 6)])
    elif method == UPDATE:
        pairs = [(one, {**one, "externalId": "E"}) for one in held]
        outcomes = [*operations.update_many(users, pairs)]
    else:
        outcomes = [*operations.delete_many(users, [one["id"] for one in held])]
    assert [(one.status, one.unknown) for one in outcomes] == [(status, unknown)] * 3
    assert simulator.faults.planned == []


def test_who_was_made_but_not_disabled_is_looked_at(simulator: Simulator, users: Any) -> None:
    simulator.faults.add("drop_before", match=UPDATE, times=3)
    outcomes = create_many(users, [person(0), person(1, active=False), person(2)])
    assert statuses(outcomes) == [200, 502, 200]
    assert outcomes[1].unknown
    assert "was created" in outcomes[1].detail


def test_who_cannot_be_read_back_is_shown_as_sent(simulator: Simulator, users: Any) -> None:
    simulator.faults.add("status", match=READ, times=3, status=500)
    outcomes = create_many(users, [person(0), person(1)])
    assert [one["userName"] for one in outcomes] == ["p0", "p1"]
    assert all(one["id"] for one in outcomes)


def test_a_call_shows_the_ticket_of_the_first() -> None:
    moodle = joined()
    with pytest.raises(TypeError, match="ticket"):
        moodle.users.delete_many([(TICKET, "5"), ("5", "6")])  # type: ignore[list-item]
    assert moodle.calls == []
