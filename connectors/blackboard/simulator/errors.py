"""The refusals of the simulated service: REST exceptions, and those of the token endpoint."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any


class RestError(Exception):
    """A refusal as every endpoint but the token endpoint words it."""

    def __init__(
        self, status: int, message: str, code: str | None = None, logged: bool = True
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.logged = logged

    def as_object(self) -> dict[str, Any]:
        """Return the body; `extraInfo` is the id of a log entry, new for every refusal."""
        body: dict[str, Any] = {"status": self.status}
        if self.code:
            body["code"] = self.code
        body["message"] = self.message
        if self.logged:
            body["extraInfo"] = secrets.token_hex(16)
        return body


class NotOfferedError(RestError):
    """The refusal of a method that an address does not take; `allowed` are those that it takes."""

    def __init__(self, allowed: Iterable[str]) -> None:
        super().__init__(405, "Method Not Allowed")
        self.allowed = tuple(allowed)


class OAuthError(Exception):
    """A refusal of the token endpoint, in OAuth's words."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description

    def as_object(self) -> dict[str, str]:
        """Return the body."""
        return {"error": self.error, "error_description": self.description}


def bad_request(message: str) -> RestError:
    """Return the refusal of a request that makes no sense."""
    return RestError(400, message)


def forbidden() -> RestError:
    """Return the refusal for want of an entitlement."""
    return RestError(403, "User does not have sufficient privileges to perform this operation")


def not_found(wanted: str) -> RestError:
    """Return the refusal for an object that does not exist, named as it was asked for."""
    return RestError(404, f"Could not find object with ID: {wanted}")


def conflict(message: str) -> RestError:
    """Return the refusal of something that exists already."""
    return RestError(409, message)


def unauthenticated() -> RestError:
    """Return the refusal of a call without credentials."""
    return RestError(401, "API request is not authenticated.", logged=False)


def out_of_calls() -> RestError:
    """Return the refusal of a call beyond the budget."""
    return RestError(429, "API rate limit exceeded", logged=False)


def invalid_token() -> RestError:
    """Return the refusal of a token that is unknown or has expired."""
    return RestError(401, "Bearer token is invalid", logged=False)
