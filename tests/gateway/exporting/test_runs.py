"""Runs that stop anywhere and go on: nothing is missing, nothing comes twice."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.database import now
from gateway.exporting import files, runs
from gateway.exporting.files import Identity
from gateway.exporting.forms import Form, JsonLines, Table, columns_of
from gateway.exporting.journals import Journal, JournalError
from gateway.exporting.runs import Delta
from gateway.exporting.sources import Source
from gateway.query import Query
from schemas.errors import ScimError
from schemas.projection import DEFAULT
from tests.campaign.exports import exported
from tests.gateway.exporting.paged import paged
from tests.gateway.service import Scim, Service

PEOPLE = 20
JSON_LINES = JsonLines({})
OURS = Identity("query", "shape")


@pytest.fixture
def memory(make: Callable[..., Service]) -> Scim:
    return Scim(make("memory"), "memory")


def table(source: Source, is_delta: bool) -> Table:
    return Table(columns_of(source.collection.mapping, DEFAULT), {}, is_delta)


class Stopped(Exception):
    """The end of a process, as far as the process itself can tell."""


@dataclass
class Unsteady:
    """A file that stops at the n-th write or sync; of the last write only a part arrives."""

    file: files.Kept
    left: int

    def write(self, content: bytes) -> object:
        self._count(content)
        return self.file.write(content)

    def sync(self) -> int:
        self._count(b"")
        return self.file.sync()

    def _count(self, content: bytes) -> None:
        self.left -= 1
        if self.left < 0:
            self.file.write(content[: len(content) // 2])
            self.file.sync()
            raise Stopped


def attempt(
    source: Any, out: Path, stop: int, state: Path | None = None, form: Form = JSON_LINES
) -> bool:
    """Run until the end, or until the file stops; tell whether it is complete."""
    journal_path = files.part_of(state) if state else files.journal_of(out)
    with (
        files.opened_journal(journal_path, OURS, older=state) as journal,
        files.opened(out, journal) as file,
    ):
        delta = Delta() if state else None
        try:
            runs.run(source, Query(), form, journal, Unsteady(file, stop), delta)
        except Stopped:
            return False
        file.finish()
        if state:
            journal.become(state)
    if not state:
        files.forget(journal_path)
    return True


def place_in(path: Path) -> bool:
    """Tell whether a journal has a place where its run goes on."""
    with closing(Journal(path)) as journal:
        return bool(journal.told("next"))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15
)
@given(
    st.lists(st.integers(0, 30), max_size=6),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_stopped_anywhere(
    memory: Scim, stops: list[int], is_forgetful: bool, is_delta: bool, is_csv: bool
) -> None:
    if not hasattr(memory.service, "paged"):
        memory.service.paged = paged(memory, PEOPLE)  # type: ignore[attr-defined]
    source, own = memory.service.paged  # type: ignore[attr-defined]
    own.is_forgetful = False
    form = table(source, is_delta) if is_csv else JSON_LINES
    whole = [one["id"] for one in exported(source, Query())]
    with tempfile.TemporaryDirectory() as name:
        out, state = Path(name, "out.jsonl"), Path(name, "state") if is_delta else None
        for stop in stops:
            if attempt(source, out, stop, state, form):
                break
            # A run that starts at its beginning would not ask for a place that is forgotten.
            journal = files.part_of(state) if state else files.journal_of(out)
            own.is_forgetful = is_forgetful and place_in(journal)
        else:
            assert attempt(source, out, 10_000, state, form)
        text = out.read_text()
        read = csv.DictReader(text.splitlines()) if is_csv else map(json.loads, text.splitlines())
        assert sorted(line["id"] for line in read) == sorted(whole)
        assert [path.name for path in Path(name).iterdir() if ".part" in path.name] == []


def test_it_goes_on_where_it_stopped(memory: Scim, tmp_path: Path) -> None:
    source, own = paged(memory, PEOPLE)
    out = tmp_path / "out.jsonl"
    # Head and its sync, then a write and a sync for each page: the fourth page is lost.
    assert not attempt(source, out, 8)
    assert own.asked == ["", "3", "6", "9"]
    own.asked.clear()
    assert attempt(source, out, 100)
    assert own.asked == ["9", "12", "15", "18"]


def test_a_place_that_the_lms_does_not_know_any_more(memory: Scim, tmp_path: Path) -> None:
    source, own = paged(memory, PEOPLE)
    out = tmp_path / "out.jsonl"
    assert not attempt(source, out, 8)
    own.asked.clear()
    own.is_forgetful = True
    assert attempt(source, out, 100)
    assert own.asked == ["9", "", "3", "6", "9", "12", "15", "18"]
    assert len(out.read_text().splitlines()) == PEOPLE


def test_an_old_place_is_not_trusted(
    memory: Scim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, own = paged(memory, PEOPLE)
    out = tmp_path / "out.jsonl"
    assert not attempt(source, out, 8)
    # Two of those that have been read are gone: what follows has moved up.
    for id in [one["id"] for one in exported(source, Query())][:2]:
        own.remove(id)
    monkeypatch.setattr(runs, "now", lambda: now() + timedelta(hours=1))
    assert attempt(source, out, 100)
    found = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert len(found) == len(set(found)) == PEOPLE
    assert {one["id"] for one in exported(source, Query())} <= set(found)


def test_a_failure_of_the_lms_is_no_reason_to_begin_anew(memory: Scim, tmp_path: Path) -> None:
    source, own = paged(memory, PEOPLE)
    out = tmp_path / "out.jsonl"
    assert not attempt(source, out, 8)

    def fail() -> None:
        raise ScimError(503, "Busy.")

    own.meanwhile = fail
    with pytest.raises(ScimError):
        attempt(source, out, 100)
    own.meanwhile = lambda: None
    own.asked.clear()
    assert attempt(source, out, 100)
    assert own.asked[0] == "9"


def test_who_slips_past_the_pages_is_not_taken_for_deleted(memory: Scim, tmp_path: Path) -> None:
    source, own = paged(memory, PEOPLE)
    out, state = tmp_path / "out.jsonl", tmp_path / "state"
    assert attempt(source, out, 100, state)
    first, *_ = (one["id"] for one in exported(source, Query()))
    numbers = count()

    def lose_one() -> None:
        # After the first page its first one goes: the next page begins one too late.
        if next(numbers) == 1:
            own.remove(first)

    own.meanwhile = lose_one
    assert attempt(source, out, 100, state)
    assert out.read_text() == ""
    assert attempt(source, out, 100, state)
    assert json.loads(out.read_text()) == {"op": "deleted", "id": first}


def test_a_journal_has_one_owner(tmp_path: Path) -> None:
    path = tmp_path / "out.part.journal"
    with (
        files.opened_journal(path, OURS),
        pytest.raises(JournalError, match="locked"),
        files.opened_journal(path, OURS),
    ):
        pass


def test_another_query_does_not_go_on(tmp_path: Path) -> None:
    path = tmp_path / "out.part.journal"
    with files.opened_journal(path, OURS):
        pass
    for other in (Identity("query", "other"), Identity("other", "shape")):
        with pytest.raises(JournalError, match="--restart"), files.opened_journal(path, other):
            pass
    with files.opened_journal(path, Identity("other", "shape"), restart=True):
        pass


def test_a_state_belongs_to_one_query(tmp_path: Path) -> None:
    state, part = tmp_path / "state", tmp_path / "state.part"
    with files.opened_journal(part, OURS) as journal:
        journal.become(state)
    with files.opened_journal(part, Identity("query", "another format"), older=state):
        pass
    files.forget(part)
    other = Identity("other", "shape")
    with (
        pytest.raises(JournalError, match="state of another query"),
        files.opened_journal(part, other, older=state),
    ):
        pass


@pytest.mark.parametrize("content", [b"", b"no SQLite file at all, but long enough" * 50])
def test_what_is_no_state(tmp_path: Path, content: bytes) -> None:
    state = tmp_path / "state"
    state.write_bytes(content)
    with pytest.raises(JournalError):
        Journal(tmp_path / "part", older=state)


def test_a_file_that_lost_what_was_written(memory: Scim, tmp_path: Path) -> None:
    source, _ = paged(memory, PEOPLE)
    out = tmp_path / "out.jsonl"
    assert not attempt(source, out, 8)
    files.part_of(out).write_bytes(b"")
    with pytest.raises(JournalError, match="lost"):
        attempt(source, out, 100)


def test_a_state_holds_no_values(memory: Scim, tmp_path: Path) -> None:
    source, _ = paged(memory, 3)
    state = tmp_path / "state"
    assert attempt(source, tmp_path / "out.jsonl", 100, state)
    content = state.read_bytes()
    assert b"name/givenName" in content
    for value in (b"user0", b"Ann", b"example.edu"):
        assert value not in content


def test_digests_of_the_same_differ_from_state_to_state(memory: Scim, tmp_path: Path) -> None:
    source, _ = paged(memory, 1)
    id = exported(source, Query())[0]["id"]
    found = []
    for number in range(2):
        state = tmp_path / f"state{number}"
        assert attempt(source, tmp_path / "out.jsonl", 100, state)
        with closing(Journal(older=state)) as journal:
            found.append(dict(journal.digests_before(id) or {}))
    assert found[0].keys() == found[1].keys()
    assert not set(found[0].values()) & set(found[1].values())


def test_a_stopped_output_is_no_export(memory: Scim, tmp_path: Path) -> None:
    source, _ = paged(memory, 1)
    assert not attempt(source, tmp_path / "out.jsonl", 0)
    assert not (tmp_path / "out.jsonl").exists()
