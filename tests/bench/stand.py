"""What is measured: an upstream with the gateway and the floor in front of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server

WORKERS = 2
THREADS = 32
SLOW = 25.0


@dataclass
class Stand:
    """One upstream with the gateway and the floor in front of it."""

    upstream: int
    gateway: int
    floor: int
    token: str
    gateway_process: int
    floor_process: int

    def calls(self) -> Counter[str]:
        """Return the upstream's calls since the last time by function, and begin anew."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.upstream}/calls") as answer:
            return Counter(json.load(answer))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process for the time of the block."""
    running = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


def serve_command(server: str, application: str, port: int) -> list[str]:
    """Return the command that serves a WSGI application with the chosen server."""
    if server == "gthread":
        options = ["-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS)]
        return [sys.executable, "-m", "gunicorn", *options, "-b", f"127.0.0.1:{port}", application]
    options = ["--interface", "wsgi", "--workers", str(WORKERS), "--no-ws", "--no-log"]
    options += ["--blocking-threads", str(THREADS), "--port", str(port)]
    return [sys.executable, "-m", "granian", *options, application]


@contextmanager
def stand(server: str, delay: float, users: int, connections: int = 64) -> Iterator[Stand]:
    """Set up upstream, gateway and floor; the gateway makes so many LMS calls at once."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="matricula-bench-")))
        upstream, gateway, floor = free_port(), free_port(), free_port()
        module = (sys.executable, "-m", "tests.bench.upstream")
        running = stack.enter_context(process(*module, str(upstream), str(delay), str(users)))
        assert running.stdout is not None
        running.stdout.readline()
        config = folder / "bench.toml"
        config.write_text(
            "allow_clear_secrets = true\n[database]\nurl = 'sqlite:///bench.db'\n"
            "[targets.moodle]\nconnector = 'moodle'\ntoken = 'bench'\n"
            f"connections = {connections}\n"
            f"allow_private_network = true\nurl = 'http://127.0.0.1:{upstream}'\n"
        )
        matricula = [sys.executable, "-m", "gateway.cli"]
        made = [*matricula, "token", "create", "--target", "all", "--scope", "admin"]
        token = subprocess.check_output([*made, "--config", str(config)], text=True).split()[-1]
        if server == "granian":
            options = ["--workers", str(WORKERS), "--port", str(gateway)]
            command = [*matricula, "serve", "--config", str(config), *options]
        else:
            command = serve_command(server, "wsgi:application", gateway)
        served = stack.enter_context(process(*command, MATRICULA_CONFIG=str(config)))
        url = f"http://127.0.0.1:{upstream}"
        command = serve_command(server, "tests.bench.floor:application", floor)
        bare = stack.enter_context(process(*command, FLOOR_UPSTREAM=url))
        _wait_for(gateway, "/health")
        _wait_for(floor, "/users/2")
        yield Stand(upstream, gateway, floor, token, served.pid, bare.pid)


def _wait_for(port: int, path: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}"):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing answers at port {port}")


def memory(pid: int) -> tuple[float, float]:
    """Return the memory in MB of a process' children, and of all together with the process.

    Pages that processes share are counted once (proportional set size).
    """
    tree = subprocess.check_output(["ps", "-o", "pid=", "--ppid", str(pid)], text=True).split()
    children = sum(_proportional(int(child)) for child in tree)
    return children, children + _proportional(pid)


def _proportional(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    size = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(size.split()[1]) / 1024
