"""Every sentence that a reporter reads of time and body, for every state, against a table written by hand."""

from __future__ import annotations

import re
from datetime import date
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from django.utils.translation import override

from complaints.domain.workflow import ENDED, OF_INQUIRIES, OPEN, PROMISED, TABLE, UNTOLD, Action, ActorKind, Status
from complaints.models.case import EVENT_LABELS, STATUS_LABELS

DAY = date(2026, 12, 7)
# Of each state: whether a day may be named, whether the body is, and one word that the sentence must hold.
SENTENCES = {
    "received": (True, False, "diterima"),
    "in_review": (True, False, "diverifikasi"),
    "ineligible_proposed": (True, False, "diverifikasi"),
    "needs_information": (True, False, "pertanyaan untuk anda"),
    "resting": (False, False, "tidak ditutup: jawablah kapan saja"),
    "verified": (True, False, "belum"),
    "referring": (True, False, "belum disampaikan"),
    "delivered": (False, False, "disampaikan ke lembaga yang berwenang"),
    "referred": (False, False, "tidak mengirim apa pun"),
    "forwarded": (True, True, "diteruskan"),
    "under_examination": (False, True, "bkn"),
    "substantiated": (False, True, "terbukti"),
    "unsubstantiated": (False, True, "tidak terbukti"),
    "awaiting_agency": (False, True, "terbukti"),
    "overdue_agency": (False, True, "belum"),
    "sanctioned": (False, False, "sanksi"),
    "not_sanctioned": (False, True, "tidak ada sanksi"),
    "ineligible": (False, False, "ditutup"),
    "withdrawn": (False, False, "mencabut"),
}
# Of an inquiry, by a template of its own: whether a day may be named, and what its sentence must hold.
SENTENCES_OF_INQUIRIES = {
    "asked": (True, "menunggu jawaban kami"),
    "answered": (False, "sudah dijawab"),
    "closed": (False, "dibuka kembali"),
    "withdrawn": (False, "mencabut pertanyaan ini"),
}


def report(status: str, *, due_on: date | None, body: str = "BKN") -> SimpleNamespace:
    label = str(STATUS_LABELS[Status(status)]).format(body=body)
    return SimpleNamespace(status=status, due_on=due_on, body_name=body, label=label)


def sentence(status: str, *, due_on: date | None, language: str = "id") -> str:
    with override(language):
        shown = report(status, due_on=due_on)
        text = render_to_string("complaints/status/sentence.html", {"report": shown})
    return " ".join(text.split())


def test_the_table_knows_every_state() -> None:
    assert set(SENTENCES) == {status.value for status in OPEN | ENDED}
    assert set(SENTENCES_OF_INQUIRIES) == {status.value for status in OF_INQUIRIES} | {"withdrawn"}
    # A day is named where the office promises one, the reporter is waited for, or a body has a target with a source.
    for status, (has_day, _has_body, _word) in SENTENCES.items():
        assert has_day <= (Status(status) in PROMISED | {Status.NEEDS_INFORMATION, Status.FORWARDED}), status


@pytest.mark.parametrize("status", SENTENCES)
def test_each_state_says_what_is_so(status: str) -> None:
    has_day, has_body, word = SENTENCES[status]
    dated, undated = sentence(status, due_on=DAY), sentence(status, due_on=None)
    assert ("7 Desember 2026" in dated) == has_day
    assert not re.search(r"\d", undated)
    for text in (dated, undated):
        assert word in text.lower(), text
        assert ("BKN" in text) == has_body, text
        # Nothing is said to have left the house that did not.
        assert ("diteruskan ke" in text.lower()) <= (status == "forwarded")
        assert ("disampaikan" in text.lower()) == (status in {"delivered", "referring"})
        assert ("terlambat" in text.lower()) is False
    for text in (sentence(status, due_on=DAY, language="en"), sentence(status, due_on=None, language="en")):
        assert text and "None" not in text
        assert ("delivered" in text.lower()) == (status in {"delivered", "referring"})


@pytest.mark.parametrize("status", SENTENCES_OF_INQUIRIES)
def test_each_state_of_an_inquiry_says_what_is_so(status: str) -> None:
    has_day, words = SENTENCES_OF_INQUIRIES[status]
    for due_on in (DAY, None):
        with override("id"):
            shown = {"report": report(status, due_on=due_on)}
            text = " ".join(render_to_string("complaints/inquiry/sentence.html", shown).split())
        assert words in text.lower()
        assert ("7 Desember 2026" in text) == (has_day and due_on is not None)
        assert "laporan" not in text.lower()


def test_how_long_an_agency_is_silent_is_told_and_nobody_is_called_late() -> None:
    for language, words in (
        ("id", "Jawaban instansi belum tercatat, 60 hari sejak rekomendasi."),
        ("en", "No answer of the agency is recorded, 60 days after the recommendation."),
    ):
        with override(language):
            shown = report("overdue_agency", due_on=DAY)
            shown.agency_days = 60
            text = " ".join(render_to_string("complaints/status/sentence.html", {"report": shown}).split())
        assert text.startswith("BKN ") and text.endswith(words), text


def test_the_question_says_what_happens_without_an_answer() -> None:
    for asker, words in (("", "ditutup dengan sendirinya"), ("BKN", "BKN dapat melanjutkan")):
        shown = SimpleNamespace(question="Kapan?", asking_body=asker, askers=[("x", asker)])
        with override("id"):
            text = " ".join(render_to_string("complaints/status/silence.html", {"report": shown}).split())
        assert words in text and "Jawaban" in text


def test_the_history_names_each_step_that_its_state_does_not_tell() -> None:
    """A step back, or one that leaves the case where it stands, would read as if nothing had happened."""
    silent = {
        Action.REOPEN,
        Action.OBJECT,
        Action.ANSWER,
        Action.ANSWER_LATE,
        Action.RESUME,
        Action.LINK,
        Action.REJECT_INELIGIBLE,
    }
    silent |= {Action.RETURN, Action.SEND_BACK, Action.START_REVIEW}  # back in review; reasons stay inside
    silent |= UNTOLD  # what a body does before its finding is not told one by one
    for row in TABLE:
        told = row.action in EVENT_LABELS
        assert not (row.action in UNTOLD and row.notice)
        backwards = row.target in (Status.IN_REVIEW, None) or row.action in (Action.RECONSIDER, Action.CORRECT)
        assert told == (backwards and row.action not in silent), row.action
    with override("id"):
        labels = [str(label).format(body="BKN") for label in EVENT_LABELS.values()]
    assert all(label and "{" not in label for label in labels)


def test_no_clock_ends_a_case() -> None:
    assert {row.action for row in TABLE if row.actor is ActorKind.SYSTEM} == {Action.MARK_OVERDUE}
    assert not [row for row in TABLE if row.actor is ActorKind.SYSTEM and row.target in ENDED]
