"""A whole gateway in this process, in front of simulators, for tests over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from flask import Flask
from flask.testing import FlaskClient

from connectors.moodle.simulator import Simulator, create_simulator
from gateway.app import create_app
from gateway.settings import Settings, TargetSettings
from gateway.tokens import Tokens
from schemas.messages import PATCH_OP
from connectors.base import Options


@dataclass
class Service:
    """The gateway's application, a client with a token for everything, and the simulator."""

    app: Flask
    client: FlaskClient
    moodle: Simulator
    folder: Path

    @property
    def calls(self) -> int:
        """Return how many calls the simulator has got since the last `forget`."""
        return len(self.moodle.site.calls)

    def forget(self) -> None:
        self.moodle.site.calls.clear()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return all audit events, oldest first."""
        return list(self.app.extensions["matricula"]["audit"].stream(None))

    def close(self) -> None:
        for target in self.app.extensions["matricula"]["targets"].values():
            target.connector.close()
        self.app.extensions["matricula"]["database"].close()


TOKEN = "a-token-for-tests-that-may-do-everything"


def make_service(folder: Path, *, users: int = 0, cohorts: int = 0, **more: Any) -> Service:
    """Return a gateway with the targets memory and moodle.

    `simulator` are settings of the Moodle simulator, `options` entries of the target moodle,
    `policies` its delete, strict and max_scan.
    """
    moodle = create_simulator(users=users, cohorts=cohorts, **more.get("simulator", {}))
    options = Options(
        name="moodle",
        url="http://moodle.test",
        token=moodle.site.token,
        allow_private_network=True,
        transport=httpx.WSGITransport(app=moodle),
        **more.get("options", {}),
    )
    policies = more.get("policies", {})
    settings = Settings(
        database=f"sqlite:///{folder / 'matricula.db'}",
        targets={
            "memory": TargetSettings("memory", Options(name="memory"), **policies),
            "moodle": TargetSettings("moodle", options, **policies),
        },
        version="test",
    )
    app = create_app(settings)
    tokens = Tokens(app.extensions["matricula"]["database"])
    if not tokens.list():
        tokens.add(TOKEN, name="tester", targets=["all"], scopes=["admin"])
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return Service(app, client, moodle, folder)


def patch_op(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return a PatchOp message."""
    return {"schemas": [PATCH_OP], "Operations": list(operations)}
