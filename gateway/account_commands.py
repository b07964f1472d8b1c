"""The command that shows a person's accounts in all LMSs: `matricula accounts PERSON`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands import config_option, json_option, operator, print_json, services_of

if TYPE_CHECKING:
    from gateway.accounts import Account, Answer


@click.command()
@click.argument("person")
@config_option
@json_option
def accounts(person: str, config: Path, as_json: bool) -> None:
    """Show a person's accounts, roles and memberships in all LMSs.

    PERSON is a login, an external id or an e-mail address, the whole of it.
    """
    from dataclasses import asdict, replace

    from gateway.accounts import find_accounts
    from schemas.errors import ScimError

    with services_of(config) as services:
        intent = replace(operator(config, "read", "User"), login=person)
        services.audit.record(intent, "success")
        targets = list(services.targets.values())
        try:
            answers = find_accounts(
                services.reader, targets, person, intent.actor or "", lambda *_: True
            )
        except ScimError as error:
            raise click.ClickException(error.detail) from None
    if as_json:
        print_json([asdict(answer) for answer in answers])
        return
    for answer in answers:
        for line in _lines(answer):
            click.echo(line)


def _lines(answer: Answer) -> Iterator[str]:
    if answer.problem:
        yield f"{answer.target}: could not be asked. {answer.problem}"
    elif not answer.accounts:
        yield f"{answer.target}: no account"
    else:
        yield f"{answer.target}:"
    for account in answer.accounts:
        yield from _lines_of(account)
    if answer.more > 0:
        yield f"  {answer.more} more accounts are not shown."
    if answer.memberships:
        yield f"  Memberships: {answer.memberships}"
    if answer.left_out:
        keys = " or ".join(sorted(answer.left_out))
        yield f"  Not searched by {keys}: all accounts would have to be read."


def _lines_of(account: Account) -> Iterator[str]:
    state = {True: "active", False: "disabled", None: "state not told"}[account.active]
    named = {"id": account.id, "external id": account.external_id, "e-mail": account.email}
    told = [f"{key} {value}" for key, value in named.items() if value]
    yield f"  {account.login}  {'  '.join(filter(None, (account.name, *told, state)))}"
    if account.roles:
        yield f"    roles: {', '.join(account.roles)}"
    if account.groups:
        yield f"    groups: {', '.join(account.groups)}"
    for held in account.memberships or ():
        yield f"    {held}"
