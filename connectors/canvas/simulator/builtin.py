"""What every site has: its root account, a term, built-in roles, an administrator's token."""

from __future__ import annotations

from connectors.canvas.simulator.records import Account, Admin, Login, Role, Term, User
from connectors.canvas.simulator.site import ROOT, Site, new_lti_id, new_uuid
from connectors.canvas.simulator.tokens import OWN_USER

BUILT = 1_577_836_800
"""The time at which the built-in objects were made: 2020-01-01T00:00:00Z."""

ROLES = (
    (1, "AccountAdmin", "Account Admin", "AccountMembership"),
    (3, "StudentEnrollment", "Student", "StudentEnrollment"),
    (4, "TeacherEnrollment", "Teacher", "TeacherEnrollment"),
    (5, "TaEnrollment", "TA", "TaEnrollment"),
    (6, "DesignerEnrollment", "Designer", "DesignerEnrollment"),
    (7, "ObserverEnrollment", "Observer", "ObserverEnrollment"),
)
CUSTOM = (("Help Desk", "AccountMembership"), ("Lab Assistant", "TaEnrollment"))


def furnish(site: Site) -> None:
    """Put on a new site what every site has."""
    account = Account(site.accounts.take_id(), site.settings.account_name, new_uuid())
    account.time_zone = site.settings.time_zone
    site.accounts.put(account)
    site.terms.put(Term(site.terms.take_id(), "Default Term", BUILT))
    for number, name, label, base in ROLES:
        role = Role(number, name, label, base, ROOT, BUILT, BUILT, "built_in")
        role.permissions = {"read_roster": _permission(base, explicit=False)}
        site.roles.put(role)
    for name, base in CUSTOM:
        role = Role(site.roles.take_id(), name, name, base, ROOT, BUILT, BUILT)
        role.permissions = {"manage_user_logins": _permission(base, explicit=True)}
        site.roles.put(role)
    name = "Gateway Service"
    user = User(
        OWN_USER, name, "Service, Gateway", name, BUILT, new_uuid(), new_lti_id(), locale=None
    )
    site.users.put(user)
    site.logins.put(Login(1, OWN_USER, "gateway", BUILT))
    site.admins.put(Admin(1, OWN_USER, ROOT, 1))
    site.token = site.add_token(OWN_USER)


def _permission(base: str, explicit: bool) -> dict[str, bool]:
    account = base == "AccountMembership"
    permission = {"enabled": True, "locked": False, "readonly": account and not explicit}
    permission["explicit"] = explicit
    if explicit:
        permission["prior_default"] = False
    if account:
        permission |= {"applies_to_self": True, "applies_to_descendants": True}
    return permission
