"""What holds for every page: strict, readable by everybody, safe with hostile values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gateway.console.pages import OPERATIONS, OUTCOMES
from gateway.guards.configuration import GuardSettings, Limit, Limits
from gateway.intents import ChangeRecord, Intent
from gateway.security import Security
from schemas import audit_event
from tests.gateway.console.visitor import HOSTILE, PAGES, Visitor, id_of, subjects
from tests.gateway.service import Scim, Service


@pytest.mark.parametrize("path", [*PAGES, "/sign-in"])
def test_every_page_is_strict_and_needs_no_script(service: Service, path: str) -> None:
    Scim(service, "moodle").add("ann")
    visitor = Visitor(service)
    if path != "/sign-in":
        visitor.sign_in()
    answer = visitor.get(path)
    policy = answer.headers["Content-Security-Policy"]
    for directive in ("default-src 'none'", "style-src 'self'", "form-action 'self'",
                      "frame-ancestors 'none'", "base-uri 'none'"):  # fmt: skip
        assert directive in policy
    assert "script" not in policy and "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type == "text/html; charset=utf-8"
    check_page(answer.text)


class Checker(HTMLParser):
    """Looks at what a page owes to those who cannot see it."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.labelled: set[str] = set()
        self.entries: set[str] = set()
        self.ids: list[str] = []
        self.referred: set[str] = set()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        assert tag not in ("script", "style", "iframe", "object"), tag
        assert "style" not in attributes, "an inline style"
        assert not [name for name in attributes if name.startswith("on")], attributes
        assert not attributes.get("href", "").startswith("javascript:")
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in ("aria-labelledby", "aria-describedby", "for"):
            self.referred.update(attributes.get(name, "").split())
        if tag == "label":
            self.labelled.add(attributes["for"])
        if tag == "select" or (tag == "input" and attributes.get("type") != "hidden"):
            self.entries.add(attributes["id"])
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")
        if tag == "html":
            assert attributes["lang"] == "en"


def check_page(html: str) -> None:
    checker = Checker()
    checker.feed(html)
    assert checker.levels[0] == 1 and checker.levels.count(1) == 1
    steps = zip(checker.levels, checker.levels[1:], strict=False)
    assert all(below - above <= 1 for above, below in steps), checker.levels
    assert checker.entries <= checker.labelled
    assert len(checker.ids) == len(set(checker.ids)), checker.ids
    assert checker.referred <= set(checker.ids), checker.referred - set(checker.ids)
    for landmark in ("header", "main", "footer", "title"):
        assert checker.tags.count(landmark) == 1
    assert 'href="#main"' in html and 'id="main"' in html


def test_hostile_values_are_text(service: Service, auditor: Visitor) -> None:
    change = ChangeRecord(HOSTILE, HOSTILE, "replace", HOSTILE, HOSTILE)
    intent = Intent(
        "memory", "patch", "User", HOSTILE, HOSTILE, (change,), (HOSTILE,), HOSTILE, HOSTILE,
        HOSTILE, HOSTILE, HOSTILE,
    )  # fmt: skip
    service.app.extensions["matricula"]["audit"].record(intent, "failed", detail=HOSTILE)
    for path, query in (
        ("/", {}),
        ("/events", {}),
        ("/events", {"filter": HOSTILE, "actor": HOSTILE, "attribute": HOSTILE}),
        ("/timeline", {"login": HOSTILE, "as_of": "2100-01-01T00:00"}),
        ("/timeline", {"target": "memory", "id": HOSTILE, "type": "User"}),
        ("/timeline", {"login": HOSTILE, "from": HOSTILE}),
        ("/accounts", {"q": HOSTILE}),
        ("/targets/" + HOSTILE, {}),
        ("/sign-in", {"next": HOSTILE}),
    ):
        answer = auditor.get(path, **query)
        assert answer.status_code in (200, 303, 400, 404)
        assert "<script" not in answer.text and "<img" not in answer.text
        if answer.status_code != 303:
            check_page(answer.text)
    assert "<script>alert('x')</script>" in auditor.text("/events")


def test_errors_are_pages(auditor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("/nowhere", "/targets/nowhere", "/scim/v2/Users"):
        answer = auditor.get(path)
        assert answer.status_code == 404
        assert "<h1>Not found</h1>" in answer.text
    for path in ("/events?page=0", "/events?page=x", "/timeline?login=a&from=yesterday",
                 "/timeline?login=a&as_of=soon", "/timeline?login=%00", "/accounts?q=%00",
                 "/timeline/download?format=csv", "/events/download?format=pdf",
                 "/accounts?q=" + "x" * 201):  # fmt: skip
        assert auditor.get(path).status_code == 400, path

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret details")

    monkeypatch.setattr(auditor.service.app.extensions["matricula"]["audit"], "search", broken,
                        raising=True)  # fmt: skip
    answer = auditor.get("/events")
    assert answer.status_code == 500
    assert "secret details" not in answer.text
    check_page(answer.text)


def test_every_operation_and_outcome_has_a_word() -> None:
    assert set(OPERATIONS) == set(audit_event.OPERATIONS)
    assert set(OUTCOMES) == set(audit_event.OUTCOMES)


def test_the_style_sheet_is_open_to_all(visitor: Visitor) -> None:
    for name, kind in (("console.css", "text/css"), ("icon.svg", "image/svg+xml")):
        answer = visitor.download(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.content_type.startswith(kind)
    templates = Path(visitor.service.app.blueprints["console"].root_path) / "templates"
    assert all("|safe" not in file.read_text().replace(" ", "") for file in templates.iterdir())


def test_only_the_search_calls_an_lms(service: Service, auditor: Visitor) -> None:
    Scim(service, "moodle").add("ann")
    auditor.get("/")
    service.forget()
    for path in PAGES:
        if "q=" not in path:
            auditor.get(path)
    assert service.calls == 0


def test_a_token_shows_its_targets_only(ann: Scim, make_visitor: Callable[..., Visitor]) -> None:
    visitor = make_visitor("audit:read", "users:read", targets=("canvas",))
    for path in ("/", "/events", "/timeline?login=ann", "/accounts?q=ann"):
        answer = visitor.get(path)
        assert "moodle" not in answer.text, path
        assert "canvas" in answer.text
    assert visitor.get("/targets/moodle").status_code == 404
    assert visitor.get("/targets/canvas").status_code == 200
    id = id_of(ann)
    for query in ({"login": "ann.doe"}, {"target": "moodle", "id": id}):
        answer = visitor.get("/timeline", as_of="2100-01-01T00:00", **query)
        assert subjects(answer) == []
        assert "E-1" not in answer.text
    for filter in ('target eq "moodle"', 'target eq "canvas" or target eq "moodle"', "id pr"):
        lines = visitor.download("/events/download", format="jsonl", filter=filter).text
        assert {json.loads(line)["target"] for line in lines.splitlines()} <= {"canvas"}
    lines = visitor.download("/timeline/download", format="jsonl", target="moodle", id=id).text
    assert lines == ""


def test_the_limit_of_requests_holds_for_pages(make: Callable[..., Service]) -> None:
    visitor = Visitor(make(security=Security(requests_per_minute=3))).sign_in()
    assert [visitor.get("/accounts").status_code for _ in range(3)] == [200, 200, 429]
    assert visitor.download("/static/console.css").status_code == 200
    answer = visitor.get("/accounts")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    check_page(answer.text)


@pytest.mark.parametrize(
    ("mode", "said"), [("live", ""), ("shadow", "only planned"), ("paused", "nothing is written")]
)
def test_what_is_not_written_to_is_said(make: Callable[..., Service], mode: str, said: str) -> None:
    visitor = Visitor(make("moodle", moodle_policies={"mode": mode})).sign_in()
    for page in ("/", "/targets/moodle"):
        shown = visitor.get(page).text
        check_page(shown)
        assert said in shown
        assert ("Paused" in shown) is (mode == "paused")


def test_labels_and_what_is_stopped_are_shown(make: Callable[..., Service]) -> None:
    guard = GuardSettings(60.0, {"disable": Limits(Limit(0))})
    policies = {"label": "Moodle of <Arts>", "color": "violet", "guard": guard}
    service = make("moodle", moodle_policies=policies)
    scim = Scim(service, "moodle")
    id = scim.add("ann")
    assert scim.post(f"/Users/{id}/.disable").status_code == 429
    visitor = Visitor(service).sign_in()
    page = visitor.get("/").text
    assert "disable on Moodle of &lt;Arts&gt;, stopped by its guard" in page
    assert "matricula guard release moodle disable" in page
    for path in ("/targets/moodle", "/timeline?login=ann", "/accounts?q=ann"):
        answer = visitor.get(path)
        assert '<span class="mark violet"></span>Moodle of &lt;Arts&gt;' in answer.text, path
        check_page(answer.text)
    assert "Moodle of <Arts>" in visitor.download("/events/download", format="csv").text


@pytest.mark.parametrize("page", ["/events", "/timeline?login=ann"])
@pytest.mark.parametrize("name", ["endpoint", "_scheme", "_external", "_anchor", "_method"])
def test_a_parameter_of_any_name_is_only_a_parameter(
    ann: Scim, auditor: Visitor, page: str, name: str
) -> None:
    answer = auditor.get(f"{page}{'&' if '?' in page else '?'}{name}=javascript")
    assert answer.status_code == 200
    assert "javascript:" not in answer.text
    assert f"{name}=javascript" in answer.text
