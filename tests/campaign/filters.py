"""Filters: what the gateway selects beside what a second reading of the standard selects."""

from __future__ import annotations

import json
import logging
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from schemas.attributes import Attribute, ResourceType
from schemas.errors import ScimError
from schemas.filters import parse_filter
from schemas.group import GROUP
from schemas.match import compile_filter
from schemas.names import SHORT_PATHS
from schemas.user import USER
from tests.campaign.report import Report, counts
from tests.gateway.service import Scim, make_service
from tests.schemas.filter_oracle import Oracle, Refused
from tests.schemas.strategies import INSTANTS, NUMBERS, WORDS

Resource = dict[str, Any]
Leaf = tuple[str, Attribute, Attribute | None]
"""Extension URN or "", attribute, sub-attribute: what a filter may compare."""
Verdict = list[bool] | None
"""Which resources of a population match; None when the filter is refused."""

POPULATION = 25
_ROUND = 500
"""So many filters meet one population."""
_ONE_IN = 20
"""Every so many filters one goes over HTTP."""
_BROKEN = 0.25
_REFUSALS = ("invalidFilter", "sensitive")

_ORDER, _TEXT = ["gt", "ge", "lt", "le"], ["co", "sw", "ew"]
_OPERATORS = ["eq", "ne", "pr", *_ORDER, *_TEXT]
_FITTING = {
    "string": [*_ORDER, *_TEXT],
    "reference": [*_ORDER, *_TEXT],
    "dateTime": _ORDER,
    "integer": _ORDER,
    "binary": _TEXT,
    "boolean": [],
}
"""The operators beside eq, ne and pr that fit the types; no attribute is a decimal."""
_PAIRS = {(t, op) for t, more in _FITTING.items() for op in ("eq", "ne", "pr", "null", *more)}
_OFTEN = frozenset("userName emails displayName members active name enrollmentLimit".split())
_BLANKS = [" "] * 12 + ["  ", "\t", "\r\n", " \n "]
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[\w$.:-]+|\s+|.', re.DOTALL)
_WORDS = (*WORDS, " ann", "ann ", "a\u00a0b", "ſ", "K", "Ǆ", "\u2028", "\x7f", "~", "0")
_NASTY = [
    *("(", ")", "[", "]", '"', "\\", ".", ":", "-", "&", "'", "$", ",", "=", "\x00", "\u00a0", "é"),
    *("and", "or", "not", "pr", "eq", "gt", "xor", "regex", "true", "null", "5", "01", "+1", "1."),
    *(".5", "1e", "1e999", '""', '"x"', '"open', '"\\q"', '"\\u00e4"', '"\\ud800"', '"tab\t"'),
    *("emails", "userName", "password", "nothing", ".value", "emails.value", "[type pr]", "x.y.z"),
    *("urn:x:y:z", "urn:ietf:params:scim:schemas:core:2.0:User:", " ", "\u2028", "not (", ") or ("),
]
_JUNK = '()[]".:\\$-_ 5aéſ\t\n\x00\x0b\x0c\x1f\x7f\u00a0'


def run(count: int, seed: int) -> Report:
    """Compare so many filters on generated resources, and some of them over HTTP."""
    report = Report("filters", seed)
    seen: Counter[str] = Counter()
    pairs: set[tuple[str, str]] = set()
    dice = random.Random(seed)
    started = time.monotonic()
    for number in range(0, count, _ROUND):
        resource_type = GROUP if number // _ROUND % 3 == 2 else USER
        population = [make_resource(dice, resource_type) for _ in range(POPULATION)]
        filters = Filters(dice, resource_type, population)
        for _ in range(min(_ROUND, count - number)):
            text, kind = filters.draw()
            ours = _attempt(_selected, text, resource_type, population)
            theirs = _attempt(_expected, text, resource_type, population)
            seen[f"{kind} {_shown_briefly(theirs)}"] += 1
            if ours != theirs:
                said = _difference(ours, theirs, population)
                report.failures.append(f"{resource_type.name} {text!r}: {said}"[:1500])
        pairs |= filters.pairs
    report.figures |= {
        "filters": f"{count} in {time.monotonic() - started:.0f} s",
        "they": counts(seen),
        "pairs of type and operator": f"{len(pairs)} of {len(_PAIRS)}",
    }
    if count >= 10 * _ROUND:
        report.expect(pairs == _PAIRS, f"never drawn: {_PAIRS - pairs}")
    started = time.monotonic()
    asked = _over_http(report, dice, max(1, count // _ONE_IN))
    report.figures["over HTTP"] = f"{counts(asked)} in {time.monotonic() - started:.0f} s"
    return report


def _attempt(select: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function gives; what it raises is an answer too, and never the right one."""
    try:
        return select(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _selected(text: str, resource_type: ResourceType, population: Sequence[Resource]) -> Verdict:
    try:
        holds = compile_filter(parse_filter(text, resource_type))
    except ScimError as error:
        assert error.scim_type in _REFUSALS, error.body()
        return None
    return [holds(resource) for resource in population]


def _expected(text: str, resource_type: ResourceType, population: Sequence[Resource]) -> Verdict:
    try:
        holds = Oracle(text, resource_type).matches
    except Refused:
        return None
    return [bool(holds(resource)) for resource in population]


def _shown_briefly(verdict: Verdict | str) -> str:
    if not isinstance(verdict, list):
        return verdict or "refused"
    return "select all" if all(verdict) else "select some" if any(verdict) else "select none"


def _difference(ours: Verdict | str, theirs: Verdict | str, population: Sequence[Resource]) -> str:
    if not isinstance(ours, list) or not isinstance(theirs, list):
        return f"gateway: {_shown_briefly(ours)}, oracle: {_shown_briefly(theirs)}"
    place = next(n for n in range(len(ours)) if ours[n] != theirs[n])
    return f"gateway: {ours[place]}, oracle: {theirs[place]} for {population[place]}"


def _over_http(report: Report, dice: random.Random, count: int) -> Counter[str]:
    """Ask the target memory for totals; the oracle counts what the same target shows."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    asked: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        service = make_service(Path(folder))
        try:
            scim = Scim(service, "memory")
            for resource_type in (USER, GROUP):
                _fill(scim, dice, resource_type)
            # Only now: users show the groups that they are in.
            shown = {type_: _shown(scim, type_) for type_ in (USER, GROUP)}
            makers = {type_: Filters(dice, type_, shown[type_]) for type_ in shown}
            for number in range(count):
                resource_type = GROUP if number % 3 == 2 else USER
                text, _ = makers[resource_type].draw()
                theirs = _attempt(_expected, text, resource_type, shown[resource_type])
                ours = _attempt(_total, scim, resource_type, text, number)
                asked["refused" if theirs is None else "answered"] += 1
                wanted = sum(theirs) if isinstance(theirs, list) else theirs
                report.expect(
                    ours == wanted,
                    f"HTTP {resource_type.name} {text!r}: {ours}, by the oracle {wanted}"[:1500],
                )
        finally:
            service.close()
            logging.disable(before)
    return asked


def _shown(scim: Scim, resource_type: ResourceType) -> list[Resource]:
    """Return all resources with all attributes, also those that are shown only by name."""
    names = [":".join(filter(None, (leaf[0], _name(leaf)))) for leaf in _leaves(resource_type)]
    answer = scim.get(f"/{resource_type.endpoint}", count=1000, attributes=",".join(names))
    return list(answer.json.get("Resources", ()))


def _fill(scim: Scim, dice: random.Random, resource_type: ResourceType) -> None:
    """Create resources of a type; what the gateway does not take is left out."""
    endpoint = f"/{resource_type.endpoint}"
    members = [user["id"] for user in _shown(scim, USER)]
    made = 0
    for number in range(POPULATION * 4):
        resource = make_resource(dice, resource_type)
        resource.pop("id", None)
        if resource_type is USER:
            resource["userName"] = f"{resource['userName']}{number if number > 4 else ''}"
        else:
            chosen = dice.sample(members, dice.randrange(4))
            resource["members"] = [{"value": member} for member in chosen]
        for value in resource.values():
            for item in value if isinstance(value, list) else ():
                if isinstance(item, dict):
                    item.pop("primary", None)
        made += scim.post(endpoint, resource).status_code == 201
    assert made >= POPULATION, f"only {made} {endpoint} were taken"


def _total(scim: Scim, resource_type: ResourceType, text: str, number: int) -> Any:
    path = f"/{resource_type.endpoint}"
    if number % 2:
        answer = scim.get(path, filter=text, count=0)
    else:
        answer = scim.post(f"{path}/.search", {"filter": text, "count": 0})
    if answer.status_code in (400, 403) and answer.json["scimType"] in (
        "invalidFilter",
        "sensitive",
    ):
        return None
    return answer.json["totalResults"] if answer.status_code == 200 else answer.text


def make_value(dice: random.Random, attribute: Attribute) -> Any:
    """Return a simple value of the attribute's type."""
    match attribute.type:
        case "boolean":
            return dice.random() < 0.5
        case "integer" | "decimal":
            return dice.choice(NUMBERS)
        case "dateTime":
            return dice.choice(INSTANTS)
        case "binary":
            return dice.choice(("YW5u", "Ym9i", "YQ=="))
    if attribute.canonical_values:
        return dice.choice(attribute.canonical_values)
    return dice.choice(WORDS[:4] if dice.random() < 0.6 else _WORDS)


def make_resource(dice: random.Random, resource_type: ResourceType) -> Resource:
    """Return a resource as a connector gives it, with some of the attributes of its type."""
    resource: Resource = {"schemas": [resource_type.schema.urn]}
    for urn, attribute in _attributes(resource_type):
        likely = 0.7 if attribute.name in _OFTEN else 0.3
        if attribute.name == "schemas" or not (attribute.required or dice.random() < likely):
            continue
        value = _whole_value(dice, attribute)
        if attribute.required:
            value = value or "required"
        holder = resource.setdefault(urn, {}) if urn else resource
        holder[attribute.name] = value
    return resource


def _attributes(resource_type: ResourceType) -> Iterator[tuple[str, Attribute]]:
    for name in ("schemas", "id", "externalId", "meta"):
        found = resource_type.find(name)
        assert found is not None
        yield "", found
    for urn, attribute in resource_type.attributes():
        if not attribute.secret:
            yield urn, attribute


def _whole_value(dice: random.Random, attribute: Attribute) -> Any:
    def one() -> Any:
        if attribute.type != "complex":
            return make_value(dice, attribute)
        subs = [sub for sub in attribute.sub_attributes if dice.random() < 0.6]
        return {sub.name: make_value(dice, sub) for sub in subs or attribute.sub_attributes[:1]}

    if not attribute.multi_valued:
        return one()
    return [one() for _ in range(dice.choice((0, 1, 1, 2, 2, 3)))]


class Filters:
    """Texts of filters whose values are often those of a population.

    `pairs` are the types and operators that have met so far.
    """

    def __init__(
        self, dice: random.Random, resource_type: ResourceType, population: Sequence[Resource]
    ) -> None:
        self.dice = dice
        self.resource_type = resource_type
        self.pairs: set[tuple[str, str]] = set()
        self.leaves = list(_leaves(resource_type))
        self.leaves += [leaf for leaf in self.leaves if leaf[1].name in _OFTEN] * 3
        self.values = {
            leaf[0] + _name(leaf): [v for r in population for v in _held(r, leaf)]
            for leaf in self.leaves
        }
        self.by_type: dict[str, list[Leaf]] = {}
        for leaf in self.leaves:
            self.by_type.setdefault(_last(leaf).type, []).append(leaf)
        self.short = [
            (short, leaf)
            for short, standard in SHORT_PATHS[resource_type.name].items()
            if (leaf := self._meant(standard))
        ]

    def draw(self) -> tuple[str, str]:
        """Return a filter and what it was meant to be: valid or broken."""
        if self.dice.random() < _BROKEN:
            return self.broken(), "broken"
        return self.valid(), "valid"

    def valid(self) -> str:
        """Return a valid filter."""
        return self._around(self._chain(self.dice.choice((0, 1, 1, 2, 2, 3)), self._term))

    def broken(self) -> str:
        """Return what is most often no filter."""
        text, dice = self.valid(), self.dice
        match dice.randrange(8):
            case 0:
                return text[: dice.randrange(len(text))] or "("
            case 1:
                place = dice.randrange(len(text) + 1)
                return text[:place] + dice.choice(_JUNK) + text[place + dice.randrange(2) :]
            case 2:
                return self._misfit()
            case 3:
                inner = self._comparison(dice.choice(self.leaves))
                depth = dice.choice((2, 31, 32, 33, 40))
                return "(" * depth + inner + ")" * depth
            case 4:
                return f"{text} or title pr".ljust(dice.choice((100, 4096, 4097)))
            case _:
                pieces = _PIECE.findall(text)
                for _ in range(dice.choice((1, 1, 2))):
                    self._spoil(pieces)
                return "".join(pieces) or ")"

    def _spoil(self, pieces: list[str]) -> None:
        dice = self.dice
        if not pieces:
            return
        place, other = dice.randrange(len(pieces)), dice.randrange(len(pieces))
        match dice.randrange(5):
            case 0:
                del pieces[place]
            case 1:
                pieces.insert(place, pieces[other])
            case 2:
                pieces[place], pieces[other] = pieces[other], pieces[place]
            case 3:
                pieces[place] = dice.choice(_NASTY)
            case _:
                pieces.insert(place, dice.choice(_NASTY))

    def _misfit(self) -> str:
        """Return a comparison whose operator or value need not fit, nor its name be one."""
        dice = self.dice
        written = self._spelled(dice.choice(self.by_type[dice.choice(list(self.by_type))]))
        roll = dice.random()
        if roll < 0.05:
            written = f"{dice.choice(list(self.resource_type.schemas())).urn}:{written}"
        elif roll < 0.15:
            urn = self.resource_type.schema.urn
            written = f"{urn}:{dice.choice(self.short)[0]}"
        operator = self._cased(dice.choice(_OPERATORS))
        values: list[Any] = ["x", "2011-05-13T04:42:34Z", "yesterday", 5, 1.5, True, None, ""]
        rest = "" if operator.lower() == "pr" else f" {json.dumps(dice.choice(values))}"
        if roll > 0.8:
            return f"{written}[value {operator}{rest}]"
        return f"{written} {operator}{rest}"

    def _chain(self, level: int, term: Callable[[int], str]) -> str:
        text = term(level)
        for _ in range(self.dice.choice((0, 0, 1, 1, 2, 3)) if level else 0):
            word, right = self._cased(self.dice.choice(("and", "or"))), term(level - 1)
            before = self._blank(optional=text[-1] in ')]"')
            text += f"{before}{word}{self._blank(optional=right[0] == '(')}{right}"
        return text

    def _term(self, level: int) -> str:
        roll = self.dice.random()
        if level and roll < 0.25:
            return self._grouped(self._chain(level - 1, self._term), negated=roll < 0.12)
        if roll < 0.45:
            return self._value_path()
        return self._comparison(self.dice.choice(self.leaves))

    def _grouped(self, text: str, *, negated: bool) -> str:
        word = self._cased("not") + self._blank(optional=True) if negated else ""
        return f"{word}({self._around(text)})"

    def _value_path(self) -> str:
        whole = [leaf for leaf in self.leaves if leaf[1].multi_valued or leaf[1].type == "complex"]
        leaf = self.dice.choice(whole)
        urn, attribute, sub = leaf
        inside = [entry for entry in self.leaves if entry[:2] == leaf[:2] and (entry[2] or not sub)]

        def term(level: int) -> str:
            roll = self.dice.random()
            if level and roll < 0.25:
                return self._grouped(self._chain(level - 1, term), negated=roll < 0.15)
            chosen = self.dice.choice(inside)
            name = self._cased(chosen[2].name if chosen[2] else "value", rarely=True)
            return self._comparison(chosen, name)

        level = self.dice.choice((0, 1, 1, 2))
        inner = self._around(self._chain(level, term))
        text = f"{self._spelled((urn, attribute, None))}[{inner}]"
        roll = self.dice.random()
        if roll < 0.2:
            last = self.dice.choice(inside)
            name = self._cased(last[2].name if last[2] else "value", rarely=True)
            return self._comparison(last, f"{text}.{name}")
        return f"{text} pr" if roll < 0.25 else text

    def _comparison(self, leaf: Leaf, written: str = "") -> str:
        attribute = _last(leaf)
        written = written or self._spelled(leaf)
        if attribute.type == "complex":
            value = attribute.sub("value")
            if value is None or self.dice.random() < 0.3:
                return f"{written}{self._blank()}{self._cased('pr')}"
            attribute, leaf = value, (leaf[0], leaf[1], value)
        often = ["co"] if "co" in _FITTING[attribute.type] else []
        operators = ["eq", "eq", "ne", "pr", "null", *_FITTING[attribute.type], *often]
        operator = self.dice.choice(operators)
        self.pairs.add((attribute.type, operator))
        if operator == "pr":
            return f"{written}{self._blank()}{self._cased('pr')}"
        if operator == "null":
            operator, literal = self.dice.choice(("eq", "ne")), self._cased("null")
        else:
            literal = self._literal(leaf, attribute, operator)
        gap = self._blank(optional=literal[0] == '"')
        return f"{written}{self._blank()}{self._cased(operator)}{gap}{literal}"

    def _literal(self, leaf: Leaf, attribute: Attribute, operator: str) -> str:
        dice = self.dice
        held = self.values.get(leaf[0] + _name(leaf))
        value = dice.choice(held) if held and dice.random() < 0.6 else make_value(dice, attribute)
        if isinstance(value, bool):
            word = self._cased(json.dumps(value))
            return f'"{word}"' if dice.random() < 0.15 else word
        if not isinstance(value, str):
            forms = [str(value), str(value), f"{value}.0", f"{value}e0", f"{value / 10}E+1"]
            return dice.choice(forms)
        if attribute.type in ("string", "reference"):
            if operator in _TEXT and value:
                start = dice.randrange(len(value)) if operator != "sw" else 0
                end = dice.randrange(start, len(value)) + 1 if operator != "ew" else len(value)
                value = value[start:end]
            if dice.random() < 0.25:
                value = dice.choice((value.swapcase, value.upper, value.casefold))()
        text = json.dumps(value, ensure_ascii=dice.random() < 0.4)
        if dice.random() < 0.05:
            text = '"' + "".join(f"\\u{ord(c):04X}" if ord(c) < 0x10000 else c for c in value) + '"'
        return text

    def _spelled(self, leaf: Leaf) -> str:
        """Return a name of the leaf: in some letter case, with its URN or without, or short."""
        urn, attribute, _ = leaf
        if self.dice.random() < 0.15:
            short = [s for s, meant in self.short if meant == leaf]
            if short:
                return self._cased(self.dice.choice(short), rarely=True)
        name = _name(leaf)
        is_hidden = urn and self.resource_type.find(attribute.name)
        if is_hidden or self.dice.random() < (0.5 if urn else 0.15):
            name = f"{urn or self.resource_type.schema.urn}:{name}"
        return self._cased(name, rarely=True)

    def _meant(self, standard: str) -> Leaf | None:
        """Return the leaf that a standard path ends at, whatever it selects."""
        name = re.sub(r"\[.*\]", "", standard)
        return next((leaf for leaf in self.leaves if _name(leaf) == name), None)

    def _cased(self, word: str, *, rarely: bool = False) -> str:
        roll = self.dice.random()
        if roll < (0.8 if rarely else 0.6):
            return word
        if roll < 0.9:
            return word.upper() if self.dice.random() < 0.5 else word.lower()
        return "".join(self.dice.choice((c.upper(), c.lower())) for c in word)

    def _blank(self, *, optional: bool = False) -> str:
        if optional and self.dice.random() < 0.5:
            return ""
        return self.dice.choice(_BLANKS)

    def _around(self, text: str) -> str:
        """Return the text, sometimes with blanks that say nothing."""
        if self.dice.random() < 0.9:
            return text
        return self._blank(optional=True) + text + self._blank(optional=True)


def _leaves(resource_type: ResourceType) -> Iterator[Leaf]:
    for urn, attribute in _attributes(resource_type):
        yield urn, attribute, None
        for sub in attribute.sub_attributes:
            yield urn, attribute, sub


def _last(leaf: Leaf) -> Attribute:
    return leaf[2] or leaf[1]


def _name(leaf: Leaf) -> str:
    return leaf[1].name + (f".{leaf[2].name}" if leaf[2] else "")


def _held(resource: Resource, leaf: Leaf) -> Iterator[Any]:
    """Yield the values that a resource has at the leaf."""
    urn, attribute, sub = leaf
    whole = (resource.get(urn, {}) if urn else resource).get(attribute.name)
    for value in whole if isinstance(whole, list) else [whole]:
        if sub is not None:
            value = value.get(sub.name) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            yield value
