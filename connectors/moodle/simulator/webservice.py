"""From a request to a reply: token, service, declared parameters, the function itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.moodle.simulator import (
    categories,
    cohorts,
    completion,
    courselists,
    courses,
    enrolments,
    grades,
    groups,
    participants,
    preferences,
    profiles,
    reports,
    roles,
    users,
)
from connectors.moodle.simulator.database import lower
from connectors.moodle.simulator.errors import (
    MoodleError,
    access_denied,
    coding_error,
    invalid_parameter,
    invalid_token,
    missing_record,
    plain_error,
)
from connectors.moodle.simulator.forms import PhpArray
from connectors.moodle.simulator.parameters import PARAMETERS, check, clean_username
from connectors.moodle.simulator.records import PASSWORD_METHODS, Token
from connectors.moodle.simulator.site import Caller, Site

Run = Callable[[Site, Caller, dict[str, Any]], Any]

_OTHER_NAMES = """
    core_message_send_instant_messages core_user_search_identity core_enrol_get_potential_users
    core_enrol_search_users core_grades_update_grades
"""
OTHER_FUNCTIONS = frozenset(_OTHER_NAMES.split())
"""Functions that exist in Moodle but are never in the simulator's service."""

ADVANCED_FEATURES = {
    "usecomments": 1,
    "usetags": 1,
    "enablenotes": 1,
    "messaging": 1,
    "enableblogs": 1,
    "enablecompletion": 1,
    "enablebadges": 1,
    "messagingallusers": 0,
    "enablecustomreports": 1,
    "enableglobalsearch": 0,
    "mnet_dispatcher_mode": 0,
    "enablecompetencies": 1,
}


@dataclass(frozen=True, slots=True)
class Request:
    """The merged fields of a call, without those that the protocol itself reads."""

    token: str
    function: str
    json: bool
    raw: bool
    parameters: PhpArray


def read_request(query: PhpArray, body: PhpArray) -> Request:
    """Merge query string and body, the body winning, and take the protocol's fields out."""
    fields = PhpArray({**query, **body})
    raw = fields.get("moodlewssettingraw") in ("1", "true")
    for name in [name for name in fields if name.startswith("moodlewssetting")]:
        del fields[name]
    return Request(
        json=_take(fields, "moodlewsrestformat") == "json",
        token=_take(fields, "wstoken"),
        function=_take(fields, "wsfunction"),
        raw=raw,
        parameters=fields,
    )


def call(site: Site, request: Request) -> Any:
    """Run one call and return its reply, or raise the MoodleError that answers it."""
    with site.lock:
        token = _authenticate(site, request.token)
        site.calls.append((request.function, dict(request.parameters)))
        function = _find_function(token, request.function)
        shape = PARAMETERS[request.function]
        arguments = check(shape, request.parameters, site.settings)
        user = site.users[token.user_id]
        if (
            request.function not in _WITHOUT_CONTEXT
            and user.preferences.get(preferences.FORCE_CHANGE, "0") != "0"
        ):
            raise plain_error("forcepasswordchangenotice")
        caller = Caller(user, token, user.id in site.admins, request.raw)
        return function(site, caller, arguments)


def get_site_info(site: Site, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run core_webservice_get_site_info: the site, the caller, and what its service allows."""
    settings, user = site.settings, caller.user
    return {
        "sitename": settings.site_name,
        "username": user.username,
        "firstname": user.firstname,
        "lastname": user.lastname,
        "fullname": profiles.full_name(user),
        "lang": user.lang,
        "userid": user.id,
        "siteurl": settings.site_url,
        "userpictureurl": f"{settings.site_url}/theme/image.php/boost/core/1/u/f1",
        "functions": [
            {"name": name, "version": settings.version} for name in sorted(caller.token.functions)
        ],
        "downloadfiles": 1,
        "uploadfiles": 1,
        "release": settings.release,
        "version": settings.version,
        "mobilecssurl": "",
        "advancedfeatures": [
            {"name": name, "value": value} for name, value in ADVANCED_FEATURES.items()
        ],
        "usercanmanageownfiles": True,
        "userquota": 104857600,
        "usermaxuploadfilesize": 2097152,
        "userhomepage": 1,
        "userprivateaccesskey": secrets.token_hex(16),
        "siteid": 1,
        "sitecalendartype": "gregorian",
        "usercalendartype": user.calendartype,
        "userissiteadmin": caller.is_admin,
        "theme": "boost",
        "limitconcurrentlogins": 0,
        "policyagreed": 0,
    }


def log_in(site: Site, username: str, password: str, service: str) -> dict[str, str | None]:
    """Answer /login/token.php: the token of an account, known by its password."""
    with site.lock:
        user = site.find_user(clean_username(username, site.settings))
        if (
            user is None
            or user.suspended
            or user.auth not in PASSWORD_METHODS
            or not site.passwords_match(user.username, password)
        ):
            raise plain_error("invalidlogin", "Invalid login, please try again")
        if not user.confirmed:
            raise plain_error("usernotconfirmed", f"{lower(user.username)} is not confirmed")
        if service != site.settings.service:
            raise plain_error("servicenotavailable", "Web service is not available")
        for token in site.tokens.values():
            if token.user_id == user.id and token.service_enabled:
                return {"token": token.value, "privatetoken": None}
        raise plain_error("cannotcreatetoken", "This account may not create a token")


FUNCTIONS: dict[str, Run] = {
    "core_webservice_get_site_info": get_site_info,
    "core_user_create_users": users.create_users,
    "core_user_update_users": users.update_users,
    "core_user_delete_users": users.delete_users,
    "core_user_get_users": profiles.get_users,
    "core_user_get_users_by_field": profiles.get_users_by_field,
    "core_user_set_user_preferences": preferences.set_user_preferences,
    "core_user_update_user_preferences": preferences.update_user_preferences,
    "core_user_get_user_preferences": preferences.get_user_preferences,
    "core_auth_request_password_reset": preferences.request_password_reset,
    "core_cohort_create_cohorts": cohorts.create_cohorts,
    "core_cohort_update_cohorts": cohorts.update_cohorts,
    "core_cohort_delete_cohorts": cohorts.delete_cohorts,
    "core_cohort_get_cohorts": cohorts.get_cohorts,
    "core_cohort_search_cohorts": cohorts.search_cohorts,
    "core_cohort_get_cohort_members": cohorts.get_cohort_members,
    "core_cohort_add_cohort_members": cohorts.add_cohort_members,
    "core_cohort_delete_cohort_members": cohorts.delete_cohort_members,
    "core_course_get_courses": courselists.get_courses,
    "core_course_get_courses_by_field": courselists.get_courses_by_field,
    "core_course_search_courses": courselists.search_courses,
    "core_course_create_courses": courses.create_courses,
    "core_course_update_courses": courses.update_courses,
    "core_course_delete_courses": courses.delete_courses,
    "core_course_get_categories": categories.get_categories,
    "core_course_create_categories": categories.create_categories,
    "core_enrol_get_enrolled_users": participants.get_enrolled_users,
    "core_enrol_get_users_courses": enrolments.get_users_courses,
    "core_enrol_get_course_enrolment_methods": enrolments.get_course_enrolment_methods,
    "core_user_get_course_user_profiles": participants.get_course_user_profiles,
    "enrol_manual_enrol_users": enrolments.enrol_users,
    "enrol_manual_unenrol_users": enrolments.unenrol_users,
    "core_role_assign_roles": roles.assign_roles,
    "core_role_unassign_roles": roles.unassign_roles,
    "core_group_create_groups": groups.create_groups,
    "core_group_update_groups": groups.update_groups,
    "core_group_delete_groups": groups.delete_groups,
    "core_group_get_groups": groups.get_groups,
    "core_group_get_course_groups": groups.get_course_groups,
    "core_group_get_group_members": groups.get_group_members,
    "core_group_get_course_user_groups": groups.get_course_user_groups,
    "core_group_add_group_members": groups.add_group_members,
    "core_group_delete_group_members": groups.delete_group_members,
    "gradereport_user_get_grade_items": grades.get_grade_items,
    "gradereport_overview_get_course_grades": grades.get_course_grades,
    "core_completion_get_course_completion_status": completion.get_course_completion_status,
    "core_completion_get_activities_completion_status": (
        completion.get_activities_completion_status
    ),
    "core_reportbuilder_list_reports": reports.list_reports,
    "core_reportbuilder_retrieve_report": reports.retrieve_report,
    "core_reportbuilder_set_filters": reports.set_filters,
}

_WITHOUT_CONTEXT = frozenset({"core_webservice_get_site_info", "core_auth_request_password_reset"})
"""Functions that run even for an account that must change its password."""


def _take(fields: PhpArray, name: str) -> str:
    value = fields.pop(name, "")
    return value if isinstance(value, str) else ""


def _authenticate(site: Site, value: str) -> Token:
    token = site.tokens.get(value)
    if token is None:
        raise invalid_token()
    if token.expires is not None and token.expires < site.now():
        del site.tokens[value]
        raise access_denied("Invalid token - token expired - check validuntil time for the token")
    if not token.address_allowed:
        raise access_denied("Invalid token - the address is not allowed")
    user = site.users[token.user_id]
    if site.settings.maintenance == "site" and user.id not in site.admins:
        raise plain_error(
            "sitemaintenance",
            "The site is undergoing maintenance and is currently not available",
        )
    if (refusal := _refusal(token.user_id, site)) is not None:
        raise refusal
    if user.id not in site.admins and "webservice/rest:use" not in token.capabilities:
        raise access_denied("missing capability: webservice/rest:use")
    return token


def _refusal(user_id: int, site: Site) -> MoodleError | None:
    """Return why the account may not use web services, if so."""
    user = site.users[user_id]
    for refused, state in (
        (user.deleted, "deleted"),
        (not user.confirmed, "unconfirmed"),
        (user.suspended, "suspended"),
        (user.auth == "nologin", "nologin"),
    ):
        if refused:
            return plain_error(
                f"wsaccessuser{state}",
                f"Refused web service access for {state} username: {user.username}",
            )
    return None


def _find_function(token: Token, name: str) -> Run:
    if not name:
        raise invalid_parameter("Missing function name")
    if name not in FUNCTIONS and name not in OTHER_FUNCTIONS:
        raise missing_record("external_functions")
    if not (token.service_enabled and token.authorised) or name not in token.functions:
        raise access_denied(f"Access to the function {name}() is not allowed.")
    if name not in FUNCTIONS:
        raise coding_error(f"the simulator does not run {name}")
    return FUNCTIONS[name]
