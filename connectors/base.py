"""What a connector is: collections of resources in one LMS, read-only unless it says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from connectors.many import outcome_of
from connectors.mapping import Mapping, Resource
from connectors.planning import Plan
from connectors.planning import plan as plan_of
from connectors.ticket import Ticket
from connectors.vault import Vault
from schemas.attributes import META
from schemas.changes import Change
from schemas.errors import ScimError, not_implemented
from schemas.filters import Compare
from schemas.paths import Path

Observe = Callable[[str, str, str, float, bool], None]
"""Told of every upstream call: target, call, outcome, seconds, and whether the breaker is open."""


_MODIFIED = Path("", "meta", "lastModified", attribute=META, sub_attribute=META.sub("lastModified"))
_WRITES = {"create": "be created", "update": "be changed", "delete": "be deleted"}


@dataclass(frozen=True, slots=True)
class Options:
    """One target's configuration as its connector sees it.

    `timeout` is in seconds for one LMS call, `connections` how many at once. `attributes`
    overrides rows of the mappings. `more` holds what only this connector knows.
    """

    name: str
    url: str = ""
    token: str = field(default="", repr=False)
    timeout: float = 30.0
    connections: int = 16
    allow_private_network: bool = False
    verify: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict, repr=False)
    transport: Any = field(default=None, repr=False, compare=False)
    observe: Observe | None = field(default=None, repr=False, compare=False)
    vault: Vault | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the set-up check found: `level` is ok, warning or error; `cure` is what to do."""

    level: str
    text: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what a plan's native calls give; `next` is where the next begins, "" nowhere."""

    resources: Sequence[Resource]
    next: str = ""


def each_once(
    batches: Iterable[Sequence[Resource]], key: Callable[[Resource], str] = itemgetter("id")
) -> Iterator[list[Resource]]:
    """Yield the batches without what has the same key as something that came before."""
    seen: set[str] = set()
    for batch in batches:
        fresh = {key(resource): resource for resource in batch if key(resource) not in seen}
        seen |= fresh.keys()
        yield list(fresh.values())


class Collection:
    """All resources of one type in one LMS.

    The five methods `search get create update delete` take and return SCIM resources without
    `schemas` and `meta`. Those that write take the ticket of the committed audit event and hand it
    on with every call that writes. A subclass implements what its LMS can do; the rest answers
    501.
    """

    mapping: Mapping

    can_fetch = False
    """Whether many resources can be read by id in one call: what an LMS that cannot page needs."""

    deletes_later = False
    """Whether the LMS queues a deletion, so that the resource is still there for a while."""

    can_page = False
    """Whether the LMS pages by itself: then `page` is there, and `search` follows from it."""

    at_once: dict[str, int] = {}
    """How many resources one native call takes of `create`, `update` or `delete`: 1 if not named.

    Those that are named have a `create_many`, `update_many` or `delete_many` that makes use of it.
    """

    many_take = 1
    """How many native calls it comes to where many are created together."""

    lingers = 0.0
    """Seconds after an answer within which the LMS may still carry out a create."""

    def offers(self, method: str) -> bool:
        """Tell whether the LMS can do what a method such as `create` is for."""
        return getattr(type(self), method) is not getattr(Collection, method)

    def require(self, method: str) -> None:
        """Raise 501 unless the LMS can do what a writing method is for."""
        if not self.offers(method):
            raise self._cannot(_WRITES[method])

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        """Yield batches that together hold all that the plan's native calls give, each id once."""
        if not self.can_page:
            raise self._cannot("be listed")
        start = ""
        while True:
            page = self.page(plan, start, 0)
            yield page.resources
            if not (start := page.next):
                return

    def stream(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        """Yield what `search` yields, in the order and the batches that take the least memory."""
        return self.search(plan)

    def page(self, plan: Plan, start: str, count: int) -> Page:
        """Return one native page from `start` on, best of `count` resources (0: of the most)."""
        raise self._cannot("be paged")

    def changed(self, since: datetime) -> Plan | None:
        """Return the plan that finds what has changed since then, None where the LMS cannot tell.

        It finds more where that is cheaper, but never what was deleted. This is the search by
        `meta.lastModified`, of an LMS that takes it.
        """
        planned = plan_of(Compare(_MODIFIED, "ge", since.isoformat()), self.mapping)
        return None if planned.branches is None else planned

    def get(self, id: str) -> Resource | None:
        """Return one resource, or None when there is none of that id."""
        raise self._cannot("be read")

    def fetch(self, ids: Sequence[str]) -> list[Resource]:
        """Return those of the resources that exist, in the order of the ids."""
        raise self._cannot("be read by many ids")

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        """Fill the wanted costly attributes into the resources, in as few calls as possible.

        A single one that has no value is put in as None: it was looked at.
        """

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        """Create and return the resource as the LMS holds it; 409 when a unique value is taken."""
        raise self._cannot(_WRITES["create"])

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        """Apply the changes that lead from `before` to `after`; return the resource as it is."""
        raise self._cannot(_WRITES["update"])

    def delete(self, ticket: Ticket, id: str) -> None:
        """Delete the resource for good."""
        raise self._cannot(_WRITES["delete"])

    def create_many(
        self, items: Sequence[tuple[Ticket, Resource]]
    ) -> Sequence[Resource | ScimError]:
        """Create resources in as few calls as possible; each as `create` does, in their order.

        An error is that of one item and touches no other. One of unknown outcome comes with every
        item that it may concern. There is one item at least; each has a ticket, and what is sent
        shows the first. Raises TypeError where one has none.
        """
        return [outcome_of(self.create, *item) for item in items]

    def update_many(
        self, items: Sequence[tuple[Ticket, Resource, Resource, tuple[Change, ...]]]
    ) -> Sequence[Resource | ScimError]:
        """Update resources, each another one, as `create_many` creates them."""
        return [outcome_of(self.update, *item) for item in items]

    def delete_many(self, items: Sequence[tuple[Ticket, str]]) -> Sequence[ScimError | None]:
        """Delete resources as `create_many` creates them."""
        return [outcome_of(self.delete, *item) for item in items]

    def find_again(self, resource: Resource) -> Resource | None:
        """Return the resource that a create of unknown outcome may have made, or None."""
        raise self._cannot("be found by their keys")

    def request_password_reset(self, ticket: Ticket, resource: Resource) -> None:
        """Let the LMS send its own message for choosing a new password."""
        raise self._cannot("be sent a password message by this LMS")

    def _cannot(self, what: str) -> ScimError:
        return not_implemented(f"{self.mapping.full.endpoint} cannot {what} in this target.")


class Connector:
    """One LMS behind one target: its collections by resource type name, and its set-up check."""

    collections: dict[str, Collection]

    lasting = True
    """Whether what the target holds outlives this process."""

    def check(self) -> Iterable[Finding]:
        """Yield what the set-up lacks: reachability, functions, rights, settings."""
        return [Finding("ok", "Nothing to check.")]

    def verify(self) -> None:
        """Raise ValueError for configuration that the LMS does not know; called once, at start."""

    def authorize_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return where an administrator consents to the target's access to the LMS.

        `challenge` is that of PKCE by S256 (RFC 7636). Raises 501 where nobody has to consent.
        """
        raise not_implemented("Nobody has to consent to this target's access.")

    def connect(self, code: str, redirect_uri: str, verifier: str) -> None:
        """Take the code that a consent has brought. Raises 400 when it is not good (any more)."""
        raise not_implemented("Nobody has to consent to this target's access.")

    def ping(self) -> None:
        """Make the cheapest call that proves the LMS is there; raise ScimError when it is not."""

    def own_account(self) -> str | None:
        """Return the id of the account that the target's token is of, None when nobody tells.

        Raises ScimError.
        """
        return None

    def close(self) -> None:
        """Give back connections."""
