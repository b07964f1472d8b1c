"""A short sample of each campaign; `make campaign` runs the long ones.

Those of `api` and `exports` stand beside the tests of what they try.
"""

from __future__ import annotations

import pytest

from tests.campaign import (
    cycle,
    expiries,
    faults,
    filters,
    fuzz,
    jobs,
    kills,
    mutations,
    races,
    syncs,
    throttled,
)
from tests.campaign.report import Report


def expect_nothing_failed(report: Report) -> None:
    assert not report.failures, report.text()


@pytest.mark.parametrize("seed", [11])
def test_kills(seed: int) -> None:
    expect_nothing_failed(kills.run(2, seed))


@pytest.mark.parametrize("seed", [21])
def test_faults(seed: int) -> None:
    expect_nothing_failed(faults.run(50, seed))


@pytest.mark.parametrize("seed", [31])
def test_races(seed: int) -> None:
    expect_nothing_failed(races.run(len(races.RACES), seed))


@pytest.mark.parametrize("seed", [41])
def test_fuzz(seed: int) -> None:
    expect_nothing_failed(fuzz.run(600, seed))


@pytest.mark.parametrize("seed", [51])
def test_filters(seed: int) -> None:
    expect_nothing_failed(filters.run(1_200, seed))


@pytest.mark.parametrize("seed", [61])
def test_cycle(seed: int) -> None:
    expect_nothing_failed(cycle.run(40, seed))


@pytest.mark.parametrize("seed", [71])
def test_throttled(seed: int) -> None:
    expect_nothing_failed(throttled.run(25, seed))


@pytest.mark.parametrize("seed", [81])
def test_expiries(seed: int) -> None:
    expect_nothing_failed(expiries.run(1, seed, workers=2))


@pytest.mark.parametrize("seed", [91])
def test_mutations(seed: int) -> None:
    expect_nothing_failed(mutations.run(100, seed))


@pytest.mark.parametrize("seed", [101])
def test_syncs(seed: int) -> None:
    expect_nothing_failed(syncs.run(80, seed))


@pytest.mark.parametrize("seed", [111])
def test_jobs(seed: int) -> None:
    # The gateway begins a hundred at once: of fewer, no kill would leave any.
    expect_nothing_failed(jobs.run(240, seed))
