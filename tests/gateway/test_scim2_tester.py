"""scim2-tester, a suite that others wrote, against both targets: no failure, nothing skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from tests.gateway.service import TOKEN, Service

FEWEST = {"memory": 180, "moodle": 85}
"""How many successes there must be: an empty run proves nothing."""


@pytest.mark.parametrize("name", ["memory", "moodle"])
def test_no_check_fails(name: str, make: Callable[..., Service]) -> None:
    # The tester's passwords are UUIDs, which break Moodle's password policy.
    service = make(simulator={"password_policy": False})
    client = WSGISCIMClient(
        service.app,
        base_url=f"http://localhost/{name}/scim/v2",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    results = check_server(client)
    failed = [r for r in results if r.status in (Status.ERROR, Status.CRITICAL, Status.DEVIATION)]
    counts = Counter(result.status.name for result in results)
    print(name, dict(counts))
    assert not failed, "\n".join(f"{r.title} {r.reason} {r.data}" for r in failed)
    assert counts["SUCCESS"] >= FEWEST[name]
    assert counts["SKIPPED"] == 0
