"""scim2-tester, a suite that others wrote, against each target: no failure, nothing skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from tests.gateway.service import TOKEN, Scim, Service

FEWEST = {"memory": 270, "moodle": 85}
"""How many successes there must be: an empty run proves nothing."""
MOMENTS = [datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 2, 28, 12, tzinfo=UTC)]


class Made(Sequence[str]):
    """Ids of resources that are made when the tester asks for an example."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _: Any) -> str:
        return self._make()


@pytest.mark.parametrize("name", ["memory", "moodle"])
def test_no_check_fails(name: str, make: Callable[..., Service]) -> None:
    # The tester's passwords are UUIDs, which break Moodle's password policy.
    service = make(simulator={"password_policy": False})
    client = WSGISCIMClient(
        service.app,
        base_url=f"http://localhost/{name}/scim/v2",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    client.discover()
    give_examples(client, Scim(service, name))
    results = check_server(client)
    failed = [r for r in results if r.status in (Status.ERROR, Status.CRITICAL, Status.DEVIATION)]
    counts = Counter(result.status.name for result in results)
    print(name, dict(counts))
    assert not failed, "\n".join(f"{r.title} {r.reason} {r.data}" for r in failed)
    assert counts["SUCCESS"] >= FEWEST[name]
    assert counts["SKIPPED"] == 0


def give_examples(client: WSGISCIMClient, scim: Scim) -> None:
    """Tell the tester what it cannot guess: moments, and ids of what exists."""
    numbers = (str(number) for number in range(10_000))
    for model in client.provider.models:
        fields = model.model_fields
        for field in fields.values():
            if "datetime" in str(field.annotation):
                field.examples = MOMENTS
        if model.__name__ == "Membership":
            fields["user_id"].examples = Made(lambda: scim.add(f"member{next(numbers)}"))
            fields["course_id"].examples = Made(lambda: scim.add_course(f"course{next(numbers)}"))
