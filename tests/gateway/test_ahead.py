"""Reading ahead: few calls for what a bulk request changes, and nothing that is out of date."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Collection
from gateway.ahead import PART, Ahead
from gateway.audit import AuditLog
from gateway.intents import Intent
from schemas.errors import ScimError
from tests.gateway.service import Scim, Service
from tests.gateway.test_bulk import rename, send, statuses


def users_of(service: Service) -> Collection:
    collection: Collection = service.app.extensions["matricula"]["targets"][
        "moodle"
    ].connector.collections["User"]
    return collection


def audit_of(service: Service) -> AuditLog:
    log: AuditLog = service.app.extensions["matricula"]["audit"]
    return log


def ahead_of(service: Service, *ids: str) -> Ahead:
    users = users_of(service)
    return Ahead(audit_of(service), "moodle", [(users, id) for id in ids])


@pytest.fixture
def moodle(make: Any) -> Scim:
    return Scim(make("moodle", users=PART + 20), "moodle")


def test_a_bulk_request_reads_in_parts(moodle: Scim) -> None:
    ids = [str(number) for number in range(10, 10 + PART + 5)]
    moodle.service.forget()
    results = send(moodle, *(rename(f"/Users/{id}", "Bea") for id in ids))
    assert statuses(results) == ["200"] * len(ids)
    assert moodle.service.calls == 2 + len(ids)
    # Nothing is changed by the same again: all that is left is to read.
    moodle.service.forget()
    send(moodle, *(rename(f"/Users/{id}", "Bea") for id in ids))
    assert moodle.service.calls == 2


def test_the_second_change_of_a_resource_sees_the_first(moodle: Scim) -> None:
    changes = [rename("/Users/10", "Bea"), rename("/Users/11", "Cleo"), rename("/Users/10", "Dora")]
    assert statuses(send(moodle, *changes)) == ["200"] * 3
    old = [c["old"] for e in moodle.service.events for c in e["changes"] if c["new"] == "Dora"]
    assert old == ["Bea"]


def test_what_is_not_there_is_404(moodle: Scim) -> None:
    results = send(moodle, rename("/Users/10", "Bea"), rename("/Users/999999", "Bea"))
    assert statuses(results) == ["200", "404"]


def test_what_somebody_has_changed_meanwhile_is_read_anew(moodle: Scim) -> None:
    ahead, users = ahead_of(moodle.service, "10", "11", "12"), users_of(moodle.service)
    assert ahead.take(users, "10") == users.get("10")
    change = {"op": "replace", "path": "name.givenName", "value": "Eve"}
    assert moodle.patch("/Users/11", change).status_code == 200
    assert ahead.take(users, "11") is None
    assert ahead.take(users, "12") == users.get("12")


def test_what_is_being_changed_is_read_anew(moodle: Scim) -> None:
    log, users = audit_of(moodle.service), users_of(moodle.service)
    sequence = log.begin(Intent("moodle", "patch", "User", resource_id="11")).sequence
    ahead = ahead_of(moodle.service, "10", "11", "12")
    assert ahead.take(users, "10") is not None
    log.finish(sequence, "success", status=200)
    assert ahead.take(users, "11") is None
    assert ahead.take(users, "12") is not None


def test_each_is_given_once_and_one_alone_is_not_read_ahead(moodle: Scim) -> None:
    users = users_of(moodle.service)
    ahead = ahead_of(moodle.service, "10", "11", "10")
    assert ahead.take(users, "10") is not None
    assert ahead.take(users, "10") is None
    moodle.service.forget()
    assert ahead_of(moodle.service, "10").take(users, "10") is None
    assert moodle.service.calls == 0


def test_where_reading_fails_each_is_read_on_its_own(
    moodle: Scim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(ids: list[str]) -> Any:
        raise ScimError(502, "The LMS gave no usable answer.")

    monkeypatch.setattr(users_of(moodle.service), "fetch", fetch)
    results = send(moodle, rename("/Users/10", "Bea"), rename("/Users/11", "Bea"))
    assert statuses(results) == ["200", "200"]
