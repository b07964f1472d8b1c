"""What a page shows as a file: JSON lines for programs, CSV for spreadsheets."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, TextIO

from flask import Blueprint, Response, g, request, send_file

from gateway.console.selection import all_of, selection_of, visible_to
from gateway.console.services import Services
from gateway.console.timeline import subject_of
from gateway.database import now
from gateway.exports import write_csv, write_jsonl
from schemas.errors import ScimError
from schemas.filters import Filter

Write = Callable[[Iterable[dict[str, Any]], TextIO], None]

_FORMATS: dict[str, tuple[Write, str]] = {
    "jsonl": (write_jsonl, "application/jsonl"),
    "csv": (write_csv, "text/csv"),
}


def add_routes(console: Blueprint, services: Services) -> None:
    """Add the downloads of the timeline and of the list of events to the console."""

    @console.get("/timeline/download")
    def download_timeline() -> Response:
        subject = subject_of(services.audit, request.args, g.token)
        if subject is None:
            raise ScimError(400, "Say whose timeline: give login, or target and id.")
        terms = selection_of(request.args).terms()
        return file_of(all_of(subject.filter, *visible_to(g.token), *terms), "timeline")

    @console.get("/events/download")
    def download_events() -> Response:
        terms = selection_of(request.args, with_filter=True).terms()
        return file_of(all_of(*visible_to(g.token), *terms), "events")

    def file_of(filter: Filter | None, name: str) -> Response:
        """Answer with a file that is whole: written to the end before the first byte is sent."""
        format = request.args.get("format", "")
        if format not in _FORMATS:
            raise ScimError(400, "The format of a download is jsonl or csv.")
        write, kind = _FORMATS[format]
        with ExitStack() as opened:
            file = opened.enter_context(tempfile.TemporaryFile())
            text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
            write(services.audit.stream(filter), text)
            text.detach()
            file.seek(0)
            # From here on the answer closes it.
            opened.pop_all()
        written = f"{now():%Y%m%dT%H%M%SZ}"
        return send_file(
            file, kind, as_attachment=True, download_name=f"matricula-{name}-{written}.{format}"
        )
