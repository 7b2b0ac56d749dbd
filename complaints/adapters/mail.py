"""Sends mail to staff, with a time limit and never during a reporter's request; a failing server is logged."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from smtplib import SMTPException
from typing import Protocol

from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.functional import Promise

logger = logging.getLogger(__name__)


class Recipient(Protocol):
    """A person with an address ("" for none) and the code of the language that they read."""

    email: str
    language: str


def send_each(people: Iterable[Recipient], subject: Promise, body: Promise) -> int:
    """Send each person with an address a mail of their own, in their language; return how many were taken."""
    sent = 0
    for person in people:
        if person.email:
            with translation.override(person.language):
                sent += send([person.email], str(subject), str(body))
    return sent


def send(to: Sequence[str], subject: str, body: str) -> int:
    """Send one plain mail; return 1, or 0 where the server refused."""
    try:
        return EmailMessage(subject=subject, body=body, to=list(to)).send()
    except (OSError, SMTPException):
        logger.warning("A staff mail could not be sent")
        return 0
