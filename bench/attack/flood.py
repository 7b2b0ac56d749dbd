"""The attack that floods the office: do junk reports take real ones with them, and how many acts does the junk cost?

The reports are made here, from words drawn with a fixed seed, so that each run sends the same ones.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from bench.attack.target import Target

ACTS_AT_MOST: Final = 10
# Words of stories, none of which is a superior's post. What is drawn of them makes no sense, and differs from the next
# as much as two real stories do.
_TEXT: Final = (
    "pegawai kantor rapat pagi siang malam bidang dinas staf warga guru kaus spanduk baliho foto grup pesan "
    "undangan lapangan mobil dana iuran nama keluarga suara calon dukungan apel daftar hadir surat tugas honor lembur "
    "pindah ancam minta paksa bagikan unggah hadiri catat kumpulkan sebarkan pasang antar jemput kampanye sosialisasi "
    "partai relawan posko kecamatan desa kelurahan sekolah puskesmas kabupaten provinsi hari minggu bulan kemarin lalu"
)
WORDS: Final = tuple(_TEXT.split())
Answers = dict[str, str | bool]
NOBODY: Final[Answers] = {
    "accused_name": "",
    "accused_nip": "",
    "accused_position": "",
    "agency": "",
    "accused_unknown": True,
}
Make = Callable[[random.Random], str]


@dataclass(frozen=True)
class FloodReport:
    """A report of the generator: what it is, the answers it gives, and whether it brings the file that others bring."""

    kind: str
    answers: Answers = field(default_factory=dict)
    same_file: bool = False


@dataclass(frozen=True)
class FloodResult:
    """What became of a flood.

    Attributes:
        in_lane: how many came into the lane, by kind of report.
        ended: how many were ended with it, by kind.
        acts: decisions of a person that it took: to propose, and to confirm.
        sampled: cases that were read before.
        slices: requests that moved cases; all but the first of each act are made by the script of the page.
    """

    in_lane: dict[str, int]
    ended: dict[str, int]
    acts: int
    sampled: int
    slices: int = 0


def lane_lost(target: Target) -> int:
    """Return how many reports that are no junk were in the lane or ended with it, plus acts beyond ACTS_AT_MOST.

    Raises RuntimeError where no junk came into the lane: then nothing was tried.
    """
    result = target.flood()
    junk = sum(number for kind, number in result.in_lane.items() if kind.startswith("junk"))
    print(f"in the lane: {result.in_lane}; ended: {result.ended}")
    print(f"{result.acts} acts in {result.slices} slices, {result.sampled} read before")
    if not junk:
        raise RuntimeError("No report came into the lane.")
    lost = Counter(result.in_lane) | Counter(result.ended)
    lost_of = sum(number for kind, number in lost.items() if not kind.startswith("junk"))
    return lost_of + max(0, result.acts - ACTS_AT_MOST)


def _story(draw: random.Random, words: int = 45) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(words))


def _noise(draw: random.Random, text: str) -> str:
    words = (word.upper() if draw.random() < 0.5 else word for word in text.split())
    return "".join(word + draw.choice([" ", ", ", "... ", "! "]) for word in words)


def _one_word_other(draw: random.Random, text: str) -> str:
    words = text.split()
    words[draw.randrange(len(words))] = draw.choice(WORDS)
    return " ".join(words)


def _patterns(draw: random.Random) -> dict[str, Make]:
    """Return the nine patterns of junk, each by its name: how the story of one report is made."""
    base = {name: _story(draw, 60) for name in ("equal", "counted", "noise", "closing", "greeting", "word")}
    few = ("tolong", "cepat", "pak", "segera", "diperiksa", "ini", "penting")
    return {
        "equal": lambda _: base["equal"],
        "counted": lambda each: f"{each.randrange(10**6)} {base['counted']} {each.randrange(10**6)}",
        "noise": lambda each: _noise(each, base["noise"]),
        "closing": lambda each: f"{base['closing']} terima kasih {each.choice(WORDS)}",
        "greeting": lambda each: f"yth {each.choice(WORDS)} {base['greeting']}",
        "word": lambda each: _one_word_other(each, base["word"]),
        "file": lambda each: _story(each, 30),
        "handful": lambda each: " ".join(each.choice(few) for _ in range(15)),
        "letters": lambda each: "".join(each.choice("asdfghjkl") for _ in range(80)),
    }


PATTERNS: Final = tuple(_patterns(random.Random(0)))


def flood_reports(
    *, each: int, patterns: tuple[str, ...] = PATTERNS, copies: int, others: int, urgent: int, office: int
) -> Iterator[FloodReport]:
    """Yield a flood, shuffled: ``each`` reports of every pattern, and real ones among them.

    Args:
        copies: equal texts that name one superior in the form, and as many that name one in the story alone.
        others: stories of their own; every second names nobody.
        urgent: threats and reprisals, every second in a few words and without a name.
        office: reports from one office, every second a copy of the same text.
    """
    draw = random.Random(20_261_129)
    makes = _patterns(random.Random(0))
    reports = [
        FloodReport(f"junk: {name}", NOBODY | {"story": makes[name](draw)}, same_file=name == "file")
        for name in patterns
        for _ in range(each)
    ]
    copied, office_text = _story(draw), _story(draw)
    reports += [FloodReport("copy", {"story": copied, "accused_name": "Budi Santoso"}) for _ in range(copies)]
    told = f"{_story(draw, 20)} pak lurah darmo {_story(draw, 20)}"
    reports += [FloodReport("told", NOBODY | {"story": told}) for _ in range(copies)]
    for number in range(others):
        nobody: Answers = NOBODY if number % 2 else {}
        reports.append(FloodReport("other", nobody | {"story": _story(draw)}))
    for number in range(urgent):
        few = "Saya diancam dipecat. Tolong saya, saya takut sekali di kantor."
        silent = NOBODY | {"story": few, "category": "A2"}
        reports.append(FloodReport("urgent", silent if number % 2 else {"story": _story(draw), "category": "A9"}))
    for number in range(office):
        story = office_text if number % 2 else _story(draw)
        reports.append(FloodReport("office", {"story": story, "agency": "Dinas Pendidikan", "accused_name": ""}))
    draw.shuffle(reports)
    yield from reports
