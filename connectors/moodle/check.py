"""The set-up check of a Moodle target: what is missing, by Moodle's own names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.base import Finding
from connectors.mapping import Mapping
from connectors.moodle.client import MoodleClient, MoodleError
from schemas.errors import ScimError

_SERVICES = "Site administration > Server > Web services > External services > Functions"
_ROLES = "Site administration > Users > Permissions > Define roles"

FUNCTIONS = {
    "core_webservice_get_site_info": "the set-up check",
    "core_user_get_users": "searching users",
    "core_user_get_users_by_field": "looking users up",
    "core_user_create_users": "creating users",
    "core_user_update_users": "changing users",
    "core_cohort_get_cohorts": "reading groups",
    "core_cohort_search_cohorts": "searching groups",
    "core_cohort_get_cohort_members": "reading members",
    "core_cohort_create_cohorts": "creating groups",
    "core_cohort_update_cohorts": "renaming groups",
    "core_cohort_delete_cohorts": "deleting groups",
    "core_cohort_add_cohort_members": "adding members",
    "core_cohort_delete_cohort_members": "removing members",
}
OPTIONAL = {
    "core_user_delete_users": 'delete = "delete"',
    "core_auth_request_password_reset": "password messages (notify)",
}


@dataclass(frozen=True, slots=True)
class _Probe:
    """A call that a missing capability refuses and that otherwise fails without any effect."""

    capability: str
    purpose: str
    function: str
    parameters: dict[str, Any]
    needed: bool = True


_NOBODY = "999999999999"
_TOO_LONG = "x" * 300


def findings(client: MoodleClient, mapping: Mapping) -> Iterator[Finding]:
    """Yield what is right and wrong with the site, the token and its account."""
    try:
        site = client.call("core_webservice_get_site_info")
    except ScimError as error:
        yield Finding("error", error.detail, _cure(error))
        return
    yield Finding("ok", f"Moodle {site.get('release', '?')} answers as {site.get('username')!r}.")
    functions = {function["name"] for function in site.get("functions", ())}
    yield from _missing_functions(functions)
    for looks in (
        _missing_capabilities(client, functions, str(site.get("username", ""))),
        _account(client, functions, site),
        _fields(client, functions, mapping, site),
    ):
        try:
            yield from looks
        except ScimError as error:
            yield Finding("error", error.detail, _cure(error))


def _cure(error: ScimError) -> str:
    code = error.code if isinstance(error, MoodleError) else ""
    if code == "accessexception":
        return (
            "Add core_webservice_get_site_info to the service, authorise the account for it "
            f"(Authorised users), enable it: {_SERVICES}"
        )
    return ""


def _missing_functions(functions: set[str]) -> Iterator[Finding]:
    for function, purpose in FUNCTIONS.items():
        if function not in functions:
            yield Finding(
                "error",
                f"The token's service lacks the function {function} ({purpose}).",
                f"Add it: {_SERVICES}",
            )
    for function, purpose in OPTIONAL.items():
        if function not in functions:
            yield Finding("warning", f"Without the function {function} there is no {purpose}.")


def _probes(username: str) -> tuple[_Probe, ...]:
    taken = {
        "username": username,
        "password": "unused",
        "firstname": "unused",
        "lastname": "unused",
        "email": "unused@example.invalid",
    }
    cohort = {"categorytype": {"type": "system", "value": ""}, "name": _TOO_LONG}
    return (
        _Probe(
            "moodle/user:create",
            "creating users",
            "core_user_create_users",
            {"users": [taken]},  # the account's own name, which is in use
        ),
        _Probe(
            "moodle/user:update",
            "changing users",
            "core_user_update_users",
            {"users": [{"id": _NOBODY, "city": "unused"}]},
        ),
        _Probe(
            "moodle/user:delete",
            'delete = "delete"',
            "core_user_delete_users",
            {"userids": [_NOBODY]},
            needed=False,
        ),
        _Probe(
            "moodle/cohort:view",
            "reading groups",
            "core_cohort_search_cohorts",
            {"query": _TOO_LONG, "context": {"contextid": 1}, "includes": "all", "limitnum": 1},
        ),
        _Probe(
            "moodle/cohort:manage",
            "creating groups",
            "core_cohort_create_cohorts",
            {"cohorts": [{**cohort, "idnumber": _TOO_LONG}]},  # longer than the database takes
        ),
    )  # fmt: skip


def _missing_capabilities(
    client: MoodleClient, functions: set[str], username: str
) -> Iterator[Finding]:
    for probe in _probes(username):
        if probe.function not in functions:
            continue
        try:
            client.call(probe.function, probe.parameters)
        except MoodleError as error:
            if error.code == "nopermissions":
                yield Finding(
                    "error" if probe.needed else "warning",
                    f"The account lacks the capability {probe.capability} ({probe.purpose}).",
                    f"Allow it in the account's system role: {_ROLES}",
                )


def _account(client: MoodleClient, functions: set[str], site: dict[str, Any]) -> Iterator[Finding]:
    if "core_user_get_users_by_field" not in functions:
        return
    rows = client.call(
        "core_user_get_users_by_field", {"field": "id", "values": [str(site.get("userid"))]}
    )
    auth = rows[0].get("auth") if rows else None
    if auth and auth != "manual":
        yield Finding(
            "warning",
            f"The service account logs in by {auth!r}; 'manual' does not depend on another system.",
        )
    if site.get("userissiteadmin"):
        yield Finding(
            "warning",
            "The token belongs to a site administrator, who may do anything.",
            "Make an account with a role of its own for Matricula.",
        )


_VISIBLE = (
    ("username", "moodle/user:viewalldetails"),
    ("email", "moodle/site:viewuseridentity"),
)


def _fields(
    client: MoodleClient, functions: set[str], mapping: Mapping, site: dict[str, Any]
) -> Iterator[Finding]:
    """Look at the guest account, which every site has, for the fields that are shown."""
    if "core_user_get_users_by_field" not in functions:
        return
    rows = client.call("core_user_get_users_by_field", {"field": "id", "values": ["1"]})
    if not rows:
        yield Finding(
            "error",
            "The account sees no other user: it lacks the capability moodle/user:viewdetails.",
            f"Allow it in the account's system role: {_ROLES}",
        )
        return
    for field, capability in _VISIBLE:
        if field not in rows[0]:
            identity = " or the site setting Show user identity lacks it"
            yield Finding(
                "error",
                f"Users come without {field}: the account lacks the capability {capability}"
                f"{identity if field == 'email' else ''}.",
                f"Allow it in the account's system role: {_ROLES}",
            )
    phones = mapping.resource_type.find("phoneNumbers")
    if site.get("userissiteadmin") and phones is not None and phones.secret:
        yield Finding(
            "warning",
            "This account sees telephone numbers, but the target does not read them.",
            'Set show_user_identity = ["email", "phone1", "phone2"] for the target.',
        )
