"""Exports in the forms that streams have, too."""

from __future__ import annotations

import io
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from gateway.audit_commands import audit
from gateway.commands import ledger_of
from gateway.exports import write_ocsf, write_sets
from gateway.intents import ChangeRecord, Intent
from tests.gateway.streams.ledger import PUBLIC_URL, event

EVENTS = [event(1), event(2, outcome="refused"), event(3, "authenticate", resourceType="Token")]


def test_ocsf_has_every_event() -> None:
    stream = io.StringIO()
    write_ocsf(iter(EVENTS), stream)
    lines = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["class_uid"] for line in lines] == [3001, 3001, 3002]


def test_sets_have_what_is_provisioning() -> None:
    stream = io.StringIO()
    write_sets(iter(EVENTS), stream, PUBLIC_URL)
    (line,) = stream.getvalue().splitlines()
    said = orjson.loads(line)
    assert (said["jti"], said["txn"]) == ("event:1", "request-1")
    assert said["iss"] == f"{PUBLIC_URL}/moodle/scim/v2"


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("jsonl", {"operation": "patch"}),
        ("ocsf", {"type_uid": 300105}),
        ("set", {"iss": "https://scim.example.edu/moodle/scim/v2"}),
    ],
)
def test_the_command_writes_each_form(tmp_path: Path, form: str, shown: dict[str, object]) -> None:
    config = tmp_path / "matricula.toml"
    config.write_text(f'[server]\npublic_url = "{PUBLIC_URL}"\n', encoding="utf-8")
    changes = (ChangeRecord("active", "suspended", "replace", "true", "false"),)
    with ledger_of(config) as ledger:
        intent = Intent("moodle", "patch", "User", "7", login="ann", changes=changes)
        ledger.audit.record(intent, "success", status=200)
    arguments = ["export", "--format", form, "--config", str(config)]
    result = CliRunner().invoke(audit, arguments)
    assert result.exit_code == 0, result.output
    first = orjson.loads(result.stdout.splitlines()[0])
    assert shown.items() <= first.items()
