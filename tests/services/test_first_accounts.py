"""An account made at the server's terminal: recorded in the chain, without a password, and of a team's role."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from complaints.models.team import Role, Staff
from complaints.services.audit import log, verify
from tests.world import Cast


def test_an_account_waits_for_the_password_of_its_person(cast: Cast) -> None:
    words = ["--first-name", "Wulan", "--last-name", "Contoh", "--agency", "Badan Contoh"]
    call_command("create_account", "wulan", "--role", "overseer", "--body", "bkn", *words)
    wulan = Staff.objects.get(username="wulan")
    assert (wulan.role, wulan.body_id, wulan.is_staff, wulan.is_superuser) == (Role.OVERSEER, "bkn", True, False)
    assert (wulan.must_recheck, wulan.must_recheck_separate) == (True, True)
    assert not wulan.has_usable_password()
    assert not wulan.has_key
    entry = log.last_entry_about(wulan.pk, "staff.changed")
    assert entry is not None
    assert entry.facts["change"] == "made"
    assert verify.verify_chain().whole


@pytest.mark.parametrize(
    "words",
    [
        ["VERA", "--role", "verifier"],  # differs from an account's by case only
        ["wulan", "--role", "overseer"],
        ["wulan", "--role", "verifier", "--body", "bkn"],
        ["wulan", "--role", "overseer", "--body", "tidak-ada"],
        ["wulan", "--role", "admin"],
        ["wulan", "--role", "verifier", "--email", "bukan alamat"],
        ["nama dengan spasi", "--role", "verifier"],
    ],
)
def test_what_is_no_first_member_is_refused_and_nothing_is_written(cast: Cast, words: list[str]) -> None:
    before = Staff.objects.count()
    with pytest.raises(CommandError):
        call_command("create_account", *words)
    assert Staff.objects.count() == before
