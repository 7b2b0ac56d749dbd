"""Administrators see which jobs failed, and run one again."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from complaints.models.audit import AuditEntry
from complaints.models.job import JobFailure, JobRun
from complaints.services import job_runs
from tests.runner import only_due
from tests.world import Cast, SignedIn

JOBS = "admin:complaints_jobfailure_changelist"


@pytest.fixture
def failed(cast: Cast) -> None:
    """A job that failed twice today."""
    only_due()
    JobRun.objects.filter(name="sweep").update(failures=2)
    JobFailure.objects.create(name="sweep", day=date(2026, 11, 9), type="OSError")


def test_the_desk_of_administrators_counts_jobs_that_fail(failed: None, signed_in: SignedIn) -> None:
    desk = signed_in("adi").get(reverse("admin:index")).content.decode()
    assert "1 tugas terjadwal gagal" in desk
    assert reverse(JOBS) in desk
    assert "tugas terjadwal gagal" not in signed_in("vera").get(reverse("admin:index")).content.decode()


def test_a_failure_is_shown_with_its_day_and_the_class_of_the_error(failed: None, signed_in: SignedIn) -> None:
    page = signed_in("adi").get(reverse(JOBS)).content.decode()
    for words in ("Penghapusan setelah masa simpan", "gagal 2 kali sejak terakhir berhasil", "9 Nov 2026", "OSError"):
        assert words in page


def test_a_killed_job_is_told_in_words(failed: None, signed_in: SignedIn) -> None:
    JobFailure.objects.update(type=job_runs.KILLED)
    page = signed_in("adi").get(reverse(JOBS)).content.decode()
    assert "dihentikan dari luar" in page
    assert job_runs.KILLED not in page


def test_run_again_makes_a_job_due_and_stands_in_the_chain(failed: None, signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("adi")
    answer = client.post(reverse("admin:complaints_jobfailure_again", args=["sweep"]), follow=True)
    assert answer.redirect_chain == [(reverse(JOBS), 302)]
    assert "dijalankan lagi" in answer.content.decode()
    assert JobRun.objects.get(name="sweep").due_at <= job_runs.database_now()
    assert AuditEntry.objects.filter(event="job.asked", actor=cast["adi"].pk, facts={"job": "sweep"}).count() == 1


def test_only_names_of_the_list_can_be_run(failed: None, signed_in: SignedIn) -> None:
    assert signed_in("adi").post(reverse("admin:complaints_jobfailure_again", args=["system"])).status_code == 404
    assert not AuditEntry.objects.filter(event="job.asked").exists()
