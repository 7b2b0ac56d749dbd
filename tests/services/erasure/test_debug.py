import pytest, traceback
from datetime import timedelta
from unittest.mock import patch
from django.utils import timezone
from complaints.models.complaint import Complaint
from complaints.services import case_links, case_file
from complaints.services.actor import Actor
from complaints.services.erasure import erasing
from tests.erasures import erased
from tests.security.addresses.scene import build
from tests.world import send_report

@pytest.mark.django_db
def test_linked(cast):
    scene = build(cast)
    report = Complaint.objects.get(pk=scene.sent.case.pk)
    other = send_report(story="Kisah lain.")
    actor = Actor(cast.ring("vera"), timezone.now())
    case_links.link(actor=actor, target_id=report.case_id, sources={other.case.pk: None}, reason="Sama.")
    with patch.object(erasing, "may_begin", return_value=None):
        erased(report.pk, now=timezone.now() + timedelta(days=1))
    case_file.open_case(actor=Actor(cast.ring("vera"), timezone.now()), case_id=report.case_id)

@pytest.mark.django_db
def test_alone(cast):
    scene = build(cast)
    report = Complaint.objects.get(pk=scene.sent.case.pk)
    with patch.object(erasing, "may_begin", return_value=None):
        erased(report.pk, now=timezone.now() + timedelta(days=1))
    client = scene.browsers["verifier"]
    client.raise_request_exception = True
    import django.core.handlers.exception as h
    from django.core import signals
    seen=[]
    def note(sender, request=None, **kw):
        seen.append((request.path, traceback.format_exc()[-900:]))
    signals.got_request_exception.connect(note)
    from tests.security.addresses.expected import STAFF_GETS
    for who in ("verifier","lead body"):
      for name in STAFF_GETS:
        c=scene.browsers[who]; c.raise_request_exception=False
        r=c.get(scene.address(name))
        if r.status_code>=500: print("XX", who, name, r.status_code)
    for s in seen: print("YY", s[0], s[1])
