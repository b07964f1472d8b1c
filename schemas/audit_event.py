"""The AuditEvent resource type: a write, also a refused one, or what else is to be remembered."""

from __future__ import annotations

from schemas.attributes import LMS, Attribute, ResourceType, Schema, Type

OPERATIONS = (
    "create",
    "replace",
    "patch",
    "delete",
    "enable",
    "disable",
    "resetPassword",
    "revive",
    "authenticate",
    "connect",
    "read",
    "export",
    "hold",
    "release",
    "erase",
    "createToken",
    "revokeToken",
    "configure",
    "start",
    "stop",
    "sync",
    "run",
    "apply",
    "retry",
    "pause",
    "resume",
)
OUTCOMES = ("open", "success", "noChange", "planned", "refused", "failed", "unknown")


def _word(name: str, description: str, *canonical: str) -> Attribute:
    """Return a text that is compared without regard to letter case."""
    return Attribute(
        name, description=description, canonical_values=canonical, mutability="readOnly"
    )


def _exact(name: str, description: str) -> Attribute:
    return Attribute(name, description=description, case_exact=True, mutability="readOnly")


def _of_type(type: Type, name: str, description: str) -> Attribute:
    return Attribute(name, type, description=description, mutability="readOnly")


_AUDIT_EVENT = Schema(
    LMS + "AuditEvent",
    "AuditEvent",
    "A write to a learning platform: who, when, what, old and new values, and how it ended.",
    (
        _of_type("integer", "sequence", "The place in the log; later events have larger ones."),
        _of_type(
            "dateTime", "time", "When the intent was written down, before the LMS was called."
        ),
        _of_type("dateTime", "finished", "When the outcome was written down."),
        _exact("actor", "Who asked: the token's name or the subject."),
        _exact("clientAddress", "The network address that the request came from."),
        _word("client", "The client's name for itself (User-Agent)."),
        _exact("requestId", "The id of the request."),
        _exact("target", "The target that was written to."),
        _word("operation", "What was asked for.", *OPERATIONS),
        _exact("resourceType", "The type of the resource."),
        _exact("resourceId", "The id of the resource."),
        _word("login", "The login name of the account, where the resource has one."),
        _word("outcome", "How the write ended.", *OUTCOMES),
        _of_type("integer", "status", "The HTTP status that was answered."),
        _word("detail", "A sentence on what went wrong."),
        _of_type("integer", "upstreamCalls", "How many calls to the LMS were made."),
        _of_type("decimal", "duration", "How long the write took, in milliseconds."),
        _exact("configuration", "The hash of the configuration in force."),
        _of_type("integer", "subject", "Whom it is about: stays the same when the login changes."),
        Attribute(
            "ignored",
            multi_valued=True,
            description="Attributes that were sent and that the target cannot hold.",
            case_exact=True,
            mutability="readOnly",
        ),
        Attribute(
            "changes",
            "complex",
            multi_valued=True,
            description="What changed; secrets are named but never shown.",
            mutability="readOnly",
            sub_attributes=(
                _exact("path", "The path of the attribute."),
                _exact("native", "The name of the field in the LMS."),
                _word("op", "What was done with the attribute."),
                _word("old", "The value before."),
                _word("new", "The value after."),
            ),
        ),
    ),
)

AUDIT_EVENT = ResourceType("AuditEvent", "AuditEvents", "The audit log.", _AUDIT_EVENT)
