"""What a simulated site keeps; `body` holds an object's properties in the shape of its answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Record:
    """An object with a primary id such as `_12_1`."""

    id: str
    body: dict[str, Any]


@dataclass(slots=True)
class User(Record):
    """An account; `observers` are the ids of those who observe it."""

    password_hash: str = ""
    observers: list[str] = field(default_factory=list)

    @property
    def system_roles(self) -> list[str]:
        """The system roles, the primary one first."""
        return list(self.body["systemRoleIds"])


@dataclass(slots=True)
class Course(Record):
    """A course or an organization; one with `parent_id` is cross-listed under another course."""

    parent_id: str | None = None
    linked: str | None = None

    @property
    def is_ultra(self) -> bool:
        """Tell whether the course is shown in the Ultra view."""
        return bool(self.body["ultraStatus"] == "Ultra")


@dataclass(slots=True)
class Membership(Record):
    """One person's enrolment in one course."""

    course_id: str
    user_id: str


@dataclass(slots=True)
class Group(Record):
    """A group of a course, or a set of groups; only a group has members."""

    course_id: str
    is_set: bool = False
    set_id: str | None = None
    members: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Role(Record):
    """A role, addressed by its key; a custom one may have the key of a built-in one."""

    @property
    def key(self) -> str:
        """The key by which other objects name the role."""
        return str(self.body["roleId"])

    @property
    def custom(self) -> bool:
        """Tell whether the site added the role."""
        return bool(self.body["custom"])


@dataclass(slots=True)
class Task:
    """Queued work on a course, done when `due` has passed."""

    id: str
    type: str
    course_id: str
    queued: float
    due: float
    done: bool = False
    source_id: str | None = None
    new_course: dict[str, Any] | None = None
