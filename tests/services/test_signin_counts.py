"""Refused sign-ins are counted by account and day, without source or hour, and told: to the person, to administrators,
and at night to the chain, for which no attempt waits."""

from __future__ import annotations

import threading
import uuid
from datetime import date, datetime, timedelta
from smtplib import SMTPDataError

import pytest
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from complaints import queue, tasks
from complaints.models.audit import AuditEntry
from complaints.models.sign_in import COUNTS_KEPT, UNKNOWN_ACCOUNT, SigninCount
from complaints.models.team import Staff
from complaints.models.verification import VerificationFault
from complaints.services import mfa, scheduled, signin_counts, signin_floors
from complaints.services.audit import verify
from complaints.services.signin_counts import SINGLE_CODES, TELL_ABOVE, Kind
from tests.world import Cast, at

DAY = date(2026, 11, 9)
NEXT = DAY + timedelta(days=1)


def count(cast: Cast, kind: Kind, times: int = 1, *, name: str = "vera", day: date = DAY) -> None:
    for _attempt in range(times):
        signin_counts.count(kind=kind, account=cast[name].pk, day=day)


def entries() -> list[dict[str, object]]:
    return list(AuditEntry.objects.filter(event="signin.counted").order_by("sequence").values_list("facts", flat=True))


def test_one_row_for_an_account_a_day_and_a_kind(cast: Cast) -> None:
    count(cast, Kind.PASSWORD, 3)
    count(cast, Kind.CODE, 12)
    count(cast, Kind.CODE, day=NEXT)
    rows = set(SigninCount.objects.values_list("account", "day", "kind", "n"))
    vera = cast["vera"].pk
    assert rows == {(vera, DAY, "password", 3), (vera, DAY, "code", 12), (vera, NEXT, "code", 1)}
    signin_counts.take_back(kind=Kind.CODE, account=vera, day=NEXT)
    signin_counts.take_back(kind=Kind.CODE, account=vera, day=NEXT)
    assert SigninCount.objects.get(day=NEXT).n == 0


def test_a_name_costs_the_same_whether_an_account_has_it(cast: Cast) -> None:
    statements = []
    for name in ("vera", "VERA", "tidakada", "tidakada-juga"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            signin_counts.count(kind=Kind.PASSWORD, account=signin_counts.account_named(name), day=DAY)
        statements.append(len(queries))
    assert set(statements) == {2}
    counts = dict(SigninCount.objects.values_list("account", "n"))
    assert counts == {cast["vera"].pk: 2, UNKNOWN_ACCOUNT: 2}, "all unknown names share a row"


def test_the_highest_number_that_fits_keeps_nobody_from_signing_in(cast: Cast) -> None:
    """Somebody who writes to the database: one more would not fit, and the sign-in would end in an error for a day."""
    account = cast["vera"].pk
    signin_counts.count(kind=Kind.CODE, account=account, day=DAY)
    SigninCount.objects.update(n=2**31 - 1)
    assert signin_counts.count(kind=Kind.CODE, account=account, day=DAY) == 1_000_000


def test_attempts_at_once_are_all_counted(live_cast: Cast) -> None:
    ready, numbers, account = threading.Barrier(8), [], live_cast["vera"].pk

    def attempt() -> None:
        try:
            ready.wait()
            numbers.append(signin_counts.count(kind=Kind.CODE, account=account, day=DAY))
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 9))


def test_an_attempt_touches_the_chain_in_no_way(cast: Cast) -> None:
    with CaptureQueriesContext(connection) as queries:
        count(cast, Kind.PASSWORD)
    assert not [query for query in queries if "auditentry" in query["sql"] or "chainhead" in query["sql"]]


def test_two_codes_from_the_tenth_wrong_one_until_midnight(cast: Cast) -> None:
    vera = cast["vera"]
    count(cast, Kind.CODE, 9)
    count(cast, Kind.PASSWORD, 50)
    assert not signin_counts.needs_two_codes(staff=vera, day=DAY)
    count(cast, Kind.CODE)
    assert signin_counts.needs_two_codes(staff=vera, day=DAY)
    assert not signin_counts.needs_two_codes(staff=vera, day=NEXT)
    assert not signin_counts.needs_two_codes(staff=cast["vino"], day=DAY)


def test_the_person_is_told_once_of_each(cast: Cast) -> None:
    vera = cast["vera"]
    count(cast, Kind.PASSWORD, 3)
    count(cast, Kind.PASSWORD, day=NEXT)
    count(cast, Kind.CODE, 12)
    assert signin_counts.take_untold(staff=vera, now=at(NEXT)) == {"password": 4, "code": 12}
    assert signin_counts.take_untold(staff=vera, now=at(NEXT)) == {}
    count(cast, Kind.CODE, day=NEXT)
    assert signin_counts.take_untold(staff=cast["vino"], now=at(NEXT)) == {}
    assert signin_counts.take_untold(staff=vera, now=at(NEXT)) == {"code": 1}
    assert [row.day for row in signin_counts.days_of(account=vera.pk, since=NEXT)] == [NEXT, NEXT]


def test_at_night_one_entry_for_each_account_takes_the_counts(cast: Cast) -> None:
    count(cast, Kind.PASSWORD, 3)
    count(cast, Kind.CODE, 12)
    count(cast, Kind.ADDRESS, 40, name="vino")
    count(cast, Kind.PASSWORD, 5, day=NEXT)
    signin_counts.count(kind=Kind.PASSWORD, account=UNKNOWN_ACCOUNT, day=DAY)
    assert signin_counts.record_days(today=NEXT, now=at(NEXT, 0)) == 3
    vera, vino = str(cast["vera"].pk), str(cast["vino"].pk)
    told = sorted(entries(), key=lambda facts: str(facts["staff"]))
    expected = [
        {"staff": vera, "day": DAY.isoformat(), "password": 3, "code": 12},
        {"staff": vino, "day": DAY.isoformat(), "address": 40},
        {"staff": "unknown", "day": DAY.isoformat(), "password": 1},
    ]
    assert told == sorted(expected, key=lambda facts: str(facts["staff"]))
    assert signin_counts.record_days(today=NEXT, now=at(NEXT, 1)) == 0, "it may run twice"
    assert verify.verify_chain().whole


def test_what_is_counted_after_the_entry_goes_into_another(cast: Cast) -> None:
    """As when the clock of the jobs is ahead: nothing is counted twice, and nothing is lost."""
    count(cast, Kind.CODE, 2)
    signin_counts.record_days(today=NEXT, now=at(NEXT, 0))
    count(cast, Kind.CODE, 3)
    signin_counts.record_days(today=NEXT, now=at(NEXT, 1))
    assert [facts["code"] for facts in entries()] == [2, 3]


def test_old_counts_are_deleted(cast: Cast) -> None:
    count(cast, Kind.CODE)
    signin_counts.record_days(today=DAY + COUNTS_KEPT, now=at(NEXT))
    assert SigninCount.objects.count() == 1
    signin_counts.record_days(today=DAY + COUNTS_KEPT + timedelta(days=1), now=at(NEXT))
    assert not SigninCount.objects.exists()


def test_administrators_are_told_by_fixed_words_once_a_day(cast: Cast) -> None:
    count(cast, Kind.PASSWORD, TELL_ABOVE)
    signin_counts.count(kind=Kind.PASSWORD, account=UNKNOWN_ACCOUNT, day=DAY)
    SigninCount.objects.filter(account=UNKNOWN_ACCOUNT).update(n=F("n") + 1000)
    assert signin_counts.tell_administrators(today=DAY, now=at(DAY)) == 0
    count(cast, Kind.CODE)
    assert signin_counts.tell_administrators(today=DAY, now=at(DAY)) == 2
    count(cast, Kind.ADDRESS, 50)
    assert signin_counts.tell_administrators(today=DAY, now=at(DAY)) == 0, "once for an account and day"
    count(cast, Kind.CODE, TELL_ABOVE + 1, name="vino", day=NEXT)
    assert signin_counts.tell_administrators(today=NEXT, now=at(NEXT)) == 2
    assert {tuple(letter.to) for letter in mail.outbox} == {("adi@example.invalid",), ("super@example.invalid",)}
    assert len({(letter.subject, letter.body) for letter in mail.outbox}) == 1
    assert "vera" not in mail.outbox[0].body and "Petugas" in mail.outbox[0].body


def _refuse(message: object) -> int:
    raise SMTPDataError(554, b"no")


def test_a_mail_that_failed_is_sent_again(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    count(cast, Kind.CODE, TELL_ABOVE + 1)
    with monkeypatch.context() as patch:
        patch.setattr("complaints.adapters.mail.EmailMessage.send", _refuse)
        assert signin_counts.tell_administrators(today=DAY, now=at(DAY)) == 0
    assert signin_counts.tell_administrators(today=DAY, now=at(DAY)) == 2


def test_a_change_is_told_by_mail_and_at_the_next_sign_in(
    cast: Cast, django_capture_on_commit_callbacks: object
) -> None:
    vera, now = cast["vera"], at(DAY)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        for event, kind in (("factor.added", "webauthn"), ("factor.codes_made", "recovery_codes")):
            with mfa.recorded_change(event=event, staff=vera, kind=kind, now=now, signer=None):
                pass
    assert [letter.to for letter in mail.outbox] == [["vera@example.invalid"]] * 2
    assert len({letter.body for letter in mail.outbox}) == 1, "fixed words"
    assert "kunci" not in mail.outbox[0].body
    assert signin_counts.take_untold(staff=vera, now=at(NEXT)) == {"factor_added": 1, "codes_made": 1}
    assert signin_counts.record_days(today=NEXT, now=at(NEXT)) == 0, "changes have entries of their own"


def test_somebody_without_an_address_is_told_at_the_sign_in(cast: Cast) -> None:
    Staff.objects.filter(username="vera").update(email="")
    with mfa.recorded_change(event="factor.removed", staff=cast["vera"], kind="totp", now=at(DAY), signer=None):
        pass
    assert signin_counts.take_untold(staff=cast["vera"], now=at(NEXT)) == {"factor_removed": 1}


def test_the_job_does_both(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[date, datetime]] = []
    monkeypatch.setattr(scheduled, "report_signin_counts", lambda *, today, now: calls.append((today, now)))
    tasks.signin_counts()
    assert len(calls) == 1 and "signin_counts" in {job.name for job in queue.JOBS}
    monkeypatch.undo()
    count(cast, Kind.CODE, TELL_ABOVE + 1)
    scheduled.report_signin_counts(today=NEXT, now=at(NEXT, 0))
    assert len(mail.outbox) == 2 and len(entries()) == 1


# --- Whoever writes to the database


@pytest.mark.parametrize("how", ["deleted", "lowered"])
def test_a_count_that_was_set_back_is_raised_again_and_told(cast: Cast, how: str) -> None:
    count(cast, Kind.CODE, 4)
    if how == "deleted":
        SigninCount.objects.all().delete()
    else:
        SigninCount.objects.update(n=1)
    count(cast, Kind.CODE)
    assert SigninCount.objects.get().n == 5
    fault = VerificationFault.objects.get()
    assert (fault.code, fault.subject, fault.state) == ("signin.fell", f"staff {cast['vera'].pk}", "2026-11-09.code")


def test_after_ten_wrong_codes_no_row_makes_one_code_enough(cast: Cast) -> None:
    count(cast, Kind.CODE, SINGLE_CODES)
    SigninCount.objects.all().delete()
    assert signin_counts.needs_two_codes(staff=cast["vera"], day=DAY)
    assert not signin_counts.needs_two_codes(staff=cast["vera"], day=NEXT)
    assert signin_counts.count(kind=Kind.CODE, account=cast["vera"].pk, day=DAY) == SINGLE_CODES + 1


def test_a_process_that_begins_anew_believes_the_row(cast: Cast) -> None:
    count(cast, Kind.CODE, 4)
    signin_floors.forget_all()
    SigninCount.objects.update(n=2)
    count(cast, Kind.CODE)
    assert SigninCount.objects.get().n == 3
    assert not VerificationFault.objects.exists()


def test_no_act_of_the_portal_looks_like_a_count_set_back(cast: Cast) -> None:
    """Right codes, other days, changes that are undone, and right codes that another process has counted."""
    vera = cast["vera"].pk
    count(cast, Kind.CODE, 3)
    signin_counts.take_back(kind=Kind.CODE, account=vera, day=DAY)
    count(cast, Kind.CODE)
    count(cast, Kind.CODE, day=NEXT)
    count(cast, Kind.CODE, day=DAY)
    signin_counts.note_change(staff=cast["vera"], kind=Kind.CODES_MADE, now=at(DAY))
    SigninCount.objects.filter(kind=Kind.CODES_MADE).delete()
    signin_counts.note_change(staff=cast["vera"], kind=Kind.CODES_MADE, now=at(DAY))
    before = signin_floors.counted(vera, "code", NEXT)
    signin_counts.take_back(kind=Kind.CODE, account=vera, day=NEXT)
    assert not signin_floors.has_fallen(vera, "code", before, 1), "a right code was taken back meanwhile"
    assert not VerificationFault.objects.exists()


def test_the_memory_of_a_process_is_bounded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signin_floors, "MOST", 3)
    accounts = [uuid.uuid4() for _account in range(5)]
    for account in accounts:
        signin_floors.add(account, "code", DAY)
    assert [signin_floors.counted(account, "code", DAY).n for account in accounts] == [0, 0, 1, 1, 1]


# --- What was told is in the chain ------------------------------------------------------------------------------------


def counted_and_told(cast: Cast) -> None:
    """A day with many wrong passwords, which the person, administrators and the chain were told of."""
    count(cast, Kind.PASSWORD, TELL_ABOVE + 1)
    assert signin_counts.tell_administrators(today=DAY, now=at(DAY)) == 2
    assert signin_counts.take_untold(staff=cast["vera"], now=at(DAY))
    assert signin_counts.record_days(today=NEXT, now=at(NEXT, 0)) == 1


def faults() -> set[str]:
    return {fault.code for fault in verify.verify_chain().faults}


def test_what_was_told_is_as_recorded(cast: Cast) -> None:
    counted_and_told(cast)
    assert faults() == set()
    count(cast, Kind.PASSWORD, day=NEXT)
    signin_counts.note_change(staff=cast["vera"], kind=Kind.FACTOR_ADDED, now=at(NEXT))
    assert signin_counts.take_untold(staff=cast["vera"], now=at(NEXT)) == {"password": 1, "factor_added": 1}
    signin_counts.record_days(
        today=DAY + COUNTS_KEPT + timedelta(days=1), now=at(DAY + COUNTS_KEPT + timedelta(days=1))
    )
    assert SigninCount.objects.filter(day=DAY).count() == 0
    assert faults() == set(), "old counts are deleted"


@pytest.mark.parametrize(
    "altered",
    [{"notified": 0}, {"recorded": 0}, {"n": 3}, {"kind": "code"}, {"day": DAY - timedelta(days=1)}],
    ids=str,
)
def test_a_count_that_is_not_as_recorded_is_named(cast: Cast, altered: dict[str, object]) -> None:
    counted_and_told(cast)
    SigninCount.objects.update(**altered)
    assert faults() == {"signin.count"}


def test_a_count_that_is_gone_is_named(cast: Cast) -> None:
    counted_and_told(cast)
    SigninCount.objects.all().delete()
    assert faults() == {"signin.count"}


@pytest.mark.parametrize("altered", [{"n": 0}, {"n": 2}, {"kind": "factor_removed"}, {"day": NEXT}, None], ids=str)
def test_a_change_of_which_the_person_is_not_to_be_told_is_named(cast: Cast, altered: dict[str, object] | None) -> None:
    """A count that is gone before the next sign-in tells the person nothing of a factor that somebody added."""
    signin_counts.note_change(staff=cast["vera"], kind=Kind.FACTOR_ADDED, now=at(DAY))
    assert faults() == set()
    rows = SigninCount.objects.filter(kind=Kind.FACTOR_ADDED)
    rows.update(**altered) if altered else rows.delete()
    assert faults() == {"signin.count"}


@pytest.mark.parametrize("altered", [{"notified": 11}, {"recorded": 11}, {"is_mailed": True}], ids=str)
def test_what_nobody_was_told_of_and_is_marked_as_told_is_named(cast: Cast, altered: dict[str, object]) -> None:
    count(cast, Kind.PASSWORD, TELL_ABOVE + 1)
    SigninCount.objects.update(**altered)
    assert faults() == {"signin.count"}


def test_a_count_of_unknown_names_that_the_chain_took_is_compared(cast: Cast) -> None:
    for _attempt in range(3):
        signin_counts.count(kind=Kind.PASSWORD, account=UNKNOWN_ACCOUNT, day=DAY)
    signin_counts.record_days(today=NEXT, now=at(NEXT, 0))
    assert faults() == set()
    rows = SigninCount.objects.filter(account=UNKNOWN_ACCOUNT)
    for altered in ({"n": 1}, {"n": 9, "recorded": 9}, {"n": 3, "recorded": 0}, {"recorded": 3, "is_mailed": True}):
        rows.update(**altered)
        assert faults() == {"signin.count"}
        rows.update(n=3, recorded=3, is_mailed=False)
        assert faults() == set()
    rows.delete()
    assert faults() == {"signin.count"}
