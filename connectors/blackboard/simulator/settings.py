"""The settings of a simulated Blackboard Learn site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.blackboard.simulator.entitlements import ALL

Version = tuple[int, ...]

_CHOICES = {
    "rate_header_style": ("retry_after", "reset"),
    "unknown_properties": ("reject", "ignore"),
    "delete_task": ("course", "system"),
    "application": ("available", "disabled", "missing"),
    "course_view": ("Undecided", "Classic", "Ultra", "UltraPreview"),
}


@dataclass(slots=True)
class Settings:
    """What the site, its release and the role of the integration's own user decide.

    `entitlements` are those of the own user; `contact_email_filter` False has the user list ignore
    `contact.email` even for who may use it, `sees_system_admins` gives the own user that role.
    `unknown_properties` also covers the properties that an operation does not take, such as the
    read-only ones. `late_calls` pass over the daily limit, as enforcement lags behind.
    `delete_task` says which task resource the queued deletion of a course points to,
    `parents_with_children` adds the parent of a matching child to a list of courses, and
    `encoded_slashes` lets an id with `%2F` reach the application instead of the web server's 400.
    """

    entitlements: Iterable[str] = field(default_factory=lambda: set(ALL))
    contact_email_filter: bool = True
    sees_system_admins: bool = False
    case_defect: bool = True
    case_sensitive_ids: bool = True
    short_pages: bool = False
    parents_with_children: bool = False
    encoded_slashes: bool = False
    daily_limit: int = 10_000
    late_calls: int = 0
    window_seconds: int = 86_400
    rate_header_style: str = "retry_after"
    unknown_properties: str = "reject"
    token_seconds: int = 3600
    task_seconds: float = 2
    delete_task: str = "course"
    application: str = "available"
    version: Version = (3900, 123, 0)
    build: str = "rel.1+simulated"
    own_user: str = "integration"
    institution_role: str = "STUDENT"
    course_view: str = "Classic"
    site_url: str = "https://learn.example.edu"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}")
        self.version = tuple(self.version)
        if len(self.version) != 3:
            raise ValueError("version is (major, minor, patch)")
        self.entitlements = set(self.entitlements)
