"""A team's key is recovered by two keepers on machines of their own, for one person, and by nobody else."""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing import recovery
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.recovery import RecoveryRequest
from complaints.models.audit import AuditEntry
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import case_file
from complaints.services.audit import verify
from complaints.services.keyring import Actor, Keyring
from complaints.services.team_keys import personal
from complaints.services.team_keys.membership import store_recovery
from portal import keeper
from tests.services.team_keys.test_rotation import rotate
from tests.world import Cast, Sent, send_report

pytestmark = pytest.mark.django_db
PASSWORD = "sandi baru yang cukup panjang"


@dataclass
class Keepers:
    """Both keepers of triage, and the folder in which files go to them and back."""

    pairs: tuple[BoxPair, BoxPair]
    folder: Path

    def open(self, place: int, request: Path, monkeypatch: pytest.MonkeyPatch, *, agrees: str = "yes") -> Path:
        """Let a keeper open a half; the answer's file is missing where nothing was opened."""
        answer = self.folder / f"answer-{place}.json"
        monkeypatch.setattr(sys, "stdin", StringIO(f"{agrees}\n"))
        monkeypatch.setattr(getpass, "getpass", lambda prompt: self.pairs[place].private.hex())
        assert keeper.main(["open", str(request), str(answer)]) == (0 if answer.exists() else 1)
        return answer


@pytest.fixture
def keepers(cast: Cast, tmp_path: Path) -> Keepers:
    """Triage with these keepers; its key was changed once since, and nobody holds it any more but in memory."""
    pairs, row = (BoxPair.new(), BoxPair.new()), Team.objects.get(slug="triage")
    store_recovery(row, cast.ring("vera").team(row), (pairs[0].public, pairs[1].public))
    row.save()
    rotate(cast)
    return Keepers(pairs, tmp_path)


def lose_passwords(cast: Cast) -> None:
    """All of triage have lost their passwords; vino has chosen a new one and waits for an admission."""
    for membership in TeamMembership.objects.filter(team__slug="triage", sealed_key__isnull=False):
        personal.set_initial_password(staff=membership.staff, password="sandi awal yang panjang", now=timezone.now())
    personal.change_password(staff=Staff.objects.get(username="vino"), password=PASSWORD, now=timezone.now())
    assert not TeamMembership.objects.filter(team__slug="triage", sealed_key__isnull=False).exists()


def ask(folder: Path, team: str = "triage", username: str = "vino") -> Path:
    path = folder / "request.json"
    call_command("recover_team", team, username, request=path, stdout=StringIO())
    return path


def recover(monkeypatch: pytest.MonkeyPatch, *answers: Path, password: str = PASSWORD) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt: password)
    call_command("recover_team", "triage", "vino", answer=list(answers), stdout=StringIO())


def faults() -> list[tuple[str, str]]:
    return [(fault.code, fault.subject) for fault in verify.verify_chain().faults]


def opens(sent: Sent) -> bool:
    person = Staff.objects.get(username="vino")
    ring = Keyring(person, personal.unlock(staff=person, password=PASSWORD))
    return bool(case_file.open_case(actor=Actor(ring, timezone.now()), case_id=sent.case.pk).complaints[0].answers)


def test_two_keepers_give_the_key_to_the_person_whom_they_saw(
    cast: Cast, keepers: Keepers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = send_report()
    lose_passwords(cast)
    request = ask(keepers.folder)
    answers = [keepers.open(place, request, monkeypatch) for place in (0, 1)]
    shown, known = capsys.readouterr().out, faults()  # the fixture's own: it exchanged the keepers
    person = Staff.objects.get(username="vino")
    assert personal.fingerprint(person) in shown and "would go to vino" in shown
    recover(monkeypatch, *answers)
    assert opens(sent)
    events = AuditEntry.objects.filter(facts__staff=str(person.pk)).order_by("-sequence")
    assert list(events.values_list("event", flat=True)[:2]) == ["team.admitted", "team.recovered"]
    assert faults() == known
    with pytest.raises(CommandError, match="holds the team's key"):
        ask(keepers.folder)


def test_one_keeper_alone_a_stranger_and_another_person_get_nothing(
    cast: Cast, keepers: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_passwords(cast)
    request = ask(keepers.folder)
    assert not keepers.open(0, request, monkeypatch, agrees="no").exists()
    first = keepers.open(0, request, monkeypatch)
    stranger = Keepers((BoxPair.new(), BoxPair.new()), keepers.folder / "x")
    stranger.folder.mkdir()
    assert not stranger.open(0, request, monkeypatch).exists()
    for answers in ((first, first), (first,)):
        with pytest.raises(CommandError, match="do not give the team's key"):
            recover(monkeypatch, *answers)
    second = keepers.open(1, request, monkeypatch)
    with pytest.raises(CommandError, match="opens no key"):
        recover(monkeypatch, first, second, password="bukan sandi orang itu")
    # Whoever carries the answers opens neither half.
    sealed = RecoveryRequest.from_json(request.read_text())
    with pytest.raises(SealError):
        recovery.join_answers(sealed, keepers.pairs[0], [first.read_text(), second.read_text()])
    # An answer counts for the key that its request named.
    old = first.read_text(), second.read_text()
    rotated = RecoveryRequest.from_json(json.dumps(json.loads(request.read_text()) | {"number": sealed.number + 1}))
    person = personal.unlock(staff=Staff.objects.get(username="vino"), password=PASSWORD)
    assert person is not None
    with pytest.raises(SealError):
        recovery.join_answers(rotated, person.box, old)
    recover(monkeypatch, first, second)
    assert TeamMembership.objects.filter(team__slug="triage", sealed_key__isnull=False).count() == 1


REFUSED: dict[str, tuple[str, str, str]] = {
    "no team": ("nobody", "vino", "no team"),
    "no person": ("triage", "siapa", "no active account"),
    "role": ("triage", "kirana", "role"),
    "holder": ("triage", "vera", "holds the team's key"),
    "other team": ("separate", "vino", "another team"),
}


def test_a_request_that_cannot_be_is_refused_in_words(cast: Cast, keepers: Keepers) -> None:
    for what, (team, username, words) in REFUSED.items():
        with pytest.raises(CommandError, match=words):
            ask(keepers.folder, team, username)
        assert not (keepers.folder / "request.json").exists(), what
    with pytest.raises(CommandError, match="either --request"):
        call_command("recover_team", "triage", "vino", stdout=StringIO())


ODD: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "list": lambda text: "[]",
    "short key": lambda text: text.replace(json.loads(text)["public"], "00"),
    "no half": lambda text: json.dumps(json.loads(text) | {"halves": []}),
    "more": lambda text: json.dumps(json.loads(text) | {"path": "/etc"}),
}


def test_an_odd_request_is_refused_by_the_keepers_tool(
    cast: Cast, keepers: Keepers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lose_passwords(cast)
    request = ask(keepers.folder)
    for what, alter in ODD.items():
        altered = keepers.folder / "altered.json"
        altered.write_text(alter(request.read_text()))
        assert not keepers.open(0, altered, monkeypatch).exists(), what
        assert "not a request" in capsys.readouterr().err
    assert not keepers.open(0, keepers.folder / "missing.json", monkeypatch).exists()


def test_the_bundle_runs_without_anything_else(cast: Cast, tmp_path: Path) -> None:
    call_command("recover_team", bundle=tmp_path / "keeper.tar.gz", stdout=StringIO())
    with tarfile.open(tmp_path / "keeper.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    # Python's own, not that of the virtualenv: it finds what lies beside the script alone.
    python = getattr(sys, "_base_executable", sys.executable)
    done = subprocess.run(
        [python, "-s", "keeper/keeper.py", "new-key"], cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert words[0::2] == ["public", "private"]
    assert BoxPair.from_private(bytes.fromhex(words[3])).public.hex() == words[1]
