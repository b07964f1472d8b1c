"""What set-up checks try: calls that a missing right refuses and that otherwise change nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.base import Finding
from schemas.errors import ScimError


@dataclass(frozen=True, slots=True)
class Probe:
    """A call for which the LMS demands a right.

    Reads ask for one row; writes name nobody, or lack what a new record must have.
    """

    what: str
    right: str
    method: str
    path: str
    body: Any = None


def probed(
    probe: Probe, call: Callable[[Probe], object], refused: Callable[[Probe, str], Finding]
) -> Finding:
    """Return what a probe finds; `refused` says it of one that the LMS answers with 403."""
    try:
        call(probe)
    except ScimError as error:
        if error.status == 403:
            return refused(probe, error.detail)
        if error.status >= 500:
            return Finding("error", f"{probe.what.capitalize()}: {error.detail}")
    return Finding("ok", f"Entitled to {probe.what}.")
