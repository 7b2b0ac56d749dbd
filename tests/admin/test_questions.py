"""Questions of a body on the pages: the liaison asks, and the office answers, passes on or gives back."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.identity import NameRequest
from complaints.models.oversight import Release
from complaints.models.question import ReleaseQuestion
from complaints.services import follow_up
from tests.cases import body_act, forwarded
from tests.world import Cast, Sent, SignedIn


def examined(cast: Cast) -> tuple[Sent, Release]:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    return sent, release


def of_release(release: Release, name: str) -> str:
    return reverse(f"admin:complaints_release_{name}", args=[release.pk])


def of_case(sent: Sent, name: str = "") -> str:
    question = ReleaseQuestion.objects.latest("at")
    return reverse(f"admin:complaints_case_question{name}", args=[sent.case.pk, question.pk])


def test_the_office_is_asked_and_answers(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = examined(cast)
    kirana, vera = signed_in("kirana"), signed_in("vera")
    page = kirana.get(of_release(release, "change")).content.decode()
    assert of_release(release, "ask_office") in page and of_release(release, "ask_reporter") in page
    assert kirana.post(of_release(release, "ask_office"), {"text": " "}).status_code == 400
    assert kirana.post(of_release(release, "ask_office"), {"text": "Siapa notulisnya?"}).status_code == 302
    page = kirana.get(of_release(release, "change")).content.decode()
    assert "Siapa notulisnya?" in page and "Menunggu tim verifikasi" in page
    # The office finds it on the desk, in the queue and on the case; the words open on their own page.
    assert "questions=open" in vera.get(reverse("admin:index")).content.decode()
    queue = vera.get(reverse("admin:complaints_case_changelist"), {"questions": "open"}).content.decode()
    assert sent.case.reference in queue
    case = vera.get(reverse("admin:complaints_case_change", args=[sent.case.pk])).content.decode()
    assert of_case(sent) in case and "Siapa notulisnya?" not in case
    assert "Siapa notulisnya?" in vera.get(of_case(sent)).content.decode()
    assert vera.post(of_case(sent, "_answer"), {"text": ""}).status_code == 400
    assert vera.post(of_case(sent, "_answer"), {"text": "Sekretaris bidang itu."}).status_code == 302
    listed = kirana.get(reverse("admin:complaints_release_changelist")).content.decode()
    assert "jawaban tim verifikasi" in listed
    page = kirana.get(of_release(release, "change")).content.decode()
    assert "Sekretaris bidang itu." in page
    # Read, so that nothing is new any more.
    listed = kirana.get(reverse("admin:complaints_release_changelist")).content.decode()
    assert "jawaban tim verifikasi" not in listed
    assert "questions=open" not in vera.get(reverse("admin:index")).content.decode()
    # After the outcome too the body may ask, and the office finds it.
    for action in (Action.SUBSTANTIATE, Action.AWAIT_AGENCY, Action.SANCTION):
        body_act(cast, "kirana", release, action)
    assert kirana.post(of_release(release, "ask_office"), {"text": "Boleh berkasnya dikembalikan?"}).status_code == 302
    desk = vera.get(reverse("admin:index"))
    (asked,) = [tile for tile in desk.context["counts"] if "questions=open" in tile.url]
    assert asked.number == 1 and sent.case.reference in vera.get(asked.url).content.decode()


def test_a_question_to_the_reporter_is_read_first(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = examined(cast)
    kirana, vera, url = signed_in("kirana"), signed_in("vera"), of_release(release, "ask_reporter")
    readers = {"readers": [str(sent.ticket.complaint_id)]}
    # What may never be asked does not leave the form, whatever the reason.
    named = readers | {"text": "Siapa nama lengkap Anda?", "override": "Perlu sekali."}
    refused = kirana.post(url, named)
    assert refused.status_code == 400 and "nama lengkap Anda" in refused.content.decode()
    assert kirana.post(url, {"text": "Kapan?"}).status_code == 400
    # What the check finds needs a reason, which the office reads.
    warned = readers | {"text": "Apa jabatan Anda di rapat itu?"}
    assert kirana.post(url, warned).status_code == 400
    assert not ReleaseQuestion.objects.exists()
    assert kirana.post(url, warned | {"override": "Perannya menentukan."}).status_code == 302
    page = vera.get(of_case(sent)).content.decode()
    assert "Perannya menentukan." in page and "jabatan Anda" in page
    back = {"reason": "Tanyakan perannya saja."}
    assert vera.post(of_case(sent, "_back"), {"reason": ""}).status_code == 400
    assert vera.post(of_case(sent, "_back"), back).status_code == 302
    assert "Tanyakan perannya saja." in kirana.get(of_release(release, "change")).content.decode()
    assert kirana.post(url, readers | {"text": "Pada jam berapa rapat dimulai?"}).status_code == 302
    assert vera.post(of_case(sent), {"seen": "verified.4"}).status_code == 409
    assert vera.post(of_case(sent), {"do": "preview"}).status_code == 200
    assert vera.post(of_case(sent), {}).status_code == 302
    page_of_reporter = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    assert page_of_reporter.question == "Pada jam berapa rapat dimulai?"
    assert vera.post(of_case(sent), {}).status_code == 409
    assert url not in kirana.get(of_release(release, "change")).content.decode()
    # While the reporter is asked, the office can still be.
    assert kirana.post(of_release(release, "ask_office"), {"text": "Masih ada?"}).status_code == 302


def test_the_reason_for_a_name_asks_for_nothing_else(cast: Cast, signed_in: SignedIn) -> None:
    """Only the reporter reads it: the office, which reads a body's questions first, does not."""
    sent, release = forwarded(cast)
    url = reverse("admin:complaints_release_name_ask", args=[release.pk, sent.ticket.complaint_id])
    before = NameRequest.objects.count()
    answer = signed_in("kirana").post(url, {"reason": "Di bagian mana Anda bekerja?"})
    page = answer.content.decode()
    assert answer.status_code == 400 and "menanyakan lebih dari nama" in page and "Di bagian mana Anda" in page
    assert NameRequest.objects.count() == before
    assert signed_in("kirana").post(url, {"reason": "Siapa nama Anda? Kami perlu saksi."}).status_code == 302
