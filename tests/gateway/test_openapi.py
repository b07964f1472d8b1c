"""The OpenAPI document of each target: valid, complete, and what the service really answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from werkzeug.test import TestResponse

from tests.campaign import api
from tests.gateway.service import Scim, patch_op, person, team

Node = dict[str, Any]


@pytest.fixture
def document(scim: Scim) -> Node:
    """Give the document of each target in turn."""
    answer = scim.service.client.get(f"{scim.base}/openapi.json")
    assert answer.content_type == "application/json"
    return dict(answer.json)


def test_it_is_valid(document: Node, scim: Scim) -> None:
    validate(document, cls=OpenAPIV31SpecValidator)
    assert [server["url"] for server in document["servers"]] == [f"http://localhost{scim.base}"]


def operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def served(scim: Scim) -> set[tuple[str, str]]:
    """Return method and path of everything that is served in the target, by its routes."""
    target = scim.service.app.extensions["matricula"]["targets"][scim.name]
    endpoints = [c.mapping.full.endpoint for c in target.connector.collections.values()]
    found = set()
    for rule in scim.service.app.url_map.iter_rules():
        if not rule.rule.startswith("/<target>/scim/v2"):
            continue
        path = rule.rule.removeprefix("/<target>/scim/v2").replace("<", "{").replace(">", "}")
        for endpoint in endpoints if "{endpoint}" in path else [""]:
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                found.add((method, path.replace("{endpoint}", endpoint)))
    # Some routes are there to refuse: other methods with 405, /Me with 501.
    return {
        (m, path)
        for m, path in found
        if scim.service.client.open(scim.base + path, method=m).status_code not in (405, 501)
    }


def test_every_route_stands_in_it_and_nothing_else(document: Node, scim: Scim) -> None:
    described = {(method, path) for method, path, _ in operations(document)}
    assert described | {("GET", "/openapi.json")} == served(scim)


def test_every_operation_but_the_public_one_needs_a_token(document: Node, scim: Scim) -> None:
    stranger = scim.service.app.test_client()
    assert stranger.get(f"{scim.base}/openapi.json").status_code == 401
    for method, path, operation in operations(document):
        status = stranger.open(scim.base + path, method=method).status_code
        assert status == (200 if operation.get("security") == [] else 401), (method, path)


def test_operations_have_names_of_their_own(document: Node) -> None:
    names = [operation["operationId"] for *_, operation in operations(document)]
    assert len(names) == len(set(names))


def test_every_component_is_used(document: Node) -> None:
    used = set(re.findall(r"#/components/(\w+/[\w-]+)", str(document)))
    made = {
        f"{kind}/{name}"
        for kind, parts in document["components"].items()
        for name in parts
        if kind != "securitySchemes"
    }
    assert used == made


def resolved(document: Node, node: Node) -> Node:
    """Return the component that a reference names, or the node itself."""
    if "$ref" not in node:
        return node
    _, _, kind, name = node["$ref"].split("/")
    return dict(document["components"][kind][name])


def expect_fit(document: Node, template: str, answer: TestResponse) -> None:
    """Check an answer against what the document says of its operation and status."""
    operation = document["paths"][template][answer.request.method.lower()]
    described = resolved(document, operation["responses"][str(answer.status_code)])
    assert set(described.get("headers", ())) >= {"ETag", "Location"} & {*answer.headers.keys()}
    if "content" not in described:
        assert answer.data == b""
        return
    schema = described["content"][answer.content_type]["schema"]
    whole = {**schema, "components": document["components"]}
    found = jsonschema_rs.Draft202012Validator(whole, validate_formats=True).iter_errors(
        answer.json
    )
    assert [f"{list(e.instance_path)}: {e.message}" for e in found] == []


def test_answers_fit(document: Node, scim: Scim) -> None:
    def fits(method: str, template: str, status: int, body: Any = None, **more: Any) -> Any:
        path = template.replace("{id}", more.pop("id", ""))
        answer = scim.send(method, path, body, **more)
        assert answer.status_code == status, answer.text
        expect_fit(document, template, answer)
        return answer.json if answer.data else None

    rich = {
        "externalId": "E1",
        "active": False,
        "password": "Correct-Horse-1",
        "locale": "en",
        "timezone": "Europe/Oslo",
        "addresses": [{"type": "work", "locality": "Oslo", "country": "NO"}],
        "phoneNumbers": [{"type": "a word of one's own", "value": "1"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Physics"},
    }
    ann = fits("POST", "/Users", 201, person("ann", **rich))["id"]
    team_id = fits("POST", "/Groups", 201, team("Staff", ann, externalId="G1"))["id"]
    fits("POST", "/Users", 409, person("ann"))
    fits("POST", "/Users", 400, {"userName": 5})
    fits("POST", "/Users", 415, data=b"{}", content_type="text/plain")
    fits("GET", "/Users/{id}", 200, id=ann)
    fits("GET", "/Users/{id}", 200, id=ann, query_string={"attributes": "userName,groups"})
    fits("GET", "/Users/{id}", 404, id="999")
    fits("GET", "/Users/{id}", 401, id=ann, headers={"Authorization": "Bearer none"})
    fits("GET", "/Groups/{id}", 200, id=team_id)
    shown = {"attributes": "members.display,members.value"}
    fits("GET", "/Groups/{id}", 200, id=team_id, query_string=shown)
    for query in ({}, {"cursor": "", "count": 1}, {"filter": 'userName eq "no"'}, {"count": 0}):
        fits("GET", "/Users", 200, query_string=query)
        fits("POST", "/Users/.search", 200, query)
        fits("GET", "/Users/.explain", 200, query_string=query)
        fits("GET", "/Groups", 200, query_string={**query, "filter": "displayName pr"})
    fits("GET", "/Users", 400, query_string={"filter": "x"})
    fits("GET", "/", 200)
    assert "totalResults" not in fits("GET", "/", 200, query_string={"cursor": "", "count": 1})
    fits("POST", "/.search", 200, {"filter": "id pr"})
    change = patch_op({"op": "replace", "path": "name.familyName", "value": "Roe"})
    fits("PUT", "/Users/{id}", 200, person("ann"), id=ann)
    fits("PATCH", "/Users/{id}", 200, change, id=ann)
    rename = patch_op({"op": "replace", "path": "displayName", "value": "Team"})
    fits("PATCH", "/Groups/{id}", 200 if scim.name == "memory" else 204, rename, id=team_id)
    fits("PATCH", "/Users/{id}", 412, change, id=ann, headers={"If-Match": 'W/"old"'})
    fits("POST", "/Users/{id}/.enable", 204, id=ann)
    fits("POST", "/Users/{id}/.disable", 204, id=ann)
    fits("POST", "/Users/{id}/.resetPassword", 200, {"generate": True}, id=ann)
    fits("POST", "/Users/{id}/.resetPassword", 204, {"password": "Correct-Horse-2"}, id=ann)
    fits("POST", "/Users/{id}/.validate", 200, {"userName": "bob"}, id=ann)
    fits("POST", "/Users/{id}/.validate", 200, {}, id="999")
    fits("POST", "/Users/.validate", 200, {"userName": "ann"})
    fits("DELETE", "/Users/{id}", 204, id=ann)
    newest = fits("GET", "/AuditEvents", 200)["Resources"][-1]["id"]
    fits("GET", "/AuditEvents/{id}", 200, id=newest)
    fits("POST", "/AuditEvents/.search", 200, {"filter": "changes pr", "count": 2})
    for path in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas"):
        fits("GET", path, 200)
        fits("GET", path, 403, query_string={"filter": "id pr"})


def test_a_known_version_fits(document: Node, scim: Scim) -> None:
    path = f"{scim.base}/Users/{scim.add('ann')}"
    answer = scim.service.client.get(path, headers={"If-None-Match": "*"})
    assert answer.status_code == 304
    expect_fit(document, "/Users/{id}", answer)


def test_an_operation_of_bulk_fits(document: Node, scim: Scim) -> None:
    post = {"method": "POST", "path": "/Users", "bulkId": "a", "data": person("ann")}
    wrong = {"method": "DELETE", "path": "/Users/999"}
    urn = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    answer = scim.post("/Bulk", {"schemas": [urn], "Operations": [post, wrong]})
    assert answer.status_code == 200
    expect_fit(document, "/Bulk", answer)


def test_named_parts_of_the_discovery_fit(document: Node, scim: Scim) -> None:
    for parameter, template in (("name", "/ResourceTypes/{name}"), ("urn", "/Schemas/{urn}")):
        known = document["components"]["parameters"][parameter]["schema"]["enum"]
        assert len(known) >= 3
        for one in (*known, "nothing"):
            answer = scim.get(template.replace(f"{{{parameter}}}", one))
            assert answer.status_code == (404 if one == "nothing" else 200)
            expect_fit(document, template, answer)


def test_the_attributes_are_those_of_the_schemas(document: Node, scim: Scim) -> None:
    for kind in scim.get("/ResourceTypes").json["Resources"]:
        shown = document["components"]["schemas"][kind["name"]]
        if f"{kind['name']}ToWrite" not in document["components"]["schemas"]:
            assert kind["name"] == "Role"
            continue
        sent = document["components"]["schemas"][f"{kind['name']}ToWrite"]
        compare(scim, kind["schema"], shown, sent)
        for extension in kind["schemaExtensions"]:
            urn = extension["schema"]
            compare(scim, urn, shown["properties"][urn], sent["properties"][urn])


def compare(scim: Scim, urn: str, shown: Node, sent: Node) -> None:
    """Check the schemas of what is shown and sent against one of the target's own /Schemas."""
    common = {"schemas", "id", "externalId", "meta"}
    declared = scim.get(f"/Schemas/{urn}").json["attributes"]
    names = {name for name in sent.get("required", ()) if name not in common}
    assert names == {a["name"] for a in declared if a["required"]}
    seen = {name for name in shown["properties"] if not name.startswith("urn:")} - common
    assert seen == {a["name"] for a in declared if a["returned"] != "never"}
    for attribute in declared:
        name, mutability = attribute["name"], attribute["mutability"]
        assert (name in sent["properties"]) == (mutability != "readOnly")
        for schema in (shown, sent):
            held = schema["properties"].get(name, {mutability: True})
            assert held.get("readOnly", False) == (mutability == "readOnly"), name
            assert held.get("writeOnly", False) == (mutability == "writeOnly"), name
            if "description" in held:
                assert held["description"] == attribute["description"]
                assert (held.get("type") == "array") == attribute["multiValued"]


def test_strict_targets_demand_schemas(make: Any) -> None:
    for strict in (False, True):
        service = make(policies={"strict": strict})
        parts = service.client.get("/memory/scim/v2/openapi.json").json["components"]
        assert ("schemas" in parts["schemas"]["UserToWrite"].get("required", ())) == strict


def test_what_schemathesis_makes_of_it() -> None:
    report = api.run(400, seed=1)
    assert not report.failures, report.text()
