"""The set-up check names what is missing, and leaves the site as it was.

It cannot see `moodle/cohort:assign`: Moodle takes `moodle/cohort:manage` instead wherever Matricula
needs it. Without `webservice/rest:use` no function runs, so that is named as a whole.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from connectors.base import Finding
from connectors.moodle import Moodle
from connectors.moodle.check import FUNCTIONS, OPTIONAL, PARTS
from tests.connectors.moodle.site import Joined, joined, options


@pytest.fixture
def moodle() -> Joined:
    return joined(users=3, cohorts=1)


WITH_GROUPS = {"groups": ["cohort", "courseGroup"]}


def kept(moodle: Joined) -> tuple[Any, ...]:
    """Return all that the site keeps."""
    site = moodle.site
    return site.users, site.cohorts, site.courses, site.groups, site.contexts, site.mails


def findings(moodle: Joined, **given: Any) -> list[Finding]:
    if not given:
        return list(moodle.connector.check())
    return list(Moodle(options(moodle.simulator, **given)).check())


def problems(moodle: Joined, **given: Any) -> list[Finding]:
    return [finding for finding in findings(moodle, **given) if finding.level != "ok"]


def only(moodle: Joined, level: str, *words: str, **given: Any) -> None:
    """Check that exactly one problem is found, of that level and with these words."""
    found = problems(moodle, **given)
    assert [finding.level for finding in found] == [level], found
    for word in words:
        assert word in found[0].text + found[0].cure


def test_a_site_that_is_set_up_has_nothing_to_complain_of(moodle: Joined) -> None:
    assert {f.level for f in findings(moodle)} == {"ok"}
    assert "4.5.6" in findings(moodle)[0].text
    assert "scimgw" in findings(moodle)[0].text


@pytest.mark.parametrize("debug", [True, False])
def test_probing_has_no_effect(debug: bool) -> None:
    more = {**WITH_GROUPS, "report": 1}
    moodle = joined(users=3, cohorts=2, courses=2, more=more, debug=debug)
    moodle.site.add_report()
    before = deepcopy(kept(moodle))
    findings(moodle)
    assert kept(moodle) == before


@pytest.mark.parametrize("function", sorted(FUNCTIONS.keys() - {"core_webservice_get_site_info"}))
def test_a_missing_function_is_named(moodle: Joined, function: str) -> None:
    moodle.site.gateway.functions.discard(function)
    only(moodle, "error", function, "External services")


@pytest.mark.parametrize("function", sorted(OPTIONAL))
def test_a_missing_function_that_is_rarely_needed_is_a_warning(
    moodle: Joined, function: str
) -> None:
    moodle.site.gateway.functions.discard(function)
    only(moodle, "warning", function)


def test_all_missing_functions_are_named_at_once(moodle: Joined) -> None:
    moodle.site.gateway.functions.intersection_update({"core_webservice_get_site_info"})
    texts = " ".join(finding.text for finding in problems(moodle))
    assert all(
        function in texts
        for function in (FUNCTIONS | OPTIONAL).keys() - {"core_webservice_get_site_info"}
    )


@pytest.mark.parametrize(
    "capability",
    [
        "moodle/user:create",
        "moodle/user:update",
        "moodle/user:viewalldetails",
        "moodle/site:viewuseridentity",
        "moodle/cohort:manage",
    ],
)
def test_a_missing_capability_is_named(moodle: Joined, capability: str) -> None:
    moodle.site.gateway.capabilities.discard(capability)
    only(moodle, "error", capability, "Define roles")


def test_the_right_to_delete_is_missed_by_a_warning(moodle: Joined) -> None:
    moodle.site.gateway.capabilities.discard("moodle/user:delete")
    only(moodle, "warning", "moodle/user:delete")


def test_the_right_to_see_people_is_named(moodle: Joined) -> None:
    moodle.site.gateway.capabilities.discard("moodle/user:viewdetails")
    only(moodle, "error", "moodle/user:viewdetails")


def test_the_right_to_see_groups_is_named(moodle: Joined) -> None:
    moodle.site.gateway.capabilities -= {"moodle/cohort:view", "moodle/cohort:manage"}
    texts = " ".join(finding.text for finding in problems(moodle))
    assert "moodle/cohort:view" in texts
    assert "moodle/cohort:manage" in texts


def test_all_missing_capabilities_are_named_at_once(moodle: Joined) -> None:
    moodle.site.gateway.capabilities.intersection_update({"webservice/rest:use"})
    texts = " ".join(finding.text for finding in problems(moodle))
    for capability in ("user:create", "user:update", "user:delete", "user:viewdetails",
                       "cohort:view", "cohort:manage"):  # fmt: skip
        assert f"moodle/{capability}" in texts


def test_an_address_that_the_site_does_not_show_is_named(moodle: Joined) -> None:
    moodle.site.settings.show_user_identity = ()
    only(moodle, "error", "email", "Show user identity")


def test_no_right_to_the_protocol(moodle: Joined) -> None:
    moodle.site.gateway.capabilities.discard("webservice/rest:use")
    assert [finding.level for finding in problems(moodle)] == ["error"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"web_services": False}, ["403", "Enable web services"]),
        ({"rest_protocol": False}, ["403", "REST protocol"]),
        ({"maintenance": "site"}, ["maintenance", "Site administration"]),
    ],
)
def test_a_switch_that_is_off_is_named(
    moodle: Joined, settings: dict[str, Any], words: list[str]
) -> None:
    for name, value in settings.items():
        setattr(moodle.site.settings, name, value)
    only(moodle, "error", *words)


def test_maintenance_from_the_command_line(moodle: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    moodle.site.settings.maintenance = "offline"
    only(moodle, "error", "maintenance")


def test_a_wrong_token(moodle: Joined) -> None:
    only(moodle, "error", "does not know the token", "Manage tokens", token="wrong")


@pytest.mark.parametrize("release", ["4.4.12 (Build: 20250811)", "3.11+", "2.9"])
def test_an_old_release_is_a_warning(moodle: Joined, release: str) -> None:
    moodle.site.settings.release = release
    only(moodle, "warning", release, "4.5")


@pytest.mark.parametrize("release", ["4.5 (Build: 20241007)", "5.0.1", "10.0", "unheard of"])
def test_a_release_that_is_supported_or_unknown_is_well(moodle: Joined, release: str) -> None:
    moodle.site.settings.release = release
    assert problems(moodle) == []


def test_a_wrong_address(moodle: Joined) -> None:
    only(moodle, "error", "no Moodle web service", url="http://moodle.test/other")


def test_a_service_that_is_off(moodle: Joined) -> None:
    moodle.site.gateway.service_enabled = False
    only(moodle, "error", "service", "External services")


def test_the_site_information_not_in_the_service(moodle: Joined) -> None:
    moodle.site.gateway.functions.discard("core_webservice_get_site_info")
    only(moodle, "error", "core_webservice_get_site_info")


def test_a_suspended_service_account(moodle: Joined) -> None:
    moodle.site.service_account.suspended = True
    only(moodle, "error", "service account is suspended")


def test_an_account_of_another_login_method(moodle: Joined) -> None:
    moodle.site.service_account.auth = "ldap"
    only(moodle, "warning", "ldap", "manual")


def test_a_site_administrators_token(moodle: Joined) -> None:
    texts = " ".join(f.text for f in problems(moodle, token=moodle.site.admin_token))
    assert "site administrator" in texts


def test_trouble_in_the_middle_is_a_finding(
    moodle: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    moodle.simulator.faults.add("html", match="core_user_get_users_by_field", times=9)
    assert {f.level for f in problems(moodle)} == {"error"}
    assert "not JSON" in problems(moodle)[0].text


@pytest.fixture
def school() -> Joined:
    made = joined(users=3, courses=1, more={**WITH_GROUPS, "report": 1})
    made.site.add_report()
    return made


def test_a_site_that_is_set_up_for_courses_has_nothing_to_complain_of(school: Joined) -> None:
    assert {f.level for f in findings(school)} == {"ok"}


def test_a_site_that_only_wants_users_is_told_no_errors(school: Joined) -> None:
    school.site.gateway.functions.intersection_update((FUNCTIONS | OPTIONAL).keys())
    found = problems(school)
    assert [finding.level for finding in found] == ["warning"] * len(PARTS)
    for finding, (part, functions) in zip(found, PARTS.items(), strict=True):
        assert finding.text.startswith(part.capitalize())
        assert all(function in finding.text for function in functions)


def test_course_groups_are_looked_at_where_they_are_on() -> None:
    moodle = joined(users=3, courses=1)
    moodle.site.gateway.functions.discard("core_group_create_groups")
    moodle.site.gateway.capabilities.discard("moodle/course:managegroups")
    assert problems(moodle) == []


@pytest.mark.parametrize(
    ("capability", "part"),
    [
        ("moodle/course:view", "reading courses"),
        ("moodle/course:create", "creating courses"),
        ("moodle/course:update", "changing"),
        ("moodle/course:viewparticipants", "memberships"),
        ("moodle/course:enrolreview", "suspended"),
        ("moodle/course:managegroups", "course groups"),
        ("enrol/manual:enrol", "creating memberships"),
        ("enrol/manual:unenrol", "deleting memberships"),
        ("moodle/role:assign", "default role"),
        ("gradereport/user:view", "scores"),
    ],
)
def test_a_capability_for_courses_is_missed_by_a_warning(
    school: Joined, capability: str, part: str
) -> None:
    school.site.gateway.capabilities.discard(capability)
    only(school, "warning", capability, part, "Define roles")


def test_a_category_that_is_not_there_is_named() -> None:
    only(joined(more={"course_category": "99"}), "warning", "99", "course_category")


def test_without_a_report_nothing_is_asked_of_one(moodle: Joined) -> None:
    moodle.site.gateway.functions -= set(PARTS["quick exports"])
    moodle.site.gateway.capabilities.discard("moodle/reportbuilder:view")
    assert problems(moodle) == []


def test_a_report_that_tells_who_has_changed(school: Joined) -> None:
    school.site.reports[1].headings = {"timemodified": "Changed"}
    assert findings(school)[-1] == Finding("ok", "Report 1 (Changed users) tells who has changed.")


def test_a_report_that_the_account_may_not_view(school: Joined) -> None:
    school.site.reports[1].shared = False
    only(school, "error", "moodle/reportbuilder:view", "Audience", "may view: none")


def test_a_report_that_does_not_exist() -> None:
    moodle = joined(more={"report": 7})
    moodle.site.add_report("Who?")
    only(moodle, "error", "no report 7", "report =", "[targets.moodle]", "may view: 1 (Who?)")


@pytest.mark.parametrize(
    ("values", "level", "words"),
    [
        ({"columns": ("email",)}, "error", ["no column Username", "heading"]),
        ({"filters": ()}, "warning", ["everybody", "Add it", "Changed users > Filters"]),
        (
            {"conditiondata": '{"user:suspended_operator":2}'},
            "warning",
            ["suspended", "Reset", "Conditions"],
        ),
        (
            {"source": "core_role\\reportbuilder\\datasource\\roles"},
            "error",
            ["on Roles", "source Users"],
        ),
    ],
)
def test_a_report_that_lacks_something(
    school: Joined, values: dict[str, Any], level: str, words: list[str]
) -> None:
    for name, value in values.items():
        setattr(school.site.reports[1], name, value)
    only(school, level, *words)
