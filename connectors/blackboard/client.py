"""The conversation with Blackboard Learn's REST API: tokens, lists, refusals, the day's budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from connectors.addresses import with_query
from connectors.answers import refuse_circle
from connectors.base import Options, each_once
from connectors.blackboard.budget import Budget
from connectors.blackboard.tokens import token_of
from connectors.http import Busy, HttpClient, Response
from connectors.probing import Probe
from connectors.ticket import NoWrite, Permit, Ticket, demand
from schemas.errors import ScimError, forbidden, invalid_value, not_found, uniqueness

PREFIX = "/learn/api/public/"
Rows = list[dict[str, Any]]

_LINKS = ("/", "http:", "https:")
"""How a link begins that Learn gave; one to another site is refused on the road."""


class BlackboardClient:
    """Calls of one Learn site; paths are below `/learn/api/public/`, such as `v1/users`."""

    def __init__(self, options: Options) -> None:
        self.http = HttpClient(options)
        self.budget = Budget(int(options.more.get("reserve", 100)))
        self._token = token_of(
            self.http,
            str(options.more.get("client_id", "")),
            str(options.more.get("client_secret", "")),
        )

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Return one object, or None when there is none."""
        response = self._call(NoWrite.READ, "GET", with_query(path, query), _name("GET", path))
        if response.status_code == 404:
            return None
        return _body(self._accepted(response, path, reading=True), path)

    def page(self, path: str, query: Mapping[str, Any] | None = None) -> tuple[Rows, str]:
        """Return a part of a list and the link to the next, "" after the last.

        `path` may be such a link. Lists wait while only the reserve of the day's calls is left,
        so that look-ups and writes go on. Raises 404 when the list's owner does not exist.
        """
        self.budget.refuse_lists()
        response = self._call(NoWrite.READ, "GET", with_query(path, query), _name("GET", path))
        body = _body(self._accepted(response, path, reading=True), path)
        rows = body.get("results")
        following = body.get("paging", {}).get("nextPage", "")
        if not isinstance(rows, list) or not isinstance(following, str):
            raise ScimError(502, f"Blackboard sent no list for {_name('GET', path)}.")
        refuse_circle("Blackboard", path, following)
        return rows, following

    def rows(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Rows]:
        """Yield a list page by page, each object once: rows move while the list is walked."""
        return each_once(self._pages(with_query(path, query)), _key)

    def send(self, ticket: Ticket, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Make a write and return the object that it answers with, {} where there is none.

        Raises ScimError: 400 for a refused value, 403, 404, 409 for what is taken or in the way.
        """
        demand(ticket)
        return self._sent(ticket, method, path, body)

    def probe(self, probe: Probe) -> None:
        """Make a call that changes nothing whether it is allowed or not. Raises ScimError."""
        if probe.method == "GET":
            self.page(probe.path)
        else:
            self._sent(NoWrite.PROBE, probe.method, probe.path, probe.body)

    def _sent(self, permit: Permit, method: str, path: str, body: Any) -> dict[str, Any]:
        content = None if body is None else orjson.dumps(body)
        response = self._call(permit, method, path, _name(method, path), content)
        accepted = self._accepted(response, path, reading=False)
        return _body(accepted, path) if accepted.content else {}

    def _pages(self, link: str) -> Iterator[Rows]:
        while link:
            rows, link = self.page(link)
            yield rows

    def _call(
        self, permit: Permit, method: str, path: str, name: str, content: bytes | None = None
    ) -> Response:
        """Send a call, and once more with a new token when the old one is not valid any more."""
        response = self._call_once(permit, method, path, name, content, self._token.value())
        if response.status_code == 401:
            # Nothing was done: Learn looks at the token first.
            used = response.request.headers["Authorization"].removeprefix("Bearer ")
            response = self._call_once(
                permit, method, path, name, content, self._token.value(not_this=used)
            )
        return response

    def _call_once(
        self,
        permit: Permit,
        method: str,
        path: str,
        name: str,
        content: bytes | None,
        token: str,
    ) -> Response:
        self.budget.refuse_all()
        headers = {"Authorization": f"Bearer {token}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self.http.send(
                method,
                path if path.startswith(_LINKS) else PREFIX + path,
                permit=permit,
                name=name,
                repeatable=method == "GET",
                content=content,
                headers=headers,
            )
        except Busy as busy:
            if busy.response.status_code == 429:
                self.budget.used_up(busy.response.headers, busy.retry_after)
            raise
        self.budget.note(response.headers)
        return response

    def _accepted(self, response: Response, path: str, *, reading: bool) -> Response:
        status = response.status_code
        if status < 300:
            return response
        said = _message(response)
        match status:
            case 400 | 422:
                raise invalid_value(f"Blackboard refuses the request: {said}")
            case 401:
                raise ScimError(502, "Blackboard does not take the token that it gave.")
            case 403:
                raise forbidden(
                    f"Blackboard does not allow this to the integration's user: {said} "
                    "(`matricula check` names missing entitlements)"
                )
            case 404:
                raise not_found(f"Blackboard: {said}")
            case 409:
                raise uniqueness(f"Blackboard refuses: {said}")
        raise ScimError(502, f"Blackboard answered with status {status}.", unknown=not reading)


def _name(method: str, path: str) -> str:
    """Return the call's name in metrics: the path without ids."""
    parts = path.split("?")[0].removeprefix(PREFIX).split("/")
    return f"{method} " + "/".join("{id}" if _is_id(part) else part for part in parts)


def _is_id(part: str) -> bool:
    return part.startswith("_") or ":" in part


def _key(row: dict[str, Any]) -> str:
    return str(row.get("id") or f"{row.get('courseId')} {row.get('userId')}")


def _body(response: Response, path: str) -> dict[str, Any]:
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise ScimError(502, f"Blackboard's answer to {_name('', path).strip()} is no JSON object.")
    return body


def _message(response: Response) -> str:
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        body = {}
    said = body.get("message") if isinstance(body, dict) else None
    return str(said or f"status {response.status_code}")[:300]
