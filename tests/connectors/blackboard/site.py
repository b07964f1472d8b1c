"""A client of the simulator for tests; it holds every answer against the vendor's description."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jsonschema import Draft4Validator
from werkzeug.test import TestResponse

from connectors.blackboard.simulator import Simulator, Site

FIXTURES = Path(__file__).parents[2] / "fixtures" / "blackboard"
PREFIX = "/learn/api/public"
START = 1_740_000_000
"""The time at which the tests' clocks stand: 2025-02-19T21:20:00Z."""

UNSTATED = frozenset({400, 401, 403, 404, 405, 429})
"""Statuses that an operation may have without its description saying so."""


def fixture(name: str) -> Any:
    """Return a recorded body, without the file's notes on it."""
    content = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    return content["body"] if isinstance(content, dict) and "body" in content else content


@cache
def description() -> dict[str, Any]:
    """Return the vendor's description, made to refuse what it does not name.

    What is known of real answers is let in: `status` of an error is a number, `parentId` of a group
    may be null, and roles that a site has added are not among the keys that are listed.
    """
    document: dict[str, Any] = fixture("openapi-trimmed.json")
    definitions = document["definitions"]
    definitions["RestException"]["properties"]["status"] = {"type": "integer"}
    definitions["Group"]["properties"]["parentId"] = {"type": ["string", "null"]}
    for name in ("CourseMembership", "UserMembership"):
        definitions[name]["properties"]["courseRoleId"]["enum"].append("Auditor")
    definitions["SystemRoleEnum"] = {
        "type": "string",
        "enum": [*definitions["SystemRoleEnum"]["enum"], "Help.Desk"],
    }
    _close(document)
    return document


def _close(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("properties") and isinstance(node["properties"], dict):
            node.setdefault("additionalProperties", False)
        for inner in list(node.values()):
            _close(inner)
    elif isinstance(node, list):
        for inner in node:
            _close(inner)


def operation_of(method: str, path: str) -> tuple[str, str] | None:
    """Return the method and the path template of the description that a call belongs to."""
    asked = path.split("/")
    templates = [
        template
        for template, operations in description()["paths"].items()
        if method.lower() in operations and _fits(template.split("/"), asked)
    ]
    if not templates:
        return None
    return method, min(templates, key=lambda template: template.count("{"))


def _fits(template: list[str], asked: list[str]) -> bool:
    return len(template) == len(asked) and all(
        part.startswith("{") or part == value for part, value in zip(template, asked, strict=True)
    )


def check(method: str, path: str, status: int, body: Any) -> tuple[str, str] | None:
    """Hold an answer against the description; return the operation that it belongs to."""
    found = operation_of(method, path)
    if found is None:
        assert status in UNSTATED, (method, path, status)
        check_as("RestException", body)
        return None
    responses = description()["paths"][found[1]][method.lower()]["responses"]
    response = responses.get(str(status))
    if response is None:
        assert status in UNSTATED, (method, path, status)
        check_as("OAuth2Error" if "/oauth2/" in path else "RestException", body)
    elif "schema" in response:
        check_as(response["schema"], body)
    else:
        assert body in (None, {}), (method, path, status, body)
    return found


def check_as(schema: str | dict[str, Any], body: Any) -> None:
    """Hold a body against a definition or a schema of the description."""
    if isinstance(schema, str):
        schema = {"$ref": f"#/definitions/{schema}"}
    whole = {**schema, "definitions": description()["definitions"]}
    errors = [
        f"{'/'.join(map(str, one.absolute_path))}: {one.message}"
        for one in Draft4Validator(whole).iter_errors(body)
    ]
    assert not errors, errors


class Client:
    """Calls a simulator in this process with a token; paths are those after the common prefix."""

    def __init__(self, simulator: Simulator, token: str | None = None) -> None:
        self.simulator = simulator
        self.http = simulator.test_client()
        self.token = token or self.ask_for_token().json["access_token"]
        self.visited: set[tuple[str, str]] = set()

    @property
    def site(self) -> Site:
        return self.simulator.site

    def ask_for_token(self, **changes: Any) -> Any:
        site = self.site
        values = {"grant_type": "client_credentials"}
        given = {"data": values, "auth": (site.client_id, site.client_secret), **changes}
        return self.http.post(f"{PREFIX}/v1/oauth2/token", **given)

    def __call__(
        self,
        address: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **parameters: Any,
    ) -> TestResponse:
        """Make a call such as `GET v1/users` and return its checked answer."""
        method, _, path = address.partition(" ")
        path, _, query = path.partition("?")
        if parameters:
            query = urlencode(parameters, safe=",:")
        sent = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        answer = self.http.open(
            f"{PREFIX}/{path}{'?' if query else ''}{query}",
            method=method,
            headers=sent,
            **({} if body is None else {"json": body}),
        )
        read = answer.get_json() if answer.data else None
        found = check(method, f"{PREFIX}/{path}", answer.status_code, read)
        if found is not None:
            self.visited.add(found)
        return answer

    def ok(self, address: str, body: Any = None, **parameters: Any) -> Any:
        """Make a call that must succeed and return the body of its answer."""
        answer = self(address, body, **parameters)
        assert answer.status_code < 400, answer.text
        return answer.get_json() if answer.data else None

    def refused(self, address: str, body: Any = None, **parameters: Any) -> tuple[int, str]:
        """Make a call that must fail and return the status and the message."""
        answer = self(address, body, **parameters)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.get_json()["message"]

    def status(self, address: str, body: Any = None, **parameters: Any) -> int:
        return self(address, body, **parameters).status_code

    def rows(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of one answer."""
        results: list[dict[str, Any]] = self.ok(f"GET {path}", **parameters)["results"]
        return results

    def names(self, path: str, name: str, /, **parameters: Any) -> list[Any]:
        """Return one property of the rows of one answer."""
        return [row.get(name) for row in self.rows(path, **parameters)]

    def walk(self, path: str, **parameters: Any) -> list[list[dict[str, Any]]]:
        """Follow a list to its end and return the rows of each answer."""
        pages = []
        page = self.ok(f"GET {path}", **parameters)
        pages.append(page["results"])
        while "paging" in page:
            page = self.ok("GET " + page["paging"]["nextPage"].removeprefix(f"{PREFIX}/"))
            pages.append(page["results"])
        return pages


def person(login: str, **changes: Any) -> dict[str, Any]:
    """Return the body of a new account."""
    full_name = {"given": "Ann", "family": "Vega"}
    return {"userName": login, "password": "Passw0rd!x", "name": full_name, **changes}


def course(course_id: str, **changes: Any) -> dict[str, Any]:
    """Return the body of a new course."""
    return {"courseId": course_id, "name": course_id, **changes}
