"""No service stores a question of the public list for a reporter, whoever calls it."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.admin.reply_composer import Composer
from complaints.domain.forbidden_questions import ForbiddenQuestionPut
from complaints.domain.workflow import Action
from complaints.models.complaint import Message
from complaints.models.identity import NameRequest
from complaints.models.oversight import Release
from complaints.models.question import ReleaseQuestion
from complaints.services import case_actions
from complaints.services.disclosure_check import Override
from complaints.services.forwarding import asking, names
from complaints.services.keyring import Actor
from tests.cases import act, body_act, complaint_of, forwarded, in_review
from tests.world import Cast, Sent, SignedIn

NAME, UNIT = "Siapa nama lengkap Anda?", "Anda bekerja di bidang apa?"
GIVEN = Override(("asks-unit", "asks-name"), "Perlu untuk perlindungan.")


def officer(cast: Cast, name: str = "vera") -> Actor:
    return Actor(cast.ring(name), timezone.now())


def examined(cast: Cast) -> tuple[Sent, Release]:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    return sent, release


def test_a_reply_is_refused_and_says_which(cast: Cast) -> None:
    sent = in_review(cast)
    for text, override in ((NAME, None), (NAME, GIVEN), (UNIT, None)):
        with pytest.raises(ForbiddenQuestionPut) as refused:
            case_actions.reply_to_reporter(
                actor=officer(cast), complaint_id=complaint_of(sent).pk, text=text, override=override
            )
        assert refused.value.hits[0].words in text and refused.value.hits[0].words not in str(refused.value)
    assert not Message.objects.exists()
    case_actions.reply_to_reporter(actor=officer(cast), complaint_id=complaint_of(sent).pk, text=UNIT, override=GIVEN)
    assert Message.objects.count() == 1


def test_a_step_that_reporters_read_is_refused_whole(cast: Cast) -> None:
    sent = in_review(cast)
    with pytest.raises(ForbiddenQuestionPut):
        act(cast, "vera", sent, Action.ASK_REPORTER, NAME)
    sent.case.refresh_from_db()
    assert sent.case.status == "in_review" and not Message.objects.exists()
    # What no reporter reads may say it: a note of the team.
    case_actions.write_case_note(actor=officer(cast), complaint_id=complaint_of(sent).pk, text=NAME)


def test_a_body_cannot_propose_and_the_office_cannot_pass_on(cast: Cast) -> None:
    sent, release = examined(cast)
    liaison, readers = officer(cast, "kirana"), [complaint_of(sent).pk]
    with pytest.raises(ForbiddenQuestionPut):
        asking.propose(actor=liaison, release_id=release.pk, text=NAME, readers=readers, override=GIVEN)
    assert not ReleaseQuestion.objects.exists()
    row = asking.propose(actor=liaison, release_id=release.pk, text=UNIT, readers=readers, override=GIVEN)
    with pytest.raises(ForbiddenQuestionPut):
        asking.pass_on(actor=officer(cast), question_id=row.pk)
    assert not Message.objects.filter(direction=Message.Direction.BODY_QUESTION).exists()
    asking.pass_on(actor=officer(cast), question_id=row.pk, override=GIVEN)


def test_words_of_a_bodys_step_are_refused(cast: Cast) -> None:
    _sent, release = examined(cast)
    with pytest.raises(ForbiddenQuestionPut):
        body_act(cast, "kirana", release, Action.SUBSTANTIATE, text="Terbukti.", reply=NAME)
    release.case.refresh_from_db()
    assert release.case.status == "under_examination"


def test_a_request_for_a_name_asks_for_nothing_else(cast: Cast) -> None:
    sent, release = forwarded(cast)
    complaint, before = complaint_of(sent), NameRequest.objects.count()
    ask = {"actor": officer(cast, "kirana"), "release_id": release.pk, "complaint_id": complaint.pk}
    with pytest.raises(ForbiddenQuestionPut):
        names.ask(**ask, reason=UNIT)
    assert NameRequest.objects.count() == before
    names.ask(**ask, reason=NAME)


def test_a_page_that_skips_the_check_says_why(cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = in_review(cast)
    monkeypatch.setattr(Composer, "may_send", lambda self, text: True)
    url = reverse("admin:complaints_case_reply", args=[sent.case.pk, complaint_of(sent).pk])
    client = signed_in("vera")
    answer = client.post(url, {"text": f"Terima kasih. {NAME}", "standard": "", "do": "x"})
    page = answer.content.decode()
    assert answer.status_code == 400 and "nama lengkap Anda" in page and "Tidak terkirim" in page
    # Nothing of the form is lost: the words stand in a field, the rest goes along.
    assert answer.context["posted"] == [
        ("text", f"Terima kasih. {NAME}", True),
        ("standard", "", False),
        ("do", "x", False),
    ]
    assert f'name="text" rows="8">Terima kasih. {NAME}</textarea>' in page
    assert '<input type="hidden" name="do" value="x">' in page
    assert not Message.objects.exists()
