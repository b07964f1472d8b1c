"""Courses of a Moodle site: the five methods on `core_course_*`."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from connectors.base import Collection, Options
from connectors.folding import plain_part
from connectors.mapping import Field, Impossible, Mapping, Native, Push, Resource, read_only
from connectors.moodle.client import MoodleClient, chunks, warning_error
from connectors.moodle.codes import locale_of
from connectors.moodle.fields import ID, id_key, text
from connectors.moodle.moments import moment, seconds_of, settled
from connectors.moodle.walking import SEARCH_COURSES, SITE
from connectors.planning import Branch, Plan
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.course import COURSE
from schemas.errors import ScimError, invalid_value, not_found_resource

BY_FIELD = "core_course_get_courses_by_field"
LIST = "core_course_get_courses"

_WORD = re.compile(r"[a-z0-9]+")

log = logging.getLogger(__name__)


def category_of(options: Options) -> str:
    """Return the id of the category of new courses that name none.

    Configuration of the target: `course_category` ("1").
    """
    return _category(str(options.more.get("course_category", "1")))


def course_mapping(options: Options) -> Mapping:
    """Return the mapping of courses."""

    def by(parameter: str, value: Any, **more: Any) -> dict[str, Push]:
        return {"eq": Push(BY_FIELD, parameter, value=value, **more)}

    return Mapping(
        COURSE,
        read_only("id", "id", read=str, push=by("ids", course_key, key=True)),
        Field("courseId", "shortname", required=True, empty=None, write=text(255, name=True),
              push=by("shortname", _code_key, key=True, alone=True)),
        Field("name", "fullname", required=True, empty=None,
              write=text(254, name=True, zero=True)),
        Field("externalId", "idnumber", write=text(100, tags=True),
              push=by("idnumber", _idnumber_key, key=True, alone=True)),
        Field("description", "summary"),
        Field("categoryId", "categoryid", read=str, write=_category, empty=None,
              default=category_of(options), push=by("category", id_key)),
        Field("end", "enddate", read=moment, write=seconds_of, settle=settled, empty=0),
        Field("start", "startdate", read=moment, write=seconds_of, settle=settled, filled=True,
              empty=0),
        Field("available", "visible", read=lambda held: "Yes" if held else "No",
              write=lambda said: int(said == "Yes"), canonical=("Yes", "No"), filled=True,
              empty=None),
        read_only("locale", "lang", read=locale_of),
        read_only("meta.created", "timecreated", read=moment),
        read_only("meta.lastModified", "timemodified", read=moment),
        walk="reads all courses in one call, for Moodle cannot page them; the ids are kept for ten "
        "minutes, and each page that follows is one call by id",
    )  # fmt: skip


def course_key(value: Any) -> str:
    """Return the id of a course that a filter names; the site itself is none."""
    if value == SITE:
        raise Impossible
    return id_key(value)


def course_number(value: Any) -> str:
    """Check the id of a course that is sent."""
    if value == SITE or not ID.fullmatch(value):
        raise ValueError(
            f"{value[:40]!r} is not the id of a course, a number; "
            "what Moodle calls ID number is the externalId, and the short name the courseId"
        )
    return str(value)


def _category(value: Any) -> str:
    if not ID.fullmatch(value):
        raise ValueError(
            f"{value[:40]!r} is not the id of a category, a number; "
            "what Moodle calls ID number of a category is not it"
        )
    return str(value)


def _idnumber_key(value: Any) -> str:
    if not value or len(value) > 100:
        raise Impossible
    return str(value)


def _code_key(value: Any) -> str | None:
    """Return a short name that can be looked up in any letter case, whichever the database.

    It is plain ASCII, so that the databases fold it alike, and Moodle finds no tag in it. Without
    letters it is looked up as it is; else it has a word that can be searched for.
    """
    if not value:
        raise Impossible
    if not value.isascii() or "<" in value:
        return None
    return value if value.swapcase() == value or _word(value) else None


def _word(value: str) -> str:
    """Return the longest word that a search in any letter case cannot miss."""
    return max(_WORD.findall(plain_part(value) or ""), key=len, default="")


class Courses(Collection):
    """All courses of a site; the one that stands for the site itself does not exist."""

    can_fetch = True

    def __init__(self, client: MoodleClient, options: Options) -> None:
        self.mapping = course_mapping(options)
        self._client = client
        self._verify = options.verify
        self._ignores_case: bool | None = None

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        found: dict[int, Native] = {}
        for branch in plan.searches:
            found.update((row["id"], row) for row in self._native_search(branch))
        yield self._resources(found[id] for id in sorted(found))

    def get(self, id: str) -> Resource | None:
        if id == SITE or not ID.fullmatch(id):
            return None
        return next(iter(self._resources(self._by_field("id", id))), None)

    def fetch(self, ids: Sequence[str]) -> list[Resource]:
        known = [id for id in ids if ID.fullmatch(id)]
        rows = {str(row["id"]): row for row in self._by_ids(known)}
        return self._resources(rows[id] for id in known if id in rows)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = self.mapping.to_native(resource)
        # Moodle gives a course the start that its formats need, today, but also an end in a year.
        native.setdefault("enddate", 0)
        rows = self._client.write(ticket, "core_course_create_courses", {"courses": [native]})
        id = str(rows[0]["id"])
        try:
            made = self.get(id)
        except ScimError as error:
            log.warning("course %s was created but could not be read: %s", id, error.detail)
            made = None
        return made or self.mapping.to_scim({**native, "id": id})

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        native = self.mapping.to_native_changes(changes)
        courses = {"courses": [{"id": before["id"], **native}]}
        answer = self._client.write(ticket, "core_course_update_courses", courses)
        for warning in answer.get("warnings", ()):
            raise self._refusal(before["id"], native, warning)
        if self._verify:
            return self.get(before["id"]) or after
        if "meta" in after:
            # Only Moodle knows when it made the change.
            after["meta"] = {k: v for k, v in after["meta"].items() if k != "lastModified"}
        return after

    def delete(self, ticket: Ticket, id: str) -> None:
        if id == SITE or not ID.fullmatch(id):
            raise not_found_resource("Course", id)
        answer = self._client.write(ticket, "core_course_delete_courses", {"courseids": [id]})
        for warning in answer.get("warnings", ()):
            if warning.get("warningcode") == "unknowncourseidnumber":
                raise not_found_resource("Course", id)
            raise warning_error(warning)

    def find_again(self, resource: Resource) -> Resource | None:
        code = resource["courseId"]
        rows = self._by_field("shortname", code)
        return next(iter(self._resources(row for row in rows if row["shortname"] == code)), None)

    def _native_search(self, branch: Branch) -> list[Native]:
        rows: list[Native]
        if not branch:
            rows = self._client.look(LIST)
            return rows
        parameter, values = branch[0].push.parameter, branch[0].values
        match parameter:
            case "ids":
                return self._by_ids(values)
            case "shortname":
                return self._by_code(values[0])
            case _:
                return self._by_field(parameter, values[0])

    def _by_field(self, field: str, value: str) -> list[Native]:
        rows: list[Native] = self._client.look(BY_FIELD, {"field": field, "value": value})[
            "courses"
        ]
        return rows

    def _by_ids(self, ids: Sequence[str]) -> list[Native]:
        return [
            row for part in chunks(list(ids), 1) for row in self._by_field("ids", ",".join(part))
        ]

    def _by_code(self, code: str) -> list[Native]:
        """Return the courses of a short name in whatever letter case, and perhaps others.

        MariaDB ignores letter case where PostgreSQL does not. What comes back for the opposite
        case tells which of them it is; until that is known, and on PostgreSQL, the name is also
        looked for by a search that ignores letter case everywhere.
        """
        opposite = code.swapcase()
        rows: list[Native] = []
        if self._ignores_case is not False:
            rows = self._by_field("shortname", opposite)
            if opposite == code or self._ignores_case:
                return rows
            if any(_are_cases(row["shortname"], opposite) for row in rows):
                self._ignores_case = True
                return rows
        elif opposite == code:
            return self._by_field("shortname", code)
        word = {"criterianame": "search", "criteriavalue": _word(code), "page": 0, "perpage": 0}
        found = [
            str(row["id"])
            for row in self._client.call(SEARCH_COURSES, word)["courses"]
            if row["shortname"].casefold() == code.casefold()
        ]
        if not found:
            return rows
        if self._ignores_case is None and {str(row["id"]) for row in rows} < set(found):
            self._ignores_case = False
        return self._by_ids(found)

    def _refusal(self, id: str, native: Native, warning: dict[str, Any]) -> ScimError:
        """Tell a course that is gone from a category that is not there: Moodle's code is one."""
        if warning.get("warningcode") != "invalidrecord":
            return warning_error(warning)
        if "categoryid" in native and self.get(id) is not None:
            return invalid_value(f"categoryId: there is no category {native['categoryid']}.")
        return not_found_resource("Course", id)

    def _resources(self, rows: Iterable[Native]) -> list[Resource]:
        return [
            self.mapping.to_scim(row)
            for row in rows
            if str(row["id"]) != SITE and row.get("format") != "site"
        ]


def _are_cases(one: str, other: str) -> bool:
    """Tell whether two short names differ, and in letter case alone."""
    return one != other and one.casefold() == other.casefold()
