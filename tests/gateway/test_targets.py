"""Targets out of settings: connectors by name, and the collections behind endpoints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Options
from gateway.references import ConfigurationError
from gateway.settings import Settings, TargetSettings
from gateway.targets import CONNECTORS, Target, make_targets
from schemas.errors import ScimError


def settings(**targets: TargetSettings) -> Settings:
    return Settings("sqlite:///unused.db", targets)


def moodle(name: str = "moodle", **options: object) -> TargetSettings:
    given = {"url": "https://moodle.example.edu", "allow_private_network": True, **options}
    return TargetSettings("moodle", Options(name, **given))  # type: ignore[arg-type]


@pytest.fixture
def targets() -> Iterator[dict[str, Target]]:
    memory = TargetSettings("memory", Options("memory"), delete="delete", strict=True)
    made = make_targets(settings(memory=memory, first=moodle("first"), second=moodle("second")))
    yield made
    for target in made.values():
        target.connector.close()


def test_each_target_has_a_connector_of_its_own(targets: dict[str, Target]) -> None:
    assert list(targets) == ["memory", "first", "second"]
    assert targets["first"].connector is not targets["second"].connector
    assert type(targets["first"].connector) is type(targets["second"].connector)
    assert targets["memory"].settings.strict is True
    assert targets["first"].settings.delete == "disable"


def test_an_endpoint_gives_its_collection_in_any_letter_case(targets: dict[str, Target]) -> None:
    target = targets["memory"]
    users = target.collection("Users")
    assert users.mapping.full.name == "User"
    assert target.collection("users") is users
    assert target.collection("Groups").mapping.full.name == "Group"


@pytest.mark.parametrize("endpoint", ["", "User", "Lessons", "Users/", "../Users"])
def test_an_unknown_endpoint_is_not_found(targets: dict[str, Target], endpoint: str) -> None:
    with pytest.raises(ScimError) as caught:
        targets["memory"].collection(endpoint)
    assert caught.value.status == 404


def test_the_observer_is_told_of_calls() -> None:
    calls: list[str] = []

    def observe(target: str, call: str, outcome: str, seconds: float, open: bool) -> None:
        calls.append(target)

    made = make_targets(settings(moodle=moodle(url="http://127.0.0.1:9", timeout=1.0)), observe)
    try:
        with pytest.raises(ScimError):
            made["moodle"].connector.ping()
    finally:
        made["moodle"].connector.close()
    assert set(calls) == {"moodle"}


def test_an_unknown_connector_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_targets(settings(tutor=TargetSettings("tutor", Options("tutor"))))
    assert "targets.tutor.connector" in str(caught.value)
    for name in CONNECTORS:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"url": ""},
        {"url": "moodle.example.edu"},
        {"url": "ftp://moodle.example.edu"},
        {"url": "https://user:secret@moodle.example.edu"},
        {"url": "https://moodle.example.edu/?token=secret"},
        {"url": "http://moodle.example.edu", "allow_private_network": False},
        {"url": "https://127.0.0.1", "allow_private_network": False},
        {"url": "https://localhost", "allow_private_network": False},
        {"attributes": {"nothing": "idnumber"}},
        {"attributes": {"externalId": "nothing"}},
    ],
)
def test_a_connector_that_cannot_be_made_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        made = make_targets(settings(moodle=moodle(**options)))
        made["moodle"].connector.close()
    assert str(caught.value).startswith("targets.moodle: ")
    assert "secret" not in str(caught.value)
