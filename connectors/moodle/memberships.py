"""Who is a member of which cohort of a Moodle site."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from connectors.mapping import Native
from connectors.moodle.client import MoodleClient, MoodleError, chunks

COHORTS = "core_cohort_get_cohorts"
PREFIX = "cohort-"
"""Begins the SCIM id of a cohort."""


def members_of(client: MoodleClient, cohorts: Sequence[str]) -> dict[str, list[int]]:
    """Return the ids of the members, in order, of those of the cohorts that exist.

    A cohort deleted meanwhile loses the answer for all, so then it is asked once more.
    """
    members: dict[str, list[int]] = {}
    for part in chunks(list(cohorts), 1):
        try:
            rows = _read(client, part)
        except MoodleError as error:
            if error.code != "invalidrecord":
                raise
            known = {str(row["id"]) for row in client.call(COHORTS, {"cohortids": part})}
            part = [number for number in part if number in known]
            rows = _read(client, part) if part else []
        members.update((str(row["cohortid"]), sorted(row["userids"])) for row in rows)
    return members


def cohorts_of(client: MoodleClient, users: Collection[str]) -> dict[str, list[Native]]:
    """Return the cohorts of each of the users: all members are read, for no function tells it."""
    found: dict[str, list[Native]] = {user: [] for user in users}
    rows = {str(row["id"]): row for row in client.call(COHORTS)}
    members = members_of(client, list(rows)) if rows else {}
    for cohort in sorted(members, key=int):
        for user in members[cohort]:
            if str(user) in found:
                found[str(user)].append(rows[cohort])
    return found


def _read(client: MoodleClient, cohorts: list[str]) -> list[Native]:
    rows: list[Native] = client.call("core_cohort_get_cohort_members", {"cohortids": cohorts})
    return rows
