"""The forms in which a path or a parameter names an object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from connectors.canvas.simulator.calls import Call
from connectors.canvas.simulator.errors import not_found
from connectors.canvas.simulator.records import (
    Account,
    Category,
    Course,
    Enrollment,
    Group,
    Login,
    Section,
    Term,
    User,
)
from connectors.canvas.simulator.site import ROOT
from connectors.canvas.simulator.tables import Record, Table

R = TypeVar("R", bound=Record)

SHARD = 10**13
_NUMBER = re.compile(r"[0-9]{1,19}")
_SHARDED = re.compile(r"([0-9]{1,6})~([0-9]{1,13})")
_LOGIN_KEYS = {
    "sis_user_id": "sis_user_id",
    "sis_login_id": "unique_id",
    "sis_integration_id": "integration_id",
}
_USER_KEYS = {"uuid": "uuid", "lti_user_id": "lti_id", "lti_1_1_id": "lti_id", "lti_1_3_id": "uuid"}


def read_number(slot: str) -> int | None:
    """Return a number written as such or as shard and number."""
    if _NUMBER.fullmatch(slot):
        return int(slot)
    sharded = _SHARDED.fullmatch(slot)
    return int(sharded[1]) * SHARD + int(sharded[2]) if sharded else None


def read_key(slot: str) -> tuple[str, str]:
    """Return prefix and value of a foreign id; the prefix is empty if there is none."""
    prefix, colon, value = slot.partition(":")
    if prefix == "hex" and colon:
        prefix, colon, coded = value.partition(":")
        try:
            value = bytes.fromhex(coded).decode()
        except ValueError:
            return "", ""
    return (prefix, value) if colon else ("", slot)


def find_user(call: Call, slot: str, merged: bool = False) -> User:
    """Return a user; suspended logins count, deleted ones do not; `merged` finds those as well."""
    user = seek_user(call, slot)
    if user is None or (user.state == "deleted" and not merged):
        raise not_found()
    return user


def seek_user(call: Call, slot: str) -> User | None:
    """Return the user of any form of id, None if there is none."""
    site = call.site
    if slot == "self":
        return call.caller
    number = read_number(slot)
    if number is not None:
        return site.users.get(number)
    prefix, value = read_key(slot)
    if prefix in _LOGIN_KEYS and value:
        logins = [
            row for row in site.logins.find(_LOGIN_KEYS[prefix], value) if row.state != "deleted"
        ]
        return site.users[logins[0].user_id] if logins else None
    if prefix in _USER_KEYS:
        found = site.users.find(_USER_KEYS[prefix], value)
        return found[0] if found else None
    return None


def find_account(call: Call, slot: str) -> Account:
    """Return an account; `self` and `default` are the root account."""
    if slot in ("self", "default"):
        return call.site.root
    keys = {"sis_account_id": "sis_account_id", "sis_integration_id": "integration_id"}
    return _find(call.site.accounts, slot, {**keys, "uuid": "uuid"})


def find_course(call: Call, slot: str) -> Course:
    """Return a course that is not deleted."""
    keys = {"sis_course_id": "sis_course_id", "sis_integration_id": "integration_id"}
    return _find(call.site.courses, slot, {**keys, "uuid": "uuid"})


def find_section(call: Call, slot: str) -> Section:
    """Return a section that is not deleted."""
    keys = {"sis_section_id": "sis_section_id", "sis_integration_id": "integration_id"}
    return _find(call.site.sections, slot, keys)


def find_term(call: Call, slot: str) -> Term:
    """Return a term; `default` is the first one, `current` one whose dates hold now."""
    if slot == "default":
        return next(iter(call.site.terms.values()))
    if slot == "current":
        for term in call.site.terms.values():
            bounds = (term.start_at, term.end_at)
            if term.state == "active" and None not in bounds and _holds(term, call.now):
                return term
        raise not_found()
    keys = {"sis_term_id": "sis_term_id", "sis_integration_id": "integration_id"}
    return _find(call.site.terms, slot, keys)


def _holds(term: Term, now: float) -> bool:
    return (term.start_at or 0) <= now <= (term.end_at or 0)


def find_group(call: Call, slot: str) -> Group:
    """Return a group that is not deleted."""
    return _find(call.site.groups, slot, {"sis_group_id": "sis_group_id"})


def find_category(call: Call, slot: str) -> Category:
    """Return a group category that is not deleted."""
    return _find(call.site.categories, slot, {"sis_group_category_id": "sis_group_category_id"})


def find_enrollment(call: Call, slot: str) -> Enrollment:
    """Return an enrollment by its number, a deleted one as well."""
    return _find(call.site.enrollments, slot, {}, "")


def find_login(call: Call, slot: str) -> Login:
    """Return a login that is not deleted, by its number."""
    return _find(call.site.logins, slot, {})


def is_root(account: Account) -> bool:
    """Tell whether an account is the root account."""
    return account.id == ROOT


def _find(table: Table[R], slot: str, keys: Mapping[str, str], gone: str = "deleted") -> R:
    number = read_number(slot)
    row: Any = None
    if number is not None:
        row = table.get(number)
    else:
        prefix, value = read_key(slot)
        if prefix in keys and value:
            rows = (one for one in table.values() if getattr(one, keys[prefix]) == value)
            row = next((one for one in rows if getattr(one, "state", "") != gone), None)
    if row is None or getattr(row, "state", "") == gone:
        raise not_found()
    found: R = row
    return found
