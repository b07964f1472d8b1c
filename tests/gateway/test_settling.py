"""Writes whose outcome nobody saw: settled by reading, never repeated, judged once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.serving import make_server

from connectors.blackboard.simulator import create_simulator
from gateway.audit import AuditLog
from gateway.database import now
from gateway.intents import ChangeRecord, Intent
from tests.gateway.service import Scim, Service, at, make_service, person, team

CREATE = "core_user_create_users"
UPDATE = "core_user_update_users"
DELETE = "core_user_delete_users"
READ = "core_user_get_users_by_field"
ADD = "core_cohort_add_cohort_members"

LOST = ["drop_after", "truncated"]
"""Faults after which a write has been carried out and the answer is lost."""


def sent(scim: Scim, function: str) -> int:
    return sum(1 for name, _ in scim.service.moodle.site.calls if name == function)


def unsettled(service: Service) -> list[str]:
    return [event["outcome"] for event in service.events if event["outcome"] in ("open", "unknown")]


@pytest.mark.parametrize("kind", LOST)
def test_a_create_that_was_carried_out_is_answered_so(moodle: Scim, kind: str) -> None:
    moodle.service.moodle.faults.add(kind, match=CREATE)
    made = moodle.post("/Users", person("ann", externalId="E1"))
    assert made.status_code == 201
    assert made.json["externalId"] == "E1"
    assert sent(moodle, CREATE) == 1
    assert moodle.event["outcome"] == "success"
    assert moodle.event["resourceId"] == made.json["id"]
    assert moodle.get(f"/Users/{made.json['id']}").json == made.json


def test_a_create_of_two_calls_is_completed(moodle: Scim) -> None:
    moodle.service.moodle.faults.add("drop_after", match=CREATE)
    made = moodle.post("/Users", person("ann", active=False))
    assert made.status_code == 201
    assert made.json["active"] is False
    assert moodle.get(f"/Users/{made.json['id']}").json["active"] is False


def test_a_create_that_was_not_carried_out_is_of_unknown_outcome(moodle: Scim) -> None:
    moodle.service.moodle.faults.add("drop_before", match=CREATE)
    refused = moodle.post("/Users", person("ann"))
    assert refused.status_code == 502
    assert moodle.event["outcome"] == "unknown"
    # The next write settles it first.
    assert moodle.post("/Users", person("ann")).status_code == 201
    assert [e["outcome"] for e in moodle.service.events] == ["failed", "success"]


def test_a_lost_create_beside_another_account_of_that_name_conflicts(moodle: Scim) -> None:
    moodle.service.moodle.site.add_user(
        username="ann", firstname="Other", lastname="Person", email="o@example.edu"
    )
    moodle.service.moodle.faults.add("drop_before", match=CREATE)
    refused = moodle.post("/Users", person("ann"))
    assert refused.status_code == 409
    assert moodle.event["outcome"] == "refused"


@pytest.mark.parametrize("kind", LOST)
def test_an_update_that_was_carried_out_is_answered_so(moodle: Scim, kind: str) -> None:
    id = moodle.add("ann")
    moodle.service.forget()
    moodle.service.moodle.faults.add(kind, match=UPDATE)
    changed = moodle.patch(f"/Users/{id}", {"op": "replace", "path": "externalId", "value": "E1"})
    assert changed.status_code == 200
    assert changed.json["externalId"] == "E1"
    assert sent(moodle, UPDATE) == 1
    assert moodle.event["outcome"] == "success"


def test_an_update_that_was_not_carried_out_is_recorded_as_failed(moodle: Scim) -> None:
    id = moodle.add("ann")
    moodle.service.moodle.faults.add("drop_before", match=UPDATE)
    change = {"op": "replace", "path": "externalId", "value": "E1"}
    assert moodle.patch(f"/Users/{id}", change).status_code == 502
    assert moodle.event["outcome"] == "failed"
    other = {"op": "replace", "path": "externalId", "value": "E2"}
    assert moodle.patch(f"/Users/{id}", other).status_code == 200
    assert [e["outcome"] for e in moodle.service.events] == ["success", "failed", "success"]


def test_an_update_that_cannot_be_looked_up_is_settled_later_as_carried_out(moodle: Scim) -> None:
    id = moodle.add("ann")
    faults = moodle.service.moodle.faults
    faults.add("drop_after", match=UPDATE)
    change = {"op": "replace", "path": "externalId", "value": "E1"}
    reads = {"left": 1}  # the read before the write succeeds, the one after it fails

    def after_the_first(target: str, body: bytes) -> bool:
        if READ.encode() not in body:
            return False
        reads["left"] -= 1
        return reads["left"] < 0

    faults._planned.append(_Picky(after_the_first))
    assert moodle.patch(f"/Users/{id}", change).status_code == 502
    assert moodle.event["outcome"] == "unknown"
    faults.clear()
    assert moodle.patch(f"/Users/{id}", change).status_code == 200
    assert [e["outcome"] for e in moodle.service.events] == ["success", "success", "noChange"]


class _Picky:
    """A fault that decides by itself which calls it concerns."""

    times, delay, retry_after, status = 99, 0, None, 500

    def __init__(self, concerns: Callable[[str, bytes], bool], kind: str = "status") -> None:
        self.concerns = concerns
        self.kind = kind


@pytest.mark.parametrize("policy", ["disable", "delete"])
@pytest.mark.parametrize("kind", LOST)
def test_a_deletion_that_was_carried_out_is_answered_so(
    make: Callable[..., Service], kind: str, policy: str
) -> None:
    moodle = Scim(make("moodle", policies={"delete": policy}), "moodle")
    id = moodle.add("ann")
    moodle.service.moodle.faults.add(kind, match=DELETE if policy == "delete" else UPDATE)
    assert moodle.delete(f"/Users/{id}").status_code == 204
    assert moodle.get(f"/Users/{id}").status_code == 404
    assert moodle.event["outcome"] == "success"


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_deletion_that_the_lms_may_have_queued_is_of_unknown_outcome(
    make: Callable[..., Service], kind: str
) -> None:
    blackboard = create_simulator(case_sensitive_ids=False, task_seconds=60)
    scim = Scim(
        make("blackboard", blackboard=blackboard, policies={"delete": "delete"}), "blackboard"
    )
    id = scim.add_course("PHYS-1")
    lost = iter([False, True])  # the read before the deletion is answered
    picky = _Picky(lambda target, body: id in target and next(lost, False), kind)
    blackboard.faults._planned.append(picky)
    assert scim.delete(f"/Courses/{id}").status_code == 502
    assert scim.event["outcome"] == "unknown"
    # Whether it was queued shows only when the time for that is over.
    blackboard.site.clock.advance(61)
    assert scim.delete(f"/Courses/{id}").status_code == (404 if kind == "drop_after" else 204)
    settled = [event["outcome"] for event in scim.service.events[-2:]]
    assert settled == (["success", "refused"] if kind == "drop_after" else ["unknown", "success"])


@pytest.mark.parametrize("kind", LOST)
def test_members_that_were_added_are_answered_so(moodle: Scim, kind: str) -> None:
    ann = moodle.add("ann")
    group = moodle.add_group("Staff")
    moodle.service.moodle.faults.add(kind, match=ADD)
    add = {"op": "add", "path": "members", "value": [{"value": ann}]}
    assert moodle.patch(f"/Groups/{group}", add).status_code == 204
    assert moodle.members(group) == {ann}
    assert sent(moodle, ADD) == 1
    assert moodle.event["outcome"] == "success"


@pytest.mark.parametrize("external", [{}, {"externalId": "G1"}])
def test_a_group_whose_create_was_lost_is_made_once(moodle: Scim, external: dict[str, str]) -> None:
    moodle.service.moodle.faults.add("drop_after", match="core_cohort_create_cohorts")
    made = moodle.post("/Groups", team("Staff", **external))
    assert made.status_code == 201
    assert len(moodle.service.moodle.site.cohorts) == 1
    assert moodle.event["outcome"] == "success"


def test_a_group_whose_create_was_lost_gets_its_members(moodle: Scim) -> None:
    ann = moodle.add("ann")
    moodle.service.moodle.faults.add("drop_after", match="core_cohort_create_cohorts")
    made = moodle.post("/Groups", team("Staff", ann))
    assert made.status_code == 201
    assert moodle.members(made.json["id"]) == {ann}


def test_a_create_whose_result_cannot_be_read_is_not_called_failed(moodle: Scim) -> None:
    moodle.service.moodle.faults.add("status", match=READ, times=3, status=500)
    made = moodle.post("/Users", person("ann"))
    if made.status_code == 201:
        assert moodle.event["outcome"] == "success"
    else:
        assert moodle.event["outcome"] == "unknown"


def test_a_busy_lms_has_certainly_not_written(moodle: Scim) -> None:
    id = moodle.add("ann")
    moodle.service.moodle.faults.add("status", match=UPDATE, status=429, retry_after=7)
    refused = moodle.post(f"/Users/{id}/.disable")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "7"
    assert moodle.event["outcome"] == "failed"


@pytest.fixture
def real(make: Callable[..., Service]) -> Iterator[Scim]:
    """Give a gateway whose Moodle listens on a real port, so that it can be too late."""
    first = make()
    server = make_server("127.0.0.1", 0, first.moodle, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    options = {"url": url, "transport": None, "timeout": 0.4}
    yield Scim(make("moodle", moodle=first.moodle, moodle_options=options), "moodle")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_create_that_answers_too_late_is_found(real: Scim) -> None:
    real.service.moodle.faults.add("timeout_after", match=CREATE, delay=1)
    made = real.post("/Users", person("ann"))
    assert made.status_code == 201
    assert real.event["outcome"] == "success"
    assert len(real.logins(filter='userName eq "ann"')) == 1


def test_a_create_that_is_never_carried_out_times_out(real: Scim) -> None:
    real.service.moodle.faults.add("timeout_before", match=CREATE, delay=1)
    assert real.post("/Users", person("ann")).status_code == 504
    assert real.event["outcome"] == "unknown"


class TestRestart:
    """What an earlier process left open."""

    def reopened(self, service: Service, make: Callable[..., Service], **options: Any) -> Scim:
        return Scim(make("moodle", moodle=service.moodle, moodle_options=options), "moodle")

    def begin(self, service: Service, ago: float = 3600, **intent: Any) -> int:
        audit: AuditLog = service.app.extensions["matricula"]["audit"]
        with at(-ago):
            return audit.begin(Intent("moodle", **intent)).sequence

    def begin_create(self, service: Service, ago: float) -> None:
        changes = (ChangeRecord("userName", "username", "add", None, "ann"),)
        known = {"login": "ann", "lookup": '{"userName":"ann"}', "changes": changes}
        self.begin(service, ago, operation="create", resource_type="User", **known)

    def arrive(self, service: Service) -> None:
        service.moodle.site.add_user(
            username="ann", firstname="A", lastname="D", email="a@example.edu"
        )

    def test_a_call_on_its_way_may_still_arrive(self, make: Callable[..., Service]) -> None:
        service = make()
        self.begin_create(service, ago=0)
        after = self.reopened(service, make)
        assert after.event["outcome"] == "open"
        settler = after.service.app.extensions["matricula"]["services"].settler
        targets = after.service.app.extensions["matricula"]["targets"]
        assert settler.settle_left(targets) is False
        assert after.event["outcome"] == "open"
        self.arrive(service)
        assert self.reopened(service, make).event["outcome"] == "success"

    @pytest.mark.parametrize("arrives", [True, False])
    def test_what_was_left_open_is_settled_in_the_background(
        self, make: Callable[..., Service], arrives: bool
    ) -> None:
        service = make()
        self.begin_create(service, ago=0)
        after = self.reopened(service, make)
        assert after.event["outcome"] == "open"
        if arrives:
            self.arrive(service)
        known = after.service.app.extensions["matricula"]
        assert [work.name for work in known["background"]] == ["seal", "settle"]
        with at(31):
            known["services"].settler.settle_left(known["targets"])
        assert after.event["outcome"] == ("success" if arrives else "failed")

    @pytest.mark.parametrize("arrives", [True, False])
    def test_a_write_waits_for_the_call_of_a_dead_process(
        self, make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, arrives: bool
    ) -> None:
        service = make()
        self.begin_create(service, ago=0)
        after = self.reopened(service, make)
        waited: list[float] = []

        def arrive(seconds: float) -> None:
            waited.append(seconds)
            if arrives:
                self.arrive(service)

        monkeypatch.setattr("gateway.settling.time.sleep", arrive)
        monkeypatch.setattr("gateway.settling.now", lambda: now() + timedelta(0, sum(waited)))
        made = after.post("/Users", person("ann"))
        assert made.status_code == (409 if arrives else 201)
        assert waited == [5.0] if arrives else 20 < sum(waited) <= 30
        outcomes = [event["outcome"] for event in after.service.events]
        assert outcomes == (["success", "refused"] if arrives else ["failed", "success"])

    @pytest.mark.parametrize("done", [True, False])
    def test_a_create(self, make: Callable[..., Service], done: bool) -> None:
        service = make()
        changes = (ChangeRecord("userName", "username", "add", None, "ann"),)
        self.begin(
            service,
            operation="create",
            resource_type="User",
            login="ann",
            lookup='{"userName":"ann"}',
            changes=changes,
        )
        if done:
            service.moodle.site.add_user(
                username="ann", firstname="A", lastname="D", email="a@example.edu"
            )
        after = self.reopened(service, make)
        assert after.event["outcome"] == ("success" if done else "failed")
        assert ("resourceId" in after.event) is done
        assert unsettled(after.service) == []

    def test_a_create_that_another_account_stood_in_the_way_of(
        self, make: Callable[..., Service]
    ) -> None:
        service = make()
        changes = (
            ChangeRecord("userName", "username", "add", None, "ann"),
            ChangeRecord("name.givenName", "firstname", "add", None, "Ann"),
        )
        self.begin(
            service,
            operation="create",
            resource_type="User",
            login="ann",
            lookup='{"userName":"ann"}',
            changes=changes,
        )
        service.moodle.site.add_user(
            username="ann", firstname="Other", lastname="D", email="a@example.edu"
        )
        assert self.reopened(service, make).event["outcome"] == "failed"

    @pytest.mark.parametrize(("held", "outcome"), [("new", "success"), ("old", "failed")])
    def test_an_update(self, make: Callable[..., Service], held: str, outcome: str) -> None:
        service = make()
        id = Scim(service, "moodle").add("ann", externalId=held)
        changes = (ChangeRecord("externalId", "idnumber", "replace", "old", "new"),)
        self.begin(
            service, operation="patch", resource_type="User", resource_id=id, changes=changes
        )
        after = self.reopened(service, make)
        assert after.event["outcome"] == outcome
        again = self.reopened(service, make)
        assert again.service.events == after.service.events

    def test_a_start_waits_for_nobody_who_is_at_work(self, make: Callable[..., Service]) -> None:
        service = make()
        self.begin_create(service, ago=3600)
        database = service.app.extensions["matricula"]["database"]
        with database.lock(["moodle/User/ann"], 1, family="values"):
            assert self.reopened(service, make).event["outcome"] == "open"
        assert self.reopened(service, make).event["outcome"] == "failed"

    def test_nobody_waits_for_an_import_longer_than_for_a_call(
        self, make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service = make()
        self.begin_create(service, ago=0)
        after = self.reopened(service, make)
        users = after.service.app.extensions["matricula"]["targets"]["moodle"].connector.collections
        monkeypatch.setattr(users["User"], "lingers", 120.0)
        refused = after.post("/Users", person("ann"))
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "120")
        assert [event["outcome"] for event in after.service.events] == ["open", "failed"]

    def test_a_deletion_that_only_lacked_its_tombstone(self, make: Callable[..., Service]) -> None:
        service = make()
        scim = Scim(service, "moodle")
        id = scim.add("ann", active=False)
        self.begin(
            service,
            operation="delete",
            resource_type="User",
            resource_id=id,
            login="ann",
            lookup='{"kept":true}',
            changes=(ChangeRecord("active", "suspended", "replace", "true", "false"),),
        )
        after = self.reopened(service, make)
        assert after.event["outcome"] == "success"
        assert after.get(f"/Users/{id}").status_code == 404

    def test_a_revival_that_only_lacked_the_end_of_its_tombstone(
        self, make: Callable[..., Service]
    ) -> None:
        service = make()
        scim = Scim(service, "moodle")
        id = scim.add("ann")
        scim.delete(f"/Users/{id}")
        self.begin(
            service,
            operation="revive",
            resource_type="User",
            resource_id=id,
            login="ann",
            changes=(ChangeRecord("active", "suspended", "replace", "false", "true"),),
        )
        service.moodle.site.users[int(id)].suspended = False
        after = self.reopened(service, make)
        assert after.event["outcome"] == "success"
        assert after.get(f"/Users/{id}").status_code == 200

    def test_a_password_stays_unknown_and_nothing_is_open(
        self, make: Callable[..., Service]
    ) -> None:
        service = make()
        id = Scim(service, "moodle").add("ann")
        changes = (ChangeRecord("password", "password", "add"),)
        self.begin(
            service,
            operation="resetPassword",
            resource_type="User",
            resource_id=id,
            changes=changes,
        )
        after = self.reopened(service, make)
        assert after.event["outcome"] == "unknown"
        after.service.forget()
        assert after.post(f"/Users/{id}/.disable").status_code == 204
        assert after.service.calls == 2

    def test_an_open_write_is_settled_before_the_next_one(self, moodle: Scim) -> None:
        id = moodle.add("ann", externalId="old")
        changes = (ChangeRecord("externalId", "idnumber", "replace", "old", "new"),)
        self.begin(
            moodle.service, operation="patch", resource_type="User", resource_id=id, changes=changes
        )
        change = {"op": "replace", "path": "externalId", "value": "new"}
        assert moodle.patch(f"/Users/{id}", change).status_code == 200
        assert [e["outcome"] for e in moodle.service.events] == ["success", "failed", "success"]

    def test_an_lms_that_is_down_keeps_nobody_from_starting(
        self, make: Callable[..., Service]
    ) -> None:
        service = make()
        id = Scim(service, "moodle").add("ann")
        changes = (ChangeRecord("externalId", "idnumber", "add", None, "new"),)
        self.begin(
            service, operation="patch", resource_type="User", resource_id=id, changes=changes
        )
        service.moodle.faults.add("status", times=99, status=403)
        after = self.reopened(service, make)
        assert after.event["outcome"] == "open"
        service.moodle.faults.clear()
        assert self.reopened(service, make).event["outcome"] == "failed"


def test_a_start_asks_for_nothing_that_the_lms_cannot_tell(moodle: Scim) -> None:
    service = moodle.service
    id = moodle.add("ann")
    service.moodle.faults.add("truncated", match=UPDATE)
    moodle.post(f"/Users/{id}/.resetPassword", {"generate": True})
    assert unsettled(service) == ["unknown"]
    service.forget()
    other = make_service(service.folder, ["moodle"], moodle=service.moodle)
    assert service.calls == 0
    services = other.app.extensions["matricula"]["services"]
    assert services.settler.settle_all(services.targets) == {"unknown": 1}
    assert service.calls == 0
    other.close()
