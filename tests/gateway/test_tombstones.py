"""Tombstones: put up, found by id and login, taken away."""

from __future__ import annotations

import pytest

from gateway.database import Database
from gateway.intents import Intent
from gateway.tombstones import Tombstones
from tests.gateway.service import audit_keys, audit_log


def test_a_tombstone_stands_until_it_is_taken_away(database: Database) -> None:
    tombstones = Tombstones(database, audit_keys(database).digest)
    tombstones.add("moodle", "User", "7", "Ann@Example.edu")
    tombstones.add("moodle", "User", "7", "Ann@Example.edu")
    assert tombstones.has("moodle", "User", "7")
    assert not tombstones.has("canvas", "User", "7")
    assert not tombstones.has("moodle", "Group", "7")
    tombstones.remove("moodle", "User", "7")
    tombstones.remove("moodle", "User", "7")
    assert not tombstones.has("moodle", "User", "7")


def test_lists(database: Database) -> None:
    tombstones = Tombstones(database, audit_keys(database).digest)
    for id in ("1", "2", "1999"):
        tombstones.add("moodle", "User", id, None)
    tombstones.add("moodle", "Group", "3", None)
    assert tombstones.all("moodle", "User") == {"1", "2", "1999"}
    assert tombstones.among("moodle", "User", map(str, range(2, 2500))) == {"2", "1999"}
    assert tombstones.among("moodle", "User", []) == set()


def test_the_newest_with_a_login(database: Database) -> None:
    tombstones = Tombstones(database, audit_keys(database).digest)
    tombstones.add("moodle", "User", "1", "STRASSE")
    tombstones.add("moodle", "User", "2", "straße")
    assert tombstones.by_login("moodle", "User", "Straße") == "2"
    assert tombstones.by_login("moodle", "User", "strase") is None
    assert tombstones.by_login("canvas", "User", "Straße") is None


def test_what_another_process_puts_up_or_takes_away_is_seen(database: Database, url: str) -> None:
    other = Database(url)
    ours, theirs = (
        Tombstones(database, audit_keys(database).digest),
        Tombstones(other, audit_keys(other).digest),
    )
    assert not ours.has("moodle", "User", "1")
    theirs.add("moodle", "User", "1", None)
    assert ours.has("moodle", "User", "1")
    theirs.remove("moodle", "User", "1")
    assert not ours.has("moodle", "User", "1")
    ours.add("moodle", "User", "2", None)
    assert theirs.all("moodle", "User") == {"2"}
    theirs.clear("moodle")
    assert not ours.all("moodle", "User")
    other.close()


def test_what_is_known_is_read_again_only_when_a_tombstone_changes(database: Database) -> None:
    if database.generation() is None:
        pytest.skip("PostgreSQL is asked every time.")
    tombstones, before = Tombstones(database, audit_keys(database).digest), database.generation()
    audit_log(database).begin(Intent("moodle", "patch", "User"))
    assert database.generation() == before
    tombstones.add("moodle", "User", "1", None)
    assert database.generation() != before
