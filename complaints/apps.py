"""Registers the app and its system checks; nothing else."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ComplaintsConfig(AppConfig):
    """The one app of the portal."""

    name = "complaints"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """Register the checks."""
        from complaints import checks  # noqa: F401
