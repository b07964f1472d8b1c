"""Syncs in this process, on the services of a whole gateway in front of simulators."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway.attempts import Caller
from gateway.intents import Intent
from gateway.services import Services
from gateway.sync.applying import Applier, Result
from gateway.sync.columns import Columns, path_of
from gateway.sync.deciding import Wish
from gateway.sync.forecast import Meter
from gateway.sync.plan import Head, Line, read_lines
from gateway.sync.planning import Planner
from gateway.sync.source import file_source
from tests.gateway.service import Service

CALLER = Caller("tester", "", "test", "", lambda scope: None, lambda *told: None)


def person(login: str, **more: Any) -> dict[str, Any]:
    """Return the record of somebody, by short paths."""
    names = {"name.given": "Ann", "name.family": "Doe", "contact.email": f"{login}@example.edu"}
    return {"userName": login, **names, **more}


def people(number: int, **more: Any) -> list[dict[str, Any]]:
    """Return the records of p0, p1 and so on."""
    return [person(f"p{i}", **more) for i in range(number)]


@dataclass
class Site:
    """One target of a service, and the files of its syncs."""

    service: Service
    name: str
    number: int = 0

    @property
    def services(self) -> Services:
        services: Services = self.service.app.extensions["matricula"]["services"]
        return services

    @property
    def file(self) -> Path:
        """Return the file of the last plan."""
        return self.service.folder / f"{self.name}-{self.number}.plan"

    def plan(
        self,
        records: Iterable[dict[str, Any]] | str,
        type_: str = "User",
        match: tuple[str, ...] = (),
        mapped: dict[str, Any] | None = None,
        **asked: Any,
    ) -> Head:
        """Make a plan of records, or of the text of a CSV file."""
        self.number += 1
        is_csv = isinstance(records, str)
        path = self.service.folder / f"{self.name}-{self.number}.{'csv' if is_csv else 'jsonl'}"
        if isinstance(records, str):
            path.write_text(records, encoding="utf-8")
        else:
            path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
        target = self.services.targets[self.name]
        collection = target.connector.collections[type_]
        full = collection.mapping.full
        wish = Wish(tuple(path_of(full, text) for text in match or full.key), **asked)
        columns = Columns(full, mapped or {}, {})
        source = file_source(path)
        planner = Planner(self.services, target, collection, source, columns, wish, Meter())
        return planner.write(self.file)

    @property
    def lines(self) -> list[Line]:
        return [line for _, line in read_lines(self.file)]

    def apply(self, plan: Path | None = None) -> Result:
        target = self.services.targets[self.name]
        applier = Applier(self.services, target, plan or self.file, CALLER)
        return applier.run(Intent("", "sync", "Job", actor="tester"))

    def sync(self, records: Iterable[dict[str, Any]] | str, **asked: Any) -> Head:
        """Plan and apply; everything must be done."""
        head = self.plan(records, **asked)
        result = self.apply()
        assert result.exit_code == 0, (result, self.lines[:5])
        return head

    def users(self) -> dict[str, dict[str, Any]]:
        """Return the accounts by login, as the gateway shows them."""
        answer = self.service.client.get(f"/{self.name}/scim/v2/Users?count=1000")
        return {user["userName"].lower(): user for user in answer.json.get("Resources", ())}
