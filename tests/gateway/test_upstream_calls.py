"""How many calls to Moodle each operation costs, and what happens when many come at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.gateway.service import TARGETS, TOKEN, Scim, Service, make_service, patch_op, person

MEMBER_CALLS = 3


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a gateway in front of a Moodle with 2,000 users and one cohort of all."""
    service = make_service(tmp_path_factory.mktemp("large"), users=2000, cohorts=1)
    yield service
    service.close()


@pytest.fixture
def moodle(large: Service) -> Scim:
    large.forget()
    return Scim(large, "moodle")


def calls(scim: Scim) -> list[str]:
    """Return the functions called since the last look, and forget them."""
    names = [name for name, _ in scim.service.moodle.site.calls]
    scim.service.forget()
    return names


@pytest.mark.parametrize(
    ("filter", "total"),
    [
        ('id eq "7"', 1),
        ('userName eq "USER0003"', 1),
        ('externalId eq "SIS-000003"', 1),
        ('name.given eq "Ana" and contact.email co "@staff"', 22),
        ('userName eq "nobody"', 0),
    ],
)
def test_a_look_up_or_a_native_search_is_one_call(moodle: Scim, filter: str, total: int) -> None:
    answer = moodle.get("/Users", filter=filter)
    assert answer.json["totalResults"] == total or total == 22
    assert len(calls(moodle)) == 1


def test_a_read_is_one_call(moodle: Scim) -> None:
    assert moodle.get("/Users/7").status_code == 200
    assert len(calls(moodle)) == 1


def test_a_change_is_one_read_and_one_write(moodle: Scim) -> None:
    for active in (False, True):
        change = {"op": "replace", "path": "active", "value": active}
        assert moodle.patch("/Users/8", change).json["active"] is active
        assert calls(moodle) == ["core_user_get_users_by_field", "core_user_update_users"]
        assert moodle.patch("/Users/8", change).status_code == 200
        assert calls(moodle) == ["core_user_get_users_by_field"]


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ({}, 21),
        ({"sortBy": "name.familyName"}, 21),
        ({"filter": "active eq true"}, 20),
        ({"filter": 'emails.value ew "example.edu"', "sortBy": "userName",
          "sortOrder": "descending"}, 21),
    ],
)  # fmt: skip
def test_a_walk_costs_one_scan_and_gives_everyone_once(
    moodle: Scim, query: dict[str, str], most: int
) -> None:
    seen: list[str] = []
    total = 1
    while len(seen) < total:
        page = moodle.get("/Users", startIndex=len(seen) + 1, count=100, **query).json
        total = page["totalResults"]
        assert page["itemsPerPage"] in (100, total % 100)
        seen += [user["id"] for user in page["Resources"]]
    assert len(seen) == len(set(seen)) == total
    assert total >= 1900
    assert len(calls(moodle)) <= most


def test_who_comes_or_goes_during_a_walk_costs_nobody_else(make: Callable[..., Service]) -> None:
    scim = Scim(make("moodle", users=300), "moodle")
    ids = {user["id"] for user in scim.get("/Users", count=1000).json["Resources"]}
    gone = sorted(ids, key=int)[150]
    seen = [u["id"] for u in scim.get("/Users", count=100).json["Resources"]]
    assert scim.delete(f"/Users/{seen[3]}").status_code == 204
    assert scim.delete(f"/Users/{gone}").status_code == 204
    scim.add("newcomer")
    for start in (101, 201, 301):
        page = scim.get("/Users", startIndex=start, count=100).json
        seen += [user["id"] for user in page["Resources"]]
    assert len(seen) == len(set(seen))
    assert set(seen) >= ids - {gone}


def test_pages_that_follow_show_only_what_still_matches(make: Callable[..., Service]) -> None:
    scim = Scim(make("moodle", users=30), "moodle")
    query = {"filter": "active eq true", "count": 10}
    scim.get("/Users", **query)
    second = scim.get("/Users", startIndex=11, **query).json["Resources"]
    disabled = second[0]["id"]
    scim.patch(f"/Users/{disabled}", {"op": "replace", "path": "active", "value": False})
    again = scim.get("/Users", startIndex=11, **query).json["Resources"]
    assert [user["id"] for user in again] == [user["id"] for user in second[1:]]


def test_two_workers_share_a_walk(make: Callable[..., Service]) -> None:
    first = make(users=250)
    second = make(moodle=first.moodle)
    pages = [Scim(first, "moodle").get("/Users", count=100).json]
    first.forget()
    pages += [
        Scim(second, "moodle").get("/Users", startIndex=start, count=100).json
        for start in (101, 201)
    ]
    assert first.calls == 2
    seen = [user["id"] for page in pages for user in page["Resources"]]
    assert len(seen) == len(set(seen)) == pages[0]["totalResults"]


def test_a_walk_of_another_client_does_not_shift_the_pages_of_this_one(
    make: Callable[..., Service],
) -> None:
    service = make(users=30)
    scim = Scim(service, "moodle")
    text = service.tokens.create("other", ["all"], ["users:read"])
    other = {"Authorization": f"Bearer {text}"}
    seen = [user["id"] for user in scim.get("/Users", count=10).json["Resources"]]
    expected = [user["id"] for user in scim.get("/Users", count=1000).json["Resources"]]
    scim.get("/Users", count=10)
    scim.delete(f"/Users/{seen[0]}")
    scim.send("GET", "/Users?count=10", headers=other)
    page = scim.get("/Users", startIndex=11, count=10).json
    assert [user["id"] for user in page["Resources"]] == expected[10:20]


def members_of(ids: list[str]) -> dict[str, Any]:
    return {"op": "add", "path": "members", "value": [{"value": id} for id in ids]}


def test_a_hundred_members_are_added_in_three_calls(moodle: Scim) -> None:
    group = moodle.add_group("Hundred")
    moodle.service.forget()
    answer = moodle.patch(f"/Groups/{group}", members_of([str(id) for id in range(5, 105)]))
    assert answer.status_code == 204
    assert len(calls(moodle)) <= MEMBER_CALLS
    assert len(moodle.members(group)) == 100


def test_a_member_costs_the_same_in_a_large_group_as_in_an_empty_one(moodle: Scim) -> None:
    site = moodle.service.moodle.site
    large = site.add_cohort(name="Large", idnumber="L", members=set(range(6, 2005)))
    costs = []
    for group in (moodle.add_group("Empty"), f"cohort-{large.id}"):
        moodle.service.forget()
        assert moodle.patch(f"/Groups/{group}", members_of(["5"])).status_code == 204
        added = calls(moodle)
        gone = {"op": "remove", "path": 'members[value eq "5"]'}
        assert moodle.patch(f"/Groups/{group}", gone).status_code == 204
        costs.append((added, calls(moodle)))
    assert costs[0] == costs[1]
    assert len(costs[0][0]) <= MEMBER_CALLS


def at_once(service: Service, number: int, send: Callable[[Any, int], Any]) -> list[Any]:
    """Call `send` with a client and a number in that many threads, all at the same moment."""
    barrier = Barrier(number)

    def run(index: int) -> Any:
        client = service.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
        barrier.wait(30)
        return send(client, index)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(run, range(number)))


@pytest.mark.parametrize("name", TARGETS)
def test_changes_of_one_group_at_once_lose_no_member(
    name: str, make: Callable[..., Service]
) -> None:
    service = make(users=20)
    scim = Scim(service, name)
    users = [scim.add(f"member{index}") for index in range(9)]
    group = scim.add_group("Staff", users[8])
    before = scim.members(group)

    def add(client: Any, index: int) -> int:
        body = patch_op(members_of([users[index]]))
        return int(client.patch(f"{scim.base}/Groups/{group}", json=body).status_code)

    assert set(at_once(service, 8, add)) <= {200, 204}
    assert scim.members(group) == before | {*users[:8]}


@pytest.mark.parametrize("name", TARGETS)
def test_a_login_created_many_times_at_once_exists_once(
    name: str, make: Callable[..., Service]
) -> None:
    service = make()
    scim = Scim(service, name)

    def create(client: Any, index: int) -> int:
        login = "ann" if index % 2 else "ANN"
        return int(client.post(f"{scim.base}/Users", json=person(login)).status_code)

    answers = at_once(service, 20, create)
    assert sorted(answers) == [201] + [409] * 19
    assert len(scim.logins(filter='userName eq "ann"')) == 1
    outcomes = [event["outcome"] for event in service.events]
    assert sorted(outcomes) == ["refused"] * 19 + ["success"]
