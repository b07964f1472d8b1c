"""Checking: what the set-up check of an LMS finds, also when it breaks off."""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb

from connectors.base import Connector, Finding


def findings(connector: Connector) -> list[Finding]:
    """Return what a connector's check finds; that it broke off is a finding, too."""
    found: list[Finding] = []
    try:
        found.extend(connector.check())
    except Exception as error:
        # What it says may hold personal data, so only where it happened is told.
        where = extract_tb(error.__traceback__)[-1]
        found.append(
            Finding(
                "error",
                f"The check broke off: {type(error).__name__} in {Path(where.filename).name}, "
                f"line {where.lineno}.",
                "Report this line as a fault of Matricula",
            )
        )
    return found
