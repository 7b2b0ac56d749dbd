"""The processes of the portal let no other process of the same user read their memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SEEN = """
import ctypes, resource
def seen():
    return [ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[1]]
"""
GUNICORN = """
import runpy
runpy.run_path("deploy/gunicorn.conf.py")
"""
COMMAND = """
import django
django.setup()
from unittest import mock
from complaints.management.commands import {name}
with mock.patch.object({name}, "{after}", side_effect=SystemExit):
    try:
        {name}.Command().handle({arguments})
    except SystemExit:
        pass
"""


def seen_after(begin: str) -> str:
    program = f"{SEEN}\n{begin}\nprint(seen())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(GUNICORN, id="web server"),
        pytest.param(
            COMMAND.format(name="work", after="Cluster", arguments="grace=1, unwatched=True, beats=None, until=None"),
            id="job runner",
        ),
        pytest.param(COMMAND.format(name="serve", after="StopRequest", arguments="host='x', port=1"), id="serve"),
    ],
)
def test_no_other_process_reads_its_memory(begin: str) -> None:
    assert seen_after(begin) == "[0, 0]"


def test_a_plain_process_would_let_others_read() -> None:
    assert seen_after("").startswith("[1,")
