"""Polling: receivers fetch tokens and acknowledge them (RFC 8936), at /streams/NAME."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import orjson
from flask import Blueprint, Response, g

from gateway.auth import Authenticator, protect
from gateway.database import Database
from gateway.exchange import error_answer, read_body
from gateway.settings import Settings
from gateway.streams.configuration import StreamSettings
from gateway.streams.deliveries import Deliveries, Failure
from gateway.streams.formats import Feed, event_at, leaf_of, renderer, wanted
from gateway.streams.security_events import SetSigner
from gateway.targets import Place
from schemas.errors import InsufficientScope, ScimError, invalid_value, not_found

SCOPE = "audit:read"
WAIT_SECONDS = 30.0
LOOK_SECONDS = 0.5
MOST = 100
"""How many tokens one answer holds."""
ROUNDS = 20
"""How often one look takes further events when those it took are not for this stream."""
WAITING = 8
"""How many polls of one process wait at once; further ones are answered at once."""

_ERRORS = {401: "authentication_failed", 403: "access_denied"}
_PLACE = Place("streams")


@dataclass(frozen=True, slots=True)
class Poll:
    """What a receiver asks for (RFC 8936 section 2.2), checked."""

    max_events: int = MOST
    at_once: bool = False
    done: tuple[str, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)


class Mailbox:
    """One stream whose tokens wait for a receiver to fetch them."""

    def __init__(
        self,
        stream: StreamSettings,
        database: Database,
        feed: Feed,
        public_url: str,
        signer: SetSigner,
    ) -> None:
        self.stream = stream
        self._feed = feed
        self._render = renderer(stream, public_url, signer)
        self._deliveries = Deliveries(database, stream.name, stream.max_pending)

    def acknowledge(self, poll: Poll, targets: Sequence[str] | None) -> None:
        """Forget what the receiver has, and lay aside as dead what it cannot take."""
        done = [leaf for id in poll.done if (leaf := leaf_of(self.stream, id)) is not None]
        failed = [
            Failure(leaf, error)
            for id, error in poll.errors.items()
            if (leaf := leaf_of(self.stream, id)) is not None
        ]
        if done or failed:
            self._deliveries.settle(done, failed, targets)

    def look(self, targets: Sequence[str] | None, count: int) -> tuple[dict[str, str], bool]:
        """Return up to `count` tokens by their ids, oldest first, and whether there are more."""
        more = True
        waiting = self._deliveries.unacknowledged(targets, count + 1)
        for _ in range(ROUNDS):
            if len(waiting) > count or not more:
                break
            more = self._deliveries.take(self._feed, lambda event: wanted(self.stream, event))
            waiting = self._deliveries.unacknowledged(targets, count + 1)
        sets: dict[str, str] = {}
        amended: list[int] = []
        for delivery in waiting[:count]:
            event = event_at(self._feed, delivery.leaf)
            if event is None:
                amended.append(delivery.leaf)
                continue
            message = self._render(delivery.leaf, event)
            sets[message.id] = message.body.decode()
        if amended:
            self._deliveries.settle(amended)
        return sets, more or len(waiting) > count


def make_polling(
    settings: Settings,
    database: Database,
    feed: Feed,
    signer: SetSigner,
    authenticator: Authenticator,
    sleep: Callable[[float], None] = sleep,
) -> Blueprint:
    """Return the blueprint of `/streams`: the polls, and the key set without a token.

    A token needs the scope audit:read; its targets limit what it sees of a stream.
    """
    mailboxes = {
        name: Mailbox(stream, database, feed, settings.public_url, signer)
        for name, stream in settings.streams.items()
        if stream.kind == "poll"
    }
    places = threading.BoundedSemaphore(WAITING)
    streams = Blueprint("streams", __name__, url_prefix="/streams")
    polls = Blueprint("polls", __name__)

    @streams.before_request
    def place() -> None:
        g.target = _PLACE

    @streams.errorhandler(ScimError)
    def refused(error: ScimError) -> Response:
        answer = error_answer(error)
        said = {"err": _ERRORS.get(error.status, "invalid_request"), "description": error.detail}
        answer.data, answer.content_type = orjson.dumps(said), "application/json"
        answer.headers["Content-Language"] = "en"
        return answer

    @streams.get("/jwks.json")
    def jwks() -> Response:
        return _json(signer.jwks())

    @polls.post("/<name>")
    def poll(name: str) -> Response:
        mailbox = mailboxes.get(name)
        if mailbox is None:
            raise not_found(f"There is no stream {name!r} to be polled.")
        targets = visible(mailbox.stream)
        asked = parse_poll(read_body())
        mailbox.acknowledge(asked, targets)
        sets, more = mailbox.look(targets, asked.max_events)
        if not sets and asked.max_events and not asked.at_once:
            sets, more = later(mailbox, targets, asked.max_events)
        return _json({"sets": sets, "moreAvailable": more})

    def visible(stream: StreamSettings) -> list[str] | None:
        names = stream.targets or tuple(settings.targets)
        allowed = [target for target in names if g.token.allows(target, SCOPE)]
        if not allowed:
            raise InsufficientScope(f"The token lacks the scope {SCOPE} on this stream's targets.")
        return None if "all" in g.token.targets else allowed

    def later(
        mailbox: Mailbox, targets: list[str] | None, count: int
    ) -> tuple[dict[str, str], bool]:
        """Wait for tokens without holding anything but a thread."""
        sets: dict[str, str] = {}
        more = False
        if places.acquire(blocking=False):
            try:
                deadline = monotonic() + WAIT_SECONDS
                while not sets and monotonic() < deadline:
                    sleep(LOOK_SECONDS)
                    sets, more = mailbox.look(targets, count)
            finally:
                places.release()
        return sets, more

    protect(polls, authenticator)
    streams.register_blueprint(polls)
    return streams


def parse_poll(body: Any) -> Poll:
    """Return what the body of a poll asks for. Raises 400."""
    if not isinstance(body, dict):
        raise invalid_value("The body must be a JSON object.")
    most, at_once = body.get("maxEvents", MOST), body.get("returnImmediately", False)
    done, errors = body.get("ack", []), body.get("setErrs", {})
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        raise invalid_value("maxEvents must be a whole number, 0 or more.")
    if not isinstance(at_once, bool):
        raise invalid_value("returnImmediately must be true or false.")
    if not isinstance(done, list) or not all(isinstance(id, str) for id in done):
        raise invalid_value("ack must be a list of jti values.")
    if not isinstance(errors, dict) or not all(isinstance(e, dict) for e in errors.values()):
        raise invalid_value("setErrs must be an object of errors by jti.")
    said = {id: f"{e.get('err')}: {e.get('description', '')}" for id, e in errors.items()}
    return Poll(min(most, MOST), at_once, tuple(done), said)


def _json(body: Any) -> Response:
    return Response(
        orjson.dumps(body),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
