"""Firefox as somebody without Chromium uses it, driven by Mozilla's own driver; what is pressed is found by its words.

A press waits for the page that it leads to, inside Firefox; nothing waits by the clock.
"""

from __future__ import annotations

import contextlib
import gc
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
PATIENCE_SECONDS = 30
# Nothing may leave the machine; pages are asked for in Indonesian.
PREFS = {
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "browser.safebrowsing.malware.enabled": False,
    "intl.accept_languages": "id",
}


class Firefox:
    """One window of Firefox."""

    def __init__(self, driver: Any, wait: Any) -> None:
        self.driver, self.wait = driver, wait

    def named(self, name: str) -> Any:
        """Return the field of that name."""
        return self.driver.find_element("css selector", f"[name={name}]")

    @property
    def path(self) -> str:
        """Where the window is."""
        return urlsplit(self.driver.get_url()).path

    @property
    def words(self) -> str:
        """The page's visible text, white space evened out."""
        return " ".join(self.driver.find_element("css selector", "body").text.split())

    def presses(self, words: str, path: str) -> None:
        """Press the link or button of those words and wait until the window is at ``path``."""
        self.driver.find_element("xpath", f"(//a|//button)[normalize-space(.)='{words}']").click()
        self.wait.until(lambda _driver: self.path == path, message=f"{words} does not lead to {path}")

    def chooses(self, label: str) -> None:
        """Press a choice by the beginning of its label; open the fold first that it lies in."""
        choice = f"//label[starts-with(normalize-space(.), '{label}')]"
        for fold in self.driver.find_elements("xpath", f"//details[not(@open)][.{choice}]/summary"):
            fold.click()
        self.driver.find_element("xpath", choice).click()


@contextlib.contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """Start Firefox without a screen, its files below ``folder``; end it afterwards."""
    # The driver and what it stands on have sources that Python warns of, and leave a socket to the collector.
    with warnings.catch_warnings(action="ignore"):
        from marionette_driver.marionette import Marionette
        from marionette_driver.wait import Wait

        log = str(folder / "firefox.log")
        driver = Marionette(bin=PROGRAM, headless=True, prefs=PREFS, gecko_log=log, workspace=str(folder))
        driver.start_session()
    try:
        yield Firefox(driver, Wait(driver, timeout=PATIENCE_SECONDS))
    finally:
        with warnings.catch_warnings(action="ignore"):
            driver.quit(in_app=True)
            driver.cleanup()
            # Its profile is removed when the last mention of it is gone: here, not while the interpreter ends.
            driver.instance = None
            gc.collect()
