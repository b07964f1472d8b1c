"""PATCH (RFC 7644 section 3.5.2): operations applied to a copy of a resource."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from schemas.attributes import Attribute, ResourceType
from schemas.errors import (
    ScimError,
    invalid_path,
    invalid_syntax,
    invalid_value,
    mutability,
    no_target,
)
from schemas.filters import And, Compare, Filter, parse_path
from schemas.match import comparable, compile_filter
from schemas.messages import Operation, is_void, load_value
from schemas.paths import Path, shown_text

Resource = dict[str, Any]


def apply_patch(
    resource_type: ResourceType,
    resource: Resource,
    operations: list[Operation],
    *,
    strict: bool = False,
) -> tuple[Resource, list[str]]:
    """Return the resource after all operations, and the names that no schema knows.

    The given resource stays as it is, so that a failing operation leaves nothing behind.
    Raises 400 invalidPath, noTarget, mutability, invalidSyntax or invalidValue.
    """
    patched: Resource = _copy(resource)
    unknown: list[str] = []
    for operation in operations:
        if operation.path is None:
            _apply_object(resource_type, patched, operation, strict, unknown)
            continue
        path = parse_path(operation.path, resource_type)
        if _is_read_only(path):
            raise mutability(f"{path} is read-only.")
        if _is_schemas(path):
            # It follows from the attributes in use; some clients send it all the same.
            if strict or operation.op == "remove":
                raise mutability("schemas follows from the attributes in use.")
            continue
        # A short path names an attribute, although it stands for a value path.
        is_short = path.where is not None and "[" not in operation.path
        creates = is_short or (operation.op == "add" and not strict)
        write = _Write(operation.op, path, operation.value, strict, creates, unknown)
        _apply(patched, write)
    return patched, unknown


@dataclass(frozen=True, slots=True)
class _Write:
    """One operation on one path.

    `creates` allows a value path that matches nothing to make the value that it describes.
    """

    op: str
    path: Path
    value: Any
    strict: bool
    creates: bool
    unknown: list[str]

    @property
    def clears(self) -> bool:
        """Tell whether the target becomes unassigned (RFC 7643 section 2.5)."""
        return self.op == "remove" or self.value is None or self.value == ""

    def load(self, attribute: Attribute) -> Any:
        """Return the value in the attribute's names and types, None where it is unassigned."""
        if self.clears:
            return None
        shown = str(self.path)
        return load_value(attribute, self.value, shown, strict=self.strict, unknown=self.unknown)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _is_read_only(path: Path) -> bool:
    return "readOnly" in (path.attribute.mutability, path.leaf.mutability)


def _is_schemas(path: Path) -> bool:
    return (path.urn, path.name) == ("", "schemas")


def _apply_object(
    resource_type: ResourceType,
    resource: Resource,
    operation: Operation,
    strict: bool,
    unknown: list[str],
) -> None:
    """Apply an operation without a path: each key of its value is a path of its own.

    Clients send `id` and `schemas` along, dotted names, URN-qualified ones and value paths; the
    standard knows names of attributes and URNs of extensions.
    """
    if operation.op == "remove":
        raise no_target("remove needs a path.")
    if not isinstance(operation.value, dict):
        raise invalid_value(f"{operation.op} without a path needs an object as value.")
    for key, value in operation.value.items():
        if strict and not (resource_type.find(key) or resource_type.extension(key)):
            raise invalid_path(f"{shown_text(key)} is not the name of an attribute.")
        try:
            path = parse_path(key, resource_type)
        except ScimError:
            unknown.append(key)
            continue
        if _is_schemas(path):
            continue
        if _is_read_only(path):
            if strict:
                raise mutability(f"{path} is read-only.")
            continue
        _apply(resource, _Write(operation.op, path, value, strict, True, unknown))


def _apply(resource: Resource, write: _Write) -> None:
    path = write.path
    if not path.name:
        _apply_extension(resource, write)
        return
    holder = resource.setdefault(path.urn, {}) if path.urn else resource
    if path.attribute.multi_valued:
        _apply_list(holder, write)
    elif path.attribute.type == "complex":
        _apply_complex(holder, write)
    else:
        _assign(holder, path, path.attribute, write.load(path.attribute))
    if path.urn and not holder:
        del resource[path.urn]


def _apply_extension(resource: Resource, write: _Write) -> None:
    urn, extension = write.path.urn, write.path.attribute
    value = write.value
    if write.clears:
        kept = ("readOnly",) if write.strict else ("readOnly", "immutable")
        value = {a.name: None for a in extension.sub_attributes if a.mutability not in kept}
    if not isinstance(value, dict):
        raise invalid_value(f"{urn} must be an object.")
    for key, item in value.items():
        attribute = extension.sub(key)
        if attribute is None:
            if write.strict:
                raise invalid_path(f"{shown_text(key)} is not an attribute of {urn}.")
            write.unknown.append(f"{urn}:{key}")
        elif attribute.mutability != "readOnly":
            path = Path(urn, attribute.name, attribute=attribute)
            op = "replace" if write.clears else write.op
            _apply(resource, replace(write, op=op, path=path, value=item))
        elif write.strict:
            raise mutability(f"{urn}:{attribute.name} is read-only.")


def _apply_complex(holder: Resource, write: _Write) -> None:
    path = write.path
    held: Resource = holder.setdefault(path.name, {})
    if path.sub:
        _assign(held, path, path.leaf, write.load(path.leaf))
    elif write.clears:
        held.clear()
    else:
        _merge(held, write, write.load(path.attribute) or {})
    if not _writable(held, path.attribute):
        del holder[path.name]


def _writable(held: Resource, attribute: Attribute) -> bool:
    """Tell whether anything is left that a client may write: the rest is derived from it."""
    return any(sub.name in held for sub in attribute.sub_attributes if sub.mutability != "readOnly")


def _assign(holder: Resource, path: Path, attribute: Attribute, value: Any) -> None:
    before = holder.get(attribute.name)
    if attribute.mutability == "immutable" and before is not None and before != value:
        raise mutability(f"{path} is immutable.")
    if value is None:
        holder.pop(attribute.name, None)
    else:
        holder[attribute.name] = value


def _merge(held: Resource, write: _Write, loaded: Resource) -> None:
    """Take over the given sub-attributes, keep the others; one given as null or "" is removed."""
    named = write.value if isinstance(write.value, dict) else loaded
    for key, written in named.items():
        sub = write.path.attribute.sub(key)
        if sub is None or sub.mutability == "readOnly":
            continue
        if sub.name == "$ref" and sub.name in held:
            continue
        if sub.name in loaded or written is None or written == "":
            at = replace(write.path, sub=sub.name, sub_attribute=sub)
            _assign(held, at, sub, loaded.get(sub.name))


def _apply_list(holder: Resource, write: _Write) -> None:
    path, attribute = write.path, write.path.attribute
    items: list[Any] = list(holder.get(path.name) or [])
    if path.where is not None:
        items = _apply_matches(items, path.where, write)
    elif path.sub:
        items = _apply_each(items, write)
    elif write.op == "add":
        items = _with(attribute, items, write.load(attribute) or [])
    elif write.op == "replace":
        items = write.load(attribute) or []
        _keep_one_primary(items, items)
    elif write.value is None:
        items = []
    else:
        if write.strict:
            raise invalid_syntax("remove takes no value: select the values by a filter.")
        gone = load_value(attribute, write.value, str(path), unknown=write.unknown) or []
        items = _without(attribute, items, gone)
    if items:
        holder[path.name] = items
    else:
        holder.pop(path.name, None)


def _key(attribute: Attribute, item: Any) -> Any:
    """Return that by which equal values of a list are found: their `value`, compared by type."""
    if not isinstance(item, dict):
        return comparable(attribute, item)
    value = attribute.sub("value")
    return comparable(value, item["value"]) if value and "value" in item else None


def _names(attribute: Attribute, named: Any, held: Any) -> bool:
    """Tell whether a client that sends `named` means the value `held`, which has the same key.

    A value is known by `value` and `type` (RFC 7643 section 2.4); a `type` that one of the two
    leaves out does not tell them apart. Without `value`, everything that is said must agree.
    """
    if not isinstance(named, dict) or (attribute.keyed and "value" in named):
        return True
    said = {"type"} if "value" in named else named.keys() - {"primary", "$ref", "display"}
    for sub in attribute.sub_attributes:
        wanted, actual = named.get(sub.name), held.get(sub.name)
        if sub.name not in said or wanted is None:
            continue
        if actual is None and "value" in named:
            continue
        if actual is None or comparable(sub, wanted) != comparable(sub, actual):
            return False
    return True


def _indexed(attribute: Attribute, items: list[Any]) -> dict[Any, list[Any]]:
    index: dict[Any, list[Any]] = {}
    for item in items:
        index.setdefault(_key(attribute, item), []).append(item)
    return index


def _with(attribute: Attribute, items: list[Any], added: list[Any]) -> list[Any]:
    """Append what is not there yet; what is there takes over what else is said of it."""
    index = _indexed(attribute, items)
    touched: list[Any] = []
    for item in added:
        same = index.setdefault(_key(attribute, item), [])
        held = next((held for held in same if _names(attribute, item, held)), None)
        if held is None:
            same.append(item)
            items.append(item)
            touched.append(item)
        elif isinstance(held, dict):
            for name, said in item.items():
                is_default = name == "primary" and said is False and name not in held
                if name not in ("value", "$ref") and not is_default:
                    held[name] = said
            if item.get("primary") is True:
                touched.append(held)
    _keep_one_primary(items, touched)
    return items


def _without(attribute: Attribute, items: list[Any], gone: list[Any]) -> list[Any]:
    index = _indexed(attribute, gone)
    return [
        item
        for item in items
        if not any(_names(attribute, named, item) for named in index.get(_key(attribute, item), ()))
    ]


def _keep_one_primary(items: list[Any], touched: list[Any]) -> None:
    """Let a new primary value take the place of the old one (RFC 7644 section 3.5.2)."""
    primary = [item for item in touched if isinstance(item, dict) and item.get("primary") is True]
    if not primary:
        return
    if any(item is not primary[0] for item in primary):
        raise invalid_value("At most one value can be primary.")
    for item in items:
        if item is not primary[0] and item.get("primary") is True:
            item["primary"] = False


def _apply_matches(items: list[Any], where: Filter, write: _Write) -> list[Any]:
    path, attribute = write.path, write.path.attribute
    wanted = compile_filter(where)
    places = [
        place
        for place, item in enumerate(items)
        if wanted(item if isinstance(item, dict) else {"value": item})
    ]
    if not places:
        if write.op == "remove" and not write.strict:
            return items
        if not write.creates or (stated := _stated(where, write)) is None:
            raise no_target(f"{path} matches no value.")
        places = [len(items)]
        items.append(stated)
    dropped: set[int] = set()
    if write.clears and not path.sub:
        dropped.update(places)
    elif attribute.type != "complex":
        loaded = write.load(_single(attribute))
        items = [loaded if place in places else item for place, item in enumerate(items)]
    else:
        matches = [items[place] for place in places]
        if path.sub:
            loaded = write.load(path.leaf)
            for match in matches:
                _assign(match, path, path.leaf, loaded)
        else:
            one = replace(write, value=_only(write))
            loaded = one.load(_single(attribute)) or {}
            for match in matches:
                _merge(match, one, loaded)
        if path.sub in (None, "primary"):
            _keep_one_primary(items, matches)
        dropped.update(place for place in places if is_void(items[place]))
    return [item for place, item in enumerate(items) if place not in dropped]


def _only(write: _Write) -> Any:
    """Return the value for one value of a list; some clients wrap it into a list."""
    value = write.value
    is_wrapped = isinstance(value, list) and len(value) == 1 and not write.strict
    return value[0] if is_wrapped else value


def _stated(where: Filter, write: _Write) -> Any:
    """Return the value that an equality filter describes, or None: `type eq "work"`."""
    attribute = write.path.attribute
    stated: dict[str, Any] = {}
    for term in where.terms if isinstance(where, And) else (where,):
        if not isinstance(term, Compare) or term.op != "eq":
            return None
        if stated.setdefault(term.path.name, term.value) != term.value:
            return None
    if attribute.type != "complex":
        return stated["value"]
    return load_value(_single(attribute), stated, str(write.path))


def _apply_each(items: list[Any], write: _Write) -> list[Any]:
    """Apply to a sub-attribute of every value: `emails.type`."""
    path = write.path
    value = write.load(path.leaf)
    if not items and write.op != "remove" and value is not None:
        if is_void({path.sub: value}):
            raise no_target(f"{path} needs a value that it belongs to.")
        return [{path.sub: value}]
    for item in items:
        _assign(item, path, path.leaf, value)
    if path.sub == "primary":
        _keep_one_primary(items, items)
    return [item for item in items if value is not None or not is_void(item)]


@lru_cache(maxsize=1024)
def _single(attribute: Attribute) -> Attribute:
    """Return the attribute as one value of its list."""
    return replace(attribute, multi_valued=False)
