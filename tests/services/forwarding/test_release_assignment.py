"""Who of a body has a release, and the notes of its liaisons: recorded by the chain alone, read by the body alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.workflow import Action, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.conflict import Conflict
from complaints.models.oversight import BodyNote, Release
from complaints.models.team import Team
from complaints.services.assignment import AlreadyTaken, NotAssignable
from complaints.services.audit import recorded_releases, verify
from complaints.services.audit.entitlement import is_entitled
from complaints.services.forwarding import asking, body_notes, release_assignment
from complaints.services.keyring import Actor, Locked
from complaints.services.team_keys import resealing, rotation
from tests.cases import body_act, complaint_of, forwarded
from tests.world import Cast


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def owner(release: Release) -> str:
    person = release_assignment.owners([release.pk]).get(release.pk)
    return person.username if person else ""


def claim(cast: Cast, name: str, release: Release, seen: str = "") -> None:
    shown = cast[seen].pk if seen else None
    release_assignment.claim(actor=actor(cast, name), release_id=release.pk, seen=shown)


def made_by() -> object:
    return AuditEntry.objects.filter(event=recorded_releases.NOTED).values_list("actor", flat=True)[0]


def notes(cast: Cast, release: Release, name: str = "kirana") -> tuple[list[str], bool]:
    opened = body_notes.read(keyring=cast.ring(name), release=Release.objects.get(pk=release.pk))
    return [note.text for note in opened.notes], opened.is_whole


def test_taken_given_with_a_word_and_laid_down(cast: Cast) -> None:
    _sent, release = forwarded(cast)
    assert owner(release) == ""
    claim(cast, "kirana", release)
    claim(cast, "kirana", release)  # again: hers already, and no second entry
    with pytest.raises(AlreadyTaken) as taken:
        claim(cast, "kresna", release)
    assert taken.value.owner == cast["kirana"].get_full_name()
    give = {"actor": actor(cast, "kirana"), "release_id": release.pk}
    release_assignment.assign(**give, to=cast["kresna"], words="Saksi kedua belum ditanya.")  # type: ignore[arg-type]
    assert owner(release) == "kresna"
    assert notes(cast, release, "kresna") == (["Saksi kedua belum ditanya."], True)
    for stranger in ("bima", "vera", "luar"):
        with pytest.raises(NotAssignable):
            release_assignment.assign(**give, to=cast[stranger])  # type: ignore[arg-type]
    Conflict.objects.create(complaint=complaint_of(_sent), staff=cast["kirana"], kind=Conflict.Kind.DECLARED)
    with pytest.raises(NotAssignable):
        release_assignment.assign(actor=actor(cast, "kresna"), release_id=release.pk, to=cast["kirana"])
    Conflict.objects.all().delete()
    release_assignment.assign(actor=actor(cast, "kresna"), release_id=release.pk, to=None)
    assert owner(release) == ""
    events = AuditEntry.objects.filter(subject=release.pk, event=recorded_releases.ASSIGNED).order_by("sequence")
    people = [str(cast[name].pk) for name in ("kirana", "kresna")]
    assert [entry.facts["assignee"] for entry in events] == [*people, ""]
    assert verify.verify_chain().whole


def test_the_first_step_takes_it_and_a_later_one_does_not(cast: Cast) -> None:
    _sent, release = forwarded(cast)
    body_act(cast, "kresna", release, Action.TAKE_UP)
    assert owner(release) == "kresna"
    release_assignment.assign(actor=actor(cast, "kresna"), release_id=release.pk, to=None)
    asking.ask_office(actor=actor(cast, "kirana"), release_id=release.pk, text="Siapa pencatatnya?")
    assert owner(release) == "kirana"
    body_act(cast, "kresna", release, Action.DISMISS, text="Tidak.", reply="Tidak cukup.")
    assert owner(release) == "kirana"


def test_only_liaisons_of_its_body_assign_and_note(cast: Cast) -> None:
    _sent, release = forwarded(cast)
    for name in ("bima", "vera", "fitri", "audi", "luar"):
        for attempt in (
            lambda name=name: claim(cast, name, release),
            lambda name=name: body_notes.write(actor=actor(cast, name), release_id=release.pk, text="Halo."),
        ):
            with pytest.raises((ObjectDoesNotExist, Locked)):
                attempt()
    claim(cast, "kirana", release)
    entry = AuditEntry.objects.get(event=recorded_releases.ASSIGNED)
    assert is_entitled(entry)
    entry.rights = "verifier"
    assert not is_entitled(entry)


def test_an_entry_by_hand_gives_a_release_to_nobody(cast: Cast) -> None:
    """There is no row to plant; an entry that the server has not signed counts for nothing and is named."""
    _sent, release = forwarded(cast)
    claim(cast, "kirana", release)
    planted = AuditEntry.objects.get(event=recorded_releases.ASSIGNED)
    planted.sequence += 1
    planted.facts = {"assignee": str(cast["kresna"].pk)}
    planted.save(force_insert=True)
    assert owner(release) == ""
    assert not verify.verify_chain().whole


def test_notes_are_read_by_the_body_alone_and_follow_its_key(cast: Cast) -> None:
    _sent, release = forwarded(cast)
    with pytest.raises(TransitionRefused):
        body_notes.write(actor=actor(cast, "kirana"), release_id=release.pk, text="  ")
    for text in ("Sudah menelepon BKD.", "Menunggu berkas."):
        body_notes.write(actor=actor(cast, "kirana"), release_id=release.pk, text=text)
    both = (["Sudah menelepon BKD.", "Menunggu berkas."], True)
    assert notes(cast, release, "kresna") == both
    # Notes that came after their entries were read are no fault: both are read again.
    read = body_notes.read(keyring=cast.ring("kresna"), release=Release.objects.get(pk=release.pk), recorded={})
    assert read.is_whole and len(read.notes) == 2
    # The office holds the key of every release, and opens no note.
    for name in ("vera", "bima"):
        with pytest.raises(Locked):
            notes(cast, release, name)
    team = Team.objects.get(slug="body-bkn")
    rotation.rotate(actor=actor(cast, "kirana"), team_id=team.pk)
    resealing.reseal(actor=actor(cast, "kirana"), team_id=team.pk)
    assert set(BodyNote.objects.values_list("sealed_number", flat=True)) == {2}
    assert notes(cast, release, "kresna") == both


@pytest.mark.parametrize(
    "harm",
    [
        lambda: BodyNote.objects.filter(number=1).delete(),
        lambda: BodyNote.objects.filter(number=1).update(number=7),
        lambda: BodyNote.objects.create(
            release=Release.objects.get(),
            number=9,
            author_id=made_by(),
            at=timezone.now(),
            sealed=b"",
        ),
    ],
    ids=["deleted", "altered", "planted"],
)
def test_a_note_that_is_not_as_recorded_is_named_and_not_shown(cast: Cast, harm: Callable[[], object]) -> None:
    _sent, release = forwarded(cast)
    for text in ("Satu.", "Dua."):
        body_notes.write(actor=actor(cast, "kirana"), release_id=release.pk, text=text)
    harm()
    texts, is_whole = notes(cast, release)
    assert not is_whole and set(texts) <= {"Satu.", "Dua."}
    assert "note.altered" in {fault.code for fault in verify.verify_chain().faults}


def test_another_text_in_a_note_is_an_error(cast: Cast) -> None:
    _sent, release = forwarded(cast)
    for text in ("Satu.", "Dua."):
        body_notes.write(actor=actor(cast, "kirana"), release_id=release.pk, text=text)
    first, second = BodyNote.objects.order_by("number")
    BodyNote.objects.filter(pk=first.pk).update(sealed=second.sealed)
    with pytest.raises(SealError):
        notes(cast, release)
