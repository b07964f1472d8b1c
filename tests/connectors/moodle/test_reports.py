"""Who has changed since a moment, as a custom report of a Moodle tells."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.base import Collection
from connectors.moodle import Moodle, reports
from connectors.moodle.simulator import webservice
from connectors.vault import MemoryVault
from schemas.errors import ScimError
from tests.connectors.moodle.site import Joined, joined, options

SET, RETRIEVE = "core_reportbuilder_set_filters", "core_reportbuilder_retrieve_report"
READ = "core_user_get_users_by_field"
THEN = 1_790_000_000
"""All accounts are older, but for those that a test changes."""


@pytest.fixture
def moodle() -> Joined:
    made = joined(users=12, more={"report": 1})
    made.site.add_report(columns=("email", "username", "timemodified"))
    for user in made.site.users.values():
        user.timemodified = THEN - 1
    return made


def changed(users: Collection, since: int = THEN) -> list[str]:
    """Return the logins of who has changed since, in the order in which they come."""
    plan = users.changed(datetime.fromtimestamp(since, UTC))
    assert plan is not None
    return [one["userName"] for batch in users.stream(plan) for one in batch]


def touch(moodle: Joined, *ids: int, **values: Any) -> None:
    for id in ids:
        for name, value in {"timemodified": THEN, **values}.items():
            setattr(moodle.site.users[id], name, value)


def meanwhile(monkeypatch: pytest.MonkeyPatch, function: str, do: Callable[[], object]) -> None:
    """Let something happen after each call of a function."""
    run = webservice.FUNCTIONS[function]

    def then(*given: Any) -> Any:
        try:
            return run(*given)
        finally:
            do()

    monkeypatch.setitem(webservice.FUNCTIONS, function, then)


def test_nobody_takes_two_calls(moodle: Joined) -> None:
    assert changed(moodle.users) == []
    assert moodle.calls == [SET, RETRIEVE]


def test_who_has_changed_is_read_as_a_whole(moodle: Joined) -> None:
    touch(moodle, 6, 9, lastname="New")
    plan = moodle.users.changed(datetime.fromtimestamp(THEN, UTC))
    assert plan is not None
    (found,) = moodle.users.search(plan)
    assert moodle.calls == [SET, RETRIEVE, READ]
    assert found == moodle.users.fetch(["6", "9"])


def test_the_moment_itself_counts(moodle: Joined) -> None:
    touch(moodle, 6)
    touch(moodle, 7, timemodified=THEN - 1)
    assert changed(moodle.users) == ["user0002"]
    assert changed(moodle.users, THEN + 1) == []


def test_pages(moodle: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "ROWS", 3)
    touch(moodle, *range(5, 12))
    assert changed(moodle.users) == [f"user{number:04}" for number in range(1, 8)]
    assert moodle.calls == [SET, RETRIEVE, READ] * 3


def test_nobody_slips_past_the_pages(moodle: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "ROWS", 3)
    touch(moodle, *range(5, 17))
    retrieved = iter(range(100))

    def lose_two() -> None:
        # After the second page two of the first are gone, and two of the third stand on it.
        if next(retrieved) == 1:
            touch(moodle, 5, 6, deleted=True, email="0" * 32)

    meanwhile(monkeypatch, RETRIEVE, lose_two)
    found = changed(moodle.users)
    assert sorted(found) == [f"user{number:04}" for number in range(1, 13)]


def test_names_are_no_markup(moodle: Joined) -> None:
    moodle.site.settings.extended_usernames = True
    touch(moodle, 6, username="o'brien&sons")
    assert changed(moodle.users) == ["o'brien&sons"]


@pytest.mark.parametrize("values", [{"username": "A <spoilt> one"}, {"firstname": "A <b>tag</b>"}])
def test_a_spoilt_account_does_not_hide_the_others(moodle: Joined, values: dict[str, str]) -> None:
    touch(moodle, *range(5, 17))
    touch(moodle, 8, **values)
    assert len(changed(moodle.users)) == 11


def test_a_report_without_the_filter_gives_everybody(moodle: Joined) -> None:
    moodle.site.reports[1].filters = ()
    touch(moodle, 6)
    assert {f"user{number:04}" for number in range(1, 13)} < set(changed(moodle.users))


def test_the_column_is_found_by_its_heading(moodle: Joined) -> None:
    report = moodle.site.reports[1]
    report.headings = {"username": "Anmeldename"}
    touch(moodle, 6)
    with pytest.raises(ScimError, match="give it that heading") as refused:
        changed(moodle.users)
    assert refused.value.status == 502
    report.headings = {"username": "username"}
    assert changed(moodle.users) == ["user0002"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"shared": False}, "moodle/reportbuilder:view.*Audience"),
        ({"source": "core_role\\reportbuilder\\datasource\\roles"}, "source Users"),
    ],
)
def test_a_report_that_is_of_no_use(moodle: Joined, values: dict[str, Any], words: str) -> None:
    for name, value in values.items():
        setattr(moodle.site.reports[1], name, value)
    with pytest.raises(ScimError, match=words) as refused:
        changed(moodle.users)
    assert refused.value.status == 502


def test_a_report_that_is_gone(moodle: Joined) -> None:
    moodle.site.reports.clear()
    with pytest.raises(ScimError, match=r"no report 1.*targets\.moodle") as refused:
        changed(moodle.users)
    assert refused.value.status == 502


def test_two_at_once_do_not_mix(moodle: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits, once its filter is set, for the other one to set its own: that must not be."""
    both = threading.Barrier(2, timeout=0.1)
    vault = MemoryVault()
    users = [
        Moodle(options(moodle.simulator, more={"report": 1}, vault=vault)).collections["User"]
        for _ in range(2)
    ]
    touch(moodle, 6)
    touch(moodle, 7, timemodified=THEN + 10)
    call = reports.MoodleClient.call

    def slow(self: Any, function: str, parameters: Any = None) -> Any:
        answer = call(self, function, parameters)
        if function == SET:
            with suppress(threading.BrokenBarrierError):
                both.wait()
        return answer

    monkeypatch.setattr(reports.MoodleClient, "call", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(changed, users[0], THEN)
        second = pool.submit(changed, users[1], THEN + 10)
        assert first.result() == ["user0002", "user0003"]
        assert second.result() == ["user0003"]


def test_another_account_has_filters_of_its_own(moodle: Joined) -> None:
    touch(moodle, 6)
    own = options(moodle.simulator, token=moodle.site.admin_token, more={"report": 1})
    assert changed(Moodle(own).collections["User"], THEN + 1) == []
    assert moodle.site.reports[1].given.keys() == {2}
    assert changed(moodle.users) == ["user0002"]


def test_without_a_report_nobody_tells(moodle: Joined) -> None:
    plain = joined(users=1)
    assert plain.users.changed(datetime.fromtimestamp(THEN, UTC)) is None
    assert moodle["Group"].changed(datetime.fromtimestamp(THEN, UTC)) is None


@pytest.mark.parametrize("report", ["1", 0, -3, True, 1.0, [1]])
def test_a_setting_that_is_no_id(report: object) -> None:
    with pytest.raises(ValueError, match="the id of a custom report"):
        joined(more={"report": report})


def test_what_moves_the_time_of_change(moodle: Joined) -> None:
    users = moodle.users
    made = moodle.create(
        "User",
        {
            "userName": "ann",
            "name": {"givenName": "Ann", "familyName": "Doe"},
            "emails": [{"value": "ann@example.org", "type": "work"}],
        },
    )
    assert changed(users) == ["ann"]
    touch(moodle, int(made["id"]), timemodified=THEN - 1)
    moodle.change("User", made, active=False)
    assert changed(users) == ["ann"]
    # Cohorts, enrolments, preferences and custom fields are kept apart from the account.
    touch(moodle, int(made["id"]), timemodified=THEN - 1)
    moodle.create("Group", {"displayName": "G", "members": [{"value": made["id"]}]})
    moodle.site.add_course(shortname="C")
    moodle.create("Membership", {"userId": made["id"], "courseId": "2"})
    moodle.site.users[int(made["id"])].customfields["employeetype"] = "staff"
    assert changed(users) == []
