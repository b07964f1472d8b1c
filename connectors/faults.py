"""Faults that every LMS simulator shares: a WSGI middleware that spoils chosen calls.

A fault is added once and used up by the next `times` calls that it matches:

    faults.add("status", status=429, retry_after=2)
    faults.add("timeout_after", match="core_user_create_users", delay=5)
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

CONTROL_PREFIX = "/_simulator/"
"""Paths of a simulator's own control routes; no fault touches them."""

KINDS = frozenset(
    {
        "status",
        "timeout_before",
        "timeout_after",
        "drop_before",
        "drop_after",
        "truncated",
        "html",
    }
)

HTML_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sorry</title></head><body>Sorry</body></html>\n"


class ConnectionDropped(ConnectionResetError):
    """The connection ended without a usable answer."""


@dataclass(slots=True)
class Fault:
    """One planned fault: what goes wrong, for which calls, and how often."""

    kind: str
    match: str | None = None
    times: int = 1
    delay: float = 0
    retry_after: str | int | None = None
    status: int = 503

    def concerns(self, target: str, body: bytes) -> bool:
        """Tell whether `match` occurs in the path with its query, or in the body."""
        return self.match is None or self.match in target or self.match.encode() in body


@dataclass(slots=True)
class _Answer:
    status: str
    headers: list[tuple[str, str]]
    body: bytes


class Faults:
    """A WSGI application around another one that answers wrongly when told to.

    Kinds: `status` (answers `status`, with `Retry-After` if given, without running the call),
    `timeout_before` (waits `delay` seconds, answers 504 without running the call), `timeout_after`
    (runs the call, waits, then answers it), `drop_before` and `drop_after` (the connection ends,
    without and with the call having run), `truncated` (runs the call and sends half of the body
    under the full content-length), `html` (200 with an HTML page, without running the call).
    """

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    @property
    def planned(self) -> list[Fault]:
        """The faults that are not used up yet, in the order in which they will be looked at."""
        with self._lock:
            return list(self._planned)

    def add(
        self,
        kind: str,
        match: str | None = None,
        times: int = 1,
        delay: float = 0,
        retry_after: str | int | None = None,
        status: int = 503,
    ) -> Fault:
        """Plan a fault for the next `times` matching calls; an unknown kind is a ValueError."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; one of {', '.join(sorted(KINDS))}")
        fault = Fault(kind, match, times, delay, retry_after, status)
        with self._lock:
            self._planned.append(fault)
        return fault

    def clear(self) -> None:
        """Forget every planned fault."""
        with self._lock:
            self._planned.clear()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(CONTROL_PREFIX) or not self._planned:
            return self.application(environ, start_response)
        body = _read_body(environ)
        fault = self._take(f"{path}?{environ.get('QUERY_STRING', '')}", body)
        if fault is None:
            return self.application(environ, start_response)
        return self._spoil(fault, environ, start_response)

    def _take(self, target: str, body: bytes) -> Fault | None:
        with self._lock:
            for fault in self._planned:
                if fault.concerns(target, body):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._planned.remove(fault)
                    return fault
        return None

    def _spoil(
        self, fault: Fault, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        match fault.kind:
            case "timeout_before":
                time.sleep(fault.delay)
                answer = _plain_answer(504)
            case "timeout_after":
                answer = _run(self.application, environ)
                time.sleep(fault.delay)
            case "drop_before":
                return _dropped(environ, start_response)
            case "drop_after":
                _run(self.application, environ)
                return _dropped(environ, start_response)
            case "truncated":
                answer = _run(self.application, environ)
                answer.headers = _with_length(answer.headers, len(answer.body))
                answer.body = answer.body[: len(answer.body) // 2]
            case "html":
                answer = _Answer(
                    "200 OK", [("Content-Type", "text/html; charset=utf-8")], HTML_PAGE
                )
            case _:
                answer = _plain_answer(fault.status, fault.retry_after)
        start_response(answer.status, answer.headers)
        return [answer.body]


def _read_body(environ: WSGIEnvironment) -> bytes:
    """Read the whole request body and put it back for the application."""
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    if length:
        body: bytes = stream.read(int(length))
    elif environ.get("wsgi.input_terminated"):
        body = stream.read()
        environ["CONTENT_LENGTH"] = str(len(body))
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _run(application: WSGIApplication, environ: WSGIEnvironment) -> _Answer:
    """Run the call to its end and hold its answer back."""
    answer = _Answer("500 Internal Server Error", [], b"")
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> object:
        answer.status, answer.headers = status, list(headers)
        return written.append

    chunks = application(environ, start_response)  # type: ignore[arg-type]
    try:
        written.extend(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    answer.body = b"".join(written)
    return answer


def _plain_answer(status: int, retry_after: str | int | None = None) -> _Answer:
    phrase = HTTPStatus(status).phrase
    body = f"{status} {phrase}\n".encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    return _Answer(f"{status} {phrase}", headers, body)


def _with_length(headers: list[tuple[str, str]], length: int) -> list[tuple[str, str]]:
    kept = [header for header in headers if header[0].lower() != "content-length"]
    return [*kept, ("Content-Length", str(length))]


def _dropped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Announce an answer and break off before its first byte.

    Most servers close the connection when the body raises. Werkzeug's would wait for the client
    instead, so its socket is shut; granian ends such an answer as an empty one.
    """
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return _broken(environ.get("werkzeug.socket"))


def _broken(connection: socket.socket | None) -> Iterator[bytes]:
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionDropped("the connection was dropped")
    yield b""
