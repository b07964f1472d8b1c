"""Groups of courses: the core_group_* functions."""

from __future__ import annotations

from typing import Any

from connectors.moodle.simulator.access import (
    active_courses,
    enter,
    enter_context,
    existing_course,
    existing_user,
)
from connectors.moodle.simulator.database import GROUP_COLUMNS, check_lengths, comparable
from connectors.moodle.simulator.errors import (
    invalid_parameter,
    missing_record,
    missing_user,
    plain_error,
)
from connectors.moodle.simulator.parameters import PHP_BLANKS
from connectors.moodle.simulator.records import Group
from connectors.moodle.simulator.replies import format_html, format_line
from connectors.moodle.simulator.site import Caller, Site

Reply = dict[str, Any]

MANAGE = "moodle/course:managegroups"

_VISIBILITIES = range(4)
_TAKING_PART = (0, 1)


def create_groups(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_group_create_groups: one transaction; the name is unique in the course."""
    created: list[Reply] = []
    with site.transaction() as changes:
        for values in arguments["groups"]:
            course_id = values["courseid"]
            _check_name(values)
            if _find(site, course_id, "name", values["name"]):
                raise invalid_parameter("Group with the same name already exists in the course")
            _open_course(site, caller, course_id)
            if values["visibility"] not in _VISIBILITIES:
                raise invalid_parameter("Invalid group visibility provided.")
            values["name"] = values["name"].strip(PHP_BLANKS)
            _check_idnumber(site, course_id, values)
            check_lengths(GROUP_COLUMNS, values)
            group = Group(
                id=site.take_id("group"),
                courseid=course_id,
                name=values["name"],
                description=values["description"],
                descriptionformat=values["descriptionformat"],
                enrolmentkey=values.get("enrolmentkey", ""),
                idnumber=values.get("idnumber", ""),
                visibility=values["visibility"],
                participation=values["participation"] and values["visibility"] in _TAKING_PART,
            )
            changes.insert(site.groups, group)
            created.append(
                {
                    "id": group.id,
                    "courseid": group.courseid,
                    "name": group.name,
                    "description": group.description,
                    "descriptionformat": group.descriptionformat,
                    "enrolmentkey": group.enrolmentkey,
                    "idnumber": group.idnumber,
                    "visibility": group.visibility,
                    "participation": group.participation,
                }
            )
    return created


def update_groups(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_group_update_groups: one transaction; with members, visibility is fixed."""
    with site.transaction() as changes:
        for values in arguments["groups"]:
            _check_name(values)
            group = site.groups.get(values["id"])
            if group is None:
                raise invalid_parameter(f"Group {values['id']} does not exist")
            name = values["name"]
            if name != group.name and _find(site, group.courseid, "name", name):
                raise invalid_parameter(
                    "A different group with the same name already exists in the course"
                )
            _check_visibility(group, values)
            _open_course(site, caller, group.courseid)
            values["name"] = name.strip(PHP_BLANKS)
            _check_idnumber(site, group.courseid, values, group)
            check_lengths(GROUP_COLUMNS, values)
            changes.change(group)
            for column in ("name", "description", "descriptionformat", "enrolmentkey", "idnumber"):
                if column in values:
                    setattr(group, column, values[column])
            if "visibility" in values:
                group.visibility = int(values["visibility"])
            group.participation = (
                values.get("participation", group.participation)
                and group.visibility in _TAKING_PART
            )


def delete_groups(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_group_delete_groups: one transaction; unknown ids are passed over."""
    with site.transaction() as changes:
        for group_id in arguments["groupids"]:
            group = site.groups.get(group_id)
            if group is not None:
                _open_course(site, caller, group.courseid)
                changes.remove(site.groups, group)


def get_groups(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_group_get_groups: an unknown id fails the call."""
    groups = [_open_group(site, caller, group_id) for group_id in arguments["groupids"]]
    return [{**_describe(caller, group), "customfields": []} for group in groups]


def get_course_groups(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_group_get_course_groups: by name."""
    _open_course(site, caller, arguments["courseid"])
    return [
        _describe(caller, group) for group in by_name(site, site.groups_of(arguments["courseid"]))
    ]


def get_group_members(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_group_get_group_members: an unknown group fails the call; not in order of id."""
    listed: list[Reply] = []
    for group_id in arguments["groupids"]:
        group = _open_group(site, caller, group_id)
        users = sorted(
            (site.users[user_id] for user_id in group.members),
            key=lambda user: (*_sort_name(site, user.lastname, user.firstname), -user.id),
        )
        listed.append({"groupid": group.id, "userids": [user.id for user in users]})
    return listed


def get_course_user_groups(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_group_get_course_user_groups: one account's groups, in one course or in all."""
    user = existing_user(site, arguments["userid"] or caller.user.id)
    if arguments["courseid"]:
        courses = [existing_course(site, arguments["courseid"])]
    else:
        courses = active_courses(site, user.id)
    listed: list[Reply] = []
    for course in courses:
        enter(site, caller, course)
        if user.id != caller.user.id and not caller.has(MANAGE):
            raise plain_error("accessdenied", "Access denied")
        member_of = [group for group in site.groups_of(course.id) if user.id in group.members]
        listed += [
            {
                "id": group.id,
                "name": format_line(group.name, caller.raw),
                "description": format_html(group.description, caller.raw),
                "descriptionformat": group.descriptionformat,
                "idnumber": group.idnumber,
                "courseid": group.courseid,
            }
            for group in by_name(site, member_of)
        ]
    return {"groups": listed, "warnings": []}


def add_group_members(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_group_add_group_members: one transaction; who is a member is passed over."""
    with site.transaction() as changes:
        for member in arguments["members"]:
            group, user_id = _member(site, caller, member)
            if user_id not in site.courses[group.courseid].enrolments:
                raise invalid_parameter("Only enrolled users may be members of groups")
            changes.change(group)
            group.members.add(user_id)


def delete_group_members(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_group_delete_group_members: one transaction; who is no member is passed over."""
    with site.transaction() as changes:
        for member in arguments["members"]:
            group, user_id = _member(site, caller, member)
            changes.change(group)
            group.members.discard(user_id)


def by_name(site: Site, groups: list[Group]) -> list[Group]:
    """Return groups in the order in which Moodle lists those of a course."""
    return sorted(groups, key=lambda group: (*_sort_name(site, group.name), group.id))


def _sort_name(site: Site, *names: str) -> list[str]:
    return [comparable(name, site.settings.database) for name in names]


def _find(site: Site, course_id: int, column: str, value: str) -> Group | None:
    database = site.settings.database
    wanted = comparable(value, database)
    return next(
        (
            group
            for group in site.groups_of(course_id)
            if comparable(getattr(group, column), database) == wanted
        ),
        None,
    )


def _check_name(values: Reply) -> None:
    if not values["name"].strip(PHP_BLANKS):
        raise invalid_parameter("Invalid group name")


def _check_idnumber(site: Site, course_id: int, values: Reply, but: Group | None = None) -> None:
    idnumber = values.get("idnumber", "")
    if idnumber in ("", "0"):
        return
    found = _find(site, course_id, "idnumber", idnumber)
    if found is not None and found is not but:
        raise plain_error("idnumbertaken", "This ID number is already in use")


def _check_visibility(group: Group, values: Reply) -> None:
    visibility = values.get("visibility", str(group.visibility))
    if not visibility.isdecimal() or int(visibility) not in _VISIBILITIES:
        raise invalid_parameter("Invalid group visibility provided.")
    if not group.members:
        return
    if int(visibility) != group.visibility:
        raise invalid_parameter("The visibility of a group that has members cannot be changed")
    if values.get("participation", group.participation) != group.participation:
        raise invalid_parameter("The participation of a group that has members cannot be changed")


def _open_course(site: Site, caller: Caller, course_id: int) -> None:
    enter_context(site, caller, course_id)
    caller.require(MANAGE)


def _existing(site: Site, group_id: int) -> Group:
    group = site.groups.get(group_id)
    if group is None:
        raise missing_record("groups")
    return group


def _open_group(site: Site, caller: Caller, group_id: int) -> Group:
    group = _existing(site, group_id)
    _open_course(site, caller, group.courseid)
    return group


def _member(site: Site, caller: Caller, member: Reply) -> tuple[Group, int]:
    """Return the group and the account of an element, both looked up before any right."""
    group = _existing(site, member["groupid"])
    user = site.users.get(member["userid"])
    if user is None or user.deleted:
        raise missing_user(member["userid"])
    _open_course(site, caller, group.courseid)
    return group, user.id


def _describe(caller: Caller, group: Group) -> Reply:
    """Return a group as it is read; its enrolment key never is."""
    return {
        "id": group.id,
        "courseid": group.courseid,
        "name": format_line(group.name, caller.raw),
        "description": format_html(group.description, caller.raw),
        "descriptionformat": group.descriptionformat,
        "enrolmentkey": None,
        "idnumber": group.idnumber,
        "visibility": group.visibility,
        "participation": group.participation,
    }
