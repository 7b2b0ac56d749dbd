"""The catalogue's Indonesian is Indonesian, its sentences stand apart, and one thing keeps one name.

The terms are looked at in the texts of the reporter's pages, and in those of staff where they are clean already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import polib

from tests.project import reporter_texts

# Small words that no Indonesian sentence has.
ENGLISH = re.compile(
    r"\b(?:the|and|of|your|you|is|are|was|were|not|this|that|these|with|from|will|been|have|has|which|for|to|be|it|we"
    r"|our|or|please|nothing|only|cannot)\b",
    re.IGNORECASE,
)
# Names, abbreviations and words that are the same in both languages.
SAME = {"NIP", "PNS", "PPPK", "Status", "status", "Web", "Menu", "No.", "no. %(number)s", "“%(state)s”.",
        "%(outcome)s (%(day)s).", "%(size)d byte", "Filter"}  # fmt: skip
GLUED = re.compile(r"[a-z”)][.:;!?][A-Z“]")
_NO_PROSE = re.compile(r"<[^>]*>|%\(\w+\)[sd]|https?://\S+")
# What a text says instead, by the pattern that it must not have. For reporters and for staff.
EVERYWHERE = {
    r"\b(?:peng)?aduan\b": "laporan",
    r"\bunggahan\b": "postingan, of social media; berkas, of what is sent",
    r"\bmesin\b|\bbelahan\b|\bbersegel\b|\bsegel\b|\bdisegel\b": "server; kunci; terkunci",
    r"\btengok\b|\bberaksi\b|\bdirawat\b": "periksa; mendukung; dalam pemeliharaan",
    r"\bpelaku\b|\btersangka\b|\boknum\b": "terlapor; to the reporter: orang yang Anda laporkan",
    r"\bkamu\b|\bSaudara\b": "Anda",
    r"(?<!kata )\bsandi\b": "kata sandi",
    r"\bdialihkan\b": "diarahkan; dilimpahkan, where something is sent and received",
    r"\bpemecatan\b": "pemberhentian tidak dengan hormat",
    r"membuka siapa": "menunjukkan siapa",
}
# For reporters.
REPORTERS = {
    r"\bpintu\b": "tempat melapor",
    r"\bjatuh tempo\b": "tenggat",
    r"\bbita\b|\bkuki\b": "byte; cookie",
    r"\bsaringan\b": "filter",
    r"\bdibungkus\b|\bdiundi\b|\bdipatok\b|\braksasa\b|\bberhari-hari\b|\bmula-mula\b": "plain words",
    r"kepala rantai|kepala hari": "nilai hash penutup",
    r"\bdijauhkan\b": "tidak dapat membuka",
    r"\bperkara\b": "peristiwa; kasus, for staff",
    r"\bbarang bukti\b|\balat bukti\b": "bukti",
    r"\binstansi terlapor\b": "pimpinan instansi",
    r"\bjika\b|\bkalau\b": "bila",
    r"\bbisa\b": "dapat",
    r"\bsesudah\w*\b": "setelah",
    r"\bdahulu\b": "dulu",
    r"\bsedikitnya\b|\bminimal\b": "paling sedikit",
    r"\bkeliru\b|tidak tepat": "salah",
    r"\bintisari\b|\bsidik\b": "nilai hash; sidik kunci",
    r"\bkantor (?:ini|kami|mana)\b|\bdari kantor\b|\bke kantor\b": "petugas; kantor is where the reporter works",
    r"memegang (?:kasus|laporan)|\bdipegang\b": "menangani",
    r"\bgiliran\b": "menunggu",
    r"\bgambar kecil\b": "gambar mini",
    r"\bjejak\b": "data tersembunyi",
    r"\bbalasan\b": "dihukum atau dipersulit; tindakan balasan, for staff",
    r"\bPPK\b": "pimpinan instansi: PPK is a committee of an election too",
    r"\btersimpan terbuka\b": "tidak terkunci",
    r"\bpelepasan\b": "penerusan",
    r"\borang kedua\b": "petugas lain",
    r"\btidak pernah\b": "belum pernah, where it is counted",
    r", maaf\b": "dan mohon maaf",
}
ENGLISH_OF_REPORTERS = {
    r"\bdoors?\b": "where to report",
    r"\bhouse\b|\btriage\b": "verification team",
    r"\bstands?\b|\bmend(?:ed)?\b|\bleaf\b|\blies? under\b": "is; correct; page",
    r"\bmeanwhile\b|\bturn away\b|\btake (?:up|on)\b|\bkept from\b|\bgone too far\b|\bif you like\b": "plain words",
    r"\ban own\b|\bspeaks for\b|\bsign of you\b": "plain English",
    r"n['’]t\b": "no contractions",
    r"\bcomplaints?\b": "report",
}


def catalogue() -> list[polib.POEntry]:
    """Every entry of the catalogue."""
    return [entry for entry in polib.pofile(str(reporter_texts.CATALOGUE)) if not entry.obsolete]


def translations(entries: Iterable[polib.POEntry]) -> Iterator[str]:
    """The Indonesian texts of entries."""
    for entry in entries:
        yield from reporter_texts.indonesian(entry)


def hits(texts: Iterable[str], terms: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each text that has a word of a table, with what it should say instead."""
    patterns = [(re.compile(pattern, re.IGNORECASE), better) for pattern, better in terms.items()]
    return [
        (text, better) for text in texts for pattern, better in patterns if pattern.search(_NO_PROSE.sub(" ", text))
    ]


def foreign(entries: Iterable[polib.POEntry]) -> list[str]:
    """The translations in which English words were left, or that are no translation."""
    left = [text for text in translations(entries) if ENGLISH.search(_NO_PROSE.sub(" ", text))]
    return left + [entry.msgid for entry in entries if entry.msgid in {*translations([entry])} - SAME]


def glued(texts: Iterable[str]) -> list[str]:
    """The texts of which two sentences stand together without a space."""
    return [text for text in texts if GLUED.search(_NO_PROSE.sub("x", text))]


def test_no_english_is_left_in_a_translation() -> None:
    assert foreign(catalogue()) == []
    assert {entry.msgid for entry in catalogue()} >= SAME, "a line of the list that meets nothing"


def test_no_two_sentences_are_glued_together() -> None:
    entries = catalogue()
    english = [text for entry in entries for text in (entry.msgid, entry.msgid_plural)]
    assert glued([*english, *translations(entries)]) == []


def test_one_thing_keeps_one_name() -> None:
    entries, reporters = catalogue(), reporter_texts.entries()
    assert hits(translations(entries), EVERYWHERE) == []
    assert hits(translations(reporters), REPORTERS) == []
    assert hits([text for entry in reporters for text in (entry.msgid, entry.msgid_plural)], ENGLISH_OF_REPORTERS) == []


def test_the_patterns_meet_what_they_look_for() -> None:
    assert hits(["Kalau perlu, periksa di kantor."], REPORTERS) == [("Kalau perlu, periksa di kantor.", "bila")]
    assert hits(["Kata sandi salah.", "%(bisa)s dibuka"], {**EVERYWHERE, **REPORTERS}) == []
    assert glued(["Kunci lama.Kasus baru.", "Nilai: %(n)s. Lalu"]) == ["Kunci lama.Kasus baru."]
    wrong = polib.POEntry(msgid="Your report", msgstr="Laporan of Anda")
    same = polib.POEntry(msgid="Report", msgstr="Report")
    assert foreign([wrong, same]) == ["Laporan of Anda", "Report"]
