"""The blocks in which people are shown."""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.calls import Call
from connectors.brightspace.simulator.clock import write_time
from connectors.brightspace.simulator.records import User
from connectors.brightspace.simulator.site import ORG_ID, Site

FIRST_LOGIN_SINCE = (20, 26, 2)


def show_user(call: Call, user: User) -> dict[str, Any]:
    """Return a UserData block."""
    body: dict[str, Any] = {
        "OrgId": ORG_ID,
        "UserId": user.id,
        "FirstName": user.first,
        "MiddleName": user.middle,
        "LastName": user.last,
        "UserName": user.user_name,
        "ExternalEmail": shown_email(call, user),
        "OrgDefinedId": shown_key(call, user),
        "UniqueIdentifier": unique_identifier(call.site, user),
        "Activation": {"IsActive": user.active},
        "LastAccessedDate": write_time(user.last_accessed),
        "DisplayName": user.display_name,
        "Pronouns": None if call.hides("Pronouns") else user.pronouns,
    }
    if call.site.settings.release >= FIRST_LOGIN_SINCE:
        body["FirstLoginDate"] = write_time(user.first_login)
    return body


def show_composite(call: Call, user: User) -> dict[str, Any]:
    """Return the block of a person in lists of enrolments and grades."""
    return {
        "Identifier": str(user.id),
        "DisplayName": user.display_name,
        "EmailAddress": shown_email(call, user),
        "OrgDefinedId": shown_key(call, user),
        "ProfileBadgeUrl": None,
        "ProfileIdentifier": user.profile_id,
        "UserName": user.user_name,
    }


def shown_email(call: Call, user: User) -> str | None:
    """Return the e-mail address that the caller may see."""
    return None if call.hides("ExternalEmail") else user.email


def shown_key(call: Call, user: User) -> str | None:
    """Return the org-defined id that the caller may see."""
    return None if call.hides("OrgDefinedId") else user.org_defined_id


def unique_identifier(site: Site, user: User) -> str:
    """Return the identifier that follows a renaming after a delay."""
    late = site.clock.now() < user.renamed + site.settings.identifier_seconds
    return user.former_name if late and user.former_name else user.user_name


def is_searchable(call: Call, user: User) -> bool:
    """Tell whether lists show a person: who left the organization is in none."""
    settings = call.site.settings
    return user.id not in settings.unsearchable and call.site.role_of(user.id) is not None
