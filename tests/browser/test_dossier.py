"""A liaison presses the button once and has all that the body holds."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

from tests.browser.conftest import Opener
from tests.browser.people import Officer
from tests.cases import forwarded
from tests.world import Cast


def test_all_files_arrive_in_one_zip(window: Opener, live_cast: Cast, tmp_path: Path) -> None:
    sent, _release = forwarded(live_cast, files=True)
    kirana = Officer(window(), "kirana")
    kirana.opens("release", sent.case.reference)
    assert "1 laporan" in kirana.window.words
    name, content = kirana.window.download(kirana.page.get_by_role("button", name="Unduh semua (ZIP)").click)
    assert name == f"{sent.case.reference}-penerusan-1.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        assert found.testzip() is None
        listed = [line["name"] for line in json.loads(found.read("manifest.json"))["files"]]
        assert found.namelist() == [*listed, "manifest.json"]
        # The page opens without the portal, says what its release says, and asks nothing of a network.
        (tmp_path / "berkas.html").write_bytes(found.read("berkas-penerusan.html"))
    browser = kirana.page.context.browser
    assert browser is not None
    elsewhere = browser.new_page(offline=True)
    elsewhere.goto((tmp_path / "berkas.html").as_uri())
    words = elsewhere.locator("body").inner_text()
    elsewhere.close()
    assert "Pada rapat pagi" in words and "Laporan-1/bukti-1.jpg" in words
    if shutil.which("unzip"):
        (tmp_path / name).write_bytes(content)
        done = subprocess.run(["unzip", "-t", tmp_path / name], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
