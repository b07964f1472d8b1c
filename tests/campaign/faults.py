"""Faults: the LMS fails in every way that a simulator can, while clients write."""

from __future__ import annotations

import logging
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.base import Options
from connectors.faults import KINDS, Faults
from connectors.http import HttpClient
from connectors.moodle.simulator import Simulator, create_simulator
from gateway.app import create_app
from gateway.settings import Settings, TargetSettings
from gateway.settling import Settler
from gateway.tombstones import Tombstones
from schemas.errors import ERROR_URN
from tests.campaign.invariants import (
    check_clients,
    check_database,
    check_events,
    check_replay,
    events_of,
    keep_events,
)
from tests.campaign.loopback import served
from tests.campaign.processes import keep_token
from tests.campaign.report import Report, counts
from tests.campaign.traffic import PATIENCE_SECONDS, Client, over_flask

CLIENTS = 8
SECRET = "Kept-Nowhere-0815"
TIMEOUT_SECONDS = 0.6
_FAULTY = 0.4
_STATUSES = (429, 500, 502, 503, 504)

Send = Callable[[str, str, Any], tuple[int, Any]]


def run(count: int, seed: int) -> Report:
    """Send so many changes through faults, then compare LMS, audit log and clients."""
    report = Report("faults", seed)
    dice = random.Random(seed)
    simulator = create_simulator()
    kinds: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="campaign-") as folder,
        served(simulator) as url,
        _gateway(Path(folder), url, simulator.site.token) as app,
        _silence(),
    ):
        clients = []
        for number in range(CLIENTS):
            own = random.Random(dice.random())
            send = _checking(report, over_flask(app, "/moodle/scim/v2"))
            send = _disturbing(simulator.faults, own, kinds, send)
            name = f"f{seed % 1000}c{number}"
            clients.append(Client(name, send, own, secret=SECRET, partly=True))
        share = -(-count // CLIENTS)
        threads = [
            threading.Thread(target=client.run, args=(share,), daemon=True) for client in clients
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS + share)
            report.expect(not thread.is_alive(), "a client does not end")
        simulator.faults.clear()
        database = Path(folder) / "matricula.db"
        before = Counter(event["outcome"] for event in events_of(database))
        settled = _settle(app)
        _conclude(report, clients, simulator, database)
    report.figures |= {
        "faults": counts(kinds),
        "events before settling": counts(before),
        "settled at the end": counts(settled),
    }
    return report


@contextmanager
def _gateway(folder: Path, url: str, token: str) -> Iterator[Any]:
    database = folder / "matricula.db"
    keep_token(database)
    options = Options(
        name="moodle", url=url, token=token, timeout=TIMEOUT_SECONDS, allow_private_network=True
    )
    app = create_app(
        Settings(f"sqlite:///{database}", {"moodle": TargetSettings("moodle", options)})
    )
    made = app.extensions["matricula"]
    # Faults come in rows here that would keep the breaker open most of the time.
    client: HttpClient = made["targets"]["moodle"].connector.collections["User"]._client.http
    client.breaker.pause = 0.05
    try:
        yield app
    finally:
        made["targets"]["moodle"].connector.close()
        made["database"].close()


@contextmanager
def _silence() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _disturbing(faults: Faults, dice: random.Random, kinds: Counter[str], send: Send) -> Send:
    def disturbed(method: str, path: str, body: Any) -> tuple[int, Any]:
        if dice.random() < _FAULTY and len(faults.planned) < CLIENTS:
            kind = dice.choice(sorted(KINDS))
            kinds[kind] += 1
            late = dice.random() < 0.3
            faults.add(
                kind,
                delay=TIMEOUT_SECONDS * 1.3 if late else dice.uniform(0, 0.05),
                status=dice.choice(_STATUSES),
                retry_after=dice.choice((None, 0)),
                times=dice.choice((1, 1, 1, 2, 4)),
            )
        return send(method, path, body)

    return disturbed


def _checking(report: Report, send: Send) -> Send:
    def checked(method: str, path: str, body: Any) -> tuple[int, Any]:
        status, answer = send(method, path, body)
        if status >= 400:
            schemas = answer.get("schemas") if isinstance(answer, dict) else None
            report.expect(schemas == [ERROR_URN], f"{method} {path}: no SCIM error: {answer}")
            report.expect("Traceback" not in str(answer), f"{method} {path}: {answer}")
        return status, answer

    return checked


def _settle(app: Any) -> dict[str, int]:
    made = app.extensions["matricula"]
    tombstones = Tombstones(made["database"], made["ledger"].keys.digest)
    settler = Settler(made["database"], made["audit"], tombstones)
    return settler.settle_all(made["targets"])


def _conclude(report: Report, clients: list[Client], simulator: Simulator, database: Path) -> None:
    site = simulator.site
    users = {
        str(user.id): {name: getattr(user, name) for name in user.__slots__}
        for user in site.users_in_order()
        if not user.deleted
    }
    cohorts = {
        f"cohort-{c.id}": {"name": c.name, "members": sorted(c.members)}
        for c in site.cohorts.values()
    }
    events = events_of(database)
    check_events(report, events)
    check_clients(report, clients, users, cohorts)
    check_replay(report, events, users, cohorts)
    check_database(report, database, [SECRET])
    figures: Counter[str] = Counter()
    for client in clients:
        figures += client.figures
        report.failures += client.surprises
    keep_events(report, events)
    report.figures |= {
        "client": counts(figures),
        "LMS": f"{len(users)} accounts, {len(cohorts)} groups, {len(site.calls)} calls",
        "events": f"{len(events)} ({counts(Counter(e['outcome'] for e in events))})",
    }
