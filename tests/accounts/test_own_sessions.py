"""A person's own sessions: seen, ended here and elsewhere, and no change lost between two requests at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.session import SealedSession
from complaints.models.team import Role
from complaints.services.team_keys import personal
from portal.accounts.sessions import SessionStore
from tests.views import walk
from tests.world import Cast, SignedIn

SESSIONS = "admin:sessions"


def alive(client: Client) -> bool:
    return client.get(reverse("admin:me")).status_code == 200


def listed(client: Client) -> list[tuple[SealedSession, bool]]:
    return list(client.get(reverse(SESSIONS)).context["sessions"])


def test_everybody_sees_their_own_sessions_and_which_is_this_one(signed_in: SignedIn) -> None:
    first, _other, _somebody = signed_in("vera"), signed_in("vera"), signed_in("vino")
    rows = listed(first)
    assert len(rows) == 2
    assert [row.pk for row, here in rows if here] == [first.session.row]


def test_ending_one_ends_that_one(signed_in: SignedIn) -> None:
    first, other, somebody = signed_in("vera"), signed_in("vera"), signed_in("vino")
    assert first.post(reverse(SESSIONS), {"session": somebody.session.row}).status_code == 302
    assert alive(somebody), "not another person's"
    assert first.post(reverse(SESSIONS), {"session": other.session.row}).status_code == 302
    assert [alive(client) for client in (first, other, somebody)] == [True, False, True]
    assert AuditEntry.objects.filter(event="session.ended").count() == 1


def test_ending_all_others_keeps_this_one(signed_in: SignedIn) -> None:
    first, other, third = signed_in("vera"), signed_in("vera"), signed_in("vera")
    first.post(reverse(SESSIONS))
    assert [alive(client) for client in (first, other, third)] == [True, False, False]


def test_a_stolen_session_does_not_end_the_others(signed_in: SignedIn) -> None:
    """Five minutes after password and factor were given, both are asked for again."""
    thief, owner = signed_in("vera"), signed_in("vera")
    with time_machine.travel(timezone.now() + timedelta(seconds=301), tick=False):
        for form in ({}, {"session": owner.session.row}):
            answer = thief.post(reverse(SESSIONS), form)
            assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
        assert alive(owner)


def test_ending_this_one_leads_to_the_login(signed_in: SignedIn) -> None:
    client = signed_in("vera")
    answer = client.post(reverse(SESSIONS), {"session": client.session.row})
    assert answer.headers["Location"] == reverse("account_login")
    assert not alive(client)


def test_every_page_of_staff_has_the_button_to_sign_out(signed_in: SignedIn) -> None:
    client = signed_in("vera")
    for name in ("index", "me", "sessions", "complaints_case_changelist", "complaints_case_export", "practice"):
        page = client.get(reverse(f"admin:{name}")).content.decode()
        assert f'action="{reverse("account_logout")}"' in page, name
    for name in ("mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "account_change_password"):
        assert f'action="{reverse("account_logout")}"' in client.get(reverse(name)).content.decode(), name


def test_a_new_password_ends_the_others(signed_in: SignedIn) -> None:
    first, other = signed_in("vera"), signed_in("vera")
    form = {"oldpassword": "sandi yang cukup panjang", "password1": "empat kata yang tidak serumpun"}
    assert first.post(reverse("account_change_password"), form | {"password2": form["password1"]}).status_code == 302
    assert [alive(first), alive(other)] == [True, False]
    assert "staff_key" in first.session


def _reset(cast: Cast) -> None:
    personal.set_initial_password(staff=cast["vino"], password="dari orang lain 1", now=timezone.now())


def _change(**values: Any) -> Any:
    def change(cast: Cast) -> None:
        cast["vino"].__class__.objects.filter(username="vino").update(**values)

    return change


@pytest.mark.parametrize(
    "lose",
    [_reset, _change(role=Role.AUDITOR), _change(is_active=False), _change(is_superuser=True), _change(is_staff=False)],
    ids=["password", "role", "active", "superuser", "staff"],
)
def test_whoever_loses_a_right_is_signed_out_by_whatever_way(signed_in: SignedIn, cast: Cast, lose: Any) -> None:
    """Even where somebody wrote it past the services: the session is bound to it."""
    client = signed_in("vino")
    assert alive(client)
    lose(cast)
    assert not alive(client)


def test_an_account_that_is_changed_in_the_admin_loses_its_rows(signed_in: SignedIn, cast: Cast) -> None:
    vino, admin = signed_in("vino"), signed_in("adi")
    row = vino.session.row
    page = admin.get(reverse("admin:complaints_staff_change", args=[cast["vino"].pk]))
    initial = page.context["adminform"].form.initial
    names = page.context["adminform"].form.fields
    form = {name: initial.get(name) or "" for name in names} | {"role": "forwarder", "is_active": "on"}
    answer = admin.post(reverse("admin:complaints_staff_change", args=[cast["vino"].pk]), form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert not SealedSession.objects.filter(pk=row).exists()


# --- What the rows tell


def test_rows_name_staff_only(signed_in: SignedIn, cast: Cast) -> None:
    signed_in("vera")
    reporter = Client()
    walk.send(reporter)
    owners = {row.staff_id for row in SealedSession.objects.all()}
    assert owners == {cast["vera"].pk, None}
    assert not SealedSession.objects.filter(staff=None, began_at__isnull=False).exists()


@pytest.mark.parametrize("hidden", ["nobody's", "another's", "since earlier"])
def test_a_session_that_was_hidden_in_the_database_opens_nothing(signed_in: SignedIn, cast: Cast, hidden: str) -> None:
    """Else its owner would not see it among their sessions, and no reset would end it."""
    thief, owner = signed_in("vera"), signed_in("vera")
    rows = SealedSession.objects.filter(pk=thief.session.row)
    values: dict[str, dict[str, object]] = {
        "nobody's": {"staff": None, "began_at": None},
        "another's": {"staff": cast["vino"]},
        "since earlier": {"began_at": timezone.now() - timedelta(days=2)},
    }
    rows.update(**values[hidden])
    assert [alive(client) for client in (thief, owner)] == [False, True]


def test_a_row_without_a_person_has_no_hour(db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SealedSession.objects.create(pk="x", data=b"", expires_on=timezone.localdate(), began_at=timezone.now())


# --- Two requests at once


def test_a_page_that_changed_nothing_writes_nothing_back(signed_in: SignedIn) -> None:
    client = signed_in("vera")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    slow = SessionStore(cookie)
    assert slow.get("_auth_user_id")
    quick = SessionStore(cookie)
    quick["search"] = "kata"
    quick.save()
    slow.save()
    assert SessionStore(cookie)["search"] == "kata"


def test_a_page_that_changed_nothing_still_puts_off_the_end(signed_in: SignedIn) -> None:
    client = signed_in("vera")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    slow, quick = SessionStore(cookie), SessionStore(cookie)
    assert slow.get("_auth_user_id")
    quick["search"] = "kata"
    quick.save()
    slow._until -= settings.SESSION_COOKIE_AGE  # as if it had been read long ago
    slow.save()
    again = SessionStore(cookie)
    assert again["search"] == "kata"


def test_an_ended_session_is_not_written_back(signed_in: SignedIn) -> None:
    client = signed_in("vera")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    slow = SessionStore(cookie)
    assert slow.get("_auth_user_id")
    client.post(reverse("account_logout"))
    slow._until -= settings.SESSION_COOKIE_AGE
    slow.save()
    assert SessionStore(cookie).load() == {}
