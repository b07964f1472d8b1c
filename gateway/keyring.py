"""The keys for what leaves the process encrypted: configured, or made once beside the database."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from gateway.references import ConfigurationError
from gateway.settings import SQLITE, Settings

_HOW = (
    "Make one with: python -c 'from cryptography.fernet import Fernet; "
    "print(Fernet.generate_key().decode())'"
)


def keyring(settings: Settings) -> MultiFernet:
    """Return the keys of the settings, newest first; with SQLite one is made when there is none.

    Raises ConfigurationError for a bad key, and for none with a database that machines share.
    """
    keys = settings.security.keys
    if not keys:
        if not settings.database.startswith(SQLITE):
            raise ConfigurationError(f"security.keys is needed with this database. {_HOW}")
        keys = (_kept_key(Path(settings.database.removeprefix(SQLITE) + ".key")),)
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        # The library's message would show the key.
        raise ConfigurationError(f"security.keys holds what is no Fernet key. {_HOW}") from None


def _kept_key(path: Path) -> str:
    """Return the key in the file, which is made when it is not there; the first maker wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        try:
            # Whole or not at all, and never in the place of one that is there already.
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(name)
    return path.read_text(encoding="ascii").strip()
