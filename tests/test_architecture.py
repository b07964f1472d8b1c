"""Who may import whom, and what every file owes to its reader: read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.ticket import NoWrite

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "connectors", "gateway")
OURS = {*PACKAGES, "tests", "wsgi"}
SQL = frozenset(
    [
        *("database", "commits", "tables", "audit", "audit_query", "tokens", "tombstones"),
        *("vaults", "walks", "locks", "migrations", "ledger"),
        *("streams/deliveries", "guards/guard", "jobs/store", "pauses"),
    ]
)
SIMULATION = "simulation"
"""The folder beside those of the LMSs that only their simulators import."""
OVERRIDDEN = {"Meta", "format"}
"""What frameworks ask for by name: marshmallow's options, a log formatter's method."""
_SKIPPED = {".git", ".venv", "build", "__pycache__", ".hypothesis"}
_TEXT = {".py", ".md", ".toml", ".cfg", ".ini", ".mako", ".json", ".jsonl", ".yml", ".yaml", ""}
_MACHINE_PATHS = ("/" + "work/", "/" + "root/", "/home" + "/", "/" + "Users/runner")


def sources(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def importers(module: str, *packages: str) -> set[str]:
    """Return the files that import a module or a part of it."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in sources(*packages)
        if any(name == module or name.startswith(f"{module}.") for name in imports(path))
    }


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def test_imports_go_one_way() -> None:
    allowed = {
        "schemas": {"schemas"},
        "connectors": {"schemas", "connectors"},
        "gateway": {"schemas", "connectors", "gateway"},
    }
    for package, may in allowed.items():
        for path in sources(package):
            assert tops(path) & OURS <= may, path


def lms_of(path: Path) -> str | None:
    """Return the folder of the LMS that a connector's file belongs to."""
    parts = path.relative_to(ROOT / "connectors").parts
    return parts[0] if len(parts) > 1 else None


def is_simulator(path: Path) -> bool:
    """Tell whether a file belongs to an LMS's simulator, or to what all of them share."""
    parts = path.relative_to(ROOT).parts
    return parts[0] == "connectors" and (parts[1] == SIMULATION or "simulator" in parts[2:-1])


def test_no_connector_imports_another() -> None:
    folders = {path.parent.name for path in (ROOT / "connectors").glob("*/__init__.py")}
    lmss = folders - {SIMULATION}
    assert lmss
    for path in sources("connectors"):
        own = lms_of(path)
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "connectors" and len(parts) > 1 and parts[1] in lmss:
                assert parts[1] == own, f"{path} imports {name}"


def test_simulators_know_nothing_of_connectors() -> None:
    found = [path for path in sources("connectors") if is_simulator(path)]
    assert found
    for path in found:
        own = f"connectors.{lms_of(path)}.simulator"
        for name in imports(path):
            assert not name.startswith("httpx"), f"{path} imports {name}"
            if name.partition(".")[0] in OURS and name != "connectors":
                shared = name.startswith(("connectors.faults", f"connectors.{SIMULATION}"))
                assert shared or name.startswith(own), f"{path} imports {name}"


def test_only_simulators_know_what_they_share() -> None:
    shared = importers(f"connectors.{SIMULATION}", *PACKAGES)
    assert shared
    for file in shared:
        assert is_simulator(ROOT / file), file


@pytest.mark.parametrize(
    ("library", "files"),
    [
        ("httpx", {"connectors/http.py"}),
        ("scim2_filter_parser", {"schemas/filters.py"}),
        ("granian", {"gateway/server.py"}),
        ("idna", {"connectors/urls.py"}),
        ("ijson", {"connectors/moodle/client.py"}),
        ("flask_httpauth", {"gateway/auth.py"}),
        ("prometheus_client", {"gateway/telemetry.py"}),
    ],
)
def test_a_library_has_one_place(library: str, files: set[str]) -> None:
    assert importers(library, *PACKAGES) <= files


def test_marshmallow_is_for_messages() -> None:
    for file in importers("marshmallow", *PACKAGES):
        assert file.startswith("schemas/") or file in ("gateway/actions.py", "gateway/transfers.py")


def test_flask_is_for_the_gateway_and_the_simulators() -> None:
    for file in importers("flask", *PACKAGES) | importers("werkzeug", *PACKAGES):
        assert is_simulator(ROOT / file) or file.startswith("gateway/"), file


def test_sql_has_its_places() -> None:
    for file in importers("sqlalchemy", *PACKAGES) | importers("alembic", *PACKAGES):
        package, _, rest = file.partition("/")
        assert package == "gateway", file
        assert {rest.partition("/")[0].removesuffix(".py"), rest.removesuffix(".py")} & SQL, file


def test_no_import_of_a_test_in_the_product() -> None:
    assert not importers("tests", *PACKAGES)


def texts() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part in _SKIPPED or part.endswith("_cache") for part in parts)
        if not hidden and "egg-info" not in str(path) and path.is_file() and path.suffix in _TEXT:
            yield path


def test_no_paths_of_one_machine() -> None:
    for path in texts():
        content = path.read_text(encoding="utf-8", errors="replace")
        found = [word for word in _MACHINE_PATHS if word in content]
        assert not found, f"{path.relative_to(ROOT)}: {found}"


def inherited_names() -> set[str]:
    """Return the methods that connectors implement; their base class describes them."""
    names = set()
    for node in ast.walk(tree_of(ROOT / "connectors" / "base.py")):
        if isinstance(node, ast.ClassDef):
            names |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    return names


def undocumented(path: Path) -> Iterator[str]:
    module = tree_of(path)
    if not ast.get_docstring(module) and module.body:
        yield "the module"
    inherited = inherited_names()

    def look(body: list[ast.stmt], owner: str, derived: bool) -> Iterator[str]:
        for node in body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name[0] == "_":
                continue
            excused = owner and (node.name in OVERRIDDEN or (derived and node.name in inherited))
            if not ast.get_docstring(node) and not excused:
                yield owner + node.name
            if isinstance(node, ast.ClassDef):
                yield from look(node.body, f"{owner}{node.name}.", bool(node.bases))

    yield from look(module.body, "", False)


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_public_says_what_it_is(package: str) -> None:
    missing = {
        f"{path.relative_to(ROOT).as_posix()}: {name}"
        for path in sources(package)
        for name in undocumented(path)
    }
    assert not missing


NO_WRITE = {
    "READ": {"connectors/*/client.py", "connectors/canvas/reports.py"},
    "QUERY": {"connectors/moodle/client.py", "connectors/canvas/client.py"},
    "TOKEN": {"connectors/*/tokens.py", "connectors/*/oauth.py"},
    "PROBE": {"connectors/*/client.py"},
    "ELSEWHERE": {"gateway/*"},
}
"""Where a call may say of itself that it is no write, and so needs no ticket."""
CLIENTS = {"client", "self._client"}
"""What the client of an LMS is called; `send` and `write` are its methods that write."""


def is_one_of(path: Path, patterns: set[str]) -> bool:
    file = path.relative_to(ROOT).as_posix()
    return any(fnmatch(file, pattern) for pattern in patterns)


def calls(path: Path) -> Iterator[tuple[ast.Call, list[ast.FunctionDef]]]:
    """Yield the calls in a file, each with the functions that it stands in."""

    def look(node: ast.AST, around: list[ast.FunctionDef]) -> Iterator[Any]:
        if isinstance(node, ast.FunctionDef):
            around = [*around, node]
        if isinstance(node, ast.Call):
            yield node, around
        for child in ast.iter_child_nodes(node):
            yield from look(child, around)

    return look(tree_of(path), [])


def product() -> list[Path]:
    return [path for path in sources("connectors", "gateway") if not is_simulator(path)]


def test_only_the_audit_log_makes_tickets() -> None:
    makers = {
        path.relative_to(ROOT).as_posix()
        for path in product()
        for call, _ in calls(path)
        if ast.unparse(call.func).endswith("Ticket")
    }
    assert makers == {"gateway/audit.py"}
    holders = {
        path.relative_to(ROOT).as_posix()
        for path in sources("gateway")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr == "ticket"
    }
    assert holders == {"gateway/attempts.py", "gateway/sending.py", "gateway/writing.py"}


def test_what_is_no_write_says_so_in_few_places() -> None:
    assert NO_WRITE.keys() == NoWrite.__members__.keys()
    found = set()
    for path in product():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "NoWrite":
                if path.name != "ticket.py":
                    assert is_one_of(path, NO_WRITE[node.attr]), f"{path}: {ast.unparse(node)}"
                found.add(node.attr)
    assert found == NO_WRITE.keys()
    for file in importers("connectors.ticket.Permit", "connectors", "gateway"):
        assert is_one_of(ROOT / file, {"connectors/http.py", "connectors/*/client.py"}), file


def test_only_set_up_checks_probe_and_only_reports_are_ordered() -> None:
    users = {"probe": {"connectors/*/check.py"}, "order": {"connectors/canvas/reports.py"}}
    for path in product():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in CLIENTS:
                assert is_one_of(path, users.get(node.attr, {"*"})), f"{path}: {node.attr}"


def test_whoever_writes_to_an_lms_was_given_a_ticket() -> None:
    """A writing method of a client is called with the ticket that the caller has as a parameter.

    All other requests are sent by `HttpClient.send`, which demands a permit: in a client's own
    module a ticket that was handed in or a reason of `NO_WRITE`, elsewhere such a reason.
    """
    writes = 0
    for path in product():
        for call, around in calls(path):
            if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("send", "write"):
                continue
            if lms_of_connector(path) and ast.unparse(call.func.value) in CLIENTS:
                given = {ast.unparse(a) for function in around for a in function.args.args}
                assert "ticket: Ticket" in given, f"{path}:{call.lineno}"
                assert ast.unparse(call.args[0]) == "ticket", f"{path}:{call.lineno}"
                writes += 1
            elif call.func.attr == "send":
                assert "permit" in {keyword.arg for keyword in call.keywords}, f"{path}"
    assert writes > 40


def lms_of_connector(path: Path) -> str | None:
    """Return the LMS that a file of the connectors belongs to, None for other files."""
    return lms_of(path) if path.is_relative_to(ROOT / "connectors") else None
