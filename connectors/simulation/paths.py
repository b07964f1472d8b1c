"""Paths as clients have sent them, in whichever of their forms a server passes them on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Request

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class PathMender:
    """A WSGI application before another one, for clients in this process.

    Such a client may pass the path as plain text instead of UTF-8 in Latin-1's clothes.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        try:
            path.encode("latin-1").decode()
        except UnicodeError:
            environ["PATH_INFO"] = path.encode().decode("latin-1")
        return self.application(environ, start_response)


def raw_path(sent: Request, prefix: str) -> str:
    """Return the path as it was sent, "" where the server does not tell it."""
    raw = str(sent.environ.get("RAW_URI") or sent.environ.get("REQUEST_URI") or "")
    return raw.partition("?")[0] if raw.startswith(prefix) else ""


def sent_path(sent: Request, prefix: str) -> str:
    """Return the path as it was sent where the server tells it, or encoded anew."""
    return raw_path(sent, prefix) or quote(sent.path, safe="/:@!$&'()*+,;=~")
