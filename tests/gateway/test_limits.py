"""Failed authentications and requests beyond what one client may do in a minute."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.test import TestResponse

from gateway.security import Security
from tests.gateway.service import Scim, Service


def ask(scim: Scim, token: str | None, address: str = "192.0.2.1") -> TestResponse:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    client = scim.service.app.test_client()
    return client.get(f"{scim.base}/Users", headers=headers, environ_base={"REMOTE_ADDR": address})


def failures(scim: Scim) -> list[dict[str, object]]:
    return [event for event in scim.service.events if event["operation"] == "authenticate"]


def limited(make: Callable[..., Service], **limits: int) -> Scim:
    scim = Scim(make("memory", security=Security(**limits)), "memory")
    for name in ("established", "newcomer"):
        scim.service.tokens.add(f"token-of-{name}", name, ["all"], ["admin"])
    return scim


def test_guessing_ends_and_established_tokens_go_on(make: Callable[..., Service]) -> None:
    scim = limited(make, failed_authentications=3)
    assert ask(scim, "token-of-established").status_code == 200
    for number in range(3):
        answer = ask(scim, f"a-wrong-guess-{number}")
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    for token in ("another-guess", "token-of-newcomer"):
        answer = ask(scim, token)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.json["status"] == "429"
    assert ask(scim, "token-of-established").status_code == 200
    assert ask(scim, "token-of-newcomer", address="192.0.2.2").status_code == 200


def test_each_failure_up_to_the_limit_is_an_event(make: Callable[..., Service]) -> None:
    scim = limited(make, failed_authentications=3)
    for number in range(7):
        ask(scim, f"a-wrong-guess-{number}")
    events = failures(scim)
    assert len(events) == 3
    for event in events:
        assert event["outcome"] == "refused"
        assert event["status"] == 401
        assert event["target"] == "memory"
        assert event["resourceType"] == "Token"
        assert event["clientAddress"] == "192.0.2.1"
        assert event["requestId"]
        assert "actor" not in event
        assert "a-wrong-guess" not in str(event)
    assert "no further" in str(events[-1]["detail"])
    assert "no further" not in str(events[0]["detail"])


def test_no_token_is_not_a_guess(make: Callable[..., Service]) -> None:
    scim = limited(make, failed_authentications=2)
    for _ in range(5):
        answer = ask(scim, None)
        assert answer.status_code == 401
        assert "invalid_token" not in answer.headers["WWW-Authenticate"]
    assert failures(scim) == []


def test_without_a_limit_all_are_looked_at(make: Callable[..., Service]) -> None:
    scim = limited(make, failed_authentications=0)
    assert [ask(scim, "a-wrong-guess").status_code for _ in range(30)] == [401] * 30


def test_requests_of_one_token(make: Callable[..., Service]) -> None:
    scim = limited(make, requests_per_minute=4)
    assert [ask(scim, "token-of-established").status_code for _ in range(6)] == [200] * 4 + [
        429
    ] * 2
    answer = ask(scim, "token-of-established")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert ask(scim, "token-of-newcomer").status_code == 200
    assert failures(scim) == []


def test_a_refusal_that_cannot_be_recorded_is_one_all_the_same(
    make: Callable[..., Service], monkeypatch: object
) -> None:
    scim = limited(make)
    audit = scim.service.app.extensions["matricula"]["audit"]
    audit.record = lambda *_, **__: 1 / 0
    assert ask(scim, "a-wrong-guess").status_code == 401
