"""Every path of the Blackboard attribute matrix, and the other ways to write a path."""

from __future__ import annotations

import json
from pathlib import Path as File

import pytest

from schemas.attributes import ENTERPRISE, LMS
from schemas.course import COURSE
from schemas.errors import ScimError
from schemas.filters import parse_filter, parse_path
from schemas.group import GROUP
from schemas.membership import MEMBERSHIP
from schemas.names import SHORT_PATHS
from schemas.role import ROLE
from schemas.user import USER

ROWS = json.loads((File(__file__).parents[1] / "fixtures" / "attributes.json").read_text())
TYPES = {
    "User": USER,
    "Course": COURSE,
    "InstitutionRole": ROLE,
    "SystemRole": ROLE,
    "CourseRole": ROLE,
}
CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
SECRET = "enrollment.accessCode"
"""The matrix lets it be exported; here it is a secret, written and never shown."""
DERIVED = (
    *("externalAccessUrl", "guestAccessUrl", "courseMembership.user.userName"),
    *("hasChildren", "courseMembership.bypassCourseAvailabilityUntil"),
)
"""The matrix lets them be written; the REST API makes them itself, from the course and the user."""
NO_ATTRIBUTE = "group.member.membershipModifyType"
"""An instruction, add or remove a member: in SCIM the `op` of a PATCH operation."""

KINDS = {
    *(("string", "string"), ("string", "reference"), ("enum", "string"), ("date", "string")),
    *(("datetime", "dateTime"), ("boolean", "boolean"), ("integer", "integer")),
    *(("list of role key", "string"), ("list of enum or custom role key", "string")),
}
LITERALS = {"boolean": "true", "integer": "5", "dateTime": '"2011-05-13T04:42:34Z"'}


def described(row: dict[str, str]):
    """Return the resource type that a row describes."""
    if row["path"].startswith("courseMembership."):
        return MEMBERSHIP
    return GROUP if row["path"].startswith("group.") else TYPES[row["format"]]


MATRIX = [row for row in ROWS if row["path"] != NO_ATTRIBUTE]
each_row = pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row['format']}-{row['path']}")


def test_the_matrix_has_126_rows_and_all_but_one_are_attributes() -> None:
    assert len(ROWS) == 126 and len(MATRIX) == 125


def test_the_op_of_a_patch_is_no_attribute() -> None:
    with pytest.raises(ScimError):
        parse_path(NO_ATTRIBUTE, GROUP)


@each_row
def test_every_path_resolves_on_the_type_that_it_describes(row) -> None:
    path = parse_path(row["path"], described(row))
    assert (row["type"], path.leaf.type) in KINDS
    assert parse_path(row["path"].upper(), described(row)) == path
    assert parse_path(str(path), described(row)) == path


@each_row
def test_every_readable_path_can_be_filtered_by(row) -> None:
    if row["export"] and row["path"] != SECRET:
        literal = LITERALS.get(parse_path(row["path"], described(row)).leaf.type, '"x"')
        assert parse_filter(f"{row['path']} eq {literal}", described(row))
        assert parse_filter(f"{row['path']} pr", described(row))


@each_row
def test_what_can_be_created_or_modified_is_not_read_only(row) -> None:
    path = parse_path(row["path"], described(row))
    if "Y" in (row["create"], row["modify"]) and row["path"] not in DERIVED:
        assert "readOnly" not in (path.leaf.mutability, path.attribute.mutability)


@each_row
def test_the_values_of_an_enumeration_are_the_canonical_ones(row) -> None:
    canonical = parse_path(row["path"], described(row)).leaf.canonical_values
    if canonical and "enum" in row:
        assert set(row["enum"]) <= set(canonical)


@pytest.mark.parametrize("name", sorted(SHORT_PATHS))
def test_no_short_path_hides_a_standard_one(name: str) -> None:
    resource_type = {t.name: t for t in (USER, GROUP, COURSE, MEMBERSHIP, ROLE)}[name]
    for short, standard in SHORT_PATHS[name].items():
        assert parse_path(short, resource_type) == parse_path(standard, resource_type)


@pytest.mark.parametrize(
    "forms",
    [
        ("userName", "USERNAME", f"{CORE_USER}:userName", " userName "),
        ("name.givenName", "name.given", f"{CORE_USER}:Name.GivenName"),
        ("title", "job.title"),
        ("department", "job.department", f"{ENTERPRISE}:department"),
        (
            'emails[type eq "work"].value',
            "contact.email",
            'EMAILS[TYPE EQ "work"].VALUE',
            f'{CORE_USER}:emails[type eq "work"].value',
        ),
        ("meta.created", "created"),
        ("studentId", f"{LMS}User:studentid"),
        ("observers.value", "observers.id"),
    ],
)
def test_standard_short_and_qualified_forms_are_one_path(forms: tuple[str, ...]) -> None:
    assert len({parse_path(form, USER) for form in forms}) == 1


@pytest.mark.parametrize("form", ["displayName", "group.name", "GROUP.NAME"])
def test_a_group_has_one_name(form: str) -> None:
    assert str(parse_path(form, GROUP)) == "displayName"


@pytest.mark.parametrize("text", ["courseMembership.userId", "group.name", "members", "contact"])
def test_a_short_path_stands_on_its_own_resource_type_only(text: str) -> None:
    with pytest.raises(ScimError) as caught:
        parse_path(text, USER)
    assert caught.value.scim_type == "invalidPath"
