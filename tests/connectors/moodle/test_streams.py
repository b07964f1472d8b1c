"""Long answers of Moodle are read one user after another, and never as whole when they are not."""

from __future__ import annotations

from operator import itemgetter

import httpx
import pytest

from connectors.moodle import Moodle
from connectors.planning import plan
from schemas.errors import ScimError
from tests.connectors.moodle.site import joined, options

PEOPLE = 120
"""Whose answer is longer than any refusal."""


def streamed(connector: Moodle) -> list[dict[str, object]]:
    users = connector.collections["User"]
    return [one for batch in users.stream(plan(None, users.mapping)) for one in batch]


def test_a_long_answer_is_the_same_as_a_short_one() -> None:
    moodle = joined(users=PEOPLE)
    users = moodle.connector.collections["User"]
    found = [one for batch in users.search(plan(None, users.mapping)) for one in batch]
    moodle.forget()
    assert sorted(streamed(moodle.connector), key=itemgetter("id")) == sorted(
        found, key=itemgetter("id")
    )
    assert len(found) > PEOPLE
    assert moodle.calls == ["core_user_get_users"]


class Changed(httpx.BaseTransport):
    """What changes answers on their way."""

    def __init__(self, inner: httpx.BaseTransport, change: tuple[bytes, bytes] | int) -> None:
        self.inner = inner
        self.change = change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        content = self.inner.handle_request(request).read()
        if isinstance(self.change, int):
            return httpx.Response(200, content=content[: -self.change])
        return httpx.Response(200, content=content.replace(*self.change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (1, "not JSON"),
        (5_000, "not JSON"),
        ((b'"warnings":[]', b'"warnings":[{"item":"criteria"}]'), "did not understand"),
        ((b'{"users"', b'<html>{"users"'), "not JSON"),
    ],
)
def test_an_answer_that_is_not_whole_yields_nobody(
    change: tuple[bytes, bytes] | int, said: str
) -> None:
    moodle = joined(users=PEOPLE)
    given = options(moodle.simulator)
    connector = Moodle(options(moodle.simulator, transport=Changed(given.transport, change)))
    users = connector.collections["User"]
    with pytest.raises(ScimError, match=said):
        next(iter(users.stream(plan(None, users.mapping))))


def test_one_bad_row_does_not_lose_the_others() -> None:
    moodle = joined(users=PEOPLE)
    before = {one["id"] for one in streamed(moodle.connector)}
    moodle.site.users[17].username = "bad+é"
    assert {one["id"] for one in streamed(moodle.connector)} == before - {"17"}
