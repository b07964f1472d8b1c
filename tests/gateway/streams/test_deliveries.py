"""Deliveries: positions, subjects that wait, dead ones, going back; on every kind of database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from gateway.database import Database, now
from gateway.streams import deliveries as module
from gateway.streams.deliveries import BATCH, Deliveries, Failure, shown, subject_of
from tests.gateway.streams.ledger import Event, Ledger, event


def anything(event: Event) -> bool:
    return True


def leaves(deliveries: Deliveries) -> list[int]:
    return [delivery.leaf for delivery in deliveries.due()]


def taken(database: Database, *ids: str, name: str = "siem") -> Deliveries:
    """Return a stream that has taken one event of each of these resources."""
    deliveries = Deliveries(database, name)
    ledger = Ledger(*(event(n, resourceId=id) for n, id in enumerate(ids)))
    assert not deliveries.take(ledger.feed, anything)
    return deliveries


def test_events_are_taken_once(database: Database) -> None:
    ledger = Ledger(event(1), event(2))
    deliveries = Deliveries(database, "siem")
    assert (deliveries.position(), leaves(deliveries)) == (-1, [])
    assert not deliveries.take(ledger.feed, anything)
    assert (deliveries.position(), leaves(deliveries)) == (1, [0, 1])
    ledger.events.append(event(3))
    assert not deliveries.take(ledger.feed, anything)
    assert not deliveries.take(ledger.feed, anything)
    assert (deliveries.position(), leaves(deliveries)) == (2, [0, 1, 2])


def test_what_is_not_wanted_is_passed_over(database: Database) -> None:
    deliveries = Deliveries(database, "siem")
    deliveries.take(Ledger(event(1), event(2)).feed, lambda event: event["sequence"] == 2)
    assert (deliveries.position(), leaves(deliveries)) == (1, [1])


def test_streams_do_not_know_each_other(database: Database) -> None:
    one, other = taken(database, "a", "b"), taken(database, "a", name="other")
    one.settle([0], [Failure(1, "no")])
    assert (one.counts(), other.counts()) == ((0, 1), (1, 0))
    assert not other.replay_dead()
    assert one.replay_from(0)
    assert (one.position(), other.position()) == (-1, 0)


def test_a_failure_holds_back_its_subject_only(database: Database) -> None:
    deliveries = taken(database, "a", "b", "a", "b", "c")
    deliveries.settle([], [Failure(0, "no", wait=60)])
    assert leaves(deliveries) == [1, 3, 4]
    deliveries.settle([1], [Failure(3, "no", wait=-1)])
    assert leaves(deliveries) == [3, 4]
    assert deliveries.counts() == (4, 0)


def test_time_ends_the_waiting(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = taken(database, "a", "a")
    deliveries.settle([], [Failure(0, "no", wait=60)])
    assert leaves(deliveries) == []
    later = now() + timedelta(seconds=61)
    monkeypatch.setattr(module, "now", lambda: later)
    first, second = deliveries.due()
    assert (first.leaf, first.attempts, first.error) == (0, 1, "no")
    assert (second.leaf, second.attempts, second.error) == (1, 0, None)


def test_a_dead_one_is_kept_and_lets_the_subject_go_on(database: Database) -> None:
    deliveries = taken(database, "a", "a")
    deliveries.settle([], [Failure(0, "status 400\x1b[31m\0")])
    assert leaves(deliveries) == [1]
    assert deliveries.counts() == (1, 1)
    (dead,) = deliveries.dead(10)
    assert (dead.leaf, dead.attempts, dead.subject) == (0, 1, "moodle/User/a")
    assert dead.error == "status 400[31m"
    assert shown(dead)["dead"].startswith("20")


def test_dead_ones_are_replayed_in_their_place(database: Database) -> None:
    deliveries = taken(database, "a", "a")
    deliveries.settle([], [Failure(0, "no")])
    assert deliveries.replay_dead() == 1
    assert deliveries.dead(10) == []
    assert [(d.leaf, d.attempts) for d in deliveries.due()] == [(0, 0), (1, 0)]


def test_a_stream_goes_back_but_never_forward(database: Database) -> None:
    deliveries = taken(database, "a", "b", "c")
    deliveries.settle([0, 2], [Failure(1, "no")])
    assert not deliveries.replay_from(3)
    assert (deliveries.position(), deliveries.counts()) == (2, (0, 1))
    assert deliveries.replay_from(1)
    assert (deliveries.position(), deliveries.counts()) == (0, (0, 0))
    assert not Deliveries(database, "new").replay_from(0)


def test_pending_ones_are_bounded(database: Database) -> None:
    ledger = Ledger(*(event(n) for n in range(1, 3 * BATCH)))
    deliveries = Deliveries(database, "siem", max_pending=BATCH + 1)
    assert deliveries.take(ledger.feed, anything)
    assert deliveries.take(ledger.feed, anything)
    assert not deliveries.take(ledger.feed, anything)
    assert deliveries.counts() == (2 * BATCH, 0)
    assert len(deliveries.due()) == BATCH
    deliveries.settle(range(2 * BATCH))
    assert not deliveries.take(ledger.feed, anything)
    assert deliveries.position() == 3 * BATCH - 2


def test_targets_limit_what_is_seen_and_settled(database: Database) -> None:
    deliveries = Deliveries(database, "siem")
    deliveries.take(Ledger(event(1), event(2, target="canvas"), event(3)).feed, anything)
    assert [d.leaf for d in deliveries.unacknowledged(["moodle"], 10)] == [0, 2]
    assert [d.leaf for d in deliveries.unacknowledged(None, 2)] == [0, 1]
    deliveries.settle([0, 1], [], ["canvas"])
    assert [d.leaf for d in deliveries.unacknowledged(None, 10)] == [0, 2]
    deliveries.settle([], [Failure(0, "no")], ["canvas"])
    assert deliveries.counts() == (2, 0)


def test_many_may_take_at_once(database: Database) -> None:
    ledger = Ledger(*(event(n) for n in range(1, 4 * BATCH + 8)))
    several = [Deliveries(database, "siem") for _ in range(4)]

    def take_all(deliveries: Deliveries) -> None:
        for _ in range(100):
            if deliveries.position() == len(ledger.events) - 1:
                return
            deliveries.take(ledger.feed, anything)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take_all, several))
    assert several[0].position() == len(ledger.events) - 1
    assert several[0].counts() == (len(ledger.events), 0)


def test_a_create_that_made_nothing_is_a_subject_alone() -> None:
    first, second = (event(n, "create", resourceId=None) for n in (1, 2))
    assert subject_of(first) != subject_of(second)
    assert subject_of(event(3)) == subject_of(event(4, "delete"))
    assert subject_of(event(3)) != subject_of(event(3, target="canvas"))
    assert subject_of(event(3)) != subject_of(event(3, resourceType="Group"))
