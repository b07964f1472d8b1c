"""The token service: the consent page and the token endpoint, which any tenant's calls share."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from connectors.brightspace.simulator.assertions import ASSERTION_TYPE
from connectors.brightspace.simulator.errors import OAuthError
from connectors.brightspace.simulator.scopes import covers
from connectors.brightspace.simulator.site import Site

AUTHORIZE_PATH = "/oauth2/auth"
TOKEN_PATH = "/core/connect/token"

_METHODS = ("S256", "plain")


def authorize(site: Site, given: Mapping[str, str]) -> str:
    """Answer the consent page: where the browser is sent, with a code or an error."""
    redirect_uri = given.get("redirect_uri", "")
    if given.get("client_id") != site.client_id:
        raise OAuthError("invalid_client", "The client is not known.")
    if redirect_uri not in site.settings.redirect_uris:
        raise OAuthError("invalid_request", "The redirect URI is not registered.")
    try:
        answer = {"code": _promise(site, given, redirect_uri)}
    except OAuthError as error:
        answer = {"error": error.error, "error_description": error.description}
    if "state" in given:
        answer["state"] = given["state"]
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(answer)}"


def _promise(site: Site, given: Mapping[str, str], redirect_uri: str) -> str:
    if given.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "The response type must be code.")
    challenge = given.get("code_challenge", "")
    method = given.get("code_challenge_method", "plain")
    if challenge and method not in _METHODS:
        raise OAuthError("invalid_request", "The code challenge method is not known.")
    scope = _choose_scope(given.get("scope", ""), site.settings.scopes)
    if not site.settings.consents:
        raise OAuthError("access_denied", "The user refused.")
    return site.tokens.promise(redirect_uri, scope, challenge, method)


def exchange(
    site: Site, form: Mapping[str, str], client: tuple[str, str] | None, address: str
) -> dict[str, Any]:
    """Answer the token endpoint; `client` are HTTP Basic credentials, `address` is its URL."""
    grant = form.get("grant_type", "")
    site.exchanges.append(grant)
    answer = _GRANTS.get(grant)
    if not grant:
        raise OAuthError("invalid_request", "The grant type is missing.")
    if answer is None:
        raise OAuthError("unsupported_grant_type", "The grant type is not supported.")
    if answer is _client_credentials:
        _check_assertion(site, form, address)
    else:
        _check_secret(site, form, client)
    return answer(site, form)


def _check_secret(site: Site, form: Mapping[str, str], client: tuple[str, str] | None) -> None:
    name, secret = client or (form.get("client_id", ""), form.get("client_secret", ""))
    known = secrets.compare_digest(name.encode(), site.client_id.encode())
    right = secrets.compare_digest(secret.encode(), site.client_secret.encode())
    if not (known and right):
        raise OAuthError("invalid_client", "Client authentication failed.")


def _check_assertion(site: Site, form: Mapping[str, str], address: str) -> None:
    if form.get("client_id", site.client_id) != site.client_id:
        raise OAuthError("invalid_client", "Client authentication failed.")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthError("invalid_client", "A signed assertion is needed.")
    audiences = {address, site.settings.token_url}
    site.assertions.check(site, form.get("client_assertion", ""), audiences)


def _authorization_code(site: Site, form: Mapping[str, str]) -> dict[str, Any]:
    code = site.tokens.redeem(form.get("code", ""))
    if form.get("redirect_uri") != code.redirect_uri:
        raise OAuthError("invalid_grant", "The redirect URI does not match.")
    if code.challenge and not _verifies(form.get("code_verifier", ""), code.challenge, code.method):
        raise OAuthError("invalid_grant", "The code verifier does not match.")
    answer = _bearer(site, code.scope)
    if site.settings.refresh_tokens:
        answer["refresh_token"] = site.tokens.begin_chain(code.scope)
    return answer


def _refresh_token(site: Site, form: Mapping[str, str]) -> dict[str, Any]:
    found = site.tokens.find(form.get("refresh_token", ""))
    scope = _choose_scope(form.get("scope", ""), found.scope)
    return {**_bearer(site, scope), "refresh_token": site.tokens.rotate(found)}


def _client_credentials(site: Site, form: Mapping[str, str]) -> dict[str, Any]:
    return _bearer(site, _choose_scope(form.get("scope", ""), site.settings.scopes))


_GRANTS: Mapping[str, Callable[[Site, Mapping[str, str]], dict[str, Any]]] = {
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    "client_credentials": _client_credentials,
}


def _bearer(site: Site, scope: str) -> dict[str, Any]:
    return {
        "access_token": site.tokens.issue(scope),
        "token_type": "Bearer",
        "expires_in": site.settings.token_seconds,
        "scope": scope,
    }


def _choose_scope(wanted: str, allowed: str) -> str:
    """Return the wanted scopes, or all when none are named; those not allowed are refused."""
    if any(not covers(allowed, scope) for scope in wanted.split()):
        raise OAuthError("invalid_scope", "A scope is not among those that are granted.")
    return " ".join(wanted.split()) or allowed


def _verifies(verifier: str, challenge: str, method: str) -> bool:
    if method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = urlsafe_b64encode(digest).rstrip(b"=").decode()
    return secrets.compare_digest(verifier.encode(), challenge.encode())
