"""Cycles: an identity platform such as Entra ID provisions a whole directory, again and again."""

from __future__ import annotations

import random
import re
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.attributes import ENTERPRISE
from schemas.group import GROUP
from schemas.user import USER
from tests.campaign.invariants import check_database
from tests.campaign.report import Report, counts
from tests.gateway.service import Scim, Service, make_service, patch_op

PEOPLE_OF_A_GROUP = 20
CHUNK = 15
"""So many members are sent in one PATCH."""
CHANGED = 0.05
"""The part of the directory that changes before the third cycle."""
MEMORY = 24.0
"""By so many MB the process may grow once it has seen a whole cycle."""

EMAIL = 'emails[type eq "work"].value'
DEPARTMENT = f"{ENTERPRISE}:department"
_WRITING = re.compile("_(create|update|delete|add)_")
_FIRST = "Ann Bob Cleo Dan Eva Finn Gül Håkon İnci Jürgen Zoë".split()
_LAST = "Doe Roe Lee O'Neil Smith-Ng Müller Şahin Østby".split()
_SUBJECTS = "Physics Art Law Medicine History".split()

Person = dict[str, Any]
"""What the directory knows of a person: a value by the path that it is mapped to."""


@dataclass
class Directory:
    """The directory: people by their login, and the logins of each group's members."""

    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)


def make_directory(dice: random.Random, count: int) -> Directory:
    """Return so many people, some of them disabled, each in one or two groups."""
    directory = Directory()
    for number in range(count):
        # Every seventh login is written in another letter case than Moodle will keep.
        login = f"{'U' if number % 7 == 0 else 'u'}{number:05}@example.edu"
        person = {
            "externalId": f"E-{number}",
            "active": dice.random() >= 0.1,
            "title": dice.choice(("Dr", "Prof", "Mx")),
            "name.givenName": dice.choice(_FIRST),
            "name.familyName": f"{dice.choice(_LAST)} {number}",
            EMAIL: f"mail.{number}@example.edu",
            DEPARTMENT: dice.choice(_SUBJECTS),
        }
        directory.people[login] = named(person)
    logins = list(directory.people)
    for number in range(count // PEOPLE_OF_A_GROUP):
        size = dice.randrange(PEOPLE_OF_A_GROUP // 2, PEOPLE_OF_A_GROUP * 2)
        directory.groups[f"Team {number}"] = dice.sample(logins, min(size, count))
    return directory


def named(person: Person) -> Person:
    """Return the person with the names that follow from the parts."""
    full = f"{person['name.givenName']} {person['name.familyName']}"
    return {**person, "displayName": full, "name.formatted": full}


def change(dice: random.Random, directory: Directory) -> Directory:
    """Return the directory some time later: other values, and members that went or came."""
    people = dict(directory.people)
    for login in dice.sample(list(people), round(len(people) * CHANGED)):
        person = people[login]
        name, value = dice.choice(
            [
                ("active", not person["active"]),
                ("name.givenName", f"{person['name.givenName']} Kim"),
                ("name.familyName", f"{person['name.familyName']} New"),
                (EMAIL, f"new.{person[EMAIL]}"),
                (DEPARTMENT, f"New {person[DEPARTMENT]}"),
            ]
        )
        people[login] = named({**person, name: value})
    groups = {name: list(members) for name, members in directory.groups.items()}
    places = [(name, login) for name, members in groups.items() for login in members]
    for name, login in dice.sample(places, round(len(places) * CHANGED)):
        others = [other for other in people if other not in groups[name]]
        groups[name].remove(login)
        if others and dice.random() < 0.7:
            groups[name].append(dice.choice(others))
    return Directory(people, groups)


@dataclass
class Platform:
    """The client: it matches, creates what is missing and sends what differs.

    `ids` are those that it was given, `members` what it has sent of each group.
    """

    scim: Scim
    ids: dict[str, str] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)

    def provision_user(self, login: str, person: Person) -> None:
        """Bring one account up to date."""
        found = self._found("/Users", filter=f'userName eq "{login}"')
        if found is None:
            made = self._sent(201, "POST", "/Users", _as_user(login, person))
            self.ids[login] = made["id"]
            return
        held = {path: _value_at(found, path) for path in person}
        operations = [
            # Booleans are written as words.
            {
                "op": "Add" if held[path] is None else "Replace",
                "path": path,
                "value": str(value) if isinstance(value, bool) else value,
            }
            for path, value in person.items()
            if held[path] != value
        ]
        if operations:
            self._patch(f"/Users/{found['id']}", 200, *operations)

    def provision_group(self, name: str, members: Sequence[str]) -> None:
        """Bring one group up to date; its members are never read."""
        query = {"filter": f'displayName eq "{name}"', "excludedAttributes": "members"}
        found = self._found("/Groups", **query)
        if found is None:
            body = {"schemas": [GROUP.schema.urn], "displayName": name, "externalId": f"G-{name}"}
            found = self._sent(201, "POST", "/Groups", body)
        path = f"/Groups/{found['id']}"
        for part in chunks(members):
            value = [{"$ref": None, "value": self.ids[login]} for login in part]
            self._patch(path, 204, {"op": "Add", "path": "members", "value": value})
        for login in gone(self.members.get(name, ()), members):
            value = [{"$ref": None, "value": self.ids[login]}]
            self._patch(path, 204, {"op": "Remove", "path": "members", "value": value})
        self.members[name] = list(members)

    def _found(self, path: str, **query: str) -> Any:
        answer = self.scim.get(path, **query)
        body: Any = answer.json
        assert answer.status_code == 200 and body["totalResults"] < 2, answer.text
        return body["Resources"][0] if body["totalResults"] else None

    def _patch(self, path: str, status: int, *operations: dict[str, Any]) -> None:
        self._sent(status, "PATCH", path, patch_op(*operations))

    def _sent(self, status: int, method: str, path: str, body: Any) -> Any:
        answer = self.scim.send(method, path, body)
        assert answer.status_code == status, f"{method} {path} {body}: {answer.text}"
        return answer.json if answer.data else None


def _as_user(login: str, person: Person) -> dict[str, Any]:
    return {
        "schemas": [USER.schema.urn, ENTERPRISE],
        "userName": login,
        "externalId": person["externalId"],
        "active": person["active"],
        "displayName": person["displayName"],
        "title": person["title"],
        "emails": [{"primary": True, "type": "work", "value": person[EMAIL]}],
        "name": {n: person[f"name.{n}"] for n in ("formatted", "familyName", "givenName")},
        "roles": [],
        "meta": {"resourceType": "User"},
        ENTERPRISE: {"department": person[DEPARTMENT]},
    }


def _value_at(user: dict[str, Any], path: str) -> Any:
    if path == EMAIL:
        return next((e["value"] for e in user.get("emails", ()) if e["type"] == "work"), None)
    if path == DEPARTMENT:
        return user.get(ENTERPRISE, {}).get("department")
    name, _, sub = path.partition(".")
    return user.get(name, {}).get(sub) if sub else user.get(name)


def chunks(members: Sequence[str]) -> list[Sequence[str]]:
    """Return the members in parts of one PATCH each."""
    return [members[first : first + CHUNK] for first in range(0, len(members), CHUNK)]


def gone(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return who is no member any more."""
    return [login for login in before if login not in after]


def writes_needed(before: Directory, after: Directory) -> Counter[str]:
    """Return the fewest writes that lead from one directory to the other, by LMS function."""
    writes: Counter[str] = Counter()
    for login, person in after.people.items():
        if login not in before.people:
            writes["core_user_create_users"] += 1
            # Moodle creates no disabled account.
            writes["core_user_update_users"] += not person["active"]
        else:
            writes["core_user_update_users"] += person != before.people[login]
    for name, members in after.groups.items():
        writes["core_cohort_create_cohorts"] += name not in before.groups
        held = before.groups.get(name, [])
        new = [part for part in chunks(members) if not set(part) <= set(held)]
        writes["core_cohort_add_cohort_members"] += len(new)
        writes["core_cohort_delete_cohort_members"] += len(gone(held, members))
    return +writes


def run(count: int, seed: int) -> Report:
    """Provision so many people and their groups: all of it, the same again, a few changes."""
    report = Report("cycle", seed)
    dice = random.Random(seed)
    directory = make_directory(dice, count)
    cycles = {"first": directory, "again": directory, "changed": change(dice, directory)}
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        service = make_service(Path(folder))
        platform = Platform(Scim(service, "moodle"))
        before = Directory()
        sizes = []
        try:
            for name, wanted in cycles.items():
                _run_once(report, name, service, platform, before, wanted)
                _compare(report, name, service, platform, wanted)
                before = wanted
                sizes.append(_memory())
        finally:
            service.close()
        check_database(report, Path(folder) / "matricula.db")
    shown = ", ".join(f"{size:.0f} MB" for size in sizes)
    report.figures["memory after each"] = shown
    report.expect(sizes[-1] - sizes[0] < MEMORY, f"memory grows: {shown}")
    return report


def _run_once(
    report: Report,
    name: str,
    service: Service,
    platform: Platform,
    before: Directory,
    wanted: Directory,
) -> None:
    """Run one cycle and check that it wrote what differs, once, and nothing else."""
    calls = service.moodle.site.calls
    calls.clear()
    earlier = _outcomes(service)
    started = time.monotonic()
    for login, person in wanted.people.items():
        platform.provision_user(login, person)
    users_took, users_calls = time.monotonic() - started, len(calls)
    for group, members in wanted.groups.items():
        platform.provision_group(group, members)
    took, groups_calls = time.monotonic() - started, len(calls) - users_calls
    writes = Counter(function for function, _ in calls if _WRITING.search(function))
    needed = writes_needed(before, wanted)
    report.expect(writes == needed, f"{name}: wrote {counts(writes)}; needed: {counts(needed)}")
    outcomes = _outcomes(service) - earlier
    others = outcomes.keys() - {"success", "noChange"}
    report.expect(not others, f"{name}: events {counts(outcomes)}")
    # A disabled account is made by two writes of one request.
    twice = 0 if before.people else needed["core_user_update_users"]
    successes = needed.total() - twice
    report.expect(
        outcomes["success"] == successes, f"{name}: {counts(outcomes)}, not {successes} successes"
    )
    people, groups = len(wanted.people), max(1, len(wanted.groups))
    report.figures[name] = (
        f"{people} users at {people / users_took:.0f}/s, {len(wanted.groups)} groups, {took:.1f} s;"
        f" LMS calls: {users_calls / people:.2f} a user, {groups_calls / groups:.1f} a group;"
        f" writes {writes.total()}; events: {counts(outcomes)}"
    )


def _outcomes(service: Service) -> Counter[str]:
    log = service.app.extensions["matricula"]["audit"]
    return Counter(event["outcome"] for event in log.stream(None))


def _compare(
    report: Report, name: str, service: Service, platform: Platform, wanted: Directory
) -> None:
    """Check that the LMS holds the directory."""
    site = service.moodle.site
    for login, person in wanted.people.items():
        user = site.users[int(platform.ids[login])]
        held = {
            "externalId": user.idnumber,
            "active": not user.suspended,
            "name.givenName": user.firstname,
            "name.familyName": user.lastname,
            EMAIL: user.email,
            DEPARTMENT: user.department,
        }
        report.expect(
            user.username == login.lower() and held.items() <= person.items(),
            f"{name}: {login} should be {person} and is {held}",
        )
    members = {
        cohort.name: {str(member) for member in cohort.members} for cohort in site.cohorts.values()
    }
    ids = {group: {platform.ids[m] for m in held} for group, held in wanted.groups.items()}
    report.expect(members == ids, f"{name}: the members of the groups differ")


def _memory() -> float:
    """Return the memory of this process in MB: now on Linux, at its highest elsewhere."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
