"""`GET /{target}/scim/v2/{Endpoint}/.export`: all that a query finds, complete or not at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.exporting import serving
from tests.gateway.exporting.paged import paged
from tests.gateway.service import Scim, Service, check_answer


def export(scim: Scim, endpoint: str = "Users", **query: Any) -> Any:
    return scim.service.client.get(
        f"{scim.base}/{endpoint}/.export", query_string=query, buffered=True
    )


def resources(scim: Scim, endpoint: str, **query: Any) -> list[Any]:
    answer = scim.get(f"/{endpoint}", count=1000, **query)
    assert answer.status_code == 200, answer.text
    return list(answer.json.get("Resources", ()))


@pytest.mark.parametrize("endpoint", ["Users", "Groups", "Courses", "Roles"])
@pytest.mark.parametrize(
    "query", [{}, {"attributes": "userName,displayName,name"}, {"excludedAttributes": "meta"}]
)
def test_it_is_what_a_search_shows(shared_scim: Scim, endpoint: str, query: dict[str, str]) -> None:
    answer = export(shared_scim, endpoint, **query)
    if answer.status_code == 404:
        pytest.skip("the target has no such resources")
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/jsonl"
    lines = [json.loads(line) for line in answer.data.splitlines()]
    assert lines == resources(shared_scim, endpoint, **query)
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_with_a_filter(shared_scim: Scim) -> None:
    login = resources(shared_scim, "Users")[0]["userName"]
    answer = export(shared_scim, filter=f'userName eq "{login}"')
    assert [json.loads(line)["userName"] for line in answer.data.splitlines()] == [login]


def test_as_csv(shared_scim: Scim) -> None:
    answer = export(shared_scim, format="csv", attributes="userName")
    assert answer.mimetype == "text/csv"
    found = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    wanted = [{"id": u["id"], "userName": u["userName"]} for u in resources(shared_scim, "Users")]
    assert found == wanted


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"format": "xml"}, 400),
        ({"filter": "nonsense"}, 400),
        ({"sortBy": "userName"}, 400),
        ({"attributes": "id", "excludedAttributes": "id"}, 400),
    ],
)
def test_a_mistake(moodle: Scim, query: dict[str, str], status: int) -> None:
    answer = export(moodle, **query)
    check_answer(answer)
    assert answer.status_code == status
    assert not moodle.service.events


def test_a_token_must_be_allowed_to_read(moodle: Scim) -> None:
    text = moodle.service.tokens.create("reader", ["moodle"], ["groups:read"], None)
    headers = {"Authorization": f"Bearer {text}"}
    client = moodle.service.client
    assert (
        client.get(f"{moodle.base}/Users/.export", headers=headers, buffered=True).status_code
        == 403
    )
    assert (
        client.get(f"{moodle.base}/Groups/.export", headers=headers, buffered=True).status_code
        == 200
    )


def test_an_export_is_an_event(make: Callable[..., Service]) -> None:
    moodle = Scim(make("moodle", policies={"audit_reads": True}, users=3), "moodle")
    before = len(moodle.service.events)
    export(moodle, filter='name.familyName eq "Evans" and active eq true')
    (event,) = moodle.service.events[before:]
    assert event["operation"] == "export"
    assert event["resourceType"] == "User"
    assert event["actor"] == "tester"
    assert event["detail"] == "active, name, name.familyName"
    assert "Evans" not in json.dumps(event)


def test_who_was_deleted_is_not_exported(scim: Scim) -> None:
    gone, stays = scim.add("gone"), scim.add("stays")
    scim.delete(f"/Users/{gone}")
    ids = {json.loads(line)["id"] for line in export(scim).data.splitlines()}
    assert stays in ids
    assert gone not in ids


def test_a_failure_in_the_middle_is_an_error(make: Callable[..., Service]) -> None:
    scim = Scim(make("memory"), "memory")
    _, own = paged(scim, 10)

    def fail() -> None:
        if own.asked[-1] == "6":
            raise OSError("the disk is gone")

    own.meanwhile = fail
    answer = export(scim)
    assert answer.status_code == 500
    check_error = json.loads(answer.data)
    assert check_error["status"] == "500"


def test_more_than_max_scan(make: Callable[..., Service]) -> None:
    """The limit is that of one answer's patience; an export is there to read everything."""
    scim = Scim(make("moodle", users=30, policies={"max_scan": 10}), "moodle")
    assert len(export(scim).data.splitlines()) >= 30


def test_a_large_one_is_the_same(moodle: Scim, monkeypatch: pytest.MonkeyPatch) -> None:
    moodle.add("ann")
    small = export(moodle)
    monkeypatch.setattr(serving, "_IN_MEMORY", 100)
    large = export(moodle)
    assert large.data == small.data
    assert large.content_length == small.content_length == len(small.data) > 100
