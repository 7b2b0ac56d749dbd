"""A liaison's search: what was released is read in the session, and the database keeps an entry and nothing else."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.oversight import Release
from complaints.services import follow_up
from complaints.services.forwarding import release_search
from complaints.services.forwarding.release_search import NothingToSearch, ReleaseSearch
from complaints.services.keyring import Actor, Locked
from tests.cases import body_act, body_asks, forwarded
from tests.world import Cast


def search(cast: Cast, words: str, name: str = "kirana", skip: int = 0) -> ReleaseSearch:
    return release_search.search(actor=Actor(cast.ring(name), timezone.now()), words=words, skip=skip)


def stored() -> dict[str, list[object]]:
    """Every row of every table but the chain's."""
    models = apps.get_app_config("complaints").get_models()
    return {
        model.__name__: list(model._base_manager.order_by("pk").values_list())
        for model in models
        if model.__name__ not in ("AuditEntry", "ChainHead")
    }


def test_found_by_name_agency_place_number_and_words(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"accused_name": "Drs. Suprapti, M.Si.", "agency": "Puskesmas Sendang", "regency": "Kabupaten Tulung"}
    sent, release = forwarded(cast, **named, story="Kami dikumpulkan di aula dan diminta memilih Suprapti.")
    second, other = forwarded(cast, accused_name="Ferdian", agency="Dinas Suprapti Jaya")
    _third, foreign = forwarded(cast, body="kasn", **named)
    before, entries = stored(), AuditEntry.objects.count()
    for words, expected in {
        "suprapti": [release.pk, other.pk],  # the name of an accused before the name of an agency
        "SUPRAP sendang": [release.pk],
        "tulung": [release.pk],
        "dikumpulkan aula": [release.pk],
        "ditindaklanjuti": [other.pk, release.pk],  # the covering note of both, the newest first
        sent.case.reference: [release.pk],
        second.case.reference[-6:].lower(): [other.pk],
        "tidak ada di mana pun": [],
    }.items():
        assert search(cast, words).releases == expected, words
    assert search(cast, "suprapti", "bima").releases == [foreign.pk]
    # What was searched for is in no row; the entries hold the kind alone.
    assert stored() == before
    made = AuditEntry.objects.order_by("sequence")[entries:]
    assert {entry.event for entry in made} == {"queue.searched"}
    assert [entry.facts["kind"] for entry in made] == [*["release"] * 5, *["reference"] * 2, *["release"] * 2]
    assert all(entry.facts.keys() <= {"kind", "practice"} for entry in made)
    with pytest.raises(NothingToSearch):
        search(cast, " ?! ")
    with pytest.raises(Locked):
        search(cast, "suprapti", "vera")
    # So many are read at once; the next search goes on with the older ones.
    monkeypatch.setattr(release_search, "READ_AT_MOST", 1)
    assert search(cast, "suprapti") == ReleaseSearch([other.pk], 1, 1)
    assert search(cast, "suprapti", skip=1) == ReleaseSearch([release.pk], 1, 0)


def test_an_answer_to_the_body_is_found_and_a_recalled_release_is_not(cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_asks(cast, release, "Siapa saksinya?")
    follow_up.add_message(ticket=sent.ticket, text="Bidan Marsinah melihatnya.", files=[], today=timezone.localdate())
    assert search(cast, "marsinah").releases == [release.pk]
    Release.objects.filter(pk=release.pk).update(state=Release.State.RECALLED)
    assert search(cast, "marsinah").releases == []
