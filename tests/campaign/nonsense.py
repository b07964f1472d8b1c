"""Requests out of a random generator: nonsense, half of it near to what makes sense."""

from __future__ import annotations

import json
import random
from collections import defaultdict, deque
from typing import Any
from urllib.parse import urlsplit

from schemas.bulk import BULK_REQUEST
from tests.gateway.service import TARGETS, patch_op, person, team

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
_ENDPOINTS = """Users Groups users Bulk AuditEvents Me Schemas ResourceTypes ServiceProviderConfig
Courses Roles openapi.json Nothing .search""".split()
_ACTIONS = [".enable", ".disable", ".resetPassword", ".validate", ".explain", ".search", ".x"]
_METHODS = ["GET"] * 6 + ["POST"] * 5 + ["PATCH"] * 5 + ["PUT"] * 3 + ["DELETE", "HEAD", "OPTIONS"]
_TYPES = ["application/scim+json"] * 12
_TYPES += ["application/json", "text/plain", "", "a/b; c=\xff", "x"]
_PARAMETERS = """filter startIndex count attributes excludedAttributes sortBy sortOrder cursor
FILTER x""".split()
_CONDITIONS = ["If-Match", "If-None-Match", "if-match"]
_TAGS = [
    *(
        "*",
        "W/*",
        '"*"',
        "",
        ",",
        ", ,",
        '"',
        'W/"',
        'W/""',
        "W/",
        "W/'a'",
        "0",
        "\xff",
        "x" * 5000,
    ),
    *('"a", W/"b"', '*, "a"', '"a" "b"', 'w/"a"', '"a\\"b"', 'W/"' + "0" * 24 + '"'),
]
_BULK_PATHS = """/Users /Groups /Users/5 /Groups/cohort-1 /Users/bulkId:a /Groups/bulkId:b Users
users/bulkId:c /Bulk /Me /.search /Users/.search /Users/5/.disable /AuditEvents /Nothing/1
/Users/bulkId: / //Users//5 /Users?count=1 http://localhost/memory/scim/v2/Users/5""".split()
_SENSIBLE = [
    *(("active", True), ("active", "False"), ("name.familyName", "Roe"), ("displayName", "Team")),
    *(("externalId", "E1"), ("members", [{"value": "5"}]), ("timezone", "Europe/Oslo")),
]
_BULK_METHODS = ["POST"] * 4 + ["PUT", "PATCH", "DELETE", "post", "GET", "", "x"]

_DEPTH = "[" * 900 + "]" * 900
_DEEP = (
    f'{{"userName": {_DEPTH}, "filter": {_DEPTH}, "Operations": [{{"op": "add", "value": {_DEPTH}, '
    f'"method": "POST", "path": "/Users", "bulkId": "a", "data": {{"x": {_DEPTH}}}}}]}}'
).encode()
"""As deep as the JSON reader lets pass: a wrong body of every kind of request."""
_BODIES = [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'"x"', b"[" * 5000, b'{"a":1}x', _DEEP]


class Nonsense:
    """Requests out of a random generator, half of them near to sensible ones."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        # Not 3: that is the account of the gateway itself in the simulator.
        self.ids = ["1", "2", "4", "5", "6", "7", "8", "9", "cohort-1", "cohort-2"]
        self.made: defaultdict[str, deque[str]] = defaultdict(lambda: deque(["5"], maxlen=10))
        self.cursors: deque[str] = deque(maxlen=10)
        self.versions: dict[str, str] = {}

    def learn(self, answer: Any) -> None:
        """Keep what an answer has told: ids that exist, versions, cursors of any query."""
        if not isinstance(answer, dict):
            return
        meta = answer.get("meta")
        if isinstance(meta, dict) and "version" in meta:
            path = urlsplit(meta["location"]).path.lower()
            place, _, id = path.rpartition("/")
            self.made[place].append(id)
            self.versions[path] = meta["version"]
        if "nextCursor" in answer:
            self.cursors.append(answer["nextCursor"])

    def request(self) -> tuple[str, str, dict[str, Any]]:
        """Return method, path and what werkzeug's client takes besides."""
        target = self.dice.choice([*TARGETS] * 20 + ["nothing", ""])
        method = self.dice.choice(_METHODS)
        endpoints = _ENDPOINTS[:3] * 20 + _ENDPOINTS[3:5] * (6 if method == "POST" else 2)
        parts = [target, "scim", "v2", self.dice.choice(endpoints + _ENDPOINTS)]
        likely = {"POST": 0.15, "PATCH": 0.98, "PUT": 0.98, "DELETE": 0.98}
        if self.dice.random() < (0.05 if parts[3] == "Bulk" else likely.get(method, 0.5)):
            parts.append(self.id("/" + "/".join(parts)))
        if self.dice.random() < (0.3 if method == "POST" else 0.05):
            parts.append(self.dice.choice(_ACTIONS))
        if self.dice.random() < 0.03:
            parts = parts[: self.dice.randrange(len(parts) + 1)]
        more: dict[str, Any] = {"headers": self.headers("/" + "/".join(parts))}
        if method in ("GET", "HEAD") or self.dice.random() < 0.1:
            more["query_string"] = self.query()
        if method in ("POST", "PUT", "PATCH") or self.dice.random() < 0.05:
            more["data"] = self.body(method, parts)
            more["content_type"] = self.dice.choice(_TYPES)
        return method, "/" + "/".join(parts), more

    def id(self, place: str = "") -> str:
        """Return the id of something at that place, somewhere, or nowhere."""
        roll = self.dice.random()
        if roll < 0.9:
            return self.dice.choice(self.ids if roll < 0.3 else self.made[place.lower()])
        return self.text().replace("?", "").replace("#", "") or "0"

    def text(self) -> str:
        if self.dice.random() < 0.8:
            return self.dice.choice(_WORDS)
        return "".join(chr(self.dice.randrange(1, 0xD7FF)) for _ in range(self.dice.randrange(9)))

    def headers(self, path: str) -> dict[str, str]:
        headers = {}
        if self.dice.random() < 0.05:
            headers["X-Request-ID"] = self.dice.choice(["a" * 100, "ok", "\xff", ""])
        if self.dice.random() < 0.03:
            headers["Authorization"] = self.dice.choice(
                ["Bearer", "Bearer ", "Basic YTpi", "Bearer \xff", "x" * 600, "Bearer " + "y" * 600]
            )
        if self.dice.random() < 0.05:
            headers["Accept"] = self.dice.choice(["text/html", "*/*", "application/json", "\xff"])
        for name in _CONDITIONS:
            if self.dice.random() < 0.06:
                headers[name] = self.tag(path)
        return headers

    def tag(self, path: str) -> str:
        """Return the version of what is at the path, a spoilt one, or none at all."""
        known = self.versions.get(path.lower(), 'W/"000000000000000000000000"')
        spoilt = [known[:-3], known.removeprefix("W/"), f'"a", {known}', known.upper(), known * 3]
        return self.dice.choice([known, known, *spoilt, *_TAGS])

    def cursor(self) -> str:
        """Return a cursor: the empty one, one of any query, a spoilt one, or none at all."""
        if not self.cursors or self.dice.random() < 0.2:
            return self.dice.choice(["", "", self.text()])
        known = self.dice.choice(self.cursors)
        at = self.dice.randrange(len(known))
        spoilt = [known[:at], known[:at] + "A" + known[at + 1 :], known + "==", known * 2]
        return self.dice.choice([known, known, known, *spoilt])

    def query(self) -> dict[str, str]:
        chosen = {}
        for name in self.dice.sample(_PARAMETERS, self.dice.randrange(4)):
            lowered = name.lower()
            if lowered == "filter":
                chosen[name] = self.filter()
            elif lowered in ("startindex", "count"):
                numbers = ["0", "1", "-5", "100", "1e3", "9" * 30, " 7 ", "", "x", "٣"]
                chosen[name] = self.dice.choice(numbers)
            elif lowered == "cursor":
                chosen[name] = self.cursor()
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
            return self.dice.choice(_BODIES)
        value: Any
        if roll < 0.15:
            value = self.value()
        elif "Bulk" in parts:
            value = self.bulk()
        elif ".search" in parts:
            value = {**self.query(), **({"attributes": ["userName"]} if roll < 0.5 else {})}
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

    def bulk(self) -> dict[str, Any]:
        """Return a BulkRequest whose operations refer to each other, themselves and nothing."""
        many = 1001 if self.dice.random() < 0.005 else self.dice.randrange(7)
        request: dict[str, Any] = {
            "schemas": [BULK_REQUEST],
            "Operations": [self.bulk_operation() for _ in range(many)],
        }
        if self.dice.random() < 0.3:
            request["failOnErrors"] = self.dice.choice(
                [1, 1, 2, 0, -1, True, "1", 1.5, None, 2**70]
            )
        if self.dice.random() < 0.1:
            request["schemas"] = self.value()
        if self.dice.random() < 0.05:
            request["Operations"] = self.value()
        return request

    def bulk_operation(self) -> Any:
        if self.dice.random() < 0.03:
            return self.value()
        operation: dict[str, Any] = {
            "method": self.dice.choice(_BULK_METHODS),
            "path": self.dice.choice([*_BULK_PATHS, f"/Users/{self.id()}", self.text()]),
            "data": self.bulk_data(),
        }
        if self.dice.random() < 0.7:
            operation["bulkId"] = self.dice.choice(["a", "b", "c", "d", "e", "", self.text()])
        if self.dice.random() < 0.15:
            operation["version"] = self.tag(f"/moodle/scim/v2{operation['path']}")
        if self.dice.random() < 0.1:
            operation[self.dice.choice([*operation, "x"])] = self.value()
        return operation

    def bulk_data(self) -> Any:
        marks = [f"bulkId:{name}" for name in ("a", "b", "c", "d", "e", "", "nobody")]
        match self.dice.randrange(6):
            case 0 | 1:
                more = (
                    {"manager": {"value": self.dice.choice(marks)}}
                    if self.dice.random() < 0.2
                    else {}
                )
                return person(f"bulk{self.dice.randrange(300)}", password=SECRET, **more)
            case 2 | 3:
                return team(self.text() or "t", *self.dice.sample([*marks, *self.ids], 2))
            case 4:
                change = {
                    "op": "add",
                    "path": "members",
                    "value": [{"value": self.dice.choice(marks)}],
                }
                return self.dice.choice([patch_op(change, self.operation()), [change]])
            case _:
                return self.value()

    def operation(self) -> dict[str, Any]:
        if self.dice.random() < 0.4:
            path, value = self.dice.choice(_SENSIBLE)
            return {"op": "replace", "path": path, "value": value}
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
