"""The streams of a configuration, served: routes for polls, work in the background for webhooks."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from gateway import telemetry
from gateway.audit import AuditLog
from gateway.auth import Authenticator
from gateway.background import Background
from gateway.database import Database
from gateway.settings import Settings
from gateway.streams.polling import make_polling
from gateway.streams.security_events import SetSigner
from gateway.streams.webhooks import make_webhooks

SECONDS = 1.0
"""How long a webhook with nothing to deliver rests."""


def add_streams(
    app: Flask,
    settings: Settings,
    database: Database,
    audit: AuditLog,
    key: Ed25519PrivateKey,
    authenticator: Authenticator,
) -> list[Background]:
    """Add the routes of `/streams` to the application; return the work of its webhooks."""
    signer = SetSigner(key)
    app.register_blueprint(make_polling(settings, database, audit.feed, signer, authenticator))
    webhooks = make_webhooks(settings, database, audit.feed, signer, telemetry.observe_delivery)
    return [
        Background(f"stream-{name}", database, webhook.step, SECONDS)
        for name, webhook in webhooks.items()
    ]
