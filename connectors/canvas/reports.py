"""Canvas's provisioning report: the one list that says of all logins whether they are suspended."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

from connectors.canvas.client import ROOT, CanvasClient
from connectors.canvas.waiting import awaited
from connectors.http import HttpClient
from connectors.ticket import NoWrite
from schemas.errors import ScimError

_REPORT = f"{ROOT}/reports/provisioning_csv"
_GOING = ("created", "running")

Row = dict[str, str]


class Reports:
    """Reports that Canvas makes in the background; `open` gives a client of another origin."""

    def __init__(
        self, client: CanvasClient, open: Callable[[str], HttpClient], patience: float
    ) -> None:
        self._client = client
        self._open = open
        self._patience = patience

    def logins(self, *, deleted: bool = False) -> list[Row] | None:
        """Return a row for each login, or None where there is no report in good time.

        Deleted ones are left out unless they are wanted. The columns are those of the report,
        `canvas_user_id` and `status` among them.
        """
        parameters = {"users": True} | ({"include_deleted": True} if deleted else {})
        try:
            report = self._client.order(_REPORT, {"parameters": parameters})
            path = f"{_REPORT}/{report['id']}"
            done = awaited(lambda: self._client.get(path), _GOING, self._patience)
            if done is None or done.get("status") != "complete":
                return None
            content = self._downloaded(str(done["attachment"]["url"]))
        except (ScimError, KeyError, TypeError, ValueError):
            # Not allowed, or not to be had at the moment: the logins are read one by one.
            return None
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))

    def _downloaded(self, link: str) -> bytes:
        """Return a file; where it lies elsewhere, Canvas's token does not go there."""
        response = self._client.fetch(link)
        elsewhere = response.headers.get("Location")
        if response.status_code in (301, 302, 303, 307) and elsewhere:
            parts = urlsplit(elsewhere)
            with closing(self._open(f"{parts.scheme}://{parts.netloc}")) as other:
                path = elsewhere.partition(parts.netloc)[2]
                response = other.send(
                    "GET", path, permit=NoWrite.READ, name="GET report", repeatable=True
                )
        if response.status_code != 200:
            raise ScimError(502, f"Canvas's report cannot be read ({response.status_code}).")
        return response.content
