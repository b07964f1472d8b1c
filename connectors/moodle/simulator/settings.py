"""The settings of a simulated Moodle site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

MEASURED_RELEASE = "4.5.6 (Build: 20250811)"
MEASURED_VERSION = "2024100706"


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom profile field; a hidden one is shown only to who may see all details."""

    shortname: str
    name: str = ""
    type: Literal["text", "checkbox"] = "text"
    hidden: bool = False


@dataclass(slots=True)
class Settings:
    """What an administrator of the site, of its database and of its web server decides.

    `custom_fields` takes short names of text fields, or `CustomField`s; `categories` maps the
    ids of the course categories that a new site has to their idnumbers.
    """

    debug: bool = False
    database: str = "mariadb"
    extended_usernames: bool = False
    show_user_identity: tuple[str, ...] = ("email",)
    same_email_allowed: bool = False
    web_services: bool = True
    rest_protocol: bool = True
    maintenance: str | None = None
    max_input_vars: int = 5000
    post_max_size: int = 8 * 2**20
    custom_fields: tuple[CustomField | str, ...] = ("employeetype", "costcenter")
    languages: tuple[str, ...] = ("en", "de", "es", "fr")
    auth_methods: tuple[str, ...] = (
        "manual",
        "nologin",
        "email",
        "ldap",
        "oauth2",
        "cas",
        "shibboleth",
        "lti",
    )
    password_policy: bool = True
    release: str = MEASURED_RELEASE
    version: str = MEASURED_VERSION
    site_name: str = "Simulated Moodle"
    site_url: str = "https://moodle.example.edu"
    service: str = "scim_gateway"
    categories: dict[int, str] = field(default_factory=lambda: {1: "", 2: "SCI", 3: "ART"})

    def __post_init__(self) -> None:
        if self.database not in ("mariadb", "postgresql"):
            raise ValueError("database is mariadb or postgresql")
        if self.maintenance not in (None, "site", "offline"):
            raise ValueError("maintenance is None, site or offline")
        for name in ("show_user_identity", "custom_fields", "languages", "auth_methods"):
            setattr(self, name, tuple(getattr(self, name)))

    @property
    def profile_fields(self) -> tuple[CustomField, ...]:
        """The custom profile fields, in the order in which replies show them."""
        return tuple(_as_fields(self.custom_fields))


def _as_fields(fields: Iterable[CustomField | str]) -> Iterable[CustomField]:
    for declared in fields:
        if isinstance(declared, CustomField):
            yield declared
        else:
            yield CustomField(declared, declared)
