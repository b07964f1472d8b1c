"""JSON web tokens of trusted issuers."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.test import TestResponse

from gateway import issuers as issuers_module
from gateway.security import Issuer, Security
from tests.gateway.service import Scim, Service

ISSUER = "https://login.example.org/tenant"
AUDIENCE = "api://matricula"
RSA = RSAKey.generate_key(2048, {"kid": "one"})
OTHER = RSAKey.generate_key(2048, {"kid": "two"})
CURVE = ECKey.generate_key("P-256", {"kid": "curve"})


def token(key: Any = RSA, alg: str = "RS256", **claims: Any) -> str:
    """Return a token that is good for reading users, but for what is said otherwise."""
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "entra-provisioning",
        "scope": "users:read openid",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        **claims,
    }
    said = {name: value for name, value in said.items() if value is not None}
    kid = {"kid": key.kid} if getattr(key, "kid", None) else {}
    return jwt.encode({"alg": alg, **kid}, said, key, algorithms=[alg])


def public(*keys: Any) -> bytes:
    return json.dumps(KeySet(list(keys)).as_dict(private=False)).encode()


@pytest.fixture
def trusting(make: Callable[..., Service], tmp_path: Path) -> Callable[..., Scim]:
    """Give what makes a gateway that trusts the issuer."""
    file = tmp_path / "keys.json"
    file.write_bytes(public(RSA, CURVE))

    def made(**more: Any) -> Scim:
        given = {"jwks": f"file:{file}", **more}
        issuer = Issuer("entra", ISSUER, (AUDIENCE,), **given)
        return Scim(make("memory", "moodle", security=Security(issuers=(issuer,))), "memory")

    return made


def ask(
    scim: Scim, text: str, method: str = "GET", path: str = "/Users", body: Any = None
) -> TestResponse:
    headers = {"Authorization": f"Bearer {text}"}
    return scim.service.app.test_client().open(
        scim.base + path, method=method, headers=headers, json=body
    )


def test_a_good_token(trusting: Callable[..., Scim]) -> None:
    scim = trusting()
    assert ask(scim, token()).status_code == 200
    assert ask(scim, token(CURVE, "ES256")).status_code == 200
    assert ask(scim, token(aud=["other", AUDIENCE])).status_code == 200
    assert ask(scim, token(), path="/Groups").status_code == 403
    # Tokens of our own go on working beside it.
    assert scim.get("/Groups").status_code == 200


def test_the_actor_stands_in_the_audit_log(trusting: Callable[..., Scim]) -> None:
    scim = trusting()
    body = {"schemas": [], "userName": "ann"}
    good = token(scope="users:write users:read")
    assert ask(scim, good, "POST", body=body).status_code == 201
    assert scim.event["actor"] == "entra:entra-provisioning"
    assert ask(scim, token(), "POST", body=body).status_code == 403
    assert scim.event["outcome"] == "refused"


def test_scopes_from_other_words_and_claims(trusting: Callable[..., Scim]) -> None:
    scim = trusting(scope_claim="roles", scopes={"SCIM.Read": ("users:read", "groups:read")})
    assert ask(scim, token(roles=["SCIM.Read", 5, None]), path="/Groups").status_code == 200
    assert ask(scim, token(roles="SCIM.Read"), path="/Groups").status_code == 200
    assert ask(scim, token(roles={"a": 1})).status_code == 403
    assert ask(scim, token(scope="admin")).status_code == 403


def test_scopes_of_every_token(trusting: Callable[..., Scim]) -> None:
    scim = trusting(grant=("users:read",))
    assert ask(scim, token(scope=None)).status_code == 200


def test_only_its_targets(trusting: Callable[..., Scim]) -> None:
    scim = trusting(targets=("moodle",))
    assert ask(scim, token()).status_code == 403
    assert ask(Scim(scim.service, "moodle"), token()).status_code == 200


def test_another_claim_for_the_actor(trusting: Callable[..., Scim]) -> None:
    scim = trusting(actor_claim="appid", grant=("users:write",))
    ask(scim, token(appid="4711"), "POST", body={"userName": "ann"})
    assert scim.event["actor"] == "entra:4711"
    assert ask(scim, token()).status_code == 401


def parts(text: str) -> list[str]:
    return text.split(".")


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def claims_of(text: str) -> dict[str, Any]:
    middle = parts(text)[1]
    held: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return held


def tampered() -> str:
    head, _, signature = parts(token())
    return ".".join((head, encoded({**claims_of(token()), "scope": "admin"}), signature))


def unsigned() -> str:
    return f"{encoded({'alg': 'none'})}.{encoded(claims_of(token()))}."


def with_the_public_key_as_secret() -> str:
    signed = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded(claims_of(token()))}"
    made = hmac.new(RSA.as_pem(private=False), signed.encode(), "sha256").digest()
    return f"{signed}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


NOW = int(time.time())
BAD: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=NOW - 100),
    "never expires": lambda: token(exp=None),
    "expires as a word": lambda: token(exp="tomorrow"),
    "not yet": lambda: token(nbf=NOW + 100_000),
    "issued in the future": lambda: token(iat=NOW + 100_000),
    "another audience": lambda: token(aud="api://other"),
    "no audience": lambda: token(aud=None),
    "another issuer": lambda: token(iss="https://evil.example.org"),
    "no issuer": lambda: token(iss=None),
    "issuer is a list": lambda: token(iss=[ISSUER]),
    "nobody": lambda: token(sub=None),
    "somebody who is a number": lambda: token(sub=5),
    "unsigned": unsigned,
    "tampered": tampered,
    "secret": with_the_public_key_as_secret,
    "another algorithm": lambda: token(alg="RS512"),
    "another key of that name": lambda: token(RSAKey.generate_key(2048, {"kid": "one"})),
    "an unknown key": lambda: token(OTHER),
    "no signature": lambda: ".".join([*parts(token())[:2], ""]),
    "too long": lambda: token(filler="x" * 10_000),
    "garbage": lambda: "eyJ.eyJ.eyJ",
    "no claims": lambda: f"{parts(token())[0]}.{encoded([1])}.x",
    "not text": lambda: "eyJhbGciOiJSUzI1NiJ9.\u00e9.x",
}


@pytest.mark.parametrize("which", BAD)
def test_a_bad_token(trusting: Callable[..., Scim], which: str) -> None:
    scim = trusting(leeway=5)
    bad = BAD[which]()
    answer = ask(scim, bad.encode().decode("latin-1"))
    assert answer.status_code == 401, which
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert bad not in answer.text
    event = scim.service.events[-1]
    assert event["operation"] == "authenticate"
    assert bad not in str(event)


def test_the_clocks_may_differ_a_little(trusting: Callable[..., Scim]) -> None:
    scim = trusting(leeway=30)
    assert ask(scim, token(exp=int(time.time()) - 10)).status_code == 200


class Server(ThreadingHTTPServer):
    """An issuer's key server on loopback; it counts who asks."""

    answer = b""
    status = 200
    asked = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.asked += 1
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(server.answer)))
        self.end_headers()
        self.wfile.write(server.answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give a clock that only the test moves."""
    clock = [1000.0]
    monkeypatch.setattr(issuers_module, "monotonic", lambda: clock[0])
    return clock


def by_url(trusting: Callable[..., Scim], server: Server) -> Scim:
    url = f"http://127.0.0.1:{server.server_port}/keys?p=1"
    return trusting(jwks=url, allow_private_network=True)


def test_keys_are_fetched_once_and_kept(
    trusting: Callable[..., Scim], server: Server, clock: list[float]
) -> None:
    server.answer = public(RSA)
    scim = by_url(trusting, server)
    assert server.asked == 0
    assert [ask(scim, token()).status_code for _ in range(5)] == [200] * 5
    assert server.asked == 1
    clock[0] += issuers_module.KEEP_SECONDS + 1
    assert ask(scim, token()).status_code == 200
    assert server.asked == 2


def test_a_new_key_is_found_and_guessing_costs_nothing(
    trusting: Callable[..., Scim], server: Server, clock: list[float]
) -> None:
    server.answer = public(RSA)
    scim = by_url(trusting, server)
    assert ask(scim, token()).status_code == 200
    server.answer = public(RSA, OTHER)
    clock[0] += issuers_module.LOOK_AGAIN_SECONDS + 1
    assert ask(scim, token(OTHER)).status_code == 200
    assert server.asked == 2
    stranger = RSAKey.generate_key(2048, {"kid": "stranger"})
    assert [ask(scim, token(stranger)).status_code for _ in range(5)] == [401] * 5
    assert server.asked == 2
    clock[0] += issuers_module.LOOK_AGAIN_SECONDS + 1
    assert [ask(scim, token(stranger)).status_code for _ in range(5)] == [401] * 5
    assert server.asked == 3


def test_old_keys_serve_while_the_issuer_is_away(
    trusting: Callable[..., Scim], server: Server, clock: list[float]
) -> None:
    server.answer = public(RSA)
    scim = by_url(trusting, server)
    assert ask(scim, token()).status_code == 200
    server.status = 404
    clock[0] += issuers_module.KEEP_SECONDS + 1
    assert ask(scim, token()).status_code == 200
    server.status, server.answer = 200, b"<html>"
    clock[0] += issuers_module.LOOK_AGAIN_SECONDS + 1
    assert ask(scim, token()).status_code == 200
    clock[0] += issuers_module.STALE_SECONDS
    answer = ask(scim, token())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_without_keys_nobody_can_tell(trusting: Callable[..., Scim], server: Server) -> None:
    server.status = 404
    scim = by_url(trusting, server)
    assert ask(scim, token()).status_code == 503
    assert scim.get("/Users").status_code == 200
