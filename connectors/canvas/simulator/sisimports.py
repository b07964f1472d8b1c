"""SIS imports: CSV files of users and enrollments, taken in after some reads."""

from __future__ import annotations

import csv
import io
import zipfile

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.addresses import is_email, put_first, seek_channel
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import read_time, write_time
from connectors.canvas.simulator.enrollments import enroll
from connectors.canvas.simulator.errors import CanvasError, Invalid, not_found, not_root
from connectors.canvas.simulator.ids import find_account, is_root, read_number
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.names import guess_sortable
from connectors.canvas.simulator.people import show_user
from connectors.canvas.simulator.pseudonyms import USER_TYPES, check_login
from connectors.canvas.simulator.records import Login, SisImport, User
from connectors.canvas.simulator.registration import add_user
from connectors.canvas.simulator.sections import default_section
from connectors.canvas.simulator.site import Site

_COUNTS = (
    "change_sis_ids", "accounts", "terms", "abstract_courses", "courses", "sections", "xlists",
    "users", "enrollments", "admins", "groups", "group_memberships", "error_count",
    "warning_count",
)  # fmt: skip
_OPTIONS = (
    "batch_mode",
    "batch_mode_term_id",
    "multi_term_batch_mode",
    "override_sis_stickiness",
    "add_sis_stickiness",
    "clear_sis_stickiness",
    "diffing_data_set_identifier",
    "diffed_against_import_id",
    "diffing_drop_status",
)
_ENROLLMENT_STATES = {
    "active": "active",
    "deleted": "deleted",
    "completed": "completed",
    "inactive": "inactive",
}
_ROLES = {
    "student": "StudentEnrollment",
    "teacher": "TeacherEnrollment",
    "ta": "TaEnrollment",
    "observer": "ObserverEnrollment",
    "designer": "DesignerEnrollment",
}
Row = dict[str, str]


def show_import(call: Call, row: SisImport) -> Json:
    """Return an import as answers show it; its counts come with its end."""
    done = row.ended_at is not None
    body: Json = {
        "id": row.id,
        "created_at": write_time(row.created_at),
        "started_at": write_time(row.created_at) if row.polls else None,
        "ended_at": write_time(row.ended_at),
        "updated_at": write_time(row.ended_at or row.created_at),
        "progress": 100 if done else (50 if row.polls else 0),
        "workflow_state": row.state,
        "data": {"import_type": "instructure_csv"},
    }
    body |= {name: row.options.get(name) for name in _OPTIONS}
    body["skip_deletes"] = bool(row.options.get("skip_deletes"))
    body["change_threshold"] = row.options.get("change_threshold")
    body["user"] = show_user(call, call.site.users[row.user_id])
    if done:
        kinds = [kind for kind in ("user", "enrollment") if row.counts.get(f"{kind}s")]
        counts = {name: row.counts.get(name, 0) for name in _COUNTS}
        body["data"] |= {"supplied_batches": kinds, "counts": counts}
        if row.warnings:
            body["processing_warnings"] = row.warnings
    return body


def create_import(call: Call, slot: str) -> Answer:
    """Take files in, as an upload or as the body of the call."""
    _check(call, slot, permissions.IMPORT_SIS)
    name, content = "import.csv", call.payload
    if "attachment" in call.files:
        name, _, content = call.files["attachment"]
    options = {option: call.params.raw(option) for option in call.params}
    files = _unpack(name, content)
    row = SisImport(call.site.imports.take_id(), call.caller.id, call.now, files, options)
    return Answer(show_import(call, call.site.imports.put(row)))


def _unpack(name: str, content: bytes) -> dict[str, str]:
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {
                inner: archive.read(inner).decode("utf-8-sig", "replace")
                for inner in archive.namelist()[:20]
            }
    return {name: content.decode("utf-8-sig", "replace")}


def list_imports(call: Call, slot: str) -> Answer:
    """Return the imports under `sis_imports`, newest first."""
    _check(call, slot)
    since = read_time(call.params.text("created_since")) or 0
    states = set(call.params.many("workflow_state"))
    rows = [
        row
        for row in call.site.imports.values()
        if row.created_at >= since and (not states or row.state in states)
    ]
    return answer_page(
        call, rows[::-1], lambda row: show_import(call, row), counted=False, wrap="sis_imports"
    )


def get_import(call: Call, slot: str, number: str) -> Answer:
    """Return an import, which every read brings nearer to its end."""
    row = _find(call, slot, number)
    if row.state in ("created", "importing"):
        row.polls += 1
        row.state = "importing"
        if row.polls >= call.site.settings.import_polls:
            _run(call, row)
    return Answer(show_import(call, row))


def abort_import(call: Call, slot: str, number: str) -> Answer:
    """Stop an import that is not done."""
    row = _find(call, slot, number)
    if row.ended_at is not None:
        raise CanvasError(400, {"errors": ["SIS import is already done"]})
    row.state, row.ended_at = "aborted", call.now
    return Answer(show_import(call, row))


def _check(call: Call, slot: str, *rights: str) -> None:
    if not is_root(find_account(call, slot)):
        raise not_root()
    if not call.site.settings.allow_sis_import:
        raise CanvasError(403, {"errors": ["SIS imports are not enabled for this account"]})
    call.require(*(rights or (permissions.IMPORT_SIS, permissions.MANAGE_SIS)))


def _find(call: Call, slot: str, number: str) -> SisImport:
    _check(call, slot)
    row = call.site.imports.get(read_number(number) or 0)
    if row is None:
        raise not_found()
    return row


def _run(call: Call, made: SisImport) -> None:
    override = str(made.options.get("override_sis_stickiness")).lower() == "true"
    for name, content in made.files.items():
        reader = csv.DictReader(io.StringIO(content))
        header = set(reader.fieldnames or ())
        for row in reader:
            given = {key: (value or "").strip() for key, value in row.items() if key}
            if "login_id" in header:
                kind, fault = "users", _take_user(call.site, given, made.id, override)
            elif {"course_id", "section_id"} & header and "user_id" in header:
                kind, fault = "enrollments", _take_enrollment(call.site, given, made.id)
            else:
                kind, fault = "", "unknown kind of file"
            if fault is not None:
                made.warnings.append([name, fault])
            elif kind:
                made.counts[kind] = made.counts.get(kind, 0) + 1
    made.counts["warning_count"] = len(made.warnings)
    taken = made.counts.get("users", 0) + made.counts.get("enrollments", 0)
    state = "imported" if taken or not made.warnings else "failed"
    made.state = f"{state}_with_messages" if made.warnings else state
    made.ended_at = call.now


def _take_user(site: Site, given: Row, import_id: int, override: bool) -> str | None:
    """Add or change the user of a SIS id; return what is wrong with the row."""
    sis_id, unique_id = given.get("user_id"), given.get("login_id")
    status = given.get("status") or ""
    if not sis_id:
        return "No user_id given for a user"
    if not unique_id:
        return f"No login_id given for user {sis_id}"
    if status not in ("active", "suspended", "deleted"):
        return f"Improper status for user {sis_id}"
    known = site.logins.find("sis_user_id", sis_id)
    named = [row for row in site.logins.find("unique_id", unique_id) if row.state != "deleted"]
    login = next(iter((*known, *named)), Login(0, 0, unique_id, site.clock.now()))
    holder = named[0] if named else login
    if holder.id != login.id or login.sis_user_id not in (None, sis_id):
        kind, held = (
            ("SIS", holder.sis_user_id) if holder.sis_user_id else ("Canvas", holder.user_id)
        )
        return (
            f"An existing Canvas user with the {kind} ID {held} has already claimed "
            f"{sis_id}'s user_id requested login information, skipping"
        )
    # Whoever has the login and no SIS id is taken for this person.
    login.sis_user_id = sis_id
    sticky = set() if override else login.sticky
    before = login.unique_id
    if "unique_id" not in sticky:
        login.unique_id = unique_id
    try:
        check_login(site, login)
    except Invalid as refused:
        login.unique_id = before
        return f"Could not save the user with user_id: '{sis_id}'. {refused}"
    login.integration_id = given.get("integration_id") or login.integration_id
    if "status" not in sticky:
        login.state = status
        login.deleted_at = site.clock.now() if status == "deleted" else None
    if given.get("declared_user_type") in USER_TYPES and "declared_user_type" not in sticky:
        login.declared_user_type = given["declared_user_type"]
    if not login.id:
        user = add_user(site, _name(given) or unique_id)
        login.id, login.user_id, login.created_by_sis = site.logins.take_id(), user.id, True
    user = site.users[login.user_id]
    _fill(user, given, set() if override else user.sticky)
    user.sis_import_id = import_id
    if given.get("password") and not login.password_hash:
        site.set_password(login, given["password"])
    site.logins.put(login)
    if is_email(given.get("email", "")):
        put_first(site, user.id, given["email"])
        channel = seek_channel(site, user.id, given["email"])
        if channel is not None:
            channel.state = "active"
    return None


def _name(given: Row) -> str:
    parts = (given.get("first_name", ""), given.get("last_name", ""))
    return given.get("full_name") or " ".join(part for part in parts if part)


def _fill(user: User, given: Row, sticky: set[str]) -> None:
    name = _name(given)
    if name and "name" not in sticky:
        user.name = name
    sortable = given.get("sortable_name")
    if not sortable and given.get("last_name"):
        sortable = f"{given['last_name']}, {given.get('first_name', '')}"
    if "sortable_name" not in sticky:
        user.sortable_name = sortable or guess_sortable(user.name)
    if "short_name" not in sticky:
        user.short_name = given.get("short_name") or user.name


def _take_enrollment(site: Site, given: Row, import_id: int) -> str | None:
    """Add or change an enrollment; return what is wrong with the row."""
    state = _ENROLLMENT_STATES.get(given.get("status", ""))
    logins = site.logins.find("sis_user_id", given.get("user_id", ""))
    if not logins:
        return f"User not found for enrollment, user_id: {given.get('user_id')}"
    if state is None:
        return f"Improper status for the enrollment of {given.get('user_id')}"
    wanted = given.get("role", "")
    base = _ROLES.get(wanted, wanted)
    role = next((row for row in site.roles.values() if base in (row.name, row.label)), None)
    if given.get("role_id"):
        role = site.roles.get(read_number(given["role_id"]) or 0)
    if role is None or not role.base.endswith("Enrollment"):
        return f"Improper role for the enrollment of {given['user_id']}"
    section = None
    if given.get("section_id"):
        found = site.sections.find("sis_section_id", given["section_id"])
        section = found[0] if found else None
    elif courses := site.courses.find("sis_course_id", given.get("course_id", "")):
        section = default_section(site, courses[0])
    if section is None:
        return f"Neither course nor section found for the enrollment of {given['user_id']}"
    row = enroll(site, site.users[logins[0].user_id], section, role, state)
    row.state, row.sis_import_id = state, import_id
    return None
