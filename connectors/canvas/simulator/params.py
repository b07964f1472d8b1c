"""Parameters of a call: query, form and JSON merged into one nested set, as Rails reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_KEY = re.compile(r"\[([^\]]*)\]")
_TRUE = frozenset({"true", "1", "on", "yes", "t"})


class Params:
    """A nested set of parameters; texts are read leniently from numbers and booleans."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def raw(self, name: str) -> Any:
        """Return a value as it came."""
        return self._values.get(name)

    def drop(self, name: str) -> None:
        """Forget a parameter."""
        self._values.pop(name, None)

    def text(self, name: str) -> str | None:
        """Return a value as text, None if it is absent, null or no scalar."""
        return _text(self._values.get(name))

    def filled(self, name: str) -> str | None:
        """Return a value as text, None also for an empty one."""
        return self.text(name) or None

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean; what is not known as true is false."""
        value = self.text(name)
        return default if value is None else value.strip().lower() in _TRUE

    def number(self, name: str) -> int | None:
        """Return a whole number, None if there is none."""
        value = (self.text(name) or "").strip()
        return int(value) if re.fullmatch(r"-?\d{1,18}", value) else None

    def many(self, name: str) -> list[str]:
        """Return the values of a list, which may also come as one value."""
        value = self._values.get(name)
        rows = value if isinstance(value, list) else [value]
        return [text for text in map(_text, rows) if text]

    def sub(self, name: str) -> Params:
        """Return the set under a name, an empty one if there is none."""
        value = self._values.get(name)
        return Params(value if isinstance(value, Mapping) else {})


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    return None


def merge_pairs(into: dict[str, Any], pairs: Iterable[tuple[str, str]]) -> None:
    """Add pairs such as (`user[name]`, `Ada`) or (`include[]`, `email`) to a nested set."""
    for name, value in pairs:
        head, _, rest = name.partition("[")
        keys = _KEY.findall(f"[{rest}") if rest else []
        if head:
            _place(into, [head, *keys], value)


def _place(into: dict[str, Any], keys: list[str], value: str) -> None:
    for position, key in enumerate(keys):
        last = position == len(keys) - 1
        if last:
            into[key] = value
            return
        if keys[position + 1] == "":
            rows = into.setdefault(key, [])
            if not isinstance(rows, list):
                rows = into[key] = []
            inner = keys[position + 2 :]
            if not inner:
                rows.append(value)
                return
            if not rows or not isinstance(rows[-1], dict) or inner[0] in rows[-1]:
                rows.append({})
            _place(rows[-1], inner, value)
            return
        deeper = into.get(key)
        if not isinstance(deeper, dict):
            deeper = into[key] = {}
        into = deeper
