"""Course groups of a Moodle site as Groups: the mapping, and the methods on `core_group_*`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Collection
from connectors.mapping import Field, Impossible, Mapping, Native, Push, Resource, read_only
from connectors.members import (
    changed_members,
    members_field,
    refuse_unenrolled,
    shown_members,
)
from connectors.moodle.client import BAD_COURSE, MoodleClient, MoodleError, chunks
from connectors.moodle.courses import BY_FIELD, course_key, course_number
from connectors.moodle.fields import text
from connectors.moodle.members import member_id, name_members
from connectors.moodle.participants import Participants
from connectors.moodle.walking import Walker
from connectors.planning import Branch, Plan
from connectors.steps import all_or_nothing
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import ScimError, invalid_value, not_found_resource, uniqueness
from schemas.group import GROUP, LMS_GROUP

KIND = "courseGroup"
PREFIX = "group-"
"""Begins the SCIM id of a course group."""
LIST = "core_group_get_course_groups"
BY_ID = "core_group_get_groups"
MEMBERS = "core_group_get_group_members"

_ID = re.compile(PREFIX + r"([1-9][0-9]{0,17})")


def group_number(value: Any) -> str:
    """Return the number of a course group that a filter names, if it is one."""
    found = _ID.fullmatch(value)
    if found is None:
        raise Impossible
    return found[1]


def _name(value: Any) -> str:
    return text(254, name=True, zero=True)(value).strip()


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def course_group_mapping() -> Mapping:
    """Return the mapping of course groups."""
    return Mapping(
        GROUP,
        read_only("id", "id", read=lambda id: f"{PREFIX}{id}",
                  push={"eq": Push(BY_ID, "groupids", key=True, value=group_number)}),
        Field("displayName", "name", write=_name, settle=_stripped, required=True, empty=None),
        Field("externalId", "idnumber", write=text(100, tags=True)),
        read_only(f"{LMS_GROUP}:kind", "kind", canonical=(KIND,), returned="request"),
        Field(f"{LMS_GROUP}:courseId", "courseid", read=str, write=course_number,
              modifiable=False, required=True,
              push={"eq": Push(LIST, "courseid", value=course_key)}),
        Field(f"{LMS_GROUP}:description", "description", write=text(65535, tags=True)),
        members_field("userids"),
        walk="goes from course to course, for Moodle has no list of all groups; name a courseId; "
        "the members of those shown are read in one call more",
    )  # fmt: skip


class CourseGroups(Collection):
    """The groups of all courses."""

    def __init__(self, client: MoodleClient, users: Collection, walker: Walker) -> None:
        self.mapping = course_group_mapping()
        self._client = client
        self._users = users
        self._walker = walker
        self._people = Participants(client)

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        found: dict[int, Native] = {}
        for branch in plan.searches:
            found.update((row["id"], row) for row in self._native_search(branch))
        yield [self._resource(found[id]) for id in sorted(found)]

    def get(self, id: str) -> Resource | None:
        found = _ID.fullmatch(id)
        rows = self._by_ids([found[1]]) if found else []
        return self._resource(rows[0]) if rows else None

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        if not resources or not wanted & {"members", "members.display"}:
            return
        members = self._members_of([_number(resource["id"]) for resource in resources])
        for resource in resources:
            resource["members"] = shown_members(members.get(_number(resource["id"]), ()))
        if "members.display" in wanted:
            name_members(self._users, resources)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        users = [member_id(member) for member in resource.get("members", ())]
        native = {"description": "", **self.mapping.to_native(resource)}
        course = native["courseid"]
        self._refuse_unenrolled(course, users)
        try:
            rows = self._client.write(ticket, "core_group_create_groups", {"groups": [native]})
        except MoodleError as error:
            if error.code == BAD_COURSE:
                raise invalid_value(f"courseId: {error.detail}") from None
            raise self._explained(error, course, native["name"]) from None
        created = self._resource(rows[0])
        with all_or_nothing(lambda: self.delete(ticket, created["id"])):
            self._add(ticket, _number(created["id"]), users)
        return {**created, "members": shown_members(sorted(map(int, users)))}

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        number = _number(before["id"])
        added, removed = changed_members(changes, member_id)
        native = self.mapping.to_native_changes(changes)
        course = before.get(LMS_GROUP, {}).get("courseId") or self._course_of(number)
        # What may be refused comes first, so that a refusal leaves everything as it was.
        self._refuse_unenrolled(course, added)
        try:
            if native:
                self._rename(ticket, number, {"name": before["displayName"], **native}, course)
            self._add(ticket, number, added)
            self._remove(ticket, number, removed)
        except MoodleError as error:
            if error.code == "invalidrecord":
                raise not_found_resource("Group", before["id"]) from None
            raise
        after["displayName"] = _stripped(after["displayName"])
        if "members" in after:
            ids = sorted(int(member["value"]) for member in after["members"])
            after["members"] = shown_members(ids)
        return after

    def delete(self, ticket: Ticket, id: str) -> None:
        # Moodle is silent about a group that is not there.
        if self.get(id) is None:
            raise not_found_resource("Group", id)
        self._client.write(ticket, "core_group_delete_groups", {"groupids": [_number(id)]})

    def find_again(self, resource: Resource) -> Resource | None:
        wanted = resource.get("externalId")
        name = _stripped(resource["displayName"])
        for row in self._of_course(resource[LMS_GROUP]["courseId"]):
            if row["idnumber"] == wanted if wanted else row["name"] == name:
                return self._resource(row)
        return None

    def _native_search(self, branch: Branch) -> list[Native]:
        if not branch:
            return [row for course in self._walker.courses() for row in self._of_course(course)]
        if branch[0].push.key:
            return [row for part in chunks(list(branch[0].values), 1) for row in self._by_ids(part)]
        return self._of_course(branch[0].values[0])

    def _by_ids(self, numbers: list[str]) -> list[Native]:
        """Read groups by number; one that is not there loses the answer for all."""
        try:
            rows: list[Native] = self._client.look(BY_ID, {"groupids": numbers})
        except MoodleError as error:
            if error.code != "invalidrecord":
                raise
            if len(numbers) == 1:
                return []
            half = len(numbers) // 2
            return self._by_ids(numbers[:half]) + self._by_ids(numbers[half:])
        return rows

    def _of_course(self, course: str) -> list[Native]:
        try:
            rows: list[Native] = self._client.look(LIST, {"courseid": course})
        except MoodleError as error:
            if error.code != BAD_COURSE:
                raise
            found = self._client.look(BY_FIELD, {"field": "id", "value": course})
            if found["courses"]:
                raise
            return []
        return rows

    def _members_of(self, numbers: list[str]) -> dict[str, list[int]]:
        members: dict[str, list[int]] = {}
        for part in chunks(numbers, 1):
            try:
                rows = self._client.look(MEMBERS, {"groupids": part})
            except MoodleError as error:
                if error.code != "invalidrecord":
                    raise
                left = [str(row["id"]) for row in self._by_ids(part)]
                rows = self._client.look(MEMBERS, {"groupids": left}) if left else []
            members.update((str(row["groupid"]), sorted(row["userids"])) for row in rows)
        return members

    def _course_of(self, number: str) -> str:
        rows = self._by_ids([number])
        if not rows:
            raise not_found_resource("Group", PREFIX + number)
        return str(rows[0]["courseid"])

    def _refuse_unenrolled(self, course: str, users: list[str]) -> None:
        """Raise 400 before any write for new members who are not in the group's course."""
        enrolled = self._people.ids(course) if users else set()
        refuse_unenrolled(course, users, enrolled)

    def _rename(self, ticket: Ticket, number: str, native: Native, course: str) -> None:
        """Send name, number or description; Moodle takes them only together with the name."""
        groups = {"groups": [{"id": number, **native}]}
        try:
            self._client.write(ticket, "core_group_update_groups", groups)
        except MoodleError as error:
            if error.code == "invalidparameter" and not self._by_ids([number]):
                raise not_found_resource("Group", PREFIX + number) from None
            raise self._explained(error, course, native["name"], own=number) from None

    def _explained(self, error: MoodleError, course: str, name: str, own: str = "") -> ScimError:
        """Tell a taken name (409) from a bad value (400): Moodle's refusal is the same."""
        if error.code != "invalidparameter":
            return error
        for row in self._of_course(course):
            if row["name"].casefold() == name.casefold() and str(row["id"]) != own:
                return uniqueness(
                    f"displayName is already in use by group {row['id']} of course {course}."
                )
        return error

    def _add(self, ticket: Ticket, number: str, users: list[str]) -> None:
        for members in _memberships(number, users):
            self._client.write(ticket, "core_group_add_group_members", members)

    def _remove(self, ticket: Ticket, number: str, users: list[str]) -> None:
        for members in _memberships(number, users):
            self._client.write(ticket, "core_group_delete_group_members", members)

    def _resource(self, row: Native) -> Resource:
        return self.mapping.to_scim({**row, "kind": KIND})


def _memberships(number: str, users: list[str]) -> Iterator[Native]:
    for part in chunks(users, 2):
        yield {"members": [{"groupid": number, "userid": user} for user in part]}


def _number(id: str) -> str:
    return id.removeprefix(PREFIX)
