"""The Origin of a resource: what the service over all targets adds to every resource type."""

from __future__ import annotations

from dataclasses import replace

from schemas.attributes import LMS, Attribute, ResourceType, Schema

ORIGIN = Schema(
    LMS + "Origin",
    "Origin",
    "Where a resource of the service over all targets comes from.",
    (
        Attribute(
            "target",
            description="The name of the target; the ids of its resources begin with it.",
            case_exact=True,
            mutability="readOnly",
            returned="always",
        ),
    ),
)


def with_origin(resource_type: ResourceType) -> ResourceType:
    """Return the resource type as the service over all targets has it."""
    return replace(resource_type, extensions=(*resource_type.extensions, ORIGIN))
