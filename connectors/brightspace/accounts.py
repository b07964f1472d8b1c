"""The calls on accounts: looked up by their keys, made, replaced as a whole, and switched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.brightspace.client import BrightspaceClient, Row, Rows
from connectors.mapping import Native
from connectors.ticket import Ticket
from schemas.errors import ScimError, invalid_value, not_found_resource, uniqueness

PATH = "lp/users/"

_NEW: Row = {
    "OrgDefinedId": None,
    "MiddleName": None,
    "ExternalEmail": None,
    "Pronouns": None,
    "IsActive": True,
}
_CHANGED = ("OrgDefinedId", "FirstName", "MiddleName", "LastName", "ExternalEmail", "UserName")
"""The members that an update must carry, beside `Activation` and, left alone, `Pronouns`."""

_KEYS = (("UserName", "userName", "userName"), ("OrgDefinedId", "orgDefinedId", "externalId"))
"""What no two people may share: native name, search parameter, SCIM name."""

Step = Callable[[str], object]
"""A write to one account; it takes the account's id."""


class Accounts:
    """The accounts of an organization, in Brightspace's own terms."""

    def __init__(self, client: BrightspaceClient) -> None:
        self._client = client

    def by_key(self, parameter: str, value: str) -> Rows:
        """Look people up: an answer of one person, of an array, or 404 for nobody."""
        found = self._client.get(PATH, {parameter: value})
        if isinstance(found, dict) and "Items" in found:
            raise ScimError(502, f"Brightspace takes no notice of {parameter} in a look-up.")
        return found if isinstance(found, list) else [found] if found else []

    def of_login(self, login: str) -> Row | None:
        """Return the account of a login name; a look-up may take other letters for the same."""
        rows = self.by_key("userName", login) if login else []
        same = (row for row in rows if row["UserName"].casefold() == login.casefold())
        return next(same, None)

    def create(
        self, ticket: Ticket, native: Native, password: Native, **more: Any
    ) -> tuple[Row, list[Step]]:
        """Make an account; return it, and what is left to do where it takes no password yet."""
        body = {**_NEW, **native, **more}
        if password and self._client.versions.reaches("lp", "1.57"):
            body["PasswordData"] = password
            return self._written(ticket, "POST", PATH, body, native, password), []
        later: list[Step] = [lambda id: self.set_password(ticket, id, password)] if password else []
        return self._written(ticket, "POST", PATH, body, native, password), later

    def replace(self, ticket: Ticket, id: str, native: Native) -> Row:
        """Replace an account by what it is with changes: what is left out would be refused."""
        row = self._client.get(PATH + id)
        if row is None:
            raise not_found_resource("User", id)
        body = {member: native.get(member, row.get(member)) for member in _CHANGED}
        body["OrgDefinedId"] = body["OrgDefinedId"] or ""
        is_active = native.get("IsActive", row["Activation"]["IsActive"])
        body |= {"Activation": {"IsActive": is_active}, "Pronouns": None}
        return self._written(ticket, "PUT", PATH + id, body, native, {}, own=id)

    def activate(self, ticket: Ticket, id: str, *, on: bool) -> None:
        """Switch an account on or off, and leave all else as it is."""
        self._client.send(ticket, "PUT", f"{PATH}{id}/activation", {"IsActive": on})

    def set_password(self, ticket: Ticket, id: str, password: Native) -> None:
        """Set a password; 400 when the policy, which nobody can read, does not take it."""
        try:
            self._client.send(ticket, "PUT", f"{PATH}{id}/password", password)
        except ScimError as error:
            if error.status == 400:
                # What Brightspace says may repeat the password.
                raise invalid_value("Brightspace refused the password by its policy.") from None
            raise

    def role_of(self, id: str) -> str:
        """Return the role that a person has in the organization, "" for none."""
        row = self._client.get(f"lp/enrollments/orgUnits/{self._client.organization}/users/{id}")
        return str(row["RoleId"]) if row else ""

    def give_role(self, ticket: Ticket, id: str, role: str) -> None:
        """Enrol somebody who is in the organization there again, which changes the role."""
        numbers = (int(self._client.organization), int(id), int(role))
        body = dict(zip(("OrgUnitId", "UserId", "RoleId"), numbers, strict=True))
        try:
            self._client.send(ticket, "POST", "lp/enrollments/", body)
        except ScimError as error:
            if error.status == 404:
                raise invalid_value(f"institutionRoleIds: there is no role {role}.") from None
            raise

    def _written(
        self,
        ticket: Ticket,
        method: str,
        path: str,
        body: Row,
        native: Native,
        password: Native,
        own: str = "",
    ) -> Row:
        """Make a write; tell a taken name (409) from a bad value (400), which read the same."""
        try:
            row: Row = self._client.send(ticket, method, path, body)
        except ScimError as error:
            if error.status == 400:
                self._refuse_taken(native, own)
            if password:
                error.detail = error.detail.replace(password["Password"], "(password)")
            raise
        return row

    def _refuse_taken(self, native: Native, own: str) -> None:
        for member, parameter, shown in _KEYS:
            for row in self.by_key(parameter, native[member]) if native.get(member) else ():
                if str(row["UserId"]) != own:
                    raise uniqueness(f"{shown} is already in use by user {row['UserId']}.")
