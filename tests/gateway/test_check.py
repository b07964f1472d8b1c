"""`matricula check`: every target is checked, whatever happens to the others."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier

import pytest
from click.testing import CliRunner, Result

from connectors.base import Connector, Finding, Options
from gateway.cli import main
from gateway.targets import CONNECTORS

TOGETHER = Barrier(2, timeout=20)


class Dummy(Connector):
    """A connector whose check finds what its own configuration says."""

    closed: list[str] = []

    def __init__(self, options: Options) -> None:
        self.collections = {}
        self._name, self._more = options.name, options.more

    def check(self) -> Iterator[Finding]:
        yield Finding("ok", f"{self._name} is there.")
        if self._more.get("waits"):
            TOGETHER.wait()
        if self._more.get("breaks"):
            raise LookupError("a secret value")
        if level := self._more.get("level"):
            yield Finding(str(level), "Something is off.", "Write this = 1")

    def close(self) -> None:
        self.closed.append(self._name)


@pytest.fixture(autouse=True)
def dummies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONNECTORS, "dummy", Dummy)
    monkeypatch.setattr(Dummy, "closed", [])


def configured(folder: Path, **targets: str) -> Path:
    path = folder / "matricula.toml"
    lines = [f'[targets.{name}]\nconnector = "dummy"\n{more}\n' for name, more in targets.items()]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments, "--config", str(config)])


def test_a_check_that_breaks_off_keeps_no_other_from_being_made(tmp_path: Path) -> None:
    config = configured(tmp_path, one="breaks = true", two="", three='level = "warning"')
    result = run(config)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "one: ok: one is there."
    assert lines[1].startswith("one: error: The check broke off: LookupError in test_check.py")
    assert lines[2:] == [
        "two: ok: two is there.",
        "three: ok: three is there.",
        "three: warning: Something is off. Write this = 1.",
    ]
    assert "secret" not in result.output
    assert sorted(Dummy.closed) == ["one", "three", "two"]


@pytest.mark.parametrize(("level", "code"), [("ok", 0), ("warning", 0), ("error", 1)])
def test_only_an_error_is_a_failure(tmp_path: Path, level: str, code: int) -> None:
    config = configured(tmp_path, one=f'level = "{level}"')
    assert run(config).exit_code == code
    result = run(config, "one", "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout) == {
        "one": [
            {"level": "ok", "text": "one is there.", "cure": ""},
            {"level": level, "text": "Something is off.", "cure": "Write this = 1"},
        ]
    }


def test_targets_are_checked_side_by_side(tmp_path: Path) -> None:
    config = configured(tmp_path, one="waits = true", two="waits = true")
    assert run(config).exit_code == 0


def test_the_memory_is_checked_as_well_and_a_terminal_gets_a_table(tmp_path: Path) -> None:
    config = tmp_path / "matricula.toml"
    config.write_text('[targets.demo]\nconnector = "memory"\n', encoding="utf-8")
    main_end, other_end = pty.openpty()
    try:
        command = [sys.executable, "-m", "gateway.cli", "check", "--config", str(config)]
        subprocess.run(
            command, stdout=other_end, check=True, timeout=60, env=os.environ | {"COLUMNS": "100"}
        )
        shown = os.read(main_end, 10_000).decode()
    finally:
        os.close(main_end)
        os.close(other_end)
    for word in ("Target", "What to do", "demo", "Nothing to check."):
        assert word in shown
    assert "demo: ok:" not in shown
