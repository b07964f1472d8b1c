"""Tokens: shown once, never stored, gone within a second."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import tokens as tokens_module
from gateway.database import Database, now
from gateway.tokens import TRUST_SECONDS, Token, Tokens
from schemas.errors import InvalidToken


def refused(tokens: Tokens, text: str) -> bool:
    """Tell whether a text is no good token."""
    with pytest.raises(InvalidToken) as problem:
        tokens.verify(text)
    return not text or text not in problem.value.detail


def test_a_token_is_known_again(database: Database) -> None:
    tokens = Tokens(database)
    text = tokens.create("entra", ["moodle", "canvas"], ["users:read"])
    assert re.fullmatch(r"mtr_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}", text)
    token = tokens.verify(text)
    assert token is not None
    assert token == tokens.verify(text) == Tokens(database).verify(text)
    assert (token.name, token.targets, token.scopes) == (
        "entra",
        ("moodle", "canvas"),
        ("users:read",),
    )
    assert token.prefix == text[4:12]
    assert tokens.list() == (token,)


def test_other_texts_are_not(database: Database) -> None:
    tokens = Tokens(database)
    text = tokens.create("entra", ["all"], ["admin"])
    other = text[:-1] + ("A" if text[-1] != "A" else "B")
    for wrong in ("", "short", other, text + "x", text[4:12], "x" * 600, "\0" * 20, "\ud800" * 9):
        assert refused(tokens, wrong)


def test_malformed_texts_cost_no_query(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(sqlite)
    monkeypatch.setattr(sqlite, "read", lambda: pytest.fail("queried"))
    assert refused(tokens, "seven77")
    assert refused(tokens, "x" * 513)


def test_secrets_are_not_stored(sqlite: Database, tmp_path: Path) -> None:
    tokens = Tokens(sqlite)
    made = tokens.create("entra", ["all"], ["admin"])
    tokens.add("given-by-hand", "demo", ["all"], ["admin"])
    sqlite.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert made[4:12].encode() in stored
    for secret in (made, made[13:], made[13:30], "given-by-hand"):
        assert secret.encode() not in stored


def test_a_given_text(database: Database) -> None:
    tokens = Tokens(database)
    for scope in ("admin", "users:read"):
        tokens.add("demo-token", "demo", ["all"], [scope])
    token = tokens.verify("demo-token")
    assert token is not None
    assert token.scopes == ("users:read",)
    assert len(tokens.list()) == 1
    for unusable in ("seven77", "x" * 513):
        with pytest.raises(ValueError, match="8 to 512"):
            tokens.add(unusable, "demo", ["all"], ["admin"])
    for names in ([], [""], ["a b"]):
        with pytest.raises(ValueError, match="without spaces"):
            tokens.create("demo", names, ["admin"])


def test_revoking(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    here, elsewhere = Tokens(database), Tokens(database)
    first, second = (here.create("entra", ["all"], ["admin"]) for _ in range(2))
    third = here.create("okta", ["all"], ["admin"])
    assert elsewhere.verify(first)
    assert here.revoke("entra") == 2
    assert here.revoke("entra") == 0
    assert refused(here, first) and refused(here, second)
    assert TRUST_SECONDS < 1
    later = tokens_module.monotonic() + TRUST_SECONDS
    monkeypatch.setattr(tokens_module, "monotonic", lambda: later)
    assert refused(elsewhere, first)
    assert here.revoke(third[4:12]) == 1
    assert here.list() == ()


def test_expiring(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(database)
    moment = now()
    text = tokens.create("brief", ["all"], ["admin"], expires=moment + timedelta(hours=1))
    assert tokens.verify(text)
    monkeypatch.setattr(tokens_module, "now", lambda: moment + timedelta(hours=1))
    assert refused(tokens, text)
    assert refused(Tokens(database), text)


def test_what_a_token_allows() -> None:
    def token(target: str, scope: str) -> Token:
        return Token("p", "n", (target,), (scope,), now())

    assert token("moodle", "users:read").allows("moodle", "users:read")
    assert not token("moodle", "users:read").allows("canvas", "users:read")
    assert not token("moodle", "users:write").allows("moodle", "users:read")
    assert token("all", "users:read").allows("canvas", "users:read")
    assert token("moodle", "admin").allows("moodle", "groups:write")
    assert not token("moodle", "admin").allows("canvas", "groups:write")
