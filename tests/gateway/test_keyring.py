"""The keys for what leaves the process encrypted."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken

from gateway.keyring import keyring
from gateway.references import ConfigurationError
from gateway.security import Security
from gateway.settings import Settings


def settings(folder: Path, *keys: str) -> Settings:
    url = f"sqlite:///{folder / 'data' / 'matricula.db'}"
    return Settings(database=url, security=Security(keys=keys))


def test_a_key_is_made_once_beside_the_database(tmp_path: Path) -> None:
    sealed = keyring(settings(tmp_path)).encrypt(b"x")
    assert keyring(settings(tmp_path)).decrypt(sealed) == b"x"
    (file,) = (tmp_path / "data").iterdir()
    assert file.name == "matricula.db.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_workers_that_start_at_once_share_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(keyring, [settings(tmp_path)] * 32))
    sealed = made[0].encrypt(b"x")
    assert all(ring.decrypt(sealed) == b"x" for ring in made)
    assert len(list((tmp_path / "data").iterdir())) == 1


def test_configured_keys_newest_first(tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before = keyring(settings(tmp_path, old)).encrypt(b"x")
    both = keyring(settings(tmp_path, new, old))
    assert both.decrypt(before) == b"x"
    assert Fernet(new).decrypt(both.encrypt(b"y")) == b"y"
    with pytest.raises(InvalidToken):
        keyring(settings(tmp_path, new)).decrypt(before)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("key", ["", "short", "x" * 44, "é" * 44])
def test_a_bad_key_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError) as problem:
        keyring(settings(tmp_path, key))
    assert not key or key not in str(problem.value)


def test_machines_that_share_a_database_must_share_a_key() -> None:
    shared = Settings(database="postgresql+psycopg://user@host/name")
    with pytest.raises(ConfigurationError, match="Make one"):
        keyring(shared)
