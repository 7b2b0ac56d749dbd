"""The server restarts while somebody writes: what is typed comes through, and is sent once."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from bench.server import free_port
from complaints.models.complaint import Complaint
from tests.browser.people import Reporter
from tests.browser.test_keeping import HIDE, KEPT, UNKEPT, hides
from tests.browser.window import Window
from tests.project.test_tooling import needs_proc
from tests.webserver import HOST, database_url, serving
from tests.world import Cast

pytestmark = [needs_proc, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 360, "height": 740}


def test_words_survive_a_restart_of_the_server(browser: Browser, live_cast: Cast, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "DATABASE_URL": database_url(),
        "TEAM_KEY_PINS": live_cast.pins,
        "PORTAL_ORIGIN": f"http://{HOST}:{port}",
    }

    def started(stack: ExitStack, name: str) -> None:
        (tmp_path / name).mkdir()
        stack.enter_context(serving(tmp_path / name, environment=environment, port=port))

    reporter = Reporter(Window(browser.new_context(viewport=PHONE), f"http://{HOST}:{port}"))
    page, texts = reporter.page, reporter.texts
    with ExitStack() as first:
        started(first, "first")
        reporter.window.go("/lapor/ditekan/")
        reporter.chooses("Atasan saya", "Diancam bila menolak")
        reporter.window.press("Lanjut").press("Lanjut")
        assert reporter.window.path == "/lapor/cerita/"
    page.get_by_label("Cerita Anda").fill(texts.story)
    page.evaluate(HIDE)
    page.get_by_role("status").filter(has_text=UNKEPT).wait_for()
    with ExitStack() as second:
        started(second, "second")
        assert hides(page) == KEPT
        reporter.window.press("Lanjut")
        assert reporter.window.path == "/lapor/periksa/" and texts.story in reporter.window.words
    with ExitStack() as third:
        started(third, "third")
        reporter.window.press("Kirim laporan")
        assert len(reporter.code()) == 30
        assert Complaint.objects.count() == 1
        reporter.returns(reporter.code())
        page.get_by_label("Pesan Anda").fill("Ada tambahan.")
        assert hides(page) == KEPT
    with ExitStack() as fourth:
        started(fourth, "fourth")
        page.reload()
        assert page.get_by_label("Pesan Anda").input_value() == "Ada tambahan."
        reporter.window.press("Kirim pesan")
        assert "Pesan Anda sudah kami terima." in reporter.window.words
    reporter.window.context.close()
