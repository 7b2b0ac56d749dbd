"""The guide "Is this a breach?": every act and person in words, nothing stored, and no word that sends for evidence."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone, translation

from complaints.domain.law.facts import Facts
from complaints.domain.law.judgment import Judgment
from complaints.domain.law.rules import CrimeRule, Rule, SanctionRule
from complaints.domain.law.vocabulary import (
    CATEGORIES,
    AccusedKind,
    Answer,
    Circumstance,
    ElectionKind,
    ServiceStatus,
)
from complaints.forms.guide import SEARCH_LETTERS
from complaints.forms.law_labels import LEVELS
from complaints.services import forbidden_questions, guide, legal_basis, reference_data
from complaints.services.rule_book import rule_book
from complaints.views.guide import ANSWER_WORDS
from tests.rules import confirm, propose
from tests.views import walk
from tests.world import Cast

pytestmark = pytest.mark.django_db
# "None of these" is no act.
ACTS = [code for code in CATEGORIES if code != "E1"]
PATH = "/pelanggaran/"
# Words that send somebody for evidence. "mengumpulkan" in the name of an act is none of them.
NEVER = re.compile(
    r"\b(?:kumpulkan\w*|rekam(?:lah)?|merekam|buktikan\w*|cari(?:lah)?|mencari|collect|gather\w*|record (?:it|them|him)"
    r"|go and get|prove it)\b",
    re.IGNORECASE,
)
# What a punishment was once is not what it is today: no page of the guide names one.
PUNISHMENT = re.compile(r"Rp ?\d|kurungan|penjara|imprisonment", re.IGNORECASE)


def ask(client: Client, prefix: str = "", **chosen: str) -> HttpResponse:
    return client.post(f"{prefix}{PATH}", {"category": "A1", "accused_kind": "superior", **chosen})


def main_of(response: HttpResponse) -> str:
    """The words of the page itself, without header and footer."""
    assert response.status_code == 200
    text = response.content.decode()
    response.content = text[text.index("<main") : text.index("</main>")].encode()
    return walk.words(response)


def facts_for(category: str, kind: str, status: str = "", election: str = "", day: date | None = None) -> Facts:
    today = timezone.localdate()
    return guide.facts_of_act(
        category=category,
        accused_kind=kind,
        status=ServiceStatus(status) if status else None,
        election=ElectionKind(election) if election else None,
        act_on=day or today,
        today=today,
    )


# --- What it says


@pytest.mark.parametrize("prefix", ["", "/en"])
@pytest.mark.parametrize("category", ACTS)
def test_every_act_and_person_is_answered_and_nobody_is_sent_for_evidence(
    client: Client, category: str, prefix: str
) -> None:
    with translation.override("en" if prefix else "id"):
        answers = {str(words) for words in ANSWER_WORDS.values()}
        levels = {level: str(words) for level, words in LEVELS.items()}
    for kind in AccusedKind:
        for election in ElectionKind:
            words = main_of(ask(client, prefix, category=category, accused_kind=kind, election=election))
            assert any(answer in words for answer in answers), (kind, election)
            assert not NEVER.search(words), (kind, election, NEVER.search(words))
            assert not PUNISHMENT.search(words), (kind, election, PUNISHMENT.search(words))
            assert [hit.words for hit in forbidden_questions.find(words)] == [], (kind, election)
            judged = legal_basis.judge_facts(facts_for(category, kind, election=election))
            never = [*judged.never_show, *(levels[level] for level in judged.never_levels)]
            assert [phrase for phrase in never if phrase.lower() in words.lower()] == [], (kind, election)


@pytest.mark.parametrize("status", ServiceStatus)
def test_every_status_is_answered_without_what_must_not_be_shown(client: Client, status: str) -> None:
    for category in ACTS:
        words = main_of(ask(client, category=category, status=status))
        judged = legal_basis.judge_facts(facts_for(category, "superior", status))
        assert [phrase for phrase in judged.never_show if phrase.lower() in words.lower()] == [], category


def test_answer_comes_first_and_is_no_verdict(client: Client) -> None:
    words = main_of(ask(client, category="A6", status="pns", act_on="2026-11-18"))
    assert words.startswith(
        "Apakah ini pelanggaran? Disuruh mendukung calon di media sosial Atasan saya · PNS · 18 November 2026 · Pilkada"
        " · masa kampanye Perbuatan ini dapat melanggar aturan bagi ASN."
    )
    assert (
        "Hukuman disiplin berat “" not in words
        and "menyalahgunakan wewenang PP 94/2021 Pasal 5 huruf a, Pasal 14 huruf a" in words
    )
    assert "kami baca dalam salinan, belum dipastikan" in words
    assert "belum ditinjau ahli hukum" in words
    assert "BKN" in words and "Bawaslu" in words
    assert "hari terakhir" in words.lower() or "paling aman" in words.lower() or "hari aman" in words.lower()
    assert "tentang orang yang menekan, bukan tentang Anda" in words


def test_a_case_without_a_rule_says_so_and_can_be_reported(client: Client) -> None:
    page = ask(client, category="B1", status="pns", election="none")
    words = main_of(page)
    assert "Kami tidak mengetahui aturan yang menetapkan sanksi" in words
    assert "Itu tidak berarti perbuatan ini boleh." in words
    assert "Laporkan tanpa nama" in words and "Bawaslu" not in words


@pytest.mark.parametrize(
    ("chosen", "answer"),
    [
        ({"category": "A1", "status": "pns"}, "may_breach"),
        ({"category": "A1"}, "depends"),
        ({"category": "A1", "status": "pppk"}, "by_agency"),
        ({"category": "A1", "status": "honorer"}, "no_basis"),
        ({"category": "B7", "accused_kind": "regional_head", "election": "pilkada"}, "may_be_crime"),
        ({"category": "C1", "accused_kind": "village_head", "election": "none"}, "not_civil_servant"),
        ({"category": "C1", "status": "pns", "election": "none"}, "no_rule"),
        ({"category": "D1"}, "elsewhere"),
        ({"category": "D2", "accused_kind": "unknown"}, "elsewhere"),
    ],
)
def test_each_kind_of_answer_is_given(client: Client, chosen: dict[str, str], answer: str) -> None:
    words = main_of(ask(client, **chosen))
    with translation.override("id"):
        given = [code for code, text in ANSWER_WORDS.items() if str(text) in words]
    # The text of "depends" begins as that of "may breach" does.
    assert answer in given and len(given) == (2 if answer == "depends" else 1)
    assert ("Laporkan tanpa nama" in words) is (answer != "elsewhere")


def test_matters_of_others_lead_to_them(client: Client) -> None:
    assert "/lapor/pintu-lain/sp4n/" in ask(client, category="D2").content.decode()
    assert "/lapor/pintu-lain/bawaslu/" in ask(client, category="D1").content.decode()


def test_lpsk_is_named_only_where_a_crime_is_possible(client: Client) -> None:
    assert "LPSK" in main_of(ask(client, category="A7", status="pns"))
    assert "LPSK" not in main_of(ask(client, category="C1", status="pns", election="pemilu"))


def test_a_reviewer_is_named_once_a_rule_was_signed(client: Client, cast: Cast) -> None:
    signed = {"reviewed_by": "Ahli hukum contoh", "reviewed_on": "2026-11-20"}
    confirm(cast, propose(cast, "sanctions", "abuse", version="2021-08-31", **signed))
    reference_data.clear_cache()
    words = main_of(ask(client, status="pns"))
    assert "Ditinjau oleh Ahli hukum contoh, 20 November 2026; ditinjau lagi paling lambat 30 Juni 2027." in words


# --- Every rule


def judged_rules(facts: Facts, judged: Judgment) -> list[Rule]:
    crimes = [crime.applied.rule for crime in judged.crimes]
    routes = [route.applied.rule for route in judged.routes]
    return [*(applied.rule for applied in guide.sanctions_for(facts, judged)), *crimes, *routes]


def choices_for(rule: Rule) -> Iterator[tuple[str, str, str, str, date]]:
    """What somebody may choose so that the rule speaks."""
    asked, period, today = rule.conditions, rule.period, timezone.localdate()
    days = [today, date(2026, 8, 3), period.valid_from or today, period.valid_until or today]
    for category in sorted(asked.categories)[:1] or ["A1", "D2"]:
        for kind in sorted(asked.accused) or ["superior"]:
            for status in ["", *sorted(asked.status)]:
                for election in ["", *ElectionKind, *sorted(asked.election)]:
                    yield from ((category, kind, status, election, day) for day in days if day in period)


def rules() -> Iterator[Rule]:
    book = rule_book(reference_data.edition())
    yield from (*book.sanctions, *book.crimes, *book.routes)


def test_every_rule_is_reached_and_stands_on_the_page(client: Client) -> None:
    unreached, unseen = [], []
    for rule in rules():
        for choice in choices_for(rule):
            facts = facts_for(*choice)
            if rule in judged_rules(facts, legal_basis.judge_facts(facts)):
                break
        else:
            unreached.append(rule.code)
            continue
        told = isinstance(rule, SanctionRule) or (isinstance(rule, CrimeRule) and rule.answer is not Answer.NO)
        names = ("category", "accused_kind", "status", "election")
        chosen = dict(zip(names, choice[:4], strict=True)) | {"act_on": choice[4].isoformat()}
        if told and re.sub(r"\bPs\b", "Pasal", rule.basis_text) not in main_of(ask(client, **chosen)):
            unseen.append(rule.code)
    # They follow only once the agency has chosen dismissal.
    assert unreached == ["discharge", "dismissal-heavy"]
    book = rule_book(reference_data.edition())
    late = [rule.code for rule in book.sanctions if Circumstance.DISMISSAL_DECIDED in rule.conditions.has]
    assert late == unreached
    assert unseen == []


def test_rules_begin_and_end_on_their_days() -> None:
    edges = Counter[str]()
    for rule in rules():
        asked = rule.conditions.has | rule.conditions.lacks
        # The window before candidates are confirmed moves with the day.
        for choice in choices_for(rule) if Circumstance.REPLACEMENT_WINDOW not in asked else ():
            facts = facts_for(*choice)
            if rule not in judged_rules(facts, legal_basis.judge_facts(facts)):
                continue
            first, last = rule.period.valid_from, rule.period.valid_until
            for day, holds in (
                (first, True),
                (first and first - timedelta(days=1), False),
                (last, True),
                (last and last + timedelta(days=1), False),
            ):
                if day and day >= date(2000, 1, 1):
                    then = replace(facts, act_on=day)
                    assert (rule in judged_rules(then, legal_basis.judge_facts(then))) is holds, (rule.code, day)
                    edges["day"] += 1
            break
    assert edges["day"] > 100


# --- Nothing is kept


def counts() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize("with_draft", [False, True])
def test_nothing_is_stored_and_no_cookie_is_set(
    client: Client, caplog: pytest.LogCaptureFixture, *, with_draft: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    if with_draft:
        walk.to_who(client)
    client.get(PATH)
    before, cookies = counts(), {name: morsel.value for name, morsel in client.cookies.items()}
    assert ("lapor" in cookies) is with_draft
    for chosen in ({}, {"go": "change"}, {"go": "search", "text": "mutasi zeppelin"}, {"category": "zeppelin"}):
        answer = ask(client, act_on="2026-11-18", **chosen)
        assert answer.status_code == 200
        # Django sends the token of the form again, unchanged.
        assert {name: morsel.value for name, morsel in answer.cookies.items()} == {"csrf": cookies["csrf"]}
        assert answer.headers["Cache-Control"] == "no-store"
    assert counts() == before
    assert {name: morsel.value for name, morsel in client.cookies.items()} == cookies
    assert "zeppelin" not in caplog.text and "2026-11-18" not in caplog.text


def test_a_form_without_its_token_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    assert ask(client).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(PATH).content.decode())
    assert token
    assert ask(client, csrfmiddlewaretoken=token[1]).status_code == 200


def test_answers_carry_over_to_page_1_of_a_report(client: Client) -> None:
    text = ask(client, category="A6", accused_kind="colleague", status="pns").content.decode()
    form = text.partition('action="/lapor/"')[2].partition("</form>")[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    answer = client.post("/lapor/", {**hidden, "go": "stay"})
    assert answer.status_code == 302 and answer.headers["Location"] == "/lapor/"
    page = client.get("/lapor/").content.decode()
    assert re.findall(r'value="(\w+)"[^>]*checked|checked[^>]*value="(\w+)"', page)
    checked = {tag for tag in re.findall(r"<input[^>]*>", page) if " checked" in tag}
    assert {match[1] for tag in checked if (match := re.search(r'value="(\w+)"', tag))} == {"colleague", "A6"}


# --- Search


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("baliho", {"B1"}),
        ("BALIHO!", {"B1"}),
        ("like", {"A6", "C1"}),
        ("di-like atasan", {"A1", "A6", "C1"}),
        ("mutasi", {"A2", "A9", "B7"}),
        ("dimutasikan", {"A2", "A9"}),
        ("uang", {"A3", "A4"}),
        ("banner", {"B1"}),
        ("mobil dinas", {"B6"}),
        ("grup wa", {"A6", "C5"}),
    ],
)
def test_acts_are_found_by_words(client: Client, text: str, first: set[str]) -> None:
    assert first & set(guide.find_acts(text)[:4])
    page = client.post(PATH, {"go": "search", "text": text}).content.decode()
    offered = re.findall(r'name="category"[^>]*value="(\w+)"|value="(\w+)"[^>]*name="category"', page)
    assert first & {code for pair in offered for code in pair}


def test_words_that_nothing_has_are_told(client: Client) -> None:
    assert guide.find_acts("zzzz") == guide.find_acts("") == guide.find_acts("yang dan") == []
    assert "Tidak ada perbuatan dalam daftar kami" in main_of(client.post(PATH, {"go": "search", "text": "zzzz"}))
    assert "Cari dengan kata" in main_of(client.post(PATH, {"go": "search"}))


def test_every_act_is_found_by_its_name_in_both_languages() -> None:
    for row in guide.acts():
        for name in (row.name_id, row.name_en):
            assert row.code in guide.find_acts(name[:SEARCH_LETTERS]), name


# --- Bad input


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"category": "Z9"}, "Pilih salah satu dari daftar"),
        ({"accused_kind": "<b>"}, "Pilih salah satu dari daftar"),
        ({"status": "king"}, "Pilih salah satu dari daftar"),
        ({"election": "\x00"}, "Pilih salah satu dari daftar"),
        ({"category": ""}, "Pilih apa yang terjadi."),
        ({"act_on": "31/02/2026"}, "Tulis"),
        ({"act_on": "31/12/1999"}, "2000"),
        ({"act_on": "2099-01-01"}, "belum tiba"),
        ({"status": "pppk", "act_on": "2018-11-27"}, "Status ini belum ada pada tanggal perbuatan."),
        ({"go": "search", "text": "x" * 10_240}, "Terlalu panjang"),
        ({"go": "nowhere", "category": ["A1"] * 3}, "dapat melanggar"),
    ],
)
def test_bad_input_gets_the_page_with_what_is_wrong(client: Client, chosen: dict[str, str], words: str) -> None:
    page = ask(client, **chosen)
    assert page.status_code == 200
    text = walk.words(page)
    assert words in text, text[:900]
    assert "<b>" not in [chosen.get("accused_kind")] or 'value="<b>"' not in page.content.decode()


# --- The list of all acts, and the ways here


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_all_acts_stand_on_one_page(client: Client, prefix: str) -> None:
    page = client.get(f"{prefix}{PATH}daftar/")
    words = main_of(page)
    with translation.override("en" if prefix else "id"):
        assert [str(row) for row in guide.acts() if str(row) not in words] == []
    assert not NEVER.search(words) and not PUNISHMENT.search(words)
    # The day of the list is part of what is cached.
    assert main_of(client.get(f"{prefix}{PATH}daftar/")) == words


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_front_page_and_page_1_lead_here(client: Client, prefix: str) -> None:
    assert f'href="{prefix}{PATH}"' in client.get(f"{prefix}/").content.decode()
    for path in ("/lapor/", "/lapor/ditekan/", "/lapor/melihat/"):
        assert client.post(f"{prefix}{path}", {"go": "guide"}).url == f"{prefix}{PATH}"
        assert 'value="guide"' in client.get(f"{prefix}{path}").content.decode()
