"""Users of a Moodle site: the five methods on `core_user_*`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from connectors.base import Collection, Options, each_once
from connectors.many import alike, one_ticket, onward, outcome_of, value_of
from connectors.mapping import Impossible, Native, Resource
from connectors.moodle.accounts import Accounts
from connectors.moodle.arrays import AT_ONCE, UNREADABLE
from connectors.moodle.client import MAX_VARIABLES, MoodleClient, MoodleError, chunks
from connectors.moodle.fields import (
    BY_FIELD,
    CUSTOM,
    ID,
    SEARCH,
    user_mapping,
    username_key,
)
from connectors.moodle.memberships import PREFIX, cohorts_of
from connectors.moodle.reports import RETRIEVE, ChangeReport
from connectors.passwords import new_password
from connectors.planning import Branch, Plan
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import ScimError, forbidden

EVERYBODY = [{"key": "email", "value": "%"}]

_GUEST = "guest"
_EMPTY_WINDOWS = 10
_AT_ONCE = 500
"""How many users of a long answer are in memory together."""

log = logging.getLogger(__name__)


class Users(Collection):
    """All accounts of a site but the guest's; deleted ones do not exist."""

    can_fetch = True
    at_once = dict.fromkeys(("create", "update", "delete"), AT_ONCE)

    def __init__(
        self, client: MoodleClient, options: Options, report: ChangeReport | None = None
    ) -> None:
        self.mapping = user_mapping(options)
        self._client = client
        self._report = report
        self._accounts = Accounts(client)
        self._verify = options.verify
        self._notify = bool(options.more.get("notify", False))
        self._auth = options.more.get("auth")
        self._own_id = ""
        self._username_key = username_key(bool(options.more.get("extended_usernames", False)))

    def changed(self, since: datetime) -> Plan | None:
        return self._report.plan(int(since.timestamp())) if self._report else None

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        if self._report and (since := _reported(plan)) is not None:
            yield from each_once(self._changed_since(self._report, since))
            return
        found: dict[int, Native] = {}
        try:
            for branch in plan.searches:
                found.update((row["id"], row) for row in self._native_search(branch))
        except MoodleError as error:
            if error.code != UNREADABLE:
                raise
            log.warning("one stored value spoils Moodle's list of users; reading in small parts")
            yield from self._search_around_bad_rows()
            return
        yield self._resources(found[id] for id in sorted(found))

    def stream(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        """Yield users in Moodle's own order as its one answer is read, where it is one answer."""
        if len(plan.searches) != 1 or any(c.push.call != SEARCH for c in plan.searches[0]):
            yield from self.search(plan)
            return
        rows = self._client.stream(
            SEARCH, _criteria(plan.searches[0]), items="users", none="warnings"
        )
        try:
            while part := list(islice(rows, _AT_ONCE)):
                yield self._resources(map(_flat, part))
        except MoodleError as error:
            if error.code != UNREADABLE:
                raise
            yield from self.search(plan)

    def get(self, id: str) -> Resource | None:
        if not ID.fullmatch(id):
            return None
        try:
            rows = self._by_field("id", [id])
        except MoodleError as error:
            if error.code == UNREADABLE:
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
        return value_of(self.create_many([(ticket, resource)])[0])

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        return value_of(self.update_many([(ticket, before, after, changes)])[0])

    def delete(self, ticket: Ticket, id: str) -> None:
        return value_of(self.delete_many([(ticket, id)])[0])

    def create_many(
        self, items: Sequence[tuple[Ticket, Resource]]
    ) -> Sequence[Resource | ScimError]:
        ticket = one_ticket([ticket for ticket, _ in items])
        natives = [outcome_of(self._new, resource) for _, resource in items]
        made = onward(natives, partial(self._made, ticket))
        return onward(onward(made, partial(self._suspended, ticket)), self._read_new)

    def update_many(
        self, items: Sequence[tuple[Ticket, Resource, Resource, tuple[Change, ...]]]
    ) -> Sequence[Resource | ScimError]:
        ticket = one_ticket([ticket for ticket, *_ in items])
        natives = [outcome_of(self._changed, before, changes) for _, before, _, changes in items]
        sent = onward(natives, partial(self._sent, ticket))
        held = [
            outcome if isinstance(outcome, ScimError) else (before, after)
            for outcome, (_, before, after, _) in zip(sent, items, strict=True)
        ]
        return onward(held, self._read_changed)

    def delete_many(self, items: Sequence[tuple[Ticket, str]]) -> Sequence[ScimError | None]:
        ticket = one_ticket([ticket for ticket, _ in items])
        ids = [outcome_of(self._not_own, id) for _, id in items]
        return onward(ids, partial(self._accounts.delete, ticket))

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
        answer = self._client.call(SEARCH, _criteria(branch))
        if answer.get("warnings"):
            # An unknown criterion is dropped by Moodle, and then everybody is found.
            raise ScimError(502, "Moodle did not understand the search.")
        return [_flat(row) for row in answer["users"]]

    def _by_field(self, field: str, values: list[str]) -> list[Native]:
        answer = self._client.call(BY_FIELD, {"field": field, "values": values})
        return [_flat(row) for row in answer]

    def _changed_since(self, report: ChangeReport, since: int) -> Iterator[list[Resource]]:
        for names in report.usernames(since):
            # A name that Moodle itself would not take any more is not even looked up.
            yield self._resources(self._readable_rows("username", names, "invalidparameter"))

    def _readable_rows(self, field: str, values: list[str], *spoilt: str) -> list[Native]:
        codes = (UNREADABLE, *spoilt)
        parts = chunks(values, 1)
        return [row for part in parts for row in self._readable_part(field, part, codes)]

    def _readable_part(self, field: str, values: list[str], codes: tuple[str, ...]) -> list[Native]:
        """Look up, halving a batch that one bad value spoils until that account is alone."""
        try:
            return self._by_field(field, values)
        except MoodleError as error:
            if error.code not in codes:
                raise
            if len(values) == 1:
                if field == "idnumber":  # which others may have too
                    raise
                log.error(_unreadable(field, values[0]))
                return []
        half = len(values) // 2
        first = self._readable_part(field, values[:half], codes)
        return first + self._readable_part(field, values[half:], codes)

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

    def _new(self, resource: Resource) -> Native:
        native = self.mapping.to_native(resource)
        if self._auth:
            native["auth"] = self._auth
        if "password" not in native:
            native |= {"createpassword": True} if self._notify else {"password": new_password()}
        return native

    def _made(self, ticket: Ticket, natives: list[Native]) -> list[Native | ScimError]:
        """Make accounts and return what was sent, with the ids; all of them can log in yet."""
        sent = [{name: v for name, v in one.items() if name != "suspended"} for one in natives]
        return [
            id if isinstance(id, ScimError) else {**native, "id": id}
            for native, id in zip(natives, self._accounts.create(ticket, sent), strict=True)
        ]

    def _suspended(self, ticket: Ticket, made: list[Native]) -> list[Native | ScimError]:
        """Suspend whoever shall be; this may be repeated, so it is when Moodle is busy."""
        ids = [native["id"] for native in made if native.get("suspended")]
        changes = [{"id": id, "suspended": True} for id in ids]
        done = self._accounts.update(ticket, changes, repeatable=True)
        failed = {id: error for id, error in zip(ids, done, strict=True) if error is not None}
        return [
            _half_made(native["id"], failed[native["id"]]) if native["id"] in failed else native
            for native in made
        ]

    def _read_new(self, made: list[Native]) -> list[Resource]:
        ids = [native["id"] for native in made]
        try:
            found = {resource["id"]: resource for resource in self.fetch(ids)}
        except ScimError as error:
            shown = ", ".join(ids)
            log.warning("users were created but could not be read: %s: %s", shown, error.detail)
            found = {}
        return [found.get(native["id"]) or self.mapping.to_scim(native) for native in made]

    def _changed(self, before: Resource, changes: tuple[Change, ...]) -> Native:
        native = self.mapping.to_native_changes(changes)
        if native.get("suspended"):
            self._not_own(before["id"])
        return {**native, "id": before["id"]}

    def _sent(self, ticket: Ticket, natives: list[Native]) -> list[ScimError | None]:
        """Send changes: those of an account in one call, so that all are made or none."""
        changed = [native for native in natives if len(native) > 1]
        done = self._accounts.update(ticket, changed)
        failed = {
            native["id"]: error
            for native, error in zip(changed, done, strict=True)
            if error is not None
        }
        return [failed.get(native["id"]) for native in natives]

    def _read_changed(
        self, pairs: list[tuple[Resource, Resource]]
    ) -> Sequence[Resource | ScimError]:
        """Return what the accounts have become; they are read where it does not follow."""
        ids = [
            before["id"]
            for before, after in pairs
            if not _derive_names(before, after) or self._verify
        ]
        found: dict[str, Resource] = {}
        if ids:
            try:
                found = {resource["id"]: resource for resource in self.fetch(ids)}
            except ScimError as error:
                return alike(error, pairs, unknown=True)
        return [found.get(before["id"], after) for before, after in pairs]

    def _not_own(self, id: str) -> str:
        """Keep the account behind the gateway's own token alive: all calls depend on it.

        Moodle gives preferences with no other account than the caller's own.
        """
        if id == self._own_id:
            raise forbidden(f"User {id} is the account of this target's own token.")
        return id


def _half_made(id: str, error: ScimError) -> ScimError:
    """Return the error of an account that was made, but could not be suspended."""
    detail = f"User {id} was created, but could not be disabled: {error.detail}"
    unknown = error.unknown or error.status >= 500
    return ScimError(error.status, detail, error.scim_type, unknown=unknown)


def _criteria(branch: Branch) -> dict[str, Any]:
    criteria = [{"key": c.push.parameter, "value": c.values[0]} for c in branch]
    return {"criteria": criteria or EVERYBODY}


def _reported(plan: Plan) -> int | None:
    """Return the moment of a plan for what has changed, None for any other plan."""
    conditions = [condition for branch in plan.searches for condition in branch]
    found = (int(one.values[0]) for one in conditions if one.push.call == RETRIEVE)
    return next(found, None)


def _is_account(row: Native) -> bool:
    """Tell an account from the guest and from the rest of a deleted one, whose email is a hash."""
    return row.get("username") != _GUEST and "@" in row.get("email", "@")


def _flat(row: dict[str, Any]) -> Native:
    for custom in row.get("customfields", ()):
        row[CUSTOM + custom["shortname"]] = custom.get("value")
    return row


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
