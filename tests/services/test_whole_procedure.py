"""The whole way of one report through the services, from the reporter to the sanction."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from PIL import Image

from complaints.domain.workflow import Action, Status, TransitionRefused
from complaints.models.evidence import Evidence
from complaints.models.oversight import OversightBody
from complaints.services import case_actions, case_file, follow_up
from complaints.services.audit import verify
from complaints.services.evidence import processing
from complaints.services.forwarding import decisions, reading
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.records import SanctionRecord
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor, Locked
from complaints.services.transitions import CaseVersion
from tests.cases import passed_on
from tests.decisions import decide
from tests.world import Cast, at, close_batch, sealed_upload, send_report

DAY = date(2026, 11, 9)


def photo() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "KameraRahasia"
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_from_report_to_sanction(cast: Cast) -> None:
    sent = send_report(today=DAY)
    original = photo()
    follow_up.add_message(ticket=sent.ticket, text="Ini fotonya.", files=[sealed_upload(original)], today=DAY)
    assert processing.process_pending() == 1
    assert Evidence.objects.get().state == "ready"
    case, vera, fitri = sent.case, cast.ring("vera"), cast.ring("fitri")
    now = at(DAY)
    case_actions.act(actor=Actor(vera, now), case_id=case.pk, action=Action.START_REVIEW, seen=CaseVersion("received"))
    opened = case_file.open_case(actor=Actor(vera, now), case_id=case.pk)
    assert opened.complaints[0].answers["accused_name"] == "Kepala Bidang X"
    assert [entry.text for entry in opened.complaints[0].thread] == ["Ini fotonya."]
    item = opened.complaints[0].evidence[0]
    _info, stream = case_actions.open_object(actor=Actor(vera, now), object_id=item.original.id, reason="Cek asal.")
    assert b"".join(stream) == original
    assert item.working is not None
    _info, stream = case_actions.open_object(actor=Actor(vera, now), object_id=item.working.id, reason="")
    assert b"KameraRahasia" not in b"".join(stream)
    case_actions.act(actor=Actor(vera, now), case_id=case.pk, action=Action.ASK_REPORTER, reason="Kapan tepatnya?")
    page = follow_up.status_page(ticket=sent.ticket, today=DAY)
    assert page.question == "Kapan tepatnya?"
    follow_up.add_message(ticket=sent.ticket, text="Tanggal dua.", files=[], today=DAY)
    case_actions.act(actor=Actor(vera, now), case_id=case.pk, action=Action.VERIFY)
    bkn = OversightBody.objects.get(pk="bkn")
    objects = [item.working.id]
    release = forward(
        actor=Actor(fitri, now), case_id=case.pk, body=bkn, choice=whole(case.pk, objects=objects), cover="Mohon."
    )
    with pytest.raises(Locked):
        case_file.open_case(actor=Actor(cast.ring("kirana"), now), case_id=case.pk)
    kirana = cast.ring("kirana")
    seen = reading.open_release(actor=Actor(kirana, now), release_id=release.pk)
    assert seen.opened[0].content.reports[0].answers["story"].startswith("Pada rapat")
    assert [f.variant for f in seen.opened[0].content.files] == ["working"]
    do = {"actor": Actor(kirana, now), "release_id": release.pk}
    decisions.act(action=Action.TAKE_UP, **do)
    passed_on(Actor(kirana, now), Actor(vera, now), release, "Siapa saksinya?")
    follow_up.add_message(ticket=sent.ticket, text="Dua rekan.", files=[], today=DAY)
    assert "Dua rekan." in [message.text for message in reading.open_release(**do).thread]
    decide(action=Action.SUBSTANTIATE, text="Terbukti.", reply="Terbukti.", **do)
    decide(action=Action.AWAIT_AGENCY, text="Sanksi sedang.", **do)
    record = SanctionRecord("moral_open", "800/1", DAY)
    decisions.act(action=Action.SANCTION, record=record, **do)
    page = follow_up.status_page(ticket=sent.ticket, today=DAY)
    assert page.status == Status.SANCTIONED
    assert page.opened_count == 2  # vera the case, kirana the release
    assert verify.verify_chain().whole
    close_batch(at(DAY + timedelta(days=1), 0))
    assert verify.verify_chain().whole


def test_the_verifier_does_not_forward(cast: Cast) -> None:
    sent = send_report(today=DAY)
    with pytest.raises(TransitionRefused):
        case_actions.act(actor=Actor(cast.ring("fitri"), at(DAY)), case_id=sent.case.pk, action=Action.VERIFY)
