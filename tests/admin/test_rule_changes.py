"""Pages on changes of rules: who acts, what is asked once more, and what is said."""

from __future__ import annotations

import json
from datetime import timedelta

import time_machine
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from complaints.domain.law.reading import Fault
from complaints.forms.law_labels import RULE_FAULTS, TABLES
from complaints.models.conflict import Conflict
from complaints.models.reference_data import ClosedDay
from complaints.models.rule_change import RuleChange
from complaints.services import first_look, reference_data, rule_book
from complaints.services.audit import verify
from complaints.services.rule_book import content_mark
from tests.conftest import SignedIn
from tests.rules import actor, propose
from tests.views import walk
from tests.world import Cast, send_report

PROPOSE, ADD, CHANGE, COMPARE = "admin:rule_propose", "admin:rule_add", "admin:rule_change", "admin:rule_compare"
NOW_CONFIRMED = "Setujui: berlaku mulai sekarang"


def test_decision_asks_for_password_and_factor_again(signed_in: SignedIn, cast: Cast) -> None:
    change = propose(cast, "limits", "forward", number=2)
    page, compare = reverse(CHANGE, args=[change.pk]), reverse(COMPARE, args=[change.pk])
    client = signed_in("vera")
    assert NOW_CONFIRMED not in client.get(page).content.decode()
    assert client.post(page, {"act": "confirm"}, follow=True).context["comparison"] is None
    assert client.post(compare, {"do": "begin"}).status_code == 302
    assert NOW_CONFIRMED in client.get(page).content.decode()
    with time_machine.travel(timezone.now() + timedelta(seconds=301), tick=False):
        for act in ("confirm", "decline"):
            answer = client.post(page, {"act": act, "answer": "Tidak."})
            assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
        # Comparing decides nothing.
        assert client.post(compare).headers["Location"].startswith(page)
    assert RuleChange.objects.get().state == "proposed"
    assert "Disetujui" in client.post(page, {"act": "confirm"}, follow=True).content.decode()
    assert RuleChange.objects.get().state == "confirmed"


def test_people_who_do_not_decide_only_read(signed_in: SignedIn, cast: Cast) -> None:
    change = propose(cast, "limits", "forward", number=2)
    page = reverse(CHANGE, args=[change.pk])
    for name in ("adi", "super", "audi"):
        client = signed_in(name)
        text = client.get(page).content.decode()
        assert "Putusan baru, halaman 12." in text and "Bandingkan" not in text, name
        assert ("Tarik usulan" in text) == (name == "adi")
        for act in ("confirm", "decline", "nothing"):
            assert client.post(page, {"act": act, "answer": "Tidak."}).status_code == 404
        assert client.post(reverse(COMPARE, args=[change.pk])).status_code == 404
    assert (
        "hanya dapat ditarik oleh pengusulnya"
        in signed_in("super").post(page, {"act": "withdraw"}, follow=True).content.decode()
    )
    cast["vino"].__class__.objects.filter(username="vino").update(practising=True)
    assert "Bandingkan" not in signed_in("vino").get(page).content.decode()
    assert signed_in("vino").post(reverse(COMPARE, args=[change.pk])).status_code == 404
    declined = signed_in("fitri").post(page, {"act": "decline", "answer": "Sumbernya lain."}, follow=True)
    assert "Ditolak. Tidak ada yang diubah." in declined.content.decode()
    assert "Sumbernya lain." in signed_in("adi").get(page).content.decode()


def test_page_tells_nobody_that_a_report_accuses_them(signed_in: SignedIn, cast: Cast) -> None:
    """Neither a report of their own team, nor one that the separate team holds."""
    change = propose(cast, "limits", "forward", number=2)
    client, page = signed_in("vera"), reverse(CHANGE, args=[change.pk])
    client.post(reverse(COMPARE, args=[change.pk]), {"do": "begin"})
    before = walk.words(client.get(page))
    for kind in ("superior", "military_police"):
        send_report(accused_kind=kind, accused_name=cast["vera"].get_full_name())
    for name in ("vino", "sari"):
        first_look.process_new_reports(actor=actor(cast, name))
    assert Conflict.objects.filter(staff=cast["vera"]).count() == 2
    assert walk.words(client.get(page)) == before


def test_every_fault_of_a_row_has_words_and_english_ones_are_those_of_the_program() -> None:
    with override("en"):
        assert {fault: str(words) for fault, words in RULE_FAULTS.items()} == {fault: fault.value for fault in Fault}


def test_refused_row_is_named_and_kept(signed_in: SignedIn, cast: Cast) -> None:
    client, url = signed_in("adi"), reverse(PROPOSE, args=["limits", "forward", "0"])
    row = json.loads(client.get(url).context["form"]["row"].value())
    form = {"row": json.dumps(row | {"number": -1}), "reason": "Sebab."}
    answer = client.post(url, form)
    assert answer.status_code == 400
    text = answer.content.decode()
    assert "Batas waktu, baris 10 (forward): number bukan jumlah hari" in text and "&quot;number&quot;: -1" in text
    assert "Baris ini sama dengan yang berlaku." in client.post(url, form | {"row": json.dumps(row)}).content.decode()
    for missing in (["limits", "nowhere", "0"], ["letters", "forward", "0"], ["limits", "forward", "2026-01-01"]):
        assert client.get(reverse(PROPOSE, args=missing)).status_code == 404
    assert client.get(reverse(ADD, args=["letters"])).status_code == 404
    begun = json.loads(client.get(reverse(ADD, args=["limits"])).context["form"]["row"].value())
    assert begun.keys() >= row.keys() and begun["code"] == "" and begun["number"] is None
    new = dict(rule_book.delivered_rules()["cautions"][1]) | {"code": "before-stages-too"}
    answer = client.post(reverse(ADD, args=["cautions"]), {"row": json.dumps(new), "before": "", "reason": "Sebab."})
    assert answer.status_code == 302 and RuleChange.objects.get().is_new


def test_comparison_names_no_case_of_a_later_conflict(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report(event_from="2026-11-02")
    change = propose(cast, "sanctions", "n6-pressure", version="2022-09-22", level="medium")
    client, page = signed_in("vera"), reverse(CHANGE, args=[change.pk])
    client.post(reverse(COMPARE, args=[change.pk]), {"do": "begin"})
    assert sent.case.reference in client.get(page).content.decode()
    declared = client.post(reverse("admin:complaints_case_conflict", args=[sent.case.pk]), {"reason": "Kerabat."})
    assert declared.status_code == 302
    text = client.get(page).content.decode()
    assert sent.case.reference not in text and "kasus berjalan tidak" not in text


def test_comparison_says_what_still_applies_where_a_level_falls_away(signed_in: SignedIn, cast: Cast) -> None:
    send_report(category="A4", event_from="2026-11-02")
    change = propose(cast, "sanctions", "levy", version="2021-08-31", level="heavy")
    client, page = signed_in("vera"), reverse(CHANGE, args=[change.pk])
    client.post(reverse(COMPARE, args=[change.pk]), {"do": "begin"})
    text = walk.words(client.get(page))
    assert "hukuman disiplin sedang (bergantung pada" in text and "tetap berlaku: hukuman disiplin berat" in text


def test_saved_closed_day_is_a_proposal_until_a_second_person_confirms_it(signed_in: SignedIn, cast: Cast) -> None:
    client, add = signed_in("adi"), reverse("admin:complaints_closedday_add")
    form = {"code": "coblos", "day": "2026-12-02", "kind": "voting", "name": "Pemungutan suara", "source": "Keppres 9"}
    assert client.post(add, form | {"active": "on"}).status_code == 200, "without a reason"
    answer = client.post(add, form | {"active": "on", "reason": "Keppres 9, halaman 1."}, follow=True)
    change = RuleChange.objects.get()
    assert answer.redirect_chain == [(reverse(CHANGE, args=[change.pk]), 302)]
    text = answer.content.decode()
    assert "Usulan dikirim." in text and "Keppres 9, halaman 1." in text and NOW_CONFIRMED not in text
    assert not ClosedDay.objects.filter(pk="coblos").exists()
    assert "berhasil" not in text, "Django's own words would say that it is saved"
    again = client.post(add, form | {"active": "on", "reason": "Sekali lagi."}, follow=True)
    assert "menunggu keputusan" in again.content.decode()
    other = signed_in("super")
    assert NOW_CONFIRMED in other.get(reverse(CHANGE, args=[change.pk])).content.decode()
    other.post(reverse(CHANGE, args=[change.pk]), {"act": "confirm"})
    assert ClosedDay.objects.get(pk="coblos").source == "Keppres 9"
    assert client.get(reverse(COMPARE, args=[change.pk])).status_code == 404


def test_signatures_under_many_rules_are_one_act_of_two_people(signed_in: SignedIn, cast: Cast) -> None:
    adi, url = signed_in("adi"), reverse("admin:rule_sign")
    mark = content_mark(reference_data.edition())
    signed = {"by": "A. Hakim, advokat", "on": "2026-11-20", "due": "2028-06-30", "reason": "Lembar b933, arsip 4."}
    chosen = ["sanctions/abuse/2021-08-31", "limits/forward/0", "penalties/p188/2026-01-02"]
    for wrong in ({"rules": []}, {"on": "2030-01-01"}, {"due": "2026-01-01"}, {"by": ""}, {"rules": ["limits/x/0"]}):
        assert adi.post(url, signed | {"rules": chosen} | wrong).status_code == 400, wrong
    assert "3 peninjauan diusulkan." in adi.post(url, signed | {"rules": chosen}, follow=True).content.decode()
    assert adi.post(url, signed | {"rules": chosen}).status_code == 400, "they wait already"
    # A proposal that changes more than the review is none of them.
    propose(cast, "limits", "first-look", number=2)
    vera, page = signed_in("vera"), reverse("admin:rule_reviews")
    assert adi.get(page).status_code == 404
    text = walk.words(vera.get(page))
    assert "p188" in text and "first-look" not in text
    assert "3 peninjauan disetujui." in vera.post(page, follow=True).content.decode()
    reference_data.clear_cache()
    book = rule_book.rule_book(reference_data.edition())
    by = {rule.code: rule.review for rule in (*book.sanctions, *book.limits, *book.penalties) if rule.review.by}
    assert by.keys() == {"abuse", "forward", "p188"} and {review.by for review in by.values()} == {signed["by"]}
    assert content_mark(reference_data.edition()) == mark, "the sheets that were signed are those of the portal"
    assert RuleChange.objects.filter(state=RuleChange.State.PROPOSED).count() == 1
    assert verify.verify_chain().whole
    # Of two versions of a rule one is proposed after the other, and of what waits already none.
    every = adi.post(url, signed | {"every": "on", "by": "B. Lestari"}, follow=True).content.decode()
    rules = [rule.code for table in TABLES for rule in getattr(book, table)]
    waiting = RuleChange.objects.filter(state=RuleChange.State.PROPOSED).count()
    assert len(rules) > waiting > 140 and f"{waiting - 1} peninjauan diusulkan." in every
    assert f"{len(rules) - waiting + 1} harus menunggu" in every
