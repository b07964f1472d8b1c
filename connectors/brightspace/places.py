"""Where groups of people are: sets of groups, groups in a set, and sections, all of one course."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from connectors.fields import Impossible

SET, GROUP, SECTION = "set", "group", "section"
"""How ids begin: a set of groups is what Brightspace calls a group category."""

_PATHS = {
    SET: "lp/{}/groupcategories/{}",
    GROUP: "lp/{}/groupcategories/{}/groups/{}",
    SECTION: "lp/{}/sections/{}",
}
_NUMBER = r"[1-9][0-9]{0,17}"
_ID = re.compile(rf"({'|'.join(_PATHS)})-({_NUMBER})\.({_NUMBER})(?:\.({_NUMBER}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """The kind, and the ids from the course on: `group-6671.7001.7101` is course, set, group."""

    kind: str
    ids: tuple[str, ...]

    @property
    def id(self) -> str:
        """The SCIM id of what is at the place."""
        return f"{self.kind}-{'.'.join(self.ids)}"

    @property
    def path(self) -> str:
        """The path of the one call that shows it."""
        return _PATHS[self.kind].format(*self.ids)

    @property
    def course(self) -> str:
        """The id of its course."""
        return self.ids[0]

    @property
    def unit(self) -> str:
        """Its own id, which for groups and sections is that of an org unit."""
        return self.ids[-1]


def place_of(id: str) -> Place | None:
    """Return the place that a SCIM id names, if it names one."""
    found = _ID.fullmatch(id)
    if found is None:
        return None
    kind, *ids = found.groups()
    numbers = tuple(number for number in ids if number is not None)
    return Place(kind, numbers) if len(numbers) == _PATHS[kind].count("{}") else None


def place_key(value: Any) -> str:
    """Return the id of a group that a filter names, if it can be one."""
    if place_of(value) is None:
        raise Impossible
    return str(value)
