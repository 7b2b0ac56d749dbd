"""The background jobs for administrators: how each stands, which failed lately, and a button to run one again."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.models.job import JobFailure, JobName
from complaints.services import job_runs


@staff_page("GET", opens_for=access.may_administer)
def job_list(request: StaffRequest) -> HttpResponse:
    """Show every job and the failures of the last days."""
    context = {
        "title": _("Background jobs"),
        "jobs": list(job_runs.job_states()),
        "failures": list(job_runs.recent_failures()),
    }
    return render(request, "admin/jobs.html", context, model=JobFailure)


@staff_page("POST", opens_for=access.may_administer)
def run_again(request: StaffRequest, name: str) -> HttpResponse:
    """Make a job due at once."""
    if not job_runs.run_again(actor=request.actor, name=name):
        raise Http404
    messages.success(request, _("“%(job)s” runs again within a minute.") % {"job": JobName(name).label})
    return redirect("admin:complaints_jobfailure_changelist")
