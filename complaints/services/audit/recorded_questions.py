"""Questions of bodies as the chain records them: a row that was planted, altered or deleted is shown to nobody."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from complaints.models.audit import AuditEntry
from complaints.models.oversight import Release
from complaints.models.question import QuestionReader, QuestionReply, ReleaseQuestion
from complaints.services.audit import log
from complaints.services.audit.log import row_digest

logger = logging.getLogger(__name__)
ASKED: Final = "question.asked"
# By event: the fact that names the row.
_ROWS: Final = {ASKED: "question", "question.addressed": "reader", "question.replied": "reply"}
# Whether a body ever asked on the case of a release, for a query over releases.
WAS_ASKED: Final = Exists(AuditEntry.objects.filter(case=OuterRef("case"), event=ASKED))


def recorded_rows(releases: Sequence[Release]) -> list[ReleaseQuestion] | None:
    """Return the questions on releases with readers and replies, oldest first; None where the chain records others.

    One query where nobody has asked, else four.
    """
    questions = _compared(releases)
    if questions is None:
        with transaction.atomic():
            # Again without an act under way: each appends its entry after its rows.
            log.lock_head()
            questions = _compared(releases)
    if questions is None:
        logger.error("Questions on a release are not as the chain records them; they are shown to nobody")
    return questions


def _compared(releases: Sequence[Release]) -> list[ReleaseQuestion] | None:
    by_id = {release.pk: release for release in releases}
    cases = {release.case_id for release in releases}
    entries = AuditEntry.objects.filter(case__in=cases, event__in=_ROWS).order_by("sequence")
    recorded: set[tuple[str, str, str]] = set()
    of_release: set[str] = set()
    # One that the server has not signed counts for nothing: with it a row could be planted, or put in another's place.
    for entry in filter(log.is_genuine, entries):
        event, facts = entry.event, entry.facts
        if event == ASKED and facts["release"] in {str(pk) for pk in by_id}:
            of_release.add(str(facts["question"]))
        if facts["question"] in of_release:
            recorded.add((str(facts[_ROWS[event]]), str(facts["digest"]), str(facts["row"])))
    if not of_release:
        # A row that no entry knows is not even read; the night names it.
        return []
    questions = ReleaseQuestion.objects.filter(release__in=by_id).prefetch_related("readers", "replies")
    rows = list(questions.order_by("at", "pk"))
    stored = {line for question in rows for line in _lines(question)}
    for question in rows:
        question.release = by_id[question.release_id]
    return rows if stored == recorded else None


def _lines(question: ReleaseQuestion) -> Iterator[tuple[str, str, str]]:
    """Yield id and digests of a question and of the rows that belong to it, as their entries hold them."""
    rows: list[ReleaseQuestion | QuestionReader | QuestionReply] = [question]
    rows += [*question.readers.all(), *question.replies.all()]
    for row in rows:
        yield str(row.pk), log.digest_of(row.sealed), row_digest(row)


def last_openings(releases: Collection[uuid.UUID]) -> dict[str, datetime]:
    """Return when bodies last opened these forwardings, by the id as text; one query."""
    cases = Release.stored.filter(pk__in=releases).values("case")
    entries = AuditEntry.objects.filter(case__in=cases, event="release.opened").order_by("sequence")
    return {str(facts.get("release")): at for facts, at in entries.values_list("facts", "at")}
