"""A report of which no category fits goes the same ways as any other: verified, forwarded, or referred."""

from __future__ import annotations

import pytest

from complaints.domain.workflow import Action
from tests.cases import act, forwarded, in_review
from tests.world import Cast, SignedIn

pytestmark = pytest.mark.django_db
NONE_FITS = "E1"


def test_it_is_verified_forwarded_and_read_by_the_body(cast: Cast, signed_in: SignedIn) -> None:
    sent, release = forwarded(cast, category=NONE_FITS)
    assert sent.case.category_id == NONE_FITS
    page = signed_in("kirana").get(f"/kantor/complaints/release/{release.pk}/change/")
    assert page.status_code == 200 and "Tidak ada yang cocok" in page.content.decode()


def test_it_is_referred_with_a_letter(cast: Cast, signed_in: SignedIn) -> None:
    sent = in_review(cast, category=NONE_FITS)
    vera = signed_in("vera")
    for name in ("change", "langkah/verify", "langkah/refer", "langkah/propose_ineligible", "aturan"):
        assert vera.get(f"/kantor/complaints/case/{sent.case.pk}/{name}/").status_code == 200, name
    act(cast, "vera", sent, Action.PREPARE_REFERRAL, "Bukan soal netralitas.")
    page = signed_in("fitri").get(f"/kantor/complaints/case/{sent.case.pk}/surat/")
    assert page.status_code == 200 and "Tidak ada yang cocok" in page.content.decode()
