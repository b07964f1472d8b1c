"""Login names of people in courses, where the LMS shows them in calls of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.mapping import Resource
from connectors.side_by_side import side_by_side


def fill_logins(
    memberships: Sequence[Resource], login_of: Callable[[str], str | None], at_once: int = 1
) -> None:
    """Fill the login names in where they are lacking, in one call for each person.

    `login_of` is given a person's id; `at_once` is how many calls are made at a time.
    """
    lacking = [resource for resource in memberships if "userName" not in resource]
    ids = list(dict.fromkeys(resource["userId"] for resource in lacking))
    logins = dict(zip(ids, side_by_side(login_of, ids, at_once), strict=True))
    for resource in lacking:
        resource["userName"] = logins[resource["userId"]] or None
