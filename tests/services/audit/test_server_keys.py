"""The server's signing key is replaced: what the earlier one signed still counts, up to the entry of the change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings
from pytest_django import Settings

from complaints.checks import check_configuration
from complaints.domain.errors import SealError
from complaints.domain.workflow import Action
from complaints.models.batch import Batch
from complaints.models.evidence import Evidence
from complaints.models.verification import VerificationFault
from complaints.services import case_file, follow_up
from complaints.services.audit import log, nightly_run, open_batch, recorded_accounts, verify
from complaints.services.evidence import storage
from complaints.services.keyring import Actor
from tests.cases import act, in_review, with_photo
from tests.world import Cast, Sent, at

DAY = date(2026, 11, 9)
NOW = at(DAY)
NEW = "44" * 32
KEY = "55" * 32
pytestmark = pytest.mark.django_db


def codes() -> set[str]:
    return {fault.code for fault in verify.verify_chain().faults}


@pytest.fixture
def sent(cast: Cast) -> Sent:
    """A case in review with a working copy, the verification of a night, and a look at the open batch."""
    sent = in_review(cast)
    with_photo(sent)
    assert nightly_run.run(today=DAY, seconds=600)
    assert open_batch.look() == []
    return sent


@pytest.fixture
def earlier(sent: Sent) -> Iterator[str]:
    """The setting with the earlier key, on a portal that has another key since its last entry."""
    keys = f"{log.head()[0]}:{Batch.objects.count()}={log.server_signer().public.hex()}"
    with override_settings(SERVER_SIGNING_KEY=NEW, SERVER_VERIFY_KEYS_OLD=keys):
        yield keys


def test_what_the_earlier_key_signed_counts(cast: Cast, sent: Sent, earlier: str) -> None:
    act(cast, "vera", sent, Action.VERIFY)
    assert codes() == set()
    assert follow_up.status_page(ticket=sent.ticket, today=DAY).status == "verified"
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), NOW), case_id=sent.case.pk)
    assert not opened.under_check
    assert opened.complaints[0].evidence[0].working
    assert recorded_accounts.account_is_recorded(cast["vera"].pk)
    assert recorded_accounts.factors_are_recorded(cast["vera"].pk)


@pytest.mark.parametrize("worked_batch", [2, None])
def test_a_copy_of_a_later_batch_by_the_earlier_key_is_not_the_servers(
    cast: Cast, sent: Sent, earlier: str, worked_batch: int | None
) -> None:
    """Whoever holds the earlier key makes copies; the root of a batch binds those from before the change."""
    item = Evidence.objects.get()
    assert item.worked_batch == Batch.objects.count() == 1
    Evidence.objects.update(worked_batch=worked_batch)
    item.refresh_from_db()
    pair = cast.ring("vera").complaint(item.complaint)
    copy = item.objects_stored.get(variant="working")
    with pytest.raises(SealError):
        storage.read_info(pair, copy, item, item.complaint)
    with pytest.raises(SealError):
        storage.read_file_report(pair, item)


def test_the_change_is_no_fault_of_the_night_and_of_the_open_batch(sent: Sent, earlier: str) -> None:
    assert nightly_run.run(today=DAY + timedelta(days=1), seconds=600)
    assert not VerificationFault.objects.exists()
    assert open_batch.look() == []
    assert open_batch.look() == []


def test_without_the_earlier_key_its_entries_are_not_genuine(cast: Cast, sent: Sent, earlier: str) -> None:
    with override_settings(SERVER_VERIFY_KEYS_OLD=""):
        assert codes() == {"entry.not_by_portal"}
        assert follow_up.status_page(ticket=sent.ticket, today=DAY).under_check
        nightly_run.run(today=DAY + timedelta(days=1), seconds=600)
    assert VerificationFault.objects.filter(code="record.altered").exists()


def test_the_earlier_key_signs_nothing_that_comes_after(cast: Cast, sent: Sent, earlier: str) -> None:
    """Whoever has it, or a node that nobody stopped, appends entries that are named."""
    with override_settings(SERVER_SIGNING_KEY="33" * 32, SERVER_VERIFY_KEYS_OLD=""):
        act(cast, "vera", sent, Action.VERIFY)
    assert codes() == {"entry.not_by_portal"}
    assert follow_up.status_page(ticket=sent.ticket, today=DAY).under_check


def test_an_entry_of_a_job_that_the_earlier_key_signed_counts_as_the_servers(sent: Sent, earlier: str) -> None:
    log.append(event="job.asked", now=NOW)
    assert codes() == set()


def test_the_command_keeps_the_earlier_public_key_and_its_last_entry(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    settings.ENV_FILE = tmp_path / "portal.env"
    settings.ENV_FILE.write_text("SECRET_KEY=tetap\n")
    seed, output = settings.SERVER_SIGNING_KEY, StringIO()
    first = f"{log.head()[0]}:{Batch.objects.count()}={log.server_signer().public.hex()}"
    settings.SERVER_VERIFY_KEYS_OLD = "1:1=" + "55" * 32
    call_command("rotate_server_key", stdout=output)
    lines = dict(line.split("=", 1) for line in settings.ENV_FILE.read_text().splitlines() if line)
    assert lines["SERVER_VERIFY_KEYS_OLD"] == f"1:1={'55' * 32},{first}"
    assert lines["SECRET_KEY"] == "tetap"
    assert len(bytes.fromhex(lines["SERVER_SIGNING_KEY"])) == 32
    assert lines["SERVER_SIGNING_KEY"] != seed
    assert lines["SERVER_SIGNING_KEY"] not in output.getvalue()
    settings.SERVER_SIGNING_KEY = lines["SERVER_SIGNING_KEY"]
    settings.SERVER_VERIFY_KEYS_OLD = lines["SERVER_VERIFY_KEYS_OLD"]
    assert codes() == set()


@pytest.mark.parametrize(
    "keys", ["x", "1", "1:1", "1:1=zz", "1=" + KEY, "0:1=" + KEY, "-1:1=" + KEY, "1:-1=" + KEY, "1:1=55"]
)
def test_the_deployment_check_refuses_what_is_no_key(settings: Settings, keys: str) -> None:
    settings.SERVER_SIGNING_KEY = bytes(range(32)).hex()
    settings.SERVER_VERIFY_KEYS_OLD = keys
    assert "portal.E062" in {message.id for message in check_configuration(None)}
    settings.SERVER_VERIFY_KEYS_OLD = f"5:0={KEY},6:1={KEY}"
    assert "portal.E062" not in {message.id for message in check_configuration(None)}
