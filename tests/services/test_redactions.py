"""What triage removes is in nothing that a body opens, can be worked out again, and cannot be undone unseen."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image, ImageDraw

from complaints.adapters.media import kinds
from complaints.domain import redaction
from complaints.domain.errors import SealError
from complaints.domain.redaction import Box, NothingLeft, Reason, Span
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import InternalNote
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import OversightBody, Release, ReleasedFile
from complaints.models.redaction import Redaction
from complaints.services import custody, follow_up, redactions
from complaints.services.audit import log, verify
from complaints.services.case_actions import write_case_note
from complaints.services.evidence import processing, storage
from complaints.services.evidence.redacted_copies import Removal
from complaints.services.forwarding import contents, reading, redaction_check, released_files
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor, Locked
from tests.adapters import samples
from tests.adapters.test_redaction import film
from tests.cases import act, complaint_of, in_review
from tests.world import Cast, Sent, close_batch, sealed_upload

STORY = (
    "Saya Rahmawati dari Subbag Keuangan. Hanya saya dan Pak Budi Santosa yang hadir.\n"
    "Kepala dinas meminta kami mendukung calon nomor dua."
)


def actor(cast: Cast, name: str = "vera") -> Actor:
    return Actor(cast.ring(name), timezone.now())


def marks(text: str, *words: str, reason: Reason = Reason.IDENTITY) -> list[Span]:
    return [span for word in words for span in redaction.find_words(text, word, reason)]


def screenshot() -> bytes:
    picture = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(picture).rectangle((100, 60, 220, 120), fill="red")
    picture.save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def with_files(sent: Sent, *files: tuple[bytes, str]) -> list[Evidence]:
    uploads = [sealed_upload(content, name) for content, name in files]
    follow_up.add_message(ticket=sent.ticket, text="Dari Rahmawati.", files=uploads, today=timezone.localdate())
    while processing.process_pending():
        pass
    return list(Evidence.objects.filter(complaint__case=sent.case, kind="file").order_by("sequence"))


def released(cast: Cast, sent: Sent, *items: Evidence, variant: str = "working") -> Release:
    if Action.VERIFY not in sent.case.steps.values_list("action", flat=True):
        act(cast, "vera", sent, Action.VERIFY)
    return forward(
        actor=actor(cast, "fitri"),
        case_id=sent.case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(sent.case.pk, objects=[item.objects_stored.get(variant=variant).pk for item in items]),
    )


RED_BOX = Removal(boxes=(Box(1, 3000, 2000, 4500, 4000, Reason.THIRD_PERSON),))


def test_a_body_reads_no_removed_word_and_sees_no_removed_pixel(cast: Cast) -> None:
    sent = in_review(cast, story=STORY, accused_position="Atasan Rahmawati, Kepala Dinas", links="rahmawati di grup WA")
    (item,) = with_files(sent, (screenshot(), "Rahmawati.png"))
    complaint, vera = complaint_of(sent), actor(cast)
    save: dict[str, Any] = {"actor": vera, "complaint_id": complaint.pk}
    texts = redactions.read_texts(keyring=vera.keyring, complaints=[complaint])[complaint.pk]
    spans = marks(STORY, "Rahmawati", "Subbag Keuangan", "Hanya saya")
    spans += marks(STORY, "Budi Santosa", reason=Reason.THIRD_PERSON)
    redactions.save_text(target="answer-story", spans=spans, **save)
    # What still stands elsewhere is shown before it leaves.
    counted = redactions.of_report(keyring=vera.keyring, complaint=complaint)
    left = redactions.words_left(texts, counted, {t: redactions.released_text(counted, t, v) for t, v in texts.items()})
    post = next(target for target in texts if target.endswith("-url"))
    (message,) = (target for target in texts if target.startswith("message-"))
    assert set(left["rahmawati"]) >= {"answer-accused_position", message, post}
    for target in left["rahmawati"]:
        redactions.save_text(target=target, spans=marks(texts[target], "Rahmawati"), **save)
    redactions.save_file(actor=vera, evidence_id=item.pk, removal=RED_BOX)
    release = released(cast, sent, item)
    kirana = actor(cast, "kirana")
    seen = reading.open_release(actor=kirana, release_id=release.pk)
    everything = json.dumps(
        [asdict(replace(opened.content, files=[])) for opened in seen.opened]
        + [asdict(file.info) for file in seen.opened[0].content.files],
        ensure_ascii=False,
        default=str,
    ).casefold()
    for word in ("rahmawati", "keuangan", "hanya saya", "budi", "santosa"):
        assert word not in everything
    assert seen.answers[1]["story"] == (
        "Saya [dihilangkan: identitas] dari [dihilangkan: identitas] dan Pak [dihilangkan: pihak ketiga] yang hadir.\n"
        "Kepala dinas meminta kami mendukung calon nomor dua."
    )
    assert [(file.variant, file.info.name) for file in seen.opened[0].content.files] == [("redacted", "bukti-1.png")]
    _info, pieces = released_files.open_file(actor=kirana, file_id=seen.opened[0].content.files[0].id)
    shown = Image.open(io.BytesIO(b"".join(pieces))).convert("RGB")
    assert (255, 0, 0) not in {colour for _count, colour in shown.getcolors() or []}
    assert redactions.passages(counted, "answer-story", STORY) == {Reason.IDENTITY: 2, Reason.THIRD_PERSON: 1}
    # Any member of triage works the same out again; the chain holds what was done.
    assert redaction_check.check(actor=actor(cast, "vino"), release_id=release.pk) == []
    assert verify.verify_chain().whole
    assert AuditEntry.objects.filter(event="redaction.made").count() == 1 + len(left["rahmawati"]) + 1
    sheet = custody.custody_sheet(actor=vera, case_id=sent.case.pk)
    # The sheet of the evidence names who made the copy; what was removed of texts is no matter of it.
    assert [opening.entry.event for opening in sheet.items[0].openings] == ["redaction.made", "object.opened"]
    assert "redaction.made" not in {opening.entry.event for opening in sheet.others}
    lines = [line.variant for line in sheet.items[0].stored]
    assert lines == ["original", "working", "preview", "redacted"]


def test_an_original_is_replaced_too_and_the_newest_redaction_counts(cast: Cast) -> None:
    sent = in_review(cast)
    item, other = with_files(sent, (screenshot(), "a.png"), (screenshot(), "b.png"))
    for evidence in (item, other):
        redactions.save_file(actor=actor(cast), evidence_id=evidence.pk, removal=RED_BOX)
    redactions.save_file(actor=actor(cast), evidence_id=item.pk, removal=RED_BOX)
    redactions.save_file(actor=actor(cast), evidence_id=other.pk, removal=Removal())
    release = released(cast, sent, item, other, variant="original")
    stored = [
        file.stored for file in ReleasedFile.objects.filter(release=release).order_by("stored__evidence__sequence")
    ]
    assert [(row.variant, row.number) for row in stored] == [("redacted", 2), ("original", 0)]


def test_what_cannot_be_redacted_is_refused_with_its_reason_and_nothing_stored(cast: Cast) -> None:
    sent = in_review(cast)
    media, make = samples.SAMPLES["docx"]
    document, sound, pages, plain, packed = with_files(
        sent,
        (make(), "a.docx"),
        (samples.SAMPLES["m4a"][1](), "b.m4a"),
        (samples.pdf(), "c.pdf"),
        (b"catatan", "d.txt"),
        (samples.packed({"a.txt": b"Isi."}), "e.zip"),
    )
    save: dict[str, Any] = {"actor": actor(cast), "complaint_id": complaint_of(sent).pk}
    story = redactions.read_texts(keyring=cast.ring("vera"), complaints=[complaint_of(sent)])[complaint_of(sent).pk]
    with pytest.raises(NothingLeft):
        redactions.save_text(
            target="answer-story", spans=[Span(0, len(story["answer-story"]), Reason.IDENTITY)], **save
        )
    with pytest.raises(redactions.NoSuchText):
        redactions.save_text(target="answer-category", spans=[], **save)
    with pytest.raises(redactions.NoSuchText):
        redactions.save_file(actor=actor(cast), evidence_id=complaint_of(sent).pk, removal=RED_BOX)
    before = EvidenceObject.objects.count(), set(storage.referenced_objects())
    for item, refused in ((document, redactions.NoSuchText), (plain, redactions.NoSuchText)):
        with pytest.raises(refused):
            redactions.save_file(actor=actor(cast), evidence_id=item.pk, removal=RED_BOX)
    with pytest.raises(redactions.NoWorkingCopy):
        redactions.save_file(actor=actor(cast), evidence_id=packed.pk, removal=RED_BOX)
    whole = Box(1, 0, 0, 10_000, 10_000, Reason.IDENTITY)
    second = Box(2, 0, 0, 10_000, 10_000, Reason.IDENTITY)
    for item, removal in (
        (sound, Removal(mutes=(Span(0, 10_000, Reason.IDENTITY),))),
        (pages, Removal(boxes=(whole, second))),
    ):
        with pytest.raises(NothingLeft):
            redactions.save_file(actor=actor(cast), evidence_id=item.pk, removal=removal)
    redactions.save_text(target="answer-story", spans=marks(story["answer-story"], "rapat"), seen=0, **save)
    with pytest.raises(redactions.RedactedMeanwhile):
        redactions.save_text(target="answer-story", spans=[], seen=0, **save)
    with pytest.raises(Locked):
        redactions.save_file(actor=actor(cast, "kirana"), evidence_id=pages.pk, removal=Removal(boxes=(whole,)))
    assert (EvidenceObject.objects.count(), set(storage.referenced_objects())) == before
    redactions.save_file(actor=actor(cast), evidence_id=pages.pk, removal=Removal(boxes=(whole,)))
    muted = Removal(mutes=(Span(0, 100, Reason.IDENTITY),))
    redactions.save_file(actor=actor(cast), evidence_id=sound.pk, removal=muted)
    made = EvidenceObject.objects.filter(variant="redacted").order_by("evidence__sequence")
    pair = cast.ring("vera").complaint(complaint_of(sent))
    assert [storage.read_info(pair, row, row.evidence, complaint_of(sent)).type for row in made] == [
        "audio/flac",
        "application/pdf",
    ]
    assert media.endswith("document")


def test_documents_texts_and_films_go_without_what_is_removed_and_can_be_derived_again(cast: Cast) -> None:
    sent, ring = in_review(cast), cast.ring("vera")
    moved = film("mp4", "libx264", "aac")
    files = ((samples.docx(), "a.docx"), (b"Dari: Rahmawati\nRapat Senin.", "b.txt"), (moved, "c.mp4"))
    document, plain, moving = with_files(sent, *files)
    for item, words in ((document, "lain"), (plain, "Rahmawati")):
        text = redactions.document_text(keyring=ring, row=item)
        removal = Removal(passages=tuple(marks(text, words)))
        redactions.save_file(actor=actor(cast), evidence_id=item.pk, removal=removal)
        with pytest.raises(NothingLeft):
            everything = Removal(passages=(Span(0, len(text), Reason.IDENTITY),))
            redactions.save_file(actor=actor(cast), evidence_id=item.pk, removal=everything)
    silent = Removal(mutes=(Span(0, 1, Reason.IDENTITY),), cuts=(Span(1_100, 1_900, Reason.THIRD_PERSON),))
    redactions.save_file(actor=actor(cast), evidence_id=moving.pk, removal=silent)
    with pytest.raises(NothingLeft):
        gone = Removal(cuts=(Span(0, 60_000, Reason.IDENTITY),))
        redactions.save_file(actor=actor(cast), evidence_id=moving.pk, removal=gone)
    counted = redactions.of_report(keyring=ring, complaint=complaint_of(sent))
    assert counted.by_target[f"file-{moving.pk}"].removal == silent
    assert [span.reason for span in counted.by_target[f"file-{plain.pk}"].removal.passages] == [Reason.IDENTITY]
    release = released(cast, sent, document, plain, moving, variant="original")
    stored = [file.stored for file in ReleasedFile.objects.filter(release=release)]
    assert {(row.variant, row.number) for row in stored} == {("redacted", 1)}
    pair = ring.complaint(complaint_of(sent))
    infos = {
        info.type: info
        for row in stored
        if (info := storage.read_info(pair, row, row.evidence, row.evidence.complaint))
    }
    assert infos[kinds.DOCX].losses == ["text-only"]
    row = next(row for row in stored if row.evidence == plain)
    assert b"".join(storage.stream(row, infos["text/plain"])) == b"Dari: [dihilangkan: identitas]\nRapat Senin."
    assert redaction_check.check(actor=actor(cast, "vino"), release_id=release.pk) == []


def test_leaving_out_in_secret_or_undoing_it_is_named(cast: Cast) -> None:
    sent = in_review(cast, story=STORY)
    (item,) = with_files(sent, (screenshot(), "a.png"))
    save: dict[str, Any] = {"actor": actor(cast), "complaint_id": complaint_of(sent).pk, "target": "answer-story"}
    first = redactions.save_text(spans=marks(STORY, "Budi"), **save)
    release = released(cast, sent, item)
    # What is redacted after a release does not speak of it.
    redactions.save_text(spans=marks(STORY, "Rahmawati"), **save)
    redactions.save_file(actor=actor(cast), evidence_id=item.pk, removal=RED_BOX)
    check: dict[str, Any] = {"actor": actor(cast, "vino"), "release_id": release.pk}
    assert redaction_check.check(**check) == []
    rows = Redaction.objects.filter(pk=first.pk)
    rows.update(at=timezone.now())
    assert "row.altered" in {fault.code for fault in verify.verify_chain().faults}
    rows.delete()
    assert "row.gone" in {fault.code for fault in verify.verify_chain().faults}
    assert [item.target for item in redaction_check.check(**check)] == ["answer-story"]
    copy = EvidenceObject.objects.get(variant="redacted")
    EvidenceObject.objects.filter(pk=copy.pk).update(sealed=bytes(copy.sealed)[:-1] + b"\0")
    assert "row.altered" in {fault.code for fault in verify.verify_chain().faults}
    with pytest.raises(Locked):
        redaction_check.check(actor=actor(cast, "kirana"), release_id=release.pk)
    assert Complaint.objects.filter(redactions__isnull=False).exists()


def altered_day(_composer: object, _complaint: object, name: str, value: object) -> object:
    return "2020-01-01" if name == "event_from" else value


def test_a_release_that_says_something_else_is_named(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = in_review(cast)
    write_case_note(actor=actor(cast), complaint_id=complaint_of(sent).pk, text="Mohon cepat.")
    act(cast, "vera", sent, Action.VERIFY)
    note = InternalNote.objects.get(step=None)
    with monkeypatch.context() as dishonest:
        # The office signs what it seals: a day and a note that nobody wrote.
        dishonest.setattr(contents, "read_note", lambda *_row, **_keys: "Tidak perlu diperiksa.")
        dishonest.setattr(contents._Composer, "_answer", altered_day)
        choice = replace(whole(sent.case.pk), notes={note.pk}, messages=(), posts=())
        choice = replace(choice, answers={complaint_of(sent).pk: ("event",)})
        bkn = OversightBody.objects.get(pk="bkn")
        release = forward(actor=actor(cast, "fitri"), case_id=sent.case.pk, body=bkn, choice=choice)
    check: dict[str, Any] = {"actor": actor(cast, "vino"), "release_id": release.pk}
    assert {item.target for item in redaction_check.check(**check)} == {"answer-event_from", "notes"}
    monkeypatch.setattr(log, "entries_of_cases", lambda **_of: [])
    with pytest.raises(SealError, match="release"):
        redaction_check.check(**check)


def test_a_redaction_leaves_closed_batches_as_they_were(cast: Cast) -> None:
    sent = in_review(cast)
    (item,) = with_files(sent, (screenshot(), "a.png"))
    tomorrow = timezone.now() + timedelta(days=1)
    close_batch(tomorrow)
    assert verify.verify_chain().whole
    redactions.save_file(actor=Actor(cast.ring("vera"), tomorrow), evidence_id=item.pk, removal=RED_BOX)
    assert verify.verify_chain().whole
