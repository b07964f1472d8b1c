"""What a client does not touch never stands in its way, however odd the LMS's stored value is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.attributes import CORE
from tests.gateway.service import Service, patch_op

USERS = "/moodle/scim/v2/Users"


@pytest.fixture
def odd(make: Callable[..., Service]) -> tuple[Service, str]:
    """Return a service with an account whose stored values we would not take ourselves."""
    service = make()
    user = service.moodle.site.add_user(
        username="odd",
        firstname="",
        lastname="Person",
        email="odd@example.edu",
        lang="de",
        timezone="5.5",
        country="",
    )
    return service, f"{USERS}/{user.id}"


def test_an_account_with_odd_values_can_be_disabled(odd: tuple[Service, str]) -> None:
    service, path = odd
    change = {"op": "replace", "path": "active", "value": False}
    answer = service.client.patch(path, json=patch_op(change))
    assert answer.status_code == 200, answer.json
    assert answer.json["active"] is False
    assert answer.json["locale"] == "de"


def test_and_replaced_by_what_was_read(odd: tuple[Service, str]) -> None:
    service, path = odd
    held = service.client.get(path).json
    held["name"]["givenName"] = "Now"
    held["active"] = False
    answer = service.client.put(path, json=held)
    assert answer.status_code == 200, answer.json
    assert (answer.json["active"], answer.json["timezone"]) == (False, "5.5")


def test_but_a_new_odd_value_is_refused(odd: tuple[Service, str]) -> None:
    service, path = odd
    for name, value in (("locale", "xx"), ("timezone", "-13")):
        change = {"op": "replace", "path": name, "value": value}
        answer = service.client.patch(path, json=patch_op(change))
        assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue"), name


def test_what_is_demanded_cannot_be_removed_and_must_be_in_a_put(
    make: Callable[..., Service],
) -> None:
    service = make(users=1)
    path = f"{USERS}/5"
    removal = {"op": "remove", "path": "name.givenName"}
    answer = service.client.patch(path, json=patch_op(removal))
    assert (answer.status_code, answer.json["scimType"]) == (400, "mutability")
    body = {"schemas": [CORE + "User"], "userName": "user0001", "name": {"familyName": "X"}}
    answer = service.client.put(path, json=body)
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue")


def test_a_default_stands_in_the_event_of_the_create(make: Callable[..., Service]) -> None:
    overrides = {'addresses[type eq "work"].country': {"default": "NO"}}
    service = make(moodle_options={"attributes": overrides})
    body = {
        "schemas": [CORE + "User"],
        "userName": "new",
        "name": {"givenName": "New", "familyName": "Person"},
        "emails": [{"value": "new@example.edu"}],
    }
    answer = service.client.post(USERS, json=body)
    assert answer.json["addresses"][0]["country"] == "NO"
    changes = {change["path"]: change.get("new") for change in service.events[-1]["changes"]}
    assert changes['addresses[type eq "work"].country'] == "NO"
