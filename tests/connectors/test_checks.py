"""The set-up checks of all LMSs: what every one of them finds, and a cure for whatever is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from connectors.base import Connector, Finding, Options
from connectors.blackboard import Blackboard
from connectors.brightspace import Brightspace
from connectors.canvas import Canvas
from connectors.memory import Memory
from connectors.moodle import Moodle
from tests.connectors.blackboard import joined as blackboard
from tests.connectors.brightspace import joined as brightspace
from tests.connectors.canvas import joined as canvas
from tests.connectors.moodle import site as moodle

LMSS: dict[str, tuple[Any, Callable[[Options], Connector]]] = {
    "moodle": (moodle, Moodle),
    "canvas": (canvas, Canvas),
    "brightspace": (brightspace, Brightspace),
    "blackboard": (blackboard, Blackboard),
}
every_lms = pytest.mark.parametrize("lms", LMSS)


class Road(httpx.BaseTransport):
    """The road to a simulator, on which answers are changed or not given at all."""

    def __init__(
        self, simulator: Any, change: Callable[[httpx.Request, httpx.Response], httpx.Response]
    ) -> None:
        self._simulator = httpx.WSGITransport(app=simulator)
        self._change = change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._change(request, self._simulator.handle_request(request))


def findings(
    lms: str, change: Callable[[httpx.Request, httpx.Response], httpx.Response], **given: Any
) -> list[Finding]:
    """Return what the check of a target finds on a road that changes answers."""
    module, connector = LMSS[lms]
    simulator = module.joined(users=9).simulator
    return list(connector(module.options(simulator, transport=Road(simulator, change))).check())


def levels(found: list[Finding], words: str) -> set[str]:
    return {finding.level for finding in found if words in finding.text}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)


def of_time(ahead: float) -> Callable[[httpx.Request, httpx.Response], httpx.Response]:
    def dated(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        response.headers["Date"] = formatdate(time.time() + ahead, usegmt=True)
        return response

    return dated


@every_lms
@pytest.mark.parametrize("ahead", [0, 45, -45])
def test_clocks_that_agree(lms: str, ahead: float) -> None:
    assert levels(findings(lms, of_time(ahead)), "clocks agree") == {"ok"}


@every_lms
@pytest.mark.parametrize(("ahead", "side"), [(90, "ahead of"), (-7200, "behind")])
def test_a_clock_that_is_wrong_is_a_warning(lms: str, ahead: float, side: str) -> None:
    found = findings(lms, of_time(ahead))
    clocks = [finding for finding in found if f"seconds {side} this machine's" in finding.text]
    assert clocks
    assert {finding.level for finding in clocks} == {"warning"}
    assert all("NTP" in finding.cure for finding in clocks)


@every_lms
def test_an_lms_that_tells_no_time(lms: str) -> None:
    assert levels(findings(lms, lambda request, response: response), "tells no time") == {"ok"}


@every_lms
@pytest.mark.parametrize("status", [301, 302, 308])
def test_a_redirection_is_told_with_the_line_to_write(lms: str, status: int) -> None:
    def moved(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.url.host.startswith("auth."):
            return response
        to = request.url.copy_with(scheme="https", host="new.example.edu")
        return httpx.Response(status, headers={"Location": str(to)})

    (error,) = findings(lms, moved)
    assert error.level == "error"
    assert "https://new.example.edu" in error.text
    assert error.cure == f'Write url = "https://new.example.edu" in [targets.{lms}]'


@every_lms
def test_an_lms_that_cannot_be_reached(lms: str) -> None:
    def cut(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    (error,) = findings(lms, cut)
    assert error.level == "error"
    assert "cannot be reached" in error.text
    assert f"[targets.{lms}]" in error.cure


@every_lms
@pytest.mark.parametrize("status", [401, 403, 404, 418, 429, 500, 503])
def test_an_lms_that_only_refuses_is_an_error_with_a_cure(lms: str, status: int) -> None:
    found = findings(lms, lambda request, response: httpx.Response(status, text="no"))
    assert "error" in {finding.level for finding in found}
    assert cured(found)


@every_lms
@pytest.mark.parametrize("status", [403, 500])
@pytest.mark.parametrize("every", [2, 3, 5])
def test_whatever_is_wrong_has_a_cure(lms: str, status: int, every: int) -> None:
    calls = 0

    def unwell(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        nonlocal calls
        calls += 1
        refused = calls % every == 0 and calls > 4
        return httpx.Response(status, text="no") if refused else response

    assert cured(findings(lms, unwell))


def cured(found: list[Finding]) -> bool:
    return all(finding.cure for finding in found if finding.level != "ok")


def test_the_memory_has_nothing_to_complain_of() -> None:
    assert {finding.level for finding in Memory(Options("memory")).check()} == {"ok"}
