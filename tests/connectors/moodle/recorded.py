"""The recorded cases of a real Moodle 4.5.6, and a simulator prepared for each of them.

A case holds `caller` (gateway, low, administrator), `request` (form fields), `status`, `response`,
and under `given` what the site must hold before the call: `accounts` (keys of accounts.json),
`cohorts`, `settings`, rights of the token, and so on. For courses: `courses` of the 50 measured
ones, `more_courses`, `categories` in place of the measured ones, `groups`, `enrolments`,
`site_roles` (role and account), and `crowd`, which fills a course up to so many students. For
reports: `reports`, the `filters` that the service account has set on the first, how many `users`
the site begins with, and how many `people` more: of Physics, called Garcia, made at `CHANGED`.

A response that ends in `"... 35 in all"` was cut when it was recorded, and with `, counted` the
number is compared; `"..."` stands for a value of the measured machine. An object with the key
`"..."` was cut: only its other keys are compared. A case with `skip` is not replayed, for the
reason given.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from connectors.moodle.simulator import CustomField, Simulator, Site, create_simulator

FIXTURES = Path(__file__).parents[2] / "fixtures" / "moodle"
REST = "/webservice/rest/server.php"

CATEGORIES = (
    {"id": 1, "name": "Category 1", "timemodified": 1795211498},
    {"id": 2, "name": "Faculty of Science", "idnumber": "SCI", "timemodified": 1795212104},
    {"id": 3, "name": "Faculty of Arts", "idnumber": "ART", "timemodified": 1795212104},
)
MEASURED_COURSE: dict[str, Any] = {
    "summary": "S",
    "startdate": 1790000000,
    "enddate": 1800000000,
    "timecreated": 1795212104,
}

CHANGED = 1795212460

PROFILE_FIELDS = (
    CustomField("employeetype", "Employee type"),
    CustomField("costcenter", "Cost center", hidden=True),
    CustomField("isalumni", "Is alumni", type="checkbox"),
)


@cache
def load_cases() -> list[tuple[str, dict[str, Any]]]:
    """Return (function, case) of every recorded case."""
    return [
        (recorded["function"], case)
        for path in sorted(FIXTURES.glob("*.json"))
        if (recorded := json.loads(path.read_text(encoding="utf-8"))).get("cases")
        for case in recorded["cases"]
    ]


@cache
def load_accounts() -> dict[str, dict[str, Any]]:
    """Return the accounts that the measured site held, by key."""
    text = (FIXTURES / "accounts.json").read_text(encoding="utf-8")
    accounts: dict[str, dict[str, Any]] = json.loads(text)["accounts"]
    return accounts


def prepare(given: dict[str, Any]) -> Simulator:
    """Return a site like the measured one, in the state that a case starts from."""
    users = given.get("users", 60)
    simulator = create_simulator(users=users, custom_fields=PROFILE_FIELDS, site_name="LabMoodle")
    site = simulator.site
    low = {"id": 4, "username": "scimlow", "firstname": "Scimlow", "lastname": "Service"}
    site.add_user(**low, email="scimlow@example.org")
    for key in given.get("accounts", ()):
        site.add_user(**json.loads(json.dumps(load_accounts()[key])))
    for cohort in given.get("cohorts", ()):
        site.add_cohort(**{**cohort, "members": set(cohort.get("members", ()))})
    _prepare_courses(site, given)
    _prepare_reports(site, given)
    for name, value in given.get("settings", {}).items():
        setattr(site.settings, name, value)
    for name, value in given.get("service_account", {}).items():
        setattr(site.service_account, name, value)
    for name, value in given.get("token", {}).items():
        setattr(site.gateway, name, value)
    site.tokens[site.gateway.value] = site.gateway
    site.next_user_id = given.get("next_user_id", site.next_user_id)
    site.next_cohort_id = given.get("next_cohort_id", site.next_cohort_id)
    site.next_course_id = given.get("next_course_id", site.next_course_id)
    site.next_group_id = given.get("next_group_id", site.next_group_id)
    return simulator


def _prepare_courses(site: Site, given: dict[str, Any]) -> None:
    """Put the measured categories and courses on a site, with those who take part."""
    if "categories" in given:
        site.categories.clear()
        site.next_category_id = 1
    for category in given.get("categories", CATEGORIES):
        site.add_category(**category)
    main = site.courses[1]
    main.shortname, main.timecreated, main.timemodified = "lab", 1795211498, 1795211525
    for number in range(1, given.get("courses", 0) + 1):
        site.add_course(
            **MEASURED_COURSE,
            shortname=f"CRS{number:03}",
            fullname=f"Course {number:02} Title",
            category=2 + number % 2,
            idnumber=f"SISC-{number:03}",
        )
    for course in given.get("more_courses", ()):
        site.add_course(**course)
    for enrolment in given.get("enrolments", ()):
        values = dict(enrolment)
        course, user, roles = (values.pop(name) for name in ("course", "user", "roles"))
        site.enrol(course, user, *roles, **values)
    for course, size in given.get("crowd", {}).items():
        for number in range(size - len(site.courses[int(course)].enrolments)):
            names = {"username": f"c{course}n{number}", "firstname": "Ann", "lastname": "Zzz"}
            site.enrol(int(course), site.add_user(**names, id=5000 + number).id)
    for group in given.get("groups", ()):
        site.add_group(**{**group, "members": set(group.get("members", ()))})
    for role, user in given.get("site_roles", ()):
        site.give_role(role, user)


def _prepare_reports(site: Site, given: dict[str, Any]) -> None:
    """Make the reports and those who stand in them; the site's own accounts are older."""
    if "reports" not in given:
        return
    for user in (site.users[2], site.users[3], site.users[4]):
        user.timecreated = user.timemodified = CHANGED - 3600
    for number in range(given.get("people", 0)):
        names = {"username": f"z{number:04}", "firstname": "Ann", "lastname": "Garcia"}
        site.add_user(**names, department="Physics", timecreated=CHANGED)
    for report in given["reports"]:
        site.add_report(**report)
    site.reports[1].given[site.service_account.id] = given.get("filters", {})


def replay(function: str, case: dict[str, Any]) -> TestResponse:
    """Send a recorded request to a prepared site and return its answer."""
    given = case.get("given", {})
    simulator = prepare(given)
    site = simulator.site
    fields = dict(case["request"])
    if function != "protocol_errors":
        protocol = {"wstoken": "<token>", "wsfunction": function, "moodlewsrestformat": "json"}
        fields = {**protocol, **fields}
    token = site.token
    if case["caller"] == "administrator":
        token = site.admin_token
    elif case["caller"] == "low":
        rights = {"webservice/rest:use", *given.get("capabilities", ())}
        token = site.add_token("scimlow", capabilities=rights)
    if "password" in given:
        site.set_password(site.service_account, given["password"])

    def fill(value: Any) -> Any:
        return value.replace("<token>", token) if isinstance(value, str) else value

    client = simulator.test_client()
    path = given.get("path", REST)
    sent = {name: fill(value) for name, value in fields.items()}
    headers = {name: fill(value) for name, value in given.get("headers", {}).items()}
    query = {name: fill(value) for name, value in given.get("query", {}).items()}
    for _ in range(given.get("repeat", 1)):
        if given.get("method") == "GET":
            answer = client.get(path, query_string={**query, **sent}, headers=headers)
        elif "json" in given:
            answer = client.post(path, json=given["json"], query_string=query, headers=headers)
        else:
            answer = client.post(path, data=sent, query_string=query, headers=headers)
    return answer
