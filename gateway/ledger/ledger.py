"""The audit log of a configuration with all that belongs to it, each part made when asked for."""

from __future__ import annotations

from functools import cached_property

from cryptography.fernet import MultiFernet

from gateway.audit import AuditLog
from gateway.database import Database
from gateway.ledger.configuration import AuditSettings
from gateway.ledger.erasing import Eraser
from gateway.ledger.keys import AuditKeys
from gateway.ledger.proving import Prover
from gateway.ledger.publishing import publisher
from gateway.ledger.sealer import Sealer


class Ledger:
    """What reads, writes, seals, proves and erases events as the settings want it.

    Raises ConfigurationError when the keyring is not the one that the database was begun with.
    """

    def __init__(self, database: Database, settings: AuditSettings, keyring: MultiFernet) -> None:
        self._database = database
        self._settings = settings
        self.keys = AuditKeys(database, keyring)
        self.audit = AuditLog(database, self.keys, settings.values)

    @cached_property
    def sealer(self) -> Sealer:
        """What seals and signs, and publishes. Raises ConfigurationError for a bad webhook."""
        publish = publisher(self._settings)
        return Sealer(self._database, self.keys, self._settings.name, publish)

    @cached_property
    def prover(self) -> Prover:
        """What proves."""
        return Prover(self._database, self.keys, self._settings.name)

    @cached_property
    def eraser(self) -> Eraser:
        """What erases."""
        return Eraser(self._database, self.keys, self.audit, self.sealer)
