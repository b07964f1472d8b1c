"""Plans and their runs: what becomes of which record, and what keeps a run from harm."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import AuditLog
from gateway.intents import ChangeRecord, Intent
from gateway.sync.plan import WRITES, Line, read_head
from gateway.sync.showing import said_of, show_plan
from schemas.errors import ScimError
from schemas.user import LMS_USER
from tests.gateway.service import TARGETS, Scim, Service, make_service
from tests.gateway.sync.site import Site, people, person

ADMINS = ("admin", "user0001", "user0002", "user0003")
PASSWORD = "Only-For-The-New-4711"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = make_service(tmp_path, only=("moodle", "memory"), users=3)
    yield service
    service.close()


@pytest.fixture
def site(service: Service) -> Site:
    return Site(service, "moodle")


def disabled(site: Site) -> int:
    return sum(not user["active"] for login, user in site.users().items() if login[0] == "p")


def wrote(service: Service) -> list[dict[str, Any]]:
    """Return the events of writes to accounts, refused ones too."""
    return [event for event in service.events if event["resourceType"] == "User"]


def test_a_new_account_is_created_a_changed_one_changed(site: Site) -> None:
    head = site.sync(people(3))
    assert (head.totals["create"], head.totals["change"]) == (3, 0)
    head = site.plan([*people(2), person("p2", **{"name.given": "Eve"})])
    assert (head.totals["none"], head.totals["change"]) == (2, 1)
    change = site.lines[2].changes[0]
    assert (change.path, change.old, change.new) == ("name.givenName", "Ann", "Eve")
    assert site.apply().done == {"change": 1}
    assert site.users()["p2"]["name"]["givenName"] == "Eve"


def test_planning_writes_nothing(site: Site) -> None:
    before, events = site.users(), len(site.service.events)
    site.plan(people(5), missing="delete")
    assert site.users() == before
    assert len(site.service.events) == events


@pytest.mark.parametrize("name", TARGETS)
def test_an_existing_account_is_adopted_without_a_create(tmp_path: Path, name: str) -> None:
    service = make_service(tmp_path, only=(name,))
    Scim(service, name).add("anndoe")
    site = Site(service, name)
    record = {"userName": "ANNDOE", "externalId": "4711", "name": {"givenName": "Anna"}}
    head = site.sync([record], match=("userName",))
    assert (head.totals["create"], head.totals["change"]) == (0, 1)
    assert site.users()["anndoe"]["externalId"] == "4711"
    assert "create" not in [event["operation"] for event in service.events[1:]]
    again = site.plan([record], match=("externalId",))
    assert again.totals["none"] == 1
    service.close()


def test_a_second_plan_of_the_same_makes_no_write(site: Site) -> None:
    site.sync(people(10))
    events = len(site.service.events)
    site.service.forget()
    head = site.plan(people(10))
    assert head.totals["none"] == 10
    assert head.planning["calls"] == site.service.calls == 1
    assert site.apply().exit_code == 0
    assert [e["operation"] for e in site.service.events[events:]] == ["sync"]


def test_bad_records_are_refused_and_the_rest_goes_on(site: Site) -> None:
    csv = (
        "\ufeffuserName;name.given;name.family;contact.email;active\n"
        "good;Ann;Doe;good@example.edu;yes\n"
        ";Ann;Doe;nobody@example.edu;yes\n"
        "twice;Ann;Doe;a@example.edu;yes\n"
        "TWICE;Ann;Doe;b@example.edu;yes\n"
        "odd;Ann;Doe;odd@example.edu;perhaps\n"
        "short;Ann\n"
        "nomail;Ann;Doe;no address;yes\n"
    )
    head = site.plan(csv)
    assert (head.totals["create"], head.totals["refused"]) == (1, 6)
    refused = {line.record: line.reason for line in site.lines if line.kind == "refused"}
    assert "userName" in refused[3]
    assert "first line 4" in refused[4]
    assert "first line 4" in refused[5]
    assert "neither yes nor no" in refused[6]
    assert "2 cells" in refused[7]
    assert "no address" in refused[8] or "mail" in refused[8]
    assert site.apply().done == {"create": 1}


def test_what_matches_two_accounts_is_refused(service: Service) -> None:
    scim = Scim(service, "memory")
    scim.add("one", externalId="same")
    scim.add("two", externalId="same")
    site = Site(service, "memory")
    head = site.plan([{"externalId": "same", "userName": "three"}], match=("externalId",))
    assert head.totals["refused"] == 1
    assert "several accounts" in site.lines[0].reason


def test_a_login_that_somebody_else_has_is_not_created_again(site: Site) -> None:
    Scim(site.service, "moodle").add("taken")
    head = site.plan([person("taken", externalId="new")], match=("externalId",))
    assert head.totals["refused"] == 1
    assert "another account" in site.lines[0].reason


@pytest.mark.parametrize(("missing", "kind"), [("disable", "disable"), ("delete", "delete")])
def test_missing_accounts(site: Site, missing: str, kind: str) -> None:
    spared = frozenset({"ADMIN", "user0001", "user0003"})
    head = site.plan(people(1), missing=missing, spared=spared)
    assert head.totals[kind] == 1
    assert head.totals["refused"] == 0
    assert site.apply().exit_code == 0
    if missing == "delete":
        assert "user0002" not in site.users()
    else:
        assert site.users()["user0002"]["active"] is False
    assert site.plan(people(1), missing=missing, spared=spared).totals[kind] == 0


@pytest.mark.parametrize("name", TARGETS[1:])
def test_the_account_of_the_own_token_is_never_missing(tmp_path: Path, name: str) -> None:
    service = make_service(tmp_path, only=(name,), users=3)
    site = Site(service, name)
    connector = site.services.targets[name].connector
    own = connector.own_account()
    head = site.plan(people(1), missing="delete")
    gone = {line.id for line in site.lines if line.kind == "delete"}
    assert gone
    if own is None:
        assert any("name it with --spare" in note for note in head.notes)
    else:
        assert connector.collections["User"].get(own) is not None
        assert own not in gone
    assert (own is None) == (name == "blackboard")
    service.close()


def test_refused_records_do_not_make_accounts_missing(site: Site) -> None:
    site.sync(people(2))
    bad = person("p1", active="perhaps")
    site.plan([person("p0"), bad, bad], missing="disable")
    assert not [line for line in site.lines if line.kind == "disable" and line.login == "p1"]
    head = site.plan([person("p0"), {"name.given": "Who"}], missing="disable")
    assert head.totals["disable"] == 0
    assert any("Missing accounts are kept" in note for note in head.notes)


def test_a_password_is_for_who_is_new_and_never_in_clear(site: Site) -> None:
    records = people(2, password=PASSWORD)
    site.plan(records)
    assert PASSWORD.encode() not in site.file.read_bytes()
    assert stat.S_IMODE(os.stat(site.file).st_mode) == 0o600
    assert site.apply().done == {"create": 2}
    passwords = [c for e in wrote(site.service) for c in e["changes"] if c["path"] == "password"]
    assert len(passwords) == 2
    assert site.plan(records).totals["none"] == 2


def test_a_plan_stops_where_the_lms_has_moved_on(site: Site) -> None:
    site.sync(people(2))
    site.plan(people(2, **{"name.given": "Eve"}))
    scim = Scim(site.service, "moodle")
    id = site.users()["p0"]["id"]
    scim.patch(f"/Users/{id}", {"op": "replace", "path": "name.givenName", "value": "Zoe"})
    result = site.apply()
    assert result.exit_code == 4
    assert "p0" in result.moved
    assert site.users()["p0"]["name"]["givenName"] == "Zoe"
    assert result.left >= 1


def test_what_else_has_changed_does_not_matter(site: Site) -> None:
    site.sync(people(1))
    site.plan(people(1, **{"name.given": "Eve"}))
    id = site.users()["p0"]["id"]
    other = {"op": "replace", "path": "externalId", "value": "9"}
    Scim(site.service, "moodle").patch(f"/Users/{id}", other)
    assert site.apply().exit_code == 0


def test_who_is_created_meanwhile_is_not_created_again(site: Site) -> None:
    site.plan(people(1))
    Scim(site.service, "moodle").add("p0")
    assert site.apply().exit_code == 4
    assert len([login for login in site.users() if login == "p0"]) == 1


def test_who_is_gone_meanwhile_stops_a_plan(site: Site) -> None:
    site.sync(people(1))
    site.plan(people(1, **{"name.given": "Eve"}))
    Scim(site.service, "moodle").delete(f"/Users/{site.users()['p0']['id']}")
    assert site.apply().exit_code == 4


def test_an_address_that_is_taken_is_a_failure_and_no_move(site: Site) -> None:
    site.sync(people(1))
    site.plan([person("q0") | {"contact.email": "p0@example.edu"}, person("q1")])
    result = site.apply()
    assert (result.exit_code, result.failed) == (1, 1)
    assert result.done == {"create": 1}
    assert "q0" in result.failures[0]


def test_what_meets_somebody_busy_is_tried_again(site: Site) -> None:
    site.plan(people(3))
    faults = site.service.moodle.faults
    faults.add("status", match="core_user_create_users", times=3, status=503)
    result = site.apply()
    assert (result.exit_code, result.done, result.failures) == (0, {"create": 3}, [])


def test_an_lms_that_fails_on_and_on_ends_a_run(site: Site) -> None:
    site.plan(people(60))
    faults = site.service.moodle.faults
    faults.add("status", match="core_user_create_users", times=1000, status=502)
    result = site.apply()
    assert result.exit_code == 1
    assert "in a row" in result.broken
    assert result.left == 60
    faults.clear()
    site.services.targets["moodle"].connector._client.http.breaker.succeeded()  # type: ignore[attr-defined]
    assert site.apply().done == {"create": 60}


def test_the_same_plan_again_does_nothing_twice(site: Site) -> None:
    site.plan(people(5))
    assert site.apply().done == {"create": 5}
    again = site.apply()
    assert (again.before, again.left, again.exit_code) == (5, 0, 0)
    assert not again.done


def test_a_create_that_died_between_two_calls_is_completed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plan(people(2, active=False))
    site.service.moodle.faults.add("drop_before", match="core_user_update_users", times=9)
    with monkeypatch.context() as dying:
        dying.setattr(AuditLog, "finish", lambda *given, **known: None)
        assert site.apply().left == 2
    site.service.moodle.faults.clear()
    assert disabled(site) == 0
    assert {event["outcome"] for event in wrote(site.service)} == {"open"}
    assert site.apply().exit_code == 0
    assert disabled(site) == 2
    created = [e for e in wrote(site.service) if e["operation"] == "create"]
    assert [event["outcome"] for event in created] == ["success", "success"]
    assert site.apply().before == 2


def test_a_process_may_also_die_while_it_completes_a_create(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = AuditLog.finish

    def settled_only(log: AuditLog, sequence: int, outcome: str, **known: Any) -> None:
        if known["status"] is None:
            finish(log, sequence, outcome, **known)

    site.plan(people(2, password=PASSWORD))
    with monkeypatch.context() as dying:
        dying.setattr(AuditLog, "finish", settled_only)
        site.apply()
        site.apply()
    events = [(event["operation"], event["outcome"]) for event in wrote(site.service)]
    assert events == [("create", "success")] * 2 + [("patch", "open")] * 2
    # That only a password was to change makes it unknown how the second one has ended.
    result = site.apply()
    assert (result.exit_code, result.moved, result.done) == (0, "", {"create": 2})
    events = [(event["operation"], event["outcome"]) for event in wrote(site.service)[2:]]
    assert events == [("patch", "unknown")] * 2 + [("patch", "success")] * 2
    assert site.apply().before == 2


def test_a_create_that_timed_out_is_not_made_twice(site: Site) -> None:
    site.plan(people(4))
    site.service.moodle.faults.add("drop_after", match="core_user_create_users", times=1)
    site.apply()
    assert site.apply().exit_code == 0
    assert sorted(login for login in site.users() if login[0] == "p") == ["p0", "p1", "p2", "p3"]


def test_a_guard_stops_its_kind_and_the_rest_goes_on(site: Site) -> None:
    site.sync(people(27))
    changed = person("p0", **{"name.given": "Eve"})
    spared = frozenset(ADMINS)
    head = site.plan([changed], missing="disable", spared=spared)
    assert head.totals["disable"] == 26
    assert "The guard will stop after 3 of 26 disables." in head.notes
    result = site.apply()
    assert result.exit_code == 3
    assert result.done == {"change": 1, "disable": 3}
    assert (result.left, list(result.stopped)) == (23, ["disable"])
    assert disabled(site) == 3
    site.services.guard.release("moodle", "disable", Intent("", "release", "Guard"))
    again = site.apply()
    assert (again.exit_code, again.done) == (3, {"disable": 3})
    assert again.before == 4


def test_an_emptied_file_stops_at_the_limit(site: Site) -> None:
    site.sync(people(26))
    site.plan("userName,name.given\n", missing="disable", spared=frozenset(ADMINS))
    assert site.apply().exit_code == 3
    assert disabled(site) == 3


def test_only_the_plan_s_own_target_and_configuration(site: Site, service: Service) -> None:
    site.plan(people(1))
    head = read_head(site.file)
    text = site.file.read_text()
    site.file.write_text(text.replace(f'"configuration":"{head.configuration}"',
                                      '"configuration":"other"'))  # fmt: skip
    with pytest.raises(ScimError, match="plan anew"):
        site.apply()
    site.file.write_text(text)
    with pytest.raises(ScimError, match="not for memory"):
        Site(service, "memory").apply(site.file)
    site.file.write_text("{}\n")
    with pytest.raises(ValueError, match="no plan"):
        site.apply()


def test_each_write_has_its_event_and_the_job_one_more(site: Site) -> None:
    site.plan(people(3))
    result = site.apply()
    events = [e for e in site.service.events if e.get("requestId", "").startswith(result.job)]
    parts = [e["requestId"] for e in events if e["operation"] == "create"]
    assert sorted(parts) == [f"{result.job}/{number}" for number in (1, 2, 3)]
    job = events[-1]
    assert (job["operation"], job["resourceId"], job["outcome"]) == ("sync", result.job, "success")
    assert '"create":3' in job["detail"]


def test_few_are_looked_up_and_many_read_at_once(site: Site) -> None:
    site.sync(people(150))
    site.service.forget()
    site.plan(people(3))
    calls = site.service.moodle.site.calls
    assert [call[0] for call in calls] == ["core_user_get_users_by_field"]
    site.service.forget()
    site.plan(people(150))
    assert [call[0] for call in calls] == ["core_user_get_users"]


def test_contradictions_are_refused(site: Site) -> None:
    for asked in ({"mode": "add", "missing": "delete"}, {"mode": "add", "empty": "clear"}):
        with pytest.raises(ValueError, match="nothing is removed"):
            site.plan(people(1), **asked)
    with pytest.raises(ValueError, match="no column holds userName"):
        site.plan("login,name.given\nann,Ann\n")


def test_groups_by_the_logins_of_their_members(service: Service) -> None:
    for name in ("moodle", "memory"):
        site = Site(service, name)
        site.sync(people(4))
        mapped = {"team": "displayName", "who": "members.userName"}
        csv = "team,who\nRed,p0;P1\nBlue,p2\n"
        head = site.sync(csv, type_="Group", mapped=mapped)
        assert head.totals["create"] == 2
        ids = {user["id"]: login for login, user in site.users().items()}
        scim = Scim(service, name)

        def members(team: str, scim: Scim = scim, ids: dict[str, str] = ids) -> set[str]:
            found = scim.get("/Groups", filter=f'displayName eq "{team}"').json["Resources"][0]
            return {ids[id] for id in scim.members(found["id"])}

        assert members("Red") == {"p0", "p1"}
        assert site.plan(csv, type_="Group", mapped=mapped).totals["none"] == 2
        site.sync("team,who\nRed,p1;p2\n", type_="Group", mapped=mapped, mode="add")
        assert members("Red") == {"p0", "p1", "p2"}
        site.sync("team,who\nRed,p1;p3\n", type_="Group", mapped=mapped, mode="remove")
        assert members("Red") == {"p1"}
        site.sync("team,who\nRed,p2;p3\n", type_="Group", mapped=mapped)
        assert members("Red") == {"p2", "p3"}
        head = site.plan("team,who\nRed,p2;nobody\n", type_="Group", mapped=mapped)
        assert head.totals["refused"] == 1
        assert "nobody" in site.lines[0].reason


@pytest.mark.parametrize("name", TARGETS)
def test_memberships_by_login_and_course(tmp_path: Path, name: str) -> None:
    service = make_service(tmp_path, only=(name,))
    site, scim = Site(service, name), Scim(service, name)
    site.sync(people(3))
    scim.add_course("BIO1")
    scim.add_course("ART1")
    mapped = {"login": "userId.userName", "course": "courseId.courseId"}
    asked: dict[str, Any] = {"type_": "Membership", "mapped": mapped}
    first = "login,course\np0,BIO1\np1,BIO1\np0,ART1\n"
    assert site.sync(first, **asked).totals["create"] == 3
    assert site.plan(first, **asked).totals["none"] == 3
    second = "login,course\np0,BIO1\np2,BIO1\np1,NONE9\n"
    head = site.plan(second, missing="delete", **asked)
    assert {kind: head.totals[kind] for kind in (*WRITES, "none", "refused")} == {
        "create": 1,
        "change": 0,
        "disable": 0,
        "delete": 1,
        "none": 1,
        "refused": 1,
    }, site.lines
    assert site.apply().exit_code == 0
    assert site.plan(second, missing="delete", **asked).totals["delete"] == 0
    service.close()


@pytest.mark.parametrize("name", ["canvas", "blackboard", "brightspace"])
def test_roles_by_their_names(tmp_path: Path, name: str) -> None:
    service = make_service(tmp_path, only=(name,), users=3)
    site, scim = Site(service, name), Scim(service, name)
    site.sync(people(3))
    scim.add_course("BIO1")
    roles = {
        role["name"]: role["roleId"]
        for role in scim.get("/Roles").json["Resources"]
        if role.get("kind", "course") == "course"
    }
    wanted = "Instructor" if "Instructor" in roles else "Teacher"
    mapped: dict[str, Any] = {
        "login": "userId.userName",
        "course": "courseId.courseId",
        "role": {"path": "courseRoleId.name", "missing": "ignore"},
    }
    asked: dict[str, Any] = {"type_": "Membership", "mapped": mapped}
    text = f"login,course,role\np0,BIO1,{wanted}\np1,BIO1,Nobody's\n"
    site.plan(text, **asked)
    assert site.apply().done == {"create": 2}
    held = {one["userId"]: one for one in scim.get("/Memberships", count=100).json["Resources"]}
    assert held[site.users()["p0"]["id"]]["courseRoleId"] == roles[wanted]
    assert site.users()["p1"]["id"] in held
    mapped["role"] = "courseRoleId.name"
    head = site.plan(text, **asked)
    assert (head.totals["none"], head.totals["refused"]) == (1, 1)
    assert "nothing has the name" in next(x.reason for x in site.lines if x.kind == "refused")
    service.close()


def test_roles_of_the_institution_by_their_names(tmp_path: Path) -> None:
    service = make_service(tmp_path, only=("blackboard",), users=3)
    site = Site(service, "blackboard")
    mapped = {"roles": "institutionRoleIds.name"}
    site.sync([person("p0", roles="Student; Staff")], mapped=mapped)
    assert site.users()["p0"][LMS_USER]["institutionRoleIds"] == ["STUDENT", "STAFF"]
    assert site.plan([person("p0", roles="Student; Staff")], mapped=mapped).totals["none"] == 1
    assert site.plan([person("p0", roles="Student; Pope")], mapped=mapped).totals["refused"] == 1
    service.close()


def test_on_a_terminal_a_plan_is_a_table_without_secrets(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.sync([person("p0")])
    head = site.plan([person("p0", **{"name.given": "Eve"}), *people(30)[1:], person("bad user")])
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show_plan(site.file, head)
    said = capsys.readouterr().out
    for words in ("name.givenName: Ann -> Eve", "bad user", "... and 9 more to create"):
        assert words in said
    assert "create 29, change 1" in said


def test_secrets_are_shown_as_such() -> None:
    change = ChangeRecord("accessCode", "code", "replace", None, None)
    secret = Line("change", 2, "5", "ART1", secrets={"accessCode": "gAAAA"}, changes=(change,))
    assert "(secret) -> (secret)" in said_of(secret)
    plain = Line("change", 2, "5", "ART1", changes=(ChangeRecord("name", "n", "add", None, "Art"),))
    assert said_of(plain) == ": name: - -> Art"


def test_one_sync_of_a_target_at_a_time(site: Site) -> None:
    site.plan(people(1))
    with (
        site.services.database.lock(["moodle"], 1, family="syncs"),
        ThreadPoolExecutor(1) as other,
        pytest.raises(ScimError) as refused,
    ):
        other.submit(site.apply).result()
    assert refused.value.status == 503


@pytest.mark.parametrize("mode", ["shadow", "paused"])
def test_what_is_not_live_is_not_written_to(tmp_path: Path, mode: str) -> None:
    service = make_service(tmp_path, only=("memory",), policies={"mode": mode})
    site = Site(service, "memory")
    assert site.plan(people(1)).totals["create"] == 1
    with pytest.raises(ScimError, match=mode):
        site.apply()
    service.close()


def test_the_target_s_own_policy_holds(tmp_path: Path) -> None:
    service = make_service(tmp_path, only=("memory",), policies={"changes": "add"})
    site = Site(service, "memory")
    site.sync([person("p0", externalId="1")])
    cleared = person("p0", externalId=None, **{"name.given": "Eve"})
    head = site.sync([cleared], empty="clear")
    assert head.totals["change"] == 1
    assert site.users()["p0"]["externalId"] == "1"
    assert site.plan([cleared], empty="clear").totals["none"] == 1
    service.close()
