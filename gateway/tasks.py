"""Running tasks side by side that wait for each other, within a limit (for bulk requests)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do once the tasks with the numbers in `after` have ended.

    `run` is told which of them have not, where tasks wait for each other in a circle. It returns
    whether it succeeded, and what is to be done later because of that, or None.
    """

    number: int
    after: frozenset[int]
    run: Callable[[frozenset[int]], tuple[bool, Task | None]]


def run_all(tasks: Sequence[Task], *, limit: int, errors: int = 0) -> None:
    """Run the tasks, at most `limit` at once; of those that are ready the first one goes first.

    With `errors`, nothing more is started after so many failures; as those at work may fail, too,
    no more are at work than may still fail.
    """
    waiting = list(tasks)
    running = failures = 0
    ended: set[int] = set()
    results: SimpleQueue[tuple[int, Future[tuple[bool, Task | None]]]] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=max(1, min(limit, len(tasks)))) as pool:

        def start(task: Task) -> None:
            # Each runs in the context of the request: who asks, for which target.
            call = copy_context().run
            future = pool.submit(call, task.run, task.after - ended)
            future.add_done_callback(lambda done: results.put((task.number, done)))

        while waiting or running:
            ready = [task for task in waiting if task.after <= ended]
            if waiting and not ready and not running:
                ready = [_within_a_circle(waiting, ended)]
            if errors:
                ready = ready[: max(0, min(limit, errors - failures) - running)]
            numbers = {task.number for task in ready}
            waiting = [task for task in waiting if task.number not in numbers]
            for task in ready:
                start(task)
            running += len(ready)
            if not running:
                return
            number, future = results.get()
            running -= 1
            ended.add(number)
            succeeded, later = future.result()
            failures += not succeeded
            if later is not None:
                waiting.append(later)


def _within_a_circle(waiting: Sequence[Task], ended: set[int]) -> Task:
    """Return a task that waits for itself in the end, where every task waits for another one."""
    tasks = {task.number: task for task in waiting}
    task = waiting[0]
    seen: set[int] = set()
    while task.number not in seen:
        seen.add(task.number)
        task = tasks[min(task.after - ended)]
    return task
