"""Tokens over HTTP: who is let in, and what each scope allows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.database import now
from tests.gateway.service import Scim, check_answer, patch_op, person


def send(scim: Scim, header: str | None, method: str = "GET", path: str = "/Users",
         body: Any = None) -> TestResponse:  # fmt: skip
    client = scim.service.app.test_client()
    headers = {} if header is None else {"Authorization": header}
    response = client.open(scim.base + path, method=method, json=body, headers=headers)
    check_answer(response)
    return response


def token(scim: Scim, *scopes: str, target: str = "", **more: Any) -> str:
    text = scim.service.tokens.create("limited", [target or scim.name], scopes, **more)
    return f"Bearer {text}"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Bearer " + "x" * 5000, "Basic YTpi", "x",
     "Bearer a b", "Bearer \u00e4\u00f6"],
)  # fmt: skip
def test_no_good_token_no_entry(scim: Scim, header: str | None) -> None:
    for path in ("/Users", "/Users/5", "/Schemas", "/AuditEvents", "/Me"):
        answer = send(scim, header, path=path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert send(scim, header, "POST", "/Users", person("ann")).status_code == 401


def test_the_features_are_no_secret(shared_scim: Scim) -> None:
    assert send(shared_scim, None, path="/ServiceProviderConfig").status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_has_no_letter_case(scim: Scim, scheme: str) -> None:
    header = token(scim, "users:read").replace("Bearer", scheme)
    assert send(scim, header).status_code == 200


def test_expired_and_revoked_tokens_are_refused(scim: Scim) -> None:
    old = token(scim, "admin", expires=now() - timedelta(seconds=1))
    assert send(scim, old).status_code == 401
    gone = token(scim, "admin")
    tokens = scim.service.tokens
    prefix = next(t["prefix"] if isinstance(t, dict) else t.prefix for t in tokens.list()
                  if gone.split("_")[1] in str(t))  # fmt: skip
    tokens.revoke(prefix)
    assert send(scim, gone).status_code == 401


WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/Users", person("ann")),
    ("PUT", "/Users/5", person("ann")),
    ("PATCH", "/Users/5", patch_op({"op": "replace", "value": {"active": True}})),
    ("DELETE", "/Users/5", None),
    ("POST", "/Users/5/.enable", None),
    ("POST", "/Users/5/.disable", None),
    ("POST", "/Users/5/.resetPassword", {"generate": True}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize("scope", ["users:read", "groups:write", "audit:read"])
def test_writing_needs_its_scope_and_the_refusal_is_recorded(
    shared_scim: Scim, method: str, path: str, body: Any, scope: str
) -> None:
    answer = send(shared_scim, token(shared_scim, scope), method, path, body)
    assert answer.status_code == 403
    assert "users:write" in answer.json["detail"]
    assert shared_scim.event["actor"] == "limited"
    assert shared_scim.event["outcome"] == "refused"
    assert shared_scim.event["status"] == 403


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("users:read", "/Users", 200),
        ("users:read", "/users", 200),
        ("users:read", "/Groups", 403),
        ("users:read", "/AuditEvents", 403),
        ("users:read", "/Users/.explain", 200),
        ("users:write", "/Users", 403),
        ("groups:read", "/Groups", 200),
        ("groups:read", "/Users", 403),
        ("audit:read", "/AuditEvents", 200),
        ("audit:read", "/AuditEvents/999", 404),
        ("audit:read", "/Users", 403),
        ("audit:read", "/", 403),
        ("groups:read", "/", 200),
        ("users:read", "/Schemas", 200),
        ("admin", "/AuditEvents", 200),
    ],
)
def test_reading_needs_its_scope(shared_scim: Scim, scope: str, path: str, status: int) -> None:
    assert send(shared_scim, token(shared_scim, scope), path=path).status_code == status


def test_the_root_shows_only_what_may_be_read(scim: Scim) -> None:
    scim.add("ann")
    scim.add_group("Staff")
    shown = send(scim, token(scim, "groups:read"), path="/").json["Resources"]
    assert {r["meta"]["resourceType"] for r in shown} == {"Group"}


@pytest.mark.parametrize("path", ["/Users", "/Schemas", "/ResourceTypes", "/AuditEvents", "/"])
def test_a_token_of_another_target_is_refused(scim: Scim, path: str) -> None:
    other = "moodle" if scim.name == "memory" else "memory"
    assert send(scim, token(scim, "admin", target=other), path=path).status_code == 403


def test_a_write_with_a_token_of_another_target_is_recorded(scim: Scim) -> None:
    other = "moodle" if scim.name == "memory" else "memory"
    header = token(scim, "admin", target=other)
    assert send(scim, header, "POST", "/Users", person("ann")).status_code == 403
    assert scim.event["outcome"] == "refused"
