"""Accounts made by SIS import: what one by one would make, in the calls of one import."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.canvas.imports import FEW
from connectors.canvas.reports import Reports
from connectors.mapping import Resource
from connectors.rehearsal import Rehearsal
from schemas.errors import ScimError
from schemas.user import LMS_USER
from tests.connectors import operations
from tests.connectors.canvas.joined import Joined, joined
from tests.connectors.operations import TICKET

COUNT = FEW + 3


def importing(**settings: Any) -> Joined:
    return joined(users=5, more={"sis_import": True, "sis_import_wait": 0.3}, **settings)


@pytest.fixture
def canvas() -> Joined:
    return importing()


def person(number: int, **more: Any) -> Resource:
    names = {"givenName": f"Zoë {number}", "familyName": 'O"Neil Jr.'}
    mail = {"type": "work", "value": f"p{number}@example.edu", "primary": True}
    plain = {"userName": f"p{number}", "externalId": f"E-{number}", "name": names}
    return {**plain, "emails": [mail], **more}


def people(count: int = COUNT) -> list[Resource]:
    return [person(number) for number in range(count)]


def made(canvas: Joined, resources: Sequence[Resource]) -> list[Resource | ScimError]:
    canvas.forget()
    users = canvas["User"]
    fitted = [operations.fitted(users, resource) for resource in resources]
    return list(operations.create_many(users, fitted))


def shown(canvas: Joined, outcomes: Sequence[Any]) -> list[Any]:
    """Return what has become of writes as the site shows it, without ids and moments."""
    found = []
    for outcome in outcomes:
        if isinstance(outcome, ScimError):
            found.append((outcome.status, outcome.scim_type))
            continue
        held = canvas["User"].get(outcome["id"])
        assert held is not None
        canvas["User"].complete([held], canvas["User"].mapping.whole)
        for resource in (held, outcome):
            resource.pop("id")
            resource.pop("meta", None)
            resource.pop(LMS_USER, None)
        found.append((held, {name: outcome[name] for name in outcome if name != "timezone"}))
    return found


def imports(canvas: Joined) -> int:
    return sum(call.startswith("POST accounts/self/sis_imports") for call in canvas.calls)


def posts(canvas: Joined) -> int:
    return canvas.calls.count("POST accounts/self/users")


def test_one_import_makes_what_single_calls_would() -> None:
    several = [
        *people(),
        person(50, active=False),
        person(51, userType="staff"),
        person(52, name={"formatted": "Mary Ann Evans"}, displayName="George"),
        person(53, name={"familyName": "Plato"}),
        person(54, emails=[]),
        person(55, userName="Ünal.O'Brien@example.edu", externalId='x"1;2'),
    ]
    seen = []
    for canvas in (importing(), joined(users=5)):
        outcomes = made(canvas, several)
        seen.append(shown(canvas, outcomes))
        assert [outcome for outcome in outcomes if isinstance(outcome, ScimError)] == []
    assert seen[0] == seen[1]


def test_the_calls_of_an_import_do_not_grow_with_the_accounts(canvas: Joined) -> None:
    made(canvas, people())
    few = len(canvas.calls)
    made(canvas, [person(number) for number in range(100, 190)])
    # A report of the logins, the import, looks at both, the newest accounts.
    assert len(canvas.calls) == few == 7
    assert (imports(canvas), posts(canvas)) == (1, 0)


def test_more_than_a_page_of_accounts_is_found_again(canvas: Joined) -> None:
    outcomes = made(canvas, people(230))
    assert {one["userName"] for one in outcomes if isinstance(one, dict)} == {
        f"p{number}" for number in range(230)
    }
    assert len(canvas.calls) == 9


def test_few_are_made_one_by_one(canvas: Joined) -> None:
    made(canvas, people(FEW - 1))
    assert (imports(canvas), posts(canvas), len(canvas.calls)) == (0, FEW - 1, FEW - 1)


@pytest.mark.parametrize(
    "more",
    [
        {"timezone": "Europe/Berlin"},
        {"password": "Never-In-A-File-1"},
        {"externalId": None},
        {LMS_USER: {"observers": [{"value": "1001"}]}},
    ],
)
def test_what_a_file_cannot_hold_goes_singly(canvas: Joined, more: Resource) -> None:
    odd = {name: value for name, value in person(99, **more).items() if value is not None}
    outcomes = made(canvas, [odd, *people()])
    assert next(one["userName"] for one in outcomes if isinstance(one, dict)) == "p99"
    assert (imports(canvas), posts(canvas)) == (1, 1)
    (row,) = canvas.site.imports.values()
    assert all("Never-In-A-File" not in content for content in row.files.values())


class TestTaken:
    """An import changes whoever has the SIS id, or the login without one: nobody may have them."""

    @pytest.mark.parametrize("external", ["E-1", "other", None])
    def test_an_account_of_that_name_stays_as_it_is(
        self, canvas: Joined, external: str | None
    ) -> None:
        names = {"name": {"givenName": "Here", "familyName": "Before"}}
        there = person(1, **names, externalId=external)
        held = canvas.create("User", {n: v for n, v in there.items() if v is not None})
        outcomes = made(canvas, people())
        refused = [one for one in outcomes if isinstance(one, ScimError)]
        assert [(one.status, one.scim_type) for one in refused] == [(409, "uniqueness")]
        assert canvas.read("User", held["id"])["name"]["givenName"] == "Here"
        assert canvas.read("User", held["id"]).get("externalId") == external

    def test_who_was_deleted_comes_back_as_by_a_single_create(self) -> None:
        seen = []
        for canvas in (importing(), joined(users=5)):
            gone = canvas.create("User", person(1))
            canvas["User"].delete(TICKET, gone["id"])
            outcomes = made(canvas, people())
            seen.append(shown(canvas, outcomes))
        assert seen[0] == seen[1]

    def test_who_takes_a_name_meanwhile_keeps_it(
        self, canvas: Joined, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        logins = Reports.logins

        def and_then(reports: Reports, **asked: bool) -> Any:
            found = logins(reports, **asked)
            canvas.create("User", person(1, externalId="quick"))
            return found

        monkeypatch.setattr(Reports, "logins", and_then)
        outcomes = made(canvas, people())
        (refused,) = [one for one in outcomes if isinstance(one, ScimError)]
        assert (refused.status, refused.unknown) == (400, False)
        assert "quick" in refused.detail
        assert len(outcomes) == COUNT

    def test_who_is_refused_with_all_others_is_told_so(
        self, canvas: Joined, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = [canvas.create("User", person(n, externalId=f"Q-{n}")) for n in range(COUNT)]
        monkeypatch.setattr(Reports, "logins", lambda reports, **asked: [])
        outcomes = made(canvas, people())
        (row,) = canvas.site.imports.values()
        assert row.state == "failed_with_messages"
        refused = [one for one in outcomes if isinstance(one, ScimError)]
        assert [(one.status, one.unknown) for one in refused] == [(400, False)] * COUNT
        assert [canvas.read("User", one["id"])["externalId"] for one in there] == [
            f"Q-{n}" for n in range(COUNT)
        ]


class TestNotToBeHad:
    def test_a_site_without_imports_is_asked_once(self) -> None:
        canvas = importing(allow_sis_import=False)
        assert all(isinstance(one, dict) for one in made(canvas, people()))
        assert (imports(canvas), posts(canvas)) == (1, COUNT)
        made(canvas, [person(number) for number in range(100, 100 + COUNT)])
        assert len(canvas.calls) == COUNT

    def test_without_a_report_nobody_knows_what_is_taken(self, canvas: Joined) -> None:
        canvas.simulator.faults.add("status", status=403, match="/reports")
        assert all(isinstance(one, dict) for one in made(canvas, people()))
        assert (imports(canvas), posts(canvas)) == (0, COUNT)

    def test_an_import_that_takes_too_long_is_aborted(self, canvas: Joined) -> None:
        canvas.site.settings.import_polls = 10**6
        assert all(isinstance(one, dict) for one in made(canvas, people()))
        (row,) = canvas.site.imports.values()
        assert row.state == "aborted"
        assert (imports(canvas), posts(canvas)) == (1, COUNT)
        made(canvas, [person(number) for number in range(100, 100 + COUNT)])
        assert (imports(canvas), posts(canvas)) == (0, COUNT)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda canvas: canvas.simulator.faults.add("truncated", match="sis_imports?import"),
            lambda canvas: canvas.simulator.faults.add("status", match="/sis_imports/", times=99),
            lambda canvas: canvas.simulator.faults.add("truncated", match="/sis_imports/", times=9),
        ],
    )
    def test_an_import_that_nobody_sees_the_end_of_is_of_unknown_outcome(
        self, canvas: Joined, spoil: Callable[[Joined], None]
    ) -> None:
        spoil(canvas)
        outcomes = made(canvas, people())
        lost = [one for one in outcomes if isinstance(one, ScimError)]
        assert [one.unknown for one in lost] == [True] * COUNT
        assert {one.status for one in lost} <= {502, 504}
        assert posts(canvas) == 0


def test_nothing_is_imported_without_a_ticket(canvas: Joined) -> None:
    users = canvas["User"]
    items: list[Any] = [(None, operations.fitted(users, one)) for one in people()]
    with pytest.raises(TypeError, match="ticket"):
        users.create_many(items)
    with pytest.raises(TypeError, match="ticket"):
        users._client.upload(None, "accounts/self/sis_imports", b"", "text/csv")
    assert canvas.writes == []


def test_a_rehearsal_shows_single_calls_and_writes_nothing(canvas: Joined) -> None:
    canvas.forget()
    users, ticket = canvas["User"], Rehearsal()
    users.create_many([(ticket, operations.fitted(users, one)) for one in people()])
    assert len(ticket.calls) == COUNT
    assert canvas.writes == []


def test_the_file_is_what_canvas_documents(canvas: Joined) -> None:
    made(canvas, people())
    (row,) = canvas.site.imports.values()
    (content,) = row.files.values()
    first = next(csv.DictReader(io.StringIO(content)))
    assert first == {
        "user_id": "E-0",
        "login_id": "p0",
        "declared_user_type": "",
        "full_name": 'Zoë 0 O"Neil Jr.',
        "sortable_name": 'O"Neil Jr., Zoë 0',
        "short_name": 'Zoë 0 O"Neil Jr.',
        "email": "p0@example.edu",
        "status": "active",
    }


def test_only_where_it_is_configured() -> None:
    assert joined()["User"].at_once == {}
    assert importing()["User"].at_once["create"] > 100
    assert importing()["User"].lingers == 0.3
