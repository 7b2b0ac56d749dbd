"""Changing a team's key: who gets the new one, what the old one still opens, and what is never lost on the way."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from pytest_django import Settings

from complaints.admin import (
    site,  # noqa: F401  every service that registers something is behind it
    urls,  # noqa: F401  every service that registers something is behind it
)
from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import BoxPair, unseal
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record, seal_record
from complaints.models.blind_index import IndexKey
from complaints.models.complaint import Complaint, KeyGrant
from complaints.models.identity import Identity
from complaints.models.oversight import Release
from complaints.models.team import Staff, Team, TeamKey, TeamMembership
from complaints.services import (
    case_actions,
    case_file,
    case_summary,
    follow_up,
    own_name,
    reporter_identity,
    resealing_registry,
    similarity,
)
from complaints.services.audit import verify
from complaints.services.keyring import Actor, Keyring, Locked, bind_keys, keys_digest
from complaints.services.reporter_identity import Name
from complaints.services.team_key_history import UnpinnedKey, team_fingerprint, trusted_signer
from complaints.services.team_keys import personal, removal, resealing, rotation
from complaints.services.team_keys.membership import AdmissionRefused, admit, ask_admission, store_recovery
from tests.security.tampering.scene import build
from tests.security.traces import opened_by
from tests.world import Cast, Sent, at, close_batch, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
REASON = "Pindah ke instansi lain, rahasia."


def team(slug: str = "triage") -> Team:
    return Team.objects.get(slug=slug)


def membership(cast: Cast, name: str) -> TeamMembership:
    return TeamMembership.objects.get(staff=cast[name], left_at=None)


def rotate(cast: Cast, by: str = "vera", *, remove: str = "", slug: str = "triage") -> Team:
    if not remove:
        return rotation.rotate(actor=Actor(cast.ring(by), NOW), team_id=team(slug).pk)
    asker, gone = Actor(cast.ring(by), NOW - removal.ALARM), membership(cast, remove)
    asked = removal.ask(actor=asker, team_id=team(slug).pk, membership_id=gone.pk, reason=REASON)
    return removal.complete(actor=Actor(cast.ring(by), NOW), request_id=asked.pk)


def reseal_all(cast: Cast, by: str = "vera", *, slug: str = "triage", limit: int = 200) -> int:
    for number in range(1, 100):
        if not resealing.reseal(actor=Actor(cast.ring(by), NOW), team_id=team(slug).pk, limit=limit).open:
            return number
    raise AssertionError("never done")


def opens(ring: Keyring, sent: Sent) -> Any:
    return case_file.open_case(actor=Actor(ring, NOW), case_id=sent.case.pk)


# --- The whole way


def test_removed_member_reads_nothing_others_read_everything(cast: Cast) -> None:
    sent = [send_report(today=DAY) for _ in range(12)]
    old = cast.ring("vino").team(team())
    rotate(cast, remove="vino")
    late = send_report(today=DAY)
    for name in ("vera", "fitri"):
        assert opens(cast.ring(name), sent[0]).complaints[0].answers
        assert opens(cast.ring(name), late).complaints[0].answers
    with pytest.raises(Locked):
        cast.ring("vino").team(team())
    assert reseal_all(cast, limit=3) > 4
    assert not TeamKey.objects.filter(sealed_previous__isnull=False).exists()
    assert not resealing_registry.rows_with_older_key(resealing_registry.registered_tables()[0], team()).exists()
    for name in ("vera", "fitri"):
        ring = cast.ring(name)
        assert all(opens(ring, report).complaints[0].answers["accused_name"] for report in [*sent, late])
    for grant in KeyGrant.objects.all():
        with pytest.raises(SealError):
            unseal(old.box, bytes(grant.sealed)[1:])
    assert verify.verify_chain().whole


def test_removal_is_audited_and_its_reason_sealed_for_members(cast: Cast) -> None:
    gone = membership(cast, "vino")
    rotate(cast, remove="vino")
    gone.refresh_from_db()
    assert (gone.left_cause, gone.removed_by, gone.sealed_key) == ("removed", cast["vera"], None)
    assert rotation.reason_of(keyring=cast.ring("fitri"), row=gone) == REASON
    assert rotation.reason_of(keyring=cast.ring("vino"), row=gone) == ""
    rotate(cast)
    reseal_all(cast)
    gone.refresh_from_db()
    assert rotation.reason_of(keyring=cast.ring("fitri"), row=gone) == REASON


def test_nothing_stays_under_an_old_key(cast: Cast) -> None:
    """Every column of every table is tried with the old keys: a kind of rows that nobody registered is found here."""
    two_reports = build(cast)
    for report in two_reports.sent:
        opens(cast.ring("vera"), report)
    waiting: dict[str, Any] = {"membership_id": membership(cast, "vino").pk, "reason": REASON}
    removal.ask(actor=Actor(cast.ring("vera"), NOW), team_id=team().pk, **waiting)
    olds = []
    for slug, name in (("triage", "vera"), ("body-bkn", "kirana")):
        old = cast.ring(name).team(team(slug))
        olds.append(old)
        rotate(cast, name, slug=slug)
    under = list(opened_by(old.box for old in olds))
    assert set(under) >= {"KeyGrant.sealed", "Identity.outer_recipient", "IndexKey.sealed", "RemovalRequest.sealed"}
    for slug, name in (("triage", "fitri"), ("body-bkn", "kresna")):
        reseal_all(cast, name, slug=slug)
    assert list(opened_by(old.box for old in olds)) == []
    for number in range(2):
        assert not [
            name
            for name, outcome in two_reports.seen(number, acts=number == 0).items()
            if isinstance(outcome, Exception)
        ]
    assert verify.verify_chain().whole


def test_every_table_that_names_a_key_is_registered() -> None:
    assert "saved_filter" in {table.name for table in resealing_registry.registered_tables()}
    named = {
        model
        for model in apps.get_app_config("complaints").get_models()
        if "sealed_number" in {field.name for field in model._meta.concrete_fields}
    }
    some = Team(kind="triage")
    assert {holding.rows(some).model for holding in resealing_registry.registered_tables()} == named


# --- Interrupted, in parallel, while reports arrive


def test_half_way_everything_opens_and_any_member_goes_on(cast: Cast) -> None:
    sent = [send_report(today=DAY) for _ in range(6)]
    rotate(cast)
    before = resealing.progress(team=team())
    assert (before.total, before.left, before.done) == (6, 6, 0)
    half = resealing.reseal(actor=Actor(cast.ring("vera"), NOW), team_id=team().pk, limit=4)
    assert (half.left, half.done, half.open) == (2, 4, True)
    arrived = send_report(today=DAY)
    assert resealing.progress(team=team()).left == 2
    for name in ("vera", "vino", "fitri"):
        assert all(opens(cast.ring(name), report).complaints[0].answers for report in [*sent, arrived])
    rows = case_summary.summaries(actor=Actor(cast.ring("vino"), NOW), cases=[report.case for report in sent])
    assert all(rows.values())
    reseal_all(cast, "fitri")
    assert not resealing.progress(team=team()).open
    again = resealing.reseal(actor=Actor(cast.ring("vera"), NOW), team_id=team().pk)
    assert not again.open
    assert resealing.open_rotations(Team.objects.all()) == []


def test_a_key_changed_again_before_the_first_change_is_done(cast: Cast) -> None:
    sent = [send_report(today=DAY)]
    rotate(cast)
    sent.append(send_report(today=DAY))
    rotate(cast, "vino")
    sent.append(send_report(today=DAY))
    assert all(opens(cast.ring("fitri"), report).complaints[0].answers for report in sent)
    reseal_all(cast, limit=1)
    assert all(opens(cast.ring("fitri"), report).complaints[0].answers for report in sent)
    assert set(KeyGrant.objects.values_list("sealed_number", flat=True)) == {3}


def test_a_change_between_the_last_slice_and_the_deletion_loses_no_row(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that the newer change left behind still need the key that the slower member is about to delete."""
    sent = send_report(today=DAY)
    rotate(cast)
    progress = resealing.progress

    def overtaken(*, team: Team) -> resealing.Progress:
        monkeypatch.setattr(resealing, "progress", progress)
        state = progress(team=team)
        rotate(cast, "vino")
        return state

    monkeypatch.setattr(resealing, "progress", overtaken)
    resealing.reseal(actor=Actor(cast.ring("vera"), NOW), team_id=team().pk)
    assert opens(cast.ring("fitri"), sent).complaints[0].answers
    reseal_all(cast)
    assert opens(cast.ring("fitri"), sent).complaints[0].answers


def test_retired_keyring_cannot_act(cast: Cast) -> None:
    ring = cast.ring("fitri")
    ring.team(team())
    rotate(cast)
    for act in (rotation.rotate, resealing.reseal):
        with pytest.raises(AdmissionRefused, match="changed"):
            act(actor=Actor(ring, NOW), team_id=team().pk)


def test_unreadable_row_is_skipped_and_keeps_the_old_key(cast: Cast) -> None:
    sent = [send_report(today=DAY) for _ in range(3)]
    broken = KeyGrant.objects.get(complaint__case=sent[0].case)
    true = bytes(broken.sealed)
    KeyGrant.objects.filter(pk=broken.pk).update(sealed=true[:-1] + bytes([true[-1] ^ 1]))
    rotate(cast)
    for _ in range(3):
        stopped = resealing.reseal(actor=Actor(cast.ring("vera"), NOW), team_id=team().pk)
    assert (stopped.left, stopped.stuck, stopped.open) == (0, 1, True)
    assert TeamKey.objects.filter(sealed_previous__isnull=False).exists()
    KeyGrant.objects.filter(pk=broken.pk).update(sealed=true)
    assert opens(cast.ring("fitri"), sent[0]).complaints[0].answers
    resealing.retry(keyring=cast.ring("fitri"), team_id=team().pk)
    reseal_all(cast)
    assert opens(cast.ring("fitri"), sent[0]).complaints[0].answers


def test_names_follow_and_the_reporter_may_write_meanwhile(cast: Cast) -> None:
    """A row without a name is sealed again like one with a name; each opens for the body's newest key alone."""
    named = {"identity": "confidential", "name": "Rahasia Sekali", "contact": "x"}
    sent = [send_report(today=DAY, **named), send_report(today=DAY, **named), send_report(today=DAY)]
    old = cast.ring("kirana").team(team("body-bkn"))
    rotate(cast, "kirana", slug="body-bkn")
    follow_up.add_message(ticket=sent[0].ticket, text="Tambahan.", files=[], today=DAY)
    own_name.take_back(ticket=sent[1].ticket, today=DAY)
    own_name.give(ticket=sent[1].ticket, name=Name("Nama Lain", ""), body="BKN", today=DAY)
    assert {apart.sealed_number for apart in Identity.objects.all()} == {1}, "an act of a reporter tells nothing"
    before = {apart.pk: bytes(apart.blob) for apart in Identity.objects.all()}
    reseal_all(cast, "kresna", slug="body-bkn")
    assert all(bytes(apart.blob) != before[apart.pk] for apart in Identity.objects.all())
    assert {apart.sealed_number for apart in Identity.objects.all()} == {2}
    follow_up.add_message(ticket=sent[1].ticket, text="Tambahan.", files=[], today=DAY)
    names = []
    for report in sent:
        apart = Identity.objects.select_related("complaint").get(complaint__case=report.case)
        with pytest.raises(SealError):
            unseal(old.box, bytes(apart.outer_recipient))
        keyring = cast.ring("kresna")
        names.append(reporter_identity.open_name(identity=apart, keyring=keyring, team=team("body-bkn")))
    assert names == [Name("Rahasia Sekali", "x"), Name("Nama Lain", ""), None]


# --- Forged and swapped


def forge(cast: Cast, *, by: KeySet, itself: KeySet | None = None) -> None:
    """Put an attacker's key in the place of the team's, as whoever writes to the database could."""
    from complaints.domain.sealing import succession

    mine, row = KeySet.new(), team()
    link = succession.sign_successor(team=row.pk.bytes, number=2, old=by, new=mine)
    TeamKey.objects.create(
        team=row,
        number=2,
        public_key=link.public,
        verify_key=link.verify,
        by_predecessor=link.by_predecessor,
        by_itself=link.by_itself if itself is None else itself.sign.sign(b"x"),
        made_at=NOW,
    )
    Team.objects.filter(pk=row.pk).update(public_key=link.public, verify_key=link.verify, key_number=2)


def test_a_successor_that_the_team_did_not_sign_gets_nothing(cast: Cast) -> None:
    forge(cast, by=KeySet.new())
    with pytest.raises(UnpinnedKey):
        send_report(today=DAY)


def test_a_successor_that_does_not_sign_back_gets_nothing(cast: Cast) -> None:
    forge(cast, by=cast.ring("vera").team(team()), itself=KeySet.new())
    with pytest.raises(UnpinnedKey):
        send_report(today=DAY)


def test_nobody_puts_a_key_in_front_of_the_pinned_one(cast: Cast, settings: Settings) -> None:
    rotate(cast)
    settings.TEAM_KEY_PINS = f"triage={team_fingerprint(team())},{cast.pins.replace('triage', 'x')}"
    mine = KeySet.new()
    first = TeamKey.objects.get(team=team(), number=1)
    assert trusted_signer(first.verify_key, "triage")
    second = TeamKey.objects.get(team=team(), number=2)
    signature = mine.sign.sign(b"anything")
    TeamKey.objects.filter(pk=first.pk).update(public_key=mine.box.public, verify_key=mine.sign.public)
    TeamKey.objects.filter(pk=second.pk).update(by_predecessor=signature)
    with pytest.raises(UnpinnedKey):
        trusted_signer(mine.sign.public, "triage")


def test_swapped_rows_and_an_old_key_put_back_are_refused(cast: Cast, settings: Settings) -> None:
    first = team()
    rotate(cast)
    settings.TEAM_KEY_PINS = ",".join(f"{row.slug}={team_fingerprint(row)}" for row in Team.objects.all())
    send_report(today=DAY)
    first_key, two = TeamKey.objects.filter(team=first).order_by("number")
    TeamKey.objects.filter(pk=two.pk).update(number=9)
    TeamKey.objects.filter(pk=first_key.pk).update(number=2)
    TeamKey.objects.filter(pk=two.pk).update(number=1)
    Team.objects.filter(pk=first.pk).update(public_key=first.public_key, verify_key=first.verify_key, key_number=1)
    with pytest.raises(UnpinnedKey):
        send_report(today=DAY)


def test_a_grant_sealed_again_holds_for_the_row_it_was_made_for(cast: Cast) -> None:
    """Neither the reporter's keys nor the complaint's can be exchanged under it, nor can two grants change places."""
    sent, other = send_report(today=DAY), send_report(today=DAY)
    rotate(cast)
    reseal_all(cast)
    mine = KeySet.new()
    complaint = Complaint.objects.get(case=sent.case)
    true = complaint.key_signature
    complaint.reporter_key, complaint.reporter_verify_key = mine.box.public, mine.sign.public
    bind_keys(complaint, mine.sign)
    complaint.save()
    with pytest.raises(SealError):
        cast.ring("vera").complaint(complaint)
    assert true != complaint.key_signature
    first_grant, two = KeyGrant.objects.get(complaint=complaint), KeyGrant.objects.get(complaint__case=other.case)
    KeyGrant.objects.filter(pk=two.pk).update(sealed=first_grant.sealed)
    with pytest.raises(SealError):
        opens(cast.ring("vera"), other)


def test_a_grant_that_a_stranger_sealed_again_is_refused(cast: Cast) -> None:
    sent = send_report(today=DAY)
    complaint, mine, box = Complaint.objects.get(case=sent.case), KeySet.new(), BoxPair.new()
    grant = KeyGrant.objects.get(complaint=complaint)
    content = {"key": box.private.hex(), "keys": keys_digest(complaint, bytes(complaint.reporter_verify_key))}
    context = Context("regrant", str(complaint.pk), str(team().pk))
    grant.sealed = seal_record(bytes(team().public_key), context, content, mine.sign, sizes=KEY_SIZES)
    grant.first_digest = grant.reseal_signature = b"x" * 32
    grant.save()
    with pytest.raises(SealError):
        opens(cast.ring("vera"), sent)
    assert not verify.verify_chain().whole


@pytest.mark.parametrize("column", ["sealed", "first_digest", "reseal_signature"])
def test_audit_detects_a_grant_altered_after_resealing(cast: Cast, column: str) -> None:
    send_report(today=DAY)
    close_batch(NOW + timedelta(days=1))
    rotate(cast)
    reseal_all(cast)
    assert verify.verify_chain().whole
    grant = KeyGrant.objects.get()
    value = bytearray(getattr(grant, column))
    value[-1] ^= 1
    KeyGrant.objects.filter(pk=grant.pk).update(**{column: bytes(value)})
    assert not verify.verify_chain().whole


def test_messages_signed_with_retired_keys_are_readable(cast: Cast) -> None:
    two_reports = build(cast)
    rotate(cast, remove="vino")
    rotate(cast, "kirana", remove="kresna", slug="body-bkn")
    for sent in two_reports.sent:
        assert follow_up.status_page(ticket=sent.ticket, today=DAY).thread
        assert opens(cast.ring("vera"), sent).notes
    case_actions.reply_to_reporter(
        actor=Actor(cast.ring("vera"), NOW),
        complaint_id=two_reports.sent[0].case.complaints.get().pk,
        text="Dari kunci baru.",
    )
    assert follow_up.status_page(ticket=two_reports.sent[0].ticket, today=DAY).thread[-1].text == "Dari kunci baru."
    assert Release.objects.exists()


# --- Who gets it


def test_member_with_a_replaced_public_key_gets_no_team_key(cast: Cast) -> None:
    mine = KeySet.new()
    Staff.objects.filter(username="vino").update(public_key=mine.box.public)
    asked = rotation.plan(keyring=cast.ring("vera"), team_id=team().pk)
    assert [row.staff.username for row in asked.returning] == ["vino"]
    rotate(cast)
    row = membership(cast, "vino")
    assert row.sealed_key is None and row.left_at is None
    assert membership(cast, "fitri").sealed_key


def test_former_member_gets_no_new_team_key(cast: Cast) -> None:
    Staff.objects.filter(username="vino").update(is_active=False)
    Staff.objects.filter(username="fitri").update(role="auditor")
    assert {row.staff.username for row in rotation.leavers(Team.objects.all())} == {"vino", "fitri"}
    rotate(cast)
    assert rotation.leavers(Team.objects.all()) == []
    causes = dict(TeamMembership.objects.exclude(left_at=None).values_list("staff__username", "left_cause"))
    assert causes == {"vino": "switched_off", "fitri": "role"}


def test_nobody_removes_themselves_or_without_the_key(cast: Cast) -> None:
    with pytest.raises(AdmissionRefused, match="self"):
        rotate(cast, "vera", remove="vera")
    for name in ("luar", "kirana", "adi", "super", "audi"):
        with pytest.raises(Locked):
            rotate(cast, name, remove="vino")
        with pytest.raises(Locked):
            resealing.reseal(actor=Actor(cast.ring(name), NOW), team_id=team().pk)
    with pytest.raises(AdmissionRefused, match="gone"):
        rotate(cast, remove="kirana")
    assert team().key_number == 1


def test_a_person_comes_back_after_the_change(cast: Cast) -> None:
    sent = send_report(today=DAY)
    rotate(cast, remove="vino")
    reseal_all(cast)
    do: dict[str, Any] = {"actor": Actor(cast.ring("adi"), NOW)}
    row = ask_admission(staff=cast["vino"], team=team(), by=cast["adi"], **do)
    admit(actor=Actor(cast.ring("fitri"), NOW), membership_id=row.pk, fingerprint=personal.fingerprint(cast["vino"]))
    assert opens(cast.ring("vino"), sent).complaints[0].answers
    assert TeamMembership.objects.filter(staff=cast["vino"]).count() == 2


def test_a_reset_person_is_admitted_again_to_the_key_of_today(cast: Cast) -> None:
    sent = send_report(today=DAY)
    personal.set_initial_password(staff=cast["vino"], password="sandi awal yang panjang", now=NOW)
    rotate(cast)
    personal.change_password(staff=cast["vino"], password="sandi yang cukup panjang", now=NOW)
    row = membership(cast, "vino")
    admit(actor=Actor(cast.ring("vera"), NOW), membership_id=row.pk, fingerprint=personal.fingerprint(cast["vino"]))
    assert opens(cast.ring("vino"), sent).complaints[0].answers


# --- Recovery


def test_the_new_key_is_split_over_the_same_keepers(cast: Cast) -> None:
    keeper, other, row = BoxPair.new(), BoxPair.new(), team()

    store_recovery(row, cast.ring("vera").team(row), (keeper.public, other.public))
    row.save()
    rotate(cast)
    row = team()
    context = Context("recovery", str(row.pk), str(row.pk), row.key_number - 1)
    halves = [
        bytes.fromhex(open_record(pair, sealed or b"", context, bytes(row.verify_key), sizes=KEY_SIZES))
        for pair, sealed in ((keeper, row.recovery_a), (other, row.recovery_b))
    ]
    whole = KeySet.from_bytes(bytes(a ^ b for a, b in zip(*halves, strict=True)))
    assert whole.fingerprint == team_fingerprint(row)


def test_keepers_whom_somebody_exchanged_get_nothing(cast: Cast) -> None:
    Team.objects.filter(slug="triage").update(recovery_keys=BoxPair.new().public + BoxPair.new().public)
    rotate(cast)
    assert (team().recovery_a, team().recovery_b) == (None, None)


def test_the_index_key_stays_the_same(cast: Cast) -> None:
    sent = send_report(today=DAY)
    opens(cast.ring("vera"), sent)

    before = similarity.open_key(cast.ring("vera"))
    rotate(cast)
    assert similarity.open_key(cast.ring("vino")) == before
    reseal_all(cast)
    assert IndexKey.objects.get().sealed_number == 2
    assert similarity.open_key(cast.ring("vino")) == before
