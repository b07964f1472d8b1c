"""What the pages are made from."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.fernet import MultiFernet
from markupsafe import Markup

from gateway.audit import AuditLog
from gateway.auth import Authenticator
from gateway.guards.guard import Guard
from gateway.health import Health
from gateway.jobs.desk import Desk
from gateway.ledger.proving import Prover
from gateway.pauses import Pauses
from gateway.reading import Reader
from gateway.targets import Place, Target
from gateway.tokens import Token, Tokens

PLACE = Place("console")


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """The parts of the gateway that the console shows; `configuration` is its version."""

    targets: dict[str, Target]
    tokens: Tokens
    authenticator: Authenticator
    reader: Reader
    audit: AuditLog
    guard: Guard
    pauses: Pauses
    desk: Desk
    prover: Prover
    keys: MultiFernet
    health: Health
    public_url: str
    configuration: str

    def label(self, name: str) -> str:
        """Return what people call a target, which may not be there any more."""
        target = self.targets.get(name)
        return (target.settings.label if target else "") or name

    def mark(self, name: str) -> Markup:
        """Return the mark in a target's color, nothing where it has none; the label says it all."""
        target = self.targets.get(name)
        if target is None or target.settings.color == "none":
            return Markup()
        return Markup('<span class="mark {}"></span>').format(target.settings.color)

    def mode(self, target: Target) -> str:
        """Return the mode of a target, which somebody may have paused."""
        return "paused" if self.pauses.since(target.name) else target.settings.mode

    def targets_for(self, token: Token, scope: str | None = None) -> list[Target]:
        """Return the targets that the token is for, by name, and has the scope on."""
        return [
            target
            for name, target in sorted(self.targets.items())
            if {"all", name} & {*token.targets} and (scope is None or token.allows(name, scope))
        ]
