"""Users of a Brightspace organization: `users/`, and what is kept beside an account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from connectors.base import Collection, Options, Page, each_once
from connectors.brightspace import fields
from connectors.brightspace.accounts import PATH, Accounts, Step
from connectors.brightspace.auditing import Auditing
from connectors.brightspace.batches import AT_ONCE, USERS_AT_ONCE
from connectors.brightspace.beside import Beside, field_beside, merge, profile_fields
from connectors.brightspace.client import BrightspaceClient, Row
from connectors.brightspace.fields import ID, NULL, name, text, without_null
from connectors.brightspace.roles import RoleTable
from connectors.brightspace.steps import in_turn, undoing
from connectors.many import apart, one_ticket, onward, outcome_of
from connectors.mapping import Field, Impossible, Mapping, Native, Push, Resource, read_only
from connectors.overrides import overridden
from connectors.planning import Branch, Plan
from connectors.side_by_side import side_by_side
from connectors.ticket import Ticket
from schemas.changes import Change
from schemas.errors import ScimError, invalid_value, mutability
from schemas.user import LMS_USER, USER

LIST = "GET lp/users/"
ONE = "GET lp/users/{id}"
OF_ROLE = "GET lp/enrollments/orgUnits/{id}/users/, and GET lp/users/{id} for each,"


def user_mapping(options: Options, roles: RoleTable) -> Mapping:
    """Return the mapping of users.

    Configuration of the target: `profile` (true: what is on people's own pages too, which takes a
    call more for each person shown), and `attributes`, where a native name may be that of any
    member of the page (`profile.University`) or of an attribute (`attribute._department`).
    """

    def key(parameter: str) -> dict[str, Push]:
        return {"eq": Push(LIST, parameter, key=True, alone=True, value=_sought)}

    mapping = Mapping(
        USER,
        read_only("id", "UserId", read=str, push=fields.by_id(ONE)),
        Field("userName", "UserName", required=True, empty=None, write=name(270),
              push=key("userName")),
        Field("externalId", "OrgDefinedId", write=text(256), push=key("orgDefinedId")),
        Field("name.givenName", "FirstName", required=True, empty=None,
              write=name(64)),
        Field("name.familyName", "LastName", required=True, empty=None,
              write=name(64)),
        Field("name.middleName", "MiddleName", empty=NULL, write=text(64)),
        read_only("name.formatted", "DisplayName", returned="request"),
        read_only("displayName", "DisplayName"),
        Field('emails[type eq "work"].value', "ExternalEmail", empty=NULL, write=fields.email,
              push=key("externalEmail")),
        Field("active", "IsActive", empty=None, default=True),
        Field("password", "Password", readable=False, empty=None),
        Field(f"{LMS_USER}:mustChangePassword", "ForcePasswordReset", readable=False, empty=False),
        read_only(f"{LMS_USER}:lastLogin", "LastAccessedDate"),
        Field(f"{LMS_USER}:institutionRoleIds", "RoleId", costly=True, returned="request",
              empty=None, settle=partial(_roles, roles),
              push={"eq": Push(OF_ROLE, "roleId", value=fields.id_key)}),
        Field(f"{LMS_USER}:observees", "auditees", costly=True, returned="request"),
        *(profile_fields() if options.more.get("profile") else ()),
        walk="reads all users, a hundred in one call",
    )  # fmt: skip
    natives = {field.native: field for field in mapping.fields}
    return overridden(
        mapping, options.attributes, lambda native: natives.get(native) or field_beside(native)
    )


def _sought(value: Any) -> str | None:
    if not value:
        raise Impossible
    return fields.sought(value)


def _roles(table: RoleTable, value: Any) -> Any:
    return [table.id_of(role) for role in value] if isinstance(value, list) else value


class Users(Collection):
    """All accounts of the organization that the integration may see."""

    can_page = True
    at_once = {"create": USERS_AT_ONCE}

    def __init__(self, client: BrightspaceClient, options: Options, roles: RoleTable) -> None:
        self._client = client
        self._role = roles.default
        self._tells = bool(options.more.get("creation_email", False))
        self._accounts = Accounts(client)
        self._auditing = Auditing(client, self._accounts)
        self.mapping = user_mapping(options, roles)

    @property
    def mapping(self) -> Mapping:
        """The mapping of users; the records beside an account follow from it."""
        return self._mapping

    @mapping.setter
    def mapping(self, mapping: Mapping) -> None:
        """Take another mapping, with the records that it has rows of."""
        self._mapping = mapping
        self._beside = Beside(self._client, mapping)

    def page(self, plan: Plan, start: str, count: int) -> Page:
        if plan.branches is None:
            rows, following = self._client.page(PATH, {}, start)
            return Page([self._shown(row) for row in rows], following)
        if len(plan.branches) == 1 and plan.branches[0][0].push.call == OF_ROLE:
            return self._page_of_role(plan.branches[0][0].values[0], start)
        found = {user["id"]: user for branch in plan.branches for user in self._found(branch)}
        return Page([found[id] for id in sorted(found, key=int)])

    def search(self, plan: Plan) -> Iterator[Sequence[Resource]]:
        return each_once(super().search(plan))

    def get(self, id: str) -> Resource | None:
        row = self._client.get(PATH + id) if ID.fullmatch(id) else None
        return None if row is None else self._shown(row)

    def complete(self, resources: Sequence[Resource], wanted: frozenset[str]) -> None:
        self._beside.complete(resources, wanted)
        for resource in resources:
            if "institutionRoleIds" in wanted:
                role = self._accounts.role_of(resource["id"])
                merge(resource, {LMS_USER: {"institutionRoleIds": [role] if role else []}})
            if "observees" in wanted:
                held = self._auditing.auditees(resource["id"])
                merge(resource, {LMS_USER: {"observees": [{"value": id} for id in held]}})

    def create(self, ticket: Ticket, resource: Resource) -> Resource:
        new = self._new(ticket, resource)
        return self._finished(new, self._accounts.create(ticket, new.body))

    def create_many(
        self, items: Sequence[tuple[Ticket, Resource]]
    ) -> Sequence[Resource | ScimError]:
        ticket = one_ticket([ticket for ticket, _ in items])

        def made(part: list[_New]) -> list[tuple[_New, Row] | ScimError]:
            rows = self._accounts.create_many(ticket, [new.body for new in part])
            return [
                row if isinstance(row, ScimError) else (new, row)
                for new, row in zip(part, rows, strict=True)
            ]

        def finished(pairs: list[tuple[_New, Row]]) -> list[Resource | ScimError]:
            return side_by_side(lambda pair: outcome_of(self._finished, *pair), pairs, AT_ONCE)

        news = [outcome_of(self._new, *item) for item in items]
        return onward(onward(news, lambda part: apart(part, _name, made)), finished)

    def update(
        self, ticket: Ticket, before: Resource, after: Resource, changes: tuple[Change, ...]
    ) -> Resource:
        id = before["id"]
        named = {change.path.name for change in changes}
        native = without_null(self.mapping.to_native_changes(changes))
        password = _password(native)
        watched = self._auditing.named(after)
        replaced: list[Row] = []
        steps: list[Step] = []
        if native.keys() == {"IsActive"}:
            steps.append(partial(self._accounts.activate, ticket, on=native["IsActive"]))
        elif native:
            steps.append(lambda id: replaced.append(self._accounts.replace(ticket, id, native)))
        if password:
            steps.append(partial(self._accounts.set_password, ticket, password=password))
        if "institutionRoleIds" in named:
            if not (role := _only_role(after)):
                raise mutability("institutionRoleIds cannot be removed.")
            steps.append(partial(self._accounts.give_role, ticket, role=role))
        steps += self._beside.of_changes(ticket, changes)
        if "observees" in named:
            steps += self._auditing.steps(ticket, self._auditing.named(before), watched)
        in_turn(steps, id)
        made = self._shown(replaced[0]) if replaced else after
        return self._completed(made, after, watched)

    def delete(self, ticket: Ticket, id: str) -> None:
        self._client.send(ticket, "DELETE", PATH + id)

    def find_again(self, resource: Resource) -> Resource | None:
        row = self._accounts.of_login(resource["userName"])
        return None if row is None else self._shown(row)

    def request_password_reset(self, ticket: Ticket, resource: Resource) -> None:
        takes_body = self._client.versions.reaches("lp", "1.50")
        body = {"ForcePasswordReset": False} if takes_body else None
        self._client.send(ticket, "POST", f"{PATH}{resource['id']}/password", body)

    def _new(self, ticket: Ticket, resource: Resource) -> _New:
        role = _only_role(resource) or self._role
        if not role:
            raise invalid_value(
                "institutionRoleIds: name a role, or let the target have one: config = "
                "{ roleId = 103 }."
            )
        watched = self._auditing.named(resource)
        native = without_null(self.mapping.to_native(resource))
        password = _password(native)
        body, later = self._accounts.new(
            ticket, native, password, RoleId=int(role), SendCreationEmail=self._tells
        )
        later += self._beside.of_new(ticket, resource)
        later += self._auditing.steps(ticket, [], watched)
        return _New(ticket, resource, body, later, watched)

    def _finished(self, new: _New, row: Row) -> Resource:
        """Do what is left to do for an account that is made, or delete it."""
        made = self._shown(row)
        with undoing(lambda: self.delete(new.ticket, made["id"])):
            in_turn(new.later, made["id"])
        return self._completed(made, new.resource, new.watched)

    def _found(self, branch: Branch) -> Iterable[Resource]:
        parameter, value = branch[0].push.parameter, branch[0].values[0]
        if parameter == "id":
            user = self.get(value)
            return [] if user is None else [user]
        if parameter == "roleId":
            return self._of_role(value)
        return [self._shown(row) for row in self._accounts.by_key(parameter, value)]

    def _of_role(self, role: str) -> Iterator[Resource]:
        page = self._page_of_role(role, "")
        yield from page.resources
        while page.next:
            page = self._page_of_role(role, page.next)
            yield from page.resources

    def _page_of_role(self, role: str, start: str) -> Page:
        """Return a page of the organization's people with a role; each is read by id."""
        path = f"lp/enrollments/orgUnits/{self._client.organization}/users/"
        rows, following = self._client.page(path, {"roleId": role}, start)
        users = [user for row in rows if (user := self.get(str(row["User"]["Identifier"])))]
        for user in users:
            merge(user, {LMS_USER: {"institutionRoleIds": [role]}})
        return Page(users, following)

    def _completed(self, made: Resource, wanted: Resource, watched: list[str]) -> Resource:
        """Return what was made together with the costly attributes that were written."""
        whole = {name: dict(v) if isinstance(v, dict) else v for name, v in wanted.items()}
        merge(whole, made)
        if "observees" in wanted.get(LMS_USER, {}):
            merge(whole, {LMS_USER: {"observees": [{"value": id} for id in watched]}})
        return self.mapping.as_read(whole)

    def _shown(self, row: Row) -> Resource:
        return self.mapping.to_scim({**row, "IsActive": row["Activation"]["IsActive"]})


@dataclass(frozen=True, slots=True)
class _New:
    """An account to be made: what is sent, what is left to do then, and whom the person watches."""

    ticket: Ticket
    resource: Resource
    body: Row
    later: list[Step]
    watched: list[str]


def _name(new: _New) -> str:
    return str(new.body["UserName"]).casefold()


def _only_role(resource: Resource) -> str:
    """Return the role that a resource names; in the organization a person has exactly one."""
    roles = resource.get(LMS_USER, {}).get("institutionRoleIds", ())
    if len(roles) > 1:
        raise invalid_value("institutionRoleIds: Brightspace gives a person one role.")
    if roles and not ID.fullmatch(roles[0]):
        raise invalid_value(f"institutionRoleIds: {roles[0][:40]!r} is no id of a role.")
    return str(roles[0]) if roles else ""


def _password(native: Native) -> Native:
    """Take the password out of native values, in the form in which it is sent; {} for none."""
    must_change = native.pop("ForcePasswordReset", False)
    password = native.pop("Password", None)
    if password:
        return {"Password": password, "ForcePasswordReset": must_change}
    if must_change:
        raise invalid_value(
            "mustChangePassword: Brightspace demands it only together with a new password."
        )
    return {}
