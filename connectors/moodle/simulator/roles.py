"""Roles: core_role_assign_roles and core_role_unassign_roles."""

from __future__ import annotations

from typing import Any

from connectors.moodle.simulator.access import enter
from connectors.moodle.simulator.errors import coding_error, invalid_parameter
from connectors.moodle.simulator.records import Context
from connectors.moodle.simulator.site import Caller, Site
from connectors.moodle.simulator.tables import COURSE_ROLES, ROLES, SITE_ROLES, context_id

Reply = dict[str, Any]

ASSIGN = "moodle/role:assign"


def assignable_roles(caller: Caller, level: str) -> frozenset[int]:
    """Return the roles that the caller may give in a context of that level."""
    if not caller.has(ASSIGN):
        return frozenset()
    given_there = COURSE_ROLES if level == "course" else SITE_ROLES
    return given_there & (ROLES.keys() if caller.is_admin else caller.token.roles)


def assign_roles(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_role_assign_roles: one transaction; a role held already is passed over."""
    with site.transaction() as changes:
        for values in arguments["assignments"]:
            context = _open_context(site, caller, values)
            user = site.users.get(values["userid"])
            if user is None or user.deleted:
                raise coding_error("User ID does not exist or is deleted!")
            changes.change(context)
            context.roles[user.id] = context.roles.get(user.id, frozenset()) | {values["roleid"]}


def unassign_roles(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_role_unassign_roles: one transaction; what is not held is passed over."""
    with site.transaction() as changes:
        for values in arguments["unassignments"]:
            context = _open_context(site, caller, values)
            held = context.roles.get(values["userid"], frozenset())
            if values["roleid"] in held:
                changes.change(context)
                left = held - {values["roleid"]}
                if left:
                    context.roles[values["userid"]] = left
                else:
                    del context.roles[values["userid"]]


def _open_context(site: Site, caller: Caller, values: Reply) -> Context:
    """Return the context of an element, in which the caller may give the role."""
    context = _find_context(site, values)
    if context.level == "course":
        enter(site, caller, site.courses[context.instance])
    caller.require(ASSIGN)
    if values["roleid"] not in assignable_roles(caller, context.level):
        raise invalid_parameter(
            f"Can not assign roleid={values['roleid']} in contextid={context.id}"
        )
    return context


def _find_context(site: Site, values: Reply) -> Context:
    """Return the context given by `contextid`, or by `contextlevel` and `instanceid`."""
    if values.get("contextid"):
        number = values["contextid"]
    elif "contextlevel" in values and "instanceid" in values:
        number = context_id(values["contextlevel"], values["instanceid"])
    else:
        raise invalid_parameter("a context id, or a context level and an instance id, is needed")
    context = site.contexts.get(number)
    if context is None:
        raise invalid_parameter("Context does not exist")
    return context
