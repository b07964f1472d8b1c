"""Categories of groups in an org unit, and the groups in them."""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.calls import DONE, Answer, Call
from connectors.brightspace.simulator.clock import write_time
from connectors.brightspace.simulator.enrollments import check_in_parent
from connectors.brightspace.simulator.errors import malformed, not_found, refused
from connectors.brightspace.simulator.records import GROUP, Category, Group, OrgUnit
from connectors.brightspace.simulator.shapes import (
    FLAG,
    NUMBER,
    NUMBER_OR_NULL,
    NUMBER_OR_TEXT,
    OBJECT,
    TEXT,
    TEXT_OR_NULL,
    check,
    check_time,
    read_rich,
)
from connectors.brightspace.simulator.site import Site
from connectors.brightspace.simulator.units import check_names

LAST_STYLE = 6

_CATEGORY = {
    "Name": TEXT,
    "Description": OBJECT,
    "EnrollmentStyle": NUMBER_OR_TEXT,
    "EnrollmentQuantity": NUMBER_OR_NULL,
    "AutoEnroll": FLAG,
    "RandomizeEnrollments": FLAG,
    "MaxUsersPerGroup": NUMBER_OR_NULL,
    "AllocateAfterExpiry": FLAG,
    "SelfEnrollmentExpiryDate": TEXT_OR_NULL,
    "GroupPrefix": TEXT_OR_NULL,
    "RestrictedByOrgUnitId": NUMBER_OR_NULL,
    "DescriptionsVisibleToEnrolees": FLAG,
}
_CREATED = {**_CATEGORY, "NumberOfGroups": NUMBER_OR_NULL}
PART = {"Name": TEXT, "Code": TEXT, "Description": OBJECT}
"""The block of a group or of a section."""


def list_categories(call: Call, unit_id: int) -> Answer:
    """Answer the categories of an org unit."""
    call.unit(unit_id)
    found = [one for one in call.site.categories.values() if one.unit_id == unit_id]
    return Answer([_show_category(call.site, one) for one in found])


def get_category(call: Call, unit_id: int, category_id: int) -> Answer:
    """Answer one category."""
    return Answer(_show_category(call.site, _category(call, unit_id, category_id)))


def create_category(call: Call, unit_id: int) -> Answer:
    """Answer a new category, or the work of making it, to be asked about."""
    unit = call.unit(unit_id)
    body = check(call.read(), _CREATED)
    category = add_category(call.site, unit, _read_category(body), call.site.settings.job_seconds)
    prefix = body["GroupPrefix"] or "Group"
    for number in range(1, (body["NumberOfGroups"] or 0) + 1):
        add_group(call.site, category, f"{prefix} {number}", "")
    if not call.site.settings.category_jobs:
        return Answer(_show_category(call.site, category))
    return Answer(
        {
            "OrgUnitId": unit.id,
            "CategoryId": category.id,
            "SubmitDate": write_time(category.submitted),
            "Status": 0,
        }
    )


def add_category(
    site: Site, unit: OrgUnit, details: dict[str, Any], seconds: float = 0
) -> Category:
    """Keep a new category, complete after so many seconds."""
    now = site.clock.now()
    category = Category(site.take_category_id(), unit.id, details, now, now + seconds)
    site.categories[category.id] = category
    return category


def get_status(call: Call, unit_id: int, category_id: int) -> Answer:
    """Answer whether a category is complete."""
    category = _category(call, unit_id, category_id)
    return Answer({"Status": int(call.site.clock.now() >= category.ready)})


def update_category(call: Call, unit_id: int, category_id: int) -> Answer:
    """Replace a category; its groups stay."""
    category = _category(call, unit_id, category_id)
    category.details = _read_category(check(call.read(), _CATEGORY))
    return Answer(_show_category(call.site, category))


def delete_category(call: Call, unit_id: int, category_id: int) -> Answer:
    """Delete a category with its groups."""
    category = _category(call, unit_id, category_id)
    for group in groups_of(call.site, category):
        call.site.remove_unit(group)
    del call.site.categories[category.id]
    return DONE


def _category(call: Call, unit_id: int, category_id: int) -> Category:
    call.unit(unit_id)
    found = call.site.categories.get(category_id)
    if found is None or found.unit_id != unit_id:
        raise not_found()
    return found


def _read_category(body: dict[str, Any]) -> dict[str, Any]:
    if not body["Name"].strip():
        raise refused("Name is required.")
    details = {name: body[name] for name in _CATEGORY}
    details["EnrollmentStyle"] = read_style(body["EnrollmentStyle"], 0, LAST_STYLE)
    details["Description"] = read_rich(body["Description"])
    check_time("SelfEnrollmentExpiryDate", body["SelfEnrollmentExpiryDate"])
    return details


def read_style(given: int | str, first: int, last: int) -> int:
    """Return the number of a style of enrolment, which may travel as text."""
    if isinstance(given, str) and not (given.isascii() and given.isdigit()):
        raise malformed("Invalid value for EnrollmentStyle")
    if not first <= int(given) <= last:
        raise refused("The enrollment style is not valid.")
    return int(given)


def _show_category(site: Site, category: Category) -> dict[str, Any]:
    style = category.details["EnrollmentStyle"]
    return {
        "GroupCategoryId": category.id,
        **category.details,
        "EnrollmentStyle": str(style) if site.settings.styles_as_text else style,
        "Groups": [group.id for group in groups_of(site, category)],
        "SelfEnrollmentStartDate": None,
    }


def groups_of(site: Site, category: Category) -> list[Group]:
    """Return the groups of a category, oldest first."""
    units = site.parts_of(category.unit_id, GROUP)
    return [unit for unit in units if isinstance(unit, Group) and unit.category_id == category.id]


def list_groups(call: Call, unit_id: int, category_id: int) -> Answer:
    """Answer the groups of a category with their members' ids."""
    category = _category(call, unit_id, category_id)
    if call.site.clock.now() < category.ready:
        return Answer([])
    return Answer([show_group(call.site, group) for group in groups_of(call.site, category)])


def get_group(call: Call, unit_id: int, category_id: int, group_id: int) -> Answer:
    """Answer one group."""
    return Answer(show_group(call.site, _group(call, unit_id, category_id, group_id)))


def create_group(call: Call, unit_id: int, category_id: int) -> Answer:
    """Answer a new group without members."""
    category = _category(call, unit_id, category_id)
    body = check(call.read(), PART)
    check_names(body)
    description = read_rich(body["Description"])
    group = add_group(call.site, category, body["Name"], body["Code"])
    group.description = description
    return Answer(show_group(call.site, group))


def add_group(site: Site, category: Category, name: str, code: str) -> Group:
    """Keep a new group."""
    group = Group(
        site.take_unit_id(), GROUP, name, code, parents=[category.unit_id], category_id=category.id
    )
    site.units[group.id] = group
    return group


def update_group(call: Call, unit_id: int, category_id: int, group_id: int) -> Answer:
    """Replace name, code and description of a group; its members stay."""
    group = _group(call, unit_id, category_id, group_id)
    body = check(call.read(), PART)
    check_names(body)
    group.description = read_rich(body["Description"])
    group.name, group.code = body["Name"], body["Code"]
    return Answer(show_group(call.site, group))


def delete_group(call: Call, unit_id: int, category_id: int, group_id: int) -> Answer:
    """Delete a group."""
    call.site.remove_unit(_group(call, unit_id, category_id, group_id))
    return DONE


def add_member(call: Call, unit_id: int, category_id: int, group_id: int) -> Answer:
    """Put a person who is enrolled in the org unit into a group."""
    group = _group(call, unit_id, category_id, group_id)
    user = call.user(check(call.read(), {"UserId": NUMBER})["UserId"])
    place = check_in_parent(call.site, group, user.id)
    call.site.enroll(group.id, user.id, place.role_id)
    return DONE


def remove_member(
    call: Call, unit_id: int, category_id: int, group_id: int, user_id: int
) -> Answer:
    """Take a person out of a group."""
    group = _group(call, unit_id, category_id, group_id)
    found = call.site.enrollments.find(group.id, user_id)
    if found is None:
        raise not_found()
    call.site.enrollments.remove(found)
    return DONE


def _group(call: Call, unit_id: int, category_id: int, group_id: int) -> Group:
    category = _category(call, unit_id, category_id)
    found = call.unit(group_id)
    if not isinstance(found, Group) or found.category_id != category.id:
        raise not_found()
    return found


def show_group(site: Site, unit: OrgUnit, key: str = "GroupId") -> dict[str, Any]:
    """Return the block of a group or of a section."""
    return {
        key: unit.id,
        "Name": unit.name,
        "Code": unit.code,
        "Description": unit.description,
        "Enrollments": sorted(site.enrollments.of_unit(unit.id)),
    }
