"""The simulator proved by brightspace-api, a client that others wrote, over a loopback port."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from connectors.brightspace.simulator import Simulator, create_simulator
from tests.connectors.brightspace.site import REDIRECT

bsapi = pytest.importorskip("bsapi", reason="brightspace-api is not installed")
oauth = pytest.importorskip("bsapi.oauth", reason="brightspace-api is not installed")

COURSE, SECOND = 6671, 6672


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=60, courses=2, page_size=25, object_page_size=7)


@pytest.fixture
def host(address: str) -> str:
    return address.removeprefix("http://")


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


@pytest.fixture
def api(simulator: Simulator, host: str, session: requests.Session) -> Any:
    class Plain(bsapi.BSAPI):  # type: ignore[misc, name-defined]
        """The client over plain HTTP."""

        def _create_url(self, api_route: str) -> str:
            return f"http://{self.host}{api_route}"

    site = simulator.site
    return Plain(site.tokens.issue(site.settings.scopes), host, session=session)


def test_it_signs_in_and_refreshes(
    simulator: Simulator, host: str, session: requests.Session
) -> None:
    site = simulator.site
    page, token = f"http://{host}/oauth2/auth", f"http://{host}/core/connect/token"
    address = oauth.create_auth_url(site.client_id, REDIRECT, "users:profile:read", page)
    sent = session.get(address, allow_redirects=False, timeout=10).headers["Location"]
    assert set(parse_qs(urlsplit(sent).query)) == {"code"}
    pair = (site.client_id, site.client_secret)
    code = oauth.parse_callback_url(sent)
    told = oauth.exchange_code_for_token(*pair, REDIRECT, code, token, session=session)
    again = oauth.refresh_access_token(*pair, told["refresh_token"], token, session=session)
    assert site.tokens.lives(again["refresh_token"])
    with pytest.raises(bsapi.APIError, match="invalid_grant"):
        oauth.refresh_access_token(*pair, told["refresh_token"], token, session=session)


def test_it_learns_who_it_is_and_the_versions(api: Any) -> None:
    assert api.whoami().unique_name == "svc.scim"
    assert {one.product_code for one in api.get_versions()} == {"lp", "le", "bas", "ep", "lr"}
    assert api.get_product_versions("lp").latest_version == "1.62"
    api.lp_version = "1.9"
    with pytest.raises(bsapi.APIError, match="unsupported products"):
        api.check_versions()
    api.check_versions(use_latest=True)
    assert (api.lp_version, api.le_version) == ("1.62", "1.96")
    assert [role.identifier for role in api.get_roles(COURSE)] == [
        "103",
        "105",
        "109",
        "110",
        "118",
    ]


def test_it_walks_people_and_class_lists(api: Any, simulator: Simulator) -> None:
    everybody = api.get_users(6606)
    assert len({one.user.identifier for one in everybody}) == 61
    assert len(simulator.site.calls) == 3
    inactive = api.get_users(6606, is_active=False)
    assert [one.user.user_name for one in inactive] == ["user3", "user23", "user43"]
    assert len(api.get_users(6606, role_id="118")) == 2
    whole, paged = api.get_classlist(COURSE), api.get_classlist_paged(COURSE)
    assert whole == paged
    assert len(whole) > 14


def test_it_moves_people_between_groups(api: Any, simulator: Simulator) -> None:
    category = api.get_group_categories(COURSE)[0]
    groups = api.get_groups(COURSE, category.group_category_id)
    assert [group.group_id for group in groups] == category.groups
    place = (COURSE, category.group_category_id, groups[0].group_id)
    person = groups[0].enrollments[0]
    api.remove_user_from_group(*place, person)
    assert person not in api.get_group(*place).enrollments
    api.enroll_user_in_group(*place, person)
    assert person in api.get_group(*place).enrollments
    with pytest.raises(bsapi.APIError, match="404"):
        api.enroll_user_in_group(*place, 999)


def test_it_reads_final_grades(api: Any, simulator: Simulator) -> None:
    values = api.get_grade_values(SECOND, "final")
    graded = [one for one in values if one.grade_value is not None]
    assert 0 < len(graded) < len(values)
    person = int(graded[0].user.identifier)
    assert api.get_grade_value(SECOND, "final", person) == graded[0].grade_value
    assert graded[0].grade_value.displayed_grade.endswith("%")
    assert api.get_grade_value(SECOND, "final", 999) is None
    assert len(api.get_grade_values(SECOND, "final", is_graded=True)) == len(graded)


def test_it_reads_refusals(api: Any, simulator: Simulator) -> None:
    simulator.site.tokens.revoke()
    with pytest.raises(bsapi.APIError, match="401") as refused:
        api.whoami()
    assert refused.value.response.json()["detail"] == "Couldn't parse token"
