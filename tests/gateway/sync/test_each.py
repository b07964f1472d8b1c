"""What a sync does for each record: create, change, disable or delete, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.guards.configuration import GuardSettings
from gateway.orders import CHOICES
from gateway.sync.columns import Columns, path_of
from gateway.sync.deciding import FATES, Wish
from gateway.sync.forecast import Meter
from gateway.sync.plan import WRITES, read_head
from gateway.sync.planning import Planner
from gateway.sync.selecting import selected
from gateway.sync.source import file_source
from schemas.filters import parse_filter
from tests.gateway.service import TARGETS, Scim, Service, make_service
from tests.gateway.sync.site import Site, people, person

ENDS = ("disable", "delete")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = make_service(tmp_path, only=("moodle",), users=3)
    yield service
    service.close()


@pytest.fixture
def site(service: Service) -> Site:
    return Site(service, "moodle")


def planned(site: Site, records: list[dict[str, Any]] | str, **asked: Any) -> dict[str, int]:
    """Return how many lines of which kind a plan has."""
    totals = site.plan(records, **asked).totals
    return {kind: number for kind, number in totals.items() if number}


def done(site: Site, records: list[dict[str, Any]] | str, **asked: Any) -> dict[str, int]:
    """Return what was planned and applied; the same plan once more must have nothing to do."""
    totals = planned(site, records, **asked)
    result = site.apply()
    assert result.exit_code == 0, result
    assert result.done == {kind: totals[kind] for kind in WRITES if kind in totals}
    again = planned(site, records, **asked)
    assert not again.keys() & set(WRITES), site.lines
    return totals


def reasons(site: Site) -> list[str]:
    return [line.reason for line in site.lines if line.kind == "refused"]


@pytest.mark.parametrize("name", TARGETS)
def test_exactly_what_is_asked_for_each_record(tmp_path: Path, name: str) -> None:
    unlimited = {"guard": GuardSettings(limits={})}
    service = make_service(tmp_path, only=(name,), policies=unlimited)
    site = Site(service, name)
    site.sync(people(3))
    other = site.users()["p2"]
    eve, new = person("p0", **{"name.given": "Eve"}) | {"userName": "P0"}, person("p3")

    assert done(site, [eve, new], each="create") == {"none": 1, "create": 1}
    assert site.users()["p0"]["name"]["givenName"] == "Ann"

    assert done(site, [eve, person("p4")], each="change") == {"change": 1, "absent": 1}
    assert site.users()["p0"]["name"]["givenName"] == "Eve"
    assert "p4" not in site.users()

    back, gone = {"userName": "P0", "name.given": "Ann"}, person("p4")
    assert done(site, [back, gone], each="disable") == {"disable": 1, "absent": 1}
    assert planned(site, [back, gone], each="disable") == {"none": 1, "absent": 1}
    assert site.users()["p0"]["active"] is False
    assert site.users()["p0"]["name"]["givenName"] == "Eve"

    assert done(site, [back, person("p1"), gone], each="delete") == {"delete": 2, "absent": 1}
    assert planned(site, [back, gone], each="delete") == {"absent": 2}
    assert {login for login in site.users() if login[0] == "p"} == {"p2", "p3"}
    assert site.users()["p2"] == other

    assert done(site, [person("p1")], each="create") == {"create": 1}
    assert site.users()["p1"]["active"] is True
    service.close()


@pytest.mark.parametrize("name", ["memory", "moodle", "canvas"])
def test_what_is_deleted_for_good_is_gone(tmp_path: Path, name: str) -> None:
    service = make_service(tmp_path, only=(name,), policies={"delete": "delete"})
    site = Site(service, name)
    site.sync(people(2))
    id = site.users()["p0"]["id"]
    assert done(site, [person("p0")], each="delete") == {"delete": 1}
    users = site.services.targets[name].connector.collections["User"]
    assert users.get(id) is None
    service.close()


def test_an_event_for_each_write_and_none_for_the_rest(site: Site) -> None:
    site.sync(people(2))
    before = len(site.service.events)
    done(site, [person("p0"), person("p8"), person("p9")], each="delete")
    kinds = [(event["operation"], event["outcome"]) for event in site.service.events[before:]]
    assert kinds == [("delete", "success"), ("sync", "success")]


@pytest.mark.parametrize("each", ENDS)
@pytest.mark.parametrize("name", TARGETS[1:])
def test_spared_accounts_and_that_of_the_own_token_are_refused(
    tmp_path: Path, name: str, each: str
) -> None:
    service = make_service(tmp_path, only=(name,), users=3)
    site = Site(service, name)
    site.sync(people(2))
    own = site.services.targets[name].connector.own_account()
    logins = [login for login, user in site.users().items() if user["id"] == own]
    records = [{"userName": login} for login in ("p0", "p1", "p9", *logins)]
    head = site.plan(records, each=each, spared=frozenset({"P1"}))
    kinds = {line.login: line.kind for line in site.lines}
    assert kinds == {
        "p0": each,
        "p1": "refused",
        "p9": "absent",
        **dict.fromkeys(logins, "refused"),
    }
    assert [line.record for line in site.lines] == list(range(1, len(records) + 1))
    assert [reason.split()[-1] for reason in reasons(site)] == ["spared", *["token"] * len(logins)]
    assert any("--spare" in note for note in head.notes) == (own is None)
    assert bool(logins) == (own is not None)
    service.close()


def test_who_is_spared_may_be_created_and_changed(site: Site) -> None:
    spared = frozenset({"p0"})
    assert done(site, people(1), each="create", spared=spared) == {"create": 1}
    eve = people(1, **{"name.given": "Eve"})
    assert done(site, eve, each="change", spared=spared) == {"change": 1}


@pytest.mark.parametrize("each", ENDS)
def test_a_guard_counts_records_as_it_counts_missing_accounts(site: Site, each: str) -> None:
    site.sync(people(26))
    head = site.plan(people(26), each=each)
    assert f"The guard will stop after 3 of 26 {each}s." in head.notes
    result = site.apply()
    assert (result.exit_code, result.done, result.left) == (3, {each: 3}, 23)
    assert list(result.stopped) == [each]


def test_contradictions_are_refused(site: Site) -> None:
    asked: dict[str, Any]
    for each in ENDS:
        for asked, said in (
            ({"mode": "add"}, "nothing is removed"),
            ({"missing": "disable"}, "not with --missing"),
            ({"missing": "delete"}, "not with --missing"),
        ):
            with pytest.raises(ValueError, match=said):
                site.plan(people(1), each=each, **asked)
    with pytest.raises(ValueError, match="nobody is created"):
        site.plan(people(1), each="create", mode="remove")
    with pytest.raises(ValueError, match="no column holds userName"):
        site.plan("login\nann\n", each="delete")
    with pytest.raises(ValueError, match="Groups cannot be disabled in moodle"):
        site.plan([{"displayName": "Red"}], type_="Group", each="disable")


@pytest.mark.parametrize(
    ("policies", "asked", "said"),
    [
        ({"delete": "refuse"}, {"each": "delete"}, "refuses to delete"),
        ({"changes": "remove"}, {"each": "disable"}, "disables nobody"),
        ({"changes": "remove"}, {"missing": "disable"}, "disables nobody"),
    ],
)
def test_what_the_target_s_policy_rules_out_is_refused(
    tmp_path: Path, policies: dict[str, str], asked: dict[str, str], said: str
) -> None:
    service = make_service(tmp_path, only=("memory",), policies=policies)
    with pytest.raises(ValueError, match=said):
        Site(service, "memory").plan(people(1), **asked)
    service.close()


@pytest.mark.parametrize(
    ("each", "calls"), [("sync", 2), ("create", 2), ("change", 1), ("disable", 1), ("delete", 1)]
)
def test_whose_login_it_is_matters_to_creates_only(site: Site, each: str, calls: int) -> None:
    Scim(site.service, "moodle").add("p0")
    site.service.forget()
    head = site.plan([person("p0", externalId="1")], match=("externalId",), each=each)
    assert head.planning["calls"] == site.service.calls == calls
    assert head.totals["refused" if calls == 2 else "absent"] == 1


def test_what_a_group_has_is_looked_up_for_new_ones_only(site: Site) -> None:
    site.sync(people(1))
    Scim(site.service, "moodle").add_group("Red")
    site.service.forget()
    asked: dict[str, Any] = {"type_": "Group", "mapped": {"who": "members.userName"}}
    text = "displayName,who\nRed,nobody\n"
    assert planned(site, text, each="create", **asked) == {"none": 1}
    assert planned(site, text, each="delete", **asked) == {"delete": 1}
    called = {call[0] for call in site.service.moodle.site.calls}
    assert not called & {"core_user_get_users_by_field", "core_cohort_get_cohort_members"}
    assert planned(site, text, each="change", **asked) == {"refused": 1}
    text += "Blue,p0\n"
    assert planned(site, text, each="create", **asked) == {"none": 1, "create": 1}


@pytest.mark.parametrize("name", ["memory", "moodle"])
def test_memberships_by_login_and_course(tmp_path: Path, name: str) -> None:
    service = make_service(tmp_path, only=(name,))
    site, scim = Site(service, name), Scim(service, name)
    site.sync(people(2))
    scim.add_course("BIO1")
    mapped = {"login": "userId.userName", "course": "courseId.courseId"}
    asked: dict[str, Any] = {"type_": "Membership", "mapped": mapped}
    first, both = "login,course\np0,BIO1\n", "login,course\np0,BIO1\np1,BIO1\n"
    assert done(site, both, each="change", **asked) == {"absent": 2}
    assert done(site, first, each="create", **asked) == {"create": 1}
    assert done(site, both, each="delete", **asked) == {"delete": 1, "absent": 1}
    service.close()


def test_a_record_that_no_filter_can_judge_ends_nobody(site: Site) -> None:
    site.sync(people(6))
    users = site.users()
    texts = [
        person("p0", userType="Staff", active="perhaps"),
        {"userName": "p1", "userType": 5},
        {"userName": "p2", "userType": "Staff", "nickName": ["x"]},
        {"userName": "p3", "userType": "Staff", "id": users["p3"]["id"]},
        {"userName": "p4", "userType": "Student", "id": users["p4"]["id"]},
    ]
    file = site.service.folder / "people.jsonl"
    file.write_bytes(b"".join(orjson.dumps(text) + b"\n" for text in texts))
    target = site.services.targets["moodle"]
    collection = target.connector.collections["User"]
    full = collection.mapping.full
    columns = Columns(full, {}, {})
    where = parse_filter('userType eq "Student"', full)
    for each in ENDS:
        source = selected(file_source(file), columns, full, where)
        wish = Wish((path_of(full, "userName"),), each=each)
        planner = Planner(site.services, target, collection, source, columns, wish, Meter())
        totals = planner.write(site.file).totals
        assert (totals["refused"], totals[each]) == (3, 1)


def test_with_only_removing_nobody_is_created(site: Site) -> None:
    site.sync(people(1))
    assert done(site, people(2), each="change", mode="remove") == {"none": 1, "absent": 1}


def test_creates_may_go_with_missing_accounts(site: Site) -> None:
    site.sync(people(2))
    spared = frozenset(site.users()) - {"p1"}
    records = [person("p0", **{"name.given": "Eve"}), person("p2")]
    asked: dict[str, Any] = {"each": "create", "missing": "disable", "spared": spared}
    assert done(site, records, **asked) == {"none": 1, "create": 1, "disable": 1}
    assert planned(site, records, **asked) == {"none": 2}


def test_accounts_by_another_key(site: Site) -> None:
    site.sync(people(1, externalId="4711"))
    record = {"externalId": "4711", "userName": "renamed"}
    assert done(site, [record], each="disable", match=("externalId",)) == {"disable": 1}
    assert site.lines[0].login == "p0"
    assert site.users()["p0"]["active"] is False


def test_a_plan_says_what_is_done_for_each_record_and_older_ones_are_read(site: Site) -> None:
    site.plan(people(1), each="change")
    assert read_head(site.file).each == "change"
    head, *lines = site.file.read_bytes().splitlines(keepends=True)
    said = orjson.loads(head)
    del said["each"]
    site.file.write_bytes(b"".join([orjson.dumps(said), b"\n", *lines]))
    assert read_head(site.file).each == "sync"
    assert site.apply().exit_code == 0


def test_commands_and_jobs_know_the_same_words() -> None:
    assert tuple(FATES) == CHOICES["each"]


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("policy", ["delete", "disable"])
def test_who_was_seen_in_a_list_is_deleted_like_anybody(
    tmp_path: Path, name: str, policy: str
) -> None:
    service = make_service(tmp_path, only=(name,), policies={"delete": policy})
    site = Site(service, name)
    asked = {"timezone": "Europe/Berlin"} if Scim(service, name).holds("timezone") else {}
    site.sync(people(3, **asked))
    others = tuple(login for login in site.users() if login != "p2")
    assert site.plan(people(2, **asked), missing="delete", spared=others).totals["delete"] == 1
    result = site.apply()
    assert (result.exit_code, result.done, result.moved) == (0, {"delete": 1}, "")
    assert "p2" not in site.users()
    service.close()
