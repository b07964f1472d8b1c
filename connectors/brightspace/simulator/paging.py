"""Lists in parts: sets of results with a bookmark, and pages of objects with the next address."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connectors.brightspace.simulator.calls import Answer, Call

_ENDS: dict[str, str | None] = {"empty": "", "null": None}


def answer_set(
    call: Call,
    ids: Iterable[int],
    show: Callable[[int], dict[str, Any] | None],
    prefix: str = "",
) -> Answer:
    """Return the part of a list, ascending by id, that follows the call's bookmark.

    `show` returns None for what the list leaves out. A bookmark is the last id after the prefix;
    one that is not of this form leads to the beginning.
    """
    ordered = sorted(ids)
    size = call.site.settings.page_size
    mark = call.args.get("bookmark", "").removeprefix(prefix)
    start = bisect_right(ordered, int(mark)) if mark.isascii() and mark.isdigit() else 0
    items: list[dict[str, Any]] = []
    last: str | None = ""
    more = False
    for place in range(start, len(ordered)):
        row = show(ordered[place])
        if row is None:
            continue
        if len(items) == size:
            more = True
            break
        items.append(row)
        last = f"{prefix}{ordered[place]}"
    if not more:
        last = _ENDS.get(call.site.settings.last_bookmark, last)
    return Answer({"PagingInfo": {"Bookmark": last, "HasMoreItems": more}, "Items": items})


def answer_objects(
    call: Call, rows: Sequence[tuple[tuple[str, int], dict[str, Any]]], size: int
) -> Answer:
    """Return the page of rows, each with its place in the order, that follows the bookmark."""
    ordered = sorted(rows, key=lambda row: row[0])
    after = _read_place(call.args.get("bookmark", ""))
    left = [row for row in ordered if after is None or row[0] > after]
    following = None
    if len(left) > size:
        name, number = left[size - 1][0]
        following = _address(call, f"{number}_{name}")
    return Answer({"Next": following, "Objects": [row[1] for row in left[:size]]})


def _read_place(mark: str) -> tuple[str, int] | None:
    number, found, name = mark.partition("_")
    return (name, int(number)) if found and number.isascii() and number.isdigit() else None


def _address(call: Call, bookmark: str) -> str:
    kept = [
        pair
        for pair in parse_qsl(call.query, keep_blank_values=True)
        if pair[0].lower() != "bookmark"
    ]
    host = "" if call.site.settings.relative_next else call.host
    return f"{host}{call.path}?{urlencode([*kept, ('bookmark', bookmark)])}"
