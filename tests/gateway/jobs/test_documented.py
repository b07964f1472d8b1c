"""What is answered of jobs is what the OpenAPI document of the target says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.gateway.jobs.office import make_office
from tests.gateway.test_openapi import expect_fit


def test_answers_fit(tmp_path: Path) -> None:
    job = {"sync": "moodle", "file": "people.csv", "schedule": "0 3 * * *"}
    office = make_office(tmp_path, {"people": job, "other": {"export": "moodle", "out": "o.csv"}})
    document = office.service.client.get(f"{office.scim.base}/openapi.json").json

    def fits(method: str, template: str, status: int, body: Any = None, **more: Any) -> None:
        path = template.replace("{id}", more.pop("id", "people"))
        answer = office.scim.send(method, path, body, **more)
        assert answer.status_code == status, answer.text
        expect_fit(document, template, answer)

    fits("GET", "/Jobs", 200)
    fits("GET", "/Jobs/{id}", 404, id="nobody's")
    fits("POST", "/Jobs/{id}/.run", 202)
    fits("POST", "/Jobs/{id}/.run", 409)
    fits("GET", "/JobRuns/{id}", 200, id="1")
    assert office.work() == 1
    # The file is not there yet.
    fits("GET", "/JobRuns", 200, query_string={"filter": "failures gt 0"})
    office.write("people.csv", "ann", "")
    fits("POST", "/Jobs/{id}/.retry", 202)
    assert office.work() == 1
    fits("GET", "/JobRuns/{id}/.plan", 200, id="1", query_string={"kind": "create", "count": 1})
    fits("GET", "/JobRuns/{id}/.plan", 404, id="2")
    fits("GET", "/JobRuns/{id}/.plan", 400, id="1", query_string={"kind": "all"})
    fits("POST", "/Jobs/{id}/.apply", 400, {"run": 1})
    fits("POST", "/Jobs/{id}/.apply", 202, {"run": "1"})
    assert office.work() == 1
    for path, body in (("/Jobs/.search", {}), ("/JobRuns/.search", {"filter": "totals pr"})):
        fits("POST", path, 200, body)
    fits("GET", "/JobRuns/{id}", 200, id="1")
    fits("POST", "/Jobs/{id}/.pause", 200)
    fits("POST", "/Jobs/{id}/.pause", 409)
    fits("GET", "/Jobs/{id}", 200)
    fits("POST", "/Jobs/{id}/.resume", 200)
