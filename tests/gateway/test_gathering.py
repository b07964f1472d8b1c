"""Gathering: writes of many threads in few calls, and yet each with an event and end of its own."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any

import pytest

from connectors import http
from connectors.base import Collection
from connectors.http import counted
from connectors.rehearsal import Rehearsal
from connectors.ticket import Ticket
from gateway.attempts import Caller
from gateway.gathering import Gathering
from gateway.targets import Target
from gateway.writing import Writer
from schemas.errors import ScimError, invalid_value
from tests.connectors.operations import TICKET
from tests.gateway.service import Service, patch_op, person

CREATE, UPDATE, DELETE = (f"core_user_{method}_users" for method in ("create", "update", "delete"))
READ = "core_user_get_users_by_field"
CALLER = Caller("tester", "127.0.0.1", "test", "r-1", lambda scope: None, lambda *said: None)
LONG = 20


class Numbers(Collection):
    """Takes numbers in arrays; none that is negative, and nothing at all with a zero in it."""

    at_once = {"create": 5, "delete": 3}

    def __init__(self) -> None:
        self.made: list[list[int]] = []
        self.gone: list[list[str]] = []
        self.alone: list[int] = []
        self.pause: Callable[[], None] = lambda: None

    def create(self, ticket: Ticket, resource: Any) -> Any:
        self.alone.append(resource["number"])
        return resource

    def update(self, ticket: Ticket, before: Any, after: Any, changes: Any) -> Any:
        self.alone.append(after["number"])
        return after

    def create_many(self, items: Sequence[tuple[Ticket, Any]]) -> list[Any]:
        self.pause()
        numbers = [resource["number"] for _, resource in items]
        self.made.append(numbers)
        if 0 in numbers:
            raise RuntimeError("zero")
        return [
            invalid_value(f"{number}") if number < 0 else {"number": number, "id": str(number)}
            for number in numbers
        ]

    def delete_many(self, items: Sequence[tuple[Ticket, str]]) -> list[ScimError | None]:
        self.pause()
        self.gone.append([id for _, id in items])
        return [None for _ in items]


def create(collection: Collection, number: int) -> Any:
    try:
        return collection.create(TICKET, {"number": number})["id"]
    except (ScimError, RuntimeError) as error:
        return type(error)


def together(numbers: Gathering, given: Sequence[int]) -> list[Any]:
    with numbers.at_work(len(given)), ThreadPoolExecutor(len(given)) as threads:
        started = [threads.submit(create, numbers, number) for number in given]
        return [one.result(LONG) for one in started]


@pytest.fixture
def behind() -> Numbers:
    return Numbers()


@pytest.fixture
def numbers(behind: Numbers) -> Gathering:
    return Gathering(behind, patience=LONG)


def test_what_waits_together_goes_in_one_call(behind: Numbers, numbers: Gathering) -> None:
    assert together(numbers, [1, 2, 3]) == ["1", "2", "3"]
    assert [sorted(one) for one in behind.made] == [[1, 2, 3]]


def test_what_is_full_does_not_wait_for_the_rest(behind: Numbers, numbers: Gathering) -> None:
    with numbers.at_work(9), ThreadPoolExecutor(5) as threads:
        assert sorted(threads.map(lambda n: create(numbers, n), range(1, 6))) == list("12345")
    assert [len(one) for one in behind.made] == [5]


def test_an_error_is_ones_own(behind: Numbers, numbers: Gathering) -> None:
    assert together(numbers, [1, -2, 3]) == ["1", ScimError, "3"]
    assert len(behind.made) == 1


def test_what_breaks_the_call_reaches_everyone(behind: Numbers, numbers: Gathering) -> None:
    assert together(numbers, [1, 0, 3]) == [RuntimeError] * 3
    assert together(numbers, [1, 3]) == ["1", "3"]


def test_a_common_error_is_given_to_each_apart(behind: Numbers, numbers: Gathering) -> None:
    def broken(items: Any) -> Any:
        raise ScimError(504, "no answer", unknown=True)

    behind.create_many = broken  # type: ignore[method-assign]
    errors = []

    def failed(number: int) -> None:
        with pytest.raises(ScimError) as raised:
            numbers.create(TICKET, {"number": number})
        errors.append(raised.value)

    with numbers.at_work(3), ThreadPoolExecutor(3) as threads:
        list(threads.map(failed, range(3)))
    assert [(error.status, error.unknown) for error in errors] == [(504, True)] * 3
    assert len({id(error) for error in errors}) == 3


def test_nobody_at_work_waits_for_nobody(behind: Numbers, numbers: Gathering) -> None:
    assert create(numbers, 1) == "1"
    with numbers.at_work():
        assert create(numbers, 2) == "2"
    assert behind.made == [[1], [2]]


def test_who_stops_working_is_not_waited_for(behind: Numbers, numbers: Gathering) -> None:
    stops = threading.Event()

    def idle() -> None:
        with numbers.at_work():
            stops.wait(LONG)

    with ThreadPoolExecutor(2) as threads:
        idling = threads.submit(idle)
        while not numbers._at_work:
            sleep(0.001)
        with numbers.at_work():
            written = threads.submit(create, numbers, 1)
            while not numbers._open:
                sleep(0.001)
            assert behind.made == []
            stops.set()
            assert written.result(LONG) == "1"
        idling.result(LONG)


def test_patience_ends(behind: Numbers) -> None:
    numbers = Gathering(behind, patience=0.05)
    with numbers.at_work(2):
        before = monotonic()
        assert create(numbers, 1) == "1"
        assert 0.05 <= monotonic() - before < LONG


def test_the_call_counts_for_one_of_the_writes(behind: Numbers, numbers: Gathering) -> None:
    calls = []

    def counting(number: int) -> None:
        with counted() as counter:
            create(numbers, number)
            calls.append(counter.calls)

    behind.pause = lambda: http._counter.get().count()  # type: ignore[union-attr]
    with numbers.at_work(4), ThreadPoolExecutor(4) as threads:
        list(threads.map(counting, range(1, 5)))
    assert sorted(calls) == [0, 0, 0, 1]


def test_what_the_lms_takes_one_by_one_goes_straight_through(
    behind: Numbers, numbers: Gathering
) -> None:
    with numbers.at_work(9):
        numbers.update(TICKET, {}, {"number": 1}, ())
        numbers.create(Rehearsal(), {"number": 2})
    assert behind.alone == [1, 2]


def test_nothing_of_a_collection_is_forgotten() -> None:
    public = {name for name in vars(Collection) if not name.startswith("_")}
    gathering = vars(Gathering(Numbers())).keys() | vars(Gathering).keys()
    assert public - gathering == {"require"}


def test_under_load_nothing_is_lost(behind: Numbers) -> None:
    chance = random.Random(4)
    behind.pause = lambda: sleep(chance.random() / 500)
    numbers = Gathering(behind, patience=0.01)

    def work(number: int) -> Any:
        if number % 3:
            return create(numbers, number)
        return numbers.delete(TICKET, str(number))

    with numbers.at_work(16), ThreadPoolExecutor(16) as threads:
        results = list(threads.map(work, range(1, 1001), timeout=60))
    assert results == [str(n) if n % 3 else None for n in range(1, 1001)]
    assert sorted(n for one in behind.made for n in one) == [n for n in range(1001) if n % 3]
    assert sorted(int(n) for one in behind.gone for n in one) == list(range(3, 1001, 3))
    assert max(len(one) for one in behind.made) <= 5
    assert max(len(one) for one in behind.gone) <= 3
    assert len(behind.made) < 300
    assert (numbers._at_work, numbers._open) == (0, {})


class Gateway:
    """A gateway's writer, and the users of its Moodle behind a gathering."""

    def __init__(self, service: Service, patience: float = 0.2) -> None:
        known = service.app.extensions["matricula"]
        self.service = service
        self.target: Target = known["targets"]["moodle"]
        self.writer: Writer = known["services"].writer
        self.users = Gathering(self.target.connector.collections["User"], patience)

    def create(self, body: dict[str, Any]) -> Any:
        return self.writer.create(self.target, self.users, CALLER, lambda: body)

    def all(self, write: Callable[[Any], Any], given: Sequence[Any]) -> list[Any]:
        """Return what the writes return, or the errors that they raise, made side by side."""

        def outcome(one: Any) -> Any:
            try:
                return write(one)
            except ScimError as error:
                return error

        with self.users.at_work(len(given)), ThreadPoolExecutor(len(given)) as threads:
            return list(threads.map(outcome, given, timeout=60))

    def calls(self, name: str) -> int:
        site = self.service.moodle.site
        return [function for function, _ in site.calls].count(name)


@pytest.fixture
def gateway(make: Callable[..., Service]) -> Iterator[Gateway]:
    service = make("moodle")
    service.forget()
    yield Gateway(service)


def people(count: int) -> list[dict[str, Any]]:
    return [person(f"p{number}") for number in range(count)]


def test_a_hundred_accounts_are_made_in_two_calls(make: Callable[..., Service]) -> None:
    gateway = Gateway(make("moodle"), patience=LONG)
    gateway.service.forget()
    made = gateway.all(gateway.create, people(100))
    assert gateway.calls(CREATE) == 2
    assert len(gateway.service.moodle.site.calls) == 4
    events = gateway.service.events
    assert {event["outcome"] for event in events} == {"success"}
    assert sorted(event["resourceId"] for event in events) == sorted(one["id"] for one in made)
    assert len({event["resourceId"] for event in events}) == 100
    assert sum(event["upstreamCalls"] for event in events) == 4
    names = {event["resourceId"]: event["login"] for event in events}
    assert names == {one["id"]: one["userName"] for one in made}


def test_one_bad_account_fails_alone(gateway: Gateway) -> None:
    site = gateway.service.moodle.site
    holder = site.add_user(username="holder", email="p3@example.edu")
    bodies = [person(f"p{number}") for number in range(8)]
    made = gateway.all(gateway.create, bodies)
    assert [number for number, one in enumerate(made) if isinstance(one, ScimError)] == [3]
    assert (made[3].status, made[3].scim_type) == (409, "uniqueness")
    assert str(holder.id) in made[3].detail
    outcomes = {event["login"]: event["outcome"] for event in gateway.service.events}
    assert outcomes == {f"p{n}": "refused" if n == 3 else "success" for n in range(8)}


def test_accounts_are_disabled_and_deleted_together(make: Callable[..., Service]) -> None:
    gateway = Gateway(make("moodle", moodle_policies={"delete": "delete"}))
    ids = [one["id"] for one in gateway.all(gateway.create, people(12))]
    gateway.service.forget()
    off = {"op": "replace", "path": "active", "value": False}

    def disable(id: str) -> Any:
        write = gateway.writer.patch
        return write(gateway.target, gateway.users, CALLER, id, lambda: patch_op(off))

    def delete(id: str) -> Any:
        return gateway.writer.delete(gateway.target, gateway.users, CALLER, id)

    assert [one["active"] for one in gateway.all(disable, ids)] == [False] * 12
    assert gateway.all(delete, ids) == [None] * 12
    assert gateway.calls(UPDATE) < 6
    assert gateway.calls(DELETE) < 6
    assert {event["outcome"] for event in gateway.service.events} == {"success"}
    assert all(gateway.service.moodle.site.users[int(id)].deleted for id in ids)


def test_two_of_one_name_do_not_wait_for_each_other_for_ever(gateway: Gateway) -> None:
    made = gateway.all(gateway.create, [person("twin"), person("Twin"), person("other")])
    refused = [one for one in made if isinstance(one, ScimError)]
    assert [one.status for one in refused] == [409]
    assert made[2]["userName"] == "other"
    outcomes = sorted(event["outcome"] for event in gateway.service.events)
    assert outcomes == ["refused", "success", "success"]


@pytest.mark.parametrize("kind", ["drop_after", "truncated", "timeout_before"])
def test_what_nobody_saw_the_end_of_is_settled_for_each(gateway: Gateway, kind: str) -> None:
    gateway.service.moodle.faults.add(kind, match=CREATE)
    made = gateway.all(gateway.create, people(6))
    site = gateway.service.moodle.site
    there = {user.username for user in site.users.values()}
    for one, event in zip(
        sorted(people(6), key=lambda one: str(one["userName"])),
        sorted(gateway.service.events, key=lambda event: str(event["login"])),
        strict=True,
    ):
        assert event["login"] == one["userName"]
        assert (event["outcome"] == "success") is (one["userName"] in there)
    if kind == "timeout_before":
        assert {one.status for one in made} == {504}
        assert {event["outcome"] for event in gateway.service.events} == {"unknown"}
    else:
        assert [one["userName"] for one in made] == [one["userName"] for one in people(6)]
