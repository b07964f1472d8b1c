"""The Course resource type, with the names of the learning platforms' own course records."""

from __future__ import annotations

from schemas.attributes import LMS, Attribute, ResourceType, Schema, Switch

_COURSE = Schema(
    LMS + "Course",
    "Course",
    "A course.",
    (
        Attribute("courseId", description="The course's code.", required=True, uniqueness="server"),
        Attribute("name", description="The course's name.", required=True),
        Attribute("description", description="What the course is about."),
        Attribute("uuid", description="A second unique identifier.", mutability="readOnly"),
        Attribute("dataSourceId", description="The owning data source.", case_exact=True),
        Attribute("termId", description="The term.", case_exact=True),
        Attribute(
            "categoryId", description="The id of the category that it is in.", case_exact=True
        ),
        Attribute("parentId", description="The id of the parent course.", mutability="readOnly"),
        Attribute(
            "hasChildren",
            "boolean",
            description="Whether courses are merged into it.",
            mutability="readOnly",
        ),
        Attribute("organization", "boolean", description="Whether it is an organization."),
        Attribute(
            "ultraStatus",
            description="The course view.",
            canonical_values=("Undecided", "Classic", "Ultra", "UltraPreview"),
        ),
        Attribute("allowGuests", "boolean", description="Whether guests may enter."),
        Attribute("closedComplete", "boolean", description="Whether the course is closed."),
        Attribute("externalAccessUrl", "reference", mutability="readOnly"),
        Attribute("guestAccessUrl", "reference", mutability="readOnly"),
        Attribute("locale", description="The course's locale."),
        Attribute("localeForced", "boolean", description="Whether the locale is imposed."),
        Attribute(
            "available",
            description="Whether the course can be used.",
            canonical_values=("Yes", "No", "Term", "Disabled"),
        ),
        Attribute(
            "durationType",
            description="How the course's duration is set.",
            canonical_values=("Continuous", "DateRange", "FixedNumDays", "Term"),
        ),
        Attribute("start", "dateTime", description="When the course begins."),
        Attribute("end", "dateTime", description="When the course ends."),
        Attribute("daysOfUse", "integer", description="How many days it may be used."),
        Attribute(
            "enrollmentType",
            description="How people get into the course.",
            canonical_values=("InstructorLed", "SelfEnrollment", "EmailEnrollment"),
        ),
        Attribute("enrollmentStart", "dateTime", description="When enrollment begins."),
        Attribute("enrollmentEnd", "dateTime", description="When enrollment ends."),
        Attribute(
            "accessCode",
            description="The code for self-enrollment, which is never returned.",
            case_exact=True,
            mutability="writeOnly",
            returned="never",
        ),
    ),
)

COURSE = ResourceType(
    "Course",
    "Courses",
    "Courses.",
    _COURSE,
    key=("courseId",),
    switch=Switch("available", on="Yes", off="No"),
)
