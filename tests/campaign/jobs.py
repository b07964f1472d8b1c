"""Jobs: a run that the gateway dies over again and again goes on by itself, and heeds a pause."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from gateway.jobs.working import SECONDS
from tests.campaign.invariants import Event, keep_events, open_events
from tests.campaign.kills import exceptions
from tests.campaign.people import (
    MAP,
    SECRET,
    Row,
    check_accounts,
    check_all,
    count_events,
    make_rows,
    native_writes,
    with_changes,
    write_rows,
)
from tests.campaign.processes import Gateway, Moodle, gateway, moodle
from tests.campaign.report import Report, counts, spread
from tests.campaign.traffic import over_http

PATIENCE_SECONDS = 600.0
STOP_SECONDS = 10.0
"""By when a run that is paused has ended what was at work."""
QUIET_SECONDS = SECONDS + 0.5
"""How long a paused job is watched: longer than what does jobs rests."""
DELAY = 0.5
"""Seconds by which the LMS answers a write late, so that kills fall between call and answer."""
_JOBS = """
[jobs.people]
sync = "moodle"
file = "people.csv"
map = "map.toml"
apply = true
tries = 3

[jobs.seen]
sync = "moodle"
file = "seen.csv"
map = "map.toml"

[jobs.export]
export = "moodle"
out = "accounts.jsonl"
"""
_ASKED = ("run", "apply", "pause", "resume")
_ACTIVE = ("waiting", "running")

Run = dict[str, Any]
"""A run of a job as SCIM shows it, its totals by kind."""


@dataclass(frozen=True, slots=True)
class Size:
    """How often a run is killed and paused, and how many processes serve."""

    kills: int
    pauses: int
    workers: int


SAMPLE = Size(kills=2, pauses=1, workers=2)
LONG = Size(kills=10, pauses=2, workers=4)


def run(count: int, seed: int) -> Report:
    """Kill the gateway while a job makes so many accounts, then let it do the other jobs."""
    report = Report("jobs", seed)
    dice = random.Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="campaign-")))
        site = stack.enter_context(moodle())
        served = stack.enter_context(gateway(folder, site))
        with served.config.open("a", encoding="utf-8") as config:
            config.write(_JOBS)
        (folder / "map.toml").write_text(MAP, encoding="utf-8")
        rows = make_rows(seed, count, dice)
        write_rows(folder / "people.csv", rows)
        write_rows(folder / "seen.csv", with_changes(rows))
        send = stack.enter_context(over_http(f"{served.url}/moodle/scim/v2"))
        office = _Office(report, dice, served, site, send, SAMPLE if count < 1000 else LONG)
        office.start()
        try:
            _do_people(office, rows)
            _do_the_others(office, rows)
        except TimeoutError as error:
            report.expect(False, str(error))
        served.stop()
        events = check_all(report, served, site)
        _check_asked(report, events, office.asked)
        _check_repeated(report, events)
        log = served.log.read_text()
        report.expect(SECRET not in log, "a password stands in the log")
        report.failures += exceptions(log)
        keep_events(report, events)
    return report


@dataclass
class _Office:
    """A gateway with jobs and its LMS; asks for jobs over HTTP and counts what it has asked for."""

    report: Report
    dice: random.Random
    served: Gateway
    site: Moodle
    send: Callable[[str, str, Any], tuple[int, Any]]
    size: Size
    asked: Counter[str] = field(default_factory=Counter)

    def start(self) -> None:
        """Start the gateway, and wait for its first answer."""
        self.served.start(self.size.workers)

    def ask(self, job: str, what: str) -> None:
        """Ask for something, which must be granted."""
        status, answer = self.send("POST", f"/Jobs/{job}/.{what}", None)
        granted = 200 if what in ("pause", "resume") else 202
        self.report.expect(status == granted, f"{what} {job}: {answer}")
        self.asked[f"{what} {job}"] += 1

    def runs(self, job: str) -> list[Run]:
        """Return the runs of a job, the newest first."""
        status, answer = self.send("GET", "/JobRuns", {"filter": f'job eq "{job}"'})
        assert status == 200, answer
        return [
            one | {"totals": {part["type"]: part["value"] for part in one.get("totals", ())}}
            for one in answer["Resources"]
        ]

    def until(self, job: str, holds: Callable[[Run], bool], what: str) -> Run:
        """Wait until something holds for the newest run; TimeoutError when it never does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(run := self.runs(job)[0]):
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {PATIENCE_SECONDS:.0f} s not yet {what}: {run}")
            time.sleep(0.1)
        return run

    def done(self, job: str, what: str) -> Run:
        """Ask for something, and return the run when nothing is to be done for it any more."""
        self.ask(job, what)
        return self.until(job, _has_ended, "at an end")

    def let_work(self, most: int) -> Run:
        """Wait for a random moment, up to so many events ahead, or until the run has ended."""
        ahead = 0 if self.dice.random() < 0.2 else self.dice.randint(1, most)
        wanted = count_events(self.served.database) + ahead

        def is_there(run: Run) -> bool:
            is_far = count_events(self.served.database) >= wanted
            return _has_ended(run) or (run["state"] == "running" and is_far)

        run = self.until("people", is_there, "at work")
        time.sleep(self.dice.uniform(0, DELAY))
        return run


@dataclass(frozen=True, slots=True)
class _Killed:
    """A kill: was the run at work, were writes left open, and how many seconds after the start of
    the next processes was it gone on with."""

    at_work: bool
    left_open: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class _Paused:
    """A pause: was the run at work, how many calls that write came after it, after how many seconds
    it had stopped, and was the gateway killed meanwhile."""

    at_work: bool
    writes: int
    seconds: float
    with_kill: bool


def _has_ended(run: Run) -> bool:
    return run["state"] not in _ACTIVE


def _do_people(office: _Office, rows: list[Row]) -> None:
    """Let the accounts be made, with kills and pauses between; nobody asks for it again."""
    report, site, size = office.report, office.site, office.size
    site.plan("timeout_after", match="_create_users", delay=DELAY, times=10**9)
    paused = sorted(office.dice.sample(range(1, size.kills), size.pauses))
    apart = max(1, len(rows) // (size.kills + size.pauses))
    kills: list[_Killed] = []
    pauses: list[_Paused] = []
    office.ask("people", "run")
    for number in range(size.kills):
        if number in paused:
            before = office.let_work(apart)
            pauses.append(_pause(office, before, with_kill=number in paused[1:]))
        kills.append(_kill(office, office.let_work(apart)))
    site.behave()
    run = office.until("people", _has_ended, "at an end")
    totals = run["totals"]
    done = totals.get("create", 0) + totals.get("done before", 0)
    report.expect((run["state"], run["failures"]) == ("done", 0), f"people: {run}")
    report.expect(done == len(rows) and "left" not in totals, f"people: {totals}")
    report.expect(len(office.runs("people")) == 1, f"people: {office.runs('people')}")
    report.expect(any(kill.at_work for kill in kills), "no kill met the run at work")
    # A sample may be over before the run looks.
    met = all(pause.at_work for pause in pauses) or size is SAMPLE
    report.expect(met, "a pause has not stopped the run")
    check_accounts(report, site, rows)
    report.figures |= {
        "records": f"{len(rows)}, at the end {counts(totals)}",
        "kills": (
            f"{len(kills)}, {sum(kill.at_work for kill in kills)} while the run was at work, "
            f"{sum(kill.left_open for kill in kills)} left writes open"
        ),
        "gone on with after a start": spread([kill.seconds for kill in kills if kill.at_work]),
        "pauses": (
            f"{len(pauses)}, {sum(pause.at_work for pause in pauses)} while the run was at work, "
            f"{sum(pause.with_kill for pause in pauses)} with a kill"
        ),
        "calls that write after each pause": ", ".join(str(pause.writes) for pause in pauses),
        "stopped after a pause": spread([pause.seconds for pause in pauses]),
    }


def _kill(office: _Office, before: Run) -> _Killed:
    """Kill the gateway and start it; wait until the run is gone on with, unless it has ended."""
    office.served.kill()
    left_open = bool(open_events(office.served.database))
    started = time.monotonic()
    office.start()

    def is_begun_again(run: Run) -> bool:
        return _has_ended(run) or run["started"] != before["started"]

    run = office.until("people", is_begun_again, "gone on with")
    at_work = run["started"] != before["started"]
    return _Killed(at_work, left_open, time.monotonic() - started)


def _pause(office: _Office, before: Run, *, with_kill: bool) -> _Paused:
    """Pause people, kill the gateway or not, watch that nothing is written, and resume."""
    report, site = office.report, office.site
    office.ask("people", "pause")
    asked, begun = time.monotonic(), native_writes(site)
    held = office.until("people", lambda run: run["state"] != "running", "stopped by a pause")
    seconds, stopped = time.monotonic() - asked, native_writes(site)
    report.expect(seconds < STOP_SECONDS, f"stopped {seconds:.1f} s after the pause")
    if with_kill:
        office.served.kill()
        office.start()
    time.sleep(QUIET_SECONDS)
    late = native_writes(site) - stopped
    report.expect(not late, f"{late} calls that write while people was paused")
    run = office.runs("people")[0]
    report.expect(run == held, f"paused, people went from {held} to {run}")
    report.expect(run["started"] == before["started"], "people was begun while it was paused")
    office.ask("people", "resume")
    return _Paused(not _has_ended(held), stopped - begun, seconds, with_kill)


def _do_the_others(office: _Office, rows: list[Row]) -> None:
    """Let a plan wait, export meanwhile, and apply the plan."""
    report, site = office.report, office.site
    changed = len(rows[::10])
    before = native_writes(site)
    run = office.done("seen", "run")
    planned = (run["state"], run["totals"].get("change"))
    report.expect(planned == ("planned", changed), f"seen: {run}")
    run = office.done("export", "run")
    report.expect(run["state"] == "done", f"export: {run}")
    written = native_writes(site) - before
    report.expect(not written, f"{written} calls that write before the plan was applied")
    check_accounts(report, site, rows)
    run = office.done("seen", "apply")
    report.expect((run["state"], run["totals"]) == ("done", {"change": changed}), f"seen: {run}")
    check_accounts(report, site, with_changes(rows))
    exported = (office.served.folder / "accounts.jsonl").read_bytes().splitlines()
    found = Counter(orjson.loads(line)["userName"] for line in exported)
    wanted = Counter(user["username"] for user in site.users().values()) - Counter(["guest"])
    report.expect(found == wanted, f"export: {(found - wanted) + (wanted - found)}")
    report.figures["plan that waited"] = f"{changed} changes"
    report.figures["exported"] = f"{len(exported)} accounts"


def _check_asked(report: Report, events: list[Event], asked: Counter[str]) -> None:
    """Check that all that was asked for is an event, and nothing else."""
    found = Counter(
        f"{event['operation']} {event['resourceId']}"
        for event in events
        if event["resourceType"] == "Job" and event["operation"] in _ASKED
    )
    report.expect(found == asked, f"asked for {counts(asked)}, events of {counts(found)}")
    report.figures["asked for"] = counts(asked)


def _check_repeated(report: Report, events: list[Event]) -> None:
    """Check that of each record nothing was begun again but what a kill had left open."""
    begun: dict[str, list[Event]] = {}
    for event in events:
        is_theirs = (event["resourceType"], event.get("client")) == ("User", "job people")
        if is_theirs and event["outcome"] != "refused":
            begun.setdefault(event["requestId"], []).append(event)
    # An event that was settled later has no status.
    twice = [id for id, made in begun.items() if any("status" in event for event in made[:-1])]
    report.expect(not twice, f"done twice: {twice[:20]}")
    report.figures["begun again"] = sum(len(made) - 1 for made in begun.values())
