"""Visitors who are signed in, and a person whose accounts have a history."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.gateway.console.visitor import Visitor
from tests.gateway.service import Scim, Service


@pytest.fixture
def visitor(service: Service) -> Visitor:
    return Visitor(service)


@pytest.fixture
def auditor(visitor: Visitor) -> Visitor:
    return visitor.sign_in()


@pytest.fixture
def make_visitor(service: Service) -> Callable[..., Visitor]:
    """Give what signs in with a new token of some scopes on some targets."""

    def signed_in(*scopes: str, targets: tuple[str, ...] = ("all",)) -> Visitor:
        return Visitor(service).sign_in(service.tokens.create("limited", targets, scopes))

    return signed_in


@pytest.fixture
def ann(service: Service) -> Iterator[Scim]:
    """Give moodle, with an account that was renamed and changed, and one of the same login."""
    moodle = Scim(service, "moodle")
    id = moodle.add("ann", externalId="E-1", password="Secret-Word-1!")
    sent = {"headers": {"X-Request-ID": "r-1", "User-Agent": "idp/1"}}
    moodle.patch(f"/Users/{id}", {"op": "replace", "path": "externalId", "value": "E-2"}, **sent)
    moodle.post(f"/Users/{id}/.disable")
    moodle.patch(f"/Users/{id}", {"op": "replace", "path": "userName", "value": "ann.doe"})
    Scim(service, "canvas").add("ann")
    Scim(service, "canvas").add("bob")
    yield moodle
