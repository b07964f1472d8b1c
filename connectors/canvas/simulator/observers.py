"""Who observes whom."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.errors import not_found
from connectors.canvas.simulator.ids import find_user
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.people import show_user
from connectors.canvas.simulator.records import User


def _show_linked(call: Call, user: User) -> Json:
    return {**show_user(call, user), "observation_link_root_account_ids": [call.site.root.id]}


def _find(call: Call, slot: str, permission: str) -> User:
    user = find_user(call, slot)
    if user.id != call.caller.id:
        call.require(permission, permissions.MANAGE_OBSERVERS)
    return user


def list_observees(call: Call, slot: str) -> Answer:
    """Return those whom a user observes."""
    user = _find(call, slot, permissions.READ_ROSTER)
    rows = [call.site.users[number] for number in user.observees]
    return answer_page(call, rows, lambda row: _show_linked(call, row))


def list_observers(call: Call, slot: str) -> Answer:
    """Return those who observe a user."""
    user = _find(call, slot, permissions.READ_ROSTER)
    rows = [row for row in call.site.users.values() if user.id in row.observees]
    return answer_page(call, rows, lambda row: _show_linked(call, row))


def get_observee(call: Call, slot: str, observee_slot: str) -> Answer:
    """Return one of those whom a user observes."""
    user = _find(call, slot, permissions.READ_ROSTER)
    return Answer(show_user(call, _linked(call, user, observee_slot)))


def add_observee(call: Call, slot: str, observee_slot: str) -> Answer:
    """Let a user observe another one."""
    user = _find(call, slot, permissions.MANAGE_OBSERVERS)
    observee = find_user(call, observee_slot)
    if observee.id == user.id:
        raise not_found()
    if observee.id not in user.observees:
        user.observees.append(observee.id)
    return Answer(show_user(call, observee))


def remove_observee(call: Call, slot: str, observee_slot: str) -> Answer:
    """End an observation."""
    user = _find(call, slot, permissions.MANAGE_OBSERVERS)
    observee = _linked(call, user, observee_slot)
    user.observees.remove(observee.id)
    return Answer(show_user(call, observee))


def _linked(call: Call, user: User, slot: str) -> User:
    observee = find_user(call, slot)
    if observee.id not in user.observees:
        raise not_found()
    return observee
