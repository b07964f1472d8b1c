"""A whole gateway in this process, in front of simulators, for tests over HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import orjson
import pytest
from cryptography.fernet import Fernet, MultiFernet
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from connectors.base import Options
from connectors.blackboard.simulator import create_simulator as create_blackboard
from connectors.brightspace.simulator import create_simulator as create_brightspace
from connectors.canvas.simulator import create_simulator as create_canvas
from connectors.moodle.simulator import create_simulator as create_moodle
from gateway.app import create_app
from gateway.audit import AuditLog
from gateway.database import Database, now
from gateway.jobs.configuration import parse_jobs
from gateway.ledger.keys import AuditKeys
from gateway.security import Security
from gateway.settings import Settings, TargetSettings
from gateway.tokens import Tokens
from schemas.course import COURSE
from schemas.errors import ERROR_URN
from schemas.filters import parse_path
from schemas.group import GROUP
from schemas.membership import MEMBERSHIP
from schemas.messages import PATCH_OP
from schemas.user import USER
from tests.connectors.operations import TICKET


@contextmanager
def at(seconds: float) -> Iterator[None]:
    """Let the audit log's clock be so many seconds ahead, or behind, for the block."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("audit", "ledger.events", "settling"):
            patch.setattr(f"gateway.{module}.now", lambda: now() + timedelta(0, seconds))
        yield


@dataclass
class Service:
    """The gateway's application, a client with a token for everything, and the simulators."""

    app: Flask
    client: FlaskClient
    simulators: dict[str, Any]
    folder: Path

    @property
    def moodle(self) -> Any:
        return self.simulators["moodle"]

    @property
    def blackboard(self) -> Any:
        return self.simulators["blackboard"]

    @property
    def canvas(self) -> Any:
        return self.simulators["canvas"]

    @property
    def brightspace(self) -> Any:
        return self.simulators["brightspace"]

    @property
    def calls(self) -> int:
        """Return how many calls the simulators have got since the last `forget`."""
        return sum(len(simulator.site.calls) for simulator in self.simulators.values())

    def forget(self) -> None:
        for simulator in self.simulators.values():
            simulator.site.calls.clear()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return all audit events, oldest first."""
        return list(self.app.extensions["matricula"]["audit"].stream(None))

    @property
    def tokens(self) -> Tokens:
        return Tokens(self.app.extensions["matricula"]["database"])

    def close(self) -> None:
        for target in self.app.extensions["matricula"]["targets"].values():
            target.connector.close()
        self.app.extensions["matricula"]["database"].close()


class InProcess(httpx.WSGITransport):
    """The road to a simulator in this process; a dropped connection looks as on a real one."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return super().handle_request(request)
        except ConnectionResetError:
            raise httpx.ReadError("the connection was dropped") from None


@dataclass(frozen=True)
class Lms:
    """How an LMS stands behind the gateway in tests: its simulator's settings, how it is reached.

    `options` are those of the target that the simulated site decides; `policies` are of its own.
    `group_course` is the id that the first course gets: where groups of no course end up.
    """

    create: Callable[..., Any]
    options: Callable[[Any], dict[str, Any]]
    policies: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    group_course: str = ""


_CONSENTS: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def _application(site: Any) -> dict[str, Any]:
    return {"client_id": site.client_id, "client_secret": site.client_secret}


def _consented(site: Any) -> str:
    """Return a site's refresh token; the same again goes on with the chain in the database."""
    if site not in _CONSENTS:
        _CONSENTS[site] = site.consent()
    return _CONSENTS[site]


LMSS = {
    "moodle": Lms(create_moodle, lambda site: {"token": site.token}),
    "canvas": Lms(
        create_canvas,
        lambda site: {"token": site.token},
        settings={"call_cost": 0, "admins_can_change_passwords": True},
    ),
    "brightspace": Lms(
        create_brightspace,
        lambda site: {
            "more": {
                **_application(site),
                "refresh_token": _consented(site),
                "auth_url": "http://auth.test",
                "config": {"roleId": 103},
                "default_course_role": 110,
                "course_template": "6660",
                "group_course": "6671",
            }
        },
        policies={"enrol_members": True},
        settings={"rate_limited": False},
        group_course="6671",
    ),
    "blackboard": Lms(
        create_blackboard,
        lambda site: {"more": {**_application(site), "group_course": "_5001_1"}},
        policies={"enrol_members": True},
        settings={"case_sensitive_ids": False},
        group_course="_5001_1",
    ),
}
TARGETS = ("memory", *LMSS)
TOKEN = "a-token-for-tests-that-may-do-everything"


KEY = Fernet.generate_key().decode()
KEYS = MultiFernet([Fernet(KEY)])


def audit_keys(database: Database) -> AuditKeys:
    """Return the keys of a database's audit log, under a keyring of this process."""
    return AuditKeys(database, KEYS)


def audit_log(database: Database) -> AuditLog:
    """Return the audit log of a database, under a keyring of this process."""
    return AuditLog(database, audit_keys(database))


def put_migrated(path: Path) -> None:
    """Put an empty database with its tables into a file, as `migrate` would."""
    path.touch(mode=0o600)
    path.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    """Return an empty database with its tables, made once: that takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "matricula.db"
        database = Database(f"sqlite:///{path}")
        database.migrate()
        database.close()
        return path.read_bytes()


def make_service(
    folder: Path,
    only: Collection[str] = TARGETS,
    *,
    users: int = 0,
    cohorts: int = 0,
    security: Security | None = None,
    jobs: dict[str, Any] | None = None,
    **more: Any,
) -> Service:
    """Return a gateway with a target of each kind, or of these kinds only: that takes less time.

    `policies` are the delete, strict and max_scan of all targets. A target's own begin with its
    name: `blackboard_policies`, `canvas_options` and `canvas_settings` of its simulator. A second
    one in the same folder shares the database; give it the simulators of the first: `canvas`.
    `jobs` are those of a configuration in that folder.
    """
    kinds = ("", "_options", "_policies", "_settings")
    known = {"policies", *(f"{name}{kind}" for name in LMSS for kind in kinds)}
    assert more.keys() <= known, more.keys() - known
    policies = more.get("policies", {})
    targets = {}
    if "memory" in only:
        targets["memory"] = TargetSettings("memory", Options(name="memory"), **policies)
    simulators = {}
    for name, lms in LMSS.items():
        if name not in only:
            continue
        simulator = more.get(name) or lms.create(
            users=users,
            **({"cohorts": cohorts} if name == "moodle" else {}),
            **{**lms.settings, **more.get(f"{name}_settings", {})},
        )
        own, given = lms.options(simulator.site), more.get(f"{name}_options", {})
        options = {
            "url": f"http://{name}.test",
            "allow_private_network": True,
            "transport": InProcess(app=simulator),
            **own,
            **given,
            "more": {**own.get("more", {}), **given.get("more", {})},
        }
        rules = {**lms.policies, **policies, **more.get(f"{name}_policies", {})}
        targets[name] = TargetSettings(name, Options(name=name, **options), **rules)
        simulators[name] = simulator
    path = folder / "matricula.db"
    if not path.exists():
        put_migrated(path)
    settings = Settings(
        database=f"sqlite:///{path}",
        targets=targets,
        version="test",
        security=security or Security(),
        jobs=parse_jobs(jobs or {}, folder, targets),
        plans=folder / "plans",
    )
    app = create_app(settings)
    for name in simulators:
        if LMSS[name].group_course:
            _give_groups_a_course(app, name, simulators[name].site)
    tokens = Tokens(app.extensions["matricula"]["database"])
    if not tokens.list():
        tokens.add(TOKEN, name="tester", targets=["all"], scopes=["admin"])
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return Service(app, client, simulators, folder)


def _give_groups_a_course(app: Flask, name: str, site: Any) -> None:
    connector = app.extensions["matricula"]["targets"][name].connector
    courses = connector.collections["Course"]
    if courses.get(LMSS[name].group_course) is None:
        made = {"courseId": "GROUPS", "name": "Has the groups"}
        courses.create(TICKET, courses.mapping.with_defaults(made))
    site.calls.clear()


def patch_op(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return a PatchOp message."""
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def person(login: str, **more: Any) -> dict[str, Any]:
    """Return a user whom every target can hold."""
    return {
        "schemas": [USER.schema.urn],
        "userName": login,
        "name": {"givenName": "Ann", "familyName": "Doe"},
        "emails": [{"value": f"{login.lower()}@example.edu", "type": "work"}],
        **more,
    }


def team(name: str, *members: str, **more: Any) -> dict[str, Any]:
    """Return a group with members by their ids."""
    held = [{"value": member} for member in members]
    return {"schemas": [GROUP.schema.urn], "displayName": name, "members": held, **more}


def course(course_id: str, **more: Any) -> dict[str, Any]:
    """Return the body that creates a course."""
    named = {"courseId": course_id, "name": f"All of {course_id}"}
    return {"schemas": [COURSE.schema.urn], **named, **more}


def membership(user: str, course: str, **more: Any) -> dict[str, Any]:
    """Return the body that makes a user a member of a course."""
    return {"schemas": [MEMBERSHIP.schema.urn], "userId": user, "courseId": course, **more}


@dataclass(frozen=True)
class Scim:
    """One target over HTTP; paths are below its base URL, answers must be SCIM."""

    service: Service
    name: str

    @property
    def base(self) -> str:
        return f"/{self.name}/scim/v2"

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        if body is not None:
            more |= {"data": orjson.dumps(body), "content_type": "application/scim+json"}
        response = self.service.client.open(self.base + path, method=method, **more)
        check_answer(response)
        return response

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.send("GET", path, query_string=query)

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        return self.send("POST", path, body, **more)

    def put(self, path: str, body: Any, **more: Any) -> TestResponse:
        return self.send("PUT", path, body, **more)

    def patch(self, path: str, *operations: dict[str, Any], **more: Any) -> TestResponse:
        return self.send("PATCH", path, patch_op(*operations), **more)

    def delete(self, path: str) -> TestResponse:
        return self.send("DELETE", path)

    def add(self, login: str, **more: Any) -> str:
        """Create a user and return the id."""
        response = self.post("/Users", person(login, **more))
        assert response.status_code == 201, response.text
        return str(response.json["id"])

    def add_group(self, name: str, *members: str, **more: Any) -> str:
        """Create a group and return the id."""
        response = self.post("/Groups", team(name, *members, **more))
        assert response.status_code == 201, response.text
        return str(response.json["id"])

    def add_course(self, course_id: str, **more: Any) -> str:
        """Create a course and return the id."""
        response = self.post("/Courses", course(course_id, **more))
        assert response.status_code == 201, response.text
        return str(response.json["id"])

    def enrol(self, user: str, course: str, **more: Any) -> str:
        """Make a user a member of a course and return the membership's id."""
        response = self.post("/Memberships", membership(user, course, **more))
        assert response.status_code == 201, response.text
        return str(response.json["id"])

    def members(self, group: str) -> set[str]:
        """Return the ids of a group's members."""
        held = self.get(f"/Groups/{group}").json
        return {member["value"] for member in held.get("members", ())}

    def logins(self, **query: Any) -> list[str]:
        """Return the logins of the users that a query finds, in order."""
        answer = self.get("/Users", **query)
        assert answer.status_code == 200, answer.text
        return [user["userName"] for user in answer.json.get("Resources", ())]

    def holds(self, path: str, resource_type: str = "User") -> bool:
        """Tell whether the LMS has a place for an attribute."""
        targets = self.service.app.extensions["matricula"]["targets"]
        mapping = targets[self.name].connector.collections[resource_type].mapping
        return bool(mapping.rows_of(parse_path(path, mapping.full)))

    @property
    def event(self) -> dict[str, Any]:
        """Return the newest audit event."""
        event = self.service.events[-1]
        assert event["target"] == self.name
        return event


def check_answer(response: TestResponse) -> None:
    """Check what holds for every answer: the media type, and the form of an error."""
    if response.status_code == 204:
        assert response.data == b""
        return
    assert response.content_type == "application/scim+json", response.text[:300]
    assert response.status_code != 500, response.text
    if response.status_code >= 400 and response.request.method != "HEAD":
        body = response.json
        assert body["schemas"] == [ERROR_URN]
        assert body["status"] == str(response.status_code)
        assert body["detail"]
        assert body.get("scimType") in SCIM_TYPES
        assert "Traceback" not in response.text


SCIM_TYPES = {
    None,
    *("invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath"),
    *("noTarget", "invalidValue", "invalidVers", "sensitive"),
    *("invalidCursor", "expiredCursor", "invalidCount"),
}
