"""Bad input of every kind: always a SCIM error with the right media type, never a 500."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.gateway.service import (
    TARGETS,
    Scim,
    Service,
    check_answer,
    patch_op,
    person,
)

EXAMPLES = int(os.environ.get("MATRICULA_EXAMPLES", "70"))
JSON = "application/scim+json"


@pytest.fixture(params=TARGETS)
def scim(request: pytest.FixtureRequest, shared: Service) -> Scim:
    return Scim(shared, request.param)


def send(scim: Scim, method: str, path: str, data: bytes, type: str | None = JSON) -> TestResponse:
    response = scim.service.client.open(
        scim.base + path, method=method, data=data, content_type=type
    )
    check_answer(response)
    return response


WRITES = [
    ("POST", "/Users"),
    ("PUT", "/Users/5"),
    ("PATCH", "/Users/5"),
    ("POST", "/Groups"),
    ("PUT", "/Groups/cohort-1"),
    ("PATCH", "/Groups/cohort-1"),
    ("POST", "/Users/.search"),
    ("POST", "/.search"),
    ("POST", "/Users/5/.resetPassword"),
    ("POST", "/Users/5/.validate"),
    ("POST", "/Users/.validate"),
]
BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "text": b"userName=ann",
    "a list": b"[]",
    "a string": b'"x"',
    "a number": b"5",
    "null": b"null",
    "true": b"true",
    "NaN": b'{"userName": NaN}',
    "infinity": b'{"userName": 1e999}',
    "a huge number": b'{"userName": ' + b"9" * 5000 + b"}",
    "a lone surrogate": b'{"userName": "\\ud800"}',
    "an encoded surrogate": b'{"userName": "\xed\xa0\x80"}',
    "no UTF-8": b'{"userName": "\xff"}',
    "UTF-16": '{"userName": "ann"}'.encode("utf-16"),
    "two values": b"{} {}",
    "a trailing comma": b'{"userName": "ann",}',
    "10,000 levels": b"[" * 10_000 + b"]" * 10_000,
    "10,000 objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(("method", "path"), WRITES)
def test_no_body_breaks_an_endpoint(scim: Scim, method: str, path: str, body: bytes) -> None:
    answer = send(scim, method, path, body)
    if answer.status_code == 200:
        # A dry run tells what is wrong, and without a body there is nothing to compare.
        assert path.endswith("/.validate")
        assert answer.json.get("valid") is False or not body
    else:
        assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("levels", [10, 500, 1000])
@pytest.mark.parametrize("shape", [(b"[", b"]"), (b'{"value":', b"}"), (b'[{"value":', b"}]")])
def test_deep_values_anywhere(scim: Scim, levels: int, shape: tuple[bytes, bytes]) -> None:
    deep = shape[0] * levels + b'"x"' + shape[1] * levels
    for name in ("userName", "active", "emails", "name", "password", "members", "foo"):
        for method, path, body in (
            ("POST", "/Users", person("deep", **{name: "@"})),
            ("POST", "/Groups", {"displayName": "Deep", name: "@"}),
            ("PATCH", "/Users/1", patch_op({"op": "replace", "path": name, "value": "@"})),
            ("PATCH", "/Users/5", patch_op({"op": "replace", "value": {name: "@"}})),
            ("POST", "/Users/.search", {"filter": "@", "attributes": "@"}),
            ("POST", "/Users/5/.resetPassword", {"password": "@"}),
        ):
            data = orjson.dumps(body).replace(b'"@"', deep)
            answer = send(scim, method, path, data)
            assert answer.status_code in (200, 201, 204, 400, 404, 409)


VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 2**63 - 1, "", " ", "x" * 10_000, "\u0000", "😀"),
    *([], {}, [[]], [{}], [None], ["x"], [5], {"value": "x"}, {"value": {}}, {"": ""}),
    *([{"value": None}], [{"value": ["x"]}], [{"value": "x", "type": 5}], [{"primary": True}] * 2),
]
NAMES = [
    *("userName", "name", "name.givenName", "emails", "active", "password", "externalId", "id"),
    *("meta", "schemas", "groups", "phoneNumbers", "addresses", "locale", "timezone", "members"),
    *("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "displayName", ""),
    *("urn:ietf:params:scim:schemas:extension:lms:2.0:User", 'emails[type eq "work"]'),
]


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_wrong_types_everywhere(shared: Service, number: int) -> None:
    scim, name = Scim(shared, "moodle"), NAMES[number]
    for turn, value in enumerate(VALUES, number):
        ways = (
            ("POST", "/Users", person("wrong", **{name: value})),
            ("PUT", "/Users/5", person("wrong", **{name: value})),
            ("PATCH", "/Users/5", patch_op({"op": "replace", "path": name, "value": value})),
            ("PATCH", "/Users/5", patch_op({"op": "add", "value": {name: value}})),
            ("PATCH", "/Users/5", patch_op({"op": "remove", "path": name, "value": value})),
            ("PATCH", "/Groups/cohort-1", patch_op({"op": "add", "path": name, "value": value})),
            ("POST", "/Users/.validate", person("wrong", **{name: value})),
        )
        # Each way with each name, and with each value; not all three together, to save time.
        for method, path, body in ways[turn % 3 :: 3]:
            answer = send(scim, method, path, orjson.dumps(body))
            assert answer.status_code < 500, (method, body, answer.text)


@pytest.mark.parametrize(
    "type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data",
     "application/json-patch+json"],
)  # fmt: skip
@pytest.mark.parametrize(("method", "path"), WRITES)
def test_another_media_type_is_refused(scim: Scim, method: str, path: str, type: str) -> None:
    assert send(scim, method, path, b"{}", type).status_code == 415


@pytest.mark.parametrize(
    "type", [None, "application/json", "APPLICATION/JSON; charset=utf-8", JSON + ";charset=x"]
)
def test_media_types_of_json_are_taken(scim: Scim, type: str | None) -> None:
    data = orjson.dumps({"count": 0})
    assert send(scim, "POST", "/Users/.search", data, type).status_code == 200


IDS = [
    *("..%2f..%2fUsers", "..", "%2e%2e", "%00", "5%00", "%0a", "5%0a", "5 ", "+5", "05", "5.0"),
    *("-5", "%D9%A5", "٥", "userName:admin", "username:admin", "_5_1", "externalId:1", "*", "%"),
    *("9" * 400, "x" * 8000, "9" * 30, "cohort-", "cohort-0", "cohort-٣", "%ff", "%ed%a0%80"),
    *("1%20or%201=1", "';--", "<script>", "%7B%7D", "5,6", "5;6", "5%3Fx"),
]


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("endpoint", ["Users", "Groups", "AuditEvents"])
def test_strange_ids_are_not_found(scim: Scim, endpoint: str, id: str) -> None:
    for method, body in (("GET", b""), ("DELETE", b""), ("PUT", b"{}"), ("PATCH", b"{}")):
        answer = send(scim, method, f"/{endpoint}/{id}", body)
        assert answer.status_code in (308, 400, 404, 405), (method, answer.text)
        if method == "GET":
            assert answer.status_code in (308, 404), answer.text


QUERIES = [
    *("startIndex=x", "startIndex=", "startIndex=1.5", "startIndex=-1", "startIndex=1e9"),
    *("startIndex=" + "9" * 20, "startIndex=" + "9" * 5000, "startIndex=-" + "9" * 20),
    *("count=x", "count=-1", "count=" + "9" * 20, "count=%D9%A5", "count=true", "count=NaN"),
    *("sortBy=foo", "sortBy=%00", "sortBy=emails[", "sortBy=" + "x" * 5000, "sortOrder=up"),
    *("sortBy=meta.location", "sortBy=members", "sortBy=password", "sortBy=changes", "sortBy=id"),
    *("sortBy=schemas", "sortBy=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"),
    *("filter=%", "filter=%zz", "filter=%ff", "filter=%ed%a0%80", "filter=%00", "filter=((((("),
    *("filter=" + "(" * 3000, "filter=" + "not+(" * 500, "filter=id+eq+%22" + "x" * 30_000 + "%22"),
    *("filter=" + "+or+".join(["id+eq+%221%22"] * 400), "filter=id+eq+" + "9" * 5000),
    *("filter=id+eq+%22%00%22", "filter=userName+eq+%22%5Cud800%22", "filter=id+eq+NaN"),
    *("attributes=%00", "attributes=,,,", "attributes=" + "x," * 5000, "excludedAttributes=["),
    *("attributes=a&excludedAttributes=b", "attributes=emails[type+eq+%22x%22].value"),
    *("%=1", "&&&", "=", "%00=%00", "filter=id+pr&filter=id+pr", "cursor=x", "startIndex=1&count"),
]


@pytest.mark.parametrize("path", ["/Users", "/Groups", "/AuditEvents", "/", "/Users/.explain"])
def test_strange_queries(scim: Scim, path: str) -> None:
    for query in QUERIES:
        answer = scim.service.client.open(f"{scim.base}{path}", query_string=query)
        check_answer(answer)
        assert answer.status_code in (200, 400, 403), query


@pytest.mark.parametrize("path", ["/Users", "/Groups", "/AuditEvents"])
def test_a_start_far_beyond_the_end_is_an_empty_page(scim: Scim, path: str) -> None:
    answer = scim.get(path, startIndex="99999999999999999999", count=2)
    assert answer.status_code == 200
    assert answer.json["itemsPerPage"] == 0


def test_a_huge_body_is_refused_and_recorded_as_it_was_answered(scim: Scim) -> None:
    data = b'{"userName": "' + b"x" * (8 * 2**20) + b'"}'
    assert send(scim, "POST", "/Users", data).status_code == 413
    assert scim.event["outcome"] == "refused"
    assert scim.event["status"] == 413


def test_keys_given_twice_count_once(scim: Scim) -> None:
    data = b'{"externalId": "1", "externalId": "2", "EXTERNALID": "3", "userName": "twice"'
    data += b', "name": {"givenName": "A", "familyName": "B"}, "emails": [{"value": "t@x.de"}]}'
    answer = send(scim, "POST", "/Users", data)
    assert answer.status_code == 201
    assert answer.json["externalId"] == "3"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "x"},
        {"Content-Length": "-1"},
        {"Content-Length": "9" * 30},
        {"Content-Length": "5"},
        {"Transfer-Encoding": "chunked"},
        {"Transfer-Encoding": "gzip, x"},
        {"X-Request-ID": "x" * 5000},
        {"X-HTTP-Method-Override": "DELETE"},
        {"Accept": "text/html"},
        {"Content-Encoding": "gzip"},
        {"Host": "a b"},
    ],
    ids=str,
)
def test_strange_headers(scim: Scim, headers: dict[str, str]) -> None:
    for path in ("/Users/.search", "/Users/5/.validate", "/Users"):
        response = scim.service.client.post(
            scim.base + path, data=b"{}", content_type=JSON, headers=headers
        )
        check_answer(response)
        assert response.status_code < 500


PATHS = [
    *("", "/", "/Users", "/Users/5", "/Groups", "/Groups/cohort-1", "/AuditEvents"),
    *("/AuditEvents/1", "/AuditEvents/.search", "/Me", "/Schemas", "/Schemas/x", "/Bulk"),
    *("/ResourceTypes", "/ResourceTypes/User", "/ServiceProviderConfig", "/.search"),
    *("/Users/.search", "/Users/.explain", "/Users/.validate", "/Users/5/.enable", "/nothing"),
    *("/Users/5/.disable", "/Users/5/.resetPassword", "/Users/5/.validate", "/Users/5/x/y"),
    *("/Groups/5/.enable", "/Users//5", "//Users", "/ServiceProviderConfig/x", "/Users/"),
]


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO"]


@pytest.mark.parametrize("path", PATHS)
def test_every_method_on_every_endpoint(scim: Scim, path: str) -> None:
    for method in METHODS:
        response = scim.service.client.open(scim.base + path, method=method, data=b"")
        if response.status_code == 308 or (method == "OPTIONS" and response.status_code == 200):
            continue
        check_answer(response)
        if response.status_code == 405:
            assert response.headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/nothing", "/nothing/scim/v2/Users", "/memory", "/%00"])
def test_what_is_no_target_is_not_found(scim: Scim, path: str) -> None:
    response = scim.service.client.get(path)
    assert response.status_code == 404
    check_answer(response)


SEGMENTS = st.sampled_from(
    ["Users", "users", "Groups", "AuditEvents", "Schemas", "ResourceTypes", "5", "1", "cohort-1",
     ".search", ".validate", ".explain", ".enable", ".disable", ".resetPassword", "Me", "..", "%2f"]
) | st.text(max_size=8)  # fmt: skip
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["userName", 'userName eq "ann"', "emails[type eq \"work\"].value", "members", "add",
     "active eq true", "True", "5", "name.givenName", "descending", "id", "meta.created"]
)  # fmt: skip
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NAMES, "value", "type", "primary"]) | TEXTS, inner)
    ),
    max_leaves=12,
)
OPERATION = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "remove"])},
    optional={"path": st.sampled_from(NAMES) | TEXTS, "value": VALUE},
)
BODY = (
    VALUE
    | st.builds(lambda operations: patch_op(*operations), st.lists(OPERATION, max_size=3))
    | st.dictionaries(st.sampled_from(NAMES), VALUE).map(lambda more: {**person("fuzz"), **more})
    | st.dictionaries(
        st.sampled_from(["filter", "startIndex", "count", "sortBy", "sortOrder"]), VALUE
    )
)
QUERY = st.dictionaries(
    st.sampled_from(
        ["filter", "startIndex", "count", "sortBy", "sortOrder", "attributes", "excludedAttributes"]
    ),
    TEXTS,
    max_size=3,
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(TARGETS),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    segments=st.lists(SEGMENTS, max_size=3),
    query=QUERY,
    body=BODY,
)
def test_nothing_makes_it_fail(
    shared: Service, name: str, method: str, segments: list[str], query: dict[str, str], body: Any
) -> None:
    try:
        data = orjson.dumps(body)
    except TypeError:
        data = repr(body).encode("utf-8", "surrogatepass")
    path = f"/{name}/scim/v2/" + "/".join(quote(segment, safe="%") for segment in segments)
    response = shared.client.open(
        path,
        method=method, query_string=query, data=data, content_type=JSON,
    )  # fmt: skip
    if response.status_code != 308:
        check_answer(response)
        assert response.status_code in range(200, 500) or response.status_code == 501
