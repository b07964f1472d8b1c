"""Every trap of Moodle's cohort functions, by name."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.mapping import Resource
from connectors.moodle.cohorts import MADE_HERE
from schemas.errors import ScimError
from schemas.group import LMS_GROUP
from tests.connectors.law import everything
from tests.connectors.moodle.site import DATABASES, Joined, joined
from tests.connectors.operations import TICKET, change, read

COHORTS = "core_cohort_get_cohorts"
SEARCH = "core_cohort_search_cohorts"
MEMBERS = "core_cohort_get_cohort_members"
CREATE = "core_cohort_create_cohorts"
UPDATE = "core_cohort_update_cohorts"
DELETE = "core_cohort_delete_cohorts"
ADD = "core_cohort_add_cohort_members"
REMOVE = "core_cohort_delete_cohort_members"


@pytest.fixture(params=DATABASES)
def moodle(request: pytest.FixtureRequest) -> Joined:
    return joined(users=10, database=request.param)


def values(*ids: int | str) -> list[dict[str, Any]]:
    return [{"value": str(id), "type": "User"} for id in ids]


def test_many_cohorts_without_number_can_be_made(moodle: Joined) -> None:
    made = [moodle.groups.create(TICKET, {"displayName": "Same name"}) for _ in range(3)]
    assert all("externalId" not in group for group in made)
    assert all(c.idnumber.startswith(MADE_HERE) for c in moodle.site.cohorts.values())
    assert len({group["id"] for group in made}) == 3


def test_a_number_can_be_cleared_from_several(moodle: Joined) -> None:
    for number in ("A", "B"):
        held = moodle.groups.create(TICKET, {"displayName": number, "externalId": number})
        change(moodle.groups, read(moodle.groups, held["id"]), externalId=None)
    assert len({c.idnumber for c in moodle.site.cohorts.values()}) == 2
    assert ["externalId" in group for group in everything(moodle.groups)] == [False, False]


def test_a_cohort_that_has_no_number_can_be_renamed(moodle: Joined) -> None:
    cohort = moodle.site.add_cohort(name="Old", idnumber="")
    held = read(moodle.groups, f"cohort-{cohort.id}")
    change(moodle.groups, held, displayName="New")
    assert (cohort.name, cohort.idnumber) == ("New", "")


@pytest.mark.parametrize("number", ["G-1", "g-1"])
def test_a_taken_number_is_a_409_as_far_as_the_database_says(moodle: Joined, number: str) -> None:
    moodle.groups.create(TICKET, {"displayName": "One", "externalId": "G-1"})
    if number == "g-1" and moodle.site.settings.database == "postgresql":
        assert moodle.groups.create(TICKET, {"displayName": "Two", "externalId": number})
        return
    with pytest.raises(ScimError) as refused:
        moodle.groups.create(TICKET, {"displayName": "Two", "externalId": number})
    assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")


def test_a_taken_number_is_a_409_on_change_though_moodle_would_take_it(moodle: Joined) -> None:
    moodle.groups.create(TICKET, {"displayName": "One", "externalId": "G-1"})
    held = read(moodle.groups, moodle.groups.create(TICKET, {"displayName": "Two"})["id"])
    with pytest.raises(ScimError) as refused:
        change(moodle.groups, held, externalId="G-1", members=values(5))
    assert refused.value.status == 409
    assert read(moodle.groups, held["id"]) == held


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ({"displayName": "x" * 255}, "longer than the 254"),
        ({"displayName": "x", "externalId": "x" * 101}, "longer than the 100"),
        ({"displayName": "x", "externalId": MADE_HERE + "1"}, "Matricula's own"),
        ({"displayName": "x", "externalId": "0"}, 'does not keep the value "0"'),
        ({"displayName": "x", "members": values("x")}, "not the id of a user"),
        ({"displayName": "x", "members": values("1 or 1=1")}, "not the id of a user"),
        ({"displayName": "x", "members": [{"type": "User"}]}, "not the id of a user"),
    ],
)
def test_what_moodle_would_refuse_is_refused_with_a_reason(
    moodle: Joined, resource: Resource, said: str
) -> None:
    with pytest.raises(ScimError, match=said) as refused:
        moodle.groups.create(TICKET, resource)
    assert refused.value.status == 400
    assert moodle.calls == []


def test_a_cohort_of_a_category_is_shown_but_not_moved(moodle: Joined) -> None:
    cohort = moodle.site.add_cohort(name="Science", idnumber="SCI-1", category=2)
    held = read(moodle.groups, f"cohort-{cohort.id}")
    with pytest.raises(ScimError) as refused:
        change(moodle.groups, held, displayName="Moved", members=values(5))
    assert refused.value.status == 501
    assert (cohort.name, cohort.category, cohort.members) == ("Science", 2, set())
    change(moodle.groups, held, members=values(5))
    assert cohort.members == {5}


def test_renaming_leaves_description_and_visibility(moodle: Joined) -> None:
    cohort = moodle.site.add_cohort(name="A", idnumber="A", description="<p>d</p>", visible=False)
    held = read(moodle.groups, f"cohort-{cohort.id}")
    moodle.forget()
    change(moodle.groups, held, displayName="B")
    assert (cohort.name, cohort.description, cohort.visible) == ("B", "<p>d</p>", False)
    assert moodle.calls == [SEARCH, UPDATE]


def test_a_cohort_with_an_empty_name_can_be_given_one(moodle: Joined) -> None:
    cohort = moodle.site.add_cohort(name="", idnumber="E")
    held = read(moodle.groups, f"cohort-{cohort.id}")
    change(moodle.groups, held, displayName="Named")
    assert cohort.name == "Named"


@pytest.mark.parametrize("unknown", [999, 1234567])
def test_an_unknown_member_is_a_400_and_nobody_is_added(moodle: Joined, unknown: int) -> None:
    held = moodle.groups.create(TICKET, {"displayName": "G", "members": values(5)})
    with pytest.raises(ScimError, match=f"no such user: {unknown}") as refused:
        change(moodle.groups, held, members=values(5, 6, unknown, 7))
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
    assert moodle.site.cohorts[1].members == {5}


def test_a_deleted_member_is_unknown(moodle: Joined) -> None:
    held = moodle.groups.create(TICKET, {"displayName": "G"})
    moodle.users.delete(TICKET, "6")
    with pytest.raises(ScimError, match="no such user: 6"):
        change(moodle.groups, held, members=values(5, 6))
    assert moodle.site.cohorts[1].members == set()


def test_who_became_a_member_meanwhile_stays_one_when_the_rest_is_taken_back(
    moodle: Joined,
) -> None:
    held = moodle.groups.create(TICKET, {"displayName": "G"})
    moodle.site.cohorts[1].members.add(7)
    with pytest.raises(ScimError, match="no such user: 999"):
        change(moodle.groups, held, members=values(5, 7, 999))
    assert moodle.site.cohorts[1].members == {7}


def test_members_of_earlier_batches_are_taken_back_too() -> None:
    moodle = joined(users=500)
    held = moodle.groups.create(TICKET, {"displayName": "G"})
    with pytest.raises(ScimError, match="no such user: 99999"):
        change(moodle.groups, held, members=values(*range(5, 505), 99999))
    assert moodle.site.cohorts[1].members == set()


def test_a_group_with_an_unknown_member_is_not_made(moodle: Joined) -> None:
    with pytest.raises(ScimError, match="no such user: 999"):
        moodle.groups.create(TICKET, {"displayName": "G", "members": values(5, 999)})
    assert moodle.site.cohorts == {}


def test_a_group_that_could_not_be_taken_back_is_of_unknown_outcome(
    moodle: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    moodle.simulator.faults.add("status", match=DELETE, status=500)
    with pytest.raises(ScimError, match="no such user: 999") as refused:
        moodle.groups.create(TICKET, {"displayName": "G", "members": values(999)})
    assert refused.value.unknown
    assert len(moodle.site.cohorts) == 1


def test_a_member_already_there_is_no_error(moodle: Joined) -> None:
    held = moodle.groups.create(TICKET, {"displayName": "G"})
    moodle.site.cohorts[1].members.add(5)
    change(moodle.groups, held, members=values(5, 6))
    assert moodle.site.cohorts[1].members == {5, 6}


def test_suspended_members_are_taken_and_shown(moodle: Joined) -> None:
    moodle.site.users[5].suspended = True
    held = moodle.groups.create(TICKET, {"displayName": "G", "members": values(5)})
    assert read(moodle.groups, held["id"])["members"] == values(5)


def test_removing_somebody_deleted_from_the_site_removes_the_others(moodle: Joined) -> None:
    made = moodle.groups.create(TICKET, {"displayName": "G", "members": values(5, 6, 7)})
    before = read(moodle.groups, made["id"])
    moodle.users.delete(TICKET, "6")
    moodle.forget()
    change(moodle.groups, before, members=values(7))
    assert moodle.site.cohorts[1].members == {7}
    assert moodle.calls == [REMOVE, MEMBERS, REMOVE]


def test_a_cohort_deleted_meanwhile_does_not_lose_the_members_of_others(moodle: Joined) -> None:
    for name in ("A", "B"):
        moodle.groups.create(TICKET, {"displayName": name, "members": values(5)})
    listed = [{"id": "cohort-1"}, {"id": "cohort-2"}]
    moodle.groups.delete(TICKET, "cohort-1")
    moodle.groups.complete(listed, frozenset({"members"}))
    assert [group["members"] for group in listed] == [[], values(5)]


@pytest.mark.parametrize(
    "wanted", [{"members": values(5, 6)}, {"members": []}, {"displayName": "New"}]
)
def test_a_change_of_a_cohort_deleted_meanwhile_is_a_404(
    moodle: Joined, wanted: dict[str, Any]
) -> None:
    made = moodle.groups.create(TICKET, {"displayName": "G", "members": values(6)})
    moodle.groups.delete(TICKET, made["id"])
    with pytest.raises(ScimError) as refused:
        change(moodle.groups, made, **wanted)
    assert refused.value.status == 404


def test_a_change_leaves_the_description_alone(moodle: Joined) -> None:
    made = moodle.groups.create(TICKET, {"displayName": "G", LMS_GROUP: {"description": "d"}})
    after = change(moodle.groups, made, **{LMS_GROUP: {"description": None}})
    assert "description" not in after[LMS_GROUP]
    assert moodle.site.cohorts[1].description == ""


@pytest.mark.parametrize("size", [0, 5000])
def test_one_member_more_costs_the_same_in_any_group(size: int) -> None:
    moodle = joined(users=size + 1)
    cohort = moodle.site.add_cohort(name="G", idnumber="G", members=set(range(5, size + 5)))
    held = moodle.groups.get("cohort-1")
    assert held is not None
    moodle.groups.complete([held], frozenset({"members"}))
    change(moodle.groups, held, members=[*held["members"], *values(size + 5)])
    assert moodle.calls == [COHORTS, MEMBERS, ADD]
    assert len(cohort.members) == size + 1


def test_a_hundred_members_take_one_call(moodle: Joined) -> None:
    moodle = joined(users=200, database=moodle.site.settings.database)
    held = moodle.groups.create(TICKET, {"displayName": "G"})
    moodle.forget()
    change(moodle.groups, held, members=values(*range(5, 105)))
    assert moodle.calls == [ADD]


def test_five_thousand_members_are_added_read_and_removed_whole() -> None:
    moodle = joined(users=5000)
    members = values(*range(5, 5005))
    made = moodle.groups.create(TICKET, {"displayName": "G", "members": members})
    held = read(moodle.groups, made["id"])
    assert held["members"] == members
    change(moodle.groups, held, members=members[4990:])
    assert moodle.site.cohorts[1].members == set(range(4995, 5005))


@pytest.mark.parametrize("wanted", [frozenset({"members"}), frozenset()])
def test_members_are_read_only_where_they_are_wanted(
    moodle: Joined, wanted: frozenset[str]
) -> None:
    groups = [moodle.groups.create(TICKET, {"displayName": str(n)}) for n in range(3)]
    moodle.forget()
    moodle.groups.complete(groups, wanted)
    assert moodle.calls == [MEMBERS] * len(wanted)
    moodle.groups.complete([], wanted)
    assert moodle.calls == [MEMBERS] * len(wanted)


def test_a_group_is_found_again_by_its_number_or_by_its_own_name(moodle: Joined) -> None:
    by_number = moodle.groups.create(TICKET, {"displayName": "A", "externalId": "N"})
    by_name = moodle.groups.create(TICKET, {"displayName": "B"})
    moodle.site.add_cohort(name="C", idnumber="not-ours")
    for lookup, id in (
        ({"displayName": "A", "externalId": "N"}, by_number["id"]),
        ({"displayName": "B"}, by_name["id"]),
        ({"displayName": "b"}, None),
        ({"displayName": "C"}, None),
        ({"displayName": "A", "externalId": "n"}, None),
    ):
        found = moodle.groups.find_again(lookup)
        assert (found and found["id"]) == id
