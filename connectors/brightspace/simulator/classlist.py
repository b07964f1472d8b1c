"""The class list of an org unit: whole, or in pages with a search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.brightspace.simulator.calls import Answer, Call
from connectors.brightspace.simulator.clock import write_time
from connectors.brightspace.simulator.paging import answer_objects
from connectors.brightspace.simulator.people import is_searchable, shown_email, shown_key
from connectors.brightspace.simulator.records import Enrollment, User


def get_classlist(call: Call, unit_id: int) -> Answer:
    """Answer the whole class list."""
    ordered = sorted(_rows(call, unit_id), key=lambda row: row[0])
    return Answer([row for _, row in ordered])


def get_classlist_page(call: Call, unit_id: int) -> Answer:
    """Answer a page of the class list, by display name and id."""
    return answer_objects(call, list(_rows(call, unit_id)), call.site.settings.object_page_size)


def _rows(call: Call, unit_id: int) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    call.unit(unit_id)
    term = call.args.get("searchterm", "").casefold()
    for user_id, row in call.site.enrollments.of_unit(unit_id).items():
        user = call.site.users[user_id]
        listed = call.site.roles[row.role_id].body["InClassList"]
        if listed and user.active and is_searchable(call, user) and _matches(user, term):
            yield (user.display_name, user.id), _show(call, user, row)


def _matches(user: User, term: str) -> bool:
    values = (user.user_name, user.org_defined_id, user.first, user.last)
    return any(term in (value or "").casefold() for value in values)


def _show(call: Call, user: User, row: Enrollment) -> dict[str, Any]:
    return {
        "Identifier": str(user.id),
        "ProfileIdentifier": user.profile_id,
        "DisplayName": user.display_name,
        "Username": user.user_name,
        "OrgDefinedId": shown_key(call, user),
        "Email": shown_email(call, user),
        "FirstName": user.first,
        "LastName": user.last,
        "RoleId": row.role_id,
        "LastAccessed": write_time(user.last_accessed),
        "IsOnline": False,
        "ClasslistRoleDisplayName": call.site.roles[row.role_id].body["DisplayName"],
        "Pronouns": user.pronouns or None,
    }
