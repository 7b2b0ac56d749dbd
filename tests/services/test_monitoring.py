"""Findings that staff enter: sealed like reports, nobody can come back, nobody is asked, and a table comes whole."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from complaints.domain.workflow import Action, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import OversightBody
from complaints.services import (
    case_actions,
    case_file,
    case_links,
    case_summary,
    follow_up,
    monitoring,
    submission,
    transitions,
)
from complaints.services.audit import verify
from complaints.services.evidence import processing
from complaints.services.forwarding import asking, decisions, reading
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor, Locked
from complaints.services.transitions import CaseVersion
from tests.images import photo
from tests.security import traces
from tests.world import Cast, at, sealed_upload, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
ANSWERS: dict[str, Any] = {
    "url": "https://instagram.com/p/AbC123/?igsh=x",
    "accused_name": "akun.unik.betul",
    "accused_nip": "",
    "accused_position": "",
    "accused_kind": "colleague",
    "category": "C1",
    "act": "post",
    "agency_kind": "regency",
    "agency": "Dinas Contoh",
    "regency": "",
    "province": "33",
    "event_from": "2026-11-02",
    "story": "Mengunggah gambar Kenaripagi di halaman kantor.",
    "seen_on": "2026-11-09",
    "account": "",
    "accused_unknown": False,
}
pytestmark = pytest.mark.django_db


def enter(cast: Cast, name: str = "vera", **given: Any) -> Case:
    return monitoring.enter_report(
        actor=Actor(cast.ring(name), NOW), answers=ANSWERS | given.pop("answers", {}), **given
    )


def test_a_finding_is_a_case_with_its_post_and_screenshot(cast: Cast) -> None:
    case = enter(cast, files=[sealed_upload(photo())])
    processing.process_pending()
    complaint = Complaint.objects.get()
    assert (case.status, complaint.channel, complaint.has_reporter) == ("received", "monitoring", False)
    opened = case_file.open_case(actor=Actor(cast.ring("fitri"), NOW), case_id=case.pk)
    part = opened.complaints[0]
    assert part.answers["story"] == ANSWERS["story"]
    assert [(post.info.url, post.info.screenshot) for post in part.posts] == [("https://instagram.com/p/AbC123", 1)]
    assert part.evidence[0].working is not None
    for marker in ("akun.unik.betul", "AbC123", "Kenaripagi"):
        assert traces.hits(marker, traces.tables()) == []
    entry = AuditEntry.objects.get(event="finding.entered")
    assert (entry.actor, entry.case, entry.facts["channel"]) == (cast["vera"].pk, case.pk, "monitoring")
    assert verify.verify_chain().whole


def test_nobody_can_come_back_and_the_code_stands_nowhere(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    real = submission.codes.new_code
    monkeypatch.setattr(submission.codes, "new_code", lambda: drawn.append(real()) or drawn[-1])
    case = enter(cast)
    assert len(drawn) == 1
    assert traces.hits(drawn[0], traces.tables()) == []
    assert drawn[0] not in str(vars(case))


def test_who_is_not_admitted_enters_nothing(cast: Cast) -> None:
    for name in ("kirana", "audi", "super", "luar"):
        with pytest.raises(Locked):
            enter(cast, name)
        with pytest.raises(Locked):
            monitoring.enter_reports(actor=Actor(cast.ring(name), NOW), rows=[ANSWERS])
    assert not Case.objects.exists()


def test_nobody_is_asked_and_nothing_is_sealed_to_nobody(cast: Cast) -> None:
    case = enter(cast)
    ring = cast.ring("vera")
    do: dict[str, Any] = {"actor": Actor(ring, NOW), "case_id": case.pk}
    case_actions.act(action=Action.START_REVIEW, reason="Mulai.", **do)
    case.refresh_from_db()
    refused = {step.action: step.refused for step in transitions.available_steps(staff=cast["vera"], case=case)}
    assert refused[Action.ASK_REPORTER] == "no_reporter"
    with pytest.raises(TransitionRefused):
        case_actions.act(action=Action.ASK_REPORTER, reason="Siapa?", **do)
    with pytest.raises(Locked):
        case_actions.reply_to_reporter(actor=Actor(ring, NOW), complaint_id=Complaint.objects.get().pk, text="Halo.")
    case_actions.act(action=Action.VERIFY, reason="Lengkap.", **do)
    with pytest.raises(TransitionRefused):  # two people, as ever
        forward(body=OversightBody.objects.get(pk="bkn"), choice=whole(do["case_id"]), **do)
    body = OversightBody.objects.get(pk="bkn")
    release = forward(
        actor=Actor(cast.ring("fitri"), NOW),
        case_id=case.pk,
        body=body,
        choice=whole(case.pk),
        reply="Kepada siapa pun.",
    )
    assert not Message.objects.exists()
    kirana = cast.ring("kirana")
    decisions.act(actor=Actor(kirana, NOW), release_id=release.pk, action=Action.TAKE_UP, reply="Mulai.")
    actions = {row.action for row in reading.open_release(actor=Actor(kirana, NOW), release_id=release.pk).actions}
    assert Action.PROPOSE_FINDING in actions
    assert asking.readers_of(release) == []
    with pytest.raises(asking.NobodyToAsk):
        asking.propose(
            actor=Actor(kirana, NOW),
            release_id=release.pk,
            text="Siapa?",
            readers=case.complaints.values_list("pk", flat=True),
        )
    decisions.act(
        actor=Actor(kirana, NOW), release_id=release.pk, action=Action.RETURN, text="Mana tangkapan layarnya?"
    )
    opened = case_file.open_case(actor=Actor(ring, NOW), case_id=case.pk)
    assert [entry.text for entry in opened.complaints[0].thread] == ["Mana tangkapan layarnya?"]
    assert Message.objects.get().sealed_for_reporter is None
    assert [note.text for note in opened.notes] == ["Mulai.", "Lengkap."]


def test_linked_monitoring_case_asks_reporters_only(cast: Cast) -> None:
    sent = send_report(today=DAY, links=ANSWERS["url"])
    case = enter(cast)
    ring = cast.ring("vera")
    case_summary.summaries(actor=Actor(ring, NOW), cases=list(Case.objects.all()))
    assert [candidate.why for candidate in case_links.candidates(keyring=ring, case=sent.case)] == [("post",)]
    case_links.link(
        actor=Actor(ring, NOW), target_id=sent.case.pk, sources={case.pk: CaseVersion("received")}, reason="Sama."
    )
    do: dict[str, Any] = {"actor": Actor(ring, NOW), "case_id": sent.case.pk}
    case_actions.act(action=Action.START_REVIEW, **do)
    case_actions.act(action=Action.ASK_REPORTER, reason="Jam berapa?", **do)
    assert Message.objects.get().complaint_id == Complaint.objects.with_reporter().get().pk
    assert follow_up.status_page(ticket=sent.ticket, today=DAY).question == "Jam berapa?"


def test_a_table_comes_whole_or_not_at_all(cast: Cast) -> None:
    rows = [ANSWERS | {"url": f"https://instagram.com/p/Nr{number}", "row": number} for number in range(1, 4)]
    broken: Any = [*rows, None]
    with pytest.raises(AttributeError):
        monitoring.enter_reports(actor=Actor(cast.ring("vera"), NOW), rows=broken)
    assert not Case.objects.exists()
    assert not AuditEntry.objects.filter(event="finding.entered").exists()
    cases = monitoring.enter_reports(actor=Actor(cast.ring("vera"), NOW), rows=rows)
    assert len({case.reference for case in cases}) == 3
    assert set(Complaint.objects.exclude(index_entry=None).values_list("channel", flat=True)) == {"import"}
    assert not Complaint.objects.filter(index_entry=None).exists()
    with pytest.raises(ValueError, match="rows"):
        monitoring.enter_reports(actor=Actor(cast.ring("vera"), NOW), rows=[ANSWERS] * 301)
    assert verify.verify_chain().whole


def test_known_posts_match_in_any_spelling_for_members_only(cast: Cast) -> None:
    case = enter(cast)
    typed = ["instagram.com/reel/AbC123", "https://instagram.com/p/Lain"]
    cases_by_url = monitoring.known_posts(keyring=cast.ring("vino"), urls=typed)
    assert {url: [known.reference for known in cases] for url, cases in cases_by_url.items()} == {
        typed[0]: [case.reference]
    }
    with pytest.raises(Locked):
        monitoring.known_posts(keyring=cast.ring("audi"), urls=typed)


def test_waiting_rows_open_for_their_officer_and_key_alone(cast: Cast) -> None:
    key, vera, vino = monitoring.new_key(), cast["vera"], cast["vino"]
    sealed = monitoring.seal_rows(key=key, staff=vera, rows=[ANSWERS])
    assert "unik" not in sealed
    assert monitoring.open_rows(key=key, staff=vera, sealed=sealed) == [ANSWERS]
    for given in (
        {"key": monitoring.new_key()},
        {"staff": vino},
        {"sealed": sealed[:-8] + "AAAAAAA="},
        {"sealed": "?"},
    ):
        assert monitoring.open_rows(**{"key": key, "staff": vera, "sealed": sealed, **given}) == []
