"""Filter text: what is read, what is refused, and that nothing of the parser shows through."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.attributes import ResourceType
from schemas.errors import ScimError
from schemas.filters import And, Compare, Not, Or, Present, Where, parse_filter, parse_path
from schemas.group import GROUP
from schemas.match import compile_filter
from schemas.user import USER
from tests.schemas.filter_oracle import Oracle, Refused
from tests.schemas.strategies import filters, groups, properties, users

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def read(text: str) -> str:
    return str(parse_filter(text, USER))


def refusal(text: str) -> ScimError:
    with pytest.raises(ScimError) as caught:
        parse_filter(text, USER)
    assert caught.value.status == 400 and caught.value.scim_type == "invalidFilter"
    with pytest.raises(Refused):
        Oracle(text, USER)
    return caught.value


def reads_too(text: str, resource_type: ResourceType) -> bool:
    try:
        Oracle(text, resource_type)
    except Refused:
        return False
    return True


def path_refusal(text: str) -> ScimError:
    with pytest.raises(ScimError) as caught:
        parse_path(text, USER)
    assert caught.value.status == 400 and caught.value.scim_type == "invalidPath"
    return caught.value


class TestDefectsOfTheLibrary:
    """The twenty defects of scim2-filter-parser 0.7.0 that must not reach anybody."""

    def test_01_and_binds_closer_than_or(self) -> None:
        node = parse_filter("title pr or nickName pr and active pr", USER)
        assert isinstance(node, Or) and isinstance(node.terms[1], And)
        node = parse_filter("title pr and nickName pr or active pr and locale pr", USER)
        assert isinstance(node, Or) and [type(term) for term in node.terms] == [And, And]

    def test_01_parentheses_bind_closest(self) -> None:
        node = parse_filter("(title pr or nickName pr) and active pr", USER)
        assert isinstance(node, And) and isinstance(node.terms[0], Or)

    @pytest.mark.parametrize("number", ["18", "-1", "1.5", "1e3", "-0.25E-2", "0"])
    def test_02_03_every_json_number_is_read(self, number: str) -> None:
        node = parse_filter(f"enrollmentLimit gt {number}", GROUP)
        assert isinstance(node, Compare) and node.value == float(number)

    @pytest.mark.parametrize("number", ["01", "+1", ".5", "1.", "1e", "0x1", "1_000"])
    def test_02_03_what_is_no_json_number_is_refused(self, number: str) -> None:
        with pytest.raises(ScimError):
            parse_filter(f"enrollmentLimit gt {number}", GROUP)

    def test_04_literals_keep_their_kind(self) -> None:
        assert parse_filter("active eq true", USER).value is True  # type: ignore[union-attr]
        assert parse_filter('title eq "true"', USER).value == "true"  # type: ignore[union-attr]
        assert parse_filter('title eq "5"', USER).value == "5"  # type: ignore[union-attr]
        assert parse_filter('title eq "null"', USER).value == "null"  # type: ignore[union-attr]
        refusal("title eq 5")
        refusal("title eq true")
        refusal("active eq 1")

    def test_04_null_means_unassigned(self) -> None:
        assert isinstance(parse_filter("title eq null", USER), Not)
        assert isinstance(parse_filter("title ne null", USER), Present)

    @pytest.mark.parametrize(
        ("literal", "value"),
        [
            (r'"say \"hi\""', 'say "hi"'),
            (r'"\u00e9"', "é"),
            (r'"a\\b"', "a\\b"),
            (r'"\ud83d\ude00"', "😀"),
            (r'"\/\b\f\n\r\t"', "/\b\f\n\r\t"),
            (r'"a\\"', "a\\"),
            ('""', ""),
        ],
    )
    def test_05_06_json_escapes_are_decoded(self, literal: str, value: str) -> None:
        assert parse_filter(f"title eq {literal}", USER).value == value  # type: ignore[union-attr]

    @pytest.mark.parametrize("name", ["truename", "nullable", "falsePositive", "true-x", "null.a"])
    def test_07_a_name_may_begin_like_a_literal(self, name: str) -> None:
        assert "is not an attribute of User" in refusal(f'{name} eq "x"').detail

    @pytest.mark.parametrize("text", ["active eq falſe", f"{ENTERPRISE}::department pr"])
    def test_07_what_only_looks_like_it_is_refused(self, text: str) -> None:
        refusal(text)

    @pytest.mark.parametrize("word", ["True", "TRUE", "tRuE", '"true"', '"True"'])
    def test_08_booleans_in_any_letter_case_and_as_words(self, word: str) -> None:
        assert read(f"active eq {word}") == "active eq true"

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", "title", "title eq", "eq", "title pr and", "(title pr", "title pr)", "()"),
            *('title zz "x"', '"x" eq title', "not title pr", "title pr pr", "title eq eq"),
            *(
                'emails[type eq "work"',
                'emails]type eq "w"[',
                "emails[]",
                "[type pr]",
                "a.b[c pr].d pr",
            ),
            *(
                'title eq "x',
                "title eq 'x'",
                'title eq "a\\q"',
                'title eq "tab\there"',
                "&",
                "title&pr",
            ),
            *('title eq "a" "b"', "title eq null null", "title.", ".title pr", "title..x pr"),
            *("title pr xor active pr", "not", "not ()", "emails[type pr][value pr] pr", "\x00"),
        ],
    )
    def test_09_errors_speak_of_the_text_and_not_of_the_parser(self, text: str) -> None:
        for caught in (refusal(text), path_refusal(text) if text != "title" else refusal(text)):
            for inside in ("object at 0x", "sly", "Yacc", "Token(", "Parsing error", "Traceback"):
                assert inside not in caught.detail
            assert "LBRACKET" not in caught.detail and len(caught.detail) < 300

    def test_09_a_syntax_error_names_its_place(self) -> None:
        assert refusal("userName zz 1").detail == "Syntax error: unexpected 'zz' at character 10."
        assert refusal("userName eq").detail == "Syntax error: unexpected end."

    def test_10_paths_are_read_although_they_are_no_filters(self) -> None:
        path = parse_path('emails[type eq "work"].value', USER)
        assert (path.name, path.sub, str(path.where)) == ("emails", "value", 'type eq "work"')
        assert str(parse_path("NAME.GIVENNAME", USER)) == "name.givenName"

    def test_10_a_filter_is_no_path(self) -> None:
        for text in ("title pr", 'title eq "x"', "title or active", "(title)", "not (title)"):
            assert "pr'" not in path_refusal(text).detail or text == "title pr"

    def test_11_a_bare_extension_urn_is_the_whole_extension(self) -> None:
        path = parse_path(ENTERPRISE.upper(), USER)
        assert (path.urn, path.name) == (ENTERPRISE, "")

    def test_12_nothing_nests_below_a_sub_attribute(self) -> None:
        refusal('name.givenName[value eq "x"] pr')
        refusal('emails.value[type eq "work"] eq "x"')
        refusal('contact.email[type eq "work"]')
        path_refusal('emails[type eq "work"].value.more')
        refusal('emails[value[value eq "x"]]')
        refusal('institutionRoleIds[value[value eq "x"]]')

    def test_13_a_line_break_is_white_space(self) -> None:
        assert read("title pr\r\nand\tactive pr") == "title pr and active pr"

    @pytest.mark.parametrize("word", ["eq", "or", "not", "pr", "and", "true", "null"])
    def test_14_keywords_are_no_attributes(self, word: str) -> None:
        refusal(f"{word} pr")

    @pytest.mark.parametrize(
        "text",
        [
            *("active gt true", "active le false", "active co true", 'x509Certificates gt "YQ=="'),
            *("title co 5", "title co null", "title gt null", "title gt true"),
            *('meta.created co "2011"', 'meta.created sw "2011"', 'meta.created gt "yesterday"'),
            *('name eq "x"', 'addresses co "x"', "meta.created eq 5", 'active eq "yes"'),
        ],
    )
    def test_15_operators_must_fit_the_type(self, text: str) -> None:
        refusal(text)

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "emails[type pr][value pr] pr",
                "emails[emails[type pr]]",
                "emails[phoneNumbers[type pr]]",
            ),
            *('userName[value eq "x"]', 'emails[type pr] eq "x"', "emails[userName pr]"),
        ],
    )
    def test_16_brackets_that_mean_nothing_are_refused(self, text: str) -> None:
        refusal(text)

    def test_17_an_unknown_attribute_is_never_dropped(self) -> None:
        refusal('title eq "a" and zz eq "b"')
        refusal('urn:example:User:title eq "a"')
        refusal('emails[zz eq "b"]')

    def test_18_wildcards_are_plain_characters(self) -> None:
        matches = compile_filter(parse_filter('title co "50%_*"', USER))
        assert matches({"title": "x50%_*y"}) and not matches({"title": "50 or more"})

    def test_19_many_terms_are_welcome(self) -> None:
        node = parse_filter(" or ".join(f'title eq "{n}"' for n in range(200)), USER)
        assert isinstance(node, Or) and len(node.terms) == 200

    def test_20_eight_threads_never_mix_their_values(self) -> None:
        def differing(worker: int) -> int:
            texts = [(f"w{worker}n{n}", f't{worker}"{n}') for n in range(150)]
            return sum(
                read(f'userName eq "{a}" and emails[type eq "work" and value co "{a}"] or title pr')
                != f'userName eq "{a}" and emails[type eq "work" and value co "{a}"] or title pr'
                for a, _ in texts
            )

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(differing, range(8))) == 0


class TestGuards:
    def test_4096_characters_are_read_and_one_more_is_refused(self) -> None:
        frame = len('title eq ""')
        parse_filter(f'title eq "{"x" * (4096 - frame)}"', USER)
        assert "4096" in refusal(f'title eq "{"x" * (4097 - frame)}"').detail
        assert "4096" in path_refusal("x" * 4097).detail

    def test_32_levels_are_read_and_one_more_is_refused(self) -> None:
        parse_filter("(" * 32 + "title pr" + ")" * 32, USER)
        parse_filter("not(" * 32 + "title pr" + ")" * 32, USER)
        assert "32" in refusal("(" * 33 + "title pr" + ")" * 33).detail
        assert "32" in refusal("[" * 33).detail

    def test_brackets_inside_strings_do_not_count(self) -> None:
        assert parse_filter(f'title eq "{"(" * 100}"', USER)
        assert parse_filter(f'title eq "\\"{"[" * 100}"', USER)

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "(" * 4000,
                ")" * 4000,
                "[" * 4000,
                '"' * 4001,
                "\\" * 4000,
                "a." * 2000,
                "a:" * 2000,
            ),
            *(
                "not " * 1000,
                "1" * 4000,
                "title eq " + "1" * 4000,
                "-" * 4000,
                "urn:" + "a.:" * 1000,
            ),
            *('title eq "' + "\\" * 3000, "title eq 1e" + "9" * 3000, "emails[" * 500, "é" * 4000),
            *("title pr and " * 300, "(title pr) or" * 300, "$" * 4000, "\x00" * 4000),
        ],
    )
    def test_hostile_text_is_refused(self, text: str) -> None:
        refusal(text)
        path_refusal(text)

    @pytest.mark.parametrize("value", ['"\\ud800"', '"\ud800"', '"\\udc00x"', '"\\u0000"', "1e999"])
    def test_values_that_nobody_can_store_are_refused(self, value: str) -> None:
        refusal(f"title eq {value}").detail.encode()
        with pytest.raises(ScimError):
            parse_filter(f"enrollmentLimit eq {value}", GROUP)

    def test_a_password_cannot_be_probed(self) -> None:
        for text in ('password eq "x"', "password pr", "title pr and not (PASSWORD pr)"):
            with pytest.raises(ScimError) as caught:
                parse_filter(text, USER)
            assert caught.value.scim_type == "sensitive"
        path_refusal('password[value eq "x"]')


class TestReading:
    @pytest.mark.parametrize(
        ("written", "read_as"),
        [
            ('USERNAME EQ "x"', 'userName eq "x"'),
            ('urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"', 'userName sw "J"'),
            (
                'URN:IETF:params:scim:schemas:CORE:2.0:user:NAME.familyname co "O"',
                'name.familyName co "O"',
            ),
            ('department eq "x"', f'{ENTERPRISE}:department eq "x"'),
            (f'{ENTERPRISE}:manager eq "x"', f'{ENTERPRISE}:manager.value eq "x"'),
            ('emails co "x"', 'emails.value co "x"'),
            ('emails[type eq "work"].value eq "x"', 'emails[type eq "work" and value eq "x"]'),
            (
                'emails[type pr or value pr].value eq "x"',
                'emails[(type pr or value pr) and value eq "x"]',
            ),
            ("emails[type pr] pr", "emails[type pr]"),
            ('contact.email ew "x"', 'emails[type eq "work" and value ew "x"]'),
            ("not(title pr)AND(active pr)", "not (title pr) and active pr"),
            ("not (not (title pr))", "not (not (title pr))"),
            ('title eq"x"and active pr', 'title eq "x" and active pr'),
            (
                "institutionRoleIds[value pr]",
                "urn:ietf:params:scim:schemas:extension:lms:2.0:User:institutionRoleIds[value pr]",
            ),
            ('name[givenName eq "x"]', 'name[givenName eq "x"]'),
            ('created gt "2011-05-13T04:42:34Z"', 'meta.created gt "2011-05-13T04:42:34Z"'),
        ],
    )
    def test_every_way_to_write_it_is_one_filter(self, written: str, read_as: str) -> None:
        assert read(written) == read_as

    @pytest.mark.parametrize(
        "text",
        [
            'userName eq "bjensen"',
            'name.familyName co "O\'Malley"',
            'userName sw "J"',
            'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"',
            "title pr",
            'meta.lastModified gt "2011-05-13T04:42:34Z"',
            'meta.lastModified le "2011-05-13T04:42:34Z"',
            'title pr and userType eq "Employee"',
            'title pr or userType eq "Intern"',
            'schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"',
            'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")',
            'userType ne "Employee" and not (emails co "example.com" or emails.value co "e.org")',
            'userType eq "Employee" and (emails.type eq "work")',
            'userType eq "Employee" and emails[type eq "work" and value co "@example.com"]',
            'emails[type eq "work" and value co "@e.com"] or ims[type eq "xmpp" and value co "@"]',
        ],
    )  # fmt: skip
    def test_every_example_of_the_standard_is_read(self, text: str) -> None:
        assert parse_filter(text, USER)

    def test_a_value_path_without_rest_is_a_filter(self) -> None:
        assert isinstance(parse_filter('emails[not (type eq "work")]', USER), Where)

    @properties
    @given(st.sampled_from([USER, GROUP]).flatmap(lambda t: st.tuples(st.just(t), filters(t))))
    def test_a_filter_written_out_reads_as_itself(self, case: tuple) -> None:
        resource_type, text = case
        node = parse_filter(text, resource_type)
        assert parse_filter(str(node), resource_type) == node

    @properties
    @given(filters(USER), st.lists(users(), min_size=1, max_size=5))
    def test_it_selects_what_a_second_reading_of_the_standard_selects(self, text, candidates):
        ours, theirs = compile_filter(parse_filter(text, USER)), Oracle(text, USER).matches
        assert [ours(user) for user in candidates] == [theirs(user) for user in candidates]

    @properties
    @given(filters(GROUP), st.lists(groups(), min_size=1, max_size=5))
    def test_it_selects_the_same_groups(self, text, candidates):
        ours, theirs = compile_filter(parse_filter(text, GROUP)), Oracle(text, GROUP).matches
        assert [ours(group) for group in candidates] == [theirs(group) for group in candidates]

    @properties
    @given(
        filters(USER, ["userName", "emails.value", "contact.email"], ["ann", "bob"]),
        users(["userName", "emails"], ["ann", "bob"]),
    )
    def test_filters_can_be_restricted_to_attributes_and_values(self, text, user):
        assert compile_filter(parse_filter(text, USER))(user) == Oracle(text, USER).matches(user)

    @properties
    @given(st.text() | st.lists(st.sampled_from(TOKENS := [
        *("title", "emails", "userName", "pr", "eq", "co", "and", "or", "not", "(", ")", "[", "]"),
        *('"x"', "5", "null", "true", ".value", ".", "urn:a:", "$ref", " ", '"', "\\", "members"),
    ]), max_size=12).map(" ".join))  # fmt: skip
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        for parse in (parse_filter, parse_path):
            for resource_type in (USER, GROUP):
                node = None
                try:
                    node = parse(text, resource_type)
                except ScimError as error:
                    error.detail.encode()
                    assert "object at" not in error.detail
                else:
                    assert parse(str(node), resource_type) == node
                if parse is parse_filter:
                    assert reads_too(text, resource_type) == (node is not None)
