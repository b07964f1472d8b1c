"""A load generator: so many keep-alive connections, each sending the next request at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Result:
    """Requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    failures: int


def request(method: str, path: str, token: str = "", body: bytes = b"") -> bytes:
    """Return the bytes of an HTTP request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/scim+json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def run(port: int, make: Callable[[int], bytes], *, callers: int, seconds: float) -> Result:
    """Send `make(0)`, `make(1)` ... from so many callers for so long."""
    return asyncio.run(_run(port, make, callers, seconds))


async def _run(port: int, make: Callable[[int], bytes], callers: int, seconds: float) -> Result:
    times: list[float] = []
    failures = 0
    number = 0
    began = perf_counter()
    end = began + seconds

    async def call() -> None:
        nonlocal number, failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        while perf_counter() < end:
            number += 1
            message = make(number)
            started = perf_counter()
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            if found := _LENGTH.search(head):
                await reader.readexactly(int(found[1]))
            times.append((perf_counter() - started) * 1000)
            failures += head[9:10] != b"2"
        writer.close()

    await asyncio.gather(*(call() for _ in range(callers)))
    spent = perf_counter() - began
    cuts = quantiles(times, n=100) if len(times) > 1 else [times[0]] * 99
    return Result(len(times) / spent, cuts[49], cuts[98], failures)
