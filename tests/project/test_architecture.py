"""Structural rules that a reviewer would otherwise check by eye: import directions, sizes, types, names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES = 500
FUNCTION_LINES = 40
MOST_ANY = 200
TEMPLATE_COLUMNS = 120
# One long list each, without logic: splitting them would only hide the whole.
LONG_FILES = {"portal/settings.py"}
# Names of locals and parameters that do not say what they hold.
EMPTY_NAMES = {"one", "own", "found", "said", "asking"}


def sources() -> Iterator[Path]:
    yield ROOT / "manage.py"
    for folder in ("portal", "complaints"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_run_downwards_only() -> None:
    """The command itself would silence every logger of this process, and its tests after this one."""
    # Its packages for the terminal take as long to import as the contracts take to check.
    from importlinter.application.use_cases import lint_imports
    from importlinter.configuration import configure

    configure()
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)


def test_files_stay_readable() -> None:
    sizes = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {path: size for path, size in sizes.items() if size > FILE_LINES and path not in LONG_FILES} == {}


def test_functions_stay_readable() -> None:
    long = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                # The decorators and the docstring explain; only the code is counted.
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if lines > FUNCTION_LINES:
                    long[f"{name(path)}:{node.name}"] = lines
    assert long == {}


def test_locals_say_what_they_hold() -> None:
    empty = [
        f"{name(path)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in EMPTY_NAMES)
        or (isinstance(node, ast.arg) and node.arg in EMPTY_NAMES)
    ]
    assert empty == []


def test_template_lines_stay_readable() -> None:
    long = [
        f"{name(path)}:{number}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > TEMPLATE_COLUMNS
    ]
    assert long == []


def test_modules_say_what_they_guard() -> None:
    silent = [
        name(path)
        for path in sources()
        if (text := path.read_text(encoding="utf-8")).strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


@pytest.mark.parametrize("lock", ["uv.txt", "base.txt", "dev.txt"])
def test_locks_name_no_index_and_pin_by_hash(lock: str) -> None:
    """A lock that names somebody's package index would send every other installation there."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    pinned = re.findall(r"^\w[^\n]*==.*?(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
    assert pinned
    assert [entry for entry in pinned if "--hash=sha256:" not in entry] == []


def test_any_is_used_only_where_a_library_has_no_types() -> None:
    """The name Any outside of imports: what a library without types forces, and no more."""
    uses = sum(
        len(re.findall(r"\bAny\b", line))
        for path in sources()
        for line in path.read_text(encoding="utf-8").splitlines()
        if not re.match(r"\s*(from|import) ", line)
    )
    assert uses <= MOST_ANY


def test_services_are_imported_from_where_they_are_defined() -> None:
    facades = [
        name(path)
        for path in (ROOT / "complaints" / "services").rglob("__init__.py")
        if any(not isinstance(node, ast.Expr) for node in ast.parse(path.read_text(encoding="utf-8")).body)
    ]
    assert facades == []


def test_staff_screens_are_not_held_together_by_inheritance() -> None:
    """At most two bases of ours in a class statement, and a line of three at most above a class."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for path in (ROOT / "complaints" / "admin").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }

    def ancestors(cls: str) -> set[str]:
        ours = bases.get(cls, set()) & bases.keys()
        return ours.union(*(ancestors(base) for base in ours))

    assert {cls for cls in bases if len(bases[cls] & bases.keys()) > 2 or len(ancestors(cls)) > 3} == set()


def test_file_names_are_unique_within_a_layer() -> None:
    """A noun may have its model, its service and its screen; two files of one name in one layer make a reader guess."""
    layers: dict[tuple[str, str], list[str]] = {}
    for path in sources():
        parts = path.relative_to(ROOT).parts
        if path.name != "__init__.py" and len(parts) > 2:
            layers.setdefault(("/".join(parts[:2]), path.name), []).append(name(path))
    assert [paths for paths in layers.values() if len(paths) > 1] == []
