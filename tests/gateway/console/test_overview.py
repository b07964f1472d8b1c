"""The overview and the page of a target: health, what each holds, the newest events."""

from __future__ import annotations

from collections.abc import Callable

from gateway.health import READY_SECONDS
from tests.gateway.console.visitor import Visitor
from tests.gateway.service import TARGETS, Scim, Service


def test_the_overview(service: Service, auditor: Visitor) -> None:
    Scim(service, "moodle").add("ann")
    text = auditor.text("/")
    for name in TARGETS:
        assert name in text
    assert "Answers" in text
    assert "Roles 3 attributes, read only" in text
    assert "moodle Create ann" in text


def test_the_lms_is_asked_as_rarely_as_by_ready(service: Service, auditor: Visitor) -> None:
    service.client.get("/ready")
    service.forget()
    auditor.get("/")
    auditor.get("/")
    assert service.calls == 0
    assert READY_SECONDS == 10


def test_a_target_that_does_not_answer_is_told(make: Callable[..., Service]) -> None:
    visitor = Visitor(make(moodle_options={"token": "wrong"})).sign_in()
    assert "Does not answer" in visitor.text("/")
    assert "Does not answer" in visitor.text("/targets/moodle")
    assert "Does not answer" not in visitor.text("/targets/memory")


def test_the_page_of_a_target_has_its_matrix(auditor: Visitor) -> None:
    text = auditor.text("/targets/moodle")
    assert "User: what it holds" in text
    assert "idnumber" in text and "eq co sw ew" in text
