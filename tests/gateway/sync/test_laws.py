"""The laws of a sync, on every target: plan and apply make the target equal to the source.

A second plan has nothing to do; `add` never removes and `remove` never adds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.guards.configuration import GuardSettings
from gateway.sync.plan import WRITES
from tests.gateway.service import TARGETS, make_service
from tests.gateway.sync.site import Site

LOGINS = [f"law{number}" for number in range(6)]
WORDS = st.sampled_from(["Ann", "Bob", "Cy", "Dee"])


@st.composite
def records(draw: st.DrawFn) -> list[dict[str, Any]]:
    chosen = draw(st.lists(st.sampled_from(LOGINS), unique=True, max_size=len(LOGINS)))
    return [
        {
            "userName": login,
            "externalId": draw(st.sampled_from([None, f"x-{login}", f"y-{login}"])),
            "name": {"givenName": draw(WORDS), "familyName": draw(WORDS)},
            "contact.email": f"{draw(st.sampled_from('ab'))}-{login}@example.edu",
            "active": draw(st.booleans()),
        }
        for login in chosen
    ]


@pytest.fixture(scope="module", params=TARGETS)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:
        unlimited = {"guard": GuardSettings(limits={})}
        service = make_service(Path(folder), only=(request.param,), policies=unlimited)
        yield Site(service, request.param)
        service.close()


def shown(user: dict[str, Any]) -> dict[str, Any]:
    return {
        "externalId": user.get("externalId"),
        "given": user["name"]["givenName"],
        "family": user["name"]["familyName"],
        "email": next(e["value"] for e in user["emails"]),
        "active": user["active"],
    }


def wanted(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "externalId": record["externalId"],
        "given": record["name"]["givenName"],
        "family": record["name"]["familyName"],
        "email": record["contact.email"],
        "active": record["active"],
    }


few = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(source=records())
@few
def test_exact_makes_the_target_equal(site: Site, source: list[dict[str, Any]]) -> None:
    if site.name == "blackboard":
        # It gives a new account that has none an external id of its own, which the next clears.
        site.sync(source, empty="clear")
    site.sync(source, empty="clear")
    held = site.users()
    for record in source:
        assert shown(held[record["userName"]]) == wanted(record)
    again = site.plan(source, empty="clear")
    assert again.totals["none"] == len(source)
    assert not any(again.totals[kind] for kind in WRITES), site.lines


@given(first=records(), second=records())
@few
def test_add_never_removes(
    site: Site, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    site.sync(first, empty="clear")
    before = site.users()
    site.sync(second, mode="add")
    after = site.users()
    assert before.keys() <= after.keys()
    for record in second:
        for name, value in wanted(record).items():
            held = shown(after[record["userName"]])[name]
            old = shown(before[record["userName"]])[name] if record["userName"] in before else None
            if site.name != "blackboard" or (old or value) is not None:
                assert held == (old if value is None else value)


@given(first=records(), second=records())
@few
def test_remove_never_adds(
    site: Site, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    site.sync(first, empty="clear")
    before = site.users()
    head = site.sync(second, mode="remove", empty="clear")
    assert not head.totals["create"]
    after = site.users()
    assert after.keys() == before.keys()
    for login, user in after.items():
        old = shown(before[login]) if login.startswith("law") else {}
        for name, value in old.items():
            assert shown(user)[name] in (value, None)
