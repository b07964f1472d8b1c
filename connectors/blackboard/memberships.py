"""Memberships of a Learn site, from the course's side and from the person's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.addresses import path_value
from connectors.base import Collection, Options, each_once
from connectors.blackboard import fields
from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.fields import ID, an_id
from connectors.blackboard.listed import MOST, is_refused_search
from connectors.blackboard.sources import Sources
from connectors.flat import NULL, flat, nested
from connectors.logins import fill_logins
from connectors.mapping import Field, Mapping, Push, Resource, read_only
from connectors.pairs import Pairs
from connectors.planning import Branch, Plan
from connectors.ticket import Ticket
from connectors.walking import Walker
from schemas.changes import Change
from schemas.errors import ScimError, invalid_value
from schemas.membership import MEMBERSHIP

LIST = "memberships"
"""One call by course, by person, or of the one membership: whichever the filter names."""
MOST_OF_COURSE = 200

PAIRS = Pairs(ID)
"""The ids: of the course and the person, or the group."""


def membership_mapping(options: Options, sources: Sources) -> Mapping:
    """Return the mapping of memberships.

    Configuration of the target: `default_course_role` (`Student`).
    """
    role = str(options.more.get("default_course_role", "Student"))
    user_name = fields.key("userName")

    def side(path: str) -> Field:
        push = {"eq": Push(LIST, path, value=fields.id_key)}
        return Field(path, path, write=an_id, modifiable=False, required=True, push=push)

    return Mapping(
        MEMBERSHIP,
        read_only("id", "key",
                  push={"eq": Push(LIST, "id", key=True, alone=True, value=PAIRS.key)}),
        side("userId"),
        side("courseId"),
        read_only("userName", "user.userName", costly=True,
              push={"eq": Push(LIST, "userId", value=user_name)}),
        Field("courseRoleId", "courseRoleId", filled=True, empty=None, default=role,
              push=fields.equal(LIST, "role")),
        Field("available", "availability.available", filled=True, empty=None,
              push=fields.equal(LIST, "availability.available")),
        Field("childCourseId", "childCourseId", empty=NULL, write=an_id),
        Field("dataSourceId", "dataSourceId", filled=True, empty=None, write=an_id,
              settle=sources.id_of, push=fields.equal(LIST, "dataSourceId", fields.pushed_id)),
        read_only("bypassCourseAvailabilityUntil", "bypassCourseAvailabilityUntil"),
        read_only("lastAccessed", "lastAccessed", push=fields.bounds(LIST, "lastAccessed")),
        *fields.dates(LIST),
        walk="goes from course to course, for Blackboard has no list of all; name a courseId or a "
        "userId",
    )  # fmt: skip


class Memberships(Collection):
    """Who is in which course."""

    def __init__(
        self, client: BlackboardClient, options: Options, sources: Sources, walker: Walker
    ) -> None:
        self.mapping = membership_mapping(options, sources)
        self._client = client
        self._walker = walker

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(
            [self._resource(row) for row in rows]
            for branch in plan.searches
            for rows in self._found(branch)
        )

    def get(self, id: str) -> Resource | None:
        pair = PAIRS.of(id)
        return None if pair is None else self._one(*pair)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        """Fill the login names in; the lists of courses have them already."""
        if "userName" in wanted:
            fill_logins(resources, self._login_of)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = self.mapping.to_native(resource)
        user, course = native.pop("userId"), native.pop("courseId")
        try:
            row = self._client.send(ticket, "PUT", _path(course, user), nested(native))
        except ScimError as error:
            if error.status == 404:
                raise invalid_value(
                    f"There is no such user, course or role: {error.detail}"
                ) from None
            raise
        return self._resource({"courseId": course, "userId": user, **row})

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        native = self.mapping.to_native_changes(changes)
        path = _path(before["courseId"], before["userId"])
        try:
            row = self._client.send(ticket, "PATCH", path, nested(native))
        except ScimError as error:
            if error.status == 404 and "courseRoleId" in native and self.get(before["id"]):
                raise invalid_value(
                    f"courseRoleId: there is no {after['courseRoleId']!r}."
                ) from None
            raise
        if "courseId" not in row:
            return after
        made = self._resource(row)
        if "userName" in before:
            made.setdefault("userName", before["userName"])
        return made

    def delete(self, ticket: Ticket, id: str) -> None:
        course, user = PAIRS.of(id) or ("", "")
        self._client.send(ticket, "DELETE", _path(course, user))

    def find_again(self, resource: Resource) -> Resource | None:
        return self._one(resource["courseId"], resource["userId"])

    def _login_of(self, user: str) -> str | None:
        return (self._client.get(f"v1/users/{user}", {"fields": "userName"}) or {}).get("userName")

    def _one(self, course: str, user: str) -> Resource | None:
        row = self._client.get(_path(course, user), {"expand": "user"})
        return None if row is None else self._resource(row)

    def _found(self, branch: Branch) -> Iterator[list[dict[str, Any]]]:
        query: dict[str, Any] = {}
        for condition in branch:
            query |= fields.query_of(condition.push.parameter, condition.values[0])
        course, user = query.pop("courseId", None), query.pop("userId", None)
        if "id" in query:
            course, user = PAIRS.of(query.pop("id")) or ("", "")
        if course and user:
            row = self._client.get(_path(course, user), {"expand": "user"})
            yield [] if row is None else [row]
        elif user:
            path = f"v1/users/{path_value(user)}/courses"
            yield from self._listed(path, {"limit": MOST}, query)
        elif course:
            yield from self._of_course(course, query)
        else:
            for each in self._walker.courses():
                yield from self._of_course(each, query)

    def _of_course(self, course: str, query: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        whole = {"limit": MOST_OF_COURSE, "expand": "user"}
        return self._listed(f"v1/courses/{course}/users", whole, query)

    def _listed(
        self, path: str, whole: dict[str, Any], query: dict[str, Any]
    ) -> Iterator[list[dict[str, Any]]]:
        try:
            yield from self._client.rows(path, {"sort": "created", **whole, **query})
        except ScimError as error:
            if is_refused_search(error, query):
                yield from self._listed(path, whole, {})
            elif error.status != 404:
                # There is no such course or person, or no more: nobody is a member.
                raise

    def _resource(self, row: dict[str, Any]) -> Resource:
        resource = self.mapping.to_scim({**flat(row), "key": f"{row['courseId']}.{row['userId']}"})
        if name := row.get("user", {}).get("userName"):
            resource["userName"] = name
        return resource


def _path(course: str, user: str) -> str:
    return f"v1/courses/{course}/users/{path_value(user)}"
