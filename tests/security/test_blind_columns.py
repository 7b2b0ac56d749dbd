"""Each deciding column, altered alone by somebody who can write to the database, is named by verification."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from bench.attack import columns
from bench.attack.chain import chain_blind_columns
from complaints.domain.redaction import Box, Reason, Span
from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import OversightBody
from complaints.models.team import Staff, TeamMembership
from complaints.services import (
    account_confirmation,
    assignment,
    case_actions,
    case_file,
    case_summary,
    conflicts,
    follow_up,
    redactions,
    signin_counts,
)
from complaints.services.audit import verify
from complaints.services.evidence import processing
from complaints.services.evidence.redacted_copies import Removal
from complaints.services.forwarding import decisions
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.records import SanctionRecord
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from complaints.services.team_keys import removal
from tests.database import built_once
from tests.decisions import decide
from tests.images import photo
from tests.security.attacks.portal import TestPortal
from tests.world import Cast, at, change_account, close_batch, next_code, sealed_upload, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)


@pytest.fixture(scope="module")
def whole_day(shared_cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[Cast]:
    """A day with a forwarded case, a conflict, an assignment and a waiting file; closed."""
    with built_once(django_db_blocker), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.TEAM_KEY_PINS", shared_cast.pins)
        build(shared_cast)
        yield shared_cast


def build(cast: Cast) -> None:
    change_account("vino", nip="197001011990031001")
    sent = send_report(today=DAY, files=[sealed_upload(photo())], province="33")
    other = send_report(today=DAY, accused_nip="197001011990031001", category="B2", accused_kind="colleague")
    assert processing.process_pending() == 1
    send_report(today=DAY, files=[sealed_upload(photo())], province="32")
    vera = cast.ring("vera")
    do = {"actor": Actor(vera, NOW), "case_id": sent.case.pk}
    case_actions.act(action=Action.START_REVIEW, **do)
    case_file.open_case(**do)
    assignment.claim(seen=None, **do)
    case_actions.act(action=Action.ASK_REPORTER, reason="Kapan tepatnya?", **do)
    follow_up.add_message(ticket=sent.ticket, text="Tanggal dua.", files=[], today=DAY)
    case_actions.act(action=Action.VERIFY, **do)
    objects = list(EvidenceObject.objects.filter(variant="working").values_list("pk", flat=True))
    marked = Span(0, 4, Reason.IDENTITY)
    redactions.save_text(actor=Actor(vera, NOW), complaint_id=sent.case.pk, target="answer-story", spans=[marked])
    box = Removal(boxes=(Box(1, 0, 0, 5_000, 5_000, Reason.IDENTITY),))
    redactions.save_file(actor=Actor(vera, NOW), evidence_id=Evidence.objects.get(state="ready").pk, removal=box)
    body = OversightBody.objects.get(pk="bkn")
    forward(
        actor=Actor(cast.ring("fitri"), NOW),
        case_id=sent.case.pk,
        body=body,
        choice=whole(sent.case.pk, objects=objects),
    )
    case_summary.summaries(actor=Actor(vera, NOW), cases=[other.case])
    conflicts.declare_conflict(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk, reason="Saudara saya.")
    judge(cast, sent.case)
    change_ways_in(cast)
    close_batch(at(DAY + timedelta(days=1), 0))


def judge(cast: Cast, case: Case) -> None:
    """Let the body work on the case up to the sanction, with a message to the reporter."""
    do = {"actor": Actor(cast.ring("kirana"), NOW), "release_id": case.releases.get().pk}
    decisions.act(action=Action.TAKE_UP, **do)
    decide(action=Action.SUBSTANTIATE, text="Terbukti.", reply="Terbukti.", **do)
    decide(action=Action.AWAIT_AGENCY, text="Sanksi sedang.", **do)
    decisions.act(action=Action.SANCTION, record=SanctionRecord("moral_open", "800/1", DAY), **do)


def change_ways_in(cast: Cast) -> None:
    """Two people with an app, an account that waits for its confirmation, and a request to remove a member."""
    for name in ("vera", "fitri"):
        next_code(name)
    ask = {"staff": cast["luar"], "cause": account_confirmation.Cause.FACTOR, "by": cast["adi"]}
    account_confirmation.ask(**ask, signer=cast.ring("adi").signer, now=NOW)
    signin_counts.note_change(staff=cast["luar"], kind=signin_counts.Kind.FACTOR_RESET, now=NOW)
    row = TeamMembership.objects.get(staff=cast["vino"], left_at=None)
    removal.ask(actor=Actor(cast.ring("fitri"), NOW), team_id=row.team_id, membership_id=row.pk, reason="Pindah tugas.")


def test_the_day_is_whole(db: None, whole_day: Cast) -> None:
    assert verify.verify_chain().faults == ()


def test_every_alteration_is_named(db: None, whole_day: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short form of the attack: without a server."""
    assert chain_blind_columns(TestPortal(tmp_path, None, monkeypatch)) == 0
    assert len(columns.ALTERATIONS) > 40


def test_what_nobody_names_or_nothing_tries_is_counted(
    db: None, whole_day: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against an attack that finds nothing because it looks at nothing."""
    unbound = {"last_login": lambda: Staff.objects.update(last_login=NOW), "no row": lambda: 0}
    monkeypatch.setattr(columns, "ALTERATIONS", unbound)
    target = TestPortal(tmp_path, None, monkeypatch)
    assert target.blind_columns() == list(unbound)
    assert chain_blind_columns(target) == 2
