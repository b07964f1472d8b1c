"""The law of the planner: with pushdown a query gives what filtering everything in memory gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from connectors.base import Collection
from connectors.http import counted
from connectors.mapping import Resource
from connectors.planning import Plan, plan
from schemas.filters import attribute_names, parse_filter
from schemas.match import compile_filter, is_present
from schemas.paths import Path
from tests.schemas.strategies import filters

ODD = (
    *("", "0", "%", "_", "*", "\\", "a<b", "a <", "< ", "@", ".", " ", "x" * 400, "É", "nobody"),
    *("ss", "ß", "ẞ", "σ", "ς", "İ", "ı", "i", "ﬁ", "ﬀ", "ﬆ", "st", "ſ", "K", "k", "s", "f"),
)
"""Values that nobody holds, but that tempt a database to find too much or too little."""


def everything(collection: Collection) -> list[Resource]:
    """Return all resources of the collection, costly attributes included."""
    found = [r for batch in collection.search(plan(None, collection.mapping)) for r in batch]
    collection.complete(found, frozenset(collection.mapping.costly))
    return found


def check_law(
    collection: Collection, every: Sequence[Resource], text: str, *, walks: bool = False
) -> None:
    """Check one filter: the same ids, each once, with as many calls as the plan says.

    `walks`: what the plan calls one query may go from course to course.
    """
    mapping = collection.mapping
    node = parse_filter(text, mapping.full)
    planned = plan(node, mapping)
    with counted() as counter:
        found = [resource for batch in collection.search(planned) for resource in batch]
        calls = counter.calls
    if planned.residual is not None:
        names = frozenset(attribute_names(planned.residual)) & mapping.costly.keys()
        collection.complete(found, names)
        found = list(filter(compile_filter(planned.residual), found))
    ids = [resource["id"] for resource in found]
    assert len(ids) == len(set(ids)), f"{text}: an id came twice"
    expected = {resource["id"] for resource in filter(compile_filter(node), every)}
    assert set(ids) == expected, planned.explain()
    assert walks or calls in (0, planned_calls(planned)), planned.explain()


def planned_calls(planned: Plan) -> int:
    """Return how many upstream calls the plan announces."""
    return 1 if planned.branches is None else len(planned.branches)


def law_filters(collection: Collection, every: Sequence[Resource]) -> st.SearchStrategy[str]:
    """Draw filters on what the collection holds, with values that it holds, spoilt and odd ones."""
    mapping = collection.mapping
    paths = [text for row in mapping.rows if not row.path.secret for text in _compared(row.path)]
    paths += [str(row.path.whole) + f".{row.path.sub}" for row in mapping.rows if row.path.where]
    pool = _pool(every)
    pushed = [str(row.path) for row in mapping.rows if row.field.push]
    choices = [filters(mapping.full, attributes=paths, values=pool), filters(mapping.full)]
    if pushed:
        choices += [
            *[filters(mapping.full, attributes=pushed, values=pool, depth=0)] * 3,
            filters(mapping.full, attributes=pushed, values=pool, depth=1),
            filters(
                mapping.full, attributes=pushed, values=pool, depth=2,
                operators=frozenset({"eq", "co", "sw", "ew"}),
            ),
        ]  # fmt: skip
    return st.one_of(choices)


def _compared(path: Path) -> list[str]:
    """Return the path, or its sub-attributes where it is a whole complex attribute."""
    if path.leaf.type != "complex":
        return [str(path)]
    return [f"{path}.{sub.name}" for sub in path.leaf.sub_attributes]


def _pool(every: Sequence[Resource]) -> list[str]:
    """Return the strings that are held, in other letter cases, cut and with wildcards."""
    held = list(dict.fromkeys(value for r in every for value in _strings(r)))
    spoilt: list[str] = []
    for number, value in enumerate(held):
        middle = len(value) // 2
        forms = (
            *(value.upper(), value.lower(), value.casefold(), value.title(), value + " "),
            *(value[:middle], value[middle:], value[1:-1], value[-1:], value[:1], value[:3]),
            *(f"{value[:middle]}%", f"_{value[1:]}", value.swapcase(), f"%{value}%", value * 2),
        )
        spoilt += [forms[(number + step) % len(forms)] for step in (0, 5, 9)]
    return [*held, *dict.fromkeys(spoilt), *ODD]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list) and is_present(value):
        for item in value[:3]:
            yield from _strings(item)
