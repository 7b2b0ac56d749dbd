"""Sends mail to staff, with a time limit and never during a reporter's request; a failing server is logged."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Protocol

from django.core.mail import EmailMessage, get_connection
from django.utils import translation
from django.utils.functional import Promise

logger = logging.getLogger(__name__)


class Recipient(Protocol):
    """A person with an address ("" for none) and the code of the language that they read."""

    email: str
    language: str


def send_each(people: Iterable[Recipient], subject: Promise, body: Promise) -> int:
    """Send each person with an address a mail of their own, in their language; return how many were taken.

    All go over one connection. A server that hangs or is dead ends it: to wait for it once for each person would take
    longer than a job may, which would then begin anew with the first.
    """
    addressed = [person for person in people if person.email]
    if not addressed:
        return 0
    sent = 0
    try:
        with get_connection() as connection:
            for person in addressed:
                with translation.override(person.language):
                    message = EmailMessage(str(subject), str(body), to=[person.email], connection=connection)
                    sent += _send(message)
    except (OSError, SMTPException):
        logger.warning("The mail server does not answer; %d mails were not sent", len(addressed) - sent)
    return sent


def send(to: Sequence[str], subject: str, body: str) -> int:
    """Send one plain mail; return 1, or 0 where the server refused."""
    try:
        return _send(EmailMessage(subject=subject, body=body, to=list(to)))
    except (OSError, SMTPException):
        logger.warning("A staff mail could not be sent")
        return 0


def _send(message: EmailMessage) -> int:
    """Send a mail; 0 where this one was refused. Raises OSError and SMTPException where it takes none."""
    try:
        return message.send()
    except (SMTPRecipientsRefused, SMTPSenderRefused, SMTPDataError, ValueError):
        # ValueError: an address that cannot be written into a mail.
        logger.warning("A staff mail was refused")
        return 0
