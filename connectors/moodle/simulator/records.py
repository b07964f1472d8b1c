"""What a simulated Moodle keeps: accounts, cohorts, sent mail, tokens."""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that the site sent: `newpassword` or `passwordreset`."""

    kind: str
    address: str


@dataclass(slots=True)
class Token:
    """A web-service token with the rights of its account and the state of its service."""

    value: str
    user_id: int
    capabilities: set[str]
    functions: set[str]
    service_enabled: bool = True
    authorised: bool = True
    address_allowed: bool = True
    expires: float | None = None
