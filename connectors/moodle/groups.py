"""Cohorts and course groups as one collection, told apart by how the id begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import Collection, each_once
from connectors.mapping import Field, Impossible, Mapping, Push, Resource, read_only
from connectors.moodle import coursegroups
from connectors.moodle.cohorts import BY_ID, Cohorts, cohort_number
from connectors.moodle.coursegroups import CourseGroups, group_number
from connectors.moodle.memberships import PREFIX as COHORT
from connectors.planning import Branch, Condition, Plan
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import mutability
from schemas.group import GROUP, LMS_GROUP

KINDS = ("cohort", coursegroups.KIND)
LIST = "groups"
"""The calls of either kind: a filter on kind or courseId chooses which of them are made."""

_KIND = f"{LMS_GROUP}:kind"
_COURSE = f"{LMS_GROUP}:courseId"


def kinds_of(option: Any) -> tuple[str, ...]:
    """Return the kinds of groups that the option `groups` of a target names."""
    named = option if isinstance(option, list | tuple) else ()
    kinds = tuple(kind for kind in KINDS if kind in named)
    if not kinds or len(kinds) != len(named):
        raise ValueError(f"groups is a list of {' and '.join(KINDS)}")
    return kinds


def joined_mapping(cohorts: Mapping, groups: Mapping) -> Mapping:
    """Return the mapping of cohorts and course groups together."""
    fields = {field.path: field for field in (*groups.fields, *cohorts.fields)}
    del fields["id"], fields[_KIND]
    course = replace(fields.pop(_COURSE), required=False)
    return Mapping(
        GROUP,
        read_only("id", "id", push={"eq": Push(LIST, "id", key=True, value=_id)}),
        *map(_joined, fields.values()),
        read_only(_KIND, "kind", canonical=KINDS, returned="request",
                  push={"eq": Push(LIST, "kind", value=_kind)}),
        _joined(course),
        walk="reads all cohorts in one call, and goes from course to course for their groups; name "
        "a kind or a courseId; the members of those shown take one call more for each kind",
    )  # fmt: skip


class Groups(Collection):
    """The cohorts and the course groups of a site."""

    def __init__(self, cohorts: Cohorts, groups: CourseGroups) -> None:
        self._cohorts = cohorts
        self._groups = groups
        self.mapping = joined_mapping(cohorts.mapping, groups.mapping)

    @property
    def mapping(self) -> Mapping:
        """The mapping of both kinds; each kind's own holds no more attributes than this one."""
        return self._mapping

    @mapping.setter
    def mapping(self, mapping: Mapping) -> None:
        """Take another mapping, which limits those of both kinds."""
        self._mapping = mapping
        held = {field.path for field in mapping.fields}
        for part in (self._cohorts, self._groups):
            own = part.mapping
            kept = (field for field in own.fields if field.path in held)
            part.mapping = own.with_fields(kept)

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(batch for branch in plan.searches for batch in self._found(branch))

    def get(self, id: str) -> Resource | None:
        return self._part(id).get(id)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        for part in (self._cohorts, self._groups):
            own = [resource for resource in resources if self._part(resource["id"]) is part]
            part.complete(own, wanted)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        return self._part_of(resource).create(ticket, resource)

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        if any(change.path.name == "courseId" for change in changes):
            raise mutability(f"{_COURSE} cannot be changed: Moodle moves no group.")
        return self._part(before["id"]).update(ticket, before, after, changes)

    def delete(self, ticket: Ticket, id: str) -> None:
        self._part(id).delete(ticket, id)

    def find_again(self, resource: Resource) -> Resource | None:
        return self._part_of(resource).find_again(resource)

    def _part(self, id: str) -> Cohorts | CourseGroups:
        return self._cohorts if id.startswith(COHORT) else self._groups

    def _part_of(self, resource: Resource) -> Cohorts | CourseGroups:
        """Return where a new group belongs: with a course, to the course's groups."""
        in_course = resource.get(LMS_GROUP, {}).get("courseId")
        return self._groups if in_course else self._cohorts

    def _found(self, branch: Branch) -> Iterator[Sequence[Resource]]:
        named = {condition.push.parameter: condition for condition in branch}
        if "id" in named:
            yield from self._by_ids(named["id"].values)
            return
        kind = named.pop("kind", None)
        course = named.pop("courseid", None)
        if course is None and (kind is None or "cohort" in kind.values):
            yield from self._cohorts.search(_only(*named.values()))
        if kind is None or coursegroups.KIND in kind.values:
            yield from self._groups.search(_only(*([course] if course else [])))

    def _by_ids(self, ids: Sequence[str]) -> Iterator[Sequence[Resource]]:
        cohorts = tuple(cohort_number(id) for id in ids if id.startswith(COHORT))
        groups = tuple(group_number(id) for id in ids if not id.startswith(COHORT))
        for part, call, parameter, numbers in (
            (self._cohorts, BY_ID, "cohortids", cohorts),
            (self._groups, coursegroups.BY_ID, "groupids", groups),
        ):
            if numbers:
                key = Condition(Push(call, parameter, key=True), numbers, exact=False)
                yield from part.search(_only(key))


def _only(*conditions: Condition) -> Plan:
    """Return the plan of one native call."""
    return Plan((conditions,), None, "")


def _joined(field: Field) -> Field:
    pushes = {operator: replace(push, call=LIST) for operator, push in field.push.items()}
    return replace(field, push=pushes)


def _kind(value: Any) -> str:
    kinds = {kind.casefold(): kind for kind in KINDS}
    if value.casefold() not in kinds:
        raise Impossible
    return kinds[value.casefold()]


def _id(value: Any) -> str:
    if value.startswith(COHORT):
        cohort_number(value)
    else:
        group_number(value)
    return str(value)
