"""The planner: which conjuncts are pushed, what is checked again, how many calls it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Collection
from connectors.mapping import Field, Impossible, Mapping, Push, Resource
from connectors.planning import MAX_BRANCHES, MAX_KEYS, Plan, plan
from schemas.filters import And, Compare, Or, parse_filter
from schemas.match import compile_filter
from schemas.user import USER
from tests.schemas.strategies import filters, properties, users


def _digits(value: str) -> str:
    if not value.isdecimal():
        raise Impossible
    return value


def _not_empty(value: str) -> str | None:
    return value or None


MAPPING = Mapping(
    USER,
    Field("id", "id", push={"eq": Push("by", "id", key=True, exact=True, value=_digits)}),
    Field("userName", "login", push={"eq": Push("by", "login", key=True, exact=True),
                                     "sw": Push("find", "login_sw", exact=True)}),
    Field("externalId", "ext", push={"eq": Push("by", "ext", key=True)}),
    Field("name.givenName", "first", push={"eq": Push("find", "first", exact=True),
                                           "co": Push("find", "first_co", value=_not_empty)}),
    Field("name.familyName", "last", push={"eq": Push("find", "last", exact=True)}),
    Field("nickName", "nick", push={"eq": Push("other", "nick", exact=True)}),
    Field('emails[type eq "work"].value', "mail", push={"eq": Push("find", "mail", exact=True)}),
    Field('phoneNumbers[type eq "work"].value', "phone",
          push={"eq": Push("find", "phone", exact=True)}),
    Field('phoneNumbers[type eq "mobile"].value', "mobile",
          push={"eq": Push("find", "mobile", exact=True)}),
    Field("title", "title", readable=False),
)  # fmt: skip
BY_PARAMETER = {
    parameter: row
    for row in MAPPING.rows
    for parameter in {push.parameter for push in row.field.push.values()}
}


class Exact(Collection):
    """An LMS that answers exactly what a push promises: not more where it is exact."""

    mapping = MAPPING

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = resources
        self.calls = 0

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        for branch in plan.branches if plan.branches is not None else [()]:
            self.calls += 1
            yield [r for r in self.resources if all(self._fulfils(r, c) for c in branch)]

    def _fulfils(self, resource: Resource, condition: Any) -> bool:
        row = BY_PARAMETER[condition.push.parameter]
        operators = {p.parameter: name for name, p in row.field.push.items()}
        operator = operators[condition.push.parameter]
        terms = (
            Compare(row.path, operator, value)
            for value in condition.values
        )  # fmt: skip
        items = [dict(resource)]
        if row.path.where is not None:
            holds = compile_filter(row.path.where)
            held = [i for i in resource.get(row.path.name, ()) if holds(i)]
            items = [{**resource, row.path.name: held}]
        return any(compile_filter(term)(items[0]) for term in terms)


ATTRIBUTES = [
    *("userName", "externalId", "name.givenName", "name.familyName", "nickName", "emails.value"),
    *("phoneNumbers.value", 'phoneNumbers[type eq "work"].value', "title"),
]
VALUES = ["ann", "Ann", "bo", "x", "1", "2", ""]


@st.composite
def held(draw: st.DrawFn) -> list[Resource]:
    natives = st.fixed_dictionaries(
        {}, optional={row.field.native: st.sampled_from(VALUES) for row in MAPPING.rows[1:]}
    )
    return [
        {**MAPPING.to_scim(native), "id": str(number)}
        for number, native in enumerate(draw(st.lists(natives, min_size=1, max_size=8)), 1)
    ]


@properties
@given(
    resources=held(),
    text=filters(USER, attributes=ATTRIBUTES, values=VALUES) | filters(USER, values=VALUES),
)
def test_nothing_is_lost_and_nothing_too_much(resources: list[Resource], text: str) -> None:
    node = parse_filter(text, USER)
    planned = plan(node, MAPPING)
    collection = Exact(resources)
    holds = compile_filter(planned.residual) if planned.residual is not None else lambda _: True
    found = {r["id"] for batch in collection.search(planned) for r in batch if holds(r)}
    assert found == {r["id"] for r in filter(compile_filter(node), resources)}, planned.explain()
    assert collection.calls == (1 if planned.branches is None else len(planned.branches))
    assert planned.explain().endswith(".")


@properties
@given(resource=users())
def test_a_filter_that_is_not_there_plans_to_read_everything(resource: Resource) -> None:
    assert plan(None, MAPPING) == Plan(None, None, MAPPING.walk)


def branches(text: str) -> list[list[str]] | None:
    found = plan(parse_filter(text, USER), MAPPING).branches
    return None if found is None else [[str(c) for c in branch] for branch in found]


def residual(text: str) -> str | None:
    left = plan(parse_filter(text, USER), MAPPING).residual
    return None if left is None else str(left)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName eq "a"', [["login = 'a'"]]),
        ('userName ne "a"', None),
        ("userName pr", None),
        ('not (userName eq "a")', None),
        ('userName eq "a" and name.givenName co "b"', [["login = 'a'"]]),
        ('name.givenName co "b" and userName eq "a"', [["login = 'a'"]]),
        ('name.givenName eq "b" and name.familyName eq "c"', [["first = 'b'", "last = 'c'"]]),
        ('name.givenName co "b" and name.givenName co "c"', [["first_co = 'b'"]]),
        ('name.givenName eq "b" and nickName eq "n"', [["first = 'b'"]]),
        ('name.givenName co "" and nickName eq "n"', [["nick = 'n'"]]),
        ('userName eq "a" or userName eq "b"', [["login = 'a' or 'b'"]]),
        ('userName eq "a" or externalId eq "b"', [["login = 'a'"], ["ext = 'b'"]]),
        ('userName eq "a" or name.givenName ne "b"', None),
        ('(userName eq "a" or userName eq "b") and name.givenName eq "c"',
         [["login = 'a' or 'b'"]]),
        ('id eq "x"', []),
        ('id eq "x" or userName eq "a"', [["login = 'a'"]]),
        ('id eq "x" and userName eq "a"', []),
        ('emails[type eq "home"]', []),
        ('emails[type eq "WORK" and value eq "a"]', [["mail = 'a'"]]),
        ('emails[type eq "work" or value eq "a"]', None),
        ('emails.value eq "a"', [["mail = 'a'"]]),
        ('phoneNumbers.value eq "a"', None),
        ('phoneNumbers[type eq "mobile" and value eq "a"]', [["mobile = 'a'"]]),
        ('costCenter eq "a"', []),
        ("costCenter pr", []),
        ('costCenter ne "a"', None),
        ('name.middleName eq "a"', []),
        ("name.middleName pr", []),
        ('title eq "a"', []),
        ('meta.created gt "2020-01-01T00:00:00Z"', None),
    ],
)  # fmt: skip
def test_what_is_pushed(text: str, expected: list[list[str]] | None) -> None:
    assert branches(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName eq "a"', None),
        ('externalId eq "a"', 'externalId eq "a"'),
        ('userName eq "a" or userName eq "b"', None),
        ('userName eq "a" or externalId eq "b"', 'userName eq "a" or externalId eq "b"'),
        ('name.givenName eq "b" and name.familyName eq "c"', None),
        ('name.givenName eq "b" and nickName eq "n"', 'nickName eq "n"'),
        ('name.givenName eq "b" and name.givenName eq "c"', 'name.givenName eq "c"'),
        ('name.givenName eq "b" and name.givenName co "c"', 'name.givenName co "c"'),
        ('userName eq "a" and not (active eq true)', "not (active eq true)"),
        ('emails[value eq "a"]', 'emails[value eq "a"]'),
    ],
)
def test_only_what_is_proved_is_not_checked_again(text: str, expected: str | None) -> None:
    assert residual(text) == expected


def test_many_branches_are_not_pushed() -> None:
    def asked(number: int) -> str:
        return " or ".join(f'name.givenName eq "{n}"' for n in range(number))

    assert len(branches(asked(MAX_BRANCHES)) or ()) == MAX_BRANCHES
    assert branches(asked(MAX_BRANCHES + 1)) is None


def test_keys_are_looked_up_together_and_in_parts() -> None:
    path = parse_filter('userName eq "a"', USER)
    assert isinstance(path, Compare)
    many = Or(tuple(Compare(path.path, "eq", f"u{n}") for n in range(MAX_KEYS + 1)))
    planned = plan(many, MAPPING)
    assert planned.branches is not None
    assert [len(branch[0].values) for branch in planned.branches] == [MAX_KEYS, 1]
    assert planned.is_lookup
    assert "more" in planned.explain()
    assert plan(And((many, path)), MAPPING).branches == plan(path, MAPPING).branches


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('userName eq "a"', "1 native call: by with login = 'a'."),
        ('userName ne "a"', 'No native query: reads everything; checked here: userName ne "a".'),
        ('id eq "x"', "No call: nothing in this LMS can match."),
        (
            'userName eq "a" or externalId eq "b"',
            "2 native calls: by with login = 'a'; by with ext = 'b'; "
            'checked here: userName eq "a" or externalId eq "b".',
        ),
    ],
)
def test_a_plan_is_explained_in_one_sentence(text: str, sentence: str) -> None:
    assert plan(parse_filter(text, USER), MAPPING).explain() == sentence
