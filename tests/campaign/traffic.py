"""An identity platform at work: it sends changes and insists until each one is answered."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.campaign.processes import TOKEN
from tests.gateway.service import patch_op, person, team

PATIENCE_SECONDS = 120.0
_WAIT = 0.05
_ANSWERED = frozenset({200, 201, 204, 400, 401, 403, 404, 409})


class GaveUp(Exception):
    """A request was not answered however often it was sent."""


@dataclass(slots=True)
class Account:
    """An account as the client believes that it is."""

    login: str
    given: str
    family: str
    active: bool = True
    deleted: bool = False
    id: str = ""


@dataclass(slots=True)
class Team:
    """A group as the client believes that it is."""

    name: str
    id: str = ""
    deleted: bool = False
    members: set[str] = field(default_factory=set)


@dataclass
class Client:
    """One connection of the platform; the accounts and groups here are nobody else's.

    `send` is called with method, path and body, gives status and body, and raises
    httpx.HTTPError when no answer comes.
    """

    name: str
    send: Callable[[str, str, Any], tuple[int, Any]]
    dice: random.Random
    accounts: dict[str, Account] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    secret: str = ""
    partly: bool = False

    def run(self, limit: int | None = None) -> None:
        """Send changes until it is stopped, or so many."""
        done = 0
        while not self.stopped.is_set() and (limit is None or done < limit):
            try:
                self.step()
            except GaveUp as error:
                self.surprises.append(f"{self.name}: {error}")
                return
            except Exception as error:
                self.surprises.append(f"{self.name}: {type(error).__name__}: {error}")
                return
            done += 1

    def step(self) -> None:
        """Make one change, whichever the dice say."""
        living = [a for a in self.accounts.values() if not a.deleted]
        groups = [t for t in self.teams.values() if not t.deleted]
        if len(living) < 3:
            return self.create_user()
        if not groups:
            return self.create_group()
        actions: list[tuple[int, Callable[[], None]]] = [
            (25, self.create_user),
            (20, lambda: self.rename(self.dice.choice(living))),
            (18, lambda: self.switch(self.dice.choice(living))),
            (25, lambda: self.change_members(self.dice.choice(groups), living)),
            (3, lambda: self.reset(self.dice.choice(living))),
            (5, lambda: self.delete_user(self.dice.choice(living))),
            (2, self.create_group),
            (1, lambda: self.delete_group(self.dice.choice(groups))),
        ]
        if gone := [a for a in self.accounts.values() if a.deleted]:
            actions.append((4, lambda: self.revive(self.dice.choice(gone))))
        chosen = self.dice.choices(actions, [weight for weight, _ in actions])[0][1]
        return chosen()

    def create_user(self) -> None:
        number = len(self.accounts)
        account = Account(f"{self.name}-u{number}", "Ann", f"Doe {number}")
        account.active = self.dice.random() < 0.85
        self.accounts[account.login] = account
        self._post_user(account)

    def revive(self, account: Account) -> None:
        account.family, account.active = f"Back {self.dice.randrange(1000)}", True
        self._post_user(account)
        account.deleted = False

    def _post_user(self, account: Account) -> None:
        name = {"givenName": account.given, "familyName": account.family}
        body = person(account.login, name=name, externalId=f"x-{account.login}")
        if not account.active:
            body["active"] = False
        if self.dice.random() < 0.2 and self.secret:
            body["password"] = self.secret
        status, made = self._insist("POST", "/Users", body, expected={201, 409})
        if status == 409:
            made = self._found("/Users", f'userName eq "{account.login}"')
            self.figures["found after 409"] += 1
            if made.get("active", True) != account.active:
                # As platforms do: match the account, then bring it up to date.
                self.figures["finished after 409"] += 1
                operation = {"op": "replace", "path": "active", "value": account.active}
                self._insist("PATCH", f"/Users/{made['id']}", patch_op(operation))
        account.id = made["id"]

    def rename(self, account: Account) -> None:
        account.family = f"New {self.dice.randrange(100_000)}"
        operation = {"op": "replace", "path": "name.familyName", "value": account.family}
        self._insist("PATCH", f"/Users/{account.id}", patch_op(operation))

    def switch(self, account: Account) -> None:
        account.active = not account.active
        if self.dice.random() < 0.5:
            operation = {"op": "replace", "value": {"active": account.active}}
            self._insist("PATCH", f"/Users/{account.id}", patch_op(operation))
        else:
            word = "enable" if account.active else "disable"
            self._insist("POST", f"/Users/{account.id}/.{word}", None)

    def reset(self, account: Account) -> None:
        body = {"password": self.secret or "Correct-Horse-7"}
        self._insist("POST", f"/Users/{account.id}/.resetPassword", body)

    def delete_user(self, account: Account) -> None:
        # Platforms take accounts out of their groups before they delete them.
        for group in self.teams.values():
            if not group.deleted and account.id in group.members:
                self._remove(group, account.id)
        account.deleted = True
        self._insist("DELETE", f"/Users/{account.id}", None, expected={204, 404})

    def create_group(self) -> None:
        group = Team(f"{self.name}-g{len(self.teams)}")
        self.teams[group.name] = group
        body = team(group.name, externalId=f"x-{group.name}")
        living = [a.id for a in self.accounts.values() if not a.deleted and a.id]
        if self.partly and living:
            group.members = set(self.dice.sample(living, min(len(living), 3)))
            body["members"] = [{"value": id} for id in sorted(group.members)]
        status, made = self._insist("POST", "/Groups", body, expected={201, 409})
        if status == 409:
            made = self._found("/Groups", f'externalId eq "x-{group.name}"')
            self.figures["found after 409"] += 1
            if self.partly:
                self._replace_members(made["id"], group.members)
        group.id = made["id"]

    def change_members(self, group: Team, living: list[Account]) -> None:
        if self.partly and self.dice.random() < 0.3:
            chosen = self.dice.sample(living, self.dice.randrange(1, min(6, len(living)) + 1))
            group.members = {account.id for account in chosen}
            return self._replace_members(group.id, group.members)
        outside = [a.id for a in living if a.id not in group.members]
        if outside and (not group.members or self.dice.random() < 0.6):
            chosen = self.dice.sample(outside, min(len(outside), self.dice.randrange(1, 4)))
            group.members.update(chosen)
            value = [{"value": id} for id in chosen]
            operation: dict[str, Any] = {"op": "add", "path": "members", "value": value}
            self._insist("PATCH", f"/Groups/{group.id}", patch_op(operation))
        elif group.members:
            self._remove(group, self.dice.choice(sorted(group.members)))
        return None

    def _replace_members(self, id: str, members: set[str]) -> None:
        value = [{"value": member} for member in sorted(members)]
        operation = {"op": "replace", "path": "members", "value": value}
        self._insist("PATCH", f"/Groups/{id}", patch_op(operation))

    def _remove(self, group: Team, member: str) -> None:
        group.members.discard(member)
        operation = {"op": "remove", "path": f'members[value eq "{member}"]'}
        self._insist("PATCH", f"/Groups/{group.id}", patch_op(operation), expected={204, 400})

    def delete_group(self, group: Team) -> None:
        group.deleted = True
        self._insist("DELETE", f"/Groups/{group.id}", None, expected={204, 404})

    def _found(self, path: str, filter: str) -> Any:
        _, body = self._insist("GET", path, {"filter": filter}, expected={200})
        if body["totalResults"] != 1:
            raise GaveUp(f"{filter} finds {body['totalResults']}")
        return body["Resources"][0]

    def _insist(
        self, method: str, path: str, body: Any, expected: frozenset[int] | set[int] = frozenset()
    ) -> tuple[int, Any]:
        """Send until an answer comes that is no failure of the service."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        said: object = None
        self.figures["requests"] += 1
        while time.monotonic() < deadline:
            self.figures["sent"] += 1
            try:
                status, answer = self.send(method, path, body)
            except httpx.HTTPError as error:
                said = type(error).__name__
                self.figures["without answer"] += 1
                time.sleep(_WAIT)
                continue
            said = f"{status} {answer}"
            self.figures[f"answered {status}"] += 1
            if status == 500:
                raise GaveUp(f"{method} {path}: {said}")
            if status in _ANSWERED:
                if status not in (expected or {200, 204}):
                    raise GaveUp(f"{method} {path} {body}: {said}")
                return status, answer
            time.sleep(_WAIT)
        raise GaveUp(f"{method} {path}: {said}")


@contextmanager
def over_http(base: str) -> Iterator[Callable[[str, str, Any], tuple[int, Any]]]:
    """Give what sends to the base URL; the body of a GET becomes its query."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=base, headers=headers, timeout=30, trust_env=False) as client:

        def send(method: str, path: str, body: Any) -> tuple[int, Any]:
            if method == "GET":
                answer = client.get(path, params=body)
            else:
                answer = client.request(method, path, json=body)
            return answer.status_code, answer.json() if answer.content else None

        yield send


def over_flask(app: Any, base: str) -> Callable[[str, str, Any], tuple[int, Any]]:
    """Return what sends to an application in this process."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"

    def send(method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            answer = client.get(base + path, query_string=body)
        else:
            answer = client.open(base + path, method=method, json=body)
        return answer.status_code, answer.json if answer.data else None

    return send
