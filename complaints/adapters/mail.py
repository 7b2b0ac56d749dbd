"""Sends mail to staff, with a time limit and never during a reporter's request; a failing server is logged."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from smtplib import SMTPException

from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)


def send(to: Sequence[str], subject: str, body: str) -> int:
    """Send one plain mail; return 1, or 0 where the server refused."""
    try:
        return EmailMessage(subject=subject, body=body, to=list(to)).send()
    except (OSError, SMTPException):
        logger.warning("A staff mail could not be sent")
        return 0
