"""Enrollment terms: courses name theirs by its id, or by its SIS id."""

from __future__ import annotations

from typing import Any

from connectors.addresses import path_value
from connectors.canvas.client import ROOT, CanvasClient
from schemas.errors import invalid_value

PREFIX = "sis_term_id:"
_MOST = 1000


class Terms:
    """The ids of terms by their SIS ids, looked up once each."""

    def __init__(self, client: CanvasClient) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def id_of(self, value: Any) -> Any:
        """Return the id that `sis_term_id:2026S` stands for; anything else is what it is.

        Raises 400 when there is no such term.
        """
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return value
        if value not in self._known:
            row = self._client.get(f"{ROOT}/terms/{path_value(value)}")
            if row is None:
                raise invalid_value(f"termId: there is no {value[:80]!r}.")
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[value] = str(row["id"])
        return self._known[value]
