"""What a target says of itself (RFC 7644 section 4), and that it is true."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.messages import LIST_RESPONSE
from tests.gateway.service import Scim, person

ENDPOINTS = ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"]


def test_the_features(shared_scim: Scim) -> None:
    told = shared_scim.get("/ServiceProviderConfig").json
    assert told["patch"] == {"supported": True}
    assert told["filter"]["supported"] is True
    assert told["sort"] == {"supported": True}
    assert told["etag"] == {"supported": True}
    assert told["bulk"]["supported"] is True
    assert told["changePassword"] == {"supported": True}
    assert told["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    assert told["meta"]["location"].endswith(f"{shared_scim.base}/ServiceProviderConfig")


@pytest.mark.parametrize("path", ENDPOINTS[1:])
def test_lists_and_their_parts(shared_scim: Scim, path: str) -> None:
    listed = shared_scim.get(path, startIndex=50, count=1, sortBy="x").json
    assert listed["schemas"] == [LIST_RESPONSE]
    assert listed["totalResults"] == len(listed["Resources"]) >= 2
    for entry in listed["Resources"]:
        assert shared_scim.get(f"{path}/{entry['id']}").json == entry
        assert shared_scim.get(f"{path}/{entry['id'].upper()}").json == entry
        assert entry["meta"]["location"].endswith(f"{shared_scim.base}{path}/{entry['id']}")
    assert shared_scim.get(path, filter='name eq "User"').status_code == 403
    assert shared_scim.get(f"{path}/nothing").status_code == 404


def test_the_features_take_no_filter_either(shared_scim: Scim) -> None:
    assert shared_scim.get("/ServiceProviderConfig", filter="patch pr").status_code == 403


@pytest.mark.parametrize("path", [*ENDPOINTS, *(f"{path}/User" for path in ENDPOINTS)])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_discovery_is_read_only(shared_scim: Scim, path: str, method: str) -> None:
    answer = shared_scim.send(method, path, {})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_there_is_no_me(shared_scim: Scim, method: str) -> None:
    assert shared_scim.send(method, "/Me", {}).status_code == 501


def declared(scim: Scim, name: str) -> dict[str, dict[str, Any]]:
    """Return the attributes of a resource type by urn:name, in any of its schemas."""
    kind = scim.get(f"/ResourceTypes/{name}").json
    urns = [kind["schema"], *(e["schema"] for e in kind["schemaExtensions"])]
    return {
        f"{urn}:{attribute['name']}": attribute
        for urn in urns
        for attribute in scim.get(f"/Schemas/{urn}").json["attributes"]
    }


def test_nothing_undeclared_is_returned(scim: Scim) -> None:
    ann = scim.add("ann", externalId="E1", title="Dr", locale="en", timezone="Europe/Madrid")
    group = scim.add_group("Staff", ann, externalId="G1")
    for name, path in (("User", f"/Users/{ann}"), ("Group", f"/Groups/{group}")):
        known = declared(scim, name)
        core = scim.get(f"/ResourceTypes/{name}").json["schema"]
        for key, value in scim.get(path).json.items():
            if key in ("schemas", "id", "externalId", "meta"):
                continue
            inner = value.items() if key.startswith("urn:") else [(key, value)]
            urn = key if key.startswith("urn:") else core
            for attribute, held in inner:
                definition = known[f"{urn}:{attribute}"]
                assert definition["returned"] != "never"
                subs = {s["name"] for s in definition.get("subAttributes", ())}
                for item in held if isinstance(held, list) else [held]:
                    if isinstance(item, dict):
                        assert set(item) <= subs, (attribute, item)


def test_what_is_required_is_enough(scim: Scim) -> None:
    required = {
        key.rpartition(":")[2] for key, a in declared(scim, "User").items() if a["required"]
    }
    # Every account is active or not, so it is declared required; who leaves it out means active.
    required.discard("active")
    body = person("ann")
    created = scim.post("/Users", {name: body[name] for name in required})
    assert created.status_code == 201
    assert created.json.get("active", True) is True
    for name in required:
        rest = {other: body[other] for other in required - {name}}
        assert scim.post("/Users", rest).status_code == 400


def test_closed_lists_of_values_are_taken_whole_and_nothing_else(moodle: Scim) -> None:
    known = declared(moodle, "User")
    id = moodle.add("ann")
    for name in ("timezone", "locale"):
        values = next(a for k, a in known.items() if k.endswith(f":{name}"))["canonicalValues"]
        for value in (values[0], values[-1]):
            change = {"op": "replace", "path": name, "value": value}
            assert moodle.patch(f"/Users/{id}", change).json.get(name) == value
    wrong = {"op": "replace", "path": "timezone", "value": "Mars/Olympus"}
    assert moodle.patch(f"/Users/{id}", wrong).status_code == 400


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_operators_need_no_token(shared_scim: Scim, path: str) -> None:
    assert shared_scim.service.app.test_client().get(path).status_code == 200
