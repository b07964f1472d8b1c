"""Enrolling: who is to be a member of a course's group is let into the course first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.base import Collection
from gateway.targets import Target
from schemas.errors import ScimError
from schemas.group import LMS_GROUP

Resource = dict[str, Any]


def enrol_new_members(
    create: Callable[[Collection, Resource], Resource],
    target: Target,
    before: Resource,
    after: Resource,
) -> None:
    """Make new members of a group members of its course, each by a write of its own.

    That is the policy `enrol_members` of a target; without it the LMS refuses them. `create` makes
    a membership of a body. Raises what it raises, before the group is written.
    """
    memberships = target.connector.collections.get("Membership")
    course = {**after.get(LMS_GROUP, {}), **before.get(LMS_GROUP, {})}.get("courseId")
    if not target.settings.enrol_members or memberships is None or course is None:
        return
    held = {member.get("value") for member in before.get("members", ())}
    new = [member["value"] for member in after.get("members", ()) if member["value"] not in held]
    for user in new:
        pair = {"userId": user, "courseId": course}
        if memberships.find_again(pair) is not None:
            continue
        try:
            create(memberships, {"schemas": [memberships.mapping.full.schema.urn], **pair})
        except ScimError as error:
            # Somebody else has enrolled the person meanwhile.
            if error.status != 409:
                raise
