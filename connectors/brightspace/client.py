"""The conversation with Brightspace's REST API: tokens, versions, lists, credits, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from connectors.addresses import with_query
from connectors.answers import json_of, refuse_circle
from connectors.base import Options
from connectors.bearer import Bearer
from connectors.brightspace.credits import Credits
from connectors.brightspace.oauth import AUTH_URL, SCOPE, TokenService, corrected
from connectors.brightspace.refusals import refusal
from connectors.brightspace.service import ServiceUser
from connectors.brightspace.tokens import Chain
from connectors.brightspace.versions import PATH as VERSIONS
from connectors.brightspace.versions import Versions
from connectors.http import Busy, HttpClient, Response
from connectors.probing import Probe
from connectors.ticket import NoWrite, Permit, Ticket, demand
from connectors.vault import MemoryVault
from schemas.errors import ScimError

PREFIX = "/d2l/api/"
Row = dict[str, Any]
Rows = list[Row]

_LINKS = ("/", "http:", "https:")
"""How a link begins that Brightspace gave; one to another site is refused on the road."""


class BrightspaceClient:
    """Calls of one tenant; paths are those after the version, such as `lp/users/3163`."""

    def __init__(self, options: Options) -> None:
        more = options.more
        self.http = HttpClient(options, is_throttled=_is_throttled)
        auth_url = str(more.get("auth_url", AUTH_URL))
        self.auth = HttpClient(replace(options, url=auth_url), is_throttled=_is_throttled)
        self.given_scope = str(more.get("scope", SCOPE))
        self.scope = corrected(self.given_scope)
        self.token = self._token(options)
        self.credits = Credits(int(more.get("reserve", 1000)))
        self.versions = Versions(lambda: self.get(VERSIONS))
        self._organization = ""

    @property
    def organization(self) -> str:
        """The id of the org unit that is the whole organization; it is asked for once."""
        if not self._organization:
            found = self.get("lp/organization/info")
            if not isinstance(found, dict) or not found.get("Identifier"):
                raise ScimError(502, "Brightspace does not tell which organization it serves.")
            self._organization = str(found["Identifier"])
        return self._organization

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return an object or an array, or None when there is none."""
        response = self._call(NoWrite.READ, "GET", with_query(path, query))
        if response.status_code == 404:
            return None
        return _body(_accepted(response, reading=True), path)

    def page(self, path: str, query: Mapping[str, Any], bookmark: str = "") -> tuple[Rows, str]:
        """Return a part of a list and the bookmark of the next, "" after the last.

        Raises 404 when the list's owner does not exist.
        """
        marked = {**query, "bookmark": bookmark} if bookmark else query
        body = self._list(with_query(path, marked), path)
        try:
            rows, paging = body["Items"], body["PagingInfo"]
            # The last part usually has a bookmark as well.
            has_more, following = paging["HasMoreItems"], str(paging["Bookmark"] or "")
        except (KeyError, TypeError):
            raise _no_list(path) from None
        if not has_more:
            return rows, ""
        refuse_circle("Brightspace", bookmark, following or bookmark)
        return rows, following

    def rows(self, path: str, query: Mapping[str, Any]) -> Iterator[Rows]:
        """Yield a list part by part."""
        rows, bookmark = self.page(path, query)
        yield rows
        while bookmark:
            rows, bookmark = self.page(path, query, bookmark)
            yield rows

    def objects(self, path: str, query: Mapping[str, Any]) -> Iterator[Rows]:
        """Yield a list whose pages lead on by links, page by page."""
        link = with_query(path, query)
        while link:
            body = self._list(link, path)
            try:
                rows, following = body["Objects"], str(body["Next"] or "")
            except (KeyError, TypeError):
                raise _no_list(path) from None
            if following and not following.startswith(_LINKS):
                raise _no_list(path)
            refuse_circle("Brightspace", link, following)
            yield rows
            link = following

    def send(self, ticket: Ticket, method: str, path: str, body: Any = None) -> Any:
        """Make a write and return what it answers with, {} where there is nothing.

        Raises ScimError: 400 for a refused value, 403, 404.
        """
        demand(ticket)
        return self._sent(ticket, method, path, body)

    def probe(self, probe: Probe) -> None:
        """Make a call that changes nothing whether it is allowed or not. Raises ScimError."""
        if probe.method == "GET":
            self.get(probe.path)
        else:
            self._sent(NoWrite.PROBE, probe.method, probe.path, probe.body)

    def close(self) -> None:
        """Close both pools."""
        self.http.close()
        self.auth.close()

    def authorize_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return where a person consents to what the target asks for."""
        return self._service.authorize_url(redirect_uri, self.scope, state, challenge)

    def _token(self, options: Options) -> Chain | Bearer:
        given = {
            name: str(options.more.get(name, ""))
            for name in ("client_id", "client_secret", "refresh_token", "key", "key_id")
        }
        own = {"client_id": given["client_id"]}
        if not given["key"]:
            own["client_secret"] = given["client_secret"]
        if not all(own.values()):
            raise ValueError("client_id is needed, with client_secret or with key and key_id")
        self._service = TokenService(self.auth, own)
        if given["key"]:
            user = ServiceUser(self._service, given["key"], given["key_id"], self.scope)
            return Bearer(user.ask)
        vault = options.vault or MemoryVault()
        return Chain(self._service, vault, given["refresh_token"], options.name)

    def _sent(self, permit: Permit, method: str, path: str, body: Any) -> Any:
        content = b"" if body is None else orjson.dumps(body)
        response = _accepted(self._call(permit, method, path, content), reading=False)
        return _body(response, path) if response.content else {}

    def _list(self, link: str, path: str) -> Any:
        self.credits.spare()
        response = self._call(NoWrite.READ, "GET", link)
        return _body(_accepted(response, reading=True), path)

    def _call(self, permit: Permit, method: str, path: str, content: bytes = b"") -> Response:
        """Send a call, and once more with a new token when the old one is not valid any more."""
        address = self._address(path)
        token = self.token.value()
        response = self._call_once(permit, method, address, content, token)
        if response.status_code == 401:
            # Nothing was done: Brightspace looks at the token first.
            token = self.token.value(not_this=token)
            response = self._call_once(permit, method, address, content, token)
        return response

    def _call_once(
        self, permit: Permit, method: str, address: str, content: bytes, token: str
    ) -> Response:
        self.credits.refuse_all()
        headers = {"Authorization": f"Bearer {token}"}
        if content:
            headers["Content-Type"] = "application/json"
        try:
            response = self.http.send(
                method,
                address,
                permit=permit,
                name=_name(method, address),
                repeatable=method == "GET",
                content=content or None,
                headers=headers,
            )
        except Busy as busy:
            if busy.response.status_code == 429:
                self.credits.used_up(busy.retry_after)
            raise
        self.credits.note(response.headers)
        return response

    def _address(self, path: str) -> str:
        if path.startswith(_LINKS):
            return path
        product, _, rest = path.partition("/")
        return f"{PREFIX}{product}/{self.versions.of(product)}/{rest}"


def _is_throttled(response: Response) -> bool:
    """Tell whether a call was refused unexecuted, for want of credits."""
    return response.status_code == 429


def _name(method: str, address: str) -> str:
    """Return the call's name in metrics: the path without version and ids."""
    product, _, rest = address.split("?")[0].rpartition(PREFIX)[2].partition("/")
    parts = rest.split("/")[1:] if product in ("lp", "le") else [rest]
    shown = "/".join("{id}" if part.isdigit() else part for part in parts)
    return f"{method} {product}/{shown}"


def _accepted(response: Response, *, reading: bool) -> Response:
    if response.status_code < 300:
        return response
    raise refusal(response, reading=reading)


def _body(response: Response, path: str) -> Any:
    return json_of(response, "Brightspace", path.split("?")[0])


def _no_list(path: str) -> ScimError:
    return ScimError(502, f"Brightspace sent no list for {path.split('?')[0]}.")
