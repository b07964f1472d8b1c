"""The filters of lists: each reads its parameter and tells which rows match; all must."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from connectors.blackboard.simulator.calls import Call
from connectors.blackboard.simulator.errors import bad_request
from connectors.blackboard.simulator.ids import resolve
from connectors.blackboard.simulator.records import Record
from connectors.blackboard.simulator.settings import Version
from connectors.blackboard.simulator.shapes import value_at
from connectors.simulation.clock import read_date

R = TypeVar("R", bound=Record)
Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter of a list, the property it looks at, and its reading of the value.

    A release before `since` ignores the parameter, as every parameter that it does not know.
    """

    name: str
    make: Callable[[Call, str, str], Test]
    since: Version = (0,)
    property: str | None = None


def matching(call: Call, rows: Iterable[R], filters: Iterable[Filter]) -> list[R]:
    """Return the rows that match every filter that the call gives."""
    tests = [
        (each.property or each.name, each.make(call, each.name, call.args[each.name]))
        for each in filters
        if each.name in call.args and call.knows(each.since)
    ]
    return [row for row in rows if all(test(value_at(row.body, path)) for path, test in tests)]


def contains(call: Call, name: str, wanted: str) -> Test:
    """Look for a text without regard to case.

    With the case defect only the wanted text is folded, so a stored upper-case letter hides a row.
    """
    folded = wanted.lower()
    if call.site.settings.case_defect:
        return lambda value: value is not None and folded in value
    return lambda value: value is not None and folded in value.lower()


def contains_folded(call: Call, name: str, wanted: str) -> Test:
    """Look for a text without regard to case, where the case defect does not reach."""
    return lambda value: value is not None and wanted.lower() in value.lower()


def equals(call: Call, name: str, wanted: str) -> Test:
    """Look for exactly a value."""
    return lambda value: bool(value == wanted)


def one_of(*choices: str) -> Callable[[Call, str, str], Test]:
    """Look for a value of an enumeration; another value is refused."""

    def make(call: Call, name: str, wanted: str) -> Test:
        if wanted not in choices:
            raise bad_request(f"Invalid value for {name}: {wanted}")
        return equals(call, name, wanted)

    return make


def is_flag(call: Call, name: str, wanted: str) -> Test:
    """Look for a boolean."""
    flag = call.flag(name)
    return lambda value: value is flag


def any_of(call: Call, name: str, wanted: str) -> Test:
    """Look for a list that has one of the values between commas."""
    keys = {key.strip() for key in wanted.split(",")}
    return lambda value: not keys.isdisjoint(value or ())


def data_source(call: Call, name: str, wanted: str) -> Test:
    """Look for the objects of a data source, named by either form of its id."""
    return equals(call, name, resolve(call.site.data_sources, wanted, name))


def term(call: Call, name: str, wanted: str) -> Test:
    """Look for the courses of a term, named by either form of its id."""
    return equals(call, name, resolve(call.site.terms, wanted, name))


def date(call: Call, name: str, wanted: str) -> Test:
    """Look for dates on one side of a bound; an object without the date is on neither."""
    compare = call.args.get(f"{name}Compare", "greaterOrEqual")
    if compare not in ("greaterOrEqual", "lessThan"):
        raise bad_request(f"Invalid value for {name}Compare: {compare}")
    try:
        bound = read_date(wanted)
    except ValueError:
        raise bad_request(f"Invalid value for {name}: {wanted}") from None
    if compare == "lessThan":
        return lambda value: value is not None and read_date(value) < bound
    return lambda value: value is not None and read_date(value) >= bound
