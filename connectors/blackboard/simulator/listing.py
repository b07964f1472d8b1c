"""Lists: the part that an answer holds, the address of the next one, the order, the choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from connectors.blackboard.simulator.calls import Answer, Call
from connectors.blackboard.simulator.errors import bad_request
from connectors.blackboard.simulator.records import Record
from connectors.blackboard.simulator.shapes import value_at

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many rows an answer holds unless asked, and at most."""

    default: int
    most: int


USERS = COURSES = OTHERS = Bounds(100, 100)
COURSE_MEMBERSHIPS = Bounds(200, 200)
GROUPS = Bounds(20, 1000)
TERMS = Bounds(100, 200)


def answer_page(
    call: Call, rows: Sequence[R], bounds: Bounds, show: Callable[[R], dict[str, Any]]
) -> Answer:
    """Return the part of a list that the call asks for."""
    offset = _read_number(call, "offset", 0)
    limit = _read_number(call, "limit", bounds.default)
    if limit > bounds.most:
        raise bad_request(f"Paging limit may not exceed {bounds.most}")
    end = offset + limit
    if call.site.settings.short_pages:
        # A page ends early now and then, so offsets are no multiples of the limit.
        end -= min(offset % 3 + 1, limit - 1)
    body: dict[str, Any] = {"results": [show(row) for row in rows[offset:end]]}
    if end < len(rows):
        body["paging"] = {"nextPage": _next_page(call, end)}
    return Answer(200, body)


def _read_number(call: Call, name: str, default: int) -> int:
    given = call.args.get(name)
    if given is None:
        return default
    least = 1 if name == "limit" else 0
    if not (given.isascii() and given.isdigit() and least <= int(given) < 2**31):
        raise bad_request(f"Invalid value for {name}: {given}")
    return int(given)


def _next_page(call: Call, offset: int) -> str:
    kept = [pair for pair in call.query.split("&") if pair and not pair.startswith("offset=")]
    return f"{call.path}?{'&'.join([*kept, f'offset={offset}'])}"


def in_order(call: Call, rows: Iterable[R], sortable: Iterable[str]) -> list[R]:
    """Return rows in the order of the `sort` parameter, the oldest first otherwise."""
    ordered = list(rows)
    allowed = set(sortable)
    for part in reversed([one.strip() for one in call.args.get("sort", "").split(",")]):
        if not part:
            continue
        name = part.removesuffix("(desc)").removesuffix("(asc)")
        if name not in allowed:
            raise bad_request(f"Invalid sort property: {part}")
        ordered.sort(key=_sort_key(name), reverse=part.endswith("(desc)"))
    return ordered


def _sort_key(name: str) -> Callable[[Record], tuple[bool, str]]:
    def key(row: Record) -> tuple[bool, str]:
        value = value_at(row.body, name)
        return value is not None, "" if value is None else str(value).casefold()

    return key


def choose_fields(body: dict[str, Any], wanted: str) -> dict[str, Any]:
    """Return only the properties that a `fields` parameter names, of each result in a list."""
    paths = [path.strip() for path in wanted.split(",") if path.strip()]
    results = body.get("results")
    if isinstance(results, list):
        return {**body, "results": [_keep(result, paths) for result in results]}
    return _keep(body, paths)


def _keep(body: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    inner: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        inner.setdefault(name, []).append(rest)
    kept: dict[str, Any] = {}
    for name, value in body.items():
        if name not in inner:
            continue
        if "" in inner[name]:
            kept[name] = value
        elif isinstance(value, Mapping):
            kept[name] = _keep(value, inner[name])
    return kept
