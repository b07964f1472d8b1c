"""What an LMS has to answer: JSON, and lists that come to an end."""

from __future__ import annotations

from typing import Any

import orjson

from connectors.http import Response
from schemas.errors import ScimError


def json_of(response: Response, lms: str, call: str) -> Any:
    """Return what an answer holds. Raises 502 for what is no JSON: a wrong URL, or a proxy's."""
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        raise ScimError(
            502,
            f"{lms}'s answer to {call} is no JSON; is there a {lms} at this URL?",
            unknown=response.request.method != "GET",
        ) from None


def refuse_circle(lms: str, here: str, following: str) -> None:
    """Raise 502 for a page that is followed by itself: the list would never end."""
    if following == here:
        raise ScimError(502, f"{lms} sent a page that is followed by itself.")
