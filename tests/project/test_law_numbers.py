"""The law stands in the rules (complaints/data/law) and nowhere else: no number of a law, no article and no limit.

What is looked through are templates, code with its comments, both languages of the catalogue, and the texts of the
reference data. What may stay is listed with its reason, and a line of the list that meets nothing fails too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parents[2]
_LAWS = (
    r"UU|PP|KUHP|KUHAP|Perpres|Permen\w*|Per(?:BKN|bawaslu|da|bup|wali)|Peraturan BKN|Kep(?:men\w*|pres)|SKB|PKPU|MK|SE"
)
_NUMBER = r"(?:No\.?|Nomor|number)?\s?\d+(?:\s?/\s?(?:\d{4}|PUU\S*)| (?:Tahun|of) \d{4})?"
LAW = re.compile(
    rf"\b(?:{_LAWS}|Law|Undang-Undang|Peraturan Pemerintah) {_NUMBER}\b|\b(?:Pasal|[Aa]rticles?|art\.|Ps\.?) ?\d+\w*"
)
_UNITS = r"hari(?: kerja| kalender)?|jam|minggu|bulan|tahun|(?:working |calendar )?days?|hours?|weeks?|months?|years?"
LIMIT = re.compile(rf"\b\d+ ?(?:x ?24 ?)?(?:{_UNITS})\b")
# Columns in which a category or a body says on what it rests.
RESTS_ON = {"basis", "note_id", "note_en"}
# By file of the code: what may stay there, each with its reason.
ALLOWED: dict[str, dict[str, str]] = {
    "complaints/admin/export.py": {
        "UU 43/2009": "which class an export has is no rule on an act",
        "art. 40": "the same",
    },
    "complaints/domain/completeness.py": {
        "PP 48/2016": "where the five questions of a complete report come from; nothing is judged by it",
        "UU 7/2017": "the same",
        "art. 15": "the same",
        "art. 454": "the same",
    },
    "complaints/domain/workflow.py": {
        "Perbawaslu 7/2022": "the source of a step, which the table names; no day and no sanction follows from it",
        "PP 79/2021": "the same",
        "PP 94/2021": "the same",
        "art. 24": "the same",
        "Peraturan BKN 1/2023": "the same",
    },
    "complaints/domain/operator.py": {"UU 27/2022": "the law on personal data that /tentang/ names to readers"},
    "complaints/domain/law/judgment.py": {"Pasal 3": "that the milder law counts is the function itself, cited by it"},
}
# Limits that the portal sets itself, in the words around them: they are constants of the code and no limit of a law.
OWN_LIMITS = {
    "24 hours": "how long a removal waits and an import can be undone",
    "24 jam": "the same",
    "72 hours": "how long a report is kept whose reporter has asked for its code",
    "72 jam": "the same",
    "for 14 days, also": "how long an officer's choice of parts is kept",
    "selama 14 hari, juga": "the same",
    "Within 14 days": "over how many days refused sign-ins are counted",
    "last 14 days": "the same",
    "refused in 14 days": "the same",
    "14 hari terakhir": "the same",
    "Dalam 14 hari, %(n)s": "the same",
    "ditolak dalam 14 hari": "the same",
    "8 weeks": "a span of the page of figures",
    "26 weeks": "the same",
    "Steps in 7 days": "the same",
    "Langkah dalam 7 hari": "the same",
    "Past 7 days": "a filter of the audit log",
    "7 hari terakhir": "the same",
    "Past 30 days": "the same",
    "last 30 days": "the list of failed jobs",
    "30 hari terakhir": "the same, and the filter",
}


def texts_of_catalogue() -> Iterator[str]:
    for entry in polib.pofile(str(ROOT / "locale/id/LC_MESSAGES/django.po")):
        if not entry.obsolete:
            yield from (entry.msgid, entry.msgid_plural or "", entry.msgstr, *entry.msgstr_plural.values())


def texts_of_reference_data() -> Iterator[str]:
    """The texts of the reference data but for what is dated law itself, or says on what a dated row rests."""
    for path in sorted((ROOT / "complaints/data/catalog").glob("*.json")):
        # Kinds of sanction are rows of the law with days of validity: "for 12 months" is what the law calls them.
        rows = [] if path.stem == "sanction_kinds" else json.loads(path.read_text(encoding="utf-8"))
        for row in rows:
            values = [value for column, value in row.items() if column not in RESTS_ON]
            yield from (str(text) for value in values for text in (value if isinstance(value, list) else [value]))


def texts() -> list[str]:
    """Templates, the catalogue and the reference data, each text in one line."""
    templates = (path.read_text(encoding="utf-8") for path in sorted((ROOT / "templates").rglob("*.*")))
    return [" ".join(text.split()) for text in (*templates, *texts_of_catalogue(), *texts_of_reference_data())]


def test_no_law_and_no_limit_stands_in_a_text() -> None:
    named, used = [], set()
    for text in texts():
        used |= {phrase for phrase in OWN_LIMITS if phrase in text}
        for phrase in OWN_LIMITS:
            text = text.replace(phrase, "")
        named += [*LAW.findall(text), *LIMIT.findall(text)]
    assert named == []
    assert used == OWN_LIMITS.keys(), "a line of the list that meets nothing"


def test_no_law_stands_in_the_code() -> None:
    named = {}
    for folder in ("complaints", "portal"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts and (hits := set(LAW.findall(path.read_text(encoding="utf-8")))):
                named[str(path.relative_to(ROOT))] = sorted(hits)
    assert named == {place: sorted(reasons) for place, reasons in ALLOWED.items()}


def test_the_patterns_meet_what_they_look_for() -> None:
    laws = (
        "UU 5/2014",
        "PP 94",
        "Pasal 280",
        "UU Nomor 7 Tahun 2017",
        "PP No. 94 Tahun 2021",
        "KUHP Ps 3",
        "MK 121/PUU-XXII",
    )
    for text in (*laws, "Article 71", "Law number 7 of 2017", "Ps 187A", "Perbawaslu 9/2022", "SKB 2022"):
        assert LAW.search(f"menurut {text} itu"), text
    for text in ("7 hari", "14 hari kerja", "2 x 24 jam", "3 working days", "6 bulan", "1 month"):
        assert LIMIT.search(f"dalam {text}."), text
    for text in ("PP lama", "Pasal ini", "hari kerja", "%(n)s hari", "{{ days }} days", "KN-26-7"):
        assert not LAW.search(text) and not LIMIT.search(text), text
