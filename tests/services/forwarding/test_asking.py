"""A body asks the office, and reporters through the office: who reads what, and what a forged row or word changes."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.records import open_record, seal_record
from complaints.domain.workflow import Action, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.complaint import Message
from complaints.models.identity import NameRequest
from complaints.models.oversight import OversightBody, Release
from complaints.models.question import QuestionReader, QuestionReply, ReleaseQuestion
from complaints.services import case_file, case_links, follow_up
from complaints.services.audit import recorded_questions, verify
from complaints.services.audit.log import row_digest
from complaints.services.forwarding import asking, names, questions, reading
from complaints.services.forwarding.contents import Choice, whole
from complaints.services.forwarding.release import RecallRefusal, forward, recall, recall_refusal, supplement
from complaints.services.keyring import Actor, Locked
from complaints.services.transitions import CaseVersion
from tests.cases import act as office_act
from tests.cases import body_act, forwarded, in_review
from tests.world import Cast, Sent

TEXT = "Pada jam berapa rapat {reference} dimulai?"


def by(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def examined(cast: Cast) -> tuple[Sent, Release]:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    return sent, release


def proposed(cast: Cast, sent: Sent, release: Release) -> ReleaseQuestion:
    readers = [sent.ticket.complaint_id]
    return asking.propose(actor=by(cast, "kirana"), release_id=release.pk, text=TEXT, readers=readers)


def shown(cast: Cast, release: Release) -> list[questions.Question]:
    fresh = Release.objects.select_related("case").get(pk=release.pk)
    return questions.opened_on(keyring=cast.ring("kirana"), release=fresh)


def page(sent: Sent) -> follow_up.StatusPage:
    return follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())


def test_the_office_passes_a_question_on_and_the_body_reads_the_answer(cast: Cast) -> None:
    sent, release = examined(cast)
    question, before = proposed(cast, sent, release), page(sent)
    # Proposed: the reporter reads nothing of it, and the body examines on.
    assert (before.question, before.status) == ("", "under_examination")
    seen = asking.read_question(actor=by(cast, "vera"), question_id=question.pk)
    assert (seen.text, list(seen.asked.values()), seen.is_open) == (TEXT, [1], True)
    asking.pass_on(actor=by(cast, "vera"), question_id=question.pk)
    after = page(sent)
    words = TEXT.format(reference=sent.case.reference)
    assert (after.question, after.question_from_body, after.status) == (words, True, "needs_information")
    (row,) = shown(cast, release)
    assert (row.state, row.is_open) == ("passed", False)
    follow_up.add_message(ticket=sent.ticket, text="Jam sembilan.", files=[], today=timezone.localdate())
    thread = reading.open_release(actor=by(cast, "kirana"), release_id=release.pk).thread
    assert [entry.text for entry in thread] == [words, "Jam sembilan."]
    opened = case_file.open_case(actor=by(cast, "vera"), case_id=sent.case.pk)
    assert [entry.text for entry in opened.complaints[0].thread] == [words, "Jam sembilan."]
    assert not verify.verify_chain().faults
    # It was decided once.
    for act in (lambda do: asking.pass_on(**do), lambda do: asking.give_back(reason="Lagi.", **do)):
        with pytest.raises(TransitionRefused):
            act({"actor": by(cast, "vera"), "question_id": question.pk})


def test_given_back_or_taken_back_a_question_reaches_nobody(cast: Cast) -> None:
    sent, release = examined(cast)
    first, second = proposed(cast, sent, release), proposed(cast, sent, release)
    asking.give_back(actor=by(cast, "fitri"), question_id=first.pk, reason="Jangan tanya jam.")
    asking.take_back(actor=by(cast, "kirana"), question_id=second.pk)
    one, two = shown(cast, release)
    assert (one.state, one.replies[0].text, two.state) == ("given_back", "Jangan tanya jam.", "taken_back")
    assert not Message.objects.exists()
    assert page(sent).status == "under_examination"
    for actor, act in (("kirana", asking.take_back), ("vera", asking.pass_on)):
        with pytest.raises(TransitionRefused):
            act(actor=by(cast, actor), question_id=second.pk)
    # Of another body's release, and of a case outside of triage, there is nothing to act on.
    third = proposed(cast, sent, release)
    for name in ("bima", "sari", "audi"):
        for act in (asking.take_back, asking.pass_on, asking.read_question):
            with pytest.raises((ReleaseQuestion.DoesNotExist, Locked)):
                act(actor=by(cast, name), question_id=third.pk)
    # With the release ends what was asked on it.
    body_act(cast, "kirana", release, Action.RETURN, text="Salah lembaga.")
    with pytest.raises(TransitionRefused):
        asking.pass_on(actor=by(cast, "vera"), question_id=third.pk)


def test_the_office_answers_without_a_step(cast: Cast) -> None:
    sent, release = examined(cast)
    steps = Case.objects.get(pk=sent.case.pk).step_count
    question = asking.ask_office(actor=by(cast, "kirana"), release_id=release.pk, text="Siapa pencatat rapat?")
    assert questions.cases_asked(Case.objects.all()).get() == sent.case
    (row,) = shown(cast, release)
    case = Case.objects.get(pk=sent.case.pk)
    assert row.due_on is not None and timezone.localdate() < row.due_on <= (case.due_on or row.due_on)
    reading.open_release(actor=by(cast, "kirana"), release_id=release.pk)
    assert questions.unread_by_body([release]) == set()
    later = Actor(cast.ring("vera"), timezone.now() + timedelta(seconds=1))
    asking.answer(actor=later, question_id=question.pk, text="Notulis bidang itu.")
    assert questions.unread_by_body([release]) == {release.pk}
    (row,) = shown(cast, release)
    assert (row.state, row.replies[0].text, row.is_open) == ("answered", "Notulis bidang itu.", False)
    assert not questions.cases_asked(Case.objects.all()).exists()
    case.refresh_from_db()
    assert (case.step_count, case.status, page(sent).question) == (steps, "under_examination", "")
    assert not verify.verify_chain().faults


def test_an_altered_word_does_not_open(cast: Cast) -> None:
    """The office could seal other words to the reporter: the body has not signed them."""
    sent, release = examined(cast)
    question = proposed(cast, sent, release)
    reader, vera = QuestionReader.objects.get(), cast.ring("vera")
    pair = vera.release(release)
    signer = bytes(question.signer)
    copies = open_record(pair, reader.sealed, questions.reader_context(reader), signer)
    altered = {name: _altered(copy) for name, copy in copies.items()}
    team = vera.keys_of("triage").sign
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "open_record", lambda *_args: altered)
        with pytest.raises(SealError):
            asking.pass_on(actor=by(cast, "vera"), question_id=question.pk)
    # Nor can the office put words of its own into the row: they are not signed by the body, and the chain has others.
    forged = seal_record(pair.public, questions.reader_context(reader), altered, team)
    QuestionReader.objects.update(sealed=forged)
    with pytest.raises(SealError):
        asking.pass_on(actor=by(cast, "vera"), question_id=question.pk)
    assert "row.altered" in {fault.code for fault in verify.verify_chain().faults}
    assert not Message.objects.exists()
    assert page(sent).status == "under_examination"


def _altered(copy: str) -> str:
    return b64encode(b64decode(copy).replace(b"jam berapa", b"jam siapa?")).decode()


def test_a_planted_or_deleted_row_is_shown_to_nobody(cast: Cast) -> None:
    sent, release = examined(cast)
    question = proposed(cast, sent, release)
    asking.give_back(actor=by(cast, "vera"), question_id=question.pk, reason="Jangan.")
    fresh = Release.objects.select_related("case").get(pk=release.pk)
    assert recorded_questions.recorded_rows([fresh])
    columns = {ReleaseQuestion: ("sealed", "signer"), QuestionReader: ("sealed",), QuestionReply: ("sealed", "signer")}
    for model, name in [(model, name) for model, some in columns.items() for name in some]:
        stored = bytes(model.objects.values_list(name, flat=True).get())
        model.objects.update(**{name: stored[:-1] + bytes([stored[-1] ^ 1])})
        assert recorded_questions.recorded_rows([fresh]) is None, name
        model.objects.update(**{name: stored})
    # Without the row by which it was given back, the question would wait again.
    reply = QuestionReply.objects.get()
    reply.delete()
    assert recorded_questions.recorded_rows([fresh]) is None
    with pytest.raises(SealError):
        asking.pass_on(actor=by(cast, "vera"), question_id=question.pk)
    assert "row.gone" in {fault.code for fault in verify.verify_chain().faults}
    reply.save(force_insert=True)
    values: dict[str, Any] = {"release": release, "kind": "office", "author_id": question.author_id, "at": question.at}
    ReleaseQuestion.objects.create(signer=question.signer, sealed=question.sealed, **values)
    with pytest.raises(SealError):
        asking.read_question(actor=by(cast, "vera"), question_id=question.pk)
    assert "row.unrecorded" in {fault.code for fault in verify.verify_chain().faults}


def test_a_planted_entry_makes_no_question(cast: Cast) -> None:
    """One liaison with the key of the body could ask in the name of a colleague, or ask reporters of other cases."""
    sent, release = examined(cast)
    question = proposed(cast, sent, release)
    row = ReleaseQuestion(release=release, kind="office", author=cast["kresna"], signer=question.signer, at=question.at)
    row.sealed = question.sealed
    row.save(force_insert=True)
    entry = AuditEntry.objects.get(event="question.asked")
    entry.sequence = AuditEntry.objects.count() + 1
    entry.facts |= {"question": str(row.pk), "row": row_digest(row)}
    entry.save(force_insert=True)
    fresh = Release.objects.select_related("case").get(pk=release.pk)
    assert recorded_questions.recorded_rows([fresh]) is None


def test_no_question_is_open_on_a_report_that_the_body_no_longer_holds(cast: Cast) -> None:
    """A supplement brought the report; with its recall an answer would go to a body that no longer has it."""
    sent, other = in_review(cast), in_review(cast)
    seen = {other.case.pk: CaseVersion("in_review")}
    case_links.link(actor=by(cast, "vera"), target_id=sent.case.pk, sources=seen, reason="Satu perkara.")
    office_act(cast, "vera", sent, Action.VERIFY)
    choice, fitri = whole(sent.case.pk), by(cast, "fitri")
    only = Choice({sent.ticket.complaint_id: choice.answers[sent.ticket.complaint_id]})
    first = forward(actor=fitri, case_id=sent.case.pk, body=OversightBody.objects.get(pk="bkn"), choice=only)
    body_act(cast, "kirana", first, Action.TAKE_UP)
    more = supplement(actor=by(cast, "fitri"), first=first, choice=choice)
    readers = [other.ticket.complaint_id]
    asked = asking.propose(actor=by(cast, "kirana"), release_id=first.pk, text=TEXT, readers=readers)
    with transaction.atomic():
        asking.pass_on(actor=by(cast, "vera"), question_id=asked.pk)
        assert recall_refusal(Release.objects.get(pk=more.pk)) is RecallRefusal.TAKEN_UP
        transaction.set_rollback(True)
    recall(actor=by(cast, "fitri"), release_id=more.pk)
    with pytest.raises(TransitionRefused):
        asking.pass_on(actor=by(cast, "vera"), question_id=asked.pk)
    assert not Message.objects.exists()


def test_no_act_of_a_body_rests_on_an_altered_column_of_the_case(cast: Cast) -> None:
    """Neither a question, nor asking for a name or trying it: the steps say that the body has not taken it up."""
    sent, release = forwarded(cast)
    readers = [sent.ticket.complaint_id]
    do = {"actor": by(cast, "kirana"), "release_id": release.pk}
    of_report: Any = do | {"complaint_id": readers[0]}
    Case.objects.filter(pk=sent.case.pk).update(status="under_examination")
    with pytest.raises(TransitionRefused):
        asking.propose(text=TEXT, readers=readers, **do)
    with pytest.raises(TransitionRefused):
        asking.ask_office(text=TEXT, **do)
    with pytest.raises(NameRequest.DoesNotExist):
        names.ask(reason="Perlu saksi.", **of_report)
    with pytest.raises(NameRequest.DoesNotExist):
        names.open_name(**of_report)
    Case.objects.filter(pk=sent.case.pk).update(status="forwarded")
    assert names.open_name(**of_report) is None
