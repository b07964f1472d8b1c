"""One attribute in one LMS: a row that says everything about it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Any

from schemas.attributes import Mutability, Returned
from schemas.paths import Path


def same(value: Any) -> Any:
    """Return the value as it is: the conversion of most fields."""
    return value


class Impossible(Exception):
    """A filter value that no record of the LMS can hold: the answer is empty without a call."""


@dataclass(frozen=True, slots=True)
class Push:
    """One native ability to query: `parameter` of `call`, for one operator of one field.

    `key`: a look-up by key, cheaper than any search; several values go into one call, or, when
    it is `alone`, each into one of its own.
    `exact`: the LMS's answer needs no second look here; without it the answer is a superset.
    `value` turns the filter's value into the native one; it returns None when that value cannot
    be pushed, and raises `Impossible` when no record can hold it.
    """

    call: str
    parameter: str
    key: bool = False
    alone: bool = False
    exact: bool = False
    value: Callable[[Any], Any] = str


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute in one LMS: SCIM path, native name, both conversions, what can be done.

    `read` turns a native value into SCIM's and `write` the other way; both see one value, None
    means unassigned, and `write` raises ValueError with a reason for what the LMS would refuse.
    `push` maps filter operators to native queries. `empty` is the native value that clears the
    field; None says that it cannot be cleared. `canonical` are the only values that the LMS takes.
    `settle` gives a SCIM value the form in which the LMS will give it back (a lower-case login), so
    that sending the same again changes nothing. `default` is the SCIM value of a new resource that
    names none. The LMS gives a `filled` field a value of its own, so that a PUT which leaves it out
    means no change. A `costly` attribute needs calls of its own and is read only where somebody
    wants it. What is `modifiable` but not there `at_create` takes a second call, after the one that
    creates. `returned` is RFC 7643's: `request` for what a GET shows only when asked for it by
    name. `subs` replaces characteristics of sub-attributes: `{"type": {"canonical_values": ...}}`.

    >>> Field("name.givenName", "firstname").mutability
    'readWrite'
    """

    path: str
    native: str
    read: Callable[[Any], Any] = same
    write: Callable[[Any], Any] = same
    settle: Callable[[Any], Any] = same
    push: Dict[str, Push] = field(default_factory=dict)
    readable: bool = True
    at_create: bool = True
    modifiable: bool = True
    required: bool = False
    filled: bool = False
    costly: bool = False
    returned: Returned | None = None
    subs: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    canonical: tuple[str, ...] = ()
    empty: Any = ""
    default: Any = None

    @property
    def is_always_there(self) -> bool:
        """Tell whether no account is without a value: there is a default, and no way to clear."""
        return self.readable and self.default is not None and self.empty is None

    @property
    def writable(self) -> bool:
        """Tell whether the LMS takes the field at all."""
        return self.at_create or self.modifiable

    @property
    def mutability(self) -> Mutability:
        """Return the mutability of RFC 7643 that the three flags amount to."""
        if not self.readable:
            return "writeOnly"
        if self.modifiable:
            return "readWrite"
        return "immutable" if self.at_create else "readOnly"


def read_only(path: str, native: str, **more: Any) -> Field:
    """Return the field of what only the LMS itself writes."""
    return Field(path, native, at_create=False, modifiable=False, **more)


@dataclass(frozen=True, slots=True)
class Row:
    """A Field with its path resolved; `constants` are what its value path says: type = work."""

    field: Field
    path: Path
    constants: dict[str, Any]

    @property
    def is_apart(self) -> bool:
        """Tell whether it is a list with calls of its own, such as members: the connector's own."""
        return self.field.costly and self.path.attribute.multi_valued
