"""Writes that take several calls: made in turn, and honest about how far they got."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from schemas.errors import ScimError


def in_turn(steps: Sequence[Callable[[str], object]], id: str) -> None:
    """Make writes to one resource, one after another.

    When a later one is refused, some of the change was made: the error is `unknown`, so that what
    the LMS holds now is looked at.
    """
    for number, step in enumerate(steps):
        try:
            step(id)
        except ScimError as error:
            error.unknown = error.unknown or number > 0
            raise


@contextmanager
def undoing(undo: Callable[[], None]) -> Iterator[None]:
    """Undo a create when what follows it is refused; `unknown` where that fails, too."""
    try:
        yield
    except ScimError as error:
        error.unknown = error.unknown and error.status >= 500
        if not error.unknown:
            try:
                undo()
            except ScimError:
                error.unknown = True
        raise
