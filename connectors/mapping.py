"""What one LMS holds of one resource type: a table with one row per attribute."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from connectors.fields import Field, Impossible, Push, Row, read_only, same
from connectors.narrowing import narrowed
from connectors.places import drop, is_in_slot, place, value_at
from schemas.attributes import ResourceType
from schemas.changes import Change
from schemas.errors import invalid_value, mutability
from schemas.filters import And, Compare, Filter, parse_path
from schemas.paths import Path

__all__ = [
    "Field",
    "Impossible",
    "Mapping",
    "Native",
    "Push",
    "Resource",
    "Row",
    "read_only",
    "same",
]

Resource = dict[str, Any]
Native = dict[str, Any]
Follow = Callable[[Resource, Resource, Resource], Resource]


def nothing_follows(before: Resource, after: Resource, said: Resource) -> Resource:
    """Return what a client wants as it is: the rule where no value is made of others."""
    return after


class Mapping:
    """The Fields of one resource type in one LMS, and all that follows from them.

    `resource_type` is what the target declares: the full type narrowed to its fields. `walk` says
    in words what reading everything costs. `costly` names what needs calls of its own, such as
    `members` or `members.display`, and tells whether it is read only when asked for by name;
    `whole` are those costly ones that a resource shows by itself, `kept` those that can be
    written, `beside` those of both that are no lists: they are read for every change. `switch` is
    how a resource is kept but made unusable, where the LMS holds that. `later` are the attributes
    that an LMS may take only by a second call, after the one that creates. `follow` returns what is
    wanted with what follows from it, such as a full name made of given and family name; it is given
    the resource as it was ({} for a new one), as it shall be, and what the client has said of it.

        USERS = Mapping(
            USER,
            Field("userName", "username", push={"eq": Push("get_by", "username", key=True)}),
            Field('emails[type eq "work"].value', "email", required=True),
            Field("active", "suspended", read=negate, write=negate),
        )
    """

    def __init__(
        self,
        full: ResourceType,
        *fields: Field,
        walk: str = "reads everything",
        follow: Follow = nothing_follows,
    ) -> None:
        self.full = full
        self.fields = fields
        self.walk = walk
        self.follow = follow
        self.rows = tuple(_row(full, field) for field in fields)
        self.resource_type = narrowed(full, self.rows)
        self.costly = _costly(self.rows)
        self.whole = frozenset(name for name, asked in self.costly.items() if not asked)
        held = full.switch is not None and self.resource_type.find(full.switch.name)
        self.switch = full.switch if held else None
        costly = (row for row in self.rows if row.field.costly and row.field.writable)
        self.kept = frozenset(row.path.name for row in costly)
        lists = {row.path.name for row in self.rows if row.is_apart}
        self.beside = (self.kept & self.whole) - lists
        second = (row for row in self.rows if row.field.modifiable and not row.field.at_create)
        self.later = frozenset(
            {*self.kept, *(row.path.name for row in second)}
            | ({self.switch.name} if self.switch else set())
        )
        self._by_path = {str(row.path): row for row in self.rows}
        self._groups: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            self._groups.setdefault((row.path.urn, row.path.name), []).append(row)
        self._read = [
            (
                row.field.native,
                row.field.read,
                row.path.name if not row.path.urn and row.path.sub is None else "",
                row.path,
                row.constants,
                self._is_only_slot(row),
            )
            for row in self.rows
            if row.field.readable and not row.is_apart
        ]

    def with_fields(self, fields: Iterable[Field]) -> Mapping:
        """Return the mapping with other rows."""
        return Mapping(self.full, *fields, walk=self.walk, follow=self.follow)

    def patched(self, before: Resource, after: Resource) -> Resource:
        """Return what a PATCH leads to, with what follows; what is as before was not said."""
        said = deepcopy(after)
        for row in self.rows:
            if row.field.filled and value_at(after, row) == value_at(before, row):
                drop(said, row)
        return self.follow(before, after, said)

    def replaced(
        self, before: Resource, said: Resource, kept: Container[str] = frozenset()
    ) -> Resource:
        """Return what a PUT leads to, with what follows, and with what the LMS filled by itself.

        Attributes whose names are `kept` stay as they are where they are left out.
        """
        after = deepcopy(said)
        for row in self.rows:
            stays = row.field.filled or row.path.name in kept
            value = value_at(before, row) if stays else None
            if value is not None and value_at(after, row) is None:
                place(after, row.path, row.constants, self._is_only_slot(row), value)
        return self.follow(before, after, said)

    def with_defaults(self, resource: Resource) -> Resource:
        """Return a new resource with the target's defaults, and with what follows from it."""
        for row in self.rows:
            default = row.field.default
            if default is not None and value_at(resource, row) is None:
                place(resource, row.path, row.constants, self._is_only_slot(row), default)
        return self.follow({}, resource, resource)

    def refuse_removal(self, before: Resource, after: Resource) -> None:
        """Raise 400 mutability when `after` lacks what the LMS always has, such as `active`."""
        for row in self.rows:
            fixed = row.field.writable and row.field.empty is None and not row.field.required
            if fixed and value_at(before, row) is not None and value_at(after, row) is None:
                raise mutability(f"{row.path} cannot be removed.")

    def row(self, path: Path) -> Row | None:
        """Return the row of exactly that path, or None."""
        return self._by_path.get(str(path))

    def rows_of(self, path: Path) -> list[Row]:
        """Return the rows of the attribute that the path is in."""
        return self._groups.get((path.urn, path.name), [])

    def to_scim(self, native: Native) -> Resource:
        """Return the SCIM resource of a flat native record, without schemas and meta."""
        resource: Resource = {}
        for name, read, plain, path, constants, only in self._read:
            value = native.get(name)
            if value is None or value == "":
                continue
            if read is not same and ((value := read(value)) is None or value == ""):
                continue
            if plain:
                resource[plain] = value
            else:
                place(resource, path, constants, only, value)
        return resource

    def carry_over(self, before: Resource, after: Resource) -> Resource:
        """Return `after` with what a client cannot write, or cannot clear and left out."""
        carried: Resource = {**after, "id": before["id"]}
        if "meta" in before:
            carried["meta"] = before["meta"]
        for row in self.rows:
            field = row.field
            keeps = not field.writable or (field.empty is None and not field.required)
            if keeps and value_at(carried, row) is None:
                value = value_at(before, row)
                if value is not None:
                    place(carried, row.path, row.constants, self._is_only_slot(row), value)
        return carried

    def to_native(self, resource: Resource) -> Native:
        """Return the native values of a new resource, defaults included."""
        native: Native = {}
        for row in self.rows:
            if not row.field.at_create or row.is_apart:
                continue
            value = value_at(resource, row)
            if value is not None:
                native[row.field.native] = _written(row, value)
        return native

    def to_native_changes(self, changes: Iterable[Change]) -> Native:
        """Return the native values of changes; costly lists are the connector's own.

        Raises 400 mutability where the LMS cannot change or clear the field.
        """
        native: Native = {}
        for change in changes:
            row = self.row(change.path)
            if row is None or row.is_apart:
                continue
            if not row.field.modifiable:
                raise mutability(f"{row.path} cannot be changed in this LMS.")
            if change.new is None:
                if row.field.empty is None:
                    raise mutability(f"{row.path} cannot be removed.")
                native[row.field.native] = row.field.empty
            else:
                native[row.field.native] = _written(row, change.new)
        return native

    def as_read(self, resource: Resource) -> Resource:
        """Return a written resource as the LMS will show it: without what cannot be read.

        Of what is read for every change it is known that there is nothing, where there is nothing.
        """
        for row in self.rows:
            if not row.field.readable:
                drop(resource, row)
        return dict.fromkeys(self.beside) | resource

    def native_name(self, path: Path) -> str | None:
        """Return the native field that a change at the path ends up in, for the audit log."""
        row = self.row(path) or next(iter(self.rows_of(path)), None)
        return row.field.native if row else None

    def fit(self, resource: Resource) -> tuple[Resource, list[str]]:
        """Return what the LMS can hold of a resource, and the paths of what it cannot.

        Where it holds one value of a list (one e-mail address), a value without type takes the
        place; where it demands one, so does the primary or first of any type.
        """
        fitted: Resource = {}
        ignored: list[str] = []
        for urn, holder in _holders(self.full, resource):
            for name, value in holder.items():
                rows = [row for row in self._groups.get((urn, name), []) if row.field.writable]
                shown = f"{urn}:{name}" if urn else name
                if not rows:
                    ignored.append(shown)
                    continue
                kept = self._fit_attribute(rows, value, shown, ignored)
                if kept is not None:
                    (fitted.setdefault(urn, {}) if urn else fitted)[name] = kept
        return fitted, ignored

    def _fit_attribute(self, rows: list[Row], value: Any, shown: str, ignored: list[str]) -> Any:
        if rows[0].path.sub is None:
            return rows[0].field.settle(value)
        if not rows[0].path.attribute.multi_valued:
            return _fit_subs(rows, value, shown, ignored)
        items = list(value)
        slots: dict[str, list[Row]] = {}
        for row in rows:
            slots.setdefault(str(row.path.where), []).append(row)
        fitted = []
        for where, slot in slots.items():
            chosen = _choose(items, slot, only=len(slots) == 1)
            if chosen is None:
                continue
            items = [item for item in items if item is not chosen]
            held = {k: v for k, v in chosen.items() if k not in ("type", "primary", "display")}
            if len(slots) == 1 and chosen.get("primary") is False:
                ignored.append(f"{shown}.primary")
            subs = _fit_subs(slot, held, f"{shown}[{where}]", ignored)
            if subs is not None:
                only = {"primary": True} if len(slots) == 1 else {}
                fitted.append({**subs, **slot[0].constants, **only})
        ignored.extend(f"{shown}[{_described(item)}]" for item in items)
        return fitted

    def _is_only_slot(self, row: Row) -> bool:
        group = self._groups[(row.path.urn, row.path.name)]
        return len({str(other.path.where) for other in group}) == 1


def _costly(rows: Iterable[Row]) -> dict[str, bool]:
    costly: dict[str, bool] = {}
    for row in rows:
        if row.field.costly:
            costly[row.path.name] = row.field.returned == "request"
            asked = (sub for sub in row.path.attribute.sub_attributes if sub.returned == "request")
            costly |= {f"{row.path.name}.{sub.name}": True for sub in asked}
    return costly


def _row(full: ResourceType, field: Field) -> Row:
    path = parse_path(field.path, full)
    return Row(field, path, _constants(path.where))


def _constants(where: Filter | None) -> dict[str, Any]:
    terms: Sequence[Filter] = where.terms if isinstance(where, And) else (where,) if where else ()
    return {term.path.name: term.value for term in terms if isinstance(term, Compare)}


def _written(row: Row, value: Any) -> Any:
    try:
        return row.field.write(value)
    except ValueError as problem:
        raise invalid_value(f"{row.path}: {problem}.") from None


def _holders(full: ResourceType, resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
    extensions = {extension.urn for extension in full.extensions}
    yield "", {k: v for k, v in resource.items() if k not in extensions | {"id", "meta", "schemas"}}
    for urn in extensions:
        if resource.get(urn):
            yield urn, resource[urn]


def _fit_subs(rows: list[Row], value: Any, shown: str, ignored: list[str]) -> Any:
    settle = {row.path.sub: row.field.settle for row in rows}
    ignored.extend(f"{shown}.{name}" for name in value if name not in settle and name != "$ref")
    return {name: settle[name](item) for name, item in value.items() if name in settle} or None


def _choose(items: list[dict[str, Any]], slot: list[Row], *, only: bool) -> dict[str, Any] | None:
    constants = slot[0].constants
    for item in items:
        if is_in_slot(item, constants):
            return item
    if not only:
        return None
    demanded = any(row.field.required for row in slot)
    free = [item for item in items if demanded or "type" not in item]
    return next((item for item in free if item.get("primary")), free[0] if free else None)


def _described(item: Any) -> str:
    kind = item.get("type") if isinstance(item, dict) else None
    return f'type eq "{kind}"' if kind else "no type"
