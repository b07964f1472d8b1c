"""The simulated LMSs, to rehearse with: one entry for each connector that has one."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from connectors.blackboard.simulator import create_simulator as create_blackboard
from connectors.brightspace.simulator import create_simulator as create_brightspace
from connectors.brightspace.simulator.builtin import END_USER
from connectors.canvas.simulator import create_simulator as create_canvas
from connectors.moodle.simulator import create_simulator as create_moodle

Entries = dict[str, Any]
"""What stands in the configuration of a target beside its `connector`."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a simulated site holds at its start; cohorts are Moodle's alone."""

    users: int
    cohorts: int
    courses: int


def _moodle(size: Size) -> tuple[Flask, Entries]:
    simulator = create_moodle(users=size.users, cohorts=size.cohorts, courses=size.courses)
    return simulator, {"token": simulator.site.token}


def _canvas(size: Size) -> tuple[Flask, Entries]:
    # A site that lets its administrators set passwords, and calls that cost what simple ones do.
    simulator = create_canvas(
        users=size.users, courses=size.courses, call_cost=0.05, admins_can_change_passwords=True
    )
    return simulator, {"token": simulator.site.token}


def _brightspace(size: Size) -> tuple[Flask, Entries]:
    simulator = create_brightspace(users=size.users, courses=size.courses)
    site = simulator.site
    return simulator, {
        "client_id": site.client_id,
        "client_secret": site.client_secret,
        "refresh_token": site.consent(),
        "auth_url": OWN_URL,
        "config": {"roleId": END_USER},
    }


def _blackboard(size: Size) -> tuple[Flask, Entries]:
    simulator = create_blackboard(users=size.users, courses=size.courses)
    site = simulator.site
    return simulator, {"client_id": site.client_id, "client_secret": site.client_secret}


OWN_URL: Any = object()
"""The value of an entry that is the simulator's own URL, known once it is served."""

SIMULATORS: dict[str, Callable[[Size], tuple[Flask, Entries]]] = {
    "moodle": _moodle,
    "canvas": _canvas,
    "brightspace": _brightspace,
    "blackboard": _blackboard,
}


def run(lms: str, port: int, size: Size, *, as_json: bool) -> None:
    """Run one simulator on the loopback interface; port 0 takes a free one."""
    application, entries = SIMULATORS[lms](size)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server: Any = make_server("127.0.0.1", port, application, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    site = {"url": url} | {k: url if v is OWN_URL else v for k, v in entries.items()}
    if as_json:
        print(json.dumps(site), flush=True)
    else:
        for name, value in site.items():
            print(f"{name}: {value if isinstance(value, str) else as_toml(value)}", flush=True)
    # Ctrl-C is the way to end it, no error.
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def as_toml(value: Any) -> str:
    """Return a value as it stands in a configuration.

    >>> as_toml({"roleId": 103})
    '{ roleId = 103 }'
    """
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {as_toml(held)}' for name, held in value.items())} }}"
    return json.dumps(value)
