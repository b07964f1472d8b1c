"""The Membership resource type: a user in a course."""

from __future__ import annotations

from schemas.attributes import LMS, Attribute, ResourceType, Schema

_MEMBERSHIP = Schema(
    LMS + "Membership",
    "Membership",
    "A user in a course.",
    (
        Attribute(
            "userId",
            description="The id of the user.",
            required=True,
            case_exact=True,
            mutability="immutable",
        ),
        Attribute(
            "courseId",
            description="The id of the course.",
            required=True,
            case_exact=True,
            mutability="immutable",
        ),
        Attribute("userName", description="The user's login name.", mutability="readOnly"),
        Attribute("courseRoleId", description="The role in the course.", case_exact=True),
        Attribute(
            "available",
            description="Whether the membership can be used.",
            canonical_values=("Yes", "No", "Disabled"),
        ),
        Attribute("childCourseId", description="The merged course.", case_exact=True),
        Attribute("dataSourceId", description="The owning data source.", case_exact=True),
        Attribute(
            "bypassCourseAvailabilityUntil",
            "dateTime",
            description="Until when the person may enter an unavailable course.",
            mutability="readOnly",
        ),
        Attribute("start", "dateTime", description="When the membership begins."),
        Attribute("end", "dateTime", description="When the membership ends."),
        Attribute(
            "score",
            "decimal",
            description="The course total that the person has reached.",
            mutability="readOnly",
        ),
        Attribute(
            "scoreMaximum",
            "decimal",
            description="The course total that can be reached.",
            mutability="readOnly",
        ),
        Attribute(
            "completed",
            "boolean",
            description="Whether the person has completed the course.",
            mutability="readOnly",
        ),
        Attribute(
            "lastAccessed",
            "dateTime",
            description="When the person last used the course.",
            mutability="readOnly",
        ),
    ),
)

MEMBERSHIP = ResourceType(
    "Membership", "Memberships", "Users in courses.", _MEMBERSHIP, key=("userId", "courseId")
)
