"""Canvas's refusals, in whichever of their shapes, as SCIM errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from connectors.http import Response
from schemas.errors import ScimError, forbidden, invalid_value, not_found, uniqueness

_RATE_LIMIT = b"Rate Limit Exceeded"
_SHOWN: Mapping[str, str] = {
    "unique_id": "userName",
    "sis_user_id": "externalId",
    "email": "emails",
    "path": "emails",
    "address": "emails",
    "time_zone": "timezone",
    "declared_user_type": "userType",
    "workflow_state": "active",
    "short_name": "displayName",
    "sis_source_id": "externalId",
}
"""The SCIM names of fields that Canvas refuses by its own."""
_TAKEN = ("taken", "unique!")
_VAGUE = ("pseudonyms", "communication_channels")
"""Fields that only say that something they hold is wrong, which is named beside them."""


class Problem(NamedTuple):
    """One thing that is wrong: `kind` is the same in every language, the message is not."""

    field: str
    kind: str
    message: str


def is_throttled(response: Response) -> bool:
    """Tell whether a call was refused, unexecuted, because the bucket is full.

    Canvas says 429, and 403 with these words on older servers.
    """
    status = response.status_code
    return status == 429 or (status == 403 and _RATE_LIMIT in response.content)


def problems(body: Any) -> list[Problem]:
    """Return what an error body says: `errors` as a list, a map, nested or a text, or `message`.

    >>> problems({"errors": {"unique_id": [{"type": "taken", "message": "ID already in use"}]}})
    [Problem(field='unique_id', kind='taken', message='ID already in use')]
    """
    if not isinstance(body, dict):
        return []
    found = list(_problems("", body.get("errors")))
    found += [Problem("", "", str(body[n])) for n in ("message", "error") if body.get(n)]
    certain = [problem for problem in found if problem.field not in _VAGUE]
    return certain or found


def refusal(response: Response, *, reading: bool) -> ScimError:
    """Return the SCIM error of an answer that is none of success."""
    status, found = response.status_code, problems(_body(response))
    said = "; ".join(dict.fromkeys(map(_shown, found))) or f"status {status}"
    if status == 401 and "WWW-Authenticate" in response.headers:
        return ScimError(502, f"Canvas does not take the token: {said}. Make a new one.")
    if status in (401, 403):
        return forbidden(
            f"Canvas does not allow this to the token's user: {said} "
            "(`matricula check` names missing rights)"
        )
    if status == 404:
        return not_found(f"Canvas: {said}")
    if status == 409 or any(problem.kind in _TAKEN for problem in found):
        return uniqueness(f"Canvas refuses: {said}")
    if status in (400, 422):
        return invalid_value(f"Canvas refuses the request: {said}")
    return ScimError(502, f"Canvas answered with status {status}.", unknown=not reading)


def _problems(field: str, errors: Any) -> Iterator[Problem]:
    if isinstance(errors, str):
        yield Problem(field, "", errors)
    elif isinstance(errors, list):
        for error in errors:
            yield from _problems(field, error)
    elif isinstance(errors, dict) and isinstance(errors.get("message"), str):
        named = errors.get("attribute") or errors.get("field") or field
        yield Problem(str(named), str(errors.get("type") or ""), errors["message"])
    elif isinstance(errors, dict):
        for name, inner in errors.items():
            yield from _problems(str(name), inner)


def _shown(problem: Problem) -> str:
    text = problem.message[:200]
    return f"{_SHOWN.get(problem.field, problem.field)}: {text}" if problem.field else text


def _body(response: Response) -> Any:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None
