"""What the set-up checks of all LMSs have in common: first calls, clocks, and probes.

A probe is a call that a missing right refuses and that otherwise changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.base import Finding
from connectors.http import HttpClient, Redirected
from schemas.errors import ScimError

SKEW = 60.0
"""Seconds by which clocks may differ: token services commonly forgive no more."""


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
            cure = "Look at the LMS's own log of the time of this check, and check again"
            return Finding("error", f"{probe.what.capitalize()}: {error.detail}", cure)
    return Finding("ok", f"Entitled to {probe.what}.")


def unanswered(error: ScimError, http: HttpClient, cure: str) -> Finding:
    """Return what a first call finds that failed; `cure` is for an LMS that answered."""
    section = f"[targets.{http.name}]"
    if isinstance(error, Redirected):
        if error.url:
            cure = f'Write url = "{error.url}" in {section}'
    elif error.status in (503, 504):
        cure = (
            f"See whether this machine reaches {http.url}, without a proxy: its name in the DNS, "
            f"the firewall, the certificate; else correct url in {section}"
        )
    return Finding("error", error.detail, cure)


def clock(http: HttpClient) -> Finding:
    """Return how far the LMS's clock, as its last answer told it, is from this machine's."""
    ahead = http.clock_ahead
    if ahead is None:
        return Finding("ok", "The LMS tells no time, so that its clock cannot be compared.")
    if abs(ahead) <= SKEW:
        return Finding("ok", f"The clocks agree, to {abs(ahead) + 1:.0f} s.")
    side = "ahead of" if ahead > 0 else "behind"
    return Finding(
        "warning",
        f"The LMS's clock is {abs(ahead):.0f} seconds {side} this machine's: tokens may be taken "
        "for expired or not yet valid, and times in the log differ from the LMS's.",
        "Look at this machine's clock first (`timedatectl`; `timedatectl set-ntp true`); if it is "
        "right, let the LMS's server keep time by NTP",
    )
