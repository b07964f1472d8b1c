"""Streams over the real audit log: what is sealed is delivered, as it ended, without secrets."""

from __future__ import annotations

from dataclasses import replace

import orjson

from gateway.database import Database
from gateway.intents import ChangeRecord, Intent
from gateway.ledger.sealer import Sealer
from gateway.streams.configuration import StreamSettings
from gateway.streams.security_events import SetSigner
from gateway.streams.webhooks import Webhook
from tests.gateway.service import audit_keys, audit_log
from tests.gateway.streams.ledger import PUBLIC_URL
from tests.gateway.streams.test_security_events import verified
from tests.gateway.streams.test_webhooks import Receiver

INTENT = Intent(
    "moodle",
    "create",
    "User",
    login="ann",
    changes=(
        ChangeRecord("userName", "username", "add", None, "ann"),
        ChangeRecord("password", "password", "add"),
    ),
    request_id="r-1",
    lookup='{"userName": "ann"}',
)


def test_what_is_sealed_is_delivered_as_it_ended(database: Database) -> None:
    log, keys = audit_log(database), audit_keys(database)
    sealer, signer = Sealer(database, keys, "test"), SetSigner(keys.signing)
    receivers = {"set": Receiver(), "event": Receiver()}
    webhooks = [
        Webhook(
            StreamSettings(
                form, "webhook", form, "http://siem.test", "key", allow_private_network=True
            ),
            database, log.feed, PUBLIC_URL, signer, lambda *_: None, receiver,
        )
        for form, receiver in receivers.items()
    ]  # fmt: skip

    def go_on() -> None:
        for webhook in webhooks:
            webhook.step()

    ticket = log.begin(INTENT)
    go_on()
    assert not receivers["event"].accepted
    log.finish(ticket.sequence, "unknown", status=504)
    log.record(replace(INTENT, operation="delete", resource_id="8", changes=()), "success")
    sealer.seal()
    go_on()
    log.finish(ticket.sequence, "success", status=201, resource_id="7")
    sealer.seal()
    go_on()
    told = [orjson.loads(request.content) for request in receivers["event"].accepted]
    # Those of different subjects go side by side.
    ended = {id: [event["outcome"] for event in told if event["id"] == id] for id in ("1", "2")}
    assert ended == {"1": ["unknown", "success"], "2": ["success"]}
    tokens = [request.content.decode() for request in receivers["set"].accepted]
    deleted, created = (verified(token, signer.jwks())[1] for token in tokens)
    assert deleted["sub_id"]["uri"] == "/Users/8"
    assert created["sub_id"]["uri"] == "/Users/7"
    assert created["events"] == {
        "urn:ietf:params:scim:event:prov:create:notice": {"attributes": ["userName", "password"]}
    }
    assert {deleted["txn"], created["txn"]} == {"r-1"}
