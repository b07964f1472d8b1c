r"""A second reading of RFC 7644 section 3.4.2.2: filter text straight to yes or no on a resource.

It shares no code with `schemas.filters` and `schemas.match`. Only tables are common: those of the
attributes say what type one has and whether its letter case counts, `SHORT_PATHS` says what a short
path stands for. Text that is no filter raises Refused.

What is not the standard's word but the gateway's:

- Blanks are spaces, tabs and line breaks. They may be missing where nothing runs together
  (`title eq"x"and(active pr)`), and stand before `[` and the first `.`.
- Keywords and the words true, false and null stand in any letter case; a boolean may be quoted.
- Names may hold `$`; an extension's attribute needs no URN where no core attribute has its name.
- A complex attribute with a sub-attribute `value` stands for that in a comparison (`emails co`).
- `emails[...].value eq "x"` is `emails[(...) and value eq "x"]`, and `emails[...] pr` is
  `emails[...]`.
- What has no value differs from every value; the empty string is no value. `eq null` says so.
- A moment without offset is in UTC, and fractions of a second count to the sixth place; besides
  xsd:dateTime other forms of ISO 8601 are taken.
- Refused are NUL and halves of surrogate pairs in strings, numbers that are not finite, more than
  4,096 characters, and more than 32 brackets within each other.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from schemas.attributes import Attribute, ResourceType
from schemas.names import SHORT_PATHS

Predicate = Callable[[Any], bool]
Token = tuple[str, str]
Lookup = Callable[[str], tuple[list[str], Attribute]]
"""From a name to the keys that lead to it, and what it is."""

_LONGEST, _DEEPEST = 4096, 32
_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:(?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")
                    |(?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
                    |(?P<mark>[()\[\]])
                    |(?P<word>[.A-Za-z$][\w$.:-]*)
                    |(?P<end>\Z))""",
    re.VERBOSE | re.ASCII,
)
_NAME = re.compile(r"(?:(?P<urn>.*):)?(?P<name>[A-Za-z$][\w$-]*)(?:\.(?P<sub>.+))?", re.ASCII)
_PART = re.compile(r"\.[A-Za-z$][\w$.-]*", re.ASCII)
_KEYWORDS = frozenset("eq ne co sw ew gt ge lt le pr and or not true false null".split())
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_ORDER, _TEXT = frozenset("gt ge lt le".split()), frozenset("co sw ew".split())
_FITTING = {
    "string": _ORDER | _TEXT,
    "reference": _ORDER | _TEXT,
    "dateTime": _ORDER,
    "integer": _ORDER,
    "decimal": _ORDER,
    "binary": _TEXT,
    "boolean": frozenset[str](),
}
"""The operators beside eq, ne and pr that table 3 gives a meaning to, by type."""


_SHORT = {
    (name, short.lower()): standard
    for name, paths in SHORT_PATHS.items()
    for short, standard in paths.items()
}


class Refused(ValueError):
    """The text is no filter on the resource type: 400."""


class Oracle:
    """Tells whether resources of one type match a filter."""

    def __init__(self, text: str, resource_type: ResourceType) -> None:
        _require(len(text) <= _LONGEST, "too long")
        self.tokens = list(_tokens(text))
        self.place = 0
        self.resource_type = resource_type
        _require(_depth(self.tokens) <= _DEEPEST, "too deep")
        self.matches = self._or(self._attribute)
        _require(self._peek()[0] == "end", self._peek()[1])

    def _peek(self) -> Token:
        return self.tokens[self.place]

    def _next(self) -> Token:
        token = self._peek()
        self.place += token[0] != "end"
        return token

    def _is(self, kind: str, text: str) -> bool:
        """Take the next token if it is this one."""
        found = self._peek()
        if found[0] != kind or found[1].lower() != text:
            return False
        self.place += 1
        return True

    def _or(self, lookup: Lookup) -> Predicate:
        terms = [self._and(lookup)]
        while self._is("word", "or"):
            terms.append(self._and(lookup))
        return lambda item: any(term(item) for term in terms)

    def _and(self, lookup: Lookup) -> Predicate:
        terms = [self._term(lookup)]
        while self._is("word", "and"):
            terms.append(self._term(lookup))
        return lambda item: all(term(item) for term in terms)

    def _term(self, lookup: Lookup) -> Predicate:
        negated = self._is("word", "not")
        if self._is("mark", "("):
            inner = self._or(lookup)
            _require(self._is("mark", ")"), "no )")
            return (lambda item: not inner(item)) if negated else inner
        _require(not negated, "no ( after not")
        names, attribute = lookup(self._written(top=lookup == self._attribute))
        if self._peek() == ("mark", "["):
            _require(lookup == self._attribute, "brackets do not nest")
            return self._value_path(names, attribute)
        return self._comparison(names, attribute)

    def _written(self, top: bool) -> str:
        """Take a name; what a short path stands for is put in its place first."""
        kind, text = self._next()
        _require(kind == "word" and text.lower() not in _KEYWORDS, text)
        if "." not in text.rpartition(":")[2] and _PART.fullmatch(self._peek()[1]):
            text += self._next()[1]
        short = _SHORT.get((self.resource_type.name, text.lower()))
        if not top or short is None or self._is_standard(text):
            return text
        self.tokens[self.place : self.place] = [*_tokens(short)][:-1]
        return self._written(top)

    def _is_standard(self, written: str) -> bool:
        try:
            self._attribute(written)
        except Refused:
            return False
        return True

    def _value_path(self, names: list[str], attribute: Attribute) -> Predicate:
        _require(attribute.type == "complex" or attribute.multi_valued, "nothing to select among")

        def lookup(name: str) -> tuple[list[str], Attribute]:
            if name.lower() == "value" and attribute.type != "complex":
                return [], attribute
            sub = _found(attribute.sub(name), name)
            return [sub.name], sub

        self._next()
        inner = self._or(lookup)
        _require(self._is("mark", "]"), "no ]")
        kind, text = self._peek()
        if kind == "word" and text.startswith("."):
            self._next()
            last = self._comparison(*lookup(text[1:]))
            return lambda item: any(inner(v) and last(v) for v in _values(item, names))
        self._is("word", "pr")
        return lambda item: any(inner(value) for value in _values(item, names))

    def _comparison(self, names: list[str], attribute: Attribute) -> Predicate:
        _require(not attribute.secret, "a secret")
        kind, operator = self._next()
        operator = operator.lower()
        if (kind, operator) == ("word", "pr"):
            return lambda item: any(map(_assigned, _values(item, names)))
        _require(kind == "word" and operator in {"eq", "ne"} | _ORDER | _TEXT, operator)
        if attribute.type == "complex":
            attribute = _found(attribute.sub("value"), "value")
            names = [*names, "value"]
        literal = _literal(*self._next())
        if literal is None:
            _require(operator in ("eq", "ne"), "null is not ordered")
            wanted = operator == "ne"
            return lambda item: any(map(_assigned, _values(item, names))) == wanted
        _require(operator in {"eq", "ne"} | _FITTING[attribute.type], operator)
        sought = _norm(attribute, _typed(attribute, literal))

        def holds(item: Any) -> bool:
            actual = [_norm(attribute, v) for v in _values(item, names) if _assigned(v)]
            if not actual:
                return operator == "ne"
            return any(_holds(operator, value, sought) for value in actual)

        return holds

    def _attribute(self, written: str) -> tuple[list[str], Attribute]:
        """Find an attribute of the resource; the common ones belong to the base schema."""
        parts = _NAME.fullmatch(written)
        _require(parts is not None, written)
        assert parts is not None
        urn, name, sub = parts["urn"], parts["name"], parts["sub"]
        own = self.resource_type.schema.urn.lower()
        places: list[tuple[list[str], str, Callable[[str], Attribute | None]]] = [
            ([], own, self.resource_type.find),
            *(([s.urn], s.urn.lower(), s.find) for s in self.resource_type.extensions),
        ]
        for at, place, find in places:
            found = find(name) if urn is None or urn.lower() == place else None
            if found is None:
                continue
            names = [*at, found.name]
            if sub is None:
                return names, found
            inner = _found(found.sub(sub), written)
            return [*names, inner.name], inner
        raise Refused(written)


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise Refused(why)


def _found(attribute: Attribute | None, name: str) -> Attribute:
    if attribute is None:
        raise Refused(name)
    return attribute


def _tokens(text: str) -> Iterator[Token]:
    place, kind = 0, ""
    while kind != "end":
        found = _TOKEN.match(text, place)
        if found is None:
            raise Refused(text[place:])
        kind = str(found.lastgroup)
        yield kind, found[kind]
        place = found.end()


def _depth(tokens: list[Token]) -> int:
    deepest = depth = 0
    for kind, text in tokens:
        if kind == "mark":
            depth += 1 if text in "([" else -1
            deepest = max(deepest, depth)
    return deepest


def _literal(kind: str, text: str) -> Any:
    """Return a comparison value: what JSON calls false, null, true, number or string."""
    if kind == "word":
        words = {"true": True, "false": False, "null": None}
        _require(text.lower() in words, text)
        return words[text.lower()]
    _require(kind in ("string", "number"), text)
    try:
        value = json.loads(text)
    except ValueError:
        raise Refused(text) from None
    if isinstance(value, str):
        _require(not re.search("[\x00\ud800-\udfff]", value), text)
    elif isinstance(value, float):
        _require(math.isfinite(value), text)
    return value


def _typed(attribute: Attribute, literal: Any) -> Any:
    """Return the literal as the attribute's type has it (RFC 7643 section 2.3), or refuse."""
    match attribute.type:
        case "boolean":
            word = literal.lower() if isinstance(literal, str) else ""
            literal = {"true": True, "false": False}.get(word, literal)
            _require(isinstance(literal, bool), "no boolean")
        case "integer" | "decimal":
            _require(type(literal) in (int, float), "no number")
        case "dateTime":
            _require(isinstance(literal, str), "no moment")
            _moment(literal)
        case _:
            _require(isinstance(literal, str), "no string")
    return literal


def _values(item: Any, names: list[str]) -> list[Any]:
    if isinstance(item, list):
        return [value for each in item for value in _values(each, names)]
    if not names:
        return [] if item is None else [item]
    return _values(item.get(names[0]), names[1:]) if isinstance(item, dict) else []


def _assigned(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(_assigned(v) for v in (value.values() if isinstance(value, dict) else value))
    return value is not None and value != ""


def _norm(attribute: Attribute, value: Any) -> Any:
    if attribute.type == "dateTime":
        return _moment(value)
    if attribute.type == "string" and not attribute.case_exact:
        return value.casefold()
    return value


def _moment(text: str) -> Fraction:
    """Return the seconds since the beginning of the calendar, in UTC."""
    found = _MOMENT.fullmatch(text)
    try:
        if found is None:
            other = datetime.fromisoformat(text)
            text = (other if other.tzinfo else other.replace(tzinfo=UTC)).isoformat()
            found = _MOMENT.fullmatch(text)
        _require(found is not None, text)
        assert found is not None
        year, month, day, hours, minutes = map(int, found.groups()[:5])
        days = date(year, month, day).toordinal()
    except ValueError:
        raise Refused(text) from None
    seconds, offset = Fraction(found[6][:9]), found[7] or "Z"
    _require(hours < 24 and minutes < 60 and seconds < 60, text)
    ahead = 0
    if offset != "Z":
        ahead = (int(offset[1:3]) * 60 + int(offset[4:])) * (1 if offset[0] == "+" else -1)
        _require(int(offset[1:3]) < 24 and int(offset[4:]) < 60, text)
    return ((days * 24 + hours) * 60 + minutes - ahead) * 60 + seconds


def _holds(operator: str, actual: Any, wanted: Any) -> bool:
    match operator:
        case "eq":
            return bool(actual == wanted)
        case "ne":
            return bool(actual != wanted)
        case "co":
            return actual.find(wanted) >= 0
        case "sw":
            return actual[: len(wanted)] == wanted
        case "ew":
            return wanted == "" or actual[-len(wanted) :] == wanted
        case "gt":
            return bool(wanted < actual)
        case "lt":
            return bool(wanted > actual)
        case "ge":
            return not actual < wanted
        case "le":
            return not wanted < actual
    raise ValueError(operator)
