"""The road to an LMS: retries, breaker, timeouts, origins and addresses."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from connectors.base import Options
from connectors.http import (
    ATTEMPTS,
    Breaker,
    HttpClient,
    Redirected,
    counted,
    request_id,
    retry_after,
)
from connectors.ticket import NoWrite
from schemas.errors import ScimError
from tests.connectors.operations import TICKET

URL = "https://lms.example.edu/base"


class Lms:
    """Answers in turn what it is given: statuses, responses, exceptions; then 200."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, text="{}") if isinstance(answer, int) else answer


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits that would have been made, without what chance adds to them."""
    waits: list[float] = []
    monkeypatch.setattr("connectors.http.time.sleep", waits.append)
    monkeypatch.setattr("connectors.http.random.uniform", lambda low, high: low)
    return waits


def client(
    lms: Callable[[httpx.Request], httpx.Response],
    *,
    is_throttled: Callable[[httpx.Response], bool] = lambda response: False,
    **given: Any,
) -> HttpClient:
    values: dict[str, Any] = {"name": "lms", "url": URL, "allow_private_network": True}
    transport = httpx.MockTransport(lms)
    return HttpClient(Options(**{**values, "transport": transport, **given}), is_throttled)


def read(http: HttpClient, path: str = "/x", **more: Any) -> httpx.Response:
    return http.send("GET", path, permit=NoWrite.READ, name="reading", repeatable=True, **more)


def write(http: HttpClient, path: str = "/x") -> httpx.Response:
    return http.send("POST", path, permit=TICKET, name="writing", repeatable=False, content=b"a=b")


def busy(status: int, wait: str) -> httpx.Response:
    return httpx.Response(status, headers={"Retry-After": wait})


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 401, 403, 404, 409, 418])
def test_an_answer_below_500_is_returned_as_it_is(status: int, waited: list[float]) -> None:
    lms = Lms(status)
    assert read(client(lms)).status_code == status
    assert len(lms.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_lms_is_asked_again_when_it_says(status: int, waited: list[float]) -> None:
    lms = Lms(busy(status, "3"), busy(status, "0"))
    with counted() as counter:
        assert read(client(lms)).status_code == 200
    assert waited == [3.0, 0.0]
    assert counter.calls == 3


@pytest.mark.parametrize(
    "failure", [429, 500, 502, 503, httpx.ConnectError("no"), httpx.ReadError("cut"),
                httpx.RemoteProtocolError("half a body")]
)  # fmt: skip
def test_a_read_recovers_from_one_failure(failure: Any, waited: list[float]) -> None:
    lms = Lms(failure)
    assert read(client(lms)).status_code == 200
    assert len(lms.requests) == 2
    assert waited == [0.2]


@pytest.mark.parametrize(
    ("failure", "status"),
    [(429, 503), (503, 503), (500, 502), (502, 502), (httpx.ConnectError("no"), 503),
     (httpx.RemoteProtocolError("x"), 502)],
)  # fmt: skip
def test_a_read_gives_up_after_three_attempts(
    failure: Any, status: int, waited: list[float]
) -> None:
    lms = Lms(failure, failure, failure, 200)
    with pytest.raises(ScimError) as refused:
        read(client(lms))
    assert (refused.value.status, refused.value.unknown) == (status, False)
    assert len(lms.requests) == ATTEMPTS
    assert waited == [0.2, 0.8]


def test_a_call_that_the_lms_refuses_unexecuted_is_sent_again_whatever_it_is(
    waited: list[float],
) -> None:
    def is_throttled(response: httpx.Response) -> bool:
        return response.status_code == 403 and b"Rate" in response.content

    full = httpx.Response(403, text="Rate Limit Exceeded")
    lms = Lms(full, full, full, full, full, 200)
    assert write(client(lms, is_throttled=is_throttled)).status_code == 200
    assert waited == [0.2, 0.8, 3.2, 5.0, 5.0]
    lms = Lms(*[full] * 6, 200)
    with pytest.raises(ScimError) as refused:
        write(client(lms, is_throttled=is_throttled))
    assert (refused.value.status, refused.value.unknown) == (503, False)


def test_a_long_wait_is_left_to_the_caller(waited: list[float]) -> None:
    lms = Lms(busy(429, "600"))
    with pytest.raises(ScimError) as refused:
        read(client(lms))
    assert (refused.value.status, refused.value.retry_after) == (503, 600)
    assert len(lms.requests) == 1
    assert waited == []


@pytest.mark.parametrize(
    ("failure", "status", "unknown"),
    [
        (429, 503, False),
        (503, 503, False),
        (500, 502, True),
        (502, 502, True),
        (504, 504, True),
        (httpx.ReadTimeout("no"), 504, True),
        (httpx.WriteTimeout("no"), 504, True),
        (httpx.ReadError("no"), 502, True),
        (httpx.WriteError("no"), 502, True),
        (httpx.RemoteProtocolError("no"), 502, True),
    ],
)
def test_a_write_is_sent_once_and_may_be_of_unknown_outcome(
    failure: Any, status: int, unknown: bool, waited: list[float]
) -> None:
    lms = Lms(failure)
    with pytest.raises(ScimError) as refused:
        write(client(lms))
    assert (refused.value.status, refused.value.unknown) == (status, unknown)
    assert len(lms.requests) == 1
    assert waited == []


@pytest.mark.parametrize("failure", [httpx.ConnectError("no"), httpx.ConnectTimeout("no")])
def test_a_write_that_never_left_is_tried_again(failure: Any, waited: list[float]) -> None:
    lms = Lms(failure)
    assert write(client(lms)).status_code == 200
    with pytest.raises(ScimError) as refused:
        write(client(Lms(failure, failure, failure)))
    assert (refused.value.status, refused.value.unknown) == (503, False)


def test_a_read_that_is_not_answered_in_time_is_a_504(waited: list[float]) -> None:
    lms = Lms(httpx.ReadTimeout("slow"))
    with pytest.raises(ScimError) as refused:
        read(client(lms))
    assert (refused.value.status, refused.value.unknown) == (504, False)
    assert len(lms.requests) == 1


def test_the_timeout_of_the_target_is_used() -> None:
    lms = Lms()
    read(client(lms, timeout=7.0))
    limits = lms.requests[0].extensions["timeout"]
    assert (limits["read"], limits["write"], limits["connect"]) == (7.0, 7.0, 5.0)


def test_no_exception_text_of_the_library_is_shown(waited: list[float]) -> None:
    with pytest.raises(ScimError) as refused:
        write(client(Lms(httpx.ReadError("secret 10.1.2.3"))))
    assert "10.1.2.3" not in refused.value.detail
    assert refused.value.__cause__ is None


class Clock:
    """A clock that only tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("connectors.http.time.monotonic", made)
    return made


def test_a_breaker_opens_lets_one_through_and_closes(clock: Clock) -> None:
    breaker = Breaker(limit=3, pause=10)
    for _ in range(3):
        assert not breaker.is_open
        breaker.admit()
        breaker.failed()
    assert breaker.is_open
    with pytest.raises(ScimError) as refused:
        breaker.admit()
    assert (refused.value.status, refused.value.retry_after) == (503, 10)
    clock.now += 10
    assert not breaker.is_open
    breaker.admit()
    with pytest.raises(ScimError):
        breaker.admit()  # only one is let through to try
    breaker.succeeded()
    breaker.admit()
    breaker.admit()


def test_a_breaker_stays_open_while_the_trial_fails(clock: Clock) -> None:
    breaker = Breaker(limit=1, pause=10)
    breaker.failed()
    clock.now += 10
    breaker.admit()
    breaker.failed()
    assert breaker.is_open


def test_an_open_breaker_makes_no_call(clock: Clock, waited: list[float]) -> None:
    lms = Lms(*[500] * 8)
    http = client(lms)
    for _ in range(8):
        with pytest.raises(ScimError):
            write(http)
    with counted() as counter, pytest.raises(ScimError) as refused:
        write(http)
    assert (refused.value.status, refused.value.unknown) == (503, False)
    assert refused.value.retry_after == 15
    assert counter.calls == 0
    clock.now += 15
    assert write(http).status_code == 200
    assert write(http).status_code == 200


def test_refusals_and_busy_answers_do_not_open_the_breaker(waited: list[float]) -> None:
    http = client(Lms(*[404, 429] * 20))
    for _ in range(20):
        write(http)
        with pytest.raises(ScimError):
            write(http)
    assert not http.breaker.is_open


@pytest.mark.parametrize(
    "link",
    [
        *("https://evil.example/base/x", "http://lms.example.edu/base/x", "//evil.example/x"),
        *("https://lms.example.edu:8443/x", "https://lms.example.edu.evil.example/x"),
        *("https://lms.example.edu@evil.example/x", "ftp://lms.example.edu/x"),
        "https://lms.example.edu@evil.example/x",
        "https://lms.example.edu.evil.example/x",
        "https://user@lms.example.edu/x",
        "https://lms.example.edu\\@evil.example/x",
    ],
)
def test_a_link_to_another_origin_is_not_followed(link: str) -> None:
    lms = Lms()
    with pytest.raises(ScimError) as refused:
        read(client(lms), link)
    assert refused.value.status == 502
    assert lms.requests == []


@pytest.mark.parametrize(
    "link", ["https://lms.example.edu/next?page=2", "https://LMS.example.edu:443/next?page=2"]
)
def test_a_link_of_the_same_origin_is_followed(link: str) -> None:
    lms = Lms()
    read(client(lms), link)
    assert (lms.requests[0].url.host, lms.requests[0].url.path) == ("lms.example.edu", "/next")


@pytest.mark.parametrize("link", ["@evil.example/x", ".evil.example/x", "next?u=https://a.example"])
def test_a_relative_link_stays_on_the_origin(link: str) -> None:
    lms = Lms()
    read(client(lms), link)
    assert lms.requests[0].url.host == "lms.example.edu"


@pytest.mark.parametrize(
    ("location", "shown", "url"),
    [
        ("https://new.example/base/x", "https://new.example ", "https://new.example/base"),
        ("https://new.example/lms/x?a=1", "https://new.example ", "https://new.example/lms"),
        ("https://new.example/", "https://new.example ", "https://new.example"),
        ("http://lms.example.edu/base/x", "http://lms.example.edu ", "http://lms.example.edu/base"),
        ("/other/x", "https://lms.example.edu ", "https://lms.example.edu/other"),
        ("https://u:secret@new.example/base/x", "https://new.example ", "https://new.example/base"),
        ("https://lms.example.edu/base/x?again", "https://lms.example.edu ", ""),
        ("/base/login/index.php", "https://lms.example.edu ", ""),
        ("ftp://new.example/secret", "https://lms.example.edu ", ""),
        ("https://[secret", "https://lms.example.edu ", ""),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_not_followed_and_says_where_it_leads(
    location: str, shown: str, url: str, status: int
) -> None:
    lms = Lms(httpx.Response(status, headers={"Location": location}))
    with pytest.raises(Redirected) as refused:
        write(client(lms))
    assert len(lms.requests) == 1
    assert (refused.value.status, refused.value.unknown) == (502, False)
    assert shown in refused.value.detail
    assert "secret" not in refused.value.detail
    assert refused.value.url == url


def test_whoever_wants_a_redirection_gets_it() -> None:
    lms = Lms(httpx.Response(302, headers={"Location": "https://evil.example/"}))
    assert read(client(lms), redirects=True).status_code == 302
    assert len(lms.requests) == 1


def test_a_write_that_is_answered_by_see_other_may_have_been_done() -> None:
    lms = Lms(httpx.Response(303, headers={"Location": "/base/done"}))
    with pytest.raises(Redirected) as refused:
        write(client(lms))
    assert refused.value.unknown


@pytest.mark.parametrize("ahead", [0, 300, -300])
def test_the_clock_of_the_lms_is_known_by_its_last_answer(ahead: int) -> None:
    headers = {"Date": formatdate(time.time() + ahead, usegmt=True)}
    http = client(Lms(httpx.Response(200, headers=headers)))
    assert http.clock_ahead is None
    read(http)
    assert http.clock_ahead == pytest.approx(ahead, abs=3)


@pytest.mark.parametrize("date", ["", "soon", "Wed, 99 Oct 2015"])
def test_an_lms_may_tell_no_time(date: str) -> None:
    http = client(Lms(httpx.Response(200, headers={"Date": date})))
    read(http)
    assert http.clock_ahead is None


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """Give the port of a server that only notes what it is sent, and its notes."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                got.append(connection.recv(1))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], got
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_name_that_leads_to_a_private_address_later_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, listener: tuple[int, list[bytes]]
) -> None:
    port, got = listener
    led = {"rebinding.example": "93.184.215.14"}
    before = socket.getaddrinfo

    def looked_up(host: Any, *given: Any, **more: Any) -> Any:
        return before(led.get(host, host), *given, **more)

    monkeypatch.setattr("socket.getaddrinfo", looked_up)
    http = HttpClient(Options("lms", f"https://rebinding.example:{port}"))
    led["rebinding.example"] = "127.0.0.1"
    with pytest.raises(ScimError, match="private network") as refused:
        write(http)
    assert (refused.value.status, refused.value.unknown) == (502, False)
    deadline = time.monotonic() + 5
    while not got and time.monotonic() < deadline:
        time.sleep(0.01)
    assert got == [b""]
    http.close()


def test_a_connection_that_ends_at_once_counts_as_none(
    address: str, monkeypatch: pytest.MonkeyPatch, waited: list[float]
) -> None:
    def ended(self: object) -> Any:
        raise OSError(107, "Transport endpoint is not connected")

    class Socket(socket.socket):
        getpeername = ended  # type: ignore[assignment]

    monkeypatch.setattr("socket.socket", Socket)
    http = HttpClient(Options("lms", address, allow_private_network=True))
    with pytest.raises(ScimError, match="cannot be reached") as refused:
        write(http)
    assert (refused.value.status, refused.value.unknown) == (503, False)
    http.close()


def test_a_private_address_that_is_allowed_is_connected_to(address: str) -> None:
    http = HttpClient(Options("lms", address, allow_private_network=True))
    assert read(http).status_code == 200
    http.close()


@pytest.fixture
def simulator() -> Any:
    def application(environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"here"]

    return application


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "DNS"),
        (ConnectionRefusedError(111, "refused"), "nothing listens"),
        (ssl.SSLCertVerificationError(1, "secret"), "certificate is not accepted"),
        (OSError("secret"), "ConnectError"),
    ],
)
def test_why_an_lms_cannot_be_reached_is_said(
    cause: Exception, words: str, waited: list[float]
) -> None:
    problem = httpx.ConnectError("secret")
    problem.__cause__ = cause
    if isinstance(cause, ssl.SSLCertVerificationError):
        cause.verify_message = "certificate has expired"
    with pytest.raises(ScimError) as refused:
        read(client(Lms(problem, problem, problem)))
    assert words in refused.value.detail
    assert "secret" not in refused.value.detail


def test_the_request_id_travels_on(waited: list[float]) -> None:
    lms = Lms()
    http = client(lms)
    for identifier in ("abc-123", ""):
        token = request_id.set(identifier)
        try:
            read(http)
        finally:
            request_id.reset(token)
    assert lms.requests[0].headers["X-Request-ID"] == "abc-123"
    assert "X-Request-ID" not in lms.requests[1].headers


def test_every_call_is_observed(waited: list[float]) -> None:
    seen: list[tuple[str, str, str, bool]] = []

    def observe(target: str, call: str, outcome: str, seconds: float, is_open: bool) -> None:
        assert seconds >= 0
        seen.append((target, call, outcome, is_open))

    read(client(Lms(503, httpx.ReadError("x")), observe=observe))
    assert seen == [
        ("lms", "reading", "503", False),
        ("lms", "reading", "failed", False),
        ("lms", "reading", "200", False),
    ]


def test_calls_are_counted_where_they_are_made(waited: list[float]) -> None:
    http = client(Lms(503))
    with counted() as outer:
        write_fails = pytest.raises(ScimError)
        with write_fails:
            write(http)
        with counted() as inner:
            read(http)
            read(http)
        read(http)
    assert (outer.calls, inner.calls) == (2, 2)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("", None), ("5", 5), (" 5 ", 5), ("0", 0), ("-3", 0), ("1.5", 1.5),
        ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 99 Oct 2015", None),
    ],
)  # fmt: skip
def test_retry_after_is_read(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_may_be_a_date() -> None:
    wait = retry_after(formatdate(time.time() + 100, usegmt=True))
    assert wait is not None
    assert 90 < wait <= 100


@pytest.mark.parametrize(
    ("method", "permit"),
    [("POST", NoWrite.READ), ("DELETE", NoWrite.READ), ("GET", None), ("POST", None), ("PUT", 7)],
)
def test_a_call_without_a_permit_is_not_sent(method: str, permit: Any) -> None:
    lms = Lms()
    with pytest.raises(TypeError, match="ticket"):
        client(lms).send(method, "/x", permit=permit, name="writing", repeatable=False)
    assert not lms.requests
