"""Course groups and group sets of a Learn site, and who is in a group.

The first version of the resource is used: one call lists groups and sets of a course together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Collection, Options
from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.fields import ID, an_id, id_key
from connectors.blackboard.memberships import PAIRS
from connectors.flat import NULL, flat, nested
from connectors.mapping import Field, Mapping, Push, Resource, read_only
from connectors.members import (
    changed_members,
    member_id,
    member_ids,
    members_field,
    refuse_unenrolled,
    shown_members,
)
from connectors.planning import Plan
from connectors.steps import all_or_nothing
from connectors.ticket import Ticket
from connectors.walking import Walker
from schemas.changes import Change
from schemas.errors import ScimError
from schemas.group import GROUP, LMS_GROUP

LIST = "GET v1/courses/{id}/groups"
MOST = 1000
_EXAMPLE = "_123_1"
_MANY = 5
"""New members from which the course's list is read instead of each one's enrolment."""


def group_mapping(options: Options) -> Mapping:
    """Return the mapping of groups; the course is part of the id, as in `_5001_1._801_1`.

    Configuration of the target: `group_course`, the id of the course of groups that name none, as
    those of identity platforms.
    """
    course = options.more.get("group_course")
    if course is not None and not ID.fullmatch(str(course)):
        raise ValueError("group_course is the id of a course, such as _123_1")

    def own(name: str, native: str, **more: Any) -> Field:
        return Field(f"{LMS_GROUP}:{name}", native, **more)

    return Mapping(
        GROUP,
        read_only("id", "key", push={
            "eq": Push("GET v1/courses/{id}/groups/{id}", "id", key=True, alone=True,
                       value=PAIRS.key)}),
        Field("displayName", "name", required=True, empty=None),
        Field("externalId", "externalId", filled=True),
        read_only(f"{LMS_GROUP}:kind", "kind", canonical=("courseGroup",), returned="request"),
        read_only(f"{LMS_GROUP}:uuid", "uuid"),
        own("courseId", "courseId", required=course is None, modifiable=False, default=course,
            write=an_id, push={"eq": Push(LIST, "courseId", value=id_key)}),
        own("parentId", "parentId", empty=NULL),
        own("isGroupSet", "isGroupSet", modifiable=False, default=False),
        own("description", "description"),
        own("available", "availability.available", filled=True, empty=None),
        own("enrollmentLimit", "enrollment.limit", read=lambda most: most or None, empty=0),
        own("signupSheetName", "enrollment.signupSheet.name"),
        own("signupSheetDescription", "enrollment.signupSheet.description"),
        own("signupSheetShowMembers", "enrollment.signupSheet.showMembers", filled=True,
            empty=None),
        members_field("users"),
        walk="goes from course to course, for Blackboard has no list of all groups; name a "
        "courseId; the members of each group shown take one call more",
    )  # fmt: skip


class Groups(Collection):
    """The groups and group sets of all courses."""

    def __init__(self, client: BlackboardClient, options: Options, walker: Walker) -> None:
        self.mapping = group_mapping(options)
        self._client = client
        self._walker = walker
        self._course = str(options.more.get("group_course", ""))

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return self._walker.search(plan, self.get, self._of_course)

    def get(self, id: str) -> Resource | None:
        if (pair := PAIRS.of(id)) is None:
            return None
        row = self._client.get(_path(*pair))
        return None if row is None else self._resource(pair[0], row)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        if not wanted & {"members", "members.display"}:
            return
        for resource in resources:
            is_set = resource.get(LMS_GROUP, {}).get("isGroupSet")
            resource["members"] = [] if is_set else self._members(resource["id"])
        if "members.display" in wanted:
            self._name([member for resource in resources for member in resource["members"]])

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = self.mapping.to_native(resource)
        course = native.pop("courseId", self._course)
        if any("signupSheet" in name for name in native) or _is_self_service(resource):
            native["enrollment.type"] = "SelfEnrollment"
        users = member_ids(resource, ID, _EXAMPLE)
        self._refuse_unenrolled(course, users)
        row = self._client.send(ticket, "POST", f"v1/courses/{course}/groups", nested(native))
        created = self._resource(course, row)
        with all_or_nothing(lambda: self.delete(ticket, created["id"])):
            self._add(ticket, created["id"], users)
        return {**created, "members": shown_members(users)}

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        course, group = PAIRS.of(before["id"]) or ("", "")
        added, removed = changed_members(changes, _user)
        native = self.mapping.to_native_changes(changes)
        self._refuse_unenrolled(course, added)
        self._add(ticket, before["id"], added)
        made = after
        if native:
            row = self._client.send(ticket, "PATCH", _path(course, group), nested(native))
            made = self._resource(course, row)
        if "members" in after:
            made["members"] = shown_members(member["value"] for member in after["members"])
        self._remove(ticket, before["id"], removed)
        return made

    def delete(self, ticket: Ticket, id: str) -> None:
        self._client.send(ticket, "DELETE", _path(*(PAIRS.of(id) or ("", ""))))

    def find_again(self, resource: Resource) -> Resource | None:
        course = resource.get(LMS_GROUP, {}).get("courseId", self._course)
        wanted = resource.get("externalId")
        for group in self._of_course(course):
            is_named = group["displayName"] == resource["displayName"]
            if (group.get("externalId") == wanted) if wanted else is_named:
                return group
        return None

    def _of_course(self, course: str) -> Iterator[Resource]:
        try:
            for rows in self._client.rows(f"v1/courses/{course}/groups", {"limit": MOST}):
                yield from (self._resource(course, row) for row in rows)
        except ScimError as error:
            if error.status != 404:
                raise

    def _members(self, id: str) -> list[Resource]:
        rows = self._client.rows(_users(id), {"limit": MOST})
        return shown_members(row["userId"] for part in rows for row in part)

    def _name(self, members: list[Resource]) -> None:
        ids = dict.fromkeys(member["value"] for member in members)
        names = {id: self._name_of(id) for id in ids}
        for member in members:
            if name := names[member["value"]]:
                member["display"] = name

    def _name_of(self, id: str) -> str:
        row = self._client.get(f"v1/users/{id}", {"fields": "userName,name"}) or {}
        parts = (row.get("name", {}).get(part) for part in ("given", "family"))
        return " ".join(str(part) for part in parts if part) or str(row.get("userName", ""))

    def _refuse_unenrolled(self, course: str, users: list[str]) -> None:
        """Raise 400 before any write for new members who are not in the group's course."""
        if len(users) > _MANY:
            path = f"v1/courses/{course}/users"
            listed = self._client.rows(path, {"limit": 200, "fields": "id,userId"})
            enrolled = {row["userId"] for rows in listed for row in rows}
        else:
            enrolled = {u for u in users if self._client.get(f"v1/courses/{course}/users/{u}")}
        refuse_unenrolled(course, users, enrolled)

    def _add(self, ticket: Ticket, id: str, users: list[str]) -> None:
        """Add members, all or none: those added before a refusal are taken out again."""
        done: list[str] = []
        try:
            for user in users:
                self._client.send(ticket, "PUT", f"{_users(id)}/{user}")
                done.append(user)
        except ScimError as error:
            if not error.unknown:
                self._remove(ticket, id, done)
            raise

    def _remove(self, ticket: Ticket, id: str, users: list[str]) -> None:
        for user in users:
            try:
                self._client.send(ticket, "DELETE", f"{_users(id)}/{user}")
            except ScimError as error:
                # No member any more is what was wanted.
                if error.status != 404:
                    raise

    def _resource(self, course: str, row: dict[str, Any]) -> Resource:
        known = {"courseId": course, "kind": "courseGroup", "key": f"{course}.{row['id']}"}
        return self.mapping.to_scim({**flat(row), **known})


def _is_self_service(resource: Resource) -> bool:
    return bool(resource.get(LMS_GROUP, {}).get("available") == "SignupOnly")


def _user(member: Resource) -> str:
    return member_id(member, ID, _EXAMPLE)


def _path(course: str, group: str) -> str:
    return f"v1/courses/{course}/groups/{group}"


def _users(id: str) -> str:
    course, group = PAIRS.of(id) or ("", "")
    return f"v2/courses/{course}/groups/{group}/users"
