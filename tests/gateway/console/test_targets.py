"""The page of a target: pausing it, letting it go on, and having its set-up checked."""

from __future__ import annotations

from collections.abc import Callable

from tests.gateway.console.visitor import Visitor
from tests.gateway.service import Scim, Service, person


def test_a_target_is_paused_and_goes_on(service: Service, auditor: Visitor) -> None:
    scim = Scim(service, "moodle")
    answer = auditor.press("/targets/moodle", "Pause")
    assert (answer.status_code, answer.location) == (303, "/console/targets/moodle")
    for page in ("/targets/moodle", "/"):
        assert "Paused: nothing is written to it." in auditor.text(page)
    assert scim.post("/Users", person("ann")).status_code == 503
    assert auditor.post("/targets/moodle/pause").status_code == 409
    auditor.press("/targets/moodle", "Resume")
    assert "Paused" not in auditor.text("/targets/moodle")
    assert scim.add("ann")
    found = [e for e in service.events if e["resourceType"] == "Target"]
    assert [(e["operation"], e["actor"], e["target"]) for e in found] == [
        ("pause", "tester", "moodle"),
        ("resume", "tester", "moodle"),
    ]
    assert auditor.post("/targets/moodle/resume").status_code == 409


def test_the_set_up_is_checked(make: Callable[..., Service]) -> None:
    visitor = Visitor(make("moodle")).sign_in()
    found = visitor.press("/targets/moodle", "Check the set-up")
    assert "What the check has found" in found.text
    assert "Good" in found.text
    wrong = Visitor(make("moodle", moodle_options={"token": "wrong"})).sign_in()
    assert "Error" in wrong.press("/targets/moodle", "Check the set-up").text
    assert "What the check has found" not in visitor.text("/targets/moodle")


def test_who_may_ask(service: Service, make_visitor: Callable[..., Visitor]) -> None:
    reader = make_visitor("audit:read", targets=["moodle"])
    assert "Pause" not in reader.text("/targets/moodle")
    for asked in ("pause", "resume", "check"):
        assert reader.post(f"/targets/moodle/{asked}").status_code == 403
        assert reader.post(f"/targets/canvas/{asked}").status_code == 404
        assert reader.post(f"/targets/moodle/{asked}", form="forged").status_code == 403
    operator = make_visitor("audit:read", "targets:write", targets=["moodle"])
    assert operator.post("/targets/moodle/pause").status_code == 303
    assert [e["outcome"] for e in service.events if e["resourceType"] == "Target"] == ["success"]
