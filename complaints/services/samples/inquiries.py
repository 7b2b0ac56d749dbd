"""The sample inquiries: three questions before a report, played on their days beside the sample reports."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast

from django.utils import timezone

from complaints import access
from complaints.domain import codes
from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.services import case_actions, case_file, follow_up, submission
from complaints.services.keyring import Actor, Keyring
from complaints.services.samples.stories import DATA, Texts
from complaints.services.submission import Draft


@dataclass
class SampleInquiry:
    """An inquiry that is being played: its texts and days, and its code and case once it was asked."""

    texts: Texts
    code: str = ""
    case_id: uuid.UUID = field(default_factory=uuid.uuid4)

    def play(self, day: date, today: date, keyring: Keyring, now: datetime) -> None:
        """Do what happens on a day: it is asked, answered, or asked on."""
        after = (day - today).days + self.texts["days_ago"]
        if after == 0:
            self._ask(day)
        elif after == self.texts["answered_after"]:
            actor, reason = Actor(keyring, now), self.texts["answer"]
            case_file.open_case(actor=actor, case_id=self.case_id, visible=access.inquiries_for)
            case_actions.act(actor=actor, case_id=self.case_id, action=Action.ANSWER_INQUIRY, reason=reason)
        elif after == self.texts["asked_on_after"] and (ticket := follow_up.open_ticket(self.code)):
            follow_up.add_message(ticket=ticket, text=self.texts["more"], files=[], today=timezone.localdate(now))

    def _ask(self, day: date) -> None:
        names = ("asked", "asked_kind", "asked_category")
        draft: Texts = {name: self.texts[name] for name in names}
        self.code = submission.start_code(cast(Draft, draft))
        receipt = submission.submit_inquiry(draft=cast(Draft, draft), today=day)
        self.case_id = Case.objects.values_list("pk", flat=True).get(reference=receipt.reference)


def planned_inquiries() -> list[SampleInquiry]:
    """Return the sample inquiries, none of them asked yet."""
    return [SampleInquiry(texts) for texts in json.loads((DATA / "inquiries.json").read_text(encoding="utf-8"))]


def tickets_of(inquiries: list[SampleInquiry]) -> dict[str, list[str]]:
    """Return the ticket codes of inquiries by their status."""
    status = dict(Case.objects.filter(pk__in=[inquiry.case_id for inquiry in inquiries]).values_list("pk", "status"))
    tickets: dict[str, list[str]] = {}
    for inquiry in inquiries:
        tickets.setdefault(status[inquiry.case_id], []).append(codes.grouped(inquiry.code))
    return tickets
