"""The Group resource type: core and the extension for learning platforms."""

from __future__ import annotations

from schemas.attributes import CORE, LMS, Attribute, ResourceType, Schema

LMS_GROUP = LMS + "Group"

_CORE = Schema(
    CORE + "Group",
    "Group",
    "A group of users.",
    (
        Attribute("displayName", description="The group's name.", required=True),
        Attribute(
            "members",
            "complex",
            multi_valued=True,
            description="The members of the group.",
            sub_attributes=(
                Attribute(
                    "value",
                    description="The member's id.",
                    case_exact=True,
                    mutability="immutable",
                ),
                Attribute(
                    "$ref",
                    "reference",
                    description="The URI of the member.",
                    case_exact=True,
                    mutability="immutable",
                    reference_types=("User", "Group"),
                ),
                Attribute(
                    "type",
                    description="What the member is.",
                    mutability="immutable",
                    canonical_values=("User", "Group"),
                ),
                Attribute(
                    "display",
                    description="The member's name.",
                    mutability="readOnly",
                    returned="request",
                ),
            ),
        ),
    ),
)

_LMS = Schema(
    LMS_GROUP,
    "LmsGroup",
    "What learning platforms keep of a set of people.",
    (
        Attribute(
            "kind",
            description="What the set is in the LMS; it is part of the id.",
            mutability="readOnly",
            canonical_values=("cohort", "course", "section", "courseGroup"),
        ),
        Attribute("description", description="What the group is for."),
        Attribute("uuid", description="A second unique identifier.", mutability="readOnly"),
        Attribute("courseId", description="The id of the group's course.", case_exact=True),
        Attribute("parentId", description="The id of the group set.", case_exact=True),
        Attribute("isGroupSet", "boolean", description="Whether the group is a set of groups."),
        Attribute(
            "available",
            description="Whether the group can be used.",
            canonical_values=("Yes", "No", "SignupOnly"),
        ),
        Attribute("enrollmentLimit", "integer", description="The largest number of members."),
        Attribute("signupSheetName", description="The title of the sign-up sheet."),
        Attribute("signupSheetDescription", description="The text of the sign-up sheet."),
        Attribute(
            "signupSheetShowMembers",
            "boolean",
            description="Whether members are shown before sign-up.",
        ),
    ),
)

GROUP = ResourceType("Group", "Groups", "Groups of users.", _CORE, (_LMS,), key=("displayName",))
