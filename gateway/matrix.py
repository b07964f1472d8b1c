"""The support matrix: what each target holds of each attribute, out of the mappings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from connectors.base import Connector, Options
from connectors.mapping import Mapping, Row
from gateway.targets import CONNECTORS, Target
from schemas.filters import parse_path
from schemas.names import SHORT_PATHS

_COLUMNS = (
    *("attribute", "short", "native", "read", "create", "modify", "delete", "required", "filters"),
)
_SUMMARY = ("target", "resources", "does", "attributes", "looked up by", "searched by")


@contextmanager
def all_connectors() -> Iterator[dict[str, Connector]]:
    """Give a connector of each kind, as it comes without any configuration."""
    anything = {"client_id": "-", "client_secret": "-"}
    options = Options(
        name="matrix", url="http://localhost", token="-", allow_private_network=True, more=anything
    )
    connectors = {name: factory(options) for name, factory in CONNECTORS.items()}
    try:
        yield connectors
    finally:
        for connector in connectors.values():
            connector.close()


def of_connectors(only: str | None = None) -> dict[tuple[str, str], Mapping]:
    """Return the mappings of all connectors as they come, by connector and resource type."""
    with all_connectors() as connectors:
        return {
            (name, type_): collection.mapping
            for name, connector in connectors.items()
            if only in (None, name)
            for type_, collection in connector.collections.items()
        }


def of_targets(targets: dict[str, Target]) -> dict[tuple[str, str], Mapping]:
    """Return the mappings of configured targets, by target and resource type."""
    return {
        (name, type_): collection.mapping
        for name, target in targets.items()
        for type_, collection in target.connector.collections.items()
    }


def rows(mappings: dict[tuple[str, str], Mapping]) -> list[dict[str, Any]]:
    """Return one row for each attribute of each mapping."""
    return [
        {"target": target, "type": type_, **_row(row, _shorts(mapping))}
        for (target, type_), mapping in mappings.items()
        for row in mapping.rows
    ]


def _shorts(mapping: Mapping) -> dict[str, str]:
    """Return the short paths of the type's attributes by the standard ones."""
    shorts = SHORT_PATHS.get(mapping.full.name, {})
    return {str(parse_path(standard, mapping.full)): short for short, standard in shorts.items()}


def as_text(rows: list[dict[str, Any]]) -> str:
    """Return the matrix as a table in Markdown, one for each target and type."""
    lines: list[str] = []
    title = None
    for row in rows:
        if (row["target"], row["type"]) != title:
            title = (row["target"], row["type"])
            lines += ["", f"**{row['target']}: {row['type']}**", ""]
            lines += [f"| {' | '.join(_COLUMNS)} |", "|" + " --- |" * len(_COLUMNS)]
        cells = (_cell(row[column]) for column in _COLUMNS)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines[1:])


def summary(connectors: dict[str, Connector]) -> str:
    """Return what each connector does with each type of resource, as a table in Markdown."""
    lines = [f"| {' | '.join(_SUMMARY)} |", "|" + " --- |" * len(_SUMMARY)]
    for target, connector in connectors.items():
        for collection in connector.collections.values():
            rows = collection.mapping.rows
            does = ("read", *(verb for name, verb in _DOES.items() if collection.offers(name)))
            cells = (
                *(target, collection.mapping.full.endpoint, " ".join(does), str(len(rows))),
                *(_pushed(rows, key=True), _pushed(rows, key=False)),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


_DOES = {"create": "create", "update": "change", "delete": "delete"}


def _pushed(rows: Iterable[Row], *, key: bool) -> str:
    found = (_name(row) for row in rows if any(p.key == key for p in row.field.push.values()))
    return ", ".join(dict.fromkeys(found)) or "-"


def _name(row: Row) -> str:
    """Return an attribute in a word or two: without its URN and what stands in brackets."""
    path = row.path
    return f"{path.name}.{path.sub}" if path.sub else path.name


def _row(row: Row, shorts: dict[str, str]) -> dict[str, Any]:
    field = row.field
    return {
        "attribute": _short(str(row.path)),
        "short": shorts.get(str(row.path), ""),
        "native": _short(field.native),
        "read": field.readable,
        "create": field.at_create,
        "modify": field.modifiable,
        "delete": field.modifiable and field.empty is not None and not field.required,
        "required": field.required or row.path.attribute.required,
        "filters": " ".join(field.push) or "here",
    }


def _short(path: str) -> str:
    """Shorten the URNs of extensions to their names."""
    marker = ":schemas:extension:"
    if marker not in path:
        return path
    name, _, rest = path.partition(marker)[2].partition(":2.0:")
    return f"{name}:{rest}"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "-"
    text = str(value)
    if not text:
        return "-"
    return f"`{text}`" if ":" in text or "[" in text or "." in text else text
