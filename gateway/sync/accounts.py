"""Accounts of a sync: those that have some keys, looked up, or out of all that were read."""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Iterable, Iterator, Sequence

import orjson

from connectors.base import Collection
from connectors.mapping import Resource
from gateway.reading import Reader
from gateway.sync.matching import Key, keys_of, look_up
from gateway.targets import Target
from schemas.paths import Path


class Accounts:
    """The accounts of a target by the paths in `match`, and by login where that is another key.

    What was deleted through SCIM is none of them. All that are held are kept as JSON: that takes
    a fraction of the memory.
    """

    def __init__(
        self, target: Target, collection: Collection, reader: Reader, match: tuple[Path, ...]
    ) -> None:
        self._target = target
        self._collection = collection
        self._reader = reader
        self._match = match
        self.login = _login(collection, match)
        self._held: dict[str, bytes] | None = None
        self._index: dict[tuple[Path, ...], dict[Key, list[str]]] = {match: {}, self.login: {}}

    def hold(self, batches: Iterable[Sequence[Resource]]) -> int:
        """Keep these accounts, which are all that matter; return how many they are."""
        self._held = {}
        for batch in batches:
            for resource in batch:
                self._held[resource["id"]] = orjson.dumps(resource)
                for paths, index in self._index.items():
                    for key in keys_of(paths, resource) if paths else ():
                        index.setdefault(key, []).append(resource["id"])
        return len(self._held)

    def found(self, keys: Sequence[Key], paths: tuple[Path, ...]) -> dict[Key, list[Resource]]:
        """Return the accounts by those keys that they have at the paths: `match` or `login`."""
        found: dict[Key, list[Resource]] = {}
        if self._held is not None:
            index = self._index[paths]
            found = {key: list(self.opened(index.get(key, ()))) for key in keys}
        elif keys:
            accounts = look_up(self._collection, paths[0], [key[0] for key in keys])
            for account in {account["id"]: account for account in accounts}.values():
                for key in keys_of(paths, account):
                    found.setdefault(key, []).append(account)
        return {key: [a for a in found.get(key, ()) if self._is_there(a)] for key in keys}

    def ids(self, key: Key) -> Sequence[str]:
        """Return the ids of the held accounts that have a key."""
        return self._index[self._match].get(key, ())

    def others(self, known: Some[str]) -> Iterator[str]:
        """Yield the ids of the held accounts that have a key, but for those that are known."""
        matched = {id for ids in self._index[self._match].values() for id in ids}
        return (id for id in self._held or () if id in matched and id not in known)

    def opened(self, ids: Iterable[str]) -> Iterator[Resource]:
        """Yield held accounts by their ids."""
        held = self._held or {}
        return (account for id in ids if self._is_there(account := orjson.loads(held[id])))

    def _is_there(self, account: Resource) -> bool:
        return not self._reader.is_deleted(self._target, self._collection, account["id"])


def _login(collection: Collection, match: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the key of the type where accounts are matched by another one; groups have none."""
    full = collection.mapping.full
    if full.name == "Group":
        return ()
    found = tuple(Path("", a.name, attribute=a) for n in full.key if (a := full.find(n)))
    return () if found == match else found
