"""Data sources and terms: records own one, by its id or by its external id."""

from __future__ import annotations

from typing import Any

from connectors.addresses import path_value
from connectors.blackboard.client import BlackboardClient
from connectors.blackboard.fields import ID
from schemas.errors import invalid_value

_MOST = 1000


class Sources:
    """The ids of data sources, or of terms, by their external ids, looked up once each."""

    def __init__(self, client: BlackboardClient, path: str, shown: str) -> None:
        self._client = client
        self._path = path
        self._shown = shown
        self._known: dict[str, str] = {}

    def id_of(self, value: Any) -> Any:
        """Return the id; `externalId:SYSTEM`, or the external id alone, is looked up.

        Raises 400 when there is none of that name.
        """
        if not isinstance(value, str) or ID.fullmatch(value):
            return value
        name = value.removeprefix("externalId:")
        if name not in self._known:
            row = self._client.get(f"{self._path}/{path_value('externalId:' + name)}")
            if row is None:
                raise invalid_value(f"{self._shown}: there is no {name[:80]!r}.")
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[name] = str(row["id"])
        return self._known[name]
