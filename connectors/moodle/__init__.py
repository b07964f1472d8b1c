"""Moodle: users, courses, memberships, groups and roles through its REST web service."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.base import Collection, Connector, Finding, Options
from connectors.moodle.check import Setup, findings
from connectors.moodle.client import MoodleClient
from connectors.moodle.cohorts import Cohorts
from connectors.moodle.coursegroups import KIND, CourseGroups
from connectors.moodle.courses import Courses, category_of
from connectors.moodle.enrolments import Memberships
from connectors.moodle.groups import Groups, kinds_of
from connectors.moodle.reports import report_of
from connectors.moodle.roles import Roles, RoleTable
from connectors.moodle.users import Users
from connectors.moodle.walking import Walker


class Moodle(Connector):
    """One Moodle site, reached with its base URL and a web service token.

    Configuration of the target: `groups` (the kinds of groups, `["cohort"]`; `"courseGroup"` adds
    those of courses), `walk_courses` (how many courses a search without one may visit, 200),
    `report` (the id of a custom report that tells who has changed).
    """

    def __init__(self, options: Options) -> None:
        self._client = MoodleClient(options)
        report = report_of(self._client, options)
        self._users = Users(self._client, options, report)
        self._kinds = kinds_of(options.more.get("groups", ["cohort"]))
        self._walker = Walker(self._client, int(options.more.get("walk_courses", 200)))
        roles = RoleTable(options)
        self._setup = Setup(
            category=category_of(options),
            role=roles.id_of(roles.default),
            course_groups=KIND in self._kinds,
            report=report,
        )
        self.collections = {
            "User": self._users,
            "Group": self._groups(),
            "Course": Courses(self._client, options),
            "Membership": Memberships(self._client, self._users, roles, self._walker),
            "Role": Roles(roles),
        }

    def check(self) -> Iterable[Finding]:
        return findings(self._client, self._users.mapping, self._setup)

    def ping(self) -> None:
        self._client.call("core_webservice_get_site_info")

    def own_account(self) -> str | None:
        return str(self._client.call("core_webservice_get_site_info")["userid"])

    def close(self) -> None:
        self._client.http.close()

    def _groups(self) -> Collection:
        cohorts = Cohorts(self._client, self._users)
        groups = CourseGroups(self._client, self._users, self._walker)
        if KIND not in self._kinds:
            return cohorts
        return Groups(cohorts, groups) if "cohort" in self._kinds else groups
