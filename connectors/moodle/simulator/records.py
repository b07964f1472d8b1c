"""What a simulated Moodle keeps: accounts, cohorts, courses and what is in them, mail, tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PASSWORD_METHODS = frozenset({"manual", "email"})
"""Authentication methods that keep a password."""
INTERNAL_METHODS = PASSWORD_METHODS | {"nologin"}
"""Methods for which a new account needs a password; `nologin` counts, though it keeps none."""


@dataclass(slots=True)
class User:
    """A row of Moodle's user table, with its preferences and custom profile fields."""

    id: int
    username: str
    firstname: str = ""
    lastname: str = ""
    email: str = ""
    auth: str = "manual"
    confirmed: bool = True
    suspended: bool = False
    deleted: bool = False
    idnumber: str = ""
    institution: str = ""
    department: str = ""
    phone1: str = ""
    phone2: str = ""
    address: str = ""
    city: str = ""
    country: str = ""
    timezone: str = "99"
    lang: str = "en"
    calendartype: str = "gregorian"
    theme: str = ""
    description: str = ""
    interests: str = ""
    firstnamephonetic: str = ""
    lastnamephonetic: str = ""
    middlename: str = ""
    alternatename: str = ""
    maildisplay: int = 2
    mailformat: int = 1
    trackforums: int = 0
    emailstop: int = 0
    firstaccess: int = 0
    lastaccess: int = 0
    timecreated: int = 0
    timemodified: int = 0
    password_hash: str | None = None
    customfields: dict[str, str] = field(default_factory=dict)
    preferences: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """A custom report of the report builder, on all users but for another `source`.

    `columns` and `filters` name fields of users, `headings` renames columns. `conditiondata` is
    JSON. One that is not `shared` has no audience. `given` are the filters that accounts have set.
    """

    id: int
    name: str
    columns: tuple[str, ...] = ("username",)
    filters: tuple[str, ...] = ("timemodified",)
    headings: dict[str, str] = field(default_factory=dict)
    source: str = "core_user\\reportbuilder\\datasource\\users"
    conditiondata: str | None = None
    shared: bool = True
    usercreated: int = 2
    timecreated: int = 0
    timemodified: int = 0
    given: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Cohort:
    """A cohort; `category` is None for one of the whole site."""

    id: int
    name: str
    idnumber: str
    description: str = ""
    descriptionformat: int = 1
    visible: bool = True
    theme: str = ""
    category: int | None = None
    members: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Category:
    """A course category; `parent` is 0 for one at the top."""

    id: int
    name: str = ""
    idnumber: str = ""
    description: str = ""
    descriptionformat: int = 1
    parent: int = 0
    visible: int = 1
    theme: str = ""
    timemodified: int = 0


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A manual enrolment of one account in one course; a time of 0 is open."""

    suspended: bool = False
    timestart: int = 0
    timeend: int = 0

    def is_active(self, now: int) -> bool:
        """Tell whether the enrolment lets the account in at that time."""
        return not self.suspended and self.timestart <= now and not 0 < self.timeend <= now


@dataclass(frozen=True, slots=True)
class Grade:
    """The course total of one account."""

    raw: float
    timemodified: int


@dataclass(slots=True)
class Course:
    """A course; `rank` orders the courses of a category, and `manual` tells of manual enrolment.

    `enrolments`, `grades` and `completions` (times) are by account.
    """

    id: int
    shortname: str
    fullname: str = ""
    category: int = 1
    idnumber: str = ""
    summary: str = ""
    summaryformat: int = 1
    format: str = "topics"
    showgrades: int = 1
    newsitems: int = 5
    startdate: int = 0
    enddate: int = 0
    numsections: int = 0
    maxbytes: int = 0
    showreports: int = 0
    visible: int = 1
    hiddensections: int = 1
    groupmode: int = 0
    groupmodeforce: int = 0
    defaultgroupingid: int = 0
    timecreated: int = 0
    timemodified: int = 0
    enablecompletion: int = 1
    completionnotify: int = 0
    lang: str = ""
    theme: str = ""
    rank: int = 0
    manual: bool = True
    criteria: bool = False
    grademax: float = 0
    enrolments: dict[int, Enrolment] = field(default_factory=dict)
    grades: dict[int, Grade] = field(default_factory=dict)
    completions: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Group:
    """A group of a course."""

    id: int
    courseid: int
    name: str
    description: str = ""
    descriptionformat: int = 1
    enrolmentkey: str = ""
    idnumber: str = ""
    visibility: int = 0
    participation: bool = True
    members: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Context:
    """A place where roles are given: the site, a category, a course; `roles` is by account."""

    id: int
    level: str
    instance: int
    roles: dict[int, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that the site sent: `newpassword` or `passwordreset`."""

    kind: str
    address: str


@dataclass(slots=True)
class Token:
    """A web-service token with the rights of its account and the state of its service.

    `roles` are those that the account may give to others.
    """

    value: str
    user_id: int
    capabilities: set[str]
    functions: set[str]
    service_enabled: bool = True
    authorised: bool = True
    address_allowed: bool = True
    expires: float | None = None
    roles: set[int] = field(default_factory=lambda: {1, 2, 3, 4, 5})
