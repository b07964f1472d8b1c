"""A client of the simulator for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from connectors.brightspace.simulator import Clock, Simulator, Site, create_simulator

FIXTURES = Path(__file__).parents[2] / "fixtures" / "brightspace"
START = 1_772_460_000
"""The time at which the tests' clocks stand: 2026-03-02T14:00:00Z."""

LP, LE = "/d2l/api/lp/1.62", "/d2l/api/le/1.96"
TOKEN = "/core/connect/token"
REDIRECT = "https://gateway.example.org/integrations/add"
ORG, LEARNER, INSTRUCTOR = 6606, 110, 109
MOST_PAGES = 50


def fixture(name: str) -> Any:
    """Return a recorded body."""
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def simulator(users: int = 0, courses: int = 0, **settings: Any) -> Simulator:
    """Return a simulator whose clock stands still."""
    return create_simulator(users, courses, clock=Clock(START), **settings)


class Client:
    """Calls a simulator in this process; paths are those after the product's version."""

    def __init__(self, simulator: Simulator, scope: str = "") -> None:
        self.simulator = simulator
        self.http = simulator.test_client()
        self.refresh_token = self.site.consent(scope)
        self.token = self.refresh()["access_token"]

    @property
    def site(self) -> Site:
        return self.simulator.site

    def ask(self, **form: str) -> TestResponse:
        """Make a call to the token endpoint with the application's credentials."""
        pair = {"client_id": self.site.client_id, "client_secret": self.site.client_secret}
        return self.http.post(TOKEN, data={**pair, **form})

    def refresh(self) -> Any:
        """Exchange the refresh token and keep the next one."""
        answer = self.ask(grant_type="refresh_token", refresh_token=self.refresh_token)
        assert answer.status_code == 200, answer.text
        self.refresh_token = answer.get_json()["refresh_token"]
        return answer.get_json()

    def __call__(
        self,
        address: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        base: str = LP,
        **parameters: Any,
    ) -> TestResponse:
        """Make a call such as `GET users/`."""
        method, _, path = address.partition(" ")
        sent = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        query = urlencode(parameters)
        return self.http.open(
            f"{base}/{path}" if not path.startswith("/") else path,
            method=method,
            headers=sent,
            **({"query_string": query} if query else {}),
            **({} if body is None else {"json": body}),
        )

    def ok(self, address: str, body: Any = None, **parameters: Any) -> Any:
        """Make a call that must succeed; return its body, or None when there is none."""
        answer = self(address, body, **parameters)
        assert answer.status_code == 200, answer.text
        if not answer.data:
            assert "Content-Type" not in answer.headers
            return None
        return answer.get_json()

    def le(self, address: str, body: Any = None, **parameters: Any) -> Any:
        """Make a call to the product `le` that must succeed."""
        return self.ok(address, body, base=LE, **parameters)

    def status(self, address: str, body: Any = None, **parameters: Any) -> int:
        return self(address, body, **parameters).status_code

    def refused(self, address: str, body: Any = None, **parameters: Any) -> tuple[int, str]:
        """Make a call that must fail; return the status and the message of either envelope."""
        answer = self(address, body, **parameters)
        assert answer.status_code >= 400, answer.text
        told = answer.get_json(force=True)
        if "Errors" in told:
            return answer.status_code, told["Errors"][0]["Message"]
        return answer.status_code, told["detail"]

    def walk(self, path: str, **parameters: Any) -> list[list[Any]]:
        """Follow bookmarks to the end and return the items of each part."""
        parts = []
        for _ in range(MOST_PAGES):
            part = self.ok(f"GET {path}", **parameters)
            parts.append(part["Items"])
            if not part["PagingInfo"]["HasMoreItems"]:
                return parts
            parameters["bookmark"] = part["PagingInfo"]["Bookmark"]
        raise AssertionError("the list does not end")

    def add(self, user_name: str = "ada", **changes: Any) -> Any:
        """Create an account and return its block."""
        return self.ok("POST users/", person(user_name, **changes))


def person(user_name: str, **changes: Any) -> dict[str, Any]:
    """Return the body of a new account."""
    full = {
        **fixture("user_create"),
        "UserName": user_name,
        "OrgDefinedId": f"E-{user_name}",
        "ExternalEmail": f"{user_name}@example.edu",
    }
    return {**full, **changes}


def changed(user: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the body that replaces an account by itself with changes."""
    kept = {name: user[name] for name in fixture("user_update")}
    return {**kept, **changes}
