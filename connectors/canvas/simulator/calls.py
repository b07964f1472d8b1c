"""One call to the service as its operations see it, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.canvas.simulator.errors import denied
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.records import Token, User
from connectors.canvas.simulator.site import Site

PREFIX = "/api/v1"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `base` is scheme and host as the caller wrote them, `path` and `query` as sent.

    `files` are uploads by field name: file name, content type and content.
    """

    site: Site
    token: Token
    path: str
    query: str
    base: str
    params: Params
    files: Mapping[str, tuple[str, str, bytes]] = field(default_factory=dict)
    payload: bytes = b""

    @property
    def caller(self) -> User:
        """The user whose token it is."""
        return self.site.users[self.token.user_id]

    def may(self, *permissions: str) -> bool:
        """Tell whether the caller holds one of the permissions."""
        held = self.token.permissions
        return held is None or any(name in held for name in permissions)

    def require(self, *permissions: str) -> None:
        """Refuse the call unless the caller holds one of the permissions."""
        if not self.may(*permissions):
            raise denied(self.site.settings.denied_status)

    def includes(self, name: str) -> bool:
        """Tell whether the call asks for an optional part."""
        return name in self.params.many("include")

    @property
    def now(self) -> float:
        """The time of the site."""
        return self.site.clock.now()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers beyond a body with status 200."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
