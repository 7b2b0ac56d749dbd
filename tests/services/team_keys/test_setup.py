"""``setup_keys`` makes teams that work and can be recovered, asks each first member alone, and refuses all else."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from complaints.adapters import private_file
from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record
from complaints.models.audit import AuditEntry
from complaints.models.oversight import OversightBody
from complaints.models.team import Role, Staff, Team
from complaints.services import reference_data
from complaints.services.audit import verify
from complaints.services.keyring import Keyring
from complaints.services.team_key_history import pinned_teams, team_fingerprint
from complaints.services.team_keys import personal, setup
from tests.world import send_report

PASSWORD = "sandi yang cukup panjang"
MEMBERS = {
    "triage": ("vera", "fitri"),
    "separate": ("sari", "satya"),
    "body-bkn": ("bima", "bayu"),
}
ROLES = {
    "vera": Role.VERIFIER,
    "fitri": Role.FORWARDER,
    "sari": Role.VERIFIER,
    "satya": Role.FORWARDER,
    "bima": Role.OVERSEER,
    "bayu": Role.OVERSEER,
    "kirana": Role.OVERSEER,
    "audi": Role.AUDITOR,
}
BODY = {"bima": "bkn", "bayu": "bkn", "kirana": "kasn"}
Keepers = dict[str, tuple[BoxPair, BoxPair]]


@pytest.fixture
def people(empty_database: None, settings: Settings) -> None:
    settings.TEAM_KEY_PINS = ""
    reference_data.load(now=timezone.now(), sample=True)
    for name, role in ROLES.items():
        account = Staff(username=name, role=role, body_id=BODY.get(name), is_staff=True)
        personal.create_account(account, now=timezone.now())


@pytest.fixture
def keepers() -> Keepers:
    return {slug: (BoxPair.new(), BoxPair.new()) for slug in MEMBERS}


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is typed at the terminal; the password for ever where nothing else waits."""
    waiting: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: waiting.pop(0) if waiting else PASSWORD)
    yield waiting
    assert waiting == []


def options(keepers: Keepers, **changes: Any) -> dict[str, Any]:
    recovery = [f"{slug}:{first.public.hex()}:{other.public.hex()}" for slug, (first, other) in keepers.items()]
    members = [f"{slug}:{name}" for slug, names in MEMBERS.items() for name in names]
    return {"body": ["bkn"], "member": members, "recovery": recovery} | changes


def pins_of(output: str) -> str:
    return next(
        line.removeprefix("TEAM_KEY_PINS=") for line in output.splitlines() if line.startswith("TEAM_KEY_PINS=")
    )


def ring(name: str) -> Keyring:
    staff = Staff.objects.get(username=name)
    unlocked = personal.unlock(staff=staff, password=PASSWORD)
    assert unlocked is not None
    return Keyring(staff, unlocked)


@pytest.fixture
def made(
    people: None, keepers: Keepers, typed: list[str], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> str:
    """Run the command as the manual says; the pins are in the environment afterwards."""
    call_command("setup_keys", **options(keepers))
    output = capsys.readouterr().out
    settings.TEAM_KEY_PINS = pins_of(output)
    return output


def test_every_first_member_holds_their_teams_key_and_no_other(made: str) -> None:
    for slug, names in MEMBERS.items():
        team = Team.objects.get(slug=slug)
        for name in names:
            held = ring(name)
            assert held.team_ids == [team.pk]
            assert held.team(team).box.public == bytes(team.public_key)
    assert not ring("vera").staff.must_change_password  # type: ignore[union-attr]
    assert not Staff.objects.get(username="kirana").has_key, "who was not named was not asked"


def test_what_is_printed_pins_the_teams_and_can_be_read_aloud(made: str) -> None:
    teams = pinned_teams(*MEMBERS)
    assert set(teams) == set(MEMBERS)
    for team in teams.values():
        assert team_fingerprint(team) in made
    assert personal.fingerprint(Staff.objects.get(username="vera")) in made
    assert PASSWORD not in made
    assert send_report().case.status == "received"


def test_the_chain_tells_who_was_given_what(made: str) -> None:
    events = list(AuditEntry.objects.order_by("sequence").values_list("event", flat=True))
    assert events.count("staff.key_made") == 6
    assert events.count("team.made") == 3
    assert events.count("team.admitted") == 6
    assert verify.verify_chain().whole


def test_two_keepers_together_recover_a_team(made: str, keepers: Keepers) -> None:
    for slug, pairs in keepers.items():
        team = Team.objects.get(slug=slug)
        context = Context("recovery", str(team.pk), str(team.pk))
        halves = [
            bytes.fromhex(open_record(pair, sealed or b"", context, bytes(team.verify_key), sizes=KEY_SIZES))
            for pair, sealed in zip(pairs, (team.recovery_a, team.recovery_b), strict=True)
        ]
        recovered = KeySet.from_bytes(keysets.join(*halves))
        assert recovered.box.public == bytes(team.public_key)
        assert recovered.sign.public == bytes(team.verify_key)


def test_a_weak_password_and_a_slip_are_asked_again(
    people: None, keepers: Keepers, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    typed += [PASSWORD, PASSWORD + "x", "pendek", "pendek"]
    call_command("setup_keys", **options(keepers))
    errors = capsys.readouterr().err
    assert "differ" in errors
    assert "14" in errors
    assert personal.unlock(staff=Staff.objects.get(username="bayu"), password=PASSWORD)


def test_who_holds_a_key_is_not_asked(people: None, keepers: Keepers, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (name for names in MEMBERS.values() for name in names):
        personal.change_password(staff=Staff.objects.get(username=name), password=PASSWORD)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: pytest.fail("asked"))
    call_command("setup_keys", **options(keepers))
    assert Team.objects.count() == 3


def test_without_a_terminal_nothing_is_made(people: None, keepers: Keepers, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", none)
    with pytest.raises(CommandError, match="terminal"):
        call_command("setup_keys", **options(keepers))
    assert not Team.objects.exists()


def test_a_body_is_added_later_and_what_was_pinned_stays(
    made: str, typed: list[str], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    personal.create_account(Staff(username="kresna", role=Role.OVERSEER, body_id="kasn"), now=timezone.now())
    first, other = setup.recovery_pair(), setup.recovery_pair()
    # Somebody with the database's password has put a team there that nobody pinned.
    body = OversightBody.objects.create(code="palsu", name="Palsu", short_name="P", valid_from="2025-01-01")
    false = KeySet.new()
    Team.objects.create(
        slug="body-palsu", kind="body", body=body, public_key=false.box.public, verify_key=false.sign.public
    )
    members = ["body-kasn:kirana", "body-kasn:kresna"]
    call_command("setup_keys", body=["kasn"], member=members, recovery=[f"body-kasn:{first[0]}:{other[0]}"])
    pins = keysets.parse_pins(pins_of(capsys.readouterr().out))
    assert set(pins) == {*MEMBERS, "body-kasn"}
    before = keysets.parse_pins(settings.TEAM_KEY_PINS)
    assert {slug: pins[slug] for slug in before} == before


def without(values: list[str], start: str) -> list[str]:
    return [value for value in values if not value.startswith(start)]


REFUSED = {
    "one member": (lambda o: o | {"member": without(o["member"], "triage:fitri")}, "at least two first members"),
    "the same twice": (
        lambda o: o | {"member": [*without(o["member"], "triage:fitri"), "triage:vera"]},
        "at least two first members",
    ),
    "nobody": (lambda o: o | {"member": [*o["member"], "triage:hantu"]}, "no active account hantu"),
    "role": (lambda o: o | {"member": [*o["member"], "triage:audi"]}, "audi cannot belong"),
    "two teams": (lambda o: o | {"member": [*o["member"], "body-bkn:vera"]}, "vera cannot belong"),
    "triage and separate": (
        lambda o: o | {"member": [*o["member"], "separate:vera"]},
        "vera is named for two teams",
    ),
    "one separate member": (
        lambda o: o | {"member": without(o["member"], "separate:satya")},
        "separate: name at least two first members",
    ),
    "another body": (lambda o: o | {"member": [*o["member"], "body-bkn:kirana"]}, "kirana cannot belong"),
    "no recovery": (lambda o: o | {"recovery": without(o["recovery"], "triage")}, "triage: name two recovery"),
    "no key": (lambda o: o | {"recovery": [*without(o["recovery"], "triage"), "triage:abc:def"]}, "hexadecimal"),
    "a weak key": (
        lambda o: o | {"recovery": [*without(o["recovery"], "triage"), f"triage:{'00' * 32}:{'01' + '00' * 31}"]},
        "hexadecimal",
    ),
    "a shared keeper": (
        lambda o: o | {"recovery": [o["recovery"][0], ":".join(["body-bkn", *o["recovery"][0].split(":")[1:]])]},
        "named twice",
    ),
    "an unknown body": (lambda o: o | {"body": ["hantu"]}, "body-hantu: no such team"),
    "an unknown team": (lambda o: o | {"member": [*o["member"], "pengawas:vera"]}, "pengawas: no such team"),
    "malformed": (lambda o: o | {"member": ["vera"]}, "TEAM:USERNAME"),
    "recovery twice": (lambda o: o | {"recovery": [*o["recovery"], o["recovery"][0]]}, "twice"),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_invalid_setup_is_refused_before_any_prompt(
    people: None, keepers: Keepers, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt: pytest.fail("asked"))
    change, why = REFUSED[case]
    with pytest.raises(CommandError, match=why):
        call_command("setup_keys", **change(options(keepers)))
    assert not Team.objects.exists()
    assert not AuditEntry.objects.filter(event__startswith="team").exists()


def test_a_superuser_and_somebody_who_left_are_refused(people: None, keepers: Keepers) -> None:
    Staff.objects.filter(username="vera").update(is_superuser=True)
    Staff.objects.filter(username="fitri").update(is_active=False)
    with pytest.raises(CommandError) as refused:
        call_command("setup_keys", **options(keepers))
    assert str(refused.value).splitlines() == [
        "triage: there is no active account fitri.",
        "triage: vera cannot belong to it (superuser).",
    ]


def test_a_team_that_exists_is_never_made_again(made: str, keepers: Keepers) -> None:
    before = list(Team.objects.order_by("slug").values_list("slug", "public_key", "recovery_a"))
    with pytest.raises(CommandError, match="triage: this team exists already"):
        call_command("setup_keys", **options(keepers))
    with pytest.raises(CommandError, match="Every team asked for exists"):
        call_command("setup_keys")
    assert list(Team.objects.order_by("slug").values_list("slug", "public_key", "recovery_a")) == before


def test_a_recovery_pair_is_a_pair(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setup_keys", make_recovery_key=True)
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert BoxPair.from_private(bytes.fromhex(lines["private"])).public.hex() == lines["public"]


# --- The file of secrets ------------------------------------------------------------------------------------------


def test_replacing_one_secret_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "portal.env"
    path.write_text("# ours\nSECRET_KEY=abc\nTEAM_KEY_PINS=old\nPASSWORD_PEPPER=def\n")
    path.chmod(0o644)
    private_file.put(path, "TEAM_KEY_PINS", "triage=00,body-bkn=11")
    assert path.read_text() == "# ours\nSECRET_KEY=abc\nPASSWORD_PEPPER=def\nTEAM_KEY_PINS=triage=00,body-bkn=11\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "portal.env"
    path.write_text("SECRET_KEY=abc\n")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("complaints.adapters.private_file.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        private_file.put(path, "TEAM_KEY_PINS", "triage=00")
    assert path.read_text() == "SECRET_KEY=abc\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("value", ["a b", "a\nB=c", "a#b", 'a"b', "$HOME"])
def test_a_value_that_could_be_read_otherwise_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValueError, match="NAME"):
        private_file.put(tmp_path / "portal.env", "NAME", value)
