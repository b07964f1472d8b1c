"""What the log costs a write: one commit before the LMS is called and one after, reads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from tests.gateway.service import Scim, Service, person


@contextmanager
def commits(service: Service) -> Iterator[list[object]]:
    """Count the transactions that write."""
    engine = service.app.extensions["matricula"]["database"]._engine
    made: list[object] = []
    count = made.append
    event.listen(engine, "commit", count)
    yield made
    event.remove(engine, "commit", count)


@pytest.mark.parametrize("name", ["memory", "moodle"])
def test_two_commits_a_write(service: Service, name: str) -> None:
    scim = Scim(service, name)
    id = scim.add("ann")
    with commits(service) as made:
        assert scim.get(f"/Users/{id}").status_code == 200
        assert scim.get("/Users", filter='userName eq "ann"').status_code == 200
    assert len(made) == 0
    with commits(service) as made:
        assert scim.post("/Users", person("bob")).status_code == 201
    assert len(made) == 2
    change = {"op": "replace", "path": "name.givenName", "value": "Anna"}
    for expected in (2, 1):
        # The second time nothing changes: the outcome is all there is to write down.
        with commits(service) as made:
            assert scim.patch(f"/Users/{id}", change).status_code in (200, 204)
        assert len(made) == expected
    with commits(service) as made:
        assert scim.post("/Users", person("bob")).status_code == 409
    # Only the LMS could tell that the name is taken, so the intent came first.
    assert len(made) == 2
