"""An LMS that fails or refuses: a SCIM error that names the cause and the switch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gateway.service import Scim, Service, person

CREATE = "core_user_create_users"


def web_services_off(service: Service) -> None:
    service.moodle.site.settings.web_services = False


def maintenance(service: Service) -> None:
    service.moodle.site.settings.maintenance = "site"


def offline(service: Service) -> None:
    service.moodle.site.settings.maintenance = "offline"


def unknown_token(service: Service) -> None:
    service.moodle.site.tokens.clear()


def no_function(service: Service) -> None:
    service.moodle.site.gateway.functions.clear()


def no_right(service: Service) -> None:
    service.moodle.site.gateway.capabilities.clear()


def html(service: Service) -> None:
    service.moodle.faults.add("html", times=99)


def truncated(service: Service) -> None:
    service.moodle.faults.add("truncated", times=99)


def broken(service: Service) -> None:
    service.moodle.faults.add("status", times=99, status=500)


@pytest.mark.parametrize(
    ("spoil", "status", "words"),
    [
        (web_services_off, 502, "Enable web services"),
        (maintenance, 503, "Maintenance mode"),
        (offline, 503, "Maintenance mode"),
        (unknown_token, 502, "Manage tokens"),
        (no_function, 502, "External services"),
        (html, 502, "not JSON"),
        (truncated, 502, "not JSON"),
        (broken, 502, "status 500"),
    ],
)
def test_a_failure_names_cause_and_switch(
    moodle: Scim, spoil: Callable[[Service], None], status: int, words: str
) -> None:
    id = moodle.add("ann")
    spoil(moodle.service)
    for answer in (
        moodle.get(f"/Users/{id}"),
        moodle.get("/Users", filter='userName eq "ann"'),
        moodle.get("/Groups"),
        moodle.post("/Users", person("bob")),
        moodle.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": False}),
        moodle.delete(f"/Users/{id}"),
        moodle.post("/Users/.validate", person("bob")),
    ):
        if answer.status_code == 503 and "in a row" in answer.json["detail"]:
            continue  # the breaker has opened
        assert answer.status_code == status, answer.text
        assert words in answer.json["detail"]
        if status == 503:
            assert int(answer.headers["Retry-After"]) > 0
    assert {event["outcome"] for event in moodle.service.events[1:]} <= {"failed", "unknown"}


def test_a_missing_right_is_named(moodle: Scim) -> None:
    no_right(moodle.service)
    refused = moodle.post("/Users", person("ann"))
    assert refused.status_code == 502
    assert "web" in refused.json["detail"].lower() or "Create users" in refused.json["detail"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"password": "short"}, "Passwords must"),
        ({"userName": "not allowed!"}, "userName"),
        ({"emails": [{"value": "nonsense"}]}, "emails"),
        ({"name": {"givenName": "<b>", "familyName": "x"}}, "name.givenName"),
        ({"externalId": "x" * 300}, "externalId"),
    ],
)
def test_a_refusal_is_readable(moodle: Scim, more: dict[str, object], words: str) -> None:
    refused = moodle.post("/Users", {**person("ann"), **more})
    assert refused.status_code == 400
    assert refused.json["scimType"] == "invalidValue"
    assert words in refused.json["detail"]
    assert moodle.event["detail"] == refused.json["detail"]


def test_a_taken_address_is_told_from_a_bad_value(moodle: Scim) -> None:
    id = moodle.add("ann")
    refused = moodle.post("/Users", person("bob", emails=[{"value": "ANN@example.edu"}]))
    assert refused.status_code == 409
    assert id in refused.json["detail"]


@pytest.mark.parametrize("header", ["inf", "nan", "-5", "1e400", "soon", "99999999999"])
def test_strange_waits_are_no_failure_of_ours(moodle: Scim, header: str) -> None:
    moodle.service.moodle.faults.add("status", status=429, retry_after=header, times=3)
    answer = moodle.get("/Users/5")
    assert answer.status_code in (404, 503)
