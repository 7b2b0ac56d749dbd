"""A report about the operator, about police or armed forces is sealed to the separate team: with every key of triage it
opens nowhere, triage neither finds nor counts it, and the separate team finds nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from complaints import access
from complaints.domain.sealing.records import Context
from complaints.domain.workflow import Action
from complaints.models.blind_index import IndexEntry, IndexKey
from complaints.models.case import Case, Holder
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.conflict import Conflict
from complaints.models.lane import LaneProposal
from complaints.models.oversight import OversightBody
from complaints.models.search_document import SearchDoc
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import (
    assignment,
    case_actions,
    case_deadlines,
    case_file,
    case_links,
    exports,
    first_look,
    follow_up,
    lane_proposals,
    monitoring,
    practice,
    saved_filters,
    search,
    similarity,
    submission,
)
from complaints.services.audit import verify
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor, Keyring, Locked
from complaints.services.messages import read_note
from complaints.services.submission import Destination, KeptFromTriage
from complaints.services.team_key_history import UnpinnedKey
from complaints.services.team_keys import membership, resealing, rotation
from complaints.services.transitions import CaseVersion
from tests.cases import body_act, complaint_of
from tests.security.traces import opened_by
from tests.world import Cast, Sent, at, draft, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
NIP = "197001011990031001"
OPERATOR = ("Kementerian Contoh, Data dan Informatika", "Kemencon")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _operator(settings: Settings) -> None:
    settings.OPERATOR_AGENCIES = OPERATOR


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), NOW)


def about_operator(**changes: Any) -> Sent:
    return send_report(today=DAY, **{"agency": "Kemencon", **changes})


def act(cast: Cast, name: str, sent: Sent, action: Action, reason: str = "") -> None:
    case_actions.act(actor=actor(cast, name), case_id=sent.case.pk, action=action, reason=reason)


# --- Which team


def test_the_agency_as_typed_decides_and_the_kind_of_accused(cast: Cast) -> None:
    separate = Holder.SEPARATE
    expected: list[tuple[dict[str, str], Destination]] = [
        ({"agency": "Dinas Contoh"}, Destination(Holder.TRIAGE)),
        ({"agency": ""}, Destination(Holder.TRIAGE)),
        ({"agency": "Kementerian Contoh"}, Destination(Holder.TRIAGE)),
        ({"agency": "Kemenconan"}, Destination(Holder.TRIAGE)),
        ({"agency": "KEMENCON"}, Destination(separate, KeptFromTriage.OPERATOR)),
        ({"agency": "Biro Umum, kemencon (pusat)"}, Destination(separate, KeptFromTriage.OPERATOR)),
        (
            {"agency": "kementerian  contoh data dan informatika"},
            Destination(separate, KeptFromTriage.OPERATOR),
        ),
        (
            {"agency": "Polres X", "accused_kind": "military_police"},
            Destination(separate, KeptFromTriage.SECURITY_FORCES),
        ),
        ({"agency": "Kemencon", "accused_kind": "military_police"}, Destination(separate, KeptFromTriage.OPERATOR)),
        ({"agency": "Kemenconn"}, Destination(separate, KeptFromTriage.LIKE_OPERATOR)),
        ({"agency": "Kementerian Contoh, Data dan Infomatika"}, Destination(separate, KeptFromTriage.LIKE_OPERATOR)),
    ]
    for answers, destination in expected:
        assert submission.destination(answers) == destination, answers
        case = send_report(today=DAY, **answers).case
        assert case.held_by == destination.held_by, answers
        (grant,) = KeyGrant.objects.filter(complaint__case=case)
        assert grant.team.slug == destination.held_by


def test_the_place_and_the_post_name_the_operator_too(cast: Cast, settings: Settings) -> None:
    """The place has fields of its own, and where it is left out the office is often in the post alone."""
    settings.OPERATOR_AGENCIES = ("Dinas Komunikasi dan Informatika Provinsi Jawa Tengah",)
    office = {"agency": "Diskominfo", "agency_kind": "province", "province": "33"}
    for answers in (
        office,
        {**office, "regency": "Kota Semarang"},
        {**office, "agency_kind": "unknown"},
        {"agency": "", "accused_position": "Kepala Dinas Kominfo Prov. Jateng"},
    ):
        assert submission.destination(answers).held_by == Holder.SEPARATE, answers
    settings.OPERATOR_AGENCIES = ("Kementerian Komunikasi dan Digital",)
    for kind, reason in (
        ("ministry", KeptFromTriage.OPERATOR),
        ("unknown", KeptFromTriage.LIKE_OPERATOR),
        ("province", None),
    ):
        assert submission.destination({"agency": "Kominfo", "agency_kind": kind}).reason == reason, kind
    settings.OPERATOR_AGENCIES = ("Dinas Komunikasi dan Informatika Provinsi Jawa Tengah",)
    for answers in (
        {**office, "province": "34"},
        {**office, "province": ""},
        {**office, "agency_kind": "regency", "regency": "Kabupaten Suka Maju"},
        {**office, "agency": ""},
        {**office, "agency": "Dinas Kesehatan"},
    ):
        assert submission.destination(answers).held_by == Holder.TRIAGE, answers


def test_without_the_team_triage_reads_it_and_the_answer_says_so(cast: Cast, settings: Settings) -> None:
    settings.TEAM_KEY_PINS = ",".join(pin for pin in cast.pins.split(",") if not pin.startswith("separate="))
    assert submission.destination({"agency": "Kemencon"}) == Destination(Holder.TRIAGE, KeptFromTriage.OPERATOR)
    assert about_operator().case.held_by == Holder.TRIAGE


def test_a_team_that_is_pinned_and_exchanged_refuses_the_report(cast: Cast) -> None:
    false = Team.objects.get(slug="triage")
    Team.objects.filter(slug="separate").update(public_key=false.public_key, verify_key=false.verify_key)
    content = draft(agency="Kemencon")
    submission.start_code(content)
    with pytest.raises(UnpinnedKey):
        submission.submit(draft=content, files=[], today=DAY)
    assert not Case.objects.exists()


# --- What opens


def worked_on(cast: Cast) -> Sent:
    """A report about the operator, with all that work in the team writes: index, document, note, reply, lane."""
    sent = about_operator(accused_nip=NIP)
    first_look.process_new_reports(actor=actor(cast, "sari"))
    act(cast, "sari", sent, Action.START_REVIEW)
    complaint = complaint_of(sent)
    case_actions.write_case_note(actor=actor(cast, "sari"), complaint_id=complaint.pk, text="Catatan.")
    case_actions.reply_to_reporter(actor=actor(cast, "satya"), complaint_id=complaint.pk, text="Terima kasih.")
    follow_up.add_message(ticket=sent.ticket, text="Tambahan.", files=[], today=DAY)
    saved_filters.save_filter(actor=actor(cast, "sari"), name="Milik kami", query="status=received", shared=True)
    return sent


def test_with_every_key_of_triage_it_opens_nowhere(cast: Cast) -> None:
    memberships = set(opened_by([cast.ring("vera").keys.box, cast.ring("vino").keys.box, cast.ring("fitri").keys.box]))
    assert memberships == {"TeamMembership.sealed_key"}, "what the members open before any report"
    sent = worked_on(cast)
    separate = cast.ring("sari").keys_of("separate").box
    assert {"KeyGrant.sealed", "IndexKey.sealed", "SearchKey.sealed", "SavedFilter.sealed"} <= set(
        opened_by([separate])
    )
    assert set(opened_by([cast.ring("vera").keys_of("triage").box])) == set()
    for name in ("vera", "vino", "fitri"):
        with pytest.raises(Locked):
            cast.ring(name).complaint(complaint_of(sent))
        with pytest.raises(Locked):
            cast.ring(name).keys_of("separate")
    assert not SearchDoc.objects.exclude(team__slug="separate").exists()
    assert IndexKey.objects.get().team.slug == "separate"


def test_a_body_and_the_reporter_trust_the_team_that_holds_it(cast: Cast) -> None:
    sent = worked_on(cast)
    act(cast, "sari", sent, Action.VERIFY)
    release = forward(
        actor=actor(cast, "satya"),
        case_id=sent.case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(sent.case.pk),
    )
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_act(cast, "kirana", release, Action.SUBSTANTIATE, text="Terbukti.", reply="Terbukti.")
    page = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    assert page.held_by == "separate"
    assert "Terima kasih." in [entry.text for entry in page.thread]
    opened = case_file.open_case(actor=actor(cast, "satya"), case_id=sent.case.pk)
    assert [note.text for note in opened.notes] == ["Catatan."]
    assert verify.verify_chain().whole


def test_another_teams_signature_is_not_taken_for_the_holders(cast: Cast) -> None:
    """A member of triage who writes to the database cannot write to the reporter, nor a note, in the team's name."""
    sent = worked_on(cast)
    triage = cast.ring("vera").keys_of("triage").sign.public
    Message.objects.filter(direction="to_reporter").update(signer=triage)
    with pytest.raises(UnpinnedKey):
        follow_up.status_page(ticket=sent.ticket, today=DAY)
    complaint = complaint_of(sent)
    note = complaint.notes.get()
    note.author_key = triage
    with pytest.raises(UnpinnedKey):
        read_note(note, pair=cast.ring("sari").complaint(complaint), team="separate")


# --- What is found


def test_neither_team_finds_counts_or_exports_what_the_other_holds(cast: Cast) -> None:
    kept, other = worked_on(cast), send_report(today=DAY, accused_nip=NIP)
    for name in ("vera", "sari"):
        first_look.process_new_reports(actor=actor(cast, name))
    seen = {"vera": other.case, "fitri": other.case, "super": other.case, "sari": kept.case, "satya": kept.case}
    for name, case in seen.items():
        assert list(access.cases_for(cast[name])) == [case], name
    for name, case in (("vera", other.case), ("sari", kept.case)):
        me = actor(cast, name)
        assert search.search_cases(actor=me, words=NIP, cases=access.cases_for(me.staff)).cases == [case.pk]
        matches = similarity.matches(keyring=me.keyring, case=case, reports=1)
        assert matches.reports == 0
        number, rows = exports.export(
            actor=me, cases=access.cases_for(me.staff), columns=["reference"], filters={}, form="csv", reason="Uji."
        )
        assert (number, [row for row, _differs in rows]) == (1, [case])
        assert [row.name for row in saved_filters.saved_filters(keyring=me.keyring)] == ["Milik kami"] * (
            name == "sari"
        )
    assert IndexEntry.objects.filter(kind="nip").values("digest").distinct().count() == 2, "one key for each team"


def test_no_service_acts_on_what_the_other_team_holds(cast: Cast) -> None:
    kept, other = worked_on(cast), send_report(today=DAY)
    before = list(Case.objects.order_by("pk").values())
    _act_in_vain(actor(cast, "vera"), own=other.case, foreign=kept.case, stranger=cast["satya"])
    _act_in_vain(actor(cast, "sari"), own=kept.case, foreign=other.case, stranger=cast["vino"])
    assert list(Case.objects.order_by("pk").values()) == before


def _act_in_vain(me: Actor, *, own: Case, foreign: Case, stranger: Staff) -> None:
    sources = {foreign.pk: CaseVersion("received")}
    for attempt in (
        lambda: case_file.open_case(actor=me, case_id=foreign.pk),
        lambda: case_actions.act(actor=me, case_id=foreign.pk, action=Action.START_REVIEW),
        lambda: assignment.claim(actor=me, case_id=foreign.pk, seen=None),
        lambda: assignment.assign(actor=me, case_id=own.pk, assignee=stranger),
        lambda: assignment.start_absence(actor=me, stand_in=stranger, from_on=DAY, until_on=DAY),
        lambda: case_links.link(actor=me, target_id=own.pk, sources=sources, reason="Sama."),
    ):
        with pytest.raises((Case.DoesNotExist, Locked)), transaction.atomic():
            attempt()


def test_a_report_of_one_team_leaves_the_other_nothing_to_do(cast: Cast) -> None:
    about_operator()
    assert not access.has_unindexed_reports(cast["vera"])
    assert access.has_unindexed_reports(cast["sari"])
    waiting = case_deadlines.work_waiting(today=DAY)
    assert (waiting["separate"], waiting["triage"]) == (True, False)


def test_each_team_compares_changed_people_with_its_own_reports(cast: Cast) -> None:
    """A liaison reads releases of both teams, so both compare; until then the releases of that team are kept back."""
    about_operator(accused_nip=NIP)
    first_look.process_new_reports(actor=actor(cast, "sari"))
    Staff.objects.filter(username__in=["kirana", "satya", "vera"]).update(
        nip=NIP, must_recheck=True, must_recheck_separate=True
    )
    assert not access.cases_for(cast["satya"]).exists()
    first_look.process_new_reports(actor=actor(cast, "vera"))
    assert not Conflict.objects.exists(), "triage has nothing to compare them with"
    assert not access.cases_for(cast["satya"]).exists()
    first_look.process_new_reports(actor=actor(cast, "sari"))
    assert set(Conflict.objects.values_list("staff__username", flat=True)) == {"kirana", "satya", "vera"}
    assert not Staff.objects.filter(must_recheck_separate=True).exists()


def test_automatic_assignment_stays_in_the_team(cast: Cast) -> None:
    admin = Actor(cast.ring("adi"), NOW)
    assignment.set_auto_assignment_rule(actor=admin, by="province")
    kept, other = about_operator(), send_report(today=DAY)
    for name in ("vera", "sari"):
        first_look.process_new_reports(actor=actor(cast, name))
    assert Case.objects.get(pk=kept.case.pk).assignee.username in {"sari", "satya"}
    assert Case.objects.get(pk=other.case.pk).assignee.username in {"vera", "vino", "fitri"}


def test_triage_stores_no_monitoring_report_for_the_other_team(cast: Cast) -> None:
    answers = {**draft(agency="Kemencon"), "url": "https://contoh.invalid/1", "seen_on": "2026-11-02", "act": "post"}
    with pytest.raises(monitoring.HeldElsewhere):
        monitoring.enter_report(actor=actor(cast, "vera"), answers=answers)
    assert not Case.objects.exists()
    case = monitoring.enter_report(actor=actor(cast, "sari"), answers=answers)
    assert case.held_by == Holder.SEPARATE
    # The name may be the true one of another agency.
    alike = monitoring.enter_report(actor=actor(cast, "vera"), answers={**answers, "agency": "Kemenconn"})
    assert alike.held_by == Holder.TRIAGE


def test_each_team_proposes_for_its_own_lane(cast: Cast) -> None:
    """An unfinished proposal of one team keeps the other from nothing, and its words open for that team alone."""
    rows = {}
    for slug, name in (("triage", "vera"), ("separate", "sari")):
        team, ring = Team.objects.get(slug=slug), cast.ring(name)
        row = LaneProposal(team=team, cases=b"", sealed_number=1)
        row.sealed = ring.seal_for_team(team, Context("lane-proposal", str(row.pk), str(row.pk)), {"reason": slug})
        row.save(force_insert=True)
        rows[slug] = row
    for slug, name in (("triage", "sari"), ("separate", "vera")):
        with pytest.raises(LaneProposal.DoesNotExist):
            lane_proposals.confirm(actor=actor(cast, name), proposal_id=rows[slug].pk)
    assert list(opened_by([cast.ring("vera").keys_of("triage").box])) == ["LaneProposal.sealed"]


def test_practice_stays_in_the_team_of_who_made_it(cast: Cast) -> None:
    Staff.objects.filter(username="sari").update(practising=True)
    me = actor(cast, "sari")
    practice.make_practice_cases(actor=me, count=1)
    (case,) = access.cases_for(me.staff)
    assert (case.held_by, case.is_practice) == ("separate", True)
    case_file.open_case(actor=me, case_id=case.pk)


# --- Who is in it


def test_nobody_is_in_both_teams(cast: Cast) -> None:
    separate = Team.objects.get(slug="separate")
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamMembership.objects.create(team=separate, staff=cast["vera"])
    with pytest.raises(membership.AdmissionRefused):
        membership.ask_admission(staff=cast["vera"], team=separate, by=cast["adi"], actor=Actor(cast.ring("adi"), NOW))
    # Who only waits for one team is in no other either.
    membership.ask_admission(staff=cast["luar"], team=separate, by=cast["adi"], actor=Actor(cast.ring("adi"), NOW))
    triage = Team.objects.get(slug="triage")
    with pytest.raises(membership.AdmissionRefused):
        membership.ask_admission(staff=cast["luar"], team=triage, by=cast["adi"], actor=Actor(cast.ring("adi"), NOW))


def test_after_a_change_of_its_key_nothing_stays_under_the_old_one(cast: Cast) -> None:
    sent = worked_on(cast)
    old = cast.ring("sari").keys_of("separate").box
    team = Team.objects.get(slug="separate")
    rotation.rotate(actor=actor(cast, "sari"), team_id=team.pk)
    ring: Keyring = cast.ring("satya")
    while resealing.progress(team=Team.objects.get(pk=team.pk)).left:
        resealing.reseal(actor=Actor(ring, NOW), team_id=team.pk)
    assert set(opened_by([old])) == set()
    assert Complaint.objects.get(case=sent.case).grants.get().sealed_number == 2
    assert not LaneProposal.objects.exists()
    case_file.open_case(actor=actor(cast, "satya"), case_id=sent.case.pk)
