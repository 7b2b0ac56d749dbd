"""The sample staff and their teams, for trying the portal out.

The passwords stand here for everybody to read. That is safe for one reason only: ``check --deploy`` refuses a database
that holds a sample account, and nothing here works outside of sample mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from complaints.adapters import private_file
from complaints.models.team import Role, Staff, Team
from complaints.services import mfa
from complaints.services.team_key_history import UnpinnedKey, pinned_teams
from complaints.services.team_keys import personal, setup
from complaints.services.team_keys.setup import SetupRequest


class SamplesRefused(Exception):  # noqa: N818
    """Samples that must not be made here; the text is for whoever sits at the terminal."""


@dataclass(frozen=True)
class Person:
    """A sample account."""

    username: str
    first_name: str
    last_name: str
    role: Role
    password: str
    team: str = ""


PEOPLE: Final = (
    Person("verifikator1", "Laras", "Anindita", Role.VERIFIER, "padi kuning di sawah", "triage"),
    Person("verifikator2", "Bagus", "Wirayuda", Role.VERIFIER, "hujan turun sore hari", "triage"),
    Person("penerus1", "Niluh", "Sekarsari", Role.FORWARDER, "perahu kayu di muara", "triage"),
    Person("penerus2", "Togar", "Simarmata", Role.FORWARDER, "kopi hitam tanpa gula", "triage"),
    Person("penjaga1", "Maryam", "Tuasikal", Role.CUSTODIAN, "kunci kecil laci tua", "custodian"),
    Person("penjaga2", "Yosef", "Kambu", Role.CUSTODIAN, "lonceng di atas bukit", "custodian"),
    Person("kasn1", "Ratih", "Puspasari", Role.OVERSEER, "meja jati ruang sidang", "body-kasn"),
    Person("kasn2", "Hamid", "Daulay", Role.OVERSEER, "timbangan di pasar pagi", "body-kasn"),
    Person("bkn1", "Dewi", "Kusumaningrum", Role.OVERSEER, "arsip rapi lemari biru", "body-bkn"),
    Person("bkn2", "Arif", "Rachmanto", Role.OVERSEER, "jalan panjang ke utara", "body-bkn"),
    Person("auditor1", "Sinta", "Mahardika", Role.AUDITOR, "lampu terang sudut ruang"),
    Person("admin1", "Eko", "Prasojo Adi", Role.ADMIN, "papan tulis penuh kapur"),
)


@dataclass(frozen=True)
class SampleInstallation:
    """What was made: the teams, the pins, and by team the private halves of the recovery keys."""

    teams: list[Team]
    pins: str
    recovery: dict[str, tuple[str, str]]


def refuse_outside_sample_mode() -> None:
    """Raise SamplesRefused unless this portal was started to be tried out."""
    if not settings.SAMPLE_MODE:
        raise SamplesRefused("This portal is not in sample mode (PORTAL_SAMPLE=true); samples are refused.")


def create_sample_staff(*, now: datetime, env_file: Path) -> SampleInstallation | None:
    """Make the sample staff and their teams and pin them in ``env_file``; None where that was done before.

    Raises:
        SamplesRefused: not in sample mode, or the database's teams are not those that the environment pins.
    """
    refuse_outside_sample_mode()
    if Team.objects.exists():
        _refuse_strange_teams()
        _enrol_missing()
        return None
    with transaction.atomic():
        for person in PEOPLE:
            _make(person, now)
        made = _found_teams(now)
        # Before the commit: a pin without its team is replaced by the next run, a team without its pin is stuck.
        private_file.put(env_file, "TEAM_KEY_PINS", made.pins)
    return made


def _enrol_missing() -> None:
    for staff in Staff.objects.filter(is_sample=True):
        if not mfa.has_factor(staff):
            mfa.enrol_totp(staff=staff)


def _refuse_strange_teams() -> None:
    try:
        pinned_teams(*Team.objects.values_list("slug", flat=True))
    except UnpinnedKey as error:
        raise SamplesRefused(
            "The database and the file of secrets do not belong together: a team's key is not the pinned one. "
            "Bring the right file back, or remove both to begin anew."
        ) from error


def _make(person: Person, now: datetime) -> None:
    staff = Staff.objects.create(
        username=person.username,
        first_name=person.first_name,
        last_name=person.last_name,
        email=f"{person.username}@contoh.example",
        role=person.role,
        body_id=person.team.removeprefix(setup.BODY_PREFIX) if person.role is Role.OVERSEER else None,
        is_staff=True,
        is_sample=True,
    )
    personal.change_password(staff=staff, password=person.password, now=now)
    mfa.enrol_totp(staff=staff)


def _found_teams(now: datetime) -> SampleInstallation:
    members: dict[str, list[str]] = {}
    for person in PEOPLE:
        if person.team:
            members.setdefault(person.team, []).append(person.username)
    pairs = {slug: (setup.recovery_pair(), setup.recovery_pair()) for slug in members}
    public = {slug: (one[0], other[0]) for slug, (one, other) in pairs.items()}
    teams = setup.create_teams(setup.check_request(SetupRequest(bodies=(), members=members, recovery=public)), now=now)
    private_halves = {slug: (one[1], other[1]) for slug, (one, other) in pairs.items()}
    return SampleInstallation(teams, setup.pins(teams), private_halves)
