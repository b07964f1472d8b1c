"""Filters of the root, said for one target: they hold when the root's filter does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.qualified import TYPES, qualified, specialised
from schemas.attributes import ResourceType
from schemas.filters import EVERYTHING, NOTHING, parse_filter, parse_path
from schemas.match import compile_filter
from schemas.origin import ORIGIN
from tests.schemas.strategies import filters, properties, resources

BY_NAME = {resource_type.name: resource_type for resource_type in TYPES}
IDS = {
    "User": ("id", "groups.value", "manager.value", "observers.value", "observees"),
    "Group": ("id", "members.value", "courseId", "parentId", 'members[type eq "User"].value'),
    "Course": ("id", "parentId"),
    "Membership": ("id", "userId", "courseId", "childCourseId"),
    "Role": ("id",),
}
WORDS = (
    *("moodle:5", "moodle:", "moodle", "mo", "m", "e:5", ":5", ":", "5", "7", "5.7", "e:", ""),
    *("moodle:e:5", "moodle:moodle:5", "canvas:5", "MOODLE:5", "z", "a", "moodle;", "moodle9"),
)


def bare(draw: st.DrawFn, resource_type: ResourceType, words: tuple[str, ...] | None) -> Any:
    """Draw a resource of a target: without an origin, and with an id."""
    names = None if words is None else [path.partition("[")[0] for path in IDS[resource_type.name]]
    wholes = None if names is None else [name.partition(".")[0] for name in names]
    held = draw(resources(resource_type, wholes, words))
    held.pop(ORIGIN.urn, None)
    return held | {"id": draw(st.sampled_from(("5", "7", "5.7", "e:5", "moodle:5")))}


@st.composite
def questions(draw: st.DrawFn) -> tuple[ResourceType, str, Any]:
    """Draw a filter and a resource, half of them about little else than ids and targets."""
    resource_type = draw(st.sampled_from(TYPES))
    if draw(st.booleans()):
        text = draw(filters(resource_type))
        return resource_type, text, bare(draw, resource_type, None)
    paths = [*IDS[resource_type.name], "target"]
    text = draw(filters(resource_type, paths, WORDS))
    return resource_type, text, bare(draw, resource_type, WORDS)


@properties
@given(questions(), st.sampled_from(("moodle", "canvas", "m")))
def test_a_specialised_filter_holds_when_the_root_s_does(
    question: tuple[ResourceType, str, Any], target: str
) -> None:
    resource_type, text, held = question
    node = parse_filter(text, resource_type)
    shown = qualified(held, target, resource_type)
    own = specialised(node, target, resource_type)
    assert compile_filter(own)(held) == compile_filter(node)(shown), str(own)


@pytest.mark.parametrize(
    ("text", "moodle"),
    [
        ('target eq "moodle"', EVERYTHING),
        ('target eq "canvas"', NOTHING),
        ('target eq "Moodle"', NOTHING),
        ('target pr and target sw "moo"', EVERYTHING),
        ('not (target co "x") and userName eq "ann"', 'userName eq "ann"'),
        ('target eq "canvas" or userName eq "ann"', 'userName eq "ann"'),
        ('target eq "moodle" or userName eq "ann"', EVERYTHING),
        ('id eq "moodle:5"', 'id eq "5"'),
        ('id eq "canvas:5" or id eq "moodle:6"', 'id eq "6"'),
        ('id ne "canvas:5"', EVERYTHING),
        ('id sw "moodle:1"', 'id sw "1"'),
        ('id sw "canvas"', NOTHING),
        ('groups[value eq "moodle:5" and type pr]', 'groups[value eq "5" and type pr]'),
        ('groups[value eq "canvas:5" and type pr]', NOTHING),
        ('manager.value eq "canvas:5"', NOTHING),
        (f'schemas eq "{ORIGIN.urn}"', EVERYTHING),
    ],
)  # fmt: skip
def test_what_is_known_of_a_target_is_asked_no_more(text: str, moodle: Any) -> None:
    user = BY_NAME["User"]
    own = specialised(parse_filter(text, user), "moodle", user)
    assert (str(own) if isinstance(moodle, str) else own) == moodle


def test_ids_and_what_points_at_them_get_the_name() -> None:
    user, group = BY_NAME["User"], BY_NAME["Group"]
    lms = str(parse_path("observers", user).urn)
    given = {
        "id": "5",
        "groups": [{"value": "c1", "$ref": "/x"}],
        lms: {"observers": [{"value": "6"}]},
    }
    made = qualified({"schemas": ["a"], **given}, "moodle", user)
    assert made["id"] == "moodle:5"
    assert made["groups"] == [{"value": "moodle:c1", "$ref": "/x"}]
    assert made[lms] == {"observers": [{"value": "moodle:6"}]}
    assert made["schemas"] == ["a", ORIGIN.urn]
    assert made[ORIGIN.urn] == {"target": "moodle"}
    assert given["groups"] == [{"value": "c1", "$ref": "/x"}]
    members = qualified({"id": "c1", "members": [{"value": "5"}]}, "moodle", group)["members"]
    assert members == [{"value": "moodle:5"}]


def test_every_attribute_that_says_it_holds_an_id_gets_the_name() -> None:
    for resource_type in TYPES:
        held = {"id": "5"}
        for urn, attribute in resource_type.attributes():
            value = attribute.sub("value")
            if "id of" in attribute.description and attribute.name != "categoryId":
                (held.setdefault(urn, {}) if urn else held)[attribute.name] = "7"
            elif value is not None and "'s id" in value.description:
                one = [{"value": "7"}] if attribute.multi_valued else {"value": "7"}
                (held.setdefault(urn, {}) if urn else held)[attribute.name] = one
        made = qualified(held, "moodle", resource_type)
        assert '"7"' not in str(made).replace("'", '"')
