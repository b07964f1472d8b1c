"""One call to the service as its operations see it, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.brightspace.simulator.errors import (
    malformed,
    no_match,
    not_authorized,
    not_found,
)
from connectors.brightspace.simulator.records import Course, OrgUnit, Role, User
from connectors.brightspace.simulator.site import ORG_ID, Site

PREFIX = "/d2l/api"

_FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `args` has the names of the query in small letters, `version` is the one asked for.

    `host` is the scheme and the authority that the caller used.
    """

    site: Site
    path: str
    host: str = ""
    query: str = ""
    version: tuple[int, ...] = (0, 0)
    args: Mapping[str, str] = field(default_factory=dict)
    payload: bytes = b""

    def read(self) -> dict[str, Any]:
        """Return the object that the call sends."""
        body = self._parse()
        if not isinstance(body, dict):
            raise malformed()
        return body

    def read_list(self) -> list[Any]:
        """Return the array that the call sends."""
        body = self._parse()
        if not isinstance(body, list):
            raise malformed()
        return body

    def read_id(self) -> int:
        """Return the bare number that the call sends."""
        body = self._parse()
        if type(body) is not int:
            raise malformed()
        return body

    def _parse(self) -> Any:
        try:
            return json.loads(self.payload)
        except ValueError:
            raise malformed() from None

    def flag(self, name: str) -> bool | None:
        """Return a boolean of the query, or None if it is not given."""
        given = self.args.get(name)
        if not given:
            return None
        if given.lower() not in _FLAGS:
            raise malformed(f"Invalid value for {name}")
        return _FLAGS[given.lower()]

    def ids(self, name: str) -> set[int] | None:
        """Return the ids that a parameter lists with commas, or None if it is not given."""
        given = self.args.get(name)
        if not given:
            return None
        parts = [part.strip() for part in given.split(",")]
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise malformed(f"Invalid value for {name}")
        return {int(part) for part in parts}

    def hides(self, name: str) -> bool:
        """Tell whether the caller reads a member of people's blocks as null."""
        return name in self.site.settings.hidden

    def user(self, user_id: int) -> User:
        """Return an account; one that is not there is refused."""
        found = self.site.users.get(user_id)
        if found is None:
            raise no_match()
        return found

    def unit(self, unit_id: int) -> OrgUnit:
        """Return an org unit that is there and not in the recycle bin."""
        found = self.site.units.get(unit_id)
        if found is None or self.site.is_gone(found):
            raise not_found()
        return found

    def course(self, unit_id: int) -> Course:
        """Return a course offering."""
        found = self.unit(unit_id)
        if not isinstance(found, Course):
            raise not_found()
        return found

    def role(self, role_id: int) -> Role:
        """Return a role that the caller may assign."""
        found = self.site.roles.get(role_id)
        if found is None:
            raise not_found("Role not found.")
        if not self.manages(role_id):
            raise not_authorized(ORG_ID, "Roles.Assign")
        return found

    def manages(self, role_id: int) -> bool:
        """Tell whether the caller may see and assign a role."""
        managed = self.site.settings.managed_roles
        return managed is None or role_id in managed


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body as JSON; without a body there is no content type either."""

    body: Any = None
    status: int = 200


DONE = Answer()
"""What most calls that delete or put answer."""
