"""Replies as Moodle writes them: JSON with escaped slashes, XML, and text filtered for display."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.sax.saxutils import escape

from connectors.moodle.simulator.errors import MoodleError

JSON_TYPE = "application/json"
XML_TYPE = "application/xml; charset=utf-8"

_XML_HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n'
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")
_BARE_LESS_THAN = re.compile(r"<(?![a-zA-Z/!])")
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[a-zA-Z/!][^>]*>")


def write_json(value: object) -> str:
    """Write JSON with `\\uXXXX` and `\\/`."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/")


def write_xml(value: object) -> str:
    """Write a reply as XML; a function without a result leaves the element empty."""
    inner = "" if value is None else _element(value)
    return f"{_XML_HEAD}<RESPONSE>\n{inner}</RESPONSE>\n"


def write_xml_error(error: MoodleError, debug: bool) -> str:
    """Write an error as XML."""
    shown = error.as_object(debug)
    debuginfo = shown.get("debuginfo")
    lines = [
        f'<EXCEPTION class="{escape(error.exception)}">',
        f"<ERRORCODE>{escape(error.errorcode)}</ERRORCODE>",
        f"<MESSAGE>{escape(error.message)}</MESSAGE>",
        *([f"<DEBUGINFO>{escape(debuginfo)}</DEBUGINFO>"] if debuginfo is not None else []),
        "</EXCEPTION>",
    ]
    return _XML_HEAD + "\n".join(lines) + "\n"


def _element(value: Any) -> str:
    match value:
        case dict():
            keys = "".join(
                f'<KEY name="{escape(key)}">{_element(inner)}</KEY>\n'
                for key, inner in value.items()
            )
            return f"<SINGLE>\n{keys}</SINGLE>\n"
        case list():
            return f"<MULTIPLE>\n{''.join(map(_element, value))}</MULTIPLE>\n"
        case None:
            return '<VALUE null="null"/>\n'
        case bool():
            return f"<VALUE>{int(value)}</VALUE>\n"
        case _:
            return f"<VALUE>{escape(str(value))}</VALUE>\n"


def format_line(text: str, raw: bool) -> str:
    """Return a name as shown: without tags and with `&` escaped, unless raw text is asked for."""
    return text if raw else _BARE_AMPERSAND.sub("&amp;", _TAG.sub("", text))


def format_html(text: str, raw: bool) -> str:
    """Return a description as shown: scripts gone, bare `&` and `<` escaped, unless raw."""
    if raw:
        return text
    safe = _BARE_AMPERSAND.sub("&amp;", _SCRIPT.sub("", text))
    return _BARE_LESS_THAN.sub("&lt;", safe)
