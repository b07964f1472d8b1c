"""What goes wrong on the road to Moodle: reads recover, writes are told as unknown."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from connectors.base import Collection
from connectors.moodle import Moodle
from connectors.moodle.simulator import Simulator, create_simulator
from schemas.errors import ScimError
from tests.connectors.law import everything
from tests.connectors.moodle.site import joined, options
from tests.connectors.moodle.test_users import ann
from tests.connectors.operations import TICKET

CREATE = "core_user_create_users"
READ = "core_user_get_users_by_field"


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=3, cohorts=1)


@pytest.fixture
def moodle(simulator: Simulator, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moodle]:
    """Return a connector that reaches the simulator over a loopback port."""
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    connector = Moodle(options(simulator, url=address, transport=None))
    yield connector
    connector.close()


@pytest.fixture
def users(moodle: Moodle) -> Collection:
    return moodle.collections["User"]


@pytest.mark.parametrize("kind", ["status", "drop_before", "drop_after", "truncated"])
def test_a_read_recovers(simulator: Simulator, users: Collection, kind: str) -> None:
    simulator.faults.add(kind, match=READ)
    assert users.get("5") is not None
    simulator.faults.add(kind, match="core_user_get_users")
    assert len(everything(users)) == 5


def test_a_read_waits_as_long_as_it_is_told(
    simulator: Simulator, users: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("connectors.http.time.sleep", waits.append)
    simulator.faults.add("status", match=READ, status=429, retry_after=2)
    assert users.get("5") is not None
    assert waits == [2.0]


@pytest.mark.parametrize(
    ("kind", "status", "unknown", "done"),
    [
        ("status", 503, False, False),
        ("html", 502, True, False),
        ("timeout_before", 504, True, False),
        ("drop_before", 502, True, False),
        ("drop_after", 502, True, True),
        ("truncated", 502, True, True),
    ],
)
def test_a_write_is_sent_once(
    simulator: Simulator, users: Collection, kind: str, status: int, unknown: bool, done: bool
) -> None:
    simulator.faults.add(kind, match=CREATE)
    with pytest.raises(ScimError) as refused:
        users.create(TICKET, ann())
    assert (refused.value.status, refused.value.unknown) == (status, unknown)
    assert (users.find_again(ann()) is not None) is done
    assert simulator.site.count_calls()[CREATE] == done


def test_a_write_that_is_not_answered_in_time_is_unknown(
    simulator: Simulator, moodle: Moodle, users: Collection
) -> None:
    hurried = Moodle(options(simulator, url=moodle._client.http.url, transport=None, timeout=0.5))
    answered = threading.Event()
    handle = simulator.wsgi_app.application

    def slow(environ: object, start_response: object) -> object:
        answer = list(handle(environ, start_response))  # type: ignore[arg-type]
        answered.wait(10)
        return answer

    simulator.wsgi_app.application = slow  # type: ignore[method-assign, assignment]
    try:
        with pytest.raises(ScimError) as refused:
            hurried.collections["User"].create(TICKET, ann())
    finally:
        answered.set()
        simulator.wsgi_app.application = handle
        hurried.close()
    assert (refused.value.status, refused.value.unknown) == (504, True)
    assert users.find_again(ann()) is not None


def test_an_unreachable_site_is_a_503(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    gone = Moodle(options(simulator, url="http://127.0.0.1:1", transport=None))
    with pytest.raises(ScimError) as refused:
        gone.collections["User"].create(TICKET, ann())
    assert (refused.value.status, refused.value.unknown) == (503, False)
    gone.close()


def test_a_function_that_the_service_lacks_is_named() -> None:
    moodle = joined()
    moodle.site.gateway.functions.discard("core_user_get_users_by_field")
    with pytest.raises(ScimError) as refused:
        moodle.users.get("2")
    assert "core_user_get_users_by_field" in refused.value.detail


def test_an_id_number_in_place_of_an_id_is_refused_with_a_hint() -> None:
    moodle = joined()
    group = {"displayName": "G", "members": [{"value": "SIS-000042"}]}
    with pytest.raises(ScimError, match="externalId"):
        moodle.groups.create(TICKET, group)


@pytest.mark.parametrize(
    "function", [CREATE, "core_auth_request_password_reset", "enrol_manual_enrol_users", ""]
)
def test_what_is_not_known_to_read_is_not_called_as_a_read(function: str) -> None:
    moodle = joined(users=1)
    with pytest.raises(TypeError, match="not known to read"):
        moodle.connector._client.call(function, {"users": [ann()]})
    assert moodle.calls == []
