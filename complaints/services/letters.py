"""Letters that a person prints and delivers: their fixed words as data, and the record that one was printed.

Nothing is sent from here. What an officer types or chooses for a letter is not stored; the delivery is a step of its
own, with the number of the receipt.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from complaints.domain.law.vocabulary import Mark
from complaints.services.keyring import Actor
from complaints.services.rule_book import DATA

REFERRAL, REMIND, ESCALATE, TRANSFER = "referral", "remind", "escalate", "transfer"
KINDS: Final = (REFERRAL, REMIND, ESCALATE, TRANSFER)


@dataclass(frozen=True)
class LegalLine:
    """A line of law as a letter cites it, and how far its text was seen."""

    words: str
    mark: Mark


@dataclass(frozen=True)
class LetterText:
    """The fixed words of a letter; ``basis`` are the lines of law that it rests on."""

    subject: str
    paragraphs: tuple[str, ...]
    basis: tuple[LegalLine, ...]


@lru_cache(maxsize=1)
def letter_texts() -> dict[str, LetterText]:
    """Return the delivered words by kind of letter; raises KeyError for a file that lacks a part."""
    rows = json.loads((DATA / "letters.json").read_text(encoding="utf-8"))
    return {
        kind: LetterText(
            rows[kind]["subject"],
            tuple(rows[kind]["paragraphs"]),
            tuple(LegalLine(line["words"], Mark(line["mark"])) for line in rows[kind]["basis"]),
        )
        for kind in KINDS
    }


def record_printing(*, actor: Actor, case_id: uuid.UUID, kind: str, parts: int) -> None:
    """Record that a letter was printed, with its kind and the number of parts of reports in it, and nothing of them."""
    actor.record("letter.printed", case=case_id, facts={"kind": kind, "parts": parts})
