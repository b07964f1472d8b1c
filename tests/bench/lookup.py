"""Look-ups of a person: in each target by itself, and in all five side by side, as ratios."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.settings import parse
from gateway.simulators import SIMULATORS
from gateway.tokens import Tokens
from tests.bench.stand import process
from tests.connectors.operations import TICKET
from tests.gateway.service import person

USERS = 10_000
_TARGETS = ("memory", *SIMULATORS)
_TIMES = 7
_DELAYS = (0.0, 0.2)
_TOKEN = "the-token-of-the-bench"
_QUESTIONS = ('userName eq "ann"', 'externalId eq "E-1"', 'userName eq "nobody"')


def measure(rounds: int) -> None:
    """Print the milliseconds of look-ups, medians, and what all cost over the slowest and over all.

    The simulators are processes of their own, which answer at once and then after a while; the
    gateway answers in this process.
    """
    with _gateway() as (client, urls):
        for delay in _DELAYS:
            for url in urls:
                _slow_down(url, delay)
            print(f"\nLook-ups among {USERS:,} users in each LMS, which answers after {delay:g} s")
            heads = (*_TARGETS, "all five", "of slowest", "of the sum", "four LMSs", "of slowest")
            print(f"{'ms':22}" + "".join(f"{head:>13}" for head in heads))
            for question in _QUESTIONS:
                alone = [_milliseconds(client, f"/{name}", question, rounds) for name in _TARGETS]
                five = _milliseconds(client, "", question, rounds)
                four = _milliseconds(client, "", f'{question} and target ne "memory"', rounds)
                print(
                    f"{question:22}" + "".join(f"{took:13.1f}" for took in (*alone, five)), end=""
                )
                print(f"{five / max(alone):13.2f}{five / sum(alone):13.2f}", end="")
                print(f"{four:13.1f}{four / max(alone[1:]):13.2f}", flush=True)


def _slow_down(url: str, delay: float) -> None:
    """Let a simulator answer every call after a delay in seconds."""
    plan = {"kind": "timeout_after", "delay": delay, "times": 10**9}
    httpx.delete(f"{url}/_simulator/faults").raise_for_status()
    httpx.post(f"{url}/_simulator/faults", json=plan).raise_for_status()


def _milliseconds(client: FlaskClient, target: str, filter: str, rounds: int) -> float:
    query = {"filter": filter, "attributes": "userName,externalId,name,emails"}
    times = []
    for _ in range(rounds * _TIMES + 1):
        started = perf_counter()
        answer = client.get(f"{target}/scim/v2/Users", query_string=query)
        times.append((perf_counter() - started) * 1000)
        if answer.status_code != 200 or len(answer.json["schemas"]) > 1:
            raise AssertionError(answer.text)
    return median(times[1:])


@contextmanager
def _gateway() -> Iterator[tuple[FlaskClient, list[str]]]:
    """Give a client of a gateway in front of five LMSs, each with ann, and the simulators' URLs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="matricula-bench-")))
        targets: dict[str, dict[str, object]] = {"memory": {"connector": "memory"}}
        for name in SIMULATORS:
            command = [sys.executable, "-m", "gateway.cli", "simulate", name, "--json"]
            size = ["--users", str(USERS), "--cohorts", "0", "--courses", "0"]
            running = stack.enter_context(process(*command, *size))
            assert running.stdout is not None
            site = json.loads(running.stdout.readline())
            targets[name] = {"connector": name, "allow_private_network": True, **site}
        table = {
            "allow_clear_secrets": True,
            "database": {"url": "sqlite:///bench.db"},
            "targets": targets,
        }
        app = create_app(parse(table, folder))
        parts = app.extensions["matricula"]
        users = parts["targets"]["memory"].connector.collections["User"]
        for number in range(USERS):
            users.create(TICKET, person(f"user{number}", externalId=f"E{number}"))
        Tokens(parts["database"]).add(_TOKEN, name="bench", targets=["all"], scopes=["admin"])
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {_TOKEN}"
        for name in targets:
            made = client.post(f"/{name}/scim/v2/Users", json=person("ann", externalId="E-1"))
            if made.status_code != 201:
                raise AssertionError(made.text)
        yield client, [str(entry["url"]) for entry in targets.values() if "url" in entry]
        for target in parts["targets"].values():
            target.connector.close()
        parts["database"].close()
