"""What a report tells, told by its opened answers; nothing that is not needed is asked for."""

import pytest

from complaints.domain.completeness import ReportPart, missing_in_all, missing_parts

WHOLE = {
    "category": "A1",
    "accused_name": "Kepala Bidang X",
    "agency": "Dinas Contoh",
    "event_from": "2026-11-02",
    "story": "Pada rapat pagi kami diminta mendukung pasangan calon nomor dua.",
}


def test_a_whole_report_misses_nothing() -> None:
    assert missing_parts(WHOLE, files=1, posts=0) == []
    assert missing_parts(WHOLE, files=0, posts=1) == []
    assert missing_parts(WHOLE | {"links": "https://contoh.invalid/p/1"}, files=0, posts=0) == []


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"category": ""}, ReportPart.WHAT),
        ({"accused_name": " "}, ReportPart.WHO),
        ({"agency": ""}, ReportPart.WHERE),
        ({"event_from": ""}, ReportPart.WHEN),
        ({"event_from": None}, ReportPart.WHEN),
        ({"story": "Tidak netral."}, ReportPart.HOW),
    ],
)
def test_each_part_is_missed_alone(changes: dict[str, str], part: ReportPart) -> None:
    assert missing_parts(WHOLE | changes, files=1, posts=0) == [part]


def test_no_evidence() -> None:
    assert missing_parts(WHOLE, files=0, posts=0) == [ReportPart.EVIDENCE]


@pytest.mark.parametrize("name", ["accused_nip", "accused_position"])
def test_a_number_or_a_position_tells_who(name: str) -> None:
    assert missing_parts(WHOLE | {"accused_name": "", name: "1"}, files=1, posts=0) == []


def test_an_account_tells_who() -> None:
    assert missing_parts(WHOLE | {"accused_name": ""}, files=0, posts=1) == []


def test_a_province_alone_is_no_place() -> None:
    assert missing_parts(WHOLE | {"agency": "", "province": "33"}, files=1, posts=0) == [ReportPart.WHERE]
    assert missing_parts(WHOLE | {"agency": "", "regency": "Suka Maju"}, files=1, posts=0) == []


def test_of_several_reports_only_what_none_tells_is_missing() -> None:
    assert missing_in_all([[ReportPart.WHO, ReportPart.WHEN], [ReportPart.WHEN, ReportPart.EVIDENCE]]) == [
        ReportPart.WHEN
    ]
    assert missing_in_all([]) == []
