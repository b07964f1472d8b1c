"""The calls of a run: what can go together does, and each write has its own event and end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Collection
from gateway.audit import AuditLog
from gateway.gathering import Gathering
from tests.gateway.service import Service, make_service
from tests.gateway.sync.site import Site


class Patient(Gathering):
    """Waits for others however slow the machine is."""

    def __init__(self, collection: Collection, **given: Any) -> None:
        super().__init__(collection, patience=10, **given)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sync.applying.Gathering", Patient)


def people(number: int) -> list[dict[str, Any]]:
    return [
        {
            "userName": f"p{i}",
            "externalId": f"E{i}",
            "name.given": "Ann",
            "name.family": "Doe",
            "contact.email": f"p{i}@example.edu",
        }
        for i in range(number)
    ]


def importing(folder: Path) -> Site:
    service = make_service(
        folder,
        only=("canvas",),
        canvas_options={"more": {"sis_import": True}},
        canvas_settings={"call_cost": 0, "up_front_cost": 0},
    )
    return Site(service, "canvas")


def writes(service: Service) -> Counter[str]:
    called = (f"{method} {path.rpartition('/')[2]}" for method, path in service.canvas.site.calls)
    return Counter(call for call in called if call.startswith("POST"))


def test_many_new_accounts_go_in_one_of_moodles_calls(tmp_path: Path) -> None:
    site = Site(make_service(tmp_path, only=("moodle",)), "moodle")
    site.plan(people(150))
    site.service.forget()
    assert site.apply().exit_code == 0
    made = [name for name, _ in site.service.moodle.site.calls if name == "core_user_create_users"]
    assert len(made) == 3
    site.service.close()


def test_new_accounts_go_in_one_import_and_have_an_event_each(tmp_path: Path) -> None:
    site = importing(tmp_path)
    head = site.plan(people(130))
    site.service.canvas.site.calls.clear()
    assert site.apply().done == {"create": 130}
    # A report of what is taken, the import, looks at both, and two pages of the newest accounts.
    assert writes(site.service) == {"POST provisioning_csv": 1, "POST sis_imports": 1}
    assert len(site.service.canvas.site.calls) <= head.forecast["create"] == 12
    created = [event for event in site.service.events if event["operation"] == "create"]
    assert Counter(event["outcome"] for event in created) == {"success": 130}
    users = site.users()
    assert {event["login"]: event["resourceId"] for event in created} == {
        login: users[login]["id"] for login in users if login[0] == "p"
    }
    assert not any(site.plan(people(130)).totals[kind] for kind in ("create", "change"))
    site.service.close()


def test_few_new_accounts_are_forecast_and_made_one_by_one(tmp_path: Path) -> None:
    site = importing(tmp_path)
    assert site.plan(people(5)).forecast["create"] == 5
    site.service.canvas.site.calls.clear()
    site.apply()
    assert writes(site.service) == {"POST users": 5}
    site.service.close()


def test_who_dies_after_an_import_does_not_import_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = importing(tmp_path)
    site.plan(people(20))
    with monkeypatch.context() as dying:
        dying.setattr(AuditLog, "finish", lambda *given, **known: None)
        site.apply()
    site.service.canvas.site.calls.clear()
    assert site.apply().exit_code == 0
    assert "POST sis_imports" not in writes(site.service)
    created = [event for event in site.service.events if event["operation"] == "create"]
    assert Counter(event["outcome"] for event in created) == {"success": 20}
    site.service.close()
