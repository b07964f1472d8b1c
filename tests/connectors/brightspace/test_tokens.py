"""Tokens: single use, one exchange per expiry, lost chains, service users, and no secret told."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from joserfc.jwk import ECKey, RSAKey

from connectors.base import Options
from connectors.brightspace import Brightspace, tokens
from connectors.brightspace.simulator import Simulator, create_simulator
from connectors.brightspace.tokens import State
from connectors.http import counted
from connectors.vault import MemoryVault
from schemas.errors import ScimError
from tests.connectors.brightspace.joined import AUTH_URL, LMS_URL, Joined, joined, options
from tests.connectors.brightspace.site import REDIRECT
from tests.connectors.operations import TICKET

TOKEN = "/core/connect/token"


def read(connector: Brightspace, id: str = "3163") -> Any:
    return connector.collections["User"].get(id)


def refused(connector: Brightspace) -> ScimError:
    with pytest.raises(ScimError) as error:
        read(connector)
    return error.value


def worker(simulator: Simulator, vault: MemoryVault, **more: Any) -> Brightspace:
    """Return another process's connector: the same configuration and vault, no common memory."""
    return Brightspace(options(simulator, vault=vault, more=more))


def at_once(count: int, work: Callable[[int], object]) -> None:
    """Let that many threads begin together and wait for them."""
    together = threading.Barrier(count)

    def begin(number: int) -> None:
        together.wait()
        work(number)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(begin, range(count)))


class TestChain:
    def test_one_token_serves_many_calls(self) -> None:
        brightspace = joined(users=1)
        with counted() as counter:
            for _ in range(5):
                assert read(brightspace.connector)["userName"] == "user1"
        assert list(brightspace.site.exchanges) == ["refresh_token"]
        assert counter.calls == 1 + 1 + 5  # token, versions, users

    def test_a_revoked_token_is_renewed_in_the_same_call_and_the_call_made_once(self) -> None:
        brightspace = joined(users=1)
        read(brightspace.connector)
        brightspace.site.tokens.revoke()
        brightspace.forget()
        name = {"givenName": "A", "familyName": "B"}
        brightspace["User"].create(TICKET, {"userName": "ann", "name": name})
        assert brightspace.calls == ["POST lp/users/"]
        assert list(brightspace.site.exchanges) == ["refresh_token"]

    def test_a_token_that_is_never_taken_ends_in_an_error(self) -> None:
        brightspace = joined(users=1)
        read(brightspace.connector)
        brightspace.forget()
        brightspace.simulator.faults.add("status", match="/users/", status=401, times=9)
        assert refused(brightspace.connector).status == 502
        assert list(brightspace.site.exchanges) == ["refresh_token"]

    def test_threads_make_one_exchange_per_expiry(self) -> None:
        brightspace = joined(users=1)
        for expiry in range(1, 16):
            at_once(8, lambda number: read(brightspace.connector))
            assert len(brightspace.site.exchanges) == expiry
            brightspace.site.tokens.revoke()

    def test_workers_with_one_vault_make_one_exchange_per_expiry(self) -> None:
        simulator, vault = create_simulator(users=1), MemoryVault()
        first = simulator.site.consent()
        workers = [worker(simulator, vault, refresh_token=first) for _ in range(4)]
        for expiry in range(1, 11):
            at_once(8, lambda number: read(workers[number % 4]))
            assert len(simulator.site.exchanges) == expiry
            simulator.site.tokens.revoke()

    def test_tokens_that_live_for_a_second_cost_an_exchange_a_second(self) -> None:
        simulator = create_simulator(users=1, credits_per_minute=10**9)
        simulator.site.settings.token_seconds = 1
        exchanged: list[float] = []

        class Timed(MemoryVault):
            def renew(self, exchange: Callable[[str | None], str]) -> str:
                before = len(simulator.site.exchanges)
                text = super().renew(exchange)
                if len(simulator.site.exchanges) > before:
                    exchanged.append(time.monotonic())
                return text

        vault, first = Timed(), simulator.site.consent()
        workers = [worker(simulator, vault, refresh_token=first) for _ in range(4)]
        end = time.monotonic() + 3

        def work(number: int) -> None:
            while time.monotonic() < end:
                assert read(workers[number % 4]) is not None
                time.sleep(0.01)

        at_once(8, work)
        gaps = [later - sooner for sooner, later in pairwise(exchanged)]
        assert len(gaps) >= 2
        assert min(gaps) > 0.8

    @pytest.mark.parametrize(("lifetime", "ahead"), [(72000, 60), (1800, 60), (600, 60), (20, 2)])
    def test_a_token_is_renewed_ahead_but_not_by_much(self, lifetime: int, ahead: int) -> None:
        state = State().after({"access_token": "a", "expires_in": lifetime}, 1000.0)
        assert state.good_until == 1000.0 + lifetime - ahead

    def test_the_next_refresh_token_is_kept_before_the_access_token_is_used(self) -> None:
        class Failing(MemoryVault):
            def renew(self, exchange: Callable[[str | None], str]) -> str:
                exchange(self.read())
                raise ScimError(503, "The database is gone.")

        brightspace = joined(users=1, vault=Failing())
        assert refused(brightspace.connector).status == 503
        assert len(brightspace.site.exchanges) == 1
        assert brightspace.calls == []


class TestLostChains:
    def test_a_dead_token_is_an_alarm_that_says_what_to_do(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        vault = MemoryVault()
        brightspace = joined(users=1, vault=vault)
        read(brightspace.connector)
        brightspace.site.tokens.withdraw()
        brightspace.forget()
        error = refused(brightspace.connector)
        assert error.status == 503
        assert "matricula connect brightspace" in error.detail
        assert "refresh_token" in error.detail
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        for _ in range(3):
            assert refused(brightspace.connector).status == 503
        assert len(brightspace.site.exchanges) == 1

    def test_it_stays_lost_for_every_worker_until_another_token_is_configured(self) -> None:
        simulator, vault = create_simulator(users=1), MemoryVault()
        first = simulator.site.consent()
        simulator.site.tokens.withdraw()
        assert refused(worker(simulator, vault, refresh_token=first)).status == 503
        simulator.site.exchanges.clear()
        assert "connect" in refused(worker(simulator, vault, refresh_token=first)).detail
        assert "connect" in refused(worker(simulator, vault, refresh_token="")).detail
        assert len(simulator.site.exchanges) == 0
        second = simulator.site.consent()
        assert read(worker(simulator, vault, refresh_token=second))["userName"] == "user1"
        assert read(worker(simulator, vault, refresh_token=second))["userName"] == "user1"
        assert len(simulator.site.exchanges) == 1

    def test_the_configured_token_may_be_taken_out_of_the_configuration(self) -> None:
        simulator, vault = create_simulator(users=1), MemoryVault()
        read(worker(simulator, vault, refresh_token=simulator.site.consent()))
        assert read(worker(simulator, vault, refresh_token=""))["userName"] == "user1"
        assert len(simulator.site.exchanges) == 1

    def test_a_kill_between_exchange_and_keeping_is_an_alarm(self) -> None:
        class Killed(MemoryVault):
            def renew(self, exchange: Callable[[str | None], str]) -> str:
                exchange(self.read())
                raise KeyboardInterrupt

        simulator, first = create_simulator(users=1), ""
        first = simulator.site.consent()
        with pytest.raises(KeyboardInterrupt):
            read(worker(simulator, Killed(), refresh_token=first))
        error = refused(worker(simulator, MemoryVault(), refresh_token=first))
        assert error.status == 503
        assert "was lost" in error.detail

    def test_what_is_kept_and_cannot_be_read_is_lost(self) -> None:
        simulator = create_simulator(users=1)
        for text in ("", "5", "not what was kept"):
            error = refused(worker(simulator, MemoryVault(text), refresh_token=""))
            assert "was lost" in error.detail

    def test_what_another_release_has_kept_is_read(self) -> None:
        simulator, vault = create_simulator(users=1), MemoryVault()
        read(worker(simulator, vault, refresh_token=simulator.site.consent()))
        more = {**orjson.loads(vault.read() or ""), "new": 1}
        text = orjson.dumps(more).decode()
        assert read(worker(simulator, MemoryVault(text), refresh_token="")) is not None

    def test_a_target_that_was_never_connected_says_so(self) -> None:
        simulator = create_simulator(users=1)
        error = refused(worker(simulator, MemoryVault(), refresh_token=""))
        assert error.status == 503
        assert "matricula connect" in error.detail
        assert len(simulator.site.exchanges) == 0


class TestFailingExchanges:
    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "status", "status": 500},
            {"kind": "status", "status": 503},
            {"kind": "status", "status": 504},
            {"kind": "html"},
        ],
    )
    def test_an_exchange_that_was_not_made_is_tried_later_and_once(
        self, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        brightspace = joined(users=1)
        brightspace.simulator.faults.add(**fault, match=TOKEN)
        error = refused(brightspace.connector)
        assert (error.status, error.unknown) == (503, False)
        again = refused(brightspace.connector)
        assert again.retry_after is not None
        assert again.retry_after <= tokens.PAUSE
        assert len(brightspace.site.exchanges) == 0
        monkeypatch.setattr(brightspace.connector._client.token, "_again_at", 0.0)
        assert read(brightspace.connector)["userName"] == "user1"
        assert len(brightspace.site.exchanges) == 1

    def test_an_exchange_whose_answer_was_lost_is_found_out_by_one_later_try(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tokens, "PAUSE", 0.0)
        brightspace = joined(users=1)
        brightspace.simulator.faults.add("truncated", match=TOKEN)
        assert "cannot be read" in refused(brightspace.connector).detail
        for _ in range(3):
            assert "was lost" in refused(brightspace.connector).detail
        assert len(brightspace.site.exchanges) == 2

    def test_wrong_credentials_are_named_and_cost_no_chain(self) -> None:
        simulator, vault = create_simulator(users=1), MemoryVault()
        first = simulator.site.consent()
        wrong = worker(simulator, vault, refresh_token=first, client_secret="wrong-secret")
        error = refused(wrong)
        assert error.status == 502
        assert "client_secret" in error.detail
        assert "invalid_client" in error.detail
        assert vault.read() is None
        assert read(worker(simulator, vault, refresh_token=first)) is not None


class TestConsent:
    def begin(self, brightspace: Joined) -> tuple[str, str]:
        """Visit the consent page; return the code and the verifier."""
        verifier = "a-verifier-that-is-long-enough-for-everybody-to-accept"
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        link = urlsplit(brightspace.connector.authorize_url(REDIRECT, "s&1", challenge))
        assert f"{link.scheme}://{link.netloc}" == AUTH_URL
        answer = brightspace.simulator.test_client().get(f"{link.path}?{link.query}")
        brought = parse_qs(urlsplit(answer.location).query)
        assert brought["state"] == ["s&1"]
        return brought["code"][0], verifier

    def test_a_consent_begins_a_chain(self) -> None:
        vault = MemoryVault()
        brightspace = joined(users=1, vault=vault, more={"refresh_token": ""})
        brightspace.connector.connect(*self.values(brightspace))
        brightspace.site.tokens.revoke()
        assert read(brightspace.connector)["userName"] == "user1"
        assert list(brightspace.site.exchanges) == ["authorization_code", "refresh_token"]

    def test_a_consent_heals_a_lost_chain_beside_the_configured_token(self) -> None:
        vault = MemoryVault()
        brightspace = joined(users=1, vault=vault)
        brightspace.site.tokens.withdraw()
        refused(brightspace.connector)
        brightspace.connector.connect(*self.values(brightspace))
        assert read(brightspace.connector)["userName"] == "user1"

    def test_a_used_code_is_refused_and_leaves_the_chain(self) -> None:
        vault = MemoryVault()
        brightspace = joined(users=1, vault=vault)
        values = self.values(brightspace)
        brightspace.connector.connect(*values)
        kept = vault.read()
        with pytest.raises(ScimError) as error:
            brightspace.connector.connect(*values)
        assert error.value.status == 400
        assert vault.read() == kept

    def test_an_application_without_refresh_tokens_is_told(self) -> None:
        brightspace = joined(users=1, refresh_tokens=False, more={"refresh_token": ""})
        with pytest.raises(ScimError, match="Enable refresh tokens"):
            brightspace.connector.connect(*self.values(brightspace))

    def values(self, brightspace: Joined) -> tuple[str, str, str]:
        code, verifier = self.begin(brightspace)
        return code, REDIRECT, verifier


RSA = RSAKey.generate_key(2048, {"kid": "key-1"}, private=True)
CURVE = ECKey.generate_key("P-384", {"kid": "key-1"}, private=True)


def with_key(published: RSAKey | ECKey, **more: Any) -> Joined:
    """Return a connector that shows itself by that key, which the application publishes."""
    pem = published.as_pem(private=True).decode()
    jwks = {"keys": [published.as_dict(private=False)]}
    given = {"key": pem, "key_id": "key-1", "client_secret": "", **more}
    return joined(users=1, jwks=jwks, more=given)


class TestServiceUsers:
    @pytest.mark.parametrize("key", [RSA, CURVE], ids=["rsa", "curve"])
    def test_a_signed_assertion_gives_tokens(self, key: RSAKey | ECKey) -> None:
        brightspace = with_key(key)
        for expiry in range(1, 4):
            at_once(4, lambda number: read(brightspace.connector))
            assert list(brightspace.site.exchanges) == ["client_credentials"] * expiry
            brightspace.site.tokens.revoke()

    def test_a_key_that_is_not_published_is_refused(self) -> None:
        other = RSAKey.generate_key(2048, {"kid": "key-1"}, private=True)
        pem = other.as_pem(private=True).decode()
        brightspace = with_key(RSA, key=pem)
        error = refused(brightspace.connector)
        assert error.status == 502
        assert "key_id" in error.detail

    @pytest.mark.parametrize(
        ("more", "told"),
        [
            ({"key": "-----BEGIN no key"}, "PEM"),
            ({"key": RSA.as_pem(private=False).decode()}, "PEM"),
            ({"key_id": ""}, "key_id"),
            ({"key": ECKey.generate_key("secp256k1").as_pem(private=True).decode()}, "curve"),
        ],
    )
    def test_a_key_that_cannot_sign_is_refused_at_start(
        self, more: dict[str, str], told: str
    ) -> None:
        with pytest.raises(ValueError, match=told) as refused:
            with_key(RSA, **more)
        assert "BEGIN" not in str(refused.value)

    def test_nobody_has_to_consent(self) -> None:
        with pytest.raises(ScimError) as refused:
            with_key(RSA).connector.connect("code", REDIRECT, "verifier")
        assert refused.value.status == 501


class TestCredentials:
    @pytest.mark.parametrize(
        "more", [{}, {"client_id": "x"}, {"client_secret": "x"}, {"key": "x", "key_id": "y"}]
    )
    def test_an_application_is_needed(self, more: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="client_id"):
            Brightspace(Options(name="b", url="https://lms.example.edu", more=more))

    def test_tokens_come_from_another_site_than_answers(self) -> None:
        brightspace = joined(users=1)
        client = brightspace.connector._client
        assert (client.http.url, client.auth.url) == (LMS_URL, AUTH_URL)
        read(brightspace.connector)
        assert client.http.breaker is not client.auth.breaker

    @pytest.mark.parametrize("more", [{"auth_url": "not a url"}, {"auth_url": "ftp://x"}])
    def test_the_token_service_has_a_url(self, more: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="URL"):
            joined(more=more)


def test_no_secret_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    vault = MemoryVault()
    brightspace = joined(users=1, vault=vault)
    site, connector = brightspace.site, brightspace.connector
    secrets = {site.client_secret, str(connector._client.token._first)}  # type: ignore[union-attr]
    told: list[str] = [repr(options(brightspace.simulator)), repr(connector), repr(vars(connector))]
    for kind in ("status", "html", "truncated", "timeout_before"):
        for match in (TOKEN, "/users/"):
            site.tokens.revoke()
            brightspace.simulator.faults.add(kind, match=match, status=500)
            connector._client.token._again_at = 0.0  # type: ignore[union-attr]
            try:
                read(connector)
            except ScimError as error:
                told.append(f"{error} {error.body()} {error!r}")
            state = connector._client.token._state  # type: ignore[union-attr]
            secrets |= {state.access_token, state.refresh_token}
            told.append(repr(state))
    told += [f"{record.getMessage()} {record.exc_text}" for record in caplog.records]
    for finding in connector.check():
        told += [finding.text, finding.cure]
    secrets.discard("")
    assert len(secrets) >= 4
    for text in told:
        assert not [secret for secret in secrets if secret in text], text
