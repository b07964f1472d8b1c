"""SIS imports: accounts that one file makes, however many they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.addresses import path_value
from connectors.canvas.client import ROOT, CanvasClient
from connectors.canvas.reports import Reports
from connectors.canvas.waiting import awaited
from connectors.many import alike
from connectors.mapping import Native
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value

FEW = 12
"""So many accounts are made one by one: an import takes as many calls."""

_IMPORTS = f"{ROOT}/sis_imports"
_GOING = ("initializing", "created", "importing", "cleanup_batch")
_TO_ABORT = 5.0
"""Seconds in which an import is expected to end that is aborted."""
_NOT_HERE = (400, 403, 404)
"""How Canvas refuses imports where they are not switched on, or not allowed to the token's user."""
_COLUMNS = {
    "login.sis_user_id": "user_id",
    "login.unique_id": "login_id",
    "login.declared_user_type": "declared_user_type",
    "user.name": "full_name",
    "user.sortable_name": "sortable_name",
    "user.short_name": "short_name",
    "user.email": "email",
    "user.event": "status",
}
"""Native names and the columns of users.csv that are the same; a password would stay in a file."""
_STATUSES = {"suspend": "suspended"}

Row = dict[str, Any]


class Imports:
    """Imports of accounts into one site; each is waited for as many seconds as `patience` says."""

    def __init__(self, client: CanvasClient, reports: Reports, patience: float) -> None:
        self._client = client
        self._reports = reports
        self._patience = patience
        self._is_over = False

    def make(
        self, ticket: Ticket, natives: Sequence[Native], listing: Mapping[str, Any]
    ) -> list[Row | ScimError | None]:
        """Make accounts and return their rows as `listing` asks for them, or why there are none.

        None for an account that no import may make: what a file lacks columns for, or whose login
        or SIS id is taken, for an import would change whoever has it. Their number may be all.
        """
        outcomes: list[Row | ScimError | None] = [None] * len(natives)
        fit = [number for number, native in enumerate(natives) if _has_columns(native)]
        if len(fit) < FEW or self._is_over or (held := self._reports.logins(deleted=True)) is None:
            return outcomes
        taken = {row.get("login_id", "").casefold() for row in held}
        known = {row.get("user_id", "").casefold() for row in held}
        free = [
            number
            for number in fit
            if str(natives[number]["login.unique_id"]).casefold() not in taken
            and str(natives[number]["login.sis_user_id"]).casefold() not in known
        ]
        if len(free) < FEW:
            return outcomes
        rows = [_row(natives[number]) for number in free]
        newest = max((int(row["canvas_user_id"]) for row in held), default=0)
        for number, made in zip(free, self._made(ticket, rows, newest, listing), strict=True):
            outcomes[number] = made
        return outcomes

    def _made(
        self, ticket: Ticket, rows: list[Row], newest: int, listing: Mapping[str, Any]
    ) -> Sequence[Row | ScimError | None]:
        """Import rows, and look for the accounts: those that are newer than the newest before."""
        options = "import_type=instructure_csv&extension=csv"
        try:
            begun = self._client.upload(ticket, f"{_IMPORTS}?{options}", _file(rows), "text/csv")
        except ScimError as error:
            if error.status not in _NOT_HERE or error.unknown:
                return alike(error, rows)
            self._is_over = True
            return [None for _ in rows]
        try:
            done = self._ended(ticket, begun)
            found = self._found({row["user_id"] for row in rows}, newest, listing)
        except (ScimError, LookupError, TypeError, ValueError):
            lost = ScimError(504, "It is not known what became of an import.", unknown=True)
            return alike(lost, rows)
        is_aborted = done["workflow_state"] == "aborted"
        return [
            found.get(row["user_id"]) or (None if is_aborted else _refusal(row, done))
            for row in rows
        ]

    def _ended(self, ticket: Ticket, begun: Any) -> Row:
        """Return an import that has ended; one that takes too long is aborted, and was the last.

        Raises ScimError, and LookupError for one that goes on nevertheless.
        """
        path = f"{_IMPORTS}/{int(begun['id'])}"

        def look() -> Row | None:
            return self._client.get(path)

        done = awaited(look, _GOING, self._patience)
        if done is None:
            # Perhaps behind a school's own imports: what it has not made goes singly.
            self._is_over = True
            self._client.send(ticket, "PUT", f"{path}/abort")
            done = awaited(look, _GOING, _TO_ABORT)
        if not done:
            raise LookupError(path)
        return done

    def _found(self, wanted: set[str], newest: int, listing: Mapping[str, Any]) -> dict[str, Row]:
        """Return the rows of accounts by SIS id, from the list that begins with the newest."""
        found: dict[str, Row] = {}
        for rows in self._client.rows(f"{ROOT}/users", {**listing, "order": "desc"}):
            found |= {row["sis_user_id"]: row for row in rows if row.get("sis_user_id") in wanted}
            if found.keys() == wanted or any(int(row["id"]) <= newest for row in rows):
                break
        for sis_id in wanted - found.keys():
            # Refused, or not that new: the person was known to another site before.
            row = self._client.get(f"users/sis_user_id:{path_value(sis_id)}", listing)
            found |= {sis_id: row} if row else {}
        return found


def _has_columns(native: Native) -> bool:
    return native.keys() <= _COLUMNS.keys() and bool(native.get("login.sis_user_id"))


def _row(native: Native) -> Row:
    row = {_COLUMNS[name]: value for name, value in native.items()}
    return row | {"status": _STATUSES.get(row.get("status", ""), "active")}


def _file(rows: Sequence[Row]) -> bytes:
    """Return users.csv in UTF-8 (Canvas's SIS import format)."""
    output = io.StringIO(newline="")
    writer = csv.DictWriter(output, dict.fromkeys(_COLUMNS.values()), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return output.getvalue().encode()


def _refusal(row: Row, done: Row) -> ScimError:
    said = [text for text in _messages(done) if row["user_id"] in text]
    told = f": {'; '.join(said)[:300]}" if said else ""
    return invalid_value(f"Canvas's import {done['id']} has not made this account{told}.")


def _messages(done: Row) -> Iterator[str]:
    for kind in ("processing_errors", "processing_warnings"):
        for message in done.get(kind) or ():
            yield str(message[-1])
