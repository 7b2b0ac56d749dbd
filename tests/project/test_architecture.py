"""The house rules that a reader would otherwise have to check by eye: import directions and sizes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES = 500
FUNCTION_LINES = 40
TEMPLATE_COLUMNS = 120
# One long list each, without logic: splitting them would only hide the whole.
LONG_FILES = {"portal/settings.py"}


def sources() -> Iterator[Path]:
    yield ROOT / "manage.py"
    for folder in ("portal", "complaints"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_run_downwards_only() -> None:
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), is_debug_mode=False, no_cache=True)
    assert code == 0


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
