"""The members that a body must have, their types, and rich text in its two forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.brightspace.simulator.errors import malformed, refused

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_TAG = re.compile(r"<[^>]*>")
_CODE_LENGTH = 50
_NOT_IN_CODES = frozenset("\\:*?\"<>|'#,%&")


@dataclass(frozen=True, slots=True)
class Kind:
    """The JSON types of a member."""

    types: tuple[type, ...]
    nullable: bool = False

    def takes(self, value: Any) -> bool:
        """Tell whether a value may stand in the member; a boolean is no number."""
        return self.nullable if value is None else type(value) in self.types


TEXT, TEXT_OR_NULL = Kind((str,)), Kind((str,), True)
NUMBER, NUMBER_OR_NULL = Kind((int,)), Kind((int,), True)
NUMBER_OR_TEXT = Kind((int, str))
FLAG, FLAG_OR_NULL = Kind((bool,)), Kind((bool,), True)
OBJECT, OBJECT_OR_NULL = Kind((dict,)), Kind((dict,), True)
ARRAY = Kind((list,))

Block = Mapping[str, Kind]
RICH: Block = {"Content": TEXT_OR_NULL, "Type": TEXT}


def check(body: Any, block: Block, optional: Iterable[str] = ()) -> dict[str, Any]:
    """Return a body that has every member of a block, each of its type; others are ignored."""
    if not isinstance(body, dict):
        raise malformed()
    free = set(optional)
    for name, kind in block.items():
        if name not in body:
            if name in free:
                continue
            raise malformed(f"Missing member: {name}")
        if not kind.takes(body[name]):
            raise malformed(f"Invalid value for {name}")
    return body


def check_length(name: str, value: str | None, longest: int) -> None:
    """Refuse a text that does not fit into its column."""
    if value is not None and len(value) > longest:
        raise refused(f"{name} is longer than {longest} characters.")


def check_code(code: str | None) -> None:
    """Refuse a code of an org unit that is too long or has one of the forbidden characters."""
    check_length("Code", code, _CODE_LENGTH)
    if code is not None and _NOT_IN_CODES & set(code):
        raise refused("The code contains invalid characters.")


def check_time(name: str, value: str | None) -> str | None:
    """Return a time in UTC with exactly three fraction digits, or null; others are refused."""
    if value is None:
        return None
    try:
        if _TIME.fullmatch(value) is None:
            raise ValueError(value)
        datetime.fromisoformat(value)
    except ValueError:
        raise malformed(f"Invalid value for {name}") from None
    return value


def read_rich(given: dict[str, Any]) -> dict[str, str]:
    """Return sent rich text in the form in which it is read."""
    check(given, RICH)
    content = given["Content"] or ""
    if given["Type"].lower() == "html":
        return {"Text": _TAG.sub("", content), "Html": content}
    if given["Type"].lower() != "text":
        raise malformed("Invalid value for Type")
    return {"Text": content, "Html": ""}
