"""The command that shows a person's accounts in all LMSs: `matricula accounts PERSON`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands import (
    config_option,
    database_of,
    json_option,
    make_ledger,
    operator,
    print_json,
    settings_of,
    targets_of,
)

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
    from gateway.cursors import Cursors
    from gateway.keyring import keyring
    from gateway.reading import Reader
    from gateway.tombstones import Tombstones
    from gateway.walks import Walks
    from schemas.errors import ScimError

    with database_of(config) as database:
        ledger = make_ledger(config, database)
        targets = targets_of(config, None, database)
        digest = ledger.keys.digest
        cursors = Cursors(keyring(settings_of(config)))
        reader = Reader(Tombstones(database, digest), Walks(database, digest), cursors)
        intent = replace(operator(config, "read", "User"), login=person)
        ledger.audit.record(intent, "success")
        try:
            answers = find_accounts(
                reader, list(targets.values()), person, intent.actor or "", lambda *_: True
            )
        except ScimError as error:
            raise click.ClickException(error.detail) from None
        finally:
            for target in targets.values():
                target.connector.close()
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
