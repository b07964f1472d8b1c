"""The attribute tables: sane in themselves, and shown as RFC 7643 section 7 wants it."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import schemas
from schemas.attributes import COMMON, Attribute, ResourceType
from schemas.course import COURSE
from schemas.group import GROUP
from schemas.membership import MEMBERSHIP
from schemas.role import ROLE
from schemas.user import USER

TYPES = (USER, GROUP, COURSE, MEMBERSHIP, ROLE)
KEYWORDS = {
    *("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"),
    *("and", "or", "not", "true", "false", "null"),
}
MODULES = sorted(module.name for module in pkgutil.iter_modules(schemas.__path__, "schemas."))


def every_attribute(resource_type: ResourceType) -> list[Attribute]:
    own = [attribute for _, attribute in resource_type.attributes()]
    return [a for attribute in (*COMMON, *own) for a in (attribute, *attribute.sub_attributes)]


@pytest.mark.parametrize("resource_type", TYPES, ids=lambda t: t.name)
class TestTables:
    def test_no_attribute_is_named_like_a_word_of_the_filter_language(self, resource_type) -> None:
        assert not KEYWORDS & {a.name.lower() for a in every_attribute(resource_type)}

    def test_names_follow_the_grammar(self, resource_type) -> None:
        for attribute in every_attribute(resource_type):
            letters = attribute.name.removeprefix("$").replace("-", "").replace("_", "")
            assert letters.isalnum() and letters.isascii() and letters[0].isalpha()

    def test_names_are_unique_in_any_letter_case(self, resource_type) -> None:
        for attributes in (
            *((*COMMON, *resource_type.schema.attributes),),
            *(extension.attributes for extension in resource_type.extensions),
            *(a.sub_attributes for _, a in resource_type.attributes()),
        ):
            names = [attribute.name.lower() for attribute in attributes]
            assert len(names) == len(set(names))

    def test_a_bare_name_means_one_attribute(self, resource_type) -> None:
        names = [attribute.name.lower() for _, attribute in resource_type.attributes()]
        assert len(names) == len(set(names))

    def test_complex_attributes_do_not_nest_and_simple_ones_have_no_parts(self, resource_type):
        for attribute in every_attribute(resource_type):
            assert bool(attribute.sub_attributes) == (attribute.type == "complex")
            assert all(sub.type != "complex" for sub in attribute.sub_attributes)

    def test_sub_attributes_of_read_only_attributes_are_read_only(self, resource_type) -> None:
        for attribute in every_attribute(resource_type):
            if attribute.mutability == "readOnly":
                assert {sub.mutability for sub in attribute.sub_attributes} <= {"readOnly"}

    def test_what_is_never_returned_can_only_be_written(self, resource_type) -> None:
        for attribute in every_attribute(resource_type):
            assert (attribute.returned == "never") == (attribute.mutability == "writeOnly")

    def test_definitions_have_the_keys_of_the_standard(self, resource_type) -> None:
        every = {"name", "type", "multiValued", "description", "required", "mutability", "returned"}
        for attribute in every_attribute(resource_type):
            shown = attribute.definition()
            assert every <= shown.keys()
            assert shown.keys() - every <= {
                *("caseExact", "uniqueness", "canonicalValues", "referenceTypes", "subAttributes")
            }
            assert ("subAttributes" in shown) == (attribute.type == "complex")
            assert ("referenceTypes" in shown) == (attribute.type == "reference")

    def test_urns_are_known_in_any_letter_case(self, resource_type) -> None:
        for extension in resource_type.extensions:
            assert resource_type.extension(extension.urn.upper()) is extension


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_docstrings_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0
