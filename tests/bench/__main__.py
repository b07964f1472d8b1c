"""`make bench`: the gateway and the floor, side by side in one run; medians of three rounds.

    python -m tests.bench [--seconds 2] [--rounds 3] [--server granian|gthread] [--only NAME]

NAME is an operation such as 'GET by id', or filters, bulk, cursor, lookup, audit or ledger.

Both are served by the same server with the same workers and threads, before the same upstream,
once instant and once answering after 25 ms.
"""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Callable
from statistics import median

from schemas.messages import PATCH_OP
from tests.bench import audit, exchanges, filters, ledger, lookup
from tests.bench.load import Result, request, run
from tests.bench.stand import SLOW, WORKERS, memory, stand

USERS = 1000


def json_body(message: dict[str, object]) -> bytes:
    """Return a JSON body."""
    return json.dumps(message).encode()


def operations(users: int) -> dict[str, Callable[[str], Callable[[int], bytes]]]:
    """Return what is measured: by name, from the token to the n-th request."""
    base = "/moodle/scim/v2/Users"
    mark = secrets.token_hex(4)

    def patch(number: int) -> bytes:
        change = {"op": "replace", "path": "active", "value": False}
        return json_body({"schemas": [PATCH_OP], "Operations": [change]})

    def post(number: int) -> bytes:
        name = f"new-{mark}-{number}"
        return json_body(
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": name,
                "name": {"givenName": "New", "familyName": "Person"},
                "emails": [{"value": f"{name}@example.edu", "type": "work"}],
            }
        )

    def page(number: int) -> int:
        return 101 + 100 * (number % (users // 100 - 1))

    def one(number: int) -> int:
        return 2 + number % users

    return {
        "GET by id": lambda t: lambda n: request("GET", f"{base}/{one(n)}", t),
        "userName eq": lambda t: (
            lambda n: request("GET", f"{base}?filter=userName%20eq%20%22user{one(n)}%22", t)
        ),
        "page of 100": lambda t: (
            lambda n: request("GET", f"{base}?startIndex={page(n)}&count=100", t)
        ),
        "PATCH active": lambda t: lambda n: request("PATCH", f"{base}/{one(n)}", t, patch(n)),
        "POST": lambda t: lambda n: request("POST", base, t, post(n)),
    }


def floor_request(number: int) -> bytes:
    """Return the floor's n-th request."""
    return request("GET", f"/users/{2 + number % 1000}")


def direct_request(number: int) -> bytes:
    """Return the n-th request to the upstream itself."""
    body = b"wsfunction=core_user_get_users_by_field&field=id&values%%5B0%%5D=%d" % (
        2 + number % 1000
    )
    return request("POST", "/", "", body)


def middle(results: list[Result]) -> Result:
    """Return the medians of several rounds."""
    return Result(
        median(r.rate for r in results),
        median(r.p50 for r in results),
        median(r.p99 for r in results),
        sum(r.failures for r in results),
    )


def compare(server: str, delay: float, seconds: float, rounds: int, only: str) -> None:
    """Measure every operation against the floor's GET and print one line for each."""
    with stand(server, delay, USERS) as place:
        print(f"\nUpstream answers after {delay:g} ms; {server}, {WORKERS} workers")
        print(
            f"{'operation':14}{'callers':>8}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}"
            f"{'floor req/s':>13}{'floor p50':>11}{'ratio':>8}{'over upstream':>15}"
            f"{'calls':>7}{'failed':>8}"
        )
        run(place.gateway, operations(USERS)["page of 100"](place.token), callers=1, seconds=0.5)
        for name, make in operations(USERS).items():
            if only and only != name:
                continue
            for callers in (1, 16, 64):
                ours: list[Result] = []
                theirs: list[Result] = []
                direct: list[Result] = []
                counted = 0.0
                for _ in range(rounds):
                    direct.append(
                        run(place.upstream, direct_request, callers=callers, seconds=seconds / 2)
                    )
                    theirs.append(run(place.floor, floor_request, callers=callers, seconds=seconds))
                    place.calls()
                    got = run(place.gateway, make(place.token), callers=callers, seconds=seconds)
                    ours.append(got)
                    counted += place.calls().total() / max(1, got.rate * seconds)
                us, floor = middle(ours), middle(theirs)
                over = us.p50 - middle(direct).p50
                ratio = median(a.rate / b.rate for a, b in zip(ours, theirs, strict=True))
                print(
                    f"{name:14}{callers:8}{us.rate:9.0f}{us.p50:9.2f}{us.p99:9.2f}"
                    f"{floor.rate:13.0f}{floor.p50:11.2f}{ratio:8.2f}{over:12.2f} ms"
                    f"{counted / rounds:7.2f}{us.failures:8}",
                    flush=True,
                )
        for name, pid in (("gateway", place.gateway_process), ("floor", place.floor_process)):
            workers, everything = memory(pid)
            print(
                f"memory of {name}: {WORKERS} workers {workers:.0f} MB, in all {everything:.0f} MB"
            )


def pages(server: str, seconds: float) -> None:
    """Measure pages of 100 with 1,000 and with 10,000 users, alone and beside each other."""
    for users in (1000, 10_000):
        with stand(server, SLOW, users) as place:
            make = operations(users)["page of 100"](place.token)
            run(place.gateway, make, callers=1, seconds=1)
            direct = run(place.upstream, direct_request, callers=1, seconds=seconds)
            place.calls()
            got = run(place.gateway, make, callers=1, seconds=seconds)
            calls = place.calls().total() / max(1, got.rate * seconds)
            before, _ = memory(place.gateway_process)
            run(place.gateway, make, callers=16, seconds=seconds)
            after, _ = memory(place.gateway_process)
            print(
                f"page of 100 of {users:6} users: p50 {got.p50:.2f} ms, upstream + "
                f"{got.p50 - direct.p50:.2f} ms, {calls:.2f} calls; "
                f"memory of {WORKERS} workers {before:.0f} MB, after load {after:.0f} MB",
                flush=True,
            )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server", choices=["granian", "gthread"], default="granian")
    parser.add_argument("--only", default="", help="e.g. 'GET by id', filters, bulk, audit, ledger")
    asked = parser.parse_args()
    only = asked.only
    if only in ("", *operations(USERS)):
        for delay in (0.0, SLOW):
            compare(asked.server, delay, asked.seconds, asked.rounds, only)
    if only in ("", "page of 100"):
        print()
        pages(asked.server, asked.seconds)
    if only in ("", "filters"):
        filters.measure(asked.rounds)
    if only in ("", "bulk"):
        exchanges.bulk(asked.server, asked.rounds)
    if only in ("", "cursor"):
        exchanges.cursors(asked.server, asked.rounds)
    if only in ("", "lookup"):
        lookup.measure(asked.rounds)
    if only in ("", "audit"):
        audit.measure(asked.rounds)
    if only in ("", "ledger"):
        ledger.measure()


if __name__ == "__main__":
    main()
