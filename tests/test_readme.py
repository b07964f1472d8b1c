"""The README is true: its matrix is the generated one, its commands and examples work.

`make readme` brings the matrix up to date.
"""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path
from socket import create_server

import click
import pytest

from gateway import cli, matrix
from gateway.settings import parse
from gateway.targets import make_targets

README = Path(__file__).parents[1] / "README.md"
ATTRIBUTES = README.parent / "docs" / "attributes.md"
_MATRIX = re.compile(r"(<!-- matrix -->\n).*?(<!-- /matrix -->)", re.DOTALL)


def with_matrix(text: str, table: str) -> str:
    """Return a document with a generated table in its place."""
    return _MATRIX.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text)


def tables() -> dict[Path, str]:
    """Return the generated tables: what each target does, and every attribute of each LMS."""
    with matrix.all_connectors() as connectors:
        lms = {name: each for name, each in connectors.items() if each.lasting}
        rows = [row for name in lms for row in matrix.rows(matrix.of_connectors(name))]
        return {README: matrix.summary(lms), ATTRIBUTES: matrix.as_text(rows)}


def blocks(language: str) -> list[str]:
    """Return the README's code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def commands() -> list[str]:
    lines = (line for block in blocks("console") for line in block.splitlines())
    return [line.partition("  #")[0] for line in lines if line.startswith("matricula ")]


def test_the_support_matrix_is_the_generated_one() -> None:
    for path, table in tables().items():
        text = path.read_text(encoding="utf-8")
        assert with_matrix(text, table) == text, "run `make readme`"


@pytest.mark.parametrize("line", commands())
def test_every_command_line_is_one_that_the_program_takes(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in (
        *("matricula.toml", "matricula.pub", "log.sealed", "checkpoints"),
        *("people.csv", "people.plan"),
    ):
        (tmp_path / file).touch()
    command: click.Command = cli.main
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.commands.get(name)
        assert found is not None, name
        command = found
    command.make_context(command.name, words)


def test_the_make_targets_exist() -> None:
    makefile = README.with_name("Makefile").read_text(encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_configuration_makes_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r"\$\{(\w+)\}", blocks("toml")[0]):
        monkeypatch.setenv(name, "of the environment")
    (block,) = blocks("toml")
    settings = parse(tomllib.loads(block), tmp_path)
    target = make_targets(settings)["moodle"]
    held = target.collection("Users").mapping.resource_type
    lms = next(e for e in held.extensions if "lms" in e.urn)
    assert lms.find("studentId") is not None
    assert target.settings.options.token == "of the environment"
    target.connector.close()


def test_the_first_use_with_curl_works(tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("curl and bash are not on this machine")
    with create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (block,) = blocks("bash")
    command = [sys.executable, "-m", "gateway.cli", "demo", "--port", str(port)]
    command += ["--token", "readme-token", "--data", str(tmp_path)]
    demo = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        script = "set -euo pipefail\nTOKEN=readme-token\n" + block.replace("8080", str(port))
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait(timeout=30)
    assert done.returncode == 0, done.stderr
    assert '"totalResults"' in done.stdout
    assert "core_user_get_users" in done.stdout
    assert '"userName":"bjensen"' in done.stdout
    assert '"password"' in done.stdout
    assert '"operation":"disable"' in done.stdout
    assert '"login":"ada.new"' in done.stdout
    assert '"state":"waiting","phase":"apply"' in done.stdout


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the demo does not answer")


if __name__ == "__main__":
    for path, table in tables().items():
        path.write_text(with_matrix(path.read_text(encoding="utf-8"), table), encoding="utf-8")
