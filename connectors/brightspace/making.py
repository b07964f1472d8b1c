"""Making groups: where a new one belongs, and what has to be there before it."""

from __future__ import annotations

import time
from typing import Any

from connectors.base import Options
from connectors.brightspace.client import BrightspaceClient, Row
from connectors.brightspace.courses import NO_TEXT
from connectors.brightspace.places import GROUP, SECTION, SET, Place
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value

_NEW_SET: Row = {
    "Description": NO_TEXT,
    "EnrollmentStyle": 0,
    "EnrollmentQuantity": None,
    "AutoEnroll": False,
    "RandomizeEnrollments": False,
    "NumberOfGroups": 0,
    "MaxUsersPerGroup": None,
    "AllocateAfterExpiry": False,
    "SelfEnrollmentExpiryDate": None,
    "GroupPrefix": None,
    "RestrictedByOrgUnitId": None,
    "DescriptionsVisibleToEnrolees": False,
}
"""A set in which nobody is put by Brightspace itself, and which nobody enters alone."""

_SECTIONS: Row = {
    "EnrollmentStyle": 1,
    "EnrollmentQuantity": 25,
    "AutoEnroll": False,
    "RandomizeEnrollments": False,
}
_NEW = {"Code": "", "Description": NO_TEXT}
_POLLS = (0.2, 0.4, 0.8, 1.6, 3.2)


class Making:
    """Makes sets, groups and sections.

    Configuration of the target: `new_groups` (what a group without a `parentId` becomes:
    `courseGroup`, the default, or `section`), `group_set` (the name of the set of such groups,
    `Groups`; it is made where a course has none).
    """

    def __init__(self, client: BrightspaceClient, options: Options) -> None:
        self._client = client
        self._kind = options.more.get("new_groups", "courseGroup")
        self._set = str(options.more.get("group_set", "Groups"))
        if self._kind not in ("courseGroup", "section"):
            raise ValueError('new_groups is "courseGroup" or "section"')

    def set_of(self, ticket: Ticket, course: str, native: Row) -> tuple[Place, Row]:
        """Make a set, and wait until it can be used."""
        path = f"lp/{course}/groupcategories/"
        row = self._client.send(ticket, "POST", path, {**_NEW_SET, **native})
        id = str(row.get("CategoryId") or row["GroupCategoryId"])
        place = Place(SET, (course, id))
        # Newer versions answer the work of making it, older ones the set.
        if "CategoryId" in row:
            self._wait(f"{place.path}/status", row)
        return place, {**_NEW_SET, **(self._client.get(place.path) or native)}

    def group_of(self, ticket: Ticket, course: str, parent: str, native: Row) -> tuple[Place, Row]:
        """Make a group in a set, or a section."""
        body = {**_NEW, **native}
        if not parent and self._kind == "section":
            row = self._section(ticket, f"lp/{course}/sections/", body)
            return Place(SECTION, (course, str(row["SectionId"]))), row
        holder = Place(SET, (course, parent or self._usual_set(ticket, course)))
        try:
            row = self._client.send(ticket, "POST", f"{holder.path}/groups/", body)
        except ScimError as error:
            if error.status == 404:
                raise invalid_value(
                    f"parentId: there is no set {holder.unit} of groups in course {course}."
                ) from None
            raise
        return Place(GROUP, (*holder.ids, str(row["GroupId"]))), row

    def _usual_set(self, ticket: Ticket, course: str) -> str:
        for row in self._client.get(f"lp/{course}/groupcategories/") or ():
            if row["Name"] == self._set:
                return str(row["GroupCategoryId"])
        return self.set_of(ticket, course, {"Name": self._set})[0].unit

    def _section(self, ticket: Ticket, path: str, body: Row) -> Any:
        """Make a section; a course that has none may have to be set up for them."""
        try:
            return self._client.send(ticket, "POST", path, body)
        except ScimError as error:
            if error.status != 400 or self._client.get(path):
                raise
        self._client.send(ticket, "PUT", path, _SECTIONS)
        return self._client.send(ticket, "POST", path, body)

    def _wait(self, path: str, row: Row) -> None:
        for seconds in _POLLS:
            if row.get("Status") == 1:
                return
            row = self._client.get(path) or row
            if row.get("Status") != 1:
                time.sleep(seconds)
