"""The same attacker at people's keys, at unfinished reports and at the storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from complaints.domain.errors import SealError
from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.segments import (
    HEADER_BYTES,
    SEGMENT_BYTES,
    STORED_SEGMENT_BYTES,
    DigestMismatch,
    SegmentWriter,
)
from complaints.domain.workflow import Action
from complaints.models.evidence import DraftFile, Evidence, EvidenceObject
from complaints.models.team import Staff, TeamMembership
from complaints.services import case_actions, case_file, follow_up
from complaints.services.evidence import drafts, processing, storage
from complaints.services.keyring import Actor, Locked, keyring_of, membership_statement, seal_membership, store_keys
from complaints.services.team_keys import personal
from complaints.services.team_keys.membership import AdmissionRefused, admit
from portal.accounts.reporter_session import ReporterSession
from tests.images import photo
from tests.security.tampering.scene import DAY, NOW
from tests.world import PASSWORD, Cast, sealed_upload, send_report

ATTACKER = KeySet.new()


# --- People


def test_a_wrapped_key_of_another_person_does_not_open(cast: Cast) -> None:
    Staff.objects.filter(username="vera").update(wrapped_key=cast["luar"].wrapped_key)
    assert personal.unlock(staff=cast["vera"], password=PASSWORD) is None


def test_a_wrapped_key_made_without_the_pepper_does_not_open(cast: Cast) -> None:
    vera = cast["vera"]
    how: dict[str, Any] = {"opslimit": 1, "memlimit": 8192, "pepper": bytes(32)}
    vera.wrapped_key = keysets.wrap(ATTACKER.to_bytes(), password=PASSWORD, owner=vera.pk.bytes, **how)
    assert personal.unlock(staff=vera, password=PASSWORD) is None


def test_a_key_in_a_session_acts_only_while_it_is_the_persons(cast: Cast) -> None:
    vera = cast["vera"]
    session: dict[str, Any] = {}
    store_keys(session, personal.unlock(staff=vera, password=PASSWORD))
    assert keyring_of(vera, session).unlocked
    vera.public_key = ATTACKER.box.public
    assert not keyring_of(vera, session).unlocked


def test_an_admission_that_the_team_did_not_give_is_refused(cast: Cast) -> None:
    """Sealed to the person and signed by whom the row names, only that it is not the team's key."""
    vera = cast["vera"]
    membership = vera.memberships.select_related("staff", "team").get()
    seal_membership(membership, ATTACKER, ATTACKER.sign)
    membership.save()
    with pytest.raises(SealError):
        cast.ring("vera").team(membership.team)


def test_a_row_alone_admits_nobody(cast: Cast) -> None:
    """An admission copied from somebody else, or put there by an attacker, gives no key."""
    sent = send_report(today=DAY)
    real = cast["vera"].memberships.get()
    copied = TeamMembership(team=real.team, staff=cast["luar"], sealed_key=real.sealed_key)
    copied.admitted_key = real.admitted_key
    copied.save()
    with pytest.raises(SealError):
        case_file.open_case(actor=Actor(cast.ring("luar"), NOW), case_id=sent.case.pk)


@pytest.mark.parametrize("certificate", ["copied", "forged"])
def test_a_row_alone_takes_no_step(cast: Cast, certificate: str) -> None:
    """Starting a review seals nothing, so that no key has to open; the admission is checked all the same."""
    sent = send_report(today=DAY)
    real, luar = cast["vera"].memberships.get(), cast["luar"]
    row = TeamMembership(team=real.team, staff=luar, sealed_key=real.sealed_key, admitted_key=real.admitted_key)
    row.certificate = real.certificate if certificate == "copied" else ATTACKER.sign.sign(membership_statement(row))
    row.save()
    with pytest.raises(SealError):
        case_actions.act(actor=Actor(cast.ring("luar"), NOW), case_id=sent.case.pk, action=Action.START_REVIEW)
    sent.case.refresh_from_db()
    assert sent.case.status == "received"


def test_an_admission_asks_for_the_fingerprint_that_was_compared(cast: Cast) -> None:
    """With the person's key replaced in the row, what the person reads out is not what stands there."""
    luar = cast["luar"]
    fingerprint = personal.fingerprint(luar)
    membership = TeamMembership.objects.create(team=cast["vera"].memberships.get().team, staff=luar)
    Staff.objects.filter(pk=luar.pk).update(public_key=ATTACKER.box.public)
    with pytest.raises(AdmissionRefused, match="fingerprint"):
        admit(actor=Actor(cast.ring("vera"), NOW), membership_id=membership.pk, fingerprint=fingerprint)
    membership.refresh_from_db()
    assert membership.sealed_key is None
    with pytest.raises(Locked):
        cast.ring("luar").team(membership.team)


# --- Unfinished reports


def drafting(name: str) -> ReporterSession:
    session = ReporterSession(None)
    session["draft"] = {"door": "pressed"}
    drafts.keep_uploads(session=session, uploads=[sealed_upload(photo(), name=name)], today=DAY)
    session.save()
    return session


def test_a_file_of_another_draft_opens_in_no_other(db: None) -> None:
    mine, theirs = drafting("saya.jpg"), drafting("orang.jpg")
    assert [item.name for item in drafts.draft_files(session=mine)] == ["saya.jpg"]
    row = DraftFile.objects.get(draft=theirs.draft_keys.id)
    DraftFile.objects.filter(pk=row.pk).update(draft=mine.draft_keys.id)
    with pytest.raises(SealError):
        drafts.draft_files(session=mine)


def test_swapped_or_altered_draft_rows_are_refused(db: None) -> None:
    session = drafting("satu.jpg")
    drafts.keep_uploads(session=session, uploads=[sealed_upload(photo(), name="dua.jpg")], today=DAY)
    first, two = DraftFile.objects.all()
    DraftFile.objects.filter(pk=first.pk).update(sealed=two.sealed)
    with pytest.raises(SealError):
        drafts.draft_files(session=session)
    altered = bytearray(first.sealed)
    altered[-1] ^= 1
    DraftFile.objects.filter(pk=first.pk).update(sealed=bytes(altered))
    with pytest.raises(SealError):
        drafts.draft_files(session=session)


# --- Stored files


@pytest.fixture
def files(cast: Cast) -> list[EvidenceObject]:
    """Two stored originals of one report, the first of two segments and a bit."""
    sent = send_report(today=DAY)
    long = photo() + bytes(2 * SEGMENT_BYTES)
    uploads = [sealed_upload(long, "panjang.jpg"), sealed_upload(photo("lain"), "lain.jpg")]
    follow_up.add_message(ticket=sent.ticket, text="", files=uploads, today=DAY)
    return list(EvidenceObject.objects.order_by("evidence__sequence"))


def path_of(item: EvidenceObject) -> Path:
    return Path(settings.EVIDENCE_DIR) / item.object_name


def read(cast: Cast, item: EvidenceObject) -> bytes:
    _info, stream = case_actions.open_object(actor=Actor(cast.ring("vera"), NOW), object_id=item.pk, reason="Cek.")
    return b"".join(stream)


def damages(whole: bytes) -> dict[str, bytes]:
    middle, border = len(whole) // 3, HEADER_BYTES + STORED_SEGMENT_BYTES
    head, first, second = (
        whole[:HEADER_BYTES],
        whole[HEADER_BYTES:border],
        whole[border : border + STORED_SEGMENT_BYTES],
    )
    return {
        "altered": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "cut": whole[:middle],
        "cut between segments": whole[:border],
        "emptied": b"",
        "its beginning lost": whole[1:],
        "commitment altered": head[:-1] + bytes([head[-1] ^ 1]) + whole[HEADER_BYTES:],
        "another version": whole[:3] + b"\x02" + whole[4:],
        "segments swapped": head + second + first + whole[border + STORED_SEGMENT_BYTES :],
        "begun twice": whole[:border] + whole,
    }


def test_a_damaged_stored_file_is_an_error(cast: Cast, files: list[EvidenceObject]) -> None:
    path = path_of(files[0])
    whole = path.read_bytes()
    for content in damages(whole).values():
        path.write_bytes(content)
        with pytest.raises(SealError):
            read(cast, files[0])
    path.write_bytes(whole + b"behind the end")
    assert read(cast, files[0]) == photo() + bytes(2 * SEGMENT_BYTES)


def test_a_file_other_than_the_one_that_was_hashed_is_given_to_nobody(
    cast: Cast, files: list[EvidenceObject], caplog: pytest.LogCaptureFixture
) -> None:
    """What a person or a server with the file's key could do: seal other bytes for the same file and keep the row."""
    first = files[0]
    pair = cast.ring("vera").complaint(first.evidence.complaint)
    info = storage.read_info(pair, first, first.evidence, first.evidence.complaint)
    writer = SegmentWriter(bytes.fromhex(info.key), first.pk.bytes)
    other = photo() + bytes(2 * SEGMENT_BYTES - 1) + b"x"
    path_of(first).write_bytes(b"".join(map(bytes, [*writer.update(other), *writer.finish()])))
    given = bytearray()
    with pytest.raises(DigestMismatch):
        for piece in storage.stream(first, info):
            given += piece
    assert other.startswith(given) and len(given) == 2 * SEGMENT_BYTES
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert str(first.pk) not in caplog.text and info.name not in caplog.text and first.object_name not in caplog.text
    with pytest.raises(DigestMismatch):
        read(cast, first)
    processing.process_pending()
    first.evidence.refresh_from_db()
    report = storage.read_file_report(pair, first.evidence)
    assert report is not None and report.no_copy == "damaged"
    # A part of a file has nothing to be compared with; each segment is authentic by itself.
    assert b"".join(storage.stream(first, info, 5, 9)) == other[5:9]


def test_the_sealed_keys_of_two_files_do_not_change_places(cast: Cast, files: list[EvidenceObject]) -> None:
    """Of one report, of one reporter, signed by the same key."""
    first, two = files
    EvidenceObject.objects.filter(pk=first.pk).update(sealed=two.sealed)
    EvidenceObject.objects.filter(pk=two.pk).update(sealed=first.sealed)
    for item in files:
        with pytest.raises(SealError):
            read(cast, item)


def test_the_bytes_of_another_file_are_an_error(cast: Cast, files: list[EvidenceObject]) -> None:
    first, two = files
    one_bytes, two_bytes = path_of(first).read_bytes(), path_of(two).read_bytes()
    path_of(first).write_bytes(two_bytes)
    with pytest.raises(SealError):
        read(cast, first)
    path_of(first).write_bytes(one_bytes)
    EvidenceObject.objects.filter(pk=first.pk).update(object_name="x")
    EvidenceObject.objects.filter(pk=two.pk).update(object_name=first.object_name)
    two.refresh_from_db()
    with pytest.raises(SealError):
        read(cast, two)


def test_original_and_working_copy_do_not_pass_for_each_other(cast: Cast, files: list[EvidenceObject]) -> None:
    assert processing.process_pending() == 2
    original = EvidenceObject.objects.get(evidence=files[1].evidence, variant="original")
    EvidenceObject.objects.filter(evidence=files[1].evidence, variant="working").delete()
    EvidenceObject.objects.filter(pk=original.pk).update(variant="working")
    with pytest.raises(SealError):
        read(cast, original)


@pytest.mark.parametrize("damage", ["altered", "swapped", "key"])
def test_the_worker_makes_no_copy_of_what_was_tampered_with(
    cast: Cast, files: list[EvidenceObject], damage: str
) -> None:
    first, two = (item.evidence for item in files)
    if damage == "key":
        complaint = first.complaint
        type(complaint).objects.filter(pk=complaint.pk).update(public_key=ATTACKER.box.public)
    else:
        grant = bytearray(first.worker_grant or b"")
        grant[-1] ^= 1
        content = bytes(grant) if damage == "altered" else two.worker_grant
        Evidence.objects.filter(pk__in=[first.pk, two.pk]).update(worker_grant=content)
    processing.process_pending()
    item = Evidence.objects.get(pk=first.pk)
    assert item.state == Evidence.State.OFFICER, "nothing false is said of the file"
    assert not EvidenceObject.objects.filter(evidence=first, variant="working").exists()
    if damage != "key":
        processing.process_for_officer(pair=cast.ring("vera").complaint(item.complaint), evidence=item)
        assert Evidence.objects.get(pk=first.pk).state == Evidence.State.READY
