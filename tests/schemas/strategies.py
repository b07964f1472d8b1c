"""Hypothesis strategies for filters and resources that share small pools of values.

Resources and filters draw from the same pools, so that filters often match. Other tests may
restrict both to the attributes that they are about:

    filters(USER, attributes=["userName", "emails.value"], values=["ann", "bob"])
    users(attributes=["userName", "emails"], values=["ann", "bob"])
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from schemas.attributes import Attribute, ResourceType
from schemas.filters import parse_path
from schemas.group import GROUP
from schemas.paths import Path
from schemas.user import USER

EXAMPLES = int(os.environ.get("MATRICULA_EXAMPLES", "70"))
"""How many examples a property is tried on; a campaign raises it."""

properties = settings(max_examples=EXAMPLES, deadline=None, print_blob=True)

WORDS = (
    *("ann", "Ann", "ANN", "bo", "Bob", "an", "n", "a b", "x@example.org", "X@EXAMPLE.org"),
    *("50%_x", "50", "a*b", "*", "%", "_", "\\", "a\\b", 'say "hi"', "'", "(", "]", "a or b"),
    *(
        "straße",
        "STRASSE",
        "İstanbul",
        "i̇stanbul",
        "ΟΔΟΣ",
        "οδος",
        "οδοσ",
        "ﬁn",
        "FIN",
        "é",
        "e\u0301",
    ),
    *("true", "null", "5", "😀", "", "tab\there", "line\nbreak"),
)
INSTANTS = (
    *("2011-05-13T04:42:34Z", "2011-05-13T06:42:34+02:00", "2011-05-13T04:42:34.000Z"),
    *("2011-05-12T23:42:34.5-05:00", "2011-05-13T04:42:34.500000Z", "2012-01-01T00:00:00"),
    *("2011-12-31T19:00:00-05:00", "1999-12-31T23:59:59.999999Z"),
)
_OFTEN = ("userName", "emails", "displayName", "members", "active", "name")
NUMBERS = (0, 1, -1, 5, 50, 10**12)


def values(attribute: Attribute, pool: Sequence[str] | None = None) -> st.SearchStrategy[Any]:
    """Draw one simple value of the attribute's type."""
    match attribute.type:
        case "boolean":
            return st.booleans()
        case "integer" | "decimal":
            return st.sampled_from(NUMBERS)
        case "dateTime":
            return st.sampled_from(INSTANTS)
        case "binary":
            return st.sampled_from(("YW5u", "Ym9i", "YQ=="))
    if attribute.canonical_values:
        return st.sampled_from(attribute.canonical_values)
    if pool is not None:
        return st.sampled_from(list(pool))
    few = st.sampled_from(WORDS[:4])
    return few | few | st.sampled_from(WORDS)


@cache
def _values_of(attribute: Attribute, pool: tuple[str, ...] | None) -> st.SearchStrategy[Any]:
    one = values(attribute, pool)
    if attribute.type == "complex":
        subs = {sub.name: values(sub, pool) for sub in attribute.sub_attributes}
        one = st.fixed_dictionaries({}, optional=subs).filter(bool)
    return st.lists(one, max_size=3) if attribute.multi_valued else one


@st.composite
def resources(
    draw: st.DrawFn,
    resource_type: ResourceType,
    attributes: Sequence[str] | None = None,
    values: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Draw a resource with some of the attributes, as a connector returns it: canonical names.

    `attributes` are paths of whole attributes; required ones are always there.
    """
    common = [("", a) for a in map(resource_type.find, ("id", "externalId", "meta")) if a]
    allowed = [(urn, a) for urn, a in (*common, *resource_type.attributes()) if not a.required]
    if attributes is not None:
        wanted = [parse_path(text, resource_type) for text in attributes]
        allowed = [p for p in allowed if Path(p[0], p[1].name, attribute=p[1]) in wanted]
    else:
        often = [p for p in allowed if p[1].name in _OFTEN]
        allowed += often * 6
    chosen = draw(st.lists(st.sampled_from(allowed), max_size=10)) if allowed else []
    resource: dict[str, Any] = {"schemas": [resource_type.schema.urn]}
    required = [(urn, a) for urn, a in resource_type.attributes() if a.required]
    for urn, attribute in (*required, *dict.fromkeys(chosen)):
        value = draw(_values_of(attribute, None if values is None else tuple(values)))
        holder = resource.setdefault(urn, {}) if urn else resource
        holder[attribute.name] = "required" if attribute.required and value == "" else value
    return resource


def users(
    attributes: Sequence[str] | None = None, values: Sequence[str] | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a User; see `resources`."""
    return resources(USER, attributes, values)


def groups(
    attributes: Sequence[str] | None = None, values: Sequence[str] | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a Group; see `resources`."""
    return resources(GROUP, attributes, values)


def any_case(text: str) -> st.SearchStrategy[str]:
    """Draw the text in any letter case."""
    return st.integers(0, 2 ** len(text) - 1).map(
        lambda bits: "".join(
            c.upper() if bits >> i & 1 and c.isascii() else c.lower() for i, c in enumerate(text)
        )
    )


def _literal(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, bool):
        return draw(any_case(json.dumps(value)))
    if not isinstance(value, str):
        return json.dumps(value)
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


def _comparison(
    draw: st.DrawFn, written: str, leaf: Attribute, pool: Sequence[str] | None, operators: set[str]
) -> str:
    """Draw a comparison of a leaf attribute with an operator that fits its type."""
    fitting = ["eq", "ne", "pr", "null"]
    if leaf.type not in ("boolean", "binary"):
        fitting += ["gt", "ge", "lt", "le"]
    if leaf.type in ("string", "reference"):
        fitting += ["co", "sw", "ew"]
    operator = draw(st.sampled_from([name for name in fitting if name in operators]))
    if operator == "pr":
        return f"{written} {draw(any_case('pr'))}"
    if operator == "null":
        return f"{written} {draw(st.sampled_from(['eq', 'ne', 'EQ']))} {draw(any_case('null'))}"
    return f"{written} {draw(any_case(operator))} {_literal(draw, draw(values(leaf, pool)))}"


_OPERATORS = frozenset("eq ne pr null gt ge lt le co sw ew".split())


def _leaves(resource_type: ResourceType) -> list[Path]:
    """Return the path of everything that a filter may compare."""
    found: list[Path] = []
    common = [("", a) for a in map(resource_type.find, ("id", "externalId", "meta")) if a]
    for urn, attribute in (*common, *resource_type.attributes()):
        if attribute.secret:
            continue
        if attribute.type != "complex":
            found.append(Path(urn, attribute.name, attribute=attribute))
        found.extend(
            Path(urn, attribute.name, sub.name, attribute=attribute, sub_attribute=sub)
            for sub in attribute.sub_attributes
        )
    return found


@st.composite
def filters(
    draw: st.DrawFn,
    resource_type: ResourceType,
    attributes: Sequence[str] | None = None,
    values: Sequence[str] | None = None,
    operators: frozenset[str] = _OPERATORS,
    depth: int = 3,
) -> str:
    """Draw the text of a valid filter.

    `attributes` restricts it to these paths (in any form that parse_path takes, value paths and
    short ones too), `values` is the pool of its strings, `operators` names those it may use
    (`null` stands for a comparison with null).
    """
    if attributes is None:
        paths = _leaves(resource_type)
        # Half of the comparisons are about few attributes, so that they meet each other.
        paths += [
            p for p in paths if p.name in ("userName", "emails", "displayName", "members")
        ] * 6
    else:
        paths = [parse_path(text, resource_type) for text in attributes]
    chosen = set(operators)

    def term(level: int) -> str:
        kind = draw(st.integers(0, 9))
        if level and kind == 0:
            return f"{draw(any_case('not'))}{draw(st.sampled_from(['', ' ']))}({chain(level - 1)})"
        if level and kind <= 2:
            return f"({chain(level - 1)})"
        path = draw(st.sampled_from(paths))
        is_list = path.attribute.multi_valued and path.where is None
        if is_list and kind >= 6 and attributes is None:
            return value_path(path, level)
        return _comparison(draw, _written(draw, path, resource_type), path.leaf, values, chosen)

    def value_path(path: Path, level: int) -> str:
        written = _written(draw, path.whole, resource_type)
        inner = " and ".join(inner_term(path.attribute) for _ in range(draw(st.integers(1, 3))))
        if draw(st.booleans()):
            inner = f"{inner} {draw(any_case('or'))} {inner_term(path.attribute)}"
        if draw(st.integers(0, 3)) == 0:
            inner = f"not ({inner})"
        if path.sub and draw(st.integers(0, 3)) == 0:
            return _comparison(draw, f"{written}[{inner}].{path.sub}", path.leaf, values, chosen)
        return f"{written}[{inner}]"

    def inner_term(attribute: Attribute) -> str:
        if attribute.type != "complex":
            return _comparison(draw, "value", attribute, values, chosen)
        sub = draw(st.sampled_from(attribute.sub_attributes))
        return _comparison(draw, draw(any_case(sub.name)), sub, values, chosen)

    def chain(level: int) -> str:
        text = term(level)
        for _ in range(draw(st.integers(0, 3)) if level else 0):
            text += f" {draw(any_case(draw(st.sampled_from(['and', 'or']))))} {term(level - 1)}"
        return text

    return chain(depth)


def _written(draw: st.DrawFn, path: Path, resource_type: ResourceType) -> str:
    """Write the path in any letter case, with its URN or without where that is possible."""
    if path.where is not None:
        return str(path)
    short = ".".join(part for part in (path.name, path.sub) if part)
    urn = path.urn or resource_type.schema.urn
    in_core = resource_type.schema.find(path.name) or path.urn
    bare_means_it = not path.urn or parse_path(path.name, resource_type).urn == path.urn
    if in_core and (not bare_means_it or draw(st.integers(0, 4)) == 0):
        return draw(any_case(f"{urn}:{short}"))
    return draw(any_case(short))


def keys() -> st.SearchStrategy[str]:
    """Draw a key of a JSON object: known names, value paths and nonsense."""
    names = [str(path) for path in (*_leaves(USER), *_leaves(GROUP))]
    extensions = [schema.urn for schema in (*USER.schemas(), *GROUP.schemas())]
    others = [
        *("value", "type", "primary", "$ref", "display", "emails", "name", "manager", "members"),
        *('emails[type eq "work"].value', 'members[value eq "ann"]', "contact.email", "schemas"),
        *("", " ", "id", "meta", "urn:", "a[", "\ud800", "eq", "not", "op", "path", "Operations"),
    ]
    return st.sampled_from([*names, *extensions, *others, *others]) | st.text(max_size=6)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(2**63), 1e308, 0.5])
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", "\x00", *WORDS[:6], "False", "work"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys(), inner, max_size=4),
    max_leaves=12,
)
"""Whatever JSON can say, half of it with names that schemas know."""
