"""The commands of streams: what they show, and what they let happen again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.database import Database
from gateway.streams.commands import streams
from gateway.streams.deliveries import Deliveries, Failure
from tests.gateway.streams.ledger import Ledger, event

SECRET = "hush-4711-hush"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a configuration whose stream has delivered one event, waits with one, gave one up."""
    monkeypatch.setenv("SIEM", SECRET)
    path = tmp_path / "matricula.toml"
    path.write_text(
        f'[streams.siem]\nkind = "webhook"\nformat = "ocsf"\nsecret = "${{SIEM}}"\n'
        f'url = "https://siem.example.edu/{SECRET}"\n',
        encoding="utf-8",
    )
    with database_of(path) as deliveries:
        ledger = Ledger(event(1), event(2, resourceId="8"), event(3))
        deliveries.take(ledger.feed, lambda event: True)
        deliveries.settle([0], [Failure(1, "The receiver answered with status 400.")])
    return path


class database_of:
    """The deliveries of the stream, in the database beside the configuration."""

    def __init__(self, config: Path) -> None:
        self.database = Database(f"sqlite:///{config.parent / 'matricula.db'}")

    def __enter__(self) -> Deliveries:
        self.database.migrate()
        return Deliveries(self.database, "siem")

    def __exit__(self, *_: object) -> None:
        self.database.close()


def run(config: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(streams, [*arguments, "--config", str(config)])
    assert SECRET not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_list(config: Path) -> None:
    said = run(config, "list").stdout
    assert said == "siem: webhook of ocsf, position 2, pending 1, dead 1\n"
    (row,) = json.loads(run(config, "list", "--json").stdout)
    assert (row["name"], row["position"], row["pending"], row["dead"]) == ("siem", 2, 1, 1)


def test_dead(config: Path) -> None:
    said = run(config, "dead", "siem").stdout
    assert "leaf 1 moodle/User/8: 1 tries; The receiver answered with status 400." in said
    (row,) = json.loads(run(config, "dead", "siem", "--json").stdout)
    assert (row["leaf"], row["subject"], row["attempts"]) == (1, "moodle/User/8", 1)


def test_replay_of_the_dead(config: Path) -> None:
    assert run(config, "replay", "siem", "--dead").stdout == "To be tried again: 1.\n"
    with database_of(config) as deliveries:
        assert [d.leaf for d in deliveries.due()] == [1, 2]


def test_replay_from_a_leaf(config: Path) -> None:
    assert "begins again with leaf 0" in run(config, "replay", "siem", "--from", "0").stdout
    with database_of(config) as deliveries:
        assert (deliveries.position(), deliveries.counts()) == (-1, (0, 0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("replay", "siem"), "Say either"),
        (("replay", "siem", "--dead", "--from", "1"), "Say either"),
        (("replay", "siem", "--from", "-1"), "x>=0"),
        (("replay", "siem", "--from", "3"), "has not come as far as leaf 3"),
        (("replay", "other", "--dead"), "No such stream: other. Known: siem."),
        (("dead", "other"), "No such stream"),
    ],
)
def test_refusals(config: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(config, *arguments)
    assert result.exit_code != 0
    assert said in result.stderr
