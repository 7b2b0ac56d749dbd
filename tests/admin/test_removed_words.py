"""What was removed from a report does not leave by the covering note or by another report without a word."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone

from complaints.domain import redaction
from complaints.domain.redaction import Reason
from complaints.domain.workflow import Action
from complaints.models.oversight import Release
from complaints.services import redactions
from complaints.services.keyring import Actor
from tests.cases import act, chosen, complaint_of, in_review
from tests.world import Cast, SignedIn, ticks

STORY = "Bu Rahmawati mencatat siapa yang menolak. Pak Hartono memanggil kami."


def test_a_covering_note_that_names_what_was_removed_is_sent_at_the_second_press(
    signed_in: SignedIn, cast: Cast
) -> None:
    sent = in_review(cast, story=STORY, accused_name="Hartono", accused_position="Atasan Rahmawati")
    marks = [
        span for words in ("Rahmawati", "Pak Hartono") for span in redaction.find_words(STORY, words, Reason.IDENTITY)
    ]
    redactions.save_text(
        actor=Actor(cast.ring("vera"), timezone.now()),
        complaint_id=complaint_of(sent).pk,
        target="answer-story",
        spans=marks,
    )
    act(cast, "vera", sent, Action.VERIFY)
    fitri, page = signed_in("fitri"), reverse("admin:complaints_case_forward", args=[sent.case.pk])
    first = fitri.get(page)
    form = chosen(first) | {"seen": first.context["mark"], "body": "bkn", **ticks(Action.FORWARD)}
    form |= {"cover": "Tanyakan kepada RAHMAWATI dan Hartono.", "why-files_looked_at": "-", "why-risk_graded": "-"}
    # The preview names the word wherever it stands, and none of the accused's.
    fitri.post(page, form | {"do": "read"})
    preview = fitri.get(reverse("admin:complaints_case_release_preview", args=[sent.case.pk]))
    assert preview.context["left"] == [("rahmawati", "surat pengantar, laporan 1")]
    refused = fitri.post(page, form)
    assert refused.status_code == 400 and "rahmawati (surat pengantar)" in refused.content.decode()
    assert not Release.objects.exists()
    # Another word is named anew.
    other = fitri.post(page, form | {"left": "00000000"})
    assert other.status_code == 400
    again = fitri.post(page, form | {"left": other.context["left"]})
    assert again.status_code == 302, again.content.decode()[:2000]
    assert Release.objects.count() == 1
