"""Courses of a Brightspace organization: course offerings, each made from a course template.

Lists of org units tell the id, the code and the name; all else takes a call for each course.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import Collection, Options, Page, each_once
from connectors.brightspace import fields
from connectors.brightspace.client import BrightspaceClient, Row, Rows
from connectors.brightspace.fields import ID, NULL, name, without_null
from connectors.brightspace.steps import undoing
from connectors.mapping import Field, Mapping, Push, Resource, read_only
from connectors.planning import Branch, Plan
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.course import COURSE
from schemas.errors import ScimError, invalid_value, not_found_resource, uniqueness

PATH = "lp/courses/"
UNITS = "lp/orgstructure/"
LIST = "GET lp/orgstructure/"
ONE = "GET lp/courses/{id}"
OFFERING = 3
"""The type of org unit that a course offering is, in every tenant."""

NO_TEXT = {"Content": "", "Type": "Text"}
_NEW: Row = {
    "Path": "",
    "SemesterId": None,
    "StartDate": None,
    "EndDate": None,
    "LocaleId": None,
    "ForceLocale": False,
    "ShowAddressBook": False,
    "Description": NO_TEXT,
    "CanSelfRegister": False,
}
_KEPT = ("Name", "Code", "StartDate", "EndDate", "ForceLocale", "ShowAddressBook", "IsActive")
"""What an update must carry as it was read, beside the description and a null locale."""


def course_mapping(options: Options) -> Mapping:
    """Return the mapping of courses; `categoryId` is the template that a course is made from.

    Configuration of the target: `course_template`, the id of the template of courses that name
    none.
    """
    template = options.more.get("course_template")
    if template is not None and not ID.fullmatch(str(template)):
        raise ValueError("course_template is the id of a course template, such as 6660")

    def when(path: str, native: str) -> Field:
        return detail(path, native, write=fields.moment, settle=fields.settled_moment, empty=NULL)

    return Mapping(
        COURSE,
        read_only("id", "Identifier", push=fields.by_id(ONE)),
        Field("courseId", "Code", required=True, empty=None, write=fields.code,
              push=_texts("Code")),
        Field("name", "Name", required=True, empty=None, write=name(),
              push=_texts("Name")),
        detail("description", "Description", read=fields.read_rich, write=fields.write_rich,
               empty=NO_TEXT),
        detail("categoryId", "CourseTemplateId", write=fields.an_id, modifiable=False,
               required=template is None, default=None if template is None else str(template)),
        detail("termId", "SemesterId", write=fields.an_id, modifiable=False),
        detail("available", "IsActive", read=lambda on: "Yes" if on else "No",
               write=lambda said: said == "Yes", canonical=("Yes", "No"), filled=True, empty=None),
        when("start", "StartDate"),
        when("end", "EndDate"),
        detail("enrollmentType", "CanSelfRegister", filled=True, empty=None,
               read=lambda on: "SelfEnrollment" if on else "InstructorLed",
               write=lambda said: said == "SelfEnrollment",
               canonical=("InstructorLed", "SelfEnrollment")),
        walk="reads the ids, codes and names of all courses, a hundred in one call; each course "
        "shown takes one call more",
    )  # fmt: skip


def detail(path: str, native: str, **more: Any) -> Field:
    """Return the row of what lists do not tell."""
    return Field(path, native, costly=True, **more)


def _texts(name: str) -> dict[str, Push]:
    """Return the searches for a text: the whole of it, or a part."""
    parts = Push(LIST, f"orgUnit{name}", value=fields.part)
    whole = Push(LIST, f"exactOrgUnit{name}", value=fields.sought)
    return {"eq": whole, "co": parts, "sw": parts, "ew": parts}


class Courses(Collection):
    """All course offerings; what is in the recycle bin is gone."""

    can_page = True

    def __init__(self, client: BrightspaceClient, options: Options) -> None:
        self._client = client
        self.mapping = course_mapping(options)
        template = options.more.get("course_template")
        self._template = {} if template is None else {"CourseTemplateId": int(template)}

    @property
    def mapping(self) -> Mapping:
        """The mapping of courses; that of the call for one course has nothing costly."""
        return self._mapping

    @mapping.setter
    def mapping(self, mapping: Mapping) -> None:
        """Take another mapping, which holds for one course as well."""
        self._mapping = mapping
        whole = (replace(field, costly=False) for field in mapping.fields)
        self._whole = Mapping(mapping.full, *whole)

    def page(self, plan: Plan, start: str, count: int) -> Page:
        branches = plan.searches
        if len(branches) == 1 and not _is_lookup(branches[0]):
            rows, following = self._client.page(UNITS, _query(branches[0]), start)
            return Page([self.mapping.to_scim(row) for row in rows], following)
        found = {course["id"]: course for branch in branches for course in self._found(branch)}
        return Page([found[id] for id in sorted(found, key=int)])

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(super().search(plan))

    def get(self, id: str) -> Resource | None:
        row = self._client.get(PATH + id) if ID.fullmatch(id) else None
        return None if row is None else self._shown(row)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        if not wanted & self.mapping.costly.keys():
            return
        for resource in resources:
            # A course that was read by itself has them all.
            if not self.mapping.costly.keys() <= resource.keys():
                resource.update(self.get(resource["id"]) or {})

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = without_null(self._whole.to_native(resource))
        active = native.pop("IsActive", None)
        self._refuse_taken(native["Code"])
        try:
            row = self._client.send(ticket, "POST", PATH, {**_NEW, **self._template, **native})
        except ScimError as error:
            if error.status == 404:
                raise invalid_value(
                    f"There is no such template (categoryId) or semester (termId): {error.detail}"
                ) from None
            raise
        if active is not None and active != row["IsActive"]:
            id = str(row["Identifier"])
            with undoing(lambda: self.delete(ticket, id)):
                self._replace(ticket, row, {"IsActive": active})
            row = {**row, "IsActive": active}
        return self._shown(row)

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        native = without_null(self._whole.to_native_changes(changes))
        if "Code" in native:
            self._refuse_taken(native["Code"], own=before["id"])
        row = self._client.get(PATH + before["id"])
        if row is None:
            raise not_found_resource("Course", before["id"])
        self._replace(ticket, row, native)
        return after

    def delete(self, ticket: Ticket, id: str) -> None:
        """Put the course into Brightspace's recycle bin, where only an administrator sees it."""
        self._client.send(ticket, "DELETE", PATH + id)

    def find_again(self, resource: Resource) -> Resource | None:
        return next(
            (self.mapping.to_scim(row) for row in self._of_code(resource["courseId"])), None
        )

    def _found(self, branch: Branch) -> Iterable[Resource]:
        if _is_lookup(branch):
            course = self.get(branch[0].values[0])
            return [] if course is None else [course]
        pages = self._client.rows(UNITS, _query(branch))
        return (self.mapping.to_scim(row) for rows in pages for row in rows)

    def _replace(self, ticket: Ticket, row: Row, native: Row) -> None:
        body = {name: row.get(name) for name in (*_KEPT, "CanSelfRegister")}
        body |= {"LocaleId": None, "Description": fields.as_sent(row.get("Description"))}
        self._client.send(ticket, "PUT", f"{PATH}{row['Identifier']}", {**body, **native})

    def _of_code(self, code: str) -> Rows:
        """Return the courses of a code, which Brightspace lets several have."""
        query = {"orgUnitType": OFFERING, "exactOrgUnitCode": code}
        rows, _ = self._client.page(UNITS, query)
        return [row for row in rows if (row.get("Code") or "").casefold() == code.casefold()]

    def _refuse_taken(self, code: str, own: str = "") -> None:
        for row in self._of_code(code):
            if str(row["Identifier"]) != own:
                raise uniqueness(f"courseId is already in use by course {row['Identifier']}.")

    def _shown(self, row: Row) -> Resource:
        above = {"CourseTemplateId": row.get("CourseTemplate"), "SemesterId": row.get("Semester")}
        ids = {name: str(unit["Identifier"]) for name, unit in above.items() if unit}
        return dict.fromkeys(self.mapping.costly) | self._whole.to_scim({**row, **ids})


def _is_lookup(branch: Branch) -> bool:
    return bool(branch) and branch[0].push.key


def _query(branch: Branch) -> dict[str, Any]:
    sought = {condition.push.parameter: condition.values[0] for condition in branch}
    return {"orgUnitType": OFFERING, **sought}
