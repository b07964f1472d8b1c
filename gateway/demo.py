"""The demo: the gateway in front of simulated LMSs, ready for a first curl."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

from gateway.database import Database
from gateway.keyring import keyring
from gateway.server import refuse_taken_port, serve
from gateway.settings import Settings
from gateway.simulators import SIMULATORS, Entries, as_toml
from gateway.tokens import Tokens

_GROUPS = 5
"""Cohorts and courses of each site that has people."""
_START_SECONDS = 60
_FILE = "new-students.csv"
_PEOPLE = """userName,externalId,name.given,name.family,contact.email
ada.new,n1,Ada,New,ada.new@example.edu
bob.new,n2,Bob,New,bob.new@example.edu
cem.new,n3,Cem,New,cem.new@example.edu
"""
_JOBS = f"""[jobs.new-students]
sync = "moodle"
file = "{_FILE}"
each = "create"
[jobs.people]
export = "moodle"
out = "people.csv"
format = "csv"
schedule = "0 3 * * *"
"""


def run(host: str, port: int, token: str | None, users: int, data: Path | None) -> None:
    """Start the simulators and serve the gateway until interrupted.

    Raises OSError when the port is taken, and ValueError for a token that cannot be used.
    """
    refuse_taken_port(host, port)
    # Until the server takes the signals over: what was started must end with this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="matricula-")))
        folder.mkdir(parents=True, exist_ok=True)
        sites = {name: stack.enter_context(_simulated(name, users)) for name in SIMULATORS}
        config = folder / "matricula.toml"
        config.write_text(_configuration(sites), encoding="utf-8")
        (folder / _FILE).write_text(_PEOPLE, encoding="utf-8")
        config.chmod(0o600)
        token = token or secrets.token_urlsafe(32)
        _keep(folder / "matricula.db", token)
        greeting = _greeting(host, port, token, list(sites))
        Thread(target=_greet, args=(host, port, greeting), daemon=True).start()
        serve(config, host, port, workers=1)


@contextmanager
def _simulated(lms: str, users: int) -> Iterator[Entries]:
    """Run a simulator in a process of its own and give its URL and what else leads to it."""
    command = [sys.executable, "-m", "gateway.cli", "simulate", lms, "--json"]
    groups = str(_GROUPS if users else 0)
    command += ["--users", str(users), "--cohorts", groups, "--courses", groups]
    # In a session of its own, so that Ctrl-C reaches it through us, once.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said:
            raise RuntimeError(f"The simulator of {lms} did not start.")
        yield json.loads(said)
    finally:
        process.terminate()
        process.wait()


def _keep(database: Path, token: str) -> None:
    store = Database(f"sqlite:///{database}")
    try:
        store.migrate(keyring(Settings(f"sqlite:///{database}")))
        tokens = Tokens(store)
        tokens.revoke("demo")
        tokens.add(token, name="demo", targets=["all"], scopes=["admin"])
    finally:
        store.close()


def _configuration(sites: dict[str, Entries]) -> str:
    lines = [
        "# Written by `matricula demo`; made anew at each start.",
        "allow_clear_secrets = true",
        "[database]",
        'url = "sqlite:///matricula.db"',
        "[targets.memory]",
        'connector = "memory"',
    ]
    for name, site in sites.items():
        lines += [f"[targets.{name}]", f'connector = "{name}"', "allow_private_network = true"]
        lines += [f"{key} = {as_toml(value)}" for key, value in site.items()]
    return "\n".join(lines) + "\n" + _JOBS


def _greet(host: str, port: int, greeting: str) -> None:
    """Print the greeting as soon as the gateway answers."""
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    until = monotonic() + _START_SECONDS
    while monotonic() < until:
        if _answers(own, port):
            print(greeting, flush=True)
            return
        sleep(0.1)
    print(f"The gateway has not answered within {_START_SECONDS} seconds.", flush=True)


def _answers(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _greeting(host: str, port: int, token: str, targets: list[str]) -> str:
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    urls = "\n".join(f"  {base}/{name}/scim/v2" for name in ["memory", *targets])
    return (
        f"Matricula serves:\n{urls}\n"
        f"Pages for people: {base}/console\n"
        f"Token (may do everything): {token}\n"
        f"Try:\n  curl -H 'Authorization: Bearer {token}' "
        f"'{base}/moodle/scim/v2/Users?count=2'\n"
    )
