"""A small client for tests: calls functions of a simulator in process."""

from __future__ import annotations

import json
from typing import Any

from connectors.moodle.simulator import Simulator

REST = "/webservice/rest/server.php"
PASSWORD = "Passw0rd!x"


class Client:
    """Calls functions of a simulator with bracketed fields and returns the decoded JSON."""

    def __init__(self, simulator: Simulator, token: str | None = None) -> None:
        self.simulator = simulator
        self.token = token or simulator.site.token
        self.http = simulator.test_client()

    def __call__(self, function: str, **fields: Any) -> Any:
        sent = {"wstoken": self.token, "wsfunction": function, "moodlewsrestformat": "json"}
        answer = self.http.post(REST, data=sent | flatten(fields))
        assert answer.status_code == 200
        assert answer.content_type == "application/json"
        return json.loads(answer.text)

    def error(self, function: str, **fields: Any) -> str:
        reply = self(function, **fields)
        assert isinstance(reply, dict), reply
        return str(reply.get("errorcode"))

    def find(self, **criteria: str) -> list[int]:
        rows = [{"key": key, "value": value} for key, value in criteria.items()]
        return [user["id"] for user in self("core_user_get_users", criteria=rows)["users"]]

    def by_field(self, field: str, *values: Any) -> list[dict[str, Any]]:
        users: list[dict[str, Any]] = self(
            "core_user_get_users_by_field", field=field, values=list(values)
        )
        return users

    def create(self, username: str, **values: Any) -> Any:
        return self("core_user_create_users", users=[new_user(username, **values)])

    def update(self, *users: dict[str, Any]) -> Any:
        return self("core_user_update_users", users=list(users))


def flatten(value: Any, name: str = "") -> dict[str, str]:
    """Write nested values as PHP's bracketed fields."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = dict(enumerate(value)).items()
    else:
        return {name: str(value)}
    return {
        field: text
        for key, inner in pairs
        for field, text in flatten(inner, f"{name}[{key}]" if name else str(key)).items()
    }


def new_user(username: str, **values: Any) -> dict[str, Any]:
    return {
        "username": username,
        "password": PASSWORD,
        "firstname": "First",
        "lastname": "Last",
        "email": f"{username}@example.edu",
        **values,
    }


def new_cohort(idnumber: str, **values: Any) -> dict[str, Any]:
    kind = {"type": "system", "value": ""}
    return {"categorytype": kind, "name": idnumber, "idnumber": idnumber, **values}
