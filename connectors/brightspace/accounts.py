"""The calls on accounts: looked up by their keys, made, replaced as a whole, and switched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.brightspace.batches import AT_ONCE, make_users
from connectors.brightspace.client import BrightspaceClient, Row, Rows
from connectors.many import alike, outcome_of
from connectors.mapping import Native
from connectors.side_by_side import side_by_side
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

_PASSWORD = "PasswordData"
_MANY = 5
"""Accounts from which on they are made in a batch, after which each takes a look-up."""

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

    def new(
        self, ticket: Ticket, native: Native, password: Native, **more: Any
    ) -> tuple[Row, list[Step]]:
        """Return the body that makes an account, and what is left to do where it takes no password.

        It takes one from version 1.57 on.
        """
        body = {**_NEW, **native, **more}
        if password and self._client.versions.reaches("lp", "1.57"):
            return {**body, _PASSWORD: password}, []
        later: list[Step] = [lambda id: self.set_password(ticket, id, password)] if password else []
        return body, later

    def create(self, ticket: Ticket, body: Row) -> Row:
        """Make an account."""
        return self._written(ticket, "POST", PATH, body, body, body.get(_PASSWORD) or {})

    def create_many(self, ticket: Ticket, bodies: list[Row]) -> list[Row | ScimError]:
        """Make accounts, no two of the same name; who is made is looked up: no batch tells the id.

        A few are made one by one, and all where the integration may send no batch.
        """
        sent = make_users(self._client, ticket, bodies) if len(bodies) >= _MANY else None
        if sent is not None:
            done = [*zip(bodies, sent, strict=True)]
            return side_by_side(lambda one: self._found(*one), done, AT_ONCE)
        return side_by_side(lambda body: outcome_of(self.create, ticket, body), bodies, AT_ONCE)

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
            raise self._explained(error, native, password, own) from None
        return row

    def _explained(
        self, error: ScimError, native: Native, password: Native, own: str = ""
    ) -> ScimError:
        if error.status == 400 and (taken := self._taken(native, own)):
            return taken
        if password:
            error.detail = error.detail.replace(password["Password"], "(password)")
        return error

    def _found(self, body: Row, error: ScimError | None) -> Row | ScimError:
        """Return an account that a batch has made, or why it has not."""
        if error is not None:
            return outcome_of(self._explained, error, body, body.get(_PASSWORD) or {})
        found = outcome_of(self.of_login, body["UserName"])
        if isinstance(found, ScimError):
            return alike(found, [body], unknown=True)[0]
        gone = "Brightspace made the account in a batch, but does not find it."
        return found or ScimError(502, gone, unknown=True)

    def _taken(self, native: Native, own: str) -> ScimError | None:
        for member, parameter, shown in _KEYS:
            for row in self.by_key(parameter, native[member]) if native.get(member) else ():
                if str(row["UserId"]) != own:
                    return uniqueness(f"{shown} is already in use by user {row['UserId']}.")
        return None
