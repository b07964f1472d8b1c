"""Lists: the rows that an answer holds, and the Link header that leads to the others."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from connectors.canvas.simulator.calls import Answer, Call
from connectors.canvas.simulator.errors import not_found
from connectors.canvas.simulator.tables import Record

R = TypeVar("R", bound=Record)

PER_PAGE = 10
MOST = 100
_OWN = ("page", "per_page", "access_token")
_ORDER = ("current", "next", "prev", "first", "last")


def answer_page(
    call: Call,
    rows: Sequence[R],
    show: Callable[[R], Any],
    counted: bool = True,
    wrap: str | None = None,
) -> Answer:
    """Return a numbered page; an uncounted list gives `last` on its final page only.

    A full page of an uncounted list leads to a next one, which may be empty.
    """
    size = _read_size(call)
    page = _read_page(call)
    part = rows[(page - 1) * size : page * size]
    final = max(-(-len(rows) // size), 1)
    links: dict[str, str] = {"current": str(page), "first": "1"}
    if page > 1:
        links["prev"] = str(page - 1)
    if counted:
        links["last"] = str(final)
        if page < final:
            links["next"] = str(page + 1)
    elif len(part) == size:
        links["next"] = str(page + 1)
    else:
        links["last"] = str(page)
    return _answer(call, [show(row) for row in part], links, size, wrap)


def answer_bookmarked(
    call: Call, rows: Sequence[R], show: Callable[[R], Any], descending: bool = False
) -> Answer:
    """Return a page of rows in the order of their ids, which bookmarks lead through."""
    size = _read_size(call)
    ordered = sorted(rows, key=lambda row: row.id, reverse=descending)
    after = _read_bookmark(call.params.text("page") or "first")
    current = "first"
    if after is not None:
        current = _write_bookmark(after)
        ordered = [row for row in ordered if (row.id < after if descending else row.id > after)]
    part = ordered[:size]
    links = {"current": current, "first": "first"}
    if len(ordered) > size:
        links["next"] = _write_bookmark(part[-1].id)
    return _answer(call, [show(row) for row in part], links, size, None)


def _answer(
    call: Call, body: list[Any], links: dict[str, str], size: int, wrap: str | None
) -> Answer:
    pairs = parse_qsl(call.query, keep_blank_values=True)
    kept = urlencode([pair for pair in pairs if pair[0] not in _OWN])
    start = f"{call.base}{call.path}?{kept}{'&' if kept else ''}"
    header = ",".join(
        f'<{start}page={links[name]}&per_page={size}>; rel="{name}"'
        for name in _ORDER
        if name in links
    )
    return Answer(body if wrap is None else {wrap: body}, headers={"Link": header})


def _read_size(call: Call) -> int:
    given = call.params.number("per_page")
    return min(max(PER_PAGE if given is None else given, 1), MOST)


def _read_page(call: Call) -> int:
    given = call.params.text("page") or "1"
    if given == "first":
        return 1
    if re.fullmatch(r"[1-9][0-9]{0,9}", given) is None:
        raise not_found()
    return int(given)


def _write_bookmark(number: int) -> str:
    token = base64.urlsafe_b64encode(json.dumps(str(number)).encode()).decode().rstrip("=")
    return f"bookmark:{token}"


def _read_bookmark(page: str) -> int | None:
    token = page.removeprefix("bookmark:")
    try:
        return int(json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))))
    except (ValueError, TypeError, binascii.Error):
        return None
