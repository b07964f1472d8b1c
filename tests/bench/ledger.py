"""The ledger: how long a million events take to be verified from a file, and in what memory."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from random import Random
from time import perf_counter, process_time

from gateway.ledger.verify import Report, lines_of, verify
from tests.gateway.ledger.logs import Leaf, leaves_of, signer, whole

EVENTS = (100_000, 1_000_000)
_EVERY = 1000
"""So many leaves lie between two checkpoints."""


def measure() -> None:
    """Print seconds and memory for exports of two lengths, each verified in its own process."""
    print(f"\n{'export':>12}{'MB':>8}{'wall s':>9}{'CPU s':>9}{'us/event':>10}{'peak MB':>9}")
    for count in EVENTS:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            path = Path(folder) / "audit.jsonl"
            with path.open("wb") as file:
                file.writelines(whole(_leaves(count), range(0, count, _EVERY)))
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                report, wall, processor, peak = pool.submit(_verify, path).result()
            if report.findings or report.events != count:
                raise AssertionError(f"The clean export did not verify: {report}")
            print(
                f"{count:12,}{path.stat().st_size / 1e6:8.0f}{wall:9.1f}{processor:9.1f}"
                f"{processor / count * 1e6:10.1f}{peak:9.0f}",
                flush=True,
            )


def _leaves(count: int) -> Iterator[Leaf]:
    """Yield settled events, each like one of a few that were sealed in full."""
    samples = list(islice(leaves_of(Random(1), amended=0, erased=0), 1000))
    for sequence, leaf in enumerate(islice(cycle(samples), count), 1):
        yield Leaf({**leaf.record, "sequence": sequence, "outcome": "success"}, leaf.opening)


def _verify(path: Path) -> tuple[Report, float, float, float]:
    """Return the report, the seconds by the clock and on the processor, and the peak in MB."""
    started, busy = perf_counter(), process_time()
    with path.open("rb") as file:
        report = verify(lines_of(file), signer().verifier)
    wall, processor = perf_counter() - started, process_time() - busy
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return report, wall, processor, int(status["VmHWM"].split()[0]) / 1024
