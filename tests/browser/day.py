"""A burst day: two hundred reports, forty-five of them about one post, and a look at where every act leaves people."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator

from tests.browser.measure import looked_at
from tests.browser.people import Officer
from tests.world import Sent, send_report

POST = "https://instagram.com/p/BaNj1r99"
BURST, ALL = 45, 200
ACCUSED = {"accused_name": "Rukmana Adiprasetya", "agency": "Dinas Pasar Wanasepi", "regency": "Kota Wanasepi"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PLACES = ("31", "32", "33", "34", "35", "61", "73")
_CATEGORIES = ("A1", "A2", "A3", "B1", "B2")
_STORIES = (
    "Kepala bagian meminta kami memasang gambar pasangan calon di layar ponsel sebelum rapat.",
    "Di grup percakapan kantor kami diminta mengirim bukti bahwa keluarga akan memilih nomor satu.",
    "Ada daftar hadir kampanye yang harus kami isi seusai jam kerja, dan yang tidak datang dicatat.",
    "Kendaraan dinas dipakai mengangkut spanduk pada Sabtu pagi, dua kali dalam bulan ini.",
)


def reports(today: date, *, number: int = ALL, burst: int = BURST) -> list[Sent]:
    """Send a day's reports, the same ones at each run; those of the burst come first."""
    drawn = random.Random(20261125)
    return [send_report(today=came, **content) for came, content in _contents(today, drawn, number, burst)]


def _contents(today: date, drawn: random.Random, number: int, burst: int) -> Iterator[tuple[date, dict[str, Any]]]:
    for count in range(number):
        came = today - timedelta(days=drawn.choice((0, 0, 0, 1, 2)))
        common = {
            "story": drawn.choice(_STORIES),
            "category": drawn.choice(_CATEGORIES),
            "province": drawn.choice(_PLACES),
            "event_from": (today - timedelta(days=drawn.randrange(3, 40))).isoformat(),
        }
        if count < burst:
            yield today, common | ACCUSED | {"links": POST, "province": "33"}
        else:
            single = {"accused_name": f"Pejabat Contoh {count}", "agency": f"Dinas Contoh {count}"}
            yield came, common | single


class LinkFollower:
    """Follows an officer: each page that an act leads to has a heading and a way on, and no link of it is dead.

    A link is tried once for each shape of an address: with other ids it is the same page.
    """

    def __init__(self, officer: Officer) -> None:
        self.officer, self.window, self.page = officer, officer.window, officer.page
        self.tried: set[str] = set()

    def stands(self) -> LinkFollower:
        """Look at where the officer is; addresses that answer with a refusal fail the window itself."""
        assert self.window.heading
        ways = self.page.locator("main a[href], main button").count()
        assert ways, f"no way on from {self.window.path}"
        hrefs = self.page.eval_on_selector_all("a[href]", "(all) => all.map((node) => node.getAttribute('href'))")
        for address in hrefs:
            shape = _UUID.sub("*", re.sub(r"(after|before)=[^&]*", "", address))
            if address.startswith("/") and shape not in self.tried:
                self.tried.add(shape)
                # Before the accused was heard, the step of a proven finding says what is missing, and leads there.
                fine = {200, 302, 409} if address.endswith("/langkah/substantiate/") else {200, 302}
                assert self.window.status_of(address) in fine, address
        return self

    def lies_well(self) -> None:
        """Look at the page at both widths and in both colours, and once by the rules for whoever cannot see it."""
        problems = looked_at(self.window, "id", ((768, "dark"), (1280, "light")), least=0)
        for violation in Axe().run(self.page, options={"resultTypes": ["violations"]}).response["violations"]:
            problems.append(f"{self.window.path} {violation['id']}: {violation['nodes'][0]['html'][:120]}")
        assert problems == [], problems

    def goes(self, path: str) -> LinkFollower:
        """Type an address, as a bookmark would."""
        self.window.go(path)
        return self.stands()

    def follows(self, target: Locator) -> LinkFollower:
        """Press something that leads on."""
        self.window.follow(target)
        return self.stands()

    def sees(self, *words: str) -> None:
        """Expect words on the page."""
        text = self.window.words
        lacking = [line for line in words if line not in text]
        assert lacking == [], f"{self.window.path}: {text[:1500]}"
