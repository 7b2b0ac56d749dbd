"""Promise 4: a name opens for the one body that it was given to, and nothing tells whether there is one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import reporter_keys
from complaints.domain.sealing.primitives import BoxPair, unseal
from complaints.domain.sealing.records import open_record_of
from complaints.models.complaint import Complaint
from complaints.models.identity import Identity, NameRequest
from complaints.models.oversight import Release
from complaints.models.team import Team
from complaints.services import (
    case_actions,
    case_file,
    case_summary,
    follow_up,
    name_requests,
    own_name,
    reporter_identity,
)
from complaints.services.forwarding import names, reading
from complaints.services.keyring import Actor
from complaints.services.reporter_identity import SLOT_SIZES, Name
from complaints.services.reporter_reading import open_outer
from tests.cases import forwarded
from tests.images import photo
from tests.world import Cast, Sent, SignedIn, at, sealed_upload, send_report

DAY = date(2026, 11, 9)
COLUMNS = ("blob", "outer_reporter", "outer_recipient", "signature")
NAMED: dict[str, Any] = {"identity": "confidential", "name": "Ratna Penanda", "contact": "0812-3456"}
# The longest that the form takes, of characters that take the most room.
LONGEST: dict[str, Any] = {"identity": "confidential", "name": "\U0001f600" * 200, "contact": "\x01" * 300}
RATNA = Name("Ratna Penanda", "0812-3456")

ACTS: dict[str, Callable[[Sent], None]] = {
    "message": lambda sent: follow_up.add_message(ticket=sent.ticket, text="Lagi.", files=[], today=DAY),
    "file": lambda sent: follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(photo())], today=DAY),
    "giving": lambda sent: own_name.give(ticket=sent.ticket, name=Name("Lain", ""), body="BKN", today=DAY),
    "taking back": lambda sent: own_name.take_back(ticket=sent.ticket, today=DAY),
    "withdrawal": lambda sent: follow_up.withdraw(ticket=sent.ticket, reason="Takut.", today=DAY),
}


def row(sent: Sent) -> Identity:
    return Identity.objects.select_related("complaint").get(complaint=sent.ticket.complaint_id)


def columns(sent: Sent) -> list[bytes]:
    return [bytes(getattr(row(sent), name)) for name in COLUMNS]


def parts(sent: Sent) -> dict[str, bytes]:
    keys = reporter_keys(sent.code)
    return open_outer(row(sent), unseal(keys.box, bytes(row(sent).outer_reporter)))


def opened(cast: Cast, sent: Sent, name: str = "kirana") -> Name | None:
    """The name as a member of a body's team opens it, whatever the way to it."""
    ring = cast.ring(name)
    team = Team.objects.get(slug=f"body-{cast[name].body_id}")
    return reporter_identity.open_name(identity=row(sent), keyring=ring, team=team)


def ask(cast: Cast, sent: Sent, release: Release) -> None:
    actor = Actor(cast.ring("kirana"), at(DAY))
    names.ask(actor=actor, release_id=release.pk, complaint_id=sent.ticket.complaint_id, reason="Perlu saksi.")


# What a reporter of each kind sends, whether a body asks with a reason, and what they do then.
KINDS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "never": ({}, False, "message"),
    "given": (NAMED, False, "message"),
    "taken back": (NAMED, False, "taking back"),
    "asked": ({}, True, "message"),
    "asked and given": ({}, True, "giving"),
}


def test_with_or_without_a_name_it_has_one_shape(cast: Cast) -> None:
    kinds = [send_report(), send_report(**NAMED), send_report(**LONGEST)]
    kinds.append(send_report(identity="anonymous", name="Sudah diketik", contact="lalu dibatalkan"))
    assert len({tuple(len(value) for value in columns(sent)) for sent in kinds}) == 1
    shapes = [{name: len(value) for name, value in parts(sent).items()} for sent in kinds]
    assert all(shape == shapes[0] == {"slot": 4145, "mine": 561} for shape in shapes)
    assert opened(cast, kinds[1]) == RATNA
    assert opened(cast, kinds[2]) == Name(LONGEST["name"], LONGEST["contact"])
    assert opened(cast, kinds[0]) is opened(cast, kinds[3]) is None, "typed and then not given"


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_every_act_of_the_reporter_writes_it_anew(cast: Cast, act: Callable[[Sent], None]) -> None:
    for sent in (send_report(), send_report(**NAMED)):
        before = columns(sent)
        act(sent)
        after = columns(sent)
        assert all(old != new for old, new in zip(before, after, strict=True))
        assert [len(old) for old in before] == [len(new) for new in after]
        assert "Ratna" not in str(after)


def test_staff_acts_do_not_change_the_stored_identity(cast: Cast) -> None:
    sent = send_report(**NAMED)
    before = columns(sent)
    vera = cast.ring("vera")
    case_file.open_case(actor=Actor(vera, at(DAY)), case_id=sent.case.pk)
    case_actions.reply_to_reporter(actor=Actor(vera, at(DAY)), complaint_id=sent.case.complaints.get().pk, text="Halo.")
    assert columns(sent) == before


def test_a_record_takes_the_place_of_a_name(cast: Cast) -> None:
    """Random bytes would not: a record begins with its version and a point whose highest bit is not set."""
    slots = [parts(send_report())["slot"] for _time in range(8)] + [parts(send_report(**NAMED))["slot"]]
    assert all(slot[0] == 1 and slot[32] < 128 for slot in slots)


def snapshot() -> dict[str, list[tuple[Any, ...]]]:
    """All that a thief of the database sees of the places of names and the requests, but for keys and ciphertexts."""
    identities = Identity.objects.order_by("pk")
    seen: dict[str, list[tuple[Any, ...]]] = {}
    for identity in identities:
        lengths = tuple(len(bytes(getattr(identity, name))) for name in COLUMNS)
        seen[str(identity.pk)] = [(identity.body_id, identity.sealed_number, identity.version, identity.batch, lengths)]
    for request in NameRequest.objects.order_by("day", "closed_on"):
        sizes = [len(bytes(value or b"")) for value in (request.sealed, request.sealed_for_reporter)]
        seen[str(request.complaint_id)].append((request.body_id, request.by_id, request.closed_on, *sizes))
    return seen


def test_two_snapshots_of_the_database_tell_no_state(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty of each kind look alike but for what is clear: whether a body asked with a reason."""
    actor = Actor(cast.ring("vera"), at(DAY))
    # One release stands for all: what is looked at here hangs on the reports and the requests alone.
    _sent, release = forwarded(cast, today=DAY)
    monkeypatch.setattr(names, "reporters_of", lambda _content: _reporters())
    made = [(kind, send_report(today=DAY, **KINDS[kind][0])) for kind in KINDS for _time in range(20)]
    complaints = [Complaint.objects.get(pk=sent.ticket.complaint_id) for _kind, sent in made]
    name_requests.request_for_release(actor=actor, release=release, complaints=complaints)
    for kind, sent in made:
        if KINDS[kind][1]:
            ask(cast, sent, release)
        ACTS[KINDS[kind][2]](sent)
    first = snapshot()
    for _kind, sent in made:
        ACTS["message"](sent)
    second = snapshot()
    seen: dict[bool, set[str]] = {True: set(), False: set()}
    for kind, sent in made:
        key = str(sent.ticket.complaint_id)
        seen[KINDS[kind][1]].add(json.dumps([first[key], second[key]], default=str))
    assert [len(seen[True]), len(seen[False])] == [1, 1]
    blobs = [bytes(identity.blob) for identity in Identity.objects.all()]
    assert len(set(blobs)) == len(blobs)
    # The bytes behind the version are as random in one kind as in another.
    for kind in KINDS:
        content = b"".join(columns(sent)[0][1:] for own, sent in made if own == kind)
        assert abs(sum(content) / len(content) - 127.5) < 2


def _reporters() -> dict[str, bytes]:
    return {str(key): bytes(public) for key, public in Complaint.objects.values_list("pk", "reporter_verify_key")}


def test_statements_and_answers_are_the_same_for_each_state(cast: Cast, signed_in: SignedIn) -> None:
    """Of the reporter's page and acts, and of what a liaison gets who opens a place without a name."""
    statements: dict[str, set[tuple[str, ...]]] = {"look": set(), "give": set(), "take": set()}
    sizes, answers = set[int](), set[bytes]()
    liaison = signed_in("kirana")
    for kind in ("never", "given", "taken back"):
        sent, release = forwarded(cast, today=DAY, **KINDS[kind][0])
        ACTS[KINDS[kind][2]](sent)
        client = Client()
        client.post("/cek/", {"code": sent.code})
        client.get("/cek/laporan/")
        with CaptureQueriesContext(connection) as looked:
            page = client.get("/cek/laporan/")
        sizes.add(len(page.content))
        statements["look"].add(_shape(looked))
        if kind != "given":
            address = reverse("admin:complaints_release_name", args=[release.pk, sent.ticket.complaint_id])
            answers.add(_without_ids(liaison.post(address).content, sent, release))
        for act, name in (("take", "taking back"), ("give", "giving")):
            with CaptureQueriesContext(connection) as acted:
                ACTS[name](sent)
            statements[act].add(_shape(acted))
    assert {act: len(seen) for act, seen in statements.items()} == {"look": 1, "give": 1, "take": 1}
    assert len(sizes) == len(answers) == 1


def _shape(queries: CaptureQueriesContext) -> tuple[str, ...]:
    """The statements without values."""
    texts = [str(query["sql"]).partition(" WHERE ")[0].partition(" VALUES ")[0] for query in queries.captured_queries]
    return tuple(text if text.startswith(("SELECT", "INSERT")) else text.partition(" ")[0] for text in texts)


def _without_ids(content: bytes, sent: Sent, release: Release) -> bytes:
    reference = sent.case.reference.encode()
    text = content.replace(reference, b"").replace(str(release.pk).encode(), b"")
    # The rest of the session's time is another at each look.
    changing = (b"csrf", b"nonce", b"data-seconds")
    return b"\n".join(line for line in text.split(b"\n") if not any(word in line for word in changing))


def pairs_of(cast: Cast, name: str, complaint: Complaint) -> Iterator[BoxPair]:
    """Every private key that any member of staff can obtain."""
    ring = cast.ring(name)
    assert ring.keys
    yield ring.keys.box
    for team in Team.objects.filter(pk__in=ring.team_ids):
        yield ring.team(team).box
    if complaint.grants.filter(team__in=ring.team_ids).exists():
        yield ring.complaint(complaint)
    for release in Release.objects.filter(case=complaint.case, grants__team__in=ring.team_ids):
        yield ring.release(release)


@pytest.mark.parametrize("name", ["vera", "fitri", "bima", "super", "adi", "audi", "luar"])
def test_nobody_but_its_body_comes_to_the_name(cast: Cast, name: str) -> None:
    """Searched with every private key: of the office, of another body to which the report was forwarded, of others."""
    sent, _release = forwarded(cast, body="kasn" if name == "bima" else "bkn", today=DAY, **NAMED)
    complaint, apart = sent.case.complaints.get(), row(sent)
    signers = [bytes(complaint.reporter_verify_key)]
    context = reporter_identity._slot_context(complaint.pk, "bkn", 1)
    for pair in pairs_of(cast, name, complaint):
        for outer in (apart.outer_recipient, apart.outer_reporter):
            with pytest.raises(SealError):
                unseal(pair, bytes(outer))
        # Even where somebody hands them the outer key, which only its body and the reporter open.
        with pytest.raises(SealError):
            open_record_of(pair, parts(sent)["slot"], context, signers, sizes=SLOT_SIZES)
    assert opened(cast, sent) == RATNA


def test_the_name_is_in_nothing_that_an_officer_or_a_body_opens(cast: Cast) -> None:
    sent, release = forwarded(cast, today=DAY, **NAMED)
    opened_case = case_file.open_case(actor=Actor(cast.ring("vera"), at(DAY)), case_id=sent.case.pk)
    summary = case_summary.summaries(actor=Actor(cast.ring("vera"), at(DAY)), cases=[sent.case])
    text = f"{opened_case.complaints[0].answers} {summary}"
    ring = cast.ring("kirana")
    text += f"{reading.open_contents(ring, reading.chain_of(release))[0].content}"
    assert "Ratna" not in text
    assert "0812" not in text


def test_a_release_to_another_body_opens_no_name(cast: Cast) -> None:
    sent, release = forwarded(cast, body="kasn", today=DAY, **NAMED)
    actor = Actor(cast.ring("bima"), at(DAY))
    do = {"actor": actor, "release_id": release.pk, "complaint_id": sent.ticket.complaint_id}
    assert names.open_name(**do) is None
    with pytest.raises(ObjectDoesNotExist):
        names.open_name(actor=Actor(cast.ring("kirana"), at(DAY)), **{k: v for k, v in do.items() if k != "actor"})
    ACTS["message"](sent)
    page = follow_up.status_page(ticket=sent.ticket, today=DAY)
    assert (page.name.state, page.name.body, page.name.asker) == ("void", "BKN", "KASN"), "it travels to no other body"
    assert opened(cast, sent) is None
    own_name.give(ticket=sent.ticket, name=Name("Untuk KASN", ""), body="KASN", today=DAY)
    assert names.open_name(**do) == Name("Untuk KASN", "")
    assert opened(cast, sent) is None
