"""The list of erasures: numbered and signed, so that a gap, a shortened list and a planted line are told."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from complaints.domain.sealing.primitives import SignPair
from complaints.models.verification import VerificationFault
from complaints.services import scheduled
from complaints.services.audit import log, recorded_erasures, recorded_restorations, verify
from complaints.services.audit.log import Head
from complaints.services.erasure import erasing, listed
from complaints.services.erasure.listed import ListedErasure, ListRefused
from tests.erasures import erased
from tests.floods import close_day
from tests.services.erasure.test_erasing import withdrawn
from tests.world import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept(cast: Cast, settings: Settings, tmp_path: Path) -> list[str]:
    """The lines that left a portal that has closed a batch and erased two reports."""
    settings.AUDIT_HEADS_FILE = tmp_path / "heads.txt"
    close_day()
    for mark in ("melati", "mawar"):
        erased(withdrawn(cast, mark).ticket.complaint_id, now=timezone.now())
    scheduled._export_heads()
    text: str = settings.AUDIT_HEADS_FILE.read_text(encoding="ascii")
    return text.splitlines()


def named(lines: list[str], tmp_path: Path) -> str:
    """What ``audit_verify --heads`` says of a list, "" where all is whole."""
    path = tmp_path / "from-outside.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    try:
        call_command("audit_verify", heads=path, stdout=StringIO())
    except CommandError as error:
        return str(error)
    return ""


def test_erasures_are_numbered_in_order_and_signed(kept: list[str]) -> None:
    lines = listed.parse("\n".join(kept))
    assert [line.number for line in lines.lines] == [1, 2] and list(lines.lines) == listed.listed()
    assert lines.until.count == 2 and lines.until.era == 1
    listed.demand_whole(lines, heads=log.heads())
    listed.demand_of_chain(lines)


def test_nothing_leaves_twice_also_after_a_new_server_key(kept: list[str], settings: Settings) -> None:
    scheduled._export_heads()
    assert settings.AUDIT_HEADS_FILE.read_text(encoding="ascii").splitlines() == kept
    earlier, (number, _digest) = log.server_signer().public.hex(), log.head()
    settings.SERVER_VERIFY_KEYS_OLD = f"{number}:9={earlier}"
    settings.SERVER_SIGNING_KEY, _public = log.new_server_key()
    scheduled._export_heads()
    assert settings.AUDIT_HEADS_FILE.read_text(encoding="ascii").splitlines() == kept
    assert len(listed.parse("\n".join(kept)).lines) == 2


def test_a_gap_a_shortened_list_and_an_old_one_are_told(kept: list[str], tmp_path: Path) -> None:
    assert named(kept, tmp_path) == ""
    for number in (1, 2):
        without = [line for line in kept if not line.startswith(f"erased {number} ")]
        assert "list.gap" in named(without, tmp_path)
        with pytest.raises(ListRefused, match=f"number {number} is missing"):
            listed.demand_whole(listed.parse("\n".join(without)), heads=[])
    heads_alone = [line for line in kept if not line.startswith("eras")]
    assert "list.gap" in named(heads_alone, tmp_path)
    with pytest.raises(ListRefused, match="older than the newest head"):
        listed.demand_whole(listed.parse("\n".join(heads_alone)), heads=log.heads())


def test_a_line_that_the_server_has_not_signed_is_refused(kept: list[str], tmp_path: Path) -> None:
    (line,) = (line for line in kept if line.startswith("erased 2 "))
    stranger = SignPair.from_seed(bytes(32))
    forged = replace(listed.listed()[0], number=3)
    signature = stranger.sign(b"kanal netral erasures 1 " + str(forged).encode()).hex()
    for wrong in (line[:-2], line.replace(" 2 ", " 3 ", 1), f"{forged} {signature}"):
        with pytest.raises(ValueError, match="1"):
            listed.parse(wrong)
        assert "cut or altered" in named([*kept, wrong], tmp_path)


def test_a_list_counts_after_a_restoration_alone(cast: Cast) -> None:
    """The server's entry that an erasure was on a list is nothing without the entry of the restoration before it."""
    other = withdrawn(cast, "mawar")
    planted = ListedErasure(1, timezone.localdate(), other.case.pk, other.ticket.complaint_id)
    key = listed._taken_over(planted, timezone.now())
    assert key is not None
    assert not recorded_erasures.recorded([key])[key].is_agreed
    assert not erasing.erase(key, now=timezone.now()) and erasing.is_stored(other.ticket.complaint_id)


def test_a_restoration_begins_an_era_and_names_what_was_lost(cast: Cast) -> None:
    close_day()
    (head,) = log.heads()
    sequence, _digest = log.head()
    lost = Head(1, head.batch + 1, "2026-12-01", sequence + 40, "ab" * 32)
    assert [fault.code for fault in verify.verify_chain(heads=[lost]).faults] == ["head.beyond"]
    now = timezone.now()
    made = recorded_restorations.record(heads=[head, lost], lost=0, list_era=1, erasures=2, now=now)
    assert (made.era, made.sequence, made.lost) == (2, sequence, sequence + 40) and log.era() == 2
    later = log.append(event="erasure.listed", now=now, facts={"number": 1})
    assert later.era == 2
    assert verify.verify_chain(heads=[head, lost]).whole
    # Also once the new era has an entry of the same number, and not a head that nobody named.
    beyond = Head(1, head.batch + 2, "2026-12-02", sequence + 41, "cd" * 32)
    of_this_era = Head(2, head.batch + 2, "2026-12-02", later.sequence, "cd" * 32)
    codes = {fault.code for fault in verify.verify_chain(heads=[beyond, of_this_era]).faults}
    assert codes == {"head.beyond", "head.differs"}


def test_a_restoration_is_named_until_two_auditors_have_acknowledged_it(cast: Cast) -> None:
    assert list(recorded_restorations.faults()) == []
    recorded_restorations.record(heads=[], lost=0, list_era=1, erasures=0, now=timezone.now())
    assert [fault.subject for fault in recorded_restorations.faults()] == ["restoration 2"]
    scheduled.close_batch(now=timezone.now())
    assert "chain.restored" in set(VerificationFault.objects.values_list("code", flat=True))
