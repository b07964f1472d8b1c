"""A second reading of RFC 7644 section 3.4.2.2: filter text straight to yes or no on a resource.

It shares no code with `schemas.filters` and `schemas.match`; only the attribute tables say what
type an attribute has and whether its letter case counts. Standard and URN-qualified names only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

from schemas.attributes import Attribute, ResourceType

Predicate = Callable[[Any], bool]
Lookup = Callable[[str], tuple[list[str], Attribute]]

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")
          |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
          |(?P<mark>[()\[\]])
          |(?P<word>[.$\w:-]+(?:\.\d[\w:.$-]*)?))""",
    re.VERBOSE,
)


class Oracle:
    """Tells whether resources of one type match a filter."""

    def __init__(self, text: str, resource_type: ResourceType) -> None:
        self.tokens = list(self._tokens(text))
        self.place = 0
        self.resource_type = resource_type
        self.matches = self._or(self._attribute)
        if self.place != len(self.tokens):
            raise ValueError(self.tokens[self.place])

    @staticmethod
    def _tokens(text: str) -> Iterator[tuple[str, str]]:
        place = 0
        while place < len(text.rstrip()):
            found = _TOKEN.match(text, place)
            if found is None:
                raise ValueError(text[place:])
            yield str(found.lastgroup), found[str(found.lastgroup)]
            place = found.end()

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self.place += 1
        return token

    def _expect(self, mark: str) -> None:
        if self._next() != ("mark", mark):
            raise ValueError(f"no {mark}")

    def _word(self, word: str) -> bool:
        kind, text = self._peek()
        if kind == "word" and text.lower() == word:
            self.place += 1
            return True
        return False

    def _or(self, lookup: Lookup) -> Predicate:
        terms = [self._and(lookup)]
        while self._word("or"):
            terms.append(self._and(lookup))
        return lambda item: any(term(item) for term in terms)

    def _and(self, lookup: Lookup) -> Predicate:
        terms = [self._term(lookup)]
        while self._word("and"):
            terms.append(self._term(lookup))
        return lambda item: all(term(item) for term in terms)

    def _term(self, lookup: Lookup) -> Predicate:
        negated = self._word("not")
        if negated or self._peek() == ("mark", "("):
            self._expect("(")
            inner = self._or(lookup)
            self._expect(")")
            return (lambda item: not inner(item)) if negated else inner
        names, attribute = lookup(self._next()[1])
        if self._peek() == ("mark", "["):
            return self._value_path(names, attribute)
        return self._comparison(names, attribute)

    def _value_path(self, names: list[str], attribute: Attribute) -> Predicate:
        def lookup(name: str) -> tuple[list[str], Attribute]:
            sub = attribute.sub(name)
            if sub is None and name.lower() == "value" and attribute.type != "complex":
                return [], attribute
            assert sub is not None, name
            return [sub.name], sub

        self._expect("[")
        start = self.place
        inner = self._or(lookup)
        self._expect("]")
        kind, text = self._peek()
        if kind == "word" and text.startswith("."):
            self.place += 1
            last = self._comparison(*lookup(text[1:]))
            return lambda item: any(inner(v) and last(v) for v in _values(item, names))
        assert self.place > start
        return lambda item: any(inner(value) for value in _values(item, names))

    def _comparison(self, names: list[str], attribute: Attribute) -> Predicate:
        operator = self._next()[1].lower()
        if operator == "pr":
            return lambda item: any(_assigned(value) for value in _values(item, names))
        if attribute.type == "complex":
            value = attribute.sub("value")
            assert value is not None
            names, attribute = [*names, "value"], value
        kind, text = self._next()
        if text.lower() == "null" and kind == "word":
            present: Predicate = lambda item: any(map(_assigned, _values(item, names)))  # noqa: E731
            return present if operator == "ne" else lambda item: not present(item)
        literal = text.lower() == "true" if kind == "word" else json.loads(text)
        if attribute.type == "boolean" and isinstance(literal, str):
            literal = literal.lower() == "true"
        wanted = _norm(attribute, literal)

        def holds(item: Any) -> bool:
            actual = [_norm(attribute, v) for v in _values(item, names) if _assigned(v)]
            if not actual:
                return operator == "ne"
            return any(_holds(operator, value, wanted) for value in actual)

        return holds

    def _attribute(self, written: str) -> tuple[list[str], Attribute]:
        for schema in (*self.resource_type.extensions, self.resource_type.schema):
            if written.lower().startswith(schema.urn.lower() + ":"):
                at = [] if schema is self.resource_type.schema else [schema.urn]
                names, attribute = self._within(schema.find, written[len(schema.urn) + 1 :])
                return at + names, attribute
        if self.resource_type.find(written.partition(".")[0]):
            return self._within(self.resource_type.find, written)
        for schema in self.resource_type.extensions:
            if schema.find(written.partition(".")[0]):
                names, attribute = self._within(schema.find, written)
                return [schema.urn, *names], attribute
        raise ValueError(written)

    @staticmethod
    def _within(
        find: Callable[[str], Attribute | None], written: str
    ) -> tuple[list[str], Attribute]:
        name, _, sub_name = written.partition(".")
        attribute = find(name)
        assert attribute is not None, written
        if not sub_name:
            return [attribute.name], attribute
        sub = attribute.sub(sub_name)
        assert sub is not None, written
        return [attribute.name, sub.name], sub


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
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)  # noqa: UP017
        return moment.timestamp()
    if attribute.type == "string" and not attribute.case_exact:
        return value.casefold()
    return value


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
