"""A target's secret in the database: one exchange at a time, committed, encrypted."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet

from gateway.database import Database
from gateway.vaults import DatabaseVault
from schemas.errors import ScimError

KEYS = MultiFernet([Fernet(Fernet.generate_key())])


@pytest.fixture
def vault(database: Database) -> DatabaseVault:
    return DatabaseVault(database, KEYS, "brightspace")


def test_what_is_kept_is_read_by_others_of_the_same_target(
    vault: DatabaseVault, database: Database
) -> None:
    assert vault.read() is None
    assert vault.renew(lambda kept: f"{kept} and more") == "None and more"
    assert vault.renew(lambda kept: f"{kept}!") == "None and more!"
    assert DatabaseVault(database, KEYS, "brightspace").read() == "None and more!"
    assert DatabaseVault(database, KEYS, "other").read() is None


def test_one_exchange_is_at_work_at_a_time(database: Database) -> None:
    at_work, most = [], []

    def exchange(kept: str | None) -> str:
        at_work.append(1)
        most.append(len(at_work))
        number = int(kept or 0) + 1
        at_work.pop()
        return str(number)

    def run() -> None:
        for _ in range(10):
            DatabaseVault(database, KEYS, "brightspace").renew(exchange)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert DatabaseVault(database, KEYS, "brightspace").read() == "40"
    assert set(most) == {1}


def test_an_exchange_that_fails_leaves_what_was_kept(vault: DatabaseVault) -> None:
    vault.renew(lambda kept: "first")

    def fail(kept: str | None) -> str:
        raise ScimError(503, "no answer")

    with pytest.raises(ScimError, match="no answer"):
        vault.renew(fail)
    assert vault.read() == "first"


def test_nothing_is_readable_in_the_database(sqlite: Database, tmp_path: Path) -> None:
    DatabaseVault(sqlite, KEYS, "brightspace").renew(lambda kept: "canary-of-a-secret")
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"canary-of-a-secret" not in file.read_bytes(), file


def test_newer_keys_open_what_older_ones_have_closed(
    vault: DatabaseVault, database: Database
) -> None:
    vault.renew(lambda kept: "kept")
    newer = Fernet(Fernet.generate_key())
    rotated = MultiFernet([newer, *KEYS._fernets])
    assert DatabaseVault(database, rotated, "brightspace").read() == "kept"
    without = DatabaseVault(database, MultiFernet([newer]), "brightspace")
    with pytest.raises(ScimError) as refused:
        without.read()
    assert refused.value.status == 503
    assert "security.keys" in refused.value.detail
    assert without.renew(lambda kept: f"{kept}: begun anew") == "None: begun anew"
    assert without.read() == "None: begun anew"
