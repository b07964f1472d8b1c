"""The set-up check names what is missing, by Learn's own names."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Finding
from connectors.blackboard import Blackboard
from connectors.blackboard.simulator.entitlements import ALL
from tests.connectors.blackboard.joined import Joined, joined, options


def findings(blackboard: Joined) -> list[Finding]:
    return list(blackboard.connector.check())


def test_all_is_well() -> None:
    found = findings(joined(users=1, sees_system_admins=True))
    assert {finding.level for finding in found} == {"ok"}
    text = " ".join(finding.text for finding in found)
    assert "3900.123.0" in text
    assert "of 10000 calls are left" in text


@pytest.mark.parametrize(
    "entitlement",
    [
        *("system.user.CREATE", "system.user.properties.MODIFY", "system.user.DELETE"),
        *("system.institutionrole.VIEW", "system.systemrole.manager.VIEW"),
        *("system.datasource.manager.VIEW", "observer.associations.VIEW"),
        *("system.observer_user.CREATE", "system.observer_user.DELETE"),
    ],
)
def test_a_missing_entitlement_is_named(entitlement: str) -> None:
    found = findings(joined(users=1, entitlements=ALL - {entitlement}))
    (error,) = [finding for finding in found if finding.level == "error"]
    assert entitlement in error.cure
    assert "System Roles" in error.cure


def test_the_check_changes_nothing() -> None:
    blackboard = joined(users=2, courses=1)
    before = [dict(user.body) for user in blackboard.site.users.values()]
    findings(blackboard)
    assert [dict(user.body) for user in blackboard.site.users.values()] == before
    assert len(blackboard.site.courses) == 1


@pytest.mark.parametrize("login", ["administrator", "root"])
def test_administrators_may_be_missing(login: str) -> None:
    (warning,) = [f for f in findings(with_first_administrator(login)) if f.level == "warning"]
    assert "SystemAdmin" in warning.text


@pytest.mark.parametrize("login", ["administrator", "root"])
def test_one_administrator_proves_that_all_are_listed(login: str) -> None:
    found = findings(with_first_administrator(login, sees_system_admins=True))
    assert "Users who hold SystemAdmin are listed too." in [finding.text for finding in found]
    assert {finding.level for finding in found} == {"ok"}


def with_first_administrator(login: str, **settings: Any) -> Joined:
    """Return a site whose first administrator has that login."""
    blackboard = joined(**settings)
    administrator = blackboard.site.users.find("userName", "administrator")
    assert administrator is not None
    administrator.body["userName"] = login
    return blackboard


def test_little_of_the_budget_is_a_warning() -> None:
    found = findings(joined(daily_limit=40, sees_system_admins=True))
    (warning,) = [finding for finding in found if finding.level == "warning"]
    assert "of 40 calls are left for today" in warning.text
    assert "reserve" in warning.cure


@pytest.mark.parametrize(
    ("version", "level"),
    [((3900, 64, 0), "warning"), ((3900, 65, 0), "ok"), ((4000, 1, 0), "ok")],
)
def test_an_old_release_is_a_warning(version: tuple[int, int, int], level: str) -> None:
    found = findings(joined(version=version, sees_system_admins=True))[0]
    assert found.level == level
    assert ".".join(map(str, version)) in found.text


def test_wrong_credentials_end_the_check() -> None:
    blackboard = joined()
    given = options(blackboard.simulator, more={"client_secret": "wrong"})
    (error,) = Blackboard(given).check()
    assert error.level == "error"
    assert "client_secret" in error.cure
