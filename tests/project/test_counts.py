"""Rows that somebody outside can make grow are counted up to a cap: an exact count takes longer with each report."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Exact counts, by module, or by module and function, each with the reason why it may be exact.
EXACT = {
    "complaints/admin/case_steps.py:step_page": "the reports of one case, by the index of their case",
    "complaints/admin/charts.py:punctuality_chart": "the steps of staff in eight weeks, grouped in one scan",
    "complaints/admin/figures.py": "one line in the page of figures, which an officer asks for",
    "complaints/services/figures.py": "figures that an officer asks for, grouped by the database, of a span of weeks",
    "complaints/checks.py:_accounts": "accounts of staff",
    "complaints/checks.py:_durability": "settings of the server",
    "complaints/models/evidence.py:Evidence": "evidence of one report, which is limited, by the index of its report",
    "complaints/services/audit/nightly_run.py": "the job of the night",
    "complaints/services/audit/recorded_acts.py:_openings_of_case": "acts of staff on one case",
    "complaints/services/audit/recorded_told.py": "a thread of one report, of LONGEST_COMPARED at most",
    "complaints/services/audit/rewritten_rows.py": "one scan of each table an hour, by the job of the clock",
    "complaints/services/audit/rewritten_entries.py": "one scan of the chain an hour, by the job of the clock",
    "complaints/services/audit/verify_batches.py": "the job of the night",
    "complaints/services/audit/verify_cases.py:kind_faults": "closed batches, one a day, once an hour",
    "complaints/services/audit/verify_rows.py": "the job of the night",
    "complaints/services/search_scan.py": "reports beyond the 20,000 that a scan has just read",
    "complaints/services/case_links.py:_check_visible": "the cases of one act, at most 151",
    "complaints/services/evidence/processing.py:counts": "once for each check by an operator",
    "complaints/services/evidence/limits.py:room_for": "evidence of one report, at most EVIDENCE_MAX_REPORT_FILES",
    "complaints/services/reporter_reading.py": "evidence of one report, which is limited; a thread of LONGEST_COMPARED",
    "complaints/services/forwarding/release_summary.py:with_news": "answers to one release, by its index",
    "complaints/admin/further_releases.py": "the reports of one release with a reporter, among those of its case",
    "complaints/services/job_runs.py:failing_jobs": "one row for each name of a closed list",
    "complaints/services/job_runs.py:given_up": "one row for each name of a closed list",
    "complaints/services/lane.py": "evidence of one report, which is limited, by the index of its report",
    "complaints/services/lane_proposals.py": "the reports of one proposal, each of which its slices open anyway",
    "complaints/services/practice.py:make_practice_cases": "practice cases, which staff make",
    "complaints/services/saved_filters.py:save_filter": "filters of one person, at most OWN_AT_MOST or SHARED_AT_MOST",
    "complaints/services/similarity.py:_newest_keys": "entries of one case, of which DIGESTS groups are read",
    "complaints/services/similarity.py:known_posts": "entries of posts that an officer typed, by their index",
    "complaints/services/similarity.py:waves": "entries of the newest WAVE_AMONG cases",
    "complaints/services/team_keys/rotation.py:rotate": "once for each change of a key, in the act itself",
}
# Where the cap stands in the query that is counted.
CAPPED = {"complaints/fast_sql.py:CappedCount"}


def is_capped(receiver: ast.expr) -> bool:
    """Whether what is counted was sliced, so that the database stops there."""
    return isinstance(receiver, ast.Subscript) and isinstance(receiver.slice, ast.Slice)


def is_exact_count(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return "select count(*)" in node.value.lower()
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr == "count":
        return not node.args and not node.keywords and not is_capped(node.func.value)
    return isinstance(node.func, ast.Name) and node.func.id == "Count"


def exact_counts(node: ast.AST) -> list[ast.AST]:
    """The counts below a node, of rows and without a cap."""
    return [inner for inner in ast.walk(node) if is_exact_count(inner)]


def places() -> Iterator[str]:
    """Where product code counts exactly: module, and function or class of the module."""
    for package in ("complaints", "portal"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if exact_counts(node):
                    yield f"{path.relative_to(ROOT)}:{getattr(node, 'name', '')}"


def test_every_exact_count_has_its_reason() -> None:
    found = set(places()) - CAPPED
    assert {place if place in EXACT else place.partition(":")[0] for place in found} == EXACT.keys()


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("cases.count()", 1),
        ("cases.filter(pk=1)[: most + 1].count()", 0),
        ("names.count(name)", 0),
        ("rows.annotate(number=Count('pk'))", 1),
        ("execute('SELECT count(*) FROM complaints_message')", 1),
        ("cases[0].count()", 1),
    ],
)
def test_counts_are_found(source: str, number: int) -> None:
    assert len(exact_counts(ast.parse(source))) == number
