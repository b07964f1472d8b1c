"""The calls that write accounts, each for many of them: made, changed and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.mapping import Native
from connectors.moodle.arrays import UNREADABLE, in_arrays
from connectors.moodle.client import MoodleClient, MoodleError, warning_error
from connectors.moodle.fields import CUSTOM, SEARCH
from connectors.moodle.like import escaped
from connectors.side_by_side import side_by_side
from connectors.ticket import Ticket
from schemas.errors import ScimError, not_found_resource, uniqueness

CREATE = "core_user_create_users"
UPDATE = "core_user_update_users"
DELETE = "core_user_delete_users"

_SIDE_BY_SIDE = 8
"""How many accounts that go alone are changed at a time."""
_PREFERENCE = "preference:"
_UNIQUE = (("username", "userName"), ("email", 'emails[type eq "work"].value'))
"""What no two accounts may share: native name, SCIM path."""


class Accounts:
    """The accounts of a site, in Moodle's own terms."""

    def __init__(self, client: MoodleClient) -> None:
        self._client = client

    def create(self, ticket: Ticket, natives: Sequence[Native]) -> list[str | ScimError]:
        """Make accounts and return their ids."""

        def call(part: list[Native]) -> list[str | ScimError]:
            users = {"users": [_nested(native) for native in part]}
            rows = self._client.write(ticket, CREATE, users)
            if len(rows) != len(part):
                detail = f"Moodle says that it made {len(rows)} accounts of {len(part)}."
                raise ScimError(502, detail, unknown=True)
            return [str(row["id"]) for row in rows]

        return in_arrays(natives, _nested, call, self._refused)

    def update(
        self, ticket: Ticket, natives: Sequence[Native], *, repeatable: bool = False
    ) -> list[ScimError | None]:
        """Change accounts, each another one and named by its `id`.

        A refused password spoils the answer for all in the call, so whoever gets one goes alone.
        """
        plain = [native for native in natives if "password" not in native]
        alone = [[native] for native in natives if "password" in native]
        parts = [part for part in (plain, *alone) if part]
        done = side_by_side(
            lambda part: self._update(ticket, part, repeatable), parts, _SIDE_BY_SIDE
        )
        outcomes: dict[str, ScimError | None] = {}
        for part, results in zip(parts, done, strict=True):
            outcomes |= zip((native["id"] for native in part), results, strict=True)
        return [outcomes[native["id"]] for native in natives]

    def delete(self, ticket: Ticket, ids: Sequence[str]) -> list[ScimError | None]:
        """Delete accounts."""

        def call(part: list[str]) -> list[ScimError | None]:
            self._client.write(ticket, DELETE, {"userids": part})
            return [None for _ in part]

        def refused(id: str, error: MoodleError) -> ScimError:
            return not_found_resource("User", id) if error.code == "invaliduser" else error

        return in_arrays(ids, str, call, refused)

    def _update(
        self, ticket: Ticket, natives: list[Native], repeatable: bool
    ) -> list[ScimError | None]:
        def call(part: list[Native]) -> list[ScimError | None]:
            users = {"users": [_nested(native) for native in part]}
            answer = self._client.write(ticket, UPDATE, users, repeatable=repeatable)
            warnings = (answer or {}).get("warnings", ())
            warned = {str(warning.get("itemid")): warning_error(warning) for warning in warnings}
            if warned.keys() - {native["id"] for native in part}:
                raise ScimError(502, "Moodle warns of what was not sent to it.", unknown=True)
            return [
                self._refused(native, warned[native["id"]]) if native["id"] in warned else None
                for native in part
            ]

        return in_arrays(natives, _nested, call, self._refused)

    def _refused(self, native: Native, error: MoodleError) -> ScimError:
        """Tell a taken name (409) from a bad value (400): Moodle's refusal is the same."""
        if error.code == UNREADABLE and "password" in native:
            detail = "Moodle refused the password: it breaks the site's password policy."
            return ScimError(400, detail, "invalidValue")
        if error.code not in ("invalidparameter", "dmlwriteexception"):
            return error
        for field, shown in _UNIQUE:
            if field not in native:
                continue
            sought = escaped(native[field]) if field == "email" else native[field]
            try:
                answer = self._client.call(SEARCH, {"criteria": [{"key": field, "value": sought}]})
            except ScimError:
                continue
            holders = [str(row["id"]) for row in answer["users"]]
            if others := [holder for holder in holders if holder != native.get("id")]:
                return uniqueness(f"{shown} is already in use by user {others[0]}.")
        return error


def _nested(native: Native) -> dict[str, Any]:
    """Return the record as the function takes it: custom fields and preferences in lists."""
    user: dict[str, Any] = {}
    for name, value in native.items():
        if name.startswith(CUSTOM):
            entry = {"type": name.removeprefix(CUSTOM), "value": value}
            user.setdefault("customfields", []).append(entry)
        elif name.startswith(_PREFERENCE):
            entry = {"type": name.removeprefix(_PREFERENCE), "value": value}
            user.setdefault("preferences", []).append(entry)
        else:
            user[name] = value
    return user
