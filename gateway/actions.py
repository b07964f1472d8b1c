"""Account actions beside the standard: enable, disable, reset a password, validate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import EXCLUDE, fields
from marshmallow import Schema as Form

from connectors.base import Collection
from connectors.passwords import new_password
from gateway import bodies
from gateway.attempts import Caller
from gateway.keys import names_in
from gateway.reading import Reader
from gateway.targets import Target
from gateway.writing import Writer
from schemas.changes import Change, diff
from schemas.errors import ScimError, invalid_value, not_implemented
from schemas.filters import parse_path
from schemas.messages import PATCH_OP, load_form, load_resource

Resource = dict[str, Any]


def set_active(
    writer: Writer, target: Target, collection: Collection, caller: Caller, id: str, active: bool
) -> None:
    """Enable or disable an account; doing it twice changes nothing."""
    _demand(collection, "active", "be enabled or disabled")
    operation = "enable" if active else "disable"
    writer.patch(target, collection, caller, id, lambda: _replacing({"active": active}), operation)


class _Reset(Form):
    class Meta:
        unknown = EXCLUDE

    password = fields.String(load_default=None)
    generate = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    notify = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    must_change = fields.Boolean(
        data_key="mustChange", load_default=False, truthy={True}, falsy={False}
    )


_RESET = _Reset()


def reset_password(
    writer: Writer,
    target: Target,
    collection: Collection,
    caller: Caller,
    id: str,
    body: Callable[[], Any],
) -> str | None:
    """Set the given password, or a generated one, which is returned this once.

    `notify` lets the LMS send its own message instead. `mustChange` demands a new one at the
    next login. Raises 400 unless exactly one of the three is asked for, 501 where the LMS cannot.
    """
    generated: list[str] = []

    def message() -> Any:
        asked = load_form(_RESET, body())
        if [bool(asked["password"]), asked["generate"], asked["notify"]].count(True) != 1:
            raise invalid_value("Give exactly one of password, generate or notify.")
        if asked["notify"]:
            return None
        _demand(collection, "password", "be given a password")
        if asked["generate"]:
            generated.append(new_password())
        wanted: dict[str, Any] = {"password": asked["password"] or generated[0]}
        if asked["must_change"]:
            _demand(collection, "mustChangePassword", "be made to change its password")
            wanted["mustChangePassword"] = True
        return _replacing(wanted)

    writer.patch(
        target,
        collection,
        caller,
        id,
        message,
        "resetPassword",
        collection.request_password_reset,
    )
    return generated[0] if generated else None


def validate_account(
    reader: Reader, target: Target, collection: Collection, id: str, body: Any
) -> Resource:
    """Tell whether an account exists, is usable and has the given attributes; writes nothing."""
    mapping = collection.mapping
    expected, unknown = load_resource(mapping.full, body)
    fitted, unheld = mapping.fit(expected)
    wanted = mapping.costly.keys() & {"active", *names_in(fitted)}
    try:
        resource = reader.find(target, collection, id, frozenset(wanted))
    except ScimError as error:
        if error.status != 404:
            raise
        return {"exists": False, "usable": False, "matches": False, "mismatches": []}
    mismatches = [
        {"path": str(c.path), "expected": c.new, "actual": c.old}
        for c in diff(collection.mapping.resource_type, resource, fitted)
        if c.new is not None and not c.path.secret
    ]
    return {
        "exists": True,
        "usable": resource.get("active", True),
        "matches": not mismatches,
        "mismatches": mismatches,
        "notCompared": sorted({*unknown, *unheld} | _secrets(collection, fitted)),
    }


def validate_new(reader: Reader, target: Target, collection: Collection, body: Any) -> Resource:
    """Return what creating the account would send and what is wrong with it; writes nothing."""
    mapping = collection.mapping
    problems: list[dict[str, Any]] = []
    answer: Resource = {"valid": False, "problems": problems, "ignored": [], "native": {}}
    try:
        resource, ignored = bodies.held(target, collection, body)
        answer["ignored"] = sorted(ignored)
        fitted = bodies.completed(collection, resource)
        secret = {row.field.native for row in mapping.rows if row.path.secret}
        answer["native"] = {
            name: "(secret)" if name in secret else value
            for name, value in mapping.to_native(fitted).items()
        }
        holder = collection.find_again(fitted)
        if holder is not None and not reader.is_deleted(target, collection, holder["id"]):
            problems.append(_problem(ScimError(409, f"{holder['id']} exists.", "uniqueness")))
    except ScimError as error:
        if error.status >= 500:
            raise
        problems.append(_problem(error))
    answer["valid"] = not problems
    return answer


def _problem(error: ScimError) -> dict[str, Any]:
    return {"status": str(error.status), "scimType": error.scim_type, "detail": error.detail}


def _secrets(collection: Collection, fitted: Resource) -> set[str]:
    changes: tuple[Change, ...] = diff(collection.mapping.resource_type, {}, fitted)
    return {str(change.path) for change in changes if change.path.secret}


def _replacing(values: dict[str, Any]) -> dict[str, Any]:
    operations = [{"op": "replace", "path": path, "value": v} for path, v in values.items()]
    return {"schemas": [PATCH_OP], "Operations": operations}


def _demand(collection: Collection, name: str, what: str) -> None:
    path = parse_path(name, collection.mapping.full)
    if not any(row.field.modifiable for row in collection.mapping.rows_of(path)):
        endpoint = collection.mapping.full.endpoint
        raise not_implemented(f"{endpoint} cannot {what} in this target.")
