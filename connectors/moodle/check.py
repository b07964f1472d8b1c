"""The set-up check of a Moodle target: what is missing, by Moodle's own names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import Finding
from connectors.mapping import Mapping
from connectors.moodle.client import BAD_COURSE, MoodleClient, MoodleError
from connectors.moodle.coursegroups import LIST as GROUPS
from connectors.moodle.courses import LIST
from connectors.moodle.manual import ENROL, UNENROL
from connectors.moodle.participants import ENROLLED
from connectors.moodle.reports import EDITOR, RETRIEVE, SET_FILTERS, ChangeReport, Unusable
from connectors.moodle.reports import LIST as REPORTS
from connectors.moodle.results import GRADES
from connectors.moodle.walking import SEARCH_COURSES, SITE
from connectors.probing import clock, unanswered
from schemas.errors import ScimError

_SERVICES = "Site administration > Server > Web services > External services > Functions"
_ROLES = "Site administration > Users > Permissions > Define roles"
OLDEST = (4, 5)
"""The oldest release whose behaviour this connector is measured against."""

FUNCTIONS = {
    "core_webservice_get_site_info": "the set-up check",
    "core_user_get_users": "searching users",
    "core_user_get_users_by_field": "looking users up",
    "core_user_create_users": "creating users",
    "core_user_update_users": "changing users",
    "core_cohort_get_cohorts": "reading groups",
    "core_cohort_search_cohorts": "searching groups",
    "core_cohort_get_cohort_members": "reading members",
    "core_cohort_create_cohorts": "creating groups",
    "core_cohort_update_cohorts": "renaming groups",
    "core_cohort_delete_cohorts": "deleting groups",
    "core_cohort_add_cohort_members": "adding members",
    "core_cohort_delete_cohort_members": "removing members",
}
OPTIONAL = {
    "core_user_delete_users": 'delete = "delete"',
    "core_auth_request_password_reset": "password messages (notify)",
}
_COURSE_GROUPS = "course groups"
_QUICK = "quick exports"
PARTS = {
    "courses": (
        "core_course_get_courses",
        "core_course_get_courses_by_field",
        "core_course_search_courses",
        "core_course_create_courses",
        "core_course_update_courses",
        "core_course_delete_courses",
    ),
    "memberships": (
        "core_course_search_courses",
        "core_enrol_get_enrolled_users",
        "enrol_manual_enrol_users",
        "enrol_manual_unenrol_users",
        "core_role_assign_roles",
        "core_role_unassign_roles",
    ),
    "scores": (
        "gradereport_user_get_grade_items",
        "core_completion_get_course_completion_status",
    ),
    _COURSE_GROUPS: (
        "core_course_get_courses_by_field",
        "core_course_search_courses",
        "core_enrol_get_enrolled_users",
        "core_group_get_course_groups",
        "core_group_get_groups",
        "core_group_get_group_members",
        "core_group_create_groups",
        "core_group_update_groups",
        "core_group_delete_groups",
        "core_group_add_group_members",
        "core_group_delete_group_members",
    ),
    _QUICK: (SET_FILTERS, RETRIEVE, REPORTS),
}
"""Functions of what a target may do without, some of it looked at only where it is on."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """A call that a missing capability refuses and that otherwise fails without any effect."""

    capability: str
    purpose: str
    function: str
    parameters: dict[str, Any]
    needed: bool = True
    refusals: tuple[str, ...] = ("nopermissions",)


@dataclass(frozen=True, slots=True)
class Setup:
    """What the target's configuration says of courses: a category, a role, groups or none.

    `report` tells who has changed, None where nobody has made one.
    """

    category: str
    role: int
    course_groups: bool
    report: ChangeReport | None

    @property
    def parts(self) -> list[str]:
        """The names in PARTS of what is on."""
        on = {_COURSE_GROUPS: self.course_groups, _QUICK: self.report is not None}
        return [part for part in PARTS if on.get(part, True)]


_NOBODY = "999999999999"
_NEVER = 4_102_444_800
"""The year 2100 in unix seconds: nobody has changed since then."""
_TOO_LONG = "x" * 300


def findings(client: MoodleClient, mapping: Mapping, setup: Setup) -> Iterator[Finding]:
    """Yield what is right and wrong with the site, the token and its account."""
    try:
        site = client.call("core_webservice_get_site_info")
    except ScimError as error:
        yield unanswered(error, client.http, _cure(error))
        return
    yield _version(site)
    yield clock(client.http)
    yield Finding("ok", "Moodle has no limit of calls.")
    functions = {function["name"] for function in site.get("functions", ())}
    yield from _missing_functions(functions)
    yield from _missing_parts(functions, setup.parts)
    for looks in (
        _missing_capabilities(client, functions, _probes(str(site.get("username", "")))),
        _courses(client, functions, setup),
        _account(client, functions, site),
        _fields(client, functions, mapping, site),
        _report(client, functions, setup.report),
    ):
        try:
            yield from looks
        except ScimError as error:
            yield Finding("error", error.detail, _cure(error))


def _cure(error: ScimError) -> str:
    code = error.code if isinstance(error, MoodleError) else ""
    if code == "accessexception":
        return (
            "Add core_webservice_get_site_info to the service, authorise the account for it "
            f"(Authorised users), enable it: {_SERVICES}"
        )
    return "Check url and token, and whether the site's own web pages work"


def _version(site: dict[str, Any]) -> Finding:
    release = str(site.get("release", "?"))
    said = f"Moodle {release} answers as {site.get('username')!r}."
    found = re.match(r"(\d+)\.(\d+)", release)
    if found is None or (int(found[1]), int(found[2])) >= OLDEST:
        return Finding("ok", said)
    oldest = ".".join(map(str, OLDEST))
    return Finding(
        "warning",
        f"{said} It is older than {oldest}, the oldest that Matricula was measured against.",
        f"Update Moodle to {oldest} or later: Site administration > General > Notifications",
    )


def _missing_functions(functions: set[str]) -> Iterator[Finding]:
    for function, purpose in FUNCTIONS.items():
        if function not in functions:
            yield Finding(
                "error",
                f"The token's service lacks the function {function} ({purpose}).",
                f"Add it: {_SERVICES}",
            )
    for function, purpose in OPTIONAL.items():
        if function not in functions:
            yield Finding(
                "warning",
                f"Without the function {function} there is no {purpose}.",
                f"Where that is wanted, add it: {_SERVICES}",
            )


def _missing_parts(functions: set[str], parts: list[str]) -> Iterator[Finding]:
    for part in parts:
        if missing := [function for function in PARTS[part] if function not in functions]:
            yield Finding(
                "warning",
                f"{part.capitalize()} do not work, or only in part: the token's service lacks "
                f"{', '.join(missing)}.",
                f"Where {part} are wanted, add them: {_SERVICES}",
            )


def _probes(username: str) -> tuple[_Probe, ...]:
    taken = {
        "username": username,
        "password": "unused",
        "firstname": "unused",
        "lastname": "unused",
        "email": "unused@example.invalid",
    }
    cohort = {"categorytype": {"type": "system", "value": ""}, "name": _TOO_LONG}
    return (
        _Probe(
            "moodle/user:create",
            "creating users",
            "core_user_create_users",
            {"users": [taken]},  # the account's own name, which is in use
        ),
        _Probe(
            "moodle/user:update",
            "changing users",
            "core_user_update_users",
            {"users": [{"id": _NOBODY, "city": "unused"}]},
        ),
        _Probe(
            "moodle/user:delete",
            'delete = "delete"',
            "core_user_delete_users",
            {"userids": [_NOBODY]},
            needed=False,
        ),
        _Probe(
            "moodle/cohort:view",
            "reading groups",
            "core_cohort_search_cohorts",
            {"query": _TOO_LONG, "context": {"contextid": 1}, "includes": "all", "limitnum": 1},
        ),
        _Probe(
            "moodle/cohort:manage",
            "creating groups",
            "core_cohort_create_cohorts",
            {"cohorts": [{**cohort, "idnumber": _TOO_LONG}]},  # longer than the database takes
        ),
    )  # fmt: skip


def _missing_capabilities(
    client: MoodleClient, functions: set[str], probes: Iterable[_Probe]
) -> Iterator[Finding]:
    """Try the probes; one of a function that was refused already would tell nothing more."""
    refused: set[str] = set()
    for probe in probes:
        if probe.function not in functions - refused:
            continue
        try:
            client.probe(probe.function, probe.parameters)
        except MoodleError as error:
            if error.code in probe.refusals:
                refused.add(probe.function)
                yield Finding(
                    "error" if probe.needed else "warning",
                    f"The account lacks the capability {probe.capability} ({probe.purpose}).",
                    f"Allow it in the account's system role: {_ROLES}",
                )


def _courses(client: MoodleClient, functions: set[str], setup: Setup) -> Iterator[Finding]:
    """Look for what courses need, in the first course that the account sees."""
    yield from _creating(client, functions, setup)
    if LIST in functions:
        site = client.call(LIST, {"options": {"ids": [SITE]}})
        if site and "idnumber" not in site[0]:
            yield Finding(
                "warning",
                "The account lacks the capability moodle/course:update (reading all of courses, "
                "and changing them).",
                f"Allow it in the account's system role: {_ROLES}",
            )
    if SEARCH_COURSES not in functions:
        return
    first = {"criterianame": "search", "criteriavalue": "", "page": 0, "perpage": 1}
    for row in client.call(SEARCH_COURSES, first)["courses"]:
        probes = _course_probes(str(row["id"]), setup, course_groups=setup.course_groups)
        yield from _missing_capabilities(client, functions, probes)


def _creating(client: MoodleClient, functions: set[str], setup: Setup) -> Iterator[Finding]:
    """Try to create a course whose names Moodle refuses."""
    blank = {"fullname": " ", "shortname": " ", "categoryid": setup.category}
    probe = _Probe(
        "moodle/course:create",
        "creating courses",
        "core_course_create_courses",
        {"courses": [blank]},
        needed=False,
    )
    yield from _missing_capabilities(client, functions, [probe])
    unseen = replace(probe, refusals=("errorcatcontextnotvalid",))
    for _ in _missing_capabilities(client, functions, [unseen]):
        yield Finding(
            "warning",
            f"The account sees no course category {setup.category} for new courses.",
            f'Write course_category = "the id of one" in [targets.{client.http.name}]',
        )


def _course_probes(course: str, setup: Setup, *, course_groups: bool) -> Iterator[_Probe]:
    def probe(capability: str, purpose: str, function: str, given: Any, *codes: str) -> _Probe:
        refusals = codes or ("nopermissions",)
        return _Probe(capability, purpose, function, given, needed=False, refusals=refusals)

    nobody = {"courseid": course, "userid": _NOBODY}
    enrolments = {"enrolments": [{**nobody, "roleid": setup.role}]}
    one = [{"name": "userfields", "value": "id"}, {"name": "limitnumber", "value": 1}]
    suspended = [*one, {"name": "onlysuspended", "value": 1}]
    yield probe(
        "moodle/course:view",
        "reading courses",
        LIST,
        {"options": {"ids": [course]}},
        "nopermissions",
        BAD_COURSE,
    )
    yield probe(
        "moodle/course:viewparticipants",
        "reading memberships",
        ENROLLED,
        {"courseid": course, "options": one},
    )
    yield probe(
        "moodle/course:enrolreview",
        "telling who is suspended in a course",
        ENROLLED,
        {"courseid": course, "options": suspended},
    )
    yield probe("enrol/manual:enrol", "creating memberships", ENROL, enrolments)
    yield probe(
        "moodle/role:assign",
        "giving the default role, which it must be allowed to assign",
        ENROL,
        enrolments,
        "wsusercannotassign",
    )
    yield probe("enrol/manual:unenrol", "deleting memberships", UNENROL, {"enrolments": [nobody]})
    yield probe("gradereport/user:view", "reading scores", GRADES, nobody)
    if course_groups:
        yield probe("moodle/course:managegroups", "course groups", GROUPS, {"courseid": course})


def _account(client: MoodleClient, functions: set[str], site: dict[str, Any]) -> Iterator[Finding]:
    if "core_user_get_users_by_field" not in functions:
        return
    rows = client.call(
        "core_user_get_users_by_field", {"field": "id", "values": [str(site.get("userid"))]}
    )
    auth = rows[0].get("auth") if rows else None
    if auth and auth != "manual":
        yield Finding(
            "warning",
            f"The service account logs in by {auth!r}; 'manual' does not depend on another system.",
            "Choose Manual accounts: Site administration > Users > Accounts > Browse list of "
            "users > the account > Choose an authentication method",
        )
    if site.get("userissiteadmin"):
        yield Finding(
            "warning",
            "The token belongs to a site administrator, who may do anything.",
            f"Make an account with a role of its own for Matricula ({_ROLES}), and a token of it",
        )


_VISIBLE = (
    ("username", "moodle/user:viewalldetails"),
    ("email", "moodle/site:viewuseridentity"),
)


def _fields(
    client: MoodleClient, functions: set[str], mapping: Mapping, site: dict[str, Any]
) -> Iterator[Finding]:
    """Look at the guest account, which every site has, for the fields that are shown."""
    if "core_user_get_users_by_field" not in functions:
        return
    rows = client.call("core_user_get_users_by_field", {"field": "id", "values": ["1"]})
    if not rows:
        yield Finding(
            "error",
            "The account sees no other user: it lacks the capability moodle/user:viewdetails.",
            f"Allow it in the account's system role: {_ROLES}",
        )
        return
    for field, capability in _VISIBLE:
        if field not in rows[0]:
            identity = " or the site setting Show user identity lacks it"
            yield Finding(
                "error",
                f"Users come without {field}: the account lacks the capability {capability}"
                f"{identity if field == 'email' else ''}.",
                f"Allow it in the account's system role: {_ROLES}",
            )
    phones = mapping.resource_type.find("phoneNumbers")
    if site.get("userissiteadmin") and phones is not None and phones.secret:
        yield Finding(
            "warning",
            "This account sees telephone numbers, but the target does not read them.",
            'Write show_user_identity = ["email", "phone1", "phone2"] in '
            f"[targets.{client.http.name}]",
        )


def _report(
    client: MoodleClient, functions: set[str], report: ChangeReport | None
) -> Iterator[Finding]:
    """Ask the report who has changed in the future: nobody, if its filter is there."""
    if report is None or not {SET_FILTERS, RETRIEVE} <= functions:
        return
    try:
        rows = report.rows(_NEVER, 0, 1)
    except Unusable as error:
        yield Finding("error", error.problem, f"{error.cure}{_reports(client, functions)}")
        return
    name = f"Report {report.id} ({rows.details['name']})"
    place = f"{EDITOR} > {rows.details['name']}"
    has_conditions = rows.details["conditiondata"] not in (None, "", "[]", "{}")
    if has_conditions:
        yield Finding(
            "warning",
            f"{name} has conditions: of people whom they leave out, suspended ones for example, "
            "quick exports see no change.",
            f"Reset all of them and take them away: {place} > Conditions",
        )
    if rows.total:
        yield Finding(
            "warning",
            f"{name} has no filter Time modified: quick exports read everybody each time.",
            f"Add it: {place} > Filters",
        )
    if not has_conditions and not rows.total:
        yield Finding("ok", f"{name} tells who has changed.")


def _reports(client: MoodleClient, functions: set[str]) -> str:
    """Return the reports that the account may view, as the end of a cure."""
    if REPORTS not in functions:
        return ""
    try:
        rows = client.call(REPORTS, {"page": 0, "perpage": 20})["reports"]
    except ScimError:
        return ""
    seen = ", ".join(f"{row['id']} ({row['name']})" for row in rows)
    return f". The account may view: {seen or 'none'}"
