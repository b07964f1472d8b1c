"""Addresses on Canvas, in whatever letter case: what it would leave as it is, is no change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gateway.service import Scim, Service, person


@pytest.mark.parametrize("how", ["put", "patch"])
def test_other_letters_of_the_same_address_are_no_change(
    make: Callable[..., Service], how: str
) -> None:
    scim = Scim(make("canvas"), "canvas")
    id = scim.add("ann")
    held = scim.get(f"/Users/{id}").json["emails"][0]["value"]
    emails = [{"type": "work", "value": held.upper(), "primary": True}]
    for _ in range(2):
        if how == "put":
            answer = scim.put(f"/Users/{id}", person("ann", emails=emails))
        else:
            change = {"op": "replace", "path": "emails", "value": emails}
            answer = scim.patch(f"/Users/{id}", change)
        assert answer.status_code in (200, 204)
        assert scim.event["outcome"] == "noChange"
    assert scim.get(f"/Users/{id}").json["emails"][0]["value"] == held
    other = [{"type": "work", "value": "New@example.edu", "primary": True}]
    scim.patch(f"/Users/{id}", {"op": "replace", "path": "emails", "value": other})
    assert scim.get(f"/Users/{id}").json["emails"][0]["value"] == "New@example.edu"
