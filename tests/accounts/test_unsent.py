"""A text that was sent after the end of a session waits for the sign-in of the same person, and of nobody else."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.models.case import InternalNote
from complaints.models.session import SealedSession
from portal.accounts import unsent
from tests.accounts.test_login import address_of_a_note
from tests.security.traces import hits, tables
from tests.world import Cast, SignedIn, sign_in

PAGE, TEXT = "http://testserver/kantor/complaints/case/", "Dua baris, “dikutip” & <b>tebal</b>."


def later(minutes: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=True)


def sent_too_late(client: Client, note: str) -> str:
    """Send a note after the idle limit; return where the login leads."""
    answer = client.post(note, {"text": TEXT}, headers={"referer": PAGE})
    assert answer.status_code == 302
    login = urlsplit(answer.headers["Location"])
    assert login.path == reverse("account_login")
    (following,) = parse_qs(login.query)["next"]
    return following


def test_what_came_too_late_is_sent_after_the_sign_in(signed_in: SignedIn, cast: Cast) -> None:
    note, client = address_of_a_note(), signed_in("vera")
    with later(settings.SESSION_COOKIE_AGE / 60 + 1):
        assert sent_too_late(client, note) == reverse("unsent")
        assert not InternalNote.objects.exists() and hits("Dua baris", tables()) == []
        sign_in(client, "vera")
        for _time in range(2):
            page = unescape(client.get(reverse("unsent")).content.decode())
            assert TEXT in page and f'action="{note}"' in page and 'name="text"' in page
        assert "csrfmiddlewaretoken" not in [name for name, _value in client.session[unsent.KEY]["fields"]]
        assert client.post(note, {"text": TEXT}).status_code == 302
        assert InternalNote.objects.count() == 1
        assert client.post(reverse("unsent")).headers["Location"] == urlsplit(PAGE).path
        assert client.get(reverse("unsent")).headers["Location"] == reverse("admin:index")


def test_it_is_shown_to_nobody_else_and_not_for_long(signed_in: SignedIn, cast: Cast) -> None:
    note = address_of_a_note()
    for name, minutes in (("vino", 1.0), ("vera", unsent.MINUTES + 1.0)):
        client = signed_in("vera")
        with later(settings.SESSION_COOKIE_AGE / 60 + 1):
            sent_too_late(client, note)
            with later(minutes):
                sign_in(client, name)
                assert client.get(reverse("unsent")).headers["Location"] == reverse("admin:index")
                assert unsent.KEY not in client.session


@pytest.mark.parametrize("fields", [{"text": "Satu"}, {"text": "a b " * 15_000}, {"password1": "padi kuning sawah"}])
def test_what_is_no_text_too_long_or_secret_is_not_held(
    signed_in: SignedIn, cast: Cast, fields: dict[str, str]
) -> None:
    client, note = signed_in("vera"), address_of_a_note()
    with later(settings.SESSION_COOKIE_AGE / 60 + 1):
        answer = client.post(note, fields, headers={"referer": PAGE})
        assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"next": [urlsplit(PAGE).path]}


def test_a_session_that_somebody_ended_holds_nothing(signed_in: SignedIn, cast: Cast) -> None:
    client, note = signed_in("vera"), address_of_a_note()
    SealedSession.objects.all().delete()
    assert sent_too_late(client, note) == urlsplit(PAGE).path
    assert client.get(reverse("unsent")).status_code == 302
