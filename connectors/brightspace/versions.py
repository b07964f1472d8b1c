"""The versions in which Brightspace's products and this connector both speak."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from schemas.errors import ScimError

PATH = "/d2l/api/versions/"
KNOWN = {"lp": ("1.49", "1.62"), "le": ("1.82", "1.96")}
"""The oldest and the newest version of each product that this connector is written for."""
KEEP_SECONDS = 86_400.0

Version = tuple[int, ...]


class NoVersion(ScimError):
    """502: a tenant has no version of a product that the connector speaks."""


class Versions:
    """The newest versions that a tenant and the connector both know; read anew every day."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._chosen: dict[str, str] = {}
        self._until = 0.0

    def of(self, product: str) -> str:
        """Return the version of a product in which to speak; 502 when there is none."""
        if time.monotonic() >= self._until:
            with self._lock:
                if time.monotonic() >= self._until:
                    self._chosen = _chosen(self._read())
                    self._until = time.monotonic() + KEEP_SECONDS
        if product not in self._chosen:
            oldest, newest = KNOWN[product]
            raise NoVersion(
                502,
                f"This Brightspace offers no version of its API {product} from {oldest} to "
                f"{newest}, which are those that Matricula speaks.",
            )
        return self._chosen[product]

    def reaches(self, product: str, version: str) -> bool:
        """Tell whether the chosen version of a product is that one or a newer one."""
        return numbers(self.of(product)) >= numbers(version)


def numbers(version: str) -> Version:
    """Return the parts of a version, so that 1.9 is before 1.49."""
    return tuple(int(part) for part in version.split("."))


def _chosen(blocks: Any) -> dict[str, str]:
    chosen: dict[str, str] = {}
    try:
        for block in blocks:
            oldest, newest = KNOWN.get(block["ProductCode"].lower(), ("", ""))
            if not oldest:
                continue
            first, last = numbers(oldest), numbers(newest)
            common = [v for v in block["SupportedVersions"] if first <= numbers(v) <= last]
            if common:
                chosen[block["ProductCode"].lower()] = max(common, key=numbers)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ScimError(502, "There is no Brightspace at this URL: no list of versions.") from None
    return chosen
