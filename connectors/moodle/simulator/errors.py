"""Moodle's error objects: exception class, error code, message and the text for debugging."""

from __future__ import annotations

_CORE = "core\\exception\\"

CAPABILITY_TITLES = {
    "moodle/user:create": "Create users",
    "moodle/user:update": "Update user profiles",
    "moodle/user:delete": "Delete users",
    "moodle/cohort:manage": "Create, delete and move cohorts",
    "moodle/cohort:view": "View site-wide cohorts",
    "moodle/cohort:assign": "Add and remove cohort members",
    "moodle/site:config": "Change site configuration",
    "moodle/course:view": "View courses without participation",
    "moodle/course:create": "Create courses",
    "moodle/course:update": "Update course settings",
    "moodle/course:changecategory": "Change course category",
    "moodle/course:changefullname": "Change course full name",
    "moodle/course:changeshortname": "Change course short name",
    "moodle/course:changeidnumber": "Change course ID number",
    "moodle/course:changesummary": "Change course summary",
    "moodle/course:visibility": "Hide/show courses",
    "moodle/course:viewparticipants": "View participants",
    "moodle/course:enrolreview": "Review course enrolments",
    "moodle/course:managegroups": "Manage groups",
    "moodle/category:manage": "Manage categories",
    "moodle/site:accessallgroups": "Access all groups",
    "moodle/role:assign": "Assign roles to users",
    "moodle/role:review": "Review permissions for others",
    "moodle/grade:viewall": "View grades of other users",
    "enrol/manual:enrol": "Enrol users",
    "enrol/manual:unenrol": "Unenrol users from the course",
    "gradereport/user:view": "View your own grade report",
    "report/progress:view": "View activity completion reports",
}


class MoodleError(Exception):
    """An error as a Moodle web service reports it, always under HTTP status 200.

    `debuginfo` is shown only while the site's debugging is on.
    """

    def __init__(
        self, exception: str, errorcode: str, message: str, debuginfo: str | None = None
    ) -> None:
        super().__init__(message)
        self.exception = exception
        self.errorcode = errorcode
        self.message = message
        self.debuginfo = debuginfo

    def as_object(self, debug: bool) -> dict[str, str]:
        """Return the error object of the reply."""
        shown = {
            "exception": self.exception,
            "errorcode": self.errorcode,
            "message": self.message,
        }
        if debug and self.debuginfo is not None:
            shown["debuginfo"] = self.debuginfo
        return shown


def plain_error(errorcode: str, message: str | None = None) -> MoodleError:
    """Return a `moodle_exception`; a code without a text of its own shows as `error/<code>`."""
    return MoodleError(f"{_CORE}moodle_exception", errorcode, message or f"error/{errorcode}")


def invalid_token() -> MoodleError:
    """Return the error of a token that does not exist."""
    return plain_error("invalidtoken", "Invalid token - token not found")


def access_denied(reason: str) -> MoodleError:
    """Return the error of a service, token or address that does not let the call in."""
    return MoodleError(
        "webservice_access_exception", "accessexception", "Access control exception", reason
    )


def invalid_parameter(debuginfo: str) -> MoodleError:
    """Return the error that says nothing about its reason unless the site is debugged."""
    return MoodleError(
        f"{_CORE}invalid_parameter_exception",
        "invalidparameter",
        "Invalid parameter value detected",
        debuginfo,
    )


def invalid_response(debuginfo: str) -> MoodleError:
    """Return the error of a call that ran but whose reply does not fit its declaration."""
    return MoodleError(
        f"{_CORE}invalid_response_exception",
        "invalidresponse",
        "Invalid response value detected",
        debuginfo,
    )


def missing_capability(capability: str) -> MoodleError:
    """Return the error of an account without a right, which it names in words."""
    title = CAPABILITY_TITLES.get(capability, capability)
    return MoodleError(
        f"{_CORE}required_capability_exception",
        "nopermissions",
        f"Sorry, but you do not currently have permissions to do that ({title}).",
    )


def report_refused() -> MoodleError:
    """Return the error of a report that the caller may not view."""
    return MoodleError(
        "core_reportbuilder\\exception\\report_access_exception",
        "errorreportview",
        "You cannot view this report",
    )


def coding_error(reason: str) -> MoodleError:
    """Return the error of a misused function."""
    return MoodleError(
        f"{_CORE}coding_exception",
        "codingerror",
        f"Coding error detected, it must be fixed by a programmer: {reason}",
    )


def missing_user(user_id: int) -> MoodleError:
    """Return the error of an account that does not exist or is deleted."""
    return MoodleError(
        "dml_missing_record_exception", "invaliduser", "Invalid user", f"no user {user_id}"
    )


def login_required() -> MoodleError:
    """Return the error of a course that the caller may not enter."""
    return MoodleError(
        f"{_CORE}require_login_exception",
        "requireloginerror",
        "Course or activity not accessible.",
    )


def context_error(kind: str, instance: int, reason: MoodleError) -> MoodleError:
    """Return the error of a course or category that is not there or may not be entered."""
    code, title = {"course": ("course", "course"), "category": ("cat", "category")}[kind]
    return plain_error(
        f"error{code}contextnotvalid",
        f"You cannot execute functions in the {title} context ({title} id:{instance}). "
        f"The context error message was: {reason.message}",
    )


def missing_record(table: str) -> MoodleError:
    """Return the error of a row, other than an account, that does not exist."""
    return MoodleError(
        "dml_missing_record_exception",
        "invalidrecord",
        f"Can't find data record in database table {table}.",
    )


def write_refused(reason: str) -> MoodleError:
    """Return the error of a value that the database does not take."""
    return MoodleError(
        "dml_write_exception", "dmlwriteexception", "Error writing to database", reason
    )
