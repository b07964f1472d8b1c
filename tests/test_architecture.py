"""Who may import whom, and what every file owes to its reader: read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "connectors", "gateway")
OURS = {*PACKAGES, "tests", "wsgi"}
SQL = frozenset(
    [
        *("database", "commits", "tables", "audit", "audit_query", "tokens", "tombstones"),
        *("vaults", "walks", "locks", "migrations"),
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
        assert rest.partition("/")[0].removesuffix(".py") in SQL, file


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
