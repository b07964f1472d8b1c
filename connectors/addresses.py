"""Addresses of calls: a path with its query, and a value as a part of a path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode


def with_query(path: str, query: Mapping[str, Any] | None) -> str:
    """Return a path with parameters; one with several values stands there several times."""
    return f"{path}?{urlencode(query, doseq=True)}" if query else path


def path_value(value: str) -> str:
    """Return a value as one segment of a path."""
    return quote(value, safe=":")
