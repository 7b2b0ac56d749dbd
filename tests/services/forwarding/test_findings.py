"""A finding takes two people of the body and the right of reply; before, nothing of it leaves them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.sealing.records import seal_record
from complaints.domain.workflow import Action, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.case import CaseStep
from complaints.models.complaint import Message
from complaints.models.oversight import Finding, FindingProposal, Hearing, Release
from complaints.services import follow_up
from complaints.services.audit import log, verify
from complaints.services.forwarding import decisions, reading
from complaints.services.keyring import Actor, Keyring
from complaints.services.transitions import CaseChanged, CaseVersion
from tests.cases import body_act, forwarded
from tests.decisions import record_for
from tests.world import Cast, Sent


@dataclass
class Examined:
    """A case that a body has taken up, and its two people."""

    cast: Cast
    sent: Sent
    release: Release

    def does(self, name: str, action: Action, **words: Any) -> None:
        actor = Actor(self.cast.ring(name), timezone.now())
        decisions.act(actor=actor, release_id=self.release.pk, action=action, **words)

    def refusal(self, name: str, action: Action, **words: Any) -> str:
        with pytest.raises(TransitionRefused) as refused:
            self.does(name, action, **words)
        return refused.value.code.value

    def hears(self) -> None:
        self.does("kirana", Action.HEAR_ACCUSED, record=record_for(Action.HEAR_ACCUSED, timezone.localdate()))

    def proposes(self, finding: Action = Action.SUBSTANTIATE, **words: Any) -> None:
        words = {"text": "Dua saksi sesuai.", "reply": "Dugaan terbukti."} | words
        self.does("kirana", Action.PROPOSE_FINDING, finding=finding, **words)

    def told(self) -> list[tuple[str, str]]:
        page = follow_up.status_page(ticket=self.sent.ticket, today=timezone.localdate())
        return [(event.label, event.reason) for event in page.events]

    def status(self) -> str:
        self.sent.case.refresh_from_db()
        return self.sent.case.status


@pytest.fixture
def examined(cast: Cast) -> Examined:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    return Examined(cast, sent, release)


def test_nothing_leaves_two_people_before_the_second_confirms(examined: Examined) -> None:
    """The right of reply first; then proposed, taken back, sent back, proposed anew and confirmed."""
    told, messages = examined.told(), Message.objects.count()
    proven = {"finding": Action.SUBSTANTIATE, "text": "Terbukti."}
    assert examined.refusal("kirana", Action.PROPOSE_FINDING, **proven) == "unheard"
    assert examined.refusal("kirana", Action.HEAR_ACCUSED) == "reason_missing"
    assert examined.refusal("kirana", Action.POSTPONE_HEARING) == "reason_missing"
    examined.does("kirana", Action.POSTPONE_HEARING, text="Terlapor dirawat.")
    assert examined.refusal("kirana", Action.PROPOSE_FINDING, **proven) == "unheard"
    examined.hears()
    for action in (Action.SUBSTANTIATE, Action.DISMISS, Action.RETURN_FINDING, Action.TAKE_BACK_FINDING):
        assert examined.refusal("kresna", action, text="Isi.", reply="Isi.") == "not_from_here"
    assert examined.refusal("kirana", Action.PROPOSE_FINDING, finding=Action.DISMISS, text="Tidak.") == "reason_missing"
    examined.proposes()
    assert examined.refusal("kresna", Action.PROPOSE_FINDING, **proven) == "not_from_here"
    assert examined.refusal("kirana", Action.SUBSTANTIATE) == "same_person"
    assert examined.refusal("kirana", Action.RETURN_FINDING, text="Sebab.") == "same_person"
    assert examined.refusal("kresna", Action.TAKE_BACK_FINDING) == "other_person"
    assert examined.refusal("kresna", Action.DISMISS) == "not_proposed"
    examined.does("kirana", Action.TAKE_BACK_FINDING)
    examined.proposes(Action.DISMISS)
    assert examined.refusal("kresna", Action.RETURN_FINDING, text=" ") == "reason_missing"
    examined.does("kresna", Action.RETURN_FINDING, text="Saksi kedua belum ditanya.")
    examined.proposes()
    assert (examined.status(), examined.told()) == ("under_examination", told)
    assert not Finding.objects.exists() and Message.objects.count() == messages
    office = reading.decisions_for_triage(keyring=examined.cast.ring("vera"), releases=[examined.release])
    assert {entry.kind for entry in office[examined.release]} == {"hearing"}

    examined.does("kresna", Action.SUBSTANTIATE, text="Kata lain.", reply="Kata lain.")
    assert examined.status() == "substantiated"
    assert examined.told()[len(told) :] == [("Dinyatakan terbukti", "Dugaan terbukti.")]
    entry = AuditEntry.objects.filter(event="decision.recorded").latest("sequence")
    proposal = FindingProposal.objects.get(pk=entry.facts["proposal"])
    assert (entry.actor, proposal.author.username) == (examined.cast["kresna"].pk, "kirana")
    (finding,) = reading.decisions_for_triage(keyring=examined.cast.ring("vera"), releases=[examined.release])[
        examined.release
    ][-1:]
    assert (finding.content["text"], finding.content["proposal"]) == ("Dua saksi sesuai.", str(proposal.pk))
    assert verify.verify_chain().whole


def test_a_hearing_counts_for_the_body_that_held_it(examined: Examined) -> None:
    for day in (timezone.localdate().replace(year=2001), timezone.localdate().replace(year=2999)):
        record = record_for(Action.HEAR_ACCUSED, day)
        assert examined.refusal("kirana", Action.HEAR_ACCUSED, record=record) == "wrong_day"
    examined.hears()
    assert Hearing.objects.get().author.username == "kirana"
    examined.proposes()
    # What a person confirms is what their page showed.
    version = CaseVersion("under_examination", 1)
    with pytest.raises(CaseChanged):
        examined.does("kresna", Action.SUBSTANTIATE, seen=version)
    assert examined.status() == "under_examination"
    body_act(examined.cast, "kresna", examined.release, Action.RETURN, text="Kecamatan mana?")
    assert not verify.verify_chain().faults


def test_what_one_person_forges_is_named_and_counts_for_nothing(examined: Examined) -> None:
    """One person's key and the database: a proposal in another's name, and a finding past the rules."""
    examined.hears()
    examined.proposes()
    actor = Actor(examined.cast.ring("kresna"), timezone.now())
    FindingProposal.objects.update(author=examined.cast["kresna"])
    for act in (
        lambda: reading.open_release(actor=actor, release_id=examined.release.pk),
        lambda: examined.refusal("kresna", Action.SUBSTANTIATE),
    ):
        with pytest.raises(SealError):
            act()
    assert "row.altered" in {fault.code for fault in verify.verify_chain().faults}
    FindingProposal.objects.update(author=examined.cast["kirana"])
    assert verify.verify_chain().whole

    ring = examined.cast.ring("kirana")
    forged = CaseStep(
        case=examined.sent.case, sequence=CaseStep.objects.count() + 1, action="substantiate", actor_kind="body",
        source="under_examination", target="substantiated", actor=ring.staff, body_id="bkn", stage=3,
        day=timezone.localdate(), at=timezone.now(),
    )  # fmt: skip
    _append(forged, ring, ring.signer)
    assert "entry.same_person" in {fault.code for fault in verify.verify_chain().faults}
    ring = examined.cast.ring("kresna")
    forged.pk, forged.sequence, forged.actor = uuid.uuid4(), forged.sequence + 1, ring.staff
    _append(forged, ring, ring.signer)
    assert "entry.no_proposal" in {fault.code for fault in verify.verify_chain().faults}


def _append(step: CaseStep, ring: Keyring, signer: SignPair | None) -> None:
    facts = log.step_facts(step)
    step.save(force_insert=True)
    log.append(event="case.transition", now=step.at, actor=ring.staff, signer=signer, case=step.case_id, facts=facts)


def test_a_decision_that_is_not_recorded_is_shown_to_nobody(examined: Examined) -> None:
    """One liaison with the body's key writes a finding past the portal, or puts a colleague's name to their own."""
    examined.hears()
    hearing = Hearing.objects.get()
    pair = examined.cast.ring("kirana").release(examined.release)
    signer = examined.cast.ring("kirana").keys_of(f"body-{examined.release.body_id}").sign
    author = examined.cast["kresna"]
    finding = Finding(release=examined.release, author=author, signer=signer.public, at=hearing.at)
    content = {"outcome": "substantiate", "text": "Terbukti."}
    context = reading.decision_context(finding, examined.release)
    finding.sealed = seal_record(pair.public, context, content, signer)
    finding.save(force_insert=True)

    def kinds() -> list[str]:
        return [entry.kind for entry in reading.decisions_of(examined.release, pair)]

    assert kinds() == ["hearing"]
    Hearing.objects.update(author=author)
    with pytest.raises(SealError):
        kinds()
    assert "row.unrecorded" in {fault.code for fault in verify.verify_chain().faults}
