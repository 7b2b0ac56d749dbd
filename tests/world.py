"""A small fixed cast and builders: two verifiers, a forwarder, two people of the separate team, liaisons of two bodies,
an auditor, an administrator, a superuser. Builders go through the services, as people do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from unittest.mock import patch

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain import checklists
from complaints.domain.checklists import CheckedItem
from complaints.domain.risk import RiskAnswer, RiskQuestion
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.oversight import OversightBody
from complaints.models.team import Role, Staff, Team
from complaints.services import follow_up, mfa, reference_data, submission
from complaints.services.audit import batches
from complaints.services.audit.state import locked_state
from complaints.services.evidence import intake
from complaints.services.keyring import Keyring, store_keys
from complaints.services.team_key_history import team_fingerprint
from complaints.services.team_keys import membership, personal
from portal.accounts import sessions, step_up

SignedIn = Callable[[str], Client]

PASSWORD = "sandi yang cukup panjang"
PEOPLE = {
    "vera": Role.VERIFIER,
    "vino": Role.VERIFIER,
    "fitri": Role.FORWARDER,
    "sari": Role.VERIFIER,
    "satya": Role.FORWARDER,
    "kirana": Role.OVERSEER,
    "kresna": Role.OVERSEER,
    "bima": Role.OVERSEER,
    "bayu": Role.OVERSEER,
    "audi": Role.AUDITOR,
    "adi": Role.ADMIN,
    "super": Role.ADMIN,
    "luar": Role.VERIFIER,  # has a role and a key, and was admitted by nobody
}
BODIES = {"kirana": "bkn", "kresna": "bkn", "bima": "kasn", "bayu": "kasn"}
TEAMS = {
    "triage": ("vera", "vino", "fitri"),
    "separate": ("sari", "satya"),
    "body-bkn": ("kirana", "kresna"),
    "body-kasn": ("bima", "bayu"),
}


@dataclass
class Cast:
    """The people, by name, and the pins that a deployment would keep in its environment."""

    pins: str

    def __getitem__(self, name: str) -> Staff:
        return Staff.objects.get(username=name)

    def ring(self, name: str) -> Keyring:
        """The key ring that the person holds after signing in."""
        return ring(name)


def ring(name: str) -> Keyring:
    """The key ring of a person of the cast."""
    staff = Staff.objects.get(username=name)
    return Keyring(staff, personal.unlock(staff=staff, password=PASSWORD))


def make_cast() -> Cast:
    """Make everybody, their keys and teams; the caller puts ``pins`` into the settings."""
    now = timezone.now()
    reference_data.load(now=now, sample=True)
    people = {}
    for name, role in PEOPLE.items():
        body = OversightBody.objects.get(pk=BODIES[name]) if name in BODIES else None
        superuser = name == "super"
        account = Staff(
            username=name,
            first_name=name.title(),
            email=f"{name}@example.invalid",
            role=role,
            body=body,
            is_staff=True,
            is_superuser=superuser,
        )
        people[name] = personal.create_account(account, now=now)
        personal.change_password(staff=people[name], password=PASSWORD, now=now)
    recovery = (BoxPair.new().public, BoxPair.new().public)
    for slug, members in TEAMS.items():
        kind, _, code = slug.partition("-")
        membership.make_team(
            slug=slug,
            kind=kind,
            body=OversightBody.objects.get(pk=code) if code else None,
            members=[people[name] for name in members],
            recovery=recovery,
            now=now,
        )
    pins = ",".join(f"{team.slug}={team_fingerprint(team)}" for team in Team.objects.all())
    return Cast(pins)


DRAFT: dict[str, Any] = {
    "door": "pressed",
    "accused_kind": "superior",
    "category": "A1",
    "accused_name": "Kepala Bidang X",
    "accused_unknown": False,
    "accused_nip": "",
    "accused_position": "Kepala Bidang",
    "agency_kind": "regency",
    "agency": "Dinas Contoh",
    "regency": "Kabupaten Suka Maju",
    "province": "33",
    "event_from": "2026-11-02",
    "event_until": "",
    "learnt_on": "",
    "story": "Pada rapat pagi kami diminta mendukung pasangan calon nomor dua dan mencatat nama keluarga.",
    "links": "",
    "circle": "",
    "identity": "anonymous",
    "name": "",
    "contact": "",
    "recipient": "bkn",
    "done": [],
}


def draft(**changes: Any) -> dict[str, Any]:
    """A complete unfinished report, with ``changes``."""
    unknown = set(changes) - set(DRAFT)
    assert not unknown, unknown
    return {**DRAFT, **changes}


@dataclass
class Sent:
    """A report that was sent: its code, its open ticket and its case."""

    code: str
    ticket: follow_up.Ticket
    case: Case


@contextmanager
def database_clock(now: datetime) -> Iterator[None]:
    """Let the clock of the database stand at ``now``."""
    with patch.object(batches, "database_now", return_value=now):
        yield


def close_batch(now: datetime) -> None:
    """Close the open batch at ``now``, by both clocks; no head leaves."""
    with database_clock(now):
        assert batches.close_due(now=now) is None


def send_report(*, today: date | None = None, files: Any = (), **changes: Any) -> Sent:
    """Send a report as a reporter does."""
    day = today or timezone.localdate()
    content = draft(**changes)
    submission.start_code(content)
    receipt = submission.submit(draft=content, files=list(files), today=day)
    ticket = follow_up.open_ticket(receipt.code)
    assert ticket is not None
    return Sent(receipt.code, ticket, Case.objects.get(reference=receipt.reference))


def openings_of(sent: Sent) -> int:
    """On how many days of how many people the report was opened, as its reporter is told."""
    return follow_up.status_page(ticket=sent.ticket, today=timezone.localdate()).opened_count


def without_states(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of an entry but for the states of the row before and after."""
    return {name: value for name, value in facts.items() if name not in {"before", "state", "rights"}}


def change_account(name: str, **values: Any) -> None:
    """Change an account as an administrator does, with an entry in the chain."""
    staff = Staff.objects.get(username=name)
    with transaction.atomic():
        before = locked_state(staff, "staff")
        Staff.objects.filter(pk=staff.pk).update(**values)
        personal.record_change(staff=staff, change="changed", before=before, now=timezone.now())


def sealed_upload(content: bytes, name: str = "foto.jpg") -> intake.SealedUpload:
    """Seal bytes into the evidence storage as the upload handler does."""
    sink = intake.Sink(name)
    for start in range(0, len(content), 65536):
        sink.write(content[start : start + 65536])
    return sink.finish()


def at(day: date, hour: int = 10) -> datetime:
    """An hour of a day in the portal's time zone."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=timezone.get_default_timezone())


# What the phones of the tests' people hold, by username: the database holds it only sealed to their keys.
APPS: dict[str, str] = {}


def next_code(name: str, password: str = PASSWORD) -> str:
    """The present code of a person's app, made fresh: the tests' people sign in more often than every half minute.

    Somebody who holds a key and has no factor yet is given an app; whoever has no key enrols by :func:`enrol`.
    """
    staff = Staff.objects.get(username=name)
    if not staff.has_key:
        return ""
    row = Authenticator.objects.filter(user=staff, type=mfa.TOTP).first()
    if row is None:
        APPS[name] = mfa.enrol_totp(staff=staff, keys=personal.unlock(staff=staff, password=password))
    elif row.data["step"] >= 0:
        row.data["step"] = -1
        row.save(update_fields=["data"])
    return app_code(APPS[name])


def app_code(secret: str, steps: int = 0) -> str:
    """What an app with that secret shows now, or ``steps`` half minutes later."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // mfa.PERIOD + steps)))


def start_session(name: str, client: Client | None = None) -> Client:
    """Start the session that :func:`sign_in` ends in, for tests of which the login is not the subject.

    Goes without the two pages and their forms; the session's row, its key and the entry in the chain are the same.
    """
    client, staff = client or Client(), Staff.objects.get(username=name)
    if not staff.has_key:
        return sign_in(client, name)
    next_code(name)
    client.force_login(staff)
    session, now = client.session, time.time()
    session.set_expiry(0)
    session["account_authentication_methods_user"] = str(staff.pk)
    session["account_authentication_methods"] = [
        {"method": "password", "at": now, "username": name},
        {"method": "mfa", "at": now, "type": mfa.TOTP},
    ]
    session[step_up.FIRST_FACTOR] = [str(staff.pk), now]
    session[sessions.FACTOR] = [str(staff.pk), now]
    store_keys(session, personal.unlock(staff=staff, password=PASSWORD))
    session.save()
    return client


def sign_in(client: Client, name: str, password: str = PASSWORD) -> Client:
    """Sign a person in through the real login, password and second factor, which alone unlocks their key."""
    code = next_code(name, password)
    response = client.post(reverse("account_login"), {"login": name, "password": password})
    assert response.status_code == 302, response.content
    if response.headers["Location"] == reverse("mfa_authenticate"):
        response = client.post(reverse("mfa_authenticate"), {"code": code})
        assert response.status_code == 302, response.content
    return client


def ticked(action: Action, why: str = "") -> dict[str, CheckedItem]:
    """A whole checklist: everything ticked, or with ``why`` everything that need not be ticked explained."""
    asked = checklists.items(action)
    return {item.code: CheckedItem(done=item.required or not why, why="" if item.required else why) for item in asked}


def ticks(action: Action | str) -> dict[str, str]:
    """The same as the fields that a browser posts, everything ticked; explained where the portal ticks nothing."""
    items = checklists.items(Action(action))
    known = {f"why-{item.code}": "Belum." for item in items if item.code in checklists.DERIVED}
    asked = RiskQuestion if Action(action) is Action.VERIFY else ()
    risks = {f"risk-1-{question.value}": RiskAnswer.UNKNOWN.value for question in asked}
    return {f"check-{item.code}": "yes" for item in items} | known | risks


def enrol(client: Client) -> str:
    """Set up an app for whoever is signed in and has no factor yet; return its secret."""
    page = client.get(reverse("mfa_activate_totp"))
    secret = APPS[page.context["user"].username] = "".join(page.context["groups"])
    assert client.post(reverse("mfa_activate_totp"), {"code": app_code(secret)}).status_code == 302
    return secret
