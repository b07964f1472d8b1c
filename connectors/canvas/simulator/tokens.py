"""Who calls: bearer tokens, their scopes, and the OAuth endpoint that hands them out."""

from __future__ import annotations

from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.errors import (
    bad_token,
    not_found,
    oauth,
    out_of_scope,
    unauthenticated,
)
from connectors.canvas.simulator.ids import find_user
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.records import Token
from connectors.canvas.simulator.site import Site

OWN_USER = 1
_HINT = 5


def find_token(site: Site, value: str | None) -> Token:
    """Return a token that is in force, and refuse every other one."""
    if not value:
        raise unauthenticated()
    token = site.tokens.get(value)
    if token is None:
        raise bad_token("Invalid access token.")
    if token.revoked:
        raise bad_token("Revoked access token.")
    now = site.clock.now()
    if token.expires_at is not None and token.expires_at <= now:
        raise bad_token("Expired access token.", expired_at=write_time(token.expires_at))
    if token.stale_at is not None and token.stale_at <= now:
        raise bad_token("Invalid access token.")
    return token


def get_token(call: Call, slot: str, hint: str) -> Answer:
    """Return what is known of a user's token, which its first characters name."""
    user = find_user(call, slot)
    if user.id != call.caller.id:
        raise not_found()
    for token in call.site.tokens.values():
        is_named = len(hint) == _HINT and token.value.rpartition("~")[2].startswith(hint)
        if is_named and token.user_id == user.id and not token.revoked:
            return Answer(_show(token))
    raise not_found()


def _show(token: Token) -> Json:
    scopes = None if token.scopes is None else sorted(token.scopes)
    return {
        "user_id": token.user_id,
        "purpose": "provisioning",
        "expires_at": write_time(token.expires_at),
        "workflow_state": "active",
        "scopes": scopes,
        "app_name": "User-Generated" if token.stale_at is None else "Key",
        "token_hint": token.value.rpartition("~")[2][:_HINT],
    }


def check_scope(site: Site, token: Token, method: str, template: str, params: Params) -> None:
    """Refuse a call that the token's scopes do not have; they take its includes away too."""
    if token.scopes is None:
        return
    if f"url:{method}|/api/v1/{template}" not in token.scopes:
        raise out_of_scope()
    if not site.settings.scoped_includes:
        params.drop("include")


def request_token(site: Site, given: Params) -> Json:
    """Answer POST /login/oauth2/token; the refresh token stays the same."""
    if given.text("client_id") != site.client_id:
        raise oauth(401, "invalid_client", "unknown client")
    if given.text("client_secret") != site.client_secret:
        raise oauth(401, "invalid_client", "invalid client")
    grant = given.text("grant_type")
    if grant == "refresh_token":
        refresh = given.filled("refresh_token")
        if refresh is None:
            raise oauth(400, "invalid_request", "refresh_token not provided")
        if refresh != site.refresh_token:
            raise oauth(400, "invalid_request", "refresh_token not found")
        user = site.users[OWN_USER]
        body = _issue(site)
        return {
            "access_token": body["access_token"],
            "token_type": "Bearer",
            "user": {
                "id": user.id,
                "name": user.name,
                "global_id": str(10**13 + user.id),
                "effective_locale": user.locale or "en",
            },
            "canvas_region": "us-east-1",
            "expires_in": body["expires_in"],
        }
    if grant == "client_credentials" and site.settings.client_credentials:
        return _issue(site)
    description = "The grant_type you requested is not currently supported"
    raise oauth(400, "unsupported_grant_type", description)


def _issue(site: Site) -> Json:
    seconds = site.settings.token_seconds
    value = site.add_token(OWN_USER, stale_at=site.clock.now() + seconds)
    return {"access_token": value, "token_type": "Bearer", "expires_in": seconds}
