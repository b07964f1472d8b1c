"""Migrations, transactions and locks, also between processes and after kill -9."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from gateway import database as database_module
from gateway.database import Database
from gateway.intents import Intent
from gateway.tables import metadata
from schemas.errors import ScimError
from tests.gateway.service import audit_log

HOLDER = """
import sys, time
from gateway.database import Database
with Database(sys.argv[1]).lock(["user 1", "user 2"], 5):
    print("held", flush=True)
    time.sleep(60)
"""
COUNTER = """
import sys
from pathlib import Path
from gateway.database import Database
database, path = Database(sys.argv[1]), Path(sys.argv[2])
for _ in range(25):
    with database.lock(["counter"], 30):
        path.write_text(str(int(path.read_text()) + 1))
database.close()
"""
MIGRATOR = "import sys; from gateway.database import Database; Database(sys.argv[1]).migrate()"


def hold(url: str) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_killed_process_frees_its_locks(database: Database, url: str) -> None:
    with hold(url) as holder:
        with pytest.raises(ScimError) as caught, database.lock(["user 2", "user 3"], 0.2):
            pass
        assert (caught.value.status, caught.value.retry_after) == (503, 1)
        with database.lock(["user 3"], 0.2):
            pass
        holder.kill()
        with database.lock(["user 2"], 5), database.lock(["user 1"], 5):
            pass


def test_processes_and_threads_take_turns(database: Database, url: str, tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_text("0")
    counters = [subprocess.Popen([sys.executable, "-c", COUNTER, url, str(path)]) for _ in range(2)]

    def count(_: int) -> None:
        for _ in range(25):
            with database.lock(["counter"], 30):
                path.write_text(str(int(path.read_text()) + 1))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(4)))
    assert [counter.wait(timeout=60) for counter in counters] == [0, 0]
    assert path.read_text() == "150"


def test_locks_in_any_order_do_not_deadlock(database: Database) -> None:
    keys = [f"key {number}" for number in range(100)]

    def take(number: int) -> None:
        for _ in range(3):
            with database.lock(keys[::-1] if number % 2 else keys, 60):
                pass

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(take, range(4)))


def test_a_lock_times_out_between_threads_and_is_freed_by_errors(database: Database) -> None:
    held, done = threading.Event(), threading.Event()

    def holder() -> None:
        with pytest.raises(KeyError), database.lock(["a"], 1):
            held.set()
            done.wait(10)
            raise KeyError

    thread = threading.Thread(target=holder)
    thread.start()
    held.wait(10)
    with pytest.raises(ScimError), database.lock(["a"], 0.1):
        pass
    with database.lock(["a"], 0.1, family="other"):
        pass
    done.set()
    thread.join()
    with database.lock(["a"], 1):
        pass


def test_two_openings_in_one_process_share_the_locks(database: Database, url: str) -> None:
    # The system's record locks are a whole process's: they alone would let both through.
    with database.lock(["a"], 1):
        for _ in range(2):
            other = Database(url)
            with pytest.raises(ScimError), other.lock(["a"], 0.1):
                pass
            other.close()


def test_locks_outlive_the_connection_that_they_are_on(database: Database, url: str) -> None:
    if database.dialect != "postgresql":
        pytest.skip("the locks of a file need no connection")
    other = Database(url)
    with database.lock(["a"], 1):
        with other.read() as connection:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            assert connection.exec_driver_sql(ended).scalar()
        with database.lock(["b"], 1):
            for key in ("a", "b"):
                with pytest.raises(ScimError), other.lock([key], 0.1):
                    pass
    with other.lock(["a", "b"], 1):
        pass
    other.close()


def test_many_locks_are_held_on_one_connection(database: Database) -> None:
    if database.dialect != "postgresql":
        pytest.skip("the locks of a file need no connection")
    with ExitStack() as held:
        for number in range(300):
            held.enter_context(database.lock([f"key {number}"], 1))
        with database.read() as connection:
            query = "SELECT count(*), count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory'"
            assert tuple(connection.exec_driver_sql(query).one()) == (300, 1)


def test_migrating_again_changes_nothing(database: Database) -> None:
    audit_log(database).begin(Intent("t", "patch", "User"))
    database.migrate()
    assert audit_log(database).search()[0] == 1


def test_the_tables_are_the_migrated_ones(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_workers_migrate_at_once(url: str) -> None:
    migrators = [subprocess.Popen([sys.executable, "-c", MIGRATOR, url]) for _ in range(3)]
    assert [migrator.wait(timeout=60) for migrator in migrators] == [0, 0, 0]
    database = Database(url)
    database.migrate()
    audit_log(database).begin(Intent("t", "patch", "User"))
    database.close()


def test_a_newer_database_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RuntimeError, match="9999"):
        database.migrate()


def test_workers_do_not_load_alembic(sqlite: Database) -> None:
    script = f"{MIGRATOR}; import gateway.audit; assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", script, f"sqlite:///{sqlite.path}"], check=True)


def test_a_failed_write_leaves_nothing(database: Database) -> None:
    events = metadata.tables["events"]
    with pytest.raises(SQLAlchemyError), database.write() as connection:
        connection.execute(events.insert().values(target="t"))
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(events)) == 0


def test_a_read_is_a_snapshot(database: Database) -> None:
    log = audit_log(database)
    count = select(func.count()).select_from(metadata.tables["events"])
    with database.read() as connection:
        assert connection.scalar(count) == 0
        log.begin(Intent("t", "patch", "User"))
        assert connection.scalar(count) == 0


def test_a_busy_sqlite_answers_503(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.1)
    other = Database(f"sqlite:///{sqlite.path}")
    with (
        sqlite.write(),
        pytest.raises(ScimError, match="busy"),
        other.write(),
    ):
        pass
    with (
        sqlite.write(),
        pytest.raises(ScimError, match="busy"),
        sqlite.write(),
    ):
        pass
    with other.write():
        pass
    other.close()


def test_sqlite_is_durable_and_private(sqlite: Database) -> None:
    assert sqlite.path is not None
    with sqlite.read() as connection:
        pragmas = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        assert connection.scalar(text("SELECT fold('STRASSE') = fold('straße')")) == 1
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    files = [path for path in sqlite.path.parent.glob("test.db*") if path.is_file()]
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true", "mysql://x"]
)
def test_unusable_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite"):
        Database(url)
