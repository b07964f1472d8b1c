"""The addresses of the service: which operation answers a method and a path of a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connectors.blackboard.simulator import (
    children,
    copies,
    courses,
    groups,
    members,
    memberships,
    observers,
    roles,
    sources,
    system,
    tasks,
    terms,
    users,
)
from connectors.blackboard.simulator.calls import Answer
from connectors.blackboard.simulator.errors import NotOfferedError, RestError
from connectors.blackboard.simulator.settings import Version

Operation = Callable[..., Answer]
FIRST: Version = (2015, 11)
"""The release with which the service began."""


@dataclass(frozen=True, slots=True)
class Route:
    """An operation at a path with `*` for each id.

    `releases` maps each version of the resource to the first release of the site that has it.
    """

    method: str
    path: tuple[str, ...]
    operation: Operation
    releases: Mapping[int, Version]


def _route(
    address: str, operation: Operation, releases: Mapping[int, Version] = {1: FIRST}
) -> Route:
    method, path = address.split()
    return Route(method, tuple(path.split("/")), operation, releases)


ROUTES = (
    _route("GET system/version", system.get_version, {1: (3000, 3)}),
    _route("GET system/info", system.get_info, {1: (3900, 56)}),
    _route("GET system/tasks/*", tasks.get_system_task, {1: (3800, 1)}),
    _route("GET sessions", users.list_sessions, {1: (3800, 4)}),
    _route("GET users", users.list_users, {1: (3000, 1)}),
    _route("POST users", users.create_user),
    _route("GET users/*", users.get_user),
    _route("PATCH users/*", users.update_user),
    _route("DELETE users/*", users.delete_user),
    _route("GET users/*/avatar", users.get_avatar, {1: (3800, 10)}),
    _route("GET users/*/sessions", users.list_sessions, {1: (3800, 4)}),
    _route("GET users/*/observers", observers.list_observers, {1: (3500, 5)}),
    _route("GET users/*/observees", observers.list_observees, {1: (3500, 5)}),
    _route("PUT users/*/observers/*", observers.add_observer, {1: (3500, 5)}),
    _route("DELETE users/*/observers/*", observers.remove_observer, {1: (3500, 5)}),
    _route("GET users/*/courses", memberships.list_courses_of_user),
    _route("GET courses", courses.list_courses, {1: (3000, 1), 2: (3400, 8), 3: (3800, 1)}),
    _route("POST courses", courses.create_course, {1: (2015, 11), 2: (3400, 8), 3: (3800, 1)}),
    _route("GET courses/*", courses.get_course, {1: (2015, 11), 2: (3400, 8), 3: (3800, 1)}),
    _route("PATCH courses/*", courses.update_course, {1: (2015, 11), 2: (3400, 8), 3: (3800, 1)}),
    _route("DELETE courses/*", courses.delete_course, {1: (2015, 11), 2: (3400, 8), 3: (3800, 1)}),
    _route("POST courses/*/copy", copies.copy_course, {1: (3300, 0), 2: (3800, 2)}),
    _route("GET courses/*/tasks/*", tasks.get_course_task, {1: (3300, 0)}),
    _route("GET courses/*/children", children.list_children, {1: (3000, 11)}),
    _route("GET courses/*/children/*", children.get_child, {1: (3000, 11)}),
    _route("PUT courses/*/children/*", children.add_child, {1: (3400, 1)}),
    _route("DELETE courses/*/children/*", children.remove_child, {1: (3900, 4)}),
    _route("GET courses/*/crossListSet", children.list_set, {1: (3400, 1)}),
    _route("GET courses/*/users", memberships.list_members, {1: (3000, 1)}),
    _route("GET courses/*/users/*", memberships.get_membership),
    _route("PUT courses/*/users/*", memberships.add_membership),
    _route("PATCH courses/*/users/*", memberships.update_membership),
    _route("DELETE courses/*/users/*", memberships.remove_membership),
    _route("GET courses/*/groups/sets", groups.list_sets, {2: (3800, 6)}),
    _route("POST courses/*/groups/sets", groups.create_set, {2: (3800, 6)}),
    _route("GET courses/*/groups/sets/*", groups.get_set, {2: (3800, 6)}),
    _route("PATCH courses/*/groups/sets/*", groups.update_set, {2: (3800, 6)}),
    _route("DELETE courses/*/groups/sets/*", groups.delete_set, {2: (3800, 6)}),
    _route("GET courses/*/groups/sets/*/groups", groups.list_groups_of_set, {2: (3800, 6)}),
    _route("POST courses/*/groups/sets/*/groups", groups.create_group_of_set, {2: (3800, 6)}),
    _route("GET courses/*/groups", groups.list_groups, {1: (3100, 5), 2: (3800, 6)}),
    _route("POST courses/*/groups", groups.create_group, {1: (3100, 5), 2: (3800, 6)}),
    _route("GET courses/*/groups/*", groups.get_group, {1: (3100, 5), 2: (3800, 6)}),
    _route("PATCH courses/*/groups/*", groups.update_group, {1: (3100, 5), 2: (3800, 6)}),
    _route("DELETE courses/*/groups/*", groups.delete_group, {1: (3100, 5), 2: (3800, 6)}),
    _route("GET courses/*/groups/*/users", members.list_members, {1: (3100, 6), 2: (3600, 0)}),
    _route("GET courses/*/groups/*/users/*", members.get_member, {1: (3100, 6), 2: (3600, 0)}),
    _route("PUT courses/*/groups/*/users/*", members.add_member, {1: (3100, 6), 2: (3600, 0)}),
    _route(
        "DELETE courses/*/groups/*/users/*", members.remove_member, {1: (3100, 6), 2: (3600, 0)}
    ),
    _route("GET institutionRoles", roles.list_institution_roles, {1: (3300, 4)}),
    _route("GET institutionRoles/*", roles.get_institution_role, {1: (3300, 4)}),
    _route("GET systemRoles", roles.list_system_roles, {1: (3300, 5)}),
    _route("GET systemRoles/*", roles.get_system_role, {1: (3300, 5)}),
    _route("GET courseRoles", roles.list_course_roles, {1: (3300, 5)}),
    _route("GET courseRoles/*", roles.get_course_role, {1: (3300, 5)}),
    _route("GET dataSources", sources.list_sources, {1: (3000, 1)}),
    _route("POST dataSources", sources.create_source),
    _route("GET dataSources/*", sources.get_source),
    _route("PATCH dataSources/*", sources.update_source),
    _route("DELETE dataSources/*", sources.delete_source),
    _route("GET terms", terms.list_terms, {1: (3000, 1)}),
    _route("POST terms", terms.create_term),
    _route("GET terms/*", terms.get_term),
    _route("PATCH terms/*", terms.update_term),
    _route("DELETE terms/*", terms.delete_term),
)


def find_operation(
    method: str, release: int, segments: Sequence[str], version: Version
) -> tuple[Operation, list[str]]:
    """Return the operation that a site of a version offers at a path, and the ids in the path."""
    allowed = []
    for route in ROUTES:
        if release not in route.releases or version < route.releases[release]:
            continue
        ids = _match(route, segments)
        if ids is None:
            continue
        if route.method == method:
            return route.operation, ids
        allowed.append(route.method)
    if allowed:
        raise NotOfferedError(dict.fromkeys(allowed))
    raise RestError(404, "The requested resource was not found")


def _match(route: Route, segments: Sequence[str]) -> list[str] | None:
    if len(segments) != len(route.path):
        return None
    pairs = list(zip(route.path, segments, strict=True))
    if any(part not in ("*", segment) for part, segment in pairs):
        return None
    return [segment for part, segment in pairs if part == "*"]
