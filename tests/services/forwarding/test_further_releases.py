"""A case with two bodies: each has its release, its steps and its questions, and learns nothing of the other."""

from __future__ import annotations

import csv
import io
import re
import uuid
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.workflow import UNTOLD, Action, TransitionRefused
from complaints.models import triggers
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.complaint import KeyGrant, Message
from complaints.models.identity import NameRequest
from complaints.models.oversight import (
    OversightBody,
    Release,
    ReleasedFile,
    ReleasedReport,
    ReleasePart,
    ReleaseStep,
)
from complaints.services import case_actions, case_deadlines, follow_up, own_name
from complaints.services.audit import verify
from complaints.services.forwarding import asking, further_releases, names, reading, redaction_check, release
from complaints.services.forwarding.contents import Choice, whole
from complaints.services.keyring import Actor, Locked
from complaints.services.report_questions import ChooseQuestion
from complaints.services.reporter_identity import Name
from complaints.services.transitions import CaseVersion
from tests.cases import chosen, competent_again, forwarded, passed_on, with_photo
from tests.database import editor
from tests.decisions import decide
from tests.world import Cast, Sent, SignedIn, ring, send_report

TODAY = timezone.localdate


def actor(name: str) -> Actor:
    return Actor(ring(name), timezone.now())


@pytest.fixture(autouse=True)
def second_body(cast: Cast) -> None:
    competent_again("kasn")


def kasn() -> OversightBody:
    return OversightBody.objects.get(pk="kasn")


def also(sent: Sent, **changes: Any) -> Release:
    choice = changes.pop("choice", None) or whole(sent.case.pk)
    body = changes.pop("body", None) or kasn()
    return further_releases.forward_also(
        actor=actor("fitri"), case_id=sent.case.pk, body=body, choice=choice, **changes
    )


def body_act(name: str, row: Release, action: Action, **words: Any) -> None:
    """Take a step of a body; a question passes the office."""
    if action is Action.ASK_REPORTER:
        passed_on(actor(name), actor("vera"), row, words["reply"])
        return
    decide(actor=actor(name), release_id=row.pk, action=action, **words)


def page(sent: Sent) -> Any:
    return follow_up.status_page(ticket=sent.ticket, today=TODAY())


def say(sent: Sent, text: str, to: str = "") -> None:
    follow_up.add_message(ticket=sent.ticket, text=text, files=[], today=TODAY(), to=to)


def thread(name: str, row: Release) -> list[str]:
    opened = reading.open_release(actor=actor(name), release_id=row.pk)
    return [entry.text for entry in opened.thread]


def two_bodies(cast: Cast, **changes: Any) -> tuple[Sent, Release, Release]:
    """A case that BKN examines and KASN has besides."""
    sent, first = forwarded(cast, **changes)
    body_act("kirana", first, Action.TAKE_UP)
    second = also(sent, cover="Untuk KASN.")
    body_act("bima", second, Action.TAKE_UP)
    return sent, first, second


def test_the_same_words_from_one_page_answer_both_questions(cast: Cast) -> None:
    """Who goes back to the page that showed both, and says "no" to the second as well."""
    sent, first, second = two_bodies(cast)
    body_act("kirana", first, Action.ASK_REPORTER, reply="Ada rekamannya?")
    body_act("bima", second, Action.ASK_REPORTER, reply="Ada saksi lain?")
    for body in ("bkn", "kasn", "kasn"):
        words = {"text": "Tidak ada.", "to": body, "token": "0123456789abcdef"}
        follow_up.add_message(ticket=sent.ticket, files=[], today=TODAY(), **words)
    assert thread("kirana", first) == ["Ada rekamannya?", "Tidak ada."]
    assert thread("bima", second) == ["Ada saksi lain?", "Tidak ada."]


def test_two_bodies_ask_and_each_reads_its_own_answer(cast: Cast) -> None:
    sent, first, second = two_bodies(cast)
    body_act("kirana", first, Action.ASK_REPORTER, reply="Siapa saksinya?")
    body_act("bima", second, Action.ASK_REPORTER, reply="Di ruang mana?")
    sent.case.refresh_from_db()
    assert (sent.case.status, sent.case.lead_body_id) == ("needs_information", "bkn")
    shown = page(sent)
    assert shown.askers == [("bkn", "BKN"), ("kasn", "KASN")]
    assert (shown.question, shown.others[0].question) == ("Siapa saksinya?", "Di ruang mana?")
    with pytest.raises(ChooseQuestion):
        say(sent, "Jawaban tanpa alamat.")
    # The answers cross: the second question is answered first.
    say(sent, "Ruang rapat lantai dua.", to="kasn")
    assert page(sent).askers == [("bkn", "BKN")]
    assert Case.objects.get(pk=sent.case.pk).status == "needs_information"
    say(sent, "Dua rekan saya.", to="bkn")
    assert page(sent).askers == []
    assert thread("kirana", first) == ["Siapa saksinya?", "Dua rekan saya."]
    assert thread("bima", second) == ["Di ruang mana?", "Ruang rapat lantai dua."]
    with pytest.raises(Release.DoesNotExist):
        thread("bima", first)
    assert [step.action for step in second.steps.order_by("sequence")] == [
        "forward", "take_up", "ask_reporter", "answer"
    ]  # fmt: skip
    # Words to the office answer nobody, also while a body asks.
    body_act("bima", second, Action.ASK_REPORTER, reply="Jam berapa?")
    say(sent, "Hanya untuk kantor.", to="none")
    assert "Hanya untuk kantor." not in thread("bima", second)
    body_act("bima", second, Action.RESUME)
    assert verify.verify_chain().whole


def test_the_case_follows_the_leading_body_alone(cast: Cast) -> None:
    sent, first, second = two_bodies(cast)
    body_act("bima", second, Action.DISMISS, text="Kurang bukti.", reply="Belum terbukti menurut KASN.")
    sent.case.refresh_from_db()
    shown = page(sent)
    assert (sent.case.status, shown.status, shown.body_name) == ("under_examination", "under_examination", "BKN")
    (other,) = shown.others
    assert (other.body, other.status, other.events[-1].reason) == (
        "KASN", "unsubstantiated", "Belum terbukti menurut KASN."
    )  # fmt: skip
    assert "Belum terbukti menurut KASN." not in [event.reason for event in shown.events]
    body_act("bima", second, Action.RECONSIDER, text="Ada bukti baru.", reply="Kami lihat lagi.")
    # The leading body gives the case back: the other goes on, and nobody ends the case over it.
    body_act("kirana", first, Action.RETURN, text="Di desa mana?")
    sent.case.refresh_from_db()
    assert (sent.case.status, page(sent).status, page(sent).body_name) == ("in_review", "under_examination", "KASN")
    assert further_releases.working_bodies(sent.case) == ["KASN"]
    with pytest.raises(TransitionRefused, match="other_body"):
        case_actions.act(actor=actor("vera"), case_id=sent.case.pk, action=Action.PROPOSE_INELIGIBLE, reason="Ganda.")
    with pytest.raises(TransitionRefused):
        follow_up.withdraw(ticket=sent.ticket, reason="", today=TODAY())
    assert not page(sent).may_withdraw
    case_actions.act(actor=actor("vera"), case_id=sent.case.pk, action=Action.VERIFY)
    do = {"actor": actor("fitri"), "case_id": sent.case.pk, "choice": whole(sent.case.pk)}
    with pytest.raises(release.HasItAlready):
        release.forward(body=kasn(), **do)
    body_act("bima", second, Action.SUBSTANTIATE, text="Terbukti.", reply="Terbukti.")
    again = release.forward(body=OversightBody.objects.get(pk="bkn"), **do)
    assert again.number == 2 and page(sent).body_name == "BKN"
    # Nor of this body is a reporter told on which day it heard the accused, or that a finding was proposed.
    taken = [step.action for step in second.steps.order_by("sequence")]
    assert "hear_accused" in taken
    assert [event.action for event in page(sent).others[0].events] == [name for name in taken if name not in UNTOLD]
    assert redaction_check.check(actor=actor("vera"), release_id=second.pk) == []
    assert verify.verify_chain().whole


def test_a_further_release_is_supplemented_and_taken_back(cast: Cast, signed_in: SignedIn) -> None:
    sent, _first = forwarded(cast)
    second = also(sent, reply="Kami teruskan juga.")
    working = with_photo(sent)["working"]
    reading.open_release(actor=actor("bima"), release_id=second.pk)
    more = release.supplement(actor=actor("fitri"), first=second, choice=whole(sent.case.pk, objects=[working]))
    assert (more.number, more.is_further, more.body_id) == (2, True, "kasn")
    assert release.recall_refusal(more) is None
    assert [item.body for item in page(sent).told] == ["BKN", "KASN", "KASN"]
    do = {"actor": actor("fitri"), "release_id": second.pk, "reason": "Bukan kewenangan KASN."}
    with pytest.raises(TransitionRefused, match="reason_missing"):
        further_releases.take_back(**{**do, "reason": " "})
    further_releases.take_back(**do)
    with pytest.raises(Release.DoesNotExist):
        thread("bima", second)
    assert not KeyGrant.objects.filter(release__in=[second, more], team__slug="body-kasn").exists()
    (other,) = page(sent).others
    assert [event.action for event in other.events] == ["forward", "recall"]
    assert (other.events[-1].reason, other.has_it) == ("Bukan kewenangan KASN.", False)
    with pytest.raises(TransitionRefused):
        further_releases.take_back(**do)
    # It can go there again; after the body took it up its release ends, and it keeps what it read.
    third = also(sent)
    body_act("bima", third, Action.TAKE_UP)
    further_releases.take_back(**{**do, "release_id": third.pk})
    third.refresh_from_db()
    assert (third.number, third.state) == (3, "returned")
    assert reading.open_release(actor=actor("bima"), release_id=third.pk).actions == []
    sent.case.refresh_from_db()
    assert sent.case.status == "forwarded"
    assert verify.verify_chain().whole


def test_what_came_in_since_is_counted_for_each_body(cast: Cast, signed_in: SignedIn) -> None:
    sent, first, second = two_bodies(cast)
    say(sent, "Pesan baru.")
    message = Message.objects.from_reporter().get()
    choice = Choice({sent.ticket.complaint_id: ()}, messages={message.pk})
    release.supplement(actor=actor("fitri"), first=first, choice=choice)
    fitri = signed_in("fitri")
    leading = reverse("admin:complaints_case_supplement", args=[sent.case.pk])
    beside = reverse("admin:complaints_case_supplement_further", args=[sent.case.pk, second.pk])

    def shown() -> list[bool]:
        text = fitri.get(reverse("admin:complaints_case_change", args=[sent.case.pk])).content.decode()
        return [f"{url}?new=1" in text for url in (leading, beside)]

    assert shown() == [False, True]
    assert chosen(fitri.get(beside, {"new": "1"}))["messages"] == [str(message.pk)]
    release.supplement(actor=actor("fitri"), first=second, choice=choice)
    assert shown() == [False, False]


def test_the_queue_and_its_export_know_every_body(cast: Cast, signed_in: SignedIn) -> None:
    sent, _first = forwarded(cast)
    second, vera = also(sent), signed_in("vera")

    def shown() -> list[list[str]]:
        pages = [vera.get(reverse("admin:complaints_case_changelist"), {"body": body}) for body in ("bkn", "kasn")]
        found = [str(sent.case.reference in answer.content.decode()) for answer in pages]
        form = {"columns": ["reference", "body", "further"], "form": "csv", "reason": "report"}
        table = b"".join(vera.post(reverse("admin:complaints_case_export"), form).streaming_content).decode()
        return [found, next(csv.reader([table.splitlines()[-1]]))]

    reference = sent.case.reference
    assert shown() == [["True", "True"], [reference, "BKN", "KASN"]]

    def check() -> None:
        assert shown()[1][:-1] == [reference] and "KASN" not in str(shown()[1])

    undone(lambda: ReleaseStep.objects.filter(release=second)._raw_delete("default"), check)
    further_releases.take_back(actor=actor("fitri"), release_id=second.pk, reason="Bukan kewenangan KASN.")
    assert shown() == [["True", "False"], [reference, "BKN", ""]]


def test_the_clock_marks_the_agency_of_a_further_body_too(cast: Cast) -> None:
    sent, _first, second = two_bodies(cast)
    for action in (Action.SUBSTANTIATE, Action.AWAIT_AGENCY):
        body_act("bima", second, action, text="Terbukti.", reply="Kami tunggu instansi.")
    assert case_deadlines.run_deadlines(now=timezone.now()) == 0
    later = timezone.now() + timedelta(days=60)
    assert [case_deadlines.run_deadlines(now=later) for _run in range(2)] == [1, 0]
    last = second.steps.latest("sequence")
    assert (last.action, last.actor_kind, last.actor_id) == ("mark_overdue", "system", None)
    sent.case.refresh_from_db()
    assert sent.case.status == "under_examination"
    (other,) = page(sent).others
    assert (other.status, other.is_recorded) == ("overdue_agency", True)
    opened = reading.open_release(actor=actor("bima"), release_id=second.pk)
    assert not opened.under_check and Action.REMIND in [row.action for row in opened.actions]
    assert verify.verify_chain().whole
    # A step of the clock that nobody but the database took counts for nothing.
    entry = AuditEntry.objects.get(event="release.step", facts__action="mark_overdue")

    def check() -> None:
        assert reading.open_release(actor=actor("bima"), release_id=second.pk).under_check

    undone(lambda: AuditEntry.objects.filter(pk=entry.pk).update(countersignature=b"0" * 64), check)


def test_what_cannot_be_released_to_a_further_body(cast: Cast, settings: Any) -> None:
    sent, first = forwarded(cast)
    refused: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"body": first.body}, further_releases.NotOffered),
        ({"seen": CaseVersion("verified")}, release.CaseChanged),
    ]
    for changes, error in refused:
        with pytest.raises(error):
            also(sent, **changes)
    for name in ("vera", "satya", "kirana"):
        with pytest.raises((TransitionRefused, Case.DoesNotExist, Locked)):
            further_releases.forward_also(
                actor=actor(name), case_id=sent.case.pk, body=kasn(), choice=whole(sent.case.pk)
            )
    pins = settings.TEAM_KEY_PINS
    settings.TEAM_KEY_PINS = ",".join(pin for pin in pins.split(",") if not pin.startswith("body-kasn"))
    with pytest.raises(further_releases.NotOffered):
        also(sent)
    settings.TEAM_KEY_PINS = pins
    competent_again("kasn", until="2024-09-03")
    with pytest.raises(further_releases.NotOffered):
        also(sent)
    competent_again("kasn")
    also(sent)
    with pytest.raises(further_releases.NotOffered):
        also(sent)
    fresh = send_report()
    with pytest.raises(TransitionRefused):
        also(fresh)
    assert Release.objects.count() == 2 and verify.verify_chain().whole


def test_a_name_goes_to_the_body_that_leads_until_another_asks(cast: Cast) -> None:
    name = Name("Ratna Penanda", "")
    sent, first, second = two_bodies(cast, identity="confidential", name=name.name, recipient="bkn")
    pk = uuid.UUID(str(sent.ticket.complaint_id))

    def opens(who: str, row: Release) -> Name | None:
        return names.open_name(actor=actor(who), release_id=row.pk, complaint_id=pk)

    say(sent, "Menyusul.", to="none")
    assert page(sent).name.asker == "BKN"
    assert (opens("bima", second), opens("kirana", first)) == (None, name)
    names.ask(actor=actor("bima"), release_id=second.pk, complaint_id=pk, reason="Kami perlu saksi.")
    assert page(sent).name.asker == "KASN"
    own_name.give(ticket=sent.ticket, name=Name("Ratna Kedua", ""), body="KASN", today=TODAY())
    assert opens("bima", second) == Name("Ratna Kedua", "")
    # The body that asked last gets it, also where both asked on one day; one whose release ended gets none.
    names.ask(actor=actor("kirana"), release_id=first.pk, complaint_id=pk, reason="Kami juga.")
    assert page(sent).name.asker == "BKN"
    further_releases.take_back(actor=actor("fitri"), release_id=second.pk, reason="Cukup.")
    with pytest.raises(NameRequest.DoesNotExist):
        opens("bima", second)
    assert page(sent).name.asker == "BKN" and verify.verify_chain().whole


def test_no_body_learns_of_the_other(cast: Cast, signed_in: SignedIn) -> None:
    sent, first, second = two_bodies(cast, files=True)
    body_act("kirana", first, Action.ASK_REPORTER, reply="Penanda tanya BKN")
    say(sent, "Penanda jawab BKN", to="bkn")
    body_act("kirana", first, Action.DISMISS, text="Penanda putusan BKN", reply="Penanda alasan BKN")
    body_act("bima", second, Action.ASK_REPORTER, reply="Penanda tanya KASN")
    of_bkn = ["BKN", "Penanda", str(first.pk), "Kirana", "Belum terbukti"]
    of_kasn = ["KASN", "Penanda tanya KASN", str(second.pk), "Bima", "Perlu dilengkapi"]
    for who, row, never in (("bima", second, of_bkn), ("kirana", first, of_kasn)):
        client = signed_in(who)
        own = {"Penanda tanya KASN"} if who == "bima" else set()
        pages = [
            client.get(reverse("admin:complaints_release_changelist") + "?turn=every").content.decode(),
            client.get(reverse("admin:complaints_release_change", args=[row.pk])).content.decode(),
            _zipped(client.post(reverse("admin:complaints_release_download", args=[row.pk]))),
        ]
        for text in pages:
            for words in own:
                text = text.replace(words, "")
            for words in never:
                if words == "BKN" and "kategori" in text:
                    continue
                assert words not in text, (who, words)
    with pytest.raises(SealError):
        reading.open_released(ReleasedFile.objects.filter(release=first)[0], ring("bima").release(second), b"")


def _zipped(response: Any) -> str:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    texts = [archive.read(name) for name in archive.namelist() if name.endswith((".html", ".json"))]
    return "\n".join(archive.namelist()) + "\n".join(text.decode() for text in texts)


class Undo(Exception):
    pass


def undone(change: Callable[[], Any], check: Callable[[], None]) -> None:
    with pytest.raises(Undo), transaction.atomic():
        triggers.remove_append_only(editor())
        change()
        check()
        raise Undo


def test_a_row_of_the_further_release_that_is_missing_is_named(cast: Cast) -> None:
    _sent, _first, second = two_bodies(cast)
    rows = [ReleasePart, ReleasedReport, KeyGrant]
    for model in rows:
        one = model._base_manager.filter(release=second).first()
        assert one is not None

        def check() -> None:
            assert any(fault.code == "release.altered" for fault in verify.verify_chain().faults)
            with pytest.raises((SealError, Locked)):
                reading.open_release(actor=actor("bima"), release_id=second.pk)

        if model is KeyGrant:
            one = KeyGrant.objects.get(release=second, team__slug="body-kasn")
        undone(lambda one=one: type(one)._base_manager.filter(pk=one.pk)._raw_delete("default"), check)

    def of_steps() -> None:
        codes = {fault.code for fault in verify.verify_chain().faults}
        assert "release.steps" in codes
        opened = reading.open_release(actor=actor("bima"), release_id=second.pk)
        assert opened.under_check and opened.actions == []
        # Nor does it let the body ask or get a name: whoever deletes its last step would have it examine again.
        with pytest.raises(TransitionRefused):
            asking.ask_office(actor=actor("bima"), release_id=second.pk, text="Siapa?")

    last = second.steps.order_by("-sequence")[0]
    steps = ReleaseStep.objects.filter(pk=last.pk)
    undone(lambda: steps._raw_delete("default"), of_steps)
    undone(lambda: steps.update(target="substantiated"), of_steps)
    undone(lambda: steps.update(due_on="2026-01-01"), of_steps)
    planted = {"release": second, "sequence": 3, "action": "substantiate", "source": "under_examination"}
    planted |= {"target": "substantiated", "actor_kind": "body", "day": TODAY(), "at": timezone.now()}
    undone(lambda: ReleaseStep.objects.create(**planted), of_steps)


def test_a_release_that_is_called_another_kind_opens_to_nobody(cast: Cast) -> None:
    """By the column alone a body would read the state of the case, and a reporter the steps of a body without it."""
    sent, first, second = two_bodies(cast)

    def check() -> None:
        for name, row in (("bima", second), ("kirana", first)):
            with pytest.raises(SealError):
                reading.open_release(actor=actor(name), release_id=row.pk)
        with pytest.raises(SealError):
            page(sent)

    rows = Release.objects.filter(case=sent.case)
    undone(lambda: [rows.filter(pk=row.pk).update(is_further=not row.is_further) for row in (first, second)], check)


def test_who_verified_the_case_and_released_it_further_is_named(cast: Cast) -> None:
    _sent, _first, second = two_bodies(cast)
    forwarding = AuditEntry.objects.filter(event="release.step", subject=second.pk).order_by("sequence")[0]
    entries = AuditEntry.objects.filter(event="case.transition", facts__action="verify")

    def check() -> None:
        faults = {(fault.sequence, fault.code) for fault in verify.verify_chain().faults}
        assert (forwarding.sequence, "entry.same_person") in faults

    undone(lambda: entries.update(actor=cast["fitri"].pk), check)


def test_a_reporters_step_on_a_release_bears_the_reporters_signature(cast: Cast) -> None:
    sent, _first, second = two_bodies(cast)
    body_act("bima", second, Action.ASK_REPORTER, reply="Di ruang mana?")
    say(sent, "Lantai dua.")
    assert Message.objects.from_reporter().get(complaint__case=sent.case, release=second).sealed_for_release
    step = second.steps.get(action="answer")
    assert (step.at, step.actor_id) == (None, None) and step.batch is not None

    def check() -> None:
        assert "release.steps" in {fault.code for fault in verify.verify_chain().faults}

    undone(lambda: ReleaseStep.objects.filter(pk=step.pk).update(signature=b"0" * 64), check)


def test_what_is_told_of_retaliation_goes_to_the_body_that_the_page_names_alone(cast: Cast) -> None:
    """Also where the asking body does not lead the case, and where it asked after the page was shown."""
    sent, first, second = two_bodies(cast)
    client = Client()
    client.post("/cek/", {"code": sent.code})
    address, warning = "/cek/laporan/terjadi/", "KASN membacanya"

    def shown(path: str) -> tuple[str, str]:
        text = " ".join(client.get(path).content.decode().split())
        return text, re.findall(r'type="hidden" name="to" value="(\w+)"', text)[0]

    text, stale = shown(address)
    assert warning not in text and stale == "none" == shown("/cek/laporan/")[1]
    body_act("bima", second, Action.ASK_REPORTER, reply="Di ruang mana?")
    client.post(address, {"kind": "moved", "text": "Saya dipindahkan.", "to": stale})
    client.post("/cek/laporan/jawab/", {"text": "Hanya untuk kantor.", "to": stale})
    assert thread("bima", second) == ["Di ruang mana?"]
    text, to = shown(address)
    assert warning in text and to == "kasn"
    client.post(address, {"kind": "moved", "text": "Saya diancam.", "to": to})
    assert thread("bima", second) == ["Di ruang mana?", "Saya diancam."]
    # With two questions it answers neither, and the page says that it goes to the office alone.
    body_act("kirana", first, Action.ASK_REPORTER, reply="Siapa saksinya?")
    body_act("bima", second, Action.ASK_REPORTER, reply="Jam berapa?")
    text, to = shown(address)
    assert to == "none" and warning not in text
    assert "tidak menjawab satu pun: hanya petugas kami yang menerimanya" in text
    client.post(address, {"kind": "moved", "text": "Gaji dipotong.", "to": to})
    assert "Gaji dipotong." not in thread("bima", second) + thread("kirana", first)
