"""Memberships of a Moodle site: enrolments, and the role that goes with each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from connectors.base import Collection, each_once
from connectors.many import one_ticket, onward, outcome_of, value_of
from connectors.mapping import Field, Impossible, Mapping, Native, Push, Resource, read_only
from connectors.moodle.arrays import AT_ONCE
from connectors.moodle.client import MoodleClient, MoodleError
from connectors.moodle.courses import course_key, course_number
from connectors.moodle.fields import ID, id_key, user_number
from connectors.moodle.manual import NO_SUCH_USER, Manual
from connectors.moodle.moments import seconds_of, settled
from connectors.moodle.participants import ENROLLED, Participants
from connectors.moodle.renewing import Renewal, renew
from connectors.moodle.results import add_completion, add_scores
from connectors.moodle.roles import RoleTable
from connectors.moodle.walking import SITE, Walker
from connectors.planning import Branch, Plan
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import ScimError, invalid_value, not_found_resource
from schemas.membership import MEMBERSHIP

_SHOWN = "id,username,roles"


def membership_mapping(roles: RoleTable) -> Mapping:
    """Return the mapping of memberships; the id is that of the course and that of the person.

    `available` is No for whoever cannot use the course: suspended there, or outside of the dates,
    which Moodle takes but shows to no client.
    """

    def side(path: str, key: Any, number: Any) -> Field:
        return Field(path, path, write=number, modifiable=False, required=True,
                     push={"eq": Push(ENROLLED, path, value=key)})  # fmt: skip

    def when(path: str, native: str) -> Field:
        return Field(path, native, write=seconds_of, settle=settled, readable=False, empty=0)

    return Mapping(
        MEMBERSHIP,
        read_only("id", "key", push={"eq": Push(ENROLLED, "id", key=True, alone=True, value=_key)}),
        side("userId", id_key, user_number),
        side("courseId", course_key, course_number),
        read_only("userName", "username"),
        Field("courseRoleId", "roleid", write=roles.id_of, default=roles.default, empty=None),
        Field("available", "suspend", read=lambda held: "No" if held else "Yes",
              write=lambda said: int(said == "No"), canonical=("Yes", "No"), default="Yes",
              empty=None),
        when("start", "timestart"),
        when("end", "timeend"),
        read_only("score", "graderaw", costly=True, returned="request"),
        read_only("scoreMaximum", "grademax", costly=True, returned="request"),
        read_only("completed", "completed", costly=True, returned="request"),
        walk="goes from course to course, for Moodle has no list of all that shows suspended "
        "enrolments; name a courseId; each course takes two calls",
    )  # fmt: skip


def pair_of(id: str) -> tuple[str, str] | None:
    """Return the course and the person that an id such as `5.7` names."""
    course, _, user = id.partition(".")
    known = ID.fullmatch(course) and ID.fullmatch(user) and course != SITE
    return (course, user) if known else None


def _key(value: Any) -> str:
    if pair_of(value) is None:
        raise Impossible
    return str(value)


class Memberships(Collection):
    """Who is in which course, by whatever method of enrolment."""

    can_fetch = True
    at_once = dict.fromkeys(("create", "update", "delete"), AT_ONCE)

    def __init__(
        self, client: MoodleClient, users: Collection, roles: RoleTable, walker: Walker
    ) -> None:
        self.mapping = membership_mapping(roles)
        self._client = client
        self._users = users
        self._roles = roles
        self._walker = walker
        self._people = Participants(client)
        self._manual = Manual(client, self._people, users)

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(batch for branch in plan.searches for batch in self._found(branch))

    def get(self, id: str) -> Resource | None:
        pair = pair_of(id)
        return None if pair is None else self._one(*pair)

    def fetch(self, ids: Sequence[str]) -> list[Resource]:
        known = [id for id in ids if pair_of(id)]
        found: dict[str, Resource] = {}
        for course in dict.fromkeys(id.partition(".")[0] for id in known):
            found |= {one["id"]: one for batch in self._of_course(course) for one in batch}
        return [found[id] for id in known if id in found]

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        if wanted & {"score", "scoreMaximum"}:
            add_scores(self._client, resources)
        if "completed" in wanted:
            add_completion(self._client, resources)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        return value_of(self.create_many([(ticket, resource)])[0])

    def create_many(
        self, items: Sequence[tuple[Ticket, Resource]]
    ) -> Sequence[Resource | ScimError]:
        ticket = one_ticket([ticket for ticket, _ in items])
        natives = [outcome_of(self.mapping.to_native, resource) for _, resource in items]
        logins = onward(natives, partial(self._manual.begin, ticket))
        return [
            login if isinstance(login, ScimError) else self._shown(resource, login)
            for login, (_, resource) in zip(logins, items, strict=True)
        ]

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        return value_of(self.update_many([(ticket, before, after, changes)])[0])

    def update_many(
        self, items: Sequence[tuple[Ticket, Resource, Resource, tuple[Change, ...]]]
    ) -> Sequence[Resource | ScimError]:
        ticket = one_ticket([ticket for ticket, *_ in items])
        renewals = [outcome_of(self._renewal, *item) for _, *item in items]
        return onward(
            renewals,
            lambda part: renew(self._client, self._manual, ticket, part, self._refused),
        )

    def delete(self, ticket: Ticket, id: str) -> None:
        return value_of(self.delete_many([(ticket, id)])[0])

    def delete_many(self, items: Sequence[tuple[Ticket, str]]) -> Sequence[ScimError | None]:
        ticket = one_ticket([ticket for ticket, _ in items])
        pairs = [pair_of(id) or not_found_resource("Membership", id) for _, id in items]
        return onward(pairs, partial(self._manual.end, ticket))

    def find_again(self, resource: Resource) -> Resource | None:
        return self.get(f"{resource['courseId']}.{resource['userId']}")

    def _found(self, branch: Branch) -> Iterator[list[Resource]]:
        named = {condition.push.parameter: condition.values[0] for condition in branch}
        course, user = named.get("courseId"), named.get("userId")
        if "id" in named:
            course, user = pair_of(named["id"]) or ("", "")
        for each in [course] if course else self._walker.courses():
            if user:
                one = self._one(each, user)
                yield [] if one is None else [one]
            else:
                yield from self._of_course(each)

    def _of_course(self, course: str) -> Iterator[list[Resource]]:
        off: set[str] | None = None
        for page in self._people.pages(course, _SHOWN):
            if page and off is None:
                off = self._people.ids(course, suspended=True)
            yield [self._resource(course, row, str(row["id"]) in (off or ())) for row in page]

    def _one(self, course: str, user: str) -> Resource | None:
        row = self._people.find(course, user, _SHOWN)
        if row is None:
            return None
        off = self._people.find(course, user, suspended=True) is not None
        return self._resource(course, row, off)

    def _resource(self, course: str, row: Native, suspended: bool) -> Resource:
        native = {
            "key": f"{course}.{row['id']}",
            "userId": str(row["id"]),
            "courseId": course,
            "username": row.get("username"),
            "roleid": self._roles.name_of(row.get("roles", ())),
            "suspend": suspended,
        }
        return self.mapping.to_scim(native)

    def _shown(self, resource: Resource, login: str) -> Resource:
        made = {**resource, "id": f"{resource['courseId']}.{resource['userId']}"}
        return self.mapping.as_read({**made, "userName": login} if login else made)

    def _renewal(self, before: Resource, after: Resource, changes: tuple[Change, ...]) -> Renewal:
        native = self.mapping.to_native_changes(changes)
        given = native.get("roleid")
        held = self._roles.find(before.get("courseRoleId", ""))
        whole = self._whole(after, given or held) if native.keys() - {"roleid"} else None
        return Renewal(before, after, whole, given, held, suspends=bool(native.get("suspend")))

    def _whole(self, after: Resource, role: int | None) -> Native:
        """Return all of an enrolment: what is left out of the call, Moodle takes back."""
        if role is None:
            raise invalid_value(
                "courseRoleId: the person has no role in the course, and Moodle changes an "
                "enrolment only together with one; name it."
            )
        return {**self.mapping.to_native(after), "roleid": role}

    def _refused(self, one: Renewal, error: MoodleError) -> ScimError:
        """Tell a membership that is gone from a role that may not be given."""
        if error.code not in ("invalidparameter", "codingerror", "invalidrecord", *NO_SUCH_USER):
            return error
        held = outcome_of(self.get, one.before["id"])
        if held is None:
            return not_found_resource("Membership", one.before["id"])
        if error.code == "invalidparameter":
            return invalid_value("courseRoleId: Moodle lets the account not change this role.")
        return error
