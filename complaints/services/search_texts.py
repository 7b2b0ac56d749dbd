"""Reads what reports say for their search documents: answers, posts, messages, notes, names of files, the risk.

All rows of some reports are read together, in a fixed number of queries. What does not open is left out, and the
document says that it is not whole: opening the case reports the error.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from complaints.domain import normalization, search_document, search_words
from complaints.domain.errors import SealError
from complaints.domain.risk import RiskGrade
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.search_document import SearchDocument, SearchedTexts
from complaints.models.case import Assessment, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import assessments, messages, reference_data
from complaints.services.evidence import posts, storage
from complaints.services.keyring import Keyring, Locked, read_answers
from complaints.services.team_key_history import UnpinnedKey

# What names an accused person in the answers, each with the rule that tells a name from "I do not know".
_NAMING: Final = {
    "accused_name": normalization.name,
    "accused_nip": normalization.nip,
    "accused_position": normalization.office,
    "agency": normalization.office,
}


@dataclass
class _Rows:
    """The rows of one report, sealed and in order; ``risk`` is its last risk assessment."""

    messages: list[Message] = field(default_factory=list)
    notes: list[InternalNote] = field(default_factory=list)
    originals: list[EvidenceObject] = field(default_factory=list)
    posts: list[Evidence] = field(default_factory=list)
    risk: Assessment | None = None
    evidence: int = 0


@dataclass
class _Opened:
    """The texts of one report as they are opened; ``is_partial`` where one did not open."""

    words: list[str] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    risk: RiskGrade | None = None
    is_partial: bool = False


def documents(
    keyring: Keyring, complaints: Collection[Complaint], evidence: Mapping[uuid.UUID, int]
) -> Iterator[tuple[Complaint, SearchDocument]]:
    """Yield the documents of those of some reports whose answers open.

    Args:
        keyring: of a member of the team that holds the reports, whose grants the reports bring along or are known.
        complaints: the reports.
        evidence: by report how many files and posts it had when its first document was written.
    """
    rows = _read_rows(complaints)
    for complaint in complaints:
        with suppress(Locked, SealError):
            of_report = rows[complaint.pk]
            first = evidence.get(complaint.pk, of_report.evidence)
            yield complaint, _document_of(keyring, complaint, of_report, first)


def _read_rows(complaints: Collection[Complaint]) -> Mapping[uuid.UUID, _Rows]:
    rows: dict[uuid.UUID, _Rows] = defaultdict(_Rows)
    sent = Message.objects.filter(complaint__in=complaints).select_related("release").order_by("sequence")
    for message in sent.prefetch_related("release__grants"):
        rows[message.complaint_id].messages.append(message)
    for note in InternalNote.objects.filter(complaint__in=complaints).order_by("sequence"):
        rows[note.complaint_id].notes.append(note)
    for item in Evidence.objects.filter(complaint__in=complaints).order_by("sequence"):
        rows[item.complaint_id].evidence += 1
        if item.kind == Evidence.Kind.POST:
            rows[item.complaint_id].posts.append(item)
    originals = EvidenceObject.objects.filter(
        evidence__complaint__in=complaints, variant=EvidenceObject.Variant.ORIGINAL
    )
    for stored in originals.select_related("evidence").order_by("evidence__sequence"):
        rows[stored.evidence.complaint_id].originals.append(stored)
    risks = Assessment.objects.filter(complaint__in=complaints, kind=Assessment.Kind.RISK).select_related("author")
    for risk in risks.order_by("sequence"):
        rows[risk.complaint_id].risk = risk
    return rows


def _document_of(keyring: Keyring, complaint: Complaint, rows: _Rows, evidence: int) -> SearchDocument:
    pair = keyring.complaint(complaint)
    answers = read_answers(pair, complaint)
    opened = _open_rows(keyring, complaint, pair, rows)
    story = _text(answers, "story")
    named = any(normalise(_text(answers, name)) for name, normalise in _NAMING.items())
    return search_document.of_story(
        story,
        files=opened.files,
        evidence=evidence,
        # A post on social media leads to whoever wrote it.
        names=named or bool(rows.posts) or search_document.names_somebody(story),
        risk=opened.risk,
        texts=_searched(answers, opened),
    )


def _searched(answers: Mapping[str, object], opened: _Opened) -> SearchedTexts:
    provinces = {row.code: row.name for row in reference_data.provinces()}
    of_story = search_words.words_of(f"{_text(answers, 'story')}\n{_text(answers, 'links')}")
    return SearchedTexts(
        names=(
            *search_words.name_spellings(_text(answers, "accused_name")),
            *search_words.number_spellings(_text(answers, "accused_nip")),
            *search_words.name_spellings(_text(answers, "accused_position")),
        ),
        agencies=tuple(search_words.office_spellings(_text(answers, "agency"))),
        places=(
            *search_words.office_spellings(_text(answers, "regency")),
            *search_words.office_spellings(provinces.get(_text(answers, "province"), "")),
        ),
        posts=tuple(dict.fromkeys(filter(None, map(search_words.fold, opened.posts)))),
        words=tuple(dict.fromkeys([*of_story, *opened.words])),
        is_partial=opened.is_partial,
    )


def _open_rows(keyring: Keyring, complaint: Complaint, pair: BoxPair, rows: _Rows) -> _Opened:
    """Open what came with a report and what was written since, in the order in which words are kept."""
    opened, team, names = _Opened(), keyring.report_team, list[str]()
    for message in rows.messages:
        with _tolerant(opened):
            opened.words += search_words.words_of(_text_of(keyring, complaint, pair, message))
    for note in rows.notes:
        with _tolerant(opened):
            opened.words += search_words.words_of(messages.read_note(note, pair=pair, team=team))
    for stored in rows.originals:
        # Not tolerated: what is alike is told by the files, and a report whose files do not open is left as it is.
        info = storage.read_info(pair, stored, stored.evidence, complaint)
        opened.files.append(info.sha256)
        names += [search_words.fold(info.name), *search_words.words_of(info.name)]
    for item in rows.posts:
        with _tolerant(opened):
            post = posts.read_post(pair, item, complaint)
            opened.posts += [post.url, *post.typed.splitlines(), post.account]
    if rows.risk is not None:
        with _tolerant(opened):
            opened.risk = assessments.read_risk(rows.risk, pair=pair, team=team).grade
    opened.words += names
    return opened


@contextmanager
def _tolerant(opened: _Opened) -> Iterator[None]:
    """Leave out a text that does not open, and note that it is missing."""
    try:
        yield
    except (Locked, SealError, UnpinnedKey):
        opened.is_partial = True


def _text_of(keyring: Keyring, complaint: Complaint, pair: BoxPair, message: Message) -> str:
    is_bodys = message.release is not None and message.direction != Message.Direction.FROM_REPORTER
    opener = keyring.release(message.release) if is_bodys and message.release else pair
    return messages.read(message, pair=opener, complaint=complaint, team=keyring.report_team)


def _text(answers: Mapping[str, object], name: str) -> str:
    return str(answers.get(name) or "")
