"""kill -9 of the process that erases, at each of its steps: the next run goes on, and nothing is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from complaints.models.audit import AuditEntry
from complaints.models.complaint import Complaint
from complaints.models.erasure import ErasedObject
from complaints.services.audit import log, verify
from complaints.services.erasure import remains
from complaints.services.evidence import storage
from tests.erasures import agreed, left_of
from tests.floods import close_day
from tests.opened import everything
from tests.roles import postgresql
from tests.services.erasure.test_erasing import withdrawn
from tests.services.evidence.uploading import store_in
from tests.webserver import ROOT, database_url, environment_of
from tests.world import Cast

pytestmark = [
    pytest.mark.skipif(not postgresql, reason="SQLite has no role that erases"),
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
]

# Prints the state in which each killed process left the erasure. A process of the first kind dies when it has written
# an entry and not committed it, one of the second when a step is committed.
ERASING = """
import itertools, os, signal, sys, uuid
import django
django.setup()
from django.db import connection
from django.utils import timezone
from complaints.models.erasure import Erasure
from complaints.services.erasure import erasing

def dying(call):
    def dies(*arguments, **named):
        call(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return dies

erasing.SLICE = 2
for number in itertools.count():
    child = os.fork()
    if not child:
        if number % 2 == 0:
            erasing.log.append = dying(erasing.log.append)
        else:
            for name in ("_make_unreadable", "_delete_slice", "_delete_objects", "_finish"):
                setattr(erasing, name, dying(getattr(erasing, name)))
        os._exit(0 if erasing.erase(uuid.UUID(sys.argv[1]), now=timezone.now()) else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(Erasure.objects.get().state, status, flush=True)
    connection.close()
    if status != -signal.SIGKILL:
        sys.exit(status)
"""


def test_a_process_that_is_killed_anywhere_leaves_nothing_undone(
    live_cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    store_in(settings, tmp_path / "store")
    gone, other = withdrawn(live_cast, "melati"), withdrawn(live_cast, "mawar")
    close_day()
    heads, known = log.heads(), gone.ticket.complaint_id
    names = set(remains.objects_of(remains.of_report(known)))
    stored = {item.name for item in storage.storage().present()}
    assert names and names < stored
    row = agreed(known)
    more = {"DATABASE_URL": database_url(), "EVIDENCE_DIR": str(tmp_path / "store"), "TEAM_KEY_PINS": live_cast.pins}
    command = [sys.executable, "-c", ERASING, str(row.pk)]
    done = subprocess.run(command, cwd=ROOT, env=environment_of(more), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    states = [line.split()[0] for line in done.stdout.splitlines()]
    # Killed twice in each state at least: with an entry that is not committed, and behind one that is.
    assert states[:2] == ["confirmed", "unreadable"] and len(states) > 8, states
    assert {states.count(state) > 1 for state in ("unreadable", "rows_gone", "objects_gone")} == {True}, states
    assert (left_of(known), ErasedObject.objects.count()) == ({}, 0)
    assert {item.name for item in storage.storage().present()} == stored - names
    left = everything([gone, other])
    assert b"melati" not in left and b"Kisah mawar" in left
    assert not Complaint.objects.filter(pk=known).exists()
    assert verify.verify_chain(heads=[*heads, *log.heads()]).whole
    numbers = [entry.facts["number"] for entry in AuditEntry.objects.filter(event="erasure.unreadable")]
    assert numbers == [1], "its number is given once, however often it began"
    assert timezone.localdate() == Complaint.stored.get(pk=known).erased_on
