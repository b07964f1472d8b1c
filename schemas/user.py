"""The User resource type: core, enterprise extension and the extension for learning platforms."""

from __future__ import annotations

from schemas.attributes import (
    CORE,
    ENTERPRISE,
    LMS,
    Attribute,
    ResourceType,
    Schema,
    Switch,
    plural,
    reference,
)

LMS_USER = LMS + "User"

_NAME = Attribute(
    "name",
    "complex",
    description="The parts of the person's name.",
    sub_attributes=(
        Attribute("formatted", description="The full name, ready for display."),
        Attribute("familyName", description="The family name."),
        Attribute("givenName", description="The given name."),
        Attribute("middleName", description="The middle names."),
        Attribute("honorificPrefix", description="The title before the name."),
        Attribute("honorificSuffix", description="The suffix after the name."),
    ),
)

_ADDRESSES = Attribute(
    "addresses",
    "complex",
    multi_valued=True,
    description="Postal addresses.",
    sub_attributes=(
        Attribute("formatted", description="The full address, ready for display."),
        Attribute("streetAddress", description="Street, house number and what belongs to it."),
        Attribute("locality", description="The city."),
        Attribute("region", description="The state or region."),
        Attribute("postalCode", description="The postal code."),
        Attribute("country", description="The country, as ISO 3166-1 alpha-2 code."),
        Attribute(
            "type",
            description="What the address is for.",
            canonical_values=("work", "home", "other"),
        ),
        Attribute("primary", "boolean", description="Whether this is the preferred address."),
    ),
)

_GROUPS = Attribute(
    "groups",
    "complex",
    multi_valued=True,
    description="The groups that the user belongs to; changed through Group.",
    mutability="readOnly",
    sub_attributes=(
        Attribute("value", description="The group's id.", case_exact=True, mutability="readOnly"),
        reference("Group"),
        Attribute("display", description="The group's name.", mutability="readOnly"),
        Attribute("type", mutability="readOnly", canonical_values=("direct", "indirect")),
    ),
)

_CORE = Schema(
    CORE + "User",
    "User",
    "A user account.",
    (
        Attribute(
            "userName",
            description="The login name.",
            required=True,
            uniqueness="server",
        ),
        _NAME,
        Attribute("displayName", description="The name shown to others."),
        Attribute("nickName", description="The casual name."),
        Attribute(
            "profileUrl",
            "reference",
            description="The person's web page.",
            case_exact=True,
            reference_types=("external",),
        ),
        Attribute("title", description="The job title."),
        Attribute("userType", description="The relation between the person and the organization."),
        Attribute("preferredLanguage", description="The preferred language, e.g. `en-US`."),
        Attribute("locale", description="The locale for dates, numbers and language."),
        Attribute("timezone", description="The time zone, by its IANA name."),
        Attribute("active", "boolean", description="Whether the account can be used."),
        Attribute(
            "password",
            description="The password, which is never returned.",
            case_exact=True,
            mutability="writeOnly",
            returned="never",
        ),
        plural("emails", "E-mail addresses.", Attribute("value"), "work", "home", "other"),
        plural(
            "phoneNumbers",
            "Telephone numbers.",
            Attribute("value"),
            *("work", "home", "mobile", "fax", "pager", "other"),
        ),
        plural(
            "ims",
            "Instant messaging addresses.",
            Attribute("value"),
            *("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
        ),
        plural(
            "photos",
            "Pictures of the person.",
            Attribute("value", "reference", case_exact=True, reference_types=("external",)),
            *("photo", "thumbnail"),
        ),
        _ADDRESSES,
        _GROUPS,
        plural("entitlements", "What the person is entitled to.", Attribute("value")),
        plural("roles", "What the person is, e.g. `Student`.", Attribute("value")),
        plural("x509Certificates", "Certificates.", Attribute("value", "binary", case_exact=True)),
    ),
)

_ENTERPRISE = Schema(
    ENTERPRISE,
    "EnterpriseUser",
    "What an organization keeps of its people.",
    (
        Attribute("employeeNumber", description="The number given by the organization."),
        Attribute("costCenter", description="The cost center."),
        Attribute("organization", description="The organization."),
        Attribute("division", description="The division."),
        Attribute("department", description="The department."),
        Attribute(
            "manager",
            "complex",
            description="The person's manager.",
            sub_attributes=(
                Attribute("value", description="The manager's id.", case_exact=True),
                reference("User"),
                Attribute("displayName", description="The manager's name.", mutability="readOnly"),
            ),
        ),
    ),
)


def _related_user(name: str, description: str) -> Attribute:
    return Attribute(
        name,
        "complex",
        multi_valued=True,
        description=description,
        sub_attributes=(
            Attribute("value", description="The user's id.", case_exact=True),
            reference("User"),
            Attribute("userName", description="The user's login name."),
        ),
    )


_LMS = Schema(
    LMS_USER,
    "LmsUser",
    "What learning platforms keep of their people.",
    (
        Attribute("uuid", description="A second unique identifier.", mutability="readOnly"),
        Attribute("studentId", description="The student number.", case_exact=True),
        Attribute(
            "dataSourceId",
            description="The data source that owns the record.",
            case_exact=True,
        ),
        Attribute("description", description="What the person's profile says of the person."),
        Attribute(
            "educationLevel",
            description="The level of education.",
            canonical_values=(
                *("K8", "HighSchool", "Freshman", "Sophomore", "Junior", "Senior"),
                *("GraduateSchool", "PostGraduateSchool", "Unknown"),
            ),
        ),
        Attribute("gender", canonical_values=("Female", "Male", "Other", "Unknown")),
        Attribute("birthDate", description="The date of birth, as YYYY-MM-DD."),
        Attribute("pronouns", description="The pronouns by which the person is spoken of."),
        Attribute(
            "lastLogin",
            "dateTime",
            description="When the person last used the platform.",
            mutability="readOnly",
        ),
        Attribute(
            "institutionRoleIds",
            multi_valued=True,
            description="Roles in the institution, the primary one first.",
            case_exact=True,
        ),
        Attribute(
            "systemRoleIds",
            multi_valued=True,
            description="Roles in the system, the primary one first.",
            case_exact=True,
        ),
        Attribute(
            "available",
            description="Whether the account can be used, in the platform's three values.",
            canonical_values=("Yes", "No", "Disabled"),
        ),
        Attribute("streetAddress2", description="The second street line of the address."),
        Attribute(
            "calendar",
            description="The calendar system.",
            canonical_values=("Gregorian", "GregorianHijri", "Hijri", "HijriGregorian"),
        ),
        Attribute(
            "firstDayOfWeek",
            description="The first day of the week.",
            canonical_values=("Sunday", "Monday", "Saturday"),
        ),
        _related_user("observers", "The people who may watch this person's progress."),
        _related_user("observees", "The people whose progress this person may watch."),
        Attribute(
            "mustChangePassword",
            "boolean",
            description="Whether a new password is demanded at the next login.",
            mutability="writeOnly",
            returned="never",
            declared=False,
        ),
    ),
)

USER = ResourceType(
    "User",
    "Users",
    "User accounts.",
    _CORE,
    (_ENTERPRISE, _LMS),
    key=("userName",),
    switch=Switch("active", on=True, off=False),
)
