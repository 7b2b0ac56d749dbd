"""The custody sheet: the sender's own hashes, who opened what when and why, and the sheet's own entry."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.evidence import Evidence
from complaints.services import custody
from complaints.services.audit import verify
from complaints.services.evidence import storage
from complaints.services.keyring import Actor
from tests.adapters import samples
from tests.admin.test_case_evidence import body_of, page, with_file
from tests.cases import in_review
from tests.world import Cast, Sent, SignedIn


def sheet_url(sent: Sent, item: Evidence | None = None, *, form: str = "") -> str:
    name = "admin:complaints_case_custody_item" if item else "admin:complaints_case_custody"
    return reverse(name + form, args=[sent.case.pk, *([item.pk] if item else [])])


def words_of(paper: bytes) -> str:
    """All text of a PDF without its white space: where a line breaks is none of our business."""
    document = pypdfium2.PdfDocument(paper)
    return "".join("".join(page.get_textpage().get_text_bounded().split()) for page in document)


def test_its_hashes_are_the_senders(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    contents = [samples.jpeg(), samples.pdf(pages=2)]
    items = [with_file(sent, content, name) for content, name in zip(contents, ("a.jpg", "surat.pdf"), strict=True)]
    client = signed_in("vera")
    response = client.get(sheet_url(sent))
    text = response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    for content in contents:
        assert hashlib.sha256(content).hexdigest() in text
    pair = cast.ring("vera").complaint(items[0].complaint)
    for item in items:
        for stored in item.objects_stored.all():
            plain = b"".join(storage.stream(stored, storage.read_info(pair, stored, item, item.complaint)))
            assert hashlib.sha256(plain).hexdigest() in text
            assert bytes(stored.object_digest).hex() in text
    sheet = client.get(sheet_url(sent, items[0])).content.decode()
    assert hashlib.sha256(contents[0]).hexdigest() in sheet
    assert hashlib.sha256(contents[1]).hexdigest() not in sheet


def test_it_says_who_opened_what_and_why(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    item = with_file(sent, samples.jpeg(), "a.jpg")
    vera, vino = signed_in("vera"), signed_in("vino")
    original = reverse(
        "admin:complaints_case_file", args=[sent.case.pk, item.objects_stored.get(variant="original").pk]
    )
    body_of(vera.post(original, {"reason": "Asal foto diragukan."}))
    vino.get(page(sent, item))
    sheet = custody.custody_sheet(actor=Actor(cast.ring("vera"), timezone.now()), case_id=sent.case.pk)
    openings = [(opening.person, opening.variant, opening.why) for opening in sheet.items[0].openings]
    assert openings == [(cast["vera"], "original", "Asal foto diragukan."), (cast["vino"], "working", "")]
    for opening in sheet.items[0].openings:
        entry = AuditEntry.objects.get(pk=opening.entry.sequence)
        assert (entry.event, bytes(entry.digest).hex()) == ("object.opened", opening.entry.digest)
    text = vera.get(sheet_url(sent, item)).content.decode()
    assert "Asal foto diragukan." in text


def test_making_one_is_recorded_and_stands_on_it(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), signed_in("vera")
    text = client.get(sheet_url(sent)).content.decode()
    entry = AuditEntry.objects.get(event="custody.printed")
    head = ChainHead.objects.get()
    assert (entry.actor, entry.case, entry.facts) == (cast["vera"].pk, sent.case.pk, {})
    assert head.sequence == entry.sequence
    assert bytes(head.digest).hex() in text
    assert verify.verify_chain().whole


ODD = '#panic("x") *tebal* $x$ <a> \\ [b] #read("/etc/passwd") 日本 العربية.jpg'


def test_on_paper_it_says_the_same(signed_in: SignedIn, cast: Cast, tmp_path: Path, monkeypatch: Any) -> None:
    sent, client = in_review(cast), signed_in("vera")
    contents = [samples.jpeg(), samples.pdf(pages=2)]
    items = [with_file(sent, content, name) for content, name in zip(contents, (ODD, "surat.pdf"), strict=True)]
    original = items[0].objects_stored.get(variant="original")
    body_of(
        client.post(
            reverse("admin:complaints_case_file", args=[sent.case.pk, original.pk]), {"reason": "#let x = *asal*"}
        )
    )
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    response = client.get(sheet_url(sent, form="_pdf"))
    assert response["Content-Type"] == "application/pdf"
    assert "attachment" in response["Content-Disposition"]
    assert "no-store" in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert list(tmp_path.iterdir()) == []
    text = words_of(response.content)
    for content in contents:
        assert hashlib.sha256(content).hexdigest() in text
    for stored in items[1].objects_stored.all():
        assert bytes(stored.object_digest).hex() in text
    for words in (ODD.partition(" 日")[0], "#let x = *asal*", sent.case.reference, cast["vera"].get_full_name()):
        assert "".join(words.split()) in text
    assert "komentaratautandapadahalamannya." in text
    assert "salinankerja,isinyatidaklengkap" in text
    assert bytes(ChainHead.objects.get().digest).hex() in text
    item_text = words_of(client.get(sheet_url(sent, items[1], form="_pdf")).content)
    assert hashlib.sha256(contents[1]).hexdigest() in item_text
    assert hashlib.sha256(contents[0]).hexdigest() not in item_text
    facts = list(
        AuditEntry.objects.filter(event="custody.printed").order_by("sequence").values_list("facts", flat=True)
    )
    assert facts == [{}, {"item": str(items[1].pk)}]


@pytest.mark.parametrize("name", ["luar", "kirana", "audi", "adi", "super"])
def test_for_everybody_else_it_does_not_exist(signed_in: SignedIn, cast: Cast, name: str) -> None:
    sent = in_review(cast)
    item, client = with_file(sent, samples.jpeg(), "a.jpg"), signed_in(name)
    pdfs = [sheet_url(sent, item_or_case, form="_pdf") for item_or_case in (None, item)]
    for address in (sheet_url(sent), sheet_url(sent, item), *pdfs):
        assert client.get(address).status_code == 404
    assert not AuditEntry.objects.filter(event="custody.printed").exists()


def test_an_item_of_another_case_is_not_on_it(signed_in: SignedIn, cast: Cast) -> None:
    sent, other = in_review(cast), in_review(cast)
    item = with_file(sent, samples.jpeg(), "a.jpg")
    assert signed_in("vera").get(sheet_url(other, item)).status_code == 404
    assert not AuditEntry.objects.filter(event="custody.printed").exists()
