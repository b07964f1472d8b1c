"""What all commands share: the options, and what the configuration makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from connectors.base import Observe
    from gateway.database import Database
    from gateway.intents import Intent
    from gateway.ledger.ledger import Ledger
    from gateway.services import Services
    from gateway.settings import Settings
    from gateway.targets import Target
    from schemas.filters import Filter

# Commands import what they need when they run: the server's own process stays small, and
# `matricula --help` answers at once.

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """Add `--config`, which MATRICULA_CONFIG can stand for."""
    option = click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        envvar="MATRICULA_CONFIG",
        required=True,
        help="The configuration file (or MATRICULA_CONFIG).",
    )
    return option(command)


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command)


def settings_of(config: Path) -> Settings:
    """Return the settings of a configuration file."""
    from gateway.references import ConfigurationError
    from gateway.settings import load

    try:
        return load(config)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None


def targets_of(
    config: Path, only: str | None, database: Database | None = None
) -> dict[str, Target]:
    """Return the targets, or the one; only with the database may they call their LMSs."""
    from functools import partial

    from gateway.keyring import keyring
    from gateway.references import ConfigurationError
    from gateway.targets import make_targets
    from gateway.vaults import DatabaseVault

    settings = settings_of(config)
    try:
        vault = partial(DatabaseVault, database, keyring(settings)) if database else None
        targets = make_targets(settings, vault=vault)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if only is None:
        return targets
    if only not in targets:
        raise click.ClickException(f"No such target: {only}. Known: {', '.join(targets)}.")
    return {only: targets[only]}


@contextmanager
def database_of(config: Path) -> Iterator[Database]:
    """Give the database of a configuration, with its tables."""
    from gateway.database import Database
    from gateway.keyring import keyring
    from gateway.references import ConfigurationError

    settings = settings_of(config)
    database = Database(settings.database)
    try:
        try:
            database.migrate(keyring(settings))
        except (RuntimeError, ConfigurationError) as error:
            raise click.ClickException(str(error)) from None
        yield database
    finally:
        database.close()


@contextmanager
def ledger_of(config: Path) -> Iterator[Ledger]:
    """Give the audit log of a configuration, with all that belongs to it."""
    with database_of(config) as database:
        yield make_ledger(config, database)


def make_ledger(config: Path, database: Database) -> Ledger:
    """Return the audit log of a configuration in its database."""
    from gateway.keyring import keyring
    from gateway.ledger.ledger import Ledger
    from gateway.references import ConfigurationError

    settings = settings_of(config)
    try:
        return Ledger(database, settings.audit, keyring(settings))
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def services_of(
    config: Path, target: str | None = None, observe: Observe | None = None
) -> Iterator[Services]:
    """Give what reads and writes with a configuration, which must have the target if one is named.

    `observe` is told of every call to an LMS.
    """
    from gateway.keyring import keyring
    from gateway.references import ConfigurationError
    from gateway.services import make_services

    settings = settings_of(config)
    if target is not None and target not in settings.targets:
        known = ", ".join(settings.targets)
        raise click.ClickException(f"No such target: {target}. Known: {known}.")
    with database_of(config) as database:
        try:
            services = make_services(settings, database, keyring(settings), observe)
        except ConfigurationError as error:
            raise click.ClickException(str(error)) from None
        try:
            yield services
        finally:
            services.close()


def operator(
    config: Path, operation: str, resource_type: str, filter: Filter | None = None
) -> Intent:
    """Return the event of what whoever runs the command does; `filter` is what they look for."""
    import getpass

    from gateway.intents import Intent, login_in

    return Intent(
        target="",
        operation=operation,
        resource_type=resource_type,
        login=login_in(filter),
        actor=getpass.getuser(),
        client=click.get_current_context().command_path,
        configuration=settings_of(config).version,
    )


def print_json(value: Any) -> None:
    """Print a value as JSON for people and programs."""
    import orjson

    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
