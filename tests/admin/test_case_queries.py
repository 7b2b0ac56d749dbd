"""The whole case page in few queries, and no more for more messages, evidence, releases or reports."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.services import casework, evidence, reporting
from tests.admin.cases import body_act, forwarded
from tests.admin.conftest import SignedIn
from tests.cast import Cast, Sent, sealed_upload
from tests.images import photo


def busy(cast: Cast, *, messages: int, files: int) -> Sent:
    """A case that went to a body twice, with a thread, files and notes."""
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.RETURN, text="Di desa mana?")
    today, now = timezone.localdate(), timezone.now()
    complaint = Complaint.objects.get(case=sent.case)
    uploads = [sealed_upload(photo(size=(64 + number, 64))) for number in range(files)]
    reporting.add_message(ticket=sent.ticket, text="Berkasnya.", files=uploads, today=today)
    evidence.process_pending()
    for number in range(messages):
        casework.reply(keyring=cast.ring("vino"), complaint_id=complaint.pk, text=f"Pesan {number}", now=now)
        casework.note(keyring=cast.ring("vera"), complaint_id=complaint.pk, text=f"Catatan {number}", now=now)
    return sent


def test_measure(signed_in: SignedIn, cast: Cast) -> None:
    sent = busy(cast, messages=9, files=5)
    client = signed_in("vera")
    url = reverse("admin:complaints_case_change", args=[sent.case.pk])
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200
    real = [one["sql"] for one in queries if "SAVEPOINT" not in one["sql"]]
    assert len(real) <= 36, "\n".join(sql[:160] for sql in real)
