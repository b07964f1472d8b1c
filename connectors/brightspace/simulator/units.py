"""Org units: the structure of the organization, its types, and the recycle bin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.brightspace.simulator.calls import DONE, Answer, Call
from connectors.brightspace.simulator.errors import not_found, refused
from connectors.brightspace.simulator.paging import answer_set
from connectors.brightspace.simulator.records import DEPARTMENT, SEMESTER, OrgUnit
from connectors.brightspace.simulator.shapes import (
    ARRAY,
    NUMBER,
    TEXT,
    TEXT_OR_NULL,
    check,
    check_code,
)
from connectors.brightspace.simulator.site import ORG_ID, Site

_CREATED = {"Type": NUMBER, "Name": TEXT, "Code": TEXT_OR_NULL, "Parents": ARRAY}
_UPDATED = {"Name": TEXT, "Code": TEXT_OR_NULL, "Path": TEXT}


def show_unit(site: Site, unit: OrgUnit) -> dict[str, Any]:
    """Return the block of an org unit."""
    kind = site.unit_types[unit.type_id]
    return {
        "Identifier": str(unit.id),
        "Path": unit.path,
        "Name": unit.name,
        "Code": unit.code,
        "Type": {name: kind[name] for name in ("Id", "Code", "Name")},
    }


def get_organization(call: Call) -> Answer:
    """Answer the organization, for everybody."""
    settings = call.site.settings
    name = settings.organization
    return Answer({"Identifier": str(ORG_ID), "Name": name, "TimeZone": settings.time_zone})


def list_units(call: Call) -> Answer:
    """Answer a part of all org units, by type, code and name if asked for."""
    types = call.ids("orgunittype")

    def show(unit_id: int) -> dict[str, Any] | None:
        unit = call.site.units[unit_id]
        chosen = types is None or unit.type_id in types
        if call.site.is_gone(unit) or not chosen or not _matches(call, unit):
            return None
        return show_unit(call.site, unit)

    return answer_set(call, call.site.units, show)


def _matches(call: Call, unit: OrgUnit) -> bool:
    for name, value in (("code", unit.code or ""), ("name", unit.name)):
        exact = call.args.get(f"exactorgunit{name}")
        part = call.args.get(f"orgunit{name}", "")
        if exact:
            if value.casefold() != exact.casefold():
                return False
        elif part.casefold() not in value.casefold():
            return False
    return True


def get_unit(call: Call, unit_id: int) -> Answer:
    """Answer one org unit."""
    return Answer(show_unit(call.site, call.unit(unit_id)))


def create_unit(call: Call) -> Answer:
    """Answer a new org unit of a type that has no route of its own."""
    body = check(call.read(), _CREATED)
    kind = call.site.unit_types.get(body["Type"])
    if kind is None or not kind["Permissions"]["CanEdit"]:
        raise refused("The type is not valid.")
    check_names(body)
    unit = OrgUnit(
        call.site.take_unit_id(), body["Type"], body["Name"], body["Code"], "", _parents(call, body)
    )
    unit.path = f"/content/{unit.code or unit.id}/"
    call.site.units[unit.id] = unit
    return Answer(show_unit(call.site, unit))


def _parents(call: Call, body: dict[str, Any]) -> list[int]:
    if not body["Parents"] or not all(type(one) is int for one in body["Parents"]):
        raise refused("A parent is required.")
    return [call.unit(parent).id for parent in body["Parents"]]


def check_names(body: dict[str, Any]) -> None:
    """Refuse a blank name and a code that breaks the rules."""
    if not body["Name"].strip():
        raise refused("Name is required.")
    check_code(body["Code"])


def update_unit(call: Call, unit_id: int) -> Answer:
    """Change name, code and path; whatever else is sent changes nothing."""
    unit = call.unit(unit_id)
    body = check(call.read(), _UPDATED)
    check_names(body)
    unit.name, unit.code, unit.path = body["Name"], body["Code"], body["Path"]
    return Answer(show_unit(call.site, unit))


def list_children(call: Call, unit_id: int) -> Answer:
    """Answer a part of the org units right below one."""
    parent = call.unit(unit_id).id
    below = [unit.id for unit in call.site.units.values() if parent in unit.parents]
    return _answer_below(call, unit_id, below)


def list_descendants(call: Call, unit_id: int) -> Answer:
    """Answer a part of all org units below one."""
    found: dict[int, None] = {}
    waiting = [call.unit(unit_id).id]
    while waiting:
        parent = waiting.pop()
        for unit in call.site.units.values():
            if parent in unit.parents and unit.id not in found:
                found[unit.id] = None
                waiting.append(unit.id)
    return _answer_below(call, unit_id, found)


def _answer_below(call: Call, unit_id: int, below: Iterable[int]) -> Answer:
    types = call.ids("outypeid")

    def show(found: int) -> dict[str, Any] | None:
        unit = call.site.units[found]
        if call.site.is_gone(unit) or (types is not None and unit.type_id not in types):
            return None
        return show_unit(call.site, unit)

    return answer_set(call, below, show, prefix=f"{unit_id}_")


def list_parents(call: Call, unit_id: int) -> Answer:
    """Answer the org units right above one."""
    parents = [call.site.units[parent] for parent in call.unit(unit_id).parents]
    return Answer([show_unit(call.site, unit) for unit in parents if not unit.recycled])


def list_ancestors(call: Call, unit_id: int) -> Answer:
    """Answer all org units above one."""
    found = _above(call.site, call.unit(unit_id))
    units = [call.site.units[one] for one in sorted(found)]
    return Answer([show_unit(call.site, unit) for unit in units if not unit.recycled])


def _above(site: Site, unit: OrgUnit) -> set[int]:
    found: set[int] = set()
    waiting = list(unit.parents)
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting.extend(site.units[parent].parents)
    return found


def add_parent(call: Call, unit_id: int) -> Answer:
    """Put an org unit below the one in the body as well."""
    return _link(call, parent=call.unit(call.read_id()), child=call.unit(unit_id))


def add_child(call: Call, unit_id: int) -> Answer:
    """Put the org unit in the body below this one as well."""
    return _link(call, parent=call.unit(unit_id), child=call.unit(call.read_id()))


def _link(call: Call, parent: OrgUnit, child: OrgUnit) -> Answer:
    if parent is child or child.id in _above(call.site, parent):
        raise refused("An org unit cannot be above itself.")
    if parent.id not in child.parents:
        child.parents.append(parent.id)
    return DONE


def recycle(call: Call, unit_id: int) -> Answer:
    """Put an org unit into the recycle bin."""
    if unit_id == ORG_ID:
        raise refused("The organization cannot be deleted.")
    call.unit(unit_id).recycled = True
    return DONE


def restore(call: Call, unit_id: int) -> Answer:
    """Take an org unit out of the recycle bin."""
    _recycled(call, unit_id).recycled = False
    return DONE


def delete_recycled(call: Call, unit_id: int) -> Answer:
    """Delete an org unit in the recycle bin for good."""
    call.site.remove_unit(_recycled(call, unit_id))
    return DONE


def _recycled(call: Call, unit_id: int) -> OrgUnit:
    found = call.site.units.get(unit_id)
    if found is None or not found.recycled:
        raise not_found()
    return found


def list_types(call: Call) -> Answer:
    """Answer the types of org unit."""
    return Answer(list(call.site.unit_types.values()))


def get_type(call: Call, type_id: int) -> Answer:
    """Answer one type of org unit."""
    found = call.site.unit_types.get(type_id)
    if found is None:
        raise not_found()
    return Answer(found)


def get_department_type(call: Call) -> Answer:
    """Answer the type of departments."""
    return get_type(call, DEPARTMENT)


def get_semester_type(call: Call) -> Answer:
    """Answer the type of semesters."""
    return get_type(call, SEMESTER)
