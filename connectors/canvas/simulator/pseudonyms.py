"""The rules that logins are held against: names, SIS ids, passwords."""

from __future__ import annotations

from itertools import pairwise

from connectors.canvas.simulator.errors import Invalid, invalid, not_found
from connectors.canvas.simulator.records import Login
from connectors.canvas.simulator.settings import Settings
from connectors.canvas.simulator.site import Site

USER_TYPES = ("administrative", "observer", "staff", "student", "student_other", "teacher")
MAX_NAME = 100
MAX_PASSWORD = 255

_TAKEN = "ID already in use for this account and authentication provider"


def check_login(site: Site, login: Login) -> None:
    """Refuse a login whose name or ids are another's; SIS ids are kept by deleted logins too."""
    found: dict[str, list[tuple[str, str]]] = {}
    if kind := _name_fault(site, login):
        found["unique_id"] = [(kind, _TAKEN if kind == "taken" else kind)]
    for name, label in (("sis_user_id", "SIS ID"), ("integration_id", "Integration ID")):
        value = getattr(login, name)
        others = site.logins.find(name, value) if value is not None else []
        if any(row.id != login.id for row in others):
            found[name] = [("taken", f'{label} "{value}" is already in use')]
    if found:
        raise Invalid(found)


def _name_fault(site: Site, login: Login) -> str | None:
    if not login.unique_id.strip():
        return "blank"
    if len(login.unique_id) > MAX_NAME:
        return "too_long"
    if not login.unique_id.isprintable():
        return "invalid"
    for row in site.logins.find("unique_id", login.unique_id):
        same_provider = row.provider_id == login.provider_id
        if row.id != login.id and row.state != "deleted" and same_provider:
            return "taken"
    return None


def check_password(settings: Settings, password: str) -> None:
    """Refuse a password that the account's policy does not let in."""
    kinds = []
    if len(password) < settings.password_min_length:
        kinds.append("too_short")
    if len(password) > MAX_PASSWORD:
        kinds.append("too_long")
    if password.lower() in settings.common_passwords:
        kinds.append("common")
    if settings.password_repeats is not None and _longest(password, 0) > settings.password_repeats:
        kinds.append("repeated")
    if settings.password_sequence is not None and (
        _longest(password, 1) > settings.password_sequence
    ):
        kinds.append("sequence")
    if kinds:
        raise Invalid({"password": [(kind, kind) for kind in kinds]})


def _longest(password: str, step: int) -> int:
    longest = run = 1
    for before, after in pairwise(password):
        run = run + 1 if ord(after) - ord(before) == step else 1
        longest = max(longest, run)
    return longest if password else 0


def takes_password(settings: Settings, provider_id: int | None) -> bool:
    """Tell whether a login can have a password of Canvas' own."""
    if provider_id is None:
        return settings.canvas_passwords
    return settings.auth_providers.get(provider_id) == "canvas"


def find_provider(settings: Settings, given: str | None) -> int | None:
    """Return the authentication provider of an id or a type name, None for none."""
    if not given:
        return None
    for number, kind in settings.auth_providers.items():
        if given in (str(number), kind):
            return number
    raise not_found()


def check_user_type(value: str) -> None:
    """Refuse a user type that Canvas does not have."""
    if value not in USER_TYPES:
        raise invalid("declared_user_type", "inclusion", "is not included in the list")
