"""Searching for cases: what is found by what, in which order, by whom; and that nothing of it is written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.apps import apps
from django.utils import timezone

from complaints import access
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.search_document import SearchDoc
from complaints.models.team import Team
from complaints.services import blind_index, conflicts, follow_up, messages, search, search_scan
from complaints.services.keyring import Actor, Locked
from complaints.services.search import NothingToSearch, SearchResult
from complaints.services.search_documents import DocumentKeys
from complaints.services.team_keys import resealing, rotation
from tests.cases import body_act, complaint_of, forwarded
from tests.floods import first_looks
from tests.images import photo
from tests.world import Cast, Sent, sealed_upload, send_report

LINK = "https://instagram.com/p/AbC123unik"
NIP = "198001012005011003"


def actor(cast: Cast, name: str = "vera") -> Actor:
    return Actor(cast.ring(name), timezone.now())


def find(cast: Cast, words: str, name: str = "vera", skip: int = 0) -> SearchResult:
    me = actor(cast, name)
    return search.search_cases(actor=me, words=words, cases=access.cases_for(me.staff), skip=skip)


def cases(*sent: Sent) -> list[Any]:
    return [report.case.pk for report in sent]


def stored() -> dict[str, list[object]]:
    """Every row of every table but the chain's."""
    models = apps.get_app_config("complaints").get_models()
    return {
        model.__name__: list(model._base_manager.order_by("pk").values_list())
        for model in models
        if model.__name__ not in ("AuditEntry", "ChainHead")
    }


def told(cast: Cast) -> tuple[Sent, Sent]:
    """A report with all that is searched, and an older one whose agency bears the name of the accused."""
    yesterday = timezone.localdate() - timedelta(days=1)
    older = send_report(today=yesterday, accused_name="Ferdian", agency="Dinas Suprapti Jaya", story="Lain sekali.")
    sent = send_report(
        accused_name="Drs. Suprapti, M.Si.",
        accused_nip=NIP,
        accused_position="Kabid Perbekalan",
        agency="Disdik Kab. Contoh",
        regency="Kabupaten Tulung",
        province="33",
        story="Kami dikumpulkan di aula pringsewelas.",
        links=f"{LINK}/?igsh=xyz",
        files=[sealed_upload(photo(), "surat-perintah.jpg")],
    )
    first_looks(cast)
    follow_up.add_message(ticket=sent.ticket, text="Bidan Marsinah melihat.", files=[], today=timezone.localdate())
    messages.write_note(complaint=complaint_of(sent), text="Telepon balik Jumat legi.", actor=actor(cast))
    messages.send_to_reporter(complaint=complaint_of(sent), text="Terima kasih atas kronologinya.", actor=actor(cast))
    return sent, older


def test_each_thing_that_an_officer_remembers_is_found_and_nothing_is_written(cast: Cast) -> None:
    sent, older = told(cast)
    assert find(cast, "pringsewelas").cases == cases(sent)  # brings the document up to date
    before, entries = stored(), AuditEntry.objects.count()
    by_kind: dict[str, dict[str, tuple[Sent, ...]]] = {
        "number": {NIP: (sent,), "19800101 200501 1 003": (sent,)},
        "post": {"www.instagram.com/siapa/p/AbC123unik/": (sent,)},
        "words": {
            "suprapti": (sent, older),  # the name of an accused before the name of an agency
            "SUPRAP contoh": (sent,),
            "dinas pendidikan kabupaten contoh": (sent,),
            "perbekalan": (sent,),
            "tulung": (sent,),
            "jawa tengah": (sent, older),
            "kumpulkan aula": (sent,),
            "marsinah": (sent,),
            "jumat legi": (sent,),
            "kronologi": (sent,),
            "surat perintah": (sent,),
            "abc123": (sent,),
            "tidak ada di mana pun": (),
        },
        "reference": {sent.case.reference: (sent,), older.case.reference[-6:].lower(): (older,)},
    }
    kinds = []
    for kind, expected in by_kind.items():
        for words, reports in expected.items():
            assert find(cast, words).cases == cases(*reports), words
            kinds.append(kind)
    assert stored() == before
    made = AuditEntry.objects.order_by("sequence")[entries:]
    assert [(entry.event, entry.facts["kind"]) for entry in made] == [("queue.searched", kind) for kind in kinds]
    assert all(entry.facts.keys() <= {"kind", "practice"} for entry in made)
    assert {len(bytes(row.sealed)) - 40 for row in SearchDoc.objects.all()} <= {1024, 4096, 16384}


def test_five_hundred_searches_leave_entries_alone(cast: Cast) -> None:
    told(cast)
    find(cast, "x")
    before, entries = stored(), AuditEntry.objects.count()
    me = actor(cast)
    for number in range(500):
        search.search_cases(actor=me, words=f"suprapti {number}", cases=access.cases_for(me.staff))
    assert stored() == before
    made = AuditEntry.objects.order_by("sequence")[entries:]
    assert {(entry.event, tuple(entry.facts.items())) for entry in made} == {("queue.searched", (("kind", "words"),))}
    assert len(made) == 500


def test_a_scan_never_decrypts_what_its_person_has_a_conflict_in(cast: Cast) -> None:
    mine = send_report(story="Aula pringsewelas.")
    other = send_report(story="Juga di pringsewelas.")
    first_looks(cast)
    conflicts.declare_conflict(actor=actor(cast, "vino"), case_id=mine.case.pk, reason="Saudara saya.")
    # Something to be written anew there as well: not in this person's session.
    follow_up.add_message(ticket=mine.ticket, text="Lagi.", files=[], today=timezone.localdate())
    opened: list[object] = []
    original = DocumentKeys.open

    def spied(self: DocumentKeys, report: Any, *columns: Any) -> bytes:
        opened.append(report)
        return original(self, report, *columns)

    with patch.object(DocumentKeys, "open", spied):
        result = find(cast, "pringsewelas", "vino")
    assert (result.cases, result.read, opened) == (cases(other), 1, [complaint_of(other).pk])
    assert find(cast, mine.case.reference, "vino").cases == []
    assert find(cast, "pringsewelas").total == 2


def test_what_a_body_wrote_to_the_office_is_found(cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    liaison = Actor(cast.ring("kirana"), timezone.now())
    text, report = "Berkas gudangwilis kurang.", complaint_of(sent)
    messages.send_to_reporter(complaint=report, text=text, actor=liaison, release=release, to_reporter=False)
    result = find(cast, "gudangwilis")
    assert (result.cases, result.partial) == (cases(sent), 0)


def test_new_reports_are_met_first_and_the_rest_is_said(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blind_index, "REPORTS_AT_ONCE", 2)
    monkeypatch.setattr(search, "SLICES_AT_ONCE", 2)
    for days in range(6, 0, -1):
        send_report(accused_nip=NIP, today=timezone.localdate() - timedelta(days=days))
    assert [(result.total, result.read, result.unread) for result in (find(cast, NIP), find(cast, NIP))] == [
        (4, 4, 2),
        (6, 6, 0),
    ]


def test_a_long_list_is_gone_through_in_parts(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    older = send_report(accused_nip=NIP, today=timezone.localdate() - timedelta(days=1))
    newer = send_report(accused_nip=NIP)
    first_looks(cast)
    monkeypatch.setattr(search_scan, "READ_AT_MOST", 1)
    assert find(cast, NIP) == SearchResult(cases(newer), 1, 1, 0, 0, 1)
    assert find(cast, NIP, skip=1) == SearchResult(cases(older), 1, 1, 0, 0, 0)


def test_documents_are_searched_before_and_after_they_follow_the_teams_key(cast: Cast) -> None:
    sent = send_report(accused_nip=NIP)
    first_looks(cast)
    team = Team.objects.get(slug="triage")
    rotation.rotate(actor=actor(cast, "vera"), team_id=team.pk)
    assert find(cast, NIP, "vino").cases == cases(sent)
    resealing.reseal(actor=actor(cast, "vino"), team_id=team.pk, limit=1000)
    assert SearchDoc.objects.get().sealed_number == 2
    assert find(cast, NIP, "vino").cases == cases(sent)


@pytest.mark.parametrize("words", ["", " ?! ", "."])
def test_nothing_to_search_for_is_said_and_not_recorded(cast: Cast, words: str) -> None:
    with pytest.raises(NothingToSearch):
        find(cast, words)
    with pytest.raises(Locked):
        find(cast, "suprapti", "kirana")
    assert not AuditEntry.objects.filter(event="queue.searched").exists()
