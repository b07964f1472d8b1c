"""A cycle on a Canvas that refuses every third call, of which no identity platform may notice."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from unittest.mock import patch

from tests.campaign.cycle import EMAIL, Directory, Platform, change, make_directory
from tests.campaign.invariants import check_database
from tests.campaign.report import Report, counts
from tests.gateway.service import Scim, Service, make_service

EVERY = 3


def run(count: int, seed: int) -> Report:
    """Provision so many people and their groups: all of it, the same again, a few changes."""
    report = Report("throttled", seed)
    dice = random.Random(seed)
    directory = make_directory(dice, count)
    cycles = {"first": directory, "again": directory, "changed": change(dice, directory)}
    with (
        tempfile.TemporaryDirectory(prefix="campaign-") as folder,
        # The refusals do not wait for a bucket to leak.
        patch("connectors.http.time.sleep"),
    ):
        service = make_service(Path(folder), canvas_settings={"throttle_every": EVERY})
        platform = Platform(Scim(service, "canvas"))
        try:
            for name, wanted in cycles.items():
                _run_once(report, name, service, platform, wanted)
                _compare(report, name, service, platform, wanted)
        finally:
            service.close()
        check_database(report, Path(folder) / "matricula.db")
    return report


def _run_once(
    report: Report, name: str, service: Service, platform: Platform, wanted: Directory
) -> None:
    calls = service.canvas.site.calls
    calls.clear()
    before = len(service.events)
    started = time.monotonic()
    # Whatever is refused to the client raises there.
    for login, person in wanted.people.items():
        platform.provision_user(login, person)
    for group, members in wanted.groups.items():
        platform.provision_group(group, members)
    outcomes = Counter(event["outcome"] for event in service.events[before:])
    report.expect(outcomes.keys() <= {"success", "noChange"}, f"{name}: {counts(outcomes)}")
    people = len(wanted.people)
    report.figures[name] = (
        f"{people} users, {len(wanted.groups)} groups in {time.monotonic() - started:.1f} s; "
        f"{len(calls)} calls, of which Canvas refused {len(calls) // EVERY}; "
        f"events: {counts(outcomes)}"
    )


def _compare(
    report: Report, name: str, service: Service, platform: Platform, wanted: Directory
) -> None:
    """Check that Canvas holds the directory, and nobody else but the token's own account."""
    site = service.canvas.site
    report.expect(len(site.users) == len(wanted.people) + 1, f"{name}: {len(site.users)} users")
    for login, person in wanted.people.items():
        user = site.users[int(platform.ids[login])]
        (shown,) = site.logins_of(user.id)
        held = {
            "externalId": shown.sis_user_id,
            "active": shown.state == "active",
            "displayName": user.short_name,
            EMAIL: site.email_of(user.id),
        }
        wrong = {path: value for path, value in held.items() if value != person[path]}
        report.expect(not wrong, f"{name}: {login} has {wrong}")
        only = [channel.address for channel in site.channels_of(user.id)] == [person[EMAIL]]
        report.expect(only, f"{name}: {login} has other addresses")
    for group in site.groups.values():
        people = {row.user_id for row in site.members_of(group.id, "accepted")}
        logins = {int(platform.ids[login]) for login in wanted.groups.get(group.name, ())}
        report.expect(people == logins, f"{name}: {group.name} has other members")
