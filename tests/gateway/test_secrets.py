"""Secrets: sent by every road, they appear nowhere."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson
import pytest

from gateway import exports
from tests.gateway.service import TOKEN, Scim, Service, patch_op, person

CANARY = "Canary-7-Quxplox"


def roads(id: str, secret: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield method, path and body of every way in which a password can be sent."""

    def patch(*operations: dict[str, Any]) -> tuple[str, str, Any]:
        return "PATCH", f"/Users/{id}", patch_op(*operations)

    lms = "urn:ietf:params:scim:schemas:extension:lms:2.0:User"
    yield "POST", "/Users", person("bob", password=secret)
    yield "POST", "/Users", person("bob", password=secret)
    yield "POST", "/Users", {"password": secret}
    yield "POST", "/Users", person("carl", PassWord=secret, active="perhaps")
    yield "PUT", f"/Users/{id}", person("ann", password=secret)
    yield "PUT", "/Users/424242", person("ann", password=secret)
    yield patch({"op": "replace", "path": "password", "value": secret})
    yield patch({"op": "add", "path": "PASSWORD", "value": secret})
    yield patch({"op": "replace", "value": {"password": secret}})
    yield patch({"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:User:password":
                                            secret}})  # fmt: skip
    yield patch({"op": "remove", "path": "password", "value": secret})
    good = {"op": "replace", "path": "password", "value": secret}
    yield patch(good, {"op": "add", "path": "x", "value": 1})
    yield patch({"op": "replace", "path": lms, "value": {"mustChangePassword": secret}})
    yield patch({"op": "replace", "path": f"{lms}:mustChangePassword", "value": secret})
    yield "POST", f"/Users/{id}/.resetPassword", {"password": secret}
    yield "POST", f"/Users/{id}/.resetPassword", {"password": secret, "notify": True}
    yield "POST", f"/Users/{id}/.resetPassword", {"password": secret, "mustChange": secret}
    yield "POST", f"/Users/{id}/.resetPassword", {"generate": secret}
    yield "POST", f"/Users/{id}/.validate", {"password": secret, "userName": "ann"}
    yield "POST", "/Users/.validate", person("dora", password=secret)
    yield "POST", "/Users/.search", {"filter": f'password eq "{CANARY}"'}
    yield "POST", "/Users/.search", {"filter": f'password eq "{CANARY}" and userName eq "ann"'}


SHAPES: list[Any] = [CANARY, [CANARY], {"value": CANARY}, {CANARY: 1}, [[CANARY]]]


@pytest.mark.parametrize("fault", [None, "drop_after", "drop_before", "html", "status"])
def test_a_password_appears_nowhere(scim: Scim, heard: io.StringIO, fault: str | None) -> None:
    id = scim.add("ann")
    shapes = SHAPES if fault is None else SHAPES[:1]
    simulators = scim.service.simulators.values()
    for shape in shapes:
        for method, path, body in roads(id, shape):
            if fault:
                for write in ("create_users", "update_users"):
                    for simulator in simulators:
                        simulator.faults.add(fault, match=write, status=500)
            answer = scim.send(method, path, body)
            for simulator in simulators:
                simulator.faults.clear()
            is_key = isinstance(shape, dict) and CANARY in shape
            if not is_key:
                assert CANARY not in answer.text, (method, path, body, answer.text)
    for query in (f'password eq "{CANARY}"', f'password co "{CANARY}'):
        answer = scim.get("/Users", filter=query)
        assert answer.status_code in (400, 403)
        assert CANARY not in answer.text
    keeps_nothing(scim.service, heard, CANARY, shapes)


def keeps_nothing(
    service: Service, heard: io.StringIO, secret: str, shapes: list[Any] | None = None
) -> None:
    """Check the database's files, the logs, the metrics, the audit log and its exports."""
    for file in service.folder.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file
    assert secret not in heard.getvalue()
    assert secret not in service.client.get("/metrics").text
    assert secret not in orjson.dumps(service.events).decode()
    told = service.app.extensions["matricula"]["audit"]
    for write in (exports.write_jsonl, partial(exports.write_csv, labels={})):
        stream = io.StringIO()
        write(told.stream(None), stream)
        assert secret not in stream.getvalue()


def test_a_generated_password_is_shown_once_and_kept_nowhere(
    scim: Scim, heard: io.StringIO
) -> None:
    id = scim.add("ann")
    answer = scim.post(f"/Users/{id}/.resetPassword", {"generate": True})
    assert answer.status_code == 200
    keeps_nothing(scim.service, heard, answer.json["password"])
    if scim.name == "moodle":
        assert scim.service.moodle.site.passwords_match("ann", answer.json["password"])


def test_tokens_appear_nowhere(moodle: Scim, heard: io.StringIO) -> None:
    moodle.add("ann")
    moodle.service.client.get("/moodle/scim/v2/Users", headers={"Authorization": "Bearer wrong"})
    for kind in ("status", "html", "drop_before", "truncated"):
        moodle.service.moodle.faults.add(kind, status=500, times=3)
        answer = moodle.get("/Users")
        assert moodle.service.moodle.site.token not in answer.text
        moodle.service.moodle.faults.clear()
    for secret in (TOKEN, moodle.service.moodle.site.token):
        keeps_nothing(moodle.service, heard, secret)


def test_the_lms_debugging_text_is_not_passed_on(make: Callable[..., Service]) -> None:
    moodle = Scim(make("moodle", moodle_settings={"debug": True}), "moodle")
    moodle.service.moodle.site.gateway.capabilities.discard("moodle/user:create")
    refused = moodle.post("/Users", person("ann", password=CANARY))
    assert refused.status_code == 502
    assert CANARY not in refused.text
