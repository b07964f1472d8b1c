"""A whole gateway in this process, in front of simulators, for tests over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from connectors.base import Options
from connectors.blackboard.simulator import Simulator as Blackboard
from connectors.blackboard.simulator import create_simulator as create_blackboard
from connectors.moodle.simulator import Simulator, create_simulator
from gateway.app import create_app
from gateway.security import Security
from gateway.settings import Settings, TargetSettings
from gateway.tokens import Tokens
from schemas.course import COURSE
from schemas.errors import ERROR_URN
from schemas.group import GROUP
from schemas.membership import MEMBERSHIP
from schemas.messages import PATCH_OP
from schemas.user import USER


@dataclass
class Service:
    """The gateway's application, a client with a token for everything, and the simulator."""

    app: Flask
    client: FlaskClient
    moodle: Simulator
    blackboard: Blackboard
    folder: Path

    @property
    def calls(self) -> int:
        """Return how many calls the simulators have got since the last `forget`."""
        return len(self.moodle.site.calls) + len(self.blackboard.site.calls)

    def forget(self) -> None:
        self.moodle.site.calls.clear()
        self.blackboard.site.calls.clear()

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


TARGETS = ("memory", "moodle", "blackboard")
TOKEN = "a-token-for-tests-that-may-do-everything"


def make_service(
    folder: Path,
    *,
    users: int = 0,
    cohorts: int = 0,
    moodle: Simulator | None = None,
    blackboard: Blackboard | None = None,
    **more: Any,
) -> Service:
    """Return a gateway with the targets memory, moodle and blackboard.

    `simulator` are settings of the Moodle simulator, `options` entries of the target moodle,
    `policies` the delete, strict and max_scan of all, `blackboard_policies` more of that one,
    `security` that section. A second one in the same folder shares the database; give it the
    simulators of the first.
    """
    if blackboard is None:
        blackboard = create_blackboard(users=users, case_sensitive_ids=False)
    site = blackboard.site
    if moodle is None:
        moodle = create_simulator(users=users, cohorts=cohorts, **more.get("simulator", {}))
    options = Options(
        name="moodle",
        **{
            "url": "http://moodle.test",
            "token": moodle.site.token,
            "allow_private_network": True,
            "transport": InProcess(app=moodle),
            **more.get("options", {}),
        },
    )
    policies = more.get("policies", {})
    settings = Settings(
        database=f"sqlite:///{folder / 'matricula.db'}",
        targets={
            "memory": TargetSettings("memory", Options(name="memory"), **policies),
            "moodle": TargetSettings("moodle", options, **policies),
            "blackboard": TargetSettings(
                "blackboard",
                Options(
                    name="blackboard",
                    url="http://learn.test",
                    allow_private_network=True,
                    transport=InProcess(app=blackboard),
                    more={
                        "client_id": site.client_id,
                        "client_secret": site.client_secret,
                        "group_course": "_5001_1",
                    },
                ),
                **{"enrol_members": True, **policies, **more.get("blackboard_policies", {})},
            ),
        },
        version="test",
        security=more.get("security", Security()),
    )
    app = create_app(settings)
    connector = app.extensions["matricula"]["targets"]["blackboard"].connector
    if not site.courses:
        connector.collections["Course"].create({"courseId": "GROUPS", "name": "Has the groups"})
        site.calls.clear()
    tokens = Tokens(app.extensions["matricula"]["database"])
    if not tokens.list():
        tokens.add(TOKEN, name="tester", targets=["all"], scopes=["admin"])
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return Service(app, client, moodle, blackboard, folder)


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
