"""Memberships of a Canvas site: the enrolments that a person has in a course, as one.

Canvas keeps an enrolment for each section and each role that a person has there. The one that
counts most is shown: active before inactive before concluded, then the oldest. A change is made in
all that count as much before or after it, so that what was written is what is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors.addresses import path_value
from connectors.base import Collection, Options, each_once
from connectors.canvas import fields
from connectors.canvas.client import CanvasClient
from connectors.canvas.enrolling import STATES, Enroller, default_role
from connectors.canvas.fields import an_id
from connectors.canvas.listed import Row
from connectors.canvas.pairs import (
    PAIRS,
    STANDINGS,
    available_of,
    pairs_of,
    shown_of,
    standing_of,
)
from connectors.flat import flat
from connectors.logins import fill_logins
from connectors.mapping import Field, Mapping, Native, Push, Resource, read_only
from connectors.planning import Branch, Plan
from connectors.ticket import Ticket
from connectors.walking import Walker
from schemas.changes import Change
from schemas.errors import ScimError, invalid_value, not_found_resource, uniqueness
from schemas.membership import MEMBERSHIP

LIST = "enrollments"
"""One call by course, by person, or of the one membership: whichever the filter names."""
_PLACE = ("course_section_id", "associated_user_id", "limit_privileges_to_course_section")
"""Where in a course an enrolment is: whoever gets another role stays there."""
_TASKS = {"No": "deactivate", "Disabled": "conclude"}
_AT_ONCE = 4


def membership_mapping(options: Options) -> Mapping:
    """Return the mapping of memberships.

    `score` counts what is not yet handed in as nothing, of 100. Configuration of the target:
    `default_course_role` (`StudentEnrollment`).
    """

    def side(path: str, native: str) -> Field:
        push = {"eq": Push(LIST, path, value=fields.id_key)}
        return Field(path, native, read=str, write=an_id, modifiable=False, required=True,
                     push=push)  # fmt: skip

    def when(path: str, native: str) -> Field:
        return Field(path, native, read=fields.moment_of, write=fields.moment,
                     settle=fields.settled_moment)  # fmt: skip

    user_name = fields.key("sis_login_id", case_exact=False)
    return Mapping(
        MEMBERSHIP,
        read_only("id", "key",
                  push={"eq": Push(LIST, "id", key=True, alone=True, value=PAIRS.key)}),
        side("userId", "user_id"),
        side("courseId", "course_id"),
        read_only("userName", "user.login_id", costly=True,
              push={"eq": Push(LIST, "userId", value=user_name)}),
        Field("courseRoleId", "role", filled=True, empty=None, default=default_role(options)),
        Field("available", "available", filled=True, empty=None,
              canonical=("Yes", "No", "Disabled")),
        when("start", "start_at"),
        when("end", "end_at"),
        read_only("score", "grades.final_score"),
        read_only("scoreMaximum", "maximum"),
        read_only("completed", "completed"),
        read_only("lastAccessed", "last_activity_at", read=fields.moment_of),
        read_only("meta.created", "created_at", read=fields.moment_of),
        read_only("meta.lastModified", "updated_at", read=fields.moment_of),
        walk="goes from course to course, for Canvas has no list of all; name a courseId or a "
        "userId",
    )  # fmt: skip


class Memberships(Collection):
    """Who is in which course."""

    def __init__(
        self, client: CanvasClient, options: Options, enroller: Enroller, walker: Walker
    ) -> None:
        self.mapping = membership_mapping(options)
        self._client = client
        self._enroller = enroller
        self._walker = walker

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(
            [self._resource(rows) for rows in pairs]
            for branch in plan.searches
            for pairs in self._found(branch)
        )

    def get(self, id: str) -> Resource | None:
        pair = PAIRS.of(id)
        return None if pair is None else self._one(*pair)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        """Fill the login names in; lists have them already."""
        if "userName" in wanted:
            fill_logins(resources, self._login_of, _AT_ONCE)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = self.mapping.to_native(resource)
        course, user = native["course_id"], native["user_id"]
        role = self._enroller.role_in(course, native["role"])
        rows = self._rows(course, user)
        if rows is None:
            raise invalid_value(f"userId: there is no user {user}.")
        if rows:
            raise uniqueness(f"User {user} is a member of course {course} already.")
        row = self._enroller.enrol(ticket, f"courses/{course}", user, role, **_values(native))
        return self._resource([self._brought(ticket, row, native.get("available", "Yes"))])

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        native = self.mapping.to_native_changes(changes)
        course, user = before["courseId"], before["userId"]
        rows = self._rows(course, user)
        if not rows:
            raise not_found_resource("Membership", before["id"])
        shown = shown_of(rows)
        held = {name: shown.get(name) for name in ("role", "start_at", "end_at")}
        wanted = {**held, "available": available_of(shown), **native}
        available = wanted["available"]
        least = max(standing_of(shown), STANDINGS.index(available))
        counting = [row for row in rows if standing_of(row) <= least]
        comes_back = available == "Yes" and shown["enrollment_state"] == "completed"
        if comes_back or native.keys() - {"available"}:
            changed = self._enrolled_anew(ticket, wanted, counting)
        else:
            changed = [self._brought(ticket, row, available) for row in counting]
        united = {row["id"]: row for row in (*rows, *changed)}
        left = [row for row in united.values() if row["enrollment_state"] in STATES]
        return self._resource([{"user": shown.get("user", {}), **row} for row in left])

    def delete(self, ticket: Ticket, id: str) -> None:
        rows = self._rows(*(PAIRS.of(id) or ("", "")))
        if not rows:
            raise not_found_resource("Membership", id)
        for row in rows:
            self._enroller.end(ticket, row, "delete")

    def find_again(self, resource: Resource) -> Resource | None:
        return self._one(resource["courseId"], resource["userId"])

    def _login_of(self, user: str) -> str | None:
        return (self._client.get(f"users/{user}") or {}).get("login_id")

    def _one(self, course: str, user: str) -> Resource | None:
        rows = self._rows(course, user)
        return self._resource(rows) if rows else None

    def _rows(self, course: str, user: str) -> list[Row] | None:
        """Return the enrolments of a person in a course, None where there is no such thing."""
        query = {"user_id": user, "state[]": STATES}
        try:
            parts = self._client.rows(f"courses/{course}/enrollments", query)
            return [row for rows in parts for row in rows]
        except ScimError as error:
            if error.status == 404:
                return None
            raise

    def _found(self, branch: Branch) -> Iterator[Iterable[list[Row]]]:
        given = {condition.push.parameter: condition.values[0] for condition in branch}
        course, user = given.get("courseId"), given.get("userId")
        if "id" in given:
            course, user = PAIRS.of(given["id"]) or ("", "")
        if course and user:
            yield pairs_of(self._rows(course, user) or [])
        elif course or user:
            yield self._of(f"courses/{course}" if course else f"users/{path_value(str(user))}")
        else:
            for each in self._walker.courses():
                yield self._of(f"courses/{each}")

    def _of(self, owner: str) -> Iterable[list[Row]]:
        """Return the enrolments of a course or a person, all: those of a pair may be far apart."""
        try:
            parts = self._client.rows(f"{owner}/enrollments", {"state[]": STATES})
            return pairs_of([row for rows in parts for row in rows])
        except ScimError as error:
            if error.status == 404:
                return []
            raise

    def _enrolled_anew(self, ticket: Ticket, wanted: Native, rows: list[Row]) -> list[Row]:
        """Enrol a person again where he is, in the wanted role and with the wanted dates.

        What he was there in another role is ended then.
        """
        course, user = str(rows[0]["course_id"]), str(rows[0]["user_id"])
        role = self._enroller.role_in(course, wanted["role"])
        places = {tuple(row.get(name) for name in _PLACE): row for row in reversed(rows)}
        made = []
        for place in places.values():
            values = {**_values(wanted), **{name: place.get(name) for name in _PLACE}}
            row = self._enroller.enrol(ticket, f"courses/{course}", user, role, **values)
            made.append(self._brought(ticket, row, wanted["available"]))
        kept = {row["id"] for row in made}
        old = [row for row in rows if row["id"] not in kept]
        for row in old:
            self._enroller.end(ticket, row, "delete")
        return [*made, *({**row, "enrollment_state": "deleted"} for row in old)]

    def _brought(self, ticket: Ticket, row: Row, wanted: str) -> Row:
        """Return an enrolment once it is available as wanted."""
        if available_of(row) == wanted:
            return row
        if wanted == "Yes":
            return self._enroller.reactivate(ticket, row)
        return self._enroller.end(ticket, row, _TASKS[wanted])

    def _resource(self, rows: list[Row]) -> Resource:
        row = flat(shown_of(rows))
        known = {
            "key": f"{row['course_id']}.{row['user_id']}",
            "available": available_of(row),
            "completed": row["enrollment_state"] == "completed",
            "maximum": None if row.get("grades.final_score") is None else 100,
        }
        return self.mapping.to_scim({**row, **known})


def _values(native: Native) -> Row:
    """Return what an enrolment is made with; Canvas cannot make a concluded one."""
    return {
        "start_at": native.get("start_at") or None,
        "end_at": native.get("end_at") or None,
        "state": "inactive" if native.get("available") == "No" else "active",
    }
