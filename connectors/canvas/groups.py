"""Groups of the account, sections and groups of courses as one collection.

The beginning of the id tells them apart: `group-701`, `section-401`, `coursegroup-702`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors.addresses import path_value
from connectors.base import Collection, Options, each_once
from connectors.canvas import fields
from connectors.canvas.accountgroups import AccountGroups
from connectors.canvas.client import CanvasClient
from connectors.canvas.coursegroups import CourseGroups
from connectors.canvas.enrolling import Enroller, default_role
from connectors.canvas.fields import ID
from connectors.canvas.groupkinds import LIST, group_mapping, kinds_of
from connectors.canvas.groupsets import GroupSets
from connectors.canvas.listed import Row
from connectors.canvas.people import People
from connectors.canvas.sections import Sections
from connectors.mapping import Resource
from connectors.members import changed_members, member_id, member_ids, shown_members
from connectors.planning import Branch, Plan
from connectors.side_by_side import side_by_side
from connectors.ticket import Ticket
from connectors.walking import Walker
from schemas.changes import Change
from schemas.errors import invalid_value
from schemas.group import LMS_GROUP

_AT_ONCE = 4
_EXAMPLE = "1001"

Part = AccountGroups | Sections


class Groups(Collection):
    """The groups of the kinds that a target serves.

    A new one with a courseId is a section, or, where it names a parentId too, a group in that set
    of the course; one without a course is a group of the account.
    """

    def __init__(
        self, client: CanvasClient, options: Options, enroller: Enroller, walker: Walker
    ) -> None:
        kinds = kinds_of(options)
        people, sets = People(client), GroupSets(client)
        parts: tuple[Part, ...] = (
            AccountGroups(client, people, sets),
            Sections(client, enroller, default_role(options)),
            CourseGroups(client, people, sets),
        )
        self.mapping = group_mapping(kinds)
        self._client = client
        self._walker = walker
        self._parts = {part.kind: part for part in parts if part.kind in kinds}

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(batch for branch in plan.searches for batch in self._found(branch))

    def get(self, id: str) -> Resource | None:
        part, number = self._place(id)
        if part is None:
            return None
        return next(self._read([part], part.path, number), None)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        if not wanted & {"members", "members.display"}:
            return
        for group, people in zip(
            resources, side_by_side(self._members, resources, _AT_ONCE), strict=True
        ):
            group["members"] = shown_members(id for id, _ in people)
            if "members.display" in wanted:
                for member in group["members"]:
                    member["display"] = dict(people)[member["value"]]

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        users = member_ids(resource, ID, _EXAMPLE)
        part = self._part_of(resource)
        row = part.create(ticket, self.mapping.to_native(resource), users)
        return {**self._resource(part, row), "members": shown_members(users)}

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        part, number = self._place(before["id"])
        added, removed = changed_members(changes, _user)
        native = self.mapping.to_native_changes(changes)
        if part is not None:
            set_id = before.get(LMS_GROUP, {}).get("parentId", "")
            part.update(ticket, number, set_id, native, added, removed)
        if "members" in after:
            after["members"] = shown_members(member["value"] for member in after["members"])
        return after

    def delete(self, ticket: Ticket, id: str) -> None:
        part, number = self._place(id)
        if part is not None:
            part.delete(ticket, number)

    def find_again(self, resource: Resource) -> Resource | None:
        part = self._part_of(resource)
        if external_id := resource.get("externalId"):
            form = f"{part.sis}:{external_id}"
            return next(self._read([part], part.path, form), None)
        course = resource.get(LMS_GROUP, {}).get("courseId", "")
        name = resource["displayName"]
        found = [
            row
            for rows in part.rows(course, fields.searched(LIST)["eq"].value(name) or "")
            for row in rows
            if row["name"] == name
        ]
        return self._resource(part, max(found, key=lambda row: int(row["id"]))) if found else None

    def _place(self, id: str) -> tuple[Part | None, str]:
        """Return the kind of a group and its number there, (None, "") for what is no such id."""
        for part in self._parts.values():
            number = id.removeprefix(part.prefix)
            if number != id and ID.fullmatch(number):
                return part, number
        return None, ""

    def _part_of(self, resource: Resource) -> Part:
        """Return the kind of a new group. Raises 400 where the target serves none such."""
        extension = resource.get(LMS_GROUP, {})
        if not extension.get("courseId"):
            kinds = ["cohort"]
        elif extension.get("parentId"):
            kinds = ["courseGroup", "section"]
        else:
            kinds = ["section", "courseGroup"]
        for kind in kinds:
            if kind in self._parts:
                return self._parts[kind]
        raise invalid_value("courseId: this target serves only groups of courses.")

    def _found(self, branch: Branch) -> Iterator[list[Resource]]:
        given = {condition.push.parameter: condition.values[0] for condition in branch}
        parts = [part for part in self._parts.values() if part.kind == given.get("kind", part.kind)]
        if "id" in given:
            group = self.get(given["id"])
            yield [] if group is None else [group]
        elif "externalId" in given:
            for path, sis in dict.fromkeys((part.path, part.sis) for part in parts):
                those = [part for part in parts if part.path == path]
                yield list(self._read(those, path, f"{sis}:{given['externalId']}"))
        else:
            yield from self._listed(parts, given.get("courseId", ""), given.get("filter", ""))

    def _listed(self, parts: list[Part], course: str, name: str) -> Iterator[list[Resource]]:
        in_courses = [part for part in parts if part.kind != "cohort"]
        if not course:
            for part in parts:
                if part not in in_courses:
                    yield from (self._resources(part, rows) for rows in part.rows("", name))
        for each in self._courses(course) if in_courses else ():
            for part in in_courses:
                yield from (self._resources(part, rows) for rows in part.rows(each, name))

    def _courses(self, course: str) -> Iterable[str]:
        return [course] if course else self._walker.courses()

    def _read(self, parts: list[Part], path: str, form: str) -> Iterator[Resource]:
        row = self._client.get(f"{path}/{path_value(form)}")
        if row is not None:
            yield from (self._resource(part, row) for part in parts if part.owns(row))

    def _members(self, group: Resource) -> list[tuple[str, str]]:
        part, number = self._place(group["id"])
        people = part.members(number) if part else []
        return sorted(dict(people).items(), key=lambda pair: int(pair[0]))

    def _resources(self, part: Part, rows: Iterable[Row]) -> list[Resource]:
        return [self._resource(part, row) for row in rows]

    def _resource(self, part: Part, row: Row) -> Resource:
        known = {"key": f"{part.prefix}{row['id']}", "kind": part.kind}
        return self.mapping.to_scim({**part.record(row), **known})


def _user(member: Resource) -> str:
    return member_id(member, ID, _EXAMPLE)
