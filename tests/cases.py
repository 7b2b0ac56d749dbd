"""Cases brought to where a test needs them, through the services."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.utils import timezone

from complaints.admin import release_choice
from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import OversightBody, Release
from complaints.services import case_actions, follow_up, reference_data
from complaints.services.evidence import processing
from complaints.services.forwarding import asking
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.decisions import decide
from tests.images import photo
from tests.world import Cast, Sent, ring, sealed_upload, send_report


def act(cast: Cast, name: str, sent: Sent, action: Action, reason: str = "") -> None:
    case_actions.act(actor=Actor(cast.ring(name), timezone.now()), case_id=sent.case.pk, action=action, reason=reason)
    sent.case.refresh_from_db()


def in_review(cast: Cast, **changes: Any) -> Sent:
    sent = send_report(**changes)
    act(cast, "vera", sent, Action.START_REVIEW)
    return sent


def with_photo(sent: Sent) -> dict[str, uuid.UUID]:
    """Add a photo and make its working copy; return the stored objects by variant."""
    today = timezone.localdate()
    follow_up.add_message(ticket=sent.ticket, text="Ini fotonya.", files=[sealed_upload(photo())], today=today)
    processing.process_pending()
    stored = EvidenceObject.objects.filter(evidence__complaint__case=sent.case)
    return {item.variant: item.pk for item in stored}


def verified(cast: Cast, **changes: Any) -> Sent:
    sent = in_review(cast, **changes)
    act(cast, "vera", sent, Action.VERIFY)
    return sent


def forwarded(cast: Cast, *, body: str = "bkn", files: bool = False, **changes: Any) -> tuple[Sent, Release]:
    sent = in_review(cast, **changes)
    objects = [with_photo(sent)["working"]] if files else []
    act(cast, "vera", sent, Action.VERIFY)
    release = forward(
        actor=Actor(cast.ring("fitri"), timezone.now()),
        case_id=sent.case.pk,
        body=OversightBody.objects.get(pk=body),
        choice=whole(sent.case.pk, objects=objects),
        cover="Mohon ditindaklanjuti.",
    )
    sent.case.refresh_from_db()
    return sent, release


def chosen(page: Any) -> dict[str, list[str]]:
    """What is ticked on a page of forwarding, as the fields that a browser posts."""
    fields: dict[str, list[str]] = {"offered": [page.context["offered"]]}
    for line in release_choice.all_lines([*page.context["fresh"], *page.context["others"]]):
        if line.is_ticked and not line.is_held:
            fields.setdefault(line.name, []).append(line.value)
    return fields


def body_act(cast: Cast, name: str, release: Release, action: Action, **words: Any) -> None:
    decide(actor=Actor(cast.ring(name), timezone.now()), release_id=release.pk, action=action, **words)


def body_asks(cast: Cast, release: Release, text: str) -> None:
    """A question of the body that the office passes on to all reporters of the release."""
    now = timezone.now()
    passed_on(Actor(cast.ring("kirana"), now), Actor(cast.ring("vera"), now), release, text)


def passed_on(liaison: Actor, officer: Actor, release: Release, text: str) -> None:
    readers = [complaint for _number, complaint in asking.readers_of(release)]
    question = asking.propose(actor=liaison, release_id=release.pk, text=text, readers=readers)
    asking.pass_on(actor=officer, question_id=question.pk)


def competent_again(body: str, until: str | None = None) -> None:
    """Change until which day a body is competent, as an administrator does."""
    row = OversightBody.objects.get(pk=body)
    row.valid_until = date.fromisoformat(until) if until else None
    reference_data.save_row(actor=Actor(ring("adi"), timezone.now()), row=row)
    # Done after the commit, which a test in a transaction does not reach.
    reference_data.clear_cache()


def complaint_of(sent: Sent) -> Complaint:
    return Complaint.objects.get(case=sent.case)
