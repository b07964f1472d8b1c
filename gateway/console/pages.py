"""What all pages share: words for what the log says, links to oneself, pages of a list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, g, request, url_for

from gateway.console.lines import Line, lines_of
from gateway.console.selection import EVERYTHING
from gateway.console.services import ConsoleServices
from gateway.database import now
from schemas.errors import ScimError
from schemas.filters import Filter

SIZE = 25
"""How many events one page shows."""


OPERATIONS = {
    "create": "Create",
    "replace": "Replace",
    "patch": "Change",
    "delete": "Delete",
    "enable": "Enable",
    "disable": "Disable",
    "resetPassword": "Reset password",
    "revive": "Revive",
    "authenticate": "Authenticate",
    "connect": "Connect",
    "read": "Read",
    "export": "Export",
    "hold": "Hold",
    "release": "Release",
    "erase": "Erase",
    "createToken": "Create token",
    "revokeToken": "Revoke token",
    "configure": "Configure",
    "start": "Start",
    "stop": "Stop",
    "sync": "Sync",
    "run": "Run job",
    "apply": "Apply plan",
    "retry": "Retry job",
    "pause": "Pause job",
    "resume": "Resume job",
}
OUTCOMES = {
    "open": "Under way",
    "success": "Done",
    "noChange": "No change",
    "planned": "Planned only",
    "refused": "Refused",
    "failed": "Failed",
    "unknown": "Unknown",
}
SEALS = {
    "signed": "Sealed and signed",
    "sealed": "Sealed, not yet signed",
    "pending": "Not sealed yet",
    "broken": "NOT as it was sealed",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the lines of a list; `number` is 1-based."""

    lines: list[Line]
    total: int
    number: int

    @property
    def last(self) -> int:
        """Return the number of the last page."""
        return max(1, -(-self.total // SIZE))

    @property
    def broken(self) -> int:
        """Return how many of the lines are not as they were sealed."""
        return sum(line.seal == "broken" for line in self.lines)


def page_of(services: ConsoleServices, filter: Filter | None) -> Page:
    """Return the page of events that the URL asks for, newest first. Raises 400."""
    number = number_of("page", request.args) or 1
    start = (number - 1) * SIZE + 1
    total, events = services.audit.search(filter, start=start, count=SIZE, descending=True)
    return Page(lines_of(services.audit, services.prover, events), total, number)


def number_of(name: str, given: Mapping[str, str]) -> int | None:
    """Return the number of that name which is given, None where there is none. Raises 400."""
    written = given.get(name, "")
    if not written:
        return None
    if not (written.isascii() and written.isdecimal() and len(written) < 10) or int(written) < 1:
        raise ScimError(400, f"{written[:20]!r} is no {name}: that is a whole number, 1 or more.")
    return int(written)


def add_words(console: Blueprint, services: ConsoleServices) -> None:
    """Give every template the words, the current moment and `here`, a link to the page itself."""

    @console.context_processor
    def words() -> dict[str, Any]:
        return {
            "operations": OPERATIONS,
            "outcomes": OUTCOMES,
            "seals": SEALS,
            "everything": EVERYTHING,
            "here": here,
            "quoted": quoted,
            "now": now(),
            "token": g.get("token"),
            "session": g.get("session"),
        }

    console.add_app_template_filter(moment, "console_moment")
    console.add_app_template_filter(services.label, "console_label")
    console.add_app_template_filter(services.mark, "console_mark")


def here(endpoint: str | None = None, **changed: Any) -> str:
    """Return the URL of this page, or of another one, with the same parameters but the changed."""
    parameters = {**request.args.to_dict(), **changed}
    kept = {name: value for name, value in parameters.items() if value not in (None, "")}
    # Not as url_for takes parameters: some of their names have a meaning of their own there.
    place = url_for(endpoint or request.endpoint or "console.overview")
    return f"{place}?{urlencode(kept)}" if kept else place


def quoted(text: str) -> str:
    """Return a text as filters have it."""
    return json.dumps(text, ensure_ascii=False)


def moment(text: str) -> str:
    """Return a moment of the log, to the second, for people; all moments are in UTC."""
    return text[:19].replace("T", " ")
