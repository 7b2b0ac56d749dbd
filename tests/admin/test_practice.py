"""Practice mode: made-up cases go every way that real ones go, and the two never meet."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints import access
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.oversight import OversightBody, Release
from complaints.services import case_actions, case_deadlines, case_file, practice, submission
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor, Locked
from tests.cases import in_review
from tests.views.walk import code_on, send, to_check
from tests.world import Cast, SignedIn, draft, send_report, without_states

PAGE = "/kantor/latihan/"


def practising(cast: Cast, name: str) -> None:
    practice.switch_practice(actor=Actor(cast.ring(name), timezone.now()), on=True)


def made(cast: Cast, count: int = 1) -> list[Case]:
    """Practice cases of Vera, who practises from now on."""
    practising(cast, "vera")
    rows = practice.make_practice_cases(actor=Actor(cast.ring("vera"), timezone.now()), count=count)
    return [Case.objects.get(reference=row.reference) for row in rows]


def test_who_practises_sees_practice_and_nobody_else_does(cast: Cast, signed_in: SignedIn) -> None:
    real, case = in_review(cast).case, made(cast)[0]
    pages = {name: signed_in(name) for name in ("vera", "vino", "super")}
    for name, shown, hidden in (("vera", case, real), ("vino", real, case), ("super", real, case)):
        listed = pages[name].get(reverse("admin:complaints_case_changelist")).content.decode()
        assert (shown.reference in listed, hidden.reference in listed) == (True, False), name
        assert pages[name].get(reverse("admin:complaints_case_change", args=[shown.pk])).status_code == 200
        assert pages[name].get(reverse("admin:complaints_case_change", args=[hidden.pk])).status_code == 404
    step = reverse("admin:complaints_case_step", args=[real.pk, "verify"])
    assert pages["vera"].post(step, {"seen": "in_review"}).status_code == 404
    assert list(access.cases_for(cast["vera"])) == [case]


def test_the_switch_the_banner_and_the_cases(cast: Cast, signed_in: SignedIn) -> None:
    vera = signed_in("vera")
    banner = "banner practice"
    assert banner not in vera.get("/kantor/").content.decode()
    assert vera.post(PAGE, {"do": "make"}).status_code == 404
    assert vera.post(PAGE, {"do": "on"}).headers["Location"] == PAGE
    for page in ("/kantor/", PAGE, reverse("admin:complaints_case_changelist"), reverse("admin:me")):
        assert banner in vera.get(page).content.decode(), page
    answer = vera.post(PAGE, {"do": "make"}).content.decode()
    assert Case.objects.filter(is_practice=True).count() == practice.AT_ONCE
    codes = re.findall(r'class="mono">(LATIHAN-\w{6})</th><td class="mono">([0-9A-Z-]+)<', answer)
    assert len(codes) == practice.AT_ONCE
    reporter = Client()
    reporter.post("/cek/", {"code": codes[0][1]})
    page = reporter.get("/cek/laporan/").content.decode()
    assert codes[0][0] in page and "kasus latihan" in page
    assert vera.post(PAGE, {"do": "off"}).status_code == 302
    assert banner not in vera.get("/kantor/").content.decode()
    events = AuditEntry.objects.filter(event__startswith="practice.").order_by("sequence")
    assert [(event.event, without_states(event.facts)) for event in events] == [
        ("practice.switched", {"on": 1, "practice": 1}),
        ("practice.made", {"count": practice.AT_ONCE, "practice": 1}),
        ("practice.switched", {"on": 0, "practice": 1}),
    ]


@pytest.mark.parametrize("name", ["audi", "adi", "super", "luar"])
def test_who_works_on_no_case_has_nothing_to_practise(cast: Cast, signed_in: SignedIn, name: str) -> None:
    assert signed_in(name).get(PAGE).status_code == 404
    with pytest.raises(Locked):
        practising(cast, name)
    kirana = cast.ring("kirana")
    practice.switch_practice(actor=Actor(kirana, timezone.now()), on=True)
    with pytest.raises(Locked):
        practice.make_practice_cases(actor=Actor(kirana, timezone.now()))


def test_a_body_meets_a_practice_release_only_while_it_practises(cast: Cast, signed_in: SignedIn) -> None:
    case, now = made(cast)[0], timezone.now()
    practising(cast, "fitri")
    for action in (Action.START_REVIEW, Action.VERIFY):
        case_actions.act(actor=Actor(cast.ring("vera"), now), case_id=case.pk, action=action)
    body = OversightBody.objects.get(pk="bkn")
    forward(actor=Actor(cast.ring("fitri"), now), case_id=case.pk, body=body, choice=whole(case.pk))
    kirana, url = signed_in("kirana"), reverse("admin:complaints_release_change", args=[Release.objects.get().pk])
    assert kirana.get(url).status_code == 404
    practising(cast, "kirana")
    assert kirana.get(url).status_code == 200
    assert AuditEntry.objects.filter(event="case.transition", facts__practice=1).count() == 3


def test_nothing_of_the_house_counts_or_moves_it(cast: Cast) -> None:
    case, later = made(cast)[0], timezone.now() + timedelta(days=60)
    assert not any(case_deadlines.work_waiting(today=timezone.localdate(later)).values())
    assert case_deadlines.run_deadlines(now=later) == 0
    case.refresh_from_db()
    assert case.status == "received"


def test_likenesses_do_not_mix(cast: Cast) -> None:
    mine = made(cast, 1)[0]
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), timezone.now()), case_id=mine.pk)
    answers = opened.complaints[0].answers
    changes = {name: answers[name] for name in ("accused_name", "agency", "regency", "province", "agency_kind")}
    real = [send_report(**changes).case for _ in range(2)]
    case_file.open_case(actor=Actor(cast.ring("vino"), timezone.now()), case_id=real[1].pk)
    matches = case_file.open_case(actor=Actor(cast.ring("vino"), timezone.now()), case_id=real[0].pk).matches
    shown = {case.reference for group in matches.groups for case in group.cases} if matches else set()
    assert shown == {real[1].reference}


def test_a_real_report_is_never_practice(cast: Cast) -> None:
    client = Client()
    to_check(client)
    assert code_on(client.get(send(client).headers["Location"]))
    content = draft() | {"practice": True, "is_practice": True}
    submission.start_code(content)
    submission.submit(draft=content, files=[], today=timezone.localdate())
    assert list(Case.objects.values_list("is_practice", flat=True)) == [False, False]
    for changes in ({"is_practice": True}, {"reference": "LATIHAN-ABCDEF"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Case.objects.filter(pk=Case.objects.earliest("pk").pk).update(**changes)
