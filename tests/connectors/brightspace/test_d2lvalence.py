"""The simulator proved by D2LValence, the vendor's SDK, which signs calls with ID keys."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from connectors.brightspace.simulator import Simulator, create_simulator

pytest.importorskip("future", reason="future, which D2LValence needs, is not installed")
auth = pytest.importorskip("d2lvalence.auth", reason="D2LValence is not installed")


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=2, id_keys=True)


@pytest.fixture
def host(address: str) -> str:
    return address.removeprefix("http://")


def context(simulator: Simulator, host: str, **changes: Any) -> Any:
    keys = simulator.site.id_keys
    assert keys is not None
    application = auth.fashion_app_context(app_id=keys.app_id, app_key=keys.app_key)
    known = {
        "host": host,
        "encrypt_requests": False,
        "user_id": keys.user_id,
        "user_key": keys.user_key,
        "server_skew": 0,
        **changes,
    }
    return application.create_user_context(d2l_user_context_props_dict=known)


def test_signed_calls_are_answered(simulator: Simulator, host: str) -> None:
    signer = context(simulator, host)
    with requests.Session() as session:
        session.auth = signer
        base = f"http://{host}/d2l/api/lp/1.49"
        told = session.get(f"{base}/users/", params={"userName": "user1"}, timeout=10)
        assert told.json()["UserId"] == 3163
        done = session.put(f"{base}/users/3163/activation", json={"IsActive": False}, timeout=10)
        assert (done.status_code, done.content) == (200, b"")
        assert signer.interpret_result(200, "") == auth.D2LAuthResult.OKAY
    address = signer.create_authenticated_url("/d2l/api/lp/1.49/Users/whoami")
    assert requests.get(address, timeout=10).json()["UniqueName"] == "svc.scim"
    assert not simulator.site.users[3163].active


@pytest.mark.parametrize("changes", [{"user_key": "x"}, {"user_id": "x"}, {"server_skew": 400_000}])
def test_wrong_signatures_are_refused(
    simulator: Simulator, host: str, changes: dict[str, Any]
) -> None:
    signer = context(simulator, host, **changes)
    address = signer.create_authenticated_url("/d2l/api/lp/1.49/users/whoami")
    answer = requests.get(address, timeout=10)
    assert answer.status_code == 403
    assert signer.interpret_result(403, answer.text) == auth.D2LAuthResult.NO_PERMISSION
    late = "server_skew" in changes
    assert answer.text.startswith("Timestamp out of range" if late else "Invalid token")
