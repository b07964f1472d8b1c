"""Cohorts of a Moodle site as Groups: the mapping, and the five methods on `core_cohort_*`."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Collection
from connectors.folding import plain_part
from connectors.mapping import Field, Impossible, Mapping, Native, Push, Resource, read_only
from connectors.members import changed_members, members_field, shown_members
from connectors.moodle.client import MoodleClient, MoodleError, chunks
from connectors.moodle.fields import text
from connectors.moodle.members import member_id, name_members
from connectors.moodle.memberships import COHORTS, PREFIX, members_of
from connectors.planning import Branch, Plan
from connectors.steps import all_or_nothing
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import (
    ScimError,
    invalid_value,
    not_found_resource,
    not_implemented,
    uniqueness,
)
from schemas.group import GROUP, LMS_GROUP

BY_ID = COHORTS
SEARCH = "core_cohort_search_cohorts"
MADE_HERE = "matricula-"
"""Begins the ID number of a cohort that was given none: Moodle lets only one have none."""

_ID = re.compile(PREFIX + r"([1-9][0-9]{0,17})")
_UNKNOWN_USER = re.compile(r"user id=(\d+) not exists")
_ALREADY_MEMBER = re.compile(r"id=(\d+)\)$")
_SITE = {"contextid": 1}


def cohort_number(value: Any) -> str:
    """Return the number of a cohort that a filter names, if it is one."""
    found = _ID.fullmatch(value)
    if found is None:
        raise Impossible
    return found[1]


def _search(value: Any) -> str | None:
    return plain_part(value)


def cohort_mapping() -> Mapping:
    """Return the mapping of cohorts."""
    contains = {op: Push(SEARCH, "query", value=_search) for op in ("eq", "co", "sw", "ew")}
    return Mapping(
        GROUP,
        read_only("id", "id", read=lambda id: f"{PREFIX}{id}",
                  push={"eq": Push(BY_ID, "cohortids", key=True, value=cohort_number)}),
        Field("displayName", "name", write=text(254, tags=True, zero=True), required=True,
              push=contains, empty=None),
        Field("externalId", "idnumber", write=_external_id, push=contains, empty="",
              read=lambda held: None if held.startswith(MADE_HERE) else held),
        read_only(f"{LMS_GROUP}:uuid", "idnumber", returned="request"),
        read_only(f"{LMS_GROUP}:kind", "kind", canonical=("cohort",), returned="request"),
        Field(f"{LMS_GROUP}:description", "description", write=text(65535, tags=True)),
        members_field("userids"),
        walk="reads all cohorts in one call, and the members of those shown in one more",
    )  # fmt: skip


def _external_id(value: Any) -> str:
    if value.startswith(MADE_HERE):
        raise ValueError(f"values that begin with {MADE_HERE!r} are Matricula's own")
    return text(100, tags=True)(value)


class Cohorts(Collection):
    """All cohorts of a site, those of course categories included."""

    def __init__(self, client: MoodleClient, users: Collection) -> None:
        self.mapping = cohort_mapping()
        self._client = client
        self._users = users

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        found: dict[int, Native] = {}
        for branch in plan.searches:
            found.update((row["id"], row) for row in self._native_search(branch))
        yield [self._resource(found[id]) for id in sorted(found)]

    def get(self, id: str) -> Resource | None:
        found = _ID.fullmatch(id)
        if found is None:
            return None
        rows = self._client.call(BY_ID, {"cohortids": [found[1]]})
        return self._resource(rows[0]) if rows else None

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        if not resources or not wanted & {"members", "members.display"}:
            return
        members = members_of(self._client, [_number(resource["id"]) for resource in resources])
        for resource in resources:
            ids = members.get(_number(resource["id"]), ())
            resource["members"] = shown_members(ids)
        if "members.display" in wanted:
            name_members(self._users, resources)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        users = [member_id(member) for member in resource.get("members", ())]
        native = self.mapping.to_native(resource)
        native.setdefault("idnumber", MADE_HERE + uuid.uuid4().hex)
        cohort = {"categorytype": {"type": "system", "value": ""}, **native}
        try:
            rows = self._client.write(ticket, "core_cohort_create_cohorts", {"cohorts": [cohort]})
        except MoodleError as error:
            if error.code == "invalidparameter" and self._is_taken(native["idnumber"]):
                raise _taken() from None
            raise
        created = self._resource(rows[0])
        with all_or_nothing(lambda: self.delete(ticket, created["id"])):
            self._add(ticket, _number(created["id"]), users)
        return {**created, "members": shown_members(sorted(map(int, users)))}

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        number = _number(before["id"])
        added, removed = changed_members(changes, member_id)
        native = self.mapping.to_native_changes(changes)
        try:
            # What Moodle may refuse comes first, so that a refusal leaves everything as it was.
            cohort = self._renewed(number, before, native) if native else None
            self._add(ticket, number, added)
            if cohort:
                self._client.write(ticket, "core_cohort_update_cohorts", {"cohorts": [cohort]})
            self._remove(ticket, number, removed)
        except MoodleError as error:
            if error.code == "invalidrecord":
                raise not_found_resource("Group", before["id"]) from None
            raise
        if "members" in after:
            after["members"] = shown_members(
                sorted(int(member["value"]) for member in after["members"])
            )
        return after

    def delete(self, ticket: Ticket, id: str) -> None:
        try:
            self._client.write(ticket, "core_cohort_delete_cohorts", {"cohortids": [_number(id)]})
        except MoodleError as error:
            if error.code == "invalidrecord":
                raise not_found_resource("Group", id) from None
            raise

    def find_again(self, resource: Resource) -> Resource | None:
        if external_id := resource.get("externalId"):
            rows = self._with_idnumber(external_id)
            return self._resource(rows[0]) if rows else None
        rows = self._client.call(SEARCH, _query(resource["displayName"]))["cohorts"]
        named = [row for row in rows if row["name"] == resource["displayName"]]
        made = [row for row in named if row["idnumber"].startswith(MADE_HERE)]
        return self._resource(max(made, key=lambda row: int(row["id"]))) if made else None

    def _native_search(self, branch: Branch) -> list[Native]:
        rows: list[Native]
        if not branch:
            rows = self._client.call(BY_ID)
        elif branch[0].push.key:
            rows = self._client.call(BY_ID, {"cohortids": list(branch[0].values)})
        else:
            rows = self._client.call(SEARCH, _query(branch[0].values[0]))["cohorts"]
        return rows

    def _resource(self, row: Native) -> Resource:
        return self.mapping.to_scim({**row, "kind": "cohort"})

    def _add(self, ticket: Ticket, number: str, users: list[str]) -> None:
        """Add members, all or none: Moodle adds the known ones and warns of the others."""
        done: list[str] = []
        for part in chunks(users, 4):
            members = [
                {
                    "cohorttype": {"type": "id", "value": number},
                    "usertype": {"type": "id", "value": user},
                }
                for user in part
            ]
            answer = self._client.write(
                ticket, "core_cohort_add_cohort_members", {"members": members}
            )
            warnings = answer.get("warnings", ())
            if any(warning.get("warningcode") != "3" for warning in warnings):
                self._take_back(ticket, number, done, part, warnings)
            done += part

    def _take_back(
        self,
        ticket: Ticket,
        number: str,
        done: list[str],
        part: list[str],
        warnings: list[dict[str, Any]],
    ) -> None:
        said = [str(warning.get("message", "")) for warning in warnings]
        unknown = {id for text in said for id in _UNKNOWN_USER.findall(text)}
        if not unknown:
            raise not_found_resource("Group", PREFIX + number)
        keep = unknown | {id for text in said for id in _ALREADY_MEMBER.findall(text)}
        self._remove(ticket, number, [*done, *(user for user in part if user not in keep)])
        shown = ", ".join(sorted(unknown, key=int)[:20])
        raise invalid_value(f"members: no such user: {shown}.")

    def _remove(self, ticket: Ticket, number: str, users: list[str]) -> None:
        for part in chunks(users, 2):
            try:
                self._send_removal(ticket, number, part)
            except MoodleError as error:
                if error.code != "invaliduser":
                    raise
                # One of them was deleted from the site and so from the cohort: leave it out.
                left = {str(id) for id in members_of(self._client, [number]).get(number, ())}
                self._send_removal(ticket, number, [user for user in part if user in left])

    def _send_removal(self, ticket: Ticket, number: str, users: list[str]) -> None:
        if users:
            members = [{"cohortid": number, "userid": user} for user in users]
            self._client.write(ticket, "core_cohort_delete_cohort_members", {"members": members})

    def _renewed(self, number: str, before: Resource, native: Native) -> Native:
        """Return the cohort with name and ID number together, as Moodle demands.

        The function also moves the cohort to the category that it is given, and no function
        tells which one it is in; so only cohorts that are found at site level are changed.
        """
        idnumber = str(before.get(LMS_GROUP, {}).get("uuid", ""))
        wanted = native.get("idnumber")
        if wanted == "":
            native["idnumber"] = MADE_HERE + uuid.uuid4().hex
        elif wanted and self._with_idnumber(wanted, other_than=number):
            raise _taken()
        site = self._client.call(SEARCH, {**_query(idnumber), "includes": "self"})["cohorts"]
        if number not in {str(row["id"]) for row in site}:
            if self.get(before["id"]) is None:
                raise not_found_resource("Group", before["id"])
            raise not_implemented(
                "The cohort belongs to a course category; Moodle's web service cannot change it "
                "without moving it. Change it in Moodle."
            )
        return {
            "id": number,
            "categorytype": {"type": "system", "value": ""},
            "name": before.get("displayName", ""),
            "idnumber": idnumber,
            **native,
        }

    def _is_taken(self, idnumber: str) -> bool:
        """Tell whether a refused ID number is in use; the database may ignore letter case."""
        rows = self._client.call(SEARCH, _query(idnumber))["cohorts"]
        return any(row["idnumber"].casefold() == idnumber.casefold() for row in rows)

    def _with_idnumber(self, idnumber: str, other_than: str = "") -> list[Native]:
        rows = self._client.call(SEARCH, _query(idnumber))["cohorts"]
        return [row for row in rows if row["idnumber"] == idnumber and str(row["id"]) != other_than]


def _query(text: str) -> dict[str, Any]:
    return {"query": text, "context": _SITE, "includes": "all", "limitfrom": 0, "limitnum": 0}


def _taken() -> ScimError:
    return uniqueness("externalId is already in use by another cohort.")


def _number(id: str) -> str:
    return id.removeprefix(PREFIX)
