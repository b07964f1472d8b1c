"""The conversation with Canvas's REST API: tokens, lists, the bucket, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import orjson

from connectors.addresses import with_query
from connectors.answers import json_of, refuse_circle
from connectors.base import Options
from connectors.canvas.bucket import Bucket
from connectors.canvas.refusals import is_throttled, refusal
from connectors.canvas.tokens import token_of
from connectors.http import HttpClient, Response
from connectors.ticket import NoWrite, Permit, Ticket, demand
from schemas.errors import ScimError

PREFIX = "/api/v1/"
MOST = 100
"""How many rows Canvas gives at most in one answer."""
ROOT = "accounts/self"
"""The root account of the site, by whichever number it has."""

Rows = list[dict[str, Any]]

_NEXT = re.compile(r'<([^>]*)>;\s*rel="next"')
_AN_ID = re.compile(r"[0-9]+|[0-9]+~[0-9]+|\w+:.*|.*@.*|self")


class CanvasClient:
    """Calls of one Canvas site; paths are below `/api/v1/`, such as `users/7`."""

    def __init__(self, options: Options) -> None:
        self.http = HttpClient(options, is_throttled=is_throttled)
        self.bucket = Bucket()
        self._token = token_of(self.http, options)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Return one object, or None when there is none."""
        response = self._call(NoWrite.READ, "GET", with_query(path, query))
        if response.status_code == 404:
            return None
        body = _body(_accepted(response, reading=True), path)
        if not isinstance(body, dict):
            raise ScimError(502, f"Canvas's answer to {_name('GET', path)} is no object.")
        return body

    def page(self, path: str, query: Mapping[str, Any] | None = None) -> tuple[Rows, str]:
        """Return a part of a list and the link to the next, "" after the last.

        `path` may be such a link. Raises 404 when the list's owner does not exist.
        """
        response = _accepted(self._call(NoWrite.READ, "GET", with_query(path, query)), reading=True)
        rows = _body(response, path)
        if not isinstance(rows, list):
            raise ScimError(502, f"Canvas sent no list for {_name('GET', path)}.")
        found = _NEXT.search(response.headers.get("Link", ""))
        # A full page always leads to a next one, which may be empty and is then the end.
        following = found[1] if found and rows else ""
        refuse_circle("Canvas", path, following)
        return rows, following

    def rows(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Rows]:
        """Yield a list page by page."""
        link = with_query(path, {"per_page": MOST, **(query or {})})
        while link:
            found, link = self.page(link)
            yield found

    def send(self, ticket: Ticket, method: str, path: str, body: Any = None) -> Any:
        """Make a write and return the body of its answer.

        Raises ScimError: 400 for a refused value, 403, 404, 409 for what is taken.
        """
        demand(ticket)
        return self._sent(ticket, method, path, body)

    def upload(self, ticket: Ticket, path: str, content: bytes, kind: str) -> Any:
        """Make a write of a file of a media type and return the body of its answer."""
        demand(ticket)
        return _body(
            _accepted(self._call(ticket, "POST", path, content, kind), reading=False), path
        )

    def order(self, report: str, parameters: Any) -> Any:
        """Let Canvas make a report, which changes nothing else; return the body of its answer."""
        return self._sent(NoWrite.QUERY, "POST", report, parameters)

    def fetch(self, link: str) -> Response:
        """Return the answer to a link on the site, a redirection included."""
        return self._call(NoWrite.READ, "GET", link, redirects=True)

    def _sent(self, permit: Permit, method: str, path: str, body: Any) -> Any:
        content = None if body is None else orjson.dumps(body)
        response = self._call(permit, method, path, content)
        return _body(_accepted(response, reading=False), path)

    def _call(
        self,
        permit: Permit,
        method: str,
        path: str,
        content: bytes | None = None,
        kind: str = "application/json",
        *,
        redirects: bool = False,
    ) -> Response:
        """Send a call, and once more with a new token when the old one is not valid any more."""
        token = self._token.value()
        call = partial(self._call_once, permit, method, path, content, kind, redirects)
        response = call(token)
        if response.status_code == 401 and "WWW-Authenticate" in response.headers:
            # Nothing was done: Canvas looks at the token first.
            renewed = self._token.value(not_this=token)
            if renewed != token:
                response = call(renewed)
        return response

    def _call_once(
        self,
        permit: Permit,
        method: str,
        path: str,
        content: bytes | None,
        kind: str,
        redirects: bool,
        token: str,
    ) -> Response:
        headers = {"Authorization": f"Bearer {token}"}
        if content is not None:
            headers["Content-Type"] = kind
        with self.bucket.call():
            response = self.http.send(
                method,
                path if path.startswith(("http:", "https:")) else PREFIX + path,
                permit=permit,
                name=_name(method, path),
                repeatable=method == "GET",
                content=content,
                headers=headers,
                redirects=redirects,
            )
            self.bucket.note(response.headers)
        return response


def _name(method: str, path: str) -> str:
    """Return the call's name in metrics: the path without ids."""
    parts = path.split("?")[0].rpartition(PREFIX)[2].split("/")
    return f"{method} " + "/".join("{id}" if _AN_ID.fullmatch(part) else part for part in parts)


def _accepted(response: Response, *, reading: bool) -> Response:
    if response.status_code < 300:
        return response
    raise refusal(response, reading=reading)


def _body(response: Response, path: str) -> Any:
    return json_of(response, "Canvas", _name("", path).strip())
