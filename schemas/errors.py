"""The one exception of the service and its ready-made SCIM error types (RFC 7644 section 3.12)."""

from __future__ import annotations

from typing import Any

ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(Exception):
    """An error that a SCIM client is meant to read.

    `status` is the HTTP status, `scim_type` the detail keyword of RFC 7644 table 9 (or None),
    `detail` a sentence for people, `retry_after` seconds for the header of that name (or None),
    `unknown` is true when a write may or may not have happened in the LMS.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        scim_type: str | None = None,
        *,
        retry_after: float | None = None,
        unknown: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.scim_type = scim_type
        self.detail = detail
        self.retry_after = retry_after
        self.unknown = unknown

    def body(self) -> dict[str, Any]:
        """Return the error message as RFC 7644 section 3.12 shows it: `status` is a string."""
        body: dict[str, Any] = {"schemas": [ERROR_URN], "status": str(self.status)}
        if self.scim_type:
            body["scimType"] = self.scim_type
        body["detail"] = self.detail
        return body


class InvalidToken(ScimError):
    """401: a token was given, but it is not good (RFC 6750 section 3.1)."""

    def __init__(self, detail: str) -> None:
        super().__init__(401, detail)


class InsufficientScope(ScimError):
    """403: the token is good but lacks the scope (RFC 6750 section 3.1)."""

    def __init__(self, detail: str) -> None:
        super().__init__(403, detail)


def invalid_filter(detail: str) -> ScimError:
    """Return 400 invalidFilter: the filter's syntax, attribute or comparison is not supported."""
    return ScimError(400, detail, "invalidFilter")


def invalid_path(detail: str) -> ScimError:
    """Return 400 invalidPath: the path attribute is malformed or names no known attribute."""
    return ScimError(400, detail, "invalidPath")


def invalid_syntax(detail: str) -> ScimError:
    """Return 400 invalidSyntax: the body's structure is not what the schema says."""
    return ScimError(400, detail, "invalidSyntax")


def invalid_value(detail: str) -> ScimError:
    """Return 400 invalidValue: a required value is missing or a value is not allowed."""
    return ScimError(400, detail, "invalidValue")


def mutability(detail: str) -> ScimError:
    """Return 400 mutability: the modification is against the attribute's mutability."""
    return ScimError(400, detail, "mutability")


def no_target(detail: str) -> ScimError:
    """Return 400 noTarget: the path gave no attribute or value that could be operated on."""
    return ScimError(400, detail, "noTarget")


def too_many(detail: str) -> ScimError:
    """Return 400 tooMany: the answer would need more results than the server is willing to read."""
    return ScimError(400, detail, "tooMany")


def sensitive(detail: str) -> ScimError:
    """Return 403 sensitive: a secret was passed where it may be logged."""
    return ScimError(403, detail, "sensitive")


def uniqueness(detail: str) -> ScimError:
    """Return 409 uniqueness: a value is already in use."""
    return ScimError(409, detail, "uniqueness")


def forbidden(detail: str) -> ScimError:
    """Return 403: the operation is not permitted to this token or by this target's policy."""
    return ScimError(403, detail)


def not_found(detail: str) -> ScimError:
    """Return 404: no such resource, endpoint, schema or resource type."""
    return ScimError(404, detail)


def not_implemented(detail: str) -> ScimError:
    """Return 501: the target's LMS cannot do this."""
    return ScimError(501, detail)


def not_found_resource(resource_type: str, id: str) -> ScimError:
    """Return the 404 of a resource that does not exist (RFC 7644 section 3.4.1)."""
    return not_found(f"{resource_type} {id!r} does not exist.")
