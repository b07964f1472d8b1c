"""A person's accounts in all LMSs: found by every key, with roles, groups and memberships."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter, sleep
from typing import Any

import pytest

from gateway.accounts import LONGEST, Answer, find_accounts
from gateway.cursors import Cursors
from gateway.reading import Reader
from gateway.tombstones import Tombstones
from gateway.walks import Walks
from schemas.errors import ScimError
from tests.gateway.service import KEYS, TARGETS, Scim, Service, make_service

LMSS = TARGETS[1:]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a gateway whose targets all have ann, in a course of each, among others."""
    made = make_service(tmp_path_factory.mktemp("people"), users=3)
    for name in TARGETS:
        scim = Scim(made, name)
        user = scim.add("ann", externalId="E-1")
        scim.enrol(user, scim.add_course("ALGEBRA"))
    made.forget()
    yield made
    made.close()


def find(service: Service, wanted: str, allows: Callable[[str, str], bool]) -> dict[str, Answer]:
    parts = service.app.extensions["matricula"]
    digest = parts["ledger"].keys.digest
    tombstones = Tombstones(parts["database"], digest)
    reader = Reader(tombstones, Walks(parts["database"], digest), Cursors(KEYS))
    targets = list(parts["targets"].values())
    return {one.target: one for one in find_accounts(reader, targets, wanted, "tester", allows)}


def everything(target: str, scope: str) -> bool:
    return True


@pytest.mark.parametrize("wanted", ["ann", "ANN", "E-1", "ann@example.edu"])
def test_an_account_is_found_by_every_key(people: Service, wanted: str) -> None:
    answers = find(people, wanted, everything)
    assert [*answers] == [*TARGETS]
    for name, answer in answers.items():
        assert not answer.problem
        if wanted == "ann@example.edu" and "e-mail" in answer.left_out:
            assert answer.accounts == ()
            continue
        (account,) = answer.accounts
        assert account.login == "ann"
        assert account.email == "ann@example.edu"
        assert account.external_id == "E-1"
        assert account.active is (None if name == "memory" else True)
        (held,) = account.memberships
        course = Scim(people, name).get(f"/Courses/{held.course}").json
        assert course["courseId"] == "ALGEBRA"
        assert answer.more == 0
        assert answer.memberships == ""
        assert (account.groups is None) == (name != "memory")
        assert (account.roles is None) == (name in ("moodle", "canvas"))
        assert account.roles or name in ("memory", "moodle", "canvas")


def test_memberships_need_their_scope(people: Service) -> None:
    for answer in find(people, "ann", lambda _, scope: scope == "users:read").values():
        assert "memberships:read" in answer.memberships
        assert answer.accounts[0].memberships is None


def test_nobody_is_no_account_and_no_further_call(people: Service) -> None:
    people.forget()
    answers = find(people, "nobody", everything)
    assert all(answer.accounts == () and not answer.problem for answer in answers.values())
    asked = [len(one.site.calls) for one in people.simulators.values()]
    assert asked == [2, 2, 2, 2]


@pytest.mark.parametrize("wanted", ["x" * (LONGEST + 1), "a\x00b"])
def test_what_is_no_key_is_refused(people: Service, wanted: str) -> None:
    with pytest.raises(ScimError, match=str(LONGEST)):
        find(people, wanted, everything)


def test_the_slowest_target_sets_the_time(people: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = 0.3

    def slow(connector: Any) -> None:
        users = connector.collections["User"]
        search = users.search

        def later(plan: Any) -> Any:
            sleep(waited)
            return search(plan)

        monkeypatch.setattr(users, "search", later)

    for target in people.app.extensions["matricula"]["targets"].values():
        slow(target.connector)
    started = perf_counter()
    find(people, "nobody", everything)
    assert perf_counter() - started < waited * 3
