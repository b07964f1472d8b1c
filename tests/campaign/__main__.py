"""`python -m tests.campaign [NAME|all] [--count N] [--seed S]`; the names stand in COUNTS."""

from __future__ import annotations

import argparse
import importlib
import sys
import time

COUNTS = {
    "kills": 500,
    "faults": 2_000,
    "races": 200,
    "fuzz": 50_000,
    "api": 50_000,
    "filters": 100_000,
    "cycle": 1_000,
    "throttled": 500,
    "expiries": 1_000,
    "mutations": 10_000,
    "syncs": 10_000,
    "jobs": 2_000,
    "exports": 1_000,
}


def main() -> int:
    """Run the campaigns that were asked for and print what they found."""
    parser = argparse.ArgumentParser(prog="tests.campaign", description=__doc__)
    parser.add_argument("campaign", nargs="?", default="all", choices=[*COUNTS, "all"])
    parser.add_argument(
        "--count", type=int, help="kills, requests, rounds, filters, users or records"
    )
    parser.add_argument("--seed", type=int, help="an earlier run's, to run it again")
    chosen = parser.parse_args()
    names = list(COUNTS) if chosen.campaign == "all" else [chosen.campaign]
    failed = False
    for name in names:
        count = chosen.count or COUNTS[name]
        seed = int(time.time()) if chosen.seed is None else chosen.seed
        print(f"{name}: {count}, seed {seed} ...", flush=True)
        started = time.monotonic()
        report = importlib.import_module(f"tests.campaign.{name}").run(count, seed)
        report.figures["seconds"] = round(time.monotonic() - started)
        print(report.text(), flush=True)
        failed = failed or bool(report.failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
