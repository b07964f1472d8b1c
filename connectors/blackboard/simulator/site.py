"""The state of a simulated Blackboard Learn site: objects, token, budget of calls, their record."""

from __future__ import annotations

import hashlib
import secrets
import threading
import uuid
from collections import deque

from connectors.blackboard.simulator.rates import Budget
from connectors.blackboard.simulator.records import Course, Group, Record, Role, Task, User
from connectors.blackboard.simulator.settings import Settings
from connectors.blackboard.simulator.tables import Enrolments, Table
from connectors.blackboard.simulator.tokens import Tokens
from connectors.simulation.clock import Clock

FIRST_USER = 101
FIRST_COURSE = 5001
FIRST_MEMBERSHIP = 10_001
FIRST_GROUP = 801
MAX_CALLS = 1_000_000

SYSTEM_ADMIN = "SystemAdmin"


class Site:
    """One Learn site with one registered application; `lock` is held around every call.

    `calls` holds (method, decoded path) of every call with a valid token, newest last, the token
    endpoint's apart; `queries` holds the raw query string of each of them. Tables are mappings
    from a primary id such as `_101_1` to a record, whose `body` is what the service shows.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.client_id = str(uuid.uuid4())
        self.client_secret = secrets.token_urlsafe(24)
        self.application_id = str(uuid.uuid4())
        self.tokens = Tokens(self.clock, settings)
        self.budget = Budget(self.clock, settings)
        self.calls: deque[tuple[str, str]] = deque(maxlen=MAX_CALLS)
        self.queries: deque[str] = deque(maxlen=MAX_CALLS)
        fold = not settings.case_sensitive_ids
        keys = ("userName", "externalId", "uuid", "studentId")
        self.users: Table[User] = Table(1, keys, fold)
        self.courses: Table[Course] = Table(FIRST_COURSE, ("courseId", "externalId", "uuid"), fold)
        self.memberships = Enrolments(FIRST_MEMBERSHIP)
        self.groups: Table[Group] = Table(FIRST_GROUP, (), fold)
        self.data_sources: Table[Record] = Table(1, ("externalId",), fold)
        self.terms: Table[Record] = Table(31, ("externalId",), fold)
        self.institution_roles: Table[Role] = Table(1, ("roleId",), fold)
        self.system_roles: Table[Role] = Table(1, ("roleId",), fold)
        self.course_roles: Table[Role] = Table(1, ("roleId",), fold)
        self.tasks: dict[str, Task] = {}
        self.pending: list[Task] = []

    @property
    def own_user(self) -> User:
        """The Learn user tied to the integration."""
        found = self.users.find("userName", self.settings.own_user)
        if found is None:
            raise LookupError(f"no account {self.settings.own_user!r}")
        return found

    def sees(self, user: User) -> bool:
        """Tell whether the own user may see an account: administrators see one another only."""
        return self.settings.sees_system_admins or SYSTEM_ADMIN not in user.system_roles

    def set_password(self, user: User, password: str) -> None:
        """Store the hash of a password."""
        salt = secrets.token_hex(8)
        user.password_hash = f"{salt}${_hash(salt, password)}"

    def passwords_match(self, user_name: str, password: str) -> bool:
        """Tell whether the password is the one stored for the account."""
        user = self.users.find("userName", user_name)
        if user is None or not user.password_hash:
            return False
        salt, _, stored = user.password_hash.partition("$")
        return secrets.compare_digest(stored, _hash(salt, password))

    def groups_of(self, course_id: str) -> list[Group]:
        """Return the groups and sets of a course, oldest first."""
        return [group for group in self.groups.values() if group.course_id == course_id]

    def children_of(self, course_id: str) -> list[Course]:
        """Return the courses that are cross-listed under a course."""
        return [course for course in self.courses.values() if course.parent_id == course_id]

    def remove_user(self, user: User) -> None:
        """Delete an account with its enrolments, its places in groups and its observer links."""
        for membership in self.memberships.of_user(user.id):
            self.unenrol(membership.course_id, user.id)
        for other in self.users.values():
            if user.id in other.observers:
                other.observers.remove(user.id)
        self.users.remove(user)

    def unenrol(self, course_id: str, user_id: str) -> None:
        """End an enrolment; whoever leaves a course leaves its groups."""
        membership = self.memberships.find(course_id, user_id)
        if membership is not None:
            self.memberships.remove(membership)
        for group in self.groups_of(course_id):
            if user_id in group.members:
                group.members.remove(user_id)

    def remove_course(self, course: Course) -> None:
        """Delete a course with its enrolments and groups; its children stand alone again."""
        for membership in self.memberships.of_course(course.id):
            self.memberships.remove(membership)
        for group in self.groups_of(course.id):
            self.groups.remove(group)
        for child in self.children_of(course.id):
            child.parent_id = None
        self.courses.remove(course)


def stable_hex(*parts: str) -> str:
    """Return 32 hexadecimal digits that are the same for the same texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _hash(salt: str, password: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1000).hex()
