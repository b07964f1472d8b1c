"""The support matrix: what each target holds of each attribute, out of the mappings."""

from __future__ import annotations

from typing import Any

from connectors.base import Options
from connectors.mapping import Mapping, Row
from gateway.targets import CONNECTORS, Target

_COLUMNS = ("attribute", "native", "read", "create", "modify", "required", "filters")


def of_connectors(only: str | None = None) -> dict[tuple[str, str], Mapping]:
    """Return the mappings of all connectors as they come, by connector and resource type."""
    anything = {"client_id": "-", "client_secret": "-"}
    options = Options(
        name="matrix", url="http://localhost", allow_private_network=True, more=anything
    )
    mappings = {}
    for name, factory in CONNECTORS.items():
        if only in (None, name):
            connector = factory(options)
            for type_, collection in connector.collections.items():
                mappings[name, type_] = collection.mapping
            connector.close()
    return mappings


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
        {"target": target, "type": type_, **_row(row)}
        for (target, type_), mapping in mappings.items()
        for row in mapping.rows
    ]


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


def _row(row: Row) -> dict[str, Any]:
    field = row.field
    return {
        "attribute": _short(str(row.path)),
        "native": _short(field.native),
        "read": field.readable,
        "create": field.at_create,
        "modify": field.modifiable,
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
    return f"`{text}`" if ":" in text or "[" in text or "." in text else text
