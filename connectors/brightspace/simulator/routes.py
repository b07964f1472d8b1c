"""The addresses of the service: which operation answers, and what opens it to a caller.

A permission is the name that `Settings.denied` takes; the names are the simulator's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.brightspace.simulator import (
    auditing,
    classlist,
    courses,
    enrollments,
    grades,
    groups,
    passwords,
    profiles,
    roles,
    sections,
    units,
    users,
)
from connectors.brightspace.simulator.calls import Answer
from connectors.brightspace.simulator.errors import not_found, not_offered

Operation = Callable[..., Answer]

_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Route:
    """An operation at an address such as `lp GET users/*`.

    In its path `*` stands for a positive whole number and `?` for any text. One of the scopes
    opens it, or the core scope; a public one needs no token.
    """

    address: str
    product: str
    method: str
    path: tuple[str, ...]
    operation: Operation
    scopes: tuple[str, ...]
    permission: str = ""
    public: bool = False


def _route(
    address: str, operation: Operation, scopes: str = "", permission: str = "", public: bool = False
) -> Route:
    product, method, path = address.split()
    parts = tuple(path.lower().split("/"))
    return Route(
        address, product, method, parts, operation, tuple(scopes.split()), permission, public
    )


_PROFILE_READ = "users:profile:read users:own_profile:read"
_CATEGORIES = "*/groupcategories"

ROUTES = (
    _route("lp GET organization/info", units.get_organization, public=True),
    _route("lp GET users/", users.list_users, "users:userdata:read", "Users.Search"),
    _route("lp POST users/", users.create_user, "users:userdata:create", "Users.Create"),
    _route("lp POST users/batch/", users.create_users, "users:userdata:create", "Users.Create"),
    _route("lp GET users/whoami", users.get_own_user, _PROFILE_READ),
    _route("lp GET users/*", users.get_user, "users:userdata:read", "Users.Search"),
    _route("lp PUT users/*", users.update_user, "users:userdata:update", "Users.Edit"),
    _route("lp DELETE users/*", users.delete_user, "users:userdata:delete", "Users.Delete"),
    _route("lp GET users/*/activation", users.get_activation, "users:activation:read"),
    _route(
        "lp PUT users/*/activation",
        users.set_activation,
        "users:activation:update",
        "Users.Activate",
    ),
    _route(
        "lp PUT users/*/password", passwords.set_password, "users:password:write", "Users.Password"
    ),
    _route(
        "lp POST users/*/password", passwords.send_reset, "users:password:write", "Users.Password"
    ),
    _route(
        "lp DELETE users/*/password",
        passwords.clear_password,
        "users:password:delete",
        "Users.Password",
    ),
    _route("lp GET users/*/names", profiles.get_names, "users:userdata:read", "Users.LegalNames"),
    _route("lp PUT users/*/names", profiles.set_names, "users:userdata:update", "Users.LegalNames"),
    _route("lp GET profile/user/*", profiles.get_profile, _PROFILE_READ),
    _route("lp PUT profile/user/*", profiles.set_profile, "users:profile:manage", "Users.Profile"),
    _route("lp GET profile/?", profiles.get_profile_by_key, _PROFILE_READ),
    _route("lp GET accountSettings/*/locale/", profiles.get_locale, "accountsettings:locale:read"),
    _route(
        "lp PUT accountSettings/*/locale/", profiles.set_locale, "accountsettings:locale:update"
    ),
    _route("lp GET attributes/schemas/", profiles.list_schemas, "attributes:schemas:read"),
    _route("lp GET attributes/users/*", profiles.get_attributes, "attributes:users:read"),
    _route("lp PUT attributes/users/*", profiles.set_attributes, "attributes:users:update"),
    _route("lp DELETE attributes/users/*", profiles.clear_attributes, "attributes:users:delete"),
    _route("lp GET demographics/users/*", profiles.get_demographics),
    _route("lp PUT demographics/users/*", profiles.set_demographics),
    _route("lp DELETE demographics/users/*", profiles.clear_demographics),
    _route("lp PUT forceLogout/*", users.end_sessions, "sessions:session:delete"),
    _route("lp DELETE sessions/*", users.end_sessions, "sessions:session:delete"),
    _route("lp GET roles/", roles.list_roles, "role:detail:read"),
    _route("lp GET roles/*", roles.get_role, "role:detail:read"),
    _route("lp GET */roles/", roles.list_roles_of_unit, "role:detail:read"),
    _route(
        "lp POST enrollments/",
        enrollments.create_enrollment,
        "enrollment:orgunit:create",
        "Enrollments.Enroll",
    ),
    _route(
        "lp POST enrollments/batch/",
        enrollments.create_enrollments,
        "enrollment:orgunit:create",
        "Enrollments.Enroll",
    ),
    _route(
        "lp GET enrollments/orgUnits/*/users/", enrollments.list_people, "enrollment:orgunit:read"
    ),
    _route(
        "lp GET enrollments/orgUnits/*/users/*",
        enrollments.get_enrollment,
        "enrollment:orgunit:read",
    ),
    _route(
        "lp DELETE enrollments/orgUnits/*/users/*",
        enrollments.delete_enrollment,
        "enrollment:orgunit:delete",
        "Enrollments.Unenroll",
    ),
    _route(
        "lp GET enrollments/users/*/orgUnits/", enrollments.list_units, "enrollment:orgunit:read"
    ),
    _route(
        "lp GET enrollments/users/*/orgUnits/*",
        enrollments.get_enrollment_of_user,
        "enrollment:orgunit:read",
    ),
    _route(
        "lp DELETE enrollments/users/*/orgUnits/*",
        enrollments.delete_enrollment_of_user,
        "enrollment:orgunit:delete",
        "Enrollments.Unenroll",
    ),
    _route("le GET */classlist/", classlist.get_classlist, "enrollment:orgunit:read"),
    _route("le GET */classlist/paged/", classlist.get_classlist_page, "enrollment:orgunit:read"),
    _route("le GET */grades/final/values/", grades.list_final_grades, "grades:gradevalues:read"),
    _route("le GET */grades/final/values/*", grades.get_final_grade, "grades:gradevalues:read"),
    _route("le GET auditing/auditors/*", auditing.get_auditor),
    _route("le GET auditing/auditors/*/auditees/", auditing.list_auditees),
    _route("le POST auditing/auditors/*/auditees/", auditing.add_auditee),
    _route("le DELETE auditing/auditors/*/auditees/", auditing.remove_auditee),
    _route("le GET auditing/auditees/*", auditing.get_auditee),
    _route("lp GET orgstructure/", units.list_units, "organizations:organization:read"),
    _route(
        "lp POST orgstructure/",
        units.create_unit,
        "organizations:organization:create",
        "OrgUnits.Create",
    ),
    _route("lp GET orgstructure/*", units.get_unit, "organizations:organization:read"),
    _route(
        "lp PUT orgstructure/*",
        units.update_unit,
        "organizations:organization:update",
        "OrgUnits.Edit",
    ),
    _route(
        "lp GET orgstructure/*/children/paged/",
        units.list_children,
        "organizations:organization:read",
    ),
    _route(
        "lp GET orgstructure/*/descendants/paged/",
        units.list_descendants,
        "organizations:organization:read",
    ),
    _route("lp GET orgstructure/*/parents/", units.list_parents, "organizations:organization:read"),
    _route(
        "lp GET orgstructure/*/ancestors/", units.list_ancestors, "organizations:organization:read"
    ),
    _route(
        "lp POST orgstructure/*/parents/", units.add_parent, "organizations:organization:update"
    ),
    _route(
        "lp POST orgstructure/*/children/", units.add_child, "organizations:organization:update"
    ),
    _route(
        "lp POST orgstructure/recyclebin/*/recycle",
        units.recycle,
        "organizations:organization:delete",
        "OrgUnits.Delete",
    ),
    _route(
        "lp POST orgstructure/recyclebin/*/restore",
        units.restore,
        "organizations:organization:update",
        "OrgUnits.Delete",
    ),
    _route(
        "lp DELETE orgstructure/recyclebin/*",
        units.delete_recycled,
        "organizations:organization:delete",
        "OrgUnits.Delete",
    ),
    _route("lp GET outypes/", units.list_types, "organizations:organization:read"),
    _route("lp GET outypes/*", units.get_type, "organizations:organization:read"),
    _route(
        "lp GET outypes/department", units.get_department_type, "organizations:organization:read"
    ),
    _route("lp GET outypes/semester", units.get_semester_type, "organizations:organization:read"),
    _route("lp POST courses/", courses.create_course, "orgunits:course:create", "Courses.Create"),
    _route("lp GET courses/*", courses.get_course, "orgunits:course:read"),
    _route("lp PUT courses/*", courses.update_course, "orgunits:course:update", "Courses.Edit"),
    _route(
        "lp DELETE courses/*", courses.delete_course, "orgunits:course:delete", "Courses.Delete"
    ),
    _route(
        "lp POST coursetemplates/",
        courses.create_template,
        "orgunits:coursetemplate:create",
        "Courses.Create",
    ),
    _route("lp GET coursetemplates/*", courses.get_template, "orgunits:coursetemplate:read"),
    _route("lp PUT coursetemplates/*", courses.update_template, "orgunits:coursetemplate:update"),
    _route(
        "lp DELETE coursetemplates/*", courses.delete_template, "orgunits:coursetemplate:delete"
    ),
    _route(f"lp GET {_CATEGORIES}/", groups.list_categories, "groups:group:read"),
    _route(f"lp POST {_CATEGORIES}/", groups.create_category, "groups:group:create"),
    _route(f"lp GET {_CATEGORIES}/*", groups.get_category, "groups:group:read"),
    _route(f"lp PUT {_CATEGORIES}/*", groups.update_category, "groups:group:update"),
    _route(f"lp DELETE {_CATEGORIES}/*", groups.delete_category, "groups:group:delete"),
    _route(f"lp GET {_CATEGORIES}/*/status", groups.get_status, "groups:group:read"),
    _route(f"lp GET {_CATEGORIES}/*/groups/", groups.list_groups, "groups:group:read"),
    _route(f"lp POST {_CATEGORIES}/*/groups/", groups.create_group, "groups:group:create"),
    _route(f"lp GET {_CATEGORIES}/*/groups/*", groups.get_group, "groups:group:read"),
    _route(f"lp PUT {_CATEGORIES}/*/groups/*", groups.update_group, "groups:group:update"),
    _route(f"lp DELETE {_CATEGORIES}/*/groups/*", groups.delete_group, "groups:group:delete"),
    _route(
        f"lp POST {_CATEGORIES}/*/groups/*/enrollments/",
        groups.add_member,
        "groups:enrollment:create",
    ),
    _route(
        f"lp DELETE {_CATEGORIES}/*/groups/*/enrollments/*",
        groups.remove_member,
        "groups:enrollment:delete",
    ),
    _route("lp PUT */sections/", sections.set_up, "sections:section:update"),
    _route("lp GET */sections/", sections.list_sections, "sections:section:read"),
    _route("lp POST */sections/", sections.create_section, "sections:section:create"),
    _route("lp GET */sections/*", sections.get_section, "sections:section:read"),
    _route("lp PUT */sections/*", sections.update_section, "sections:section:update"),
    _route("lp DELETE */sections/*", sections.delete_section, "sections:section:delete"),
    _route("lp POST */sections/*/enrollments/", sections.add_member, "sections:enrollment:create"),
)

PERMISSIONS = frozenset(route.permission for route in ROUTES if route.permission)


def find_route(method: str, product: str, segments: Sequence[str]) -> tuple[Route, list[Any]]:
    """Return the route of a method and a path, and the ids in the path."""
    offered = False
    for route in ROUTES:
        if route.product != product:
            continue
        ids = _match(route, segments)
        if ids is None:
            continue
        if route.method == method:
            return route, ids
        offered = True
    raise not_offered() if offered else not_found()


def _match(route: Route, segments: Sequence[str]) -> list[Any] | None:
    if len(segments) != len(route.path):
        return None
    ids: list[Any] = []
    for part, segment in zip(route.path, segments, strict=True):
        if part == "*" and _ID.fullmatch(segment):
            ids.append(int(segment))
        elif part == "?" and segment:
            ids.append(segment)
        elif part != segment.lower():
            return None
    return ids
