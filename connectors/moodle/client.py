"""The conversation with Moodle's REST web service: one address, form fields, JSON answers."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import quote_plus

import ijson
import orjson

from connectors.base import Options
from connectors.http import Busy, HttpClient
from connectors.ticket import NoWrite, Permit, Ticket, demand
from schemas.errors import ScimError

ENDPOINT = "/webservice/rest/server.php"
MAX_VARIABLES = 900
"""Fields in one call: PHP drops what exceeds max_input_vars without a word (Moodle: 5,000)."""
BAD_COURSE = "errorcoursecontextnotvalid"
"""A course is not there, is just being made or deleted, or is closed to the account."""

_READS = re.compile("_(get|search|list|retrieve)_|_set_filters$")
"""What the functions that read have in their names, and those that write have not.

Filters of a report say what the account's own next read of it shows.
"""
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


class MoodleError(ScimError):
    """A refusal by Moodle; `code` is its errorcode, the only stable part of the error object."""

    def __init__(self, code: str, status: int, detail: str, scim_type: str | None = None) -> None:
        super().__init__(status, detail, scim_type, retry_after=60 if status == 503 else None)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Meaning:
    status: int
    sentence: str
    scim_type: str | None = None


_SERVICE_ACCOUNT = "check the service account under Site administration > Users"
_EXTERNAL_SERVICES = "Site administration > Server > Web services > External services"

_MEANINGS = {
    "invalidtoken": _Meaning(
        502,
        "Moodle does not know the token: make one under Site administration > Server > "
        "Web services > Manage tokens",
    ),
    "accessexception": _Meaning(
        502,
        "Moodle refuses the call to this token: the function is not in its service, the service is "
        "off, the token has expired or is bound to another address; see " + _EXTERNAL_SERVICES,
    ),
    "invalidrecord": _Meaning(404, "Moodle has no such record or function"),
    "wsaccessusersuspended": _Meaning(502, f"The service account is suspended: {_SERVICE_ACCOUNT}"),
    "wsaccessuserunconfirmed": _Meaning(
        502, f"The service account is not confirmed: {_SERVICE_ACCOUNT}"
    ),
    "wsaccessuserdeleted": _Meaning(502, f"The service account is deleted: {_SERVICE_ACCOUNT}"),
    "wsaccessusernologin": _Meaning(502, f"The service account may not log in: {_SERVICE_ACCOUNT}"),
    "forcepasswordchangenotice": _Meaning(
        502, f"The service account must change its password: {_SERVICE_ACCOUNT}"
    ),
    "sitemaintenance": _Meaning(
        503,
        "Moodle is in maintenance: Site administration > Server > Maintenance mode",
    ),
    "nopermissions": _Meaning(502, "The token's account lacks a capability in Moodle"),
    "invalidparameter": _Meaning(400, "Moodle refuses a value", "invalidValue"),
    "invaliduser": _Meaning(404, "Moodle has no such user"),
    "useradminodelete": _Meaning(403, "Moodle does not delete site administrators"),
    "usernotdeletederror": _Meaning(403, "Moodle did not delete the user"),
    "usernotupdatedadmin": _Meaning(403, "Only a site administrator may change this account"),
    "usernotupdatedguest": _Meaning(403, "The guest account cannot be changed"),
    "usernotupdateddeleted": _Meaning(404, "The user is deleted in Moodle"),
    "invaliduserid": _Meaning(404, "Moodle has no such user"),
    "useremailduplicate": _Meaning(
        409, "The e-mail address is used by another account", "uniqueness"
    ),
    "useremailinvalid": _Meaning(400, "Moodle refuses the e-mail address", "invalidValue"),
    "dmlwriteexception": _Meaning(
        400, "Moodle's database refuses a value: too long or not unique", "invalidValue"
    ),
    "dmlreadexception": _Meaning(503, "Moodle's database does not answer"),
    "dmltransactionexception": _Meaning(503, "Moodle's database was busy"),
    "invalidresponse": _Meaning(502, "Moodle could not encode its answer"),
    "requireloginerror": _Meaning(502, "The token's account may not enter the course"),
    "errorcoursecontextnotvalid": _Meaning(
        502, "There is no such course, or the token's account may not enter it"
    ),
    "errorcatcontextnotvalid": _Meaning(
        400, "categoryId: no such category, or one closed to the account", "invalidValue"
    ),
    "errorinvalidparam": _Meaning(400, "Moodle refuses a value", "invalidValue"),
    "shortnametaken": _Meaning(409, "The courseId is another course's", "uniqueness"),
    "courseidnumbertaken": _Meaning(409, "The externalId is another course's", "uniqueness"),
    "enddatebeforestartdate": _Meaning(400, "The end is before the start", "invalidValue"),
    "nostartdate": _Meaning(400, "An end goes only with a start", "invalidValue"),
    "unknowncourseidnumber": _Meaning(404, "Moodle has no such course"),
    "cannotdeletecourse": _Meaning(403, "The token's account may not delete the course"),
    "cannotdeletecategorycourse": _Meaning(403, "Moodle does not delete the course"),
    "wsusercannotassign": _Meaning(
        400,
        "courseRoleId: Moodle has no role of the configured id, or the account may not give it",
        "invalidValue",
    ),
    "wsnoinstance": _Meaning(
        403, "The course lets nobody be enrolled manually: add that method to the course"
    ),
    "userdeleted": _Meaning(404, "The user is deleted in Moodle"),
    "usernotconfirmed": _Meaning(400, "The user is not confirmed in Moodle", "invalidValue"),
    "guestsarenotallowed": _Meaning(400, "The guest account cannot be used", "invalidValue"),
    "errorreportview": _Meaning(502, "The token's account may not view the report"),
    "idnumbertaken": _Meaning(409, "The externalId is another group's in the course", "uniqueness"),
}

_NOT_JSON = "Moodle's answer is not JSON: something between here and Moodle changed it."
_LONGEST_REFUSAL = 2**16
"""Bytes; an answer that has as many is no refusal."""
_OFF = (
    "Moodle refuses web services (status 403): switch on Site administration > General > "
    "Advanced features > Enable web services, and the REST protocol under Site administration > "
    "Server > Web services > Manage protocols"
)


class MoodleClient:
    """Calls functions of one Moodle site; the token travels in the body, never in a URL."""

    def __init__(self, options: Options) -> None:
        self.http = HttpClient(options)
        self._token = options.token

    def call(self, function: str, parameters: Any = None) -> Any:
        """Call a web service function that reads, and return its JSON answer.

        `parameters` nests lists, dictionaries and scalars; booleans become 0 and 1, None is left
        out. Raises MoodleError with Moodle's errorcode, or ScimError for what happens on the way,
        and TypeError for a function that does not read.
        """
        if not _READS.search(function):
            raise TypeError(f"{function} is not known to read: a write takes a ticket")
        return self._called(NoWrite.QUERY, function, parameters, repeatable=True)

    def stream(self, function: str, parameters: Any, *, items: str, none: str) -> Iterator[Any]:
        """Yield what an answer lists under one name, one after another, never all in memory.

        Raises what `call` raises, and 502 where it lists anything under the name `none`, before it
        yields anything.
        """
        with TemporaryFile() as file:
            self._called(NoWrite.QUERY, function, parameters, repeatable=True, into=file)
            try:
                file.seek(0)
                if any(True for _ in ijson.items(file, f"{none}.item")):
                    raise ScimError(502, "Moodle did not understand the search.")
                file.seek(0)
                yield from ijson.items(file, f"{items}.item", use_float=True)
            except ijson.JSONError:
                raise ScimError(502, _NOT_JSON) from None

    def write(
        self, ticket: Ticket, function: str, parameters: Any, *, repeatable: bool = False
    ) -> Any:
        """Call a function that writes, and return its JSON answer (None for void functions).

        It is sent once, unless it is `repeatable`. Raises what `call` raises.
        """
        demand(ticket)
        return self._called(ticket, function, parameters, repeatable=repeatable)

    def probe(self, function: str, parameters: Any) -> None:
        """Make a call that changes nothing whether it is allowed or not. Raises ScimError."""
        self._called(NoWrite.PROBE, function, parameters, repeatable=True)

    def look(self, function: str, parameters: Any = None) -> Any:
        """Call a function that reads courses; one just being made or deleted is waited out."""
        try:
            return self.call(function, parameters)
        except MoodleError as error:
            if error.code != BAD_COURSE:
                raise
        return self.call(function, parameters)

    def _called(
        self,
        permit: Permit,
        function: str,
        parameters: Any,
        *,
        repeatable: bool,
        into: IO[bytes] | None = None,
    ) -> Any:
        fields = [
            ("wstoken", self._token),
            ("wsfunction", function),
            ("moodlewsrestformat", "json"),
            ("moodlewssettingraw", "1"),
            *form_fields(parameters or {}),
        ]
        try:
            response = self.http.send(
                "POST",
                ENDPOINT,
                permit=permit,
                name=function,
                repeatable=repeatable,
                content=form_body(fields),
                headers=_HEADERS,
                into=into,
            )
        except Busy as busy:
            if busy.response.status_code == 503:
                raise MoodleError(
                    "maintenance", 503, _MEANINGS["sitemaintenance"].sentence + "."
                ) from None
            raise
        if response.status_code != 200:
            raise _refused(response.status_code)
        if into is None:
            content = response.content
        else:
            into.seek(0)
            content = into.read(_LONGEST_REFUSAL)
            if len(content) == _LONGEST_REFUSAL:
                return None
        try:
            return _answer(content, unknown=not repeatable)
        except MoodleError as error:
            if error.code == "accessexception":
                error.detail += f" The function was {function}."
            raise


def form_fields(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield PHP's form fields of nested values: `users[0][username]`.

    >>> list(form_fields({"values": ["a", "b"]}))
    [('values[0]', 'a'), ('values[1]', 'b')]
    """
    if isinstance(value, dict):
        items: Any = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    elif value is None:
        return
    else:
        yield name, str(int(value)) if isinstance(value, bool) else str(value)
        return
    for key, item in items:
        yield from form_fields(item, f"{name}[{key}]" if name else str(key))


def form_body(fields: Iterable[tuple[str, str]]) -> bytes:
    """Return the fields as a form; PHP takes the brackets of names as they are."""
    return "&".join(
        f"{name}={value if value.isascii() and value.isalnum() else quote_plus(value)}"
        for name, value in fields
    ).encode()


def warning_error(warning: dict[str, Any]) -> MoodleError:
    """Return the error that a warning of an update stands for."""
    return _error(str(warning.get("warningcode", "")), str(warning.get("message", "")))


def chunks(items: list[Any], variables: int) -> Iterator[list[Any]]:
    """Yield the items in runs that fit into one call, each item needing so many form fields."""
    size = max(1, MAX_VARIABLES // variables)
    for first in range(0, len(items), size):
        yield items[first : first + size]


def plain_text(markup: str) -> str:
    """Return the words of a message without markup, on one line, shortened."""
    words = html.unescape(re.sub(r"<[^>]*>", " ", markup)).split()
    text = " ".join(words)
    return text if len(text) <= 500 else text[:497] + "..."


def _answer(content: bytes, *, unknown: bool) -> Any:
    try:
        answer = orjson.loads(content)
    except ValueError:
        if b"<ERRORCODE>invalidtoken</ERRORCODE>" in content[:500]:
            detail = "Moodle dropped the request: it was larger than PHP's post_max_size."
            raise ScimError(502, detail) from None
        raise ScimError(502, _NOT_JSON, unknown=unknown) from None
    if isinstance(answer, dict) and ("exception" in answer or "errorcode" in answer):
        raise _error(str(answer.get("errorcode", "")), str(answer.get("message", "")))
    return answer


def _error(code: str, message: str) -> MoodleError:
    """Return the error of a code; `debuginfo` is left out, it may hold SQL and personal data."""
    if code.startswith("<div>"):
        return MoodleError("passwordpolicy", 400, plain_text(code), "invalidValue")
    meaning = _MEANINGS.get(code) or _Meaning(502, "Moodle refused the call")
    said = plain_text(message.removeprefix("error/")).rstrip(".")
    detail = f"{meaning.sentence}. Moodle says: {said or 'nothing'} ({code})."
    return MoodleError(code, meaning.status, detail, meaning.scim_type)


def _refused(status: int) -> ScimError:
    if status == 403:
        return MoodleError("webservicesoff", 502, _OFF + ".")
    if status == 404:
        return MoodleError("notmoodle", 502, "There is no Moodle web service at the target's URL.")
    return MoodleError("http", 502, f"Moodle's web server answered with status {status}.")
