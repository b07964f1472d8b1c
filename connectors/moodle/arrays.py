"""Arrays in calls that Moodle carries out as a whole or not at all, without saying what is wrong.

A call that is refused is made again in halves, until what is refused is alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from connectors.many import alike
from connectors.moodle.client import MAX_VARIABLES, MoodleError, form_fields
from schemas.errors import ScimError

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 50
"""Items in one call; the time that a call takes grows faster than their number."""
UNREADABLE = "invalidresponse"
"""The call was carried out, and its answer cannot be encoded."""

_OF_ALL = frozenset(
    {
        *("invalidtoken", "accessexception", "sitemaintenance", "maintenance"),
        *("wsaccessusersuspended", "wsaccessuserunconfirmed", "wsaccessuserdeleted"),
        *("wsaccessusernologin", "forcepasswordchangenotice", "webservicesoff", "notmoodle"),
        *("http", "dmlreadexception", "dmltransactionexception", UNREADABLE),
    }
)
"""The codes of refusals that are not for the sake of one item."""


def in_arrays(
    items: Sequence[T],
    sent: Callable[[T], Any],
    call: Callable[[list[T]], Sequence[R | ScimError]],
    refused: Callable[[T, MoodleError], ScimError],
) -> list[R | ScimError]:
    """Return the outcomes of the items, in order, in as few calls as they fit into.

    `sent` gives what is sent of an item. `call` is made with a run of items; where it is refused,
    nothing may have been done. `refused` gives the error of the one item that was refused alone.
    """
    outcomes: list[R | ScimError] = []
    for run in _runs(items, sent):
        outcomes += _halved(run, call, refused)
    return outcomes


def _runs(items: Sequence[T], sent: Callable[[T], Any]) -> Iterator[list[T]]:
    run: list[T] = []
    held = 0
    for item in items:
        fields = sum(1 for _ in form_fields(sent(item), "item"))
        if run and (len(run) == AT_ONCE or held + fields > MAX_VARIABLES):
            yield run
            run, held = [], 0
        run.append(item)
        held += fields
    if run:
        yield run


def _halved(
    items: list[T],
    call: Callable[[list[T]], Sequence[R | ScimError]],
    refused: Callable[[T, MoodleError], ScimError],
) -> Sequence[R | ScimError]:
    try:
        return call(items)
    except MoodleError as error:
        if len(items) == 1:
            return [refused(items[0], error)]
        if error.code in _OF_ALL:
            return alike(error, items, unknown=error.code == UNREADABLE)
    except ScimError as error:
        return alike(error, items)
    half = len(items) // 2
    return [*_halved(items[:half], call, refused), *_halved(items[half:], call, refused)]
