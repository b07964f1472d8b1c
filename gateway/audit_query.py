"""From filters and paths on audit events to SQL, with exactly the meaning of schemas/match.py.

Which attribute stands in which column is a table; the filter nodes are compiled over it. Every
condition is made two-valued (never NULL), because SQL's third truth value would spoil `not`.
Personal values are encrypted: SQL finds them by their digests, as far as `eq` and `ne` go.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    LargeBinary,
    Table,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from gateway.tables import Moment, Words, changes, events, ignored
from schemas.attributes import Attribute
from schemas.audit_event import AUDIT_EVENT
from schemas.errors import invalid_path
from schemas.filters import (
    And,
    Compare,
    Filter,
    Not,
    Or,
    Present,
    Where,
    attribute_names,
    conjunction,
    instant,
)
from schemas.paths import Path

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """Where a value stands."""

    column: ColumnElement[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Values of a multi-valued attribute in a table of their own; a simple one is `value`."""

    table: Table
    values: Mapping[str, Value]


_NOTHING = Value(cast(null(), Text))

SINGLE: dict[str, Value] = {
    "schemas": Value(literal(AUDIT_EVENT.schema.urn, Words)),
    "id": Value(cast(events.c.sequence, Text)),
    "externalId": _NOTHING,
    "meta.resourceType": Value(literal(AUDIT_EVENT.name, Words)),
    "meta.created": Value(events.c.time),
    "meta.lastModified": Value(func.coalesce(events.c.finished, events.c.time)),
    "meta.location": _NOTHING,
    "meta.version": _NOTHING,
    "sequence": Value(events.c.sequence),
    "time": Value(events.c.time),
    "finished": Value(events.c.finished),
    "actor": Value(events.c.actor),
    "clientAddress": Value(events.c.client_address),
    "client": Value(events.c.client),
    "requestId": Value(events.c.request_id),
    "target": Value(events.c.target),
    "operation": Value(events.c.operation),
    "resourceType": Value(events.c.resource_type),
    "resourceId": Value(events.c.resource_id),
    "login": Value(events.c.login),
    "outcome": Value(events.c.outcome),
    "status": Value(events.c.status),
    "upstreamCalls": Value(events.c.upstream_calls),
    "duration": Value(events.c.duration),
    "configuration": Value(events.c.configuration),
    "subject": Value(events.c.subject),
}
"""The column of every single value, by its path; that of `login` holds digests."""

MULTIPLE: dict[str, Rows] = {
    "ignored": Rows(ignored, {"value": Value(ignored.c.attribute)}),
    "changes": Rows(
        changes,
        {
            "path": Value(changes.c.path),
            "native": Value(changes.c.native),
            "op": Value(changes.c.op),
            "old": Value(changes.c.old),
            "new": Value(changes.c.new),
        },
    ),
}
"""The table of every multi-valued attribute, by its name; `old` and `new` are digests."""

_DIGESTED = frozenset({"login", "old", "new"})
_ENCRYPTED = frozenset({"detail"})
"""Attributes by their own names, which no two of them share."""

Digest = Callable[[str], bytes]


def narrowed(node: Filter | None, digest: Digest) -> tuple[Filter | None, bool]:
    """Return the part of a filter that SQL can check, None for nothing, and whether it is all.

    Whatever the filter holds for, the part holds for. Its personal values are digests.
    """
    match node:
        case None:
            return None, True
        case And(terms):
            parts = [narrowed(term, digest) for term in terms]
            kept = [part for part, _ in parts if part is not None]
            return (conjunction(*kept) if kept else None), all(whole for _, whole in parts)
        case Or(terms):
            parts = [narrowed(term, digest) for term in terms]
            kept = [part for part, _ in parts if part is not None]
            if len(kept) < len(parts):
                return None, False
            return Or(tuple(kept)), all(whole for _, whole in parts)
        case Not(term):
            part, whole = narrowed(term, digest)
            return (Not(part), True) if part is not None and whole else (None, False)
        case Where(path, term):
            part, whole = narrowed(term, digest)
            return (None if part is None else Where(path, part)), whole and part is not None
        case Present(path):
            return (None, False) if path.leaf.name in _ENCRYPTED else (node, True)
        case Compare(path, op, value):
            name = path.leaf.name
            if name in _ENCRYPTED or (name == "path" and _VALUE_IN_PATH in str(value)):
                return None, False
            if name not in _DIGESTED:
                return node, True
            if op not in ("eq", "ne"):
                return None, False
            found: Any = digest(str(value))
            return replace(node, value=found), True


_VALUE_IN_PATH = "[value eq"
"""What begins the part of a path that its column leaves out: the value that tells which one."""


class Fold(GenericFunction[str]):
    """Text without letter case: casefolded on SQLite, lower case on PostgreSQL."""

    type = Words()
    name = "fold"
    inherit_cache = True


@compiles(Fold, "postgresql")
def _fold_postgresql(element: Fold, compiler: SQLCompiler, **options: Any) -> str:
    # The database's own collation knows letters beyond ASCII; "C" then orders by code point.
    text = compiler.process(element.clauses, **options)
    return f'lower({text} COLLATE "default") COLLATE "C"'


class Find(GenericFunction[int]):
    """The 1-based place of the second text in the first, or 0."""

    type = BigInteger()
    name = "instr"
    inherit_cache = True


@compiles(Find, "postgresql")
def _find_postgresql(element: Find, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


Test = Callable[[Attribute, Value], Condition]


def condition(node: Filter) -> Condition:
    """Return the SQL condition on `events` that holds for exactly the events that match."""
    return _condition(node, None)


def ordering(path: Path, descending: bool) -> list[ColumnElement[Any]] | None:
    """Return what to order by: events without a value come last, or first when descending.

    None where only the opened events tell. Raises 400 invalidPath for a complex attribute, which
    has no order (RFC 7644 3.4.2.3).
    """
    attribute, rows = path.leaf, MULTIPLE.get(path.name)
    if attribute.type == "complex":
        raise invalid_path(f"{path} is complex: sort by one of its sub-attributes.")
    if _is_personal(path):
        return None
    if rows is None:
        value = SINGLE[_key(path)]
        key = _comparable(attribute, value)
    else:
        value = rows.values[path.sub or "value"]
        first = select(_comparable(attribute, value)).where(
            rows.table.c.sequence == events.c.sequence, _assigned(attribute, value)
        )
        if path.where is not None:
            first = first.where(_condition(path.where, _row(path)))
        key = first.order_by(rows.table.c.position).limit(1).scalar_subquery()
    if descending:
        return [key.desc().nulls_first(), events.c.sequence.desc()]
    return [key.asc().nulls_last(), events.c.sequence.asc()]


def _condition(node: Filter, row: Mapping[str, Value] | None) -> Condition:
    """Compile a node; `row` has the values of the one value that a bracket is about."""
    match node:
        case And(terms):
            return and_(*(_condition(term, row) for term in terms))
        case Or(terms):
            return or_(*(_condition(term, row) for term in terms))
        case Not(term):
            return not_(_condition(term, row))
        case Where(path, term):
            inner = _condition(term, _row(path))
            rows = MULTIPLE.get(path.name)
            return _among(rows, inner, _is_selective(term)) if rows else inner
        case Present(path):
            return _any(path, row, _assigned)
        case Compare(path, operator):
            test = partial(_holds, node)
            found = _any(path, row, test, selective=_is_selective(node))
            return or_(found, not_(_any(path, row, _assigned))) if operator == "ne" else found


def _is_selective(node: Filter) -> bool:
    """Tell whether few rows match, so that it pays to begin with them: those of one digest."""
    match node:
        case Compare(_, "eq", value):
            return isinstance(value, bytes)
        case And(terms):
            return any(map(_is_selective, terms))
        case Or(terms):
            return all(map(_is_selective, terms))
    return False


def _any(
    path: Path, row: Mapping[str, Value] | None, test: Test, *, selective: bool = False
) -> Condition:
    """Return the condition that the test holds for any value at the path."""
    leaf = path.leaf
    if row is not None:
        return test(leaf, row[path.name])
    if leaf.type == "complex":
        values = _row(path)
        passed = or_(*(test(sub, values[sub.name]) for sub in leaf.sub_attributes))
    elif path.name in MULTIPLE:
        passed = test(leaf, MULTIPLE[path.name].values[path.sub or "value"])
    else:
        passed = test(leaf, SINGLE[_key(path)])
    rows = MULTIPLE.get(path.name)
    return _among(rows, passed, selective) if rows else passed


def _key(path: Path) -> str:
    return f"{path.name}.{path.sub}" if path.sub else path.name


def _row(path: Path) -> Mapping[str, Value]:
    """Return what a bracket after the path may name: sub-attributes, or `value` itself."""
    if rows := MULTIPLE.get(path.name):
        return rows.values
    if path.attribute.type != "complex":
        return {"value": SINGLE[path.name]}
    return {sub.name: SINGLE[f"{path.name}.{sub.name}"] for sub in path.attribute.sub_attributes}


def _among(rows: Rows, inner: Condition, selective: bool) -> Condition:
    """Return the condition that any row of an event fulfils the inner one."""
    if selective:
        return events.c.sequence.in_(select(rows.table.c.sequence).where(inner))
    return exists(1).where(rows.table.c.sequence == events.c.sequence, inner)


def _is_personal(path: Path) -> bool:
    """Tell whether a path, or the condition in its brackets, is about encrypted values."""
    names = {path.leaf.name}
    if path.where is not None:
        names.update(name.rpartition(".")[2] for name in attribute_names(path.where))
    return not names.isdisjoint(_DIGESTED | _ENCRYPTED)


def _textual(attribute: Attribute) -> bool:
    return attribute.type in ("string", "reference") and attribute.name not in _DIGESTED


def _assigned(attribute: Attribute, value: Value) -> Condition:
    filled = value.column.is_not(None)
    return and_(filled, value.column != literal("", Words)) if _textual(attribute) else filled


def _folds(attribute: Attribute) -> bool:
    return attribute.type == "string" and not attribute.case_exact


def _comparable(attribute: Attribute, value: Value) -> ColumnElement[Any]:
    if attribute.name in _DIGESTED or not _folds(attribute):
        return value.column
    return Fold(value.column)


def _holds(node: Compare, attribute: Attribute, value: Value) -> Condition:
    actual, wanted = _comparable(attribute, value), _wanted(attribute, node.value)
    if attribute.canonical_values and node.op in ("eq", "ne"):
        # One of few words, each kept in one way of writing: so an index helps.
        actual, wanted = value.column, literal(_canonical(attribute, str(node.value)), Words)
    return and_(_assigned(attribute, value), _OPERATORS[node.op](actual, wanted))


def _canonical(attribute: Attribute, written: str) -> str:
    words = {word.casefold(): word for word in attribute.canonical_values}
    return words.get(written.casefold(), written)


def _wanted(attribute: Attribute, written: Any) -> ColumnElement[Any]:
    """Return the value of a filter as a bound parameter of the column's type."""
    if isinstance(written, bytes):
        return literal(written, LargeBinary)
    if attribute.type == "dateTime":
        return literal(instant(written), Moment)
    if _textual(attribute):
        return Fold(literal(written, Words)) if _folds(attribute) else literal(written, Words)
    if isinstance(written, int) and -(2**63) <= written < 2**63:
        return literal(written, BigInteger)
    # Beyond all that a column holds; a float compares as the whole number would.
    return literal(_float(written), Float(53))


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


_OPERATORS: dict[str, Callable[[ColumnElement[Any], ColumnElement[Any]], Condition]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "co": lambda actual, wanted: Find(actual, wanted) > 0,
    "sw": lambda actual, wanted: func.substr(actual, 1, func.length(wanted)) == wanted,
    # From the place where the end must begin: a negative start means nothing on PostgreSQL.
    "ew": lambda actual, wanted: and_(
        func.length(wanted) <= func.length(actual),
        func.substr(actual, func.length(actual) - func.length(wanted) + 1) == wanted,
    ),
}
"""No LIKE: it has wildcards, and its own idea of letter case on SQLite."""
