"""The page of a lost code: proposed by one officer, found on the desk and decided by another."""

from __future__ import annotations

import pytest
from django.urls import reverse

from complaints.services import case_links, lost_codes
from tests.cases import in_review
from tests.services.test_lost_codes import actor, seen
from tests.views.walk import words
from tests.world import Cast, SignedIn, send_report

pytestmark = pytest.mark.django_db


def test_from_the_case_page_to_the_second_decision(cast: Cast, signed_in: SignedIn) -> None:
    earlier, later = in_review(cast), send_report()
    earlier.case.refresh_from_db()
    case_links.link(
        actor=actor(cast, "vera"), target_id=earlier.case.pk, sources={later.case.pk: seen(later.case)},
        reason="Satu.", seen=seen(earlier.case),
    )  # fmt: skip
    case, report = earlier.case.pk, later.ticket.complaint_id
    page, change = (
        reverse("admin:complaints_case_lost_code", args=[case, report]),
        reverse("admin:complaints_case_change", args=[case]),
    )
    vera, vino = signed_in("vera"), signed_in("vino")
    assert page in vera.get(change).content.decode()
    first, second = (1, 2) if earlier.ticket.complaint_id < later.ticket.complaint_id else (2, 1)
    assert f"Laporan {first}, diterima" in words(vera.get(page))
    nothing = vera.post(page, {"do": "propose", "reason": "Nota sama."})
    assert nothing.status_code == 400 and "Nota sama." in nothing.content.decode()
    sent = {"do": "propose", "earlier": str(earlier.ticket.complaint_id), "reason": "Nota sama."}
    assert vera.post(page, sent).url == change
    assert f"diusulkan: pengirimnya kehilangan kode laporan {first}" in words(vera.get(change))
    # Who proposed it decides nothing, and has a way back.
    own = words(vera.get(page))
    assert "petugas lain yang memutuskan" in own and "Setujui: orangnya sama" not in own and "Tolak" in own
    assert reverse("admin:complaints_case_second") in vino.get(reverse("admin:index")).content.decode()
    assert page in vino.get(reverse("admin:complaints_case_second")).content.decode()
    number = str(lost_codes.of_reports([report])[report].number)
    assert "Nota sama." in words(vino.get(page))
    stale = vino.post(page, {"do": "agree", "number": "1"})
    assert stale.status_code == 409 and "Periksa lagi" in words(stale)
    assert vino.post(page, {"do": "refuse", "number": number, "reason": ""}).status_code == 400
    assert vino.post(page, {"do": "agree", "number": number}).url == change
    told = words(vino.get(change))
    assert f"pengirimnya kehilangan kode laporan {first}; tulis di sini" in told
    assert f"kode hilang; tulis di laporan {second}" in told
    assert page not in vino.get(reverse("admin:complaints_case_second")).content.decode()
    assert "Batalkan keputusan" in words(vera.get(page))
    taken_back = vera.post(page, {"do": "refuse", "number": number, "reason": "Orang lain."}, follow=True)
    assert "Dibatalkan. Kedua pelapor diberi tahu." in words(taken_back)
