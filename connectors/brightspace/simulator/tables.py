"""Users with indexes on what they are looked up by, and enrolments from either side."""

from __future__ import annotations

from connectors.brightspace.simulator.records import Enrollment, User
from connectors.simulation.tables import Rows

KEYS = ("user_name", "org_defined_id", "email")


class Users(Rows[int, User]):
    """The accounts by id, ascending."""

    def __init__(self, first: int, fold: bool) -> None:
        super().__init__(first)
        self._fold = fold
        self._index: dict[str, dict[str, list[int]]] = {key: {} for key in KEYS}
        self._indexed: dict[int, dict[str, str]] = {}

    def take_id(self) -> int:
        """Return the next id, which is then used up."""
        return self.take_number()

    def add(self, user: User) -> User:
        """Keep an account."""
        self._rows[user.id] = user
        self._enter(user)
        return user

    def remove(self, user: User) -> None:
        """Forget an account."""
        del self._rows[user.id]
        self._leave(user)

    def renew(self, user: User) -> None:
        """Bring the indexes up to date after a change."""
        self._leave(user)
        self._enter(user)

    def find(self, key: str, value: str) -> list[User]:
        """Return the accounts with a value of one of `KEYS`, ascending by id."""
        return [
            self._rows[found] for found in sorted(self._index[key].get(self._as_key(value), ()))
        ]

    def _as_key(self, value: str) -> str:
        return value.casefold() if self._fold else value

    def _enter(self, user: User) -> None:
        values = {key: self._as_key(value) for key in KEYS if (value := getattr(user, key))}
        for key, value in values.items():
            self._index[key].setdefault(value, []).append(user.id)
        self._indexed[user.id] = values

    def _leave(self, user: User) -> None:
        for key, value in self._indexed.pop(user.id).items():
            self._index[key][value].remove(user.id)
            if not self._index[key][value]:
                del self._index[key][value]


class Enrollments:
    """The places of people in org units."""

    def __init__(self) -> None:
        self._by_unit: dict[int, dict[int, Enrollment]] = {}
        self._by_user: dict[int, dict[int, Enrollment]] = {}

    def put(self, row: Enrollment) -> Enrollment:
        """Keep an enrolment, in the place of one of the same person in the same org unit."""
        self._by_unit.setdefault(row.unit_id, {})[row.user_id] = row
        self._by_user.setdefault(row.user_id, {})[row.unit_id] = row
        return row

    def remove(self, row: Enrollment) -> None:
        """Forget an enrolment."""
        del self._by_unit[row.unit_id][row.user_id]
        del self._by_user[row.user_id][row.unit_id]

    def find(self, unit_id: int, user_id: int) -> Enrollment | None:
        """Return the enrolment of a person in an org unit."""
        return self._by_unit.get(unit_id, {}).get(user_id)

    def of_unit(self, unit_id: int) -> dict[int, Enrollment]:
        """Return the enrolments in an org unit by the person's id."""
        return self._by_unit.get(unit_id, {})

    def of_user(self, user_id: int) -> dict[int, Enrollment]:
        """Return the enrolments of a person by the org unit's id."""
        return self._by_user.get(user_id, {})
