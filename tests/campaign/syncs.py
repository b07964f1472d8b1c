"""Syncs: a file's accounts arrive once each, whatever is killed; an emptied file does no harm."""

from __future__ import annotations

import random
import subprocess
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from tests.campaign.invariants import keep_events
from tests.campaign.people import (
    MAP,
    Row,
    check_accounts,
    check_all,
    count_events,
    make_rows,
    native_writes,
    with_changes,
    write_rows,
)
from tests.campaign.processes import Gateway, Moodle, end, gateway, kill_group, moodle, start
from tests.campaign.report import Report, counts
from tests.campaign.traffic import over_http

PATIENCE_SECONDS = 600.0
KILLS = 10
WORKERS = 4
OF_REQUESTS = 25
"""How many deletions the guard lets single requests have in an hour."""
_GUARD = f"\n[targets.moodle.guard]\ndelete = {{ most = {OF_REQUESTS} }}\n"


def run(count: int, seed: int) -> Report:
    """Sync so many records with kills, sync them again, change some, and empty the file."""
    report = Report("syncs", seed)
    dice = random.Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="campaign-")))
        site = stack.enter_context(moodle())
        served = stack.enter_context(gateway(folder, site))
        with served.config.open("a", encoding="utf-8") as config:
            config.write(_GUARD)
        (folder / "map.toml").write_text(MAP, encoding="utf-8")
        job = _Job(report, dice, served, site)
        rows = make_rows(seed, count, dice)
        is_sample = count < 1000
        job.sync("first", rows, {"create": count}, 2 if is_sample else KILLS)
        job.sync("again", rows, {})
        changed = with_changes(rows)
        job.sync("changed", changed, {"change": len(changed[::10])}, 0 if is_sample else 2)
        check_accounts(report, site, changed)
        _empty(job, count)
        _delete_by_requests(report, served, site)
        keep_events(report, check_all(report, served, site))
    return report


class _Job:
    """Syncs by the command line, each process with what it prints."""

    def __init__(self, report: Report, dice: random.Random, served: Gateway, site: Moodle) -> None:
        self.report = report
        self._dice = dice
        self._served = served
        self._site = site

    def sync(self, name: str, rows: list[Row], expected: dict[str, int], kills: int = 0) -> None:
        """Plan and apply, with kills; the plan must come to what is expected."""
        plan = self.plan(name, rows)
        found = {kind: plan["totals"][kind] for kind in ("create", "change", "disable", "delete")}
        found = {kind: number for kind, number in found.items() if number}
        refused = plan["totals"]["refused"]
        self.report.expect(found == expected and not refused, f"{name}: planned {plan['totals']}")
        writes, started = native_writes(self._site), time.monotonic()
        apart = max(2, sum(expected.values()) // max(1, kills))
        killed = sum(self._killed(plan["plan"], apart) for _ in range(kills))
        code, result = self.apply(plan["plan"])
        self.report.expect(code == 0 and not result["left"], f"{name}: {code} {result}")
        seconds = time.monotonic() - started
        writes = native_writes(self._site) - writes
        self.report.expect(bool(writes) == bool(expected), f"{name}: {writes} writes")
        self.report.figures[name] = (
            f"{len(rows)} records, planned {counts(found)} by {plan['planning']['calls']} calls in "
            f"{plan['planning']['seconds']} s; applied in {seconds:.0f} s with {killed} kills, "
            f"{writes} calls that write (forecast {sum(map(plan['forecast'].get, _KINDS)):.0f}), "
            f"{result['before']} done before the last start"
        )

    def plan(self, name: str, rows: list[Row], *more: str) -> dict[str, Any]:
        """Write the file and make a plan."""
        file = self._served.folder / f"{name}.csv"
        write_rows(file, rows)
        output = self._served.folder / f"{name}.plan"
        mapped = str(self._served.folder / "map.toml")
        arguments = (str(file), "--map", mapped, "--plan", str(output), *more)
        code, said = self._ended(self._start(*arguments))
        assert code == 0, said
        return dict(said)

    def apply(self, plan: str) -> tuple[int, dict[str, Any]]:
        """Apply a plan; return the exit code and what it has come to."""
        return self._ended(self._start("--apply", plan))

    def _killed(self, plan: str, most: int) -> bool:
        """Apply a plan, and kill the process after so many events; tell whether it was at work."""
        process = self._start("--apply", plan)
        wanted = count_events(self._served.database) + self._dice.randint(1, most)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and count_events(self._served.database) < wanted:
            assert time.monotonic() < deadline
            time.sleep(self._dice.uniform(0, 0.02))
        at_work = process.poll() is None
        kill_group(process)
        assert process.stdout is not None
        process.stdout.close()
        return at_work

    def _start(self, *arguments: str) -> subprocess.Popen[Any]:
        with self._served.log.open("ab") as log:
            return start(
                *("sync", "moodle", *arguments, "--json", "--config", str(self._served.config)),
                environment={"CAMPAIGN_MOODLE_TOKEN": self._site.token},
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def _ended(self, process: subprocess.Popen[Any]) -> tuple[int, dict[str, Any]]:
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        code = end(process)
        assert said, self._served.log.read_text()[-2000:]
        return code, orjson.loads(said)


_KINDS = ("create", "change", "disable", "delete")


def _suspended(site: Moodle) -> int:
    return sum(bool(user["suspended"]) for user in site.users().values())


def _empty(job: _Job, count: int) -> None:
    """Apply the plan of an emptied file: the guard stops at a tenth of the accounts, exactly."""
    site, report = job._site, job.report
    accounts, before = len(site.users()), _suspended(site)
    plan = job.plan("emptied", [], "--missing", "disable", "--spare", "admin")
    code, _ = job.apply(plan["plan"])
    done = _suspended(site) - before
    # The guest is no account.
    limit = max(1, accounts // 10)
    report.expect(code == 3, f"emptied: ended with {code}")
    report.expect(done in (limit, max(1, (accounts - 1) // 10)), f"emptied: {done} disabled")
    told = next((note for note in plan["notes"] if "guard will stop after" in note), "")
    report.expect(f"after {done} of {plan['totals']['disable']} " in told, f"emptied: {told!r}")
    again, _ = job.apply(plan["plan"])
    report.expect(again == 3 and _suspended(site) - before == done, "emptied: went on by itself")
    report.figures["emptied file"] = (
        f"{plan['totals']['disable']} of {accounts} accounts to disable, stopped after {done}"
    )


def _delete_by_requests(report: Report, served: Gateway, site: Moodle) -> None:
    """Delete by single requests to four processes at once: not one above the guard's limit."""
    ids = [id for id, user in site.users().items() if user["username"].startswith("s")]
    ids = [id for id in ids if int(id) > WORKERS][: 4 * OF_REQUESTS]
    answers: Counter[int] = Counter()
    served.start(WORKERS)
    lock = threading.Lock()

    def work(part: list[str]) -> None:
        with over_http(f"{served.url}/moodle/scim/v2") as client:
            for id in part:
                status = client("DELETE", f"/Users/{id}", None)[0]
                with lock:
                    answers[status] += 1

    threads = [threading.Thread(target=work, args=(ids[n :: 2 * WORKERS],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    served.stop()
    wanted = {204: min(OF_REQUESTS, len(ids)), 429: max(0, len(ids) - OF_REQUESTS)}
    found = {status: number for status, number in answers.items() if number}
    report.expect(found == {s: n for s, n in wanted.items() if n}, f"requests: {found}")
    report.figures[f"deletions by {WORKERS} processes"] = counts(
        {str(status): number for status, number in answers.items()}
    )
