"""Groups of a course and sets of groups, in the two versions of their resource."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.blackboard.simulator.calls import Answer, Call, created
from connectors.blackboard.simulator.entitlements import WRITE_GROUPS
from connectors.blackboard.simulator.errors import bad_request, conflict, not_found
from connectors.blackboard.simulator.filters import Filter, Test, date, matching
from connectors.blackboard.simulator.ids import find_course, find_group
from connectors.blackboard.simulator.listing import GROUPS, answer_page, in_order
from connectors.blackboard.simulator.records import Course, Group
from connectors.blackboard.simulator.shapes import Property, choice, merge, parts, read_body, text
from connectors.blackboard.simulator.site import Site, stable_hex

COMPARISONS = ("equals", "notEquals", "contains", "notContains", "startsWith")

_SHAPE = {
    "externalId": text(),
    "name": Property(required=True),
    "description": text(),
    "availability": parts(available=choice("Yes", "No", "SignupOnly")),
    "enrollment": parts(
        type=choice("InstructorOnly", "SelfEnrollment", create_only=True),
        limit=Property("number"),
        signupSheet=parts(name=text(), description=text(), showMembers=Property("flag")),
    ),
}
SHAPES = {
    1: {
        **_SHAPE,
        "parentId": text(),
        "isGroupSet": Property("flag", create_only=True, since=(3700, 1)),
    },
    2: _SHAPE,
}


def _name(call: Call, name: str, wanted: str) -> Test:
    compare = call.args.get("nameCompare", "startsWith")
    if compare not in COMPARISONS:
        raise bad_request(f"Invalid value for nameCompare: {compare}")
    folded = wanted.lower()
    match compare:
        case "equals":
            return lambda value: bool(value.lower() == folded)
        case "notEquals":
            return lambda value: bool(value.lower() != folded)
        case "contains":
            return lambda value: folded in value.lower()
        case "notContains":
            return lambda value: folded not in value.lower()
        case _:
            return lambda value: bool(value.lower().startswith(folded))


_FILTERS = (
    Filter("name", _name, (3900, 10)),
    Filter("created", date, (3800, 8)),
    Filter("modified", date, (3800, 8)),
)
_SORTABLE = ("name", "externalId")
_SETS_FILTERED_SINCE = (3900, 71)


def list_groups(call: Call, wanted: str) -> Answer:
    """Answer `GET courses/{id}/groups`: the first version has sets in it, the second has none.

    The second shows the groups that are in no set, or those that are if `inGroupSet` says so.
    """
    rows = call.site.groups_of(find_course(call, wanted).id)
    if call.release == 1:
        return _answer(call, rows, ())
    inside = bool(call.flag("inGroupSet"))
    kept = [row for row in rows if not row.is_set and (row.set_id is not None) is inside]
    return _answer(call, kept, _FILTERS)


def list_sets(call: Call, wanted: str) -> Answer:
    """Answer `GET courses/{id}/groups/sets`."""
    rows = call.site.groups_of(find_course(call, wanted).id)
    sets = [row for row in rows if row.is_set]
    if call.knows(_SETS_FILTERED_SINCE) and call.flag("nonEmptyGroupSets"):
        filled = {row.set_id for row in rows}
        sets = [row for row in sets if row.id in filled]
    if call.knows(_SETS_FILTERED_SINCE) and call.flag("onlyAvailableGroupSets"):
        sets = [row for row in sets if row.body["availability"]["available"] != "No"]
    return _answer(call, sets, _FILTERS)


def list_groups_of_set(call: Call, wanted: str, set_wanted: str) -> Answer:
    """Answer `GET courses/{id}/groups/sets/{setId}/groups`."""
    group_set = _find_set(call, find_course(call, wanted), set_wanted)
    rows = call.site.groups_of(group_set.course_id)
    return _answer(call, [row for row in rows if row.set_id == group_set.id], _FILTERS)


def get_group(call: Call, wanted: str, group_wanted: str) -> Answer:
    """Answer `GET courses/{id}/groups/{groupId}`."""
    return Answer(200, show_group(call, find_entry(call, wanted, group_wanted)))


def get_set(call: Call, wanted: str, set_wanted: str) -> Answer:
    """Answer `GET courses/{id}/groups/sets/{setId}`."""
    return Answer(200, show_group(call, _find_set(call, find_course(call, wanted), set_wanted)))


def create_group(call: Call, wanted: str) -> Answer:
    """Answer `POST courses/{id}/groups`."""
    return _create(call, find_course(call, wanted), None, False)


def create_set(call: Call, wanted: str) -> Answer:
    """Answer `POST courses/{id}/groups/sets`."""
    return _create(call, find_course(call, wanted), None, True)


def create_group_of_set(call: Call, wanted: str, set_wanted: str) -> Answer:
    """Answer `POST courses/{id}/groups/sets/{setId}/groups`."""
    course = find_course(call, wanted)
    return _create(call, course, _find_set(call, course, set_wanted).id, False)


def update_group(call: Call, wanted: str, group_wanted: str) -> Answer:
    """Answer `PATCH courses/{id}/groups/{groupId}`."""
    return _update(call, find_entry(call, wanted, group_wanted))


def update_set(call: Call, wanted: str, set_wanted: str) -> Answer:
    """Answer `PATCH courses/{id}/groups/sets/{setId}`."""
    return _update(call, _find_set(call, find_course(call, wanted), set_wanted))


def delete_group(call: Call, wanted: str, group_wanted: str) -> Answer:
    """Answer `DELETE courses/{id}/groups/{groupId}`."""
    return _delete(call, find_entry(call, wanted, group_wanted))


def delete_set(call: Call, wanted: str, set_wanted: str) -> Answer:
    """Answer `DELETE courses/{id}/groups/sets/{setId}`; its groups go with it."""
    return _delete(call, _find_set(call, find_course(call, wanted), set_wanted))


def find_entry(call: Call, wanted: str, group_wanted: str) -> Group:
    """Return what a path names: a group, and in the first version a set as well."""
    group = find_group(call, find_course(call, wanted), group_wanted)
    if group.is_set and call.release > 1:
        raise not_found(group_wanted)
    return group


def show_group(call: Call, group: Group) -> dict[str, Any]:
    """Return a group in the shape of the call's version."""
    body = dict(group.body)
    if body["enrollment"]["type"] != "SelfEnrollment":
        body["enrollment"] = {
            name: value for name, value in body["enrollment"].items() if name != "signupSheet"
        }
    if call.release == 1:
        del body["created"], body["modified"]
        return {**body, "parentId": group.set_id, "isGroupSet": group.is_set}
    if group.set_id is not None:
        body["groupSetId"] = group.set_id
    return body


def add_group(
    site: Site, course: Course, given: dict[str, Any], set_id: str | None, is_set: bool
) -> Group:
    """Add a group with checked properties and the defaults of all others."""
    taken = site.groups.take_id()
    stamp = site.clock.stamp()
    body: dict[str, Any] = {
        "id": taken,
        "externalId": stable_hex("group", "externalId", taken),
        "availability": {"available": "No"},
        "enrollment": {"type": "InstructorOnly", "limit": 0},
        "uuid": stable_hex("group", taken),
        "created": stamp,
        "modified": stamp,
    }
    merge(body, {name: value for name, value in given.items() if value is not None})
    return site.groups.add(Group(taken, body, course.id, is_set, set_id))


def _create(call: Call, course: Course, set_id: str | None, is_set: bool) -> Answer:
    call.require(WRITE_GROUPS)
    given = read_body(SHAPES[call.release], call.read(), call.site.settings, creating=True)
    is_set = given.pop("isGroupSet", is_set)
    set_id = _read_parent(call, course, given, set_id)
    if is_set and set_id is not None:
        raise bad_request("A group set can not be in a group set")
    _refuse_duplicate(call, course.id, given, None)
    group = add_group(call.site, course, given, set_id, is_set)
    middle = "groups/sets" if is_set and call.release > 1 else "groups"
    path = f"courses/{course.id}/{middle}/{group.id}"
    return created(call.release, path, show_group(call, group))


def _update(call: Call, group: Group) -> Answer:
    call.require(WRITE_GROUPS)
    site = call.site
    given = read_body(SHAPES[call.release], call.read(), site.settings, creating=False)
    group.set_id = _read_parent(call, site.courses[group.course_id], given, group.set_id)
    _refuse_duplicate(call, group.course_id, given, group)
    merge(group.body, given)
    group.body["enrollment"].setdefault("limit", 0)
    group.body["modified"] = site.clock.stamp()
    site.groups.renew(group)
    return Answer(200, show_group(call, group))


def _delete(call: Call, group: Group) -> Answer:
    call.require(WRITE_GROUPS)
    for other in call.site.groups_of(group.course_id):
        if other is group or other.set_id == group.id:
            call.site.groups.remove(other)
    return Answer(204)


def _find_set(call: Call, course: Course, wanted: str) -> Group:
    group = find_group(call, course, wanted)
    if not group.is_set:
        raise not_found(wanted)
    return group


def _read_parent(
    call: Call, course: Course, given: dict[str, Any], before: str | None
) -> str | None:
    if "parentId" not in given:
        return before
    wanted = given.pop("parentId")
    return None if wanted is None else _find_set(call, course, wanted).id


def _refuse_duplicate(
    call: Call, course_id: str, given: dict[str, Any], group: Group | None
) -> None:
    wanted = given.get("externalId")
    for other in call.site.groups_of(course_id):
        if wanted and other is not group and other.body.get("externalId") == wanted:
            raise conflict("A group with the same externalId already exists")


def _answer(call: Call, rows: Iterable[Group], filters: Iterable[Filter]) -> Answer:
    found = in_order(call, matching(call, rows, filters), _SORTABLE)
    return answer_page(call, found, GROUPS, lambda group: show_group(call, group))
