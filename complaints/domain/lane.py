"""Which reports are likely junk, so that they are listed in a lane of their own and not among the others.

A report is likely junk where it names nobody, and either many others say the same or it says nothing. A copied text
that names somebody, in the form or the story, is never junk: colleagues who report one superior copy from each other.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import ceil
from typing import Final

from complaints.domain.search_document import SearchDocument

# So many reports that say the same, the report itself counted, within DAYS_APART days of each other.
ALIKE_AT_LEAST: Final = 30
DAYS_APART: Final = 2
# Fingerprints of texts that differ in a word or two of forty; those of unrelated stories differ in 20 bits or more.
NEAR_BITS: Final = 10
# A story with fewer different words, and no file and no post, says nothing.
WORDS_AT_LEAST: Final = 8
# Of the lane, so many are opened one by one before anything is proposed for the others.
SAMPLE_AT_LEAST: Final = 5
SAMPLE_SHARE: Final = 0.05


class LaneRule(StrEnum):
    """Why a report is likely junk; the values are recorded."""

    TEXT = "text"
    FILE = "file"
    EMPTY = "empty"


@dataclass(frozen=True)
class ComparedReport:
    """A report as the rule sees it: its key, the day it came, whether its category is urgent, and its document."""

    key: uuid.UUID
    day: date
    is_urgent: bool
    document: SearchDocument


@dataclass(frozen=True)
class Verdict:
    """The rule by which a report is likely junk, and how many reports say the same, itself counted."""

    rule: LaneRule
    count: int


def may_be_junk(document: SearchDocument) -> bool:
    """Whether a report can be junk at all: only one that names nobody, whatever the others say."""
    return not document.names


def says_nothing(document: SearchDocument) -> bool:
    """Whether a report names nobody, has a handful of words and nothing beside them."""
    return not document.names and document.words < WORDS_AT_LEAST and not document.evidence


def likely_junk(
    reports: Iterable[ComparedReport], *, new: Collection[uuid.UUID], known: Collection[uuid.UUID] = ()
) -> dict[uuid.UUID, Verdict]:
    """Return the reports that are likely junk since the ``new`` ones came, by key.

    Looked at are the new ones, and of the others those that are like a new one: with it they may have become many.

    Args:
        reports: the new ones and all that came within DAYS_APART days of them.
        known: keys of reports about which it is known already; they are compared with, and left out of the answer.
    """
    compared = _Comparison([report for report in reports if may_be_junk(report.document)])
    pending = [report for report in compared.reports if report.key in new]
    looked_at = {report.key for report in pending} | set(known)
    verdicts = {}
    while pending:
        report = pending.pop()
        groups = list(compared.groups(report))
        if report.key not in known and (verdict := _verdict(report, groups)):
            verdicts[report.key] = verdict
        if report.key in new:
            # With a new report they may have become many.
            others = {other.key: other for _rule, group in groups for other in group if other.key not in looked_at}
            pending += others.values()
            looked_at |= others.keys()
    return verdicts


def _verdict(report: ComparedReport, groups: Sequence[tuple[LaneRule, Sequence[ComparedReport]]]) -> Verdict | None:
    # Somebody who is threatened may write ten words: an urgent report is junk only where many say the same.
    if says_nothing(report.document) and not report.is_urgent:
        return Verdict(LaneRule.EMPTY, 1)
    counts = [(rule, most_within(report.day, Counter(other.day for other in group))) for rule, group in groups]
    return next((Verdict(rule, count) for rule, count in counts if count >= ALIKE_AT_LEAST), None)


def most_within(day: date, by_day: Counter[date]) -> int:
    """Return how many of the counted reports came within DAYS_APART days of each other, one of them on ``day``."""
    near = {(other - day).days: number for other, number in by_day.items()}
    spans = range(-DAYS_APART, 1)
    return max(sum(near.get(first + offset, 0) for offset in range(DAYS_APART + 1)) for first in spans)


class _Comparison:
    """Reports that name nobody, ready to be compared: equal texts and equal files are found without a comparison."""

    def __init__(self, reports: Sequence[ComparedReport]) -> None:
        self.reports = reports
        self._by_text: dict[int, list[ComparedReport]] = defaultdict(list)
        self._by_file: dict[str, list[ComparedReport]] = defaultdict(list)
        for report in reports:
            if report.document.fingerprint is not None:
                self._by_text[report.document.fingerprint].append(report)
            for file in set(report.document.files):
                self._by_file[file].append(report)

    def groups(self, report: ComparedReport) -> Iterator[tuple[LaneRule, list[ComparedReport]]]:
        """Yield by rule the reports that say the same as ``report``, itself among them."""
        if says_nothing(report.document) and not report.is_urgent:
            return
        fingerprint = report.document.fingerprint
        if fingerprint is not None:
            near = [text for text in self._by_text if (text ^ fingerprint).bit_count() <= NEAR_BITS]
            yield LaneRule.TEXT, [other for text in near for other in self._by_text[text]]
        for file in sorted(set(report.document.files)):
            yield LaneRule.FILE, self._by_file[file]


def sample(cases: Iterable[tuple[uuid.UUID, bytes]]) -> list[uuid.UUID]:
    """Return the cases to be opened one by one: nobody picks them, and nobody who sends a report can.

    They are those with the lowest BLAKE2b of the root of their batch and their id: the root is known once the batch is
    closed, and depends on all reports in it.

    Args:
        cases: ids of the cases of the lane, each with the root of its report's batch.
    """
    ranked = sorted(cases, key=lambda case: hashlib.blake2b(case[1] + case[0].bytes, person=b"lane sample").digest())
    size = max(SAMPLE_AT_LEAST, ceil(len(ranked) * SAMPLE_SHARE))
    return [key for key, _root in ranked[:size]]
