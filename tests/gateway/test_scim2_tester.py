"""scim2-tester, a suite that others wrote, against each target: no failure, nothing skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import CheckResult, Status, check_server
from scim2_tester.utils import ResourceManager

from gateway.matrix import of_connectors
from schemas.attributes import LMS
from tests.gateway.service import TARGETS, TOKEN, Scim, Service

FEWEST = {"memory": 270, "moodle": 85, "blackboard": 130, "canvas": 80, "brightspace": 105}
"""How many successes there must be: an empty run proves nothing."""
MOMENTS = [datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 2, 28, 12, tzinfo=UTC)]
KNOWN = (
    # It sends an external id because that is a common attribute, and expects it back; RFC 7643
    # section 3.1 leaves it to the service provider.
    ("moodle", "Membership", "'externalId'"),
    ("blackboard", "Membership", "'externalId'"),
    ("canvas", "Membership", "'externalId'"),
    ("brightspace", "Course", "'externalId'"),
    ("brightspace", "Membership", "'externalId'"),
    # It removes each attribute that is not required, whatever the LMS makes of that.
    ("moodle", "Course", "available cannot be removed"),
    ("moodle", "Course", "An end goes only with a start"),
    ("canvas", "User", "cannot be removed"),
    ("canvas", "Course", "cannot be removed"),
    ("brightspace", "Course", "available cannot be removed"),
    ("brightspace", "Course", "enrollmentType cannot be removed"),
    # It wants to see at once what is returned on request only.
    ("canvas", "User", "Attribute 'locale' was not"),
    ("canvas", "User", "Attribute 'timezone' was not"),
    # A group's course stays when its extension is removed.
    ("brightspace", "Group", "lms:2.0:Group' was not removed"),
    ("blackboard", "Group", "lms:2.0:Group' was not removed"),
)
EXAMPLES: dict[str, dict[tuple[str, str], Any]] = {
    "memory": {},
    "moodle": {
        ("Course", "category_id"): ["1"],
        ("Course", "start"): MOMENTS[:1],
        ("Course", "end"): MOMENTS[1:],
        ("Membership", "course_role_id"): ["student", "teacher"],
    },
    "blackboard": {
        ("Group", "course_id"): ["_5001_1"],
        ("", "term_id"): ["_31_1"],
        ("", "locale"): ["en-GB", "de-DE"],
        ("Membership", "course_role_id"): ["Grader", "Instructor"],
    },
    "brightspace": {
        ("Group", "course_id"): ["6671"],
        ("Course", "category_id"): ["6660"],
        ("Course", "start"): MOMENTS[:1],
        ("Course", "end"): MOMENTS[1:],
        ("Membership", "course_role_id"): ["110", "109"],
    },
    "canvas": {
        ("User", "timezone"): ["Europe/Berlin", "America/Denver"],
        ("Course", "term_id"): ["1"],
        ("Course", "category_id"): ["1"],
        ("Course", "start"): MOMENTS[:1],
        ("Course", "end"): MOMENTS[1:],
        ("Membership", "course_role_id"): ["StudentEnrollment", "TaEnrollment"],
    },
}
TIED: dict[str, tuple[str, ...]] = {
    "blackboard": (
        *("available", "daysOfUse", "ultraStatus", "organization", "closedComplete"),
        *("childCourseId", "dataSourceId", "allowGuests", "uuid", "parentId"),
        *("localeForced", "durationType", "enrollmentType", "start", "end", "enrollmentStart"),
        *("enrollmentEnd", "accessCode"),
    ),
    "brightspace": ("termId",),
    "canvas": ("available", "closedComplete", "allowGuests", "uuid", "kind"),
}
"""Attributes that follow from others, need others, or cannot be changed once set."""


class Made(Sequence[str]):
    """Ids of resources that are made when the tester asks for an example."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _: Any) -> str:
        return self._make()


@pytest.fixture
def tidy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tester delete what it has made once: it does so after every check that follows."""
    cleanup = ResourceManager.cleanup

    def once(manager: ResourceManager) -> None:
        cleanup(manager)
        manager.resources.clear()

    monkeypatch.setattr(ResourceManager, "cleanup", once)


@pytest.mark.usefixtures("tidy")
@pytest.mark.parametrize("name", TARGETS)
def test_no_check_fails(name: str, make: Callable[..., Service]) -> None:
    # The tester's passwords are UUIDs, which break Moodle's password policy.
    service = make(
        name,
        moodle_settings={"password_policy": False},
        **{f"{lms}_policies": {"include": included(lms)} for lms in TIED},
    )
    scim = Scim(service, name)
    client = WSGISCIMClient(
        service.app,
        base_url=f"http://localhost/{name}/scim/v2",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    client.discover()
    types = [kind["name"] for kind in scim.get("/ResourceTypes").json["Resources"]]
    for type_ in types:
        give_examples(client.get_resource_model(type_), scim)
    results = check_server(client, resource_types=[t for t in types if is_written(scim, t)])
    bad = (Status.ERROR, Status.CRITICAL, Status.DEVIATION)
    failed = [r for r in results if r.status in bad and not is_known(name, r)]
    counts = Counter(result.status.name for result in results)
    print(name, dict(counts))
    assert not failed, "\n".join(f"{r.title} {r.reason} {r.data}"[:300] for r in failed)
    assert counts["SUCCESS"] >= FEWEST[name]
    assert counts["SKIPPED"] == 0


def is_known(name: str, result: CheckResult) -> bool:
    """Tell whether the tester demands what the standard does not."""
    return any(
        (name, result.resource_type) == (target, resource_type) and said in str(result.reason)
        for target, resource_type, said in KNOWN
    )


def included(lms: str) -> tuple[str, ...]:
    """Return an LMS's attributes without those that it fills or ties to others.

    Its extensions of users and groups are of that kind: the tester writes an extension as a whole
    and wants nothing else back.
    """
    mappings = of_connectors(lms).values()
    paths = [str(row.path.whole) for mapping in mappings for row in mapping.rows]
    return tuple(path for path in paths if LMS not in path and path not in TIED[lms])


def is_written(scim: Scim, resource_type: str) -> bool:
    """Tell whether the tester can make resources of the type: it tries that with every type."""
    targets = scim.service.app.extensions["matricula"]["targets"]
    return bool(targets[scim.name].connector.collections[resource_type].offers("create"))


def give_examples(model: Any, scim: Scim) -> None:
    """Tell the tester what it cannot guess: moments, and what has to exist."""
    numbers = (str(number) for number in range(10_000))
    made = {
        ("Membership", "user_id"): Made(lambda: scim.add(f"member{next(numbers)}")),
        ("Membership", "course_id"): Made(lambda: scim.add_course(f"course{next(numbers)}")),
    }
    made |= EXAMPLES[scim.name]
    extensions = getattr(model, "get_extension_models", dict)()
    for each in (model, *extensions.values()):
        for name, field in each.model_fields.items():
            if "datetime" in str(field.annotation):
                field.examples = MOMENTS
            for owner in (model.__name__.split("[")[0], ""):
                if (owner, name) in made:
                    field.examples = made[owner, name]
