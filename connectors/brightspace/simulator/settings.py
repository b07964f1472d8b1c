"""The settings of a simulated Brightspace tenant and of its registered application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.brightspace.simulator.scopes import EVERY_SCOPE

Release = tuple[int, ...]

_CHOICES = {
    "error_bodies": ("recorded", "problem", "legacy", "html", "empty"),
    "last_bookmark": ("kept", "empty", "null"),
}
_SHORTEST, _LONGEST = 1800, 72_000

VERSIONS = {
    "lp": tuple(f"1.{minor}" for minor in range(46, 63)),
    "le": ("1.75", "1.79", "1.82", "1.90", "1.93", "1.96"),
    "bas": ("1.4",),
    "ep": ("2.5",),
    "lr": ("1.3",),
}


@dataclass(slots=True)
class Settings:
    """What the tenant, its release and the roles of the calling account decide.

    The application: `token_seconds` is the lifetime of access tokens (1800 to 72000),
    `refresh_seconds` how long an unused refresh token lives (None: for ever), `refresh_tokens`
    whether any are given out, `reuse_revokes_chain` whether a spent one that comes again ends its
    successors, `consents` what the person at the consent page does, `jwks` the public keys that
    the application publishes for signed assertions, `id_keys` whether ID-key signatures count.

    The calling account: `denied` are the permissions it lacks (see `routes`), `hidden` the members
    that it reads as null, `unsearchable` the users that its lists leave out, `managed_roles` the
    roles that it may see and assign (None: all).

    `without_core` are the routes that the scope `core:*:*` does not open, `route_costs` the credits
    of calls that cost others than `call_cost`; both name a route as `lp POST enrollments/batch/`.
    `identifier_seconds` is the delay with which `UniqueIdentifier` follows a renaming.
    """

    scopes: str = EVERY_SCOPE
    redirect_uris: Iterable[str] = ("https://gateway.example.org/integrations/add",)
    token_url: str = "https://auth.brightspace.com/core/connect/token"
    token_seconds: int = 3600
    refresh_seconds: float | None = None
    refresh_tokens: bool = True
    reuse_revokes_chain: bool = False
    consents: bool = True
    jwks: Mapping[str, Any] | None = None
    id_keys: bool = False
    without_core: Iterable[str] = ("lp POST enrollments/batch/",)
    denied: Iterable[str] = ()
    hidden: Iterable[str] = ()
    unsearchable: Iterable[int] = ()
    managed_roles: Iterable[int] | None = None
    auditor_roles: Iterable[int] = (105, 118)
    auditing: bool = True
    rate_limited: bool = True
    credits_per_minute: int = 50_000
    call_cost: int = 10
    route_costs: Mapping[str, int] = field(default_factory=dict)
    page_size: int = 100
    object_page_size: int = 20
    last_bookmark: str = "kept"
    relative_next: bool = False
    error_bodies: str = "recorded"
    case_sensitive: bool = False
    unique_org_defined_ids: bool = True
    identifier_seconds: float = 60
    password_length: int = 8
    users_batch: int = 1000
    enrollments_batch: int = 1000
    enrollable_types: Iterable[int] = (1, 3, 4, 5, 7, 101)
    path_enforcement: bool = True
    new_courses_active: bool = True
    category_jobs: bool = True
    job_seconds: float = 0
    styles_as_text: bool = False
    versions: Mapping[str, Iterable[str]] = field(default_factory=lambda: dict(VERSIONS))
    release: Release = (20, 26, 8)
    organization: str = "Example University"
    time_zone: str = "America/Toronto"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}")
        if not _SHORTEST <= self.token_seconds <= _LONGEST:
            raise ValueError(f"token_seconds is from {_SHORTEST} to {_LONGEST}")
        if self.page_size < 1 or self.object_page_size < 1:
            raise ValueError("a page holds one row at least")
        self.release = tuple(self.release)
        self.denied = frozenset(self.denied)
        self.hidden = frozenset(self.hidden)
        self.unsearchable = frozenset(self.unsearchable)
        self.without_core = frozenset(self.without_core)
        self.versions = {code: tuple(listed) for code, listed in self.versions.items()}
