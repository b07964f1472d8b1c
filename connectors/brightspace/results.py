"""What people have reached in their courses: final grades, and when they were there last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.brightspace.client import BrightspaceClient, Row
from connectors.mapping import Resource

_MANY = 5
"""People of a course from whom on its whole list of grades is read."""
_PAGE = 200


def add_scores(client: BrightspaceClient, memberships: Sequence[Resource]) -> None:
    """Fill in the final grades, where there are any."""
    for course, members in _by_course(memberships):
        path = f"le/{course}/grades/final/values/"
        if len(members) > _MANY:
            pages = client.objects(path, {"pageSize": _PAGE})
            values = {str(row["User"]["Identifier"]): row["GradeValue"] for p in pages for row in p}
        else:
            values = {m["userId"]: client.get(path + m["userId"]) for m in members}
        for member in members:
            _add_score(member, values.get(member["userId"]) or {})


def add_last_access(client: BrightspaceClient, memberships: Sequence[Resource]) -> None:
    """Fill in what the class lists tell, one call for each course; they name no inactive people."""
    for course, members in _by_course(memberships):
        rows = client.get(f"le/{course}/classlist/") or []
        seen = {str(row["Identifier"]): row.get("LastAccessed") for row in rows}
        for member in members:
            if moment := seen.get(member["userId"]):
                member["lastAccessed"] = moment


def _add_score(member: Resource, value: Row) -> None:
    for name, native in (("score", "PointsNumerator"), ("scoreMaximum", "PointsDenominator")):
        if value.get(native) is not None:
            member[name] = value[native]


def _by_course(memberships: Sequence[Resource]) -> Iterator[tuple[str, list[Resource]]]:
    courses: dict[str, list[Resource]] = {}
    for membership in memberships:
        courses.setdefault(membership["courseId"], []).append(membership)
    yield from courses.items()
