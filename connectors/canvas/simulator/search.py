"""Which users of an account a list holds, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Call
from connectors.canvas.simulator.errors import listed, too_short
from connectors.canvas.simulator.records import User

ENROLLED = frozenset({"active", "invited", "creation_pending"})
TYPES = {
    "student": "StudentEnrollment",
    "teacher": "TeacherEnrollment",
    "ta": "TaEnrollment",
    "observer": "ObserverEnrollment",
    "designer": "DesignerEnrollment",
}


def read_term(call: Call) -> str | None:
    """Return the search term in lower case, None without one; a short one is refused."""
    term = (call.params.text("search_term") or "").strip().lower()
    if not term:
        return None
    if len(term) < call.site.settings.search_min:
        raise too_short("search_term", call.site.settings.search_min)
    return term


def read_types(call: Call) -> set[str]:
    """Return the base role types that `enrollment_type` names."""
    given = call.params.many("enrollment_type")
    for name in given:
        if name not in TYPES:
            raise listed(400, f"Invalid enrollment type: {name}")
    return {TYPES[name] for name in given}


def matches(call: Call, user: User, term: str, deleted: bool = False) -> bool:
    """Tell whether a user contains a term: in name, login, SIS ids, addresses, or as his id."""
    if term in user.name.lower() or term == str(user.id):
        return True
    logins = call.site.logins.find("user_id", user.id)
    states = {"active", "suspended"} | ({"deleted"} if deleted else set())
    if call.may(permissions.VIEW_LOGINS, permissions.MANAGE_LOGINS):
        for login in logins:
            named = login.state == "active" or (deleted and login.state == "deleted")
            if named and term in login.unique_id.lower():
                return True
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        for login in logins:
            ids = (login.sis_user_id or "", login.integration_id or "")
            if login.state in states and any(term in value.lower() for value in ids):
                return True
    if call.may(permissions.READ_EMAILS):
        channels = call.site.channels_of(user.id)
        return any(row.kind == "email" and term in row.address.lower() for row in channels)
    return False


def has_enrollment(call: Call, user: User, types: set[str], role_id: int | None) -> bool:
    """Tell whether a user takes part in a course in one of the types, and with the role."""
    for row in call.site.enrollments_of(user.id):
        role = call.site.roles[row.role_id]
        if types and (role.base not in types or row.state not in ENROLLED):
            continue
        if role_id is None or row.role_id == role_id:
            return True
    return False


def in_order(call: Call, users: Iterable[User]) -> list[User]:
    """Return users by sortable name unless the call asks for another order."""
    key = _KEYS.get(call.params.text("sort") or "", _by_name)
    rows = sorted(users, key=lambda user: (key(call, user), user.id))
    return rows[::-1] if (call.params.text("order") or "").lower() == "desc" else rows


def _by_name(call: Call, user: User) -> Any:
    return user.sortable_name.lower()


def _of_login(name: str) -> Callable[[Call, User], Any]:
    def key(call: Call, user: User) -> Any:
        value = getattr(call.site.shown_login(user.id), name, None)
        return value is None, (value or "").lower()

    return key


def _by_email(call: Call, user: User) -> Any:
    value = call.site.email_of(user.id)
    return value is None, (value or "").lower()


_KEYS: dict[str, Callable[[Call, User], Any]] = {
    "email": _by_email,
    "sis_id": _of_login("sis_user_id"),
    "integration_id": _of_login("integration_id"),
    "login_id": _of_login("unique_id"),
    "last_login": lambda call, user: user.last_login or 0,
    "id": lambda call, user: user.id,
}
