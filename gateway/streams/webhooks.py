"""Webhooks: events posted to a receiver (RFC 8935 for tokens) until it has accepted them."""

from __future__ import annotations

import hmac
import logging
import random
from collections.abc import Callable
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from time import time
from typing import Any

import orjson

from connectors.http import Response
from connectors.side_by_side import side_by_side
from connectors.ticket import NoWrite
from gateway.database import Database
from gateway.elsewhere import client_of
from gateway.settings import Settings
from gateway.streams.configuration import StreamSettings
from gateway.streams.deliveries import BATCH, Deliveries, Delivery, Failure
from gateway.streams.formats import Event, Feed, Message, event_at, renderer, wanted
from gateway.streams.security_events import SetSigner
from schemas.errors import ScimError

CONNECTIONS = 4
"""How many subjects of one stream are delivered at once."""

FIRST_WAIT, LONGEST_WAIT = 10.0, 6 * 3600.0
"""Seconds before the second try, doubled for each further one: twelve take about six hours."""

Observe = Callable[[str, str], None]
"""Told of every delivery: the stream, and delivered, failed or dead."""

log = logging.getLogger(__name__)


class Webhook:
    """One stream's deliveries to its webhook; `transport` stands in for the network in tests."""

    def __init__(
        self,
        stream: StreamSettings,
        database: Database,
        feed: Feed,
        public_url: str,
        signer: SetSigner,
        observe: Observe,
        transport: Any = None,
    ) -> None:
        self._stream = stream
        self._feed = feed
        self._render = renderer(stream, public_url, signer)
        self._observe = observe
        self._deliveries = Deliveries(database, stream.name, stream.max_pending)
        self._client, self._path = client_of(
            stream.url,
            f"streams.{stream.name}.url",
            stream.name,
            timeout=stream.timeout,
            connections=CONNECTIONS,
            allow_private_network=stream.allow_private_network,
            transport=transport,
        )

    def step(self) -> bool:
        """Take events and try what is due, once; tell whether there is more to do at once.

        A crash anywhere leaves what was not settled to be delivered again.
        """
        more = self._deliveries.take(self._feed, lambda event: wanted(self._stream, event))
        due = self._deliveries.due()
        by_subject = attrgetter("subject")
        subjects = [list(own) for _, own in groupby(sorted(due, key=by_subject), by_subject)]
        done, failed = [], []
        for delivered, failure in side_by_side(self._deliver, subjects, CONNECTIONS):
            done += delivered
            failed += [failure] if failure else []
        if done or failed:
            self._deliveries.settle(done, failed)
        return more or (bool(done) and len(due) == BATCH)

    def _deliver(self, own: list[Delivery]) -> tuple[list[int], Failure | None]:
        """Deliver the events of one subject in order, up to the first that fails.

        One that was amended meanwhile is not sent: it comes again by its later leaf.
        """
        done: list[int] = []
        for delivery in sorted(own, key=attrgetter("leaf")):
            # Nothing is tried, and no try is counted, while the receiver is out of order.
            if self._client.breaker.is_open:
                break
            event = event_at(self._feed, delivery.leaf)
            if event is not None:
                error, wait = self._try(delivery.leaf, event)
                if error is not None:
                    return done, self._failure(delivery, error, wait)
                self._observe(self._stream.name, "delivered")
            done.append(delivery.leaf)
        return done, None

    def _failure(self, delivery: Delivery, error: str, wait: float) -> Failure:
        for hidden in filter(None, (self._stream.secret, self._stream.token)):
            # A receiver may repeat what it was sent.
            error = error.replace(hidden, "***")
        if delivery.attempts + 1 < self._stream.attempts:
            self._observe(self._stream.name, "failed")
            return Failure(delivery.leaf, error, max(wait, back_off(delivery.attempts)))
        self._observe(self._stream.name, "dead")
        log.warning(
            "a delivery is dead",
            extra={"fields": {"stream": self._stream.name, "leaf": delivery.leaf, "error": error}},
        )
        return Failure(delivery.leaf, error)

    def _try(self, leaf: int, event: Event) -> tuple[str | None, float]:
        """Post one event; return what went wrong, or None, and the seconds to wait at least."""
        try:
            response = self._post(self._render(leaf, event))
        except ScimError as error:
            # The client's sentences are about LMSs.
            return error.detail.replace("The LMS", "The receiver"), error.retry_after or 0.0
        except Exception as error:
            # One event that cannot be sent must not hold back those of others.
            log.exception("an event could not be sent")
            return f"Internal error: {type(error).__name__}.", 0.0
        if 200 <= response.status_code < 300:
            return None, 0.0
        return _said(response), 0.0

    def _post(self, message: Message) -> Response:
        headers = {"Content-Type": message.content_type, "X-Matricula-Delivery": message.id}
        if self._stream.token:
            headers["Authorization"] = f"Bearer {self._stream.token}"
        if self._stream.secret:
            headers["X-Matricula-Signature"] = signature(
                self._stream.secret, int(time()), message.body
            )
        return self._client.send(
            "POST",
            self._path,
            permit=NoWrite.ELSEWHERE,
            name="deliver",
            repeatable=False,
            content=message.body,
            headers=headers,
        )


def make_webhooks(
    settings: Settings, database: Database, feed: Feed, signer: SetSigner, observe: Observe
) -> dict[str, Webhook]:
    """Return the webhooks of the settings by name. Raises ConfigurationError."""
    return {
        name: Webhook(stream, database, feed, settings.public_url, signer, observe)
        for name, stream in settings.streams.items()
        if stream.kind == "webhook"
    }


def signature(secret: str, seconds: int, body: bytes) -> str:
    """Return the value of X-Matricula-Signature: the time, and HMAC-SHA256 of `time.body`."""
    signed = hmac.new(secret.encode(), f"{seconds}.".encode() + body, sha256)
    return f"t={seconds},v1={signed.hexdigest()}"


def back_off(attempts: int) -> float:
    """Return the seconds before the next try after so many failed ones, with jitter."""
    longer = FIRST_WAIT * 2.0 ** min(attempts, 64)
    return min(longer, LONGEST_WAIT) * random.uniform(1.0, 1.5)


def _said(response: Response) -> str:
    """Return what a receiver that did not accept a message said (RFC 8935 section 2.3)."""
    words = [f"The receiver answered with status {response.status_code}"]
    try:
        said = orjson.loads(response.content)
        words += [str(said[key]) for key in ("err", "description") if key in said]
    except (orjson.JSONDecodeError, TypeError):
        pass
    return ": ".join(words).rstrip(".") + "."
