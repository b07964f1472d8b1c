"""Consent: an administrator lets a Brightspace target in, by the page or by the command line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from connectors.base import Options
from connectors.brightspace.simulator import Simulator, create_simulator
from gateway.app import create_app
from gateway.cli import main
from gateway.integrations import PATH, answer_of
from gateway.settings import Settings, TargetSettings
from tests.campaign.loopback import served
from tests.gateway.service import InProcess

BACK = f"https://scim.example.edu{PATH}"


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=3, redirect_uris=(BACK,))


def make_app(folder: Path, simulator: Simulator) -> Any:
    """Return a gateway whose target has not been let in yet."""
    site = simulator.site
    options = Options(
        name="brightspace",
        url="http://brightspace.test",
        allow_private_network=True,
        transport=InProcess(app=simulator),
        more={
            "client_id": site.client_id,
            "client_secret": site.client_secret,
            "auth_url": "http://brightspace.test",
        },
    )
    targets = {"brightspace": TargetSettings("brightspace", options)}
    return create_app(Settings(f"sqlite:///{folder / 'matricula.db'}", targets, version="test"))


class Door:
    """A gateway in front of a tenant, with the pages that a browser sees of both."""

    def __init__(self, folder: Path, simulator: Simulator) -> None:
        self.simulator = simulator
        self.app = make_app(folder, simulator)
        known = self.app.extensions["matricula"]
        self.connector = known["targets"]["brightspace"].connector
        self.audit = known["audit"]
        self.consents = known["consents"]

    @property
    def browser(self) -> FlaskClient:
        client: FlaskClient = self.app.test_client()
        return client

    def consent(self) -> dict[str, str]:
        """Consent in the tenant, and return what it leads the browser back with."""
        url = self.consents.begin("brightspace", BACK)
        led = self.simulator.test_client().get(url.removeprefix("http://brightspace.test"))
        assert led.status_code == 302
        assert led.headers["Location"].startswith(BACK)
        return answer_of(led.headers["Location"])

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = list(self.audit.stream(None))[-1]
        return event

    def is_in(self) -> bool:
        try:
            return bool(self.connector.collections["User"].get("101") or True)
        except Exception:
            return False


@pytest.fixture
def door(tmp_path: Path, simulator: Simulator) -> Iterator[Door]:
    made = Door(tmp_path, simulator)
    yield made
    made.connector.close()
    made.app.extensions["matricula"]["database"].close()


def test_a_consent_lets_the_target_in(door: Door) -> None:
    assert not door.is_in()
    shown = door.browser.get(PATH, query_string=door.consent())
    assert shown.status_code == 200
    assert "brightspace is connected" in shown.text
    assert door.is_in()
    assert (door.event["operation"], door.event["outcome"]) == ("connect", "success")
    assert door.event["resourceType"] == "Target"


def test_the_page_leaks_nothing(door: Door) -> None:
    answer = door.consent()
    shown = door.browser.get(PATH, query_string=answer)
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert shown.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    for secret in (answer["code"], door.simulator.site.client_secret):
        assert secret not in shown.text
        assert secret not in str(list(door.audit.stream(None)))


def test_a_consent_serves_once(door: Door) -> None:
    answer = door.consent()
    assert door.browser.get(PATH, query_string=answer).status_code == 200
    again = door.browser.get(PATH, query_string=answer)
    assert again.status_code == 400
    assert "begin again" in again.text
    assert door.event["outcome"] == "failed"
    assert door.is_in()


@pytest.mark.parametrize("state", ["", "nonsense", "gAAAAABk", "é", "x" * 5000])
def test_a_state_that_is_not_ours_is_refused(door: Door, state: str) -> None:
    answer = {**door.consent(), "state": state}
    shown = door.browser.get(PATH, query_string=answer)
    assert shown.status_code == 400
    assert "<script" not in shown.text
    assert not door.is_in()


def test_a_state_that_is_too_old_is_refused(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = door.consent()
    monkeypatch.setattr("gateway.integrations.SECONDS", -1)
    assert door.browser.get(PATH, query_string=answer).status_code == 400
    assert not door.is_in()


def test_a_refusal_is_shown_and_recorded(door: Door) -> None:
    door.simulator.site.settings.consents = False
    shown = door.browser.get(PATH, query_string=door.consent())
    assert shown.status_code == 400
    assert "access_denied" in shown.text
    assert door.event["outcome"] == "failed"


def test_what_comes_back_is_no_markup(door: Door) -> None:
    answer = {**door.consent(), "error": "<script>alert(1)</script>"}
    assert "<script" not in door.browser.get(PATH, query_string=answer).text


def test_other_targets_need_no_consent(tmp_path: Path) -> None:
    config = tmp_path / "matricula.toml"
    config.write_text('[targets.memory]\nconnector = "memory"\n', encoding="utf-8")
    done = CliRunner().invoke(main, ["connect", "memory", "--config", str(config)])
    assert done.exit_code == 1
    assert "consent" in done.output


@pytest.fixture
def config(tmp_path: Path, simulator: Simulator) -> Iterator[Path]:
    """Give a configuration in front of a tenant on a port."""
    with served(simulator) as url:
        site = simulator.site
        path = tmp_path / "matricula.toml"
        path.write_text(
            'allow_clear_secrets = true\n[server]\npublic_url = "https://scim.example.edu"\n'
            '[targets.brightspace]\nconnector = "brightspace"\nallow_private_network = true\n'
            f'url = "{url}"\nauth_url = "{url}"\nclient_id = "{site.client_id}"\n'
            f'client_secret = "{site.client_secret}"\n',
            encoding="utf-8",
        )
        yield path


def consented(output: str) -> str:
    """Open the address that the command printed, as a browser; return where it leads back to."""
    address = next(line for line in output.splitlines() if line.startswith("http"))
    answer = httpx.get(address, follow_redirects=False)
    assert answer.status_code == 302
    return answer.headers["Location"]


def test_the_command_line_waits_for_the_answer(config: Path, simulator: Simulator) -> None:
    waiting = CliRunner()
    result: list[Any] = []
    arguments = ["connect", "brightspace", "--config", str(config)]
    printed = threading.Event()
    lines: list[str] = []

    def echo(text: Any = "", **more: Any) -> None:
        lines.append(str(text))
        if str(text).startswith("http"):
            printed.set()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gateway.cli.click.echo", echo)
        thread = threading.Thread(target=lambda: result.append(waiting.invoke(main, arguments)))
        thread.start()
        assert printed.wait(20)
        led = consented("\n".join(lines))
        answered = CliRunner().invoke(main, [*arguments, "--answer", led])
        thread.join(20)
    assert answered.exit_code == 0, answered.output
    assert result[0].exit_code == 0, result[0].output
    assert lines[-1] == "Target brightspace is connected."


def test_a_wrong_answer_is_refused_in_one_line(config: Path) -> None:
    led = f"{BACK}?{urlencode({'code': 'x', 'state': 'y'})}"
    arguments = ["connect", "brightspace", "--config", str(config), "--answer", led]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "begin again" in done.output


def test_a_role_that_does_not_exist_is_refused_at_start(config: Path, simulator: Simulator) -> None:
    token = simulator.site.consent()
    config.write_text(
        f'{config.read_text()}refresh_token = "{token}"\nconfig = {{ roleId = 99 }}\n',
        encoding="utf-8",
    )
    done = CliRunner().invoke(main, ["serve", "--port", "0", "--config", str(config)])
    assert done.exit_code == 1
    assert "config.roleId: there is no role 99" in done.output
    assert "110 Learner" in done.output
