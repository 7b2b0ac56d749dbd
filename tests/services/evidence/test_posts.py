"""Posts as evidence: sealed like the rest, read by triage, given to a body with its release, and bound into the day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from complaints.domain.errors import SealError
from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import OversightBody
from complaints.services import case_actions, case_file, follow_up, submission
from complaints.services.audit import verify
from complaints.services.evidence import processing
from complaints.services.evidence.posts import PostInfo, describe
from complaints.services.forwarding import reading
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.images import photo
from tests.security import traces
from tests.world import Cast, Sent, at, close_batch, draft, sealed_upload, send_report

DAY = date(2026, 11, 9)
POST = {
    "url": "https://www.facebook.com/Akun.Unik/posts/778899?fbclid=PENGIRIM",
    "act": "like",
    "seen_on": "2026-11-03",
}
pytestmark = pytest.mark.django_db


def posts_of(cast: Cast, sent: Sent) -> list[PostInfo]:
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), at(DAY)), case_id=sent.case.pk)
    return [item.info for item in opened.complaints[0].posts]


def send_with(posts: list[dict[str, object]], links: str = "") -> Sent:
    content = draft(links=links) | {"posts": posts}
    submission.start_code(content)
    receipt = submission.submit(draft=content, files=[], today=DAY)
    ticket = follow_up.open_ticket(receipt.code)
    assert ticket
    return Sent(receipt.code, ticket, Complaint.objects.get(pk=ticket.complaint_id).case)


def test_each_line_of_links_becomes_a_post(cast: Cast) -> None:
    links = "https://www.instagram.com/p/AbC/?igsh=PENGIRIM\n\nakun @kabid menyukainya\ninstagram.com/p/AbC"
    sent = send_report(today=DAY, links=links)
    typed = "https://www.instagram.com/p/AbC/?igsh=PENGIRIM\ninstagram.com/p/AbC"
    assert posts_of(cast, sent) == [
        PostInfo(url="https://instagram.com/p/AbC", typed=typed, sharer="typed", is_link=True, platform="instagram"),
        PostInfo(url="akun @kabid menyukainya", typed="akun @kabid menyukainya"),
    ]
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), at(DAY)), case_id=sent.case.pk)
    assert opened.complaints[0].answers["links"] == ""
    assert opened.complaints[0].evidence == []


def test_two_links_in_one_line_become_two_posts_with_all_that_was_typed(cast: Cast) -> None:
    line = "akun @kabid: https://x.com/a/status/1, juga t.me/Kanal/2 (grup)"
    assert posts_of(cast, send_report(today=DAY, links=line)) == [
        PostInfo(url="https://x.com/i/status/1", typed=line, is_link=True, platform="x", account="a"),
        PostInfo(url="https://t.me/kanal/2", typed=line, is_link=True, platform="telegram", account="kanal"),
    ]


def test_a_described_post_keeps_what_another_line_says_of_it(cast: Cast) -> None:
    described = [describe({"account": "@satu"}), describe({"account": "@dua"}), describe({"url": "x.com/a/status/1"})]
    opened = posts_of(cast, send_with(described, links="https://x.com/b/status/1?t=PENGIRIM disukai @kabid"))
    assert [(post.account, post.typed, post.sharer) for post in opened] == [
        ("@satu", "", ""),
        ("@dua", "", ""),
        ("a", "x.com/a/status/1\nhttps://x.com/b/status/1?t=PENGIRIM disukai @kabid", "typed"),
    ]


def test_what_is_too_much_stays_text_without_its_tracks(cast: Cast) -> None:
    links = "\n".join(f"https://x.com/akun/status/{number}?s=20" for number in range(42))
    sent = send_report(today=DAY, links=links)
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), at(DAY)), case_id=sent.case.pk).complaints[0]
    assert len(opened.posts) == 40
    assert opened.answers["links"].split() == [f"https://x.com/akun/status/{number}" for number in (40, 41)]


def test_a_described_post_is_sealed_and_read_by_triage(cast: Cast) -> None:
    sent = send_with([describe(POST)], links=POST["url"])
    info = PostInfo(
        url="https://facebook.com/akun.unik/posts/778899",
        typed=POST["url"],
        sharer="typed",
        is_link=True,
        platform="facebook",
        account="akun.unik",
        act="like",
        seen_on="2026-11-03",
    )
    assert posts_of(cast, sent) == [info]
    for marker in ("akun.unik", "Akun.Unik", "778899", "PENGIRIM", "facebook.com"):
        assert traces.hits(marker, traces.tables()) == []
        assert traces.hits(marker, traces.evidence_files()) == []
    assert len(bytes(Evidence.objects.get().sealed_post or b"")) == len(bytes(_other(cast).sealed_post or b"")), (
        "a longer post must not show"
    )


def _other(cast: Cast) -> Evidence:
    sent = send_with([describe({"account": "@a"})])
    return Evidence.objects.get(complaint__case=sent.case)


def test_chosen_platform_overrides_the_one_of_the_link(cast: Cast) -> None:
    chosen = describe(POST | {"platform": "other", "account": " @lain "})
    assert (chosen["platform"], chosen["account"]) == ("other", "@lain")
    odd = describe({"url": "bukan tautan", "platform": "myspace", "act": "poke"})
    assert (odd["platform"], odd["act"], odd["is_link"]) == ("", "", False)


def test_post_added_later_reaches_the_body_with_its_screenshot(cast: Cast) -> None:
    sent = send_report(today=DAY)
    shot = sealed_upload(photo())
    described = describe(POST | {"screenshot": shot.id})
    follow_up.add_message(ticket=sent.ticket, text="", files=[shot], posts=[described], today=DAY)
    assert processing.process_pending() == 1
    vera, now = cast.ring("vera"), at(DAY)
    (item,) = case_file.open_case(actor=Actor(vera, now), case_id=sent.case.pk).complaints[0].posts
    assert (item.info.screenshot, item.row.sequence) == (1, 2)
    case_actions.act(actor=Actor(vera, now), case_id=sent.case.pk, action=Action.START_REVIEW)
    case_actions.act(actor=Actor(vera, now), case_id=sent.case.pk, action=Action.VERIFY)
    release = forward(
        actor=Actor(cast.ring("fitri"), now),
        case_id=sent.case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(sent.case.pk, objects=[EvidenceObject.objects.get(variant="working").pk]),
    )
    seen = reading.open_release(actor=Actor(cast.ring("kirana"), now), release_id=release.pk)
    (post,) = seen.opened[0].content.reports[0].posts
    assert post["url"] == "https://facebook.com/akun.unik/posts/778899"
    # As typed, without what names the one who shared it: the body is not the reporter's confidant.
    assert (post["typed"], post["sharer"]) == ("https://www.facebook.com/Akun.Unik/posts/778899", "")
    assert "PENGIRIM" not in repr(seen.opened[0].content)
    assert post["screenshot"] == 1


def test_unreleased_screenshot_is_not_named_to_the_body(cast: Cast) -> None:
    sent = send_report(today=DAY)
    shot = sealed_upload(photo())
    described = describe(POST | {"screenshot": shot.id})
    follow_up.add_message(ticket=sent.ticket, text="", files=[shot], posts=[described], today=DAY)
    vera, now = cast.ring("vera"), at(DAY)
    case_actions.act(actor=Actor(vera, now), case_id=sent.case.pk, action=Action.START_REVIEW)
    case_actions.act(actor=Actor(vera, now), case_id=sent.case.pk, action=Action.VERIFY)
    body = OversightBody.objects.get(pk="bkn")
    release = forward(actor=Actor(cast.ring("fitri"), now), case_id=sent.case.pk, body=body, choice=whole(sent.case.pk))
    seen = reading.open_release(actor=Actor(cast.ring("kirana"), now), release_id=release.pk)
    assert seen.opened[0].content.reports[0].posts[0]["screenshot"] == 0


def test_the_reporter_sees_a_number_and_no_post(cast: Cast) -> None:
    sent = send_with([describe(POST)])
    page = follow_up.status_page(ticket=sent.ticket, today=DAY)
    assert page.own_files == 1
    assert "778899" not in repr(page)


def test_posts_that_change_places_do_not_open(cast: Cast) -> None:
    sent = send_with([describe(POST), describe({"account": "@lain"})])
    first, two = Evidence.objects.order_by("sequence")
    Evidence.objects.filter(pk=first.pk).update(sealed_post=two.sealed_post)
    with pytest.raises(SealError):
        posts_of(cast, sent)


def test_a_post_is_bound_into_its_batch(cast: Cast) -> None:
    send_with([describe(POST)])
    close_batch(at(DAY + timedelta(days=1), 0))
    assert verify.verify_chain().whole
    row = Evidence.objects.get()
    Evidence.objects.filter(pk=row.pk).update(sealed_post=bytes(row.sealed_post or b"")[:-1] + b"\0")
    assert not verify.verify_chain().whole
