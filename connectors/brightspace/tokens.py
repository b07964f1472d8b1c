"""Refresh tokens that serve once: a chain from a consent on, which nobody may lose or break.

The state of the chain is one text in the target's vault. Whoever finds its access token at its end
exchanges the refresh token inside the vault, where one exchange is at work at a time and the next
refresh token is committed before anybody uses the access token that came with it.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import orjson

from connectors.brightspace.oauth import InvalidGrant, TokenService
from connectors.vault import Vault
from schemas.errors import ScimError, invalid_value

AHEAD = 60.0
"""Seconds before its end from which an access token is not used, but at most a tenth of its life:
else those that live shortly would cost an exchange for every call."""

PAUSE = 5.0
"""Seconds after an exchange without answer before the same refresh token is tried again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """A chain at one moment; times are in unix seconds.

    `begun_with` is the digest of the configured refresh token that it began with, `lost` says that
    its refresh token is not taken any more.
    """

    access_token: str = field(default="", repr=False)
    good_until: float = 0.0
    refresh_token: str = field(default="", repr=False)
    begun_with: str = ""
    scope: str = ""
    lost: bool = False

    def serves(self, refused: str) -> bool:
        """Tell whether the access token can be used; `refused` is one that was not taken."""
        held = self.access_token
        return bool(held) and held != refused and time.time() < self.good_until

    def after(self, answer: Mapping[str, Any], asked: float) -> State:
        """Return the state that an answer of the token service leads to."""
        seconds = answer["expires_in"]
        return replace(
            self,
            access_token=answer["access_token"],
            good_until=asked + seconds - min(AHEAD, seconds / 10),
            refresh_token=str(answer.get("refresh_token") or ""),
            scope=str(answer.get("scope") or ""),
            lost=False,
        )

    def text(self) -> str:
        """Return the form in which the state is kept."""
        return orjson.dumps(asdict(self)).decode()


class Chain:
    """The access tokens of one target, for all its threads, workers and machines.

    `first` is the configured refresh token, "" where `connect` is to begin the chain; another
    one than the chain began with begins a new one.
    """

    def __init__(self, service: TokenService, vault: Vault, first: str, target: str) -> None:
        self._service = service
        self._vault = vault
        self._first = first
        self._digest = hashlib.sha256(first.encode()).hexdigest() if first else ""
        self._target = target
        self._lock = threading.Lock()
        self._state = State()
        self._again_at = 0.0

    @property
    def scope(self) -> str:
        """The scopes that were granted, as far as the token service has told."""
        return self._state.scope

    def value(self, *, not_this: str = "") -> str:
        """Return an access token; `not_this` is one that Brightspace has refused."""
        state = self._state
        if not state.serves(not_this):
            with self._lock:
                if not self._state.serves(not_this):
                    self._state = self._latest(not_this)
                state = self._state
        if state.lost:
            raise self._unconnected("was lost: its refresh token is not taken any more")
        return state.access_token

    def connect(self, code: str, redirect_uri: str, verifier: str) -> None:
        """Begin a new chain with what a consent has brought; 400 when that is not good."""
        grant = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }

        def exchange(kept: str | None) -> str:
            asked = time.time()
            try:
                answer = self._service.exchange(grant)
            except InvalidGrant:
                raise invalid_value("The consent is too old or was used; begin again.") from None
            if not answer.get("refresh_token"):
                raise invalid_value(
                    "Brightspace gave no refresh token: check Enable refresh tokens in the "
                    "application's registration and begin again."
                )
            return State(begun_with=self._digest).after(answer, asked).text()

        with self._lock:
            self._state = self._read(self._vault.renew(exchange))
            self._again_at = 0.0

    def _latest(self, refused: str) -> State:
        """Return what others have kept, or make the exchange."""
        state = self._read(self._vault.read())
        if state.serves(refused) or state.lost:
            return state
        if (left := self._again_at - time.monotonic()) > 0:
            raise ScimError(
                503, "Brightspace's token service has failed a moment ago.", retry_after=left
            )
        try:
            return self._read(self._vault.renew(partial(self._renewed, refused)))
        except ScimError:
            self._again_at = time.monotonic() + PAUSE
            raise

    def _renewed(self, refused: str, kept: str | None) -> str:
        """Exchange the refresh token, unless somebody else has done it meanwhile."""
        state = self._read(kept)
        if state.serves(refused) or state.lost:
            return state.text()
        if not state.refresh_token:
            raise self._unconnected("is missing: there is no refresh token")
        grant = {"grant_type": "refresh_token", "refresh_token": state.refresh_token}
        asked = time.time()
        try:
            return state.after(self._service.exchange(grant), asked).text()
        except InvalidGrant:
            log.error("target %s: the refresh token is not taken any more", self._target)
            return State(begun_with=state.begun_with, lost=True).text()

    def _read(self, kept: str | None) -> State:
        begun = State(refresh_token=self._first, begun_with=self._digest)
        if kept is None:
            return begun
        try:
            known = orjson.loads(kept)
            state = State(**{name: known[name] for name in State.__slots__ if name in known})
        except (TypeError, ValueError):
            state = State(begun_with=self._digest, lost=True)
        # A configuration that names none any more leaves the chain as it is.
        return begun if self._first and state.begun_with != self._digest else state

    def _unconnected(self, what: str) -> ScimError:
        return ScimError(
            503,
            f"Brightspace's authorization of target {self._target} {what}. Run `matricula connect "
            f"{self._target}`, or put a new refresh_token into the configuration.",
        )
