"""Form fields as PHP reads them: bracket names become arrays, surplus fields vanish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes


class PhpArray(dict[str, "PhpArray | str"]):
    """A PHP array: ordered, keyed by text, with a next free index for `name[]`."""

    next_index = 0

    def place(self, key: str, value: PhpArray | str) -> None:
        """Store a value under a key; an empty key takes the next free index."""
        key = key or str(self.next_index)
        if key.isdecimal() and str(int(key)) == key:
            self.next_index = max(self.next_index, int(key) + 1)
        self[key] = value


def parse_form(data: bytes, max_input_vars: int) -> PhpArray:
    """Parse url-encoded fields; those after the first `max_input_vars` are silently dropped."""
    return collect_fields(_split(data), max_input_vars)


def collect_fields(fields: Iterable[tuple[str, str]], max_input_vars: int) -> PhpArray:
    """Build the nested arrays of (name, value) pairs, the last of equal names winning."""
    form = PhpArray()
    for count, (name, value) in enumerate(fields):
        if count == max_input_vars:
            break
        keys = _parse_name(name)
        if keys[0]:
            _place(form, keys, value)
    return form


def _split(data: bytes) -> Iterator[tuple[str, str]]:
    for piece in data.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            yield _decode(name), _decode(value)


def _decode(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def _parse_name(name: str) -> list[str]:
    """Split `a[b][c]` into its keys; PHP writes `_` for blanks and dots in the first one."""
    name = name.lstrip(" ")
    root, bracket, rest = name.partition("[")
    keys: list[str] = []
    while bracket and root:
        key, closed, rest = rest.partition("]")
        if not closed:
            if not keys:
                root = f"{root}_{key}"
            break
        keys.append(key)
        if not rest.startswith("["):
            break
        rest = rest[1:]
    if not root:
        root = name.replace("[", "_")
    return [root.replace(".", "_").replace(" ", "_"), *keys]


def _place(form: PhpArray, keys: list[str], value: str) -> None:
    array = form
    for key in keys[:-1]:
        inner = array.get(key) if key else None
        if not isinstance(inner, PhpArray):
            inner = PhpArray()
            array.place(key, inner)
        array = inner
    array.place(keys[-1], value)
