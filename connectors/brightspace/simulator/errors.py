"""The refusals of the simulated service, in each form that its answers have been seen in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape

_PROPERTIES = "http://docs.valence.desire2learn.com/res/apiprop.html"
_RFC = "https://tools.ietf.org/html/rfc6749#section-5.2"

PROBLEM_TYPE = "application/problem+json; charset=UTF-8"
LEGACY_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"


class ApiError(Exception):
    """A refusal; `form` is the envelope in which it is known to travel.

    `fragment` ends the problem's type, `retry_after` goes into the header of that name.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        form: str = "problem",
        fragment: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.title = title
        self.detail = detail
        self.form = form
        self.fragment = fragment
        self.retry_after = retry_after

    def write(self, wanted: str) -> Written:
        """Return the body in the wanted form, `recorded` being the one it is known in."""
        form = self.form if wanted == "recorded" or self.form == "empty" else wanted
        message = self.detail or self.title
        if form == "problem":
            problem = {
                "type": f"{_PROPERTIES}#{self.fragment}" if self.fragment else "about:blank",
                "title": self.title,
                "status": self.status,
                "detail": self.detail,
            }
            return Written(json.dumps(problem), PROBLEM_TYPE)
        if form == "legacy":
            return Written(json.dumps({"Errors": [{"Message": message}]}), LEGACY_TYPE)
        if form == "html":
            return Written(f'Errors: [ {{ Message: "{escape(message)}" }} ]', HTML_TYPE)
        if form == "text":
            return Written(message, HTML_TYPE)
        return Written("", None)


@dataclass(frozen=True, slots=True)
class Written:
    """A body as it travels; without a content type there is none."""

    text: str
    content_type: str | None


class OAuthError(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description

    def as_object(self) -> dict[str, str]:
        """Return the body; the reference is the vendor's addition to OAuth."""
        return {
            "error": self.error,
            "error_description": self.description,
            "rfc6749_reference": _RFC,
        }


def malformed(detail: str = "Error parsing JSON") -> ApiError:
    """Return the refusal of a body that is not of the shape that a route takes."""
    return ApiError(400, "Bad Request", detail)


def refused(message: str) -> ApiError:
    """Return the refusal of a well-formed body that breaks a rule, in free text."""
    return ApiError(400, "Bad Request", message, form="legacy")


def not_found(detail: str = "") -> ApiError:
    """Return the refusal for what is not there."""
    return ApiError(404, "Resource Not Found", detail, fragment="resource-not-found")


def no_match() -> ApiError:
    """Return the answer to a search for users that finds none."""
    return ApiError(404, "Resource Not Found", form="legacy")


def not_offered() -> ApiError:
    """Return the refusal of a method that a route does not take."""
    return ApiError(405, "Method Not Allowed")


def invalid_token(detail: str) -> ApiError:
    """Return the refusal of a call without a token that counts."""
    return ApiError(401, "Unauthorized", detail, fragment="invalid-token")


def not_authorized(unit: int, variable: str) -> ApiError:
    """Return the refusal for want of a permission in an org unit."""
    detail = f"Not authorized for [ orgUnitId: {unit}, securityVariableName: {variable} ]"
    return ApiError(403, "Not Authorized", detail, fragment="not-authorized")


def insufficient_scope(wanted: str) -> ApiError:
    """Return the refusal of a token whose scopes do not open the route."""
    detail = f"Required: {wanted}"
    return ApiError(403, "Insufficient scope to call", detail, fragment="insufficient-scope")


def invalid_signature(message: str = "Invalid token") -> ApiError:
    """Return the refusal of ID-key signatures."""
    return ApiError(403, message, form="text")


def out_of_credits(seconds: int) -> ApiError:
    """Return the refusal of a call beyond the credits of a minute."""
    return ApiError(429, "Too Many Requests", form="empty", retry_after=seconds)
