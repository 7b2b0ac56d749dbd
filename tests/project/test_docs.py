"""Documents are checked like code: a link that leads nowhere, a file or command that does not exist, a column or a
setting that nobody lists would mislead exactly those who trust the text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands
from django.db import models
from django.utils import timezone

from bench.attack.catalogue import ATTACKS
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.reference_data import Category
from complaints.models.team import Role
from complaints.services import reference_data

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DECISIONS = DOCS / "adr"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
# Public, and listed in the admin; nothing of them speaks of a report.
REFERENCE = {
    "Category",
    "AccusedKind",
    "SanctionKind",
    "Province",
    "ClosedDay",
    "Election",
    "OversightBody",
    "StandardText",
}

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
IN_TICKS = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
A_FILE = re.compile(r"[\w.*-]+(?:/[\w.*-]+)*/?")
SUFFIXES = (".py", ".md", ".html", ".css", ".js", ".json", ".toml", ".po", ".txt", ".svg", ".png")
# Made by a running portal, or by the operator; addresses look like folders.
MADE = ("var/", "portal.env", "audit-", "kantor/")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    titles = HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def files_named(page: Path) -> Iterator[str]:
    """What stands in backticks and looks like a file or folder of this repository."""
    for text in IN_TICKS.findall(prose(page)):
        word = text.split()[-1] if text.startswith((".venv/bin/python ", "python ")) else text
        if not A_FILE.fullmatch(word) or word.startswith(MADE):
            continue
        if word.endswith(SUFFIXES) or ("/" in word and not word.startswith("/")):
            yield word


def exists(word: str, page: Path) -> bool:
    """Look from the root, from the page, and from the app, whose folders are named without it."""
    places = (ROOT, page.parent, ROOT / "complaints", ROOT / "complaints" / "services")
    return any(any(place.glob(word.rstrip("/"))) for place in places)


def rows(page: Path, heading: str) -> Iterator[list[str]]:
    """Yield the cells of the table rows below a heading."""
    text = page.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def clear_columns(model: type[models.Model]) -> set[str]:
    """Ciphertext, keys and digests are binary; all else can be read by whoever has the database."""
    return {field.name for field in model._meta.concrete_fields if not isinstance(field, models.BinaryField)}


def test_links_lead_somewhere() -> None:
    assert {name(page): lost for page in PAGES if (lost := lost_links(page))} == {}


def lost_links(page: Path) -> list[str]:
    """The links of a page that lead nowhere in this repository."""
    lost = []
    for target in LINK.findall(prose(page)):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)
    return lost


def test_files_named_exist() -> None:
    assert [(name(page), word) for page in PAGES for word in files_named(page) if not exists(word, page)] == []


def test_commands_named_exist() -> None:
    targets = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets
    texts = {name(page): page.read_text(encoding="utf-8") for page in PAGES}
    made, managed = set(targets[1].split()), set(get_commands())
    for page, text in texts.items():
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= made, page
        assert set(re.findall(r"manage\.py (\w+)", text)) <= managed, page


def test_every_page_can_be_reached_from_the_front() -> None:
    reached = {ROOT / "README.md"}
    waiting = list(reached)
    while waiting:
        page = waiting.pop()
        targets = {(page.parent / target.split("#")[0]).resolve() for target in LINK.findall(prose(page))}
        new = {path for path in targets if path in PAGES and path not in reached}
        reached |= new
        waiting += new
    assert set(PAGES) - reached == set()


def test_every_decision_is_in_the_index_under_its_own_title() -> None:
    listed = re.findall(r"^\| (\d{4}) \| \[(.+?)\]\((.+?)\) \|$", (DECISIONS / "README.md").read_text("utf-8"), re.M)
    written = []
    for page in sorted(DECISIONS.glob("[0-9]*.md")):
        number, _, title = page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ").partition(". ")
        written.append((number, title, page.name))
    assert listed == written
    assert [number for number, *_ in written] == [f"{place:04}" for place in range(1, len(written) + 1)]


def test_decisions_have_the_same_parts() -> None:
    parts = {page.name: HEADING.findall(prose(page))[1:] for page in sorted(DECISIONS.glob("[0-9]*.md"))}
    expected = ["Context", "Decision", "Consequences", "Alternatives"]
    assert {page: found for page, found in parts.items() if found != expected} == {}


def test_threat_model_lists_exactly_the_clear_columns() -> None:
    listed = {}
    for table, columns in list(rows(DOCS / "threat-model.md", "Clear columns"))[1:]:
        listed[table] = set(re.sub(r"\([^)]*\)", "", columns).replace(" ", "").split(","))
    stored = {model.__name__: clear_columns(model) for model in apps.get_app_config("complaints").get_models()}
    assert listed == {table: columns for table, columns in stored.items() if table not in REFERENCE}


def test_operations_lists_every_setting_of_the_environment() -> None:
    read = set()
    for path in ("portal/environment.py", "portal/settings.py", "deploy/gunicorn.conf.py"):
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                reader = ast.unparse(node.func)
                if re.fullmatch(r"env\.\w+|os\.environ\.get", reader) and isinstance(node.args[0], ast.Constant):
                    read.add(node.args[0].value)
    listed = [row[0].strip("`") for row in rows(DOCS / "operations.md", "Environment variables")]
    assert sorted(name for name in listed if name.isupper()) == sorted(read)


def test_bench_explains_every_attack() -> None:
    table = {row[0].strip("`"): row[-1] for row in rows(ROOT / "bench" / "README.md", "Attacks")}
    assert table.pop("Key") == "At most"
    assert table == {attack.__name__: str(most) for attack, most in ATTACKS.items()}


def test_operations_explains_every_check() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "complaints").glob("*checks.py")))
    known = set(re.findall(r'"([EW]\d{3})"', text))
    assert {row[0].strip("`") for row in rows(DOCS / "operations.md", "Before opening")} - {"Id"} == known


def test_glossary_knows_every_word_of_the_workflow() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = {str(word.value) for kind in (Status, Action, ActorKind, Role) for word in kind}
    assert {word for word in words if f"`{word}`" not in text} == set()


@pytest.mark.django_db
def test_glossary_names_the_categories_as_the_catalogue_does() -> None:
    reference_data.load(now=timezone.now())
    listed = [tuple(row) for row in rows(DOCS / "glossary.md", "Categories")][1:]
    stored = Category.objects.order_by("order").values_list("code", "group", "name_id", "name_en")
    assert listed == [(f"`{code}`", f"`{group}`", *names) for code, group, *names in stored]
