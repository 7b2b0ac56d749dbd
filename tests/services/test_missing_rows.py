"""Rows that are away for a while, and may be put back before the night: whoever reads the page meanwhile is told so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models import F
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.redaction import Redaction
from complaints.services import case_file, follow_up, redactions
from complaints.services.audit import recorded_told
from complaints.services.forwarding import reading
from complaints.services.keyring import Actor
from tests.cases import body_act, body_asks, complaint_of, forwarded, in_review
from tests.services.test_redactions import marks
from tests.world import Cast, Sent, sealed_upload

pytestmark = pytest.mark.django_db


def written(cast: Cast) -> Sent:
    """A report with a message and a file of its reporter, a redaction, and another message after them."""
    sent, today = in_review(cast), timezone.localdate()
    follow_up.add_message(ticket=sent.ticket, text="Ada saksi.", files=[sealed_upload(b"x", "a.txt")], today=today)
    redact(cast, sent)
    follow_up.add_message(ticket=sent.ticket, text="Masih ada.", files=[], today=today)
    return sent


def redact(cast: Cast, sent: Sent) -> None:
    actor, complaint = Actor(cast.ring("vera"), timezone.now()), complaint_of(sent)
    story = redactions.read_texts(keyring=actor.keyring, complaints=[complaint])[complaint.pk]["answer-story"]
    spans = marks(story, story.split()[0])
    redactions.save_text(actor=actor, complaint_id=complaint.pk, target="answer-story", spans=spans)


def gone(model: type[Message] | type[Evidence] | type[Redaction]) -> Callable[[], None]:
    def delete() -> None:
        rows = model._default_manager.all()
        if model is Message:
            rows = rows.filter(direction=Message.Direction.FROM_REPORTER)
        first = rows.order_by("sequence").values("pk")[:1]
        if model is Evidence:
            EvidenceObject.objects.filter(evidence__in=list(first.values_list("pk", flat=True)))._raw_delete("default")
        rows.filter(pk__in=list(first.values_list("pk", flat=True)))._raw_delete("default")

    return delete


@pytest.mark.parametrize("model", [Message, Evidence, Redaction])
def test_what_is_away_is_missed_on_the_page_of_an_officer(
    cast: Cast, model: type[Message] | type[Evidence] | type[Redaction]
) -> None:
    sent = written(cast)
    actor = Actor(cast.ring("vino"), timezone.now())
    assert not case_file.open_case(actor=actor, case_id=sent.case.pk).under_check
    gone(model)()
    opened = case_file.open_case(actor=actor, case_id=sent.case.pk)
    assert (opened.under_check, opened.history, opened.choices) == (True, [], [])


@pytest.mark.parametrize("model", [Message, Evidence, Redaction])
def test_what_is_away_is_missed_on_the_page_of_its_reporter(
    cast: Cast, model: type[Message] | type[Evidence] | type[Redaction]
) -> None:
    sent = written(cast)
    assert not follow_up.status_page(ticket=sent.ticket, today=timezone.localdate()).under_check
    gone(model)()
    page = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    assert (page.under_check, page.status, page.events) == (True, "", [])


def test_nothing_is_read_for_a_release_without_a_redaction_that_is_away(cast: Cast) -> None:
    """A body would read what it removed."""
    sent = written(cast)
    ring, complaint = cast.ring("vera"), complaint_of(sent)
    assert redactions.of_report(keyring=ring, complaint=complaint).of("answer-story")
    gone(Redaction)()
    with pytest.raises(SealError):
        redactions.of_report(keyring=ring, complaint=complaint)


@pytest.mark.parametrize(
    "alter",
    [
        lambda: Message.objects.filter(direction="body_to_reporter")._raw_delete("default"),
        lambda: Message.objects.filter(direction="body_to_reporter").update(release=None),
        lambda: Message.objects.filter(direction="from_reporter")._raw_delete("default"),
        lambda: Complaint.objects.update(next_sequence=F("next_sequence") + 1),
    ],
)
def test_messages_that_are_away_are_missed_on_the_page_of_a_body(cast: Cast, alter: Callable[[], int]) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP, reply="Kami periksa.")
    body_asks(cast, release, "Siapa yang hadir?")
    follow_up.add_message(ticket=sent.ticket, text="Semua.", files=[], today=timezone.localdate())
    actor = Actor(cast.ring("kirana"), timezone.now())
    assert not reading.open_release(actor=actor, release_id=release.pk).under_check
    alter()
    opened = reading.open_release(actor=actor, release_id=release.pk)
    assert (opened.under_check, opened.actions) == (True, [])


def test_a_very_long_thread_is_not_counted_by_each_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends very many messages would have each page count them."""
    sent = written(cast)
    monkeypatch.setattr(recorded_told, "LONGEST_COMPARED", complaint_of(sent).next_sequence - 1)
    gone(Message)()
    assert not follow_up.status_page(ticket=sent.ticket, today=timezone.localdate()).under_check
    assert recorded_told.whole_threads([complaint_of(sent).pk]) == {complaint_of(sent).pk: True}
    monkeypatch.setattr(recorded_told, "LONGEST_COMPARED", complaint_of(sent).next_sequence)
    assert recorded_told.whole_threads([complaint_of(sent).pk]) == {complaint_of(sent).pk: False}
