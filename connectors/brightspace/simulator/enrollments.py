"""Enrolments: one by one, in batches, ended, and read from either side."""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.calls import Answer, Call
from connectors.brightspace.simulator.clock import write_time
from connectors.brightspace.simulator.errors import (
    ApiError,
    malformed,
    no_match,
    not_authorized,
    not_found,
    refused,
)
from connectors.brightspace.simulator.paging import answer_set
from connectors.brightspace.simulator.people import is_searchable, show_composite
from connectors.brightspace.simulator.records import Enrollment, Mail, OrgUnit
from connectors.brightspace.simulator.shapes import FLAG_OR_NULL, NUMBER, check
from connectors.brightspace.simulator.site import ORG_ID, Site

MAIL_SINCE = (20, 25, 1)

_HOME = "d2l/home"
_BLOCK = {"OrgUnitId": NUMBER, "UserId": NUMBER, "RoleId": NUMBER}


def create_enrollment(call: Call) -> Answer:
    """Enrol a person, or change the role of who is enrolled already."""
    return Answer(_show(call.site, _enroll(call, call.read())))


def create_enrollments(call: Call) -> Answer:
    """Enrol people and answer the enrolments that could not be made."""
    rows = call.read_list()
    if len(rows) > call.site.settings.enrollments_batch:
        raise malformed("Too many enrollments")
    failures = []
    for row in rows:
        try:
            _enroll(call, row)
        except ApiError as error:
            given = row if isinstance(row, dict) else {}
            message = error.detail or error.title
            status = {"StatusCode": error.status, "StatusMessage": message}
            failures.append({**status, **{name: given.get(name) for name in _BLOCK}})
    return Answer(failures)


def _enroll(call: Call, given: Any) -> Enrollment:
    block = dict(_BLOCK)
    if call.site.settings.release >= MAIL_SINCE:
        block["SendEnrollmentEmail"] = FLAG_OR_NULL
    body = check(given, block, optional=("SendEnrollmentEmail",))
    unit = call.site.units.get(body["OrgUnitId"])
    if unit is None or call.site.is_gone(unit):
        raise not_found("Org unit not found.")
    user = call.site.users.get(body["UserId"])
    if user is None:
        raise not_found("User not found.")
    role = call.role(body["RoleId"])
    if unit.type_id not in set(call.site.settings.enrollable_types):
        raise not_authorized(unit.id, "Enrollments.Enroll")
    if call.site.is_part(unit):
        check_in_parent(call.site, unit, user.id)
    if body.get("SendEnrollmentEmail") and "SendEnrollmentEmail" in block and user.email:
        call.site.mails.append(Mail("enrolled", user.id, user.email))
    return call.site.enroll(unit.id, user.id, role.id)


def check_in_parent(site: Site, part: OrgUnit, user_id: int) -> Enrollment:
    """Return a person's enrolment in the org unit that a group or section belongs to."""
    for parent in part.parents:
        found = site.enrollments.find(parent, user_id)
        if found is not None:
            return found
    raise refused("The user is not enrolled in the parent org unit.")


def get_enrollment(call: Call, unit_id: int, user_id: int) -> Answer:
    """Answer a person's place in an org unit."""
    return Answer(_show(call.site, _find(call, unit_id, user_id)))


def get_enrollment_of_user(call: Call, user_id: int, unit_id: int) -> Answer:
    """Answer a person's place in an org unit, asked for from the person's side."""
    return get_enrollment(call, unit_id, user_id)


def delete_enrollment(call: Call, unit_id: int, user_id: int) -> Answer:
    """End an enrolment and answer it as it was."""
    row = _find(call, unit_id, user_id)
    call.site.unenroll(row)
    return Answer(_show(call.site, row))


def delete_enrollment_of_user(call: Call, user_id: int, unit_id: int) -> Answer:
    """End an enrolment, asked for from the person's side."""
    return delete_enrollment(call, unit_id, user_id)


def _find(call: Call, unit_id: int, user_id: int) -> Enrollment:
    call.unit(unit_id)
    found = call.site.enrollments.find(unit_id, user_id)
    if found is None:
        raise no_match()
    return found


def list_people(call: Call, unit_id: int) -> Answer:
    """Answer who is enrolled in an org unit, by role and by activity if asked for."""
    call.unit(unit_id)
    roles, active = call.ids("roleid"), call.flag("isactive")
    rows = call.site.enrollments.of_unit(unit_id)

    def show(user_id: int) -> dict[str, Any] | None:
        user, row = call.site.users[user_id], rows[user_id]
        if roles is not None and row.role_id not in roles:
            return None
        if active is not None and user.active != active:
            return None
        if not is_searchable(call, user):
            return None
        return {"User": show_composite(call, user), "Role": _show_role(call.site, row.role_id)}

    return answer_set(call, rows, show)


def list_units(call: Call, user_id: int) -> Answer:
    """Answer where a person is enrolled, by type of org unit and by role if asked for."""
    call.user(user_id)
    types, roles = call.ids("orgunittypeid"), call.ids("roleid")
    rows = call.site.enrollments.of_user(user_id)

    def show(unit_id: int) -> dict[str, Any] | None:
        unit, row = call.site.units[unit_id], rows[unit_id]
        if call.site.is_gone(unit) or (types is not None and unit.type_id not in types):
            return None
        if roles is not None and row.role_id not in roles:
            return None
        return {
            "OrgUnit": _show_unit(call, unit),
            "Role": _show_role(call.site, row.role_id),
            "IsCascading": _cascades(call.site, row.role_id),
            "EnrolledByUserId": row.by,
            "EnrolledByUserDate": write_time(row.since),
        }

    return answer_set(call, rows, show)


def _show(site: Site, row: Enrollment) -> dict[str, Any]:
    return {
        "OrgUnitId": row.unit_id,
        "UserId": row.user_id,
        "RoleId": row.role_id,
        "IsCascading": _cascades(site, row.role_id),
    }


def _show_role(site: Site, role_id: int) -> dict[str, Any]:
    body = site.roles[role_id].body
    return {"Id": role_id, "Code": body["Code"], "Name": body["DisplayName"]}


def _show_unit(call: Call, unit: OrgUnit) -> dict[str, Any]:
    kind = call.site.unit_types[unit.type_id]
    return {
        "Id": unit.id,
        "Type": {name: kind[name] for name in ("Id", "Code", "Name")},
        "Name": unit.name,
        "Code": unit.code,
        "HomeUrl": None if unit.id == ORG_ID else f"{call.host}/{_HOME}/{unit.id}",
        "ImageUrl": None,
    }


def _cascades(site: Site, role_id: int) -> bool:
    return bool(site.roles[role_id].body["IsCascading"])
