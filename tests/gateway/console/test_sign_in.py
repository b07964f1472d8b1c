"""Signing in and out: who gets in, for how long, and what the log says of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.console.sessions import COOKIE, SECONDS
from gateway.database import now
from gateway.security import Security
from tests.gateway.console.visitor import PAGES, Visitor, words
from tests.gateway.service import TOKEN, Scim, Service


def events_of_sign_ins(service: Service) -> list[dict[str, Any]]:
    return [event for event in service.events if event["operation"] == "authenticate"]


@pytest.mark.parametrize("path", PAGES[:9])
def test_strangers_are_led_to_the_sign_in(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    if path == "/nowhere":
        assert answer.status_code == 404
        return
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/console/sign-in?next=/console/")


def test_the_page_that_was_wanted_follows_the_sign_in(visitor: Visitor) -> None:
    wanted = "/console/timeline?login=a%26b"
    answer = visitor.post("/sign-in", token=TOKEN, next=wanted)
    assert answer.headers["Location"] == wanted
    assert visitor.get("/sign-in").headers["Location"] == "/console/"


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.test/", "//evil.test/console/", "/console/\\evil", "/console//evil.test",
     "/elsewhere", "javascript:alert(1)"],
)  # fmt: skip
def test_no_sign_in_leads_elsewhere(visitor: Visitor, wanted: str) -> None:
    answer = visitor.post("/sign-in", token=TOKEN, next=wanted)
    assert answer.headers["Location"] == "/console/"


def test_the_cookie_holds_no_token_and_is_kept_from_others(visitor: Visitor) -> None:
    answer = visitor.post("/sign-in", token=TOKEN)
    cookie = answer.headers["Set-Cookie"]
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/console/", f"Max-Age={SECONDS}"):
        assert attribute in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie and "tester" not in cookie


def test_the_cookie_is_secure_over_https(visitor: Visitor) -> None:
    answer = visitor.client.get("/console/sign-in", base_url="https://gateway.test")
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_a_good_sign_in_is_an_event(service: Service, auditor: Visitor) -> None:
    (event,) = events_of_sign_ins(service)
    assert (event["outcome"], event["status"]) == ("success", 200)
    assert (event["actor"], event["target"]) == ("tester", "console")


@pytest.mark.parametrize("token", ["a-wrong-token", "mtr_abcdefgh_" + "x" * 43, "short"])
def test_a_wrong_token_is_refused_and_recorded(visitor: Visitor, token: str) -> None:
    answer = visitor.post("/sign-in", token=token)
    assert answer.status_code == 401
    assert "unknown, has expired or was revoked" in words(answer.text)
    assert token not in answer.text
    (event,) = events_of_sign_ins(visitor.service)
    assert (event["outcome"], event["status"], event["target"]) == ("refused", 401, "console")
    assert visitor.get("/").status_code == 303


def test_no_token_is_not_a_guess(visitor: Visitor) -> None:
    assert visitor.post("/sign-in", token=" ").status_code == 400
    assert visitor.service.events == []


@pytest.mark.parametrize("scope", ["users:read", "users:write", "groups:read"])
def test_the_token_needs_the_scope_of_auditors(visitor: Visitor, scope: str) -> None:
    token = visitor.service.tokens.create("limited", ["all"], [scope])
    answer = visitor.post("/sign-in", token=token)
    assert answer.status_code == 403
    assert "audit:read" in words(answer.text)
    (event,) = events_of_sign_ins(visitor.service)
    assert (event["outcome"], event["actor"]) == ("refused", "limited")


def test_guessing_ends(make: Callable[..., Service]) -> None:
    visitor = Visitor(make(security=Security(failed_authentications=2)))
    assert [visitor.post("/sign-in", token=f"a-wrong-guess-{n}").status_code for n in (1, 2)] == [
        401,
        401,
    ]
    answer = visitor.post("/sign-in", token="a-wrong-guess-3")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert len(events_of_sign_ins(visitor.service)) == 2


def test_signing_out(auditor: Visitor) -> None:
    assert auditor.post("/sign-out").headers["Location"] == "/console/sign-in"
    assert auditor.get("/").status_code == 303


def test_a_revoked_token_ends_its_sessions(service: Service) -> None:
    text = service.tokens.create("gone", ["all"], ["audit:read"])
    visitor = Visitor(service).sign_in(text)
    assert visitor.get("/").status_code == 200
    service.tokens.revoke("gone")
    assert visitor.get("/").status_code == 303


def test_an_expired_token_ends_its_sessions(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = now() + timedelta(hours=1)
    visitor = Visitor(service).sign_in(
        service.tokens.create("short", ["all"], ["audit:read"], later)
    )
    monkeypatch.setattr("gateway.tokens.now", lambda: later)
    assert visitor.get("/").status_code == 303


def test_a_session_ends_after_eight_hours(
    auditor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:

    began = time.time()
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: began + SECONDS + 5)
    assert auditor.get("/").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "gAAAAAB", "ä"])
def test_no_other_cookie_is_a_session(visitor: Visitor, cookie: str) -> None:
    answer = visitor.client.get("/console/", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert answer.status_code == 303


def test_what_else_is_encrypted_with_the_keys_is_no_session(service: Service) -> None:
    scim = Scim(service, "memory")
    for login in ("ann", "bob", "cat"):
        scim.add(login)
    cursor = scim.get("/AuditEvents", cursor="", count=1).json["nextCursor"]
    answer = Visitor(service).client.get("/console/", headers={"Cookie": f"{COOKIE}={cursor}"})
    assert answer.status_code == 303


@pytest.mark.parametrize("form", [None, "", "wrong", "ä"])
def test_forms_of_others_do_nothing(auditor: Visitor, form: str | None) -> None:
    fields = {} if form is None else {"form": form}
    assert auditor.client.post("/console/sign-out", data=fields).status_code == 403
    assert auditor.get("/").status_code == 200
    stranger = Visitor(auditor.service)
    answer = stranger.client.post("/console/sign-in", data={"token": TOKEN, **fields})
    assert answer.status_code == 403
    assert stranger.get("/").status_code == 303
