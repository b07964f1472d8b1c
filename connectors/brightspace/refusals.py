"""What Brightspace says when it refuses: two JSON envelopes, HTML, or nothing at all."""

from __future__ import annotations

import re
from typing import Any

import orjson

from connectors.http import Response, retry_after
from schemas.errors import ScimError, forbidden, invalid_value, not_found, uniqueness

_MESSAGE = re.compile(r'Message:\s*"?([^"}\]]+)')
_LONGEST = 300
_SCOPE = "insufficient-scope"


def refusal(response: Response, *, reading: bool) -> ScimError:
    """Return the error that an answer amounts to; its status is the authority."""
    status, said = response.status_code, message(response)
    match status:
        case 401:
            return ScimError(502, "Brightspace does not take the access token that it gave.")
        case 403 if (wait := retry_after(response.headers.get("Retry-After"))) is not None:
            return ScimError(503, "Brightspace's quota is used up.", retry_after=wait)
    lacks = "a scope" if _SCOPE in str(_body(response)) else "a permission of its role"
    return refusal_of(status, said, lacks=lacks, reading=reading)


def refusal_of(
    status: int, said: str, *, lacks: str = "a permission of its role", reading: bool = False
) -> ScimError:
    """Return the error that a status amounts to, that of an answer or of one row in a batch."""
    match status:
        case 400 | 422:
            return invalid_value(f"Brightspace refuses the request: {said}")
        case 403:
            return forbidden(
                f"The integration lacks {lacks}: {said} (`matricula check` names what is missing)"
            )
        case 404:
            return not_found(f"Brightspace: {said}")
        case 409:
            return uniqueness(f"Brightspace refuses: {said}")
    return ScimError(502, f"Brightspace answered with status {status}.", unknown=not reading)


def message(response: Response) -> str:
    """Return what an answer says of why it refuses, in one line."""
    said = _said(_body(response)) or f"status {response.status_code}"
    return " ".join(said.split())[:_LONGEST]


def _body(response: Response) -> Any:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.text


def _said(body: Any) -> str:
    match body:
        case {"Errors": [*errors]}:
            return "; ".join(
                str(e["Message"]) for e in errors if isinstance(e, dict) and "Message" in e
            )
        case {"detail": str(detail)} if detail:
            return detail
        case {"title": str(title)}:
            return title
        case str(text) if found := _MESSAGE.search(text):
            return found[1]
    return ""
