"""The forms in which paths and bodies name an object: a primary id, or a prefix and a key."""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.blackboard.simulator.calls import Call
from connectors.blackboard.simulator.entitlements import MODIFY_USERS
from connectors.blackboard.simulator.errors import bad_request, forbidden, not_found
from connectors.blackboard.simulator.records import Course, Group, Record, Role, User
from connectors.blackboard.simulator.shapes import value_at
from connectors.blackboard.simulator.tables import R, Table

_PRIMARY = re.compile(r"_\d+_\d+", re.ASCII)
_KEPT_APART = {
    "studentId": "studentId",
    "email": "contact.email",
    "institutionEmail": "contact.institutionEmail",
}
"""User id forms that need an entitlement of their own, and where their values are."""
_APART_SINCE = (3900, 80)


def is_primary(wanted: str) -> bool:
    """Tell whether a text has the form of a primary id."""
    return _PRIMARY.fullmatch(wanted) is not None


def find_user(call: Call, wanted: str) -> User:
    """Return the account that a path names, whoever may see it."""
    forms = ["uuid", "externalId", "userName"]
    if call.knows(_APART_SINCE):
        forms += _KEPT_APART
    form, value = _split(wanted, forms)
    if form not in _KEPT_APART:
        return _find(call.site.users, form, value, wanted)
    call.require(MODIFY_USERS)
    for user in call.site.users.values():
        if value_at(user.body, _KEPT_APART[form]) == value:
            return user
    raise not_found(wanted)


def visible_user(call: Call, wanted: str) -> User:
    """Return the account that a path names; an administrator's is not for everyone."""
    user = find_user(call, wanted)
    if not call.site.sees(user):
        raise forbidden()
    return user


def find_course(call: Call, wanted: str) -> Course:
    """Return the course that a path names."""
    form, value = _split(wanted, ("uuid", "externalId", "courseId"))
    return _find(call.site.courses, form, value, wanted)


def find_group(call: Call, course: Course, wanted: str) -> Group:
    """Return the group or set of a course that a path names."""
    form, value = _split(wanted, ("externalId",))
    for group in call.site.groups_of(course.id):
        if (group.id if form == "id" else group.body.get(form)) == value:
            return group
    raise not_found(wanted)


def find_keyed(table: Table[Record], wanted: str) -> Record:
    """Return the term or data source that a path names."""
    form, value = _split(wanted, ("externalId",))
    return _find(table, form, value, wanted)


def find_role(table: Table[Role], wanted: str) -> Role:
    """Return the role that a path names; `:custom` behind a key asks for the custom one."""
    form, value = _split(wanted, ("roleId",))
    if form == "roleId" and value.endswith(":custom"):
        key = value.removesuffix(":custom")
        for role in table.values():
            if role.custom and role.key == key:
                return role
        raise not_found(wanted)
    return _find(table, form, value, wanted)


def resolve(table: Table[Record], wanted: str, name: str) -> str:
    """Return the primary id of the term or data source that a body or a query names."""
    form, value = _split(wanted, ("externalId",))
    row = table.get(value) if form == "id" else table.find(form, value)
    if row is None:
        raise bad_request(f"Invalid value for {name}: {wanted}")
    return row.id


def _split(wanted: str, forms: Iterable[str]) -> tuple[str, str]:
    if is_primary(wanted):
        return "id", wanted
    form, colon, value = wanted.partition(":")
    if not colon or form not in forms:
        raise bad_request(f"Invalid ID: {wanted}")
    return form, value


def _find(table: Table[R], form: str, value: str, wanted: str) -> R:
    row = table.get(value) if form == "id" else table.find(form, value)
    if row is None:
        raise not_found(wanted)
    return row
