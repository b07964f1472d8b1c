"""Enrollment terms of the root account."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import read_time, write_time
from connectors.canvas.simulator.errors import invalid, not_found, not_root
from connectors.canvas.simulator.ids import find_account, find_term, is_root
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.records import Term


def show_term(term: Term) -> Json:
    """Return a term as answers show it."""
    return {
        "id": term.id,
        "name": term.name,
        "start_at": write_time(term.start_at),
        "end_at": write_time(term.end_at),
        "created_at": write_time(term.created_at),
        "workflow_state": term.state,
        "grading_period_group_id": None,
        "sis_term_id": term.sis_term_id,
        "sis_import_id": None,
    }


def _check_root(call: Call, account_slot: str) -> None:
    if not is_root(find_account(call, account_slot)):
        raise not_root()


def list_terms(call: Call, account_slot: str) -> Answer:
    """Return the terms under `enrollment_terms`; deleted ones if the call asks for them."""
    _check_root(call, account_slot)
    states = set(call.params.many("workflow_state")) or {"active"}
    rows = [row for row in call.site.terms.values() if row.state in states or "all" in states]
    return answer_page(call, rows, show_term, wrap="enrollment_terms")


def get_term(call: Call, account_slot: str, slot: str) -> Answer:
    """Return one term."""
    _check_root(call, account_slot)
    return Answer(show_term(find_term(call, slot)))


def create_term(call: Call, account_slot: str) -> Answer:
    """Add a term."""
    _check_root(call, account_slot)
    call.require(permissions.MANAGE_ACCOUNT)
    term = Term(call.site.terms.take_id(), "", call.now)
    _apply(call, term, call.params.sub("enrollment_term"))
    return Answer(show_term(call.site.terms.put(term)))


def edit_term(call: Call, account_slot: str, slot: str) -> Answer:
    """Change a term."""
    _check_root(call, account_slot)
    call.require(permissions.MANAGE_ACCOUNT)
    term = find_term(call, slot)
    _apply(call, term, call.params.sub("enrollment_term"))
    return Answer(show_term(term))


def _apply(call: Call, term: Term, given: Params) -> None:
    sis_id = given.filled("sis_term_id")
    others = (row for row in call.site.terms.values() if row.id != term.id)
    if sis_id is not None and any(row.sis_term_id == sis_id for row in others):
        raise invalid("sis_source_id", "taken", f'SIS ID "{sis_id}" is already in use')
    term.name = given.filled("name") or term.name
    if "sis_term_id" in given:
        term.sis_term_id = sis_id
    if "start_at" in given:
        term.start_at = read_time(given.text("start_at"))
    if "end_at" in given:
        term.end_at = read_time(given.text("end_at"))


def delete_term(call: Call, account_slot: str, slot: str) -> Answer:
    """Delete a term, never the default one nor one with courses."""
    _check_root(call, account_slot)
    call.require(permissions.MANAGE_ACCOUNT)
    term = find_term(call, slot)
    if term is find_term(call, "default"):
        raise invalid("workflow_state", "invalid", "cannot delete the default term")
    if any(row.term_id == term.id and row.state != "deleted" for row in call.site.courses.values()):
        raise invalid("workflow_state", "invalid", "cannot delete a term with active courses")
    if term.state == "deleted":
        raise not_found()
    term.state = "deleted"
    return Answer(show_term(term))
