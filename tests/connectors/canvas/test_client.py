"""The conversation with Canvas: tokens, pages, the bucket, refusals."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import httpx
import pytest

from connectors.base import Options
from connectors.canvas import Canvas
from connectors.canvas.bucket import Bucket
from connectors.canvas.refusals import Problem, problems
from connectors.canvas.simulator import Clock
from connectors.http import counted
from connectors.planning import plan
from schemas.errors import ScimError
from tests.connectors.canvas.joined import joined, options
from tests.connectors.operations import TICKET


def everybody(connector: Canvas) -> list[Any]:
    users = connector.collections["User"]
    return [user for batch in users.search(plan(None, users.mapping)) for user in batch]


def answering(*answers: httpx.Response) -> Canvas:
    """Return a connector to a site with these answers, the last again and again."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        return left.pop(0) if len(left) > 1 else left[0]

    return Canvas(options(joined().simulator, transport=httpx.MockTransport(answer)))


def page(link: str, *ids: int) -> httpx.Response:
    rows = [{"id": id, "name": "A", "login_id": f"u{id}"} for id in ids]
    return httpx.Response(200, json=rows, headers={"Link": f'<{link}>; rel="next"'} if link else {})


def refused(call: Any) -> ScimError:
    with pytest.raises(ScimError) as error:
        call()
    return error.value


class TestToken:
    @pytest.mark.parametrize("refresh", [True, False])
    def test_a_key_asks_for_tokens_and_again_when_one_has_ended(self, refresh: bool) -> None:
        clock = Clock()
        canvas = joined(users=1, clock=clock, token_seconds=100)
        site = canvas.site
        more = {"client_id": site.client_id, "client_secret": site.client_secret}
        if refresh:
            more["refresh_token"] = site.refresh_token
        connector = Canvas(options(canvas.simulator, token="", more=more))
        assert len(everybody(connector)) == 2
        before = len(site.tokens)
        everybody(connector)
        assert len(site.tokens) == before
        clock.advance(200)
        with counted() as counter:
            assert len(everybody(connector)) == 2
        # One refused call, one new token, the call again.
        assert counter.calls == 3

    def test_a_token_that_canvas_does_not_take_is_named_and_not_shown(self) -> None:
        canvas = joined(users=1)
        canvas.site.tokens[canvas.site.token].revoked = True
        with counted() as counter:
            error = refused(lambda: everybody(canvas.connector))
        assert counter.calls == 1
        assert (error.status, "Revoked" in error.detail) == (502, True)
        assert canvas.site.token not in error.detail

    def test_wrong_credentials_are_named(self) -> None:
        canvas = joined()
        more = {"client_id": canvas.site.client_id, "client_secret": "wrong-secret"}
        connector = Canvas(options(canvas.simulator, token="", more=more))
        error = refused(lambda: everybody(connector))
        assert (error.status, "invalid_client" in error.detail) == (502, True)
        assert "wrong-secret" not in error.detail

    def test_a_token_is_needed(self) -> None:
        for more in ({}, {"client_id": "x"}, {"client_secret": "x"}):
            with pytest.raises(ValueError, match="token is needed"):
                Canvas(Options(name="c", url="https://canvas.example.edu", more=more))

    def test_the_token_shows_nowhere(self) -> None:
        canvas = joined()
        assert canvas.site.token not in repr(options(canvas.simulator))

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_missing_right_is_no_bad_token(self, status: int) -> None:
        canvas = joined(users=1, denied_status=status)
        token = canvas.site.add_token(1001, permissions=())
        connector = Canvas(options(canvas.simulator, token=token))
        assert refused(lambda: everybody(connector)).status == 403


class TestPages:
    def test_bookmarks_are_followed_to_the_end(self) -> None:
        canvas = joined(users=230)
        ids = [user["id"] for user in everybody(canvas.connector)]
        assert len(ids) == len(set(ids)) == 231
        assert len(canvas.calls) == 3
        assert canvas["User"].page(plan(None, canvas["User"].mapping), "", 1000).next

    def test_an_empty_last_page_ends_the_list(self) -> None:
        ended = page("http://canvas.test/api/v1/accounts/self/users?page=3")
        connector = answering(
            page("http://canvas.test/api/v1/accounts/self/users?page=2", 1, 2), ended
        )
        assert [user["id"] for user in everybody(connector)] == ["1", "2"]

    @pytest.mark.parametrize(
        "link",
        ["https://evil.example/api/v1/users?page=2", "//evil.example/x",
         "http://canvas.test:81/api/v1/users", "https://canvas.test/api/v1/users",
         "http://me@canvas.test/api/v1/users", "/x", "ftp://canvas.test/x"],
    )  # fmt: skip
    def test_a_link_to_another_site_is_not_followed(self, link: str) -> None:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return page(link, len(asked))

        connector = Canvas(options(joined().simulator, transport=httpx.MockTransport(answer)))
        assert refused(lambda: everybody(connector)).status == 502
        assert {request.url.host for request in asked} == {"canvas.test"}

    def test_a_page_that_is_followed_by_itself_ends(self) -> None:
        link = "http://canvas.test/api/v1/accounts/self/users?page=2"
        assert "followed by itself" in refused(lambda: everybody(answering(page(link, 1)))).detail

    @pytest.mark.parametrize("body", [b"", b"{}", b"5", b"<html>", b'{"rows": []}', b"[1"])
    def test_an_answer_that_is_no_list_is_a_broken_one(self, body: bytes) -> None:
        connector = answering(httpx.Response(200, content=body))
        assert refused(lambda: everybody(connector)).status == 502


class TestBucket:
    @pytest.mark.parametrize("status", [403, 429])
    def test_a_throttled_call_is_sent_again_a_write_too(self, status: int) -> None:
        canvas = joined(users=1, throttle_status=status, throttle_every=2)
        users = canvas["User"]
        made = [users.create(TICKET, {"userName": f"ann{number}"})["id"] for number in range(3)]
        assert [user["id"] for user in everybody(canvas.connector)] == ["1", "1001", *made]
        assert len(canvas.calls) == 7

    def test_the_own_bucket_lets_few_calls_in_at_once(self, monkeypatch: Any) -> None:
        waits: list[float] = []
        monkeypatch.setattr("connectors.canvas.bucket.time.sleep", waits.append)
        bucket = Bucket()
        with bucket.call():
            bucket.note({"X-Rate-Limit-Remaining": "60"})
        with bucket.call():
            assert waits == []
            with bucket.call():
                assert waits == []
                with bucket.call():
                    assert len(waits) == 1
                    assert 3 < waits[0] <= 5
        with bucket.call():
            pass
        assert len(waits) == 1

    def test_what_is_no_number_is_passed_over(self) -> None:
        bucket = Bucket()
        with bucket.call():
            bucket.note({"X-Rate-Limit-Remaining": "many"})
            bucket.note({})
        started = time.monotonic()
        with bucket.call():
            assert time.monotonic() - started < 1

    def test_many_threads_are_never_refused(self) -> None:
        canvas = joined(users=1, call_cost=0.1)
        threads = [threading.Thread(target=lambda: canvas["User"].get("1001")) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(canvas.calls) == 30


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"errors": [{"message": "No."}]}, [Problem("", "", "No.")]),
            ({"errors": "User not deleted"}, [Problem("", "", "User not deleted")]),
            ({"message": "a, b"}, [Problem("", "", "a, b")]),
            ({"error": "not inactive"}, [Problem("", "", "not inactive")]),
            (
                {"errors": {"unique_id": [{"type": "taken", "message": "in use"}]}},
                [Problem("unique_id", "taken", "in use")],
            ),
            (
                {"errors": [{"field": "search_term", "code": "invalid", "message": "2 or more"}]},
                [Problem("search_term", "", "2 or more")],
            ),
            (
                {
                    "errors": {
                        "user": {"pseudonyms": [{"type": "invalid", "message": "is invalid"}]},
                        "pseudonym": {"sis_user_id": [{"type": "taken", "message": "in use"}]},
                        "observee": {},
                        "recaptcha": None,
                    }
                },
                [Problem("sis_user_id", "taken", "in use")],
            ),
            (None, []),
            ([], []),
            ({"errors": None}, []),
        ],
    )
    def test_every_shape_is_understood(self, body: Any, expected: list[Problem]) -> None:
        assert problems(body) == expected

    def test_a_fault_of_the_server_leaves_a_write_unknown(self) -> None:
        canvas = joined()
        canvas.simulator.faults.add("status", status=500, match="/users")
        error = refused(lambda: canvas["User"].create(TICKET, {"userName": "ann"}))
        assert (error.status, error.unknown) == (502, True)

    def test_what_is_said_names_the_attribute(self) -> None:
        canvas = joined(users=1)
        error = refused(lambda: canvas["User"].create(TICKET, {"userName": "USER1"}))
        assert (error.status, error.scim_type) == (409, "uniqueness")
        assert "userName:" in error.detail

    def test_no_json_is_a_broken_answer(self) -> None:
        connector = answering(httpx.Response(200, text=json.dumps("ok")))
        assert refused(lambda: connector.collections["User"].get("1")).status == 502
