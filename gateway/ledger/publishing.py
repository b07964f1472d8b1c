"""Publishing checkpoints where whoever writes the database does not: a directory, a webhook."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from connectors.ticket import NoWrite
from gateway.elsewhere import client_of
from gateway.ledger.configuration import AuditSettings
from gateway.ledger.sealer import Publish
from schemas.errors import ScimError

SUFFIX = ".checkpoint"
_TIMEOUT = 10.0


def publisher(settings: AuditSettings) -> Publish | None:
    """Return what publishes checkpoints as the settings say, None when they say nothing.

    It raises OSError and ScimError for what could not be reached. Raises ConfigurationError for a
    webhook that may not be called.
    """
    post = _poster(settings) if settings.webhook else None
    directory = settings.checkpoints
    if post is None and directory is None:
        return None

    def publish(size: int, note: str) -> None:
        try:
            if directory is not None:
                write(directory, size, note)
        finally:
            if post is not None:
                post(size, note)

    return publish


def write(directory: Path, size: int, note: str) -> None:
    """Write a checkpoint to a file of its own, whole or not at all; the name is its size."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=directory)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(note)
    os.chmod(name, 0o644)
    os.replace(name, directory / f"{size:012}{SUFFIX}")


def read(place: Path) -> list[str]:
    """Return the notes of a published directory, or of one file. Raises OSError."""
    files = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place]
    return [file.read_text(encoding="utf-8") for file in files]


def _poster(settings: AuditSettings) -> Publish:
    client, path = client_of(
        settings.webhook,
        "audit.webhook",
        "checkpoints",
        timeout=_TIMEOUT,
        allow_private_network=settings.allow_private_network,
    )

    def post(size: int, note: str) -> None:
        response = client.send(
            "POST",
            path,
            permit=NoWrite.ELSEWHERE,
            name="checkpoint",
            repeatable=True,
            content=note.encode(),
            headers={"Content-Type": "text/plain; charset=utf-8"},
        )
        if not 200 <= response.status_code < 300:
            raise ScimError(502, f"The checkpoint's receiver said {response.status_code}.")

    return post
