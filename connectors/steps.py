"""Writes that take several calls: what was made first is undone when the rest is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from schemas.errors import ScimError


@contextmanager
def all_or_nothing(undo: Callable[[], object]) -> Iterator[None]:
    """Undo what was made when the block is refused; the error is `unknown` where that fails."""
    try:
        yield
    except ScimError as error:
        try:
            undo()
        except ScimError:
            error.unknown = True
        raise
