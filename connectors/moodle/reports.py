"""A custom report of a Moodle site: the only list that tells who has changed since a moment.

An administrator makes it. What it shows is text for people, so only the user names are taken.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

import orjson

from connectors.base import Options
from connectors.mapping import Push
from connectors.moodle.client import MoodleClient, MoodleError
from connectors.planning import Condition, Plan
from connectors.vault import MemoryVault
from schemas.errors import ScimError

LIST = "core_reportbuilder_list_reports"
RETRIEVE = "core_reportbuilder_retrieve_report"
SET_FILTERS = "core_reportbuilder_set_filters"
EDITOR = "Site administration > Reports > Report builder > Custom reports"
HEADING = "Username"
"""The heading of the column, in English whatever the account's language: it can be renamed."""
ROWS = 500
"""Rows in one call."""

_CHANGED = Push(RETRIEVE, "user:timemodified_from", exact=True)
_SOURCE = r"core_user\reportbuilder\datasource\users"
_RANGE = 3
"""The operator of a filter on a date: from a moment on, included, to another; 0 is open."""


class Unusable(ScimError):
    """The report of a target cannot be used: `problem` says why, and `cure` what to do."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(502, f"{problem} {cure}.")
        self.problem = problem
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a report; `total` is the number of rows of all pages.

    `details` are what Moodle says of the report itself, such as its `name` and `source`.
    """

    usernames: list[str]
    total: int
    details: dict[str, Any]


class ChangeReport:
    """A report on users with a column for the user name and a filter on the time of change.

    A filter is not part of a request: Moodle keeps it for the account until the next one is set.
    So nobody else may set one before the rows are read, in any thread, worker or machine: that is
    what the target's vault is for, in which the filter is kept as well.
    """

    def __init__(self, client: MoodleClient, options: Options, id: int) -> None:
        self.id = id
        self._client = client
        self._vault = options.vault or MemoryVault()

    def plan(self, since: int) -> Plan:
        """Return the plan that finds who has changed since then, in unix seconds."""
        condition = Condition(_CHANGED, (str(since),), exact=True)
        return Plan(((condition,),), None, "reads the report of changes")

    def usernames(self, since: int) -> Iterator[list[str]]:
        """Yield the names of those who have changed since then; one may come twice.

        Without a filter in the report they are those of everybody. Raises Unusable, and ScimError.
        """
        number = total = 0
        while True:
            rows = self.rows(since, number, ROWS)
            yield rows.usernames
            # Where some have gone, those that follow have moved up, perhaps past this page.
            back = ceil(max(total - rows.total, 0) / ROWS)
            number, total = max(number - back, 0) if back else number + 1, rows.total
            if number * ROWS >= total:
                return

    def rows(self, since: int, number: int, most: int) -> Rows:
        """Return the page of that number, from 0 on, with so many rows at most.

        Raises Unusable, and ScimError.
        """
        name = "user:timemodified"
        range_ = {f"{name}_operator": _RANGE, f"{name}_from": since, f"{name}_to": 0}
        values = orjson.dumps(range_).decode()
        answers: list[Any] = []

        def read(kept: str | None) -> str:
            self._call(SET_FILTERS, {"values": values})
            answers.append(self._call(RETRIEVE, {"page": number, "perpage": most}))
            return values

        self._vault.renew(read)
        return self._rows(answers[0])

    def _call(self, function: str, parameters: dict[str, Any]) -> Any:
        try:
            return self._client.call(function, {"reportid": self.id, **parameters})
        except MoodleError as error:
            if error.code == "errorreportview":
                raise Unusable(
                    f"The token's account may not view report {self.id}.",
                    "Allow moodle/reportbuilder:view in its system role (Site administration > "
                    f"Users > Permissions > Define roles), and add it to the report's audience: "
                    f"{EDITOR} > the report > Audience",
                ) from None
            if error.code == "invalidrecord":
                raise Unusable(
                    f"Moodle has no report {self.id}.",
                    f"Write report = the id of one in [targets.{self._client.http.name}]; it "
                    f"stands in the address of its page: {EDITOR}",
                ) from None
            raise

    def _rows(self, answer: dict[str, Any]) -> Rows:
        data, details = answer["data"], answer["details"]
        if details["source"] != _SOURCE:
            raise Unusable(
                f"Report {self.id} ({details['name']}) is not on users, but on "
                f"{details['sourcename']}.",
                f"Make one with the source Users: {EDITOR}",
            )
        headings = [heading.casefold() for heading in data["headers"]]
        if HEADING.casefold() not in headings:
            raise Unusable(
                f"Report {self.id} has no column {HEADING}.",
                f"Add it, or give it that heading where the language has another: {EDITOR} > the "
                "report",
            )
        place = headings.index(HEADING.casefold())
        names = [html.unescape(row["columns"][place] or "") for row in data["rows"]]
        return Rows(names, data["totalrowcount"], details)


def report_of(client: MoodleClient, options: Options) -> ChangeReport | None:
    """Return the report of changes that a target's `report` names, None where there is none.

    Raises ValueError for what is no id.
    """
    id = options.more.get("report")
    if id is None:
        return None
    if isinstance(id, bool) or not isinstance(id, int) or id < 1:
        raise ValueError(f"report: {id!r} is not the id of a custom report, a number such as 7")
    return ChangeReport(client, options, id)
