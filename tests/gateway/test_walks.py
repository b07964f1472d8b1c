"""Kept walks: pages of them, their age and their number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from gateway import walks as walks_module
from gateway.database import Database, now
from gateway.walks import Walks
from tests.gateway.service import audit_keys

IDS = [f"user-{number}" for number in range(1, 1234)]


@pytest.mark.parametrize("start", [-5, 0, 1, 2, 499, 500, 501, 1001, 1233, 1234, 99_999])
@pytest.mark.parametrize("count", [-1, 0, 1, 500, 501, 5000])
def test_pages_are_slices(sqlite: Database, start: int, count: int) -> None:
    walks = Walks(sqlite, audit_keys(sqlite).digest)
    walks.keep("t", "User", "key", IDS)
    first = max(start, 1) - 1
    assert walks.page("t", "User", "key", start, count) == (
        len(IDS),
        IDS[first : first + max(count, 0)],
    )


def test_a_walk_is_shared_and_replaced(database: Database) -> None:
    here, elsewhere = (
        Walks(database, audit_keys(database).digest),
        Walks(database, audit_keys(database).digest),
    )
    assert here.page("t", "User", "key", 1, 10) is None
    here.keep("t", "User", "key", IDS)
    elsewhere.keep("t", "User", "key", ["ä", "b"])
    elsewhere.keep("t", "Group", "key", [])
    assert here.page("t", "User", "key", 1, 10) == (2, ["ä", "b"])
    assert here.page("t", "Group", "key", 1, 10) == (0, [])
    assert here.page("u", "User", "key", 1, 10) is None


def test_too_many_ids_are_not_kept(database: Database) -> None:
    walks = Walks(database, audit_keys(database).digest, max_ids=2)
    walks.keep("t", "User", "key", ["a", "b"])
    walks.keep("t", "User", "key", ["a", "b", "c"])
    assert walks.page("t", "User", "key", 1, 10) is None


def test_old_walks_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    walks = Walks(database, audit_keys(database).digest, seconds=300)
    walks.keep("t", "User", "key", ["a"])
    later = now() + timedelta(seconds=300)
    monkeypatch.setattr(walks_module, "now", lambda: later)
    assert walks.page("t", "User", "key", 1, 10) is None


def test_the_oldest_make_room(database: Database) -> None:
    walks = Walks(database, audit_keys(database).digest, max_walks=2)
    for key in ("a", "b", "c"):
        walks.keep("t", "User", key, [key])
    assert walks.page("t", "User", "a", 1, 10) is None
    assert walks.page("t", "User", "b", 1, 10) == (1, ["b"])
    assert walks.page("t", "User", "c", 1, 10) == (1, ["c"])


def test_the_same_walk_kept_at_once(database: Database) -> None:
    walks = Walks(database, audit_keys(database).digest)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: walks.keep("t", "User", "key", IDS), range(20)))
    page = walks.page("t", "User", "key", 1, 2000)
    assert page == (len(IDS), IDS)
