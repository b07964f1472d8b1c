"""Serving the gateway to the network with granian."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

THREADS = 32
"""Requests at once in one worker: most of them wait for an LMS."""


def serve(config: Path, host: str, port: int, workers: int) -> None:
    """Serve until the process is told to stop.

    Only what workers must find in their environment is set up here; each worker imports the
    application itself, so that this process stays small.
    """
    from granian import Granian
    from granian.constants import Interfaces

    os.environ["MATRICULA_CONFIG"] = str(config.resolve())
    with tempfile.TemporaryDirectory(prefix="matricula-metrics-") as folder:
        if workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        Granian(
            "wsgi:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=THREADS,
            respawn_failed_workers=True,
            websockets=False,
            log_enabled=False,
        ).serve()
