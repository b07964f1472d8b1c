"""A client of the Canvas simulator for tests, and the recorded bodies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from connectors.canvas.simulator import Clock, Simulator, Site, create_simulator

FIXTURES = Path(__file__).parents[2] / "fixtures" / "canvas"
START = 1_740_000_000
"""The time at which the tests' clocks stand: 2025-02-19T21:20:00Z."""

ADA = {
    "user": {"name": "Ada Byron", "short_name": "Ada", "locale": "en", "skip_registration": True},
    "pseudonym": {"unique_id": "abyron", "password": "correct-horse-9", "sis_user_id": "S-1001"},
    "communication_channel": {
        "type": "email",
        "address": "ada.byron@example.edu",
        "skip_confirmation": True,
    },
}


def fixture(name: str) -> Any:
    """Return a recorded body."""
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


class Client:
    """Calls a simulator in this process; paths are below /api/v1."""

    def __init__(self, users: int = 0, courses: int = 0, **settings: Any) -> None:
        self.simulator: Simulator = create_simulator(users, courses, Clock(START), **settings)
        self.site: Site = self.simulator.site
        self.token: str | None = self.site.token
        self._client = self.simulator.test_client()

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"User-Agent": "tests", **more.pop("headers", {})}
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        base = "https://canvas.example.edu"
        return self._client.open(
            f"/api/v1/{path}", method=method, headers=headers, base_url=base, **more
        )

    def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return self._body("GET", path, status, more)

    def post(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        return self._body("POST", path, status, {"json": body or {}, **more})

    def put(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        return self._body("PUT", path, status, {"json": body or {}, **more})

    def delete(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        return self._body("DELETE", path, status, {"json": body or {}, **more})

    def _body(self, method: str, path: str, status: int, more: dict[str, Any]) -> Any:
        response = self.call(method, path, **more)
        assert response.status_code == status, (method, path, response.text)
        return json.loads(response.text)

    def ada(self) -> dict[str, Any]:
        """Add the person of the recorded bodies."""
        made: dict[str, Any] = self.post("accounts/1/users", ADA)
        return made

    def person(self, login: str, **pseudonym: Any) -> dict[str, Any]:
        """Add a person with a login and nothing else."""
        given = {"pseudonym": {"unique_id": login, **pseudonym}}
        made: dict[str, Any] = self.post("accounts/1/users", given)
        return made

    def states(self, user_id: int) -> list[str]:
        """Return the states of a user's logins."""
        return [row["workflow_state"] for row in self.get(f"users/{user_id}/logins")]


def links(response: TestResponse) -> dict[str, str]:
    """Return the addresses of a Link header by their relation, in its order."""
    found = {}
    for part in response.headers["Link"].split(","):
        address, relation = part.split("; ")
        found[relation.removeprefix('rel="').removesuffix('"')] = address.strip("<>")
    return found


def walk(client: Client, path: str, most: int = 50) -> list[list[Any]]:
    """Return the pages of a list, following `next` at most so often."""
    pages = []
    for _ in range(most):
        response = client.call("GET", path)
        assert response.status_code == 200, response.text
        pages.append(json.loads(response.text))
        following = links(response).get("next")
        if following is None:
            return pages
        path = following.partition("/api/v1/")[2]
    raise AssertionError(f"more than {most} pages")


def assert_like(recorded: Any, ours: Any, place: str = "") -> None:
    """Hold a body against a recorded one: same keys, same kinds of values, null apart."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        assert recorded.keys() == ours.keys(), f"{place}: {recorded.keys() ^ ours.keys()}"
        for name, value in recorded.items():
            assert_like(value, ours[name], f"{place}.{name}")
    elif isinstance(recorded, list) and isinstance(ours, list):
        assert bool(recorded) == bool(ours), place
        for row in ours:
            assert_like(recorded[0], row, f"{place}[]")
    elif recorded is not None and ours is not None:
        assert type(recorded) is type(ours), f"{place}: {recorded!r}, {ours!r}"
