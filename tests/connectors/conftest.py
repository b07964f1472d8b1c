"""A simulator on a port of the loopback interface, for clients that others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.simulation.application import Simulator
from tests.campaign.loopback import served


@pytest.fixture
def address(simulator: Simulator[Any]) -> Iterator[str]:
    """Serve the test's simulator and give its URL."""
    with served(simulator) as url:
        yield url
