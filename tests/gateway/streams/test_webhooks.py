"""Webhooks: at least once and in order whatever happens, signed, and never more than it may be."""

from __future__ import annotations

import hmac
import itertools
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import orjson
import pytest
from flask import Flask, Response, request
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.database import Database, now
from gateway.references import ConfigurationError
from gateway.streams import deliveries as module
from gateway.streams.configuration import StreamSettings
from gateway.streams.deliveries import Deliveries
from gateway.streams.webhooks import LONGEST_WAIT, Webhook, back_off, signature
from tests.campaign.loopback import served
from tests.gateway.streams.ledger import PUBLIC_URL, SIGNER, Ledger, event
from tests.gateway.streams.test_security_events import verified

SECRET = "hush-4711-hush"
TOKEN = "hush-4712-hush"
_NAMES = (f"stream{number}" for number in itertools.count())


class Killed(BaseException):
    """The process ends here."""


class Receiver(httpx.BaseTransport):
    """Answers by a function of the request, and keeps what it has accepted."""

    def __init__(self, answer: Any = lambda request: 202) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []
        self.accepted: list[httpx.Request] = []
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
            said = self.answer(request)
            if isinstance(said, httpx.Response):
                return said
            if said == 202 or isinstance(said, Lost):
                self.accepted.append(request)
            if isinstance(said, BaseException):
                raise said
            return httpx.Response(said)

    @property
    def leaves(self) -> list[int]:
        return [leaf_in(request) for request in self.accepted]


class Lost(httpx.ReadError):
    """The receiver has accepted, but its answer never comes."""


def leaf_in(request: httpx.Request) -> int:
    return int(request.headers["X-Matricula-Delivery"].split(":")[1])


class Sender:
    """A stream to a receiver, its clock, and what was counted."""

    def __init__(self, database: Database, ledger: Ledger, receiver: Receiver, **more: Any) -> None:
        given = {"format": "event", "secret": SECRET, **more}
        self.stream = StreamSettings(
            next(_NAMES), "webhook", url="http://siem.test/hook?key=1", **given,
            allow_private_network=True,
        )  # fmt: skip
        self.database, self.ledger, self.receiver = database, ledger, receiver
        self.counted: list[str] = []
        self.ever_dead: set[int] = set()
        self.deliveries = Deliveries(database, self.stream.name)
        self.restart()

    def restart(self) -> None:
        self.webhook = Webhook(
            self.stream, self.database, self.ledger.feed, PUBLIC_URL, SIGNER,
            lambda stream, outcome: self.counted.append(outcome), self.receiver,
        )  # fmt: skip
        # The breaker has a clock and a test of its own.
        self.webhook._client.breaker.limit = 10**9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Clock:
    """The time of deliveries."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment: datetime = now()
        monkeypatch.setattr(module, "now", lambda: self.moment)

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def test_events_are_posted_in_order_and_forgotten(sqlite: Database) -> None:
    sender = Sender(sqlite, Ledger(*(event(n) for n in range(1, 8))), Receiver())
    assert not sender.webhook.step()
    assert sender.receiver.leaves == list(range(7))
    assert sender.deliveries.counts() == (0, 0)
    assert not sender.webhook.step()
    assert len(sender.receiver.requests) == 7
    assert sender.counted == ["delivered"] * 7


def test_a_body_is_signed(sqlite: Database) -> None:
    sender = Sender(sqlite, Ledger(event(1)), Receiver(), token=TOKEN)
    sender.webhook.step()
    (sent,) = sender.receiver.accepted
    assert str(sent.url) == "http://siem.test/hook?key=1"
    assert orjson.loads(sent.content) == event(1)
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    time, given = sent.headers["X-Matricula-Signature"].split(",")
    assert abs(int(time.removeprefix("t=")) - now().timestamp()) < 60
    signed = time.removeprefix("t=").encode() + b"." + sent.content
    wanted = hmac.new(SECRET.encode(), signed, sha256).hexdigest()
    assert given == f"v1={wanted}"


def test_the_signature_of_an_example() -> None:
    # printf '5.{}' | openssl dgst -sha256 -hmac key
    assert signature("key", 5, b"{}") == (
        "t=5,v1=9be615aec64f0d044b5ad6854ab1d893ec88617fb728d2149dcd3a3428e8c45d"
    )


def test_tokens_are_posted_as_rfc_8935_says(sqlite: Database) -> None:
    ledger = Ledger(event(1, outcome="failed"), event(2, "create"))
    sender = Sender(sqlite, ledger, Receiver(), format="set", secret="", audience="siem")
    sender.webhook.step()
    (sent,) = sender.receiver.accepted
    assert sent.headers["Content-Type"] == "application/secevent+jwt"
    assert sent.headers["Accept"] == "application/json"
    assert "X-Matricula-Signature" not in sent.headers
    _, claims = verified(sent.content.decode(), SIGNER.jwks())
    assert claims["jti"] == sent.headers["X-Matricula-Delivery"]
    assert (claims["aud"], claims["txn"]) == ("siem", "request-2")


def test_ocsf_is_posted(sqlite: Database) -> None:
    sender = Sender(sqlite, Ledger(event(1)), Receiver(), format="ocsf")
    sender.webhook.step()
    assert orjson.loads(sender.receiver.accepted[0].content)["class_uid"] == 3001


def test_only_what_is_wanted_is_posted(sqlite: Database) -> None:
    ledger = Ledger(event(1), event(2, target="canvas"), event(3, "delete"))
    wanted = {"targets": ("moodle",), "operations": ("delete", "create")}
    sender = Sender(sqlite, ledger, Receiver(), **wanted)
    sender.webhook.step()
    assert sender.receiver.leaves == [2]


def test_a_failure_holds_back_its_subject_only(sqlite: Database, clock: Clock) -> None:
    ids = ["a", "b", "a", "c", "b"]
    ledger = Ledger(*(event(n, resourceId=id) for n, id in enumerate(ids)))
    sender = Sender(sqlite, ledger, Receiver(lambda r: 500 if leaf_in(r) == 0 else 202))
    sender.webhook.step()
    assert sorted(sender.receiver.leaves) == [1, 3, 4]
    sender.receiver.answer = lambda request: 202
    sender.webhook.step()
    assert sorted(sender.receiver.leaves) == [1, 3, 4]
    clock.pass_by(16)
    sender.webhook.step()
    assert sender.receiver.leaves[3:] == [0, 2]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (500, "The receiver answered with status 500."),
        (429, "The receiver wants fewer requests (status 429)."),
        (302, "The receiver answered with status 302."),
        (
            httpx.Response(400, json={"err": "invalid_key", "description": "Unknown."}),
            "The receiver answered with status 400: invalid_key: Unknown.",
        ),
        (httpx.Response(400, json=["err"]), "The receiver answered with status 400."),
        (httpx.ReadTimeout("x"), "The receiver did not answer in time."),
        (httpx.ConnectError("x"), "The receiver cannot be reached: ConnectError."),
    ],
)
def test_whatever_is_not_accepted_is_tried_again_and_dies_at_last(
    sqlite: Database, clock: Clock, answer: Any, said: str
) -> None:
    sender = Sender(sqlite, Ledger(event(1), event(2)), Receiver(lambda r: answer), attempts=3)
    for attempt in range(1, 3):
        sender.webhook.step()
        (waiting, _) = sender.deliveries.unacknowledged(None, 10)
        assert (waiting.attempts, waiting.error) == (attempt, said)
        clock.pass_by(LONGEST_WAIT * 2)
    sender.webhook.step()
    assert [d.leaf for d in sender.deliveries.dead(10)] == [0]
    assert sender.counted == ["failed", "failed", "dead"]
    sender.receiver.answer = lambda request: 202
    sender.webhook.step()
    assert sender.receiver.leaves[-1] == 1
    assert sender.deliveries.replay_dead() == 1
    sender.webhook.step()
    assert sender.receiver.leaves[-1] == 0
    assert sender.deliveries.counts() == (0, 0)


def test_nothing_is_tried_while_the_receiver_is_out_of_order(sqlite: Database) -> None:
    ledger = Ledger(*(event(n, resourceId=str(n)) for n in range(50)))
    sender = Sender(sqlite, ledger, Receiver(lambda request: 503))
    sender.webhook._client.breaker.limit = 8
    sender.webhook.step()
    tried = len(sender.receiver.requests)
    assert 8 <= tried < 16
    sender.webhook.step()
    assert len(sender.receiver.requests) == tried
    untried = [d for d in sender.deliveries.unacknowledged(None, 50) if not d.attempts]
    assert len(untried) == 50 - tried


def test_a_receiver_that_repeats_a_secret_is_not_quoted(sqlite: Database) -> None:
    said = httpx.Response(400, json={"err": SECRET, "description": f"Bearer {TOKEN}"})
    sender = Sender(sqlite, Ledger(event(1)), Receiver(lambda r: said), token=TOKEN, attempts=1)
    sender.webhook.step()
    (dead,) = sender.deliveries.dead(10)
    assert dead.error == "The receiver answered with status 400: ***: Bearer ***."


def test_secrets_are_not_shown(sqlite: Database) -> None:
    sender = Sender(sqlite, Ledger(), Receiver(), token=TOKEN)
    assert SECRET not in repr(sender.stream)
    assert TOKEN not in repr(sender.stream)
    assert "siem.test" not in repr(sender.stream)


def test_an_event_that_cannot_be_shown_dies_alone(sqlite: Database) -> None:
    ledger = Ledger(event(1, outcome="odd", resourceId="a"), event(2, resourceId="b"))
    sender = Sender(sqlite, ledger, Receiver(), attempts=1, format="ocsf")
    sender.webhook.step()
    assert sender.receiver.leaves == [1]
    assert sender.deliveries.dead(10)[0].error == "Internal error: KeyError."


def test_what_is_amended_before_it_is_sent_is_sent_as_it_ended(
    sqlite: Database, clock: Clock
) -> None:
    ledger = Ledger(event(1, outcome="unknown"), event(2))
    sender = Sender(sqlite, ledger, Receiver(lambda request: 500))
    sender.webhook.step()
    sender.receiver.answer = lambda request: 202
    ledger.events.append(event(1))
    clock.pass_by(16)
    sender.webhook.step()
    assert sender.receiver.leaves == [1, 2]
    assert orjson.loads(sender.receiver.accepted[1].content)["outcome"] == "success"
    assert sender.deliveries.counts() == (0, 0)


def test_a_private_address_is_refused(sqlite: Database) -> None:
    stream = StreamSettings("siem", "webhook", url="https://127.0.0.1/hook", secret=SECRET)
    with pytest.raises(ConfigurationError, match=r"streams\.siem\.url: 127\.0\.0\.1 is an address"):
        Webhook(stream, sqlite, Ledger().feed, PUBLIC_URL, SIGNER, lambda *_: None)


def test_waits_grow_to_a_bound() -> None:
    waits = [back_off(attempts) for attempts in range(2000) if attempts < 11 or attempts > 1000]
    assert all(10 <= wait <= LONGEST_WAIT * 1.5 for wait in waits)
    assert 3 * 3600 < sum(waits[:11]) < 10 * 3600


FATES = [202, 202, 202, 500, 400, 429, httpx.ConnectError("x"), Lost("x")]
ACTIONS = st.lists(
    st.sampled_from(["write", "write", "step", "step", "wait", "restart", "kill", "replay"]),
    min_size=10,
    max_size=30,
)


@settings(deadline=None, max_examples=25)
@given(actions=ACTIONS, seed=st.integers(0, 2**32))
def test_at_least_once_and_in_order_whatever_happens(
    database_of_all: Database, actions: list[str], seed: int
) -> None:
    """Whatever is accepted, everything earlier of its subject was accepted or is dead."""
    chance = random.Random(seed)
    receiver, ledger = Receiver(lambda request: chance.choice(FATES)), Ledger()
    with pytest.MonkeyPatch.context() as monkeypatch:
        clock = Clock(monkeypatch)
        sender = Sender(database_of_all, ledger, receiver, attempts=4)
        for action in actions:
            match action:
                case "write":
                    for subject in chance.choices("abc", k=3):
                        ledger.events.append(event(len(ledger.events) + 1, resourceId=subject))
                case "step":
                    sender.webhook.step()
                case "wait":
                    clock.pass_by(chance.choice([5, 30, 600]))
                case "restart":
                    sender.restart()
                case "kill":
                    with killing(receiver, chance):
                        sender.webhook.step()
                    sender.restart()
                case "replay":
                    sender.deliveries.replay_dead()
            check_order(sender)
        receiver.answer = lambda request: 202
        for _ in range(10):
            clock.pass_by(2 * LONGEST_WAIT)
            sender.deliveries.replay_dead()
            sender.webhook.step()
            check_order(sender)
    assert set(receiver.leaves) == set(range(len(ledger.events)))
    assert sender.deliveries.counts() == (0, 0)


@contextmanager
def killing(receiver: Receiver, chance: random.Random) -> Iterator[None]:
    """End the process at one of its requests, before or after the receiver has accepted it."""
    before, left = receiver.answer, chance.randint(0, 3)

    def answer(request: httpx.Request) -> Any:
        nonlocal left
        left -= 1
        return Killed() if left < 0 else before(request)

    receiver.answer = answer
    try:
        yield
    except Killed:
        pass
    finally:
        receiver.answer = before


def check_order(sender: Sender) -> None:
    sender.ever_dead |= {delivery.leaf for delivery in sender.deliveries.dead(1000)}
    accepted: set[int] = set()
    subjects = [event["resourceId"] for event in sender.ledger.events]
    for leaf in sender.receiver.leaves:
        earlier = {n for n in range(leaf) if subjects[n] == subjects[leaf]}
        assert earlier <= accepted | sender.ever_dead
        accepted.add(leaf)


@pytest.fixture(scope="module")
def database_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give one database for all examples: each has a stream of its own."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('streams') / 'test.db'}")
    database.migrate()
    yield database
    database.close()


def test_a_real_receiver_over_the_network(sqlite: Database) -> None:
    app, got = Flask("receiver"), []

    @app.post("/events")
    def take() -> Response:
        got.append((request.headers["Content-Type"], request.get_data()))
        return Response(status=202)

    with served(app) as url:
        stream = StreamSettings(
            "live", "webhook", url=f"{url}/events", allow_private_network=True, timeout=5
        )
        ledger = Ledger(event(1), event(2, "delete"))
        webhook = Webhook(stream, sqlite, ledger.feed, PUBLIC_URL, SIGNER, lambda *_: None)
        webhook.step()
    assert [kind for kind, _ in got] == ["application/secevent+jwt"] * 2
    claims = [verified(body.decode(), SIGNER.jwks())[1] for _, body in got]
    assert [claim["txn"] for claim in claims] == ["request-1", "request-2"]
