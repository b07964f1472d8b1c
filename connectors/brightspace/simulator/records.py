"""What a simulated tenant keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ORGANIZATION, TEMPLATE, OFFERING, GROUP, SEMESTER, SECTION, DEPARTMENT = 1, 2, 3, 4, 5, 7, 101
"""The ids of the types of org unit."""

NO_TEXT = {"Text": "", "Html": ""}


@dataclass(slots=True)
class User:
    """A person's account; times are in unix seconds."""

    id: int
    user_name: str
    legal_first: str
    legal_last: str
    middle: str | None = None
    preferred_first: str | None = None
    preferred_last: str | None = None
    sort_last: str | None = None
    org_defined_id: str | None = None
    email: str | None = None
    active: bool = True
    pronouns: str = ""
    last_accessed: float | None = None
    first_login: float | None = None
    former_name: str | None = None
    renamed: float = 0
    password_hash: str = ""
    must_reset: bool = False
    locale_id: int = 1
    profile_id: str = ""
    profile: dict[str, Any] = field(default_factory=dict)
    attributes: list[dict[str, Any]] = field(default_factory=list)
    demographics: list[dict[str, Any]] = field(default_factory=list)
    auditees: list[int] = field(default_factory=list)

    @property
    def first(self) -> str:
        """The first name that is shown."""
        return self.preferred_first or self.legal_first

    @property
    def last(self) -> str:
        """The last name that is shown."""
        return self.preferred_last or self.legal_last

    @property
    def display_name(self) -> str:
        """The name that lists show."""
        return f"{self.first} {self.last}"


@dataclass(slots=True)
class OrgUnit:
    """A node of the organization's structure; a recycled one is in the recycle bin."""

    id: int
    type_id: int
    name: str
    code: str | None
    path: str = ""
    parents: list[int] = field(default_factory=list)
    recycled: bool = False
    description: dict[str, str] = field(default_factory=lambda: dict(NO_TEXT))


@dataclass(slots=True)
class Course(OrgUnit):
    """A course offering; `sections` are the settings of its sections once these are set up."""

    template_id: int = 0
    semester_id: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, Any] | None = None


@dataclass(slots=True)
class Group(OrgUnit):
    """A group in a category of a course."""

    category_id: int = 0


@dataclass(slots=True)
class Category:
    """A category of groups; its groups are there from `ready` on."""

    id: int
    unit_id: int
    details: dict[str, Any]
    submitted: float
    ready: float


@dataclass(slots=True)
class Role:
    """A role with the block that the service shows of it."""

    id: int
    body: dict[str, Any]


@dataclass(slots=True)
class Enrollment:
    """A person's place in an org unit."""

    unit_id: int
    user_id: int
    role_id: int
    by: int
    since: float


@dataclass(frozen=True, slots=True)
class Mail:
    """A message that the tenant has sent: `created`, `reset` or `enrolled`."""

    kind: str
    user_id: int
    address: str
