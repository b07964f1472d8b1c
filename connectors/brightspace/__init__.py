"""Brightspace (D2L): users, courses, groups, memberships and roles through its API Valence."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.base import Connector, Finding, Options
from connectors.brightspace.check import findings, own_login
from connectors.brightspace.client import BrightspaceClient
from connectors.brightspace.courses import Courses
from connectors.brightspace.groups import Groups
from connectors.brightspace.memberships import Memberships
from connectors.brightspace.roles import Roles, RoleTable
from connectors.brightspace.tokens import Chain
from connectors.brightspace.users import Users
from connectors.brightspace.walking import Walker
from schemas.errors import not_implemented


class Brightspace(Connector):
    """One tenant, reached with its URL and an application registered for OAuth 2.

    Configuration of the target: `client_id` with `client_secret` and the first `refresh_token`
    (later ones are in the vault of the options), or with `key` (PEM) and `key_id` of a service
    user; `scope`, `auth_url`, `config = { roleId = 103 }`, `reserve` (credits of the minute that
    lists leave over, 1000), `walk_courses` (how many courses a search without one may visit, 200).
    """

    def __init__(self, options: Options) -> None:
        self._client = BrightspaceClient(options)
        self._roles = RoleTable(self._client, options)
        walker = Walker(self._client, int(options.more.get("walk_courses", 200)))
        self.collections = {
            "User": Users(self._client, options, self._roles),
            "Group": Groups(self._client, options, walker),
            "Course": Courses(self._client, options),
            "Membership": Memberships(self._client, self._roles, walker),
            "Role": Roles(self._client, self._roles),
        }

    def check(self) -> Iterable[Finding]:
        return findings(self._client, self._roles)

    def verify(self) -> None:
        self._roles.refuse_unknown()

    def ping(self) -> None:
        own_login(self._client)

    def own_account(self) -> str | None:
        own = self._client.get("lp/users/whoami")
        return None if own is None else str(own["Identifier"])

    def close(self) -> None:
        self._client.close()

    def authorize_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return where an administrator consents; `challenge` is that of PKCE, by S256."""
        return self._client.authorize_url(redirect_uri, state, challenge)

    def connect(self, code: str, redirect_uri: str, verifier: str) -> None:
        """Begin a new chain of refresh tokens with the code that a consent has brought."""
        if not isinstance(self._client.token, Chain):
            raise not_implemented("This target has a service user; nobody has to consent.")
        self._client.token.connect(code, redirect_uri, verifier)
