"""Manual enrolments, begun and ended for many people in one call: the only ones that can be."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from connectors.base import Collection
from connectors.many import alike, apart, onward, outcome_of
from connectors.mapping import Native
from connectors.moodle.arrays import in_arrays
from connectors.moodle.client import MoodleClient, MoodleError
from connectors.moodle.participants import Participants
from connectors.ticket import Ticket
from schemas.errors import ScimError, forbidden, invalid_value, not_found_resource, uniqueness

ENROL = "enrol_manual_enrol_users"
UNENROL = "enrol_manual_unenrol_users"
NO_SUCH_USER = ("invaliduser", "userdeleted", "usernotconfirmed", "guestsarenotallowed")

_SENT = ("roleid", "suspend", "timestart", "timeend")

Pair = tuple[str, str]
"""The ids of a course and a person."""


class Manual:
    """Enrolments by Moodle's manual method; `native` names `courseId` and `userId`."""

    def __init__(self, client: MoodleClient, people: Participants, users: Collection) -> None:
        self._client = client
        self._people = people
        self._users = users

    def begin(self, ticket: Ticket, natives: list[Native]) -> list[str | ScimError]:
        """Enrol people; return their user names, "" for who has none to show."""
        return apart(natives, _pair, partial(self._begin, ticket))

    def end(self, ticket: Ticket, pairs: list[Pair]) -> list[ScimError | None]:
        """End enrolments."""
        return apart(pairs, lambda pair: pair, partial(self._end, ticket))

    def _begin(self, ticket: Ticket, natives: list[Native]) -> list[str | ScimError]:
        logins: dict[str, str] = {}

        def fresh(natives: list[Native]) -> list[Native | ScimError]:
            # Enrolling somebody again would add a role, and lift a suspension.
            held = self.are_in([_pair(native) for native in natives])
            return [_refuse_member(*one) for one in zip(natives, held, strict=True)]

        def of_people(natives: list[Native]) -> Sequence[Native | ScimError]:
            ids = dict.fromkeys(native["userId"] for native in natives)
            try:
                found = self._users.fetch([*ids])
            except ScimError as error:
                return alike(error, natives)
            logins.update((user["id"], user.get("userName", "")) for user in found)
            return [
                native
                if (id := native["userId"]) in logins
                else invalid_value(f"userId: there is no user {id}.")
                for native in natives
            ]

        def call(part: list[Native]) -> list[str | ScimError]:
            self._client.write(ticket, ENROL, {"enrolments": [sent_of(native) for native in part]})
            return [logins[native["userId"]] for native in part]

        return onward(
            onward(fresh(natives), of_people), lambda part: in_arrays(part, sent_of, call, _refused)
        )

    def _end(self, ticket: Ticket, pairs: list[Pair]) -> list[ScimError | None]:
        def call(part: list[Pair]) -> list[Pair | ScimError]:
            self._client.write(ticket, UNENROL, {"enrolments": [_named(pair) for pair in part]})
            return [*part]

        def members(pairs: list[Pair]) -> list[Pair | ScimError]:
            held = self.are_in(pairs)
            return [
                is_in if isinstance(is_in, ScimError) else pair if is_in else _gone(pair)
                for pair, is_in in zip(pairs, held, strict=True)
            ]

        def refuse_remaining(pairs: list[Pair]) -> list[ScimError | None]:
            # Moodle is silent about whom it did not enrol manually.
            return [
                None if is_in is False else _remains(pair, is_in)
                for pair, is_in in zip(pairs, self.are_in(pairs), strict=True)
            ]

        sent = onward(members(pairs), lambda part: in_arrays(part, _named, call, _not_ended))
        return onward(sent, refuse_remaining)

    def are_in(self, pairs: Sequence[Pair], *, suspended: bool = False) -> list[bool | ScimError]:
        """Tell of each of the pairs whether the person is in the course, by a look at each course.

        With `suspended`, whether the person is kept out of it. Where a course cannot be looked at,
        that error concerns those who shall be in it.
        """
        courses: dict[str, set[str]] = {}
        for course, user in pairs:
            courses.setdefault(course, set()).add(user)
        among = partial(self._people.among, suspended=suspended)
        held = {course: outcome_of(among, course, users) for course, users in courses.items()}
        return [_is_among(held[course], user) for course, user in pairs]


def _is_among(held: set[str] | ScimError, user: str) -> bool | ScimError:
    return alike(held, [user])[0] if isinstance(held, ScimError) else user in held


def _pair(native: Native) -> Pair:
    return native["courseId"], native["userId"]


def _named(pair: Pair) -> Native:
    return {"courseid": pair[0], "userid": pair[1]}


def sent_of(native: Native) -> Native:
    """Return an enrolment as it is sent."""
    return {**{name: native[name] for name in _SENT if name in native}, **_named(_pair(native))}


def _refuse_member(native: Native, is_in: bool | ScimError) -> Native | ScimError:
    course, user = _pair(native)
    if isinstance(is_in, ScimError):
        return is_in
    return uniqueness(f"User {user} is in course {course} already.") if is_in else native


def _refused(native: Native, error: MoodleError) -> ScimError:
    if error.code in NO_SUCH_USER:
        return invalid_value(f"userId: {error.detail}")
    if error.code == "invalidparameter":
        return invalid_value(f"courseId: there is no course {native['courseId']}.")
    return error


def _not_ended(pair: Pair, error: MoodleError) -> ScimError:
    return _gone(pair) if error.code in ("invaliduser", "invalidrecord") else error


def _gone(pair: Pair) -> ScimError:
    return not_found_resource("Membership", ".".join(pair))


def _remains(pair: Pair, said: bool | ScimError) -> ScimError:
    if isinstance(said, ScimError):
        return alike(said, [pair], unknown=True)[0]
    course, user = pair
    return forbidden(
        f"User {user} is still in course {course}, by another method of enrolment than the manual "
        "one; end that in Moodle."
    )
