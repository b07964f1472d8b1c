"""What a list request asks for, and the form of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.filters import Filter
from schemas.messages import LIST_RESPONSE
from schemas.paths import Path
from schemas.projection import DEFAULT, Projection

DEFAULT_COUNT = 100
MAX_COUNT = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """What a list request asks for; `start` is 1-based, `count` None means the default.

    `cursor` is None for index paging and "" for the first page by cursor (RFC 9865). Each `actor`
    has walks of its own: another one's new walk does not shift the pages of this one.
    """

    filter: Filter | None = None
    start: int = 1
    count: int | None = None
    cursor: str | None = None
    sort_by: Path | None = None
    descending: bool = False
    projection: Projection = DEFAULT
    actor: str = ""

    @property
    def limit(self) -> int:
        """Return how many resources the page holds at most (RFC 7644 section 3.4.2.4)."""
        return min(max(DEFAULT_COUNT if self.count is None else self.count, 0), MAX_COUNT)

    @property
    def walk_key(self) -> str:
        """Return what tells this query's order of ids from that of another one."""
        return f"{self.actor}|{self.filter}|{self.sort_by}|{self.descending}"


def list_response(
    query: Query,
    total: int | None,
    resources: Sequence[dict[str, Any]],
    cursor: str | None = None,
) -> dict[str, Any]:
    """Return a ListResponse (RFC 7644 section 3.4.2, RFC 9865 section 2).

    `total` is None where it is not known; `cursor` is that of the next page, None on the last one.
    """
    answer: dict[str, Any] = {"schemas": [LIST_RESPONSE]}
    if total is not None:
        answer["totalResults"] = total
    if query.cursor is None:
        answer["startIndex"] = max(query.start, 1)
    answer["itemsPerPage"] = len(resources)
    if cursor is not None:
        answer["nextCursor"] = cursor
    if total != 0 and query.limit:
        answer["Resources"] = list(resources)
    return answer
