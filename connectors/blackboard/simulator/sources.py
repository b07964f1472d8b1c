"""Data sources: where the site has an object from."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from connectors.blackboard.simulator.calls import Answer, Call, created
from connectors.blackboard.simulator.entitlements import MANAGE_DATA_SOURCES
from connectors.blackboard.simulator.errors import bad_request, conflict
from connectors.blackboard.simulator.filters import Filter, contains_folded, matching
from connectors.blackboard.simulator.ids import find_keyed
from connectors.blackboard.simulator.listing import OTHERS, answer_page
from connectors.blackboard.simulator.records import Record
from connectors.blackboard.simulator.shapes import Property, merge, read_body, text
from connectors.blackboard.simulator.site import Site

BUILT_IN = ("_1_1", "_2_1")

_SHAPE = {"externalId": Property(required=True), "description": text()}
_FILTERS = (Filter("externalId", contains_folded),)


def list_sources(call: Call) -> Answer:
    """Answer `GET dataSources`."""
    call.require(MANAGE_DATA_SOURCES)
    rows = matching(call, call.site.data_sources.values(), _FILTERS)
    return answer_page(call, rows, OTHERS, lambda row: row.body)


def get_source(call: Call, wanted: str) -> Answer:
    """Answer `GET dataSources/{id}`."""
    call.require(MANAGE_DATA_SOURCES)
    return Answer(200, find_keyed(call.site.data_sources, wanted).body)


def create_source(call: Call) -> Answer:
    """Answer `POST dataSources`."""
    call.require(MANAGE_DATA_SOURCES)
    site = call.site
    given = read_body(_SHAPE, call.read(), site.settings, creating=True)
    _refuse_duplicate(site, given["externalId"], None)
    taken = site.data_sources.take_id()
    body = {"id": taken}
    merge(body, given)
    site.data_sources.add(Record(taken, body))
    return created(1, f"dataSources/{taken}", body)


def update_source(call: Call, wanted: str) -> Answer:
    """Answer `PATCH dataSources/{id}`."""
    call.require(MANAGE_DATA_SOURCES)
    site = call.site
    row = find_keyed(site.data_sources, wanted)
    given = read_body(_SHAPE, call.read(), site.settings, creating=False)
    if "externalId" in given:
        _refuse_duplicate(site, given["externalId"], row)
    merge(row.body, given)
    site.data_sources.renew(row)
    return Answer(200, row.body)


def delete_source(call: Call, wanted: str) -> Answer:
    """Answer `DELETE dataSources/{id}`: one that came with the site or is in use stays."""
    call.require(MANAGE_DATA_SOURCES)
    site = call.site
    row = find_keyed(site.data_sources, wanted)
    if row.id in BUILT_IN or any(one.body.get("dataSourceId") == row.id for one in _users(site)):
        raise bad_request("The data source can not be deleted")
    site.data_sources.remove(row)
    return Answer(204)


def _users(site: Site) -> Iterable[Record]:
    return chain(
        site.users.values(),
        site.courses.values(),
        site.memberships.values(),
        site.terms.values(),
    )


def _refuse_duplicate(site: Site, key: str, row: Record | None) -> None:
    other = site.data_sources.find("externalId", key)
    if other is not None and other is not row:
        raise conflict("A data source with the same externalId already exists")
