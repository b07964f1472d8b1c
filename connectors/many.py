"""Many writes in one call: the outcome of each is its own, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from connectors.ticket import Ticket, demand
from schemas.errors import ScimError

T = TypeVar("T")
R = TypeVar("R")


def one_ticket(tickets: Sequence[Ticket]) -> Ticket:
    """Return the ticket that a call for many writes shows: the first, where each has one.

    Raises TypeError for a write without, and for tickets of different kinds.
    """
    for ticket in tickets:
        demand(ticket)
    if len({type(ticket) for ticket in tickets}) > 1:
        raise TypeError("tickets of different kinds do not go in one call")
    return tickets[0]


def outcome_of(call: Callable[..., R], *given: Any) -> R | ScimError:
    """Return what a call returns, or the error that it raises."""
    try:
        return call(*given)
    except ScimError as error:
        return error


def value_of(outcome: R | ScimError) -> R:
    """Return an outcome, or raise the error that it is."""
    if isinstance(outcome, ScimError):
        raise outcome
    return outcome


def alike(error: ScimError, items: Sequence[Any], *, unknown: bool = False) -> list[ScimError]:
    """Return an error for each of the items, which it concerns all; whoever raises one adds to it.

    `unknown` says that the items may be carried out, or partly, whatever the error says.
    """
    return [
        ScimError(
            error.status,
            error.detail,
            error.scim_type,
            retry_after=error.retry_after,
            unknown=unknown or error.unknown,
        )
        for _ in items
    ]


def onward(
    outcomes: Sequence[T | ScimError], step: Callable[[list[T]], Sequence[R | ScimError]]
) -> list[R | ScimError]:
    """Return the outcomes of a next step, which is taken with what has not failed so far."""
    going = [outcome for outcome in outcomes if not isinstance(outcome, ScimError)]
    after = iter(step(going) if going else ())
    return [outcome if isinstance(outcome, ScimError) else next(after) for outcome in outcomes]


def apart(
    items: Sequence[T],
    key: Callable[[T], Hashable],
    call: Callable[[list[T]], Sequence[R]],
) -> list[R]:
    """Return the outcomes of calls in which no two items have the same key, in order.

    One that has the key of an earlier one goes in a later call, as it would one by one.
    """
    rounds: list[list[int]] = []
    held: dict[Hashable, int] = {}
    for number, item in enumerate(items):
        place = held.get(key(item), 0)
        held[key(item)] = place + 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(number)
    outcomes: dict[int, R] = {}
    for numbers in rounds:
        outcomes |= zip(numbers, call([items[number] for number in numbers]), strict=True)
    return [outcomes[number] for number in range(len(items))]


def in_runs(items: Sequence[T], most: int, call: Callable[[list[T]], Sequence[R]]) -> list[R]:
    """Return the outcomes of calls with at most so many items each, in order."""
    outcomes: list[R] = []
    for first in range(0, len(items), most):
        outcomes += call(list(items[first : first + most]))
    return outcomes
