"""Memberships of a Brightspace organization: enrolments in courses, from either side.

Enrolments in other org units are none: whoever left the organization itself would be in no list
any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from connectors.base import Collection, each_once
from connectors.brightspace import fields
from connectors.brightspace.batches import AT_ONCE, ENROLMENTS_AT_ONCE, enrol
from connectors.brightspace.client import BrightspaceClient, Row
from connectors.brightspace.courses import OFFERING
from connectors.brightspace.fields import ID
from connectors.brightspace.results import add_last_access, add_scores
from connectors.brightspace.roles import RoleTable
from connectors.brightspace.walking import Walker
from connectors.logins import fill_logins
from connectors.many import alike, apart, one_ticket, onward, outcome_of, value_of
from connectors.mapping import Field, Mapping, Push, Resource, read_only
from connectors.pairs import Pairs
from connectors.planning import Branch, Plan
from connectors.side_by_side import side_by_side
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import ScimError, invalid_value, not_found_resource, uniqueness
from schemas.membership import MEMBERSHIP

PATH = "lp/enrollments/"
LIST = "GET lp/enrollments/"
"""One call by course, by person, or of the one enrolment: whichever the filter names."""

PAIRS = Pairs(ID)
"""The ids: of the course and the person."""


def membership_mapping(roles: RoleTable) -> Mapping:
    """Return the mapping of memberships.

    Configuration of the target: `default_course_role`, the id of the role of whoever is enrolled
    without one.
    """

    def side(path: str, native: str) -> Field:
        return Field(path, native, read=str, write=fields.an_id, modifiable=False, required=True,
                     push={"eq": Push(LIST, path, value=fields.id_key)})  # fmt: skip

    return Mapping(
        MEMBERSHIP,
        read_only("id", "key", push=fields.by_id(LIST, PAIRS.key)),
        side("userId", "UserId"),
        side("courseId", "OrgUnitId"),
        read_only("userName", "UserName", costly=True,
                  push={"eq": Push(LIST, "userName", value=fields.sought)}),
        Field("courseRoleId", "RoleId", read=str, write=fields.an_id, settle=roles.id_of,
              required=not roles.in_courses, default=roles.in_courses or None, empty=None,
              push={"eq": Push(LIST, "roleId", value=fields.id_key)}),
        read_only("lastAccessed", "LastAccessed", costly=True, returned="request"),
        read_only("score", "PointsNumerator", costly=True, returned="request"),
        read_only("scoreMaximum", "PointsDenominator", costly=True, returned="request"),
        walk="goes from course to course, for Brightspace has no list of all; name a courseId or "
        "a userId",
    )  # fmt: skip


class Memberships(Collection):
    """Who is in which course."""

    at_once = dict.fromkeys(("create", "update"), ENROLMENTS_AT_ONCE)

    def __init__(self, client: BrightspaceClient, roles: RoleTable, walker: Walker) -> None:
        self.mapping = membership_mapping(roles)
        self._client = client
        self._role = {"RoleId": int(roles.in_courses)} if roles.in_courses else {}
        self._walker = walker

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(batch for branch in plan.searches for batch in self._found(branch))

    def get(self, id: str) -> Resource | None:
        pair = PAIRS.of(id)
        return None if pair is None else self._one(*pair)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        if "userName" in wanted:
            fill_logins(resources, self._login_of)
        if "lastAccessed" in wanted:
            add_last_access(self._client, resources)
        if wanted & {"score", "scoreMaximum"}:
            add_scores(self._client, resources)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        return value_of(self.create_many([(ticket, resource)])[0])

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        return value_of(self.update_many([(ticket, before, after, changes)])[0])

    def create_many(
        self, items: Sequence[tuple[Ticket, Resource]]
    ) -> Sequence[Resource | ScimError]:
        ticket = one_ticket([ticket for ticket, _ in items])

        def made(part: list[Row]) -> list[Row | ScimError]:
            return onward(self._not_in_yet(part), partial(enrol, self._client, ticket))

        natives = [outcome_of(self._native, resource) for _, resource in items]
        in_courses = onward(natives, self._of_courses)
        rows = onward(in_courses, lambda part: apart(part, _pair, made))
        return [
            row if isinstance(row, ScimError) else self._shown(*_pair(row), row) for row in rows
        ]

    def update_many(
        self, items: Sequence[tuple[Ticket, Resource, Resource, tuple[Change, ...]]]
    ) -> Sequence[Resource | ScimError]:
        ticket = one_ticket([ticket for ticket, *_ in items])
        natives = [outcome_of(self._changed, before, changes) for _, before, _, changes in items]
        rows = onward(natives, partial(enrol, self._client, ticket))
        return [
            row if isinstance(row, ScimError) else after
            for row, (_, _, after, _) in zip(rows, items, strict=True)
        ]

    def delete(self, ticket: Ticket, id: str) -> None:
        course, user = PAIRS.of(id) or ("", "")
        if not course or not self._walker.is_course(course):
            raise not_found_resource("Membership", id)
        self._client.send(ticket, "DELETE", _people(course) + user)

    def find_again(self, resource: Resource) -> Resource | None:
        return self.get(f"{resource['courseId']}.{resource['userId']}")

    def _found(self, branch: Branch) -> Iterator[list[Resource]]:
        named = {condition.push.parameter: condition.values[0] for condition in branch}
        course, user = named.get("courseId"), named.get("userId")
        if "id" in named:
            course, user = PAIRS.of(named["id"]) or ("", "")
        if "userName" in named and not user:
            person = self._client.get("lp/users/", {"userName": named["userName"]})
            if not person:
                return
            user = str(person["UserId"])
        role = {"roleId": named["roleId"]} if "roleId" in named else {}
        if course and user:
            one = self._one(course, user)
            yield [] if one is None else [one]
        elif user:
            yield from self._of_user(user, role)
        elif course:
            if self._walker.is_course(course):
                yield from self._of_course(course, role)
        else:
            for each in self._walker.courses():
                yield from self._of_course(each, role)

    def _of_course(self, course: str, role: Row) -> Iterator[list[Resource]]:
        for rows in self._listed(_people(course), role):
            yield [
                self._shown(
                    course,
                    str(row["User"]["Identifier"]),
                    {"RoleId": row["Role"]["Id"], "UserName": row["User"].get("UserName")},
                )
                for row in rows
            ]

    def _of_user(self, user: str, role: Row) -> Iterator[list[Resource]]:
        path = f"{PATH}users/{user}/orgUnits/"
        for rows in self._listed(path, {"orgUnitTypeId": OFFERING, **role}):
            yield [
                self._shown(str(row["OrgUnit"]["Id"]), user, {"RoleId": row["Role"]["Id"]})
                for row in rows
            ]

    def _listed(self, path: str, query: Row) -> Iterator[list[Row]]:
        try:
            yield from self._client.rows(path, query)
        except ScimError as error:
            # There is no such course or person, or no more: nobody is a member.
            if error.status != 404:
                raise

    def _one(self, course: str, user: str) -> Resource | None:
        row = self._enrolment(course, user)
        if row is None or not self._walker.is_course(course):
            return None
        return self._shown(course, user, row)

    def _enrolment(self, course: str, user: str) -> Row | None:
        row: Row | None = self._client.get(_people(course) + user)
        return row

    def _native(self, resource: Resource) -> Row:
        return {**self._role, **self.mapping.to_native(resource)}

    def _of_courses(self, natives: list[Row]) -> list[Row | ScimError]:
        """Let those through who shall be in courses that there are."""
        courses = dict.fromkeys(_pair(native)[0] for native in natives)
        known = {course: outcome_of(self._walker.is_course, course) for course in courses}
        return [_refuse(native, known[_pair(native)[0]]) for native in natives]

    def _not_in_yet(self, natives: list[Row]) -> list[Row | ScimError]:
        """Let those through who are not in their courses; enrolling them would change the role.

        Each is asked for, because the list of a course leaves out whom the integration may not
        search for.
        """

        def checked(native: Row) -> Row | ScimError:
            course, user = _pair(native)
            held = outcome_of(self._enrolment, course, user)
            if isinstance(held, ScimError):
                return held
            taken = uniqueness(f"User {user} is in course {course} already.")
            return native if held is None else taken

        return side_by_side(checked, natives, AT_ONCE)

    def _changed(self, before: Resource, changes: tuple[Change, ...]) -> Row:
        pair = {"OrgUnitId": int(before["courseId"]), "UserId": int(before["userId"])}
        return {**pair, **self.mapping.to_native_changes(changes)}

    def _login_of(self, user: str) -> str | None:
        return (self._client.get(f"lp/users/{user}") or {}).get("UserName")

    def _shown(self, course: str, user: str, row: Row) -> Resource:
        shown = {**row, "key": f"{course}.{user}", "OrgUnitId": course, "UserId": user}
        resource = self.mapping.to_scim(shown)
        if name := row.get("UserName"):
            resource["userName"] = name
        return resource


def _people(course: str) -> str:
    return f"{PATH}orgUnits/{course}/users/"


def _pair(native: Row) -> tuple[str, str]:
    return str(native["OrgUnitId"]), str(native["UserId"])


def _refuse(native: Row, is_course: bool | ScimError) -> Row | ScimError:
    if isinstance(is_course, ScimError):
        return alike(is_course, [native])[0]
    unknown = invalid_value(f"courseId: there is no course {native['OrgUnitId']}.")
    return native if is_course else unknown
