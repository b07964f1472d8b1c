"""From a Filter to a predicate on resources, by attribute type and caseExact."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from schemas.attributes import Attribute
from schemas.filters import And, Compare, Filter, Not, Or, Present, Where, instant

Predicate = Callable[[dict[str, Any]], bool]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "co": lambda actual, wanted: wanted in actual,
    "sw": lambda actual, wanted: actual.startswith(wanted),
    "ew": lambda actual, wanted: actual.endswith(wanted),
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
"""How each operator compares a value with the wanted one, both as `comparable` gives them."""


def compile_filter(node: Filter) -> Predicate:
    """Return the predicate of a filter (RFC 7644 section 3.4.2.2).

    A multi-valued attribute matches when any of its values does. An attribute without a value
    differs from every value: `ne` holds for it, every other comparison does not.
    """
    match node:
        case And(terms):
            wanted = tuple(map(compile_filter, terms))
            return lambda resource: all(term(resource) for term in wanted)
        case Or(terms):
            allowed = tuple(map(compile_filter, terms))
            return lambda resource: any(term(resource) for term in allowed)
        case Not(term):
            refused = compile_filter(term)
            return lambda resource: not refused(resource)
        case Present(path):
            return lambda resource: any(map(is_present, path.values(resource)))
        case Where(path, term):
            inner = compile_filter(term)
            return lambda resource: any(
                inner(value if isinstance(value, dict) else {"value": value})
                for value in path.values(resource)
            )
        case Compare():
            return _compile_comparison(node)


def is_present(value: Any) -> bool:
    """Tell whether a value counts as assigned (RFC 7643 section 2.5)."""
    if isinstance(value, dict):
        return any(map(is_present, value.values()))
    if isinstance(value, list):
        return any(map(is_present, value))
    return value is not None and value != ""


def comparable(attribute: Attribute, value: Any) -> Any:
    """Return the value in the form in which the attribute's values are compared and sorted."""
    if attribute.type == "dateTime":
        return instant(value)
    if isinstance(value, str) and not attribute.case_exact and attribute.type != "reference":
        return value.casefold()
    return value


def _compile_comparison(node: Compare) -> Predicate:
    path, attribute = node.path, node.path.leaf
    compare = COMPARISONS[node.op]
    wanted = comparable(attribute, node.value)
    differs = node.op == "ne"

    def holds(resource: dict[str, Any]) -> bool:
        empty = True
        for value in path.values(resource):
            actual = comparable(attribute, value)
            if actual is None or actual == "":
                continue
            empty = False
            if compare(actual, wanted):
                return True
        return empty and differs

    return holds
