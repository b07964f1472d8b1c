"""Secrets in the configuration: by reference, `${NAME}` or `file:PATH`, never in clear."""

from __future__ import annotations

import os
import re
from pathlib import Path

_REFERENCE = re.compile(r"(\$\{[A-Za-z_][A-Za-z0-9_]*\})+")
_ENVIRONMENT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ConfigurationError(Exception):
    """The configuration cannot be used; the message says which entry and why."""


def is_reference(value: str) -> bool:
    """Tell whether the whole value is a reference."""
    return value.startswith("file:") or bool(_REFERENCE.fullmatch(value))


def secret(value: str, where: str, folder: Path, *, clear: bool) -> str:
    """Return the secret that a value refers to; refuse one in clear unless `clear` allows it."""
    if value and not is_reference(value) and not clear:
        raise ConfigurationError(
            f"{where} stands in clear: write it as ${{NAME}} (environment) or file:PATH, "
            "or set allow_clear_secrets = true"
        )
    return referenced(value, where, folder)


def referenced(value: str, where: str, folder: Path) -> str:
    """Return what a value stands for: an environment variable, a file's content, or itself."""
    if not value.startswith("file:"):
        return expanded(value, where)
    path = folder / value.removeprefix("file:")
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{where}: {path}: {error.strerror}") from None


def expanded(value: str, where: str) -> str:
    """Return the value with every `${NAME}` in it replaced from the environment."""

    def variable(found: re.Match[str]) -> str:
        name = found[1]
        if name not in os.environ:
            raise ConfigurationError(f"{where}: the environment variable {name} is not set")
        return os.environ[name]

    return _ENVIRONMENT.sub(variable, value)
