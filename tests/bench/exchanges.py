"""Several requests or one: bulk beside single changes, pages by cursor beside pages by index."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import httpx

from schemas.messages import PATCH_OP
from tests.bench.stand import SLOW, Stand, stand

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
CHANGES = 50
CONNECTIONS = 16
GOAL = 250
PAGES = 10
PAGE = 100


class Missing(Exception):
    """The gateway does not have what is to be measured."""


def bulk(server: str, rounds: int) -> None:
    """Compare 50 PATCHes one after another with the same ones in one request."""
    with stand(server, SLOW, CHANGES, CONNECTIONS) as place:
        print(f"\n{CHANGES} PATCHes; upstream {SLOW:g} ms, {CONNECTIONS} connections")
        singly, calls = _measured(place, rounds, _one_after_another)
        print(f"one after another {singly:8.0f} ms{calls:8.0f} calls", flush=True)
        try:
            at_once, calls = _measured(place, rounds, _in_bulk)
        except Missing as reason:
            print(f"one POST /Bulk: {reason}")
            return
        print(
            f"one POST /Bulk    {at_once:8.0f} ms{calls:8.0f} calls; ratio {singly / at_once:.1f}, "
            f"goal {GOAL} ms: {'met' if at_once <= GOAL else 'missed'}"
        )


def cursors(server: str, rounds: int) -> None:
    """Compare pages by cursor with pages by index."""
    with stand(server, SLOW, PAGES * PAGE) as place:
        print(f"\n{PAGES} pages of {PAGE} users; upstream {SLOW:g} ms")
        for name, walk in (("startIndex", _by_index), ("cursor", _by_cursor)):
            try:
                took, calls = _measured(place, rounds, walk)
            except Missing as reason:
                print(f"by {name}: {reason}")
                continue
            print(f"by {name:12}{took:8.0f} ms{calls / PAGES:8.2f} calls a page", flush=True)


def _measured(
    place: Stand, rounds: int, work: Callable[[httpx.Client], None]
) -> tuple[float, float]:
    """Return the medians of milliseconds and calls, after one round that does not count."""
    times, calls = [], []
    headers = {"Authorization": f"Bearer {place.token}"}
    base = f"http://127.0.0.1:{place.gateway}/moodle/scim/v2"
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
        for _ in range(rounds + 1):
            place.calls()
            started = perf_counter()
            work(client)
            times.append((perf_counter() - started) * 1000)
            calls.append(place.calls().total())
    return median(times[1:]), median(calls[1:])


def _changes() -> list[tuple[str, dict[str, Any]]]:
    """Return (path, PatchOp) for each user: a new name each time, so that every one is a write."""
    name = f"Ann {secrets.token_hex(4)}"
    change = {"op": "replace", "path": "name.givenName", "value": name}
    body = {"schemas": [PATCH_OP], "Operations": [change]}
    return [(f"/Users/{2 + number}", body) for number in range(CHANGES)]


def _one_after_another(client: httpx.Client) -> None:
    for path, body in _changes():
        answer = client.patch(path, json=body)
        assert answer.status_code == 200, answer.text


def _in_bulk(client: httpx.Client) -> None:
    operations = [{"method": "PATCH", "path": path, "data": body} for path, body in _changes()]
    answer = client.post("/Bulk", json={"schemas": [BULK], "Operations": operations})
    if answer.status_code in (404, 405, 501):
        raise Missing(answer.json()["detail"])
    assert answer.status_code == 200, answer.text
    statuses = [str(done["status"]) for done in answer.json()["Operations"]]
    assert statuses == ["200"] * CHANGES, answer.text[:1000]


def _by_index(client: httpx.Client) -> None:
    for page in range(PAGES):
        _check_page(client.get("/Users", params={"startIndex": 1 + page * PAGE, "count": PAGE}))


def _by_cursor(client: httpx.Client) -> None:
    cursor: str | None = ""
    for _ in range(PAGES):
        if cursor is None:
            raise Missing("no nextCursor in the answer")
        answer = client.get("/Users", params={"cursor": cursor, "count": PAGE})
        _check_page(answer)
        cursor = answer.json().get("nextCursor")
    assert cursor is None, "a cursor after the last page"


def _check_page(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["Resources"]) == PAGE, answer.text[:300]
