"""The unit kanal-verify: against the heads of its own node, and a mail that tells a number and no report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command

from complaints.models.audit import AuditEntry
from tests.services.audit.test_log import flip, tampering
from tests.world import Cast

HEADS = "kepala@example.invalid"


def test_what_is_broken_is_mailed_as_a_number(cast: Cast, settings: Any, mailoutbox: list[EmailMessage]) -> None:
    settings.AUDIT_HEADS_MAIL = HEADS
    first = AuditEntry.objects.order_by("sequence").values_list("pk", flat=True)[0]
    with tampering():
        flip(AuditEntry, first, "digest")
        with pytest.raises(CommandError) as caught:
            call_command("audit_verify", "--own-heads", "--mail")
    number = len(str(caught.value).splitlines())
    assert [(mail.to, mail.body) for mail in mailoutbox] == [
        ([HEADS], f"Faults: {number}. Run audit_verify on the server.")
    ]


def test_what_is_whole_is_mailed_to_nobody(cast: Cast, settings: Any, mailoutbox: list[EmailMessage]) -> None:
    settings.AUDIT_HEADS_MAIL = HEADS
    call_command("audit_verify", "--own-heads", "--files", "--mail")
    assert mailoutbox == []


def test_the_heads_of_the_node_are_minded(cast: Cast, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEADS_FILE = tmp_path / "audit-heads.txt"
    settings.AUDIT_HEADS_FILE.write_text(f"1 1 2026-01-01 99999 {'00' * 32}\n", encoding="ascii")
    call_command("audit_verify")
    with pytest.raises(CommandError):
        call_command("audit_verify", "--own-heads")
