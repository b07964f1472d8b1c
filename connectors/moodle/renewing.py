"""Enrolments that change, many in one call: another role, other dates, suspended or active."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors.many import alike, onward
from connectors.mapping import Native, Resource
from connectors.moodle.arrays import in_arrays
from connectors.moodle.client import MoodleClient, MoodleError
from connectors.moodle.manual import ENROL, Manual, Pair, sent_of
from connectors.ticket import Ticket
from schemas.errors import ScimError, forbidden

ASSIGN = "core_role_assign_roles"
UNASSIGN = "core_role_unassign_roles"


@dataclass(frozen=True, slots=True)
class Renewal:
    """One enrolment that changes, from `before` to `after`.

    `whole` is all of it where more than the role changes: what is left out, Moodle takes back.
    `given` is the new role, `held` the old one; `suspends` says that the person shall be kept out.
    """

    before: Resource
    after: Resource
    whole: Native | None
    given: int | None
    held: int | None
    suspends: bool

    @property
    def pair(self) -> Pair:
        """The ids of course and person."""
        return self.before["courseId"], self.before["userId"]

    def role(self, id: int | None) -> Native:
        """Return a role as it is given or taken in the course."""
        course, user = self.pair
        return {"roleid": id, "userid": user, "contextlevel": "course", "instanceid": course}


Refused = Callable[[Renewal, MoodleError], ScimError]
Outcomes = list[Renewal | ScimError]


def renew(
    client: MoodleClient,
    manual: Manual,
    ticket: Ticket,
    renewals: list[Renewal],
    refused: Refused,
) -> list[Resource | ScimError]:
    """Change enrolments, each another one, and return what they become."""

    def enrolled(part: list[Renewal]) -> Outcomes:
        rows = [_whole(one) for one in part]
        client.write(ticket, ENROL, {"enrolments": rows})
        return [*part]

    def assigned(part: list[Renewal]) -> Outcomes:
        client.write(ticket, ASSIGN, {"assignments": [one.role(one.given) for one in part]})
        return [*part]

    def unassigned(part: list[Renewal]) -> Outcomes:
        client.write(ticket, UNASSIGN, {"unassignments": [one.role(one.held) for one in part]})
        return [*part]

    def change(renewals: list[Renewal]) -> Outcomes:
        whole = [one for one in renewals if one.whole is not None]
        roles = [one for one in renewals if one.whole is None and one.given]
        done = in_arrays(whole, _whole, enrolled, refused)
        done += in_arrays(roles, lambda one: one.role(one.given), assigned, refused)
        ended = {one.pair: outcome for one, outcome in zip(whole + roles, done, strict=True)}
        return [ended.get(one.pair, one) for one in renewals]

    def take_old_roles(renewals: list[Renewal]) -> Outcomes:
        """Take the old roles away; where that fails, half of the change is made."""
        several = [one for one in renewals if one.given and one.held and one.given != one.held]
        outcomes = in_arrays(several, lambda one: one.role(one.held), unassigned, refused)
        ended = {one.pair: outcome for one, outcome in zip(several, outcomes, strict=True)}
        return [_maybe_done(ended.get(one.pair, one)) for one in renewals]

    def refuse_active(renewals: list[Renewal]) -> list[Resource | ScimError]:
        suspended = [one for one in renewals if one.suspends]
        held = manual.are_in([one.pair for one in suspended], suspended=True)
        kept_out = {one.pair: is_off for one, is_off in zip(suspended, held, strict=True)}
        return [_ended(one, kept_out.get(one.pair, True)) for one in renewals]

    return onward(onward(change(renewals), take_old_roles), refuse_active)


def _whole(one: Renewal) -> Native:
    return sent_of(one.whole or {})


def _maybe_done(outcome: Renewal | ScimError) -> Renewal | ScimError:
    if isinstance(outcome, ScimError) and outcome.status >= 500:
        return alike(outcome, [outcome], unknown=True)[0]
    return outcome


def _ended(one: Renewal, is_off: bool | ScimError) -> Resource | ScimError:
    if isinstance(is_off, ScimError):
        return alike(is_off, [one], unknown=is_off.status >= 500)[0]
    if is_off:
        return one.after
    course, user = one.pair
    return forbidden(
        f"User {user} is still active in course {course}, by another method of enrolment than the "
        "manual one; suspend that in Moodle."
    )
