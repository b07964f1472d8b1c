"""Fuzz: requests of every kind of nonsense; the answer is SCIM, never a 500, never a hang."""

from __future__ import annotations

import json
import logging
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.campaign.invariants import check_database
from tests.campaign.report import Report, counts, spread
from tests.gateway.service import Service, check_answer, make_service, patch_op, person, team

LONGEST_SECONDS = 20.0
SECRET = "Kept-Nowhere-0042"

_ATTRIBUTES = [
    *"""id userName externalId name name.givenName name.familyName displayName emails emails.value
    active password phoneNumbers addresses locale timezone title groups members members.value meta
    meta.created schemas preferredLanguage roles contact.email availability.available job.title
    studentId userType mustChangePassword lastLogin nothing a.b.c x[y] $ref name..x .name -1
    urn:ietf:params:scim:schemas:core:2.0:User:userName urn:ietf:params:scim:schemas:core:2.0:User
    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department
    urn:ietf:params:scim:schemas:extension:lms:2.0:User:lastLogin""".split(),
    'emails[type eq "work"].value',
]
_WORDS = [
    *("", "a", "ann", "Ann", "ANN", "0", "1", "-1", "true", "null", "%", "_", "*", "\\", '"', "'"),
    *("ä", "ß", "İ", "\u202e", "\ud7ff", "😀", "\x00", "\x1f", "\x7f", "a" * 300, "9" * 40),
    *("../..", "..%2f", "<b>", "=1+1", "2020-01-01T00:00:00Z", "work", "User", "cohort-1", "5"),
    *("a@example.edu", "A@EXAMPLE.EDU", "not an address", "en", "de_DE", "Europe/Berlin", "DE"),
]
_OPERATORS = "eq ne co sw ew gt ge lt le pr EQ xx".split()
_ENDPOINTS = """Users Groups users AuditEvents Me Schemas ResourceTypes ServiceProviderConfig
Courses Roles Bulk Nothing .search""".split()
_ACTIONS = [".enable", ".disable", ".resetPassword", ".validate", ".explain", ".search", ".x"]
_METHODS = ["GET"] * 6 + ["POST"] * 5 + ["PATCH"] * 5 + ["PUT"] * 3 + ["DELETE", "HEAD", "OPTIONS"]
_TYPES = ["application/scim+json"] * 12
_TYPES += ["application/json", "text/plain", "", "a/b; c=\xff", "x"]
_PARAMETERS = """filter startIndex count attributes excludedAttributes sortBy sortOrder cursor
FILTER x""".split()


class Nonsense:
    """Requests out of a random generator, half of them near to sensible ones."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        # Not 3: that is the account of the gateway itself in the simulator.
        self.ids = ["1", "2", "4", "5", "6", "7", "8", "9", "cohort-1", "cohort-2"]

    def request(self) -> tuple[str, str, dict[str, Any]]:
        """Return method, path and what werkzeug's client takes besides."""
        target = self.dice.choice(["memory", "moodle"] * 20 + ["nothing", ""])
        method = self.dice.choice(_METHODS)
        parts = [target, "scim", "v2", self.dice.choice(_ENDPOINTS[:3] * 20 + _ENDPOINTS)]
        likely = {"POST": 0.15, "PATCH": 0.98, "PUT": 0.98, "DELETE": 0.98}
        if self.dice.random() < likely.get(method, 0.5):
            parts.append(self.id())
        if self.dice.random() < (0.3 if method == "POST" else 0.05):
            parts.append(self.dice.choice(_ACTIONS))
        if self.dice.random() < 0.03:
            parts = parts[: self.dice.randrange(len(parts) + 1)]
        more: dict[str, Any] = {"headers": self.headers()}
        if method in ("GET", "HEAD") or self.dice.random() < 0.1:
            more["query_string"] = self.query()
        if method in ("POST", "PUT", "PATCH") or self.dice.random() < 0.05:
            more["data"] = self.body(method, parts)
            more["content_type"] = self.dice.choice(_TYPES)
        return method, "/" + "/".join(parts), more

    def id(self) -> str:
        if self.dice.random() < 0.9:
            return self.dice.choice(self.ids)
        return self.text().replace("?", "").replace("#", "") or "0"

    def text(self) -> str:
        if self.dice.random() < 0.8:
            return self.dice.choice(_WORDS)
        return "".join(chr(self.dice.randrange(1, 0xD7FF)) for _ in range(self.dice.randrange(9)))

    def headers(self) -> dict[str, str]:
        headers = {}
        if self.dice.random() < 0.05:
            headers["X-Request-ID"] = self.dice.choice(["a" * 100, "ok", "\xff", ""])
        if self.dice.random() < 0.03:
            headers["Authorization"] = self.dice.choice(
                ["Bearer", "Bearer ", "Basic YTpi", "Bearer \xff", "x" * 600, "Bearer " + "y" * 600]
            )
        if self.dice.random() < 0.05:
            headers["Accept"] = self.dice.choice(["text/html", "*/*", "application/json", "\xff"])
        return headers

    def query(self) -> dict[str, str]:
        chosen = {}
        for name in self.dice.sample(_PARAMETERS, self.dice.randrange(4)):
            lowered = name.lower()
            if lowered == "filter":
                chosen[name] = self.filter()
            elif lowered in ("startindex", "count"):
                numbers = ["0", "1", "-5", "100", "1e3", "9" * 30, " 7 ", "", "x", "٣"]
                chosen[name] = self.dice.choice(numbers)
            else:
                chosen[name] = ",".join(self.dice.sample(_ATTRIBUTES, self.dice.randrange(3)))
        return chosen

    def filter(self, depth: int = 0) -> str:
        roll = self.dice.random()
        if depth > 4 or roll < 0.5:
            operator = self.dice.choice(_OPERATORS)
            value = "" if operator == "pr" else " " + self.literal()
            return f"{self.dice.choice(_ATTRIBUTES)} {operator}{value}"
        if roll < 0.7:
            word = self.dice.choice(["and", "or", "AND"])
            return f"{self.filter(depth + 1)} {word} {self.filter(depth + 1)}"
        if roll < 0.78:
            return f"not ({self.filter(depth + 1)})"
        if roll < 0.86:
            return f"emails[{self.filter(depth + 1)}]"
        if roll < 0.94:
            return f"({self.filter(depth + 1)})"
        if roll < 0.95:
            return "(" * 500 + "a pr" + ")" * 500
        return self.text()

    def literal(self) -> str:
        if self.dice.random() < 0.7:
            return json.dumps(self.text())
        return self.dice.choice(["true", "false", "null", "1", "-1.5", "x", '"open', "1e999"])

    def value(self, depth: int = 0) -> Any:
        roll = self.dice.random()
        if depth > 3 or roll < 0.5:
            plain: list[Any] = [None, True, False, 0, -1, 1.5, 2**70, [], {}]
            return self.dice.choice([*plain, self.text(), self.text(), self.text()])
        if roll < 0.7:
            return [self.value(depth + 1) for _ in range(self.dice.randrange(4))]
        names = [*_ATTRIBUTES, "value", "type", "primary", "operation", "display", "$ref"]
        return {self.dice.choice(names): self.value(depth + 1) for _ in range(3)}

    def body(self, method: str, parts: list[str]) -> bytes:
        roll = self.dice.random()
        if roll < 0.06:
            return self.dice.choice(
                [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'"x"', b"[" * 5000, b'{"a":1}x']
            )
        value: Any
        if roll < 0.15:
            value = self.value()
        elif method == "PATCH":
            value = patch_op(*(self.operation() for _ in range(self.dice.randrange(1, 4))))
        elif ".resetPassword" in parts:
            value = {"password": SECRET, **({} if roll < 0.8 else {"generate": True})}
        elif "Groups" in parts:
            value = team(self.text(), *self.dice.sample(self.ids, self.dice.randrange(3)))
        else:
            value = person(f"fuzz{self.dice.randrange(300)}", password=SECRET)
        if isinstance(value, dict) and self.dice.random() < 0.5:
            value[self.dice.choice(_ATTRIBUTES)] = self.value()
        return json.dumps(value).encode("utf-8", "surrogatepass")

    def operation(self) -> dict[str, Any]:
        operation: dict[str, Any] = {
            "op": self.dice.choice(["add", "replace", "remove", "Add", "Replace", "x", ""])
        }
        if self.dice.random() < 0.8:
            path = self.dice.choice(_ATTRIBUTES)
            if self.dice.random() < 0.2:
                path = f"{path}[{self.filter(3)}]"
            operation["path"] = path
        if self.dice.random() < 0.8:
            operation["value"] = self.value()
        return operation


def run(count: int, seed: int) -> Report:
    """Send so many requests to the targets memory and moodle."""
    report = Report("fuzz", seed)
    nonsense = Nonsense(random.Random(seed))
    statuses: Counter[str] = Counter()
    took: list[float] = []
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
            service = make_service(Path(folder), users=30, cohorts=3)
            try:
                for number in range(count):
                    started = time.monotonic()
                    status = _send(report, service, number, *nonsense.request())
                    took.append(time.monotonic() - started)
                    statuses[str(status)] += 1
                _check_log(report, service)
            finally:
                service.close()
            check_database(report, Path(folder) / "matricula.db", [SECRET])
    finally:
        logging.disable(before)
    report.figures |= {
        "requests": count,
        "answers": counts(statuses),
        "time": spread(took),
    }
    return report


def _send(
    report: Report, service: Service, number: int, method: str, path: str, more: dict[str, Any]
) -> int:
    shown = f"request {number}: {method} {path} {more}"[:1500]
    try:
        with _bound():
            response = service.client.open(path, method=method, **more)
    except Exception as error:
        report.expect(False, f"{shown}: {error!r}")
        return 0
    try:
        if method not in ("HEAD", "OPTIONS") and path.count("/") > 3:
            check_answer(response)
        fine = response.status_code < 500 or response.status_code == 501
        report.expect(fine, f"{shown}: {response.text[:300]}")
        report.expect(SECRET not in response.text, f"{shown}: the password is shown")
    except Exception as error:
        report.expect(False, f"{shown}: {response.status_code} {response.text[:300]} {error!r}")
    return int(response.status_code)


def _check_log(report: Report, service: Service) -> None:
    for event in service.events:
        report.expect(event["outcome"] != "open", f"event {event['sequence']} is open")
        report.expect(event["outcome"] != "unknown", f"unknown: {event}"[:500])


@contextmanager
def _bound() -> Iterator[None]:
    """Break a request off that takes too long, where signals can be had."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def broken_off(*_: object) -> None:
        raise TimeoutError(f"no answer within {LONGEST_SECONDS:.0f} seconds")

    before = signal.signal(signal.SIGALRM, broken_off)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
