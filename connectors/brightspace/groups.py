"""Groups of Brightspace courses: sets of groups, the groups in them, and sections.

There is no list of groups but within one course. Members come with each group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Collection, Options
from connectors.brightspace import fields
from connectors.brightspace.client import BrightspaceClient, Row, Rows
from connectors.brightspace.courses import NO_TEXT
from connectors.brightspace.enrolling import Enrolling
from connectors.brightspace.fields import ID, name
from connectors.brightspace.making import Making
from connectors.brightspace.places import GROUP as IN_SET
from connectors.brightspace.places import SECTION, SET, Place, place_key, place_of
from connectors.brightspace.steps import in_turn, undoing
from connectors.brightspace.walking import Walker
from connectors.mapping import Field, Mapping, Push, Resource, read_only
from connectors.members import (
    changed_members,
    member_id,
    member_ids,
    members_field,
    shown_members,
)
from connectors.planning import Plan
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import invalid_value, not_found_resource
from schemas.group import GROUP, LMS_GROUP

LIST = "GET lp/{id}/groupcategories/, their groups, and GET lp/{id}/sections/"
KINDS = {SET: "courseGroup", IN_SET: "courseGroup", SECTION: "section"}

_EXAMPLE = "3163"
_OF_SETS = ("GroupCategoryId", "Groups", "SelfEnrollmentStartDate")
"""What a set shows and an update of it does not carry."""


def group_mapping(options: Options) -> Mapping:
    """Return the mapping of groups; the course and the set are part of the id.

    Configuration of the target: `group_course`, the id of the course of groups that name none, as
    those of identity platforms.
    """
    course = options.more.get("group_course")
    if course is not None and not ID.fullmatch(str(course)):
        raise ValueError("group_course is the id of a course, such as 6671")

    def made(name: str, native: str, **more: Any) -> Field:
        return Field(f"{LMS_GROUP}:{name}", native, modifiable=False, **more)

    return Mapping(
        GROUP,
        read_only("id", "key", push=fields.by_id("GET lp/{id}/.../{id}", place_key)),
        Field("displayName", "Name", required=True, empty=None, write=name()),
        Field("externalId", "Code", write=fields.code),
        read_only(f"{LMS_GROUP}:kind", "kind", canonical=("courseGroup", "section"),
                  returned="request"),
        made("courseId", "course", required=course is None, write=lambda id: str(fields.an_id(id)),
             default=None if course is None else str(course),
             push={"eq": Push(LIST, "courseId", value=fields.id_key)}),
        made("parentId", "set", write=lambda id: str(fields.an_id(id))),
        made("isGroupSet", "isSet", default=False),
        Field(f"{LMS_GROUP}:description", "Description", read=fields.read_rich,
              write=fields.write_rich, empty=NO_TEXT),
        members_field("Enrollments"),
        walk="goes from course to course, for Brightspace has no list of all groups; name a "
        "courseId",
    )  # fmt: skip


class Groups(Collection):
    """The sets of groups, the groups and the sections of all courses."""

    def __init__(self, client: BrightspaceClient, options: Options, walker: Walker) -> None:
        self.mapping = group_mapping(options)
        self._client = client
        self._walker = walker
        self._people = Enrolling(client)
        self._making = Making(client, options)
        self._course = str(options.more.get("group_course", ""))

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return self._walker.search(plan, self.get, self._of_course)

    def get(self, id: str) -> Resource | None:
        place = place_of(id)
        row = self._client.get(place.path) if place else None
        return None if place is None or row is None else self._shown(place, row)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        """Fill the members' names in; the members themselves came with the groups."""
        if "members.display" not in wanted:
            return
        members = [member for group in resources for member in group.get("members", ())]
        for id in dict.fromkeys(member["value"] for member in members):
            display = (self._client.get(f"lp/users/{id}") or {}).get("DisplayName")
            for member in members:
                if member["value"] == id and display:
                    member["display"] = display

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = self.mapping.to_native(resource)
        course, is_set = native.pop("course", self._course), native.pop("isSet", False)
        parent = native.pop("set", "")
        users = member_ids(resource, ID, _EXAMPLE)
        if is_set and (users or parent or "Code" in native):
            raise invalid_value("A set of groups has no members, no parentId and no externalId.")
        if not self._walker.is_course(course):
            raise invalid_value(f"courseId: there is no course {course}.")
        roles = self._people.roles(course, users)
        if is_set:
            place, row = self._making.set_of(ticket, course, native)
        else:
            place, row = self._making.group_of(ticket, course, parent, native)
        with undoing(lambda: self.delete(ticket, place.id)):
            self._people.add(ticket, place, users, roles)
        return {**self._shown(place, row), "members": shown_members(users)}

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        place = place_of(before["id"])
        assert place is not None
        added, removed = changed_members(changes, _user)
        native = self.mapping.to_native_changes(changes)
        if place.kind == SET and (added or "Code" in native):
            raise invalid_value("A set of groups has no members and no externalId.")
        roles = self._people.roles(place.course, added)
        steps = (
            (added, lambda _: self._people.add(ticket, place, added, roles)),
            (native, lambda _: self._replace(ticket, place, native)),
            (removed, lambda _: self._people.remove(ticket, place, removed)),
        )
        in_turn([step for needed, step in steps if needed], place.id)
        if "members" in after:
            after["members"] = shown_members(member_ids(after, ID, _EXAMPLE))
        return after

    def delete(self, ticket: Ticket, id: str) -> None:
        place = place_of(id)
        if place is None:
            raise not_found_resource("Group", id)
        self._client.send(ticket, "DELETE", place.path)

    def find_again(self, resource: Resource) -> Resource | None:
        wanted = resource.get(LMS_GROUP, {})
        course = wanted.get("courseId") or self._course
        # After a crash nothing but the name may be known.
        for group in self._of_course(course) if course else self._of_all():
            same = group["displayName"] == resource["displayName"]
            same = same and group.get("externalId") == resource.get("externalId")
            place = place_of(group["id"])
            assert place is not None
            same = same and (place.kind == SET) is wanted.get("isGroupSet", False)
            if same and wanted.get("parentId") in (None, *place.ids[1:-1]):
                return group
        return None

    def _of_all(self) -> Iterator[Resource]:
        for course in self._walker.courses():
            yield from self._of_course(course)

    def _of_course(self, course: str) -> Iterator[Resource]:
        """Yield a course's sets, each with its groups, and its sections; nothing of no course."""
        for row in self._rows(f"lp/{course}/groupcategories/"):
            place = Place(SET, (course, str(row["GroupCategoryId"])))
            yield self._shown(place, row)
            for group in self._rows(f"{place.path}/groups/") if row.get("Groups") else ():
                yield self._shown(Place(IN_SET, (*place.ids, str(group["GroupId"]))), group)
        for row in self._rows(f"lp/{course}/sections/"):
            yield self._shown(Place(SECTION, (course, str(row["SectionId"]))), row)

    def _rows(self, path: str) -> Rows:
        rows = self._client.get(path)
        return rows if isinstance(rows, list) else []

    def _replace(self, ticket: Ticket, place: Place, native: Row) -> None:
        """Replace a group by what it is with changes; its members stay."""
        row = self._client.get(place.path)
        if row is None:
            raise not_found_resource("Group", place.id)
        if place.kind == SET:
            body = {name: value for name, value in row.items() if name not in _OF_SETS}
        else:
            body = {"Name": row["Name"], "Code": row.get("Code") or ""}
        body["Description"] = fields.as_sent(row.get("Description"))
        self._client.send(ticket, "PUT", place.path, {**body, **native})

    def _shown(self, place: Place, row: Row) -> Resource:
        own: Row = {"key": place.id, "kind": KINDS[place.kind], "course": place.course}
        own["isSet"] = place.kind == SET
        if place.kind == IN_SET:
            own["set"] = place.ids[1]
        members = shown_members(row.get("Enrollments") or ())
        return {**self.mapping.to_scim({**row, **own}), "members": members}


def _user(member: Resource) -> str:
    return member_id(member, ID, _EXAMPLE)
