"""Canvas: users, courses, groups, memberships and roles through its public REST API."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from connectors.base import Connector, Finding, Options
from connectors.canvas.check import findings
from connectors.canvas.client import CanvasClient
from connectors.canvas.courses import Courses, course_ids
from connectors.canvas.enrolling import Enroller
from connectors.canvas.groups import Groups
from connectors.canvas.memberships import Memberships
from connectors.canvas.roles import RoleBook, Roles
from connectors.canvas.users import Users
from connectors.http import HttpClient
from connectors.walking import Walker

CONNECTIONS = 12
"""Calls at once: what fits into the bucket of a token."""


class Canvas(Connector):
    """One Canvas site, reached with its URL and an administrator's token.

    Configuration of the target: `walk_courses` (how many courses a search without one may visit,
    200), and what the collections name.
    """

    def __init__(self, options: Options) -> None:
        options = replace(options, connections=min(options.connections, CONNECTIONS))
        self._client = CanvasClient(options)
        self._given, self._configured = options.token, options.more

        def open(origin: str) -> HttpClient:
            return HttpClient(replace(options, url=origin))

        walker = Walker(
            partial(course_ids, self._client), int(options.more.get("walk_courses", 200))
        )
        enroller = Enroller(self._client, RoleBook(self._client))
        self.collections = {
            "User": Users(self._client, options, open),
            "Group": Groups(self._client, options, enroller, walker),
            "Course": Courses(self._client),
            "Membership": Memberships(self._client, options, enroller, walker),
            "Role": Roles(self._client),
        }

    def check(self) -> Iterable[Finding]:
        return findings(self._client, self._given, self._configured)

    def ping(self) -> None:
        self._client.get("users/self")

    def own_account(self) -> str | None:
        own = self._client.get("users/self")
        return None if own is None else str(own["id"])

    def close(self) -> None:
        self._client.http.close()
