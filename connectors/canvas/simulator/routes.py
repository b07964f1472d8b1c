"""The addresses of the service: which operation answers a method and a path."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from connectors.canvas.simulator import (
    accounts,
    admins,
    categories,
    channels,
    courses,
    customdata,
    enrollments,
    groups,
    logins,
    memberships,
    observers,
    registration,
    removal,
    reports,
    roles,
    sections,
    sisimports,
    terms,
    tokens,
    users,
)
from connectors.canvas.simulator.calls import Answer
from connectors.canvas.simulator.errors import not_found

Operation = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """An operation at a path; `template` names the ids in it as the scopes of tokens do."""

    method: str
    template: str
    operation: Operation
    exact: re.Pattern[str]
    loose: re.Pattern[str]


def _route(address: str, operation: Operation) -> Route:
    method, template = address.split()
    exact = re.sub(r":\w+", "([^/]+)", template).replace("*", "(.+)")
    slot = r"((?:sis_\w+:.+?|[^/]+))"
    loose = re.sub(r":\w+", lambda _: slot, template).replace("/*", "/(.+)")
    return Route(method, template, operation, re.compile(exact), re.compile(loose))


ROUTES = tuple(
    _route(address, operation)
    for address, operation in (
        ("GET accounts", accounts.list_accounts),
        ("GET accounts/:id", accounts.get_account),
        ("PUT accounts/:id", accounts.edit_account),
        ("GET accounts/:account_id/permissions", accounts.get_permissions),
        ("GET accounts/:account_id/sub_accounts", accounts.list_sub_accounts),
        ("POST accounts/:account_id/sub_accounts", accounts.create_sub_account),
        ("DELETE accounts/:account_id/sub_accounts/:id", accounts.delete_sub_account),
        ("GET accounts/:account_id/terms", terms.list_terms),
        ("POST accounts/:account_id/terms", terms.create_term),
        ("GET accounts/:account_id/terms/:id", terms.get_term),
        ("PUT accounts/:account_id/terms/:id", terms.edit_term),
        ("DELETE accounts/:account_id/terms/:id", terms.delete_term),
        ("GET accounts/:account_id/users", users.list_users),
        ("POST accounts/:account_id/users", registration.create_user),
        ("DELETE accounts/:account_id/users/:user_id", removal.delete_user),
        ("PUT accounts/:account_id/users/:user_id/restore", removal.restore_user),
        ("GET accounts/:account_id/logins", logins.list_of_account),
        ("POST accounts/:account_id/logins", logins.create_login),
        ("PUT accounts/:account_id/logins/:id", logins.edit_login),
        ("GET accounts/:account_id/courses", courses.list_courses),
        ("POST accounts/:account_id/courses", courses.create_course),
        ("GET accounts/:account_id/enrollments/:id", enrollments.get_enrollment),
        ("GET accounts/:account_id/groups", groups.list_of_account),
        ("GET accounts/:account_id/group_categories", categories.list_of_account),
        ("POST accounts/:account_id/group_categories", categories.create_in_account),
        ("GET accounts/:account_id/roles", roles.list_roles),
        ("POST accounts/:account_id/roles", roles.create_role),
        ("GET accounts/:account_id/roles/:id", roles.get_role),
        ("PUT accounts/:account_id/roles/:id", roles.edit_role),
        ("DELETE accounts/:account_id/roles/:id", roles.deactivate_role),
        ("POST accounts/:account_id/roles/:id/activate", roles.activate_role),
        ("GET accounts/:account_id/admins", admins.list_admins),
        ("POST accounts/:account_id/admins", admins.create_admin),
        ("GET accounts/:account_id/admins/self", admins.list_own),
        ("DELETE accounts/:account_id/admins/:user_id", admins.delete_admin),
        ("GET accounts/:account_id/reports", reports.list_reports),
        ("GET accounts/:account_id/reports/:report", reports.list_made),
        ("POST accounts/:account_id/reports/:report", reports.start_report),
        ("GET accounts/:account_id/reports/:report/:id", reports.get_report),
        ("DELETE accounts/:account_id/reports/:report/:id", reports.delete_report),
        ("GET accounts/:account_id/sis_imports", sisimports.list_imports),
        ("POST accounts/:account_id/sis_imports", sisimports.create_import),
        ("GET accounts/:account_id/sis_imports/:id", sisimports.get_import),
        ("PUT accounts/:account_id/sis_imports/:id/abort", sisimports.abort_import),
        ("POST users/reset_password", logins.request_password),
        ("GET users/:id", users.get_user),
        ("PUT users/:id", users.edit_user),
        ("GET users/:user_id/profile", users.get_profile),
        ("GET users/:user_id/tokens/:id", tokens.get_token),
        ("DELETE users/:id/sessions", users.end_sessions),
        ("DELETE users/:id/mobile_sessions", users.end_mobile_sessions),
        ("PUT users/:id/merge_into/:destination_user_id", removal.merge_user),
        ("GET users/:user_id/logins", logins.list_of_user),
        ("DELETE users/:user_id/logins/:id", logins.delete_login),
        ("GET users/:user_id/communication_channels", channels.list_channels),
        ("POST users/:user_id/communication_channels", channels.create_channel),
        ("DELETE users/:user_id/communication_channels/:id", channels.delete_channel),
        ("DELETE users/:user_id/communication_channels/:type/:address", channels.delete_address),
        ("GET users/:user_id/enrollments", enrollments.list_of_user),
        ("GET users/:user_id/observers", observers.list_observers),
        ("GET users/:user_id/observees", observers.list_observees),
        ("GET users/:user_id/observees/:observee_id", observers.get_observee),
        ("PUT users/:user_id/observees/:observee_id", observers.add_observee),
        ("DELETE users/:user_id/observees/:observee_id", observers.remove_observee),
        ("GET users/:user_id/custom_data", customdata.get_data),
        ("PUT users/:user_id/custom_data", customdata.put_data),
        ("DELETE users/:user_id/custom_data", customdata.delete_data),
        ("GET users/:user_id/custom_data/*", customdata.get_data),
        ("PUT users/:user_id/custom_data/*", customdata.put_data),
        ("DELETE users/:user_id/custom_data/*", customdata.delete_data),
        ("GET courses/:id", courses.get_course),
        ("PUT courses/:id", courses.edit_course),
        ("DELETE courses/:id", courses.delete_course),
        ("GET courses/:course_id/users", courses.list_users),
        ("GET courses/:course_id/search_users", courses.list_users),
        ("GET courses/:course_id/sections", sections.list_sections),
        ("POST courses/:course_id/sections", sections.create_section),
        ("GET courses/:course_id/enrollments", enrollments.list_of_course),
        ("POST courses/:course_id/enrollments", enrollments.create_in_course),
        ("DELETE courses/:course_id/enrollments/:id", enrollments.end_enrollment),
        ("PUT courses/:course_id/enrollments/:id/reactivate", enrollments.reactivate),
        ("POST courses/:course_id/enrollments/:id/accept", enrollments.accept),
        ("POST courses/:course_id/enrollments/:id/reject", enrollments.reject),
        ("GET courses/:course_id/groups", groups.list_of_course),
        ("GET courses/:course_id/group_categories", categories.list_of_course),
        ("POST courses/:course_id/group_categories", categories.create_in_course),
        ("GET sections/:id", sections.get_section),
        ("PUT sections/:id", sections.edit_section),
        ("DELETE sections/:id", sections.delete_section),
        ("GET sections/:section_id/enrollments", enrollments.list_of_section),
        ("POST sections/:section_id/enrollments", enrollments.create_in_section),
        ("GET group_categories/:group_category_id", categories.get_category),
        ("PUT group_categories/:group_category_id", categories.edit_category),
        ("DELETE group_categories/:group_category_id", categories.delete_category),
        ("GET group_categories/:group_category_id/groups", groups.list_of_category),
        ("POST group_categories/:group_category_id/groups", groups.create_in_category),
        ("GET group_categories/:group_category_id/users", categories.list_users),
        ("POST groups", groups.create_community),
        ("GET groups/:group_id", groups.get_group),
        ("PUT groups/:group_id", groups.edit_group),
        ("DELETE groups/:group_id", groups.remove_group),
        ("GET groups/:group_id/users", groups.list_users),
        ("GET groups/:group_id/memberships", memberships.list_memberships),
        ("POST groups/:group_id/memberships", memberships.create_membership),
        ("GET groups/:group_id/memberships/:membership_id", memberships.get_membership),
        ("PUT groups/:group_id/memberships/:membership_id", memberships.edit_membership),
        ("DELETE groups/:group_id/memberships/:membership_id", memberships.delete_membership),
        ("GET groups/:group_id/users/:user_id", memberships.get_of_user),
        ("PUT groups/:group_id/users/:user_id", memberships.edit_of_user),
        ("DELETE groups/:group_id/users/:user_id", memberships.delete_of_user),
    )
)


def find_operation(method: str, path: str, whole: bool) -> tuple[Route, list[str]]:
    """Return the route of a path below /api/v1 and the ids in it, decoded.

    `whole` is for a path whose escapes were lost on the way: SIS ids may then hold slashes.
    """
    for route in ROUTES:
        if route.method == method and (found := route.exact.fullmatch(path)):
            return route, [unquote(slot) for slot in found.groups()]
    if whole:
        fitting = [
            (route, found)
            for route in ROUTES
            if route.method == method and (found := route.loose.fullmatch(path))
        ]
        if fitting:
            route, found = max(fitting, key=lambda pair: pair[0].template.count("/"))
            return route, [unquote(slot) for slot in found.groups()]
    raise not_found()
