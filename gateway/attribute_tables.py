"""Attribute tables as files: which native field holds which attribute, in JSON or in XML."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from schemas.attributes import ResourceType
from schemas.errors import ScimError
from schemas.filters import is_text, parse_path

Table = dict[str, Any]
"""SCIM or short path -> native field, "" (dropped) or {"native": ..., "default": ...}."""

_SETTINGS = {"native", "default"}
_SPACE = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""What may stand before the first character of a document: byte order marks and white space."""


def as_json(table: Table) -> bytes:
    """Return a table as a JSON document, in its own order."""
    return json.dumps(table, indent=2, ensure_ascii=False).encode() + b"\n"


def read_json(file: Path) -> Table:
    """Return the table in a JSON file. Raises ValueError, naming file and place, or OSError."""
    return _from_json(file, file.read_bytes())


def read(file: Path, resource_type: ResourceType) -> Table:
    """Return the table in a JSON or XML file; the type's attributes say what XML's text means.

    Raises ValueError, which names file and place, or OSError.
    """
    content = file.read_bytes()
    if content.lstrip(_SPACE).startswith(b"<"):
        return _from_xml(file, content, resource_type)
    return _from_json(file, content)


def write(file: Path, table: Table) -> None:
    """Put a table in the place of a file, whole or not at all; its owner and mode stay.

    Raises OSError.
    """
    place = file.resolve()
    descriptor, name = tempfile.mkstemp(dir=place.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(as_json(table))
            written.flush()
            os.fsync(written.fileno())
        _take_after(name, place)
        os.replace(name, place)
    except BaseException:
        os.unlink(name)
        raise


def _take_after(name: str, older: Path) -> None:
    """Let a file be for those whom the older one is for; where there is none, for everybody."""
    os.chmod(name, 0o644)
    with suppress(FileNotFoundError):
        held = older.stat()
        with suppress(PermissionError):
            os.chown(name, held.st_uid, held.st_gid)
        os.chmod(name, held.st_mode & 0o777)


def _from_json(file: Path, content: bytes) -> Table:
    try:
        table = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}, line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"{file}: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if not isinstance(table, dict):
        raise ValueError(f"{file}: no JSON object")
    for path, entry in table.items():
        _check(f"{file}, {path!r}", path, entry)
    return table


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of which no name stands twice: else one of them would be lost."""
    held: dict[str, Any] = {}
    for name, value in pairs:
        if name in held:
            raise ValueError(f"{name!r} stands twice")
        held[name] = value
    return held


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _from_xml(file: Path, content: bytes, resource_type: ResourceType) -> Table:
    parser = XMLParser(target=_Plain())
    try:
        parser.feed(content)
        root = parser.close()
    except (ParseError, LookupError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from None
    if stray := "".join(root.itertext()).strip():
        raise ValueError(f"{file}: the text {stray[:40]!r} belongs to no attribute")
    table: Table = {}
    for number, element in enumerate(root, start=1):
        path = element.get("path", "")
        where = f"{file}, {repr(path) if path else f'element {number}'}"
        if path in table:
            raise ValueError(f"{where} stands twice")
        table[path] = _entry(where, element, resource_type)
        _check(where, path, table[path])
    return table


class _Plain(TreeBuilder):
    """Builds the tree of a document that declares nothing: entities could stand for anything."""

    def doctype(self, *_: str | None) -> None:
        raise ValueError("a DOCTYPE is refused")


def _entry(where: str, element: Element, resource_type: ResourceType) -> Any:
    """Return what an element says of one attribute. Raises ValueError."""
    said: dict[str, Any] = {k: v for k, v in element.items() if k != "path"}
    if len(element):
        raise ValueError(f"{where} holds further elements")
    if "default" in said and (path := element.get("path")):
        said["default"] = _typed(where, said["default"], path, resource_type)
    return said["native"] if said.keys() == {"native"} else said


def _typed(where: str, text: str, path: str, resource_type: ResourceType) -> Any:
    """Return the value that a text stands for, by the type of the attribute at the path."""
    try:
        kind = parse_path(path, resource_type).leaf.type
    except ScimError as error:
        raise ValueError(f"{where}: {error.detail}") from None
    if kind not in ("boolean", "integer", "decimal"):
        return text
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ValueError(f"{where}: the default {text[:40]!r} is no {kind}") from None


def _check(where: str, path: str, entry: Any) -> None:
    """Refuse what is no row of a table. Raises ValueError."""
    said = entry if isinstance(entry, dict) else {"native": entry}
    native, default = said.get("native", ""), said.get("default", "")
    if not path:
        raise ValueError(f"{where}: the path of an attribute is missing")
    if not said or not isinstance(native, str) or default is None:
        raise ValueError(f"{where}: say the native field, or native and default")
    if unknown := said.keys() - _SETTINGS:
        raise ValueError(f"{where}: unknown setting {', '.join(sorted(unknown))}")
    if not all(is_text(text) for text in (path, native, default) if isinstance(text, str)):
        raise ValueError(f"{where}: NUL and half surrogate pairs are no text")
