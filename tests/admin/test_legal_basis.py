"""The rules of the law on the screens: all of them to sign, and those of one report by the day of its act."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import date

import pytest
from django.urls import reverse

from complaints import checks
from complaints.admin.rule_lines import rule_line
from complaints.domain.law.changes import RowKey
from complaints.domain.law.reading import TABLES as RULE_TABLES
from complaints.domain.law.rules import Rule
from complaints.models.audit import AuditEntry
from complaints.models.case import Assessment
from complaints.models.reference_data import Category
from complaints.services import reference_data, rule_changes
from complaints.services.audit import verify
from complaints.services.rule_book import reviews_due, rule_book
from tests.cases import forwarded, in_review
from tests.conftest import SignedIn
from tests.rules import add, confirm, propose
from tests.world import Cast, send_report

RULES = "admin:rules"


def test_every_rule_is_on_the_page_with_its_mark(signed_in: SignedIn, cast: Cast) -> None:
    page = signed_in("audi").get(reverse(RULES))
    book, text = rule_book(reference_data.edition()), page.content.decode()
    shown = [line.rule.code for _label, lines in page.context["tables"] for line in lines]
    tables = (book.sanctions, book.crimes, book.penalties, book.routes, book.limits, book.cautions, book.bodies)
    assert shown == [rule.code for table in (*tables, book.statuses) for rule in table]
    assert sum(number for _label, number in page.context["counts"]) == len(shown)
    # Nobody has signed a rule yet, and the page says so.
    assert text.count("belum ada") >= len(shown)
    assert "“menjadi anggota dan/atau pengurus partai politik." in text, "the words of the law, where they were seen"


def words_of(rule: Rule, table: str) -> list[object]:
    """Return what the page shows of a rule."""
    line = rule_line(rule, table)
    texts = [rule.code, line.says, line.validity, line.mark, rule.basis_text, rule.quotation, rule.note, rule.review]
    return [*texts, *line.more, *line.conditions, *line.sources]


@pytest.mark.parametrize("table", RULE_TABLES[1:])
def test_page_shows_everything_that_a_rule_says(table: str, db: None) -> None:
    """Who signs a rule signs all of it: no value of it may change without a change of what is read."""
    rules = getattr(rule_book(reference_data.edition()), table)
    for name in (field.name for field in fields(rules[0])):
        values = list(dict.fromkeys(getattr(rule, name) for rule in rules))
        for rule in rules:
            if name == "unit" and getattr(rule, "number", 0) is None:
                continue  # a limit that is not known has no unit
            for value in (value for value in values[:8] if value != getattr(rule, name)):
                if name == "conditions":
                    others = [part.name for part in fields(value) if getattr(value, part.name)]
                    changed = [replace(rule.conditions, **{part: getattr(value, part)}) for part in others]
                else:
                    changed = [value]
                for new in (item for item in changed if item != getattr(rule, name)):
                    assert words_of(replace(rule, **{name: new}), table) != words_of(rule, table), (rule.code, name)


def test_page_names_the_categories_and_abbreviates_no_article(signed_in: SignedIn, cast: Cast) -> None:
    text = signed_in("audi").get(reverse(RULES)).content.decode()
    assert "Diancam bila menolak" in text and "Pasal 5 huruf n angka 6" in text
    assert not re.search(r"\bPs \d|\bcatatan riset", text)


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
    assert "PP 94/2021 Pasal 5 huruf n angka 6" in page.content.decode()
    assert AuditEntry.objects.filter(event="case.opened", case=sent.case.pk).exists()
    before = client.get(reverse("admin:complaints_case_rules", args=[send_report(event_from="2021-01-04").case.pk]))
    assert not before.context["judged"][0]["judged"].sanctions[0].certain
    for name in ("kirana", "audi"):
        assert signed_in(name).get(url).status_code == 404


def test_officer_states_facts_and_corrects_them(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report(event_from="2026-12-01")
    client, url = signed_in("vera"), reverse("admin:complaints_case_rules", args=[sent.case.pk])

    def mark() -> str:
        return client.get(url).content.decode().split('name="seen" value="')[1].split('"')[0]

    first = client.get(url)
    assert "Belum diketahui, padahal menentukan hasilnya" in first.content.decode()
    [lines] = first.context["judged"]
    open_facts = {name: {words: values for values, words in outcomes} for name, outcomes in lines["open"]}
    assert {"status terlapor", "luas dampak"} <= set(open_facts)
    assert any("PNS" in values for values in open_facts["status terlapor"].values())
    assert {line.origin for line in lines["facts"]} >= {"dari laporan", "belum dicatat"}
    stale, stated = mark(), {"status": "pppk_part_time", "election": "pilkada"}
    assert client.post(url, stated | {"seen": stale}).status_code == 302
    page = client.get(url)
    [lines] = page.context["judged"]
    assert lines["levels"] == ["tingkat hukuman tidak ditemukan dalam teks mana pun"]
    said = {line.name: (line.value, line.origin) for line in lines["facts"]}
    assert said["Status terlapor"][0] == "PPPK paruh waktu" and "dicatat oleh" in said["Status terlapor"][1]
    assert page.context["form"]["status"].value() == "pppk_part_time"
    # A stale form writes nothing and keeps what was chosen.
    refused = client.post(url, {"status": "pns", "post": "lurah", "seen": stale})
    assert refused.status_code == 409 and Assessment.objects.count() == 1
    assert refused.context["form"]["post"].value() == "lurah"
    assert "mencatat keterangan untuk aturan hukum" in refused.content.decode()
    assert client.post(url, {"status": "cuti", "seen": mark()}).status_code == 400
    assert client.post(url, {"status": "pns", "harm": "unit", "seen": mark()}).status_code == 302
    [lines] = client.get(url).context["judged"]
    assert "hukuman disiplin berat" in lines["levels"]
    assert ["PPPK paruh waktu" in words for _who, words in lines["earlier"]] == [True]
    # PPPK part-time did not exist on the day of an earlier act.
    before = reverse("admin:complaints_case_rules", args=[send_report(event_from="2024-11-04").case.pk])
    assert client.post(before, {"status": "pppk_part_time"}).status_code == 400
    assert verify.verify_chain().whole


def test_what_an_officer_stated_reaches_the_case_page_and_the_checklist(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), signed_in("vera")
    pages = {
        name: reverse(f"admin:complaints_case_{name}", args=[sent.case.pk, *args])
        for name, args in {"change": (), "step": ("verify",), "rules": ()}.items()
    }

    def only_bawaslu() -> tuple[bool, bool, bool]:
        case_page = client.get(pages["change"])
        form = client.get(pages["step"]).context["form"]
        preferred = case_page.context["steps"][0].action == "prepare_referral"
        return "hanya Bawaslu" in case_page.content.decode(), preferred, not form.fields["check-by_rule"].initial

    assert only_bawaslu() == (False, False, False)
    assert client.post(pages["rules"], {"status": "not_asn"}).status_code == 302
    assert only_bawaslu() == (True, True, True)
    assert client.post(pages["rules"], {"status": "pns"}).status_code == 302
    assert only_bawaslu() == (False, False, False)


def test_only_bawaslu_is_said_by_the_day_of_the_act_where_a_report_tells_it(signed_in: SignedIn, cast: Cast) -> None:
    """The banner, the step that comes first and the box of the checklist go by the same day, and the page names it."""
    row = dict(rule_changes.rules_in_force().find(RowKey("routes", "village-head")).values)  # type: ignore[union-attr]
    confirm(cast, propose(cast, "routes", "village-head", valid_until="2026-11-15"))
    later = row | {"valid_from": "2026-11-16", "finds": ["oversight"]}
    reference_data.clear_cache()
    confirm(cast, add(cast, "routes", later, before="village-head"))
    reference_data.clear_cache()
    client, received = signed_in("vera"), date(2026, 11, 20)

    def only_bawaslu(event_from: str, today: date = received) -> tuple[bool, bool, bool, str]:
        sent = in_review(cast, accused_kind="village_head", event_from=event_from, today=today)
        page = client.get(reverse("admin:complaints_case_change", args=[sent.case.pk]))
        form = client.get(reverse("admin:complaints_case_step", args=[sent.case.pk, "verify"])).context["form"]
        text = " ".join(page.content.decode().split())
        day = next(
            (word for word in ("tanggal perbuatan.", "hari laporan diterima.") if f"aturan pada {word}" in text), ""
        )
        first = page.context["steps"][0].action == "prepare_referral"
        return "hanya Bawaslu" in text, first, not form.fields["check-by_rule"].initial, day

    assert only_bawaslu("2026-11-10") == (True, True, True, "tanggal perbuatan.")
    assert only_bawaslu("2026-11-18") == (False, False, False, "")
    assert only_bawaslu("") == (False, False, False, "")
    assert only_bawaslu("", date(2026, 11, 12)) == (True, True, True, "hari laporan diterima.")


def test_body_reads_the_rules_of_the_released_report(signed_in: SignedIn, cast: Cast) -> None:
    _sent, release = forwarded(cast)
    page = signed_in("kirana").get(reverse("admin:complaints_release_change", args=[release.pk]))
    [(numbers, judged)] = page.context["judged"]
    assert numbers == "1" and judged["crimes"]
    assert "Pasal 71 ayat (1) jo. UU 1/2015 Pasal 188" in page.content.decode()


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


@pytest.mark.parametrize(
    ("today", "number"),
    [(date(2026, 11, 30), 0), (date(2027, 5, 30), 0), (date(2027, 5, 31), 171), (date(2027, 7, 1), 173)],
)
def test_review_that_is_due_is_an_alarm_on_the_desk_of_an_administrator(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch, today: date, number: int
) -> None:
    """The oversight body and its successor are due in July 2027: the Constitutional Court set October."""
    due = reviews_due(today, reference_data.edition())
    assert (due.number if due else 0) == number
    client = signed_in("adi")
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *args: today)
    warned = [fault.id for fault in checks._law() if fault.id == "portal.W022"]
    assert warned == (["portal.W022"] if number else [])
    monkeypatch.undo()
    monkeypatch.setattr("complaints.admin.dashboard.reviews_due", lambda *args: due)
    text = client.get(reverse("admin:index")).content.decode()
    assert ("aturan hukum perlu ditinjau, yang pertama paling lambat 30 Juni 2027" in text) == bool(number)
