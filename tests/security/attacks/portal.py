"""The portal in the test's process, as an attack of bench/attack sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings as portal
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string
from redis import Redis

from bench.attack import drafts
from bench.attack.columns import blind_columns
from bench.attack.escapes import not_refused
from bench.attack.flood import FloodResult, flood_reports
from bench.attack.flood_inside import Office, handle_flood
from bench.attack.lines import told_lines
from bench.attack.target import Account
from bench.client import Browser, Page
from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, EvidenceObject
from complaints.models.job import JobName
from complaints.models.team import Staff
from complaints.queue import JOBS
from complaints.services import mfa, submission
from complaints.services.evidence import storage
from complaints.services.team_keys import personal
from tests.images import photo
from tests.runner import run_all_due
from tests.services.evidence.uploading import on_page_3
from tests.views.walk import STORY_PAGE, send, to_story
from tests.world import PASSWORD, close_batch, draft, ring


class ClientBrowser(Browser):
    """Django's test client as a browser of bench/client.py, behind a proxy where it has a source."""

    def __init__(self, client: Client | None = None) -> None:
        super().__init__("testserver", 80, has_assets=True)
        self._client = client or Client()
        self.cookies = {name: morsel.value for name, morsel in self._client.cookies.items()}

    def request(
        self, method: str, path: str, body: bytes = b"", content_type: str = "", headers: Mapping[str, str] = {}
    ) -> Page:
        self._client.cookies.load(self.cookies)
        begun, behind_proxy = time.perf_counter(), {"x-forwarded-for": self.source} if self.source else {}
        answer = self._client.generic(method, path, body, content_type, headers={**headers, **behind_proxy})
        seconds = time.perf_counter() - begun
        self.cookies = {name: morsel.value for name, morsel in self._client.cookies.items()}
        return Page(path, answer.status_code, answer.headers.get("Location", ""), answer.content, seconds)


class TestPortal:
    """A bench.attack.target.Target with the people of tests/world.py; the caller sets BEHIND_PROXY."""

    __test__ = False
    # Of bench.attack.flood: those that a flood of this portal has.
    patterns: tuple[str, ...] = ("equal", "handful")

    def __init__(self, folder: Path, cache: Redis | None, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.cache = folder, cache
        self.secret_key = portal.SECRET_KEY
        self._monkeypatch = monkeypatch
        # Set by whoever moves the clock.
        self.clock: Any = None

    def execute(self, statement: str, values: Any = ()) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, list(values))

    def run_jobs(self) -> None:
        run_all_due(self._monkeypatch)

    def upload_file(self) -> None:
        client = Client()
        to_story(client)
        file = SimpleUploadedFile("a.jpg", photo())
        assert client.post("/lapor/cerita/", STORY_PAGE | {"go": "stay", "evidence": file}).status_code == 302

    def send_reports(self, number: int) -> None:
        assert send(Client()).status_code == 302

    def at_story(self) -> Browser:
        return ClientBrowser(on_page_3())

    def at_once(self, requests: Sequence[Callable[[], Page]]) -> list[Page]:
        return [request() for request in requests]

    def resident_mib(self) -> dict[int, float]:
        return {}

    def browser(self) -> Browser:
        return ClientBrowser()

    def account(self) -> Account:
        staff = Staff.objects.get(username="vera")
        secret = mfa.enrol_totp(staff=staff, keys=personal.unlock(staff=staff, password=PASSWORD))
        return Account(staff.username, PASSWORD, secret)

    def draft_seconds(self) -> int:
        return int(portal.REPORTER_IDLE_SECONDS["draft"])

    def draft_traces(self) -> set[str]:
        rows = {*Draft.objects.values_list("pk", flat=True), *map(str, DraftFile.objects.values_list("pk", flat=True))}
        return rows | {item.name for item in storage.storage().present()}

    def moment(self) -> float:
        return time.time()

    def wait(self, seconds: float) -> None:
        """Move the clock and let the job that deletes them run when its cron says; the caller holds the clock."""
        end = timezone.now() + timedelta(seconds=seconds)
        (job,) = [job for job in JOBS if job.name == JobName.END_DRAFTS]
        while (due := job.next_after(timezone.now())) <= end:
            self.clock.move_to(due)
            import_string(job.path)()
        self.clock.move_to(end)

    def draft_free_seconds(self) -> float:
        return drafts.seconds_until_gone(self, drafts.leave_draft(self))

    def blind_columns(self) -> list[str]:
        missing: list[str] = []
        return blind_columns(missing=missing) + missing

    def told_lines(self) -> list[str]:
        return told_lines()

    def sent_objects(self) -> set[str]:
        names = EvidenceObject.objects.values_list("object_name", flat=True)
        return set(names) & {item.name for item in storage.storage().present()}

    def flood(self) -> FloodResult:
        """Some of the patterns, and as many copies of a text that names a superior."""
        reports = flood_reports(each=31, patterns=self.patterns, copies=31, others=4, urgent=4, office=4)
        office = Office(
            lambda: ring("vera"),
            lambda: ring("fitri"),
            lambda: close_batch(timezone.now() + timedelta(days=1)),
        )
        return handle_flood(reports, base=cast(submission.Draft, draft()), same_file=list, office=office)

    def escapes(self) -> list[str]:
        place = self.folder / "escapes"
        place.mkdir()
        return not_refused(place)
