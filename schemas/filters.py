"""Filters (RFC 7644 section 3.4.2.2) and paths: from text to our own typed nodes.

The grammar is scim2-filter-parser's. Its lexer is repaired by a subclass, and its tree is lowered
at once into the frozen nodes below; no other module imports the library.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar

from scim2_filter_parser import ast
from scim2_filter_parser.lexer import SCIMLexer
from scim2_filter_parser.parser import SCIMParser, SCIMParserError

from schemas.attributes import Attribute, ResourceType
from schemas.errors import ScimError, invalid_filter, invalid_path, sensitive
from schemas.names import standard_path
from schemas.paths import Path, attribute_path, extension_path, shown_text

MAX_LENGTH = 4096
MAX_DEPTH = 32

Value = str | bool | int | float | None


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison: `op` is eq ne co sw ew gt ge lt le, `value` is typed as the attribute is."""

    path: Path
    op: str
    value: Value

    def __str__(self) -> str:
        return f"{self.path} {self.op} {json.dumps(self.value, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute has a non-empty value."""

    path: Path

    def __str__(self) -> str:
        return f"{self.path} pr"


@dataclass(frozen=True, slots=True)
class And:
    """Every term holds."""

    terms: tuple[Filter, ...]

    def __str__(self) -> str:
        return " and ".join(f"({t})" if isinstance(t, Or) else str(t) for t in self.terms)


@dataclass(frozen=True, slots=True)
class Or:
    """At least one term holds."""

    terms: tuple[Filter, ...]

    def __str__(self) -> str:
        return " or ".join(str(t) for t in self.terms)


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not hold."""

    term: Filter

    def __str__(self) -> str:
        return f"not ({self.term})"


@dataclass(frozen=True, slots=True)
class Where:
    """One and the same value of the attribute fulfils the whole term: `emails[...]`.

    Paths inside the term are relative to the value.
    """

    path: Path
    term: Filter

    def __str__(self) -> str:
        return f"{self.path}[{self.term}]"


Filter = Compare | Present | And | Or | Not | Where

EVERYTHING = And(())
NOTHING = Or(())


def conjunction(*terms: Filter) -> Filter:
    """Return the terms joined by `and`, nested conjunctions flattened."""
    flat: list[Filter] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, And) else (term,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def all_of(*terms: Filter | None) -> Filter | None:
    """Return the filter that all terms hold that there are, None when there is none."""
    given = [term for term in terms if term is not None]
    return conjunction(*given) if given else None


def any_of(*terms: Filter) -> Filter:
    """Return the terms joined by `or`, nested disjunctions flattened."""
    flat: list[Filter] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, Or) else (term,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def is_text(value: str) -> bool:
    """Tell whether a string can be stored and sent: no NUL, no half of a surrogate pair."""
    return "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def attribute_names(node: Filter | None) -> Iterator[str]:
    """Yield the names of what a filter looks at: `members`, and `members.display` in it."""
    match node:
        case Compare(path) | Present(path):
            yield path.name
            if path.sub:
                yield f"{path.name}.{path.sub}"
        case Where(path, term):
            yield path.name
            yield from (f"{path.name}.{name}" for name in attribute_names(term))
        case And(terms) | Or(terms):
            for term in terms:
                yield from attribute_names(term)
        case Not(term):
            yield from attribute_names(term)


def instant(text: str) -> datetime | None:
    """Return the moment that an xsd:dateTime names, in UTC where it has no offset, or None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@lru_cache(maxsize=1024)
def parse_filter(text: str, resource_type: ResourceType) -> Filter:
    """Parse and type a filter on a resource type.

    Raises 400 invalidFilter for bad syntax, unknown attributes, operators that do not fit the
    attribute's type, and for filters longer than 4096 characters or deeper than 32 brackets.

    >>> from schemas.user import USER
    >>> str(parse_filter('name.given eq "Ann" and not (active eq False)', USER))
    'name.givenName eq "Ann" and not (active eq false)'
    """
    return _lower(_tree(text, invalid_filter), _attributes_of(resource_type))


@lru_cache(maxsize=1024)
def parse_path(text: str, resource_type: ResourceType) -> Path:
    """Parse a path as PATCH, `attributes` and `sortBy` take it (RFC 7644 section 3.5.2).

    Raises 400 invalidPath when it is malformed or names no attribute of the resource type.

    >>> from schemas.user import USER
    >>> str(parse_path("contact.email", USER))
    'emails[type eq "work"].value'
    """
    if extension := resource_type.extension(text.strip()):
        return extension_path(extension)
    if not text.strip():
        raise invalid_path("A path cannot be empty.")
    tree = _tree(text, invalid_path, " pr").expr
    if not isinstance(tree, ast.AttrExpr):
        raise invalid_path(f"{shown_text(text)} is not an attribute path.")
    try:
        path = _value_path(tree.attr_path, _attributes_of(resource_type))
    except ScimError as error:
        raise invalid_path(error.detail) from None
    if path.where is not None and not path.attribute.multi_valued:
        raise invalid_path(f"{path.whole} has one value: a filter cannot select among it.")
    return path


Resolve = Callable[[str, str], Path]


def _attributes_of(resource_type: ResourceType) -> Resolve:
    def resolve(urn: str, dotted: str) -> Path:
        if path := attribute_path(resource_type, urn, dotted):
            return path
        if not urn and (standard := standard_path(resource_type.name, dotted)):
            return parse_path(standard, resource_type)
        written = f"{urn}:{dotted}" if urn else dotted
        raise invalid_filter(f"{shown_text(written)} is not an attribute of {resource_type.name}.")

    return resolve


def _sub_attributes_of(path: Path) -> Resolve:
    def resolve(urn: str, dotted: str) -> Path:
        found = None if urn else path.attribute.sub(dotted)
        if found is not None:
            return Path("", found.name, attribute=found)
        if path.attribute.type != "complex" and not urn and dotted.lower() == "value":
            return Path("", "value", attribute=path.attribute)
        raise invalid_filter(f"{shown_text(dotted)} is not a sub-attribute of {path}.")

    return resolve


class _Lexer(SCIMLexer):  # type: ignore[misc]
    """The library's lexer with JSON strings and numbers, typed literals and deep short paths."""

    tokens: ClassVar = SCIMLexer.tokens
    ignore = " \t\r\n"

    @_(r"(?:\.[a-zA-Z$][a-zA-Z0-9_$-]*)+")  # type: ignore[name-defined]  # noqa: F821
    def SUBATTR(self, t):  # type: ignore[no-untyped-def]
        t.value = t.value[1:]
        return t

    @_(r"(?ai:false)(?![\w$.:-])")  # type: ignore[name-defined]  # noqa: F821
    def FALSE(self, t):  # type: ignore[no-untyped-def]
        t.value = False
        return t

    @_(r"(?ai:true)(?![\w$.:-])")  # type: ignore[name-defined]  # noqa: F821
    def TRUE(self, t):  # type: ignore[no-untyped-def]
        t.value = True
        return t

    @_(r"(?ai:null)(?![\w$.:-])")  # type: ignore[name-defined]  # noqa: F821
    def NULL(self, t):  # type: ignore[no-untyped-def]
        t.value = None
        return t

    @_(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.])")  # type: ignore[name-defined]  # noqa: F821
    def NUMBER(self, t):  # type: ignore[no-untyped-def]
        t.value = json.loads(t.value)
        if isinstance(t.value, float) and not math.isfinite(t.value):
            raise SCIMParserError(f"the number at character {t.index + 1} is out of range")
        return t

    @_(r'"(?:[^"\\\x00-\x1f]|\\.)*"')  # type: ignore[name-defined]  # noqa: F821
    def COMP_VALUE(self, t):  # type: ignore[no-untyped-def]
        t.value = json.loads(t.value)
        if not is_text(t.value):
            raise SCIMParserError(
                f"the string at character {t.index + 1} holds NUL or half a surrogate pair"
            )
        return t

    def error(self, t):  # type: ignore[no-untyped-def]
        raise SCIMParserError(f"unexpected {t.value[0]!r} at character {t.index + 1}")


def _tokens(text: str) -> Iterator[Any]:
    """Yield the tokens; a bracket behind a sub-attribute or within another one is refused.

    The library's grammar allows both, but complex attributes do not nest (RFC 7643 section 2.3.8),
    and it would take `emails.value[...]` for `emails[...].value`. Its lexer drops what is between
    a URN and the name behind it.
    """
    before = None
    is_open = False
    for token in _Lexer().tokenize(text):
        if token.type == "LBRACKET" and (is_open or (before and before.type == "SUBATTR")):
            _refuse(token)
        if (
            before
            and before.type == "SCHEMA_URI"
            and token.index != before.index + len(before.value) + 1
        ):
            _refuse(token)
        if token.type in ("LBRACKET", "RBRACKET"):
            is_open = token.type == "LBRACKET"
        before = token
        yield token


def _refuse(token: Any) -> None:
    """Report a syntax error by its place, not by the parser's insides."""
    if token is None:
        raise SCIMParserError("unexpected end")
    raise SCIMParserError(f"unexpected {str(token.value)[:40]!r} at character {token.index + 1}")


def _tree(text: str, error: Callable[[str], ScimError], suffix: str = "") -> ast.Filter:
    """Parse with new lexer and parser objects: the library's are not thread-safe.

    `suffix` makes a filter out of a path; no error message mentions it.
    """
    if len(text) > MAX_LENGTH:
        raise error(f"More than {MAX_LENGTH} characters are too many.")
    _check_depth(text, error)

    def refuse(token: Any) -> None:
        _refuse(None if token is not None and token.index >= len(text) else token)

    parser = SCIMParser()
    parser.error = refuse
    try:
        tree = parser.parse(_tokens(text + suffix))
    except SCIMParserError as problem:
        raise error(f"Syntax error: {problem}.") from None
    except ValueError:
        raise error("Syntax error: a string or number is not valid JSON.") from None
    if not isinstance(tree, ast.Filter):
        raise error("Syntax error: not a filter.")
    return tree


def _check_depth(text: str, error: Callable[[str], ScimError]) -> None:
    depth = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "([":
            depth += 1
            if depth > MAX_DEPTH:
                raise error(f"More than {MAX_DEPTH} brackets stand within each other.")
        elif character in ")]":
            depth -= 1


def _lower(node: Any, resolve: Resolve) -> Filter:
    if isinstance(node, ast.LogExpr):
        return _lower_chain(node, resolve)
    if isinstance(node, ast.AttrExpr):
        return _lower_comparison(node, resolve)
    if node.namespace is not None:
        return _lower_value_path(node, resolve)
    lowered = _lower(node.expr, resolve)
    return Not(lowered) if node.negated else lowered


def _lower_chain(node: Any, resolve: Resolve) -> Filter:
    """Lower an unparenthesised chain with `and` before `or`: the library has one level for both.

    The library groups to the left, so the chain is its left spine; an operand in parentheses
    is wrapped twice and therefore never part of the spine.
    """
    operators: list[str] = []
    operands: list[Any] = []
    spine: Any = node
    while isinstance(spine, ast.LogExpr):
        operators.append(spine.op.lower())
        operands.append(spine.expr2)
        left = spine.expr1
        is_chain = isinstance(left.expr, ast.LogExpr) and not left.negated
        spine = left.expr if is_chain and left.namespace is None else left
    operands.append(spine)
    operands.reverse()
    operators.reverse()
    runs: list[list[Filter]] = [[_lower(operands[0], resolve)]]
    for operator, operand in zip(operators, operands[1:], strict=True):
        term = _lower(operand, resolve)
        if operator == "and":
            runs[-1].append(term)
        else:
            runs.append([term])
    return any_of(*(conjunction(*run) for run in runs))


def _lower_value_path(node: Any, resolve: Resolve, *more: Filter) -> Filter:
    """Lower `emails[...]`: the library keeps the attribute in `namespace`."""
    path = _plain_path(node.namespace, resolve, without_sub=True)
    if path.attribute.type != "complex" and not path.attribute.multi_valued:
        raise invalid_filter(f"{path} has one simple value: no filter can select among it.")
    if path.where is not None or path.sub is not None:
        raise invalid_filter(f"{path} cannot be followed by a bracket.")
    inner = _sub_attributes_of(path)
    return Where(path, conjunction(_lower(node.expr, inner), *more))


def _lower_comparison(node: Any, resolve: Resolve) -> Filter:
    operator = node.value.lower()
    written = node.attr_path
    if isinstance(written.attr_name, ast.Filter):
        value_path = written.attr_name
        sub = value_path.namespace.sub_attr if value_path.namespace else None
        whole = _plain_path(value_path.namespace, resolve, without_sub=True)
        if sub is None:
            if operator != "pr":
                raise invalid_filter(f"{whole}[...] needs a sub-attribute to compare.")
            return _lower_value_path(value_path, resolve)
        leaf = _sub_attributes_of(whole)("", sub.value)
        return _lower_value_path(value_path, resolve, _comparison(leaf, operator, node.comp_value))
    path = _plain_path(written, resolve)
    if path.where is None:
        return _comparison(path, operator, node.comp_value)
    leaf = _sub_attributes_of(path)("", path.sub or "value")
    return Where(path.whole, conjunction(path.where, _comparison(leaf, operator, node.comp_value)))


def _value_path(written: Any, resolve: Resolve) -> Path:
    if not isinstance(written.attr_name, ast.Filter):
        return _plain_path(written, resolve)
    value_path = written.attr_name
    where = _lower_value_path(value_path, resolve)
    assert isinstance(where, Where)
    sub = value_path.namespace.sub_attr
    leaf = where.path.attribute.sub(sub.value) if sub else None
    if sub and leaf is None:
        raise invalid_filter(f"{shown_text(sub.value)} is not a sub-attribute of {where.path}.")
    return Path(
        where.path.urn,
        where.path.name,
        leaf.name if leaf else None,
        where.term,
        attribute=where.path.attribute,
        sub_attribute=leaf,
    )


def _plain_path(written: Any, resolve: Resolve, *, without_sub: bool = False) -> Path:
    if not isinstance(written.attr_name, str):
        raise invalid_filter("A value path cannot hold another one.")
    dotted = written.attr_name
    if written.sub_attr is not None and not without_sub:
        dotted += f".{written.sub_attr.value}"
    return resolve(written.uri or "", dotted)


_ORDERED = {"gt", "ge", "lt", "le"}
_TEXTUAL = {"co", "sw", "ew"}


def _comparison(path: Path, operator: str, written: Any) -> Filter:
    if path.secret:
        raise sensitive(f"{path} cannot be used in a filter.")
    if operator == "pr":
        return Present(path)
    if path.leaf.type == "complex":
        path = _value_of(path)
    value = _typed(path, path.leaf, operator, written.value)
    if value is None:
        if operator not in ("eq", "ne"):
            raise invalid_filter(f"null cannot be compared by {operator}.")
        return Not(Present(path)) if operator == "eq" else Present(path)
    return Compare(path, operator, value)


def _value_of(path: Path) -> Path:
    value = path.attribute.sub("value") if path.sub is None else None
    if value is None or not path.name:
        raise invalid_filter(f"{path} is complex: compare one of its sub-attributes.")
    return Path(path.urn, path.name, value.name, attribute=path.attribute, sub_attribute=value)


def _typed(path: Path, attribute: Attribute, operator: str, value: Value) -> Value:
    """Return the value in the attribute's type, or raise 400 invalidFilter."""
    kind = attribute.type
    if value is None:
        return None
    if (operator in _ORDERED and kind in ("boolean", "binary")) or (
        operator in _TEXTUAL and kind not in ("string", "reference", "binary")
    ):
        raise invalid_filter(f"{path} is of type {kind} and cannot be compared by {operator}.")
    if kind == "boolean":
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        fits = isinstance(value, bool)
    elif kind in ("integer", "decimal"):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = isinstance(value, str) and (kind != "dateTime" or instant(value) is not None)
    if not fits:
        raise invalid_filter(f"{path} is of type {kind}: {shown_text(json.dumps(value))} is not.")
    return value
