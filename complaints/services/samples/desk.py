"""The steps of a sample case and the people who perform them, each through the service that real users use."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from complaints.adapters import sample_files
from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import OversightBody
from complaints.services import assignment, case_actions, case_file, follow_up, submission
from complaints.services.actor import Actor
from complaints.services.evidence import drafts, intake, metadata_check
from complaints.services.forwarding import decisions, reading
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Keyring
from complaints.services.samples.stories import Planned, Texts


@dataclass
class Open:
    """A sample case that is being created: its plan, the reporter's code and ticket, and its ids once they exist."""

    plan: Planned
    code: str = ""
    ticket: follow_up.Ticket | None = None
    case_id: uuid.UUID = field(default_factory=uuid.uuid4)
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
    """The sample staff of triage and of two bodies, with their unlocked keys."""

    def __init__(self, keyrings: Mapping[str, Keyring]) -> None:
        """Take the key rings by username."""
        self._keyrings = keyrings

    def take(self, step: str, case: Open, now: datetime) -> None:
        """Perform a step of the schedule; raises what its service raises."""
        getattr(self, f"_{step}")(case, now)

    def _actor(self, kind: str, case: Open, now: datetime, *, other: bool = False) -> Actor:
        """Return the person of a kind who works on a case, or with ``other`` the second person of that kind."""
        index = case.plan.number // 2 % 2
        return Actor(self._keyrings[f"{kind}{(1 - index if other else index) + 1}"], now)

    def _body(self, case: Open) -> str:
        return "bkn" if case.plan.number % 4 == 1 else "kasn"

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

    def _ask(self, case: Open, now: datetime) -> None:
        self._act(case, Action.ASK_REPORTER, now, reason=case.texts["question"])

    def _reply(self, case: Open, now: datetime) -> None:
        actor = self._actor("verifikator", case, now)
        case_actions.reply_to_reporter(actor=actor, complaint_id=case.complaint_id, text=case.texts["reply"])

    def _verify(self, case: Open, now: datetime) -> None:
        self._read(case, now)
        self._note(case, now, "verify_note")
        self._act(case, Action.VERIFY, now)

    def _refer(self, case: Open, now: datetime) -> None:
        self._act(case, Action.REFER, now, reason=case.texts["refer_reason"])

    def _propose(self, case: Open, now: datetime) -> None:
        self._act(case, Action.PROPOSE_INELIGIBLE, now, reason=case.texts["ineligible_reason"])

    def _confirm(self, case: Open, now: datetime) -> None:
        self._act(case, Action.CONFIRM_INELIGIBLE, now, reason=case.texts["ineligible_reason"], other=True)

    def _forward(self, case: Open, now: datetime) -> None:
        working = EvidenceObject.objects.filter(evidence__complaint=case.complaint_id, variant="working")
        release = forward(
            actor=self._actor("penerus", case, now),
            case_id=case.case_id,
            body=OversightBody.objects.get(pk=self._body(case)),
            objects=list(working.values_list("pk", flat=True)),
            cover=case.texts["forward_note"],
        )
        case.release_id = release.pk

    # --- The body -----------------------------------------------------------------------------------------------------

    def _decide(
        self,
        case: Open,
        action: Action,
        now: datetime,
        *,
        text: str = "",
        reply: str = "",
        sanction: decisions.SanctionRecord | None = None,
    ) -> None:
        if case.release_id is None:
            raise ValueError("not forwarded")
        actor = self._actor(self._body(case), case, now)
        reading.open_release(actor=actor, release_id=case.release_id)
        decisions.act(actor=actor, release_id=case.release_id, action=action, text=text, reply=reply, sanction=sanction)

    def _take_up(self, case: Open, now: datetime) -> None:
        self._decide(case, Action.TAKE_UP, now)

    def _return(self, case: Open, now: datetime) -> None:
        self._decide(case, Action.RETURN, now, text=case.texts["return_question"])

    def _ask_for_body(self, case: Open, now: datetime) -> None:
        self._decide(case, Action.ASK_REPORTER, now, reply=case.texts["question"])

    def _substantiate(self, case: Open, now: datetime) -> None:
        self._decide(case, Action.SUBSTANTIATE, now, text=case.texts["body_finding"])

    def _dismiss(self, case: Open, now: datetime) -> None:
        dismissal = case.texts["body_dismissal"]
        self._decide(case, Action.DISMISS, now, text=dismissal, reply=dismissal)

    def _await(self, case: Open, now: datetime) -> None:
        self._decide(case, Action.AWAIT_AGENCY, now, text=case.texts["recommendation"])

    def _sanction(self, case: Open, now: datetime) -> None:
        kind, number = case.texts["sanction_kind"], case.texts["sanction_number"]
        sanction = decisions.SanctionRecord(kind, number, timezone.localdate(now))
        self._decide(case, Action.SANCTION, now, text=case.texts["agency_name_for_sanction"], sanction=sanction)


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
