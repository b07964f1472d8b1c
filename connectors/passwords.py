"""Passwords made by us."""

from __future__ import annotations

import secrets
import string


def new_password() -> str:
    """Return a random password of 24 characters with one of each kind that policies ask for."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "*-_#+!")
    alphabet = "".join(kinds)
    characters = [secrets.choice(kind) for kind in kinds]
    characters += [secrets.choice(alphabet) for _ in range(20)]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)
