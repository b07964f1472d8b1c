"""Courses of a Canvas site, those of its sub-accounts included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from connectors.base import Page
from connectors.canvas import fields
from connectors.canvas.client import ROOT, CanvasClient
from connectors.canvas.fields import an_id, text
from connectors.canvas.listed import Listed, Row
from connectors.canvas.terms import Terms
from connectors.flat import NULL
from connectors.mapping import Field, Impossible, Mapping, Native, Push, Resource, read_only
from connectors.planning import Branch, Plan
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.course import COURSE
from schemas.errors import ScimError, invalid_value, not_found_resource, uniqueness

LIST = "GET accounts/{id}/courses"
ONE = "GET courses/{id}"

_OPEN = ("available",)
_UNPUBLISHED = ("created", "claimed")
_CONCLUDED = ("completed",)


def course_mapping(settled_term: Callable[[Any], Any]) -> Mapping:
    """Return the mapping of courses.

    A course is in one of three states: unpublished, available, concluded. Two attributes show it:
    `available` and `closedComplete`, and a concluded course is not available.
    """

    def when(path: str, native: str) -> Field:
        return Field(path, native, write=fields.moment, settle=fields.settled_moment,
                     read=fields.moment_of, empty=NULL)  # fmt: skip

    return Mapping(
        COURSE,
        read_only("id", "id", push=fields.by_key(ONE, "id")),
        Field("courseId", "course_code", required=True, empty=None, write=text(255),
              push=fields.searched(LIST)),
        Field("externalId", "sis_course_id", filled=True, write=text(255),
              push=fields.searched(LIST) | fields.by_key(ONE, "sis_course_id", case_exact=True)),
        Field("name", "name", required=True, empty=None, write=text(255),
              push=fields.searched(LIST)),
        read_only("uuid", "uuid"),
        Field("termId", "term_id", filled=True, empty=None, read=str, write=an_id,
              settle=settled_term,
              push={"eq": Push(LIST, "enrollment_term_id", exact=True, value=fields.id_key)}),
        Field("categoryId", "account_id", filled=True, empty=None, read=str, write=an_id),
        Field("allowGuests", "is_public", filled=True, empty=None),
        Field("available", "available", filled=True, empty=None, canonical=("Yes", "No"),
              push=_in_states(_is_available)),
        Field("closedComplete", "concluded", at_create=False, filled=True, empty=None,
              push=_in_states(_is_concluded)),
        when("start", "start_at"),
        when("end", "end_at"),
        read_only("meta.created", "created_at", read=fields.moment_of),
        walk="reads all courses, a hundred in one call",
        follow=_follow,
    )  # fmt: skip


def course_ids(client: CanvasClient) -> Iterator[list[str]]:
    """Yield the ids of all courses, page by page."""
    for rows in client.rows(f"{ROOT}/courses"):
        yield [str(row["id"]) for row in rows]


class Courses(Listed):
    """All courses that are not deleted."""

    one = "courses"
    every = f"{ROOT}/courses"
    listing: Row = {}
    showing: Row = {}

    def __init__(self, client: CanvasClient) -> None:
        super().__init__(course_mapping(Terms(client).id_of), client)

    def resource(self, row: Row) -> Resource | None:
        """Return the course of a row, or None when it is deleted."""
        state = row.get("workflow_state")
        if state == "deleted":
            return None
        known = {
            "term_id": row.get("enrollment_term_id"),
            "available": "Yes" if state in _OPEN else "No",
            "concluded": state in _CONCLUDED,
        }
        return super().resource({**row, **known})

    def page(self, plan: Plan, start: str, count: int) -> Page:
        try:
            return super().page(plan, start, count)
        except ScimError as error:
            if error.status == 404 and any(map(_names_term, plan.branches or ())):
                # There is no such term, so that no course is in it.
                return Page([])
            raise

    def _found(self, branch: Branch) -> Iterator[Row]:
        try:
            yield from super()._found(branch)
        except ScimError as error:
            if error.status != 404 or not _names_term(branch):
                raise

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = self.mapping.to_native(resource)
        self._refuse_taken(resource)
        account = native.pop("account_id", None)
        path = self.every if account is None else f"accounts/{account}/courses"
        is_open = native.pop("available", "No") == "Yes"
        body = {
            "course": _sent(native),
            "offer": is_open,
            "enable_sis_reactivation": "sis_course_id" in native,
        }
        made = self._made(self._send(ticket, "POST", path, body))
        if not resource.get("closedComplete"):
            return made
        try:
            return self._made(self._move(ticket, made["id"], {"event": "conclude"}))
        except ScimError as error:
            detail = f"Course {made['id']} was created, but not concluded: {error.detail}"
            raise ScimError(error.status, detail, error.scim_type, unknown=error.unknown) from None

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        native = self.mapping.to_native_changes(changes)
        if {"course_code", "term_id"} & native.keys():
            self._refuse_taken(after, before["id"])
        moved = {native.pop(name, None) for name in ("available", "concluded")} - {None}
        values = _sent(native)
        if moved:
            values["event"] = _event(after)
        return self._made(self._move(ticket, before["id"], values))

    def delete(self, ticket: Ticket, id: str) -> None:
        self._client.send(ticket, "DELETE", f"{self.one}/{id}", {"event": "delete"})

    def find_again(self, resource: Resource) -> Resource | None:
        if external_id := resource.get("externalId"):
            form = fields.key("sis_course_id", case_exact=True)(external_id)
            return self.shown(form) if form else None
        return next(self._with_code(resource), None)

    def _move(self, ticket: Ticket, id: str, values: Native) -> Row:
        try:
            return self._send(ticket, "PUT", f"{self.one}/{id}", {"course": values})
        except ScimError as error:
            if error.status == 400 and self.get(id) is None:
                raise not_found_resource("Course", id) from None
            raise

    def _send(self, ticket: Ticket, method: str, path: str, body: Native) -> Row:
        try:
            row: Row = self._client.send(ticket, method, path, body)
        except ScimError as error:
            if error.status == 404:
                raise invalid_value(f"There is no such term or account: {error.detail}") from None
            raise
        return row

    def _made(self, row: Row) -> Resource:
        return self.resource(row) or {}

    def _refuse_taken(self, course: Resource, own: str = "") -> None:
        """Raise 409 for a code that another course of the term has: Canvas would allow it."""
        for other in self._with_code(course):
            if other["id"] != own:
                raise uniqueness(
                    f"courseId {course['courseId']!r} is already in use by course {other['id']} "
                    "of the same term."
                )

    def _with_code(self, course: Resource) -> Iterator[Resource]:
        """Yield the courses with a course's code in its term; a course that names none is in the
        default one. Raises 400 for a term that does not exist.
        """
        query: Row = {"enrollment_term_id": course.get("termId", "default")}
        if term := fields.searched(LIST)["eq"].value(course["courseId"]):
            query["search_term"] = term
        try:
            for rows in self._client.rows(self.every, query):
                for found in self._resources(rows):
                    if found["courseId"].casefold() == course["courseId"].casefold():
                        yield found
        except ScimError as error:
            if error.status == 404:
                raise invalid_value(f"termId: there is no term {course.get('termId')}.") from None
            raise


def _follow(before: Resource, after: Resource, said: Resource) -> Resource:
    """Return a wanted course: nobody can use a concluded one."""
    closed = after.get("closedComplete") and "available" in after
    return {**after, "available": "No"} if closed else after


def _event(course: Resource) -> str:
    """Return what brings a course, whatever its state, into the wanted one."""
    if course.get("closedComplete"):
        return "conclude"
    return "offer" if course.get("available") == "Yes" else "claim"


def _sent(native: Native) -> Native:
    return {name: None if value is NULL else value for name, value in native.items()}


def _in_states(states: Callable[[Any], tuple[str, ...]]) -> dict[str, Push]:
    return {"eq": Push(LIST, "state[]", exact=True, value=states)}


def _is_available(value: Any) -> tuple[str, ...]:
    wanted = str(value).casefold()
    if wanted not in ("yes", "no"):
        raise Impossible
    return _OPEN if wanted == "yes" else _UNPUBLISHED + _CONCLUDED


def _is_concluded(value: Any) -> tuple[str, ...]:
    return _CONCLUDED if value else _UNPUBLISHED + _OPEN


def _names_term(branch: Branch) -> bool:
    return any(condition.push.parameter == "enrollment_term_id" for condition in branch)
