"""Services: what reads, writes, settles and guards, made of one configuration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from cryptography.fernet import MultiFernet

from connectors.base import Observe
from gateway.audit import AuditLog
from gateway.cursors import Cursors
from gateway.database import Database
from gateway.guards.guard import Guard
from gateway.ledger.ledger import Ledger
from gateway.pauses import Pauses
from gateway.reading import Reader
from gateway.settings import Settings
from gateway.settling import Settler
from gateway.targets import Target, make_targets
from gateway.tombstones import Tombstones
from gateway.vaults import DatabaseVault
from gateway.walks import Walks
from gateway.writing import Writer


@dataclass(frozen=True, slots=True)
class Services:
    """The services of all targets, in front of one database; `keys` encrypt what leaves it."""

    settings: Settings
    database: Database
    keys: MultiFernet
    ledger: Ledger
    targets: dict[str, Target]
    tombstones: Tombstones
    reader: Reader
    settler: Settler
    guard: Guard
    pauses: Pauses
    writer: Writer

    @property
    def audit(self) -> AuditLog:
        """The audit log."""
        return self.ledger.audit

    def mode(self, target: str) -> str:
        """Return the mode of a target, which somebody may have paused."""
        if self.pauses.since(target) is not None:
            return "paused"
        return self.targets[target].settings.mode

    def base(self, target: str) -> str:
        """Return the base URL of a target's service, where no request tells it."""
        return f"{self.settings.public_url or 'http://127.0.0.1:8080'}/{target}/scim/v2"

    def close(self) -> None:
        """Give back the connections to the LMSs."""
        for target in self.targets.values():
            target.connector.close()


def make_services(
    settings: Settings, database: Database, keys: MultiFernet, observe: Observe | None = None
) -> Services:
    """Return the services of the settings on a migrated database. Raises ConfigurationError.

    `observe` is told of every call to an LMS.
    """
    ledger = Ledger(database, settings.audit, keys)
    targets = make_targets(settings, observe, partial(DatabaseVault, database, keys))
    audit, digest = ledger.audit, ledger.keys.digest
    tombstones = Tombstones(database, digest)
    reader = Reader(tombstones, Walks(database, digest), Cursors(keys))
    settler = Settler(database, audit, tombstones)
    guard = Guard(database, audit)
    pauses = Pauses(database, audit)
    writer = Writer(database, audit, tombstones, reader, settler, guard, pauses, settings.version)
    return Services(
        settings,
        database,
        keys,
        ledger,
        targets,
        tombstones,
        reader,
        settler,
        guard,
        pauses,
        writer,
    )
