"""The Role resource type: institution, system and course roles."""

from __future__ import annotations

from schemas.attributes import LMS, Attribute, ResourceType, Schema

_ROLE = Schema(
    LMS + "Role",
    "Role",
    "A role that people can hold.",
    (
        Attribute("roleId", description="The key by which the role is given.", case_exact=True),
        Attribute("name", description="The role's name; in courses for course roles."),
        Attribute("organizationName", description="The role's name in organizations."),
        Attribute("description", description="What the role is for."),
        Attribute("custom", "boolean", description="Whether the institution made the role."),
        Attribute("actAsInstructor", "boolean", description="Whether holders are instructors."),
        Attribute(
            "available",
            description="Where the role can be given.",
            canonical_values=("Course", "Organization", "CourseAndOrganization", "No"),
        ),
        Attribute(
            "kind",
            description="Where the role holds.",
            mutability="immutable",
            canonical_values=("institution", "system", "course"),
        ),
    ),
)

ROLE = ResourceType(
    "Role", "Roles", "Institution, system and course roles.", _ROLE, key=("roleId",)
)
