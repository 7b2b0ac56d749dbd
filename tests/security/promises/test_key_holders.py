"""Promises 2, 3 and 10: a superuser reads nothing, a body reads what was released to it, a code shows no report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.test import Client
from django.utils import timezone

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import unseal
from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint, KeyGrant
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import OversightBody, Release, ReleasedFile
from complaints.models.team import Role, Staff, Team, TeamMembership
from complaints.services import assignment, case_actions, case_file, case_summary, follow_up
from complaints.services.evidence import processing
from complaints.services.forwarding import decisions, reading, released_files
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor, Keyring, Locked, seal_membership
from complaints.services.team_keys import personal
from complaints.services.team_keys.membership import AdmissionRefused, ask_admission
from tests.adapters import samples
from tests.images import photo
from tests.world import PASSWORD, Cast, Sent, at, sealed_upload, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
OUTSIDE = ["super", "adi", "audi", "luar", "kirana", "bima"]


def reads(ring: Keyring, sent: Sent) -> dict[str, Callable[[], Any]]:
    """Every way of staff to read what a reporter sent."""
    complaint = sent.case.complaints.get()
    original = EvidenceObject.objects.filter(evidence__complaint=complaint, variant="original").first()
    assert original
    do: dict[str, Any] = {"actor": Actor(ring, NOW)}
    return {
        "complaint": lambda: ring.complaint(complaint),
        "case": lambda: case_file.open_case(case_id=sent.case.pk, **do),
        "file": lambda: case_actions.open_object(object_id=original.pk, reason="Mau tahu.", **do),
        "reply": lambda: case_actions.reply_to_reporter(complaint_id=complaint.pk, text="Halo.", **do),
        "note": lambda: case_actions.write_case_note(complaint_id=complaint.pk, text="Catat.", **do),
        "step": lambda: case_actions.act(case_id=sent.case.pk, action=Action.START_REVIEW, **do),
        "assign": lambda: assignment.assign(case_id=sent.case.pk, assignee=None, **do),
    }


@pytest.fixture
def sent(cast: Cast) -> Sent:
    report = send_report(today=DAY)
    follow_up.add_message(ticket=report.ticket, text="Foto.", files=[sealed_upload(photo())], today=DAY)
    return report


def assert_shut_out(ring: Keyring, sent: Sent) -> None:
    assert case_summary.summaries(actor=Actor(ring, timezone.now()), cases=[sent.case]) == {sent.case.pk: ""}
    for read in reads(ring, sent).values():
        with pytest.raises(Locked):
            read()


@pytest.mark.parametrize("name", OUTSIDE)
def test_unadmitted_officer_reads_nothing(cast: Cast, sent: Sent, name: str) -> None:
    assert_shut_out(cast.ring(name), sent)


def test_superuser_with_a_forged_membership_reads_nothing(cast: Cast, sent: Sent) -> None:
    """Somebody of triage could give the key away; then the portal still does not use it for a superuser."""
    triage, boss = Team.objects.get(slug="triage"), cast["super"]
    membership = TeamMembership(team=triage, staff=boss)
    vera = cast.ring("vera")
    assert vera.signer
    seal_membership(membership, vera.team(triage), vera.signer)
    membership.save()
    for role in Role.values:
        if role != Role.OVERSEER:
            Staff.objects.filter(pk=boss.pk).update(role=role)
            assert cast.ring("super").team_ids == []
            assert access.permissions_of(cast["super"]) == frozenset()
    assert_shut_out(cast.ring("super"), sent)
    with pytest.raises(AdmissionRefused, match="role"):
        ask_admission(staff=boss, team=triage, by=cast["adi"], actor=Actor(cast.ring("adi"), NOW))


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "auditor"}, {"is_superuser": True}])
def test_a_key_ends_with_the_part_that_it_was_given_for(cast: Cast, sent: Sent, change: dict[str, Any]) -> None:
    assert cast.ring("vera").team_ids
    Staff.objects.filter(username="vera").update(**change)
    assert_shut_out(cast.ring("vera"), sent)


def test_without_the_password_a_signed_in_person_opens_nothing(cast: Cast, sent: Sent) -> None:
    assert personal.unlock(staff=cast["vera"], password=PASSWORD + "x") is None
    assert_shut_out(Keyring(cast["vera"], None), sent)


# --- Bodies


def release_of(cast: Cast, sent: Sent, *objects: Any) -> Release:
    do: dict[str, Any] = {"actor": Actor(cast.ring("vera"), NOW), "case_id": sent.case.pk}
    case_actions.act(action=Action.START_REVIEW, **do)
    case_actions.act(action=Action.VERIFY, **do)
    body = OversightBody.objects.get(pk="bkn")
    do["actor"] = Actor(cast.ring("fitri"), NOW)
    return forward(body=body, choice=whole(do["case_id"], objects=list(objects)), **do)


def test_before_a_release_a_body_has_no_key_to_anything(cast: Cast, sent: Sent) -> None:
    kirana = cast.ring("kirana")
    assert not KeyGrant.objects.filter(team__in=kirana.team_ids).exists()
    assert not access.releases_for(cast["kirana"]).exists()
    box = kirana.team(Team.objects.get(slug="body-bkn")).box
    for grant in KeyGrant.objects.all():
        with pytest.raises(SealError):
            unseal(box, bytes(grant.sealed)[1:])


def test_after_it_they_hold_the_release_and_nothing_else(cast: Cast, sent: Sent) -> None:
    assert processing.process_pending() == 1
    working = EvidenceObject.objects.get(variant="working")
    release = release_of(cast, sent, working.pk)
    follow_up.add_message(ticket=sent.ticket, text="Yang datang kemudian.", files=[], today=DAY)
    kirana = cast.ring("kirana")
    granted = KeyGrant.objects.filter(team__in=kirana.team_ids)
    assert [grant.release_id for grant in granted] == [release.pk]
    seen = reading.open_release(actor=Actor(kirana, NOW), release_id=release.pk)
    assert [item.variant for item in seen.opened[0].content.files] == ["working"]
    assert "kemudian" not in str(seen)
    # What the reporter wrote before went with it.
    assert "Foto." in str(seen)
    assert sent.code not in str(seen)
    for read in reads(kirana, sent).values():
        with pytest.raises(Locked):
            read()
    # What they can open with their key is exactly the one grant.
    box = kirana.release(release)
    for complaint in Complaint.objects.all():
        with pytest.raises(SealError):
            unseal(box, bytes(complaint.sealed_answers)[1:])


def test_another_body_sees_neither_release_nor_file(cast: Cast, sent: Sent) -> None:
    original = EvidenceObject.objects.get(variant="original")
    release = release_of(cast, sent, original.pk)
    bima, file = cast.ring("bima"), ReleasedFile.objects.get()
    for read in (
        lambda: reading.open_release(actor=Actor(bima, NOW), release_id=release.pk),
        lambda: released_files.open_file(actor=Actor(bima, NOW), file_id=file.pk),
        lambda: decisions.act(actor=Actor(bima, NOW), release_id=release.pk, action=Action.TAKE_UP),
        lambda: bima.release(release),
    ):
        with pytest.raises((Locked, ObjectDoesNotExist)):
            read()
    _info, stream = released_files.open_file(actor=Actor(cast.ring("kirana"), NOW), file_id=file.pk)
    assert b"".join(stream) == photo()


def test_release_refuses_an_object_of_another_case(cast: Cast, sent: Sent) -> None:
    other = send_report(today=DAY)
    foreign = EvidenceObject.objects.get(evidence__complaint__case=sent.case)
    with pytest.raises(ObjectDoesNotExist):
        release_of(cast, other, foreign.pk)
    assert not Release.objects.exists()


def test_a_released_file_has_a_name_that_betrays_nobody(cast: Cast, sent: Sent) -> None:
    follow_up.add_message(
        ticket=sent.ticket, text="", files=[sealed_upload(photo(), name="dari Ratna di kelurahan.jpg")], today=DAY
    )
    release_of(cast, sent, *EvidenceObject.objects.values_list("pk", flat=True))
    release = reading.open_release(actor=Actor(cast.ring("kirana"), NOW), release_id=Release.objects.get().pk)
    assert [item.info.name for item in release.opened[0].content.files] == ["bukti-1.jpg", "bukti-2.jpg"]


def test_a_body_learns_what_an_original_tells(cast: Cast, sent: Sent) -> None:
    follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(samples.jpeg(), name="a.jpg")], today=DAY)
    processing.process_pending()
    release_of(cast, sent, *EvidenceObject.objects.exclude(variant="preview").values_list("pk", flat=True))
    release = reading.open_release(actor=Actor(cast.ring("kirana"), NOW), release_id=Release.objects.get().pk)
    told = {(item.variant, bool(item.info.betrays)) for item in release.opened[0].content.files}
    assert told >= {("original", True), ("working", False)}
    assert ("working", True) not in told


# --- A found code


def test_a_found_code_shows_no_report(cast: Cast) -> None:
    words = {
        "story": "CERITA-PENANDA " * 5,
        "accused_name": "TERLAPOR-PENANDA",
        "agency": "INSTANSI-PENANDA",
        "regency": "KABUPATEN-PENANDA",
        "links": "https://contoh.invalid/TAUTAN-PENANDA",
        "name": "NAMA-PENANDA",
        "contact": "KONTAK-PENANDA",
    }
    sent = send_report(today=DAY, identity="confidential", **words)
    files = [sealed_upload(photo(), name="BERKAS-PENANDA.jpg")]
    follow_up.add_message(ticket=sent.ticket, text="PESAN-PENANDA", files=files, today=DAY)
    case_actions.reply_to_reporter(
        actor=Actor(cast.ring("vera"), NOW), complaint_id=sent.case.complaints.get().pk, text="Dari kantor."
    )
    client = Client()
    client.post("/cek/", {"code": sent.code})
    for path in ("/cek/laporan/", "/cek/laporan/cabut/", "/lapor/periksa/", "/lapor/kode/", "/lapor/cerita/"):
        page = client.get(path, follow=True).content.decode()
        assert "PENANDA" not in page
        assert sent.code not in page.replace("-", "")
    assert "Dari kantor." in client.get("/cek/laporan/").content.decode()
