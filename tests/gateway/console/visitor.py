"""A visitor of the console's pages, and what the tests read from them."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.gateway.service import TOKEN, Scim, Service

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=y>"


PAGES = (
    *("/", "/accounts", "/accounts?q=ann", "/timeline", "/timeline?login=ann", "/events"),
    *("/timeline?login=ann&as_of=2100-01-01T00:00", "/events?filter=nonsense", "/nowhere"),
    *("/targets/moodle", "/targets/nowhere", "/events/1", "/events/99", "/events/99/proof"),
    *("/jobs", "/jobs/nowhere", "/jobs/nowhere/runs/1"),
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

    def press(self, path: str, button: str) -> TestResponse:
        """Send the form of a page that has the button, with all that the page has put into it."""
        forms = re.findall(r"<form.*?</form>", self.get(path).text, re.S)
        (form,) = [form for form in forms if words(form) == button]
        action = re.search(r'method="post" action="([^"]+)"', form)
        assert action is not None
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
        return self.client.post(unescape(action[1]), data=dict(fields))

    def sign_in(self, token: str = TOKEN) -> Visitor:
        answer = self.post("/sign-in", token=token)
        assert answer.status_code == 303, answer.text
        return self

    def download(self, path: str, **query: str) -> TestResponse:
        answer = self.client.get(f"/console{path}", query_string=query or None)
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


def id_of(moodle: Scim) -> str:
    """Return the id of the account that was renamed."""
    found = moodle.get("/Users", filter='userName eq "ann.doe"').json["Resources"]
    return str(found[0]["id"])
