"""Kills: a process that delivers is ended in the middle of it, and another one goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from flask import Flask, Response, request

from gateway.database import Database
from tests.campaign.loopback import served
from tests.gateway.streams.worker import EVENTS

ROOT = Path(__file__).parents[3]


def test_kill_9_anywhere(tmp_path: Path) -> None:
    app, got, lock = Flask("receiver"), [], threading.Lock()

    @app.post("/hook")
    def take() -> Response:
        leaf = int(request.headers["X-Matricula-Delivery"].split(":")[1])
        with lock:
            got.append(leaf)
        time.sleep(0.005)
        return Response(status=204)

    url = f"sqlite:///{tmp_path / 'test.db'}"
    database = Database(url)
    database.migrate()
    database.close()
    with served(app) as receiver:
        command = [sys.executable, "-m", "tests.gateway.streams.worker", url, f"{receiver}/hook"]
        for kills in (1, 2):
            with subprocess.Popen(command, cwd=ROOT) as process:
                deadline = time.monotonic() + 60
                while len(got) < kills * EVENTS // 8 and time.monotonic() < deadline:
                    time.sleep(0.001)
                assert process.poll() is None
                process.kill()
            assert len(got) < EVENTS
        subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    assert set(got) == set(range(EVENTS))
    accepted: set[int] = set()
    for leaf in got:
        assert leaf < 20 or leaf - 20 in accepted, "an earlier one of the subject is missing"
        accepted.add(leaf)
