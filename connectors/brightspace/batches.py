"""Batches: arrays of accounts or enrolments, answered with those that could not be made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connectors.brightspace.client import BrightspaceClient, Row
from connectors.brightspace.refusals import refusal_of
from connectors.many import alike, in_runs, outcome_of
from connectors.side_by_side import side_by_side
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value

USERS, USERS_AT_ONCE = "lp/users/batch/", 100
"""The most accounts in one batch are not documented; as many as a list shows on one page."""
ENROLMENTS, ENROLMENTS_AT_ONCE = "lp/enrollments/batch/", 1000

AT_ONCE = 4
"""Calls side by side for what no batch does."""
_NO_BATCH = (403, 404)
"""How a batch is refused that the integration may not send, or that the site does not have."""

Key = Callable[[Row], Any]
Outcomes = list[ScimError | None]


def make_users(client: BrightspaceClient, ticket: Ticket, rows: Sequence[Row]) -> Outcomes | None:
    """Make accounts, no two of the same name; None where the integration may send no batch."""
    try:
        return _sent(client, ticket, USERS, USERS_AT_ONCE, rows, _name, "StatusError")
    except ScimError as error:
        if error.status not in _NO_BATCH:
            raise
    return None


def enrol(client: BrightspaceClient, ticket: Ticket, rows: list[Row]) -> list[Row | ScimError]:
    """Enrol people, each in other org units, or change their roles there.

    One alone is sent alone, and all are where the integration may send no batch.
    """
    if len(rows) > 1:
        try:
            sent = _sent(client, ticket, ENROLMENTS, ENROLMENTS_AT_ONCE, rows, _pair, "StatusCode")
        except ScimError as error:
            if error.status not in _NO_BATCH:
                raise
        else:
            return [
                row if refused is None else _explained(row, refused)
                for row, refused in zip(rows, sent, strict=True)
            ]
    return side_by_side(lambda row: outcome_of(_enrol_one, client, ticket, row), rows, AT_ONCE)


def _enrol_one(client: BrightspaceClient, ticket: Ticket, row: Row) -> Row:
    try:
        enrolled: Row = client.send(ticket, "POST", "lp/enrollments/", row)
    except ScimError as error:
        raise _explained(row, error) from None
    return enrolled


def _explained(row: Row, error: ScimError) -> ScimError:
    if error.status != 404:
        return error
    return invalid_value(
        f"There is no user {row['UserId']} or no role {row['RoleId']}: {error.detail}"
    )


def _sent(
    client: BrightspaceClient,
    ticket: Ticket,
    path: str,
    most: int,
    rows: Sequence[Row],
    key: Key,
    status: str,
) -> Outcomes:
    first = True

    def call(run: list[Row]) -> Outcomes:
        nonlocal first
        is_first, first = first, False
        try:
            failures = client.send(ticket, "POST", path, run)
        except ScimError as error:
            if is_first and error.status in _NO_BATCH:
                raise
            # How much of a batch is done that is refused as a whole is not documented.
            return [*alike(error, run, unknown=error.status < 500)]
        if not isinstance(failures, list):
            lost = ScimError(502, f"Brightspace sent no list for {path}.", unknown=True)
            return [*alike(lost, run)]
        failed = {key(row): _refused(row, status) for row in failures}
        return [failed.get(key(row)) for row in run]

    return in_runs(rows, most, call)


def _refused(row: Row, status: str) -> ScimError:
    number = str(row.get(status))
    said = " ".join(str(row.get("StatusMessage") or f"status {number}").split())[:300]
    return refusal_of(int(number) if number.isdigit() else 0, said)


def _name(row: Row) -> str:
    return str(row.get("UserName")).casefold()


def _pair(row: Row) -> tuple[str, str]:
    return str(row.get("OrgUnitId")), str(row.get("UserId"))
