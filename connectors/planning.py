"""From a Filter to native queries: what the LMS can take, and what is checked here.

The law: a query with pushdown gives what filtering everything in memory gives. A push may return
a superset; only an `exact` one is not checked again.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass

from connectors.mapping import Impossible, Mapping, Push, Row
from schemas.filters import And, Compare, Filter, Not, Or, Present, Where
from schemas.paths import Path

MAX_BRANCHES = 10
MAX_LOOKUPS = 50
MAX_KEYS = 200


@dataclass(frozen=True, slots=True)
class Condition:
    """One native parameter with its values; only keys have more than one."""

    push: Push
    values: tuple[str, ...]
    exact: bool

    def __str__(self) -> str:
        shown = " or ".join(repr(value) for value in self.values[:5])
        more = f" or {len(self.values) - 5} more" if len(self.values) > 5 else ""
        return f"{self.push.parameter} = {shown}{more}"


_EVERYWHERE = ("id", "meta", "schemas")
"""What every resource has without a row of the mapping."""
_ADDED = ("type", "primary", "display", "$ref")
"""Sub-attributes that a value may have without a row of their own."""

Branch = tuple[Condition, ...]
"""The conditions of one native call, joined by `and`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is answered: native calls, and what is checked here.

    `branches` is None when everything must be read, and empty when nothing can match; otherwise
    each branch is one native call and their answers are united by id. `residual` is the filter
    that is applied to what comes back, None when there is nothing left to check.
    """

    branches: tuple[Branch, ...] | None
    residual: Filter | None
    walk: str

    @property
    def searches(self) -> tuple[Branch, ...]:
        """The native calls; one without conditions where everything must be read."""
        return ((),) if self.branches is None else self.branches

    @property
    def is_lookup(self) -> bool:
        """Tell whether only keys are looked up, so that few records come back."""
        return self.branches is not None and all(
            any(condition.push.key for condition in branch) for branch in self.branches
        )

    def explain(self) -> str:
        """Return the plan as one sentence for people."""
        if self.branches is None:
            native = f"no native query: {self.walk}"
        elif not self.branches:
            return "No call: nothing in this LMS can match."
        else:
            calls = "; ".join(
                f"{branch[0].push.call} with {' and '.join(map(str, branch))}"
                for branch in self.branches
            )
            plural = "call" if len(self.branches) == 1 else "calls"
            native = f"{len(self.branches)} native {plural}: {calls}"
        checked = f"; checked here: {self.residual}" if self.residual is not None else ""
        return f"{native[0].upper()}{native[1:]}{checked}."


def plan(node: Filter | None, mapping: Mapping) -> Plan:
    """Return the cheapest plan for a filter on a mapping.

    A look-up by key beats everything; else all conjuncts that fit into one native call go there.
    A disjunction is pushed when every branch can be, in at most ten searches or fifty look-ups.
    """
    if node is None:
        return Plan(None, None, mapping.walk)
    branches = _branches(node, mapping)
    if branches is not None:
        branches = _merged(branches)
        searches = sum(not branch[0].push.key for branch in branches)
        if searches > MAX_BRANCHES or len(branches) > MAX_LOOKUPS:
            branches = None
    return Plan(
        None if branches is None else tuple(branches),
        _residual(node, mapping, branches),
        mapping.walk,
    )


def _branches(node: Filter, mapping: Mapping) -> list[Branch] | None:
    """Return the native calls that give a superset of the filter, or None for everything."""
    match node:
        case Compare(path, op, _):
            if op == "ne":
                return None
            if _is_never_there(path, mapping):
                return []
            return _condition(_row_of(path, mapping, {}), op, node.value)
        case Present(path):
            return [] if _is_never_there(path, mapping) else None
        case Where(path, term):
            return _value_path_branches(path, term, mapping)
        case And(terms):
            return _cheapest(terms, mapping)
        case Or(terms):
            united: list[Branch] = []
            for term in terms:
                branches = _branches(term, mapping)
                if branches is None:
                    return None
                united.extend(branches)
            return united
        case Not():
            return None


def _is_never_there(path: Path, mapping: Mapping) -> bool:
    """Tell whether no resource of this LMS has a value at the path, so that no call is needed."""
    if path.name in _EVERYWHERE:
        return False
    rows = [row for row in mapping.rows_of(path) if row.field.readable]
    if path.sub is None or path.sub in _ADDED:
        return not rows
    return all(row.path.sub not in (None, path.sub) for row in rows)


def _cheapest(terms: tuple[Filter, ...], mapping: Mapping) -> list[Branch] | None:
    single: dict[str, dict[str, Condition]] = {}
    several: list[list[Branch]] = []
    for term in terms:
        branches = _branches(term, mapping)
        if branches is None:
            continue
        if not branches:
            return []
        if len(branches) == 1 and len(branches[0]) == 1:
            condition = branches[0][0]
            if condition.push.key:
                return branches
            single.setdefault(condition.push.call, {}).setdefault(
                condition.push.parameter, condition
            )
        else:
            several.append(branches)
    keys = [branches for branches in several if all(b[0].push.key for b in branches)]
    if single and not keys:
        return [tuple(max(single.values(), key=len).values())]
    return min(keys or several, key=len, default=None)


def _value_path_branches(path: Path, term: Filter, mapping: Mapping) -> list[Branch] | None:
    """Push one comparison inside the brackets: its answer is a superset of the whole."""
    rows = [row for row in mapping.rows_of(path) if row.field.readable]
    if not rows:
        return None if path.name in _EVERYWHERE else []
    terms = term.terms if isinstance(term, And) else (term,)
    stated = {t.path.name: t.value for t in terms if isinstance(t, Compare) and t.op == "eq"}
    kind = stated.get("type")
    if isinstance(kind, str) and all(row.constants for row in rows):
        held = {str(row.constants.get("type")).casefold() for row in rows}
        if kind.casefold() not in held:
            return []
    for t in terms:
        if not isinstance(t, Compare) or t.path.name in ("type", "primary"):
            continue
        inside = Path(path.urn, path.name, t.path.name, attribute=path.attribute)
        branches = _condition(_row_of(inside, mapping, stated), t.op, t.value)
        if branches is not None:
            return branches
    return None


def _row_of(path: Path, mapping: Mapping, stated: Dict[str, object]) -> Row | None:
    """Return the one row that holds every value at the path, or None when several do."""
    rows = [row for row in mapping.rows_of(path) if row.path.sub == path.sub]
    kind = stated.get("type")
    if len(rows) > 1 and isinstance(kind, str):
        rows = [
            row for row in rows if str(row.constants.get("type", "")).casefold() == kind.casefold()
        ]
    return rows[0] if len(rows) == 1 else None


def _condition(row: Row | None, op: str, value: object) -> list[Branch] | None:
    push = row.field.push.get(op) if row else None
    if push is None:
        return None
    try:
        native = push.value(value)
    except Impossible:
        return []
    return None if native is None else [(Condition(push, (native,), push.exact),)]


def _merged(branches: list[Branch]) -> list[Branch]:
    """Put look-ups of the same key into one call, and drop repeated branches."""
    keys: dict[tuple[str, str], Condition] = {}
    merged: list[Branch] = []
    for branch in branches:
        condition = branch[0]
        if len(branch) > 1 or not condition.push.key or condition.push.alone:
            if branch not in merged:
                merged.append(branch)
            continue
        name = (condition.push.call, condition.push.parameter)
        held = keys.get(name)
        values = dict.fromkeys((held.values if held else ()) + condition.values)
        keys[name] = Condition(
            condition.push, tuple(values), condition.exact and (held is None or held.exact)
        )
    for condition in keys.values():
        for first in range(0, len(condition.values), MAX_KEYS):
            part = condition.values[first : first + MAX_KEYS]
            merged.append((Condition(condition.push, part, condition.exact),))
    return merged


def _residual(node: Filter, mapping: Mapping, branches: list[Branch] | None) -> Filter | None:
    """Return what the pushes do not prove: exact conjuncts are dropped, all else stays."""
    if not branches:
        return node
    if isinstance(node, Compare):
        return None if _is_exact(node, mapping, branches) else node
    if isinstance(node, Or):
        every = all(condition.exact for branch in branches for condition in branch)
        simple = all(isinstance(term, Compare) for term in node.terms)
        return None if every and simple else node
    if isinstance(node, And):
        left = tuple(term for term in node.terms if not _is_exact(term, mapping, branches))
        return None if not left else left[0] if len(left) == 1 else And(left)
    return node


def _is_exact(term: Filter, mapping: Mapping, branches: list[Branch]) -> bool:
    """Tell whether the one native call that was chosen proves this comparison."""
    if not isinstance(term, Compare) or len(branches) != 1:
        return False
    own = _branches(term, mapping)
    return bool(own) and all(
        condition.exact and condition in branches[0] for branch in own or () for condition in branch
    )
