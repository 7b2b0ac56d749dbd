"""The people of the story, each with a window: what a reporter and an officer do, in their own words.

Reporters meet Indonesian wording and are driven by it. Steps of the staff's door are found by their addresses and
fields, so that its wording may change without this story.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from playwright.sync_api import Locator

from tests.browser.files import Upload
from tests.browser.window import Opener, Window
from tests.world import APPS, app_code, next_code, start_session


@dataclass(frozen=True)
class ReportTexts:
    """What a reporter types on the first three pages; each text has a word of its own that no page of ours has."""

    name: str = "Sastro Kertapati"
    position: str = "Kasubag Perlengkapan Gudangwilis"
    agency: str = "Dinas Perikanan Tirtamerapi"
    regency: str = "Kabupaten Sukamerapi"
    story: str = "Waktu apel fajar di Pringsewelas kami disuruh memasang umbul-umbul kuning dan difoto bergantian."
    links: str = "https://umbulmerapi.invalid/foto"

    def all(self) -> list[str]:
        """Everything typed, text by text."""
        return [self.name, self.position, self.agency, self.regency, self.story, self.links]


class Reporter:
    """Somebody with a phone."""

    def __init__(self, window: Window) -> None:
        self.window, self.page = window, window.page
        self.texts = ReportTexts()

    def chooses(self, *labels: str) -> None:
        """Tick a choice by its name, as it stands before the example."""
        for label in labels:
            choice = self.page.get_by_label(re.compile(rf"^\s*{re.escape(label)}"))
            fold = self.page.locator("details:not([open])").filter(has=choice)
            if fold.count():
                fold.locator("summary").click()
            choice.check()

    def says_who_and_where(self, day: date) -> None:
        """Fill in page 2."""
        texts = self.texts
        fields = {
            "Nama atau akun": texts.name,
            "Jabatan": texts.position,
            "Instansi atau unit kerja": texts.agency,
            "Kabupaten atau kota": texts.regency,
            "Tanggal kejadian": day.isoformat(),
        }
        for label, value in fields.items():
            self.page.get_by_label(label, exact=True).fill(value)
        self.page.get_by_label("Jenis instansi").select_option("regency")
        self.page.get_by_label("Provinsi").select_option("33")

    def tells(self, uploads: Sequence[Upload] = ()) -> None:
        """Fill in page 3."""
        self.page.get_by_label("Cerita Anda").fill(self.texts.story)
        self.page.get_by_label("Tautan ke postingan").fill(self.texts.links)
        self.attaches(uploads)

    def attaches(self, uploads: Sequence[Upload]) -> None:
        """Choose files."""
        self.page.get_by_label("Foto, dokumen, rekaman").set_input_files([upload.given() for upload in uploads])

    def removes(self, name: str) -> None:
        """Take a kept file out again, which with scripts needs no new page."""
        self.page.get_by_role("button", name=re.compile(f"^(Hapus|Tutup) {re.escape(name)}")).click()
        self.page.locator(".files li", has_text=name).wait_for(state="detached")
        self.page.wait_for_load_state()

    def code(self) -> str:
        """Note the code, without separators."""
        return "".join(self.page.locator("#ticket span").all_inner_texts())

    def returns(self, code: str) -> None:
        """Come back with a code, however it is written."""
        self.window.go("/cek/")
        self.page.get_by_label("Kode tiket").fill(code)
        self.window.press("Buka")

    def reads(self, *words: str) -> str:
        """Look at the status page; return its text."""
        text = self.window.go("/cek/laporan/").words
        assert [line for line in words if line not in text] == []
        return text

    def answers(self, text: str) -> None:
        """Answer on the status page."""
        self.page.get_by_label("Jawaban Anda").fill(text)
        self.window.press("Kirim jawaban")


def on_page_3(opener: Opener, *, script: bool = True) -> Reporter:
    """Fill in pages 1 and 2 on a phone, and stop on the page of the account and the files."""
    reporter = Reporter(opener(width=360, height=740, script=script))
    reporter.window.go("/").press("Saya ditekan atau dibujuk mendukung calon")
    reporter.chooses("Atasan saya", "Diancam bila menolak")
    reporter.window.press("Lanjut")
    reporter.page.get_by_label("Jenis instansi").select_option("regency")
    reporter.window.press("Lanjut")
    assert reporter.window.path == "/lapor/cerita/"
    return reporter


class Officer:
    """Somebody of the office or of a body, at the staff's door.

    With a ``password`` they come in by the real form; without one, where the login is not the subject, by a session
    that was started for them.
    """

    def __init__(self, window: Window, name: str, password: str = "") -> None:
        self.window, self.page, self.name = window, window.page, name
        if password:
            self.signs_in(password)
        else:
            window.takes_cookies(start_session(name))
            window.go("/kantor/")
            assert window.path == "/kantor/"

    def signs_in(self, password: str) -> None:
        """Sign in through the real form, which opens the person's key."""
        self.window.go("/kantor/")
        self.page.locator("[name=login]").fill(self.name)
        self.page.locator("[name=password]").fill(password)
        code = next_code(self.name)
        self.window.follow(self.page.locator("main form button.btn-primary"))
        assert self.window.path != "/kantor/masuk/"
        if self.window.path == "/kantor/masuk/faktor/":
            self.page.locator("[name=code]").fill(code)
            self.window.follow(self.page.locator("main form button.btn-primary"))
            assert self.window.path != "/kantor/masuk/faktor/"

    def chooses_password(self, new: str, old: str) -> None:
        """Replace the password on the page for it; a first one leads on to the second factor."""
        for name, value in {"oldpassword": old, "password1": new, "password2": new}.items():
            self.page.locator(f"[name={name}]").fill(value)
        self.window.follow(self.page.locator("main form button.btn-primary"))
        if self.window.path == "/kantor/faktor/":
            self.sets_up_an_app()
        assert self.window.path == "/kantor/"

    def sets_up_an_app(self) -> str:
        """Enrol the first second factor, look at the recovery codes, and go on to the desk; return the secret."""
        self.window.follow(self.page.locator("main a.btn-primary"))
        secret = "".join(self.page.locator("#secret span").all_inner_texts())
        self.page.locator("[name=code]").fill(app_code(secret))
        self.window.follow(self.page.locator("main form button.btn-primary"))
        assert self.page.locator("#recovery-codes li").count() == 10
        self.window.follow(self.page.locator("main a.btn-primary"))
        assert self.window.path == "/kantor/"
        APPS[self.name] = secret
        return secret

    def signs_out(self) -> None:
        """Leave."""
        self.window.follow(self.page.locator(".who button"))
        assert self.window.path == "/kantor/masuk/"

    def opens(self, kind: str, reference: str) -> str:
        """Open a case or a release from its list; return its address."""
        self.window.go(f"/kantor/complaints/{kind}/")
        self.window.follow(self.page.get_by_role("link", name=reference))
        return self.window.path

    def step(self, action: str) -> Locator:
        """Return the link to a step, or the button of one that a single press takes, be it there or not."""
        address = f"/langkah/{action}/"
        return self.page.locator(f'a.button[href$="{address}"], form[action$="{address}"] button[name=take]')

    def does(self, action: str, **fields: str) -> None:
        """Take a step, mostly through the page that says its consequence; end where it was begun."""
        begun = self.window.path
        self.window.follow(self.step(action))
        if self.window.path != begun:
            self.confirms(**fields)
        assert self.window.path == begun

    def confirms(self, **fields: str) -> None:
        """Fill in the page of a step, its checklist ticked, and send it."""
        self.fills_in(**fields)
        self.window.follow(self.page.locator("form button.main"))

    def fills_in(self, **fields: str) -> None:
        """Fill in the page of a step, its checklist ticked."""
        for box in self.page.locator('form input[name^="check-"]').all():
            box.check()
        # Of these the portal says that they are not so.
        for why in self.page.locator("form .check:has(.known.no) input[name^='why-']").all():
            why.fill("-")
        for name, value in fields.items():
            field = self.page.locator(f"form [name={name}]")
            if field.evaluate("(element) => element.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)

    def proposes_question(self, text: str) -> None:
        """As a liaison on the page of a release: propose a question to the reporters for the office to read."""
        self.window.follow(self.page.locator('a.button[href$="/tanya-pelapor/"]'))
        self.confirms(text=text)

    def passes_on(self, reference: str) -> None:
        """As the office: open the case, read the waiting question, and pass it on."""
        self.opens("case", reference)
        self.window.follow(self.page.locator('.banner a[href*="/pertanyaan/"]'))
        self.window.follow(self.page.locator("form button.main"))

    def writes_note(self, text: str) -> None:
        """Add an internal note to the open case."""
        form = self.page.locator('form.write[action*="/catatan/"]')
        form.locator("textarea").fill(text)
        self.window.follow(form.locator("button"))
        assert text in self.window.words
