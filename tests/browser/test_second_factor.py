"""The second factor as people meet it: enrolment with an app, a security key from a virtual authenticator, a recovery
code; without scripts as far as no key is needed."""

from __future__ import annotations

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.utils import timezone

from complaints.models.session import SealedSession
from complaints.services import account_confirmation, login_throttle, mfa, signin_counts
from complaints.services.audit import verify
from complaints.services.signin_counts import SINGLE_CODES, Kind
from complaints.services.team_keys import personal
from tests.browser.people import Officer
from tests.browser.window import Opener, Window
from tests.world import PASSWORD, Cast, app_code, next_code, send_report

INITIAL, NEW = "dari orang lain 1", "empat kata yang tidak serumpun"


def virtual_key(window: Window) -> None:
    """Plug a security key into the window's device."""
    devtools = window.context.new_cdp_session(window.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def gives_password(window: Window, name: str, password: str = PASSWORD) -> None:
    window.go("/kantor/")
    window.page.locator("[name=login]").fill(name)
    window.page.locator("[name=password]").fill(password)
    window.follow(window.page.locator("main form button.btn-primary"))


def test_new_user_sets_password_then_factor_without_scripts(live_cast: Cast, window: Opener) -> None:
    personal.set_initial_password(staff=live_cast["vino"], password=INITIAL, now=timezone.now())
    officer = Officer(window(script=False), "vino", INITIAL)
    assert officer.window.path == "/kantor/sandi/"
    officer.window.go("/kantor/complaints/case/")
    assert officer.window.path == "/kantor/sandi/"
    for name, value in {"oldpassword": INITIAL, "password1": NEW, "password2": NEW}.items():
        officer.page.locator(f"[name={name}]").fill(value)
    officer.window.follow(officer.page.locator("main form button.btn-primary"))
    officer.window.go("/kantor/complaints/case/")
    assert officer.window.path == "/kantor/pengesahan/"
    vino, adi = live_cast["vino"], live_cast["adi"]
    signer = live_cast.ring("adi").signer
    code = account_confirmation.confirm(staff=vino, by=adi, signer=signer, now=timezone.now())
    officer.page.locator("[name=code]").fill(code)
    officer.window.follow(officer.page.locator("main form button.btn-primary"))
    officer.window.go("/kantor/complaints/case/")
    assert officer.window.path == "/kantor/faktor/"
    picture = officer.window.go("/kantor/faktor/aplikasi/").page.locator("img.qr")
    assert picture.evaluate("(image) => image.complete && image.naturalWidth > 50")
    officer.window.go("/kantor/faktor/")
    secret = officer.sets_up_an_app()
    officer.signs_out()
    gives_password(officer.window, "vino", NEW)
    assert officer.window.path == "/kantor/masuk/faktor/"
    officer.window.go("/kantor/")
    assert officer.window.path == "/kantor/masuk/faktor/", "nothing else before it"
    used = Authenticator.objects.get(user=live_cast["vino"], type=mfa.TOTP).data["step"]
    officer.page.locator("[name=code]").fill(mfa._code(secret, used))
    officer.window.follow(officer.page.locator("main form button.btn-primary"))
    assert officer.window.path == "/kantor/masuk/faktor/", "the code that set it up works no second time"
    assert "berlaku sekali" in officer.window.words
    officer.page.locator("[name=code]").fill(next_code("vino"))
    officer.window.follow(officer.page.locator("main form button.btn-primary"))
    assert officer.window.path == "/kantor/"


def test_a_security_key_and_a_recovery_code(live_cast: Cast, window: Opener) -> None:
    browser = window()
    virtual_key(browser)
    gives_password(browser, "vera")
    assert browser.path == "/kantor/faktor/"
    browser.press("Siapkan kunci keamanan")
    browser.follow(browser.page.locator("#add-key"))
    codes = browser.page.locator("#recovery-codes li").all_inner_texts()
    assert len(codes) == 10
    browser.press("Sudah saya simpan: lanjut")
    assert browser.path == "/kantor/"
    browser.follow(browser.page.locator(".who button"))

    gives_password(browser, "vera")
    assert browser.path == "/kantor/masuk/faktor/"
    browser.follow(browser.page.locator("#use-key"))
    assert browser.path == "/kantor/"
    assert "Kunci utama" in browser.go("/kantor/faktor/").words

    other = window(script=False)
    gives_password(other, "vera")
    other.page.locator("[name=code]").fill(codes[0])
    other.follow(other.page.locator("main form button.btn:visible"))
    assert other.path == "/kantor/"
    text = other.go("/kantor/sesi/").words
    assert "sesi ini" in text
    other.follow(other.page.locator("button.main"))
    browser.go("/kantor/")
    assert browser.path == "/kantor/masuk/"


def test_a_security_key_confirms_a_change_and_is_removed_once_there_is_an_app(live_cast: Cast, window: Opener) -> None:
    with time_machine.travel(timezone.now(), tick=True) as clock:
        browser = window()
        virtual_key(browser)
        browser.may_answer = {409}
        gives_password(browser, "vera")
        browser.press("Siapkan kunci keamanan")
        browser.follow(browser.page.locator("#add-key"))
        browser.go("/kantor/faktor/").follow(browser.page.get_by_role("link", name="Hapus Kunci utama"))
        browser.follow(browser.page.locator("main form button.btn-primary"))
        assert "satu-satunya" in browser.words, "nobody removes their only factor"

        clock.shift(301)
        browser.go("/kantor/faktor/aplikasi/")
        assert browser.path == "/kantor/konfirmasi/"
        browser.page.locator("[name=password]").fill("bukan sandi saya ini")
        browser.follow(browser.page.locator("#use-key"))
        assert browser.path == "/kantor/konfirmasi/", "the key alone confirms nothing"
        browser.page.locator("[name=password]").fill(PASSWORD)
        browser.follow(browser.page.locator("#use-key"))
        assert browser.path == "/kantor/faktor/aplikasi/"
        secret = "".join(browser.page.locator("#secret span").all_inner_texts())
        browser.page.locator("[name=code]").fill(app_code(secret))
        browser.follow(browser.page.locator("main form button.btn-primary"))

        browser.go("/kantor/faktor/").follow(browser.page.get_by_role("link", name="Hapus Kunci utama"))
        browser.follow(browser.page.locator("main form button.btn-primary"))
        assert browser.go("/kantor/faktor/").page.get_by_role("link", name="Hapus Kunci utama").count() == 0
        browser.go("/kantor/").follow(browser.page.locator(".who button"))
        gives_password(browser, "vera")
        assert browser.page.locator("#use-key").count() == 0
        clock.shift(mfa.PERIOD)
        browser.page.locator("[name=code]").fill(app_code(secret))
        browser.follow(browser.page.locator("main form button.btn-primary"))
        assert browser.path == "/kantor/"
    assert verify.verify_chain().whole


def test_session_expiry_while_typing_leads_back_to_the_form(live_cast: Cast, window: Opener) -> None:
    reference = send_report().case.reference
    officer = Officer(window(), "vera", PASSWORD)
    case_page = officer.opens("case", reference)
    officer.page.locator('form.write[action*="/catatan/"] textarea').fill("Catatan panjang")
    SealedSession.objects.all().delete()
    officer.window.follow(officer.page.locator('form.write[action*="/catatan/"] button'))
    assert officer.window.path == "/kantor/masuk/"
    officer.page.locator("[name=login]").fill("vera")
    officer.page.locator("[name=password]").fill(PASSWORD)
    officer.window.follow(officer.page.locator("main form button.btn-primary"))
    officer.page.locator("[name=code]").fill(next_code("vera"))
    officer.window.follow(officer.page.locator("main form button.btn-primary"))
    assert officer.window.path == case_page
    assert officer.window.complaints == []


def test_after_many_wrong_codes_two_are_asked_for_without_scripts(live_cast: Cast, window: Opener) -> None:
    begun = timezone.now()
    with time_machine.travel(begun, tick=True) as clock:
        code = next_code("vera")
        for _wrong in range(SINGLE_CODES):
            signin_counts.count(kind=Kind.CODE, account=live_cast["vera"].pk, day=timezone.localdate())
        browser = window(script=False)
        gives_password(browser, "vera")
        assert "dua kode" in browser.words
        browser.page.locator("[name=code]").fill(code)
        browser.follow(browser.page.locator("main form button.btn-primary"))
        assert browser.path == "/kantor/masuk/faktor/"
        assert browser.page.locator("#next-code").is_visible()
        clock.shift(mfa.PERIOD)
        browser.page.locator("[name=code]").fill(next_code("vera"))
        browser.follow(browser.page.locator("main form button.btn-primary"))
        assert browser.path == "/kantor/"
        assert "10 kode salah" in browser.words


def test_a_reload_keeps_the_code_of_a_confirmation(live_cast: Cast, window: Opener) -> None:
    vera, now = live_cast["vera"], timezone.now()
    cause = account_confirmation.Cause.PASSWORD
    account_confirmation.ask(staff=vera, cause=cause, by=live_cast["adi"], signer=None, now=now)
    officer = Officer(window(script=False), "super", PASSWORD)
    browser = officer.window.go(f"/kantor/complaints/staff/{vera.pk}/pengesahan/")
    browser.follow(browser.page.locator("button.main"))
    code = browser.page.locator("#confirmation-code").inner_text()
    browser.page.reload()
    assert browser.page.locator("#confirmation-code").inner_text() == code
    assert browser.page.locator("button.main").count() == 0
    assert account_confirmation.open_account(staff=vera, code=code, now=now)


@pytest.mark.parametrize(("seconds", "words"), [(59, "59 detik"), (226, "4 menit"), (60, "1 menit")])
def test_a_wait_is_told_in_words_that_fit(
    live_cast: Cast, window: Opener, monkeypatch: pytest.MonkeyPatch, seconds: int, words: str
) -> None:
    def begin(**_attempt: object) -> None:
        raise login_throttle.Throttled(seconds)

    monkeypatch.setattr(login_throttle, "begin", begin)
    browser = window(script=False)
    browser.may_answer = {429}
    gives_password(browser, "vera")
    assert f"Mohon tunggu {words}, lalu coba lagi." in browser.words
