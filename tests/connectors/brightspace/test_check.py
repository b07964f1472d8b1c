"""The set-up check names what is missing, by Brightspace's own names."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Finding
from connectors.brightspace import Brightspace
from connectors.brightspace.simulator.routes import PERMISSIONS
from connectors.brightspace.simulator.scopes import CORE
from tests.connectors.brightspace.joined import Joined, joined, options


def findings(brightspace: Joined) -> list[Finding]:
    return list(brightspace.connector.check())


def errors(brightspace: Joined) -> list[Finding]:
    return [finding for finding in findings(brightspace) if finding.level == "error"]


def test_all_is_well() -> None:
    found = findings(joined(users=9))
    assert {finding.level for finding in found} == {"ok"}
    text = " ".join(finding.text for finding in found)
    for part in ("svc.scim", "lp 1.62, le 1.96", "103 is the role End User", "credits of this"):
        assert part in text


@pytest.mark.parametrize(
    ("permission", "scope"),
    [
        ("Users.Create", "users:userdata:create"),
        ("Users.Edit", "users:userdata:update"),
        ("Users.Delete", "users:userdata:delete"),
        ("Users.Activate", "users:activation:update"),
        ("Users.Password", "users:password:write"),
        ("Courses.Create", "orgunits:course:create"),
        ("Courses.Edit", "orgunits:course:update"),
        ("Enrollments.Unenroll", "enrollment:orgunit:delete"),
    ],
)
def test_a_missing_permission_is_named(permission: str, scope: str) -> None:
    assert permission in PERMISSIONS
    (error,) = errors(joined(users=1, denied=[permission]))
    assert permission in error.text
    assert scope in error.cure


def with_scope(granted: str, **more: Any) -> Joined:
    """Return a connector whose consent was to less than what the target asks for."""
    made = joined(users=1)
    given = options(made.simulator, more={**more, "refresh_token": made.site.consent(granted)})
    return Joined(Brightspace(given), made.simulator)


def test_a_missing_scope_is_named() -> None:
    brightspace = with_scope("users:*:* role:detail:read")
    found = findings(brightspace)
    (warning,) = [finding for finding in found if finding.level == "warning"]
    assert "core:*:* enrollment:orgunit:create" in warning.text
    cures = " ".join(finding.cure for finding in found if finding.level == "error")
    assert "orgunits:course:create" in cures
    assert "users:userdata:create" not in cures


def test_the_core_scope_does_not_open_batches() -> None:
    (error,) = errors(with_scope(CORE))
    assert "batches" in error.text


def test_a_slip_in_the_scope_is_corrected_with_a_notice() -> None:
    brightspace = joined(users=9, more={"scope": "core:*.* enrollment:*:*"})
    (warning,) = [finding for finding in findings(brightspace) if finding.level == "warning"]
    assert "core:*.*" in warning.text
    assert "core:*:*" in warning.text
    assert "core%3A%2A%3A%2A" in brightspace.connector.authorize_url("https://a.example", "s", "c")


@pytest.mark.parametrize("entry", ["config", "default_course_role"])
def test_an_unknown_role_is_refused_with_the_list(entry: str) -> None:
    value: Any = {"roleId": 999} if entry == "config" else 999
    (error,) = errors(joined(users=1, more={entry: value}))
    assert "999" in error.text
    assert "103 End User" in error.cure
    assert "110 Learner" in error.cure


def test_no_role_is_a_warning_with_the_list() -> None:
    found = findings(joined(users=9, more={"config": {}}))
    (warning,) = [finding for finding in found if finding.level == "warning"]
    assert "config.roleId" in warning.text
    assert "103 End User" in warning.cure


@pytest.mark.parametrize("member", ["OrgDefinedId", "ExternalEmail"])
def test_what_is_hidden_and_would_be_cleared_is_told(member: str) -> None:
    found = findings(joined(users=9, hidden=[member]))
    (warning,) = [finding for finding in found if finding.level == "warning"]
    assert member in warning.text


def test_few_credits_are_a_warning() -> None:
    found = findings(joined(users=9, credits_per_minute=1100))
    assert [f.level for f in found if "credits of this minute are left" in f.text] == ["warning"]


def test_a_site_that_does_not_limit_is_said() -> None:
    texts = [finding.text for finding in findings(joined(users=9, rate_limited=False))]
    assert "Brightspace does not limit the application's calls." in texts


def test_the_check_changes_nothing() -> None:
    brightspace = joined(users=2, courses=1)
    site = brightspace.site
    before = [user.user_name for user in site.users.values()], len(site.units)
    findings(brightspace)
    assert ([user.user_name for user in site.users.values()], len(site.units)) == before


def test_a_lost_authorization_ends_the_check() -> None:
    brightspace = joined()
    brightspace.site.tokens.withdraw()
    (error,) = findings(brightspace)
    assert error.level == "error"
    assert "matricula connect" in error.text


def test_a_missing_version_ends_the_check() -> None:
    (error,) = findings(joined(versions={"lp": ("1.62",), "le": ("1.75",)}))
    assert "API le from 1.82" in error.text
    assert "D2L" in error.cure


def test_a_ping_is_one_call() -> None:
    brightspace = joined()
    brightspace.connector.ping()
    brightspace.forget()
    brightspace.connector.ping()
    assert brightspace.calls == ["GET lp/users/whoami"]
    brightspace.connector.close()


def test_an_account_that_may_not_see_itself_answers_all_the_same() -> None:
    brightspace = with_scope("users:userdata:read role:detail:read")
    brightspace.connector.ping()
    assert "may not see itself" in " ".join(finding.text for finding in findings(brightspace))
