"""The road to every LMS, and the only module that imports httpx.

One client per target with a pool, timeouts, retries of what may be repeated, a circuit breaker,
and the rule that requests stay on the target's own origin, so that no token leaks.
"""

from __future__ import annotations

import contextvars
import itertools
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cache
from typing import IO, Any

import httpx

from connectors.base import Options
from connectors.rehearsal import Rehearsal
from connectors.ticket import Permit, demand_permit
from connectors.urls import base_behind, base_url, origin, refuse_address
from schemas.errors import ScimError

Response = httpx.Response

ATTEMPTS = 3
THROTTLED_ATTEMPTS = 6
LONGEST_WAIT = 10.0
USER_AGENT = "Matricula"
_KNOWN_URLS = 256

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
_counter: contextvars.ContextVar[Counter | None] = contextvars.ContextVar("counter", default=None)


class Counter:
    """How many upstream calls were made, retries included."""

    def __init__(self) -> None:
        self.calls = 0
        self._lock = threading.Lock()

    def count(self) -> None:
        """Count a call, made by whichever thread."""
        with self._lock:
            self.calls += 1


@contextmanager
def counted() -> Iterator[Counter]:
    """Count the upstream calls made inside the block."""
    counter = Counter()
    token = _counter.set(counter)
    try:
        yield counter
    finally:
        _counter.reset(token)


class Breaker:
    """A circuit breaker: after `limit` failures in a row it refuses calls for `pause` seconds.

    Then one call is let through to try. pybreaker is not used because it holds one lock around
    the call itself and so would let only one call at a time through to an LMS.
    """

    def __init__(self, limit: int = 8, pause: float = 15.0) -> None:
        self.limit = limit
        self.pause = pause
        self._failures = 0
        self._closed_at = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Tell whether calls are being refused."""
        return self._failures >= self.limit and time.monotonic() < self._closed_at

    def admit(self) -> None:
        """Let a call through or raise 503 with the seconds to wait."""
        if self._failures < self.limit:
            return
        with self._lock:
            left = self._closed_at - time.monotonic()
            if left > 0:
                raise ScimError(
                    503,
                    f"The LMS failed {self._failures} times in a row; "
                    f"the next call is tried in {left:.0f} seconds.",
                    retry_after=left,
                )
            self._closed_at = time.monotonic() + self.pause

    def succeeded(self) -> None:
        """Note an answer."""
        self._failures = 0

    def failed(self) -> None:
        """Note a failure of the LMS or of the road to it."""
        with self._lock:
            self._failures += 1
            if self._failures >= self.limit:
                self._closed_at = time.monotonic() + self.pause


class HttpClient:
    """The HTTP conversation with one LMS; `url` is its base, without a trailing slash.

    `is_throttled` knows an answer by which the LMS refuses a call unexecuted because there are too
    many: then any call is sent again, up to six times.
    """

    def __init__(
        self, options: Options, is_throttled: Callable[[Response], bool] = lambda response: False
    ) -> None:
        self._is_throttled = is_throttled
        self.url = base_url(options.url, allow_private_network=options.allow_private_network)
        self.breaker = Breaker()
        self.name = options.name
        self._observe = options.observe
        limits = httpx.Limits(
            max_connections=options.connections,
            max_keepalive_connections=options.connections,
            keepalive_expiry=60,
        )
        # The transport is used without a client around it: no cookies, no redirects, no proxies
        # of the environment are wanted, and that saves a third of a call's own time.
        self._transport: httpx.BaseTransport = options.transport or httpx.HTTPTransport(
            limits=limits, verify=_ssl_context(), trust_env=False
        )
        # Whoever waits for a connection waits here, whatever the transport is.
        self._free = threading.BoundedSemaphore(options.connections)
        self._patience = options.timeout
        timeout = httpx.Timeout(options.timeout, connect=min(5.0, options.timeout))
        self._extensions = {"timeout": timeout.as_dict(), "trace": self._refuse_connection}
        self._allow_private_network = options.allow_private_network
        self._urls: dict[str, httpx.URL] = {}
        self._dated: tuple[str, float] | None = None

    @property
    def clock_ahead(self) -> float | None:
        """How many seconds the LMS's clock is ahead of this machine's, None when it tells no time.

        By the Date of its last answer (RFC 9110 section 6.6.1), so to a second and its way here.
        """
        if self._dated is None:
            return None
        date, came = self._dated
        try:
            return parsedate_to_datetime(date).timestamp() - came
        except ValueError:
            return None

    def send(
        self,
        method: str,
        path: str,
        *,
        permit: Permit,
        name: str,
        repeatable: bool,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        redirects: bool = False,
        into: IO[bytes] | None = None,
    ) -> httpx.Response:
        """Send one request and return the answer, whatever its status below 500 but 429.

        The body of the answer goes `into` a file, where one is given, and not into memory.

        Where the LMS leads on to another URL, that is never followed: it is returned with
        `redirects`, else raised as Redirected.

        `path` is relative to the base or a link of the same origin. `permit` is the ticket of a
        write, or why the call is none; without one it is a TypeError, and nothing is sent. `name`
        is the call's name in metrics. A `repeatable` call is sent up to three times while the LMS
        is busy or does not answer. Raises ScimError: 503 not reachable or busy, 502 broken answer,
        504 no answer in time; `unknown` is set when the call may have been carried out.
        """
        demand_permit(permit, method)
        if isinstance(permit, Rehearsal):
            return httpx.Response(200, content=permit.take(method, path, content))
        sent = {"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})}
        if identifier := request_id.get():
            sent["X-Request-ID"] = identifier
        request = httpx.Request(
            method,
            self._absolute(path),
            headers=sent,
            content=content,
            extensions=self._extensions,
        )
        for attempt in itertools.count(1):
            try:
                response = self._send_once(request, name, repeatable, into)
            except _Again as again:
                wait = again.wait if again.wait is not None else _back_off(attempt)
                if attempt >= again.attempts or wait > LONGEST_WAIT:
                    raise again.error from None
                time.sleep(wait)
            else:
                break
        if response.has_redirect_location and not redirects:
            raise Redirected(self.url, response, repeatable=repeatable)
        return response

    def close(self) -> None:
        """Close the pool."""
        self._transport.close()

    def _absolute(self, path: str) -> httpx.URL:
        """Return the URL of a path below the base, or of a link that the LMS gave.

        Paths that were used before need no new parsing. A link is resolved first and then must
        lead to the base's own origin.
        """
        known = self._urls.get(path)
        if known is not None:
            return known
        if path.startswith("/") and not path.startswith("//"):
            url = httpx.URL(self.url + path)
            if len(self._urls) < _KNOWN_URLS:
                self._urls[path] = url
            return url
        try:
            url = httpx.URL(self.url + "/").join(path)
        except httpx.InvalidURL:
            raise ScimError(502, "The LMS sent a link that is no URL.") from None
        if origin(str(url)) != origin(self.url) or url.userinfo:
            raise ScimError(502, "The LMS sent a link that leads to another site; not followed.")
        return url

    def _refuse_connection(self, event: str, info: dict[str, Any]) -> None:
        """Close a connection to an address that is not allowed, before anything is sent.

        The name may lead elsewhere than when it was looked at, perhaps by intent (DNS rebinding).
        """
        if event != "connection.connect_tcp.complete":
            return
        stream = info["return_value"]
        allowed = self._allow_private_network
        try:
            address = stream.get_extra_info("server_addr")[0]
            refuse_address(address, "the address behind the URL", allow_private_network=allowed)
        except OSError as error:
            # The connection has ended already.
            stream.close()
            raise httpx.ConnectError(type(error).__name__) from error
        except ValueError as error:
            stream.close()
            raise ScimError(502, f"Not connected: {error}.") from None

    def _send_once(
        self, request: httpx.Request, name: str, repeatable: bool, into: IO[bytes] | None
    ) -> httpx.Response:
        if not self._free.acquire(timeout=self._patience):
            # The LMS is not to blame.
            raise ScimError(503, "Too many calls to the LMS at once.", retry_after=1)
        try:
            self.breaker.admit()
            return self._judged(self._answer(request, name, repeatable, into), repeatable)
        finally:
            self._free.release()

    def _answer(
        self, request: httpx.Request, name: str, repeatable: bool, into: IO[bytes] | None
    ) -> httpx.Response:
        if (counter := _counter.get()) is not None:
            counter.count()
        started = time.perf_counter()
        outcome = "failed"
        try:
            response = self._transport.handle_request(request)
            response.request = request
            _read(response, into)
            outcome = str(response.status_code)
            self._dated = response.headers.get("Date", ""), time.time()
        except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
            self.breaker.failed()
            raise _Again(
                ScimError(503, f"The LMS cannot be reached: {_reason(problem)}.")
            ) from None
        except httpx.TimeoutException:
            self.breaker.failed()
            error = ScimError(504, "The LMS did not answer in time.", unknown=not repeatable)
            raise error from None
        except httpx.HTTPError as problem:
            self.breaker.failed()
            error = ScimError(
                502,
                f"The connection to the LMS broke: {_reason(problem)}.",
                unknown=not repeatable,
            )
            raise (_Again(error) if repeatable else error) from None
        finally:
            if self._observe is not None:
                seconds = time.perf_counter() - started
                self._observe(self.name, name, outcome, seconds, self.breaker.is_open)
        return response

    def _judged(self, response: httpx.Response, repeatable: bool) -> httpx.Response:
        status = response.status_code
        wait = retry_after(response.headers.get("Retry-After"))
        if self._is_throttled(response):
            raise _Again(Busy(429, response, wait), wait, THROTTLED_ATTEMPTS)
        if status < 500 and status != 429:
            self.breaker.succeeded()
            return response
        if status in (429, 503):
            if status == 503:
                self.breaker.failed()
            busy = Busy(status, response, wait)
            raise (_Again(busy, wait) if repeatable else busy)
        self.breaker.failed()
        error = ScimError(
            504 if status == 504 else 502,
            f"The LMS answered with status {status}.",
            unknown=not repeatable,
        )
        raise (_Again(error) if repeatable and status != 504 else error)


class Busy(ScimError):
    """503: the LMS said 429 or 503; `response` lets a client look for the reason."""

    def __init__(self, status: int, response: httpx.Response, wait: float | None) -> None:
        why = "wants fewer requests" if status == 429 else "is not available at the moment"
        super().__init__(503, f"The LMS {why} (status {status}).", retry_after=wait)
        self.response = response


class Redirected(ScimError):
    """502: the LMS leads on to another URL; `url` is the base to configure instead, "" for none."""

    def __init__(self, base: str, response: httpx.Response, *, repeatable: bool) -> None:
        asked, status = str(response.request.url), response.status_code
        url = base_behind(base, asked, response.headers["Location"])
        self.url = "" if url == base else url
        scheme, host, _ = origin(url or base)
        super().__init__(
            502,
            f"The LMS redirects to {scheme}://{host} (status {status}), which is not followed: "
            "the url in the configuration must be the one that it leads to.",
            unknown=status == 303 and not repeatable,
        )


class _Again(Exception):
    """A failure after which a call may be sent again, after `wait` seconds."""

    def __init__(
        self, error: ScimError, wait: float | None = None, attempts: int = ATTEMPTS
    ) -> None:
        super().__init__(error.detail)
        self.error = error
        self.wait = wait
        self.attempts = attempts


def _read(response: httpx.Response, into: IO[bytes] | None) -> None:
    if into is None:
        response.read()
        return
    try:
        # What an attempt before has left is gone.
        into.seek(0)
        into.truncate()
        for part in response.iter_bytes():
            into.write(part)
    finally:
        response.close()


def _back_off(attempt: int) -> float:
    """Return the seconds before the next attempt, never the same for two callers."""
    return min(0.2 * 4.0 ** (attempt - 1), LONGEST_WAIT / 2) * random.uniform(1.0, 1.5)


def retry_after(header: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, or None (RFC 9110 section 10.2.3)."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def _reason(problem: BaseException) -> str:
    """Return the kind of a connection failure; the library's text may hold addresses."""
    cause: BaseException | None = problem
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                return f"its certificate is not accepted ({cause.verify_message.rstrip('.')})"
            case socket.gaierror():
                return "its name is not known to the DNS"
            case ConnectionRefusedError():
                return "nothing listens at its port"
        cause = cause.__cause__ or cause.__context__
    return type(problem).__name__


@cache
def _ssl_context() -> ssl.SSLContext:
    """Return the one TLS context of the process: making one takes 16 ms."""
    return ssl.create_default_context()
