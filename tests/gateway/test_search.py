"""Lists over HTTP: filters, pages, projections and order (RFC 7644 section 3.4.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schemas.attributes import CORE, ENTERPRISE
from schemas.messages import LIST_RESPONSE, SEARCH_REQUEST
from tests.gateway.service import TARGETS, Scim, Service, make_service, person

LOGINS = ["eve", "ann", "dan", "bob", "cat"]


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a gateway with five users and two groups in each target; tests here only read."""
    service = make_service(tmp_path_factory.mktemp("search"))
    for name in TARGETS:
        scim = Scim(service, name)
        ids = [
            scim.add(
                login,
                name={"givenName": login.capitalize(), "familyName": f"Z{number}"},
                active=login != "bob",
                **({ENTERPRISE: {"department": f"d{number}"}} if login != "cat" else {}),
            )
            for number, login in enumerate(LOGINS)
        ]
        scim.add_group("Staff", *ids[:2])
        scim.add_group("Crew")
    yield service
    service.close()


@pytest.fixture(params=TARGETS)
def scim(request: pytest.FixtureRequest, peopled: Service) -> Scim:
    return Scim(peopled, request.param)


DEPARTMENT = f"{ENTERPRISE}:department"
ONLY = 'emails.value ew "@example.edu"'
"""All of the test's users and none of Moodle's own."""


def test_a_list_counts_everything_and_shows_a_page(scim: Scim) -> None:
    answer = scim.get("/Users", filter=ONLY, startIndex=2, count=2).json
    assert answer["schemas"] == [LIST_RESPONSE]
    assert answer["totalResults"] == 5
    assert answer["itemsPerPage"] == len(answer["Resources"]) == 2
    assert answer["startIndex"] == 2


@pytest.mark.parametrize(
    ("query", "start", "shown"),
    [
        ({"startIndex": 0}, 1, 5),
        ({"startIndex": -7}, 1, 5),
        ({"startIndex": 5}, 5, 1),
        ({"startIndex": 6}, 6, 0),
        ({"startIndex": 10**9}, 10**9, 0),
        ({"count": 1}, 1, 1),
        ({"count": 10**9}, 1, 5),
        ({"startIndex": 4, "count": 10}, 4, 2),
    ],
)
def test_pages(scim: Scim, query: dict[str, int], start: int, shown: int) -> None:
    answer = scim.get("/Users", filter=ONLY, **query).json
    assert answer["totalResults"] == 5
    assert answer["startIndex"] == start
    assert answer["itemsPerPage"] == len(answer["Resources"]) == shown


@pytest.mark.parametrize("count", [0, -1, -(10**6)])
def test_no_count_gives_the_total_only(scim: Scim, count: int) -> None:
    answer = scim.get("/Users", filter=ONLY, count=count).json
    assert answer["totalResults"] == 5
    assert answer["itemsPerPage"] == 0
    assert "Resources" not in answer


def test_no_match_is_no_error(scim: Scim) -> None:
    answer = scim.get("/Users", filter='userName eq "2819c223-7f76-453a-919d-413861904646"')
    assert answer.status_code == 200
    assert answer.json["totalResults"] == 0
    assert answer.json.get("Resources", []) == []


@pytest.mark.parametrize(
    ("filter", "logins"),
    [
        ('userName eq "ANN"', {"ann"}),
        ('USERNAME EQ "ann"', {"ann"}),
        (f'{CORE}User:userName eq "ann"', {"ann"}),
        ('name.givenName sw "an" or name.given eq "Bob"', {"ann", "bob"}),
        ('userName eq "ann" or userName eq "bob" and active eq true', {"ann"}),
        ('(userName eq "ann" or userName eq "bob") and active eq true', {"ann"}),
        ('not (userName eq "ann") and emails.value ew "@example.edu" and active eq true',
         {"eve", "dan", "cat"}),
        ('emails[type eq "work" and value co "ann@"]', {"ann"}),
        ('emails[type eq "home" and value co "ann@"]', set()),
        ('emails co "bob@"', {"bob"}),
        ('contact.email eq "cat@example.edu"', {"cat"}),
        (f'{ENTERPRISE}:department pr and userName ne "eve"', {"ann", "dan", "bob"}),
        ('department eq "D1"', {"ann"}),
        ('active eq false', {"bob"}),
        ('userName co "%"', set()),
        ('userName co "_"', set()),
        ('name.familyName gt "Z3"', {"cat"}),
        ('meta.resourceType eq "User" and userName eq "dan"', {"dan"}),
        ('title pr', set()),
        ('userName eq "\\u0061nn"', {"ann"}),
    ],
)  # fmt: skip
def test_filters(scim: Scim, filter: str, logins: set[str]) -> None:
    if "department" in filter and not scim.holds(DEPARTMENT):
        logins = set()
    assert set(scim.logins(filter=filter)) == logins


@pytest.mark.parametrize(
    "filter",
    ["userName", 'userName eq', 'userName xx "a"', 'userName eq "a" and', '(userName eq "a"',
     "active gt true", 'userName eq "a', "not userName pr", 'userName eq "a" )', "%", "", " "],
)  # fmt: skip
def test_broken_filters(scim: Scim, filter: str) -> None:
    answer = scim.get("/Users", filter=filter)
    if filter.strip():
        assert answer.status_code == 400
        assert answer.json["scimType"] == "invalidFilter"


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ({"sortBy": "userName"}, ["ann", "bob", "cat", "dan", "eve"]),
        ({"sortBy": "USERNAME", "sortOrder": "descending"}, ["eve", "dan", "cat", "bob", "ann"]),
        ({"sortBy": "name.family", "sortOrder": "Ascending"}, LOGINS),
        ({"sortBy": "emails"}, ["ann", "bob", "cat", "dan", "eve"]),
        ({"sortBy": f"{ENTERPRISE}:department"}, ["eve", "ann", "dan", "bob", "cat"]),
        ({"sortBy": "department", "sortOrder": "descending"}, ["cat", "bob", "dan", "ann", "eve"]),
    ],
)
def test_order(scim: Scim, query: dict[str, str], order: list[str]) -> None:
    if query["sortBy"].endswith("department") and not scim.holds(DEPARTMENT):
        pytest.skip(f"{scim.name} has no department")
    assert scim.logins(filter=ONLY, **query) == order
    assert scim.logins(filter=ONLY, startIndex=3, count=2, **query) == order[2:4]


def test_an_unknown_order_is_refused(scim: Scim) -> None:
    assert scim.get("/Users", sortBy="shoeSize").status_code == 400
    assert scim.get("/Users", sortBy="userName", sortOrder="up").status_code == 400


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"attributes": "userName"}, {"userName"}),
        ({"attributes": "userName,NAME.givenName"}, {"userName", "name"}),
        ({"attributes": f"{ENTERPRISE}:department"}, {ENTERPRISE}),
        ({"attributes": ENTERPRISE}, {ENTERPRISE}),
        ({"attributes": f"{CORE}User:userName"}, {"userName"}),
        ({"attributes": "nothing"}, set()),
        ({"attributes": "password"}, set()),
        ({"ATTRIBUTES": " userName , emails.value "}, {"userName", "emails"}),
    ],
)
def test_asked_for_attributes(scim: Scim, query: dict[str, str], shown: set[str]) -> None:
    if not scim.holds(DEPARTMENT):
        shown = shown - {ENTERPRISE}
    user = scim.get("/Users", filter='userName eq "ann"', **query).json["Resources"][0]
    assert set(user) == {"schemas", "id"} | shown
    if "NAME" in query.get("attributes", ""):
        assert user["name"] == {"givenName": "Ann"}


def test_excluded_attributes(scim: Scim) -> None:
    query = {"excludedAttributes": "ID,schemas,userName,name.familyName,emails"}
    user = scim.get("/Users", filter='userName eq "ann"', **query).json["Resources"][0]
    assert {"id", "schemas", "active"} <= set(user)
    assert not {"userName", "emails"} & set(user)
    assert "familyName" not in user["name"]
    assert "givenName" in user["name"]


def test_both_projections_exclude_each_other(scim: Scim) -> None:
    answer = scim.get("/Users", attributes="userName", excludedAttributes="name")
    assert answer.status_code == 400


def test_groups_without_their_members_cost_less(scim: Scim) -> None:
    scim.service.forget()
    groups = scim.get("/Groups", excludedAttributes="members").json["Resources"]
    assert all("members" not in group for group in groups)
    if scim.name == "moodle":
        assert scim.service.calls == 1


def test_membership_is_a_filter(scim: Scim) -> None:
    group = scim.get("/Groups", filter='displayName eq "staff"').json["Resources"][0]
    member = group["members"][0]["value"]
    for value, total in ((member, 1), ("424242", 0)):
        wanted = f'id eq "{group["id"]}" and members eq "{value}"'
        assert scim.get("/Groups", filter=wanted).json["totalResults"] == total


def test_a_search_request_is_answered_as_the_query_is(scim: Scim) -> None:
    body = {
        "schemas": [SEARCH_REQUEST],
        "filter": ONLY,
        "startIndex": 2,
        "COUNT": 2,
        "sortBy": "userName",
        "sortOrder": "descending",
        "attributes": ["userName"],
    }
    answer = scim.post("/Users/.search", body)
    assert answer.status_code == 200
    query = {**body, "attributes": "userName"}
    del query["schemas"]
    assert answer.json == scim.get("/Users", **query).json
    assert [user["userName"] for user in answer.json["Resources"]] == ["dan", "cat"]


@pytest.mark.parametrize("body", [[], "x", 5, None, {"count": "many"}, {"filter": 5}])
def test_broken_search_requests(scim: Scim, body: Any) -> None:
    assert scim.send("POST", "/Users/.search", body if body is not None else "").status_code == 400


def test_the_root_is_searched_over_all_types(scim: Scim) -> None:
    everything = scim.post("/.search", {"schemas": [SEARCH_REQUEST], "count": 1000}).json
    endpoints = [kind["endpoint"] for kind in scim.get("/ResourceTypes").json["Resources"]]
    total = sum(scim.get(at).json["totalResults"] for at in endpoints if at != "/AuditEvents")
    assert everything["totalResults"] == total == len(everything["Resources"])
    pages = [scim.get("/", startIndex=start, count=3).json for start in range(1, total + 1, 3)]
    assert [r for page in pages for r in page["Resources"]] == everything["Resources"]
    assert all(page["totalResults"] == total for page in pages)
    found = scim.get("/", filter='displayName eq "Staff"').json["Resources"]
    assert [r["meta"]["resourceType"] for r in found] == ["Group"]
    found = scim.get("/", filter='userName eq "ann"').json["Resources"]
    types = [r["meta"]["resourceType"] for r in found]
    # Where all groups are of a course, their members are members of that course as well.
    assert types == ["User"] + ["Membership"] * (scim.name in ("brightspace", "blackboard"))
    assert scim.get("/", filter="nonsense").status_code == 400
    assert "Resources" not in scim.get("/", count=0).json


def test_explain_makes_no_call(scim: Scim) -> None:
    scim.service.forget()
    told = scim.get("/Users/.explain", filter='userName eq "ann" and title pr')
    assert told.status_code == 200
    assert {"plan", "nativeCalls", "residual", "estimatedCalls"} <= set(told.json)
    assert scim.service.calls == 0


def test_an_estimate_says_whether_it_is_a_minimum(scim: Scim) -> None:
    def told(endpoint: str, **query: str) -> tuple[int, bool]:
        answer = scim.get(f"/{endpoint}/.explain", **query).json
        return answer["estimatedCalls"], answer["estimateIsMinimum"]

    scim.service.forget()
    is_memory = scim.name == "memory"  # which reads everything, members included
    more = scim.name == "canvas"  # which tells apart who is active
    lookup = 'userName eq "ann"'
    assert told("Users") == told("Users", filter="externalId pr") == (1 + more, True)
    assert told("Users", filter=lookup) == (1 + more, is_memory or more)
    assert told("Users", filter=f"{lookup} and externalId pr") == (1 + more, is_memory or more)
    assert told("Users", filter='id eq "no id"') == ((1, True) if is_memory else (0, False))
    assert told("Groups", attributes="members") == (1 if is_memory else 2, True)
    assert scim.service.calls == 0


def test_a_lookup_takes_as_many_calls_as_estimated_and_a_list_no_fewer(
    make: Callable[..., Service],
) -> None:
    for name in ("moodle", "blackboard"):
        scim = Scim(make(name, users=250), name)
        for query in ({"count": "1000"}, {"filter": 'userName eq "user1" or userName eq "x"'}):
            told = scim.get("/Users/.explain", **query).json
            scim.service.forget()
            assert scim.get("/Users", **query).status_code == 200
            calls, estimated = scim.service.calls, told["estimatedCalls"]
            assert calls >= estimated if told["estimateIsMinimum"] else calls == estimated
        assert not told["estimateIsMinimum"]


@pytest.mark.parametrize("name", TARGETS)
def test_a_scan_beyond_the_limit_is_refused_with_the_plan(
    name: str, make: Callable[..., Service]
) -> None:
    scim = Scim(make(name, policies={"max_scan": 4}), name)
    for login in LOGINS:
        assert scim.post("/Users", person(login)).status_code == 201
    refused = scim.get("/Users", filter='title eq "x" or active eq true')
    assert refused.status_code == 400
    assert refused.json["scimType"] == "tooMany"
    assert "max_scan" in refused.json["detail"]
    assert "everything" in refused.json["detail"] or "all users" in refused.json["detail"]
    assert scim.get("/Users", filter='userName eq "ann"').status_code == (
        400 if name == "memory" else 200
    )


def simple_paths(scim: Scim, name: str) -> list[str]:
    """Return the paths of everything that a type declares and that has an order."""
    kind = scim.get(f"/ResourceTypes/{name}").json
    paths = ["id", "externalId", "meta.resourceType", "meta.location"]
    for urn in (kind["schema"], *(e["schema"] for e in kind["schemaExtensions"])):
        for attribute in scim.get(f"/Schemas/{urn}").json["attributes"]:
            if attribute["returned"] == "never":
                continue
            path = f"{urn}:{attribute['name']}"
            paths.append(path)
            paths += [f"{path}.{sub['name']}" for sub in attribute.get("subAttributes", ())]
    return paths


@pytest.mark.parametrize("name", ["User", "Group"])
def test_every_declared_attribute_gives_an_order(scim: Scim, name: str) -> None:
    endpoint = f"/{name}s"
    every = sorted(user["id"] for user in scim.get(endpoint).json["Resources"])
    for path in simple_paths(scim, name):
        for order in ("ascending", "descending"):
            answer = scim.get(endpoint, sortBy=path, sortOrder=order)
            assert answer.status_code == 200, (path, answer.text)
            found = [resource["id"] for resource in answer.json["Resources"]]
            assert sorted(found) == every, path


def test_an_order_by_the_value_of_one_kind(scim: Scim) -> None:
    path = 'emails[type eq "work"].value'
    assert scim.logins(filter=ONLY, sortBy=path) == sorted(LOGINS)
    assert scim.logins(filter=ONLY, sortBy=path, sortOrder="descending") == sorted(LOGINS)[::-1]
    assert sorted(scim.logins(filter=ONLY, sortBy='emails[type eq "home"].value')) == sorted(LOGINS)


def test_users_tell_their_groups(scim: Scim) -> None:
    if not scim.holds("groups"):
        pytest.skip(f"{scim.name} does not tell in which groups a person is")
    eve = scim.get("/Users", filter='userName eq "eve"', attributes="groups").json["Resources"][0]
    (group,) = eve["groups"]
    assert group["display"] == "Staff"
    assert group["type"] == "direct"
    assert group["$ref"].endswith(f"{scim.base}/Groups/{group['value']}")
    by_id = scim.get(f"/Users/{eve['id']}", attributes="groups.display").json
    assert by_id["groups"] == [{"display": "Staff"}]
    found = scim.logins(filter=f'groups.value eq "{group["value"]}"')
    assert sorted(found) == ["ann", "eve"]
    assert sorted(scim.logins(filter='groups[display eq "staff"]')) == ["ann", "eve"]
    cat = scim.get("/Users", filter='userName eq "cat"', attributes="groups").json["Resources"][0]
    assert "groups" not in cat


def test_groups_on_request_cost_calls_and_else_none(scim: Scim) -> None:
    scim.service.forget()
    scim.get("/Users", filter='userName eq "eve"')
    alone = scim.service.calls
    scim.get("/Users", filter='userName eq "eve"', attributes="userName,groups")
    if scim.name == "moodle":
        assert (alone, scim.service.calls) == (1, 1 + 3)


def test_members_tell_their_names_when_asked(scim: Scim) -> None:
    query = {"filter": 'displayName eq "Staff"'}
    (plain,) = scim.get("/Groups", **query).json["Resources"]
    assert all("display" not in member for member in plain["members"])
    asked = {"attributes": "members.value,members.display,members.$ref"}
    (named,) = scim.get("/Groups", **query, **asked).json["Resources"]
    for member in named["members"]:
        assert member["display"]
        assert scim.service.client.get(member["$ref"]).json["id"] == member["value"]
    name = named["members"][0]["display"]
    found = scim.get("/Groups", filter=f'members.display eq "{name}"').json
    assert [group["displayName"] for group in found["Resources"]] == ["Staff"]


def test_filters_see_what_is_shown_and_not_held(scim: Scim) -> None:
    ann = scim.get("/Users", filter='userName eq "ann"').json["Resources"][0]["id"]
    staff = scim.get("/Groups", filter='displayName eq "Staff"').json["Resources"][0]["id"]
    for endpoint, id, filter in (
        ("Users", ann, 'meta[resourceType eq "User"]'),
        ("Users", ann, f'meta[location ew "/Users/{ann}"]'),
        ("Users", ann, 'schemas[value ew "2.0:User"]'),
        ("Users", ann, f'groups.$ref ew "/Groups/{staff}"'),
        ("Groups", staff, "members.$ref pr"),
        ("Groups", staff, f'members[$ref ew "/Users/{ann}"]'),
    ):
        if filter.startswith("groups") and not scim.holds("groups"):
            continue
        found = scim.get(f"/{endpoint}", filter=f'{filter} and id eq "{id}"').json
        assert [r["id"] for r in found.get("Resources", ())] == [id], filter
        others = scim.get(f"/{endpoint}", filter=f"not ({filter})", count=1000).json
        assert id not in [r["id"] for r in others.get("Resources", ())], filter
