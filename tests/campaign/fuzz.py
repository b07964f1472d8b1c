"""Fuzz: requests of every kind of nonsense; the answer is SCIM, never a 500, never a hang."""

from __future__ import annotations

import logging
import random
import re
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.campaign.invariants import check_database
from tests.campaign.nonsense import SECRET, Nonsense
from tests.campaign.report import Report, counts, spread
from tests.gateway.service import Service, check_answer, make_service

LONGEST_SECONDS = 20.0


def run(count: int, seed: int) -> Report:
    """Send so many requests to all targets."""
    report = Report("fuzz", seed)
    nonsense = Nonsense(random.Random(seed))
    statuses: Counter[str] = Counter()
    took: list[float] = []
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
            service = make_service(Path(folder), users=30, cohorts=3)
            try:
                for number in range(count):
                    started = time.monotonic()
                    status = _send(report, service, nonsense, number)
                    took.append(time.monotonic() - started)
                    statuses[str(status)] += 1
                check_log(report, service)
            finally:
                service.close()
            check_database(report, Path(folder) / "matricula.db", [SECRET])
    finally:
        logging.disable(before)
    report.figures |= {
        "requests": count,
        "answers": counts(statuses),
        "time": spread(took),
        "requests a second": round(count / sum(took)) if took else 0,
    }
    return report


def _send(report: Report, service: Service, nonsense: Nonsense, number: int) -> int:
    """Send one request and check its answer; return the status, 0 when there was none."""
    method, path, more = nonsense.request()
    shown = f"request {number}: {method} {path} {more}"[:1500]
    try:
        with bounded():
            response = service.client.open(path, method=method, **more)
    except Exception as error:
        report.expect(False, f"{shown}: {error!r}")
        return 0
    status = response.status_code
    try:
        if method not in ("HEAD", "OPTIONS") and status != 304 and path.count("/") > 3:
            if not path.endswith("/openapi.json"):
                check_answer(response)
            nonsense.learn(response.json if response.data else None)
        fine = status < 500 or status == 501
        report.expect(fine, f"{shown}: {response.text[:300]}")
        report.expect(not failed_within(response.text), f"{shown}: {response.text[:1500]}")
        report.expect(SECRET not in response.text, f"{shown}: the password is shown")
    except Exception as error:
        report.expect(False, f"{shown}: {status} {response.text[:300]} {error!r}")
    return int(status)


def failed_within(text: str) -> bool:
    """Tell whether an operation of a bulk request has failed by the service's own fault."""
    return bool(re.search(r'"status":"50[02-9]"', text))


def check_log(report: Report, service: Service) -> None:
    """Check that every write in the audit log has an outcome that is known."""
    for event in service.events:
        report.expect(event["outcome"] != "open", f"event {event['sequence']} is open")
        report.expect(event["outcome"] != "unknown", f"unknown: {event}"[:500])


@contextmanager
def bounded() -> Iterator[None]:
    """Break a request off that takes too long, where signals can be had."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def broken_off(*_: object) -> None:
        raise TimeoutError(f"no answer within {LONGEST_SECONDS:.0f} seconds")

    before = signal.signal(signal.SIGALRM, broken_off)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
