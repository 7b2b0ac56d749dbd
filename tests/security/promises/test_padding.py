"""Promise 1, what is left of it: the sizes of what is sealed fall into few classes and tell nothing of the words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from complaints.models.complaint import Complaint, Message
from complaints.services import follow_up
from complaints.services.submission import SUMMARY_CHARS, summary_of
from tests.world import Cast, draft, send_report

STORIES = [
    "a" * 60,
    "a" * 3000,
    "\U0001f600" * 400,
    '"\\' * 500,
    "\x01\x02" * 200,
    "Ψ" * 900,
    "satu dua tiga " * 100,
]


def test_short_and_long_stories_in_any_script_look_alike(cast: Cast) -> None:
    for story in STORIES:
        send_report(story=story, accused_name=story[:200], agency=story[:200])
    sizes = {len(bytes(row.sealed_summary)) for row in Complaint.objects.all()}
    assert len(sizes) == 1
    assert {len(bytes(row.sealed_answers)) for row in Complaint.objects.all()} <= {4096 + 49, 16384 + 49}


def test_short_messages_look_alike(cast: Cast) -> None:
    sent = send_report()
    for text in ("Ya.", "Tidak, belum pernah saya dengar.", "a" * 3000):
        follow_up.add_message(ticket=sent.ticket, text=text, files=[], today=sent.case.received_on)
    assert len({len(bytes(row.sealed)) for row in Message.objects.all()}) == 1


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_a_summary_is_short_and_a_beginning(name: str, agency: str, story: str) -> None:
    line = summary_of(draft(accused_name=name, agency=agency, story=story))
    assert len(line) <= SUMMARY_CHARS
    whole = " · ".join(part for part in (name, agency or draft()["regency"], " ".join(story.split())) if part)
    assert line == whole or (line.endswith("…") and whole.startswith(line[:-1]))
