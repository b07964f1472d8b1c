"""Short paths such as `name.given` or `contact.email` and the standard paths they stand for.

The short ones are the names of the Blackboard REST connector's attribute matrix; each stands on
the resource type that it describes. Names that are the same in both worlds are not repeated.
"""

from __future__ import annotations

_DATES = {"created": "meta.created", "modified": "meta.lastModified"}

SHORT_PATHS: dict[str, dict[str, str]] = {
    "User": _DATES
    | {
        "availability.available": "available",
        "name.given": "name.givenName",
        "name.family": "name.familyName",
        "name.middle": "name.middleName",
        "name.other": "nickName",
        "name.suffix": "name.honorificSuffix",
        "name.title": "name.honorificPrefix",
        "job.title": "title",
        "job.department": "department",
        "job.company": "organization",
        "contact.homePhone": 'phoneNumbers[type eq "home"].value',
        "contact.mobilePhone": 'phoneNumbers[type eq "mobile"].value',
        "contact.businessPhone": 'phoneNumbers[type eq "work"].value',
        "contact.businessFax": 'phoneNumbers[type eq "fax"].value',
        "contact.email": 'emails[type eq "work"].value',
        "contact.webPage": "profileUrl",
        "address.street1": 'addresses[type eq "work"].streetAddress',
        "address.street2": "streetAddress2",
        "address.city": 'addresses[type eq "work"].locality',
        "address.state": 'addresses[type eq "work"].region',
        "address.zipCode": 'addresses[type eq "work"].postalCode',
        "address.country": 'addresses[type eq "work"].country',
        "locale.id": "locale",
        "locale.calendar": "calendar",
        "locale.firstDayOfWeek": "firstDayOfWeek",
        "observers.id": "observers.value",
        "observees.id": "observees.value",
    },
    "Group": {
        "group.id": "id",
        "group.uuid": "uuid",
        "group.externalId": "externalId",
        "group.name": "displayName",
        "group.description": "description",
        "group.parentId": "parentId",
        "group.isGroupSet": "isGroupSet",
        "group.availability.available": "available",
        "group.enrollment.limit": "enrollmentLimit",
        "group.enrollment.signupSheet.name": "signupSheetName",
        "group.enrollment.signupSheet.description": "signupSheetDescription",
        "group.enrollment.signupSheet.showMembers": "signupSheetShowMembers",
        "group.member.userId": "members.value",
    },
    "Course": _DATES
    | {
        "availability.available": "available",
        "availability.duration.type": "durationType",
        "availability.duration.start": "start",
        "availability.duration.end": "end",
        "availability.duration.daysOfUse": "daysOfUse",
        "enrollment.type": "enrollmentType",
        "enrollment.start": "enrollmentStart",
        "enrollment.end": "enrollmentEnd",
        "enrollment.accessCode": "accessCode",
        "locale.id": "locale",
        "locale.force": "localeForced",
    },
    "Membership": _DATES
    | {
        "availability.available": "available",
        "user.userName": "userName",
        "courseMembership.id": "id",
        "courseMembership.userId": "userId",
        "courseMembership.courseId": "courseId",
        "courseMembership.user.userName": "userName",
        "courseMembership.courseRoleId": "courseRoleId",
        "courseMembership.availability.available": "available",
        "courseMembership.childCourseId": "childCourseId",
        "courseMembership.dataSourceId": "dataSourceId",
        "courseMembership.bypassCourseAvailabilityUntil": "bypassCourseAvailabilityUntil",
        "courseMembership.created": "meta.created",
        "courseMembership.lastAccessed": "lastAccessed",
    },
    "Role": {
        "availability.available": "available",
        "nameForCourses": "name",
        "nameForOrganizations": "organizationName",
    },
}

_INDEX = {
    resource_type: {short.lower(): standard for short, standard in paths.items()}
    for resource_type, paths in SHORT_PATHS.items()
}


def standard_path(resource_type: str, short: str) -> str | None:
    """Return the standard path that a short one stands for on that resource type, or None.

    >>> standard_path("User", "Contact.Email")
    'emails[type eq "work"].value'
    """
    return _INDEX.get(resource_type, {}).get(short.lower())
