"""Polling: what receivers fetch, acknowledge, refuse and wait for (RFC 8936)."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from connectors.base import Options
from gateway.auth import Authenticator
from gateway.database import Database
from gateway.security import Security
from gateway.settings import Settings, TargetSettings
from gateway.streams import polling
from gateway.streams.configuration import StreamSettings
from gateway.streams.deliveries import BATCH, Deliveries
from gateway.streams.polling import make_polling, parse_poll
from gateway.tokens import Tokens
from schemas.errors import ScimError
from tests.gateway.streams.ledger import PUBLIC_URL, SIGNER, Ledger, event
from tests.gateway.streams.test_security_events import verified

TOKEN = "a-token-that-may-read-the-audit-log"
LIMITED = "a-token-that-may-read-that-of-moodle"
OTHER = "a-token-that-may-read-users-only"


class Poller:
    """A receiver of the stream `idp` over HTTP."""

    def __init__(self, database: Database, sleep: Callable[[float], None], **more: Any) -> None:
        self.ledger = Ledger()
        self.database = database
        self.refusals: list[Any] = []
        targets = {
            name: TargetSettings("memory", Options(name=name)) for name in ("moodle", "canvas")
        }
        streams = {
            "idp": StreamSettings("idp", "poll", audience="idp", **more),
            "siem": StreamSettings("siem", "webhook", url="https://siem.example.edu"),
        }
        settings = Settings("", targets, PUBLIC_URL, streams=streams)
        tokens = Tokens(database)
        tokens.add(TOKEN, "all", ["all"], ["audit:read"])
        tokens.add(LIMITED, "limited", ["moodle"], ["audit:read"])
        tokens.add(OTHER, "other", ["all"], ["users:read"])
        audit = SimpleNamespace(record=lambda *known, **more: self.refusals.append(known))
        authenticator = Authenticator(tokens, Security(), audit)  # type: ignore[arg-type]
        app = Flask("test")

        @app.before_request
        def begin() -> None:
            g.request_id = "r1"

        app.register_blueprint(
            make_polling(settings, database, self.ledger.feed, SIGNER, authenticator, sleep)
        )
        self.client = app.test_client()

    def send(self, body: Any, token: str = TOKEN, name: str = "idp") -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.post(f"/streams/{name}", json=body, headers=headers)

    def poll(self, token: str = TOKEN, **body: Any) -> dict[str, Any]:
        """Poll without waiting; return the answer with the claims of its tokens."""
        answer = self.send({"returnImmediately": True, **body}, token)
        assert answer.status_code == 200, answer.data
        assert answer.content_type == "application/json"
        said: dict[str, Any] = orjson.loads(answer.data)
        assert said.keys() == {"sets", "moreAvailable"}
        for id, token in said["sets"].items():
            _, claims = verified(token, SIGNER.jwks())
            assert claims["jti"] == id
            said["sets"][id] = claims
        return said

    def transactions(self, token: str = TOKEN, **body: Any) -> list[str]:
        return [claims["txn"] for claims in self.poll(token, **body)["sets"].values()]


def no_sleep(seconds: float) -> None:
    raise AssertionError("nobody was to wait")


@pytest.fixture
def poller(sqlite: Database) -> Poller:
    return Poller(sqlite, no_sleep)


def test_tokens_are_fetched_until_they_are_acknowledged(poller: Poller) -> None:
    assert poller.poll() == {"sets": {}, "moreAvailable": False}
    poller.ledger.events += [event(1), event(2, outcome="failed"), event(3, "delete")]
    first = poller.poll()
    assert [c["txn"] for c in first["sets"].values()] == ["request-1", "request-3"]
    assert poller.poll() == first
    done, left = first["sets"]
    assert list(poller.poll(ack=[done])["sets"]) == [left]
    assert poller.poll(ack=[done, left])["sets"] == {}
    assert poller.poll()["sets"] == {}


def test_max_events(poller: Poller) -> None:
    poller.ledger.events += [event(n, resourceId=str(n)) for n in range(1, 6)]
    first = poller.poll(maxEvents=2)
    assert first["moreAvailable"]
    assert [c["txn"] for c in first["sets"].values()] == ["request-1", "request-2"]
    second = poller.poll(maxEvents=3, ack=list(first["sets"]))
    assert not second["moreAvailable"]
    assert len(second["sets"]) == 3
    assert poller.poll(maxEvents=0) == {"sets": {}, "moreAvailable": True}
    assert poller.poll(maxEvents=0, ack=list(second["sets"]))["moreAvailable"] is False


def test_an_answer_is_bounded(poller: Poller) -> None:
    poller.ledger.events += [event(n) for n in range(1, 3 * BATCH)]
    answer = poller.poll(maxEvents=10**9)
    assert len(answer["sets"]) == polling.MOST
    assert answer["moreAvailable"]
    assert Deliveries(poller.database, "idp").counts()[0] <= 2 * BATCH


def test_many_events_that_are_not_wanted_hide_none(poller: Poller) -> None:
    poller.ledger.events += [event(n, outcome="failed") for n in range(1, 3 * BATCH)]
    poller.ledger.events.append(event(999))
    assert poller.transactions() == ["request-999"]


def test_a_look_takes_a_bounded_number_of_events(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "ROUNDS", 2)
    poller.ledger.events += [event(n, outcome="failed") for n in range(1, 2 * BATCH + 1)]
    poller.ledger.events.append(event(999))
    assert poller.poll() == {"sets": {}, "moreAvailable": True}
    assert poller.transactions() == ["request-999"]


def test_an_error_lays_a_token_aside(poller: Poller) -> None:
    poller.ledger.events += [event(1), event(2)]
    first, second = poller.poll()["sets"]
    errors = {first: {"err": "invalid_audience", "description": "Not for us."}}
    assert list(poller.poll(setErrs=errors)["sets"]) == [second]
    (dead,) = Deliveries(poller.database, "idp").dead(10)
    assert (dead.leaf, dead.error) == (0, "invalid_audience: Not for us.")


def test_a_replay_gives_the_same_tokens(poller: Poller) -> None:
    poller.ledger.events += [event(1), event(2)]
    before = poller.poll()
    assert poller.poll(ack=list(before["sets"]))["sets"] == {}
    Deliveries(poller.database, "idp").replay_from(0)
    assert poller.poll() == before


def test_an_amended_event_is_another_token_of_the_same_transaction(poller: Poller) -> None:
    poller.ledger.events += [event(1), event(2, target="canvas")]
    first, _ = poller.poll()["sets"]
    poller.ledger.events += [event(1)]
    limited = poller.poll(LIMITED)["sets"]
    assert [c["txn"] for c in limited.values()] == ["request-1"]
    assert first not in limited
    assert len(poller.poll()["sets"]) == 2


def test_a_token_of_one_target_sees_and_settles_only_that(poller: Poller) -> None:
    poller.ledger.events += [event(1, target="canvas"), event(2)]
    hidden, _ = poller.poll()["sets"]
    assert poller.transactions(LIMITED) == ["request-2"]
    poller.poll(LIMITED, ack=[hidden], setErrs={hidden: {"err": "invalid_request"}})
    assert hidden in poller.poll()["sets"]


def test_acknowledging_what_is_not_there_does_nothing(poller: Poller) -> None:
    poller.ledger.events += [event(1)]
    (id,) = poller.poll()["sets"]
    others = ["", "x", "siem:0:1", "idp:", "idp:-1:0", "idp:١:0", "idp:" + "9" * 40]
    assert list(poller.poll(ack=others)["sets"]) == [id]


def test_a_waiting_poll_gets_what_comes_and_holds_no_connection(sqlite: Database) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        assert sqlite._engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        slept.append(seconds)
        if len(slept) == 3:
            poller.ledger.events.append(event(5))

    poller = Poller(sqlite, sleep)
    answer = orjson.loads(poller.send({}).data)
    assert len(answer["sets"]) == 1
    assert slept == [polling.LOOK_SECONDS] * 3


def test_waiting_ends(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(1000))
    monkeypatch.setattr(polling, "monotonic", lambda: next(moments))
    slept: list[float] = []
    poller = Poller(sqlite, slept.append)
    assert orjson.loads(poller.send({}).data) == {"sets": {}, "moreAvailable": False}
    assert 25 < len(slept) <= polling.WAIT_SECONDS


def test_only_so_many_wait(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "WAITING", 1)
    inner: list[TestResponse] = []

    def sleep(seconds: float) -> None:
        # While one poll waits, another one does not.
        inner.append(poller.send({}))
        poller.ledger.events.append(event(1))

    poller = Poller(sqlite, sleep)
    assert orjson.loads(poller.send({}).data)["sets"]
    assert [orjson.loads(answer.data)["sets"] for answer in inner] == [{}]


@pytest.mark.parametrize(
    ("token", "name", "body", "status", "err"),
    [
        ("", "idp", {}, 401, "authentication_failed"),
        ("a-wrong-token", "idp", {}, 401, "authentication_failed"),
        (OTHER, "idp", {}, 403, "access_denied"),
        (TOKEN, "nobody", {}, 404, "invalid_request"),
        (TOKEN, "siem", {}, 404, "invalid_request"),
        (TOKEN, "idp", [], 400, "invalid_request"),
        (TOKEN, "idp", {"maxEvents": -1}, 400, "invalid_request"),
        (TOKEN, "idp", {"maxEvents": True}, 400, "invalid_request"),
        (TOKEN, "idp", {"maxEvents": "1"}, 400, "invalid_request"),
        (TOKEN, "idp", {"returnImmediately": 1}, 400, "invalid_request"),
        (TOKEN, "idp", {"ack": "x"}, 400, "invalid_request"),
        (TOKEN, "idp", {"ack": [1]}, 400, "invalid_request"),
        (TOKEN, "idp", {"setErrs": []}, 400, "invalid_request"),
        (TOKEN, "idp", {"setErrs": {"x": "y"}}, 400, "invalid_request"),
    ],
)
def test_errors_have_the_protocols_own_form(
    poller: Poller, token: str, name: str, body: Any, status: int, err: str
) -> None:
    answer = poller.send(body, token, name)
    assert answer.status_code == status
    assert answer.content_type == "application/json"
    said = orjson.loads(answer.data)
    assert said["err"] == err
    assert said["description"]
    assert said.keys() == {"err", "description"}
    assert ("WWW-Authenticate" in answer.headers) == (status in (401, 403))


def test_a_wrong_token_is_recorded(poller: Poller) -> None:
    poller.send({}, "a-wrong-token")
    ((intent, outcome),) = poller.refusals
    assert (intent.target, intent.operation, outcome) == ("streams", "authenticate", "refused")


def test_the_key_set_needs_no_token(poller: Poller) -> None:
    answer = poller.client.get("/streams/jwks.json")
    assert (answer.status_code, orjson.loads(answer.data)) == (200, SIGNER.jwks())
    assert b'"d"' not in answer.data


def test_a_stream_of_some_targets(sqlite: Database) -> None:
    poller = Poller(sqlite, no_sleep, targets=("canvas",))
    poller.ledger.events += [event(1), event(2, target="canvas")]
    assert poller.transactions() == ["request-2"]
    assert poller.send({}, LIMITED).status_code == 403


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_BODIES = _JSON | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("maxEvents", "returnImmediately", "ack", "setErrs"), _JSON)
)


@given(_BODIES)
def test_any_body_is_understood_or_refused(body: Any) -> None:
    try:
        asked = parse_poll(body)
    except ScimError as error:
        assert error.status == 400
        return
    assert 0 <= asked.max_events <= polling.MOST
    assert all(isinstance(text, str) for text in (*asked.done, *asked.errors.values()))
