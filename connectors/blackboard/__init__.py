"""Blackboard Learn: users, courses, groups, memberships and roles through its public REST API."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from connectors.base import Connector, Finding, Options
from connectors.blackboard.check import findings
from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.courses import Courses, course_ids
from connectors.blackboard.groups import Groups
from connectors.blackboard.memberships import Memberships
from connectors.blackboard.roles import Roles
from connectors.blackboard.sources import Sources
from connectors.blackboard.users import Users
from connectors.walking import Walker


class Blackboard(Connector):
    """One Learn site, reached with its URL and the key and secret of a registered application.

    Configuration of the target: `client_id`, `client_secret`, `reserve` (calls of the day that
    lists leave over, 100), `walk_courses` (how many courses a search without one may visit, 200).
    """

    def __init__(self, options: Options) -> None:
        self._client = BlackboardClient(options)
        sources = Sources(self._client, "v1/dataSources", "dataSourceId")
        walker = Walker(
            partial(course_ids, self._client), int(options.more.get("walk_courses", 200))
        )
        self.collections = {
            "User": Users(self._client, options, sources),
            "Group": Groups(self._client, options, walker),
            "Course": Courses(self._client, sources),
            "Membership": Memberships(self._client, options, sources, walker),
            "Role": Roles(self._client),
        }

    def check(self) -> Iterable[Finding]:
        return findings(self._client)

    def ping(self) -> None:
        self._client.get("v1/system/version")

    def close(self) -> None:
        self._client.http.close()
