"""Exports that are killed again and again, and deltas of random histories on every target."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from connectors.mapping import Resource
from gateway.cursors import Cursors
from gateway.database import now
from gateway.exporting import runs
from gateway.exporting.files import part_of
from gateway.exporting.forms import JsonLines
from gateway.exporting.journals import Journal
from gateway.exporting.runs import Delta
from gateway.exporting.runs import run as run_export
from gateway.exporting.sources import Source
from gateway.query import Query
from gateway.reading import Reader
from gateway.simulators import as_toml
from gateway.tombstones import Tombstones
from gateway.walks import Walks
from schemas.errors import ScimError
from schemas.filters import parse_filter, parse_path
from tests.campaign.processes import end, start
from tests.campaign.report import Report, counts
from tests.connectors import operations
from tests.gateway.service import KEYS, TARGETS, Scim, make_service, person

LMSS = ("brightspace", "moodle")
"""Which simulators have the many users: one that gives pages, and one that gives all in one answer.
"""
USERS = 100_000
KILLS = 10
MEMORY = 150.0
"""MB that an export may take."""
GROWTH = 15.0
"""MB by which it may grow after its first tenth."""

ALL = Query()
EMAIL = 'emails[type eq "work"].value'


def run(count: int, seed: int, users: int = USERS, kills: int = KILLS) -> Report:
    """Kill an export of so many users, then play so many histories on every target."""
    report = Report("exports", seed)
    dice = random.Random(seed)
    for lms in LMSS:
        killed(report, dice, lms, users, kills)
    for target in TARGETS:
        histories(report, dice, target, count)
    return report


def killed(report: Report, dice: random.Random, lms: str, users: int, kills: int) -> None:
    """Export to a file in processes that are killed at random moments, until one gets through."""
    with (
        tempfile.TemporaryDirectory(prefix="campaign-") as name,
        simulated(lms, users, Path(name)) as config,
    ):
        folder = Path(name)
        whole = Export(lms, config, folder / "whole.jsonl")
        seconds = whole.complete()
        cut = Export(lms, config, folder / "cut.jsonl")
        size = whole.file.stat().st_size
        for number in range(kills):
            # Each begins where the one before was killed, and something is left to do.
            cut.kill_at(int(size * (number + dice.random()) / (kills + 1)))
        cut.complete()
        first, second = lines_of(whole.file), lines_of(cut.file)
        # The site has administrators of its own.
        report.expect(users < len(first) < users + 10, f"{len(first)} lines of {users} users")
        report.expect(not cut.is_over, "an export was complete before it was killed")
        report.expect(set(first) == set(second), "the killed export has other resources")
        doubles = sum(number - 1 for number in Counter(map(id_of, second)).values())
        gaps = len({*map(id_of, first)} - {*map(id_of, second)})
        report.expect(not doubles and not gaps, f"{doubles} doubles, {gaps} gaps")
        report.expect(not list(folder.glob("*.part*")), "something is left over")
        report.expect(whole.growth < GROWTH, f"grew by {whole.growth:.0f} MB")
        for export in (whole, cut):
            report.expect(export.most < MEMORY, f"{export.most:.0f} MB")
        report.figures[f"export of {lms}"] = (
            f"{len(first):,} users in {seconds:.0f} s, {len(first) / seconds:,.0f}/s, at most "
            f"{max(whole.most, cut.most):.0f} MB, grown by {whole.growth:.1f} MB after the first "
            f"tenth; killed {cut.kills} times: {doubles} doubles, {gaps} gaps"
        )


@dataclass
class Export:
    """`matricula export` into a file, in one process after the other; memory is in MB."""

    lms: str
    config: Path
    file: Path
    kills: int = 0
    most: float = 0.0
    growth: float = 0.0
    is_over: bool = False

    def complete(self) -> float:
        """Run until it ends, and return the seconds."""
        started = time.monotonic()
        process = self._start()
        sizes: list[float] = []
        while process.poll() is None:
            self._watch(process, sizes)
        seconds = time.monotonic() - started
        assert end(process) == 0, self._said()
        if sizes:
            early = sizes[: max(len(sizes) // 10, 1)]
            self.growth = max(self.growth, max(sizes) - max(early))
        return seconds

    def kill_at(self, size: int) -> None:
        """Run until the file has so many bytes, then kill without notice."""
        part = self.file.with_name(f"{self.file.name}.part")
        process = self._start()
        while process.poll() is None and not (part.exists() and part.stat().st_size >= size):
            self._watch(process, [])
        self.is_over = self.is_over or process.poll() is not None
        end(process, signal.SIGKILL)
        self.kills += 1

    def _start(self) -> subprocess.Popen[Any]:
        with self.config.with_suffix(".log").open("ab") as log:
            return start(
                *("export", self.lms, "User", "--config", str(self.config)),
                *("--out", str(self.file)),
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def _watch(self, process: subprocess.Popen[Any], sizes: list[float]) -> None:
        time.sleep(0.02)
        size = resident(process.pid)
        if size and self.file.with_name(f"{self.file.name}.part").exists():
            sizes.append(size)
        self.most = max(self.most, size)

    def _said(self) -> str:
        return self.config.with_suffix(".log").read_text()[-2000:]


def resident(pid: int) -> float:
    """Return the MB of memory that a process holds now, 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) / 1024 if found else 0.0


@contextmanager
def simulated(lms: str, users: int, folder: Path) -> Iterator[Path]:
    """Run a simulator until the end of the block, and give a configuration with it as target."""
    process = start(
        *("simulate", lms, "--json", "--users", str(users), "--courses", "0"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        site = json.loads(process.stdout.readline())
        config = folder / "matricula.toml"
        lines = [f"{name} = {as_toml(value)}" for name, value in site.items()]
        config.write_text(
            'allow_clear_secrets = true\n[database]\nurl = "sqlite:///matricula.db"\n'
            f'[targets.{lms}]\nconnector = "{lms}"\nallow_private_network = true\n'
            + "\n".join(lines),
            encoding="utf-8",
        )
        yield config
    finally:
        end(process)


def lines_of(file: Path) -> list[str]:
    """Return the lines of a file."""
    return file.read_text(encoding="utf-8").splitlines()


def id_of(line: str) -> str:
    """Return the id of the resource in a line."""
    return str(json.loads(line)["id"])


def histories(report: Report, dice: random.Random, target: str, count: int) -> None:
    """Play so many histories on a target, and compare deltas with full exports after each."""
    with tempfile.TemporaryDirectory(prefix="campaign-") as name:
        # A thousand histories are more calls than Blackboard grants for a day.
        patient = {"blackboard_settings": {"daily_limit": 10**9}}
        reported = {"moodle_options": {"more": {"report": 1}}}
        service = make_service(Path(name), (target,), users=3, **patient, **reported)
        with closing(service), pytest.MonkeyPatch.context() as patch:
            # One clock for all: nothing is read for the sake of others.
            patch.setattr(runs, "MARGIN", timedelta())
            if target == "moodle":
                service.moodle.site.add_report()
            play = Play(Scim(service, target), dice)
            views = [
                View(play.scim, Path(name), kind, *rest)
                for kind in ("User", "Group")
                for rest in ((None, False), ("active eq true", True))
                if kind == "User" or rest[0] is None
            ]
            if source_of(play.scim, "User").collection.changed(now()) is not None:
                views.append(View(play.scim, Path(name), "User", None, False, quick=True))
            operations_before = play.done.total()
            for number in range(count):
                play.some()
                for view in views:
                    lost = view.check(dice)
                    report.expect(not lost, f"{target}, history {number}: {view.kind}: {lost}")
            made = sum((view.counts for view in views), Counter[str]())
            report.figures[target] = (
                f"{count} histories of {play.done.total() - operations_before} operations "
                f"({counts(play.done)}); deltas told {counts(made)}"
            )


class View:
    """What a full export showed last, and the state of the delta that goes on from there.

    A quick one need not see what was deleted past the gateway.
    """

    def __init__(
        self,
        scim: Scim,
        folder: Path,
        kind: str,
        filter_: str | None,
        whole: bool,
        quick: bool = False,
    ) -> None:
        self.kind = kind
        self.counts: Counter[str] = Counter()
        self._source = source_of(scim, kind)
        full = self._source.collection.mapping.full
        self._query = Query(parse_filter(filter_, full) if filter_ else None)
        self._delta = Delta(whole, (parse_path("id", full),), quick)
        self._state = folder / f"{kind}-{bool(filter_)}-{quick}.state"
        self._known = self._full()
        self._unseen: set[str] = set()
        self._changes()

    def check(self, dice: random.Random) -> str:
        """Take a delta and a full export; return where the first does not lead to the second."""
        self._delta = replace(self._delta, whole=dice.random() < 0.5)
        for line in self._changes():
            self.counts[line["op"]] += 1
            apply(self._known, line)
        wanted = self._full()
        known, self._known = self._known, wanted
        if self._delta.quick:
            unseen = known.keys() - wanted.keys()
            self._unseen |= unseen - self._source.deleted([*unseen])
            known = {id: one for id, one in known.items() if id not in self._unseen}
        return first_difference(unordered(known), unordered(wanted))

    def _full(self) -> dict[str, Resource]:
        return {one["id"]: one for one in exported(self._source, self._query)}

    def _changes(self) -> list[Any]:
        return delta_lines(self._source, self._state, self._delta, self._query)


@dataclass
class Memory:
    """An output that is kept in memory."""

    content: bytearray = field(default_factory=bytearray)

    def write(self, content: bytes) -> None:
        self.content += content

    def sync(self) -> int:
        return len(self.content)

    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.content.splitlines()]


def source_of(scim: Scim, kind: str) -> Source:
    """Return a collection of a service's target as exports read it."""
    held = scim.service.app.extensions["matricula"]
    database, digest = held["database"], held["ledger"].keys.digest
    reader = Reader(Tombstones(database, digest), Walks(database, digest), Cursors(KEYS))
    target = held["targets"][scim.name]
    base = f"http://localhost{scim.base}"
    return Source(reader, target, target.connector.collections[kind], base, held["audit"])


def exported(source: Source, query: Query) -> list[Any]:
    """Return all that an export gives, read from its lines."""
    memory = Memory()
    with closing(Journal()) as journal:
        run_export(source, query, JsonLines({}), journal, memory)
    return memory.lines()


def delta_lines(source: Source, state: Path, delta: Delta, query: Query = ALL) -> list[Any]:
    """Return what a delta gives, read from its lines; the state goes on."""
    memory = Memory()
    with closing(Journal(part_of(state), older=state)) as journal:
        run_export(source, query, JsonLines({}), journal, memory, delta)
        journal.become(state)
    return memory.lines()


def apply(known: dict[str, Resource], line: dict[str, Any]) -> None:
    """Do to what is known what a line of a delta says."""
    id = line["id"]
    match line["op"]:
        case "created":
            assert id not in known, f"{id} is there already"
            known[id] = line["resource"]
        case "deleted":
            del known[id]
        case "changed" if "changes" in line:
            known[id] = merged(known[id], line["changes"])
        case "changed":
            assert id in known, f"{id} is not there"
            known[id] = line["resource"]
        case op:
            raise AssertionError(op)


def merged(target: Any, patch: Any) -> Any:
    """Return the result of a JSON Merge Patch, as RFC 7396 section 2 defines it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def unordered(value: Any) -> Any:
    """Return a value whose lists of objects are in one order: SCIM's have none."""
    if isinstance(value, dict):
        return {name: unordered(held) for name, held in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return sorted(map(unordered, value), key=lambda one: json.dumps(one, sort_keys=True))
    return value


def first_difference(known: dict[str, Resource], wanted: dict[str, Resource]) -> str:
    """Return in words where two exports differ first, "" when they do not."""
    for id in sorted(known.keys() | wanted.keys()):
        if known.get(id) != wanted.get(id):
            return f"{id}: {known.get(id)} by deltas, {wanted.get(id)} in full"
    return ""


def answered(response: TestResponse) -> None:
    """Raise what the target refuses."""
    if response.status_code >= 400:
        raise ScimError(response.status_code, response.text)


class Play:
    """Random operations on people and groups, through the gateway and past it."""

    def __init__(self, scim: Scim, dice: random.Random) -> None:
        self.scim = scim
        self.done: Counter[str] = Counter()
        self._dice = dice
        self._number = 0
        collections = source_of(scim, "User").target.connector.collections
        self._users, self._groups = collections["User"], collections["Group"]
        self._own: list[str] = []
        self._teams: list[str] = []
        for _ in range(5):
            self._create()
        self._create_group()

    def some(self) -> None:
        """Do up to five operations; one that the target refuses is none."""
        for _ in range(self._dice.randrange(6)):
            kind = self._dice.choice(
                [
                    *(self._create, self._create_outside, self._create_group),
                    *(self._change, self._change_outside, self._join) * 2,
                    *(self._switch, self._delete, self._delete_outside, self._delete_group),
                ]
            )
            try:
                kind()
            except ScimError:
                self.done["refused"] += 1
            else:
                self.done[kind.__name__.strip("_")] += 1

    def _login(self) -> str:
        self._number += 1
        return f"p{self._number:05}"

    def _create(self) -> None:
        self._own.append(self.scim.add(self._login()))

    def _create_outside(self) -> None:
        made = operations.create(self._users, person(self._login()))
        self._own.append(made["id"])

    def _create_group(self) -> None:
        if len(self._teams) < 4:
            self._teams.append(self.scim.add_group(f"Team {self._login()}"))

    def _change(self) -> None:
        if self._own:
            path, value = self._value()
            patch = {"op": "replace", "path": path, "value": value}
            answered(self.scim.patch(f"/Users/{self._dice.choice(self._own)}", patch))

    def _change_outside(self) -> None:
        if self._own:
            held = operations.read(self._users, self._dice.choice(self._own))
            given = {"givenName": f"G{self._dice.randrange(50)}"}
            operations.change(self._users, held, name={**held["name"], **given})

    def _join(self) -> None:
        if self._own and self._teams:
            value = [{"value": self._dice.choice(self._own)}]
            op = self._dice.choice(("add", "replace"))
            patch = {"op": op, "path": "members", "value": value}
            answered(self.scim.patch(f"/Groups/{self._dice.choice(self._teams)}", patch))

    def _switch(self) -> None:
        if self._own:
            active = self._dice.random() < 0.6
            patch = {"op": "replace", "path": "active", "value": active}
            answered(self.scim.patch(f"/Users/{self._dice.choice(self._own)}", patch))

    def _delete(self) -> None:
        if len(self._own) > 3:
            answered(self.scim.delete(f"/Users/{self._gone(self._own)}"))

    def _delete_outside(self) -> None:
        if len(self._own) > 3:
            self._users.delete(operations.TICKET, self._gone(self._own))

    def _delete_group(self) -> None:
        if len(self._teams) > 1:
            answered(self.scim.delete(f"/Groups/{self._gone(self._teams)}"))

    def _gone(self, ids: list[str]) -> str:
        return ids.pop(self._dice.randrange(len(ids)))

    def _value(self) -> tuple[str, str]:
        number = self._dice.randrange(50)
        return self._dice.choice(
            [
                ("name.familyName", f"F{number}"),
                ("externalId", f"x{self._login()}"),
                (EMAIL, f"m{self._login()}@example.edu"),
                ("userName", self._login()),
            ]
        )
