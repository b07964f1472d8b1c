"""The service over all targets: filters planned for each, ids with their target, who is down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.across import UNAVAILABLE
from schemas.messages import LIST_RESPONSE, SEARCH_REQUEST
from schemas.origin import ORIGIN
from tests.gateway.service import TARGETS, Scim, Service, check_answer, make_service, person

LMSS = ("moodle", "canvas", "brightspace", "blackboard")
EMAIL = ("moodle", "canvas", "brightspace")


class Root(Scim):
    """The service over all targets."""

    def __init__(self, service: Service) -> None:
        super().__init__(service, "")

    @property
    def base(self) -> str:
        return "/scim/v2"

    def ids(self, path: str, **query: Any) -> list[str]:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json.get("Resources", ())]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a gateway whose targets all have ann, in a course of each, and three others."""
    made = make_service(tmp_path_factory.mktemp("people"), users=3, cohorts=1)
    for name in TARGETS:
        scim = Scim(made, name)
        user = scim.add("ann", externalId=f"E-{name}")
        scim.enrol(user, scim.add_course("ALGEBRA"))
    made.forget()
    yield made
    made.close()


@pytest.fixture
def root(people: Service) -> Root:
    people.forget()
    return Root(people)


def walk(root: Root, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return all pages of a list by cursor."""
    pages = []
    cursor: str | None = ""
    while cursor is not None and len(pages) < 60:
        answer = root.get(path, cursor=cursor, **query)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json)
        cursor = answer.json.get("nextCursor")
    return pages


def calls(service: Service) -> dict[str, int]:
    """Return how many calls each simulator has got since the last look, and forget them."""
    counted = {name: len(one.site.calls) for name, one in service.simulators.items()}
    service.forget()
    return counted


def test_one_filter_over_all_targets(root: Root) -> None:
    answer = root.get("/Users", filter='userName eq "ANN"').json
    assert answer["schemas"] == [LIST_RESPONSE]
    assert answer["totalResults"] == len(answer["Resources"]) == 5
    assert [user[ORIGIN.urn]["target"] for user in answer["Resources"]] == [*TARGETS]
    for user in answer["Resources"]:
        target, _, own = user["id"].partition(":")
        assert ORIGIN.urn in user["schemas"]
        location = user["meta"]["location"]
        assert location.endswith(f"/{target}/scim/v2/Users/{own}")
        original = root.service.client.get(location).json
        assert original["userName"] == user["userName"] == "ann"
        shown = root.get(f"/Users/{user['id']}").json
        assert shown[ORIGIN.urn] == {"target": target}
        assert {**shown, "id": own, "schemas": original["schemas"]}.items() >= {
            name: value for name, value in original.items() if name != "groups"
        }.items()


SHOWN = "userName,externalId,name,emails"
"""What comes with the look-up itself: who is active takes Canvas a call of its own."""


@pytest.mark.parametrize(
    ("filter", "asked", "found"),
    [
        ('userName eq "ANN"', LMSS, 5),
        ('externalId eq "E-canvas"', LMSS, 1),
        ('externalId eq "nobody" or userName eq "nobody"', (), 0),
        ('emails[type eq "work"].value eq "ann@example.edu"', EMAIL, 4),
    ],
)
@pytest.mark.parametrize("paging", [{}, {"cursor": "", "count": 50}, {"sortBy": "userName"}])
def test_a_look_up_is_one_call_for_each_target_that_can(
    root: Root, filter: str, asked: tuple[str, ...], found: int, paging: dict[str, Any]
) -> None:
    if asked == EMAIL:
        filter += ' and target ne "blackboard"'
    query = {"filter": filter, "attributes": SHOWN, **paging}
    assert len(root.ids("/Users", **query)) == found
    if asked:
        assert calls(root.service) == {name: int(name in asked) for name in LMSS}


@pytest.mark.parametrize(
    ("filter", "asked"),
    [
        ('target eq "moodle" and userName eq "ann"', {"moodle"}),
        ('target ne "moodle" and userName eq "ann"', {*LMSS} - {"moodle"}),
        ('id eq "moodle:5" or id eq "canvas:1"', {"moodle", "canvas"}),
        ('id eq "nowhere:5"', set()),
        ('target eq "memory"', set()),
        ('id eq "5"', set()),
    ],
)
def test_only_targets_that_can_match_are_asked(root: Root, filter: str, asked: set[str]) -> None:
    root.get("/Users", filter=filter)
    assert {name for name, count in calls(root.service).items() if count} == asked


def test_references_are_ids_of_the_root(root: Root) -> None:
    for user in root.get("/Users", filter='userName eq "ann"').json["Resources"]:
        target = user[ORIGIN.urn]["target"]
        (held,) = root.get("/Memberships", filter=f'userId eq "{user["id"]}"').json["Resources"]
        assert held["userId"] == user["id"]
        course = root.get(f"/Courses/{held['courseId']}").json
        assert course["courseId"] == "ALGEBRA"
        assert course[ORIGIN.urn]["target"] == target
        assert {name for name, count in calls(root.service).items() if count} <= {*LMSS}
        assert root.get(f"/Memberships/{held['id']}").json["id"] == held["id"]
    cohort = root.get("/Groups", filter='target eq "moodle"').json["Resources"][0]
    member = cohort["members"][0]
    assert member["value"].startswith("moodle:")
    assert member["$ref"].endswith(f"/moodle/scim/v2/Users/{member['value'].partition(':')[2]}")
    filter = f'members[value eq "{member["value"]}"]'
    assert cohort["id"] in root.ids("/Groups", filter=f'target eq "moodle" and {filter}')


def test_roles_of_all(root: Root) -> None:
    found = root.get("/Roles").json["Resources"]
    assert {role[ORIGIN.urn]["target"] for role in found} >= {"moodle", "blackboard"}
    assert root.get(f"/Roles/{found[0]['id']}").json["id"] == found[0]["id"]


def test_pages_by_index_go_on_where_the_last_ended(root: Root) -> None:
    for query in ({}, {"sortBy": "userName"}, {"sortBy": "target", "sortOrder": "descending"}):
        every = root.get("/Users", **query).json
        assert every["totalResults"] == len(every["Resources"])
        ids = [user["id"] for user in every["Resources"]]
        assert len({*ids}) == len(ids)
        seen: list[str] = []
        for start in range(1, len(ids) + 1, 4):
            seen += root.ids("/Users", startIndex=start, count=4, **query)
        assert seen == ids
        assert root.ids("/Users", startIndex=len(ids) + 1, **query) == []
    targets = [id.partition(":")[0] for id in root.ids("/Users")]
    assert sorted(targets, key=TARGETS.index) == targets
    logins = root.logins(sortBy="userName", sortOrder="descending")
    assert logins == sorted(logins, key=str.casefold, reverse=True)
    assert root.get("/Users", count=0).json["totalResults"] == len(ids)


@pytest.mark.parametrize("count", [1, 3, 5, 7, 100])
@pytest.mark.parametrize("order", [{}, {"sortBy": "userName"}])
def test_pages_by_cursor_hold_everybody_once(root: Root, count: int, order: dict[str, str]) -> None:
    pages = walk(root, "/Users", count=count, **order)
    assert all(len(page["Resources"]) <= count for page in pages)
    ids = [user["id"] for page in pages for user in page["Resources"]]
    expected = root.ids("/Users", **order)
    assert ids == expected if order else sorted(ids) == sorted(expected)


def test_projections(root: Root) -> None:
    (user,) = root.get(
        "/Users", filter='userName eq "ann" and target eq "moodle"', attributes="userName"
    ).json["Resources"]
    assert user.keys() == {"schemas", "id", "userName", ORIGIN.urn}
    assert user[ORIGIN.urn] == {"target": "moodle"}
    shown = root.get(f"/Users/{user['id']}", excludedAttributes="userName,meta").json
    assert {"userName", "meta"}.isdisjoint(shown)


def test_search_by_post_and_the_plans(root: Root) -> None:
    filter = 'userName eq "ann" and target ne "canvas"'
    body = {"schemas": [SEARCH_REQUEST], "filter": filter}
    found = root.post("/Users/.search", body).json
    assert found["totalResults"] == 4
    root.service.forget()
    plans = {
        plan["target"]: plan for plan in root.get("/Users/.explain", filter=filter).json["plans"]
    }
    assert root.service.calls == 0
    assert [*plans] == [*TARGETS]
    assert "core_user_get_users_by_field" in plans["moodle"]["plan"]
    assert plans["canvas"]["plan"].startswith("No call")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/Users"),
        ("PUT", "/Users/moodle:2"),
        ("PATCH", "/Users/moodle:2"),
        ("DELETE", "/Users/moodle:2"),
        ("POST", "/Bulk"),
        ("POST", "/Schemas"),
    ],
)
def test_it_only_reads(root: Root, method: str, path: str) -> None:
    answer = root.send(method, path, person("eve"))
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert root.service.calls == 0


def test_what_is_not_there(root: Root) -> None:
    for path in ("/Users/5", "/Users/nowhere:5", "/Users/moodle:999999", "/Nothing", "/Me"):
        assert root.get(path).status_code == 404, path
    assert root.get("/Users", filter='nothing eq "x"').json["scimType"] == "invalidFilter"
    assert root.get("/Users", cursor="made-up").json["scimType"] == "invalidCursor"


def test_it_says_what_it_is(root: Root) -> None:
    told = root.get("/ServiceProviderConfig").json
    assert not told["patch"]["supported"]
    assert not told["bulk"]["supported"]
    assert not told["etag"]["supported"]
    assert told["filter"]["supported"]
    assert told["pagination"]["cursor"]
    types = root.get("/ResourceTypes").json["Resources"]
    assert [one["name"] for one in types] == ["User", "Group", "Course", "Membership", "Role"]
    for one in types:
        assert one["schemaExtensions"][-1]["schema"] == ORIGIN.urn
        assert root.get(f"/ResourceTypes/{one['id']}").json == one
    schemas = {one["id"]: one for one in root.get("/Schemas").json["Resources"]}
    assert [a["name"] for a in schemas[ORIGIN.urn]["attributes"]] == ["target"]
    assert root.get(f"/Schemas/{ORIGIN.urn}").json == schemas[ORIGIN.urn]
    assert root.service.app.test_client().get("/scim/v2/ServiceProviderConfig").status_code == 200
    assert root.service.app.test_client().get("/scim/v2/Users").status_code == 401


def test_a_token_sees_its_targets(root: Root) -> None:
    def get(path: str, *scopes: str, targets: tuple[str, ...] = ("all",)) -> TestResponse:
        made = root.service.tokens.create("limited", targets, scopes)
        headers = {"Authorization": f"Bearer {made}"}
        answer = root.service.client.get(f"/scim/v2{path}", headers=headers)
        check_answer(answer)
        return answer

    found = get("/Users", "users:read", targets=("moodle", "canvas")).json["Resources"]
    assert {user[ORIGIN.urn]["target"] for user in found} == {"moodle", "canvas"}
    mine = found[0]["id"]
    assert get(f"/Users/{mine}", "users:read", targets=("moodle",)).status_code == 200
    assert get(f"/Users/{mine}", "users:read", targets=("canvas",)).status_code == 404
    assert get("/Users", "groups:read").status_code == 403
    assert get(f"/Users/{mine}", "groups:read").status_code == 403
    assert get("/Users", "users:read", targets=("gone",)).status_code == 403


def test_who_is_down_is_named_and_the_rest_delivered(make: Callable[..., Service]) -> None:
    service = make("memory", "moodle", "canvas", moodle_options={"token": "wrong"})
    root = Root(service)
    for name in ("memory", "canvas"):
        Scim(service, name).add("ann")
    for query in ({}, {"sortBy": "userName"}, {"startIndex": 2, "count": 1}, {"cursor": ""}):
        answer = root.get("/Users", filter='userName eq "ann"', **query).json
        assert answer["schemas"] == [LIST_RESPONSE, UNAVAILABLE]
        (down,) = answer[UNAVAILABLE]["unavailable"]
        assert down["target"] == "moodle"
        assert int(down["status"]) >= 500
        assert down["detail"]
        assert answer.get("totalResults", 2) == 2
        assert len(answer["Resources"]) == (1 if "count" in query else 2)
    alone = root.get("/Users", filter='target eq "moodle"')
    assert alone.status_code == int(down["status"])
    assert root.get("/Users/moodle:5").status_code == int(down["status"])
    assert root.get("/Users", filter='target ne "moodle"').json["schemas"] == [LIST_RESPONSE]


def test_a_list_by_cursor_does_not_end_before_who_was_down_is_read(
    make: Callable[..., Service],
) -> None:
    service = make("memory", "moodle", users=3)
    root = Root(service)
    Scim(service, "memory").add("ann")
    service.moodle.site.settings.maintenance = "site"
    first = root.get("/Users", cursor="", count=2).json
    assert [user["userName"] for user in first["Resources"]] == ["ann"]
    assert first[UNAVAILABLE]["unavailable"][0]["target"] == "moodle"
    assert first["totalResults"] == 1
    again = {"cursor": first["nextCursor"], "count": 2}
    assert root.get("/Users", **again).status_code >= 500
    service.moodle.site.settings.maintenance = ""
    second = root.get("/Users", **again).json
    assert UNAVAILABLE not in second
    assert len(second["Resources"]) == 2
    ids = [user["id"] for user in second["Resources"]]
    while "nextCursor" in second:
        second = root.get("/Users", cursor=second["nextCursor"]).json
        ids += [user["id"] for user in second["Resources"]]
    assert ids == root.ids("/Users", filter='target eq "moodle"')


def test_in_an_order_who_was_down_stays_out(make: Callable[..., Service]) -> None:
    service = make("memory", "moodle", users=3)
    root = Root(service)
    for login in ("ann", "bob", "zoe"):
        Scim(service, "memory").add(login)
    service.moodle.site.settings.maintenance = "site"
    query = {"sortBy": "userName", "count": 2}
    first = root.get("/Users", cursor="", **query).json
    service.moodle.site.settings.maintenance = ""
    second = root.get("/Users", cursor=first["nextCursor"], **query).json
    assert [user["userName"] for page in (first, second) for user in page["Resources"]] == [
        *("ann", "bob", "zoe")
    ]
    for page in (first, second):
        assert [one["target"] for one in page[UNAVAILABLE]["unavailable"]] == ["moodle"]
    assert "nextCursor" not in second


def test_a_target_that_wants_reads_recorded_has_these_too(make: Callable[..., Service]) -> None:
    service = make("memory", "moodle", moodle_policies={"audit_reads": True})
    root = Root(service)
    id = Scim(service, "moodle").add("ann")
    before = len(service.events)
    root.get("/Users", filter='userName eq "ann"')
    root.get(f"/Users/moodle:{id}")
    root.get("/Users", filter='target eq "memory"')
    root.get("/Schemas")
    root.get("/Users/moodle:999999")
    root.get("/AuditEvents", count=1)
    seen = [
        (e["operation"], e["target"], e["resourceType"], e.get("resourceId"), e.get("login"))
        for e in service.events[before:]
    ]
    assert seen == [
        ("read", "moodle", "User", None, "ann"),
        ("read", "moodle", "User", id, None),
        ("read", "moodle", "AuditEvent", None, None),
    ]
