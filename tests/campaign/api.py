"""API: schemathesis makes requests of each target's OpenAPI document; all answers must fit it."""

from __future__ import annotations

import itertools
import logging
import random
import tempfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks

from tests.campaign.fuzz import bounded, check_log, failed_within
from tests.campaign.invariants import check_database
from tests.campaign.report import Report, counts, spread
from tests.gateway.service import TARGETS, TOKEN, Service, make_service

AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    # Left out: not_a_server_error, for 501 is an answer of SCIM's (it is looked at here);
    # negative_data_rejection, for unknown attributes are ignored and names taken in any letter
    # case; positive_data_acceptance, for no schema tells a filter from any other text.
]
ROUND = 10
"""Requests to one operation in a row; what they leave behind is met by those to the next one."""

_SETTINGS = settings(
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
    deadline=None,
)
_ANY_TEXT = {"id", "If-Match", "If-None-Match"}
"""Parameters of which no schema can tell a wrong value."""
_NAMES = """userName active name.familyName externalId emails emails.value password displayName
locale members members.display groups meta.created time sequence changes id title""".split()
_KNOWN: dict[str, Sequence[Any]] = {
    "count": [0, 1, 3, 1000],
    "startIndex": [1, 2],
    "sortBy": _NAMES,
    "attributes": [["userName", "members"], ["emails.value"], ["groups", "meta"], ["id"]],
    "excludedAttributes": [["members"], ["emails.type", "meta"], ["schemas"]],
    "givenName": ["Ann", "Zoë"],
    "familyName": ["Doe"],
    "value": ["1", True, "a@example.edu", {"givenName": "Eve"}, [{"value": "5"}]],
    "path": [
        *(*_NAMES, "/Users", "/Groups", "/Users/1", "/Groups/cohort-1"),
        *('emails[type eq "work"].value', 'members[value eq "5"]', "addresses.country"),
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    ],
    "filter": [
        *('userName sw "u"', 'name.given eq "Ann"', 'emails.value co "@example"', "active eq true"),
        *("not (externalId pr)", 'members.value eq "1"', 'displayName gt "a"', 'id eq "1"'),
        *('meta.created ge "2020-01-01T00:00:00Z"', 'outcome eq "success" and status lt 300'),
    ],
}


class Api:
    """One target's operations, and what its answers have told: ids, versions, cursors."""

    def __init__(self, service: Service, target: str, dice: random.Random) -> None:
        generation = GenerationConfig(with_security_parameters=False)
        projects = ProjectsConfig(default=ProjectConfig(generation=generation))
        document = schemathesis.openapi.from_wsgi(
            f"/{target}/scim/v2/openapi.json",
            service.app,
            config=SchemathesisConfig(projects=projects),
            headers=AUTHORIZATION,
        )
        self.dice = dice
        self.told: defaultdict[str, deque[str]] = defaultdict(lambda: deque(["1"], maxlen=20))
        operations = [result.ok() for result in document.get_all_operations()]
        self.generators = [operation.as_strategy() for operation in operations]
        self.generators += [
            operation.as_strategy(GenerationMode.NEGATIVE)
            for operation in operations
            if operation.body or any(p.name not in _ANY_TEXT for p in operation.iter_parameters())
        ]

    def variants(self, case: Case) -> Iterator[Case]:
        """Yield a case as it was generated, then brought nearer to what the target holds."""
        yield case
        endpoint = case.path.split("/")[1]
        parts = {
            "path_parameters": self.near(case.path_parameters, endpoint),
            "query": self.near(case.query),
            "headers": self.near(dict(case.headers)),
            "body": self.near(case.body),
        }
        if any(part != getattr(case, name) for name, part in parts.items()):
            yield case.operation.Case(method=case.method, media_type=case.media_type, **parts)

    def send(self, case: Case) -> Response:
        """Send a case and learn from the answer."""
        with bounded():
            response = case.call(headers=AUTHORIZATION)
        is_file = case.path.endswith("/.export")
        if response.status_code < 300 and response.content and not is_file:
            self._learn(response.json())
        return response

    def near(self, value: Any, endpoint: str = "Users") -> Any:
        """Return the value with something sensible in most of the places of a known name."""
        if isinstance(value, list):
            return [self.near(item) for item in value]
        if not isinstance(value, dict):
            return value
        near = {}
        for name, inner in value.items():
            known = self._known(name, endpoint) if self.dice.random() < 0.8 else None
            near[name] = self.dice.choice(known) if known else self.near(inner)
        return near

    def _known(self, name: str, endpoint: str) -> Sequence[Any] | None:
        login = f"user{self.dice.randrange(60)}"
        match name:
            case "id":
                return self.told[endpoint]
            case "If-Match" | "If-None-Match" | "version":
                return ["*", *self.told["version"]]
            case "cursor":
                return ["", *self.told["cursor"]]
            case "userName" | "externalId":
                return [login]
            case "emails":
                return [[{"type": "work", "value": f"{login}@example.edu"}]]
            case "members":
                return [[], [{"value": self.dice.choice(self.told["Users"])}]]
        return _KNOWN.get(name)

    def _learn(self, answer: Any) -> None:
        for resource in (answer, *answer.get("Resources", ())[-3:]):
            meta = resource.get("meta", {})
            if location := meta.get("location"):
                _, endpoint, id = location.rsplit("/", 2)
                self.told[endpoint].append(id)
            if version := meta.get("version"):
                self.told["version"].append(version)
        if cursor := answer.get("nextCursor"):
            self.told["cursor"].append(cursor)


def run(count: int, seed: int) -> Report:
    """Send so many requests to the targets, the same number to each."""
    report = Report("api", seed)
    statuses: Counter[str] = Counter()
    took: list[float] = []
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
            service = make_service(Path(folder), users=30, cohorts=3)
            try:
                for target in TARGETS:
                    api = Api(service, target, random.Random(f"{seed} {target}"))
                    for status, seconds in _sent(report, api, count // len(TARGETS), seed):
                        statuses[str(status)] += 1
                        took.append(seconds)
                check_log(report, service)
            finally:
                service.close()
            check_database(report, Path(folder) / "matricula.db")
    finally:
        logging.disable(before)
    report.figures |= {
        "requests": len(took),
        "answers": counts(statuses),
        "time": spread(took),
        "requests a second, generation aside": round(len(took) / sum(took)) if took else 0,
    }
    return report


def _sent(report: Report, api: Api, count: int, seed_: int) -> list[tuple[int, float]]:
    """Go round the operations until so many requests are sent; return statuses and seconds."""
    sent: list[tuple[int, float]] = []

    def send(case: Case) -> None:
        for variant in api.variants(case):
            if len(sent) < count:
                started = time.monotonic()
                status = _send(report, api, variant)
                sent.append((status, time.monotonic() - started))

    share = count // (2 * len(api.generators))
    chosen = settings(_SETTINGS, max_examples=min(max(share, 1), ROUND))
    for number in itertools.count(seed_):
        for generator in api.generators:
            if len(sent) == count:
                return sent
            seed(number)(chosen(given(generator)(send)))()
    raise AssertionError("unreachable")


def _send(report: Report, api: Api, case: Case) -> int:
    """Send a case and check its answer; return the status, 0 when there was none."""
    try:
        response = api.send(case)
    except Exception as error:
        report.expect(False, f"{_shown(case)}: {error!r}")
        return 0
    status = response.status_code
    if (status >= 500 and status != 501) or failed_within(response.text):
        report.expect(False, f"{_shown(case)}: {response.text[:300]}")
    try:
        case.validate_response(response, checks=CHECKS)
    except (AssertionError, BaseExceptionGroup) as error:
        report.expect(False, f"{_shown(case)}: {error}")
    return status


def _shown(case: Case) -> str:
    return case.as_curl_command()[:1500]
