"""The objects of a simulated site; times are unix seconds, states are Canvas' own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Account:
    """An account; the root account has no parent."""

    id: int
    name: str
    uuid: str
    parent_id: int | None = None
    sis_account_id: str | None = None
    integration_id: str | None = None
    state: str = "active"
    time_zone: str = "America/Denver"


@dataclass(slots=True)
class User:
    """A person; `sticky` are fields that SIS imports leave alone, `custom` is data by namespace."""

    id: int
    name: str
    sortable_name: str
    short_name: str
    created_at: float
    uuid: str
    lti_id: str
    state: str = "registered"
    locale: str | None = None
    time_zone: str | None = None
    pronouns: str | None = None
    title: str | None = None
    bio: str | None = None
    pronunciation: str | None = None
    avatar_url: str | None = None
    last_login: float | None = None
    merged_into: int | None = None
    sis_import_id: int | None = None
    sticky: set[str] = field(default_factory=set)
    custom: dict[str, Any] = field(default_factory=dict)
    observees: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Login:
    """A pseudonym: the credential of a user in the root account."""

    id: int
    user_id: int
    unique_id: str
    created_at: float
    sis_user_id: str | None = None
    integration_id: str | None = None
    provider_id: int | None = None
    declared_user_type: str | None = None
    state: str = "active"
    deleted_at: float | None = None
    password_hash: str = ""
    created_by_sis: bool = False
    sticky: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Channel:
    """An address of a user; states are active, unconfirmed and retired."""

    id: int
    user_id: int
    address: str
    kind: str
    position: int
    created_at: float
    state: str = "unconfirmed"


@dataclass(slots=True)
class Term:
    """An enrollment term of the root account."""

    id: int
    name: str
    created_at: float
    sis_term_id: str | None = None
    integration_id: str | None = None
    start_at: float | None = None
    end_at: float | None = None
    state: str = "active"


@dataclass(slots=True)
class Course:
    """A course; states are created, claimed, available, completed and deleted."""

    id: int
    account_id: int
    term_id: int
    name: str
    code: str
    uuid: str
    created_at: float
    sis_course_id: str | None = None
    integration_id: str | None = None
    start_at: float | None = None
    end_at: float | None = None
    is_public: bool = False
    blueprint: bool = False
    template: bool = False
    state: str = "claimed"
    sis_import_id: int | None = None


@dataclass(slots=True)
class Section:
    """A section of a course."""

    id: int
    course_id: int
    name: str
    created_at: float
    sis_section_id: str | None = None
    integration_id: str | None = None
    start_at: float | None = None
    end_at: float | None = None
    restrict: bool | None = None
    state: str = "active"


@dataclass(slots=True)
class Enrollment:
    """A user's part in a section; `grades` are laid over the empty ones."""

    id: int
    user_id: int
    course_id: int
    section_id: int
    role_id: int
    created_at: float
    updated_at: float
    state: str = "invited"
    associated_user_id: int | None = None
    limit_privileges: bool = False
    start_at: float | None = None
    end_at: float | None = None
    last_activity_at: float | None = None
    sis_import_id: int | None = None
    grades: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Role:
    """A role of an account or of its courses; states are built_in, active and inactive."""

    id: int
    name: str
    label: str
    base: str
    account_id: int
    created_at: float
    updated_at: float
    state: str = "active"
    permissions: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Admin:
    """A user's role in an account."""

    id: int
    user_id: int
    account_id: int
    role_id: int
    state: str = "active"


@dataclass(slots=True)
class Category:
    """A set of groups of an account or a course."""

    id: int
    name: str
    created_at: float
    account_id: int | None = None
    course_id: int | None = None
    role: str | None = None
    self_signup: str | None = None
    group_limit: int | None = None
    auto_leader: str | None = None
    sis_group_category_id: str | None = None
    state: str = "active"


@dataclass(slots=True)
class Group:
    """A group of a category."""

    id: int
    name: str
    category_id: int
    created_at: float
    description: str | None = None
    join_level: str = "invitation_only"
    sis_group_id: str | None = None
    is_public: bool = False
    state: str = "available"


@dataclass(slots=True)
class Membership:
    """A user's place in a group; states are accepted, invited, requested and deleted."""

    id: int
    group_id: int
    user_id: int
    created_at: float
    state: str = "accepted"
    moderator: bool = False


@dataclass(slots=True)
class Report:
    """A report being made; `polls` counts the reads of it."""

    id: int
    account_id: int
    kind: str
    parameters: dict[str, Any]
    created_at: float
    verifier: str
    polls: int = 0
    status: str = "created"
    ended_at: float | None = None
    content: bytes = b""
    filename: str = ""
    content_type: str = ""
    lines: int | None = None


@dataclass(slots=True)
class SisImport:
    """A SIS import: the files that were sent, and what became of them."""

    id: int
    user_id: int
    created_at: float
    files: dict[str, str]
    options: dict[str, Any]
    polls: int = 0
    state: str = "created"
    ended_at: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    warnings: list[list[str]] = field(default_factory=list)


@dataclass(slots=True)
class Token:
    """A bearer token; None for all permissions or scopes, and for one that does not end.

    `expires_at` is a permanent end, `stale_at` that of an OAuth token which can be refreshed.
    """

    value: str
    user_id: int
    permissions: frozenset[str] | None = None
    scopes: frozenset[str] | None = None
    expires_at: float | None = None
    stale_at: float | None = None
    revoked: bool = False
