"""The demo: the gateway in front of simulated LMSs, ready for a first curl."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gateway.database import Database
from gateway.server import serve
from gateway.simulators import SIMULATORS
from gateway.tokens import Tokens

_COHORTS = 5


def run(host: str, port: int, token: str | None, users: int, data: Path | None) -> None:
    """Start the simulators and serve the gateway until interrupted."""
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="matricula-")))
        folder.mkdir(parents=True, exist_ok=True)
        sites = {name: stack.enter_context(_simulated(name, users)) for name in SIMULATORS}
        config = folder / "matricula.toml"
        config.write_text(_configuration(sites), encoding="utf-8")
        config.chmod(0o600)
        token = token or secrets.token_urlsafe(32)
        _keep(folder / "matricula.db", token)
        print(_greeting(host, port, token, list(sites)), flush=True)
        serve(config, host, port, workers=1)


@contextmanager
def _simulated(lms: str, users: int) -> Iterator[dict[str, str]]:
    """Run a simulator in a process of its own and give its URL and credentials."""
    command = [sys.executable, "-m", "gateway.cli", "simulate", lms, "--json"]
    command += ["--users", str(users), "--cohorts", str(_COHORTS if users else 0)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def _keep(database: Path, token: str) -> None:
    store = Database(f"sqlite:///{database}")
    try:
        store.migrate()
        tokens = Tokens(store)
        tokens.revoke("demo")
        tokens.add(token, name="demo", targets=["all"], scopes=["admin"])
    finally:
        store.close()


def _configuration(sites: dict[str, dict[str, str]]) -> str:
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
        lines += [f"{key} = {json.dumps(value)}" for key, value in site.items()]
    return "\n".join(lines) + "\n"


def _greeting(host: str, port: int, token: str, targets: list[str]) -> str:
    base = f"http://{host}:{port}"
    urls = "\n".join(f"  {base}/{name}/scim/v2" for name in ["memory", *targets])
    return (
        f"Matricula serves, once this line is a few seconds old:\n{urls}\n"
        f"Token (may do everything): {token}\n"
        f"Try:\n  curl -H 'Authorization: Bearer {token}' "
        f"'{base}/moodle/scim/v2/Users?count=2'\n"
    )
