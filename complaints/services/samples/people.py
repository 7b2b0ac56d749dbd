"""The sample staff and their teams, for trying out the portal.

The passwords are public. That is safe because nothing here works outside of sample mode, and ``check --deploy`` refuses
a database with a sample account.
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


class SamplesRefused(Exception):
    """Samples cannot be created here; the text is a sentence for the terminal."""


@dataclass(frozen=True)
class Person:
    """A sample account; ``team`` is the slug of its team, "" for none."""

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
    Person("terpisah1", "Galuh", "Paramitha", Role.VERIFIER, "sumur tua di tengah desa", "separate"),
    Person("terpisah2", "Yoga", "Simatupang", Role.FORWARDER, "tangga kayu menuju loteng", "separate"),
    Person("kasn1", "Ratih", "Puspasari", Role.OVERSEER, "meja jati ruang sidang", "body-kasn"),
    Person("kasn2", "Hamid", "Daulay", Role.OVERSEER, "timbangan di pasar pagi", "body-kasn"),
    Person("bkn1", "Dewi", "Kusumaningrum", Role.OVERSEER, "arsip rapi lemari biru", "body-bkn"),
    Person("bkn2", "Arif", "Rachmanto", Role.OVERSEER, "jalan panjang ke utara", "body-bkn"),
    Person("auditor1", "Sinta", "Mahardika", Role.AUDITOR, "lampu terang sudut ruang"),
    Person("admin1", "Eko", "Prasojo Adi", Role.ADMIN, "papan tulis penuh kapur"),
)


@dataclass(frozen=True)
class SampleInstallation:
    """The new teams, the value of TEAM_KEY_PINS, and by team slug the private recovery keys (hexadecimal)."""

    teams: list[Team]
    pins: str
    recovery: dict[str, tuple[str, str]]


def refuse_outside_sample_mode() -> None:
    """Raise SamplesRefused unless the portal is in sample mode."""
    if not settings.SAMPLE_MODE:
        raise SamplesRefused("This portal is not in sample mode (PORTAL_SAMPLE=true); samples are refused.")


def create_sample_staff(*, now: datetime, env_file: Path) -> SampleInstallation | None:
    """Create the sample staff and their teams, and pin these in ``env_file``; None where they exist already.

    Raises:
        SamplesRefused: not in sample mode, or the database's teams are not those that the environment pins.
    """
    refuse_outside_sample_mode()
    if Team.objects.exists():
        _check_teams_are_pinned()
        _enrol_missing()
        return None
    with transaction.atomic():
        for person in PEOPLE:
            _create_account(person, now)
        installation = _create_teams(now)
        # Before the commit: the next run replaces a pin without its team, but cannot mend a team without its pin.
        private_file.put(env_file, "TEAM_KEY_PINS", installation.pins)
    return installation


def _enrol_missing() -> None:
    passwords = {person.username: person.password for person in PEOPLE}
    for staff in Staff.objects.filter(is_sample=True, username__in=passwords):
        keys = personal.unlock(staff=staff, password=passwords[staff.username])
        # Without the key somebody has chosen another password, and enrols by it.
        if keys is not None and not mfa.has_factor(staff):
            mfa.enrol_totp(staff=staff, keys=keys)


def _check_teams_are_pinned() -> None:
    try:
        pinned_teams(*Team.objects.values_list("slug", flat=True))
    except UnpinnedKey as error:
        raise SamplesRefused(
            "The database and the file of secrets do not belong together: a team's key is not the pinned one. "
            "Bring the right file back, or remove both to begin anew."
        ) from error


def _create_account(person: Person, now: datetime) -> None:
    staff = Staff(
        username=person.username,
        first_name=person.first_name,
        last_name=person.last_name,
        email=f"{person.username}@contoh.example",
        role=person.role,
        body_id=person.team.removeprefix(setup.BODY_PREFIX) if person.role is Role.OVERSEER else None,
        is_staff=True,
        is_sample=True,
    )
    personal.create_account(staff, now=now)
    personal.change_password(staff=staff, password=person.password, now=now)
    mfa.enrol_totp(staff=staff, keys=personal.unlock(staff=staff, password=person.password))


def _create_teams(now: datetime) -> SampleInstallation:
    members: dict[str, list[str]] = {}
    for person in PEOPLE:
        if person.team:
            members.setdefault(person.team, []).append(person.username)
    pairs = {slug: (setup.recovery_pair(), setup.recovery_pair()) for slug in members}
    public = {slug: (first[0], second[0]) for slug, (first, second) in pairs.items()}
    teams = setup.create_teams(setup.check_request(SetupRequest(bodies=(), members=members, recovery=public)), now=now)
    private = {slug: (first[1], second[1]) for slug, (first, second) in pairs.items()}
    return SampleInstallation(teams, setup.pins(teams), private)
