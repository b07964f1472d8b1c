"""The three kinds of roles, which the service only shows."""

from __future__ import annotations

from connectors.blackboard.simulator.calls import Answer, Call
from connectors.blackboard.simulator.entitlements import VIEW_INSTITUTION_ROLES, VIEW_SYSTEM_ROLES
from connectors.blackboard.simulator.filters import Filter, contains_folded, is_flag, matching
from connectors.blackboard.simulator.ids import find_role
from connectors.blackboard.simulator.listing import OTHERS, answer_page, in_order
from connectors.blackboard.simulator.records import Role
from connectors.blackboard.simulator.tables import Table

_FILTERS = (Filter("roleId", contains_folded), Filter("custom", is_flag))
_SORTABLE = ("roleId", "custom")


def list_institution_roles(call: Call) -> Answer:
    """Answer `GET institutionRoles`."""
    call.require(VIEW_INSTITUTION_ROLES)
    return _answer(call, call.site.institution_roles)


def get_institution_role(call: Call, wanted: str) -> Answer:
    """Answer `GET institutionRoles/{id}`."""
    call.require(VIEW_INSTITUTION_ROLES)
    return Answer(200, find_role(call.site.institution_roles, wanted).body)


def list_system_roles(call: Call) -> Answer:
    """Answer `GET systemRoles`."""
    call.require(VIEW_SYSTEM_ROLES)
    return _answer(call, call.site.system_roles)


def get_system_role(call: Call, wanted: str) -> Answer:
    """Answer `GET systemRoles/{id}`."""
    call.require(VIEW_SYSTEM_ROLES)
    return Answer(200, find_role(call.site.system_roles, wanted).body)


def list_course_roles(call: Call) -> Answer:
    """Answer `GET courseRoles`."""
    return _answer(call, call.site.course_roles)


def get_course_role(call: Call, wanted: str) -> Answer:
    """Answer `GET courseRoles/{id}`."""
    return Answer(200, find_role(call.site.course_roles, wanted).body)


def _answer(call: Call, table: Table[Role]) -> Answer:
    rows = in_order(call, matching(call, table.values(), _FILTERS), _SORTABLE)
    return answer_page(call, rows, OTHERS, lambda role: role.body)
