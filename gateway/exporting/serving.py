"""Serving: exports over HTTP, complete or not at all."""

from __future__ import annotations

import io
import tempfile
from contextlib import ExitStack, closing
from typing import IO

from flask import Response, request, send_file

from gateway.audit import AuditLog
from gateway.auth import caller
from gateway.exchange import query_of_url
from gateway.exporting.files import Flow
from gateway.exporting.forms import FORMATS, Form, JsonLines, Table, columns_of
from gateway.exporting.journals import Journal
from gateway.exporting.runs import run
from gateway.exporting.sources import Source
from gateway.intents import login_in, names_in
from schemas.errors import ScimError

_IN_MEMORY = 2**20
"""Bytes of an export that are not worth a file."""


def export(source: Source, audit: AuditLog) -> Response:
    """Answer with all that the URL's `filter` finds, its `attributes` in its `format`.

    It is written to the end, a large one on disk, before the first byte is sent: the server cannot
    break a connection in the middle, so a half answer would look like a whole one. Raises 400 for
    an unknown format and for an order, and 503 when the export cannot be recorded.
    """
    name = request.args.get("format", "jsonl")
    mapping = source.collection.mapping
    query = query_of_url(mapping.full)
    form: Form
    if name == "jsonl":
        form = JsonLines({})
    elif name == "csv":
        form = Table(columns_of(mapping, query.projection), {})
    else:
        raise ScimError(400, f"The format of an export is {' or '.join(FORMATS)}.", "invalidValue")
    if query.sort_by is not None:
        raise ScimError(
            400, "An export has the order of the LMS: leave out sortBy.", "invalidValue"
        )
    intent = caller(None).intent(
        source.target.name, "export", mapping.full.name, login=login_in(query.filter)
    )
    audit.record(intent, "success", status=200, detail=names_in(query.filter))
    shown = f"{source.target.name}-{mapping.full.endpoint.lower()}.{name}"
    with ExitStack() as opened:
        file = opened.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))
        with closing(Journal()) as journal:
            run(source, query, form, journal, Flow(file))
        size = file.tell()
        file.seek(0)
        content: IO[bytes] = file
        if size <= _IN_MEMORY:
            content = io.BytesIO(file.read())
        else:
            # From here on the answer closes it.
            opened.pop_all()
    response = send_file(content, FORMATS[name], as_attachment=True, download_name=shown)
    response.content_length = size
    return response
