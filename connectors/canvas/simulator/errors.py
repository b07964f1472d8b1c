"""The refusals of the simulated service, in each of the shapes that Canvas words them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}


class CanvasError(Exception):
    """A refusal: status, body and headers; a body of type str travels as plain text."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class Invalid(Exception):
    """Fields of one model that do not hold; maps a field to (type, message) pairs."""

    def __init__(self, fields: Mapping[str, list[tuple[str, str]]]) -> None:
        super().__init__(", ".join(fields))
        self.fields = {
            name: [{"attribute": name, "type": kind, "message": text} for kind, text in found]
            for name, found in fields.items()
        }


def invalid(field: str, kind: str, message: str | None = None) -> Invalid:
    """Return the refusal of one field; without a message it is the type itself."""
    return Invalid({field: [(kind, kind if message is None else message)]})


def listed(status: int, message: str, headers: Mapping[str, str] | None = None) -> CanvasError:
    """Return a refusal with one message in a list of errors."""
    return CanvasError(status, {"errors": [{"message": message}]}, headers)


def not_found() -> CanvasError:
    """Return the refusal for what does not exist or is not to be seen."""
    return listed(404, "The specified resource does not exist.")


def unauthenticated() -> CanvasError:
    """Return the refusal of a call without a token."""
    errors = [{"message": "user authorization required"}]
    return CanvasError(401, {"status": "unauthenticated", "errors": errors}, CHALLENGE)


def bad_token(message: str, **more: Any) -> CanvasError:
    """Return the refusal of a token that opens nothing."""
    return CanvasError(401, {"errors": [{"message": message, **more}]}, CHALLENGE)


def out_of_scope() -> CanvasError:
    """Return the refusal of a token whose scopes do not have the call."""
    return listed(401, "Insufficient scopes on access token.")


def denied(status: int) -> CanvasError:
    """Return the refusal of a caller who lacks the permission."""
    errors = [{"message": "user not authorized to perform that action"}]
    return CanvasError(status, {"status": "unauthorized", "errors": errors})


def too_short(field: str, least: int) -> CanvasError:
    """Return the refusal of a search term."""
    message = f"{least} or more characters is required"
    return CanvasError(400, {"errors": [{"field": field, "code": "invalid", "message": message}]})


def message(text: str, status: int = 400) -> CanvasError:
    """Return a refusal with nothing but a message."""
    return CanvasError(status, {"message": text})


def not_root() -> CanvasError:
    """Return the refusal of a call that takes the root account only."""
    return message("Action must be called on a root account.")


def throttled(status: int) -> CanvasError:
    """Return the refusal of a call beyond the bucket."""
    phrase = {403: "Forbidden", 429: "Too Many Requests"}[status]
    return CanvasError(
        status, f"{status} {phrase} (Rate Limit Exceeded)\n", {"X-Rate-Limit-Remaining": "0.0"}
    )


def oauth(status: int, error: str, description: str) -> CanvasError:
    """Return a refusal of the token endpoint."""
    return CanvasError(status, {"error": error, "error_description": description})
