"""A job is claimed by one node at a time, comes again when its node was killed, and remembers that it failed."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.job import FAILURE_DAYS, JobFailure, JobRun
from complaints.queue import ATTEMPTS, BY_NAME, JOBS, PICKED_UP_WITHIN, RETRY_AFTER, lease
from complaints.services import job_runs, retention
from complaints.services.job_runs import Claim, Run
from complaints.services.keyring import Actor
from tests.runner import only_due, run_round
from tests.world import Cast, at

NOW = at(date(2026, 11, 9), 9)
NAMES = {str(job.name) for job in JOBS}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error_type", "failures", "days", "told"),
    [
        ("Unconfined", 1, 0, True),
        ("Unconfined", 9, 1, True),
        ("Unconfined", 1, 2, False),
        ("Unconfined", 0, 0, False),
        ("OSError", 1, 0, False),
    ],
)
def test_files_count_as_unopened_until_their_job_goes_through(
    error_type: str, failures: int, days: int, told: bool
) -> None:
    today = NOW.date()
    JobRun.objects.create(name="process_evidence", due_at=NOW, failures=failures)
    JobFailure.objects.create(name="process_evidence", day=today - timedelta(days=days), type=error_type)
    JobRun.objects.create(name="sweep", due_at=NOW, failures=1)
    assert job_runs.unconfined_runs(today=today).exists() is told


@pytest.fixture
def sweep_alone(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of one job, of 00.30, which is due."""
    monkeypatch.setattr(job_runs, "JOBS", (BY_NAME["sweep"],))
    JobRun.objects.create(name="sweep", due_at=NOW - timedelta(minutes=1))


def claimed(now: datetime = NOW) -> Claim:
    claim = job_runs.claim_due_job(now=now)
    assert claim
    return claim


def begun(now: datetime = NOW) -> Run:
    run = job_runs.begin(claimed(now), now=now)
    assert run
    return run


def test_every_job_without_a_row_is_due(db: None) -> None:
    taken = set()
    while claim := job_runs.claim_due_job(now=NOW):
        taken.add(claim.name)
    assert taken == NAMES


def test_the_job_that_has_been_due_longest_comes_first(db: None) -> None:
    only_due()
    JobRun.objects.filter(name="sweep").update(due_at=NOW - timedelta(hours=2))
    JobRun.objects.filter(name="heartbeat").update(due_at=NOW - timedelta(hours=1))
    JobRun.objects.exclude(name__in=["sweep", "heartbeat"]).update(due_at=NOW + timedelta(seconds=1))
    assert [claimed().name, claimed().name, job_runs.claim_due_job(now=NOW)] == ["sweep", "heartbeat", None]


def test_a_claimed_job_is_nobody_elses(sweep_alone: None) -> None:
    mine = begun()
    for beats in range(1, 60):
        moment = NOW + beats * lease() / 2
        assert job_runs.claim_due_job(now=moment) is None
        assert job_runs.renew(mine, now=moment), "as long as its worker renews the lease"
    JobRun.objects.update(claimed_until=NOW + lease())
    job_runs.finish(mine, now=NOW + timedelta(seconds=5))
    run = JobRun.objects.get(name="sweep")
    assert timezone.localtime(run.due_at).isoformat() == "2026-11-10T00:30:00+07:00"
    assert (run.claimed_until, run.begun_at, run.failures) == (None, None, 0)


def test_many_nodes_at_once_take_each_job_once(transactional_db: None) -> None:
    taken: list[str] = []

    def node() -> None:
        try:
            while claim := job_runs.claim_due_job(now=NOW):
                taken.append(claim.name)
        finally:
            connection.close()

    threads = [threading.Thread(target=node) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(NAMES)


def test_a_job_that_waited_too_long_for_a_worker_is_free_again(sweep_alone: None) -> None:
    first, later = claimed(), NOW + PICKED_UP_WITHIN
    second = claimed(later)
    assert job_runs.begin(first, now=later) is None, "the first node has to leave it"
    assert job_runs.begin(second, now=later)
    assert not JobFailure.objects.exists(), "nothing was killed"


def test_the_job_of_a_killed_worker_comes_again_after_the_lease(sweep_alone: None) -> None:
    lost = begun()
    over = NOW + lease()
    assert job_runs.claim_due_job(now=over - timedelta(seconds=1)) is None
    again = begun(over)
    assert JobFailure.objects.values_list("name", "type").get() == ("sweep", "Killed")
    # What comes late from the lost run changes nothing.
    job_runs.finish(lost, now=over)
    job_runs.record_failure(lost, error_type="OSError", now=over)
    assert not job_runs.renew(lost, now=over), "its process has to end"
    assert JobRun.objects.get(name="sweep").begun_at == again.begun_at
    job_runs.finish(again, now=over)
    assert not job_runs.renew(again, now=over), "nothing is left to renew"


def test_a_run_that_began_since_the_clock_was_read_is_not_taken(sweep_alone: None) -> None:
    """The node that looks for work has read the clock, and a worker begins before it reads the row."""
    waiting = claimed()
    assert job_runs.begin(waiting, now=NOW + timedelta(milliseconds=5))
    assert job_runs.claim_due_job(now=NOW) is None
    assert not JobFailure.objects.exists(), "nothing was killed"


def test_a_job_that_kills_every_worker_waits_for_its_hour(sweep_alone: None) -> None:
    moment = NOW
    for _ in range(ATTEMPTS):
        begun(moment)
        moment += lease()
    assert job_runs.claim_due_job(now=moment) is None
    assert timezone.localtime(JobRun.objects.get(name="sweep").due_at).hour == 0


def test_a_failed_job_is_tried_again_and_then_waits_for_its_hour(sweep_alone: None) -> None:
    moment = NOW
    for attempt in range(1, ATTEMPTS + 1):
        job_runs.record_failure(begun(moment), error_type="OSError", now=moment)
        run = JobRun.objects.get(name="sweep")
        assert run.failures == attempt
        if attempt < ATTEMPTS:
            assert run.due_at == moment + RETRY_AFTER
        moment = run.due_at
    assert timezone.localtime(moment).isoformat() == "2026-11-10T00:30:00+07:00"
    assert JobFailure.objects.values_list("name", "day", "type").get() == ("sweep", date(2026, 11, 9), "OSError")
    job_runs.finish(begun(moment), now=moment)
    assert job_runs.failing_jobs() == 0


def test_a_job_of_every_minute_does_not_wait_longer_after_a_failure(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runs, "JOBS", (BY_NAME["heartbeat"],))
    job_runs.record_failure(begun(), error_type="OSError", now=NOW)
    assert JobRun.objects.get(name="heartbeat").due_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize("column", ["due_at", "claimed_until"])
def test_an_hour_that_nobody_of_ours_wrote_does_not_silence_a_job(sweep_alone: None, column: str) -> None:
    """Somebody who writes rows, or a clock far ahead, could else put off the nightly jobs for ever."""
    JobRun.objects.update(**{column: datetime(2099, 1, 1, tzinfo=UTC)})
    assert job_runs.claim_due_job(now=NOW) or job_runs.claim_due_job(now=NOW + timedelta(days=1))


@pytest.mark.parametrize("model", [JobRun, JobFailure])
def test_the_database_refuses_a_name_that_is_not_on_the_list(db: None, model: type[JobRun | JobFailure]) -> None:
    values = {"due_at": NOW} if model is JobRun else {"day": NOW.date(), "type": "OSError"}
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.create(name="os.system", **values)


def test_the_clock_is_the_databases(db: None) -> None:
    assert abs(job_runs.database_now() - datetime.now(UTC)) < timedelta(minutes=5)


def test_an_administrator_runs_a_job_again(cast: Cast) -> None:
    only_due()
    actor = Actor(cast.ring("adi"), NOW)
    assert job_runs.run_again(actor=actor, name="sweep")
    claim = job_runs.claim_due_job(now=job_runs.database_now() + timedelta(seconds=1))
    assert claim
    assert claim.name == "sweep"
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.event, entry.actor, entry.facts) == ("job.asked", cast["adi"].pk, {"job": "sweep"})
    assert not job_runs.run_again(actor=actor, name="os.system")


def test_failures_are_kept_for_a_month(db: None) -> None:
    today = NOW.date()
    for days in (FAILURE_DAYS, FAILURE_DAYS + 1):
        JobFailure.objects.create(name="sweep", day=today - timedelta(days=days), type="OSError")
    retention.sweep(today=today)
    assert JobFailure.objects.get().day == today - timedelta(days=FAILURE_DAYS)


def test_a_sentence_that_somebody_wrote_into_a_failure_is_shown_to_nobody(db: None) -> None:
    day = date(2026, 11, 9)
    for error_type in ("OSError", "botocore.exceptions.ClientError", "Telepon 0812 untuk bantuan", "<b>x</b>", ""):
        JobFailure.objects.create(name="sweep", day=day, type=error_type)
    assert [failure.type for failure in job_runs.recent_failures()] == ["OSError", "botocore.exceptions.ClientError"]


@pytest.mark.django_db
@pytest.mark.parametrize(("error", "lines"), [(OperationalError("away"), False), (ValueError("x"), True)])
def test_a_database_that_goes_away_under_a_job_writes_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, lines: bool
) -> None:
    def breaks() -> None:
        raise error

    only_due("sweep")
    monkeypatch.setattr("complaints.tasks.sweep", breaks)
    run_round(monkeypatch)
    (record,) = [record for record in caplog.records if record.getMessage() == "A job broke: sweep"]
    assert bool(record.exc_info) is lines
    assert JobFailure.objects.get().type == type(error).__name__
