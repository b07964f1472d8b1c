"""Courses and organizations of a Learn site: `v3/courses`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.blackboard import fields
from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.fields import an_id, text
from connectors.blackboard.listed import MOST, Listed
from connectors.blackboard.sources import Sources
from connectors.flat import NULL, flat, nested
from connectors.mapping import Field, Mapping, Resource, read_only
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.course import COURSE
from schemas.errors import ScimError, invalid_value

PATH = "v3/courses"
LIST = "GET v3/courses"
ONE = "GET v3/courses/{id}"

_ONLY_WITH = {
    "start": ("durationType", "DateRange"),
    "end": ("durationType", "DateRange"),
    "daysOfUse": ("durationType", "FixedNumDays"),
    "enrollmentStart": ("enrollmentType", "SelfEnrollment"),
    "enrollmentEnd": ("enrollmentType", "SelfEnrollment"),
    "accessCode": ("enrollmentType", "SelfEnrollment"),
}
"""Attributes that Learn takes only while another one has a certain value."""


def course_mapping(sources: Sources, terms: Sources) -> Mapping:
    """Return the mapping of courses."""

    def only_made(path: str, native: str, **more: Any) -> Field:
        return Field(path, native, modifiable=False, **more)

    def when(path: str, native: str) -> Field:
        return Field(path, native, write=fields.moment, settle=fields.settled_moment, empty=NULL)

    def contains(native: str) -> dict[str, Any]:
        return fields.containing(LIST, native, case_exact=native == "externalId")

    return Mapping(
        COURSE,
        read_only("id", "id", push=fields.by_key(ONE, "id")),
        only_made("courseId", "courseId", required=True, write=text(100),
                  push=contains("courseId") | fields.by_key(ONE, "courseId")),
        Field("externalId", "externalId", filled=True, write=text(256),
              push=contains("externalId") | fields.by_key(ONE, "externalId")),
        Field("name", "name", required=True, empty=None, write=text(333), push=contains("name")),
        Field("description", "description", push=contains("description")),
        read_only("uuid", "uuid", push=fields.by_key(ONE, "uuid")),
        Field("dataSourceId", "dataSourceId", filled=True, empty=None, write=an_id,
              settle=sources.id_of, push=fields.equal(LIST, "dataSourceId", fields.pushed_id)),
        Field("termId", "termId", empty=NULL, write=an_id, settle=terms.id_of,
              push=fields.equal(LIST, "termId", fields.pushed_id)),
        read_only("parentId", "parentId"),
        read_only("hasChildren", "hasChildren"),
        only_made("organization", "organization", push=fields.either(LIST, "organization")),
        only_made("ultraStatus", "ultraStatus",
                  read=lambda held: "UltraPreview" if held == "Ultrapreview" else held),
        Field("allowGuests", "allowGuests", filled=True, empty=None,
              push=fields.either(LIST, "allowGuests")),
        Field("closedComplete", "closedComplete", filled=True, empty=None),
        read_only("externalAccessUrl", "externalAccessUrl"),
        read_only("guestAccessUrl", "guestAccessUrl"),
        Field("locale", "locale.id", read=fields.tag_of, write=fields.locale_of,
              settle=fields.settled_locale),
        Field("localeForced", "locale.force", filled=True, empty=None),
        Field("available", "availability.available", filled=True, empty=None,
              push=fields.equal(LIST, "availability.available")),
        Field("durationType", "availability.duration.type", filled=True, empty=None,
              read=lambda held: "Term" if held == "UseTerm" else held),
        when("start", "availability.duration.start"),
        when("end", "availability.duration.end"),
        Field("daysOfUse", "availability.duration.daysOfUse", empty=NULL),
        Field("enrollmentType", "enrollment.type", filled=True, empty=None),
        when("enrollmentStart", "enrollment.start"),
        when("enrollmentEnd", "enrollment.end"),
        Field("accessCode", "enrollment.accessCode", readable=False, write=text(50)),
        *fields.dates(LIST),
        walk="reads all courses, a hundred in one call",
    )  # fmt: skip


def course_ids(client: BlackboardClient) -> Iterator[list[str]]:
    """Yield the ids of all courses, page by page."""
    for rows in client.rows(PATH, {"limit": MOST, "fields": "id"}):
        yield [row["id"] for row in rows]


class Courses(Listed):
    """All courses, organizations and cross-listed ones included."""

    deletes_later = True

    def __init__(self, client: BlackboardClient, sources: Sources) -> None:
        terms = Sources(client, "v1/terms", "termId")
        super().__init__(course_mapping(sources, terms), client, PATH)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        _refuse_misplaced(resource, set(resource))
        created = self._client.send(ticket, "POST", PATH, nested(self.mapping.to_native(resource)))
        return self.mapping.to_scim(flat(created))

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        if before.get("closedComplete") and after.get("closedComplete"):
            raise ScimError(
                409, f"Course {before['id']} is closed and complete; Blackboard refuses changes."
            )
        _refuse_misplaced(after, {c.path.name for c in changes if c.new is not None})
        native = self.mapping.to_native_changes(changes)
        row = self._client.send(ticket, "PATCH", f"{PATH}/{before['id']}", nested(native))
        return self.mapping.to_scim(flat(row)) if "id" in row else after

    def delete(self, ticket: Ticket, id: str) -> None:
        """Let Learn delete the course; it queues that, and the course is gone when it is done."""
        self._client.send(ticket, "DELETE", f"{PATH}/{id}")

    def find_again(self, resource: Resource) -> Resource | None:
        return self.named("courseId", resource["courseId"])


def _refuse_misplaced(course: Resource, given: set[str]) -> None:
    """Raise 400 for an attribute that does not go with another one's value."""
    for name, (other, value) in _ONLY_WITH.items():
        if name in given and course.get(other) != value:
            raise invalid_value(f"{name} goes only with {other} {value}.")
    if "available" in given and course.get("available") == "Term" and not course.get("termId"):
        raise invalid_value("available Term needs a termId.")
