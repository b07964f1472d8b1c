"""Users of a Moodle site: the five methods on `core_user_*`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Collection, Options
from connectors.mapping import Impossible, Native, Resource
from connectors.moodle.client import MAX_VARIABLES, MoodleClient, MoodleError, chunks, warning_error
from connectors.moodle.fields import (
    BY_FIELD,
    CUSTOM,
    ID,
    SEARCH,
    user_mapping,
    username_key,
)
from connectors.moodle.like import escaped
from connectors.moodle.memberships import PREFIX, cohorts_of
from connectors.passwords import new_password
from connectors.planning import Branch, Plan
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import ScimError, forbidden, not_found_resource, uniqueness

EVERYBODY = [{"key": "email", "value": "%"}]

_GUEST = "guest"
_EMPTY_WINDOWS = 10

log = logging.getLogger(__name__)


class Users(Collection):
    """All accounts of a site but the guest's; deleted ones do not exist."""

    can_fetch = True

    def __init__(self, client: MoodleClient, options: Options) -> None:
        self.mapping = user_mapping(options)
        self._client = client
        self._verify = options.verify
        self._notify = bool(options.more.get("notify", False))
        self._auth = options.more.get("auth")
        self._own_id = ""
        self._username_key = username_key(bool(options.more.get("extended_usernames", False)))

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        found: dict[int, Native] = {}
        try:
            for branch in plan.searches:
                found.update((row["id"], row) for row in self._native_search(branch))
        except MoodleError as error:
            if error.code != "invalidresponse":
                raise
            log.warning("one stored value spoils Moodle's list of users; reading in small parts")
            yield from self._search_around_bad_rows()
            return
        yield self._resources(found[id] for id in sorted(found))

    def get(self, id: str) -> Resource | None:
        if not ID.fullmatch(id):
            return None
        try:
            rows = self._by_field("id", [id])
        except MoodleError as error:
            if error.code == "invalidresponse":
                raise ScimError(502, _unreadable("id", id)) from None
            raise
        return next(iter(self._resources(rows)), None)

    def fetch(self, ids: Sequence[str]) -> list[Resource]:
        known = [id for id in ids if ID.fullmatch(id)]
        rows = {str(row["id"]): row for row in self._readable_rows("id", known)}
        return self._resources(rows[id] for id in known if id in rows)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        if "groups" not in wanted or not resources:
            return
        found = cohorts_of(self._client, {resource["id"] for resource in resources})
        for resource in resources:
            resource["groups"] = [
                {"value": f"{PREFIX}{row['id']}", "display": row["name"], "type": "direct"}
                for row in found[resource["id"]]
            ]

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = self.mapping.to_native(resource)
        suspended = native.pop("suspended", False)
        if self._auth:
            native["auth"] = self._auth
        if "password" not in native:
            native |= {"createpassword": True} if self._notify else {"password": new_password()}
        try:
            created = self._client.write(
                ticket, "core_user_create_users", {"users": [_nested(native)]}
            )
        except MoodleError as error:
            raise self._explained(error, native) from None
        id = str(created[0]["id"])
        if suspended:
            self._suspend_new(ticket, id)
        try:
            made = self.get(id)
        except ScimError as error:
            log.warning("user %s was created but could not be read: %s", id, error.detail)
            made = None
        return made or self.mapping.to_scim({**native, "suspended": suspended, "id": id})

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        native = self.mapping.to_native_changes(changes)
        if native.get("suspended"):
            self._refuse_own(before["id"])
        if native:
            # In one call, so that Moodle applies all of it or nothing, the password included.
            self._send_update(ticket, before["id"], native)
        if self._verify or not _derive_names(before, after):
            return self.get(before["id"]) or after
        return after

    def delete(self, ticket: Ticket, id: str) -> None:
        self._refuse_own(id)
        try:
            self._client.write(ticket, "core_user_delete_users", {"userids": [id]})
        except MoodleError as error:
            if error.code == "invaliduser":
                raise not_found_resource("User", id) from None
            raise

    def find_again(self, resource: Resource) -> Resource | None:
        try:
            key = self._username_key(str(resource["userName"])) or str(resource["userName"]).lower()
        except Impossible:
            return None
        return next(iter(self._resources(self._by_field("username", [key]))), None)

    def request_password_reset(self, ticket: Ticket, resource: Resource) -> None:
        answer = self._client.write(
            ticket, "core_auth_request_password_reset", {"username": resource["userName"]}
        )
        if answer.get("status") == "dataerror":
            raise ScimError(400, "Moodle refused to send the message.", "invalidValue")

    def _native_search(self, branch: Branch) -> list[Native]:
        if branch and branch[0].push.key:
            return self._readable_rows(branch[0].push.parameter, list(branch[0].values))
        criteria = [{"key": c.push.parameter, "value": c.values[0]} for c in branch]
        answer = self._client.call(SEARCH, {"criteria": criteria or EVERYBODY})
        if answer.get("warnings"):
            # An unknown criterion is dropped by Moodle, and then everybody is found.
            raise ScimError(502, "Moodle did not understand the search.")
        return [_flat(row) for row in answer["users"]]

    def _by_field(self, field: str, values: list[str]) -> list[Native]:
        answer = self._client.call(BY_FIELD, {"field": field, "values": values})
        return [_flat(row) for row in answer]

    def _readable_rows(self, field: str, values: list[str]) -> list[Native]:
        return [row for part in chunks(values, 1) for row in self._readable_part(field, part)]

    def _readable_part(self, field: str, values: list[str]) -> list[Native]:
        """Look up, halving a batch that one bad value spoils until that account is alone."""
        try:
            return self._by_field(field, values)
        except MoodleError as error:
            if error.code != "invalidresponse":
                raise
            if len(values) == 1:
                if field == "idnumber":  # which others may have too
                    raise
                log.error(_unreadable(field, values[0]))
                return []
        half = len(values) // 2
        return self._readable_part(field, values[:half]) + self._readable_part(field, values[half:])

    def _search_around_bad_rows(self) -> Iterator[Sequence[Resource]]:
        """Read everybody in windows of ids; ids only grow, so many empty windows are the end.

        The residual filter is applied to whatever comes, because no push of Moodle is exact.
        """
        first, empty = 1, 0
        while empty < _EMPTY_WINDOWS:
            ids = [str(id) for id in range(first, first + MAX_VARIABLES)]
            rows = self._readable_rows("id", ids)
            empty = 0 if rows else empty + 1
            first += MAX_VARIABLES
            if rows:
                yield self._resources(rows)

    def _resources(self, rows: Any) -> list[Resource]:
        resources = []
        for row in rows:
            if "preferences" in row:
                self._own_id = str(row["id"])
            if _is_account(row):
                resources.append(self.mapping.to_scim(row))
        return resources

    def _refuse_own(self, id: str) -> None:
        """Keep the account behind the gateway's own token alive: all calls depend on it.

        Moodle gives preferences with no other account than the caller's own.
        """
        if id == self._own_id:
            raise forbidden(f"User {id} is the account of this target's own token.")

    def _suspend_new(self, ticket: Ticket, id: str) -> None:
        """Suspend an account just made; this may be repeated, so it is when Moodle is busy."""
        try:
            self._send_update(ticket, id, {"suspended": True}, repeatable=True)
        except ScimError as error:
            detail = f"User {id} was created, but could not be disabled: {error.detail}"
            raise ScimError(error.status, detail, error.scim_type, unknown=error.unknown) from None

    def _send_update(
        self, ticket: Ticket, id: str, native: Native, *, repeatable: bool = False
    ) -> None:
        users = {"users": [_nested({"id": id, **native})]}
        try:
            answer = self._client.write(
                ticket, "core_user_update_users", users, repeatable=repeatable
            )
        except MoodleError as error:
            if error.code == "invalidresponse" and "password" in native:
                detail = "Moodle refused the password: it breaks the site's password policy."
                raise ScimError(400, detail, "invalidValue") from None
            raise self._explained(error, native, own=id) from None
        for warning in (answer or {}).get("warnings", ()):
            raise self._explained(warning_error(warning), native, own=id)

    def _explained(self, error: MoodleError, native: Native, own: str = "") -> ScimError:
        """Tell a taken name (409) from a bad value (400): Moodle's refusal is the same."""
        if error.code not in ("invalidparameter", "dmlwriteexception"):
            return error
        for field, shown in (
            ("username", "userName"),
            ("email", 'emails[type eq "work"].value'),
        ):
            if field not in native:
                continue
            sought = escaped(native[field]) if field == "email" else native[field]
            criteria = [{"key": field, "value": sought}]
            try:
                answer = self._client.call(SEARCH, {"criteria": criteria})
            except ScimError:
                continue
            holders = [str(row["id"]) for row in answer["users"] if str(row["id"]) != own]
            if holders:
                return uniqueness(f"{shown} is already in use by user {holders[0]}.")
        return error


def _is_account(row: Native) -> bool:
    """Tell an account from the guest and from the rest of a deleted one, whose email is a hash."""
    return row.get("username") != _GUEST and "@" in row.get("email", "@")


def _flat(row: dict[str, Any]) -> Native:
    for custom in row.get("customfields", ()):
        row[CUSTOM + custom["shortname"]] = custom.get("value")
    return row


def _nested(native: Native) -> dict[str, Any]:
    """Return the record as the function takes it: custom fields and preferences in lists."""
    user: dict[str, Any] = {}
    for name, value in native.items():
        if name.startswith(CUSTOM):
            entry = {"type": name.removeprefix(CUSTOM), "value": value}
            user.setdefault("customfields", []).append(entry)
        elif name.startswith("preference:"):
            entry = {"type": name.removeprefix("preference:"), "value": value}
            user.setdefault("preferences", []).append(entry)
        else:
            user[name] = value
    return user


def _derive_names(before: Resource, after: Resource) -> bool:
    """Compose the full name of the new parts where the site does it in the plain order."""
    old, new = before.get("name", {}), after.get("name", {})
    parts = ("givenName", "familyName")
    if [old.get(part) for part in parts] == [new.get(part) for part in parts]:
        return True
    if old.get("formatted") != " ".join(str(old.get(part, "")) for part in parts):
        return False
    after["displayName"] = new["formatted"] = " ".join(str(new.get(part, "")) for part in parts)
    return True


def _unreadable(field: str, value: str) -> str:
    return (
        f"Moodle cannot show the user with {field} {value!r}: one of its stored values is refused "
        "by Moodle itself, for example a user name made while extended characters were allowed. "
        "Rename it there."
    )
