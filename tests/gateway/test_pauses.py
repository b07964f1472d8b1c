"""Targets that somebody pauses: nothing is written to them, by any process, until they go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.database import Database
from gateway.intents import Intent
from gateway.pauses import Pauses
from gateway.services import Services
from schemas.errors import ScimError
from tests.gateway.jobs.office import make_office
from tests.gateway.service import Scim, Service, audit_log, make_service, person
from tests.gateway.sync.site import Site

BY = Intent("", "", "Target", actor="tester")


def services_of(service: Service) -> Services:
    services: Services = service.app.extensions["matricula"]["services"]
    return services


def test_a_pause_holds_for_every_process_at_once(tmp_path: Path) -> None:
    service = make_service(tmp_path, ["moodle", "memory"])
    other = make_service(tmp_path, ["moodle", "memory"], moodle=service.moodle)
    scim, again = Scim(service, "moodle"), Scim(other, "moodle")
    scim.add("ann")
    services_of(other).pauses.pause("moodle", BY)
    for one in (scim, again):
        refused = one.post("/Users", person("bob"))
        assert (refused.status_code, int(refused.headers["Retry-After"])) == (503, 300)
        assert one.event["outcome"] == "failed"
        assert "ann" in one.logins()
    assert scim.post("/Users?dryRun=true", person("bob")).status_code == 200
    Scim(service, "memory").add("cid")
    services_of(service).pauses.resume("moodle", BY)
    assert again.add("bob")
    found = [e for e in service.events if e["resourceType"] == "Target"]
    assert [(e["operation"], e["target"], e["actor"]) for e in found] == [
        ("pause", "moodle", "tester"),
        ("resume", "moodle", "tester"),
    ]


def test_it_is_kept_once(database: Database) -> None:
    pauses, other = (Pauses(database, audit_log(database)) for _ in range(2))
    assert pauses.since("moodle") is None
    pauses.pause("moodle", BY)
    assert other.since("moodle") is not None
    assert other.since("canvas") is None
    with pytest.raises(ScimError, match="moodle is paused already"):
        other.pause("moodle", BY)
    other.resume("moodle", BY)
    assert pauses.since("moodle") is None
    with pytest.raises(ScimError, match="moodle is not paused"):
        pauses.resume("moodle", BY)


def test_a_plan_is_not_applied_meanwhile(tmp_path: Path) -> None:
    site = Site(make_service(tmp_path, ["moodle"]), "moodle")
    records = [{"userName": "ann", "name.given": "A", "name.family": "B", "contact.email": "a@b.c"}]
    site.plan(records)
    site.services.pauses.pause("moodle", BY)
    with pytest.raises(ScimError, match="moodle is in paused mode"):
        site.apply()
    site.services.pauses.resume("moodle", BY)
    assert site.apply().exit_code == 0


def test_a_job_only_plans_meanwhile(tmp_path: Path) -> None:
    job = {"sync": "moodle", "file": "people.csv", "apply": True}
    office = make_office(tmp_path, {"people": job})
    office.write("people.csv", "ann")
    office.services.pauses.pause("moodle", BY)
    run = office.done("people")
    assert (run["state"], run["detail"]) == (
        *("planned", "moodle is in paused mode: nothing is written."),
    )
    office.services.pauses.resume("moodle", BY)
    assert office.done("people", "apply")["state"] == "done"


def test_the_commands(tmp_path: Path) -> None:
    config = tmp_path / "matricula.toml"
    config.write_text('[targets.one]\nconnector = "memory"\nlabel = "First"\n')

    def typed(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["targets", *words, "--config", str(config)])
        return result.exit_code, result.output

    assert typed("list") == (0, "one: memory; live\n")
    assert typed("pause", "one") == (0, "Paused: one.\n")
    assert typed("list") == (0, "one: memory; paused\n")
    assert typed("pause", "one") == (1, "Error: one is paused already.\n")
    assert '"mode": "paused"' in typed("list", "--json")[1]
    assert typed("resume", "one") == (0, "Resumed: one.\n")
    assert typed("resume", "one") == (1, "Error: one is not paused.\n")
    assert typed("pause", "two")[0] == 1
