"""Races: 16 threads want the same thing at once, from two gateways on one database."""

from __future__ import annotations

import random
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.campaign.invariants import (
    check_database,
    check_events,
    check_replay,
    events_of,
    keep_events,
)
from tests.campaign.processes import Moodle, gateway, moodle
from tests.campaign.report import Report, counts
from tests.campaign.traffic import over_http
from tests.gateway.service import patch_op, person, team

THREADS = 16
PATIENCE_SECONDS = 120.0

Call = tuple[str, str, Any]
Answer = tuple[int, Any]
Send = Callable[[str, str, Any], Answer]


class Arena:
    """Connections to both gateways, and the answers that came."""

    def __init__(self, report: Report, sends: list[Send], site: Moodle, seed: int) -> None:
        self.report = report
        self.site = site
        self.dice = random.Random(seed)
        self.seed = seed % 1000
        self.seen: Counter[str] = Counter()
        self._number = 0
        self._sends = sends

    def name(self, kind: str) -> str:
        """Return a name that nothing had before."""
        self._number += 1
        return f"r{self.seed}-{kind}{self._number}"

    def one(self, method: str, path: str, body: Any = None, *, status: int) -> Any:
        """Send one request alone."""
        found, answer = self.dice.choice(self._sends)(method, path, body)
        self.report.expect(found == status, f"{method} {path}: {found} {answer}")
        return answer or {}

    def user(self, **more: Any) -> str:
        """Create an account alone and return its id."""
        return str(self.one("POST", "/Users", person(self.name("u"), **more), status=201).get("id"))

    def all_at_once(self, calls: list[Call]) -> list[Answer]:
        """Send up to 16 requests at the same moment and return their answers in order."""
        self.dice.shuffle(self._sends)
        answers: list[Answer] = [(0, "no answer")] * len(calls)
        barrier = threading.Barrier(len(calls), timeout=PATIENCE_SECONDS)

        def send(place: int) -> None:
            barrier.wait()
            try:
                answers[place] = self._sends[place](*calls[place])
            except Exception as error:
                answers[place] = 0, repr(error)

        threads = [
            threading.Thread(target=send, args=(place,), daemon=True) for place in range(len(calls))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        return answers

    def expect(self, race: str, answers: list[Answer], allowed: set[int], **exactly: int) -> None:
        """Check that only allowed statuses came, and how often some of them: `s201=1`."""
        statuses = Counter(status for status, _ in answers)
        for status, number in statuses.items():
            self.seen[f"{race} {status}"] += number
        odd = [answer for answer in answers if answer[0] not in allowed]
        self.report.expect(not odd, f"{race}: {odd[:3]}")
        for name, number in exactly.items():
            found = statuses[int(name[1:])]
            self.report.expect(found == number, f"{race}: {name[1:]} came {found} times")


def one_login(arena: Arena) -> None:
    """16 times the same userName: one is created."""
    login = arena.name("same")
    calls: list[Call] = []
    for number in range(THREADS):
        email = [{"value": f"{login}.{number}@example.edu", "type": "work"}]
        name = login.upper() if number % 3 == 0 else login
        calls.append(("POST", "/Users", person(login, emails=email) | {"userName": name}))
    calls = [(m, p, {**b, "userName": b["userName"].lower()}) for m, p, b in calls]
    arena.expect("one login", arena.all_at_once(calls), {201, 409}, s201=1)


def one_email(arena: Arena) -> None:
    """16 accounts with one address: one is created."""
    email = [{"value": f"{arena.name('mail')}@example.edu", "type": "work"}]
    calls = [("POST", "/Users", person(arena.name("u"), emails=email)) for _ in range(THREADS)]
    arena.expect("one email", arena.all_at_once(calls), {201, 409}, s201=1)


def one_external_id(arena: Arena) -> None:
    """16 groups with one externalId: one is created."""
    name = arena.name("group")
    calls = [("POST", "/Groups", team(f"{name} {n}", externalId=name)) for n in range(THREADS)]
    arena.expect("one externalId", arena.all_at_once(calls), {201, 409}, s201=1)


def members(arena: Arena) -> None:
    """8 members come and 8 go: none is lost, none stays."""
    users = [arena.user() for _ in range(THREADS)]
    going, coming = users[:8], users[8:]
    made = arena.one("POST", "/Groups", team(arena.name("g"), *going), status=201)
    calls = [_add(made["id"], user) for user in coming] + [_out(made["id"], u) for u in going]
    arena.expect("members", arena.all_at_once(calls), {204})
    _expect_members(arena, made["id"], set(coming))


def rename_and_members(arena: Arena) -> None:
    """A group gets names and members at once: one of the names, and all members."""
    users = [arena.user() for _ in range(THREADS // 2)]
    made = arena.one("POST", "/Groups", team(arena.name("g")), status=201)
    names = [arena.name("named") for _ in users]
    calls = [_add(made["id"], user) for user in users]
    for name in names:
        operation = {"op": "replace", "path": "displayName", "value": name}
        calls.append(("PATCH", f"/Groups/{made['id']}", patch_op(operation)))
    arena.expect("rename and members", arena.all_at_once(calls), {204})
    _expect_members(arena, made["id"], set(users))
    name = arena.site.cohorts()[made["id"]]["name"]
    arena.report.expect(name in names, f"rename and members: the name is {name}")


def delete_and_patch(arena: Arena) -> None:
    """An account is deleted while it is changed: afterwards it is gone and disabled."""
    user = arena.user()
    calls: list[Call] = [("DELETE", f"/Users/{user}", None)] * 2
    for number in range(THREADS - 2):
        operation: dict[str, Any] = {"op": "replace", "path": "active", "value": number % 2 == 0}
        if number % 3 == 0:
            operation = {"op": "replace", "path": "name.familyName", "value": f"N{number}"}
        calls.append(("PATCH", f"/Users/{user}", patch_op(operation)))
    arena.expect("delete and patch", arena.all_at_once(calls), {200, 204, 404}, s204=1)
    arena.one("GET", f"/Users/{user}", status=404)
    arena.report.expect(arena.site.users()[user]["suspended"], f"deleted {user} is active")


def enable_and_disable(arena: Arena) -> None:
    """An account is enabled and disabled at once; the log tells who came last."""
    user = arena.user()
    calls: list[Call] = [
        ("POST", f"/Users/{user}/.{'enable' if n % 2 else 'disable'}", None) for n in range(THREADS)
    ]
    arena.expect("enable and disable", arena.all_at_once(calls), {204}, s204=THREADS)


def revive(arena: Arena) -> None:
    """A deleted login is created 16 times: it comes back once, with its old id."""
    login = arena.name("back")
    user = arena.one("POST", "/Users", person(login), status=201).get("id")
    arena.one("DELETE", f"/Users/{user}", status=204)
    answers = arena.all_at_once([("POST", "/Users", person(login))] * THREADS)
    arena.expect("revive", answers, {201, 409}, s201=1)
    ids = [body.get("id") for status, body in answers if status == 201]
    arena.report.expect(ids == [user], f"revive: {ids} instead of {user}")


def one_name(arena: Arena) -> None:
    """16 accounts want to take one address by PATCH: one gets it."""
    email = f"{arena.name('wanted')}@example.edu"
    operation = {"op": "replace", "path": 'emails[type eq "work"].value', "value": email}
    calls: list[Call] = [
        ("PATCH", f"/Users/{arena.user()}", patch_op(operation)) for _ in range(THREADS // 2)
    ]
    arena.expect("one address by PATCH", arena.all_at_once(calls), {200, 409}, s200=1)


RACES: tuple[Callable[[Arena], None], ...] = (
    one_login,
    one_email,
    members,
    rename_and_members,
    delete_and_patch,
    enable_and_disable,
    revive,
    one_external_id,
    one_name,
)


def run(count: int, seed: int) -> Report:
    """Run so many rounds, one race after the other."""
    report = Report("races", seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="campaign-")))
        site = stack.enter_context(moodle())
        gateways = [stack.enter_context(gateway(folder, site)) for _ in range(2)]
        for one in gateways:
            one.start(1)
        bases = [f"{gateways[n % 2].url}/moodle/scim/v2" for n in range(THREADS)]
        sends = [stack.enter_context(over_http(base)) for base in bases]
        arena = Arena(report, sends, site, seed)
        for number in range(count):
            race = RACES[number % len(RACES)]
            try:
                race(arena)
            except Exception as error:
                report.expect(False, f"{race.__name__}: {error!r}")
        for one in gateways:
            one.stop()
        events = events_of(gateways[0].database)
        check_events(report, events)
        check_replay(report, events, site.users(), site.cohorts())
        check_database(report, gateways[0].database)
        keep_events(report, events)
        report.figures |= {
            "rounds": count,
            "answers": counts(arena.seen),
            "LMS calls": site.calls(),
            "events": f"{len(events)} ({counts(Counter(e['outcome'] for e in events))})",
        }
    return report


def _add(group: str, user: str) -> Call:
    operation = {"op": "add", "path": "members", "value": [{"value": user}]}
    return "PATCH", f"/Groups/{group}", patch_op(operation)


def _out(group: str, user: str) -> Call:
    operation = {"op": "remove", "path": f'members[value eq "{user}"]'}
    return "PATCH", f"/Groups/{group}", patch_op(operation)


def _expect_members(arena: Arena, group: str, wanted: set[str]) -> None:
    held = {str(member) for member in arena.site.cohorts()[group]["members"]}
    arena.report.expect(held == wanted, f"group {group}: {sorted(held)}, not {sorted(wanted)}")
