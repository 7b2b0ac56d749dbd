"""The rules of the law on the screens: all of them to sign, and those of one report by the day of its act."""

from __future__ import annotations

from django.urls import reverse

from complaints.models.audit import AuditEntry
from complaints.models.reference_data import Category
from complaints.services.rule_book import rule_book
from tests.cases import forwarded
from tests.conftest import SignedIn
from tests.world import Cast, send_report

RULES = "admin:rules"


def test_every_rule_is_on_the_page_with_its_mark(signed_in: SignedIn, cast: Cast) -> None:
    page = signed_in("audi").get(reverse(RULES))
    book, text = rule_book(), page.content.decode()
    shown = [line.rule.code for _label, lines in page.context["tables"] for line in lines]
    tables = (book.sanctions, book.crimes, book.penalties, book.routes, book.limits, book.cautions, book.bodies)
    assert shown == [rule.code for table in (*tables, book.statuses) for rule in table]
    assert sum(number for _label, number in page.context["counts"]) == len(shown)
    # Nobody has signed a rule yet, and the page says so.
    assert text.count("belum ada") >= len(shown)


def test_case_is_judged_by_the_day_of_the_act(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report(event_from="2026-11-02")
    client = signed_in("vera")
    case_page = client.get(reverse("admin:complaints_case_change", args=[sent.case.pk]))
    url = reverse("admin:complaints_case_rules", args=[sent.case.pk])
    assert url in case_page.content.decode()
    page = client.get(url)
    [lines] = page.context["judged"]
    rules = {applied.rule.code: applied for applied in lines["judged"].sanctions}
    # The sample election runs its campaign on that day; the harm and the status are not told.
    assert rules["n6-pressure"].missing == {"status"} and rules["arbitrary-unit"].missing == {"status", "harm"}
    assert "PP 94/2021 Ps 5 n-6" in page.content.decode()
    assert AuditEntry.objects.filter(event="case.opened", case=sent.case.pk).exists()
    before = client.get(reverse("admin:complaints_case_rules", args=[send_report(event_from="2021-01-04").case.pk]))
    assert not before.context["judged"][0]["judged"].sanctions[0].certain
    for name in ("kirana", "audi"):
        assert signed_in(name).get(url).status_code == 404


def test_body_reads_the_rules_of_the_released_report(signed_in: SignedIn, cast: Cast) -> None:
    _sent, release = forwarded(cast)
    page = signed_in("kirana").get(reverse("admin:complaints_release_change", args=[release.pk]))
    [(number, judged)] = page.context["judged"]
    assert number == 1 and judged["crimes"]
    assert "Ps 71 (1) jo. UU 1/2015 Ps 188" in page.content.decode()


def test_update_that_an_edit_keeps_out_is_shown_until_the_row_is_saved(signed_in: SignedIn, cast: Cast) -> None:
    name = Category.objects.get(pk="A1").name_id
    # As an update leaves it: what the row was delivered with is neither the edit nor the file.
    Category.objects.filter(pk="A1").update(name_id="Diubah", delivered="name_id=000000000000")
    client, change = signed_in("adi"), reverse("admin:complaints_category_change", args=["A1"])
    listed = client.get(reverse("admin:complaints_category_changelist")).content.decode()
    assert "ya; pembaruan mengubah bagian yang sama" in listed
    assert name in client.get(change).content.decode()
    row = Category.objects.get(pk="A1")
    form = {field: getattr(row, field) for field in ("group", "name_en", "priority", "order", "door", "basis")}
    form |= {"name_id": "Diubah", "example_id": row.example_id, "example_en": row.example_en, "active": "on"}
    assert client.post(change, form).status_code == 302
    assert name not in client.get(change).content.decode()
    assert Category.objects.get(pk="A1").name_id == "Diubah"
