"""Releases made part by part: what goes and what does not, supplements, recall, and what each reporter is told."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.admin.redactions import TEXTS
from complaints.admin.release_choice import all_lines
from complaints.admin.release_content import ANSWER_LABELS
from complaints.domain.errors import SealError
from complaints.domain.law.facts import StatedFacts
from complaints.domain.law.vocabulary import ElectionKind, ServiceStatus
from complaints.domain.risk import RiskAnswer, RiskQuestion
from complaints.domain.sealing.records import open_record
from complaints.domain.workflow import Action, Status, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, InternalNote
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.oversight import OversightBody, Release, ReleasedFile, ReleasedReport, ReleasePart
from complaints.models.team import Team
from complaints.services import assessments, case_actions, case_links, custody, follow_up
from complaints.services.audit import verify
from complaints.services.forwarding import reading, redaction_check, release
from complaints.services.forwarding.contents import ALWAYS, ANSWERS, Choice, whole
from complaints.services.keyring import Actor, Locked
from complaints.services.redactions import TEXT_ANSWERS
from complaints.services.submission import ANSWER_FIELDS
from complaints.services.transitions import CaseChanged
from tests.cases import act, body_act, body_asks, complaint_of, forwarded, in_review, verified, with_photo
from tests.world import Cast, Sent, SignedIn, send_report


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def forward(cast: Cast, sent: Sent, choice: Choice, body: str = "bkn") -> Release:
    of_body = OversightBody.objects.get(pk=body)
    return release.forward(actor=actor(cast, "fitri"), case_id=sent.case.pk, body=of_body, choice=choice)


def opened(cast: Cast, row: Release, name: str = "kirana") -> reading.ReleaseFile:
    return reading.open_release(actor=actor(cast, name), release_id=row.pk)


def status(sent: Sent) -> follow_up.StatusPage:
    return follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())


def writes(sent: Sent, text: str) -> None:
    follow_up.add_message(ticket=sent.ticket, text=text, files=[], today=timezone.localdate())


def link(cast: Cast, target: Sent, source: Sent) -> None:
    case_links.link(actor=actor(cast, "vera"), target_id=target.case.pk, sources={source.case.pk: None}, reason="Sama.")


def supplement(cast: Cast, first: Release, choice: Choice | None = None) -> Release:
    choice = choice or whole(first.case_id)
    return release.supplement(actor=actor(cast, "fitri"), first=first, choice=choice)


def test_every_answer_can_be_chosen_or_goes_with_each_report() -> None:
    """A question that is missing here would reach no body."""
    chosen = [name for names in ANSWERS.values() for name in names]
    assert sorted([*ALWAYS, *chosen]) == sorted(ANSWER_FIELDS)
    assert ANSWER_LABELS.keys() == ANSWERS.keys()
    # All but codes and days is text, of which passages can be removed.
    codes = {"accused_unknown", "agency_kind", "event_from", "event_until", "learnt_on", "door", "circle"}
    assert set(TEXT_ANSWERS) == TEXTS.keys() == set(chosen) - codes


def test_what_is_chosen_goes_and_nothing_else(cast: Cast) -> None:
    sent = in_review(cast, accused_nip="198001012005011001", accused_position="Camat")
    stored = with_photo(sent)
    writes(sent, "Saya keliru, harinya 3 November.")
    complaint = complaint_of(sent)
    for text in ("Jangan ikutkan jarak rumah.", "Untuk BKN: mohon cepat."):
        case_actions.write_case_note(actor=actor(cast, "vera"), complaint_id=complaint.pk, text=text)
    answers = dict.fromkeys(RiskQuestion, RiskAnswer.NO) | {RiskQuestion.SAFETY: RiskAnswer.YES}
    case_actions.assess_risk(
        actor=actor(cast, "vera"), complaint_id=complaint.pk, answers=answers, grade=None, why="Diancam."
    )
    act(cast, "vera", sent, Action.VERIFY)
    _first, second = Message.objects.from_reporter().order_by("sequence")
    note = InternalNote.objects.filter(step=None).order_by("sequence").last()
    assert note is not None
    row = forward(
        cast,
        sent,
        Choice(
            {complaint.pk: set(ANSWERS) - {"nip"}}, messages={second.pk}, notes={note.pk}, objects={stored["working"]}
        ),
    )
    content = opened(cast, row).opened[0].content
    (report,) = content.reports
    assert "accused_nip" not in report.answers and report.answers["accused_position"] == "Camat"
    assert [text for _day, text in report.messages] == ["Saya keliru, harinya 3 November."]
    assert [text for _day, text in report.notes] == ["Untuk BKN: mohon cepat."]
    # What was left out is said, and how much.
    assert (report.left_out, report.missing) == (["nip"], {"messages": 1})
    assert [(item.report, item.number, item.variant) for item in content.files] == [(1, 1, "working")]
    assert (content.danger, content.urgent) == ("high", True)
    assert "Diancam." not in repr(content) and "jarak rumah" not in repr(content)
    (told,) = status(sent).told
    assert (told.body, told.left_out, told.messages, told.files) == ("BKN", ("nip",), 1, 1)


def test_no_part_names_the_reporter(cast: Cast) -> None:
    """No key, id or signature of a reporter is in what a reader of the parts gets, nor the seed of the commitment."""
    sent, row = forwarded(cast, files=True)
    complaint, pair = complaint_of(sent), cast.ring("kirana").release(Release.objects.get(pk=row.pk))
    sealed = [(part.sealed, reading.part_context(part)) for part in row.parts.all()]
    sealed += [(item.sealed, reading.file_context(item)) for item in row.files.all()]
    contents = [open_record(pair, record, context, bytes(row.signer)) for record, context in sealed]
    written = json.dumps(contents)
    keys = (complaint.reporter_key, complaint.reporter_verify_key, complaint.public_key, complaint.key_signature)
    for secret in (*(bytes(key).hex() for key in keys), str(complaint.pk), complaint.pk.hex, "seed"):
        assert secret not in written
    assert "Pada rapat pagi" in written


def deleted(model: type) -> Callable[[Release], None]:
    return lambda row: model._base_manager.filter(release=row).first().delete()


def alter_part(row: Release) -> None:
    part = row.parts.get(number=1)
    part.sealed = bytes(row.parts.get(number=2).sealed)
    part.save()


def add_report(row: Release) -> None:
    other = send_report()
    ReleasedReport.objects.create(release=row, complaint_id=other.ticket.complaint_id, number=7, told=b"x")


def add_grant(row: Release) -> None:
    KeyGrant.objects.create(release=row, team=Team.objects.get(slug="body-kasn"), sealed=b"x")


def delete_grant(row: Release) -> None:
    KeyGrant.objects.filter(release=row, team__kind="body").delete()


CHANGES: dict[Callable[[Release], None], type[Exception] | None] = {
    deleted(ReleasePart): SealError,
    deleted(ReleasedFile): SealError,
    deleted(ReleasedReport): SealError,
    alter_part: SealError,
    add_report: SealError,
    delete_grant: Locked,
    add_grant: None,
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_row_that_is_missing_added_or_altered_is_refused_and_named(
    cast: Cast, change: Callable[[Release], None]
) -> None:
    _sent, row = forwarded(cast, files=True)
    assert not verify.verify_chain().faults
    change(row)
    if (refusal := CHANGES[change]) is not None:
        with pytest.raises(refusal):
            opened(cast, row)
    faults = [(fault.code, fault.subject) for fault in verify.verify_chain().faults]
    assert ("release.altered", f"release {row.pk}") in faults


def test_a_supplement_brings_what_is_new_and_is_read_first(cast: Cast) -> None:
    sent, row = forwarded(cast, files=True)
    body_act(cast, "kirana", row, Action.TAKE_UP)
    late = in_review(cast)
    link(cast, sent, late)
    writes(sent, "Ada surat baru.")
    # The linked reporter reads no step of a body that does not hold the report, and may still withdraw.
    page = status(late)
    assert (page.status, page.body_name, page.may_withdraw, page.told) == ("in_review", "", True, [])
    assert all("BKN" not in event.label for event in page.events)
    assert max(stage.number for stage in page.stages if stage.reached) == 1
    more = supplement(cast, row)
    seen = opened(cast, row)
    assert [one.release.pk for one in seen.opened] == [more.pk, row.pk]
    new = seen.opened[0].content
    assert [report.number for report in new.reports] == [1, 2]
    assert [text for report in new.reports for _day, text in report.messages] == ["Ada surat baru."]
    assert [report.has_answers for report in new.reports] == [False, True]
    assert not new.files
    assert seen.release.case.status == "under_examination"
    page = status(late)
    assert (page.status, page.body_name, page.may_withdraw) == ("under_examination", "BKN", False)
    assert [event.label for event in page.events][-1] == "Diteruskan ke BKN"
    with pytest.raises(release.NothingChosen):
        supplement(cast, row)
    assert (more.number, more.first_id) == (2, row.pk)
    assert not verify.verify_chain().faults
    # The body decides on the forwarding, and its question reaches the report that joined.
    body_asks(cast, row, "Siapa saksinya?")
    assert status(late).question == "Siapa saksinya?"
    writes(late, "Dua rekan.")
    answer = Message.objects.from_reporter().get(complaint=late.ticket.complaint_id)
    assert answer.release_id == row.pk
    assert "Dua rekan." in [entry.text for entry in opened(cast, row).thread]


def test_a_report_that_was_left_out_stays_with_the_office(cast: Cast) -> None:
    sent, other = verified(cast), in_review(cast)
    link(cast, sent, other)
    mine = Complaint.objects.get(pk=sent.ticket.complaint_id)
    row = forward(cast, sent, Choice({mine.pk: tuple(ANSWERS)}))
    body_act(cast, "kirana", row, Action.TAKE_UP)
    assert [page.status for page in (status(sent), status(other))] == ["under_examination", "verified"]
    assert not status(other).told
    assert set(opened(cast, row).opened[0].numbers) == {mine.pk}
    body_act(cast, "kirana", row, Action.RETURN, text="Lengkapi.")
    assert [page.status for page in (status(sent), status(other))] == ["in_review", "in_review"]


def test_a_supplement_is_recalled_until_the_body_goes_on(cast: Cast) -> None:
    sent, row = forwarded(cast)
    body_act(cast, "kirana", row, Action.TAKE_UP)
    for is_opened in (False, True):
        writes(sent, f"Pesan {is_opened}.")
        more = supplement(cast, row)
        if is_opened:
            opened(cast, row)
        assert release.recall(actor=actor(cast, "fitri"), release_id=more.pk) is is_opened
        entry = AuditEntry.objects.get(event="release.recalled", subject=more.pk)
        assert entry.facts["opened"] == int(is_opened)
        assert [one.release.pk for one in opened(cast, row).opened] == [row.pk]
        assert not KeyGrant.objects.filter(release=more, team__kind="body").exists()
        # What a body had opened before stays told.
        assert [item.is_recalled for item in status(sent).told] == [False, *[True] * is_opened]
    more = supplement(cast, row)
    # Who decides on a page that did not show it reads it first.
    with pytest.raises(CaseChanged):
        body_act(cast, "kirana", row, Action.SUBSTANTIATE, text="Terbukti.", newest=row.number)
    body_act(cast, "kirana", row, Action.SUBSTANTIATE, text="Terbukti.", newest=more.number)
    gone = Release.objects.filter(state="recalled").first()
    assert gone is not None
    for who, refused, code in (
        ("fitri", more, "taken_up"),
        ("fitri", row, "forwarding"),
        ("vera", more, "missing_permission"),
        ("fitri", gone, "recalled"),
    ):
        with pytest.raises(release.RecallRefused, match=code):
            release.recall(actor=actor(cast, who), release_id=refused.pk)
    assert not verify.verify_chain().faults
    Release.objects.filter(state="recalled").update(state="open")
    assert {fault.code for fault in verify.verify_chain().faults} == {"release.altered"}


def test_a_forwarding_that_was_not_taken_up_is_called_back_with_its_key(cast: Cast) -> None:
    sent, row = forwarded(cast)
    supplement_choice = whole(sent.case.pk)
    writes(sent, "Lagi.")
    supplement(cast, row, whole(sent.case.pk))
    case_actions.act(
        actor=actor(cast, "fitri"), case_id=sent.case.pk, action=Action.RECALL, reason="Bukan kewenangan BKN."
    )
    with pytest.raises(Release.DoesNotExist):
        opened(cast, row)
    assert set(Release.objects.values_list("state", flat=True)) == {"recalled"}
    assert not KeyGrant.objects.filter(release__isnull=False, team__kind="body").exists()
    act(cast, "vera", sent, Action.VERIFY)
    again = forward(cast, sent, supplement_choice, body="kasn")
    # Another body's numbers tell nothing of the first.
    assert again.number == 1
    assert not verify.verify_chain().faults


def test_only_who_forwards_may_supplement_and_only_while_a_body_has_the_case(cast: Cast) -> None:
    sent, row = forwarded(cast)
    writes(sent, "Baru.")
    with pytest.raises(TransitionRefused):
        release.supplement(actor=actor(cast, "vera"), first=row, choice=whole(sent.case.pk))
    body_act(cast, "kirana", row, Action.RETURN, text="Lengkapi.")
    with pytest.raises(TransitionRefused):
        supplement(cast, row)
    assert Case.objects.get(pk=sent.case.pk).status == Status.IN_REVIEW


def test_custody_follows_a_report_through_its_cases(cast: Cast) -> None:
    target, sent = in_review(cast), in_review(cast)
    stored = with_photo(sent)
    case_actions.open_object(actor=actor(cast, "vera"), object_id=stored["original"], reason="Mencari jejak.")
    link(cast, target, sent)
    sheet = custody.custody_sheet(actor=actor(cast, "vino"), case_id=target.case.pk)
    (item,) = sheet.items
    assert [(opening.variant, opening.why) for opening in item.openings] == [("original", "Mencari jejak.")]
    assert sheet.former == [sent.case.reference]
    case_links.unlink(actor=actor(cast, "vera"), complaint_id=uuid.UUID(str(sent.ticket.complaint_id)), reason="Lain.")
    own = custody.custody_sheet(actor=actor(cast, "vino"), case_id=complaint_case(sent))
    assert [opening.why for opening in own.items[0].openings] == ["Mencari jejak."]
    assert own.former == [target.case.reference]
    assert custody.opened_objects([Complaint.objects.get(pk=sent.ticket.complaint_id)]) == {str(stored["original"]): 1}


def complaint_case(sent: Sent) -> uuid.UUID:
    return Complaint.objects.values_list("case", flat=True).get(pk=sent.ticket.complaint_id)


def test_what_the_office_stated_goes_as_its_word_and_the_body_judges_by_it(cast: Cast, signed_in: SignedIn) -> None:
    """Facts that no report tells: the status of the accused decides which sanctions exist."""
    sent = in_review(cast)
    stated = StatedFacts(status=ServiceStatus.PNS, election=ElectionKind.REGIONAL)
    case_actions.state_facts(actor=actor(cast, "vera"), case_id=sent.case.pk, stated=stated)
    act(cast, "vera", sent, Action.VERIFY)
    page = signed_in("fitri").get(reverse("admin:complaints_case_forward", args=[sent.case.pk]))
    offered = all_lines([*page.context["fresh"], *page.context["others"]])
    (line,) = [line for line in offered if line.name == "facts"]
    assert line.is_ticked and "PNS" in line.text
    row = forward(cast, sent, whole(sent.case.pk))
    of_body = signed_in("kirana").get(reverse("admin:complaints_release_change", args=[row.pk]))
    text = of_body.content.decode()
    assert "Dengan keterangan tim verifikasi: " in text and cast["vera"].get_full_name() not in text
    # By it, and without it, the rules answer differently.
    ((_numbers, lines),) = of_body.context["judged"]
    assert [title for title, _rows in lines["groups"]] == [""]
    assert redaction_check.check(actor=actor(cast, "vino"), release_id=row.pk) == []
    # A corrected statement is new to the body, and the last one counts.
    corrected = replace(stated, status=ServiceStatus.PPPK)
    case_actions.state_facts(actor=actor(cast, "vera"), case_id=sent.case.pk, stated=corrected)
    assert [part.number for part in supplement(cast, row).parts.all()] == [1]
    found = opened(cast, row)
    assert assessments.facts_of_content(found.stated[1][1]) == corrected
    assert verify.verify_chain().whole


def test_a_statement_that_is_not_chosen_stays_in_the_office(cast: Cast) -> None:
    sent = in_review(cast)
    stated = StatedFacts(status=ServiceStatus.PNS)
    case_actions.state_facts(actor=actor(cast, "vera"), case_id=sent.case.pk, stated=stated)
    act(cast, "vera", sent, Action.VERIFY)
    row = forward(cast, sent, replace(whole(sent.case.pk), facts=()))
    assert opened(cast, row).stated == {}
