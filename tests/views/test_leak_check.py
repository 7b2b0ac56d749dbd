"""Before anything is sent the reporter decides on each place that may tell who they are; nothing is blocked."""

from __future__ import annotations

import html
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from complaints.domain.workflow import Action, Status
from complaints.models.complaint import Message
from complaints.services import case_file
from complaints.services.keyring import Actor
from tests.cases import complaint_of
from tests.images import photo
from tests.views.walk import ANONYMOUS, STORY_PAGE, code_on, to_check, to_story, token_of, version
from tests.world import Cast, Sent, at, send_report

TELLING = (
    "Nama saya Sulastri NIP 19850101 201001 2 003, HP 0812-3456-7890. Hanya saya dan beliau di ruangan. "
    "Beliau meminta saya mendukung satu pasangan calon pada 3 November 2026."
)
LEAKS, CHECK, PAGE_3 = "/lapor/bagian/", "/lapor/periksa/", "/lapor/cerita/"


def places(page: HttpResponse) -> list[tuple[str, str, str]]:
    """Field, words and proposal of each place that the page lists, as its hidden fields post them."""
    text = html.unescape(page.content.decode())
    values = dict(re.findall(r'name="((?:field|words|proposed)-\d+)"\s+value="([^"]*)"', text))
    count = sum(name.startswith("words-") for name in values)
    return [(values[f"field-{n}"], values[f"words-{n}"], values[f"proposed-{n}"]) for n in range(count)]


def decided(page: HttpResponse, choices: dict[str, str], **more: str) -> dict[str, str]:
    """The fields of the page with a choice for each of these words; "take", "keep" or own words."""
    fields = {"do": "apply", **more}
    for number, (field, words, proposed) in enumerate(places(page)):
        fields |= {f"field-{number}": field, f"words-{number}": words, f"proposed-{number}": proposed}
        if words in choices:
            choice = choices[words]
            fields[f"choice-{number}"] = choice if choice in {"take", "keep"} else "own"
            fields[f"own-{number}"] = choice
    return fields


def story_of(client: Client) -> str:
    (text,) = re.findall(r'<textarea name="story".*?>\s*(.*?)</textarea>', client.get(PAGE_3).content.decode(), re.S)
    return html.unescape(text)


def test_a_story_is_stopped_once_and_each_place_decided(client: Client, cast: Cast) -> None:
    assert to_check(client, story=TELLING).headers["Location"] == LEAKS
    page = client.get(LEAKS)
    assert [words for _field, words, _proposed in places(page)] == [
        "Sulastri", "19850101 201001 2 003", "0812-3456-7890", "Hanya saya dan beliau", "3 November 2026"
    ]  # fmt: skip
    choices = {
        "Sulastri": "take",
        "19850101 201001 2 003": "rahasia",
        "0812-3456-7890": "keep",
        "3 November 2026": "take",
    }
    assert client.post(LEAKS, decided(page, choices)).headers["Location"] == CHECK
    story = story_of(client)
    assert story == (
        "Nama saya [dihilangkan] NIP rahasia, HP 0812-3456-7890. Hanya saya dan beliau di ruangan. "
        "Beliau meminta saya mendukung satu pasangan calon pada November 2026."
    )
    # What was kept, by choice or by leaving it, is not asked again; what is new is.
    seen = version(client, PAGE_3)
    again = client.post(PAGE_3, STORY_PAGE | seen | {"story": story})
    assert again.headers["Location"] == CHECK and client.get(LEAKS).headers["Location"] == CHECK
    seen = version(client, PAGE_3)
    client.post(PAGE_3, STORY_PAGE | seen | {"story": story + " Surel saya a@contoh.invalid."})
    assert [words for _field, words, _proposed in places(client.get(LEAKS))] == ["a@contoh.invalid"]


def test_everything_can_stay_and_is_sent_as_written(client: Client, cast: Cast) -> None:
    to_check(client, story=TELLING)
    assert client.post(LEAKS, {"do": "change"}).headers["Location"] == PAGE_3
    assert client.post(LEAKS, decided(client.get(LEAKS), {}, do="as_is")).headers["Location"] == CHECK
    token = token_of(client.get(CHECK))
    assert client.post(CHECK, ANONYMOUS | {"token": token}).headers["Location"] == "/lapor/kode/"
    assert len(code_on(client.get("/lapor/kode/"))) == 30


def test_a_page_that_is_passed_by_stops_nobody(client: Client, cast: Cast) -> None:
    assert client.get(LEAKS).headers["Location"] == CHECK
    to_check(client, story=TELLING)
    assert client.get(CHECK).status_code == 200


def test_who_comes_back_to_a_report_goes_on_over_it(client: Client, cast: Cast) -> None:
    to_check(client, story=TELLING)
    go_on = f'href="{LEAKS}"'
    assert [go_on in client.get(path).content.decode() for path in ("/", "/cek/", "/keluar-cepat/")] == [True] * 3
    client.post(LEAKS, decided(client.get(LEAKS), {}, do="as_is"))
    assert client.get(LEAKS).headers["Location"] == CHECK


def test_words_typed_for_a_place_count_as_chosen(client: Client, cast: Cast) -> None:
    to_check(client, story=TELLING)
    page = client.get(LEAKS)
    untouched = {f"own-{number}": words for number, (_field, words, _proposed) in enumerate(places(page))}
    client.post(LEAKS, decided(page, {}) | untouched | {"own-0": "seseorang"})
    assert story_of(client) == TELLING.replace("Sulastri", "seseorang")


def test_what_tells_nothing_meets_no_further_page(client: Client, cast: Cast) -> None:
    assert to_check(client).headers["Location"] == CHECK
    assert client.get(LEAKS).headers["Location"] == CHECK


def test_all_texts_of_a_draft_are_looked_through(client: Client, cast: Cast) -> None:
    to_story(client, accused_name="Atasan, hanya saya bawahannya", agency="Dinas X, HP 0812-3456-7890")
    client.post(PAGE_3, STORY_PAGE | {"links": "https://contoh.invalid/p/12345678901234567 dari budi@contoh.invalid"})
    assert [(field, words) for field, words, _proposed in places(client.get(LEAKS))] == [
        ("accused_name", "hanya saya"),
        ("agency", "0812-3456-7890"),
        ("links", "budi@contoh.invalid"),
    ]
    page = client.get(LEAKS)
    client.post(LEAKS, decided(page, {"hanya saya": "take", "0812-3456-7890": "take"}))
    who = html.unescape(client.get("/lapor/siapa/").content.decode())
    assert "Atasan, [dihilangkan] bawahannya" in who and "Dinas X, HP [dihilangkan]" in who


@pytest.mark.parametrize(
    "forged",
    [
        {"do": "apply", "field-0": "story", "words-0": "calon", "choice-0": "own", "own-0": "x"},
        {"do": "apply", "field-0": "code", "words-0": "bukan", "choice-0": "take", "proposed-0": "x"},
        {"do": "apply", "field-0": "kept", "words-0": "\x00", "choice-0": "keep"},
        {"do": "apply"},
    ],
)
def test_a_form_of_another_hand_changes_nothing(client: Client, cast: Cast, forged: dict[str, str]) -> None:
    to_check(client, story=TELLING)
    assert client.post(LEAKS, forged).headers["Location"] == CHECK
    assert story_of(client) == TELLING
    # Nor is anything remembered that was not on the page.
    assert len(places(client.get(LEAKS))) == 5


@pytest.mark.parametrize(
    ("way", "leads"),
    [({"go": "home"}, "/"), ({"go": "lang"}, f"/en{LEAKS}"), ({"go": "status"}, "/cek/"), ({"do": "change"}, PAGE_3)],
)
def test_what_is_chosen_and_not_applied_is_kept(client: Client, cast: Cast, way: dict[str, str], leads: str) -> None:
    to_check(client, story=TELLING)
    chosen = decided(client.get(LEAKS), {"Sulastri": "take", "Hanya saya dan beliau": "kami"})
    del chosen["do"]
    assert client.post(LEAKS, chosen | way).headers["Location"] == leads
    assert story_of(client) == TELLING
    shown = client.get(LEAKS).content.decode()
    assert len(re.findall(r"\schecked", shown)) == 2 and 'value="kami"' in shown
    assert client.post(LEAKS, chosen | {"go": "keep"}).json()["kept"]
    client.post(LEAKS, chosen | {"do": "apply"})
    assert "[dihilangkan]" in story_of(client) and "kami di ruangan" in story_of(client)


def test_a_story_that_becomes_too_short_is_asked_for_again(client: Client, cast: Cast) -> None:
    to_check(client, story="Surel saya nama.yang.sangat.panjang.sekali.untuk.surel@contoh.invalid, itu saja.")
    page = client.get(LEAKS)
    (_field, words, _proposed) = places(page)[0]
    client.post(LEAKS, decided(page, {words: ""}))
    assert client.get(CHECK).headers["Location"] == PAGE_3


def test_own_words_are_short_and_plain(client: Client, cast: Cast) -> None:
    to_check(client, story=TELLING)
    client.post(LEAKS, decided(client.get(LEAKS), {"Sulastri": "\x00<b>" + "y" * 300}))
    assert "Nama saya <b>" + "y" * 197 + " NIP" in story_of(client)


def opened(client: Client) -> Sent:
    sent = send_report()
    client.post("/cek/", {"code": sent.code})
    return sent


def words_of(cast: Cast, sent: Sent) -> list[str]:
    who = Actor(cast.ring("vera"), at(sent.case.received_on))
    (report,) = case_file.open_case(actor=who, case_id=sent.case.pk).complaints
    return [entry.text for entry in report.thread]


def test_a_message_is_changed_on_the_page_and_sent(client: Client, cast: Cast) -> None:
    sent, text = opened(client), "HP saya 0812-3456-7890.\nHanya saya yang tahu."
    page = client.post("/cek/laporan/jawab/", {"text": text, "to": ""})
    fields = decided(page, {"0812-3456-7890": "take"}, text=text, to="")
    assert client.post("/cek/laporan/jawab/", fields).status_code == 302
    assert words_of(cast, sent) == ["HP saya [dihilangkan].\nHanya saya yang tahu."]


def test_what_is_told_of_retaliation_is_looked_at(client: Client, cast: Cast) -> None:
    sent, told = opened(client), {"kind": "moved", "happened_on": "", "text": "Hanya saya yang dipindah.", "to": ""}
    page = client.post("/cek/laporan/terjadi/", told)
    assert 'name="kind" value="moved"' in page.content.decode() and not Message.objects.from_reporter().exists()
    back = client.post("/cek/laporan/terjadi/", decided(page, {}, **told) | {"do": "change"})
    assert "Hanya saya yang dipindah.</textarea>" in back.content.decode()
    assert client.post("/cek/laporan/terjadi/", decided(page, {"Hanya saya": "take"}, **told)).status_code == 302
    assert words_of(cast, sent) == ["[dihilangkan] yang dipindah."]


def test_the_reason_of_a_withdrawal_is_looked_at(client: Client, cast: Cast) -> None:
    sent, reason = opened(client), {"reason": "Nama saya Sulastri, saya takut."}
    page = client.post("/cek/laporan/cabut/", reason)
    assert page.status_code == 200 and "Sulastri" in page.content.decode()
    sent.case.refresh_from_db()
    assert sent.case.status == Status.RECEIVED
    kept = client.post("/cek/laporan/cabut/", decided(page, {}, **reason) | {"do": "change"})
    assert "saya takut.</textarea>" in kept.content.decode()
    assert client.post("/cek/laporan/cabut/", decided(page, {"Sulastri": "take"}, **reason)).status_code == 302
    sent.case.refresh_from_db()
    assert sent.case.status == Status.WITHDRAWN and complaint_of(sent).messages.count() == 1


def test_the_account_of_a_post_is_looked_at(client: Client, cast: Cast) -> None:
    sent, described = opened(client), {"account": "akun saya, HP 0812-3456-7890", "url": "", "platform": "", "act": ""}
    page = client.post("/cek/laporan/jawab/", {"go": "post"} | described)
    assert page.status_code == 200 and "0812-3456-7890" in page.content.decode()
    assert not complaint_of(sent).evidence.exists()
    fields = decided(page, {"0812-3456-7890": "take"}, **described)
    assert client.post("/cek/laporan/jawab/", {"go": "post"} | fields).status_code == 302
    assert complaint_of(sent).evidence.count() == 1


def test_a_question_is_answered_by_the_page_too(client: Client, cast: Cast) -> None:
    """What the form before it sent besides the text goes on with it."""
    sent = opened(client)
    page = client.post("/cek/laporan/jawab/", {"text": "Hanya saya yang tahu.", "to": "office", "once": "abc"})
    assert 'name="once" value="abc"' in page.content.decode() and 'name="to" value="office"' in page.content.decode()
    assert sent.case.status != Action.WITHDRAW


def test_pictures_are_asked_about_once_and_only_they(client: Client, cast: Cast) -> None:
    asked = "siapa yang dapat mengetahui bahwa Anda yang memotret?"
    to_story(client)
    text = SimpleUploadedFile("surat.txt", b"Isi surat itu. " * 20, "text/plain")
    client.post(PAGE_3, {"story": "", "links": "", "go": "stay", "evidence": text})
    assert asked not in client.get(PAGE_3).content.decode()
    pictures = [SimpleUploadedFile(f"{number}.jpg", photo(), "image/jpeg") for number in (1, 2)]
    client.post(PAGE_3, {"story": "", "links": "", "go": "stay", "evidence": pictures} | version(client, PAGE_3))
    assert client.get(PAGE_3).content.decode().count(asked) == 1
