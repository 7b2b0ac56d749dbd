"""The Indonesian catalogue is complete: Indonesian is what reporters meet first, so a missing line is a fault
of the page, not a matter of taste."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

from portal.messages import compile_catalogues

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = Path("locale/id/LC_MESSAGES/django.po")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
MARKS = {"_", "gettext", "ngettext", "pgettext", "npgettext", "gettext_noop"}
TAG = re.compile(r"</?\w+")


def untranslated(catalogue: polib.POFile) -> list[str]:
    """Message ids without a translation that somebody has confirmed."""
    return [entry.msgid for entry in catalogue if not entry.obsolete and not entry.translated()]


def texts(entry: polib.POEntry) -> list[tuple[str, str]]:
    """Pairs of English and Indonesian; the Indonesian plural has one form, which stands for many."""
    if entry.msgid_plural:
        return [(entry.msgid_plural, text) for text in entry.msgstr_plural.values()]
    return [(entry.msgid, entry.msgstr)]


def test_committed_catalogue_is_complete() -> None:
    assert untranslated(polib.pofile(str(ROOT / CATALOGUE))) == []


def test_placeholders_and_tags_survive_translation() -> None:
    broken = [
        english
        for entry in polib.pofile(str(ROOT / CATALOGUE))
        if not entry.obsolete
        for english, indonesian in texts(entry)
        if any(sorted(kind.findall(english)) != sorted(kind.findall(indonesian)) for kind in (PLACEHOLDER, TAG))
    ]
    assert broken == []


def test_long_translations_are_unique_and_sentences_separated() -> None:
    """What a merge of catalogues leaves behind when it guesses: somebody else's sentence, or two in one."""
    sources: dict[str, list[str]] = {}
    for entry in polib.pofile(str(ROOT / CATALOGUE)):
        if not entry.obsolete:
            sources.setdefault(entry.msgstr, []).append(entry.msgid)
    assert [ids for text, ids in sources.items() if len(text) > 60 and len(ids) > 1] == []
    assert [text for text in sources if re.search(r"[a-z]\.[A-Z]", text)] == []


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="SKIPPED: no xgettext here")
def test_every_text_of_the_sources_is_translated(tmp_path: Path) -> None:
    for folder in ("complaints", "portal", "templates", "locale"):
        if (ROOT / folder).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.mo", "data", "migrations")
            shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "--locale", "id", "--add-location", "file"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
    )
    assert untranslated(polib.pofile(str(tmp_path / CATALOGUE))) == []


def test_no_text_is_marked_inside_an_f_string() -> None:
    """The gettext of Debian 12 does not look there, so such a text would never reach the translators."""
    hidden = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for folder in ("complaints", "portal")
        for path in (ROOT / folder).rglob("*.py")
        for string in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "").removesuffix("_lazy") in MARKS
    ]
    assert hidden == []


def test_compiling_makes_what_gettext_reads_and_only_when_needed(tmp_path: Path) -> None:
    folder = tmp_path / "id" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "django.po"
    source.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "Report"\nmsgstr "Laporan"\n\n#, fuzzy\nmsgid "Later"\nmsgstr "Salah"\n',
        encoding="utf-8",
    )
    assert compile_catalogues(tmp_path) == [source]
    assert compile_catalogues(tmp_path) == []
    compiled = polib.mofile(str(folder / "django.mo"))
    assert {entry.msgid: entry.msgstr for entry in compiled} == {"Report": "Laporan"}
    os.utime(source, ns=(2**62, 2**62))
    assert compile_catalogues(tmp_path) == [source]
