"""The steps of a sample case and the people who perform them, each through the service that real users use."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypedDict, Unpack

from django.utils import timezone
from django.utils.formats import date_format

from complaints.adapters import sample_files
from complaints.domain import telling_passages
from complaints.domain.redaction import SCALE, Box, Reason, Span
from complaints.domain.retaliation import OfficeAct, Retaliation, RetaliationKind
from complaints.domain.workflow import Action
from complaints.models.case import Case, Holder
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import OversightBody, Release
from complaints.models.redaction import Redaction
from complaints.models.reference_data import SanctionKind
from complaints.services import (
    after_the_end,
    assignment,
    case_actions,
    case_file,
    follow_up,
    redactions,
    retaliation,
    submission,
)
from complaints.services.after_the_end import Rating
from complaints.services.evidence import drafts, intake, metadata_check
from complaints.services.evidence.redacted_copies import Removal
from complaints.services.forwarding import asking, decision_copies, decisions, reading
from complaints.services.forwarding.contents import Choice, whole
from complaints.services.forwarding.decision_copies import PreparedCopy
from complaints.services.forwarding.records import (
    HearingKind,
    HearingRecord,
    NoSanction,
    RecommendationRecord,
    Record,
    SanctionRecord,
)
from complaints.services.forwarding.release import forward, supplement
from complaints.services.keyring import Actor, Keyring
from complaints.services.samples.stories import Planned, Texts

_OBJECTION: Final = "Mohon diperiksa sekali lagi: yang saya tulis tentang hari kejadian belum dipertimbangkan."
# Steps of triage that are nothing but an action, and the name of its reason among a story's texts.
_STEPS_WITH_REASON: Final = {
    "ask": (Action.ASK_REPORTER, "question"),
    "refer": (Action.REFER, "refer_reason"),
    "prepare": (Action.PREPARE_REFERRAL, "refer_reason"),
    "propose": (Action.PROPOSE_INELIGIBLE, "ineligible_reason"),
}
# The same for steps of a body: the names of what triage reads and of what the reporter reads, "" for nothing.
_STEPS_OF_BODIES: Final = {
    "take_up": (Action.TAKE_UP, "", ""),
    "return": (Action.RETURN, "return_question", ""),
}


class _Statement(TypedDict, total=False):
    """What a body says with a step, as ``decisions.act`` takes it."""

    text: str
    reply: str
    record: Record
    finding: Action
    copy: PreparedCopy | None


# Who does the work of a kind on the report that the separate team holds.
_SEPARATE: Final = {"verifikator": "terpisah1", "penerus": "terpisah2"}


@dataclass
class Open:
    """A sample case that is being created: its plan, the reporter's code and ticket, and its ids once they exist."""

    plan: Planned
    code: str = ""
    ticket: follow_up.Ticket | None = None
    case_id: uuid.UUID = field(default_factory=uuid.uuid4)
    body: OversightBody | None = None
    release_id: uuid.UUID | None = None

    @property
    def texts(self) -> Texts:
        return self.plan.texts

    @property
    def complaint_id(self) -> uuid.UUID:
        return self.open_ticket.complaint_id

    @property
    def open_ticket(self) -> follow_up.Ticket:
        """The reporter's ticket; raises ValueError before the report was sent."""
        if self.ticket is None:
            raise ValueError("not sent")
        return self.ticket


class Desk:
    """The sample staff of triage, of the separate team and of two bodies, with their unlocked keys."""

    def __init__(self, keyrings: Mapping[str, Keyring]) -> None:
        """Take the key rings by username."""
        self._keyrings = keyrings

    def take(self, step: str, case: Open, now: datetime) -> None:
        """Perform a step of the schedule; raises what its service raises."""
        if step in _STEPS_WITH_REASON:
            action, reason = _STEPS_WITH_REASON[step]
            self._act(case, action, now, reason=case.texts[reason])
        elif step in _STEPS_OF_BODIES:
            action, text, reply = _STEPS_OF_BODIES[step]
            self._decide(case, action, now, text=case.texts.get(text, ""), reply=case.texts.get(reply, ""))
        else:
            getattr(self, f"_{step}")(case, now)

    def _actor(self, kind: str, case: Open, now: datetime, *, other: bool = False) -> Actor:
        """Return the person of a kind who works on a case, or with ``other`` the second person of that kind."""
        if kind in _SEPARATE and submission.destination(case.texts).held_by == Holder.SEPARATE:
            return Actor(self._keyrings[_SEPARATE[kind]], now)
        index = case.plan.number // 2 % 2
        return Actor(self._keyrings[f"{kind}{(1 - index if other else index) + 1}"], now)

    # --- Reporters ----------------------------------------------------------------------------------------------------

    def _send(self, case: Open, now: datetime) -> None:
        today = timezone.localdate(now)
        draft = case.plan.draft(today)
        submission.start_code(draft)
        receipt = submission.submit(draft=draft, files=files_of(case.plan), today=today)
        case.code, case.ticket = receipt.code, follow_up.open_ticket(receipt.code)
        case.case_id = Case.objects.values_list("pk", flat=True).get(reference=receipt.reference)

    def _answer(self, case: Open, now: datetime) -> None:
        photos = [_seal(f"foto-{case.plan.number}.jpg", sample_files.photo(case.plan.number + 500))]
        files = photos if case.plan.photo and case.plan.number % 3 == 0 else []
        today = timezone.localdate(now)
        follow_up.add_message(ticket=case.open_ticket, text=case.texts["answer"], files=files, today=today)

    def _withdraw(self, case: Open, now: datetime) -> None:
        today = timezone.localdate(now)
        follow_up.withdraw(ticket=case.open_ticket, reason=case.texts["withdraw_reason"], today=today)

    def _object(self, case: Open, now: datetime) -> None:
        today = timezone.localdate(now)
        after_the_end.object_to_end(ticket=case.open_ticket, reason=_OBJECTION, today=today)

    def _rate(self, case: Open, now: datetime) -> None:
        after_the_end.rate(ticket=case.open_ticket, rating=Rating.NOT_HELPED, today=timezone.localdate(now))

    # --- Triage -------------------------------------------------------------------------------------------------------

    def _act(self, case: Open, action: Action, now: datetime, *, reason: str = "", other: bool = False) -> None:
        actor = self._actor("verifikator", case, now, other=other)
        case_actions.act(actor=actor, case_id=case.case_id, action=action, reason=reason)

    def _read(self, case: Open, now: datetime) -> None:
        case_file.open_case(actor=self._actor("verifikator", case, now), case_id=case.case_id)

    def _start(self, case: Open, now: datetime) -> None:
        self._act(case, Action.START_REVIEW, now)
        self._read(case, now)
        if case.plan.number % 5 != 4:
            actor = self._actor("verifikator", case, now)
            assignment.assign(actor=actor, case_id=case.case_id, assignee=actor.staff)

    def _note(self, case: Open, now: datetime, text: str = "internal_note") -> None:
        actor = self._actor("verifikator", case, now)
        case_actions.write_case_note(actor=actor, complaint_id=case.complaint_id, text=case.texts[text])

    def _reply(self, case: Open, now: datetime) -> None:
        actor = self._actor("verifikator", case, now)
        case_actions.reply_to_reporter(actor=actor, complaint_id=case.complaint_id, text=case.texts["reply"])

    def _verify(self, case: Open, now: datetime) -> None:
        self._read(case, now)
        self._note(case, now, "verify_note")
        self._act(case, Action.VERIFY, now)

    def _rest(self, case: Open, now: datetime) -> None:
        self._act(case, Action.REST, now, reason="Tanpa jawaban Anda laporan ini belum dapat kami nilai.")

    def _deliver(self, case: Open, now: datetime) -> None:
        to, day = f"Bawaslu {case.texts['regency']}", date_format(timezone.localdate(now), "j F Y")
        case_actions.act(
            actor=self._actor("penerus", case, now),
            case_id=case.case_id,
            action=Action.DELIVER,
            reason=f"Disampaikan kepada {to} pada {day}. Surat kami diterima langsung di sana.",
            record=f"Disampaikan kepada {to} pada {day}, tanda terima 07/{case.plan.number}.",
        )

    def _confirm(self, case: Open, now: datetime) -> None:
        self._act(case, Action.CONFIRM_INELIGIBLE, now, reason=case.texts["ineligible_reason"], other=True)

    def _confirm_again(self, case: Open, now: datetime) -> None:
        # After the objection neither who proposed it nor who closed it before.
        actor, reason = self._actor("penerus", case, now), case.texts["ineligible_reason"]
        case_actions.act(actor=actor, case_id=case.case_id, action=Action.CONFIRM_INELIGIBLE, reason=reason)

    def _redact(self, case: Open, now: datetime) -> None:
        """Remove what the proposals find in the story, and the upper part of a photo."""
        actor, story = self._actor("verifikator", case, now), case.texts["story"]
        proposed = telling_passages.proposals(story, accused=[case.texts["accused_name"]])[:1]
        spans = [Span(item.start, item.end, telling_passages.REASONS[item.kind]) for item in proposed]
        redactions.save_text(actor=actor, complaint_id=case.complaint_id, target="answer-story", spans=spans)
        photos = EvidenceObject.objects.filter(evidence__complaint=case.complaint_id, variant="page")
        working = EvidenceObject.objects.filter(evidence__complaint=case.complaint_id, variant="working")
        upper = Removal(boxes=(Box(1, 0, 0, SCALE, SCALE // 8, Reason.NOT_RELEVANT),))
        for item in working.exclude(evidence__in=photos.values("evidence")):
            redactions.save_file(actor=actor, evidence_id=item.evidence_id, removal=upper)

    def _forward(self, case: Open, now: datetime) -> None:
        # One of them is enough to show how it looks.
        if case.plan.photo and not Redaction.objects.exists():
            self._redact(case, now)
        case.body = OversightBody.objects.overseers_on(timezone.localdate(now))[0]
        working = EvidenceObject.objects.filter(evidence__complaint=case.complaint_id, variant="working")
        release = forward(
            actor=self._actor("penerus", case, now),
            case_id=case.case_id,
            body=case.body,
            choice=whole(case.case_id, objects=list(working.values_list("pk", flat=True))),
            cover=case.texts["forward_note"],
        )
        case.release_id = release.pk

    def _retaliated(self, case: Open, now: datetime) -> None:
        today = timezone.localdate(now)
        told = Retaliation(RetaliationKind.MOVED, today - timedelta(days=2))
        text = "Saya dipindahkan ke kelurahan lain tanpa penjelasan, sesudah Camat tahu ada yang melapor."
        follow_up.add_message(ticket=case.open_ticket, text=text, files=[], today=today, told=told)

    def _inform(self, case: Open, now: datetime) -> None:
        if case.release_id is None:
            raise ValueError("not forwarded")
        actor, first = self._actor("penerus", case, now), Release.objects.select_related("body").get(pk=case.release_id)
        message = Message.objects.from_reporter().filter(complaint=case.complaint_id).latest("sequence")
        choice = Choice({case.complaint_id: ()}, messages={message.pk})
        supplement(actor=actor, first=first, choice=choice, cover="Pelapor dimutasi setelah melapor. Mohon diperiksa.")

    def _protect(self, case: Open, now: datetime) -> None:
        retaliation.record_act(
            actor=self._actor("verifikator", case, now),
            complaint=Complaint.objects.select_related("case").get(pk=case.complaint_id),
            act=OfficeAct.LPSK.value,
            words="Berbicara dengan petugas LPSK; permohonan harus diajukan pelapor sendiri.",
            reply="Kami sudah menghubungi LPSK. Permohonan pelindungan Anda ajukan sendiri; caranya ada di sini.",
        )

    # --- The body -----------------------------------------------------------------------------------------------------

    def _decide(
        self, case: Open, action: Action, now: datetime, *, other: bool = False, **statement: Unpack[_Statement]
    ) -> None:
        if case.release_id is None or case.body is None:
            raise ValueError("not forwarded")
        actor = self._actor(case.body.pk, case, now, other=other)
        reading.open_release(actor=actor, release_id=case.release_id)
        decisions.act(actor=actor, release_id=case.release_id, action=action, **statement)

    def _hear(self, case: Open, now: datetime) -> None:
        number = f"BAP/{case.plan.number:03d}/{now:%m/%Y}"
        record = HearingRecord(HearingKind.IN_PERSON.value, timezone.localdate(now), number)
        self._decide(case, Action.HEAR_ACCUSED, now, record=record)

    def _propose_proven(self, case: Open, now: datetime) -> None:
        text = case.texts["body_finding"]
        self._decide(case, Action.PROPOSE_FINDING, now, finding=Action.SUBSTANTIATE, text=text)

    def _substantiate(self, case: Open, now: datetime) -> None:
        self._propose_proven(case, now)
        self._decide(case, Action.SUBSTANTIATE, now, other=True)

    def _dismiss(self, case: Open, now: datetime) -> None:
        text = case.texts["body_dismissal"]
        self._decide(case, Action.PROPOSE_FINDING, now, finding=Action.DISMISS, text=text, reply=text)
        self._decide(case, Action.DISMISS, now, other=True)

    def _await(self, case: Open, now: datetime) -> None:
        today = timezone.localdate(now)
        record = RecommendationRecord(
            kinds=(case.texts["recommended_kind"],),
            accused_status="pns",
            addressee=f"PPK {case.texts['agency_name_for_sanction']}",
            number=f"R-{case.plan.number:03d}/{now:%m/%Y}",
            decided_on=today,
            due_on=today + timedelta(days=30),
        )
        self._decide(case, Action.AWAIT_AGENCY, now, text=case.texts["recommendation"], record=record)

    def _ask_for_body(self, case: Open, now: datetime) -> None:
        """Propose a question to the reporter for the body, and pass it on for the office."""
        if case.release_id is None or case.body is None:
            raise ValueError("not forwarded")
        question = asking.propose(
            actor=self._actor(case.body.pk, case, now),
            release_id=case.release_id,
            text=case.texts["question"],
            readers=[case.complaint_id],
        )
        officer = self._actor("verifikator", case, now)
        asking.read_question(actor=officer, question_id=question.pk)
        asking.pass_on(actor=officer, question_id=question.pk)

    def _no_sanction(self, case: Open, now: datetime) -> None:
        record = SanctionRecord("", "", timezone.localdate(now), why=NoSanction.LEFT.value)
        reply = "Orang yang Anda laporkan sudah pensiun sebelum instansinya memutuskan."
        self._decide(case, Action.NO_SANCTION, now, reply=reply, record=record)

    def _sanction(self, case: Open, now: datetime) -> None:
        kind, number = SanctionKind.objects.get(pk=case.texts["sanction_kind"]), case.texts["sanction_number"]
        record = SanctionRecord(kind.pk, number, timezone.localdate(now), accused_status="pns", basis=kind.basis)
        copy = None
        if case.texts["recommended_kind"] != kind.pk:
            # One of them is enough to show how it looks.
            lines = ["CONTOH - dokumen fiktif", "", f"Keputusan nomor {number}", case.texts["agency_name_for_sanction"]]
            copy = decision_copies.prepare(_seal("keputusan.pdf", sample_files.document(lines)))
        text = case.texts["agency_name_for_sanction"]
        self._decide(case, Action.SANCTION, now, text=text, record=record, copy=copy)


def files_of(plan: Planned) -> list[drafts.DraftFileInfo]:
    """Make and encrypt the files of a sample report."""
    uploads = []
    if plan.photo:
        uploads.append(_seal(f"IMG_{2040 + plan.number}.jpg", sample_files.photo(plan.number)))
    if plan.document:
        lines = ["CONTOH - dokumen fiktif", "", f"Undangan rapat, {plan.texts['agency']}", "Acara: pembinaan pegawai"]
        uploads.append(_seal("undangan.pdf", sample_files.document(lines)))
    return [_as_draft_file(upload) for upload in uploads]


def _seal(name: str, content: bytes) -> intake.SealedUpload:
    sink = intake.Sink(name)
    sink.write(content)
    upload = sink.finish()
    if upload.refused:
        raise OSError(upload.refused)
    return upload


def _as_draft_file(upload: intake.SealedUpload) -> drafts.DraftFileInfo:
    if upload.info is None:
        raise OSError("store")
    metadata_check.check_object(upload.info, object_name=upload.object_name, identifier=upload.id)
    return drafts.DraftFileInfo(str(upload.id), upload.info, upload.object_name, upload.object_digest)
