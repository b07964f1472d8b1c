"""`/Bulk` (RFC 7644 section 3.7): many operations in one request, each with its own result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from connectors.base import Collection
from gateway.attempts import Caller
from gateway.exchange import answer, read_body
from gateway.reading import Reader
from gateway.rehearsing import Planned
from gateway.targets import Target
from gateway.tasks import Task, run_all
from gateway.versions import Condition
from gateway.writing import Writer
from schemas.bulk import (
    BULK_RESPONSE,
    BulkOperation,
    load_bulk,
    patch_message,
    references,
    resolved,
    without,
)
from schemas.errors import ScimError, invalid_syntax, invalid_value

MAX_OPERATIONS = 1000
MAX_PAYLOAD = 2**20
"""Bytes of the body."""

_SUCCESS = {"POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}

Resource = dict[str, Any]

log = logging.getLogger(__name__)


def add_bulk(
    scim: Blueprint,
    reader: Reader,
    writing: Callable[[], Writer],
    base: Callable[[], str],
    who: Callable[[], Caller],
) -> None:
    """Add `/Bulk` to the blueprint of the targets; `writing` gives what writes for a request."""

    @scim.route("/Bulk", methods=["GET", "PUT", "PATCH", "DELETE"])
    def no_bulk() -> Response:
        raise MethodNotAllowed(["POST"])

    @scim.post("/Bulk")
    def bulk() -> Response:
        request.max_content_length = MAX_PAYLOAD
        target: Target = g.target
        errors, operations = load_bulk(
            read_body(), most=MAX_OPERATIONS, strict=target.settings.strict
        )
        job = _Job(target, reader, writing(), base(), who(), operations)
        # While as many as there are connections call the LMS, others prepare or end.
        limit = 2 * target.settings.options.connections
        run_all([job.task(n) for n in range(len(operations))], limit=limit, errors=errors)
        results = [result for _, result in sorted(job.results.items())]
        return answer({"schemas": [BULK_RESPONSE], "Operations": results})


class _Job:
    """One bulk request at work: the ids of what it has made, and the results by number."""

    def __init__(
        self,
        target: Target,
        reader: Reader,
        writer: Writer,
        base: str,
        caller: Caller,
        operations: list[BulkOperation],
    ) -> None:
        self.results: dict[int, dict[str, Any]] = {}
        self._target = target
        self._reader = reader
        self._writer = writer.reading_ahead(target, self._places(operations))
        self._base = base
        self._caller = caller
        self._operations = operations
        self._made: dict[str, str] = {}
        self._makers = {
            operation.bulk_id: number
            for number, operation in enumerate(operations)
            if operation.method == "POST" and operation.bulk_id is not None
        }
        self._last: dict[str, int] = {}

    def task(self, number: int) -> Task:
        """Return the task of an operation; ask in the order of the request.

        It follows those that make what it refers to, and the one before it on the same resource.
        """
        operation = self._operations[number]
        after = {self._makers[name] for name in operation.references & self._makers.keys()}
        if operation.id:
            place = f"{operation.endpoint.lower()}/{operation.id}"
            if place in self._last:
                after.add(self._last[place])
            self._last[place] = number
        return Task(number, frozenset(after), lambda unmade: self._run(number, unmade))

    def _places(self, operations: list[BulkOperation]) -> Iterator[tuple[Collection, str]]:
        """Yield what the operations are going to change and is there before them."""
        for operation in operations:
            if operation.id and operation.method != "POST" and not any(references(operation.id)):
                with suppress(ScimError):
                    yield self._target.collection(operation.endpoint), operation.id

    def _run(self, number: int, unmade: frozenset[int]) -> tuple[bool, Task | None]:
        """Carry out an operation and keep its result."""
        operation = self._operations[number]
        result: dict[str, Any] = {"method": operation.method}
        if operation.bulk_id is not None:
            result["bulkId"] = operation.bulk_id
        later: Task | None = None
        try:
            collection = self._collection(operation)
            if operation.method == "POST":
                later = self._create(number, collection, operation, unmade, result)
            else:
                self._change(collection, operation, result)
            result["status"] = str(_SUCCESS[operation.method])
        except Planned as planned:
            if operation.method == "POST":
                # What refers to it is planned, too.
                self._made[str(operation.bulk_id)] = f"bulkId:{operation.bulk_id}"
            self.results[number] = {**result, "status": "200", "response": planned.plan}
            return True, None
        except Exception as problem:
            result = _failed(result, problem)
        self.results[number] = _failed(result, _STOPPED) if later else result
        return "response" not in result, later

    def _collection(self, operation: BulkOperation) -> Collection:
        if operation.method not in _SUCCESS:
            raise invalid_value("method must be POST, PUT, PATCH or DELETE.")
        if not operation.path:
            raise invalid_syntax("An operation needs a path.")
        collection: Collection = self._target.collection(operation.endpoint)
        if (operation.method == "POST") == bool(operation.id) or "/" in operation.id:
            needed = "an endpoint" if operation.method == "POST" else "a resource"
            raise invalid_value(f"{operation.method} needs the path of {needed}.")
        return collection

    def _create(
        self,
        number: int,
        collection: Collection,
        operation: BulkOperation,
        unmade: frozenset[int],
        result: dict[str, Any],
    ) -> Task | None:
        """Create a resource; return what sets later what cannot be referred to yet."""
        if operation.bulk_id is None:
            raise invalid_syntax("POST needs a bulkId.")
        data, rest = operation.data, None
        names = frozenset(name for name, maker in self._makers.items() if maker in unmade)
        if names and isinstance(data, dict):
            data, rest = without(data, names)
        made = self._writer.create(
            self._target, collection, self._caller, lambda: self._resolved(data)
        )
        self._made[operation.bulk_id] = made["id"]
        self._tell(collection, made["id"], made, result)
        if rest is None:
            return None
        path = f"/{operation.endpoint}/{made['id']}"
        setting = BulkOperation("PATCH", path, operation.bulk_id, rest)

        def complete(_: frozenset[int]) -> tuple[bool, Task | None]:
            try:
                self._change(collection, setting, result)
                self.results[number] = result
            except Exception as problem:
                self.results[number] = _failed(result, problem)
            return "response" not in self.results[number], None

        return Task(number, unmade - {number}, complete)

    def _change(
        self, collection: Collection, operation: BulkOperation, result: dict[str, Any]
    ) -> None:
        self._refuse_unmade(references(operation.id))
        id = resolved(operation.id, self._made)
        self._tell(collection, id, None, result)
        condition = Condition((operation.version,) if operation.version else None)
        who = (self._target, collection, self._caller, id)
        if operation.method == "DELETE":
            self._writer.delete(*who, condition=condition)
            return
        data = operation.data
        if operation.method == "PUT":
            made = self._writer.replace(*who, lambda: self._resolved(data), condition)
        else:
            message = patch_message(data)
            made = self._writer.patch(*who, lambda: self._resolved(message), condition=condition)
        self._tell(collection, id, made, result)

    def _tell(
        self, collection: Collection, id: str, made: Resource | None, result: dict[str, Any]
    ) -> None:
        """Note the place of a resource, and its version where that costs no further LMS call."""
        result["location"] = f"{self._base}/{collection.mapping.full.endpoint}/{id}"
        if made and (version := self._reader.version(self._target, collection, made)):
            result["version"] = version

    def _resolved(self, data: Any) -> Any:
        """Return the data with ids in place of references; read within the write's record."""
        self._refuse_unmade(references(data))
        return resolved(data, self._made)

    def _refuse_unmade(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._makers:
                raise invalid_value(f"No operation has the bulkId {name[:80]!r}.")
            if name not in self._made:
                raise ScimError(409, f"What bulkId {name[:80]!r} stands for was not made.")


_STOPPED = ScimError(409, "Stopped before everything could be set that refers to others.")


def _failed(result: dict[str, Any], problem: Exception) -> dict[str, Any]:
    """Return the result of an operation that failed."""
    if isinstance(problem, RecursionError):
        problem = invalid_syntax("The data is nested too deeply.")
    if not isinstance(problem, ScimError):
        log.exception("a bulk operation failed", exc_info=problem)
        problem = ScimError(500, "Internal error; the log has the details.")
    return {**result, "status": str(problem.status), "response": problem.body()}
