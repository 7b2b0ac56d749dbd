"""How many people could know what reporters told, for pages on which the office writes and has not opened the case."""

from __future__ import annotations

import uuid

from complaints.domain.circle import CIRCLE
from complaints.models.complaint import Complaint, Message
from complaints.services.keyring import Keyring, read_answers
from complaints.services.messages import read_marked


def of_case(*, keyring: Keyring, case_id: uuid.UUID) -> list[object]:
    """Return what the reporters of a case told of it, as codes; nothing else of what is opened leaves this function.

    Raises Locked outside of the team that holds the case, and SealError.
    """
    complaints = list(Complaint.objects.filter(case=case_id).prefetch_related("grants"))
    by_id, team = {complaint.pk: complaint for complaint in complaints}, keyring.report_team
    values: list[object] = [
        read_answers(keyring.complaint(complaint), complaint).get(CIRCLE) for complaint in complaints
    ]
    for message in Message.objects.from_reporter().filter(complaint__in=complaints):
        complaint = by_id[message.complaint_id]
        _text, marks = read_marked(message, pair=keyring.complaint(complaint), complaint=complaint, team=team)
        values.append(marks.get(CIRCLE))
    return values
