"""Transfer: a person moves from one course to another, in two audited steps.

First the new membership, then the end of the old one: whatever fails between the two, nobody is
without a course, and the same request again does what is left.
"""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, fields
from marshmallow import Schema as Form

from connectors.base import Collection
from gateway.attempts import Caller
from gateway.reading import Reader
from gateway.rehearsing import Planned
from gateway.targets import Target
from gateway.writing import Writer
from schemas.errors import ScimError, forbidden, invalid_value
from schemas.messages import load_form

Resource = dict[str, Any]

_OF_THE_OLD_COURSE = ("id", "meta", "courseId", "childCourseId")


class _Transfer(Form):
    class Meta:
        unknown = EXCLUDE

    course_id = fields.String(data_key="courseId", required=True)


_TRANSFER = _Transfer()


def transfer(
    reader: Reader,
    writer: Writer,
    target: Target,
    memberships: Collection,
    caller: Caller,
    id: str,
    body: Any,
) -> Resource:
    """Move a membership to another course, with its role and state; return the new one.

    Raises 404 when there is no such membership, 400 for an unknown course, 403 where the target
    deletes nothing; after an error between the steps the person is in both courses.
    """
    course = load_form(_TRANSFER, body)["course_id"]
    old = reader.find(target, memberships, id, frozenset())
    if old["courseId"] == course:
        raise invalid_value("courseId: the person is in that course already.")
    if target.settings.delete == "refuse":
        raise forbidden('This target refuses to end memberships (delete = "refuse").')
    try:
        new = _made(writer, target, memberships, caller, old, course)
    except Planned as first:
        raise _planned(writer, target, memberships, caller, id, first) from None
    try:
        writer.delete(target, memberships, caller, id)
    except ScimError as error:
        error.detail = (
            f"The person is in both courses now: {error.detail} "
            "The same request again ends the old membership."
        )
        raise
    return new


def _planned(
    writer: Writer,
    target: Target,
    memberships: Collection,
    caller: Caller,
    id: str,
    first: Planned,
) -> Planned:
    """Return the plan of the second step, with the first one in it."""
    try:
        writer.delete(target, memberships, caller, id)
    except Planned as second:
        second.plan["first"] = [first.plan]
        return second
    raise AssertionError("a rehearsal ends with its plan")


def _made(
    writer: Writer,
    target: Target,
    memberships: Collection,
    caller: Caller,
    old: Resource,
    course: str,
) -> Resource:
    """Return the membership in the new course; an earlier try may have made it."""
    kept, _ = memberships.mapping.fit(old)
    kept = {name: value for name, value in kept.items() if name not in _OF_THE_OLD_COURSE}
    urn = memberships.mapping.full.schema.urn
    wanted = {"schemas": [urn], **kept, "courseId": course}
    try:
        return writer.create(target, memberships, caller, lambda: wanted)
    except ScimError as error:
        if error.status != 409:
            raise
        found = memberships.find_again({**kept, "courseId": course})
        if found is None:
            raise
        return found
