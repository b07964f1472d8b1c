"""The console over HTTP: who gets in, what each page shows, and to whom."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.audit import ChangeRecord, Intent
from gateway.console.moments import State, state_at
from gateway.console.pages import OPERATIONS, OUTCOMES, SIZE
from gateway.console.sessions import COOKIE, SECONDS
from gateway.database import now
from gateway.health import READY_SECONDS
from gateway.security import Security
from schemas import audit_event
from tests.gateway.service import TARGETS, TOKEN, Scim, Service

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=y>"
PAGES = (
    *("/", "/accounts", "/accounts?q=ann", "/timeline", "/timeline?login=ann", "/events"),
    *("/timeline?login=ann&as_of=2100-01-01T00:00", "/events?filter=nonsense", "/nowhere"),
    *("/targets/moodle", "/targets/nowhere"),
)


class Visitor:
    """A browser without JavaScript: it keeps cookies and posts the forms that it was given."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.client: FlaskClient = service.app.test_client()

    def get(self, path: str, **query: str) -> TestResponse:
        return self.client.get(f"/console{path}", query_string=query or None)

    def text(self, path: str, **query: str) -> str:
        """Return the words of a page that must be there."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return words(answer.text)

    def post(self, path: str, **fields: str) -> TestResponse:
        page = self.get("/sign-in", next="/console/x")
        if page.status_code != 200:
            page = self.get("/timeline")
        form = re.search(r'name="form" value="([^"]+)"', page.text)
        assert form is not None
        return self.client.post(f"/console{path}", data={"form": form[1], **fields})

    def sign_in(self, token: str = TOKEN) -> Visitor:
        answer = self.post("/sign-in", token=token)
        assert answer.status_code == 303, answer.text
        return self

    def download(self, path: str, **query: str) -> TestResponse:
        answer = self.client.get(f"/console{path}", query_string=query)
        answer.get_data()
        answer.close()
        return answer


def words(html: str) -> str:
    """Return the text of a page, its white space made single spaces."""

    class Text(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.parts: list[str] = []

        def handle_data(self, data: str) -> None:
            self.parts.append(data)

    parser = Text()
    parser.feed(html)
    return " ".join("".join(parser.parts).split())


def subjects(answer: TestResponse) -> list[str]:
    """Return the headings of the events that a page lists."""
    found = re.findall(r'<h3 id="title-\d+">(.*?)</h3>', answer.text, re.S)
    return [words(heading) for heading in found]


@pytest.fixture
def visitor(service: Service) -> Visitor:
    return Visitor(service)


@pytest.fixture
def auditor(visitor: Visitor) -> Visitor:
    return visitor.sign_in()


@pytest.fixture
def make_visitor(service: Service) -> Callable[..., Visitor]:
    """Give what signs in with a new token of some scopes on some targets."""

    def signed_in(*scopes: str, targets: tuple[str, ...] = ("all",)) -> Visitor:
        return Visitor(service).sign_in(service.tokens.create("limited", targets, scopes))

    return signed_in


def events_of_sign_ins(service: Service) -> list[dict[str, Any]]:
    return [event for event in service.events if event["operation"] == "authenticate"]


# Signing in and out


@pytest.mark.parametrize("path", PAGES[:9])
def test_strangers_are_led_to_the_sign_in(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    if path == "/nowhere":
        assert answer.status_code == 404
        return
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/console/sign-in?next=/console/")


def test_the_page_that_was_wanted_follows_the_sign_in(visitor: Visitor) -> None:
    wanted = "/console/timeline?login=a%26b"
    answer = visitor.post("/sign-in", token=TOKEN, next=wanted)
    assert answer.headers["Location"] == wanted
    assert visitor.get("/sign-in").headers["Location"] == "/console/"


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.test/", "//evil.test/console/", "/console/\\evil", "/console//evil.test",
     "/elsewhere", "javascript:alert(1)"],
)  # fmt: skip
def test_no_sign_in_leads_elsewhere(visitor: Visitor, wanted: str) -> None:
    answer = visitor.post("/sign-in", token=TOKEN, next=wanted)
    assert answer.headers["Location"] == "/console/"


def test_the_cookie_holds_no_token_and_is_kept_from_others(visitor: Visitor) -> None:
    answer = visitor.post("/sign-in", token=TOKEN)
    cookie = answer.headers["Set-Cookie"]
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/console/", f"Max-Age={SECONDS}"):
        assert attribute in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie and "tester" not in cookie


def test_the_cookie_is_secure_over_https(visitor: Visitor) -> None:
    answer = visitor.client.get("/console/sign-in", base_url="https://gateway.test")
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_a_good_sign_in_is_an_event(service: Service, auditor: Visitor) -> None:
    (event,) = events_of_sign_ins(service)
    assert (event["outcome"], event["status"]) == ("success", 200)
    assert (event["actor"], event["target"]) == ("tester", "console")


@pytest.mark.parametrize("token", ["a-wrong-token", "mtr_abcdefgh_" + "x" * 43, "short"])
def test_a_wrong_token_is_refused_and_recorded(visitor: Visitor, token: str) -> None:
    answer = visitor.post("/sign-in", token=token)
    assert answer.status_code == 401
    assert "unknown, has expired or was revoked" in words(answer.text)
    assert token not in answer.text
    (event,) = events_of_sign_ins(visitor.service)
    assert (event["outcome"], event["status"], event["target"]) == ("refused", 401, "console")
    assert visitor.get("/").status_code == 303


def test_no_token_is_not_a_guess(visitor: Visitor) -> None:
    assert visitor.post("/sign-in", token=" ").status_code == 400
    assert visitor.service.events == []


@pytest.mark.parametrize("scope", ["users:read", "users:write", "groups:read"])
def test_the_token_needs_the_scope_of_auditors(visitor: Visitor, scope: str) -> None:
    token = visitor.service.tokens.create("limited", ["all"], [scope])
    answer = visitor.post("/sign-in", token=token)
    assert answer.status_code == 403
    assert "audit:read" in words(answer.text)
    (event,) = events_of_sign_ins(visitor.service)
    assert (event["outcome"], event["actor"]) == ("refused", "limited")


def test_guessing_ends(make: Callable[..., Service]) -> None:
    visitor = Visitor(make(security=Security(failed_authentications=2)))
    assert [visitor.post("/sign-in", token=f"a-wrong-guess-{n}").status_code for n in (1, 2)] == [
        401,
        401,
    ]
    answer = visitor.post("/sign-in", token="a-wrong-guess-3")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert len(events_of_sign_ins(visitor.service)) == 2


def test_signing_out(auditor: Visitor) -> None:
    assert auditor.post("/sign-out").headers["Location"] == "/console/sign-in"
    assert auditor.get("/").status_code == 303


def test_a_revoked_token_ends_its_sessions(service: Service) -> None:
    text = service.tokens.create("gone", ["all"], ["audit:read"])
    visitor = Visitor(service).sign_in(text)
    assert visitor.get("/").status_code == 200
    service.tokens.revoke("gone")
    assert visitor.get("/").status_code == 303


def test_an_expired_token_ends_its_sessions(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = now() + timedelta(hours=1)
    visitor = Visitor(service).sign_in(
        service.tokens.create("short", ["all"], ["audit:read"], later)
    )
    monkeypatch.setattr("gateway.tokens.now", lambda: later)
    assert visitor.get("/").status_code == 303


def test_a_session_ends_after_eight_hours(
    auditor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    began = time.time()
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: began + SECONDS + 5)
    assert auditor.get("/").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "gAAAAAB", "ä"])
def test_no_other_cookie_is_a_session(visitor: Visitor, cookie: str) -> None:
    answer = visitor.client.get("/console/", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert answer.status_code == 303


def test_what_else_is_encrypted_with_the_keys_is_no_session(service: Service) -> None:
    scim = Scim(service, "memory")
    for login in ("ann", "bob", "cat"):
        scim.add(login)
    cursor = scim.get("/AuditEvents", cursor="", count=1).json["nextCursor"]
    answer = Visitor(service).client.get("/console/", headers={"Cookie": f"{COOKIE}={cursor}"})
    assert answer.status_code == 303


@pytest.mark.parametrize("form", [None, "", "wrong", "ä"])
def test_forms_of_others_do_nothing(auditor: Visitor, form: str | None) -> None:
    fields = {} if form is None else {"form": form}
    assert auditor.client.post("/console/sign-out", data=fields).status_code == 403
    assert auditor.get("/").status_code == 200
    stranger = Visitor(auditor.service)
    answer = stranger.client.post("/console/sign-in", data={"token": TOKEN, **fields})
    assert answer.status_code == 403
    assert stranger.get("/").status_code == 303


# What holds for every page


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


# The overview


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


# Accounts


def test_one_search_over_all_targets(service: Service, auditor: Visitor) -> None:
    for name in ("moodle", "canvas", "memory"):
        Scim(service, name).add("ann", externalId="E-1")
        Scim(service, name).add("bob", externalId="E-2")
    for wanted in ("ann", "ANN", "E-1", "ann@example.edu"):
        text = auditor.text("/accounts", q=wanted)
        assert "3 accounts in" in text
        assert "bob" not in text
    assert "0 accounts in" in auditor.text("/accounts", q='an"n')
    answer = auditor.get("/accounts", q="ann")
    assert "core_user_get_users_by_field with username" in words(answer.text)
    (found,) = Scim(service, "moodle").get("/Users", filter='userName eq "ann"').json["Resources"]
    id = found["id"]
    assert f"/console/timeline?target=moodle&amp;id={id}" in answer.text
    assert "/console/timeline?login=ann" in answer.text


def test_no_search_reads_a_whole_platform(make: Callable[..., Service]) -> None:
    service = make(users=300)
    auditor = Visitor(service).sign_in()
    service.forget()
    for wanted in ("ann", "ann@example.edu"):
        text = auditor.text("/accounts", q=wanted)
        assert "reads all" not in text
    assert "Not searched by e-mail: all accounts of this LMS" in text
    assert service.calls <= 30


def test_a_platform_that_fails_hides_no_other(make: Callable[..., Service]) -> None:
    service = make(moodle_options={"token": "wrong"})
    Scim(service, "memory").add("ann")
    text = Visitor(service).sign_in().text("/accounts", q="ann")
    assert "1 account in" in text
    assert "This target could not be asked." in text


def test_only_the_search_calls_an_lms(service: Service, auditor: Visitor) -> None:
    Scim(service, "moodle").add("ann")
    auditor.get("/")
    service.forget()
    for path in PAGES:
        if "q=" not in path:
            auditor.get(path)
    assert service.calls == 0


def test_the_search_needs_its_scope(make_visitor: Callable[..., Visitor]) -> None:
    visitor = make_visitor("audit:read")
    visitor.service.forget()
    text = visitor.text("/accounts", q="ann")
    assert "lacks the scope users:read" in text
    assert visitor.service.calls == 0
    limited = make_visitor("audit:read", "users:read", targets=("moodle",))
    assert "accounts in 1 target" in limited.text("/accounts", q="ann")


# The timeline


@pytest.fixture
def ann(service: Service) -> Iterator[Scim]:
    """Give moodle, with an account that was renamed and changed, and one of the same login."""
    moodle = Scim(service, "moodle")
    id = moodle.add("ann", externalId="E-1", password="Secret-Word-1!")
    sent = {"headers": {"X-Request-ID": "r-1", "User-Agent": "idp/1"}}
    moodle.patch(f"/Users/{id}", {"op": "replace", "path": "externalId", "value": "E-2"}, **sent)
    moodle.post(f"/Users/{id}/.disable")
    moodle.patch(f"/Users/{id}", {"op": "replace", "path": "userName", "value": "ann.doe"})
    Scim(service, "canvas").add("ann")
    Scim(service, "canvas").add("bob")
    yield moodle


def id_of(moodle: Scim) -> str:
    """Return the id of the account that was renamed."""
    found = moodle.get("/Users", filter='userName eq "ann.doe"').json["Resources"]
    return str(found[0]["id"])


def test_a_timeline_is_of_a_person_over_all_targets(ann: Scim, auditor: Visitor) -> None:
    answer = auditor.get("/timeline", login="Ann")
    assert subjects(answer) == [
        "Create ann in canvas",
        "Change ann.doe in moodle",
        "Disable ann in moodle",
        "Change ann in moodle",
        "Create ann in moodle",
    ]
    text = words(answer.text)
    assert "externalId idnumber E-1 E-2" in text
    assert "by tester" in text and "from 127.0.0.1, idp/1" in text and "request r-1" in text
    assert "calls to the LMS 2" in text
    assert "bob" not in text
    id = id_of(ann)
    one = auditor.get("/timeline", target="moodle", id=id)
    assert len(subjects(one)) == 4
    assert "ann.doe in moodle" in words(one.text)


def test_secrets_show_as_changed(ann: Scim, auditor: Visitor) -> None:
    text = auditor.text("/timeline", login="ann", as_of="2100-01-01T00:00")
    assert "password changed a secret" in text
    assert "Secret-Word" not in text


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        ({"operation": "create"}, 2),
        ({"operation": "disable", "outcome": "success"}, 1),
        ({"outcome": "refused"}, 0),
        ({"attribute": "externalId"}, 2),
        ({"attribute": "name.given"}, 2),
        ({"attribute": "active"}, 3),
        ({"actor": "tester"}, 5),
        ({"actor": "nobody"}, 0),
        ({"from": "2020-01-01", "to": "2100-01-01"}, 5),
        ({"from": "2100-01-01"}, 0),
        ({"to": "2020-01-01"}, 0),
        ({"from": "TODAY", "to": "TODAY"}, 5),
    ],
)
def test_filters(ann: Scim, auditor: Visitor, chosen: dict[str, str], count: int) -> None:
    today = now().date().isoformat()
    chosen = {name: value.replace("TODAY", today) for name, value in chosen.items()}
    found = auditor.get("/timeline", login="ann", **chosen)
    if chosen.get("attribute") != "active":
        assert len(subjects(found)) == count
    for name, value in chosen.items():
        assert f'value="{value}"' in found.text, name
    ours = [heading for heading in subjects(auditor.get("/events", **chosen)) if "bob" not in
            heading and "Authenticate" not in heading]  # fmt: skip
    assert ours == subjects(found)


def test_a_stranger_has_an_empty_timeline(auditor: Visitor) -> None:
    assert "No event fits" in auditor.text("/timeline", login="nobody")
    assert "No event fits" in auditor.text("/timeline", target="moodle", id="77")


def held(text: str) -> str:
    return text.partition("Values as of")[2].partition("newest first")[0]


def test_values_as_of_a_moment(ann: Scim, auditor: Visitor) -> None:
    events = [e for e in ann.service.events if e["target"] == "moodle"]
    created, changed, _, renamed = (event["finished"] for event in events)
    id = events[0]["resourceId"]

    def at(moment: str) -> str:
        return held(auditor.text("/timeline", target="moodle", id=id, as_of=moment))

    assert "externalId E-1 event" in at(created)
    assert "externalId E-2 event" in at(changed)
    assert "userName ann event" in at(changed)
    assert "userName ann.doe event" in at(renamed)
    assert "active false event" in at(renamed)
    assert "Not created yet." in at("2020-01-01T00:00")
    everything = auditor.text("/timeline", login="ann", as_of="2100-01-01T00:00")
    assert "canvas User" in held(everything)


def told(sequence: int, outcome: str, operation: str, *changes: tuple[str, Any, Any]) -> Any:
    """Return an event that ended in the given second."""
    made = [{"path": path, "old": old, "new": new} for path, old, new in changes]
    kept = [{name: value for name, value in one.items() if value is not None} for one in made]
    time = f"2026-01-01T00:00:{sequence:02}Z"
    return {"sequence": sequence, "time": time, "finished": time, "outcome": outcome,
            "operation": operation, "changes": kept}  # fmt: skip


HISTORY = [
    told(10, "success", "patch", ("title", "Dr", "Prof"), ("emails", None, "a@x")),
    told(20, "failed", "patch", ("title", "Prof", "Sir")),
    told(30, "success", "patch", ("emails", None, "b@x"), ("password", None, None)),
    told(40, "success", "patch", ("title", "Mr", None), ("emails", "a@x", None)),
    told(50, "success", "delete", ("active", "true", "false")),
    told(58, "success", "revive", ("active", "false", "true"), ("emails", "c@x", None)),
]


def state(second: int) -> State:
    moment = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
    return state_at(iter(HISTORY), "User", moment)


@pytest.mark.parametrize(
    ("second", "values"),
    [
        (5, {"title": ["Dr"], "active": ["true"], "emails": ["c@x"]}),
        (15, {"title": ["Prof"], "active": ["true"], "emails": ["a@x", "c@x"]}),
        (35, {"title": ["Prof"], "active": ["true"], "emails": ["a@x", "b@x", "c@x"],
              "password": []}),
        (45, {"active": ["true"], "emails": ["b@x", "c@x"], "password": []}),
        (59, {"active": ["true"], "emails": ["b@x"], "password": []}),
    ],
)  # fmt: skip
def test_a_state_is_computed_from_changes(second: int, values: dict[str, list[str]]) -> None:
    assert {held.path: held.values for held in state(second).held} == values


def test_a_state_tells_what_is_doubtful() -> None:
    assert [held.found for held in state(35).held if held.path == "title"] == ["Mr"]
    assert [event["sequence"] for event in state(35).doubtful] == [20]
    assert state(15).doubtful == ()
    deleted = state(55).deleted
    assert deleted is not None and deleted["sequence"] == 50
    assert state(59).deleted is None
    assert state(5).is_made


def test_paging(service: Service, auditor: Visitor) -> None:
    audit = service.app.extensions["matricula"]["audit"]
    for number in range(2 * SIZE + 3):
        audit.record(Intent("memory", "patch", "User", str(number), f"u{number}"), "noChange")
    first = auditor.get("/events", operation="patch")
    assert f"{2 * SIZE + 3} events, page 1 of 3" in words(first.text)
    assert subjects(first)[0] == f"Change u{2 * SIZE + 2} in memory"
    assert 'rel="next"' in first.text and 'rel="prev"' not in first.text
    assert "/console/events?operation=patch&amp;page=2" in first.text
    last = auditor.get("/events", operation="patch", page="3")
    assert subjects(last) == [f"Change u{n} in memory" for n in (2, 1, 0)]
    assert 'rel="next"' not in last.text and 'rel="prev"' in last.text
    assert "beyond the last" in auditor.text("/events", operation="patch", page="4")


def test_a_filter_in_scims_language(ann: Scim, auditor: Visitor) -> None:
    wanted = 'changes[path eq "externalId" and new eq "E-2"]'
    assert subjects(auditor.get("/events", filter=wanted)) == ["Change ann in moodle"]
    answer = auditor.get("/events", filter="shoe eq 5")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text and 'aria-invalid="true"' in answer.text
    assert "shoe" in words(answer.text)
    answer = auditor.get("/events", **{"from": "soon"})
    assert answer.status_code == 400
    assert "is no date" in words(answer.text) and "aria-invalid" not in answer.text


# Downloads


def test_downloads(ann: Scim, auditor: Visitor) -> None:
    lines = auditor.download("/timeline/download", login="ann", format="jsonl")
    assert lines.content_type == "application/jsonl"
    events = [json.loads(line) for line in lines.text.splitlines()]
    assert [event["operation"] for event in events] == [
        *("create", "patch", "disable", "patch", "create")
    ]
    chosen = {"login": "ann", "attribute": "externalId", "operation": "patch"}
    table = auditor.download("/timeline/download", format="csv", **chosen)
    assert table.content_type == "text/csv; charset=utf-8"
    assert re.search(r"filename=matricula-timeline-\w+\.csv", table.headers["Content-Disposition"])
    (row,) = csv.DictReader(io.StringIO(table.text, newline=""))
    assert (row["path"], row["old"], row["new"]) == ("externalId", "E-1", "E-2")
    everything = auditor.download("/events/download", format="jsonl", filter='login eq "bob"')
    assert [json.loads(line)["login"] for line in everything.text.splitlines()] == ["bob"]


def test_pages_link_to_their_downloads(ann: Scim, auditor: Visitor) -> None:
    page = auditor.get("/timeline", login="ann", operation="create", page="1")
    wanted = "/console/timeline/download?login=ann&amp;operation=create&amp;format=csv"
    assert wanted in page.text


# Tokens for some targets only


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
