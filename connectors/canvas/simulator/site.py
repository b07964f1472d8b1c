"""The state of a simulated Canvas site: objects, tokens, bucket, record of calls."""

from __future__ import annotations

import hashlib
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Iterable, Iterator

from connectors.canvas.simulator.records import (
    Account,
    Admin,
    Category,
    Channel,
    Course,
    Enrollment,
    Group,
    Login,
    Membership,
    Report,
    Role,
    Section,
    SisImport,
    Term,
    Token,
    User,
)
from connectors.canvas.simulator.settings import Settings
from connectors.canvas.simulator.tables import Table
from connectors.canvas.simulator.throttle import Throttle
from connectors.simulation.clock import Clock

MAX_CALLS = 1_000_000
ROOT = 1


class Site:
    """One root account with what is in it; `lock` is held around every operation.

    `calls` holds (method, decoded path) of every call under /api/v1, newest last; `queries` holds
    the raw query string of each. `token` is an account administrator's; `client_id`,
    `client_secret` and `refresh_token` are those of a developer key of the same person.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.throttle = Throttle(self.clock, settings)
        self.calls: deque[tuple[str, str]] = deque(maxlen=MAX_CALLS)
        self.queries: deque[str] = deque(maxlen=MAX_CALLS)
        self.tokens: dict[str, Token] = {}
        self.token = ""
        self.client_id = "10000000000007"
        self.client_secret = secrets.token_urlsafe(24)
        self.refresh_token = f"1~{secrets.token_urlsafe(24)}"
        self.accounts: Table[Account] = Table(ROOT)
        self.users: Table[User] = Table(1001, ("uuid", "lti_id"))
        self.logins: Table[Login] = Table(
            5001, ("user_id", "sis_user_id", "integration_id"), ("unique_id",)
        )
        self.channels: Table[Channel] = Table(9001, ("user_id",), ("address",))
        self.terms: Table[Term] = Table(1)
        self.courses: Table[Course] = Table(301, ("sis_course_id", "account_id"))
        self.sections: Table[Section] = Table(401, ("course_id", "sis_section_id"))
        self.enrollments: Table[Enrollment] = Table(7001, ("user_id", "course_id", "section_id"))
        self.roles: Table[Role] = Table(21)
        self.admins: Table[Admin] = Table(901, ("user_id",))
        self.categories: Table[Category] = Table(601, ("account_id", "course_id"))
        self.groups: Table[Group] = Table(701, ("category_id", "sis_group_id"))
        self.memberships: Table[Membership] = Table(801, ("user_id", "group_id"))
        self.reports: Table[Report] = Table(71)
        self.imports: Table[SisImport] = Table(55)

    @property
    def root(self) -> Account:
        """The root account."""
        return self.accounts[ROOT]

    def add_token(
        self,
        user_id: int,
        permissions: Iterable[str] | None = None,
        scopes: Iterable[str] | None = None,
        expires_at: float | None = None,
        stale_at: float | None = None,
    ) -> str:
        """Make a bearer token of a user; None is for all permissions or scopes."""
        token = Token(
            f"1~{secrets.token_urlsafe(32)}",
            user_id,
            None if permissions is None else frozenset(permissions),
            None if scopes is None else frozenset(scopes),
            expires_at,
            stale_at,
        )
        self.tokens[token.value] = token
        return token.value

    def logins_of(self, user_id: int) -> list[Login]:
        """Return a user's logins that are not deleted, oldest first."""
        return [row for row in self.logins.find("user_id", user_id) if row.state != "deleted"]

    def shown_login(self, user_id: int) -> Login | None:
        """Return the login that stands for a user: active, with a SIS id, first by name."""
        return min(
            self.logins_of(user_id),
            key=lambda row: (
                row.state != "active",
                row.sis_user_id is None,
                row.unique_id.lower(),
                row.id,
            ),
            default=None,
        )

    def channels_of(self, user_id: int) -> list[Channel]:
        """Return a user's channels that are not retired, by position."""
        found = [row for row in self.channels.find("user_id", user_id) if row.state != "retired"]
        return sorted(found, key=lambda row: row.position)

    def email_of(self, user_id: int) -> str | None:
        """Return the address of a user's first email channel."""
        addresses = (row.address for row in self.channels_of(user_id) if row.kind == "email")
        return next(addresses, None)

    def enrollments_of(self, user_id: int) -> list[Enrollment]:
        """Return a user's enrollments that are not deleted."""
        rows = self.enrollments.find("user_id", user_id)
        return [row for row in rows if row.state != "deleted"]

    def admins_of(self, user_id: int) -> list[Admin]:
        """Return a user's roles in accounts."""
        return [row for row in self.admins.find("user_id", user_id) if row.state == "active"]

    def subtree(self, account_id: int) -> set[int]:
        """Return the ids of an account and of those below it."""
        found = {account_id}
        for account in self.accounts.values():
            if account.parent_id in found and account.state != "deleted":
                found.add(account.id)
        return found

    def is_member(self, user: User, account_id: int, deleted: bool = False) -> bool:
        """Tell whether a user belongs to an account; `deleted` counts deleted logins as well."""
        if user.state == "deleted":
            return False
        if account_id == ROOT:
            logins = self.logins.find("user_id", user.id)
            if any(deleted or row.state != "deleted" for row in logins):
                return True
            return bool(self.enrollments_of(user.id) or self.admins_of(user.id))
        below = self.subtree(account_id)
        if any(row.account_id in below for row in self.admins_of(user.id)):
            return True
        return any(
            self.courses[row.course_id].account_id in below for row in self.enrollments_of(user.id)
        )

    def members_of(self, group_id: int, *states: str) -> Iterator[Membership]:
        """Yield the memberships of a group in one of the states."""
        for row in self.memberships.find("group_id", group_id):
            if row.state in states:
                yield row

    def set_password(self, login: Login, password: str) -> None:
        """Store the hash of a password."""
        salt = secrets.token_hex(8)
        login.password_hash = f"{salt}${_hash(salt, password)}"

    def passwords_match(self, unique_id: str, password: str) -> bool:
        """Tell whether an active login of that name takes the password."""
        for login in self.logins.find("unique_id", unique_id):
            salt, _, stored = login.password_hash.partition("$")
            given = _hash(salt, password)
            if login.state == "active" and stored and secrets.compare_digest(stored, given):
                return True
        return False


def new_uuid() -> str:
    """Return a key of the length that Canvas' own have."""
    return secrets.token_hex(20)


def new_lti_id() -> str:
    """Return a key of a user for tools."""
    return str(uuid.uuid4())


def _hash(salt: str, password: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1000).hex()
