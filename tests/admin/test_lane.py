"""The pages of the lane of likely junk: the tile, the link in the queue, the sample, the proposal, and the way out."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain import lane as rule
from complaints.models.case import Case
from complaints.models.lane import LaneProposal
from complaints.services import follow_up, reference_data
from tests.admin.test_key_rotation import in_english
from tests.floods import close_day, first_looks, flood
from tests.world import Cast, Sent, SignedIn, change_account, send_report

DESK, QUEUE, LANE = "admin:index", "admin:complaints_case_changelist", "admin:complaints_case_lane"
TEXT = "ineligible_alike.id"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "ALIKE_AT_LEAST", 6)


@pytest.fixture
def sent(cast: Cast) -> list[Sent]:
    sent = flood(7)
    first_looks(cast)
    return sent


def words(client: Client, name: str, query: str = "") -> str:
    return client.get(reverse(name) + query).content.decode()


def reads_sample(client: Client) -> int:
    """Open the next case of the sample until none is left; return how many."""
    for opened in range(20):
        case = client.get(reverse(LANE)).context["next"]
        if case is None:
            return opened
        assert client.get(reverse("admin:complaints_case_change", args=[case.pk])).status_code == 200
    raise AssertionError("the sample has no end")


def test_the_lane_is_left_out_of_the_queue_and_has_its_own_number(
    cast: Cast, signed_in: SignedIn, sent: list[Sent]
) -> None:
    other, vera = send_report(), in_english(signed_in("vera"))
    desk = vera.get(reverse(DESK))
    assert [(tile.words, tile.url) for tile in desk.context["counts"] if tile.label == "Likely junk"] == [
        ("7", reverse(LANE))
    ]
    assert [tile.number for tile in desk.context["counts"] if tile.label == "New"] == [1]
    for query, junk, others in (
        ("", 0, 1),
        ("?status=received", 0, 1),
        ("?due=late", 0, 0),
        ("?lane=junk", 7, 0),
        ("?lane=with", 7, 1),
        ("?status=every", 7, 1),
    ):
        page = words(vera, QUEUE, query)
        assert sum(report.case.reference in page for report in sent) == junk, query
        assert (other.case.reference in page) == bool(others), query
        assert "Likely junk</a>" not in page and reverse(LANE) in page
    assert "Likely junk" not in [
        tile.label for tile in in_english(signed_in("kirana")).get(reverse(DESK)).context["counts"]
    ]


def test_an_answer_from_the_lane_is_among_the_answers(cast: Cast, signed_in: SignedIn, sent: list[Sent]) -> None:
    follow_up.add_message(ticket=sent[0].ticket, text="Halo?", files=[], today=timezone.localdate())
    vera = in_english(signed_in("vera"))
    assert sent[0].case.reference in words(vera, QUEUE, "?status=every&answers=unread")
    assert "In 1 case something was written or sent since." in words(vera, LANE)


def test_one_proposes_another_confirms(cast: Cast, signed_in: SignedIn, sent: list[Sent]) -> None:
    vera, fitri = in_english(signed_in("vera")), in_english(signed_in("fitri"))
    assert "cannot be proposed yet" in words(vera, LANE)
    close_day()
    page = words(vera, LANE)
    assert "The portal has drawn 5 of 7 cases." in page and "<textarea" not in page
    refused = vera.post(reverse(LANE), {"do": "propose", "standard": TEXT, "reason": "Massal."}, follow=True)
    assert "Read every report of the sample first." in refused.content.decode()
    assert reads_sample(vera) == 5
    assert vera.post(reverse(LANE), {"do": "propose", "standard": TEXT, "reason": " "}).status_code == 400
    done = vera.post(reverse(LANE), {"do": "propose", "standard": TEXT, "reason": "Isi sama semua."}, follow=True)
    assert "7 of 7 wait for a second decision" in done.content.decode()
    assert "Confirm: 7 cases" not in done.content.decode()
    proposal = LaneProposal.objects.get()
    own = vera.post(reverse(LANE), {"do": "confirm", "proposal": str(proposal.pk)}, follow=True)
    assert "Somebody else has to confirm what you proposed." in own.content.decode()

    page = words(fitri, LANE)
    assert (
        "Isi sama semua." in page and "Confirm: 7 cases are not eligible" in page and "after reading 5 of them" in page
    )
    assert reverse(LANE) in words(fitri, DESK)
    fitri.post(reverse(LANE), {"do": "confirm", "proposal": str(proposal.pk)})
    assert set(Case.objects.values_list("status", flat=True)) == {"ineligible"}
    assert "No report is listed as likely junk." in words(fitri, LANE)
    page_of_reporter = follow_up.status_page(ticket=sent[3].ticket, today=timezone.localdate())
    assert f"Laporan {sent[3].case.reference} kami tutup." in str(page_of_reporter)


def test_a_proposal_is_withdrawn_and_a_case_is_taken_out(cast: Cast, signed_in: SignedIn, sent: list[Sent]) -> None:
    close_day()
    vera, vino = in_english(signed_in("vera")), in_english(signed_in("vino"))
    reads_sample(vera)
    case = sent[0].case
    change, out = (reverse(f"admin:complaints_case_{name}", args=[case.pk]) for name in ("change", "lane_out"))
    vera.post(reverse(LANE), {"do": "propose", "standard": TEXT, "reason": "Massal."})
    assert "This case is listed as likely junk" in vino.get(change).content.decode()
    assert "is in the queue again" in vino.post(out, follow=True).content.decode()
    assert "This case is listed as likely junk" not in vino.get(change).content.decode()
    assert "not listed as likely junk any more" in vino.post(out, follow=True).content.decode()
    vino.post(reverse(LANE), {"do": "withdraw", "proposal": str(LaneProposal.objects.get().pk)})
    assert set(Case.objects.values_list("status", flat=True)) == {"in_review"}
    assert Case.objects.filter(lane="junk").count() == 6 and LaneProposal.objects.get().is_finished


def test_odd_posts_do_nothing(cast: Cast, signed_in: SignedIn, sent: list[Sent]) -> None:
    vera = signed_in("vera")
    for fields in ({}, {"do": "x"}, {"do": "confirm"}, {"do": "withdraw", "proposal": "x"}):
        assert vera.post(reverse(LANE), fields).status_code == 404
    missing = {"do": "confirm", "proposal": "00000000-0000-4000-8000-000000000000"}
    assert vera.post(reverse(LANE), missing).status_code == 404
    assert vera.post(reverse(LANE), {"do": "propose", "standard": "x", "reason": "y"}).status_code == 400
    assert signed_in("kirana").get(reverse(LANE)).status_code == 404


def test_who_practises_finds_no_lane(cast: Cast, signed_in: SignedIn) -> None:
    vera = signed_in("vera")
    change_account("vera", practising=True)
    assert vera.get(reverse(LANE)).status_code == 404


def test_only_the_texts_of_the_lane_are_offered_and_no_case_alone_offers_them(
    cast: Cast, signed_in: SignedIn, sent: list[Sent]
) -> None:
    close_day()
    vera = in_english(signed_in("vera"))
    reads_sample(vera)
    form = vera.get(reverse(LANE)).context["form"]
    assert set(form.options) == {"ineligible_alike.id", "ineligible_alike.en"}
    alone = reference_data.standard_texts("confirm_ineligible", "")
    assert len(alone) > 1 and "ineligible_alike" not in {row.code for row in alone}


def test_a_case_that_was_altered_is_not_taken_out_and_the_page_says_why(
    cast: Cast, signed_in: SignedIn, sent: list[Sent]
) -> None:
    close_day()
    vera = in_english(signed_in("vera"))
    reads_sample(vera)
    vera.post(reverse(LANE), {"do": "propose", "standard": TEXT, "reason": "Massal."})
    Case.objects.filter(pk=sent[0].case.pk).update(step_count=7)
    out = in_english(signed_in("vino")).post(
        reverse("admin:complaints_case_lane_out", args=[sent[0].case.pk]), follow=True
    )
    assert "This case is under check, so it was not taken out." in out.content.decode()
