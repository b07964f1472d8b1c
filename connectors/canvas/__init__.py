"""Canvas: users, courses, groups, memberships and roles through its public REST API."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from connectors.base import Connector, Finding, Options
from connectors.canvas.check import findings
from connectors.canvas.client import CanvasClient
from connectors.canvas.users import Users
from connectors.http import HttpClient

CONNECTIONS = 12
"""Calls at once: what fits into the bucket of a token."""


class Canvas(Connector):
    """One Canvas site, reached with its URL and an administrator's token."""

    def __init__(self, options: Options) -> None:
        options = replace(options, connections=min(options.connections, CONNECTIONS))
        self._client = CanvasClient(options)
        self._given, self._configured = options.token, options.more

        def open(origin: str) -> HttpClient:
            return HttpClient(replace(options, url=origin))

        self.collections = {
            "User": Users(self._client, options, open),
        }

    def check(self) -> Iterable[Finding]:
        return findings(self._client, self._given, self._configured)

    def ping(self) -> None:
        self._client.get("users/self")

    def close(self) -> None:
        self._client.http.close()
