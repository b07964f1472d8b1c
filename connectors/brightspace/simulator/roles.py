"""Roles, as far as the caller may manage them."""

from __future__ import annotations

from connectors.brightspace.simulator.calls import Answer, Call
from connectors.brightspace.simulator.errors import not_found


def list_roles(call: Call) -> Answer:
    """Answer the roles of the organization."""
    return Answer([role.body for role in call.site.roles.values() if call.manages(role.id)])


def get_role(call: Call, role_id: int) -> Answer:
    """Answer one role."""
    found = call.site.roles.get(role_id)
    if found is None or not call.manages(role_id):
        raise not_found()
    return Answer(found.body)


def list_roles_of_unit(call: Call, unit_id: int) -> Answer:
    """Answer the roles that people may have in an org unit."""
    call.unit(unit_id)
    return list_roles(call)
