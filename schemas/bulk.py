"""Bulk requests (RFC 7644 section 3.7): the message, and its references between operations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import ScimError, invalid_syntax, invalid_value
from schemas.messages import PATCH_OP, message_of, refuse_other_message

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

_MARK = "bulkId:"
_WITHIN = re.compile(r'(?<=")bulkId:([^"]+)(?=")')
"""A reference inside a path: `members[value eq "bulkId:x"]`."""


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """One operation as it was sent; `data` may still hold references such as `bulkId:x`."""

    method: str
    path: str
    bulk_id: str | None = None
    data: Any = None
    version: str | None = None

    @property
    def endpoint(self) -> str:
        """Return the endpoint that the path begins with: `Users` of `/Users/5`."""
        return self.path.strip("/").partition("/")[0]

    @property
    def id(self) -> str:
        """Return the rest of the path, "" for an endpoint alone."""
        return self.path.strip("/").partition("/")[2]

    @property
    def references(self) -> frozenset[str]:
        """Return the bulkIds that path and data refer to."""
        return frozenset(references([self.id, self.data]))


def load_bulk(body: Any, *, most: int, strict: bool = False) -> tuple[int, list[BulkOperation]]:
    """Return after how many errors to stop (0: never) and the operations of a BulkRequest.

    Raises 413 for more than `most` operations, 400 for what is no BulkRequest, and for a bulkId
    that two operations share: nobody could tell which of them is referred to.
    """
    message = message_of(body, "schemas", "failOnErrors", "Operations")
    refuse_other_message(message, BULK_REQUEST, strict=strict)
    stop = message.get("failOnErrors")
    if stop is not None and (not isinstance(stop, int) or isinstance(stop, bool) or stop < 1):
        raise invalid_value("failOnErrors must be a whole number of at least 1.")
    written = message.get("Operations")
    if not isinstance(written, list):
        raise invalid_syntax("Operations must be a list.")
    if len(written) > most:
        raise ScimError(413, f"A bulk request may hold {most} operations (maxOperations).")
    operations = [_operation(item) for item in written]
    ids = [operation.bulk_id for operation in operations if operation.bulk_id is not None]
    if twice := {id for id in ids if ids.count(id) > 1}:
        raise invalid_value(f"bulkId {min(twice)[:80]!r} stands for two operations.")
    return stop or 0, operations


def resolved(value: Any, ids: Mapping[str, str]) -> Any:
    """Return a value with ids in place of the references that are known."""
    if isinstance(value, dict):
        return {name: resolved(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, ids) for item in value]
    if not isinstance(value, str) or _MARK not in value:
        return value
    if value.startswith(_MARK):
        return ids.get(value.removeprefix(_MARK), value)
    return _WITHIN.sub(lambda found: ids.get(found[1], found[0]), value)


def without(data: dict[str, Any], unknown: frozenset[str]) -> tuple[dict[str, Any], Any]:
    """Return a new resource without the attributes that refer to what is unknown yet.

    With it comes the PatchOp that sets them later, its references still to be resolved.
    """
    kept: dict[str, Any] = {}
    operations: list[dict[str, Any]] = []
    for name, value in data.items():
        if isinstance(value, dict) and name.lower().startswith("urn:"):
            kept[name] = {n: v for n, v in value.items() if not unknown & {*references(v)}}
            late = {n: v for n, v in value.items() if n not in kept[name]}
            operations += [_replacing(f"{name}:{n}", v) for n, v in late.items()]
        elif unknown & {*references(value)}:
            operations.append(_replacing(name, value))
        else:
            kept[name] = value
    return kept, patch_message(operations)


def patch_message(data: Any) -> Any:
    """Return the PatchOp of a PATCH's data, which may be the bare array of the RFC's example."""
    return {"schemas": [PATCH_OP], "Operations": data} if isinstance(data, list) else data


def _replacing(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def _operation(item: Any) -> BulkOperation:
    message = message_of(item, "method", "bulkId", "version", "path", "data")
    texts = {name: message.get(name) for name in ("method", "path", "bulkId", "version")}
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise invalid_syntax(f"{name} of an operation must be a string.")
    return BulkOperation(
        method=(texts["method"] or "").upper(),
        path=texts["path"] or "",
        bulk_id=texts["bulkId"] or None,
        data=message.get("data"),
        version=texts["version"] or None,
    )


def references(value: Any) -> Iterator[str]:
    """Yield the bulkIds that a value refers to, however deep in it."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str) and _MARK in item:
            if item.startswith(_MARK):
                yield item.removeprefix(_MARK)
            else:
                yield from _WITHIN.findall(item)
