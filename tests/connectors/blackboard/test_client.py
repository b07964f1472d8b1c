"""The conversation with Learn: tokens, budget, refusals, pages."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from connectors.base import Options
from connectors.blackboard import Blackboard
from connectors.blackboard.simulator import Clock
from connectors.http import counted
from connectors.planning import plan
from schemas.errors import ScimError
from schemas.filters import parse_filter
from schemas.match import compile_filter
from tests.connectors.blackboard.joined import Joined, joined, options
from tests.connectors.operations import TICKET


def read(blackboard: Joined, id: str = "_101_1") -> Any:
    return blackboard["User"].get(id)


def found(blackboard: Joined, text: str | None, name: str = "User") -> list[Any]:
    return blackboard.found(name, text)


def left(blackboard: Joined, text: str, resources: list[Any], name: str = "User") -> list[str]:
    """Return the ids of the resources that stay when the plan's residual is applied to them."""
    mapping = blackboard[name].mapping
    residual = plan(parse_filter(text, mapping.full), mapping).residual
    holds = compile_filter(residual) if residual is not None else bool
    return [resource["id"] for resource in resources if holds(resource)]


def answering(content: bytes) -> Blackboard:
    """Return a connector to a site that answers every call but the token's with the same."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        return httpx.Response(200, content=content)

    return Blackboard(options(joined().simulator, transport=httpx.MockTransport(answer)))


def followed_by(link: str) -> Blackboard:
    """Return a connector to a site whose every list goes on at that link."""
    page = {"results": [{"id": "_1_1"}], "paging": {"nextPage": link}}
    return answering(json.dumps(page).encode())


def refused_list(connector: Blackboard) -> ScimError:
    users = connector.collections["User"]
    with pytest.raises(ScimError) as refused:
        list(users.search(plan(None, users.mapping)))
    return refused.value


class TestToken:
    def test_one_token_serves_many_calls(self) -> None:
        blackboard = joined(users=1)
        with counted() as counter:
            for _ in range(5):
                read(blackboard)
        assert counter.calls == 6
        assert len(blackboard.calls) == 5

    def test_a_revoked_token_is_renewed_in_the_same_call(self) -> None:
        blackboard = joined(users=1)
        read(blackboard)
        blackboard.site.tokens.revoke()
        assert read(blackboard)["userName"] == "user1"

    def test_a_write_with_a_revoked_token_is_made_once(self) -> None:
        blackboard = joined(users=1)
        read(blackboard)
        blackboard.site.tokens.revoke()
        users = blackboard["User"]
        users.create(TICKET, {"userName": "ann", "name": {"givenName": "A", "familyName": "B"}})
        assert len(found(blackboard, 'userName eq "ann"')) == 1

    def test_a_token_that_has_ended_by_the_clock_is_not_sent(self) -> None:
        clock = Clock()
        blackboard = joined(users=1, clock=clock, token_seconds=100)
        read(blackboard)
        clock.advance(200)
        blackboard.connector._client._token._until = 0.0
        with counted() as counter:
            read(blackboard)
        assert counter.calls == 2

    def test_wrong_credentials_are_named(self) -> None:
        blackboard = joined()
        given = options(blackboard.simulator, more={"client_secret": "wrong"})
        with pytest.raises(ScimError) as refused:
            Blackboard(given).collections["User"].get("_1_1")
        assert refused.value.status == 502
        assert "key or secret" in refused.value.detail
        assert "wrong" not in refused.value.detail

    def test_both_credentials_are_needed(self) -> None:
        for more in ({}, {"client_id": "x"}, {"client_secret": "x"}):
            with pytest.raises(ValueError, match="client_id and client_secret"):
                Blackboard(Options(name="b", url="https://learn.example.edu", more=more))

    def test_the_secret_shows_nowhere(self) -> None:
        blackboard = joined()
        given = options(blackboard.simulator)
        assert blackboard.site.client_secret not in repr(given)


class TestBudget:
    def test_lists_wait_while_only_the_reserve_is_left(self) -> None:
        blackboard = joined(users=3, daily_limit=1000, more={"reserve": 50})
        read(blackboard)
        assert found(blackboard, None)
        for _ in range(1000 - 50 - 2):
            blackboard.site.budget.spend()
        read(blackboard)
        with pytest.raises(ScimError) as refused:
            found(blackboard, None)
        assert refused.value.status == 503
        assert refused.value.retry_after
        assert "49 of the 1000" in refused.value.detail
        assert read(blackboard)

    @pytest.mark.parametrize("style", ["retry_after", "reset"])
    def test_nothing_is_sent_once_the_day_is_used_up(self, style: str) -> None:
        blackboard = joined(users=1, daily_limit=3, rate_header_style=style, more={"reserve": 0})
        for _ in range(3):
            read(blackboard)
        with pytest.raises(ScimError) as refused:
            read(blackboard)
        assert refused.value.status == 503
        before = len(blackboard.calls)
        with counted() as counter, pytest.raises(ScimError) as again:
            read(blackboard)
        assert counter.calls == 0
        assert len(blackboard.calls) == before
        assert again.value.retry_after
        assert again.value.retry_after > 3600

    @pytest.mark.parametrize("style", ["retry_after", "reset"])
    def test_both_styles_of_headers_are_understood(self, style: str) -> None:
        blackboard = joined(users=1, daily_limit=500, rate_header_style=style)
        read(blackboard)
        budget = blackboard.connector._client.budget
        assert (budget.limit, budget.left) == (500, 499)


class TestPages:
    def test_more_than_the_most_is_never_asked_for(self) -> None:
        blackboard = joined(users=250)
        page = blackboard["User"].page(plan(None, blackboard["User"].mapping), "", 1000)
        assert len(page.resources) == 100
        assert page.next
        assert len(found(blackboard, None)) == 251

    def test_short_pages_are_followed(self) -> None:
        blackboard = joined(users=230, short_pages=True)
        ids = [user["id"] for user in found(blackboard, None)]
        assert len(ids) == len(set(ids)) == 231

    def test_a_link_to_another_site_is_not_followed(self) -> None:
        refused = refused_list(followed_by("https://evil.example/v1/users?offset=1"))
        assert refused.status == 502
        assert "another site" in refused.detail

    def test_a_page_that_is_followed_by_itself_ends(self) -> None:
        refused = refused_list(followed_by("/learn/api/public/v1/users?offset=100"))
        assert refused.status == 502

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"results": 5}', b"<html>"])
    def test_an_answer_that_is_no_list_is_a_broken_one(self, body: bytes) -> None:
        assert refused_list(answering(body)).status == 502


class TestQueries:
    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ('name.family co "12-3"', "name.family=12-3"),
            ('externalId sw "abc"', "externalId=abc"),
            ('available eq "Disabled"', "availability.available=Disabled"),
            ("active eq true", "availability.available=Yes"),
            ('institutionRoleIds eq "STAFF"', "institutionRoleIds=STAFF"),
            ('dataSourceId eq "_2_1" and active eq true', "dataSourceId=_2_1"),
            ('studentId eq "123"', "studentId=123"),
        ],
    )
    def test_what_learn_can_search_goes_there(self, text: str, query: str) -> None:
        blackboard = joined(users=2)
        found(blackboard, text)
        (sent,) = blackboard.site.queries
        assert query in sent

    @pytest.mark.parametrize(
        "text",
        [
            *('name.family co "Novak"', 'userName co "USER"', 'userName sw "user"'),
            *('externalId co "ABC"', 'contact.email eq "a@example.edu"', "active eq false"),
            *('name.given eq "Ann"', "title pr", 'dataSourceId eq "SYSTEM"'),
        ],
    )
    def test_what_learn_might_miss_is_looked_for_here(self, text: str) -> None:
        blackboard = joined(users=2)
        found(blackboard, text)
        (sent,) = blackboard.site.queries
        assert set(dict(httpx.QueryParams(sent))) <= {"limit", "sort"}

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("User", 'dataSourceId eq "_999_1"'),
            ("User", 'available eq "Never"'),
            ("User", 'available eq "yes" and dataSourceId eq "_999_1"'),
            ("Course", 'termId eq "_999_1"'),
            ("Course", 'available eq "x" or dataSourceId eq "_999_1"'),
            ("Membership", 'courseId eq "_5001_1" and dataSourceId eq "_999_1"'),
            ("Membership", 'courseId eq "_5001_1" and courseRoleId eq "King"'),
            ("Membership", 'userId eq "_101_1" and available eq "Never"'),
        ],
    )
    def test_what_learn_refuses_to_look_for_is_looked_for_here(self, name: str, text: str) -> None:
        blackboard = joined(users=3, courses=1)
        collection = blackboard[name]
        every = found(blackboard, None, name)
        node = parse_filter(text, collection.mapping.full)
        wanted = [one["id"] for one in filter(compile_filter(node), every)]
        assert left(blackboard, text, found(blackboard, text, name), name) == wanted

    def test_a_date_has_one_bound_there_and_the_other_here(self) -> None:
        blackboard = joined(users=30)
        users = blackboard["User"].mapping
        since, until = "2024-09-01T00:00:00Z", "2024-09-10T00:00:00Z"
        for name in ("created", "modified", "lastLogin"):
            blackboard.forget()
            text = f'{name} ge "{since}" and {name} lt "{until}"'
            planned = plan(parse_filter(text, users.full), users)
            assert planned.residual is not None
            found(blackboard, text)
            (sent,) = (dict(httpx.QueryParams(query)) for query in blackboard.site.queries)
            assert sent[name] == "2024-09-01T00:00:00.000Z"
            assert sent[f"{name}Compare"] == "greaterOrEqual"

    def test_an_address_may_be_looked_for_natively(self) -> None:
        blackboard = joined(users=9, more={"native_email_filter": True})
        address = read(blackboard)["emails"][0]["value"]
        blackboard.forget()
        assert len(found(blackboard, f'contact.email eq "{address}"')) == 1
        assert "contact.email=" in blackboard.site.queries[0]

    def test_an_ignored_filter_finds_nobody_else(self) -> None:
        blackboard = joined(users=9, more={"native_email_filter": True}, contact_email_filter=False)
        person = read(blackboard)
        text = f'contact.email eq "{person["emails"][0]["value"]}"'
        blackboard.forget()
        everybody = found(blackboard, text)
        assert "contact.email=" in blackboard.site.queries[0]
        assert len(everybody) == 10
        assert left(blackboard, text, everybody) == [person["id"]]

    @pytest.mark.parametrize("id", ["userName:user1", "externalId:user1", "uuid:x", "user1", "_1"])
    def test_a_prefix_is_never_taken_for_an_id(self, id: str) -> None:
        blackboard = joined(users=1)
        assert read(blackboard, id) is None
        assert found(blackboard, f'id eq "{id}"') == []
        assert blackboard.calls == []

    @pytest.mark.parametrize(
        "login", ["userName:user1", "a b", "é", "x?y=1", "x#y", "a%2Fb", "a:b"]
    )
    def test_a_login_is_one_segment_of_the_path(self, login: str) -> None:
        blackboard = joined(users=1)
        users = blackboard["User"]
        name = {"givenName": "A", "familyName": "B"}
        made = users.create(TICKET, {"userName": login, "name": name})
        assert [u["id"] for u in found(blackboard, f'userName eq "{login}"')] == [made["id"]]
        assert users.find_again({"userName": login})["id"] == made["id"]

    @pytest.mark.parametrize("login", ["a/b", "../1", "a\\b"])
    def test_a_slash_is_looked_for_in_the_list(self, login: str) -> None:
        blackboard = joined(users=1)
        name = {"givenName": "A", "familyName": "B"}
        made = blackboard["User"].create(TICKET, {"userName": login, "name": name})
        text = 'userName eq "' + login.replace("\\", "\\\\") + '"'
        users = blackboard["User"].mapping
        planned = plan(parse_filter(text, users.full), users)
        assert planned.branches is None
        assert made["id"] in [user["id"] for user in found(blackboard, text)]
        assert blackboard["User"].find_again({"userName": login})["id"] == made["id"]

    @pytest.mark.parametrize("login", [" ann ", "  ", "nobody", "a/nobody"])
    def test_a_login_that_nobody_has(self, login: str) -> None:
        assert joined(users=1)["User"].find_again({"userName": login}) is None

    def test_many_keys_are_looked_up_one_by_one_and_no_more_than_fifty(self) -> None:
        blackboard = joined(users=60)
        few = " or ".join(f'userName eq "user{n}"' for n in range(1, 51))
        assert len(found(blackboard, few)) == 50
        assert len(blackboard.calls) == 50
        blackboard.forget()
        many = " or ".join(f'userName eq "user{n}"' for n in range(1, 53))
        found(blackboard, many)
        assert len(blackboard.calls) == 1
