"""Accounts, admissions and the audit chain: who makes whom, who admits whom, and who may read what was done."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.models.audit import EVENTS, AuditEntry
from complaints.models.reference_data import Category
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import reference_data
from complaints.services.audit import log
from complaints.services.keyring import Actor
from complaints.services.team_keys import membership, personal
from tests.world import PASSWORD, Cast, SignedIn, close_batch, send_report, sign_in, without_states

TEAMS = "admin:complaints_team_changelist"
STAFF = "admin:complaints_staff_changelist"
AUDIT = "admin:complaints_auditentry_changelist"
ACCOUNT = {"username": "baru", "first_name": "Baru", "role": "verifier", "language": "id", "is_active": "on"}


def waiting(cast: Cast) -> TeamMembership:
    """Let the outsider wait for the triage team."""
    return membership.ask_admission(
        staff=cast["luar"],
        team=Team.objects.get(slug="triage"),
        by=cast["adi"],
        actor=Actor(cast.ring("adi"), timezone.now()),
    )


def admit_url(row: TeamMembership) -> str:
    return reverse("admin:complaints_team_admit", args=[row.pk])


def test_a_member_admits_whose_fingerprint_was_read_out(signed_in: SignedIn, cast: Cast) -> None:
    row, client = waiting(cast), signed_in("vera")
    text = client.get(reverse(TEAMS)).content.decode()
    assert admit_url(row) in text
    assert "Luar" in text
    assert personal.fingerprint(cast["luar"]) not in text
    assert "luar" in client.get(reverse("admin:index")).content.decode()
    response = client.post(admit_url(row), {"fingerprint": personal.fingerprint(cast["luar"])})
    assert response.headers["Location"] == reverse(TEAMS)
    row.refresh_from_db()
    assert row.admitted_by == cast["vera"]
    send_report()
    page = signed_in("luar").get(reverse("admin:complaints_case_changelist"))
    assert "Kepala Bidang X" in page.content.decode()


@pytest.mark.parametrize("typed", ["", "0000 0000", "vera"])
def test_another_fingerprint_admits_nobody(signed_in: SignedIn, cast: Cast, typed: str) -> None:
    row, client = waiting(cast), signed_in("vera")
    fingerprint = personal.fingerprint(cast["vera"]) if typed == "vera" else typed
    response = client.post(admit_url(row), {"fingerprint": fingerprint})
    assert response.status_code == 400
    assert personal.fingerprint(cast["luar"]) not in response.content.decode()
    row.refresh_from_db()
    assert row.sealed_key is None
    assert not AuditEntry.objects.filter(event="team.admitted", actor=cast["vera"].pk).exists()


def test_nobody_without_the_key_admits(signed_in: SignedIn, cast: Cast) -> None:
    row = waiting(cast)
    for name in ("luar", "kirana", "adi", "super", "audi"):
        response = signed_in(name).post(admit_url(row), {"fingerprint": personal.fingerprint(cast["luar"])})
        assert response.status_code == 404, name
    row.refresh_from_db()
    assert row.sealed_key is None


def test_members_see_their_own_team_and_administrators_all(signed_in: SignedIn, cast: Cast) -> None:
    def seen(name: str) -> set[str]:
        page = signed_in(name).get(reverse(TEAMS))
        return {entry["team"].slug for entry in page.context["teams"]}

    assert seen("vera") == {"triage"}
    assert seen("kirana") == {"body-bkn"}
    assert seen("adi") == {"triage", "separate", "body-bkn", "body-kasn"}
    assert admit_url(waiting(cast)) not in signed_in("adi").get(reverse(TEAMS)).content.decode()
    for name in ("luar", "audi"):
        assert signed_in(name).get(reverse(TEAMS)).status_code == 404


def test_admin_creates_an_account_with_an_initial_password(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("adi")
    client.post(reverse("admin:me"), {"language": "en"})
    response = client.post(reverse("admin:complaints_staff_add"), ACCOUNT, follow=True)
    text = response.content.decode()
    made = Staff.objects.get(username="baru")
    assert made.is_staff and not made.is_superuser
    assert made.must_change_password and not made.has_key
    shown = re.search(r"Initial password of baru: (\S+)", text)
    assert shown
    assert shown[1] not in client.get(reverse(STAFF)).content.decode()
    newcomer = sign_in(Client(), "baru", shown[1])
    assert newcomer.get(reverse("admin:index")).headers["Location"] == reverse("account_change_password")
    facts = AuditEntry.objects.get(event="staff.changed", subject=made.pk).facts
    assert without_states(facts) == {"staff": str(made.pk), "role": "verifier", "active": 1, "change": "made"}
    assert not LogEntry.objects.exists()
    asked = client.post(
        reverse("admin:complaints_staff_ask", args=[made.pk]), {"team": str(Team.objects.get(slug="triage").pk)}
    )
    assert asked.status_code == 302
    assert TeamMembership.objects.get(staff=made).sealed_key is None
    liaisons = {"team": str(Team.objects.get(slug="body-kasn").pk)}
    client.post(reverse("admin:complaints_staff_ask", args=[made.pk]), liaisons)
    assert TeamMembership.objects.filter(staff=made).count() == 1


def test_nothing_of_keys_or_power_is_edited(signed_in: SignedIn, cast: Cast) -> None:
    client, vino = signed_in("adi"), cast["vino"]
    url = reverse("admin:complaints_staff_change", args=[vino.pk])
    text = client.get(url).content.decode()
    for name in ("password", "is_superuser", "public_key", "wrapped_key", "must_change_password", "groups"):
        assert f'name="{name}"' not in text
    forged = ACCOUNT | {"username": "vino", "is_superuser": "on", "password": "x", "must_change_password": "on"}
    assert client.post(url, forged).status_code == 302
    after = cast["vino"]
    assert not after.is_superuser
    assert (after.password, bytes(after.public_key or b"")) == (vino.password, bytes(vino.public_key or b""))


def test_another_role_ends_the_place_in_the_team(signed_in: SignedIn, cast: Cast) -> None:
    client, vino = signed_in("adi"), signed_in("vino")
    url = reverse("admin:complaints_staff_change", args=[cast["vino"].pk])
    changed = ACCOUNT | {"username": "vino"}
    assert client.post(url, changed | {"role": "overseer"}).status_code == 200
    assert client.post(url, changed | {"role": "forwarder"}).status_code == 302
    assert TeamMembership.objects.get(staff=cast["vino"]).sealed_key
    assert vino.get(reverse("admin:index")).status_code == 302
    assert client.post(url, changed | {"role": "auditor"}).status_code == 302
    row = TeamMembership.objects.get(staff=cast["vino"])
    assert (row.sealed_key, row.left_cause) == (None, "role")
    triage = Team.objects.get(slug="triage")
    ask = reverse("admin:complaints_staff_ask", args=[cast["vino"].pk])
    client.post(ask, {"team": str(triage.pk)})
    assert TeamMembership.objects.get(staff=cast["vino"]).sealed_key is None


def test_the_last_holder_of_a_key_keeps_the_role(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("adi")
    kresna = reverse("admin:complaints_staff_change", args=[cast["kresna"].pk])
    kirana = reverse("admin:complaints_staff_change", args=[cast["kirana"].pk])
    assert client.post(kresna, ACCOUNT | {"username": "kresna", "role": "auditor"}).status_code == 302
    assert client.post(kirana, ACCOUNT | {"username": "kirana", "role": "auditor"}).status_code == 200
    off = {key: value for key, value in ACCOUNT.items() if key != "is_active"}
    stays = off | {"username": "kirana", "role": "overseer", "body": "bkn"}
    assert client.post(kirana, stays).status_code == 302
    assert not cast["kirana"].is_active
    assert TeamMembership.objects.get(staff=cast["kirana"]).sealed_key


def test_a_new_initial_password_retires_the_key(signed_in: SignedIn, cast: Cast) -> None:
    client, vino = signed_in("adi"), signed_in("vino")
    url = reverse("admin:complaints_staff_password", args=[cast["vino"].pk])
    assert client.get(url).status_code == 200
    assert cast["vino"].has_key
    assert client.post(url).status_code == 302
    assert not cast["vino"].has_key
    assert TeamMembership.objects.get(staff=cast["vino"]).sealed_key is None
    assert vino.get(reverse("admin:index")).status_code == 302
    own_password_url = reverse("admin:complaints_staff_password", args=[cast["adi"].pk])
    assert client.post(own_password_url).status_code == 404


def test_an_administrator_touches_no_superuser(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("adi")
    boss = cast["super"].pk
    assert client.get(reverse("admin:complaints_staff_change", args=[boss])).status_code == 404
    assert client.post(reverse("admin:complaints_staff_password", args=[boss])).status_code == 404
    own_page = client.get(reverse("admin:complaints_staff_change", args=[cast["adi"].pk])).content.decode()
    assert 'name="role"' not in own_page
    assert 'name="is_active"' not in own_page


@pytest.mark.parametrize("name", ["vera", "fitri", "kirana", "audi", "luar"])
def test_only_administrators_have_accounts_and_tables(signed_in: SignedIn, cast: Cast, name: str) -> None:
    client = signed_in(name)
    for address in (
        reverse(STAFF),
        reverse("admin:complaints_staff_add"),
        reverse("admin:complaints_staff_change", args=[cast["vera"].pk]),
        reverse("admin:complaints_category_changelist"),
        reverse("admin:complaints_category_change", args=["A1"]),
        reverse("admin:complaints_oversightbody_add"),
    ):
        assert client.get(address).status_code == 404
        assert client.post(address, ACCOUNT).status_code in {404, 405}


def test_reference_data_is_edited_and_never_deleted(
    signed_in: SignedIn, cast: Cast, django_capture_on_commit_callbacks: object
) -> None:
    client = signed_in("adi")
    tables = ("category", "accusedkind", "sanctionkind", "province", "oversightbody", "election")
    for table in tables:
        page = client.get(reverse(f"admin:complaints_{table}_changelist"))
        assert page.status_code == 200
        row = page.context["cl"].result_list[0]
        assert client.get(reverse(f"admin:complaints_{table}_change", args=[row.pk])).status_code == 200
        assert client.get(reverse(f"admin:complaints_{table}_add")).status_code == 200
    assert reference_data.category("A1") is not None
    category = Category.objects.get(pk="A1")
    form = {name: getattr(category, name) for name in ("group", "name_en", "priority", "order", "door", "basis")}
    form |= {"example_id": "", "example_en": "", "name_id": "Nama baru", "active": "on"}
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        response = client.post(reverse("admin:complaints_category_change", args=["A1"]), form)
    assert response.status_code == 302, response.context["errors"]
    remembered = reference_data.category("A1")
    assert remembered and remembered.name_id == "Nama baru"
    entry = AuditEntry.objects.filter(event="catalog.changed").latest("sequence")
    assert (entry.actor, without_states(entry.facts)) == (cast["adi"].pk, {"table": "category", "row": "A1"})
    assert client.get(reverse("admin:index") + "complaints/category/A1/delete/").status_code == 404
    missing = client.get(reverse("admin:complaints_category_change", args=["ZZ"]))
    assert missing.status_code == 404
    assert not LogEntry.objects.exists()


def test_every_event_of_the_chain_has_words() -> None:
    assert all(str(words).strip() for words in EVENTS.values())


def test_auditors_read_the_chain_and_nothing_else(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report()
    signed_in("vera").get(reverse("admin:complaints_case_change", args=[sent.case.pk]))
    client = signed_in("audi")
    page = client.get(reverse(AUDIT))
    text = page.content.decode()
    assert page.status_code == 200
    assert sent.case.reference in text
    assert "Kepala Bidang" not in text
    close_batch(timezone.now())
    assert log.heads()[0].digest in client.get(reverse("admin:index")).content.decode()
    assert client.post(reverse(AUDIT)).status_code == 405
    base = reverse("admin:index")
    for address in ("add/", "1/change/", "1/delete/"):
        assert client.get(f"{base}complaints/auditentry/{address}").status_code == 404
    for name in ("vera", "kirana", "adi", "super", "luar"):
        assert signed_in(name).get(reverse(AUDIT)).status_code == 404, name


def test_whoever_no_team_has_admitted_is_told_what_to_do(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("luar")
    client.post(reverse("admin:me"), {"language": "en"})
    assert "No team has admitted you yet" in client.get(reverse("admin:index")).content.decode()
    assert PASSWORD not in client.get(reverse("admin:me")).content.decode()
