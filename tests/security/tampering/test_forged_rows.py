"""An attacker who can write every row, and owns keys of their own, but none of the staff's: what they put in is
refused, by services and on the reporter's page alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from django.db import models
from django.test import Client
from pytest_django import Settings

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.records import KEY_SIZES, Context, seal_record
from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.identity import Identity
from complaints.models.oversight import OversightBody, Release, ReleasedFile
from complaints.models.team import Team
from complaints.services import case_actions, case_file, follow_up, submission
from complaints.services.audit import recorded_acts
from complaints.services.forwarding import decisions
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.reading import file_context, open_release
from complaints.services.forwarding.release import forward
from complaints.services.forwarding.released_files import open_copy, open_file, view_file
from complaints.services.keyring import Actor, Locked, bind_keys, message_context
from complaints.services.team_key_history import UnpinnedKey
from tests.cases import forwarded as released_case
from tests.cases import passed_on
from tests.security.tampering.scene import DAY, NOW
from tests.world import Cast, Sent, draft, send_report

FORGED = "KATA-KATA-PALSU"
ATTACKER = KeySet.new()
DIRECTIONS = Message.Direction


def overwrite(row: models.Model, **values: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**values)


def complaint_of(sent: Sent) -> Complaint:
    return sent.case.complaints.get()


def forge(sent: Sent, signer: KeySet, direction: str, *, release: Release | None = None) -> Message:
    """Put a message into the thread that carries ``signer``'s signature wherever one is looked for."""
    complaint = complaint_of(sent)
    message = Message(complaint=complaint, sequence=900, direction=direction, day=DAY, release=release)
    message.batch = 1 if direction == DIRECTIONS.FROM_REPORTER else None
    message.signer = signer.sign.public
    to = bytes((release or complaint).public_key)
    message.sealed = seal_record(to, message_context(message), FORGED, signer.sign)
    if direction == DIRECTIONS.FROM_REPORTER:
        if release:
            context = message_context(message, kind="to-release")
            message.sealed_for_release = seal_record(to, context, FORGED, signer.sign)
    else:
        context = message_context(message, kind="to-reporter")
        message.sealed_for_reporter = seal_record(bytes(complaint.reporter_key), context, FORGED, signer.sign)
    message.save(force_insert=True)
    return message


def reading(cast: Cast, sent: Sent) -> dict[str, Callable[[], Any]]:
    return {
        "reporter": lambda: follow_up.status_page(ticket=sent.ticket, today=DAY),
        "triage": lambda: case_file.open_case(actor=Actor(cast.ring("vera"), NOW), case_id=sent.case.pk),
    }


def forwarded(cast: Cast, sent: Sent, *, ask: bool = False) -> Release:
    """Bring a case to the body, up to an open question of it."""
    do = {"actor": Actor(cast.ring("vera"), NOW), "case_id": sent.case.pk}
    case_actions.act(action=Action.START_REVIEW, **do)
    case_actions.act(action=Action.VERIFY, **do)
    body = OversightBody.objects.get(pk="bkn")
    release = forward(actor=Actor(cast.ring("fitri"), NOW), case_id=sent.case.pk, body=body, choice=whole(sent.case.pk))
    do = {"actor": Actor(cast.ring("kirana"), NOW), "release_id": release.pk}
    decisions.act(action=Action.TAKE_UP, **do)
    if ask:
        passed_on(do["actor"], Actor(cast.ring("vera"), NOW), release, "Siapa saksinya?")
    return release


# --- Words


@pytest.mark.parametrize("direction", [DIRECTIONS.TO_REPORTER, DIRECTIONS.BODY_TO_REPORTER])
def test_a_message_of_nobody_in_the_house_is_refused(cast: Cast, direction: str) -> None:
    sent = send_report(today=DAY)
    forge(sent, ATTACKER, direction)
    for read in reading(cast, sent).values():
        with pytest.raises((UnpinnedKey, SealError)):
            read()


def test_a_team_that_only_the_database_knows_says_nothing(cast: Cast) -> None:
    sent = send_report(today=DAY)
    keys = {"public_key": ATTACKER.box.public, "verify_key": ATTACKER.sign.public}
    Team.objects.create(slug="triage-2", kind="triage", **keys)
    forge(sent, ATTACKER, DIRECTIONS.TO_REPORTER)
    for read in reading(cast, sent).values():
        with pytest.raises(UnpinnedKey):
            read()


@pytest.mark.parametrize(("person", "slug"), [("sari", "separate"), ("bima", "body-kasn"), ("kirana", "body-bkn")])
def test_no_team_speaks_in_the_name_of_the_office(cast: Cast, person: str, slug: str) -> None:
    """The key is pinned, and yet not the office's."""
    sent = send_report(today=DAY)
    forge(sent, cast.ring(person).team(Team.objects.get(slug=slug)), DIRECTIONS.TO_REPORTER)
    for read in reading(cast, sent).values():
        with pytest.raises(UnpinnedKey):
            read()


def test_message_of_a_body_signed_by_others_is_refused(cast: Cast) -> None:
    sent = send_report(today=DAY)
    release = forwarded(cast, sent)
    for person, slug in (("vera", "triage"), ("bima", "body-kasn")):
        keys = cast.ring(person).team(Team.objects.get(slug=slug))
        message = forge(sent, keys, DIRECTIONS.BODY_TO_REPORTER, release=release)
        for read in reading(cast, sent).values():
            with pytest.raises(UnpinnedKey):
                read()
        message.delete()


def test_forged_words_are_never_on_the_reporters_page(cast: Cast) -> None:
    sent = send_report(today=DAY)
    case_actions.reply_to_reporter(
        actor=Actor(cast.ring("vera"), NOW), complaint_id=complaint_of(sent).pk, text="Kata kantor."
    )
    client = Client(raise_request_exception=False)
    client.post("/cek/", {"code": sent.code})
    assert "Kata kantor." in client.get("/cek/laporan/").content.decode()
    forge(sent, ATTACKER, DIRECTIONS.TO_REPORTER)
    answer = client.get("/cek/laporan/")
    assert answer.status_code >= 500
    assert FORGED not in answer.content.decode()


def test_an_older_message_in_the_place_of_a_newer_is_refused(cast: Cast) -> None:
    sent = send_report(today=DAY)
    for text in ("Ya.", "Tidak."):
        case_actions.reply_to_reporter(
            actor=Actor(cast.ring("vera"), NOW), complaint_id=complaint_of(sent).pk, text=text
        )
        follow_up.add_message(ticket=sent.ticket, text=text, files=[], today=DAY)
    for direction, column, who in (
        (DIRECTIONS.TO_REPORTER, "sealed_for_reporter", "reporter"),
        (DIRECTIONS.TO_REPORTER, "sealed", "triage"),
        (DIRECTIONS.FROM_REPORTER, "sealed", "triage"),
    ):
        older, newer = Message.objects.filter(direction=direction).order_by("sequence")
        overwrite(newer, **{column: getattr(older, column)})
        with pytest.raises(SealError):
            reading(cast, sent)[who]()
        overwrite(newer, **{column: getattr(newer, column)})
    assert reading(cast, sent)["reporter"]().thread[-1].text == "Tidak."


def test_a_message_in_another_order_is_refused(cast: Cast) -> None:
    sent = send_report(today=DAY)
    follow_up.add_message(ticket=sent.ticket, text="Pertama.", files=[], today=DAY)
    overwrite(Message.objects.get(), sequence=7)
    with pytest.raises(SealError):
        reading(cast, sent)["triage"]()


def test_a_forged_answer_of_the_reporter_is_refused_by_the_body(cast: Cast) -> None:
    """Even where the row names the forger's key as the reporter's: the release itself says whose signature counts."""
    sent = send_report(today=DAY)
    release = forwarded(cast, sent)
    overwrite(complaint_of(sent), reporter_verify_key=ATTACKER.sign.public)
    forge(sent, ATTACKER, DIRECTIONS.FROM_REPORTER, release=release)
    with pytest.raises(SealError):
        open_release(actor=Actor(cast.ring("kirana"), NOW), release_id=release.pk)


# --- Keys


def test_a_forged_grant_opens_nothing(cast: Cast) -> None:
    sent = send_report(today=DAY)
    grant = KeyGrant.objects.get()
    context = Context("grant", str(complaint_of(sent).pk), str(grant.team_id))
    secret = ATTACKER.box.private.hex()
    overwrite(grant, sealed=seal_record(bytes(grant.team.public_key), context, secret, ATTACKER.sign, sizes=KEY_SIZES))
    with pytest.raises(SealError):
        reading(cast, sent)["triage"]()


def test_a_grant_moved_to_another_team_opens_nothing(cast: Cast) -> None:
    sent = send_report(today=DAY)
    release = forwarded(cast, sent)
    grant = KeyGrant.objects.get(complaint=complaint_of(sent))
    overwrite(grant, team=Team.objects.get(slug="body-bkn"))
    with pytest.raises((SealError, Locked)):
        cast.ring("kirana").complaint(complaint_of(sent))
    other = KeyGrant.objects.get(release=release, team__slug="body-bkn")
    overwrite(other, team=Team.objects.get(slug="body-kasn"))
    with pytest.raises((SealError, Locked)):
        cast.ring("bima").release(Release.objects.get())


def test_nothing_is_sealed_to_a_team_key_that_is_not_pinned(cast: Cast) -> None:
    for slug in ("triage", "body-bkn"):
        team = Team.objects.get(slug=slug)
        overwrite(team, public_key=ATTACKER.box.public, verify_key=ATTACKER.sign.public)
        with pytest.raises(UnpinnedKey):
            send_report(today=DAY)
        overwrite(team, public_key=team.public_key, verify_key=team.verify_key)
    assert not any(model.objects.exists() for model in (Case, Complaint, KeyGrant, Identity))
    assert send_report(today=DAY).code


def test_nothing_is_forwarded_to_a_team_key_that_is_not_pinned(cast: Cast) -> None:
    sent = send_report(today=DAY)
    overwrite(Team.objects.get(slug="body-bkn"), public_key=ATTACKER.box.public)
    with pytest.raises(UnpinnedKey):
        forwarded(cast, sent)
    assert not Release.objects.exists()
    assert Case.objects.get().status == "verified"


@pytest.mark.parametrize("pins", ["", "triage=", "triage= ,body-kasn= ", "body-kasn=x"])
def test_without_a_pin_nothing_is_taken_in(cast: Cast, settings: Settings, pins: str) -> None:
    settings.TEAM_KEY_PINS = pins
    with pytest.raises(UnpinnedKey):
        send_report(today=DAY)
    assert not Case.objects.exists()


def test_a_refused_report_is_still_there_to_be_sent_again(cast: Cast, settings: Settings) -> None:
    content = draft()
    submission.start_code(content)
    settings.TEAM_KEY_PINS = ""
    with pytest.raises(UnpinnedKey):
        submission.submit(draft=content, files=[], today=DAY)
    settings.TEAM_KEY_PINS = cast.pins
    assert submission.submit(draft=content, files=[], today=DAY).code == content["code"]


REPLACED = {
    "complaint": {"public_key": ATTACKER.box.public},
    "reporter": {"reporter_key": ATTACKER.box.public},
    "signer": {"reporter_verify_key": ATTACKER.sign.public},
    "all of them": {
        "public_key": ATTACKER.box.public,
        "reporter_key": ATTACKER.box.public,
        "reporter_verify_key": ATTACKER.sign.public,
    },
}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("replaced", REPLACED.values(), ids=REPLACED)
def test_nobody_seals_to_a_key_that_was_put_into_the_row(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, replaced: dict[str, bytes], signed: bool
) -> None:
    """Otherwise a database administrator would read all that is said after they have changed one column."""
    sent = send_report(today=DAY)
    release = forwarded(cast, sent, ask=True)
    complaint = complaint_of(sent)
    for name, value in replaced.items():
        setattr(complaint, name, value)
    if signed:
        bind_keys(complaint, ATTACKER.sign)
    complaint.save()
    before = Message.objects.count()
    vera, kirana = cast.ring("vera"), cast.ring("kirana")
    acts: list[Callable[[], Any]] = [
        lambda: follow_up.add_message(ticket=sent.ticket, text="Rahasia.", files=[], today=DAY),
        lambda: follow_up.withdraw(ticket=sent.ticket, reason="Rahasia.", today=DAY),
        lambda: follow_up.status_page(ticket=sent.ticket, today=DAY),
        lambda: case_actions.reply_to_reporter(actor=Actor(vera, NOW), complaint_id=complaint.pk, text="Rahasia."),
        lambda: case_actions.write_case_note(actor=Actor(vera, NOW), complaint_id=complaint.pk, text="Rahasia."),
    ]
    Case.objects.update(status="under_examination", asked_from="")
    # Else the step is refused before anything is sealed: no step of the case has led to this status.
    monkeypatch.setattr(recorded_acts, "are_steps_recorded", lambda case: True)
    acts.append(lambda: passed_on(Actor(kirana, NOW), Actor(vera, NOW), release, "Rahasia."))
    for act in acts:
        with pytest.raises(SealError):
            act()
    assert Message.objects.count() == before


def test_no_other_team_releases_in_the_name_of_the_office(cast: Cast) -> None:
    """A liaison who writes to the database signs a release with the key of the own team, which is pinned too."""
    _sent, release = released_case(cast, files=True)
    kirana = Actor(cast.ring("kirana"), NOW)
    keys, pair = kirana.keyring.keys_of("body-bkn"), kirana.keyring.release(release)
    file = ReleasedFile.objects.filter(release=release, stored__variant="working").get()
    info = open_copy(keyring=kirana.keyring, file_id=file.pk)[1]
    content = {"report": 1, "place": 1, "info": asdict(info)}
    overwrite(file, sealed=seal_record(pair.public, file_context(file), content, keys.sign))
    release.signer = keys.sign.public
    bind_keys(release, keys.sign)
    overwrite(release, signer=release.signer, key_signature=release.key_signature)
    kirana = Actor(cast.ring("kirana"), NOW)
    for read in (
        lambda: open_release(actor=kirana, release_id=release.pk),
        lambda: open_file(actor=kirana, file_id=file.pk),
        lambda: view_file(actor=kirana, file_id=file.pk),
        lambda: open_copy(keyring=kirana.keyring, file_id=file.pk),
    ):
        with pytest.raises(UnpinnedKey):
            read()


@pytest.mark.parametrize("signer", [None, ATTACKER])
def test_an_answer_goes_to_no_key_that_was_put_into_the_release(cast: Cast, signer: KeySet | None) -> None:
    sent = send_report(today=DAY)
    release = forwarded(cast, sent, ask=True)
    release.public_key = ATTACKER.box.public
    if signer:
        release.signer = signer.sign.public
        bind_keys(release, signer.sign)
    release.save()
    with pytest.raises((SealError, UnpinnedKey)):
        follow_up.add_message(ticket=sent.ticket, text="Rahasia.", files=[], today=DAY)
    with pytest.raises((SealError, UnpinnedKey)):
        open_release(actor=Actor(cast.ring("kirana"), NOW), release_id=release.pk)
    assert not Message.objects.filter(direction=DIRECTIONS.FROM_REPORTER).exists()


def test_swapped_lookup_digest_opens_no_other_report(cast: Cast) -> None:
    opened, swapped = send_report(today=DAY), send_report(today=DAY)
    first, second = complaint_of(opened), complaint_of(swapped)
    overwrite(first, lookup=b"x")
    overwrite(second, lookup=first.lookup)
    ticket = follow_up.open_ticket(opened.code)
    with pytest.raises(SealError):
        follow_up.status_page(ticket=ticket or {}, today=DAY)
    client = Client(raise_request_exception=False)
    client.post("/cek/", {"code": opened.code})
    assert swapped.case.reference not in client.get("/cek/laporan/").content.decode()
