"""The sample portal is played through the real services: every state is there, nothing of it lies open, and none of
it can come into a real portal."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoDbBlocker

from complaints import access
from complaints.domain.workflow import ENDED, OF_INQUIRIES, OPEN, Status
from complaints.models.case import Case, CaseKind
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import Release
from complaints.models.redaction import Redaction
from complaints.models.team import Role, Staff
from complaints.services import after_the_end, case_actions, case_file, follow_up, mfa, reference_data, transitions
from complaints.services.audit import recorded_lines, verify
from complaints.services.evidence import storage
from complaints.services.keyring import Actor, Keyring
from complaints.services.samples import people, play
from complaints.services.samples.schedule import REPORTERS, schedule
from complaints.services.samples.stories import planned
from complaints.services.team_key_history import pinned_teams
from complaints.services.team_keys import personal
from tests import database
from tests.database import built_once
from tests.project.test_data_files import PLANNED
from tests.world import database_clock

# A Monday, so that the days before are a weekend.
NOW = datetime(2026, 11, 23, 14, 30, tzinfo=timezone.get_default_timezone())
TODAY = NOW.date()


@dataclass
class SamplePortal:
    """The sample portal: what the commands wrote beside the database."""

    folder: Path
    made: int
    accounts: dict[str, dict[str, str]]
    tickets: dict[str, list[str]]
    ticket: str

    def ring(self, username: str) -> Keyring:
        staff = Staff.objects.get(username=username)
        return Keyring(staff, personal.unlock(staff=staff, password=self.accounts[username]["password"]))


@pytest.fixture(scope="module")
def _sample_portal(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SamplePortal]:
    folder = tmp_path_factory.mktemp("samples")
    env_file, into = folder / "portal.env", folder / "sample.json"
    env_file.write_text("SECRET_KEY=x\n")
    changes = {"SAMPLE_MODE": True, "TEAM_KEY_PINS": "", "AUDIT_HEADS_FILE": folder / "heads.txt"}
    changes["OPERATOR_AGENCIES"] = ("Badan Arsip Cuaca Nasional",)
    with built_once(django_db_blocker), override_settings(**changes):
        database.empty()
        reference_data.load(now=timezone.now(), sample=True)
        founded = people.create_sample_staff(now=NOW - timedelta(days=70), env_file=env_file)
        assert founded is not None
        with override_settings(TEAM_KEY_PINS=founded.pins):
            with database_clock(NOW):
                made = play.load(now=NOW, into=into)
            written = json.loads(into.read_text(encoding="utf-8"))
            accounts = {account["username"]: account for account in written["accounts"]}
            yield SamplePortal(folder, made, accounts, written["tickets"], written["ticket"])


@pytest.fixture
def sample_portal(_sample_portal: SamplePortal, db: None) -> SamplePortal:
    return _sample_portal


def test_every_state_has_the_cases_that_the_plan_wants(sample_portal: SamplePortal) -> None:
    assert sample_portal.made == 60
    reached = Counter(Case.objects.real().values_list("status", flat=True))
    assert reached == Counter(entry["status"] for entry, _ in PLANNED)
    assert set(reached) == {status.value for status in OPEN | ENDED}


def test_three_questions_were_asked_and_stand_apart(sample_portal: SamplePortal) -> None:
    inquiries = Case.objects.filter(kind=CaseKind.INQUIRY)
    assert sorted(inquiries.values_list("status", flat=True)) == ["answered", "asked", "asked"]
    (answered,) = sample_portal.tickets["answered"]
    ticket = follow_up.open_ticket(answered)
    assert ticket is not None and ticket.is_inquiry
    page = follow_up.status_page(ticket=ticket, today=TODAY)
    assert "honorer" in page.events[-1].reason
    # Nobody answers what nobody has opened.
    assert page.opened_count == 1


def test_a_delivered_report_says_to_whom_and_when(sample_portal: SamplePortal) -> None:
    # The status page promises both below.
    (delivered,) = sample_portal.tickets["delivered"]
    ticket = follow_up.open_ticket(delivered)
    assert ticket is not None
    event = follow_up.status_page(ticket=ticket, today=TODAY).events[-1]
    assert re.fullmatch(rf"Disampaikan kepada Bawaslu \w+ .+ pada {event.day.day} \w+ 2026\..+", event.reason)


def test_no_officer_says_that_a_name_is_there(sample_portal: SamplePortal) -> None:
    # Nobody in the office can see whether a name was given.
    replies = " ".join(str(row.get("reply", "")) for _, row in PLANNED)
    assert "Nama Anda tetap" not in replies and "Identitas Anda tetap" not in replies


def test_every_case_stands_in_a_list_as_the_chain_records_it(sample_portal: SamplePortal) -> None:
    assert not recorded_lines.differing(list(Case.objects.active()))


def test_the_reports_are_the_planned_ones() -> None:
    expected = [row | {"links": row["links"] if entry["with_link"] else []} for entry, row in PLANNED]
    assert [plan.texts for plan in planned()] == expected


def test_days_and_files_are_as_planned(sample_portal: SamplePortal) -> None:
    days = Counter(Complaint.objects.filter(channel="web").values_list("day", flat=True))
    assert days == Counter(plan.received(TODAY) for plan in planned())
    with_files = Evidence.objects.filter(kind="file").values("complaint").distinct().count()
    assert with_files == sum(entry["with_photo"] or entry["with_pdf"] for entry, _ in PLANNED)
    states = Counter(Evidence.objects.values_list("state", flat=True))
    assert set(states) == {"ready", "no_copy"}
    assert not Message.objects.filter(day__gt=TODAY).exists()


def test_samples_contain_every_kind_of_work(sample_portal: SamplePortal) -> None:
    assigned = Counter(Case.objects.exclude(assignee=None).values_list("assignee__username", flat=True))
    assert set(assigned) == {"verifikator1", "verifikator2", "terpisah1"}
    assert [case.assignee.username for case in Case.objects.filter(held_by="separate")] == ["terpisah1"]
    assert 10 < sum(assigned.values()) < 60
    assert Message.objects.unread().exists()
    assert Release.objects.filter(state="returned").exists()
    assert Message.objects.filter(direction="body_to_reporter").exists()
    assert Case.objects.overdue(TODAY).exists()
    assert Redaction.objects.exclude(stored=None).exists()


def test_an_objection_waits_others_were_decided_and_a_work_was_rated(sample_portal: SamplePortal) -> None:
    triage = Case.objects.real().filter(held_by="triage")
    (waiting,) = after_the_end.objected(triage)
    assert triage.filter(status="ineligible", steps__action="object").count() == 2
    actor = Actor(sample_portal.ring("verifikator2"), NOW)
    marks = [
        set(entry.marks)
        for case in (waiting, triage.filter(status="unsubstantiated", lead_body="bkn").get())
        for entry in case_file.open_case(actor=actor, case_id=case.pk).complaints[0].thread
        if entry.marks
    ]
    assert {"objection"} in marks and {"rating"} in marks


def test_each_case_is_with_the_body_of_its_days(sample_portal: SamplePortal) -> None:
    for case in Case.objects.exclude(lead_body=None):
        assert case.lead_body_id == ("kasn" if case.received_on < date(2024, 9, 4) else "bkn")
    earlier = Case.objects.filter(lead_body="kasn")
    assert Counter(earlier.values_list("status", flat=True)) == {"sanctioned": 2, "unsubstantiated": 2}
    days = list(earlier.values_list("received_on", "status_on"))
    assert all(date(2023, 12, 1) < received < status < date(2024, 3, 1) for received, status in days)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM complaints_casestep WHERE at < '2024-09-04' AND body_id <> 'kasn'")
        assert cursor.fetchone() == (0,)
    kept = {release.body_id for release in access.releases_for(sample_portal.ring("kasn1").staff)}
    assert kept == {"kasn"}, "who held the task then still reads what was sent then"


def _photo(variant: str) -> EvidenceObject:
    """One object of a photo: of the samples, only documents have pages."""
    ready = EvidenceObject.objects.filter(variant=variant, evidence__state="ready")
    return ready.exclude(evidence__objects_stored__variant="page")[0]


def test_officers_and_liaisons_open_what_is_theirs(sample_portal: SamplePortal) -> None:
    rings = {"separate": sample_portal.ring("terpisah2"), "triage": sample_portal.ring("verifikator2")}
    for case in Case.objects.real():
        opened = case_file.open_case(actor=Actor(rings[case.held_by], NOW), case_id=case.pk)
        assert opened.complaints[0].answers["story"] in {plan.texts["story"] for plan in planned()}
    ring = rings["triage"]
    stored = _photo("working")
    _info, stream = case_actions.open_object(actor=Actor(ring, NOW), object_id=stored.pk, reason="")
    image = Image.open(io.BytesIO(b"".join(stream)))
    assert not image.getexif()
    for name in ("bkn1", "bkn2"):
        assert access.releases_for(sample_portal.ring(name).staff).exists()


def test_a_photo_betrays_its_origin_until_it_is_cleaned(sample_portal: SamplePortal) -> None:
    ring = sample_portal.ring("verifikator1")
    stored = _photo("original")
    info, stream = case_actions.open_object(actor=Actor(ring, NOW), object_id=stored.pk, reason="Periksa asal.")
    assert {"place", "device", "time"} <= set(info.betrays)
    assert b"KameraContoh" in b"".join(stream)


def test_the_ticket_that_is_shown_asks_something(sample_portal: SamplePortal) -> None:
    ticket = follow_up.open_ticket(sample_portal.ticket)
    assert ticket is not None
    page = follow_up.status_page(ticket=ticket, today=TODAY)
    assert page.status == "needs_information"
    assert page.question
    assert page.may_answer


def test_there_is_a_ticket_for_every_report(sample_portal: SamplePortal) -> None:
    of_reports = {status: codes for status, codes in sample_portal.tickets.items() if status not in OF_INQUIRIES}
    assert {status: len(codes) for status, codes in of_reports.items()} == Counter(
        entry["status"] for entry, _ in PLANNED
    )
    for status, codes in sample_portal.tickets.items():
        ticket = follow_up.open_ticket(codes[0])
        assert ticket is not None
        assert follow_up.status_page(ticket=ticket, today=TODAY).status == status


# --- Nothing of it lies open ----------------------------------------------------------------------------------------


REFERENCE = {"category", "accusedkind", "sanctionkind", "province", "election", "oversightbody", "standardtext"}


def _dump() -> bytes:
    """Everything in every table but the public catalogue, as somebody with the database's password reads it."""
    with connection.cursor() as cursor:
        parts: list[bytes] = []
        for table in connection.introspection.table_names(cursor):
            if table.removeprefix("complaints_") in REFERENCE:
                continue
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                parts += [bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row]
    return b"\n".join(parts)


def _readable(dump: bytes) -> str:
    """What of the dump could be text at all: runs of at least eight bytes that are not control characters."""
    return b"\n".join(re.findall(rb"[\x20-\x7e\xc2-\xf4\x80-\xbf]{8,}", dump)).decode("utf-8", "replace").lower()


def _pieces(text: str) -> Iterator[str]:
    """Every run of three words: short enough to find a snippet, long enough not to meet a name by chance."""
    words = text.split()
    for start in range(max(1, len(words) - 2)):
        yield " ".join(words[start : start + 3])


NAMES = ("accused_name", "accused_position", "accused_nip", "agency", "regency", "name", "contact", "sanction_number",
         "agency_name_for_sanction")  # fmt: skip


def test_no_word_of_a_report_stands_in_the_database(sample_portal: SamplePortal) -> None:
    open_text = _readable(_dump())
    assert "verifikator1" in open_text, "the dump holds what is clear"
    texts_of_reports = set()
    for plan in planned():
        texts_of_reports |= {plan.texts[name] for name in NAMES} | set(plan.texts["links"])
        texts = (value for name, value in plan.texts.items() if isinstance(value, str) and name not in NAMES)
        texts_of_reports |= {piece for text in texts if " " in text for piece in _pieces(text)}
    assert len(texts_of_reports) > 5000
    # A text can be there only if its first characters are, which a set tells faster than a search through the dump.
    beginnings = {open_text[start : start + 8] for start in range(len(open_text) - 7)}
    long_texts = {text for text in texts_of_reports if len(text) > 7}
    suspects = {text for text in long_texts if text.lower()[:8] in beginnings}
    assert {text for text in suspects if text.lower() in open_text} == set()


def test_no_ticket_code_stands_in_the_database(sample_portal: SamplePortal) -> None:
    dump = _dump().upper()
    for codes in sample_portal.tickets.values():
        for code in codes:
            assert code.encode() not in dump
            assert code.replace("-", "").encode() not in dump


def test_stored_files_show_nothing(sample_portal: SamplePortal) -> None:
    for name in EvidenceObject.objects.values_list("object_name", flat=True):
        content = Path(storage.storage().path(name)).read_bytes()
        assert not any(mark in content for mark in (b"KameraContoh", b"Exif", b"CONTOH", b"%PDF", b"JFIF"))


def test_the_chain_is_whole_and_its_heads_are_outside(
    sample_portal: SamplePortal, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = sample_portal.folder / "heads.txt"
    # One batch holds what the samples' reporters sent over 60 days.
    assert [line.split()[:2] for line in heads.read_text().splitlines()] == [["1", "1"], ["erasures", "1"]]
    call_command("audit_verify", heads=heads, files=True)
    assert "whole" in capsys.readouterr().out
    assert verify.verify_chain().whole


# --- Samples stay samples --------------------------------------------------------------------------------------------


def test_a_second_run_changes_nothing(sample_portal: SamplePortal) -> None:
    path, heads = sample_portal.folder / "sample.json", sample_portal.folder / "heads.txt"
    before = path.read_bytes(), heads.read_bytes(), Complaint.objects.count(), Staff.objects.count()
    assert people.create_sample_staff(now=NOW, env_file=sample_portal.folder / "portal.env") is None
    with database_clock(NOW):
        assert play.load(now=NOW, into=path) == 0
    assert (path.read_bytes(), heads.read_bytes(), Complaint.objects.count(), Staff.objects.count()) == before


def test_what_is_written_beside_the_database_is_private(sample_portal: SamplePortal) -> None:
    for name in ("sample.json", "portal.env"):
        assert (sample_portal.folder / name).stat().st_mode & 0o777 == 0o600
    lines = (sample_portal.folder / "portal.env").read_text().splitlines()
    assert lines[0] == "SECRET_KEY=x"
    assert lines[1].startswith("TEAM_KEY_PINS=body-bkn=")
    assert len(lines) == 2


def test_sample_staff_cover_every_role_and_can_sign_in(sample_portal: SamplePortal) -> None:
    roles = Counter(Staff.objects.filter(is_sample=True).values_list("role", "body"))
    assert roles == {
        (Role.VERIFIER, None): 3,
        (Role.FORWARDER, None): 3,
        (Role.OVERSEER, "kasn"): 2,
        (Role.OVERSEER, "bkn"): 2,
        (Role.AUDITOR, None): 1,
        (Role.ADMIN, None): 1,
    }
    for username, account in sample_portal.accounts.items():
        staff = Staff.objects.get(username=username)
        validate_password(account["password"], staff)
        assert staff.check_password(account["password"])
        keys = personal.unlock(staff=staff, password=account["password"])
        assert keys and mfa.practice_code(staff=staff, keys=keys, now=0)
    pinned_teams("triage", "separate", "body-kasn", "body-bkn")


def test_outside_of_sample_mode_nothing_is_made(db: None, tmp_path: Path) -> None:
    for command, options in (("setup_keys", {"sample": True}), ("sample_data", {})):
        with override_settings(SAMPLE_MODE=False), pytest.raises(CommandError, match="not in sample mode"):
            call_command(command, **options)


def test_teams_that_the_environment_does_not_know_are_refused(sample_portal: SamplePortal) -> None:
    with override_settings(TEAM_KEY_PINS=""), pytest.raises(CommandError, match="do not belong together"):
        call_command("setup_keys", sample=True)


def test_a_failed_run_leaves_nothing(sample_portal: SamplePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    Staff.objects.filter(username="bkn2").update(wrapped_key=b"")
    monkeypatch.setattr(Complaint.objects, "exists", lambda: False)
    with pytest.raises(people.SamplesRefused, match="bkn2"):
        play.load(now=NOW, into=sample_portal.folder / "none.json")
    assert not (sample_portal.folder / "none.json").exists()


# --- Any day will do -------------------------------------------------------------------------------------------------


def _due(status: Status, entered: date, received: date) -> date:
    due = transitions.due_date(status, received_on=received, entered_on=entered, source=Status.VERIFIED, urgent=False)
    assert due is not None
    return due


@pytest.mark.parametrize("start", [date(2025, 1, 1), date(2026, 1, 1), date(2027, 1, 1)], ids=str)
def test_on_any_day_the_clock_agrees_with_the_plan(db: None, start: date) -> None:
    """Steps are in order and not in the future; questions and agencies run out of time where they should, only there.

    Around Idul Fitri more than a week of holidays makes every deadline later.
    """
    for day_of_loading in (start + timedelta(days=after) for after in range(0, 365, 2)):
        for plan in planned():
            today = plan.as_of or day_of_loading
            steps = schedule(status=plan.status, age=plan.age, number=plan.number, today=today)
            days = [day for _step, day in steps]
            assert days == sorted(days)
            assert all(day < today for step, day in steps if step not in REPORTERS)
            last = dict(steps)
            if plan.status in ("awaiting_agency", "overdue_agency"):
                over = _due(Status.AWAITING_AGENCY, last["await"], days[0]) < today
                assert over == (plan.status == "overdue_agency"), (today, plan)
            if "ask" in last and "answer" not in last:
                over = _due(Status.NEEDS_INFORMATION, last["ask"], days[0]) < today
                assert over == (plan.status == "resting"), (today, plan)
