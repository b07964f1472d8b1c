"""Auditors and auditees: whose progress a person may watch.

Brightspace tells whom an auditor watches, but not by whom somebody is watched; so a user has
`observees` here and no `observers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from connectors.brightspace.accounts import Accounts, Step
from connectors.brightspace.client import BrightspaceClient
from connectors.brightspace.fields import ID
from connectors.mapping import Resource
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value
from schemas.user import LMS_USER


class Auditing:
    """The links from auditors to their auditees."""

    def __init__(self, client: BrightspaceClient, accounts: Accounts) -> None:
        self._client = client
        self._accounts = accounts

    def auditees(self, auditor: str) -> list[str]:
        """Return the ids of whom a person watches; of nobody who is no auditor."""
        rows = self._client.get(_path(auditor)) or []
        return [str(row["AuditeeId"]) for row in rows]

    def named(self, resource: Resource) -> list[str]:
        """Return the ids of a resource's observees; who is named by login is looked up."""
        found = []
        for item in resource.get(LMS_USER, {}).get("observees", ()):
            id = item.get("value")
            if id is None:
                row = self._accounts.of_login(item.get("userName") or "")
                id = str(row["UserId"]) if row else ""
            if not ID.fullmatch(id):
                raise invalid_value(f"observees: there is no user {(id or str(item))[:80]!r}.")
            found.append(id)
        return list(dict.fromkeys(found))

    def steps(self, ticket: Ticket, old: list[str], new: list[str]) -> Iterator[Step]:
        """Yield the writes that lead from some auditees to others."""
        for id in new:
            if id not in old:
                yield partial(self.add, ticket, auditee=id)
        for id in old:
            if id not in new:
                yield partial(self.remove, ticket, auditee=id)

    def add(self, ticket: Ticket, auditor: str, auditee: str) -> None:
        """Let an auditor watch a person."""
        self._client.send(ticket, "POST", _path(auditor), int(auditee))

    def remove(self, ticket: Ticket, auditor: str, auditee: str) -> None:
        """End it; that it has ended already is what was wanted."""
        try:
            self._client.send(ticket, "DELETE", _path(auditor), int(auditee))
        except ScimError as error:
            if error.status != 404:
                raise


def _path(auditor: str) -> str:
    return f"le/auditing/auditors/{auditor}/auditees/"
