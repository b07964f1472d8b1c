"""The token service of the simulator: codes, refresh tokens that serve once, signed assertions."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from connectors.brightspace.simulator.assertions import ASSERTION_TYPE
from tests.connectors.brightspace.site import REDIRECT, START, TOKEN, Client, fixture, simulator

VERIFIER = "a-verifier-that-is-long-enough-for-everybody-to-accept"
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
AUDIENCE = "https://auth.brightspace.com/core/connect/token"
KEY = RSAKey.generate_key(2048, {"kid": "key-2026-01"}, private=True)
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "key-2026-01"}, private=True)
CURVE_KEY = ECKey.generate_key("P-256", {"kid": "key-2026-02"}, private=True)
JWKS: dict[str, Any] = {
    "keys": [KEY.as_dict(private=False), CURVE_KEY.as_dict(private=False)],
}


@pytest.fixture
def client() -> Client:
    return Client(simulator())


def consent(client: Client, **changes: str) -> dict[str, str]:
    """Visit the consent page; return what the browser brings back."""
    given = {
        "response_type": "code",
        "client_id": client.site.client_id,
        "redirect_uri": REDIRECT,
        "scope": "users:userdata:read",
        "state": "s&1",
        **changes,
    }
    answer = client.http.get("/oauth2/auth", query_string=given)
    assert answer.status_code == 302, answer.text
    assert answer.location.startswith(f"{REDIRECT}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


def redeem(client: Client, code: str, **changes: str) -> Any:
    values = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    return client.ask(**{**values, **changes})


def error_of(answer: Any) -> str:
    assert answer.status_code == 400, answer.text
    assert answer.json.keys() == fixture("token_error_invalid_grant")["body"].keys()
    return str(answer.json["error"])


def test_a_code_gives_both_tokens_once(client: Client) -> None:
    brought = consent(client)
    assert brought["state"] == "s&1"
    answer = redeem(client, brought["code"])
    assert answer.status_code == 200
    assert answer.json.keys() == fixture("token_response").keys()
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3600)
    assert answer.json["scope"] == "users:userdata:read"
    client.token = answer.json["access_token"]
    assert client.status("GET users/") == 200
    assert error_of(redeem(client, brought["code"])) == "invalid_grant"


def test_a_code_needs_its_redirect_uri_and_is_not_old(client: Client) -> None:
    code = consent(client)["code"]
    assert error_of(redeem(client, code, redirect_uri=f"{REDIRECT}/")) == "invalid_grant"
    code = consent(client)["code"]
    client.site.clock.advance(600)
    assert error_of(redeem(client, code)) == "invalid_grant"


@pytest.mark.parametrize(
    ("method", "challenge"), [("S256", CHALLENGE), ("plain", VERIFIER), ("", VERIFIER)]
)
def test_a_challenge_needs_its_verifier(client: Client, method: str, challenge: str) -> None:
    asked = {"code_challenge": challenge}
    if method:
        asked["code_challenge_method"] = method
    assert error_of(redeem(client, consent(client, **asked)["code"])) == "invalid_grant"
    code = consent(client, **asked)["code"]
    assert error_of(redeem(client, code, code_verifier="wrong")) == "invalid_grant"
    code = consent(client, **asked)["code"]
    assert redeem(client, code, code_verifier=VERIFIER).status_code == 200


def test_what_the_consent_page_refuses(client: Client) -> None:
    assert consent(client, response_type="token")["error"] == "unsupported_response_type"
    assert consent(client, scope="datahub:x:read")["error"] == "invalid_scope"
    strange = consent(client, code_challenge="x", code_challenge_method="S512")
    assert strange["error"] == "invalid_request"
    client.site.settings.consents = False
    refused = consent(client)
    assert (refused["error"], refused["state"], "code" in refused) == (
        "access_denied",
        "s&1",
        False,
    )
    for wrong in ({"client_id": "x"}, {"redirect_uri": "https://evil.example/"}):
        given = {"client_id": client.site.client_id, "redirect_uri": REDIRECT, **wrong}
        answer = client.http.get("/oauth2/auth", query_string=given)
        assert (answer.status_code, "Location" in answer.headers) == (400, False)


def test_a_refresh_token_serves_once(client: Client) -> None:
    first = client.refresh_token
    told = client.refresh()
    assert told.keys() == fixture("token_response").keys()
    assert told["refresh_token"] != first
    again = client.ask(grant_type="refresh_token", refresh_token=first)
    assert error_of(again) == "invalid_grant"
    assert again.json == fixture("token_error_invalid_grant")["body"]
    client.refresh()
    assert client.ask(grant_type="refresh_token", refresh_token="x").status_code == 400


def test_the_reuse_of_a_refresh_token_may_end_its_successors(client: Client) -> None:
    client.site.settings.reuse_revokes_chain = True
    other = client.site.consent()
    first = client.refresh_token
    client.refresh()
    assert client.site.tokens.lives(client.refresh_token)
    assert client.ask(grant_type="refresh_token", refresh_token=first).status_code == 400
    assert not client.site.tokens.lives(client.refresh_token)
    answer = client.ask(grant_type="refresh_token", refresh_token=client.refresh_token)
    assert error_of(answer) == "invalid_grant"
    assert client.site.tokens.lives(other)


def test_a_refused_exchange_does_not_spend(client: Client) -> None:
    kept = client.refresh_token
    wrong = {"grant_type": "refresh_token", "refresh_token": kept}
    assert error_of(client.ask(**wrong, client_secret="x")) == "invalid_client"
    assert error_of(client.ask(**wrong, scope="datahub:x:read")) == "invalid_scope"
    narrower = client.ask(**wrong, scope="users:userdata:read")
    assert narrower.json["scope"] == "users:userdata:read"
    client.refresh_token = narrower.json["refresh_token"]
    assert client.refresh()["scope"] == client.site.settings.scopes


def test_a_lost_answer_loses_the_credential(client: Client) -> None:
    client.simulator.faults.add("html", match="connect/token")
    assert client.ask(grant_type="refresh_token", refresh_token=client.refresh_token).is_json is (
        False
    )
    assert client.site.tokens.lives(client.refresh_token)
    client.simulator.faults.add("truncated", match="connect/token")
    client.ask(grant_type="refresh_token", refresh_token=client.refresh_token)
    assert not client.site.tokens.lives(client.refresh_token)


def test_unused_refresh_tokens_may_grow_old(client: Client) -> None:
    client.site.settings.refresh_seconds = 100
    client.site.clock.advance(99)
    client.refresh()
    client.site.clock.advance(100)
    answer = client.ask(grant_type="refresh_token", refresh_token=client.refresh_token)
    assert error_of(answer) == "invalid_grant"


def test_an_application_without_refresh_tokens() -> None:
    client = Client(simulator(refresh_tokens=False))
    answer = redeem(client, consent(client)["code"])
    assert "refresh_token" not in answer.json


def test_credentials_may_be_basic(client: Client) -> None:
    site = client.site
    form = {"grant_type": "refresh_token", "refresh_token": client.refresh_token}
    wrong = client.http.post(TOKEN, data=form, auth=(site.client_id, "x"))
    assert error_of(wrong) == "invalid_client"
    right = client.http.post(TOKEN, data=form, auth=(site.client_id, site.client_secret))
    assert right.status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "client_id": "x"}, "invalid_client"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_grant"),
    ],
)
def test_refused_requests_for_a_token(client: Client, form: dict[str, str], error: str) -> None:
    assert error_of(client.ask(**form)) == error


def test_a_body_that_is_no_form_is_refused(client: Client) -> None:
    assert error_of(client.http.post(TOKEN, json={"grant_type": "x"})) == "invalid_request"


def test_access_tokens_live_as_long_as_the_application_says() -> None:
    client = Client(simulator(token_seconds=1800))
    claims = json.loads(urlsafe_b64decode(client.token.split(".")[1] + "=="))
    assert claims.keys() == fixture("access_token_claims").keys()
    assert (claims["sub"], claims["nbf"], claims["exp"]) == ("177", START, START + 1800)
    client.site.clock.advance(1799)
    assert client.status("GET users/") == 200
    client.site.clock.advance(1)
    answer = client("GET users/")
    recorded = fixture("errors")["unauthorized_expired_token"]
    assert (answer.status_code, json.loads(answer.data)) == (401, recorded["body"])
    assert answer.content_type == recorded["headers"]["Content-Type"]
    client.token = client.refresh()["access_token"]
    assert client.status("GET users/") == 200
    for seconds in (1799, 72_001):
        with pytest.raises(ValueError, match="token_seconds"):
            simulator(token_seconds=seconds)


def test_tokens_end_with_the_consent(client: Client) -> None:
    client.site.tokens.revoke()
    assert client.status("GET users/") == 401
    client.token = client.refresh()["access_token"]
    client.site.tokens.withdraw()
    assert client.status("GET users/") == 401
    assert not client.site.tokens.lives(client.refresh_token)


def assertion(client: Client, key: Any = KEY, alg: str = "RS256", **changes: Any) -> str:
    name = client.site.client_id
    claims = {
        "iss": name,
        "sub": name,
        "aud": AUDIENCE,
        "jti": "one",
        "iat": START,
        "exp": START + 60,
        **changes,
    }
    header = {"alg": alg, "typ": "JWT", "kid": key.kid}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(header, kept, key, [alg])


def sign_in(client: Client, text: str, **changes: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_id": client.site.client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": text,
        "scope": "users:userdata:* enrollment:orgunit:*",
        **changes,
    }
    return client.http.post(TOKEN, data=form)


@pytest.fixture
def service() -> Client:
    return Client(simulator(jwks=JWKS))


@pytest.mark.parametrize(("key", "alg"), [(KEY, "RS256"), (KEY, "RS512"), (CURVE_KEY, "ES256")])
def test_an_assertion_gives_an_access_token_alone(service: Client, key: Any, alg: str) -> None:
    answer = sign_in(service, assertion(service, key, alg))
    assert answer.status_code == 200, answer.text
    assert answer.json.keys() == fixture("token_response_client_credentials").keys()
    assert answer.json["scope"] == "users:userdata:* enrollment:orgunit:*"
    service.token = answer.json["access_token"]
    assert service.status("GET users/") == 200
    assert service.status("GET roles/") == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "x"},
        {"sub": "x"},
        {"aud": "https://lms.example.edu/"},
        {"aud": None},
        {"jti": None},
        {"exp": START},
        {"exp": None},
        {"exp": START + 400},
        {"iat": None},
        {"iat": START + 60},
        {"key": OTHER_KEY},
    ],
    ids=lambda changes: "-".join(f"{name}" for name in changes),
)
def test_assertions_that_do_not_count(service: Client, changes: dict[str, Any]) -> None:
    assert error_of(sign_in(service, assertion(service, **changes))) == "invalid_client"
    assert sign_in(service, assertion(service)).status_code == 200


def test_an_assertion_serves_once_and_only_as_such(service: Client) -> None:
    text = assertion(service, aud=["x", "http://localhost/core/connect/token"])
    assert error_of(sign_in(service, text, client_assertion_type="x")) == "invalid_client"
    assert sign_in(service, text).status_code == 200
    assert error_of(sign_in(service, text)) == "invalid_client"
    assert error_of(sign_in(service, "x.y.z")) == "invalid_client"
    assert error_of(sign_in(service, assertion(service), client_id="x")) == "invalid_client"
    secret = {"client_secret": service.site.client_secret}
    assert error_of(service.ask(grant_type="client_credentials", **secret)) == "invalid_client"


def test_an_application_without_a_service_user(client: Client) -> None:
    assert error_of(sign_in(client, assertion(client))) == "unauthorized_client"


def test_the_key_set_is_public() -> None:
    assert "d" not in KeySet.import_key_set(JWKS).as_dict(private=False)["keys"][0]


def recorded_form(client: Client, name: str, **changes: str) -> dict[str, str]:
    """Return the fields of a recorded request with this application's credentials."""
    request = fixture(name)
    assert (request["method"], request["path"]) == ("POST", TOKEN)
    pair = {"client_id": client.site.client_id, "client_secret": client.site.client_secret}
    fields: dict[str, str] = request["fields"]
    return {name: pair.get(name) or changes.get(name) or value for name, value in fields.items()}


def test_the_recorded_requests_are_understood(service: Client) -> None:
    code = consent(service)["code"]
    form = recorded_form(service, "token_request_code", code=code)
    assert service.http.post(TOKEN, data=form).status_code == 200
    kept = service.refresh_token
    form = recorded_form(service, "token_request_refresh", refresh_token=kept)
    assert service.http.post(TOKEN, data=form).json["scope"] == form["scope"]
    recorded = fixture("token_request_client_credentials")
    payload = {**recorded["assertion_payload"], "iss": service.site.client_id}
    payload |= {"sub": service.site.client_id, "iat": START, "exp": START + 60}
    header = recorded["assertion_header"]
    text = jwt.encode(header, payload, KEY)
    form = recorded_form(service, "token_request_client_credentials", client_assertion=text)
    assert service.http.post(TOKEN, data=form).status_code == 200


def test_the_recorded_refusals(client: Client) -> None:
    for name, form in (
        ("token_error_invalid_client", {"client_secret": "x"}),
        ("token_error_invalid_grant", {}),
    ):
        recorded = fixture(name)
        answer = client.ask(grant_type="refresh_token", refresh_token="x", **form)
        assert (answer.status_code, answer.json) == (recorded["status"], recorded["body"])
        assert answer.content_type == recorded["headers"]["Content-Type"]


def test_exchanges_are_counted_apart_from_calls(client: Client) -> None:
    client.refresh()
    assert list(client.site.exchanges) == ["refresh_token", "refresh_token"]
    assert list(client.site.calls) == []
