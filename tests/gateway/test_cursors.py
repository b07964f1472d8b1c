"""Paging by cursor (RFC 9865)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import Page
from connectors.mapping import Resource
from connectors.memory.store import MemoryCollection
from connectors.planning import Plan
from gateway import cursors as cursors_module
from tests.gateway.service import TARGETS, Scim, Service, make_service

_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")


def pages(scim: Scim, path: str = "/Users", **query: Any) -> Iterator[dict[str, Any]]:
    """Yield the pages of a query from the first to the last one."""
    cursor = ""
    for _ in range(100):
        answer = scim.get(path, cursor=cursor, **query)
        assert answer.status_code == 200, answer.text
        assert "startIndex" not in answer.json
        assert answer.json["itemsPerPage"] == len(answer.json.get("Resources", ()))
        yield answer.json
        if "nextCursor" not in answer.json:
            return
        cursor = answer.json["nextCursor"]
        assert _UNRESERVED.fullmatch(cursor)
    raise AssertionError("the pages do not end")


def ids(found: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> list[str]:
    return [resource["id"] for page in found for resource in page.get("Resources", ())]


def all_ids(scim: Scim, path: str = "/Users", **query: Any) -> list[str]:
    return ids([scim.get(path, count=1000, **query).json])


def fill(scim: Scim) -> Scim:
    for number in range(23):
        scim.add(f"user{number:02}", active=number % 3 > 0)
    for number in range(5):
        scim.add_group(f"Group {number}")
    return scim


@pytest.fixture
def filled(scim: Scim) -> Scim:
    """Give each target in turn, with people and groups."""
    return fill(scim)


@pytest.fixture(scope="module", params=TARGETS)
def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scim]:
    """Give each target in turn, filled once for all tests that only read."""
    service = make_service(tmp_path_factory.mktemp("kept"), (request.param,))
    yield fill(Scim(service, request.param))
    service.close()


@pytest.mark.parametrize("count", [1, 4, 23, 24, 1000, None])
def test_the_pages_together_are_the_list(kept: Scim, count: int | None) -> None:
    size = {} if count is None else {"count": count}
    found = list(pages(kept, **size))
    assert ids(found) == all_ids(kept)
    assert all(len(page["Resources"]) == count for page in found[:-1])
    totals = {page.get("totalResults") for page in found}
    # An LMS that pages by itself tells no total; a single page is one.
    is_native = kept.name in ("canvas", "brightspace", "blackboard") and len(found) > 1
    assert totals == ({None} if is_native else {len(all_ids(kept))})


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "active eq true"},
        {"filter": 'userName eq "user07"'},
        {"filter": 'userName eq "nobody"'},
        {"filter": 'userName sw "user1" and active eq false'},
        {"sortBy": "userName", "sortOrder": "descending"},
        {"sortBy": "active"},
    ],
)
def test_with_filter_and_order(kept: Scim, query: dict[str, str]) -> None:
    found = list(pages(kept, count=3, **query))
    assert ids(found) == all_ids(kept, **query)
    if not ids(found):
        assert found[0]["totalResults"] == 0


def test_groups_and_events_and_everything(kept: Scim) -> None:
    assert ids(pages(kept, "/Groups", count=2)) == all_ids(kept, "/Groups")
    assert len(ids(pages(kept, "/AuditEvents", count=7))) == 28
    assert ids(pages(kept, "/AuditEvents", count=7)) == all_ids(kept, "/AuditEvents")
    descending = {"sortOrder": "descending"}
    newest = ids(pages(kept, "/AuditEvents", count=7, **descending))
    assert newest == all_ids(kept, "/AuditEvents", **descending)
    by_login = {"sortBy": "login"}
    assert ids(pages(kept, "/AuditEvents", count=9, **by_login)) == all_ids(
        kept, "/AuditEvents", **by_login
    )
    assert ids(pages(kept, "/", count=6)) == all_ids(kept, "/")


def test_by_search_requests(kept: Scim) -> None:
    for path in ("/Users/.search", "/.search", "/AuditEvents/.search"):
        body: dict[str, Any] = {"cursor": "", "count": 9}
        found = []
        for _ in range(20):
            answer = kept.post(path, body)
            assert answer.status_code == 200
            found.append(answer.json)
            if "nextCursor" not in answer.json:
                break
            body["cursor"] = answer.json["nextCursor"]
        assert ids(found) == all_ids(kept, path.removesuffix(".search").rstrip("/") or "/")


def test_projections_hold_on_every_page(kept: Scim) -> None:
    for page in pages(kept, count=10, attributes="userName"):
        assert all(set(user) == {"schemas", "id", "userName"} for user in page["Resources"])


def test_no_result_is_asked_for(kept: Scim) -> None:
    for count in (0, -3):
        answer = kept.get("/Users", cursor="", count=count).json
        assert answer["totalResults"] == len(all_ids(kept))
        assert "Resources" not in answer
        assert "nextCursor" not in answer


def refused(scim: Scim, path: str = "/Users", **query: Any) -> str | None:
    answer = scim.get(path, **query)
    assert answer.status_code == 400, answer.text
    scim_type: str | None = answer.json["scimType"]
    return scim_type


def test_a_cursor_belongs_to_its_query(filled: Scim) -> None:
    first = filled.get("/Users", cursor="", count=3, filter="active eq true").json
    cursor = first["nextCursor"]
    good = {"cursor": cursor, "count": 3, "filter": "active eq true"}
    assert filled.get("/Users", **good).status_code == 200
    assert filled.get("/Users", **{**good, "startIndex": 1}).status_code == 200
    assert refused(filled, **{**good, "filter": "active eq false"}) == "invalidCursor"
    assert refused(filled, **{**good, "sortBy": "userName"}) == "invalidCursor"
    assert refused(filled, **{**good, "count": 4}) == "invalidCount"
    assert refused(filled, "/Groups", cursor=cursor, count=3) == "invalidCursor"
    other = Scim(filled.service, "moodle" if filled.name == "memory" else "memory")
    assert refused(other, **good) == "invalidCursor"
    without_count = {name: value for name, value in good.items() if name != "count"}
    assert filled.get("/Users", **without_count).json["itemsPerPage"] == 3


@pytest.mark.parametrize(
    "change", ["x", lambda c: c[:-1], lambda c: c[::-1], "é", "a.b", "=", "A" * 9999]
)
def test_nobody_can_make_a_cursor(kept: Scim, change: Any) -> None:
    cursor = kept.get("/Users", cursor="", count=3).json["nextCursor"]
    made = change(cursor) if callable(change) else change
    assert refused(kept, cursor=made, count=3) == "invalidCursor"


def test_a_cursor_of_somebody_else(filled: Scim) -> None:
    cursor = filled.get("/Users", cursor="", count=3).json["nextCursor"]
    filled.service.tokens.add("another-token", "other", ["all"], ["admin"])
    answer = filled.send(
        "GET",
        "/Users",
        query_string={"cursor": cursor, "count": 3},
        headers={"Authorization": "Bearer another-token"},
    )
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidCursor")


def test_a_cursor_expires(filled: Scim, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = filled.get("/Users", cursor="", count=3).json["nextCursor"]
    late = cursors_module.time() + cursors_module.CURSOR_SECONDS + 1
    monkeypatch.setattr(cursors_module, "time", lambda: late)
    assert refused(filled, cursor=cursor, count=3) == "expiredCursor"


def test_changes_between_two_pages(filled: Scim) -> None:
    before = all_ids(filled)
    first = filled.get("/Users", cursor="", count=10).json
    filled.delete(f"/Users/{before[2]}")
    filled.delete(f"/Users/{before[15]}")
    new = filled.add("zoe")
    rest: list[str] = []
    cursor = first["nextCursor"]
    while cursor:
        page = filled.get("/Users", cursor=cursor, count=10).json
        rest += ids([page])
        cursor = page.get("nextCursor")
    # Nobody is shown twice or lost; who came meanwhile may be seen or not.
    assert [id for id in rest if id != new] == [id for id in before[10:] if id != before[15]]


def test_a_page_costs_one_call(make: Callable[..., Service]) -> None:
    scim = Scim(make("moodle", users=50), "moodle")
    calls = []
    scim.service.forget()
    for _ in pages(scim, count=10):
        calls.append(scim.service.calls)
        scim.service.forget()
    assert calls == [1] * len(calls)


def test_two_walks_of_one_client_do_not_disturb_each_other(filled: Scim) -> None:
    every = all_ids(filled)
    first = filled.get("/Users", cursor="", count=10).json
    filled.delete(f"/Users/{every[0]}")
    filled.get("/Users", cursor="", count=10)
    second = filled.get("/Users", cursor=first["nextCursor"], count=10).json
    assert ids([second]) == every[10:20]


class Paged(MemoryCollection):
    """Users in a target that pages by itself: six at most, and it counts what it is asked."""

    can_page = True
    asked: list[tuple[str, int]]

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return super(MemoryCollection, self).search(plan)

    def page(self, plan: Plan, start: str, count: int) -> Page:
        self.asked.append((start, count))
        size = min(count or 6, 6)
        first = int(start or 0)
        every = list(self._resources)
        follows = first + size
        found = [self._shown(id) for id in every[first:follows]]
        return Page(found, str(follows) if follows < len(every) else "")


@pytest.fixture
def paged(make: Callable[..., Service]) -> Scim:
    scim = Scim(make("memory"), "memory")
    connector = scim.service.app.extensions["matricula"]["targets"]["memory"].connector
    plain = connector.collections["User"]
    own = Paged(plain.mapping, plain._store)
    own.asked = []
    connector.collections["User"] = own
    for number in range(20):
        scim.add(f"user{number:02}", active=number % 2 == 0)
    return scim


def asked(scim: Scim) -> list[tuple[str, int]]:
    connector = scim.service.app.extensions["matricula"]["targets"]["memory"].connector
    made: list[tuple[str, int]] = list(connector.collections["User"].asked)
    connector.collections["User"].asked.clear()
    return made


def test_the_targets_own_pages_are_used(paged: Scim) -> None:
    every = all_ids(paged)
    asked(paged)
    first = paged.get("/Users", cursor="", count=6).json
    assert asked(paged) == [("", 6)]
    assert "totalResults" not in first
    second = paged.get("/Users", cursor=first["nextCursor"], count=6).json
    assert asked(paged) == [("6", 6)]
    assert ids([first, second]) == every[:12]
    assert ids(pages(paged, count=6)) == every


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7, 10, 11, 100])
def test_pages_of_any_size_out_of_the_targets_pages(paged: Scim, count: int) -> None:
    assert ids(pages(paged, count=count)) == all_ids(paged)
    query = {"filter": "active eq true"}
    assert ids(pages(paged, count=count, **query)) == all_ids(paged, **query)


def test_a_filter_that_finds_little_does_not_read_without_end(
    make: Callable[..., Service],
) -> None:
    scim = Scim(make("memory", policies={"max_scan": 6}), "memory")
    connector = scim.service.app.extensions["matricula"]["targets"]["memory"].connector
    plain = connector.collections["User"]
    own = Paged(plain.mapping, plain._store)
    own.asked = []
    connector.collections["User"] = own
    for number in range(20):
        scim.add(f"user{number:02}")
    query = {"filter": 'nickName eq "x" or userName eq "user19"'}
    found = list(pages(scim, count=5, **query))
    assert [len(page["Resources"]) for page in found] == [0, 1]
    assert scim.get("/Users", **query).json["scimType"] == "tooMany"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(count=st.integers(1, 12), limit=st.sampled_from(["active eq true", "active eq false", ""]))
def test_any_page_size_and_filter(paged: Scim, count: int, limit: str) -> None:
    query = {"filter": limit} if limit else {}
    assert ids(pages(paged, count=count, **query)) == all_ids(paged, **query)


def test_it_is_announced(scim: Scim) -> None:
    told = scim.get("/ServiceProviderConfig").json["pagination"]
    assert told == {
        "cursor": True,
        "index": True,
        "defaultPaginationMethod": "index",
        "defaultPageSize": 100,
        "maxPageSize": 1000,
        "cursorTimeout": 600,
    }


def test_index_paging_stays_the_default(kept: Scim) -> None:
    answer = kept.get("/Users", count=5).json
    assert "nextCursor" not in answer
    assert answer["startIndex"] == 1
