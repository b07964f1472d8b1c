"""Moodle: users and cohorts through its REST web service."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.base import Connector, Finding, Options
from connectors.moodle.check import findings
from connectors.moodle.client import MoodleClient
from connectors.moodle.cohorts import Cohorts
from connectors.moodle.users import Users


class Moodle(Connector):
    """One Moodle site, reached with its base URL and a web service token."""

    def __init__(self, options: Options) -> None:
        self._client = MoodleClient(options)
        self._users = Users(self._client, options)
        self.collections = {"User": self._users, "Group": Cohorts(self._client, self._users)}

    def check(self) -> Iterable[Finding]:
        return findings(self._client, self._users.mapping)

    def ping(self) -> None:
        self._client.call("core_webservice_get_site_info")

    def close(self) -> None:
        self._client.http.close()
