"""Kills: the gateway dies without notice while clients write, and starts again."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx

from tests.campaign.invariants import (
    check_clients,
    check_database,
    check_events,
    check_ledger,
    check_replay,
    events_of,
    keep_events,
    open_events,
)
from tests.campaign.processes import Gateway, Moodle, gateway, moodle, wait_until
from tests.campaign.report import Report, counts, spread
from tests.campaign.traffic import PATIENCE_SECONDS, Client, over_http

CLIENTS = 4
SECRET = "Kept-Nowhere-4711"


def run(count: int, seed: int) -> Report:
    """Kill the gateway so many times, then compare LMS, audit log and clients."""
    report = Report("kills", seed)
    dice = random.Random(seed)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="campaign-"))
        site = stack.enter_context(moodle())
        with gateway(Path(folder), site) as served:
            served.start(1)
            base = f"{served.url}/moodle/scim/v2"
            clients = [
                Client(
                    f"k{seed % 1000}c{number}",
                    stack.enter_context(over_http(base)),
                    random.Random(dice.random()),
                    secret=SECRET,
                    partly=True,
                )
                for number in range(CLIENTS)
            ]
            threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
            for thread in threads:
                thread.start()
            try:
                _kill_often(report, dice, served, site, count)
            finally:
                for client in clients:
                    client.stopped.set()
            for thread in threads:
                thread.join(PATIENCE_SECONDS)
                report.expect(not thread.is_alive(), "a client does not end")
            report.expect(not served.ended(), "the gateway ended")
        _conclude(report, clients, served, site)
    return report


def _kill_often(
    report: Report, dice: random.Random, served: Gateway, site: Moodle, count: int
) -> None:
    left_open: list[int] = []
    starts: list[float] = []
    took: list[float] = []
    kinds: Counter[str] = Counter()
    for number in range(count):
        _disturb(dice, site, dice.uniform(0.1, 0.9))
        workers = served.workers()
        if len(workers) > 1 and dice.random() < 0.5:
            kinds["one worker"] += 1
            with suppress(ProcessLookupError):
                os.kill(dice.choice(workers), signal.SIGKILL)
            open_ = open_events(served.database)
            site.behave()
            wait_until(lambda: served.ended() or len(served.workers()) > 1, "a new worker")
        else:
            kinds[f"gateway of {len(workers)}"] += 1
            served.kill()
            open_ = open_events(served.database)
            site.behave()
            starts.append(served.start(2 if number % 2 == 0 else 1))
        left_open.append(len(open_))
        starts += _start_again(served, kinds)
        try:
            took.append(
                wait_until(
                    lambda: not open_ & open_events(served.database),  # noqa: B023
                    "the end of what the dead process left open",
                )
            )
        except TimeoutError:
            report.expect(False, f"kill {number}: {open_ & open_events(served.database)} stay open")
    starts += _start_again(served, kinds)
    report.figures |= {
        "kills": f"{count} ({counts(kinds)})",
        "events left open by kills": sum(left_open),
        "kills that left events open": sum(1 for number in left_open if number),
        "ready again": spread(starts),
        "settled after that": spread(took),
    }


def _start_again(served: Gateway, kinds: Counter[str]) -> list[float]:
    """Start a server that gave up, as it does when a worker dies twice within seconds."""
    time.sleep(0.2)
    if not served.ended():
        return []
    kinds["server gave up"] += 1
    served.kill()
    return [served.start(2)]


def _disturb(dice: random.Random, site: Moodle, seconds: float) -> None:
    """Slow down calls of the LMS for a while, so that a kill falls between call and answer."""
    until = time.monotonic() + seconds
    with suppress(httpx.HTTPError):
        while time.monotonic() < until:
            kind = "timeout_before" if dice.random() < 0.1 else "timeout_after"
            times = 1 if kind == "timeout_before" else 5
            site.plan(kind, delay=dice.uniform(0, 0.08), times=times)
            time.sleep(dice.uniform(0.01, 0.05))


def _conclude(report: Report, clients: list[Client], served: Gateway, site: Moodle) -> None:
    events = events_of(served.database)
    users, cohorts = site.users(), site.cohorts()
    with _counted(report, "open after recovery, or made twice"):
        check_events(report, events)
    with _counted(report, "acknowledged, then lost"):
        check_clients(report, clients, users, cohorts)
    with _counted(report, "writes that no event tells of"):
        check_replay(report, events, users, cohorts)
    check_ledger(report, served.database)
    check_database(report, served.database, [SECRET])
    report.expect(SECRET not in served.log.read_text(), "a password stands in the log")
    figures: Counter[str] = Counter()
    for client in clients:
        figures += client.figures
        report.failures += client.surprises
    report.failures += exceptions(served.log.read_text())
    keep_events(report, events)
    settled = Counter(
        event["outcome"] for event in events if "finished" in event and "status" not in event
    )
    created = sum(1 for e in events if e["operation"] == "create" and e["outcome"] == "success")
    report.figures |= {
        "client": counts(figures),
        "LMS": f"{len(users)} accounts, {len(cohorts)} groups, {site.calls()} calls",
        "events": f"{len(events)} ({counts(Counter(e['outcome'] for e in events))})",
        "created once each": created,
        "settled later, by outcome": counts(settled),
    }


@contextmanager
def _counted(report: Report, what: str) -> Iterator[None]:
    """Put into the figures how often the block finds it."""
    before = len(report.failures)
    yield
    report.figures[what] = len(report.failures) - before


def exceptions(log: str) -> list[str]:
    """Return the different exceptions that a gateway's log tells of."""
    found = {line[-1500:] for line in log.splitlines() if '"level":"error"' in line}
    return sorted(found)[:3]
