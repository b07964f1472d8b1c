"""The courses of an organization: which org units are some, and going from one to the next."""

from __future__ import annotations

from collections.abc import Iterator

from connectors import walking
from connectors.brightspace.client import BrightspaceClient
from connectors.brightspace.courses import OFFERING, PATH, UNITS

_MOST_KNOWN = 10_000


class Walker(walking.Walker):
    """The courses that a search without one has to visit, and what is known to be one."""

    def __init__(self, client: BrightspaceClient, most: int) -> None:
        super().__init__(self._listed, most)
        self._client = client
        self._known: set[str] = set()

    def is_course(self, id: str) -> bool:
        """Tell whether an org unit is a course offering, and no organization, group or section.

        It stays one, so each is asked for once.
        """
        if id in self._known:
            return True
        if self._client.get(PATH + id) is None:
            return False
        self._know(id)
        return True

    def _listed(self) -> Iterator[list[str]]:
        for rows in self._client.rows(UNITS, {"orgUnitType": OFFERING}):
            ids = [str(row["Identifier"]) for row in rows]
            for id in ids:
                self._know(id)
            yield ids

    def _know(self, id: str) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add(id)
