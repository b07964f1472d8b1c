"""Custom reports: who may see which, their rows as text for people, and filters that stay set.

Rows are simulated for reports on users only; a report of another source has none.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connectors.moodle.simulator.database import lower
from connectors.moodle.simulator.errors import coding_error, missing_record, report_refused
from connectors.moodle.simulator.profiles import full_name
from connectors.moodle.simulator.records import Report, User
from connectors.moodle.simulator.site import GUEST_ID, Caller, Site
from connectors.moodle.simulator.tables import SYSTEM_CONTEXT

Reply = dict[str, Any]

HEADINGS = {
    "username": "Username",
    "firstname": "First name",
    "lastname": "Last name",
    "email": "Email address",
    "idnumber": "ID number",
    "department": "Department",
    "suspended": "Suspended",
    "timecreated": "Time created",
    "lastaccess": "Last access",
    "auth": "Authentication",
    "timemodified": "Time modified",
}
"""Columns of users in English; those that are left out here are custom profile fields."""

_SOURCES = {
    "core_user\\reportbuilder\\datasource\\users": "Users",
    "core_role\\reportbuilder\\datasource\\roles": "Roles",
}
_VIEW = "moodle/reportbuilder:view"
_METHODS = {"manual": "Manual accounts", "nologin": "No login", "email": "Email-based"}
_TIMES = frozenset({"timecreated", "lastaccess", "timemodified"})
_TEXT_TESTS: dict[int, Callable[[str, str], bool]] = {
    1: lambda held, wanted: wanted in held,
    2: lambda held, wanted: wanted not in held,
    3: lambda held, wanted: held == wanted,
    4: lambda held, wanted: held != wanted,
    5: lambda held, wanted: held.startswith(wanted),
    6: lambda held, wanted: held.endswith(wanted),
}
_EMPTY, _NOT_EMPTY = 7, 8
_RANGE = 3


def list_reports(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_reportbuilder_list_reports: those that the caller may view, by name."""
    if not caller.has(_VIEW):
        raise report_refused()
    seen = [report for report in site.reports.values() if _is_viewable(report, caller)]
    seen.sort(key=lambda report: (report.name, report.id))
    first = arguments["page"] * arguments["perpage"]
    part = seen[first : first + arguments["perpage"]]
    return {"reports": [_details(site, report) for report in part], "warnings": []}


def retrieve_report(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_reportbuilder_retrieve_report: one page under the caller's filters."""
    report = _viewable(site, caller, arguments["reportid"])
    rows = _rows(site, report, caller)
    first = arguments["page"] * arguments["perpage"]
    data = {
        "headers": [_heading(site, report, name) for name in report.columns],
        "rows": [
            {"columns": [_shown(user, name) for name in report.columns]}
            for user in rows[first : first + arguments["perpage"]]
        ],
        "totalrowcount": len(rows),
    }
    return {"details": _details(site, report), "data": data, "warnings": []}


def set_filters(site: Site, caller: Caller, arguments: Reply) -> bool:
    """Run core_reportbuilder_set_filters: they hold for all that the account reads from now on."""
    report = _viewable(site, caller, arguments["reportid"])
    values = json.loads(arguments["values"])
    report.given[caller.user.id] = values if isinstance(values, dict) else {}
    return True


def _is_viewable(report: Report, caller: Caller) -> bool:
    return caller.has(_VIEW) and (report.shared or caller.has("moodle/reportbuilder:viewall"))


def _viewable(site: Site, caller: Caller, id: int) -> Report:
    report = site.reports.get(id)
    if report is None:
        raise missing_record("reportbuilder_report")
    if not _is_viewable(report, caller):
        raise report_refused()
    return report


def _rows(site: Site, report: Report, caller: Caller) -> list[User]:
    if _SOURCES.get(report.source) != "Users":
        return []
    given = report.given.get(caller.user.id, {})
    tests = [test for name in report.filters if (test := _test(name, given)) is not None]
    found = [
        user
        for user in site.users.values()
        if not user.deleted and user.id != GUEST_ID and all(test(user) for test in tests)
    ]
    return sorted(found, key=lambda user: user.username)


def _test(name: str, given: Reply) -> Callable[[User], bool] | None:
    """Return what a filter of the report lets through, None where it is not set."""
    operator = int(given.get(f"user:{name}_operator", 0))
    if operator == 0:
        return None
    if name in _TIMES:
        return _time_test(name, operator, given)
    if name == "suspended":
        return lambda user: user.suspended is (operator == 1)
    if operator in (_EMPTY, _NOT_EMPTY):
        return lambda user: (_held(user, name) == "") is (operator == _EMPTY)
    wanted = lower(str(given.get(f"user:{name}_value", "")))
    test = _TEXT_TESTS[operator]
    return (lambda user: test(lower(_held(user, name)), wanted)) if wanted else None


def _time_test(name: str, operator: int, given: Reply) -> Callable[[User], bool]:
    if operator != _RANGE:
        raise coding_error(f"the simulator does not run the operator {operator} of dates")
    since, until = (int(given.get(f"user:{name}_{end}", 0)) for end in ("from", "to"))

    def test(user: User) -> bool:
        held = getattr(user, name)
        return bool(since <= held and (until == 0 or held < until))

    return test


def _held(user: User, name: str) -> str:
    return str(getattr(user, name) if name in HEADINGS else user.customfields.get(name, ""))


def _heading(site: Site, report: Report, name: str) -> str:
    own = {field.shortname: field.name for field in site.settings.profile_fields}
    return report.headings.get(name) or HEADINGS.get(name) or own[name]


def _shown(user: User, name: str) -> str:
    """Return a value as people read it; the time zone is that of the measured site."""
    if name in _TIMES:
        moment = datetime.fromtimestamp(getattr(user, name), UTC)
        clock = f"{moment.hour % 12 or 12}:{moment:%M} {moment:%p}"
        return f"{moment:%A}, {moment.day} {moment:%B %Y}, {clock}" if moment.timestamp() else ""
    if name == "suspended":
        return "Yes" if user.suspended else "No"
    if name == "auth":
        return _METHODS.get(user.auth, user.auth)
    return html.escape(_held(user, name)).replace("&#x27;", "&#039;")


def _details(site: Site, report: Report) -> Reply:
    return {
        "name": report.name,
        "source": report.source,
        "type": 0,
        "uniquerows": False,
        "conditiondata": report.conditiondata,
        "settingsdata": None,
        "contextid": SYSTEM_CONTEXT,
        "component": "",
        "area": "",
        "itemid": 0,
        "usercreated": report.usercreated,
        "id": report.id,
        "timecreated": report.timecreated,
        "timemodified": report.timemodified,
        "usermodified": report.usercreated,
        "sourcename": _SOURCES.get(report.source, report.source),
        "tags": [],
        "modifiedby": _person(site, site.users[report.usercreated]),
    }


def _person(site: Site, user: User) -> Reply:
    image = f"{site.settings.site_url}/theme/image.php/boost/core/1/u/f"
    return {
        "id": user.id,
        "email": user.email,
        "idnumber": user.idnumber,
        "phone1": user.phone1,
        "phone2": user.phone2,
        "department": user.department,
        "institution": user.institution,
        "fullname": full_name(user),
        "identity": user.email,
        "profileurl": f"{site.settings.site_url}/user/profile.php?id={user.id}",
        "profileimageurl": f"{image}1",
        "profileimageurlsmall": f"{image}2",
    }
