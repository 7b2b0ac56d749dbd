"""No page of the staff breaks on an erased report: the only one of its case, or one of two."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import case_links
from complaints.services.actor import Actor
from complaints.services.erasure import erasing
from tests.erasures import erased
from tests.security.addresses.expected import STAFF_GETS
from tests.security.addresses.scene import AddressScenario, build
from tests.world import Cast, send_report


def broken(scene: AddressScenario) -> dict[str, int]:
    """The addresses that answer with a fault of the server to somebody, each with the status."""
    found = {}
    for who in ("verifier", "lead body", "auditor"):
        for name in STAFF_GETS:
            status = scene.browsers[who].get(scene.address(name)).status_code
            if status >= 500:
                found[f"{who} {name}"] = status
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("is_linked", [True, False])
def test_no_page_of_the_staff_breaks(cast: Cast, is_linked: bool) -> None:
    scene = build(cast)
    report = Complaint.objects.get(pk=scene.sent.case.pk)
    if is_linked:
        other = send_report(story="Kisah lain.")
        actor = Actor(cast.ring("vera"), timezone.now())
        case_links.link(actor=actor, target_id=report.case_id, sources={other.case.pk: None}, reason="Sama.")
    with patch.object(erasing, "may_begin", return_value=None):
        erased(report.pk, now=timezone.now() + timedelta(days=1))
    assert Case.objects.get(pk=report.case_id).is_erased is not is_linked
    assert broken(scene) == {}
    page = scene.browsers["verifier"].get(scene.address("admin:complaints_case_change"))
    assert ("Kisah lain." if is_linked else "dihapus pada") in page.content.decode()
