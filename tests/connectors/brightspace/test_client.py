"""The conversation with Brightspace: versions, credits, refusals, pages, look-ups."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from connectors.brightspace import Brightspace, versions
from connectors.brightspace.refusals import message
from connectors.brightspace.simulator import Clock
from connectors.http import counted
from connectors.planning import plan
from schemas.errors import ScimError
from schemas.filters import parse_filter
from schemas.match import compile_filter
from tests.connectors.brightspace.joined import Joined, joined, options
from tests.connectors.brightspace.site import START, fixture
from tests.connectors.operations import TICKET

VERSIONS = fixture("versions")


def read(brightspace: Joined, id: str = "3163") -> Any:
    return brightspace["User"].get(id)


def found(brightspace: Joined, text: str | None, name: str = "User") -> list[Any]:
    return brightspace.found(name, text)


def answering(answer: httpx.Response) -> Brightspace:
    """Return a connector to a tenant that gives that answer to all but tokens and versions."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            told = {"access_token": "t", "expires_in": 3600, "refresh_token": "r"}
            return httpx.Response(200, json=told)
        if request.url.path.endswith("/versions/"):
            return httpx.Response(200, json=VERSIONS)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return Brightspace(options(joined().simulator, transport=httpx.MockTransport(handle)))


def refused_list(connector: Brightspace) -> ScimError:
    users = connector.collections["User"]
    with pytest.raises(ScimError) as refused:
        list(users.search(plan(None, users.mapping)))
    return refused.value


def refused_read(connector: Brightspace) -> ScimError:
    with pytest.raises(ScimError) as refused:
        connector.collections["User"].get("3163")
    return refused.value


class TestVersions:
    def test_the_newest_that_both_know_is_spoken(self) -> None:
        offered = {"lp": ("1.9", "1.49", "1.50", "1.99"), "le": ("1.82",)}
        brightspace = joined(users=1, versions=offered)
        assert read(brightspace)["userName"] == "user1"
        spoken = brightspace.connector._client.versions
        assert (spoken.of("lp"), spoken.of("le")) == ("1.50", "1.82")

    def test_they_are_read_once_a_day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        brightspace = joined(users=1)
        for _ in range(3):
            read(brightspace)
        assert brightspace.calls.count("GET /d2l/api/versions/") == 1
        monkeypatch.setattr(brightspace.connector._client.versions, "_until", 0.0)
        read(brightspace)
        assert brightspace.calls.count("GET /d2l/api/versions/") == 2

    @pytest.mark.parametrize("offered", [("1.9", "1.48"), ("1.63",), ()])
    def test_a_missing_version_is_told(self, offered: tuple[str, ...]) -> None:
        brightspace = joined(users=1, versions={"le": ("1.96",), "lp": offered or ("1.1",)})
        error = refused_read(brightspace.connector)
        assert error.status == 502
        assert "lp from 1.49 to 1.62" in error.detail

    @pytest.mark.parametrize("body", [{}, [1], [{"ProductCode": "lp"}], "x"])
    def test_another_site_is_told(self, body: Any) -> None:
        with pytest.raises(ScimError):
            versions._chosen(body if body != {} else 5)
        brightspace = joined(users=1)
        brightspace.simulator.faults.add("html", match="versions")
        assert refused_read(brightspace.connector).status == 502


class TestCredits:
    def test_lists_wait_while_only_the_reserve_is_left(self) -> None:
        clock = Clock(START)
        brightspace = joined(users=3, clock=clock, credits_per_minute=10_000)
        assert found(brightspace, None)
        brightspace.site.credits.spend(10_000 - 1000)
        read(brightspace)
        brightspace.forget()
        with pytest.raises(ScimError) as refused:
            found(brightspace, None)
        assert refused.value.status == 503
        assert refused.value.retry_after
        assert "credits" in refused.value.detail
        assert brightspace.calls == []
        assert read(brightspace)

    def test_nothing_is_sent_while_the_credits_are_used_up(self) -> None:
        brightspace = joined(users=1, clock=Clock(START), credits_per_minute=30)
        with pytest.raises(ScimError) as refused:
            for _ in range(9):
                read(brightspace)
        assert refused.value.status == 503
        with counted() as counter, pytest.raises(ScimError) as again:
            read(brightspace)
        assert counter.calls == 0
        assert again.value.retry_after
        assert again.value.retry_after > 30

    def test_a_write_that_was_refused_for_credits_is_sent_again(self) -> None:
        brightspace = joined(users=1)
        read(brightspace)
        brightspace.simulator.faults.add("status", match="/users/", status=429, retry_after=0)
        name = {"givenName": "A", "familyName": "B"}
        brightspace["User"].create(TICKET, {"userName": "ann", "name": name})
        assert len(found(brightspace, 'userName eq "ann"')) == 1

    def test_a_site_without_limits_is_no_obstacle(self) -> None:
        brightspace = joined(users=3, rate_limited=False)
        assert len(found(brightspace, None)) == 4
        assert brightspace.connector._client.credits.left is None


class TestRefusals:
    @pytest.mark.parametrize("form", ["recorded", "problem", "legacy", "html", "empty"])
    def test_every_envelope_is_understood(self, form: str) -> None:
        brightspace = joined(users=1, error_bodies=form, denied=["Users.Create"])
        assert read(brightspace, "999999") is None
        assert found(brightspace, 'userName eq "nobody"') == []
        with pytest.raises(ScimError) as refused:
            brightspace["User"].create(
                TICKET, {"userName": "a", "name": {"givenName": "A", "familyName": "B"}}
            )
        assert refused.value.status == 403
        if form != "empty":
            assert "Users.Create" in refused.value.detail

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b'{"Errors":[{"Message":"One"},{"Message":"Two"},{}]}', "One; Two"),
            (b'{"title":"Bad Request","detail":"Why"}', "Why"),
            (b'{"title":"Bad Request","detail":""}', "Bad Request"),
            (b'Errors: [ { Message: "Sorry\n<b>" } ]', "Sorry <b>"),
            (b"", "status 400"),
            (b"<html>Oops</html>", "status 400"),
            (b"[1]", "status 400"),
            (b'{"Errors":"no"}', "status 400"),
        ],
    )
    def test_what_is_said(self, body: bytes, said: str) -> None:
        assert message(httpx.Response(400, content=body)) == said

    def test_a_missing_scope_is_told_from_a_missing_permission(self) -> None:
        error = refused_read(answering(httpx.Response(403, json=fixture_of("forbidden_scope"))))
        assert "a scope" in error.detail
        error = refused_read(
            answering(httpx.Response(403, json=fixture_of("forbidden_permission")))
        )
        assert "a permission" in error.detail
        assert "matricula check" in error.detail

    def test_a_quota_is_waited_for(self) -> None:
        error = refused_read(answering(httpx.Response(403, headers={"Retry-After": "3600"})))
        assert (error.status, error.retry_after) == (503, 3600)

    @pytest.mark.parametrize("content", [b"", b"<html>", b'{"cut": '])
    def test_an_answer_that_is_no_json_is_a_broken_one(self, content: bytes) -> None:
        assert refused_read(answering(httpx.Response(200, content=content))).status == 502

    def test_a_write_whose_answer_cannot_be_read_is_unknown(self) -> None:
        users = answering(httpx.Response(200, content=b"<html>")).collections["User"]
        with pytest.raises(ScimError) as refused:
            users.create(TICKET, {"userName": "a", "name": {"givenName": "A", "familyName": "B"}})
        assert refused.value.unknown


def fixture_of(name: str) -> Any:
    return fixture("errors")[name]["body"]


class TestPages:
    @pytest.mark.parametrize("last", ["kept", "empty", "null"])
    def test_bookmarks_are_followed_to_the_end(self, last: str) -> None:
        brightspace = joined(users=25, page_size=10, last_bookmark=last)
        ids = [user["id"] for user in found(brightspace, None)]
        assert len(ids) == len(set(ids)) == 26
        assert brightspace.calls.count("GET lp/users/") == 3

    def test_a_page_is_one_call(self) -> None:
        brightspace = joined(users=25, page_size=10)
        users = brightspace["User"]
        page = users.page(plan(None, users.mapping), "", 5)
        following = users.page(plan(None, users.mapping), page.next, 5)
        assert brightspace.calls.count("GET lp/users/") == 2
        assert not {u["id"] for u in page.resources} & {u["id"] for u in following.resources}

    @pytest.mark.parametrize("bookmark", ["7", "", None])
    def test_a_page_that_is_followed_by_itself_ends(self, bookmark: str | None) -> None:
        page = {"PagingInfo": {"Bookmark": bookmark, "HasMoreItems": True}, "Items": []}
        refused = refused_list(answering(httpx.Response(200, json=page)))
        assert refused.status == 502
        assert "followed by itself" in refused.detail

    @pytest.mark.parametrize("body", [[], {}, {"Items": []}, {"Items": [], "PagingInfo": None}, 5])
    def test_an_answer_that_is_no_list_is_a_broken_one(self, body: Any) -> None:
        assert refused_list(answering(httpx.Response(200, json=body))).status == 502

    @pytest.mark.parametrize(
        ("link", "told"),
        [
            ("https://evil.example/d2l/api/x", "another site"),
            ("//evil.example/d2l/api/x", "another site"),
            ("d2l/api/x", "no list"),
            ("/d2l/api/le/1.96/1/classlist/paged/", "followed by itself"),
        ],
    )
    def test_a_link_to_another_site_or_to_itself_is_not_followed(
        self, link: str, told: str
    ) -> None:
        connector = answering(httpx.Response(200, json={"Next": link, "Objects": []}))
        with pytest.raises(ScimError, match=told) as refused:
            list(connector._client.objects("le/1/classlist/paged/", {}))
        assert refused.value.status == 502

    @pytest.mark.parametrize("relative", [True, False])
    def test_pages_of_objects_are_followed(self, relative: bool) -> None:
        brightspace = joined(users=30, courses=1, object_page_size=4, relative_next=relative)
        client = brightspace.connector._client
        pages = list(client.objects("le/6671/classlist/paged/", {}))
        assert len(pages) > 3
        assert len({row["Identifier"] for page in pages for row in page}) == sum(map(len, pages))


class TestLookUps:
    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ('userName eq "USER1"', "userName=USER1"),
            ('externalId eq "a+b & c"', "orgDefinedId=a%2Bb+%26+c"),
            ('contact.email eq "a+b@example.edu"', "externalEmail=a%2Bb%40example.edu"),
            ('emails[type eq "work" and value eq "a@b"]', "externalEmail=a%40b"),
            ('userName eq "user1" and active eq true', "userName=user1"),
        ],
    )
    def test_a_key_is_one_call(self, text: str, query: str) -> None:
        brightspace = joined(users=2)
        read(brightspace)
        brightspace.forget()
        found(brightspace, text)
        assert list(brightspace.site.queries) == [query]

    def test_an_id_is_one_call(self) -> None:
        brightspace = joined(users=2)
        read(brightspace)
        brightspace.forget()
        assert [user["id"] for user in found(brightspace, 'id eq "3164"')] == ["3164"]
        assert brightspace.calls == ["GET lp/users/3164"]

    @pytest.mark.parametrize("text", ['userName eq ""', 'id eq "userName:a"', 'id eq "0"'])
    def test_what_nobody_can_have_costs_no_call(self, text: str) -> None:
        brightspace = joined(users=2)
        assert found(brightspace, text) == []
        assert brightspace.calls == []

    @pytest.mark.parametrize(
        "text", ['userName co "user"', "active eq false", 'name.given eq "Bo"', 'userName eq " a"']
    )
    def test_all_else_is_looked_for_here(self, text: str) -> None:
        brightspace = joined(users=2)
        found(brightspace, text)
        assert [query for query in brightspace.site.queries if query] == []
        assert "GET lp/users/" in brightspace.calls

    def test_several_people_may_share_an_address(self) -> None:
        brightspace = joined(users=1)
        for login in ("ann", "bob"):
            brightspace["User"].create(
                TICKET,
                {
                    "userName": login,
                    "name": {"givenName": "A", "familyName": "B"},
                    "emails": [{"type": "work", "value": "both@example.edu"}],
                },
            )
        logins = [u["userName"] for u in found(brightspace, 'contact.email eq "both@example.edu"')]
        assert sorted(logins) == ["ann", "bob"]

    @pytest.mark.parametrize("body", [[], None])
    def test_an_empty_array_is_nobody(self, body: Any) -> None:
        connector = answering(httpx.Response(200, content=json.dumps(body)))
        assert connector.collections["User"].find_again({"userName": "ann"}) is None

    def test_a_look_up_that_is_ignored_is_an_error(self) -> None:
        page = {"PagingInfo": {"Bookmark": "7", "HasMoreItems": False}, "Items": []}
        connector = answering(httpx.Response(200, json=page))
        with pytest.raises(ScimError) as refused:
            connector.collections["User"].find_again({"userName": "ann"})
        assert refused.value.status == 502

    def test_a_look_up_that_takes_other_letters_for_the_same_is_checked(self) -> None:
        row = {**fixture("user_query_username"), "UserName": "Jurgen"}
        users = answering(httpx.Response(200, json=row)).collections["User"]
        assert users.find_again({"userName": "Jürgen"}) is None
        assert users.find_again({"userName": "JURGEN"}) is not None

    def test_a_tenant_that_tells_no_organization_is_broken(self) -> None:
        client = answering(httpx.Response(404))._client
        with pytest.raises(ScimError) as refused:
            assert client.organization
        assert refused.value.status == 502

    def test_people_of_a_role_are_found_through_the_organization(self) -> None:
        brightspace = joined(users=30, page_size=4)
        every = found(brightspace, None)
        brightspace["User"].complete(every, frozenset({"institutionRoleIds"}))
        text = 'institutionRoleIds eq "109"'
        holds = compile_filter(parse_filter(text, brightspace["User"].mapping.full))
        wanted = [user["id"] for user in every if holds(user)]
        brightspace.forget()
        assert [user["id"] for user in found(brightspace, text)] == wanted
        assert len(brightspace.calls) == 2 + len(wanted)

    def test_many_keys_are_looked_up_one_by_one_and_no_more_than_fifty(self) -> None:
        brightspace = joined(users=60)
        read(brightspace)
        brightspace.forget()
        few = " or ".join(f'userName eq "user{n}"' for n in range(1, 51))
        assert len(found(brightspace, few)) == 50
        assert len(brightspace.calls) == 50
        brightspace.forget()
        many = " or ".join(f'userName eq "user{n}"' for n in range(1, 53))
        found(brightspace, many)
        assert len(brightspace.calls) == 1
