"""JSON Schemas (2020-12) of resources, made from the attribute tables, and of SCIM's messages.

What the service answers is described exactly; what it takes as it should be sent. The service is
more tolerant than that: it ignores what it does not know, and takes names in any letter case.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from gateway.bulk import MAX_OPERATIONS
from gateway.discovery import declared_schemas
from schemas.attributes import CORE, EXTERNAL_ID, ID, META, Attribute, ResourceType, Type
from schemas.bulk import BULK_REQUEST, BULK_RESPONSE
from schemas.errors import ERROR_URN
from schemas.messages import LIST_RESPONSE, PATCH_OP, SEARCH_REQUEST

Node = dict[str, Any]
Use = Literal["shown", "sent", "compared"]
"""How a resource is described: as it is answered, as it is written, or as it is compared with."""

_TYPES: dict[Type, Node] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "decimal": {"type": "number"},
    "integer": {"type": "integer", "format": "int64"},
    "dateTime": {"type": "string", "format": "date-time"},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "reference": {"type": "string"},
}


def component(name: str) -> Node:
    """Return the reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def resource_schema(resource_type: ResourceType, use: Use, *, strict: bool = False) -> Node:
    """Return the schema of a resource; as it is shown, a projection may have taken parts away."""
    own = resource_type.schema
    made = _object((ID, EXTERNAL_ID, META, *own.attributes), use)
    declared = declared_schemas(resource_type)
    urns = {"type": "array", "items": {"enum": [schema.urn for schema in declared]}, "minItems": 1}
    made["properties"] = {"schemas": urns} | made["properties"]
    for schema in declared:
        if schema is not own:
            made["properties"][schema.urn] = _object(schema.attributes, use)
    if use == "shown":
        made["required"] = ["schemas", "id"]
    elif use == "sent" and strict:
        made["required"] = ["schemas", *made.get("required", ())]
    return made


def list_schema(*names: str) -> Node:
    """Return the schema of a ListResponse of resources by the names of their schemas."""
    items = component(names[0]) if len(names) == 1 else {"anyOf": [*map(component, names)]}
    return {
        "type": "object",
        "allOf": [component("ListResponse")],
        "properties": {"Resources": {"type": "array", "items": items}},
    }


def _object(attributes: Iterable[Attribute], use: Use) -> Node:
    if use == "shown":
        held = [a for a in attributes if a.returned != "never"]
    else:
        held = [a for a in attributes if a.declared and a.mutability != "readOnly"]
    made: Node = {"type": "object", "properties": {a.name: _attribute(a, use) for a in held}}
    if use == "shown":
        made["additionalProperties"] = False
    elif use == "sent" and (required := [a.name for a in held if a.required]):
        made["required"] = required
    return made


def _attribute(attribute: Attribute, use: Use) -> Node:
    parts = attribute.sub_attributes
    value = _object(parts, use) if parts else _value(attribute, use)
    made: Node = {"type": "array", "items": value} if attribute.multi_valued else value
    if attribute.description:
        made["description"] = attribute.description
    if attribute.mutability in ("readOnly", "writeOnly"):
        made[attribute.mutability] = True
    return made


def _value(attribute: Attribute, use: Use) -> Node:
    made = _TYPES[attribute.type]
    if not attribute.canonical_values:
        return dict(made)
    known: Node = {"enum": list(attribute.canonical_values)}
    # An LMS may hold what may not be written to it; only what is read-only is our own word.
    closed = attribute.mutability == "readOnly" if use == "shown" else attribute.name != "type"
    return made | known if closed else {"anyOf": [known, made]}


def _message(properties: Node, *, urn: str = "", open: bool = False) -> Node:
    """Return the schema of an object; a name with a question mark may be left out."""
    if urn:
        properties = {"schemas": {"const": [urn]}} | properties
    made: Node = {
        "type": "object",
        "properties": {name.rstrip("?"): node for name, node in properties.items()},
        "required": [name for name in properties if not name.endswith("?")],
    }
    return made if open else {**made, "additionalProperties": False}


def _all(item: Node) -> Node:
    return {"type": "array", "items": item}


_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_WHOLE = {"type": "integer"}
_FLAG = {"type": "boolean"}
_SUPPORTED = _message({"supported": _FLAG})
_MADE = _message({"resourceType": _TEXT, "location": _TEXT})
_METHOD = {"enum": ["POST", "PUT", "PATCH", "DELETE"]}
_SCIM_TYPE = {
    "enum": [
        *("invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath"),
        *("noTarget", "invalidValue", "invalidVers", "sensitive"),
        *("invalidCursor", "expiredCursor", "invalidCount"),
    ]
}
_SEARCHED = {
    "filter?": _TEXT,
    "startIndex?": _WHOLE,
    "count?": _WHOLE,
    "cursor?": _TEXT,
    "sortBy?": _TEXT,
    "sortOrder?": {"enum": ["ascending", "descending"]},
    "attributes?": _all(_TEXT),
    "excludedAttributes?": _all(_TEXT),
}
_ONE_OF_THREE = [
    {"required": ["password"]},
    *({"required": [n], "properties": {n: {"const": True}}} for n in ("generate", "notify")),
]

MESSAGES: dict[str, Node] = {
    "Error": _message(
        {"status": {"type": "string", "pattern": "^[45][0-9]{2}$"}, "scimType?": _SCIM_TYPE,
         "detail": _TEXT},
        urn=ERROR_URN,
    ),
    "ListResponse": _message(
        {"totalResults?": {"description": "Left out where it is not known.", "type": "integer"},
         "startIndex?": _WHOLE, "itemsPerPage": _WHOLE,
         "nextCursor?": {"description": "The cursor of the next page.", "type": "string"},
         "Resources?": _all({"type": "object"})},
        urn=LIST_RESPONSE,
    ),
    "SearchRequest": _message(_SEARCHED, urn=SEARCH_REQUEST, open=True),
    "PatchOp": _message(
        {"Operations": _all(_message(
            {"op": {"enum": ["add", "replace", "remove"]}, "path?": _TEXT, "value?": {}},
            open=True)) | {"minItems": 1}},
        urn=PATCH_OP, open=True,
    ),
    "BulkRequest": _message(
        {"failOnErrors?": {"type": "integer", "minimum": 1},
         "Operations": _all(_message(
            {"method": _METHOD, "path": _TEXT, "bulkId?": _TEXT, "version?": _TEXT,
             "data?": {"type": "object"}}, open=True)) | {"maxItems": MAX_OPERATIONS}},
        urn=BULK_REQUEST, open=True,
    ),
    "BulkResponse": _message(
        {"Operations": _all(_message(
            {"method": _TEXT, "bulkId?": _TEXT, "version?": _TEXT, "location?": _TEXT,
             "status": {"type": "string", "pattern": "^[2345][0-9]{2}$"},
             "response?": {"type": "object"}}))},
        urn=BULK_RESPONSE,
    ),
    "ServiceProviderConfig": _message(
        {"patch": _SUPPORTED,
         "bulk": _message(
            {"supported": _FLAG, "maxOperations": _WHOLE, "maxPayloadSize": _WHOLE}),
         "filter": _message({"supported": _FLAG, "maxResults": _WHOLE}),
         "changePassword": _SUPPORTED, "sort": _SUPPORTED, "etag": _SUPPORTED,
         "pagination": _message(
            {"cursor": _FLAG, "index": _FLAG, "defaultPaginationMethod": _TEXT,
             "defaultPageSize": _WHOLE, "maxPageSize": _WHOLE, "cursorTimeout": _WHOLE}),
         "authenticationSchemes": _all(_message(
            {"type": _TEXT, "name": _TEXT, "description": _TEXT, "specUri": _TEXT,
             "primary": _FLAG})),
         "meta": _MADE},
        urn=CORE + "ServiceProviderConfig",
    ),
    "ResourceType": _message(
        {"id": _TEXT, "name": _TEXT, "description": _TEXT, "endpoint": _TEXT, "schema": _TEXT,
         "schemaExtensions": _all(_message({"schema": _TEXT, "required": _FLAG})),
         "meta": _MADE},
        urn=CORE + "ResourceType",
    ),
    "Schema": _message(
        {"id": _TEXT, "name": _TEXT, "description": _TEXT,
         "attributes": _all(component("SchemaAttribute")), "meta": _MADE},
        urn=CORE + "Schema",
    ),
    "SchemaAttribute": _message(
        {"name": _TEXT, "type": {"enum": [*_TYPES, "complex"]}, "multiValued": _FLAG,
         "description": _TEXT, "required": _FLAG,
         "mutability": {"enum": ["readOnly", "readWrite", "immutable", "writeOnly"]},
         "returned": {"enum": ["always", "never", "default", "request"]},
         "caseExact?": _FLAG, "uniqueness?": {"enum": ["none", "server", "global"]},
         "canonicalValues?": _all(_TEXT), "referenceTypes?": _all(_TEXT),
         "subAttributes?": _all(component("SchemaAttribute"))},
    ),
    "PasswordReset": _message(
        {"password?": _TEXT, "generate?": _FLAG, "notify?": _FLAG, "mustChange?": _FLAG},
        open=True,
    ) | {"oneOf": _ONE_OF_THREE},
    "NewPassword": _message({"password": _TEXT}),
    "Transfer": _message({"courseId": _TEXT}, open=True),
    "OfRun": _message({"run?": _TEXT}, open=True),
    "JobPlan": _message(
        {"totals": {"type": "object"}, "forecast": {"type": "object"}, "notes": _all(_TEXT),
         "totalResults": _WHOLE, "startIndex": _WHOLE, "lines": _all({"type": "object"})},
    ),
    "Validation": _message(
        {"exists": _FLAG, "usable": _FLAG, "matches": _FLAG,
         "mismatches": _all(_message({"path": _TEXT, "expected": {}, "actual": {}})),
         "notCompared?": _all(_TEXT)},
    ),
    "DryRun": _message(
        {"valid": _FLAG, "ignored": _all(_TEXT), "native": {"type": "object"},
         "problems": _all(_message(
            {"status": _TEXT, "scimType": {"type": ["string", "null"]}, "detail": _TEXT}))},
    ),
    "Explanation": _message(
        {"target": _TEXT, "resourceType": _TEXT, "filter": _TEXT_OR_NULL, "plan": _TEXT,
         "nativeCalls": _all(_message(
            {"call": _TEXT,
             "parameters": _all(_message({"name": _TEXT, "values": _all({})}))})),
         "residual": _TEXT_OR_NULL, "readsEverything": _FLAG, "estimatedCalls": _WHOLE,
         "estimateIsMinimum": _FLAG},
    ),
}  # fmt: skip
"""The messages of the standard and of this service's own endpoints, by name."""
