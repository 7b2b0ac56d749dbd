"""Signing in at the staff's door: the password opens the key, and nothing but the portal's own pages asks for it."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import check_password, make_password
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from complaints.models.audit import AuditEntry
from complaints.models.session import SealedSession
from complaints.models.team import Role, Staff, TeamMembership
from complaints.services import account_confirmation
from complaints.services.team_keys import personal
from portal.accounts import adapters
from tests.world import PASSWORD, Cast, SignedIn, enrol, send_report, sign_in, start_session

NEW = "empat kata yang tidak serumpun"


def test_staff_site_is_served_at_its_path(client: Client, db: None) -> None:
    assert reverse("admin:index") == f"/{settings.ADMIN_PATH}"
    response = client.get(reverse("admin:index"))
    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("admin:login"))


def test_djangos_own_login_form_is_never_served(client: Client, cast: Cast) -> None:
    for method in (client.get, client.post):
        response = method(reverse("admin:login"), {"username": "vera", "password": PASSWORD})
        assert response.status_code == 302
        assert response.headers["Location"].startswith(reverse("account_login"))
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("name", ["logout", "password_change"])
def test_djangos_other_forms_lead_to_the_portals(signed_in: SignedIn, name: str) -> None:
    response = signed_in("vera").get(reverse(f"admin:{name}"))
    assert response.status_code == 302
    assert response.headers["Location"] in {reverse("account_logout"), reverse("account_change_password")}


def test_login_unlocks_the_key(client: Client, cast: Cast) -> None:
    sent = send_report()
    sign_in(client, "vera")
    page = client.get(reverse("admin:complaints_case_changelist"))
    assert "Kepala Bidang X" in page.content.decode()
    assert AuditEntry.objects.filter(event="staff.signed_in", actor=cast["vera"].pk).exists()
    assert PASSWORD not in str(dict(client.session))
    assert sent.case.reference in page.content.decode()


def test_a_started_session_is_like_that_of_a_login(cast: Cast) -> None:
    """Tests of which the login is not the subject start sessions without it; those must not differ."""
    logged_in, started = sign_in(Client(), "vera"), start_session("vino")
    assert set(started.session.keys()) == set(logged_in.session.keys())
    rows = SealedSession.objects.order_by("began_at")
    assert [row.staff_id for row in rows] == [cast["vera"].pk, cast["vino"].pk]
    assert len({row.expires_on for row in rows}) == 1
    actors = AuditEntry.objects.filter(event="staff.signed_in").values_list("actor", flat=True)
    assert set(actors) == {cast["vera"].pk, cast["vino"].pk}
    for client in (logged_in, started):
        assert client.get(reverse("admin:complaints_case_changelist")).status_code == 200


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        # As a socket for both kinds names it: two people of IPv4 are not one source.
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::9", "2001:db8:1::/48"),
        ("2001:db8:2:2::3", "2001:db8:2::/48"),
    ],
)
def test_login_attempt_source_is_the_client_address(settings: Settings, address: str, counted: str) -> None:
    settings.BEHIND_PROXY = False
    forged = {"HTTP_X_FORWARDED_FOR": "198.51.100.1", "REMOTE_ADDR": address}
    assert adapters.source(RequestFactory().post("/", **forged)) == counted
    settings.BEHIND_PROXY = True
    forged = {"HTTP_X_FORWARDED_FOR": f"198.51.100.1, {address}", "REMOTE_ADDR": "127.0.0.1"}
    assert adapters.source(RequestFactory().post("/", **forged)) == counted


def test_no_account_takes_anothers_name_in_other_letters(signed_in: SignedIn) -> None:
    adi = signed_in("adi")
    form = {"username": "VERA", "role": Role.VERIFIER, "language": "id", "is_active": "on"}
    answer = adi.post(reverse("admin:complaints_staff_add"), form)
    assert answer.status_code == 200 and "Sudah ada akun dengan nama pengguna ini." in answer.content.decode()
    assert adi.post(reverse("admin:complaints_staff_add"), form | {"username": "verawati"}).status_code == 302


def test_a_wrong_password_says_little_and_keeps_the_name(client: Client, cast: Cast) -> None:
    response = client.post(reverse("account_login"), {"login": "vera", "password": "salah"})
    assert response.status_code == 200
    assert "vera" in response.content.decode()
    unknown = client.post(reverse("account_login"), {"login": "tidakada", "password": "salah"})
    text = response.content.decode().split("alert-danger")[1].split("</div>")[0]
    assert text == unknown.content.decode().split("alert-danger")[1].split("</div>")[0]


def test_too_many_attempts_are_stopped(client: Client, cast: Cast) -> None:
    for _attempt in range(6):
        response = client.post(reverse("account_login"), {"login": "vera", "password": "salah"})
    response = client.post(reverse("account_login"), {"login": "vera", "password": PASSWORD})
    assert response.status_code != 302
    assert "_auth_user_id" not in client.session


def test_a_switched_off_account_is_told_so(client: Client, cast: Cast) -> None:
    Staff.objects.filter(username="vera").update(is_active=False)
    response = client.post(reverse("account_login"), {"login": "vera", "password": PASSWORD}, follow=True)
    assert response.redirect_chain[-1][0] == reverse("account_inactive")
    assert response.status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_password_is_masked_and_may_be_pasted(client: Client, cast: Cast) -> None:
    page = client.get(reverse("account_login")).content.decode()
    field = re.search(r"<input[^>]*name=\"password\"[^>]*>", page)
    assert field
    assert 'type="password"' in field[0]
    assert 'autocomplete="current-password"' in field[0]
    assert not re.search(r"maxlength|onpaste|readonly", field[0])


def test_a_password_counts_as_it_was_typed(cast: Cast) -> None:
    """To its last character, with its spaces and capitals."""
    long = "padi kuning di sawah " * 6
    stored = make_password(long)
    assert check_password(long, stored)
    assert not any(check_password(other, stored) for other in (long[:-1], long.strip(), long.upper(), long[:72]))
    for other in (PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1]):
        client = Client()
        client.post(reverse("account_login"), {"login": "vera", "password": other})
        assert client.get(reverse("mfa_authenticate")).status_code == 302, other


def test_logout_asks_and_then_deletes_the_session(signed_in: SignedIn) -> None:
    client = signed_in("vera")
    assert client.get(reverse("account_logout")).status_code == 200
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    response = client.post(reverse("account_logout"))
    assert response.status_code == 302
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert client.get(reverse("admin:me")).status_code == 302


def test_replacing_the_initial_password_creates_the_key(client: Client, cast: Cast) -> None:
    vera = cast["vera"]
    personal.set_initial_password(staff=vera, password="dari orang lain 1", now=timezone.now())
    sign_in(client, "vera", "dari orang lain 1")
    for name in ("admin:index", "admin:me", "admin:complaints_case_changelist"):
        response = client.get(reverse(name))
        assert response.headers["Location"] == reverse("account_change_password")
    page = client.get(reverse("account_change_password"))
    assert page.status_code == 200
    short = {"oldpassword": "dari orang lain 1", "password1": "pendek sekali", "password2": "pendek sekali"}
    assert client.post(reverse("account_change_password"), short).status_code == 200
    wrong = {"oldpassword": "bukan ini", "password1": NEW, "password2": NEW}
    assert client.post(reverse("account_change_password"), wrong).status_code == 200
    assert not cast["vera"].has_key
    good = {"oldpassword": "dari orang lain 1", "password1": NEW, "password2": NEW}
    response = client.post(reverse("account_change_password"), good)
    assert response.headers["Location"] == reverse("admin:index")
    assert cast["vera"].has_key
    # Her account was in use: a second administrator hands her a code.
    assert client.get(reverse("admin:me")).headers["Location"] == reverse("account_confirmation")
    do = {"by": cast["adi"], "signer": cast.ring("adi").signer, "now": timezone.now()}
    code = account_confirmation.confirm(staff=cast["vera"], **do)
    assert client.post(reverse("account_confirmation"), {"code": code}).status_code == 302
    assert client.get(reverse("admin:me")).headers["Location"] == reverse("mfa_index")
    enrol(client)
    own_page = client.get(reverse("admin:me")).content.decode()
    assert personal.fingerprint(cast["vera"]) in own_page
    # The new key was admitted by nobody yet: she waits, and sees no case.
    assert TeamMembership.objects.get(staff=vera).sealed_key is None
    assert client.get(reverse("admin:complaints_case_changelist")).status_code == 404


def test_changing_the_own_password_keeps_the_key_and_the_teams(signed_in: SignedIn, cast: Cast) -> None:
    client, before = signed_in("vera"), personal.fingerprint(cast["vera"])
    send_report()
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post(reverse("account_change_password"), form).status_code == 302
    assert personal.fingerprint(cast["vera"]) == before
    assert "Kepala Bidang X" in client.get(reverse("admin:complaints_case_changelist")).content.decode()
    sign_in(Client(), "vera", NEW)


def test_a_session_without_an_open_key_says_what_to_do(client: Client, cast: Cast) -> None:
    sent = send_report()
    sign_in(client, "vera")
    session = client.session
    session.pop("staff_key", None)
    session.save()
    page = client.get(reverse("admin:complaints_case_changelist"))
    text = page.content.decode()
    assert page.context["locked"] == "locked"
    assert 'role="status"' in text
    assert "Kepala Bidang X" not in text
    page = client.get(reverse("admin:complaints_case_change", args=[sent.case.pk]))
    assert page.status_code == 200
    assert "Kepala Bidang X" not in page.content.decode()
    assert not AuditEntry.objects.filter(event="case.opened").exists()


def test_own_page_shows_fingerprint_and_language(signed_in: SignedIn, cast: Cast) -> None:
    for name in ("vera", "kirana", "audi", "adi"):
        client = signed_in(name)
        assert personal.fingerprint(cast[name]) in client.get(reverse("admin:me")).content.decode()
    assert 'lang="id"' in client.get(reverse("admin:me")).content.decode()
    assert client.post(reverse("admin:me"), {"language": "en"}).status_code == 302
    assert "Fingerprint" in client.get(reverse("admin:me")).content.decode()
    assert cast["adi"].language == "en"
    assert client.post(reverse("admin:me"), {"language": "xx"}).status_code == 404


def test_no_page_of_django_that_tells_of_objects_is_left(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("super")
    base = reverse("admin:index")
    sent = send_report()
    for address in (
        f"r/1/{sent.case.pk}/",
        "autocomplete/",
        f"complaints/case/{sent.case.pk}/history/",
        f"complaints/case/{sent.case.pk}/delete/",
        f"complaints/case/{sent.case.pk}/",
        "complaints/case/add/",
        "complaints/complaint/",
        "complaints/message/",
        "complaints/sealedsession/",
        "password_change/done/",
    ):
        assert client.get(base + address).status_code == 404, address
    assert not LogEntry.objects.exists()


def address_of_a_note() -> str:
    sent = send_report()
    return reverse("admin:complaints_case_note", args=[sent.case.pk, sent.ticket.complaint_id])


def ended_session(signed_in: SignedIn) -> Client:
    client = signed_in("vera")
    SealedSession.objects.all().delete()
    return client


@pytest.mark.parametrize(
    ("referrer", "following"),
    [
        ("http://testserver/kantor/complaints/case/?due=late#id", "/kantor/complaints/case/?due=late"),
        ("", "/kantor/"),
        ("http://testserver/cek/laporan/", "/kantor/"),
        ("https://lain.invalid/kantor/complaints/case/", "/kantor/"),
        ("http://[", "/kantor/"),
    ],
)
def test_expired_form_post_redirects_to_its_page(
    signed_in: SignedIn, cast: Cast, referrer: str, following: str
) -> None:
    client = ended_session(signed_in)
    note = address_of_a_note()
    response = client.post(note, {"text": "Catatan"}, headers={"referer": referrer})
    assert response.status_code == 302
    login = urlsplit(response.headers["Location"])
    assert login.path == reverse("account_login")
    assert parse_qs(login.query) == {"next": [following]}


def test_a_page_that_came_after_the_session_leads_back_to_itself(signed_in: SignedIn, cast: Cast) -> None:
    client = ended_session(signed_in)
    queue = reverse("admin:complaints_case_changelist") + "?due=late"
    response = client.get(queue, follow=True, headers={"referer": "http://testserver/kantor/saya/"})
    assert parse_qs(urlsplit(response.redirect_chain[-1][0]).query) == {"next": [queue]}


def test_post_only_address_answers_405_in_the_users_language(signed_in: SignedIn, cast: Cast) -> None:
    note = address_of_a_note()
    Staff.objects.filter(username="vino").update(language="en")
    for name, sentence in (("vera", "tidak dapat dibuka langsung"), ("vino", "cannot be opened directly")):
        response = signed_in(name).get(note)
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")
        assert sentence in response.content.decode()
        assert f'href="{reverse("admin:index")}"' in response.content.decode()
    for prefix, sentence in (("", "tidak dapat dibuka langsung"), ("/en", "cannot be opened directly")):
        response = Client().get(f"{prefix}/cek/keluar/")
        assert response.status_code == 405
        assert sentence in response.content.decode()
