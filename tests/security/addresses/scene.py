"""Everybody at every address: a case, a release and people, and the list of all addresses that the portal answers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.cache import cache
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from complaints.domain.retaliation import CHECK_INS, Retaliation
from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import OversightBody, Release, ReleasedFile
from complaints.models.question import ReleaseQuestion
from complaints.models.reference_data import ClosedDay, Election
from complaints.models.team import Team, TeamMembership
from complaints.services import case_actions, first_look, follow_up
from complaints.services.evidence import processing
from complaints.services.forwarding import asking
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from complaints.services.team_keys import removal
from tests.images import photo
from tests.rules import propose
from tests.views.walk import code_on, send, to_check
from tests.world import Cast, Sent, at, sealed_upload, send_report, start_session

DAY = date(2026, 11, 9)
NOW = at(DAY)
STAFF = {
    "verifier": "vera",
    "forwarder": "fitri",
    "separate": "sari",
    "lead body": "kirana",
    "other body": "bima",
    "auditor": "audi",
    "admin": "adi",
    "superuser": "super",
    "unadmitted": "luar",
}
STRANGERS = ("anonymous", "drafter", "sender", "reporter")


def addresses(resolver: URLResolver | None = None, space: str = "") -> Iterator[str]:
    """The name of every route that the resolver knows, without the language prefix."""
    for route in (resolver or get_resolver()).url_patterns:
        if isinstance(route, URLResolver):
            yield from addresses(route, f"{space}{route.namespace}:" if route.namespace else space)
        else:
            yield f"{space}{route.name or 'catch-all'}"


@dataclass(frozen=True)
class Hands:
    """The people of a team in whose hands a scene's report is, by name, and the slug of the team."""

    team: str
    verifier: str
    forwarder: str
    other: str


TRIAGE = Hands("triage", "vera", "fitri", "vino")
SEPARATE = Hands("separate", "sari", "satya", "satya")


@dataclass
class AddressScenario:
    """What the addresses speak of, and a browser for each person."""

    sent: Sent
    ids: dict[str, Any]
    browsers: dict[str, Client]

    def address(self, name: str, *, missing: bool = False) -> str:
        """The address of a name for what is there; or, ``missing``, for what never was."""
        if name == "admin:catch-all":
            return "/kantor/tidak-ada/"
        arguments = self.ids.get(name, ())
        if missing:
            arguments = [uuid.uuid4() if isinstance(value, uuid.UUID) else value for value in arguments]
        return reverse(name, args=arguments)


def build(cast: Cast, *, name: str = "foto.jpg", hands: Hands = TRIAGE, **answers: Any) -> AddressScenario:
    """A report at the body with a photo released, a second verifier's case, and somebody who waits for admission.

    Args:
        name: the photo's.
        hands: the team that the answers send the report to.
        answers: what the report says otherwise than others.
    """
    cache.clear()
    sent = send_report(today=DAY, **answers)
    upload = sealed_upload(photo(), name)
    follow_up.add_message(ticket=sent.ticket, text="Foto.", files=[upload], today=DAY, told=Retaliation())
    processing.process_pending()
    do: dict[str, Any] = {"actor": Actor(cast.ring(hands.verifier), NOW), "case_id": sent.case.pk}
    case_actions.act(action=Action.START_REVIEW, **do)
    case_actions.act(action=Action.VERIFY, **do)
    chosen = EvidenceObject.objects.filter(variant="working").values_list("pk", flat=True)
    body = OversightBody.objects.get(pk="bkn")
    forward(
        actor=Actor(cast.ring(hands.forwarder), NOW),
        case_id=sent.case.pk,
        body=body,
        choice=whole(sent.case.pk, objects=list(chosen)),
    )
    asking.ask_office(actor=Actor(cast.ring("kirana"), NOW), release_id=Release.objects.get().pk, text="Di mana?")
    TeamMembership.objects.create(team=Team.objects.get(slug=hands.team), staff=cast["luar"])
    ids = _ids(cast, sent, hands)
    browsers = {who: start_session(name, Client(raise_request_exception=False)) for who, name in STAFF.items()}
    strangers = _strangers(sent)
    # What a first look would write is written: here the addresses are looked at, not that.
    first_look.process_new_reports(actor=Actor(cast.ring(hands.forwarder), NOW))
    return AddressScenario(sent, ids, browsers | strangers)


def _strangers(sent: Sent) -> dict[str, Client]:
    made = {who: Client(raise_request_exception=False) for who in STRANGERS}
    to_check(made["drafter"])
    assert code_on(made["sender"].get(send(made["sender"]).headers["Location"]))
    assert made["reporter"].post("/cek/", {"code": sent.code}).status_code == 302
    return made


def _kept(person: uuid.UUID, kind: str) -> uuid.UUID:
    """Keep somebody from another case of the same team, so that there is something to lift; return that case."""
    sent = send_report(today=DAY, accused_name="Lurah Y", accused_kind=kind)
    other = Complaint.objects.get(case=sent.case)
    Conflict.objects.create(complaint=other, staff_id=person, kind=Conflict.Kind.MATCHED)
    return other.case_id


def _imported(cast: Cast, case: uuid.UUID, hands: Hands) -> uuid.UUID:
    """Record that a case came with a table, which adds none to the lists; return the import."""
    key = uuid.uuid4()
    Actor(cast.ring(hands.verifier), NOW).record("finding.entered", case=case, subject=key)
    return key


def _asked_removal(cast: Cast, team: uuid.UUID, hands: Hands) -> uuid.UUID:
    """Let a member ask for the removal of another; return the request."""
    gone = TeamMembership.objects.get(team=team, staff=cast[hands.other])
    actor = Actor(cast.ring(hands.verifier), NOW)
    return removal.ask(actor=actor, team_id=team, membership_id=gone.pk, reason="Pindah.").pk


def _ids(cast: Cast, sent: Sent, hands: Hands) -> dict[str, Any]:
    case, complaint, release = sent.case.pk, Complaint.objects.get(case=sent.case), Release.objects.get()
    question = ReleaseQuestion.objects.get()
    item, file = Evidence.objects.get(kind="file"), ReleasedFile.objects.get()
    original = EvidenceObject.objects.get(evidence=item, variant="original").pk
    working = EvidenceObject.objects.get(evidence=item, variant="working").pk
    other, team = cast[hands.other].pk, Team.objects.get(slug=hands.team).pk
    pages: dict[str, Any] = {
        "case_change": [case],
        "case_drop_filter": [uuid.uuid4()],
        "case_claim": [case],
        "case_take_on": [case],
        "case_decline": [case],
        "absence_back": [uuid.uuid4()],
        "duty_change": [other],
        "case_conflict": [case],
        "conflict_lift": [_kept(other, sent.case.accused_kind_id), other],
        "case_reply": [case, complaint.pk],
        "case_note": [case, complaint.pk],
        "case_lane_out": [case],
        "case_import": [_imported(cast, case, hands)],
        "case_link": [case],
        "case_unlink": [case, complaint.pk],
        "case_lost_code": [case, complaint.pk],
        "case_remind": [case],
        "case_assign": [case],
        "case_risk": [case, complaint.pk],
        "case_step": [case, "verify"],
        "case_forward": [case],
        "case_release_preview": [case],
        "case_supplement": [case],
        "case_forward_also": [case],
        "case_supplement_further": [case, release.pk],
        "case_release_take_back": [case, release.pk],
        "case_letter": [case],
        "case_retaliation": [case, complaint.pk],
        "case_check_in": [case, complaint.pk, CHECK_INS[0]],
        "case_transfer_letter": [case, complaint.pk],
        "case_file": [case, original],
        "case_view": [case, item.pk],
        "case_shown": [case, item.pk, working],
        "case_work": [case, item.pk],
        "case_rules": [case],
        "case_redact": [case, complaint.pk],
        "case_redact_text": [case, complaint.pk, "answer-story"],
        "case_redact_file": [case, item.pk],
        "case_custody": [case],
        "case_custody_item": [case, item.pk],
        "case_custody_pdf": [case],
        "case_custody_item_pdf": [case, item.pk],
        "case_question": [case, question.pk],
        "case_question_answer": [case, question.pk],
        "case_question_back": [case, question.pk],
        "release_ask_office": [release.pk],
        "release_ask_reporter": [release.pk],
        "release_question_back": [release.pk, question.pk],
        "case_release": [case, release.pk],
        "case_release_recall": [case, release.pk],
        "case_release_compare": [case, release.pk],
        "case_decision_file": [case, release.pk, file.pk],
        "release_finding": [release.pk],
        "release_decision_file": [release.pk, file.pk],
        "release_change": [release.pk],
        "release_step": [release.pk, "take_up"],
        "release_letter": [release.pk, "remind"],
        "release_name": [release.pk, complaint.pk],
        "release_name_ask": [release.pk, complaint.pk],
        "release_file": [release.pk, file.pk],
        "release_claim": [release.pk],
        "release_assign": [release.pk],
        "release_note": [release.pk],
        "release_custody": [release.pk],
        "release_download": [release.pk],
        "release_view": [release.pk, file.pk],
        "release_shown": [release.pk, file.pk, file.pk],
        "team_remove": [team, TeamMembership.objects.get(team=team, staff=other).pk],
        "team_removal": [_asked_removal(cast, team, hands)],
        "team_change_key": [team],
        "team_reseal": [team],
        "verificationfault_acknowledge": [uuid.uuid4()],
        "staff_change": [other],
        "staff_password": [other],
        "staff_ask": [other],
        "staff_factor": [other],
        "staff_confirm": [other],
        "jobfailure_again": ["sweep"],
        "team_admit": [TeamMembership.objects.get(staff=cast["luar"]).pk],
        "category_change": ["A1"],
        "accusedkind_change": ["superior"],
        "sanctionkind_change": ["moral_open"],
        "province_change": ["33"],
        "oversightbody_change": ["bkn"],
        "standardtext_change": ["reply_thanks"],
        "election_change": [Election.objects.earliest("pk").pk],
        "closedday_change": [ClosedDay.objects.earliest("pk").pk],
    }
    change = propose(cast, "limits", "forward", number=2).pk
    named = {f"admin:complaints_{name}": args for name, args in pages.items()}
    named |= {
        "admin:rule_change": [change],
        "admin:rule_compare": [change],
        "admin:rule_add": ["limits"],
        "admin:drafts": [case],
        "admin:inquiry": [case],
        "admin:report_erasure": [case, complaint.pk],
        "admin:erasure_refuse": [uuid.uuid4()],
        "admin:rule_propose": ["limits", "forward", "0"],
    }
    return named | {"mfa_remove_webauthn": [1], "admin:app_list": ["complaints"], "door_elsewhere": ["bawaslu"]}
