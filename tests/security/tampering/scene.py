"""Two cases, the second gone the whole way, and all who read them: what each sees, or with what error they stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.redaction import Reason, Span
from complaints.domain.risk import RiskGrade
from complaints.domain.workflow import Action, TransitionRefused
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import OversightBody, Release, ReleasedFile
from complaints.services import case_actions, case_file, case_summary, follow_up, redactions
from complaints.services.evidence import processing
from complaints.services.forwarding import decision_copies, decisions, reading, released_files
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.records import SanctionRecord
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor, Keyring, Locked
from complaints.services.team_key_history import UnpinnedKey
from tests.cases import passed_on
from tests.decisions import decide
from tests.images import photo
from tests.world import Cast, Sent, at, sealed_upload, send_report, ticked

DAY = date(2026, 11, 9)
NOW = at(DAY)
WHOLE = {"variant__in": ["original", "working"]}
# How opening may fail. Anything else, a KeyError or a wrong text, is a fault of the portal.
REFUSALS = (SealError, UnpinnedKey, Locked, ObjectDoesNotExist, TransitionRefused)


@dataclass
class TwoReports:
    """A cast and two reports that went the whole way, side by side."""

    cast: Cast
    sent: list[Sent]
    _rings: dict[str, Keyring] = field(default_factory=dict)

    def ring(self, name: str) -> Keyring:
        """A person's key ring, the same for one round of looking."""
        if name not in self._rings:
            self._rings[name] = self.cast.ring(name)
        return self._rings[name]

    def seen(self, number: int, *, acts: bool = True) -> dict[str, Any]:
        """What everybody gets of one report, or the refusal; with ``acts`` also what comes of writing to it.

        Whatever they do is undone.
        """
        sent = self.sent[number]
        self._rings.clear()
        readers: dict[str, Callable[[Sent], Any]] = {
            "triage opens": self._case,
            "triage looks at the queue": self._queue,
            "reporter looks": self._page,
            "body opens": self._release,
            "triage reads the decisions": self._decisions,
            "body opens the copies": self._copies,
        }
        if acts:
            readers |= {"reporter answers": self._answer, "triage replies": self._reply, "body tells": self._body_tells}
        return {name: self._try(read, sent) for name, read in readers.items()}

    @staticmethod
    def _try(read: Callable[[Sent], Any], sent: Sent) -> Any:
        result: Any = None
        try:
            with transaction.atomic():
                result = read(sent)
                transaction.set_rollback(True)
        except REFUSALS as refusal:
            return refusal
        return result

    def _case(self, sent: Sent) -> Any:
        vera = self.ring("vera")
        opened = case_file.open_case(actor=Actor(vera, NOW), case_id=sent.case.pk)
        complaint = opened.complaints[0]
        objects = [thing for item in complaint.evidence for thing in (item.original, item.working) if thing]
        marked = redactions.of_report(keyring=vera, complaint=complaint.complaint)
        return [
            complaint.answers,
            [entry.text for entry in complaint.thread],
            [note.text for note in opened.notes],
            [(assessment.grade, assessment.why) for assessment in complaint.risk_assessments],
            opened.checklists,
            [thing.info for thing in objects],
            [post.info for post in complaint.posts],
            [self._bytes(thing.id) for thing in objects[:2]],
            {target: found.spans for target, found in marked.by_target.items()},
        ]

    def _queue(self, sent: Sent) -> str:
        """The queue shows nothing where it can open nothing: one damaged row must not hide all others."""
        line = case_summary.summaries(actor=Actor(self.ring("vera"), timezone.now()), cases=[sent.case])[sent.case.pk]
        if not line:
            raise SealError("summary")
        return line

    def _bytes(self, object_id: Any) -> bytes:
        vera = self.ring("vera")
        _info, stream = case_actions.open_object(actor=Actor(vera, NOW), object_id=object_id, reason="Cek.")
        return b"".join(stream)

    @staticmethod
    def _page(sent: Sent) -> Any:
        page = follow_up.status_page(ticket=sent.ticket, today=DAY)
        if page.under_check:
            # The page says that the records are checked, and tells nothing else.
            assert not (page.status or page.thread or page.question or page.told or page.events)
            raise SealError("under check")
        return [page.reference, page.thread, page.question, page.told, [event.reason for event in page.events]]

    def _release(self, sent: Sent) -> Any:
        kirana = self.ring("kirana")
        release = Release.objects.get(case=sent.case)
        opened = reading.open_release(actor=Actor(kirana, NOW), release_id=release.pk)
        content = opened.opened[0].content
        files = [released_files.open_file(actor=Actor(kirana, NOW), file_id=item.id) for item in content.files]
        return [
            content,
            [(info, b"".join(stream)) for info, stream in files],
            [message.text for message in opened.thread],
            [decided.content for decided in opened.decisions],
        ]

    def _decisions(self, sent: Sent) -> Any:
        release = Release.objects.get(case=sent.case)
        return reading.decisions_for_triage(keyring=self.ring("vera"), releases=[release])

    def _copies(self, sent: Sent) -> Any:
        kirana = Actor(self.ring("kirana"), NOW)
        opened = reading.open_release(actor=kirana, release_id=Release.objects.get(case=sent.case).pk)
        pair = kirana.keyring.release(opened.release)
        lines = decision_copies.of_decisions(release=opened.release, pair=pair, entries=opened.decisions).values()
        ids = [line.row.pk for copies in lines for line in copies]
        files = [decision_copies.open_copy(actor=kirana, release=opened.release, file_id=file_id) for file_id in ids]
        return [(info, b"".join(stream)) for info, stream in files]

    def _answer(self, sent: Sent) -> Any:
        follow_up.add_message(ticket=sent.ticket, text="Tambahan saya.", files=[], today=DAY)
        return self._last(sent)

    def _reply(self, sent: Sent) -> Any:
        complaint = sent.case.complaints.get()
        case_actions.reply_to_reporter(
            actor=Actor(self.ring("vera"), NOW), complaint_id=complaint.pk, text="Balasan kami."
        )
        return [self._last(sent), follow_up.status_page(ticket=sent.ticket, today=DAY).thread[-1].text]

    def _body_tells(self, sent: Sent) -> Any:
        release = Release.objects.get(case=sent.case)
        record = SanctionRecord("moral_open", "800/1", DAY)
        do = {"actor": Actor(self.ring("kirana"), NOW), "release_id": release.pk}
        decisions.act(action=Action.SANCTION, record=record, reply="Kabar.", **do)
        page = follow_up.status_page(ticket=sent.ticket, today=DAY)
        return [self._last(sent), page.events[-1].reason]

    def _last(self, sent: Sent) -> str:
        opened = case_file.open_case(actor=Actor(self.ring("vera"), NOW), case_id=sent.case.pk)
        return opened.complaints[0].thread[-1].text


def build(cast: Cast) -> TwoReports:
    """Take two reports to the body's finding, with messages, notes, files and decisions on the way."""
    two_reports = TwoReports(cast, [])
    for number in (1, 2):
        two_reports.sent.append(_report(cast, number))
    assert processing.process_pending() == 2
    for number, sent in enumerate(two_reports.sent, start=1):
        _examine(cast, sent, number)
        # Writes the entries of the blind index, which otherwise every look below would write and undo.
        case_file.open_case(actor=Actor(cast.ring("vera"), NOW), case_id=sent.case.pk)
    return two_reports


def _report(cast: Cast, number: int) -> Sent:
    links = "\n".join(f"https://facebook.com/akun{number}/posts/{post}" for post in (1, 2))
    sent = send_report(today=DAY, story=f"Cerita nomor {number}, cukup panjang untuk sebuah laporan.", links=links)
    files = [sealed_upload(photo(f"{number}"), name=f"foto {number}.jpg")]
    follow_up.add_message(ticket=sent.ticket, text=f"Foto laporan {number}.", files=files, today=DAY)
    return sent


def _examine(cast: Cast, sent: Sent, number: int) -> None:
    vera, kirana, case = cast.ring("vera"), cast.ring("kirana"), sent.case
    complaint = case.complaints.get()
    do = {"actor": Actor(vera, NOW), "case_id": case.pk}
    case_actions.act(action=Action.START_REVIEW, **do)
    case_actions.act(action=Action.ASK_REPORTER, reason=f"Kapan, {number}?", **do)
    follow_up.add_message(ticket=sent.ticket, text=f"Jawaban {number}.", files=[], today=DAY)
    case_actions.reply_to_reporter(actor=Actor(vera, NOW), complaint_id=complaint.pk, text=f"Terima kasih, {number}.")
    case_actions.write_case_note(actor=Actor(vera, NOW), complaint_id=complaint.pk, text=f"Catatan {number}.")
    case_actions.write_case_note(actor=Actor(vera, NOW), complaint_id=complaint.pk, text=f"Catatan kedua {number}.")
    for grade in (RiskGrade.HIGH, RiskGrade.LOW):
        case_actions.assess_risk(
            actor=Actor(vera, NOW), complaint_id=complaint.pk, answers={}, grade=grade, why=f"Sebab {number}."
        )
    for target, span in (("answer-story", Span(0, 6, Reason.IDENTITY)), ("answer-agency", Span(0, 5, Reason.IDENTITY))):
        marked = {"complaint_id": complaint.pk, "target": target, "spans": [span]}
        redactions.save_text(actor=Actor(vera, NOW), **marked)
    case_actions.act(action=Action.VERIFY, checklist=ticked(Action.VERIFY, why=f"Belum, {number}."), **do)
    release = forward(
        actor=Actor(cast.ring("fitri"), NOW),
        case_id=case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(
            case.pk,
            objects=[stored.pk for stored in EvidenceObject.objects.filter(evidence__complaint=complaint, **WHOLE)],
        ),
        cover=f"Pengantar {number}.",
        checklist=ticked(Action.FORWARD, why=f"Tidak, {number}."),
    )
    do = {"actor": Actor(kirana, NOW), "release_id": release.pk}
    decisions.act(action=Action.TAKE_UP, reply=f"Kami periksa, {number}.", **do)
    passed_on(do["actor"], Actor(vera, NOW), release, f"Siapa saksinya, {number}?")
    follow_up.add_message(ticket=sent.ticket, text=f"Saksi {number}.", files=[], today=DAY)
    decide(action=Action.SUBSTANTIATE, text=f"Terbukti {number}.", reply=f"Terbukti, {number}.", **do)
    decide(action=Action.AWAIT_AGENCY, text=f"Hukuman sedang, {number}.", **do)
    if number == 2:
        record = SanctionRecord("moral_open", f"800/{number}", DAY)
        copy = decision_copies.prepare(sealed_upload(photo("keputusan"), name="SK.jpg"))
        decisions.act(action=Action.SANCTION, record=record, reply=f"Sanksi, {number}.", copy=copy, **do)
    assert ReleasedFile.objects.filter(release=release).count() == 2
