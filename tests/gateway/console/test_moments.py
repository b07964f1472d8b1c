"""What a resource held at a moment, computed from changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.console.moments import State, state_at


def told(sequence: int, outcome: str, operation: str, *changes: tuple[str, Any, Any]) -> Any:
    """Return an event that ended in the given second."""
    made = [{"path": path, "old": old, "new": new} for path, old, new in changes]
    kept = [{name: value for name, value in one.items() if value is not None} for one in made]
    time = f"2026-01-01T00:00:{sequence:02}Z"
    return {"sequence": sequence, "time": time, "finished": time, "outcome": outcome,
            "operation": operation, "changes": kept}  # fmt: skip


HISTORY = [
    told(10, "success", "patch", ("title", "Dr", "Prof"), ("emails", None, "a@x")),
    told(20, "failed", "patch", ("title", "Prof", "Sir")),
    told(30, "success", "patch", ("emails", None, "b@x"), ("password", None, None)),
    told(40, "success", "patch", ("title", "Mr", None), ("emails", "a@x", None)),
    told(50, "success", "delete", ("active", "true", "false")),
    told(58, "success", "revive", ("active", "false", "true"), ("emails", "c@x", None)),
]


def state(second: int) -> State:
    moment = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
    return state_at(iter(HISTORY), "User", moment)


@pytest.mark.parametrize(
    ("second", "values"),
    [
        (5, {"title": ["Dr"], "active": ["true"], "emails": ["c@x"]}),
        (15, {"title": ["Prof"], "active": ["true"], "emails": ["a@x", "c@x"]}),
        (35, {"title": ["Prof"], "active": ["true"], "emails": ["a@x", "b@x", "c@x"],
              "password": []}),
        (45, {"active": ["true"], "emails": ["b@x", "c@x"], "password": []}),
        (59, {"active": ["true"], "emails": ["b@x"], "password": []}),
    ],
)  # fmt: skip
def test_a_state_is_computed_from_changes(second: int, values: dict[str, list[str]]) -> None:
    assert {held.path: held.values for held in state(second).held} == values


def test_a_state_tells_what_is_doubtful() -> None:
    assert [held.found for held in state(35).held if held.path == "title"] == ["Mr"]
    assert [event["sequence"] for event in state(35).doubtful] == [20]
    assert state(15).doubtful == ()
    deleted = state(55).deleted
    assert deleted is not None and deleted["sequence"] == 50
    assert state(59).deleted is None
    assert state(5).is_made
