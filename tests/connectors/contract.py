"""What every connector's collections have in common: a connector's test is data beside it.

A test module makes a fixture `collection` and inherits:

    class TestUsers(UserContract):
        @pytest.fixture
        def collection(self) -> Collection: ...
        sample = {"userName": "ann", ...}
        other = {...}
        changed = {"name": {"givenName": "Anna"}, ...}
"""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from operator import itemgetter
from typing import Any

import pytest

from connectors.base import Collection
from connectors.http import counted
from connectors.mapping import Resource
from connectors.planning import plan
from connectors.rehearsal import Rehearsal
from connectors.ticket import NoWrite
from schemas.changes import diff
from schemas.errors import ScimError
from schemas.filters import instant, parse_filter
from schemas.match import compile_filter
from tests.connectors import operations
from tests.connectors.law import everything
from tests.connectors.operations import TICKET

HOSTILE_IDS = (
    *("../x", "..%2f..", "userName:admin", "%00", "\x00", "0", "-1", "+1", "1 or 1=1", "1;", "1,2"),
    *("999999999", "9" * 5000, "١٢", "１", "1.0", "1e1", "0x1", " 1", "1 ", "1\n", "[]", "*", "%"),
    *("", "null", "cohort-", "cohort-0", "cohort--1", "cohort-١", "COHORT-1", "1?x=y", "1#", "a/b"),
)


def merged(resource: Resource, changed: Resource) -> Resource:
    """Return the resource with some values changed, as PATCH would do it."""
    result = deepcopy(resource)
    for name, value in changed.items():
        held = result.get(name)
        result[name] = {**held, **value} if isinstance(value, dict) and held else value
    return result


class CollectionContract:
    """What holds for any resource type."""

    sample: Resource
    """A resource with every attribute that the collection can hold and give back."""
    other: Resource
    """A second one, with other keys."""
    changed: Resource
    """Other values for every attribute of the sample that can be changed."""
    apart: tuple[str, ...] = ()
    """Paths that can be written, but not beside the sample's other values."""
    derived: tuple[str, ...] = ()
    """Paths whose values follow from those of others when these change."""

    @pytest.fixture
    def collection(self) -> Collection:
        raise NotImplementedError

    def create(self, collection: Collection, resource: Resource) -> Resource:
        return operations.create(collection, resource)

    def update(self, collection: Collection, before: Resource, wanted: Resource) -> Resource:
        return operations.replace(collection, before, wanted)

    def read(self, collection: Collection, id: str) -> Resource:
        found = collection.get(id)
        assert found is not None
        collection.complete([found], collection.mapping.whole | collection.mapping.kept)
        return found

    def differs(self, collection: Collection, held: Resource, wanted: Resource) -> list[str]:
        """Return the paths at which what is held is not what was wanted; secrets aside."""
        fitted, _ = collection.mapping.fit(deepcopy(wanted))
        return [
            str(change.path)
            for change in diff(collection.mapping.resource_type, held, fitted)
            if change.new is not None
            and change.path.leaf.mutability != "writeOnly"
            and str(change.path) not in self.derived
        ]

    def test_what_is_created_is_what_is_read(self, collection: Collection) -> None:
        created = self.create(collection, self.sample)
        assert not self.differs(collection, created, self.sample)
        assert not self.differs(collection, self.read(collection, created["id"]), self.sample)

    def test_the_sample_has_a_value_for_every_field_that_can_be_written(
        self, collection: Collection
    ) -> None:
        fitted, ignored = collection.mapping.fit(deepcopy(self.sample))
        missing = [
            str(row.path)
            for row in collection.mapping.rows
            if row.field.writable
            and not row.path.secret
            and not any(True for _ in row.path.values(fitted))
        ]
        assert sorted(missing) == sorted(self.apart)
        assert not ignored

    def test_what_is_changed_is_what_is_read(self, collection: Collection) -> None:
        created = self.create(collection, self.sample)
        wanted = merged(created, self.changed)
        updated = self.update(collection, self.read(collection, created["id"]), wanted)
        read = self.read(collection, created["id"])
        assert updated["id"] == created["id"]
        assert not self.differs(collection, updated, wanted)
        assert not self.differs(collection, read, wanted)

    def test_each_field_can_be_changed_alone(self, collection: Collection) -> None:
        held = self.create(collection, self.sample)
        for name in self.changed:
            wanted = merged(held, {name: self.changed[name]})
            self.update(collection, held, wanted)
            held = self.read(collection, held["id"])
            assert not self.differs(collection, held, wanted), name

    def test_what_can_be_cleared_is_gone_afterwards(self, collection: Collection) -> None:
        held = self.create(collection, self.sample)
        for row in collection.mapping.rows:
            field = row.field
            if not field.modifiable or field.empty is None or field.required or row.path.secret:
                continue
            leaf = row.path.leaf
            if (
                leaf.required
                or leaf.mutability == "immutable"
                or not any(True for _ in row.path.values(held))
            ):
                continue
            wanted = deepcopy(held)
            _remove(wanted, row.path)
            self.update(collection, held, wanted)
            held = self.read(collection, held["id"])
            where = row.path.where
            items = held.get(row.path.name) if where is not None else None
            if where is not None:
                holds = compile_filter(where)
                assert not [i for i in items or () if holds(i) and row.path.sub in i], row.path
            else:
                assert not list(row.path.values(held)), row.path

    def test_the_same_again_is_no_change(self, collection: Collection) -> None:
        created = self.create(collection, self.sample)
        before = self.read(collection, created["id"])
        mapping = collection.mapping
        fitted, _ = mapping.fit(deepcopy(self.sample))
        after = mapping.carry_over(before, fitted)
        changes = diff(mapping.resource_type, before, after)
        assert [c for c in changes if c.path.leaf.mutability != "writeOnly"] == []

    def test_what_was_read_written_back_is_no_change(self, collection: Collection) -> None:
        before = self.read(collection, self.create(collection, self.sample)["id"])
        fitted, _ = collection.mapping.fit(deepcopy(before))
        after = collection.mapping.carry_over(before, fitted)
        assert diff(collection.mapping.resource_type, before, after) == ()
        assert after == before

    def test_read_only_values_are_carried_over(self, collection: Collection) -> None:
        before = self.read(collection, self.create(collection, self.sample)["id"])
        after = collection.mapping.carry_over(before, collection.mapping.fit(deepcopy(before))[0])
        for row in collection.mapping.rows:
            if not row.field.writable:
                assert list(row.path.values(after)) == list(row.path.values(before)), row.path
        assert after["id"] == before["id"]
        assert after.get("meta") == before.get("meta")

    def test_no_secret_comes_back(self, collection: Collection) -> None:
        created = self.create(collection, self.sample)
        for resource in (created, self.read(collection, created["id"])):
            for row in collection.mapping.rows:
                if not row.field.readable:
                    assert not list(row.path.values(resource)), row.path

    def test_a_deleted_resource_is_gone(self, collection: Collection) -> None:
        created = self.create(collection, self.sample)
        kept = self.create(collection, self.other)
        collection.delete(TICKET, created["id"])
        assert collection.get(created["id"]) is None
        ids = [resource["id"] for resource in everything(collection)]
        assert created["id"] not in ids
        assert kept["id"] in ids
        with pytest.raises(ScimError) as refused:
            collection.delete(TICKET, created["id"])
        assert refused.value.status == 404

    @pytest.mark.parametrize("ticket", [None, 1, NoWrite.READ, NoWrite.QUERY, NoWrite.PROBE])
    def test_nothing_is_written_without_a_ticket(self, collection: Collection, ticket: Any) -> None:
        before = self.read(collection, self.create(collection, self.sample)["id"])
        held = [resource["id"] for resource in everything(collection)]
        for method, given in self.writes(collection, before).items():
            with pytest.raises(TypeError, match="ticket"):
                getattr(collection, method)(ticket, *given)
        assert [resource["id"] for resource in everything(collection)] == held
        assert self.read(collection, before["id"]) == before

    def test_a_rehearsal_writes_nothing_and_notes_what_it_would(
        self, collection: Collection
    ) -> None:
        before = self.read(collection, self.create(collection, self.sample)["id"])
        held = [resource["id"] for resource in everything(collection)]
        for method, given in self.writes(collection, before).items():
            ticket = Rehearsal()
            # What a connector makes of the answers that a rehearsal gives does not count.
            with suppress(Exception):
                getattr(collection, method)(ticket, *deepcopy(given))
            assert ticket.calls, method
        assert [resource["id"] for resource in everything(collection)] == held
        assert self.read(collection, before["id"]) == before

    def writes(self, collection: Collection, before: Resource) -> dict[str, tuple[Any, ...]]:
        """Return what is given to each writing method that the collection offers."""
        after, changes = operations.changed(collection, before, merged(before, self.changed))
        writes: dict[str, tuple[Any, ...]] = {
            "create": (operations.fitted(collection, self.other),),
            "update": (before, after, changes),
            "delete": (before["id"],),
            "request_password_reset": (before,),
        }
        return {method: given for method, given in writes.items() if collection.offers(method)}

    def several(self) -> list[Resource]:
        """Return resources with keys of their own."""
        return [self.sample, self.other]

    def spoilt(self) -> list[Resource]:
        """Return resources that are refused beside those: for a key of theirs, or a value."""
        return [self.sample]

    def test_many_are_created_as_one_by_one(self, collection: Collection) -> None:
        if "create" not in collection.at_once:
            pytest.skip("this collection is written one by one")
        several, spoilt = self.several(), self.spoilt()
        wanted = [
            operations.fitted(collection, one) for one in (*several[:1], *spoilt, *several[1:])
        ]
        seen = []
        for create in (operations.create_many, operations.create_singly):
            outcomes = create(collection, deepcopy(wanted))
            seen.append([_shown(outcome) for outcome in outcomes])
            assert [o for o in outcomes if isinstance(o, ScimError) and o.unknown] == []
            for outcome in outcomes:
                if not isinstance(outcome, ScimError):
                    assert _shown(self.read(collection, outcome["id"]))
                    collection.delete(TICKET, outcome["id"])
        assert seen[0] == seen[1]
        assert len([one for one in seen[0] if isinstance(one, dict)]) == len(several)

    def test_many_are_changed_as_one_by_one(self, collection: Collection) -> None:
        if "update" not in collection.at_once:
            pytest.skip("this collection is changed one by one")
        held = [self.create(collection, one) for one in self.several()]
        changed = self.changed
        for update in (operations.update_many, operations.update_singly):
            before = [self.read(collection, one["id"]) for one in held]
            wanted = [merged(one, self.many_changed(n, changed)) for n, one in enumerate(before)]
            outcomes = update(collection, list(zip(before, wanted, strict=True)))
            for outcome, one, was in zip(outcomes, wanted, before, strict=True):
                assert not isinstance(outcome, ScimError), outcome.detail
                assert not self.differs(collection, outcome, one)
                assert not self.differs(collection, self.read(collection, was["id"]), one)
            changed = {name: self.sample[name] for name in self.changed if name in self.sample}

    def many_changed(self, number: int, changed: Resource) -> Resource:
        """Return what of the changes many resources can share."""
        return changed

    def test_many_are_deleted_as_one_by_one(self, collection: Collection) -> None:
        if "delete" not in collection.at_once:
            pytest.skip("this collection is deleted from one by one")
        seen = []
        for delete in (operations.delete_many, operations.delete_singly):
            ids = [self.create(collection, one)["id"] for one in self.several()]
            outcomes = delete(collection, [ids[0], "999999999", *ids[1:], ids[0], "../x"])
            seen.append([_shown(outcome) for outcome in outcomes])
            assert [id for id in ids if collection.get(id) is not None] == []
        assert seen[0] == seen[1]
        assert [one is None for one in seen[0]].count(True) == len(self.several())

    def test_nothing_of_many_is_written_without_a_ticket(self, collection: Collection) -> None:
        held = self.read(collection, self.create(collection, self.other)["id"])
        ids = [resource["id"] for resource in everything(collection)]
        after, changes = operations.changed(collection, held, merged(held, self.changed))
        writes: dict[str, tuple[Any, ...]] = {
            "create": (operations.fitted(collection, self.sample),),
            "update": (held, after, changes),
            "delete": (held["id"],),
        }
        for method in collection.at_once:
            items = [(ticket, *deepcopy(writes[method])) for ticket in (TICKET, None)]
            with pytest.raises(TypeError, match="ticket"):
                getattr(collection, f"{method}_many")(items)
        assert [resource["id"] for resource in everything(collection)] == ids
        assert self.read(collection, held["id"]) == held

    def test_a_resource_is_found_by_its_own_values(self, collection: Collection) -> None:
        self.create(collection, self.other)
        created = self.read(collection, self.create(collection, self.sample)["id"])
        mapping = collection.mapping
        for row in mapping.rows:
            value = next(row.path.values(created), None)
            if "eq" not in row.field.push or row.path.secret or value is None:
                continue
            written = json.dumps(value, ensure_ascii=False)
            planned = plan(parse_filter(f"{row.path} eq {written}", mapping.full), mapping)
            found = [r["id"] for batch in collection.search(planned) for r in batch]
            is_pushed = row.field.push["eq"].value(value) is not None
            assert (planned.branches is not None) == is_pushed, row.path
            assert created["id"] in found, row.path

    def test_a_stream_yields_what_a_search_does(self, collection: Collection) -> None:
        for sample in (self.sample, self.other):
            self.create(collection, sample)
        planned = plan(None, collection.mapping)
        streamed = [one for batch in collection.stream(planned) for one in batch]
        searched = [one for batch in collection.search(planned) for one in batch]
        ids = [one["id"] for one in streamed]
        assert len(ids) == len(set(ids)) >= 2
        assert sorted(streamed, key=itemgetter("id")) == sorted(searched, key=itemgetter("id"))

    def test_unknown_and_hostile_ids_are_nobody(self, collection: Collection) -> None:
        self.create(collection, self.sample)
        for id in HOSTILE_IDS:
            with counted() as counter:
                assert collection.get(id) is None, id
                assert counter.calls <= 1, id
                if collection.can_fetch:
                    assert collection.fetch([id]) == [], id

    def test_hostile_ids_in_filters_find_nobody(self, collection: Collection) -> None:
        self.create(collection, self.sample)
        mapping = collection.mapping
        for id in HOSTILE_IDS:
            if "\x00" in id or "\n" in id or len(id) > 4000:
                continue
            planned = plan(parse_filter(f'id eq "{id}"', mapping.full), mapping)
            holds = compile_filter(parse_filter(f'id eq "{id}"', mapping.full))
            found = [r for batch in collection.search(planned) for r in batch]
            assert [r for r in found if planned.residual is None or holds(r)] == [], id

    def test_many_are_fetched_in_the_order_of_their_ids(self, collection: Collection) -> None:
        if not collection.can_fetch:
            pytest.skip("this collection does not read by many ids")
        first = self.create(collection, self.sample)["id"]
        second = self.create(collection, self.other)["id"]
        fetched = collection.fetch([second, "999999999", first])
        assert [resource["id"] for resource in fetched] == [second, first]
        assert collection.fetch([]) == []

    def test_a_create_is_found_again(self, collection: Collection) -> None:
        self.create(collection, self.other)
        assert collection.find_again(deepcopy(self.sample)) is None
        created = self.create(collection, self.sample)
        found = collection.find_again(deepcopy(self.sample))
        assert found is not None
        assert found["id"] == created["id"]

    def test_nothing_matches_without_a_call_where_nothing_can(self, collection: Collection) -> None:
        planned = plan(parse_filter('id eq "x y"', collection.mapping.full), collection.mapping)
        if planned.branches == ():
            with counted() as counter:
                assert [r for batch in collection.search(planned) for r in batch] == []
            assert counter.calls == 0


class UserContract(CollectionContract):
    """What holds for users."""

    taken: tuple[Resource, ...]
    """Changes to `other` that make it collide with the sample."""

    def several(self) -> list[Resource]:
        people = [
            merged(
                self.other,
                {
                    "userName": f"person{number}",
                    "externalId": f"P-{number}",
                    "emails": [{"value": f"person{number}@example.org", "type": "work"}],
                    "active": number % 3 > 0,
                },
            )
            for number in range(6)
        ]
        return [self.sample, *people]

    def spoilt(self) -> list[Resource]:
        return [merged(self.other, changed) for changed in self.taken]

    def many_changed(self, number: int, changed: Resource) -> Resource:
        if number == 0:
            return changed
        unique = ("userName", "externalId", "emails", "password")
        return {name: value for name, value in changed.items() if name not in unique}

    def test_a_taken_name_in_another_letter_case_is_refused(self, collection: Collection) -> None:
        created = self.create(collection, self.sample)
        for changed in self.taken:
            with pytest.raises(ScimError) as refused:
                self.create(collection, merged(self.other, changed))
            assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")
        assert [r["id"] for r in everything(collection) if r["id"] == created["id"]]

    def test_a_taken_name_is_refused_on_change(self, collection: Collection) -> None:
        self.create(collection, self.sample)
        other = self.read(collection, self.create(collection, self.other)["id"])
        for changed in self.taken:
            with pytest.raises(ScimError) as refused:
                self.update(collection, other, merged(other, changed))
            assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")
            assert self.read(collection, other["id"]) == other

    def test_an_account_is_disabled_and_enabled(self, collection: Collection) -> None:
        held = self.create(collection, self.sample)
        for active in (False, True):
            self.update(collection, held, {**held, "active": active})
            held = self.read(collection, held["id"])
            assert held["active"] is active

    def test_an_account_can_be_made_disabled(self, collection: Collection) -> None:
        created = self.create(collection, {**self.sample, "active": False})
        assert created["active"] is False
        assert self.read(collection, created["id"])["active"] is False


class CourseContract(CollectionContract):
    """What holds for courses; the sample is available."""

    def test_a_taken_code_is_refused(self, collection: Collection) -> None:
        self.create(collection, self.sample)
        with pytest.raises(ScimError) as refused:
            self.create(collection, {**self.other, "courseId": self.sample["courseId"]})
        assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")

    def test_a_course_is_closed_to_people_and_opened(self, collection: Collection) -> None:
        held = self.create(collection, self.sample)
        for available in ("No", "Yes"):
            self.update(collection, held, {**held, "available": available})
            held = self.read(collection, held["id"])
            assert held["available"] == available

    def test_the_start_moves(self, collection: Collection) -> None:
        held = self.create(collection, self.sample)
        wanted = {**held, "start": "2027-03-01T00:00:00+02:00"}
        self.update(collection, held, wanted)
        read = self.read(collection, held["id"])
        assert instant(read["start"]) == instant(wanted["start"])


class MembershipContract(CollectionContract):
    """What holds for memberships; `sample` and `other` are of people and courses that exist."""

    roles: tuple[str, str]
    """Two roles in courses; the sample has the first."""

    def several(self) -> list[Resource]:
        both = (self.sample, self.other)
        crossed = {**self.sample, "courseId": self.other["courseId"]}
        return [*both, crossed, {**self.other, "courseId": self.sample["courseId"]}]

    def spoilt(self) -> list[Resource]:
        nowhere = [{**self.other, name: "999999"} for name in ("userId", "courseId")]
        return [self.sample, *nowhere]

    def test_nobody_is_a_member_twice(self, collection: Collection) -> None:
        self.create(collection, self.sample)
        with pytest.raises(ScimError) as refused:
            self.create(collection, self.sample)
        assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")

    def test_the_role_changes_and_nothing_else(self, collection: Collection) -> None:
        self.create(collection, self.sample)
        held = next(m for m in everything(collection) if self.is_sample(m))
        self.update(collection, held, {**held, "courseRoleId": self.roles[1]})
        read = next(m for m in everything(collection) if self.is_sample(m))
        changing = ("courseRoleId", "meta")
        assert read["courseRoleId"] == self.roles[1]
        assert {k: v for k, v in read.items() if k not in changing} == {
            k: v for k, v in held.items() if k not in changing
        }

    def test_both_sides_show_the_same(self, collection: Collection) -> None:
        created = self.read(collection, self.create(collection, self.sample)["id"])
        self.create(collection, self.other)
        for name in ("userId", "courseId"):
            node = parse_filter(f'{name} eq "{self.sample[name]}"', collection.mapping.full)
            planned = plan(node, collection.mapping)
            found = [r for batch in collection.search(planned) for r in batch]
            collection.complete(found, collection.mapping.whole)
            mine = [m for m in filter(compile_filter(node), found) if m["id"] == created["id"]]
            assert mine == [created]

    @pytest.mark.parametrize("name", ["userId", "courseId"])
    def test_nobody_is_a_member_of_nothing(self, collection: Collection, name: str) -> None:
        before = len(everything(collection))
        for id in ("999999", "_999999_1", "S-1", "../1", "userName:admin"):
            with pytest.raises(ScimError) as refused:
                self.create(collection, {**self.sample, name: id})
            assert refused.value.status == 400
        assert len(everything(collection)) == before

    def is_sample(self, membership: Resource) -> bool:
        return all(membership[name] == self.sample[name] for name in ("userId", "courseId"))


class GroupContract(CollectionContract):
    """What holds for groups; `members` gives ids of users that exist."""

    @pytest.fixture
    def members(self) -> list[str]:
        raise NotImplementedError

    def test_members_are_added_and_removed(
        self, collection: Collection, members: list[str]
    ) -> None:
        held = self.read(collection, self.create(collection, self.other)["id"])
        for wanted in (members[:1], members, members[2:], []):
            values: list[Any] = [{"value": id, "type": "User"} for id in wanted]
            self.update(collection, held, {**held, "members": values})
            held = self.read(collection, held["id"])
            assert sorted(m["value"] for m in held.get("members", ())) == sorted(wanted)

    def test_a_group_can_be_made_with_members(
        self, collection: Collection, members: list[str]
    ) -> None:
        values: list[Any] = [{"value": id, "type": "User"} for id in members]
        created = self.create(collection, {**self.other, "members": values})
        read = self.read(collection, created["id"])
        assert sorted(m["value"] for m in read["members"]) == sorted(members)


def _shown(outcome: Any) -> Any:
    """Return what is comparable of an outcome: no ids and moments, no wording."""
    if isinstance(outcome, ScimError):
        return outcome.status, outcome.scim_type
    if isinstance(outcome, dict):
        return {
            name: _shown(value) if isinstance(value, dict) else value
            for name, value in outcome.items()
            if name not in ("id", "meta", "uuid")
        }
    return outcome


def _remove(resource: Resource, path: Any) -> None:
    holder = resource[path.urn] if path.urn else resource
    if path.sub is None:
        del holder[path.name]
        return
    values = holder[path.name] if isinstance(holder[path.name], list) else [holder[path.name]]
    holds = compile_filter(path.where) if path.where is not None else lambda value: True
    for value in values:
        if holds(value):
            value.pop(path.sub, None)
