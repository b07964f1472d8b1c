"""What clients send beside the standard: taken as meant, or refused where the target is strict.

The rows are those of the table in docs/clients.md, and each is sent in both modes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from schemas.attributes import CORE, ENTERPRISE
from tests.gateway.service import (
    TARGETS,
    Scim,
    Service,
    make_service,
    patch_op,
    person,
    team,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"
TAKEN, REFUSED = "taken", "refused"


@dataclass(frozen=True)
class Row:
    """What is sent, to which resource, and how it ends: by default, and where strict."""

    method: str
    path: str
    body: Callable[[str, str], Any]
    default: str = TAKEN
    strict: str = REFUSED
    content_type: str = "application/scim+json"


def on_user(*operations: dict[str, Any], **more: Any) -> Row:
    return Row("PATCH", "/Users/{user}", lambda user, group: patch_op(*operations), **more)


def on_group(make: Callable[[str], dict[str, Any]], **more: Any) -> Row:
    return Row("PATCH", "/Groups/{group}", lambda user, group: patch_op(make(user)), **more)


def new_user(**body: Any) -> Row:
    return Row("POST", "/Users", lambda user, group: {**person("new"), **body})


def replaced(value: Any) -> dict[str, Any]:
    return {"op": "replace", "value": value}


def whole(change: Callable[[dict[str, Any], str], dict[str, Any]], **more: Any) -> Row:
    return Row("PUT", "/Users/{user}", lambda user, group: change(person("ann"), user), **more)


BOTH = {"strict": TAKEN}
NEITHER = {"default": REFUSED}
WORK = 'emails[type eq "work"].value'
HOME = 'emails[type eq "home"].value'

ROWS: dict[str, Row] = {
    "capitalised `op`": on_user({"op": "Replace", "path": "name.givenName", "value": "Bea"}),
    '`"False"` for a boolean': on_user({"op": "replace", "path": "active", "value": "False"}),
    "`null` as a value": on_user({"op": "replace", "path": "externalId", "value": None}, **BOTH),
    "empty text as a value": on_user({"op": "replace", "path": "externalId", "value": ""}, **BOTH),
    "empty lists": whole(
        lambda body, user: {**body, "emails": body["emails"], "groups": []}, **BOTH
    ),
    "dotted keys without a path": on_user(replaced({"name.givenName": "Bea"})),
    "URN-qualified keys without a path": on_user(replaced({f"{ENTERPRISE}:department": "Art"})),
    "value paths as keys without a path": on_user(replaced({WORK: "bea@example.edu"})),
    "a list of values to remove": on_group(
        lambda user: {"op": "remove", "path": "members", "value": [{"value": user}]}
    ),
    "extra schema URIs": new_user(schemas=[CORE + "User", "urn:example:extra"]),
    "no `schemas`": Row("POST", "/Users", lambda u, g: {**person("new"), "schemas": None}),
    "the manager as a bare string": on_user(
        {"op": "add", "path": f"{ENTERPRISE}:manager", "value": "5"}
    ),
    "Add on a value path that matches nothing": on_user(
        {"op": "add", "path": HOME, "value": "ann@home.example"}
    ),
    "Replace on a value path that matches nothing": on_user(
        {"op": "replace", "path": HOME, "value": "ann@home.example"}, **NEITHER
    ),
    "Remove that matches nothing": on_group(
        lambda user: {"op": "remove", "path": 'members[value eq "none"]'}
    ),
    "one value where a list is meant": on_group(
        lambda user: {"op": "add", "path": "members", "value": {"value": user}}
    ),
    "read-only attributes in a POST or PUT": whole(
        lambda body, user: {
            **body,
            "id": user,
            "meta": {"version": "x"},
            "groups": [{"value": "1"}],
        },
        **BOTH,
    ),
    "read-only attributes in a PATCH without a path": Row(
        "PATCH", "/Groups/{group}", lambda u, g: patch_op(replaced({"id": g, "displayName": "B"}))
    ),
    "unknown attributes": new_user(shoeSize=42),
    "two primary values": Row(
        "POST",
        "/Users",
        lambda u, g: {
            **person("new"),
            "addresses": [{"type": k, "locality": k, "primary": True} for k in ("work", "home")],
        },
        default=REFUSED,
    ),
    "an empty `path`": on_user({"op": "replace", "path": "", "value": {"externalId": "7"}}),
    "names in another letter case": on_user(
        {"OP": "replace", "Path": "NAME.GIVENNAME", "VALUE": "Bea"}, **BOTH
    ),
    "`application/json`": Row(
        "POST", "/Users", lambda u, g: person("new"), strict=TAKEN, content_type="application/json"
    ),
    "`$ref: null` beside a value": on_group(
        lambda user: {"op": "add", "path": "members", "value": [{"$ref": None, "value": user}]},
        **BOTH,
    ),
    "the same value twice": on_group(
        lambda user: {"op": "replace", "path": "members", "value": [{"value": user}] * 2}, **BOTH
    ),
}


def rows_of_the_document() -> dict[str, tuple[str, str]]:
    """Return what docs/clients.md says of each row: by default, and where strict."""
    rows = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and re.match(TAKEN + "|" + REFUSED, cells[2]):
            rows[cells[0]] = (cells[2].partition(":")[0], cells[3].partition(":")[0])
    return rows


def test_the_document_has_exactly_these_rows() -> None:
    assert rows_of_the_document() == {name: (row.default, row.strict) for name, row in ROWS.items()}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Service]]:
    """Give two gateways: one as it comes, one that is strict."""
    made = {
        strict: make_service(
            tmp_path_factory.mktemp("lenient"), policies={"strict": strict, "delete": "delete"}
        )
        for strict in (False, True)
    }
    yield made
    for service in made.values():
        service.close()


def clear(scim: Scim) -> None:
    """Delete what the row before has left."""
    for endpoint in ("/Groups", "/Users"):
        for held in scim.get(endpoint).json.get("Resources", ()):
            if held.get("userName", "ann") in ("ann", "new", "Ann"):
                # A set of groups takes its groups with it.
                assert scim.delete(f"{endpoint}/{held['id']}").status_code in (204, 404)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
@pytest.mark.parametrize("name", ROWS)
def test_a_row(name: str, strict: bool, target: str, both: dict[bool, Service]) -> None:
    row = ROWS[name]
    scim = Scim(both[strict], target)
    clear(scim)
    user = scim.add("ann")
    group = str(scim.post("/Groups", team("Staff", user)).json["id"])
    body = {k: v for k, v in row.body(user, group).items() if v is not None}
    path = row.path.format(user=user, group=group)
    before = scim.get(path).json if "{" in row.path else None
    answer = scim.service.client.open(
        scim.base + path, method=row.method, json=body, content_type=row.content_type
    )
    outcome = row.strict if strict else row.default
    assert answer.status_code in ((200, 201, 204) if outcome == TAKEN else (400,)), answer.text
    if outcome == REFUSED and before is not None:
        assert scim.get(path).json == before
