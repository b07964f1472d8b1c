"""Mutations: exports of the audit log that were tampered with, and as many that were not."""

from __future__ import annotations

from collections import Counter
from itertools import cycle, islice
from random import Random

from gateway.ledger.verify import Report as Verdict
from gateway.ledger.verify import verify
from tests.campaign.report import Report, counts
from tests.gateway.ledger.logs import part, signer
from tests.gateway.ledger.tampering import KINDS, some_log

LEAVES = 40
"""How many a log has at most."""


def run(count: int, seed: int) -> Report:
    """Tamper so many times, each time with a new log that is verified untouched as well."""
    report = Report("mutations", seed)
    verifier = signer().verifier
    done: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    alarms = 0
    for number, (kind, tamper) in enumerate(islice(cycle(KINDS.items()), count)):
        random = Random(f"{seed} {number}")
        log = some_log(random, LEAVES)
        some = range(0, len(log.leaves), 3)
        for clean in (
            verify(log.lines, verifier, log.notes),
            verify(part(log.leaves, some), verifier, log.notes[-1:]),
        ):
            alarms += bool(clean.findings)
            report.expect(not clean.findings, f"{number}: false alarm, {clean.findings}")
        lines, published = tamper(random, log)
        verdict: Verdict = verify(lines, verifier, published)
        done[kind] += 1
        missed[kind] += not verdict.findings
        report.expect(verdict.findings, f"{number}: {kind} was not found")
    report.figures = {
        "mutations": counts(done),
        "missed": missed.total(),
        "clean logs": 2 * count,
        "false alarms": alarms,
    }
    return report
