"""Terms: the spans of time that courses belong to."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from connectors.blackboard.simulator.calls import Answer, Call, created
from connectors.blackboard.simulator.durations import DURATION_BOUNDS, duration, keep_bounds
from connectors.blackboard.simulator.entitlements import WRITE_TERMS
from connectors.blackboard.simulator.errors import conflict
from connectors.blackboard.simulator.filters import (
    Filter,
    contains_folded,
    data_source,
    matching,
    one_of,
)
from connectors.blackboard.simulator.ids import find_keyed, resolve
from connectors.blackboard.simulator.listing import TERMS, answer_page
from connectors.blackboard.simulator.records import Record
from connectors.blackboard.simulator.shapes import Property, choice, merge, parts, read_body, text
from connectors.blackboard.simulator.site import Site

STATES = ("Yes", "No")

_SHAPE = {
    "externalId": Property(longest=256, required=True),
    "dataSourceId": text(),
    "name": Property(longest=333, required=True),
    "description": text(),
    "availability": parts(
        available=choice(*STATES), duration=duration("Continuous", "DateRange", "FixedNumDays")
    ),
}
_FILTERS = (
    Filter("externalId", contains_folded),
    Filter("dataSourceId", data_source),
    Filter("availability.available", one_of(*STATES)),
)


def list_terms(call: Call) -> Answer:
    """Answer `GET terms`."""
    rows = matching(call, call.site.terms.values(), _FILTERS)
    return answer_page(call, rows, TERMS, lambda row: row.body)


def get_term(call: Call, wanted: str) -> Answer:
    """Answer `GET terms/{id}`."""
    return Answer(200, find_keyed(call.site.terms, wanted).body)


def create_term(call: Call) -> Answer:
    """Answer `POST terms`."""
    call.require(WRITE_TERMS)
    given = _read(call, None)
    row = add_term(call.site, given)
    return created(1, f"terms/{row.id}", row.body)


def update_term(call: Call, wanted: str) -> Answer:
    """Answer `PATCH terms/{id}`."""
    call.require(WRITE_TERMS)
    row = find_keyed(call.site.terms, wanted)
    given = _read(call, row)
    body = deepcopy(row.body)
    merge(body, given)
    _check(given, body)
    row.body = body
    call.site.terms.renew(row)
    return Answer(200, row.body)


def delete_term(call: Call, wanted: str) -> Answer:
    """Answer `DELETE terms/{id}`; the courses of the term have none then."""
    call.require(WRITE_TERMS)
    row = find_keyed(call.site.terms, wanted)
    for course in call.site.courses.values():
        if course.body.get("termId") == row.id:
            del course.body["termId"]
            if course.body["availability"]["available"] == "Term":
                course.body["availability"] = {
                    **course.body["availability"],
                    "available": "No",
                }
    call.site.terms.remove(row)
    return Answer(204)


def add_term(site: Site, given: dict[str, Any]) -> Record:
    """Add a term with checked properties and the defaults of all others."""
    body: dict[str, Any] = {
        "id": "",
        "dataSourceId": "_2_1",
        "availability": {"available": "Yes", "duration": {"type": "Continuous"}},
    }
    merge(body, given)
    _check(given, body)
    body["id"] = site.terms.take_id()
    return site.terms.add(Record(body["id"], body))


def _read(call: Call, row: Record | None) -> dict[str, Any]:
    site = call.site
    given = read_body(_SHAPE, call.read(), site.settings, creating=row is None)
    if "dataSourceId" in given:
        wanted = given["dataSourceId"]
        given["dataSourceId"] = resolve(site.data_sources, wanted or "_2_1", "dataSourceId")
    wanted = given.get("externalId")
    other = site.terms.find("externalId", wanted) if wanted else None
    if other is not None and other is not row:
        raise conflict("A term with the same externalId already exists")
    return given


def _check(given: dict[str, Any], body: dict[str, Any]) -> None:
    stretch = given.get("availability", {}).get("duration")
    result = body["availability"]["duration"]
    keep_bounds(stretch, result, DURATION_BOUNDS, "availability.duration")
