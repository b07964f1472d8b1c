"""The gateway and the simulator as processes of their own, on the loopback interface only."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from gateway.database import Database
from gateway.tokens import Tokens

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
TOKEN = "a-token-for-campaigns-that-may-do-everything"
START_SECONDS = 60.0
END_SECONDS = 30.0
_RUN = """
import ctypes, runpy, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)
runpy.run_module("gateway.cli", run_name="__main__", alter_sys=True)
"""
_VARIABLE = "CAMPAIGN_MOODLE_TOKEN"


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def wait_until(holds: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> float:
    """Wait until something holds and return the seconds; TimeoutError when it never does."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"after {seconds:.0f} seconds not yet: {what}")
        time.sleep(0.02)
    return time.monotonic() - started


def start(
    *arguments: str, stderr: int | IO[bytes] = subprocess.DEVNULL, **more: Any
) -> subprocess.Popen[Any]:
    """Start `python -m gateway.cli` with the arguments, in a process group of its own.

    On Linux it is told to end when this process dies, even by a kill.
    """
    environment = {**os.environ, **more.pop("environment", {})}
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, *arguments],
        cwd=ROOT,
        env=environment,
        stderr=stderr,
        start_new_session=True,
        **more,
    )


def end(process: subprocess.Popen[Any], by: int = signal.SIGTERM) -> int:
    """End the process, its whole group if it does not go by itself; return its exit code."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            kill_group(process)
    else:
        # What it started may be left: its group outlives it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    return int(process.wait(END_SECONDS))


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill the process and all that it started, at once and without notice."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(END_SECONDS)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    )
    found = []
    for line in listed.stdout.splitlines():
        own, parent, state, arguments = [*line.split(None, 3), ""][:4]
        if int(parent) == pid and "Z" not in state and "resource_tracker" not in arguments:
            found.append(int(own))
    return found


@dataclass
class Moodle:
    """A simulated Moodle in a process of its own."""

    url: str
    token: str
    client: httpx.Client

    def call(self, function: str, **fields: str) -> Any:
        """Call a function of the web service past the gateway: the witness of what is there."""
        body = {"wstoken": self.token, "wsfunction": function, "moodlewsrestformat": "json"}
        answer = self.client.post("/webservice/rest/server.php", data=body | fields)
        answer.raise_for_status()
        return answer.json()

    def users(self) -> dict[str, dict[str, Any]]:
        """Return all accounts that are not deleted, by id."""
        email = {"criteria[0][key]": "email", "criteria[0][value]": "%"}
        found = self.call("core_user_get_users", **email)["users"]
        return {str(user["id"]): user for user in found}

    def cohorts(self) -> dict[str, dict[str, Any]]:
        """Return all cohorts with their members, by the id that groups have in SCIM."""
        found = self.client.get("/_simulator/cohorts").json()
        return {f"cohort-{cohort['id']}": cohort for cohort in found}

    def calls(self) -> int:
        """Return how many calls the simulator has got."""
        return sum(self.client.get("/_simulator/calls").json().values())

    def plan(self, kind: str, **fault: Any) -> None:
        """Let one of the next calls go wrong."""
        answer = self.client.post("/_simulator/faults", json={"kind": kind, **fault})
        assert answer.status_code == 204, answer.text

    def behave(self) -> None:
        """Forget the faults that are planned."""
        self.client.delete("/_simulator/faults")


@contextmanager
def moodle(users: int = 0) -> Iterator[Moodle]:
    """Run a simulator until the end of the block."""
    process = start(
        *("simulate", "moodle", "--json", "--users", str(users), "--cohorts", "0"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        site = json.loads(process.stdout.readline())
        with httpx.Client(base_url=site["url"], timeout=30, trust_env=False) as client:
            yield Moodle(site["url"], site["token"], client)
    finally:
        end(process)


@dataclass
class Gateway:
    """A gateway in processes of its own, started as often as wanted on one database."""

    folder: Path
    moodle: Moodle
    port: int
    process: subprocess.Popen[Any] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def config(self) -> Path:
        return self.folder / "matricula.toml"

    @property
    def database(self) -> Path:
        return self.folder / "matricula.db"

    @property
    def log(self) -> Path:
        return self.folder / f"gateway-{self.port}.log"

    def start(self, workers: int = 1) -> float:
        """Start, wait for the first answer and return the seconds until then."""
        with self.log.open("ab") as log:
            self.process = start(
                *("serve", "--config", str(self.config), "--host", HOST),
                *("--port", str(self.port), "--workers", str(workers)),
                environment={_VARIABLE: self.moodle.token},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        return wait_until(self.answers, "an answer of the gateway")

    def answers(self) -> bool:
        """Tell whether the gateway answers; RuntimeError when its process has ended."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the gateway ended: {self.log.read_text()[-2000:]}")
        # Without certificates, which it takes longer to load than the gateway to answer.
        plain: dict[str, Any] = {"timeout": 5, "trust_env": False, "verify": False}
        try:
            return httpx.get(f"{self.url}/health", **plain).status_code == 200
        except httpx.HTTPError:
            return False

    def ended(self) -> bool:
        """Tell whether the server's process has ended by itself."""
        return self.process is None or self.process.poll() is not None

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        assert self.process is not None
        return children(self.process.pid)

    def kill(self) -> None:
        """Kill all processes at once."""
        assert self.process is not None
        kill_group(self.process)

    def stop(self) -> None:
        """End all processes in order."""
        if self.process is not None:
            end(self.process)


@contextmanager
def gateway(folder: Path, site: Moodle) -> Iterator[Gateway]:
    """Give a gateway that is configured and not started yet; it is ended after the block."""
    made = Gateway(folder, site, free_port())
    if not made.config.exists():
        made.config.write_text(
            '[database]\nurl = "sqlite:///matricula.db"\n'
            '[targets.moodle]\nconnector = "moodle"\nallow_private_network = true\n'
            f'timeout = 3\nurl = "{site.url}"\ntoken = "${{{_VARIABLE}}}"\n',
            encoding="utf-8",
        )
        keep_token(made.database)
    try:
        yield made
    finally:
        made.stop()


def keep_token(database: Path) -> None:
    """Put the token for everything into a new database."""
    store = Database(f"sqlite:///{database}")
    try:
        store.migrate()
        Tokens(store).add(TOKEN, name="campaign", targets=["all"], scopes=["admin"])
    finally:
        store.close()
