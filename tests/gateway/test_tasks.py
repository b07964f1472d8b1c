"""Tasks that wait for each other: any graph ends, in order, within the limits."""

from __future__ import annotations

import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.tasks import Task, run_all


class Log:
    """Who began and ended when, and how many were at work at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.events: list[tuple[str, int]] = []
        self.now = self.most = 0

    def task(self, number: int, after: frozenset[int], fails: bool, later: bool = False) -> Task:
        def run(missing: frozenset[int]) -> tuple[bool, Task | None]:
            with self.lock:
                self.events.append(("begin", number))
                self.now += 1
                self.most = max(self.most, self.now)
            with self.lock:
                self.events.append(("end", number))
                self.now -= 1
            return not fails, self.task(number, missing - {number}, False) if later else None

        return Task(number, after, run)


GRAPHS = st.integers(1, 12).flatmap(
    lambda size: st.lists(
        st.tuples(st.frozensets(st.integers(0, size - 1), max_size=3), st.booleans()),
        min_size=size,
        max_size=size,
    )
)


@settings(max_examples=200)
@given(graph=GRAPHS, limit=st.integers(1, 4))
def test_any_graph_ends(graph: list[tuple[frozenset[int], bool]], limit: int) -> None:
    log = Log()
    tasks = [log.task(n, after, fails) for n, (after, fails) in enumerate(graph)]
    run_all(tasks, limit=limit)
    assert sorted(n for what, n in log.events if what == "end") == list(range(len(graph)))
    assert log.most <= limit


@settings(max_examples=200)
@given(graph=GRAPHS, limit=st.integers(1, 4), errors=st.integers(1, 4))
def test_without_circles_the_order_holds_and_errors_stop(
    graph: list[tuple[frozenset[int], bool]], limit: int, errors: int
) -> None:
    log = Log()
    forward = [(frozenset(a for a in after if a < n), f) for n, (after, f) in enumerate(graph)]
    run_all([log.task(n, a, f) for n, (a, f) in enumerate(forward)], limit=limit, errors=errors)
    for number, (after, _) in enumerate(forward):
        if ("begin", number) in log.events:
            begun = log.events.index(("begin", number))
            assert all(log.events.index(("end", other)) < begun for other in after)
    failed = sum(forward[n][1] for what, n in log.events if what == "end")
    assert failed <= errors
    if failed < errors:
        assert sum(what == "end" for what, _ in log.events) == len(graph)


def test_what_follows_is_done_too() -> None:
    log = Log()
    first = log.task(0, frozenset({1}), False, later=True)
    second = log.task(1, frozenset({0}), False)
    run_all([first, second], limit=2)
    assert [n for what, n in log.events if what == "end"] == [0, 1, 0]
