"""A body asks a reporter for their name and opens it; the reporter gives it, takes it back, and is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.utils import timezone

from complaints.domain.workflow import Action, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.identity import Identity, NameRequest, ReadName
from complaints.models.oversight import OversightBody, Release
from complaints.models.team import Team
from complaints.services import case_actions, follow_up, own_name, reporter_identity
from complaints.services.audit import verify
from complaints.services.forwarding import names
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor, Locked
from complaints.services.reporter_identity import Name
from complaints.services.reporter_reading import OwnName
from complaints.services.team_keys import resealing, rotation
from tests.cases import act, body_act, forwarded
from tests.world import Cast, Sent, at, close_batch

DAY = timezone.localdate()
NAMED: dict[str, Any] = {"identity": "confidential", "name": "Ratna Penanda", "contact": "0812-3456"}
RATNA = Name("Ratna Penanda", "0812-3456")


def opens(cast: Cast, sent: Sent, release: Release, *, name: str = "kirana", day: date = DAY) -> Name | None:
    actor = Actor(cast.ring(name), at(day))
    return names.open_name(actor=actor, release_id=release.pk, complaint_id=sent.ticket.complaint_id)


def ask(cast: Cast, sent: Sent, release: Release, reason: str = "Kami perlu saksi.", *, name: str = "kirana") -> None:
    actor = Actor(cast.ring(name), at(DAY))
    names.ask(actor=actor, release_id=release.pk, complaint_id=sent.ticket.complaint_id, reason=reason)


def give(sent: Sent, name: str = "Ibu A", body: str = "BKN") -> None:
    own_name.give(ticket=sent.ticket, name=Name(name, ""), body=body, today=DAY)


def take_back(sent: Sent) -> None:
    own_name.take_back(ticket=sent.ticket, today=DAY)


def told(sent: Sent) -> OwnName:
    return follow_up.status_page(ticket=sent.ticket, today=DAY).name


def events(sent: Sent) -> list[str]:
    entries = AuditEntry.objects.filter(subject=sent.ticket.complaint_id, event__startswith="name.")
    return [event.partition(".")[2] for event in entries.order_by("sequence").values_list("event", flat=True)]


def test_a_name_given_with_the_report_opens_with_the_release(cast: Cast) -> None:
    sent, release = forwarded(cast, today=DAY, **NAMED)
    assert (told(sent).state, told(sent).readings) == ("given", [])
    assert opens(cast, sent, release) == RATNA
    page = told(sent)
    assert (page.readings, page.is_read) == ([(DAY, "BKN")], True)
    assert events(sent) == ["requested", "tried", "read"]
    # The copy of what was read opens again, and the reporter is told each time.
    assert opens(cast, sent, release, name="kresna", day=DAY + timedelta(days=2)) == RATNA
    assert [day for day, _body in told(sent).readings] == [DAY, DAY + timedelta(days=2)]
    close_batch(at(DAY + timedelta(days=40)))
    assert verify.verify_chain().whole


def test_an_anonymous_reporter_is_asked_gives_and_takes_back(cast: Cast) -> None:
    sent, release = forwarded(cast, today=DAY)
    assert opens(cast, sent, release) is None
    ask(cast, sent, release)
    page = told(sent)
    assert [request.reason for request in page.requests] == ["", "Kami perlu saksi."]
    assert (page.state, page.asker) == ("none", "BKN")
    give(sent)
    assert told(sent).state == "given"
    take_back(sent)
    assert told(sent).state == "none"
    assert opens(cast, sent, release) is None
    give(sent, "Ibu B")
    assert opens(cast, sent, release) == Name("Ibu B", "")
    # Read is read.
    take_back(sent)
    give(sent, "Ibu C")
    assert (told(sent).state, told(sent).is_read) == ("given", True)
    assert opens(cast, sent, release) == Name("Ibu B", "")
    assert events(sent) == ["requested", "tried", "closed", "requested", "tried", "tried", "read", "tried", "read"]
    assert verify.verify_chain().whole


def test_who_may_ask_and_how_often(cast: Cast) -> None:
    sent, release = forwarded(cast, today=DAY)
    for name in ("bima", "vera", "audi", "luar"):
        for attempt in (ask, opens):
            with pytest.raises((ObjectDoesNotExist, Locked)):
                attempt(cast, sent, release, name=name)
    for _time in range(names.ASKED_AT_MOST):
        ask(cast, sent, release)
    with pytest.raises(TransitionRefused):
        ask(cast, sent, release)
    assert NameRequest.objects.filter(closed_on=None).count() == 1
    assert [row.left for row in names.requests_of_release(release).values()] == [0]


def test_the_office_reads_no_reason(cast: Cast) -> None:
    sent, release = forwarded(cast, today=DAY)
    ask(cast, sent, release, "Alasan rahasia.")
    row = NameRequest.objects.get(by__isnull=False)
    keyring = cast.ring("kresna")
    team = Team.objects.get(slug="body-bkn")
    context = names.reason_context(row, "name-request")
    assert keyring.read_for_team(team, row.sealed or b"", context, number=1) == "Alasan rahasia."
    with pytest.raises(Locked):
        cast.ring("fitri").read_for_team(team, row.sealed or b"", context, number=1)


def returned(cast: Cast, sent: Sent, release: Release) -> None:
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_act(cast, "kirana", release, Action.RETURN, text="Mohon dilengkapi.")


def recalled(cast: Cast, sent: Sent, release: Release) -> None:
    case_actions.act(
        actor=Actor(cast.ring("fitri"), at(DAY)), case_id=sent.case.pk, action=Action.RECALL, reason="Ditarik."
    )


@pytest.mark.parametrize("end", [returned, recalled])
def test_a_release_that_ends_takes_every_name_with_it(cast: Cast, end: Callable[[Cast, Sent, Release], None]) -> None:
    named, anonymous = forwarded(cast, today=DAY, **NAMED), forwarded(cast, today=DAY)
    before = {row.pk: bytes(row.blob) for row in Identity.objects.all()}
    for sent, release in (named, anonymous):
        end(cast, sent, release)
        with pytest.raises(ObjectDoesNotExist):
            opens(cast, sent, release)
        assert (told(sent).state, told(sent).body) == ("void", "BKN"), "and says the same to both"
    team, keyring = Team.objects.get(slug="body-bkn"), cast.ring("kirana")
    for identity in Identity.objects.select_related("complaint"):
        assert bytes(identity.blob) != before[identity.pk]
        assert reporter_identity.open_name(identity=identity, keyring=keyring, team=team) is None
    assert verify.verify_chain().whole
    # Forwarded once more it opens again only where the reporter gives it again.
    sent, _release = named
    if end is returned:
        act(cast, "vera", sent, Action.VERIFY)
        do = {"actor": Actor(cast.ring("fitri"), at(DAY)), "case_id": sent.case.pk}
        again = forward(body=OversightBody.objects.get(pk="bkn"), choice=whole(sent.case.pk), **do)
        assert opens(cast, sent, again) is None
        give(sent, "Ratna lagi")
        assert opens(cast, sent, again) == Name("Ratna lagi", "")


def test_what_was_read_stays_readable_and_follows_the_key(cast: Cast) -> None:
    sent, release = forwarded(cast, today=DAY, **NAMED)
    ask(cast, sent, release)
    assert opens(cast, sent, release) == RATNA
    team = Team.objects.get(slug="body-bkn")
    rotation.rotate(actor=Actor(cast.ring("kirana"), at(DAY)), team_id=team.pk)
    resealing.reseal(actor=Actor(cast.ring("kirana"), at(DAY)), team_id=team.pk)
    assert {ReadName.objects.get().sealed_number, NameRequest.objects.get(by__isnull=False).sealed_number} == {2}
    assert opens(cast, sent, release, name="kresna") == RATNA
    assert told(sent).requests[-1].reason == "Kami perlu saksi."


def test_swapped_replayed_or_altered_places_open_no_name(cast: Cast) -> None:
    """Always the one sentence: never the name of another report, nor one that was taken back."""
    (first, release), (second, _other) = forwarded(cast, today=DAY, **NAMED), forwarded(cast, today=DAY)
    give(second, "Orang lain")
    columns = ("blob", "outer_reporter", "outer_recipient", "signature", "version", "batch")
    kept = {sent.case.pk: _columns(sent, columns) for sent in (first, second)}
    take_back(first)
    now = _columns(first, columns)
    other, old = kept[second.case.pk], kept[first.case.pk]
    forged: list[dict[str, Any]] = [
        other,
        {**now, "blob": other["blob"], "outer_recipient": other["outer_recipient"]},
        {**now, "blob": old["blob"], "outer_recipient": old["outer_recipient"]},
        {**old, "version": now["version"]},
        {**now, "outer_recipient": b""},
        {**now, "blob": b""},
    ]
    for content in forged:
        Identity.objects.filter(pk=first.ticket.complaint_id).update(**content)
        assert opens(cast, first, release) is None
    Identity.objects.filter(pk=first.ticket.complaint_id).update(**now)
    assert opens(cast, first, release) is None
    # A version that its reporter signed, put back whole, opens until the night names it: docs/threat-model.md.
    Identity.objects.filter(pk=first.ticket.complaint_id).update(**old)
    assert "identity.older" not in {fault.code for fault in verify.verify_chain().faults}, "within the open batch"


def _columns(sent: Sent, names_of: tuple[str, ...]) -> dict[str, Any]:
    return Identity.objects.filter(pk=sent.ticket.complaint_id).values(*names_of).get()


@pytest.mark.parametrize(
    ("alter", "is_named"),
    [
        (lambda: NameRequest.objects.update(closed_on=DAY), True),
        (lambda: NameRequest.objects.update(day=date(2026, 1, 1)), True),
        (lambda: ReadName.objects.all().delete(), True),
        (lambda: ReadName.objects.update(day=date(2026, 1, 1)), True),
        (lambda: None, False),
    ],
    ids=["closed", "another day", "no reading", "read another day", "nothing"],
)
def test_what_somebody_alters_is_named(cast: Cast, alter: Callable[[], object], *, is_named: bool) -> None:
    sent, release = forwarded(cast, today=DAY, **NAMED)
    opens(cast, sent, release)
    alter()
    assert ("name.altered" in {fault.code for fault in verify.verify_chain().faults}) is is_named


TIMES = 30


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_name_is_never_taken_back_and_read(live_cast: Cast) -> None:
    """Taking back and opening at the same moment, many times: one of the two comes first, and the page says which."""
    seen = set()
    sent, release = forwarded(live_cast, today=DAY)
    for number in range(TIMES):
        if told(sent).is_read:
            sent, release = forwarded(live_cast, today=DAY)
        give(sent, f"Ibu {number}")
        name = _at_once(live_cast, sent, release)
        page = told(sent)
        assert (name is None) == (page.readings == [])
        seen.add((name is not None, page.state))
    assert seen <= {(True, "given"), (False, "none")}


def _at_once(cast: Cast, sent: Sent, release: Release) -> Name | None:
    """Take a name back and open it in two threads; return what was opened."""
    opened: list[Name | None] = []
    start = threading.Barrier(2)

    def taking() -> None:
        start.wait()
        take_back(sent)
        connection.close()

    def opening() -> None:
        start.wait()
        opened.append(opens(cast, sent, release))
        connection.close()

    threads = [threading.Thread(target=act_) for act_ in (taking, opening)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return opened[0]
