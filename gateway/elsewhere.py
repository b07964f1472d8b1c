"""Clients of what is no LMS: the receivers of events and checkpoints, and issuers of tokens."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from connectors.base import Options
from connectors.http import HttpClient
from gateway.references import ConfigurationError


def client_of(url: str, entry: str, name: str, **options: Any) -> tuple[HttpClient, str]:
    """Return a client of a URL's origin, and the rest of the URL: the path of its calls.

    `entry` is where the URL stands in the configuration, `name` that of the client in metrics, and
    `options` are more of its Options. Raises ConfigurationError for a URL that is not to be called.
    """
    parts = urlsplit(url)
    try:
        client = HttpClient(Options(name, f"{parts.scheme}://{parts.netloc}", **options))
    except ValueError as error:
        raise ConfigurationError(f"{entry}: {error}") from None
    return client, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
