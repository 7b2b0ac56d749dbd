"""The whole case page in few queries, and no more for more messages, evidence, releases or reports; other pages too."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.oversight import OversightBody
from complaints.services import case_actions, case_file, case_links, follow_up
from complaints.services.evidence import processing
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from complaints.services.transitions import CaseVersion
from tests.cases import act, body_act, forwarded
from tests.images import photo
from tests.world import Cast, Sent, SignedIn, sealed_upload, send_report

# Five of them are the session, the person, their teams and key, and the entry in the chain.
AT_MOST = 12
# The releases of a case that went to a body, what it decided on them, when it asked for a name, its questions, and what
# came in since.
FORWARDED = 5
# Whether the register of urgent matters is whole, asked wherever a reporter wrote: what was told must not show.
WRITTEN_TO = 1


def forward_again(cast: Cast, sent: Sent) -> None:
    """A second release to the same body."""
    act(cast, "vera", sent, Action.VERIFY)
    forward(
        actor=Actor(cast.ring("fitri"), timezone.now()),
        case_id=sent.case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(sent.case.pk),
    )


def busy(cast: Cast, *, messages: int, files: int) -> Sent:
    """A case that went to a body twice, with a thread, files and notes."""
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.RETURN, text="Di desa mana?")
    today, now = timezone.localdate(), timezone.now()
    complaint = Complaint.objects.get(case=sent.case)
    uploads = [sealed_upload(photo(size=(64 + number, 64))) for number in range(files)]
    follow_up.add_message(ticket=sent.ticket, text="Berkasnya.", files=uploads, today=today)
    processing.process_pending()
    for number in range(messages):
        case_actions.reply_to_reporter(
            actor=Actor(cast.ring("vino"), now), complaint_id=complaint.pk, text=f"Pesan {number}"
        )
        case_actions.write_case_note(
            actor=Actor(cast.ring("vera"), now), complaint_id=complaint.pk, text=f"Catatan {number}"
        )
    return sent


def cost(client: Client, sent: Sent) -> list[str]:
    """The queries of the whole case page."""
    return queries_of(client, reverse("admin:complaints_case_change", args=[sent.case.pk]))


def queries_of(client: Client, url: str) -> list[str]:
    """The queries of a page once it has been met: the first looks also write indexes."""
    for _look in range(3):
        assert client.get(url).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]


def test_the_whole_page_costs_the_same_however_much_there_is(signed_in: SignedIn, cast: Cast) -> None:
    small, large = busy(cast, messages=1, files=1), busy(cast, messages=10, files=5)
    for sent in (small, large):
        forward_again(cast, sent)
    client = signed_in("vera")
    # Both are in the blind index before either is opened, so that each finds the other.
    client.get(reverse("admin:complaints_case_changelist"))
    few, many = cost(client, small), cost(client, large)
    assert len(many) == len(few), "\n".join(sql[:160] for sql in many)
    assert len(many) <= AT_MOST + FORWARDED + WRITTEN_TO, "\n".join(sql[:160] for sql in many)


def test_it_costs_the_same_for_two_reports_and_fifty_and_one_query_more_than_for_one(
    signed_in: SignedIn, cast: Cast
) -> None:
    target, *others = (send_report() for _number in range(50))
    client, costs = signed_in("vera"), []
    for new in ([], others[:1], others[1:]):
        if new:
            sources = {report.case.pk: CaseVersion("received") for report in new}
            ring, now = cast.ring("vera"), timezone.now()
            case_links.link(actor=Actor(ring, now), target_id=target.case.pk, sources=sources, reason="Sama.")
        costs.append(cost(client, target))
    assert Complaint.objects.filter(case=target.case).count() == 50 > case_file.REPORTS_A_PAGE
    # Of a joint case: what was decided on lost codes.
    assert [len(queries) for queries in costs] == [len(costs[0]) + more for more in (0, 1, 1)], "\n".join(
        sql[:160] for sql in costs[-1]
    )
    assert len(costs[0]) <= AT_MOST, "\n".join(sql[:160] for sql in costs[0])


def test_other_pages_of_a_joint_case_cost_the_same_for_two_reports_and_fifty(signed_in: SignedIn, cast: Cast) -> None:
    target, *others = (send_report() for _number in range(50))
    client, costs = signed_in("vera"), []
    follow_up.add_message(
        ticket=others[0].ticket, text="Berkas.", files=[sealed_upload(photo())], today=timezone.localdate()
    )
    processing.process_pending()
    for new in (others[:1], others[1:]):
        sources = {report.case.pk: CaseVersion("received") for report in new}
        actor = Actor(cast.ring("vera"), timezone.now())
        case_links.link(actor=actor, target_id=target.case.pk, sources=sources, reason="Sama.")
        costs.append(_pages_of_joint_case(client, target))
    few, many = (
        # Of fifty reports a page opens some: the register is asked where the one with a message is among them.
        {name: len([sql for sql in queries if "register_version" not in sql]) for name, queries in pages.items()}
        for pages in costs
    )
    assert few == many


def _pages_of_joint_case(client: Client, sent: Sent) -> dict[str, list[str]]:
    """The queries of the pages of a case beside its own, and of a reply that is previewed."""
    pages = [("custody",), ("link",), ("step", "start_review"), ("conflict",)]
    urls = {name: reverse(f"admin:complaints_case_{name}", args=[sent.case.pk, *more]) for name, *more in pages}
    for name in ("risk", "unlink"):
        urls[name] = reverse(f"admin:complaints_case_{name}", args=[sent.case.pk, sent.ticket.complaint_id])
    costs = {name: queries_of(client, url) for name, url in urls.items()}
    reply = reverse("admin:complaints_case_reply", args=[sent.case.pk, sent.ticket.complaint_id])
    with CaptureQueriesContext(connection) as queries:
        assert client.post(reply, {"text": "Terima kasih.", "do": "preview"}).status_code == 200
    return costs | {"reply": [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]}


def test_release_and_dashboards_stay_within_query_budgets(signed_in: SignedIn, cast: Cast) -> None:
    _sent, release = forwarded(cast)
    opened, desk = reverse("admin:complaints_release_change", args=[release.pk]), reverse("admin:index")
    for act_of_body, typed in (("claim", {"seen": ""}), ("note", {"text": "Menunggu berkas."})):
        url = reverse(f"admin:complaints_release_{act_of_body}", args=[release.pk])
        assert signed_in("kirana").post(url, typed).status_code == 302
    # Of a release the lock, its parts and its reports are read besides, however many supplements there are; and what
    # the chain records of it, the notes with the team that they are sealed to, and colleagues whom it can go to.
    for name, url, most in (("kirana", opened, AT_MOST + 8), ("kirana", desk, AT_MOST), ("vera", desk, AT_MOST)):
        queries = queries_of(signed_in(name), url)
        assert len(queries) <= most, "\n".join(sql[:160] for sql in queries)
