"""The kinds of groups that a target serves, and the mapping that is theirs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.base import Options
from connectors.canvas import fields
from connectors.canvas.accountgroups import AccountGroups
from connectors.canvas.coursegroups import CourseGroups
from connectors.canvas.fields import ID, an_id, text
from connectors.canvas.sections import Sections
from connectors.mapping import Field, Impossible, Mapping, Push, read_only
from connectors.members import members_field
from schemas.group import GROUP, LMS_GROUP

KINDS = ("cohort", "section", "courseGroup")
LIST = "groups"
"""The calls of each kind: a filter on kind, courseId or displayName chooses which are made."""

_PREFIXES = {part.kind: part.prefix for part in (AccountGroups, Sections, CourseGroups)}


def kinds_of(options: Options) -> tuple[str, ...]:
    """Return the kinds that the target's `group_kinds` names; those of the account unless set.

    Sections and groups of courses have no list over all courses, so that a search which names no
    course visits each of them.
    """
    named = options.more.get("group_kinds", ["cohort"])
    known = isinstance(named, list | tuple) and named and set(named) <= set(KINDS)
    if not known:
        raise ValueError(f"group_kinds is a list of {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in named)


def group_mapping(kinds: Sequence[str]) -> Mapping:
    """Return the mapping of groups of these kinds."""
    in_courses = set(kinds) != {"cohort"}
    in_sets = set(kinds) != {"section"}

    def own(name: str, native: str, **more: Any) -> Field:
        return Field(f"{LMS_GROUP}:{name}", native, **more)

    def number(name: str, native: str, **more: Any) -> Field:
        return own(name, native, read=str, write=an_id, modifiable=False, **more)

    part = {
        operator: replace(push, call=LIST, parameter="filter")
        for operator, push in fields.searched(LIST).items()
    }
    course = number("courseId", "course_id", required="cohort" not in kinds,
                    push=_equal("courseId", fields.id_key))  # fmt: skip
    return Mapping(
        GROUP,
        read_only("id", "key", push=_key("id", _id_of(kinds))),
        Field("displayName", "name", required=True, empty=None, write=text(255),
              push=part if "cohort" in kinds else {}),
        Field("externalId", "sis_id", filled=True, write=text(255),
              push=_key("externalId", _external_id)),
        read_only(f"{LMS_GROUP}:kind", "kind", canonical=tuple(kinds), returned="request",
                  push=_equal("kind", _kind_of(kinds))),
        *([course] if in_courses else []),
        *([number("parentId", "group_category_id", filled=True),
           own("description", "description")] if in_sets else []),
        read_only("meta.created", "created_at", read=fields.moment_of),
        members_field("users"),
        walk=_walk(in_courses),
    )  # fmt: skip


def _walk(in_courses: bool) -> str:
    first = "reads the groups of the account, a hundred in one call"
    if in_courses:
        first += (
            ", and goes from course to course for sections and groups of courses, for Canvas has "
            "no list of all; name a kind or a courseId"
        )
    return f"{first}; the members of each group shown take one call more"


def _equal(parameter: str, value: Any) -> dict[str, Push]:
    return {"eq": Push(LIST, parameter, value=value)}


def _key(parameter: str, value: Any) -> dict[str, Push]:
    return {"eq": Push(LIST, parameter, key=True, alone=True, value=value)}


def _id_of(kinds: Sequence[str]) -> Any:
    def value(wanted: Any) -> str:
        for prefix in map(_PREFIXES.__getitem__, kinds):
            if wanted.startswith(prefix) and ID.fullmatch(wanted.removeprefix(prefix)):
                return str(wanted)
        raise Impossible

    return value


def _kind_of(kinds: Sequence[str]) -> Any:
    def value(wanted: Any) -> str:
        known = {kind.casefold(): kind for kind in kinds}
        if wanted.casefold() not in known:
            raise Impossible
        return known[wanted.casefold()]

    return value


def _external_id(wanted: Any) -> str | None:
    form = fields.key("sis", case_exact=True)(wanted)
    return None if form is None else form.partition(":")[2]
