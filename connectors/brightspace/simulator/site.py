"""The state of a simulated Brightspace tenant and of the application registered for it."""

from __future__ import annotations

import hashlib
import secrets
import threading
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any

from connectors.brightspace.simulator.assertions import Assertions
from connectors.brightspace.simulator.credits import Credits
from connectors.brightspace.simulator.records import (
    Category,
    Enrollment,
    Group,
    Mail,
    OrgUnit,
    Role,
    User,
)
from connectors.brightspace.simulator.settings import Settings
from connectors.brightspace.simulator.tables import Enrollments, Users
from connectors.brightspace.simulator.tokens import Tokens
from connectors.simulation.clock import Clock

ORG_ID = 6606
OWN_USER = 177
FIRST_USER = 3163
FIRST_UNIT = 6671
FIRST_CATEGORY = 7001
MAX_CALLS = 1_000_000


@dataclass(frozen=True, slots=True)
class IdKeys:
    """The ids and keys with which an application and its user sign calls."""

    app_id: str
    app_key: str
    user_id: str
    user_key: str


class Site:
    """One tenant with one application; `lock` is held around every call.

    `calls` holds (method, decoded path) of every call that was let in, newest last, `queries` the
    raw query string of each; `exchanges` holds the grant type of every call to the token endpoint.
    `mails` are the messages sent, `logouts` the ids of users whose sessions were ended.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.client_id = str(uuid.uuid4())
        self.client_secret = secrets.token_urlsafe(24)
        self.tokens = Tokens(self.clock, settings, self.client_id, OWN_USER)
        self.assertions = Assertions()
        self.credits = Credits(self.clock, settings)
        self.calls: deque[tuple[str, str]] = deque(maxlen=MAX_CALLS)
        self.queries: deque[str] = deque(maxlen=MAX_CALLS)
        self.exchanges: deque[str] = deque(maxlen=MAX_CALLS)
        self.users = Users(FIRST_USER, not settings.case_sensitive)
        self.roles: dict[int, Role] = {}
        self.unit_types: dict[int, dict[str, Any]] = {}
        self.units: dict[int, OrgUnit] = {}
        self.categories: dict[int, Category] = {}
        self.enrollments = Enrollments()
        self.grades: dict[tuple[int, int], dict[str, Any]] = {}
        self.attribute_schemas: list[dict[str, Any]] = []
        self.mails: list[Mail] = []
        self.logouts: list[int] = []
        self.id_keys: IdKeys | None = self.make_id_keys() if settings.id_keys else None
        self._next_unit = FIRST_UNIT
        self._next_category = FIRST_CATEGORY

    @property
    def own_user(self) -> User:
        """The account that consented, or the service user."""
        return self.users[OWN_USER]

    def consent(self, scope: str = "") -> str:
        """Return the first refresh token of a new consent to some or all registered scopes."""
        with self.lock:
            return self.tokens.begin_chain(scope or self.settings.scopes)

    def make_id_keys(self) -> IdKeys:
        """Return new keys for signing calls; a change of the own user's password voids them."""
        return IdKeys(*(secrets.token_urlsafe(16) for _ in range(4)))

    def take_unit_id(self) -> int:
        """Return the next id of an org unit, which is then used up."""
        self._next_unit += 1
        return self._next_unit - 1

    def take_category_id(self) -> int:
        """Return the next id of a category of groups, which is then used up."""
        self._next_category += 1
        return self._next_category - 1

    def role_of(self, user_id: int) -> int | None:
        """Return a person's role in the organization."""
        found = self.enrollments.find(ORG_ID, user_id)
        return found.role_id if found else None

    def enroll(self, unit_id: int, user_id: int, role_id: int) -> Enrollment:
        """Enrol a person, or change the role of who is enrolled already."""
        before = self.enrollments.find(unit_id, user_id)
        if before is not None:
            before.role_id = role_id
            return before
        now = self.clock.now()
        return self.enrollments.put(Enrollment(unit_id, user_id, role_id, OWN_USER, now))

    def unenroll(self, row: Enrollment) -> None:
        """End an enrolment; whoever leaves an org unit leaves its groups and sections."""
        self.enrollments.remove(row)
        for unit_id in list(self.enrollments.of_user(row.user_id)):
            unit = self.units[unit_id]
            if row.unit_id in unit.parents and self.is_part(unit):
                inner = self.enrollments.find(unit_id, row.user_id)
                if inner is not None:
                    self.enrollments.remove(inner)

    def is_part(self, unit: OrgUnit) -> bool:
        """Tell whether an org unit is a group or a section of another one."""
        return isinstance(unit, Group) or unit.type_id == 7

    def is_gone(self, unit: OrgUnit) -> bool:
        """Tell whether an org unit, or what it is a group or section of, is in the recycle bin."""
        above = [self.units[parent] for parent in unit.parents] if self.is_part(unit) else []
        return unit.recycled or any(parent.recycled for parent in above)

    def parts_of(self, unit_id: int, type_id: int) -> list[OrgUnit]:
        """Return the groups or sections of an org unit, oldest first."""
        return [
            unit
            for unit in self.units.values()
            if unit.type_id == type_id and unit_id in unit.parents
        ]

    def remove_user(self, user: User) -> None:
        """Delete an account with its enrolments, grades and links."""
        for row in list(self.enrollments.of_user(user.id).values()):
            self.enrollments.remove(row)
        for key in [key for key in self.grades if key[1] == user.id]:
            del self.grades[key]
        for other in self.users.values():
            if user.id in other.auditees:
                other.auditees.remove(user.id)
        self.users.remove(user)

    def remove_unit(self, unit: OrgUnit) -> None:
        """Delete an org unit with its enrolments, grades, groups and sections."""
        for row in list(self.enrollments.of_unit(unit.id).values()):
            self.enrollments.remove(row)
        for key in [key for key in self.grades if key[0] == unit.id]:
            del self.grades[key]
        for other in list(self.units.values()):
            if unit.id in other.parents:
                other.parents.remove(unit.id)
                if self.is_part(other):
                    self.remove_unit(other)
        for category in list(self.categories.values()):
            if category.unit_id == unit.id:
                del self.categories[category.id]
        del self.units[unit.id]

    def set_password(self, user: User, password: str) -> None:
        """Store the hash of a password; an empty one clears it."""
        salt = secrets.token_hex(8)
        user.password_hash = f"{salt}${_hash(salt, password)}" if password else ""
        if user.id == OWN_USER:
            self.id_keys = None

    def passwords_match(self, user_name: str, password: str) -> bool:
        """Tell whether the password is the one stored for the account."""
        for user in self.users.find("user_name", user_name):
            if user.password_hash:
                salt, _, stored = user.password_hash.partition("$")
                return secrets.compare_digest(stored, _hash(salt, password))
        return False

    def grade(self, unit_id: int, user_id: int, points: float, out_of: float = 100) -> None:
        """Give a person a calculated final grade in a course."""
        self.grades[unit_id, user_id] = {
            "points": points,
            "out_of": out_of,
            "modified": self.clock.now(),
        }


def _hash(salt: str, password: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1000).hex()
