"""Users of a Canvas site: a person, with the login that stands for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from connectors.addresses import path_value
from connectors.base import Options
from connectors.canvas import fields, observers
from connectors.canvas.client import ROOT, CanvasClient
from connectors.canvas.fields import text
from connectors.canvas.imports import FEW, Imports
from connectors.canvas.listed import Listed, Row
from connectors.canvas.logins import KNOWN as OF_LOGINS
from connectors.canvas.logins import Logins
from connectors.canvas.names import PARTS, follow, parts_of, sortable
from connectors.canvas.reports import Reports
from connectors.flat import nested
from connectors.http import HttpClient
from connectors.languages import nearest
from connectors.many import one_ticket, outcome_of
from connectors.mapping import Field, Mapping, Native, Resource, read_only
from connectors.overrides import overridden
from connectors.planning import Plan
from connectors.rehearsal import Rehearsal
from connectors.side_by_side import side_by_side
from connectors.ticket import Ticket
from schemas.changes import Change, diff
from schemas.errors import ScimError, forbidden, invalid_value
from schemas.filters import attribute_names
from schemas.user import LMS_USER, USER

LIST = "GET accounts/{id}/users"
ONE = "GET users/{id}"
TYPES = ("administrative", "observer", "staff", "student", "student_other", "teacher")

LOCALES = (
    *("ar", "ca", "cy", "da", "da-x-k12", "de", "el", "en", "en-AU", "en-CA", "en-CY", "en-GB"),
    *("en-NZ", "es", "es-ES", "fa", "fi", "fr", "fr-CA", "ga", "he", "hi", "ht", "hu", "hy", "id"),
    *("is", "it", "ja", "ko", "mi", "ms", "nb", "nb-x-k12", "nl", "nn", "pl", "pt", "pt-BR", "ru"),
    *("sl", "sv", "sv-x-k12", "th", "tr", "uk", "vi", "zh-Hans", "zh-Hant"),
)
"""The languages that Canvas comes with."""

_OF_PROFILES = {
    "timezone": "time_zone",
    "locale": "locale",
    "title": "title",
    "description": "bio",
}
"""What the profile shows of one user; lists have the time zone only."""
_NO_PICTURE = "/images/messages/avatar"
_AT_ONCE = 4
IMPORTED = 500
"""Accounts in one SIS import, so that nobody waits too long for its end."""
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")


def user_mapping(options: Options) -> Mapping:
    """Return the mapping of users.

    Configuration of the target: `profiles` (the site has them on: title and biography), `pronouns`
    (the site's list of them, where that setting is on), `locales` (those that the site has, where
    they are not Canvas's own), and `attributes`; with `externalId =
    "login.integration_id"` the integration id takes the place of the SIS id.
    """
    more = options.more
    pronouns = tuple(more.get("pronouns", ()))
    locales = tuple(more.get("locales", LOCALES))
    mapping = Mapping(
        USER,
        read_only("id", "id", push=fields.by_key(ONE, "id")),
        Field("userName", "login.unique_id", required=True, empty=None, write=_login,
              settle=_stripped, push=fields.by_key(ONE, "sis_login_id")),
        Field("externalId", "login.sis_user_id", filled=True, write=text(255),
              push=fields.searched(LIST) | fields.by_key(ONE, "sis_user_id", case_exact=True)),
        Field("name.formatted", "user.name", filled=True, empty=None, write=text(255),
              settle=_stripped, push=fields.searched(LIST)),
        Field("name.givenName", "name.given", filled=True, write=_part, settle=_stripped),
        Field("name.familyName", "name.family", filled=True, write=_part, settle=_stripped),
        Field("displayName", "user.short_name", filled=True, empty=None, write=text(255),
              settle=_stripped),
        Field('emails[type eq "work"].value', "user.email", empty=None, write=_address,
              push=fields.searched(LIST)),
        Field('photos[type eq "photo"].value', "user.avatar.url", at_create=False, filled=True,
              empty=None, read=lambda link: None if _NO_PICTURE in link else link),
        Field("timezone", "user.time_zone", costly=True, returned="request", filled=True,
              empty=None),
        Field("locale", "user.locale", costly=True, returned="request", canonical=locales,
              settle=lambda tag: nearest(tag, locales) if isinstance(tag, str) else tag),
        Field("active", "user.event", costly=True, at_create=False, empty=None, default=True,
              write=lambda on: "unsuspend" if on else "suspend"),
        Field("userType", "login.declared_user_type", costly=True, at_create=False,
              canonical=TYPES),
        Field("password", "login.password", readable=False, empty=None),
        *_where(more.get("profiles"), "title", "user.title"),
        *_where(more.get("profiles"), f"{LMS_USER}:description", "user.bio"),
        *([Field(f"{LMS_USER}:pronouns", "user.pronouns", at_create=False, canonical=pronouns)]
          if pronouns else []),
        read_only(f"{LMS_USER}:uuid", "user.uuid"),
        read_only(f"{LMS_USER}:lastLogin", "user.last_login"),
        Field(f"{LMS_USER}:observers", "observers", costly=True, returned="request"),
        read_only(f"{LMS_USER}:observees", "observees", costly=True, returned="request"),
        read_only("meta.created", "user.created_at", read=fields.moment_of),
        walk="reads all users, a hundred in one call; who is active takes a call for each user "
        "that is looked at, or one report when they are many",
        follow=_follow,
    )  # fmt: skip
    natives = {field.native: field for field in mapping.fields}
    natives["login.integration_id"] = Field(
        "externalId", "login.integration_id", filled=True, write=text(255),
        push=fields.searched(LIST) | fields.by_key(ONE, "sis_integration_id", case_exact=True),
    )  # fmt: skip
    return overridden(mapping, options.attributes, natives.get)


def _follow(before: Resource, after: Resource, said: Resource) -> Resource:
    """Return the wanted account with what follows from what a client says.

    Besides names, an address in other letters of the same: Canvas takes it for the one it has.
    """
    after = follow(before, after, said)
    held = {item["value"].lower(): item["value"] for item in before.get("emails", ())}
    emails = [
        {**item, "value": held.get(item["value"].lower(), item["value"])}
        for item in after.get("emails", ())
    ]
    return {**after, "emails": emails} if emails else after


class Users(Listed):
    """All people who have a login in the root account; one whose login is deleted is nobody."""

    one = "users"
    every = f"{ROOT}/users"
    listing = {
        "sort": "id",
        "include[]": ("email", "avatar_url", "time_zone", "uuid", "last_login"),
    }
    showing = {"include[]": ("uuid", "last_login")}

    def __init__(
        self, client: CanvasClient, options: Options, open: Callable[[str], HttpClient]
    ) -> None:
        super().__init__(user_mapping(options), client)
        reports = Reports(client, open, float(options.more.get("report_wait", 25)))
        self._logins = Logins(client, reports, int(options.more.get("report_from", 200)))
        self._imports: Imports | None = None
        if options.more.get("sis_import"):
            self.lingers = float(options.more.get("sis_import_wait", 120))
            self.at_once, self.many_take = {"create": IMPORTED}, FEW
            self._imports = Imports(client, reports, self.lingers)
        self._own_id = ""
        self._verify = options.verify

    def resource(self, row: Row) -> Resource | None:
        """Return the user of a row; without a login in the account it stands for nobody."""
        if "login_id" not in row:
            return None
        if "effective_locale" in row:
            # Canvas shows it to nobody but the account itself.
            self._own_id = str(row["id"])
        return self.mapping.to_scim(_native(row))

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        batches = super().search(plan)
        wanted = OF_LOGINS & set(attribute_names(plan.residual))
        if plan.branches is None and wanted:
            return self._logins.filled(batches, wanted)
        return batches

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        if wanted & OF_LOGINS:
            self._logins.fill(resources)
        self._fill_profiles(resources, wanted & _OF_PROFILES.keys())
        for name in {*observers.NAMES} & {part.partition(".")[0] for part in wanted}:
            observers.fill(self._client, resources, name)

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        native = self.mapping.to_native(resource)
        watching = observers.observers_of(self._client, resource, {})
        row = self._client.send(ticket, "POST", self.every, _registration(native))
        made = self._made(row, resource)
        id = made["id"]
        second = self._second(resource)
        try:
            if second:
                self._send(ticket, made, self.mapping.to_native_changes(second))
            observers.link(ticket, self._client, id, [], watching)
        except ScimError as error:
            detail = f"User {id} was created, but not all of it could be set: {error.detail}"
            raise ScimError(error.status, detail, error.scim_type, unknown=error.unknown) from None
        return made

    def create_many(
        self, items: Sequence[tuple[Ticket, Resource]]
    ) -> Sequence[Resource | ScimError]:
        ticket = one_ticket([ticket for ticket, _ in items])
        made: Sequence[Row | ScimError | None] = [None] * len(items)
        if self._imports is not None and not isinstance(ticket, Rehearsal):
            natives = [self._importable(resource) for _, resource in items]
            made = self._imports.make(ticket, natives, self.listing)
        singly = [item for item, row in zip(items, made, strict=True) if row is None]
        created = iter(side_by_side(lambda item: outcome_of(self.create, *item), singly, _AT_ONCE))
        return [
            self._made(row, resource) if isinstance(row, dict) else row or next(created)
            for row, (_, resource) in zip(made, items, strict=True)
        ]

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        native = self.mapping.to_native_changes(changes)
        if {"name.given", "name.family"} & native.keys():
            name = after.get("name", {})
            native["user.sortable_name"] = sortable(*(name.get(part, "") for part in PARTS))
        if native.get("user.event") == "suspend":
            self._refuse_own(before["id"])
        watching = observers.observers_of(self._client, after, before)
        self._send(ticket, before, native)
        if any(change.path.name == "observers" for change in changes):
            observers.link(ticket, self._client, before["id"], observers.held(before), watching)
            after.setdefault(LMS_USER, {})["observers"] = watching
        if self._verify and (read := self.get(before["id"])):
            self._logins.fill([read])
            return read
        return after

    def delete(self, ticket: Ticket, id: str) -> None:
        self._refuse_own(id)
        if self.get(id) is None:
            raise ScimError(404, f"There is no User {id}.")
        self._client.send(ticket, "DELETE", f"{self.every}/{id}")

    def find_again(self, resource: Resource) -> Resource | None:
        found = self.shown(f"sis_login_id:{resource['userName']}")
        is_same = found and found["userName"].casefold() == resource["userName"].casefold()
        return found if is_same else None

    def request_password_reset(self, ticket: Ticket, resource: Resource) -> None:
        addresses = [item["value"] for item in resource.get("emails", ())]
        if not addresses:
            raise invalid_value("Canvas sends the message by e-mail, and the user has no address.")
        self._client.send(ticket, "POST", "users/reset_password", {"email": addresses[0]})

    def _made(self, row: Row, resource: Resource) -> Resource:
        """Return what a creation has made: what Canvas answers with, and what else was written."""
        written = {name: value for name, value in resource.items() if name != "password"}
        return {**self.mapping.to_scim(_native(row)), **written, "id": str(row["id"])}

    def _importable(self, resource: Resource) -> Native:
        """Return all that a creation sends, the name for sorting in the place of its parts."""
        native = self.mapping.to_native(resource)
        native |= self.mapping.to_native_changes(self._second(resource))
        given, family = native.pop("name.given", ""), native.pop("name.family", "")
        if given or family:
            native["user.sortable_name"] = sortable(given, family)
        if resource.get(LMS_USER, {}).get("observers"):
            native["observers"] = ""
        return native

    def _second(self, resource: Resource) -> list[Change]:
        """Return what Canvas takes only once the user is there, his being active apart."""
        found = []
        for change in diff(self.mapping.resource_type, {}, resource):
            row = self.mapping.row(change.path)
            is_usual = change.path.name == "active" and change.new is True
            if row is not None and not row.field.at_create and not is_usual:
                found.append(change)
        return found

    def _send(self, ticket: Ticket, before: Resource, native: Native) -> None:
        """Send changes: first those of the login, which Canvas is most likely to refuse."""
        values = nested(native)
        user, path = values.get("user", {}), f"users/{before['id']}"
        if login := values.get("login"):
            self._logins.change(ticket, before, login)
        address = user.get("email")
        if address:
            self._add_address(ticket, path, address)
        if user:
            self._client.send(ticket, "PUT", path, {"user": user})
        for old in before.get("emails", ()) if address else ():
            self._drop_address(ticket, path, old["value"], address)
        if user.get("event") == "suspend":
            self._client.send(ticket, "DELETE", f"{path}/sessions")

    def _add_address(self, ticket: Ticket, path: str, address: str) -> None:
        """Add a confirmed address: one that came by an edit would first wait for an answer."""
        channel = {"address": address, "type": "email"}
        body = {"communication_channel": channel, "skip_confirmation": True}
        try:
            self._client.send(ticket, "POST", f"{path}/communication_channels", body)
        except ScimError as error:
            # The person has it already, as a second one; the edit puts it first.
            if error.status != 409:
                raise

    def _drop_address(self, ticket: Ticket, path: str, old: str, kept: str) -> None:
        if old.lower() == kept.lower():
            return
        channels = f"{path}/communication_channels"
        where = f"email/{path_value(old)}"
        if "/" in old:
            # Not every web server lets a slash through in a path.
            rows = [row for part in self._client.rows(channels) for row in part]
            where = next((str(row["id"]) for row in rows if row.get("address") == old), where)
        try:
            self._client.send(ticket, "DELETE", f"{channels}/{where}")
        except ScimError as error:
            # No address of the person any more is what was wanted.
            if error.status != 404:
                raise

    def _fill_profiles(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        """Fill in what profiles show; the time zone is there already where a list has shown it."""
        lacking = [
            resource
            for resource in resources
            if wanted - {"timezone"} or (wanted and "timezone" not in resource)
        ]

        def profile(resource: Resource) -> Row:
            return self._client.get(f"users/{resource['id']}/profile") or {}

        for resource, row in zip(lacking, side_by_side(profile, lacking, _AT_ONCE), strict=True):
            shown = {f"user.{name}": row.get(name) for name in _OF_PROFILES.values()}
            for name, value in self.mapping.to_scim(shown).items():
                if isinstance(value, dict):
                    resource.setdefault(name, {}).update(value)
                else:
                    resource[name] = value

    def _refuse_own(self, id: str) -> None:
        """Keep the account behind the target's own token alive: all calls depend on it."""
        if id == self._own_id:
            raise forbidden(f"User {id} is the account of this target's own token.")


def _where(held: Any, path: str, native: str) -> list[Field]:
    made = Field(path, native, costly=True, at_create=False, returned="request")
    return [made] if held else []


def _registration(native: Native) -> dict[str, Any]:
    """Return the body that makes a user, without mails to the person."""
    given, family = native.pop("name.given", ""), native.pop("name.family", "")
    values = nested(native)
    user, login = values.get("user", {}), values["login"]
    if given or family:
        user["sortable_name"] = sortable(given, family)
    # An empty address is none; without one Canvas would take the login for it.
    address = user.pop("email", "")
    return {
        "user": {**user, "skip_registration": True},
        "pseudonym": login,
        "communication_channel": {
            "type": "email",
            "address": address,
            "skip_confirmation": True,
        },
        "enable_sis_reactivation": "sis_user_id" in login,
    }


def _native(row: Row) -> Native:
    """Return a user's row under the names by which it is written."""
    given, family = parts_of(str(row.get("sortable_name") or ""))
    login = {"unique_id": row.get("login_id")} | {
        name: row.get(name) for name in ("sis_user_id", "integration_id")
    }
    return {
        **{f"user.{name}": value for name, value in row.items()},
        **{f"login.{name}": value for name, value in login.items()},
        "id": str(row["id"]),
        "user.avatar.url": row.get("avatar_url"),
        "name.given": given,
        "name.family": family,
    }


def _login(value: Any) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("a login has characters that can be seen")
    return text(100)(value)


def _part(value: Any) -> str:
    if "," in value:
        raise ValueError("Canvas takes what is before a comma for the family name")
    return text(250)(value)


def _address(value: Any) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("not an e-mail address")
    return text(255)(value)


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
