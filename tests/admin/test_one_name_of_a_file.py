"""A file has one name for office and body; a report that the body counts otherwise has both numbers for the office."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from complaints.models.oversight import OversightBody, Release
from complaints.services import case_links, follow_up
from complaints.services.evidence import processing
from complaints.services.forwarding import dossier, release
from complaints.services.forwarding.contents import whole
from complaints.services.keyring import Actor
from tests.cases import act, in_review
from tests.world import Cast, Sent, SignedIn, sealed_upload


def writes(sent: Sent, text: str, *contents: bytes) -> None:
    files = [sealed_upload(content, "catatan.txt") for content in contents]
    follow_up.add_message(ticket=sent.ticket, text=text, files=files, today=timezone.localdate())


def test_office_and_body_name_a_file_by_the_same_words(signed_in: SignedIn, cast: Cast) -> None:
    """Messages stand between the files, the first report does not go, and of the second only the later file."""
    sents = [in_review(cast, story=f"Kejadian {number}.") for number in (1, 2)]
    target = sents[0]
    who = Actor(cast.ring("vera"), timezone.now())
    case_links.link(actor=who, target_id=target.case.pk, sources={sents[1].case.pk: None}, reason="Sama.")
    left_out, goes = Complaint.objects.order_by("day", "pk")
    sent = next(sent for sent in sents if sent.case.pk == goes.pk)
    writes(sent, "Yang pertama.", b"Satu.")
    writes(sent, "Menyusul.")
    writes(sent, "Yang kedua.", b"Dua.")
    processing.process_pending()
    act(cast, "vera", target, Action.VERIFY)
    file = Evidence.objects.filter(complaint=goes).order_by("sequence").last()
    assert file is not None and file.sequence > 2
    original = file.objects_stored.get(variant="original")
    choice = whole(target.case.pk, objects=[original.pk])
    dropped = {key: names for key, names in choice.answers.items() if key != left_out.pk}
    choice = type(choice)(dropped, choice.messages, choice.posts, choice.notes, choice.objects)
    body = OversightBody.objects.get(pk="bkn")
    release.forward(actor=Actor(cast.ring("fitri"), timezone.now()), case_id=target.case.pk, body=body, choice=choice)
    row = Release.objects.get()

    vera = signed_in("vera")
    case = vera.get(reverse("admin:complaints_case_change", args=[target.case.pk])).content.decode()
    assert "bukti-2" in case and f"bukti-{file.sequence}" not in case
    assert case.count("pada penerusan ke BKN: laporan 1") == 2
    viewer = vera.get(reverse("admin:complaints_case_view", args=[target.case.pk, file.pk])).content.decode()
    sheet = vera.get(reverse("admin:complaints_case_custody", args=[target.case.pk])).content.decode()
    assert "Laporan 2, bukti-2" in viewer and "Laporan 2, bukti-2" in sheet
    taken = vera.post(
        reverse("admin:complaints_case_file", args=[target.case.pk, original.pk]), {"reason": "Diperiksa."}
    )
    assert f"{target.case.reference}-laporan-2-bukti-2-asli.txt" in taken.headers["Content-Disposition"]
    sent_page = signed_in("fitri").get(reverse("admin:complaints_case_release", args=[target.case.pk, row.pk]))
    assert "laporan 2 pada kasus ini" in sent_page.content.decode()

    kirana = signed_in("kirana")
    page = kirana.get(reverse("admin:complaints_release_change", args=[row.pk])).content.decode()
    assert "Laporan 1, bukti-2" in page and "Laporan 2" not in page and "laporan 2" not in page
    download = kirana.post(reverse("admin:complaints_release_download", args=[row.pk]))
    assert isinstance(download, StreamingHttpResponse)
    opened = dossier.open_dossier(actor=Actor(cast.ring("kirana"), timezone.now()), release_id=row.pk, knowing=True)
    assert [file.name for file in opened.files] == ["Laporan-1/bukti-2-asli.txt"]
    # Nothing of the name tells that the case has another report.
    assert opened.files[0].item.info.name == "bukti-2.txt"
