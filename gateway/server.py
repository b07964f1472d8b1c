"""Serving the gateway to the network with granian."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

THREADS = 32
"""Requests at once in one worker: most of them wait for an LMS."""

STOP_SECONDS = 20
"""How long a stopping server waits for requests; one that is just starting hears no signal."""


def refuse_taken_port(host: str, port: int) -> None:
    """Raise OSError for a port that is in use: granian would share it with whoever has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def serve(config: Path, host: str, port: int, workers: int) -> None:
    """Serve until the process is told to stop. Raises OSError when the port is taken.

    Start and stop are events. Only what workers must find in their environment is set up here;
    each worker imports the application itself, so that this process stays small.
    """
    refuse_taken_port(host, port)
    # Only here: `matricula --help` answers at once.
    from gateway.lifecycle import recorded
    from gateway.settings import load

    with recorded(load(config)):
        _serve(config, host, port, workers)


def _serve(config: Path, host: str, port: int, workers: int) -> None:
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
            workers_kill_timeout=STOP_SECONDS,
            websockets=False,
            log_enabled=False,
        ).serve()
