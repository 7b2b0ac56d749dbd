"""What an officer states for the rules: sealed, appended, read when a case is judged; one source says who judges."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.law.facts import StatedFacts
from complaints.domain.law.judgment import Judgment, fit
from complaints.domain.law.rules import Conditions
from complaints.domain.law.vocabulary import (
    STATABLE,
    AccusedKind,
    Answer,
    Body,
    Circumstance,
    ElectionKind,
    Harm,
    Level,
    Penalty,
    Post,
    ServiceStatus,
    Stage,
)
from complaints.models.case import Assessment
from complaints.models.reference_data import Election
from complaints.services import bawaslu, case_actions, case_file, case_links, legal_basis, reference_data
from complaints.services.audit import verify
from complaints.services.keyring import Actor
from complaints.services.transitions import CaseChanged
from tests.cases import complaint_of, in_review
from tests.rules import record_table
from tests.world import Cast, draft

NOTHING = StatedFacts()
EVERYTHING = StatedFacts(
    status=ServiceStatus.PPPK_PART_TIME,
    post=Post.ORDINARY,
    harm=Harm.UNIT,
    election=ElectionKind.REGIONAL,
    agency_rule="permendag-39-2025",
    circumstances=((Circumstance.MONEY_GIVEN, True), (Circumstance.VICTIM_HONORER, False)),
)


def test_codes_and_statement_are_the_same_both_ways() -> None:
    for stated in (NOTHING, EVERYTHING):
        answers = {item.value: was_so for item, was_so in stated.circumstances}
        assert StatedFacts.of(stated.codes, answers) == stated
    assert NOTHING.present is None and NOTHING.unsaid == STATABLE
    assert EVERYTHING.present == {Circumstance.MONEY_GIVEN}
    assert Circumstance.VICTIM_HONORER not in EVERYTHING.unsaid


def test_statements_are_appended_and_the_last_one_counts(cast: Cast) -> None:
    sent, actor = in_review(cast), Actor(cast.ring("vera"), timezone.now())
    case_id = sent.case.pk
    assert case_actions.stated_facts(keyring=actor.keyring, case_id=case_id) is None
    seen = case_actions.version_of(sent.case)
    case_actions.state_facts(actor=actor, case_id=case_id, stated=EVERYTHING, seen=seen)
    with pytest.raises(CaseChanged):
        case_actions.state_facts(actor=actor, case_id=case_id, stated=NOTHING, seen=seen)
    corrected = replace(EVERYTHING, status=ServiceStatus.PPPK)
    later = Actor(cast.ring("fitri"), timezone.now())
    case_actions.state_facts(actor=later, case_id=case_id, stated=corrected)
    opened = case_file.open_case(actor=later, case_id=case_id)
    told = opened.complaints[0].statements
    assert [statement.stated for statement in told] == [EVERYTHING, corrected]
    assert [statement.author.username for statement in told] == ["vera", "fitri"]
    assert opened.statement == told[-1]
    assert case_actions.stated_facts(keyring=later.keyring, case_id=case_id) == corrected
    # Neither a grade of danger nor a checklist, and not readable as one.
    assert opened.complaints[0].risk is None and not opened.checklists
    assert not case_actions.is_high_risk(keyring=later.keyring, case_id=case_id)
    assert b"pppk" not in bytes(Assessment.objects.first().sealed)  # type: ignore[union-attr]
    assert verify.verify_chain().whole
    # A kind that was altered in the database is told, and the row opens as nothing else.
    Assessment.objects.filter(kind="facts").update(kind="risk")
    assert not verify.verify_chain().whole
    with pytest.raises(SealError):
        case_file.open_case(actor=later, case_id=case_id)


def test_a_report_that_leaves_the_case_takes_its_statement_along(cast: Cast) -> None:
    first, second = in_review(cast), in_review(cast)
    leaves = complaint_of(second).pk
    actor = Actor(cast.ring("vera"), timezone.now())
    versions = {second.case.pk: case_actions.version_of(second.case)}
    case_links.link(actor=actor, target_id=first.case.pk, sources=versions, reason="Terlapor sama.")
    case_actions.state_facts(actor=actor, case_id=first.case.pk, stated=EVERYTHING)
    assert case_links.unlink(actor=actor, complaint_id=leaves, reason="Keliru.") == second.case
    for sent in (first, second):
        opened = case_file.open_case(actor=actor, case_id=sent.case.pk)
        assert opened.statement and opened.statement.stated == EVERYTHING


def judged(stated: StatedFacts, category: str = "A1", kind: str = "superior", day: str = "2026-12-01") -> Judgment:
    found = legal_basis.judge_report(
        category=category,
        accused_kind=kind,
        answers={"event_from": day},
        handled_on=date(2026, 12, 2),
        stated=stated,
    )
    assert found
    return found


def test_what_is_stated_decides_and_what_is_not_stays_open(cast: Cast) -> None:
    """The sample election of regional heads runs its campaign on that day."""
    assert {"status", "harm"} <= frozenset[str]().union(*(rule.missing for rule in judged(NOTHING).sanctions))
    pns = judged(StatedFacts(status=ServiceStatus.PNS, harm=Harm.UNIT))
    assert not any(rule.missing & {"status", "harm"} for rule in pns.sanctions) and Level.HEAVY in pns.levels
    part_time = judged(StatedFacts(status=ServiceStatus.PPPK_PART_TIME))
    assert part_time.levels == (Level.NONE_FOUND,)
    assert judged(StatedFacts(status=ServiceStatus.NOT_ASN)).route.finds is Body.BAWASLU  # type: ignore[union-attr]
    none = judged(StatedFacts(status=ServiceStatus.PNS, election=ElectionKind.NONE))
    assert none.bawaslu is None and none.crime and none.crime.applied.rule.answer is Answer.NO
    assert judged(StatedFacts(status=ServiceStatus.PPPK_PART_TIME), day="2024-12-01").status_unknown_then
    official = judged(StatedFacts(status=ServiceStatus.PNS, post=Post.OFFICIAL))
    ordinary = judged(StatedFacts(status=ServiceStatus.PNS, post=Post.ORDINARY))
    assert official.crime and ordinary.crime
    assert "post" not in official.crime.applied.missing | ordinary.crime.applied.missing


def test_of_two_elections_the_kind_is_asked_and_never_guessed(cast: Cast) -> None:
    election = Election.objects.get(pk="cakrawala-2027")
    election.pk, election.kind = "pemilu-uji", "pemilu"
    election.save(force_insert=True)
    record_table(Election)
    facts = {"category": "A1", "accused_kind": "superior", "answers": {"event_from": "2026-12-01"}}
    facts |= {"handled_on": date(2026, 12, 2)}
    for stated, kind in ((NOTHING, None), (StatedFacts(election=ElectionKind.GENERAL), ElectionKind.GENERAL)):
        found = legal_basis.facts_of(**facts, stated=stated)  # type: ignore[arg-type]
        assert found and found.election is kind
        assert found.stages == (frozenset({Stage.CAMPAIGN}) if kind else frozenset())
    # Of a kind that is entered for no election of that day the stage stays open.
    Election.objects.filter(kind="pilkada").delete()
    record_table(Election)
    found = legal_basis.facts_of(**facts, stated=StatedFacts(election=ElectionKind.REGIONAL))  # type: ignore[arg-type]
    assert found and found.election is ElectionKind.REGIONAL and not found.stages


def test_the_day_on_which_candidates_are_settled_may_differ_by_kind_of_candidate(cast: Cast) -> None:
    """The president's and the legislature's are two rows of one kind: between their days both stages are possible."""
    election = Election.objects.get(pk="cakrawala-2027")
    election.pk, election.candidates_on = "cakrawala-2027-lain", date(2026, 10, 20)
    election.save(force_insert=True)
    record_table(Election)
    both = {Stage.BEFORE_CANDIDATES, Stage.CANDIDATES_CONFIRMED}
    for day, stages in ((date(2026, 10, 19), {Stage.BEFORE_CANDIDATES}), (date(2026, 10, 22), both)):
        found = legal_basis.facts_of(
            category="A1", accused_kind="superior", answers={"event_from": day.isoformat()}, handled_on=day
        )
        assert found and (found.election, found.stages) == (ElectionKind.REGIONAL, stages)
        assert found.candidates_on is None


def test_one_circumstance_is_known_and_another_is_open(cast: Cast) -> None:
    conditions = Conditions(has=frozenset({Circumstance.MONEY_GIVEN, Circumstance.VICTIM_HONORER}))
    facts = legal_basis.facts_of(
        category="A1", accused_kind="superior", answers={"event_from": "2020-01-01"}, handled_on=date(2020, 1, 2)
    )
    assert facts
    both = Circumstance.MONEY_GIVEN, Circumstance.VICTIM_HONORER
    answers: list[tuple[tuple[bool | None, bool | None], bool | None]] = [
        ((None, None), None),
        ((True, None), None),
        ((True, True), True),
        ((True, False), False),
        ((None, False), False),
    ]
    for said, fits in answers:
        stated = StatedFacts(circumstances=tuple((c, so) for c, so in zip(both, said, strict=True) if so is not None))
        found = fit(conditions, legal_basis.with_stated(facts, stated))
        assert (
            found == {None: (frozenset(), {"circumstances"}), True: ({"circumstances"}, frozenset()), False: None}[fits]
        )


def test_penalties_follow_the_day_of_the_decision(db: None) -> None:
    """Confinement ended with 2025; the rules say so, and no page of its own."""
    assert Penalty.CONFINEMENT in legal_basis.penalties_on(date(2025, 12, 31))
    assert legal_basis.penalties_on(date(2026, 1, 2)) == {Penalty.PRISON, Penalty.FINE}
    assert legal_basis.last_day_of_penalty(Penalty.CONFINEMENT) == date(2026, 1, 1)
    assert legal_basis.last_day_of_penalty(Penalty.FINE) is None
    assert "Pasal 188" in legal_basis.offences()["p188"]


def test_the_rules_alone_say_for_whom_only_bawaslu_judges(cast: Cast) -> None:
    day, edition = date(2026, 12, 1), reference_data.edition()
    days = frozenset({day.isoformat()})
    only = {"regional_head", "campaign_team", "village_head", "military_police"}
    for kind in AccusedKind:
        assert legal_basis.is_for_bawaslu("A1", kind, days, None, edition) == (kind in only), kind
        told = draft(accused_kind=kind.value, category="A1", event_from="")
        assert bawaslu.concerns(told, day) == (kind in only | {"acting_head"}), kind
    # A statement of an officer counts.
    not_asn = StatedFacts(status=ServiceStatus.NOT_ASN)
    assert legal_basis.is_for_bawaslu("A1", "superior", days, not_asn, edition)
    assert bawaslu.concerns(draft(category="D1", accused_kind="superior"), day)
    assert not bawaslu.concerns(draft(accused_kind="made-here"), day)
    # What is typed is kept before it is judged: no day stops the page.
    for typed in ("kemarin", "30/11/2026", "0001-01-01", "9999-12-31", "2026-02-31"):
        assert bawaslu.concerns(draft(accused_kind="campaign_team", event_from=typed), day)
