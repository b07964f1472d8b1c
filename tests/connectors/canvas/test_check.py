"""The set-up check names what is missing, by Canvas's own names."""

from __future__ import annotations

import time

import pytest

from connectors.base import Finding
from connectors.canvas import Canvas
from connectors.canvas.check import NEEDED
from connectors.canvas.simulator import permissions
from tests.connectors.canvas.joined import joined, options

DAY = 86_400.0


def findings(canvas: Canvas) -> list[Finding]:
    return list(canvas.check())


def with_token(token: str, site: object) -> list[Finding]:
    return findings(Canvas(options(site, token=token)))  # type: ignore[arg-type]


def errors(found: list[Finding]) -> str:
    return " ".join(one.text for one in found if one.level == "error")


def test_an_administrators_token_is_well_and_said_to_have_no_end() -> None:
    found = findings(joined(users=3).connector)
    assert not errors(found)
    warnings = [one for one in found if one.level == "warning"]
    assert ["never ends" in one.text for one in warnings] == [True]
    assert "administrator's of 'Example University'" in " ".join(one.text for one in found)


def test_a_token_that_others_use_up_is_a_warning() -> None:
    found = findings(joined(users=3, high_water_mark=190).connector)
    (warning,) = [one for one in found if "units of calls" in one.text]
    assert warning.level == "warning"
    assert "connections = 4 in [targets.canvas]" in warning.cure


@pytest.mark.parametrize("right", sorted(permissions.ALL))
def test_a_missing_right_is_named(right: str) -> None:
    canvas = joined(users=3)
    held = permissions.ALL - {right}
    found = with_token(canvas.site.add_token(1, permissions=held), canvas.simulator)
    named = [one for one in found if right in one.text and one.cure]
    if right in NEEDED:
        assert [one.level for one in named] == ["error"]
    elif named:
        assert {one.level for one in named} == {"warning"}


@pytest.mark.parametrize(("allowed", "level"), [(True, "ok"), (False, "warning")])
def test_imports_are_looked_at_where_they_are_configured(allowed: bool, level: str) -> None:
    canvas = joined(users=3, more={"sis_import": True}, allow_sis_import=allowed)
    (found,) = [one for one in findings(canvas.connector) if "SIS import" in one.text]
    assert (found.level, bool(found.cure)) == (level, not allowed)
    assert not [one for one in findings(joined().connector) if "SIS import" in one.text]


def test_the_right_to_import_is_missed_where_it_is_configured() -> None:
    canvas = joined(users=3)
    token = canvas.site.add_token(1, permissions=permissions.ALL - {"import_sis"})
    given = options(canvas.simulator, token=token, more={"sis_import": True})
    (found,) = [one for one in findings(Canvas(given)) if "import_sis" in one.text]
    assert found.level == "warning"
    assert "import_sis" in found.cure


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_no_administrators_is_refused(status: int) -> None:
    canvas = joined(users=3, denied_status=status)
    found = with_token(canvas.site.add_token(1001, permissions=()), canvas.simulator)
    assert all(right in errors(found) for right in NEEDED)


@pytest.mark.parametrize(("days", "level"), [(3, "warning"), (14, "warning"), (90, "ok")])
def test_a_token_that_ends_soon_alarms(days: int, level: str) -> None:
    canvas = joined()
    token = canvas.site.add_token(1, expires_at=time.time() + days * DAY + 3600)
    found = [one for one in with_token(token, canvas.simulator) if "token ends" in one.text]
    assert [one.level for one in found] == [level]
    assert f"in {days} days" in found[0].text


def test_a_token_that_is_not_valid_is_named_and_shows_nowhere() -> None:
    canvas = joined()
    expired = canvas.site.add_token(1, expires_at=time.time() - DAY)
    for token in ("1~nonsense-that-is-secret", expired):
        found = with_token(token, canvas.simulator)
        assert [one.level for one in found] == ["error"]
        assert "Approved Integrations" in found[0].cure
        assert token not in str(found)
    assert len([call for call in canvas.calls if "/tokens/" in call]) == 0


def test_only_the_hint_of_the_token_is_in_an_address() -> None:
    canvas = joined()
    findings(canvas.connector)
    (asked,) = [call for call in canvas.calls if "/tokens/" in call]
    assert len(asked.rpartition("/")[2]) == 5
