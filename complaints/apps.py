"""Registers the app, its system checks and the start of a job process; nothing else."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ComplaintsConfig(AppConfig):
    """The portal's only app."""

    name = "complaints"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """Register the checks, and what a process of the job cluster does when it is ready to work."""
        from django_q.signals import post_spawn

        from complaints import checks  # noqa: F401

        post_spawn.connect(_prepare_job_process, dispatch_uid="complaints.freeze")


def _prepare_job_process(**_signal: object) -> None:
    from complaints import tasks  # noqa: F401 - loaded before the freeze, not by the first job
    from complaints.management.memory import freeze_loaded_objects

    freeze_loaded_objects()
