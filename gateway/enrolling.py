"""Enrolling: who is to be a member of a course's group is let into the course first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from connectors.base import Collection
from schemas.errors import ScimError
from schemas.group import LMS_GROUP

Resource = dict[str, Any]


def enrol_new_members(
    memberships: Collection,
    create: Callable[[Callable[[], Resource]], None],
    before: Resource,
    after: Resource,
) -> None:
    """Make new members of a group members of its course, each by a write of its own.

    That is the policy `enrol_members` of a target; without it the LMS refuses them. `create` makes
    a membership of what gives its body. Raises what it raises, before the group is written.
    """
    group = {**after.get(LMS_GROUP, {}), **before.get(LMS_GROUP, {})}
    course = group.get("courseId")
    if course is None or group.get("kind") == "section":
        # Whoever is in a section is in its course by that.
        return
    held = {member.get("value") for member in before.get("members", ())}
    for user in (member["value"] for member in after.get("members", ())):
        pair = {"userId": user, "courseId": course}
        if user in held or memberships.find_again(pair) is not None:
            continue
        try:
            create(partial(dict, pair, schemas=[memberships.mapping.full.schema.urn]))
        except ScimError as error:
            # Somebody else has enrolled the person meanwhile.
            if error.status != 409:
                raise
