"""Guards the catalogue and the samples: references resolve, both languages are there, every state has cases.

These are plain files without a database; the command that loads them may rely on what is checked here.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from complaints.domain.law.vocabulary import AccusedKind
from complaints.models.reference_data import Category
from complaints.services import delivered_data, reference_data

DATA = Path(__file__).resolve().parents[2] / "complaints" / "data"
CATALOG = (
    "categories",
    "accused_kinds",
    "sanction_kinds",
    "provinces",
    "bodies",
    "doors",
    "elections",
    "standard_texts",
)

STATES = {
    "received",
    "in_review",
    "needs_information",
    "resting",
    "verified",
    "forwarded",
    "under_examination",
    "substantiated",
    "unsubstantiated",
    "awaiting_agency",
    "overdue_agency",
    "sanctioned",
    "not_sanctioned",
    "referring",
    "delivered",
    "referred",
    "ineligible_proposed",
    "ineligible",
    "withdrawn",
}
# Days a case must have lived at least to stand in a state, from the limits of the workflow table.
MINIMUM_AGE = {
    "verified": 1,
    "forwarded": 2,
    "under_examination": 7,
    "substantiated": 14,
    "unsubstantiated": 14,
    "awaiting_agency": 15,
    "overdue_agency": 46,
    "sanctioned": 30,
    "ineligible": 15,
    "ineligible_proposed": 2,
    "referred": 2,
    "referring": 2,
    "delivered": 5,
    "resting": 18,
    "not_sanctioned": 46,
    "withdrawn": 1,
    "needs_information": 2,
}
REACHED_BODY = {
    "forwarded",
    "under_examination",
    "substantiated",
    "unsubstantiated",
    "awaiting_agency",
    "overdue_agency",
    "sanctioned",
    "not_sanctioned",
}
AGENCY_KINDS = {"ministry", "agency", "province", "regency", "city", "village", "other", "unknown"}
BODY_TEXTS = (
    "forward_note",
    "body_finding",
    "body_dismissal",
    "recommendation",
    "recommended_kind",
    "sanction_kind",
    "sanction_number",
    "agency_name_for_sanction",
    "return_question",
)
OFFICE_TEXTS = (
    "story",
    "question",
    "answer",
    "reply",
    "verify_note",
    "ineligible_reason",
    "refer_reason",
    "withdraw_reason",
    "internal_note",
)
ANSWERS = {
    "door",
    "accused_kind",
    "category",
    "accused_name",
    "accused_position",
    "accused_nip",
    "agency_kind",
    "agency",
    "regency",
    "province",
    "days_ago_event",
    "links",
    "identity",
    "name",
    "contact",
}
BAND_LEVELS = {"moral", "light", "medium", "heavy", "dismissal"}

Row = dict[str, Any]


def _load(path: str) -> list[Row]:
    rows: list[Row] = json.loads((DATA / f"{path}.json").read_text(encoding="utf-8"))
    return rows


def _codes(name: str) -> set[str]:
    return {row["code"] for row in _load(f"catalog/{name}")}


def _vary(story: Row, variation: Row) -> Row:
    """A planned complaint: words replaced in every text, then whole answers, then the opening sentence."""

    def swap(value: Any) -> Any:
        if isinstance(value, list):
            return [swap(item) for item in value]
        if isinstance(value, str):
            for old, new in variation["replace"]:
                value = value.replace(old, new)
        return value

    varied = {key: swap(value) for key, value in story.items()} | variation["overrides"]
    varied["story"] = f"{variation['prefix']} {varied['story']}".strip()
    varied["days_ago_event"] += variation["shift_days"]
    return varied


STORIES = _load("samples/stories")
PLAN = _load("samples/plan")
PLANNED = [(entry, _vary(STORIES[entry["story"]], entry["variation"])) for entry in PLAN]
EVERY_COMPLAINT = [pytest.param(row, id=f"story-{n}") for n, row in enumerate(STORIES)] + [
    pytest.param(row, id=f"plan-{n}") for n, (_, row) in enumerate(PLANNED)
]
KINDS = {row["code"] for row in _load("catalog/accused_kinds")}
# Whom only Bawaslu judges, whatever else is so.
ONLY_BAWASLU = {
    kind
    for row in _load("law/routes")
    if row.get("finds") == ["bawaslu"] and "has" not in row
    for kind in row.get("accused", [])
}


@pytest.mark.parametrize("name", CATALOG)
def test_catalogue_has_unique_codes_and_both_languages(name: str) -> None:
    rows = _load(f"catalog/{name}")
    codes = [row["code"] for row in rows]
    assert codes and len(codes) == len(set(codes))
    assert len({frozenset(row) for row in rows}) == 1, "rows of one file have the same keys"
    for row in rows:
        for key in row:
            if key.endswith("_id"):
                assert row[key] and row[f"{key[:-3]}_en"], (row["code"], key)
            if key.endswith("_en"):
                assert f"{key[:-3]}_id" in row
    orders = [row["order"] for row in rows if "order" in row]
    assert orders == sorted(set(orders))


def test_categories_follow_the_taxonomy() -> None:
    rows = _load("catalog/categories")
    assert Counter(row["code"][0] for row in rows) == {"A": 9, "B": 12, "C": 5, "D": 2, "E": 1}
    groups = {"A": "pressure", "B": "offline", "C": "online", "D": "elsewhere", "E": "other"}
    for row in rows:
        assert row["group"] == groups[row["code"][0]]
        assert row["priority"] in {"normal", "high", "urgent"}
        outside = row["group"] == "elsewhere"
        assert (row["door"] in _codes("doors")) == outside
        # "None of these fits" rests on no rule: an officer finds the category.
        assert bool(row["basis"]) == (row["group"] not in {"elsewhere", "other"})


def test_accused_kinds_and_sanctions() -> None:
    assert set(AccusedKind) == KINDS
    # A reporter speaks of "my superior"; nobody of the staff, and no body, does.
    said_by_staff = [
        row[f"staff_label_{language}"] for row in _load("catalog/accused_kinds") for language in ("id", "en")
    ]
    assert all(said_by_staff) and not re.search(r"\b(saya|my|i)\b", " ".join(said_by_staff), re.IGNORECASE)
    assert {"regional_head", "campaign_team", "village_head", "military_police"} == ONLY_BAWASLU
    kinds = _load("catalog/sanction_kinds")
    assert {row["level"] for row in kinds} == BAND_LEVELS
    assert {row["applies_to"] for row in kinds} == {"both", "pns", "pppk"}
    assert all(row["basis"] for row in kinds)
    for status in ("pns", "pppk"):
        theirs = [row for row in kinds if row["applies_to"] in ("both", status)]
        assert {row["level"] for row in theirs} == BAND_LEVELS
    # PPPK are disciplined by their agency's own rule, whose number is asked for.
    assert all(row["applies_to"] == "pppk" for row in kinds if row["asks_rule"])


def test_provinces_bodies_and_doors() -> None:
    provinces = _load("catalog/provinces")
    assert len(provinces) == 38 and all(len(row["code"]) == 2 and row["code"].isdigit() for row in provinces)
    # What a case is forwarded by and what the rules say of a body are two files with one content.
    columns = ("code", "name", "short_name", "task", "valid_from", "valid_until")
    assert [[row[column] for column in columns] for row in _load("catalog/bodies")] == [
        [row.get(column) for column in columns] for row in _load("law/bodies")
    ]
    for row in _load("catalog/doors"):
        assert 3 <= len(row["lines_id"]) == len(row["lines_en"]) <= 5
        assert row["url"] == f"https://{row['address']}"


def test_elections_are_fictional_and_in_order() -> None:
    stages = ("starts_on", "candidates_on", "campaign_from", "campaign_until", "voting_on", "ends_on")
    for row in [*_load("catalog/elections"), *_load("samples/elections")]:
        days = [date.fromisoformat(row[stage]) for stage in stages]
        assert row["fictional"] and days == sorted(days) and row["kind"] in {"pemilu", "pilkada"}


@pytest.mark.parametrize("row", EVERY_COMPLAINT)
def test_complaint_is_whole_and_refers_to_what_exists(row: Row) -> None:
    assert set(row) == ANSWERS | set(OFFICE_TEXTS) | set(BODY_TEXTS)
    assert row["accused_kind"] in KINDS
    assert row["category"] in _codes("categories") and row["category"][0] != "D"
    assert row["door"] == ("pressed" if row["category"][0] == "A" else "witnessed")
    assert row["province"] in _codes("provinces") and row["agency_kind"] in AGENCY_KINDS
    assert row["accused_name"] and row["agency"] and row["days_ago_event"] >= 0
    assert row["accused_nip"] == "" or (len(row["accused_nip"]) == 18 and row["accused_nip"].isdigit())
    given = row["identity"] == "confidential"
    assert given or row["identity"] == "anonymous"
    assert bool(row["name"]) == bool(row["contact"]) == given
    # Reserved names: no sample may lead a reader to somebody's real site.
    assert all((urlsplit(link).hostname or "").endswith(".example") for link in row["links"])
    assert not (given and row["name"] in row["story"])
    assert given or not ("secara rahasia" in row["story"] or "Nama Anda" in row["reply"])


@pytest.mark.parametrize("row", EVERY_COMPLAINT)
def test_complaint_reads_as_it_should(row: Row) -> None:
    assert 80 <= len(row["story"].split()) <= 350
    assert all(row[key] for key in OFFICE_TEXTS)
    judged = row["accused_kind"] not in ONLY_BAWASLU
    assert all(bool(row[key]) == judged for key in BODY_TEXTS)
    assert not row["sanction_kind"] or row["sanction_kind"] in _codes("sanction_kinds")
    claims = ("verify_note", "forward_note", "body_finding", "body_dismissal") if judged else ("verify_note",)
    assert all("dugaan" in row[key].lower() for key in claims), "never a charge, always a dugaan"


def test_fictional_places_lie_in_one_province() -> None:
    provinces = defaultdict(set)
    for row in [*STORIES, *(row for _, row in PLANNED)]:
        if row["regency"]:
            provinces[row["regency"]].add(row["province"])
    assert {place: codes for place, codes in provinces.items() if len(codes) > 1} == {}


def test_plan_covers_every_state_at_a_possible_age() -> None:
    count = Counter(entry["status"] for entry in PLAN)
    assert len(PLAN) == 60 and set(count) == STATES and count["in_review"] > 3
    assert {entry["story"] for entry in PLAN} == set(range(len(STORIES)))
    for entry, row in PLANNED:
        assert MINIMUM_AGE.get(entry["status"], 0) <= entry["days_ago_received"] <= 60
        if row["accused_kind"] in ONLY_BAWASLU:
            assert entry["status"] not in REACHED_BODY
        assert entry["with_link"] <= bool(row["links"])


def test_plan_varies_and_every_replacement_is_used() -> None:
    for entry in PLAN:
        story, variation = STORIES[entry["story"]], entry["variation"]
        texts = " ".join(" ".join(value) if isinstance(value, list) else str(value) for value in story.values())
        assert [old for old, _ in variation["replace"] if old not in texts] == []
        texts = json.dumps([value for value in story.values() if isinstance(value, str | list)], ensure_ascii=False)
        assert [old for old, _ in variation["replace"] if json.dumps(old, ensure_ascii=False)[1:-1] not in texts] == []
        assert set(variation["overrides"]) <= set(story)
    assert len({row["story"] for _, row in PLANNED}) == len(PLANNED)
    same = [entry for entry in PLAN if entry["variation"]["same_matter"]]
    assert 4 <= len(same) <= 8
    for entry in same:
        assert _event_day(entry) in {_event_day(other) for other in PLAN if _is_first_report(other, entry["story"])}


def _event_day(entry: Row) -> int:
    row = _vary(STORIES[entry["story"]], entry["variation"])
    return int(entry["days_ago_received"] + row["days_ago_event"])


def _is_first_report(entry: Row, story: int) -> bool:
    return entry["story"] == story and not entry["variation"]["same_matter"]


def test_plan_looks_like_a_real_desk() -> None:
    total = len(PLAN)
    kinds = Counter(row["category"] for _, row in PLANNED)
    pressure = sum(count for code, count in kinds.items() if code[0] == "A")
    assert 0.30 <= pressure / total <= 0.40 and 0.13 <= kinds["C1"] / total <= 0.19
    bare = [entry for entry in PLAN if not (entry["with_photo"] or entry["with_pdf"] or entry["with_link"])]
    assert 0.20 <= len(bare) / total <= 0.30
    confidential = sum(row["identity"] == "confidential" for _, row in PLANNED)
    assert 0.15 <= confidential / total <= 0.25


@pytest.fixture
def categories_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A copy of the delivered files, and a function that gives category A1 other values, as an update would."""
    for path in delivered_data.DATA.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(delivered_data, "DATA", tmp_path)
    delivered_data.rows_of.cache_clear()

    def update(**values: object) -> None:
        rows = _load("catalog/categories")
        rows[0] |= values
        (tmp_path / "categories.json").write_text(json.dumps(rows), encoding="utf-8")
        delivered_data.rows_of.cache_clear()

    return update


@pytest.fixture(autouse=True)
def _files_as_delivered() -> Iterator[None]:
    yield
    delivered_data.rows_of.cache_clear()


@pytest.mark.django_db
def test_update_reaches_rows_without_losing_edits(categories_file: Callable[..., None]) -> None:
    reference_data.load(now=timezone.now())
    Category.objects.filter(pk="A1").update(name_id="Diubah", example_id="Contoh sendiri")
    categories_file(basis=["PP 94/2021 Pasal 5 huruf a"], name_id="Nama baru", name_en="New name")
    report = reference_data.load(now=timezone.now())
    row = Category.objects.get(pk="A1")
    assert (row.basis, row.name_id, row.name_en) == ("PP 94/2021 Pasal 5 huruf a", "Diubah", "New name")
    assert row.example_id == "Contoh sendiri"
    assert list(map(str, report.conflicts)) == ["categories A1: name_id"]
    # The conflict stands until somebody decides; the saved row is the decision.
    assert reference_data.load(now=timezone.now()).conflicts == report.conflicts
    assert reference_data.conflicts(Category.objects.get(pk="A1")) == {"name_id": "Nama baru"}
    row.delivered = delivered_data.mark(reference_data.delivered_values(row))
    row.save()
    report = reference_data.load(now=timezone.now())
    row = Category.objects.get(pk="A1")
    assert (report.conflicts, sum(report.updated.values()), reference_data.conflicts(row)) == ((), 0, {})
    assert row.name_id == "Diubah" and reference_data.is_edited(row)
    assert not reference_data.is_edited(Category.objects.get(pk="A2"))


@pytest.mark.django_db
def test_key_that_no_column_reads_is_refused_with_its_row(categories_file: Callable[..., None]) -> None:
    categories_file(aplies_to="pns")
    with pytest.raises(delivered_data.DeliveredDataError, match=r"categories.json, row 1 \(A1\): no column aplies_to"):
        reference_data.load(now=timezone.now())
    categories_file(code="A2")
    with pytest.raises(delivered_data.DeliveredDataError, match=r"row 2 \(A2\): its code is missing or stands twice"):
        reference_data.load(now=timezone.now())


@pytest.mark.django_db
def test_loading_again_keeps_edits_unless_it_is_told_otherwise() -> None:
    reference_data.load(now=timezone.now())
    name = Category.objects.get(pk="A1").name_id
    Category.objects.filter(pk="A1").update(name_id="Diubah")
    Category.objects.filter(pk="A2").delete()
    assert reference_data.load(now=timezone.now()).created["categories"] == 1
    assert Category.objects.get(pk="A1").name_id == "Diubah"
    report = reference_data.load(now=timezone.now(), overwrite=True)
    assert (sum(report.created.values()), report.updated["categories"]) == (0, 1)
    assert Category.objects.get(pk="A1").name_id == name


def test_number_of_a_limit_stands_in_the_rules_alone() -> None:
    """No template, text or module names a number of working or calendar days, or of days for Bawaslu."""
    number = re.compile(
        r"\b\d+[- ](?:working|calendar) days?\b|\b\d+ hari (?:kerja|kalender)\b|\b\d+ (?:days|hari)\b[^\n]{0,60}Bawaslu"
        r"|Bawaslu[^\n]{0,60}\b\d+ (?:days|hari)\b"
    )
    folders = (DATA.parents[1] / "complaints", DATA.parents[1] / "templates", DATA.parents[1] / "locale")
    files = [
        file for folder in folders for ending in ("py", "html", "po", "json") for file in folder.rglob(f"*.{ending}")
    ]
    # The rules themselves, the stories of the sample portal, and the promise of another channel (SP4N-LAPOR).
    left_out = {"law", "samples"}
    found = {
        f"{file.relative_to(DATA.parents[1])}: {line.strip()[:80]}"
        for file in files
        if not left_out & set(file.relative_to(DATA.parents[1]).parts)
        for line in file.read_text(encoding="utf-8").splitlines()
        if number.search(line) and "checked and passed on" not in line and "diperiksa dan diteruskan" not in line
    }
    assert found == set()
