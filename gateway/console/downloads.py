"""What a page shows as a file: for programs, for spreadsheets, and sealed, with its proofs."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, BinaryIO, TextIO

from flask import Blueprint, Response, g, request, send_file

from gateway.audit_events import visible_to
from gateway.console.events import stored_event
from gateway.console.recording import record
from gateway.console.selection import selection_of
from gateway.console.services import ConsoleServices
from gateway.console.timeline import record_use, subject_of
from gateway.database import now
from gateway.exports import write_csv, write_jsonl
from gateway.ledger.events import Stored
from schemas.errors import ScimError
from schemas.filters import Filter, all_of

_LINES = "application/jsonl"
_FORMATS: dict[str, tuple[str, str]] = {
    "jsonl": ("jsonl", _LINES),
    "csv": ("csv", "text/csv"),
    "sealed": ("sealed.jsonl", _LINES),
}
"""The end of a file's name and its media type, by format."""


def add_routes(console: Blueprint, services: ConsoleServices) -> None:
    """Add the downloads of the timeline, of the list of events and of a proof to the console."""
    labels = {name: services.label(name) for name in services.targets}
    writers: dict[str, Callable[[Iterable[dict[str, Any]], TextIO], None]] = {
        "jsonl": write_jsonl,
        "csv": partial(write_csv, labels=labels),
    }

    @console.get("/timeline/download")
    def download_timeline() -> Response:
        form = _form()
        subject = subject_of(services.audit, request.args, g.token)
        if subject is None:
            raise ScimError(400, "Say whose timeline: give login, or target and id.")
        terms = selection_of(request.args).terms()
        record_use(services, "export", subject, all_of(*terms))
        return exported(form, all_of(subject.filter, visible_to(g.token), *terms), "timeline")

    @console.get("/events/download")
    def download_events() -> Response:
        form = _form()
        terms = selection_of(request.args, with_filter=True).terms()
        record(services, "export", filter=all_of(*terms))
        return exported(form, all_of(visible_to(g.token), *terms), "events")

    @console.get("/events/<int:sequence>/proof")
    def download_proof(sequence: int) -> Response:
        found = stored_event(services, sequence, g.token)
        record(services, "export", resource_id=str(sequence), login=found.value("login"))
        if services.prover.of(sequence).size is None:
            raise _not_signed("This event is")
        return _sent(partial(sealed, [found]), _LINES, f"matricula-event-{sequence}.jsonl")

    def exported(form: str, filter: Filter | None, name: str) -> Response:
        end, kind = _FORMATS[form]
        if form == "sealed":
            write: Callable[[BinaryIO], None] = partial(sealed, services.audit.stored(filter))
        else:
            write = partial(_write_text, writers[form], services.audit.stream(filter))
        return _sent(write, kind, f"matricula-{name}-{now():%Y%m%dT%H%M%SZ}.{end}")

    def sealed(events: Iterable[Stored], file: BinaryIO) -> None:
        try:
            file.writelines(services.prover.part(events))
        except LookupError:
            raise _not_signed("Nothing is") from None


def _form() -> str:
    """Return the format that the URL asks for. Raises 400."""
    form = request.args.get("format", "")
    if form not in _FORMATS:
        raise ScimError(400, "The format of a download is jsonl, csv or sealed.")
    return form


def _write_text(
    write: Callable[[Iterable[dict[str, Any]], TextIO], None],
    events: Iterable[dict[str, Any]],
    file: BinaryIO,
) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    write(events, text)
    text.detach()


def _sent(write: Callable[[BinaryIO], None], kind: str, name: str) -> Response:
    """Answer with a file that is whole: written to the end before the first byte is sent."""
    with ExitStack() as opened:
        file = opened.enter_context(tempfile.TemporaryFile())
        write(file)
        file.seek(0)
        # From here on the answer closes it.
        opened.pop_all()
    return send_file(file, kind, as_attachment=True, download_name=name)


def _not_signed(what: str) -> ScimError:
    return ScimError(
        409, f"{what} not below a signed checkpoint yet. That takes about a minute: try again."
    )
