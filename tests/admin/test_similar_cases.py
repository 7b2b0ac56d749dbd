"""What staff see of posts and of similar reports: text, never a live link; and who does not see it."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from tests.cases import forwarded, verified
from tests.views.walk import words
from tests.world import Cast, Sent, SignedIn, send_report

LINK = "https://instagram.com/akun_unik/p/AbC123"
pytestmark = pytest.mark.django_db


def case_url(sent: Sent) -> str:
    return reverse("admin:complaints_case_change", args=[sent.case.pk])


def test_posts_are_text_and_never_a_link(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report(links=f"{LINK}/?igsh=x\njavascript:alert(1)")
    page = signed_in("vera").get(case_url(sent))
    assert "Instagram" in words(page)
    assert "https://instagram.com/p/AbC123" in words(page)
    assert "javascript:alert(1) bukan tautan, ditampilkan seperti diketik" in words(page)
    hrefs = re.findall(r'(?:href|src|action)="([^"]*)"', page.content.decode())
    assert not [href for href in hrefs if "instagram" in href or "javascript" in href]


def test_similar_reports_are_shown_with_links_to_their_cases(signed_in: SignedIn, cast: Cast) -> None:
    first, second = send_report(links=LINK), send_report(links=LINK)
    client = signed_in("vera")
    client.get(reverse("admin:complaints_case_changelist"))
    page = client.get(case_url(first))
    assert "2 laporan, 1 postingan" in words(page)
    assert "Postingan yang sama 1 laporan lain: " + second.case.reference in words(page)
    assert f'href="{case_url(second)}">{second.case.reference}' in page.content.decode()
    alone = send_report(links="", accused_name="Lain", agency="Lain")
    assert "Belum ada." in words(client.get(case_url(alone)))


def test_the_forwarder_sees_the_posts_that_go_along(signed_in: SignedIn, cast: Cast) -> None:
    sent = verified(cast, links=LINK)
    page = signed_in("fitri").get(reverse("admin:complaints_case_forward", args=[sent.case.pk]))
    assert "https://instagram.com/p/AbC123" in words(page)


def test_a_body_reads_the_posts_and_no_likeness(signed_in: SignedIn, cast: Cast) -> None:
    _sent, release = forwarded(cast, links=LINK)
    twin = send_report(links=LINK)
    signed_in("vera").get(case_url(twin))
    client = signed_in("kirana")
    page = client.get(reverse("admin:complaints_release_change", args=[release.pk]))
    assert "https://instagram.com/p/AbC123" in words(page)
    assert "Laporan serupa" not in words(page)
    assert twin.case.reference not in page.content.decode()
    assert client.get(case_url(twin)).status_code == 404
