"""The state of a simulated Moodle site: accounts, cohorts, tokens, sent mail, received calls.

What belongs to courses is in `tables`.
"""

from __future__ import annotations

import copy
import hashlib
import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connectors.moodle.simulator.database import comparable
from connectors.moodle.simulator.errors import missing_capability
from connectors.moodle.simulator.parameters import PARAMETERS
from connectors.moodle.simulator.records import (
    PASSWORD_METHODS,
    Category,
    Cohort,
    Context,
    Course,
    Group,
    Mail,
    Report,
    Token,
    User,
)
from connectors.moodle.simulator.settings import Settings
from connectors.moodle.simulator.tables import CourseTables

GUEST_ID = 1
ADMIN_ID = 2
SERVICE_ID = 3
FIRST_USER_ID = 5
MAX_CALLS = 1_000_000

GATEWAY_CAPABILITIES = frozenset(
    {
        "webservice/rest:use",
        "moodle/user:create",
        "moodle/user:update",
        "moodle/user:delete",
        "moodle/user:viewdetails",
        "moodle/user:viewalldetails",
        "moodle/site:viewuseridentity",
        "moodle/cohort:view",
        "moodle/cohort:manage",
        "moodle/cohort:assign",
        "moodle/course:view",
        "moodle/course:viewhiddencourses",
        "moodle/course:create",
        "moodle/course:update",
        "moodle/course:delete",
        "moodle/course:changecategory",
        "moodle/course:changefullname",
        "moodle/course:changeidnumber",
        "moodle/course:changeshortname",
        "moodle/course:changesummary",
        "moodle/course:visibility",
        "moodle/course:viewparticipants",
        "moodle/course:viewhiddenuserfields",
        "moodle/course:viewsuspendedusers",
        "moodle/course:enrolreview",
        "moodle/course:managegroups",
        "moodle/site:accessallgroups",
        "moodle/category:manage",
        "moodle/category:viewhiddencategories",
        "moodle/role:assign",
        "moodle/role:review",
        "moodle/grade:viewall",
        "enrol/manual:enrol",
        "enrol/manual:unenrol",
        "gradereport/user:view",
        "report/completion:view",
        "moodle/reportbuilder:view",
    }
)
"""The rights that the measured service account had."""

Row = User | Cohort | Category | Course | Group | Context


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call: an account, the rights of its token, and the `moodlewssetting*` given."""

    user: User
    token: Token
    is_admin: bool
    raw: bool = False

    def has(self, *capabilities: str) -> bool:
        """Tell whether the caller has one of the capabilities at system level."""
        return self.is_admin or not self.token.capabilities.isdisjoint(capabilities)

    def require(self, capability: str, *alternatives: str) -> None:
        """Raise `nopermissions` for `capability` unless the caller has it or an alternative."""
        if not self.has(capability, *alternatives):
            raise missing_capability(capability)


class Transaction:
    """The undo list of one transaction; ids that were given out are not taken back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []
        self._remembered: set[int] = set()

    def insert(self, table: dict[int, Any], row: Row) -> None:
        """Add a row to its table."""
        table[row.id] = row
        self._undo.append(lambda: table.pop(row.id, None))

    def remove(self, table: dict[int, Any], row: Row) -> None:
        """Take a row out of its table."""
        del table[row.id]
        self._undo.append(lambda: table.__setitem__(row.id, row))

    def change(self, row: Row) -> None:
        """Remember a row that is about to change."""
        if id(row) in self._remembered:
            return
        self._remembered.add(id(row))
        before = {name: copy.copy(getattr(row, name)) for name in row.__slots__}

        def restore() -> None:
            for name, value in before.items():
                setattr(row, name, value)

        self._undo.append(restore)

    def roll_back(self) -> None:
        """Undo everything, the last change first."""
        for undo in reversed(self._undo):
            undo()


class Site(CourseTables):
    """One Moodle site; `lock` is held around every function call.

    `token` is the gateway's token, `admin_token` that of the site administrator. `calls` holds
    (function, parameters) of every authenticated call, newest last.
    """

    def __init__(self, settings: Settings, token: str | None = None) -> None:
        super().__init__(settings)
        self.users: dict[int, User] = {}
        self.cohorts: dict[int, Cohort] = {}
        self.reports: dict[int, Report] = {}
        self.admins = {ADMIN_ID}
        self.tokens: dict[str, Token] = {}
        self.mails: list[Mail] = []
        self.calls: deque[tuple[str, dict[str, Any]]] = deque(maxlen=MAX_CALLS)
        self.next_user_id = FIRST_USER_ID
        self.next_cohort_id = 1
        self._add_standard_accounts()
        self.token = self.add_token("scimgw", value=token)
        self.admin_token = self.add_token("admin")

    @property
    def service_account(self) -> User:
        """The account behind the gateway's token."""
        return self.users[SERVICE_ID]

    @property
    def gateway(self) -> Token:
        """The gateway's token with its rights, for taking some away."""
        return self.tokens[self.token]

    def add_token(
        self,
        username: str,
        capabilities: Iterable[str] = GATEWAY_CAPABILITIES,
        functions: Iterable[str] | None = None,
        service_enabled: bool = True,
        authorised: bool = True,
        expires: float | None = None,
        value: str | None = None,
    ) -> str:
        """Issue a token to an account, made on the spot if it is missing, and return it."""
        with self.lock:
            account = self.find_user(username) or self.add_user(
                username=username,
                firstname=username.capitalize(),
                lastname="Service",
                email=f"{username}@example.org",
            )
            token = Token(
                value=value or secrets.token_hex(16),
                user_id=account.id,
                capabilities=set(capabilities),
                functions=set(PARAMETERS if functions is None else functions),
                service_enabled=service_enabled,
                authorised=authorised,
                expires=expires,
            )
            self.tokens[token.value] = token
            return token.value

    def add_user(self, **values: Any) -> User:
        """Put an account into the table without any check, for preparing a test."""
        with self.lock:
            user = User(**{"id": self.next_user_id, **values})
            user.timecreated = user.timecreated or self.now()
            user.timemodified = user.timemodified or user.timecreated
            self.next_user_id = max(self.next_user_id, user.id + 1)
            self.users[user.id] = user
            return user

    def add_cohort(self, **values: Any) -> Cohort:
        """Put a cohort into the table without any check, for preparing a test."""
        with self.lock:
            cohort = Cohort(**{"id": self.next_cohort_id, **values})
            self.next_cohort_id = max(self.next_cohort_id, cohort.id + 1)
            self.cohorts[cohort.id] = cohort
            return cohort

    def add_report(self, name: str = "Changed users", **values: Any) -> Report:
        """Make a custom report, as an administrator does by hand."""
        with self.lock:
            report = Report(**{"id": len(self.reports) + 1, "name": name, **values})
            report.timecreated = report.timecreated or self.now()
            report.timemodified = report.timemodified or report.timecreated
            self.reports[report.id] = report
            return report

    def take_user_id(self) -> int:
        """Return the next free id of an account; it is used up whatever happens to the call."""
        taken = self.next_user_id
        self.next_user_id += 1
        return taken

    def take_cohort_id(self) -> int:
        """Return the next free id of a cohort."""
        taken = self.next_cohort_id
        self.next_cohort_id += 1
        return taken

    def users_in_order(self) -> list[User]:
        """Return every row of the user table, deleted ones too, by id."""
        return [self.users[user_id] for user_id in sorted(self.users)]

    def find_user(self, username: str) -> User | None:
        """Return the account that is not deleted with exactly this username."""
        return next(
            (
                user
                for user in self.users.values()
                if user.username == username and not user.deleted
            ),
            None,
        )

    def is_taken(self, column: str, value: str, but: int | None = None) -> bool:
        """Tell whether another row of the user table holds a value equal to the database."""
        wanted = comparable(value, self.settings.database)
        return any(
            comparable(getattr(user, column), self.settings.database) == wanted
            for user in self.users.values()
            if user.id != but
        )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Undo every change made through the transaction if the block raises."""
        changes = Transaction()
        try:
            yield changes
        except Exception:
            changes.roll_back()
            raise

    def set_password(self, user: User, password: str) -> None:
        """Store the hash of a password, unless the account's method keeps none."""
        if user.auth in PASSWORD_METHODS:
            salt = secrets.token_hex(8)
            user.password_hash = f"{salt}${_hash(salt, password)}"
            user.preferences["auth_manual_passwordupdatetime"] = str(self.now())

    def passwords_match(self, username: str, password: str) -> bool:
        """Tell whether the password is the one stored for the account."""
        user = self.find_user(username)
        if user is None or user.password_hash is None or user.auth not in PASSWORD_METHODS:
            return False
        salt, _, stored = user.password_hash.partition("$")
        return secrets.compare_digest(stored, _hash(salt, password))

    def count_calls(self) -> Counter[str]:
        """Return how often each function was called."""
        with self.lock:
            return Counter(function for function, _ in self.calls)

    def _add_standard_accounts(self) -> None:
        for values in (
            {"id": GUEST_ID, "username": "guest", "firstname": "Guest user", "lastname": " "},
            {"id": ADMIN_ID, "username": "admin", "firstname": "Admin", "lastname": "User"},
            {"id": SERVICE_ID, "username": "scimgw", "firstname": "Scimgw", "lastname": "Service"},
        ):
            self.add_user(**values)
        self.users[GUEST_ID].email = "root@localhost"
        self.users[ADMIN_ID].email = "admin@example.com"
        self.users[SERVICE_ID].email = "scimgw@example.org"
        self.next_user_id = FIRST_USER_ID


def _hash(salt: str, password: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1000).hex()
