"""A process that delivers a ledger to a webhook until it is killed or has nothing left."""

from __future__ import annotations

import sys

from gateway.database import Database
from gateway.streams.configuration import StreamSettings
from gateway.streams.deliveries import Deliveries
from gateway.streams.webhooks import Webhook
from tests.gateway.streams.ledger import PUBLIC_URL, SIGNER, Ledger, event

EVENTS = 300
STREAM = "killed"


def ledger() -> Ledger:
    """Return the ledger that every process delivers: twenty subjects in turn."""
    return Ledger(*(event(n, resourceId=str(n % 20)) for n in range(EVENTS)))


def main(database_url: str, url: str) -> None:
    database = Database(database_url)
    stream = StreamSettings(
        STREAM, "webhook", "event", url, "key", timeout=5, allow_private_network=True
    )
    webhook = Webhook(stream, database, ledger().feed, PUBLIC_URL, SIGNER, lambda *_: None)
    deliveries = Deliveries(database, STREAM)
    for _ in range(1000):
        webhook.step()
        if deliveries.position() == EVENTS - 1 and deliveries.counts() == (0, 0):
            return
    raise SystemExit("nothing goes on")


if __name__ == "__main__":
    main(*sys.argv[1:])
