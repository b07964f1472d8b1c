"""One call to the service as its operations see it, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.blackboard.simulator.errors import bad_request, forbidden
from connectors.blackboard.simulator.site import Site

PREFIX = "/learn/api/public"


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `path` and `query` are as sent, `release` is the resource's version in the path."""

    site: Site
    path: str
    query: str = ""
    release: int = 1
    args: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    client: tuple[str, str] = ("", "")
    payload: bytes = b""

    def has(self, *entitlements: str) -> bool:
        """Tell whether the own user holds one of the entitlements."""
        return any(name in self.site.settings.entitlements for name in entitlements)

    def require(self, *entitlements: str) -> None:
        """Refuse the call unless the own user holds one of the entitlements."""
        if not self.has(*entitlements):
            raise forbidden()

    def knows(self, since: tuple[int, ...]) -> bool:
        """Tell whether the site's release has what came with a release."""
        return self.site.settings.version >= since

    def read(self) -> dict[str, Any]:
        """Return the object that the call sends."""
        try:
            body = json.loads(self.payload)
        except ValueError:
            raise bad_request("The request body is not valid JSON") from None
        if not isinstance(body, dict):
            raise bad_request("The request body is not an object")
        return body

    def expands(self, name: str) -> bool:
        """Tell whether the call asks for the whole of a related object."""
        return name in [one.strip() for one in self.args.get("expand", "").split(",")]

    def flag(self, name: str) -> bool | None:
        """Return a boolean of the query, or None if it is not given."""
        value = self.args.get(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false"):
            raise bad_request(f"Invalid value for {name}: {value}")
        return value.lower() == "true"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body unless there is none, and where a new or moved object is."""

    status: int
    body: dict[str, Any] | None = None
    location: str | None = None


def created(release: int, path: str, body: dict[str, Any]) -> Answer:
    """Return the answer to the creation of an object at a path below the release."""
    return Answer(201, body, f"{PREFIX}/v{release}/{path}")
