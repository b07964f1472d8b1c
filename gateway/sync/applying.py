"""Applying: exactly what a plan says is done, once, however often it takes to get there.

The audit log is the journal: the request id of each write names the plan and the line. What a
process that was killed has left open is settled first; what has ended is not done again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from cryptography.fernet import InvalidToken

from connectors import http
from gateway.ahead import PART
from gateway.attempts import Caller
from gateway.audit import Ended
from gateway.gathering import Gathering
from gateway.guards.guard import Stopped
from gateway.intents import ChangeRecord, Intent
from gateway.records import records
from gateway.services import Services
from gateway.sync.desired import Operations, created, message
from gateway.sync.plan import WRITES, Head, Line, job_of, read_head, read_lines
from gateway.targets import Target
from gateway.writing import Writer
from schemas.changes import Change
from schemas.errors import ScimError
from schemas.filters import parse_path

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Told how many writes have ended, and of how many."""

_DONE = ("success", "noChange")
_FAILURES = 20
"""So many failures of the LMS in a row end a job: it will go on when the LMS does."""
_NAMED = 20
"""How many records that failed are kept, with the reasons."""
_MOST_THREADS = 500
"""How many writes may wait for a call that takes many."""
_PLACES = 48
"""How many threads do anything else than wait: each has the database open then."""
_ROUNDS = 3
"""How often those are tried again in one run that have met somebody busy."""
_WAIT = 2.0
"""Seconds for which another sync of the target is waited for."""


class MovedOn(ScimError):
    """409: the LMS is not any more as it was when the plan was made."""

    def __init__(self, login: str, what: str) -> None:
        super().__init__(409, f"{login}: {what}")


@dataclass(slots=True)
class Result:
    """What a run has come to: how many writes it has done, and found done, by kind of line.

    `left` counts what is still to be done; `stopped` tells what each guard has said, `moved` where
    the LMS has moved on, `broken` why the run was given up.
    """

    job: str
    done: dict[str, int] = field(default_factory=dict)
    before: int = 0
    left: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    moved: str = ""
    broken: str = ""

    @property
    def exit_code(self) -> int:
        """0: all is done; 4: the LMS has moved on; 3: a guard has stopped it; 1: the rest."""
        return 4 if self.moved else 3 if self.stopped else 1 if self.left or self.broken else 0


class Applier:
    """The run of one plan; `caller` says who asks."""

    def __init__(self, services: Services, target: Target, plan: Path, caller: Caller) -> None:
        self._services = services
        self._target = target
        self._path = plan
        self.head = read_head(plan)
        self._collection = target.connector.collections[self.head.type]
        self._places = threading.BoundedSemaphore(_PLACES)
        self._writing = self._collection
        if self._collection.at_once:
            self._writing = Gathering(self._collection, places=self._places)
        self._job = job_of(plan)
        self._caller = replace(caller, run=self._job)
        self._result = Result(self._job)
        self._before: dict[str, Ended] = {}
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._rounds = _ROUNDS
        self._again: set[int] = set()
        self._tried: set[int] = set()
        self._stopped = ""

    def run(self, intent: Intent, progress: Progress = lambda done, total: None) -> Result:
        """Do what is left of the plan, and record that by `intent`.

        Raises ScimError 409 for a plan of another target or configuration, 503 while another sync
        of the target is at work.
        """
        self._refuse_other(self.head)
        database, name = self._services.database, self._target.name
        with database.lock([name], _WAIT, family="syncs"):
            self._before = self._settled()
            self._write_all(self._lines_to_write(), progress)
            while self._again and self._rounds:
                self._rounds -= 1
                numbers, self._again = self._again, set()
                self._result.left -= len(numbers)
                self._write_all((n, line) for n, line in self._lines_to_write() if n in numbers)
        result = self._result
        if result.left:
            result.broken = result.broken or self._stopped
        ended = not result.exit_code
        self._services.audit.record(
            replace(intent, target=name, resource_id=self._job, request_id=self._job),
            "success" if ended else "failed",
            detail=orjson.dumps(_told(result)).decode(),
        )
        return result

    def stop(self, why: str) -> None:
        """Let the run end after the writes that are at work; for who is told of its progress."""
        self._stopped = self._stopped or why

    def _refuse_other(self, head: Head) -> None:
        if head.target != self._target.name:
            raise ScimError(409, f"The plan is for {head.target}, not for {self._target.name}.")
        if head.configuration != self._services.settings.version:
            raise ScimError(
                409, "The configuration is not the one that the plan was made with: plan anew."
            )
        if (mode := self._services.mode(head.target)) != "live":
            raise ScimError(409, f"{head.target} is in {mode} mode: nothing is written.")

    def _settled(self) -> dict[str, Ended]:
        """Return how the lines that were begun have ended, after a look at what was left open."""
        audit, type_ = self._services.audit, self.head.type
        outcomes = audit.outcomes(self._job, type_)
        if any(ended.outcome in ("open", "unknown") for ended in outcomes.values()):
            self._services.settler.settle_all({self._target.name: self._target})
            outcomes = audit.outcomes(self._job, type_)
        return outcomes

    def _write_all(
        self, lines: Iterator[tuple[int, Line]], progress: Progress = lambda done, total: None
    ) -> None:
        total = sum(self.head.totals[kind] for kind in WRITES)
        threads = max(self._target.settings.options.connections, self._at_once())
        free = threading.BoundedSemaphore(2 * threads)
        ended = 0

        def end() -> None:
            nonlocal ended
            with self._lock:
                ended += 1
                progress(ended, total)

        def work(writer: Writer, number: int, line: Line) -> None:
            try:
                self._write(writer, number, line)
            finally:
                end()
                free.release()

        # Who still hands out lines is at work, too: more writes are to come.
        with ThreadPoolExecutor(threads) as pool, self._interrupted(), self._at_work():
            for part in _parts(lines):
                writer = self._writer(part)
                for number, line in part:
                    if self._is_done(number, line):
                        self._result.before += 1
                        end()
                    else:
                        free.acquire()
                        pool.submit(work, writer, number, line)

    @contextmanager
    def _interrupted(self) -> Iterator[None]:
        """Let the writes that are at work end when somebody wants the run to."""
        try:
            yield
        except KeyboardInterrupt:
            self._result.broken = "interrupted"

    def _at_work(self) -> AbstractContextManager[None]:
        """Let writes that can go together wait for what this thread does."""
        gathering = self._writing
        return gathering.at_work() if isinstance(gathering, Gathering) else nullcontext()

    def _at_once(self) -> int:
        """Return how many writes fill two calls that take many: one goes, one is gathered."""
        return min(_MOST_THREADS, 2 * max(self._collection.at_once.values(), default=1))

    def _lines_to_write(self) -> Iterator[tuple[int, Line]]:
        return ((n, line) for n, line in read_lines(self._path) if line.kind in WRITES)

    def _writer(self, part: list[tuple[int, Line]]) -> Writer:
        """Return a writer that reads what a part of the plan changes in few calls."""
        places = [
            (self._writing, line.id)
            for number, line in part
            if line.id and not self._is_done(number, line)
        ]
        return self._services.writer.reading_ahead(self._target, places)

    def _is_done(self, number: int, line: Line) -> bool:
        before = self._before.get(str(number))
        if before is None or before.outcome not in _DONE:
            return False
        # Of a create that was settled only the first call may have been made.
        return not (line.kind == "create" and before.status is None)

    def _may_go_on(self, line: Line) -> bool:
        result = self._result
        with self._lock:
            over = result.moved or result.broken or self._stopped
            return not over and not (line.guarded.keys() & result.stopped.keys())

    def _write(self, writer: Writer, number: int, line: Line) -> None:
        """Do what a line says, and keep what has become of it."""
        if not self._may_go_on(line):
            with self._lock:
                self._result.left += 1
            return
        caller = replace(self._caller, request_id=f"{self._job}/{number}")
        http.request_id.set(caller.request_id)
        try:
            with self._at_work(), self._places:
                self._carry_out(writer, caller, number, line)
        except MovedOn as error:
            with self._lock:
                self._result.left += 1
                self._result.moved = self._result.moved or error.detail
        except Stopped as error:
            with self._lock:
                self._result.left += 1
                self._result.stopped.setdefault(error.kind, error.detail)
        except ScimError as error:
            if error.status == 503 and self._rounds:
                self._put_off(number)
            self._fail(line, error, again=number in self._again)
        except Exception as error:
            log.exception("line %s of %s failed", number, self._job)
            self._fail(line, ScimError(500, f"internal error: {type(error).__name__}"))
        else:
            with self._lock:
                self._result.done[line.kind] = self._result.done.get(line.kind, 0) + 1
                self._in_a_row = 0

    def _carry_out(self, writer: Writer, caller: Caller, number: int, line: Line) -> None:
        before = self._before.get(str(number))
        begun = (before is not None and before.outcome != "refused") or number in self._tried
        who = self._target, self._writing, caller
        operations = line.operations + self._opened(line)
        agree = self._agree(line, begun=begun)
        try:
            if line.kind == "create":
                self._create(writer, caller, number, line, operations)
            elif line.kind == "delete":
                writer.delete(*who, line.id, agree=agree)
            else:
                writer.patch(*who, line.id, lambda: message(operations), agree=agree)
        except ScimError as error:
            if error.status == 404 and (line.id or (before is not None and before.made)):
                if line.kind == "delete" and begun:
                    return
                raise MovedOn(line.login or line.id, "it is not there any more") from None
            raise

    def _create(
        self, writer: Writer, caller: Caller, number: int, line: Line, operations: Operations
    ) -> None:
        """Create an account, or complete one that a process has made and not ended."""
        who = self._target, self._writing, caller
        full = self._collection.mapping.full
        body = created(full, operations)
        before = self._before.get(str(number))
        if before is not None and before.made is not None:
            made = before.made
            rest = {"op": "replace", "value": {k: v for k, v in body.items() if k != "schemas"}}
            # That a new account cannot be used yet takes nothing from anybody: no limit of a run.
            single = self._target, self._writing, replace(caller, run="")
            writer.patch(*single, made, lambda: message([rest]))
            return
        try:
            writer.create(*who, lambda: body)
        except ScimError as error:
            if error.status == 409 and self._is_there(body):
                raise MovedOn(line.login, "somebody else has created it") from None
            raise

    def _is_there(self, body: dict[str, Any]) -> bool:
        try:
            return self._collection.find_again(body) is not None
        except ScimError:
            return False

    def _agree(self, line: Line, *, begun: bool) -> Callable[[tuple[Change, ...]], None]:
        """Return what keeps a write from doing anything else than the plan says."""
        mapping = self._collection.mapping
        # Of who is deleted, lists may show more, or less, than who is asked for by the id.
        left_out = mapping.costly.keys() if line.kind == "delete" else frozenset()
        planned = {
            _comparable(change)
            for change in line.changes
            if parse_path(change.path or "", mapping.full).name not in left_out
        }

        def agree(changes: tuple[Change, ...]) -> None:
            some = [change for change in changes if change.path.name not in left_out]
            found = set(map(_comparable, records(mapping, some)))
            if found == planned or (begun and found <= planned):
                return
            other = sorted({path for path, *_ in found ^ planned})
            said = f"the LMS has moved on: {', '.join(other)} would change otherwise than planned"
            raise MovedOn(line.login or line.id, said)

        return agree

    def _opened(self, line: Line) -> Operations:
        """Return the operations for the secrets of a line. Raises 400 when no key opens them."""
        try:
            return [
                {
                    "op": "replace",
                    "path": path,
                    "value": orjson.loads(self._services.keys.decrypt(sealed)),
                }
                for path, sealed in line.secrets.items()
            ]
        except InvalidToken:
            raise ScimError(400, "Its secrets are encrypted with another key.") from None

    def _put_off(self, number: int) -> None:
        """Let a line be tried again in this run: somebody was busy."""
        with self._lock:
            self._again.add(number)
            self._tried.add(number)

    def _fail(self, line: Line, error: ScimError, *, again: bool = False) -> None:
        """Keep that a line is left, and unless it is tried again, why."""
        with self._lock:
            result = self._result
            result.left += 1
            self._in_a_row = self._in_a_row + 1 if error.status >= 500 else 0
            if self._in_a_row >= _FAILURES:
                result.broken = f"{_FAILURES} writes in a row have failed: {error.detail}"
            if again:
                return
            result.failed += 1
            if len(result.failures) < _NAMED:
                result.failures.append(f"{line.kind} {line.login or line.id}: {error.detail}")


def _comparable(change: ChangeRecord) -> tuple[str, str, str, str]:
    return change.path or "", change.op or "", change.old or "", change.new or ""


def _parts(lines: Iterator[tuple[int, Line]]) -> Iterator[list[tuple[int, Line]]]:
    while part := list(islice(lines, PART)):
        yield part


def _told(result: Result) -> dict[str, Any]:
    """Return what the audit log says of a run: numbers, and nobody's name."""
    stopped = sorted(result.stopped)
    return {
        "done": result.done,
        "before": result.before,
        "left": result.left,
        "failed": result.failed,
        **({"stopped": stopped} if stopped else {}),
        **({"movedOn": True} if result.moved else {}),
    }
