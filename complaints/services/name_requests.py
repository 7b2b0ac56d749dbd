"""Requests of a body for reporters' names: one for each report of a release, closed where the release ends.

They are made whether a name was given or not, so that they tell of none.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from django.db.models import Q, QuerySet

from complaints.domain.sealing.primitives import SignPair
from complaints.models.complaint import Complaint
from complaints.models.identity import Identity, NameRequest
from complaints.models.oversight import Release
from complaints.services import reporter_identity
from complaints.services.audit import batches
from complaints.services.audit.leaves import identity_leaf
from complaints.services.audit.log import row_digest
from complaints.services.keyring import Actor


def request_for_release(*, actor: Actor, release: Release, complaints: Collection[Complaint]) -> None:
    """Make a request for each of a new release's reports that has a reporter: a name given before opens by it.

    That of a further release leaves the requests of the leading body open, and no name goes by it until its body asks:
    a second body takes from the first no name that was given to it.
    """
    replaced = Q(release__is_further=False) if not release.is_further else Q(body=release.body_id)
    for complaint in complaints:
        if complaint.has_reporter:
            close(actor, NameRequest.objects.filter(replaced, complaint=complaint))
            request = NameRequest(complaint=complaint, release=release, body_id=release.body_id, day=actor.today)
            store(actor, request)


def end_for_release(
    *, actor: Actor, release: Release, signer: SignPair, reports: Collection[uuid.UUID] | None = None
) -> None:
    """Close the requests of a forwarding that ends, and overwrite the places of names that its body could open.

    ``signer`` is the key of the team that ends it. ``reports`` are those that the body holds no
    longer, where it keeps the others; None for all of them.
    """
    batches.open_batch()
    requests = NameRequest.objects.filter(release=release, closed_on=None)
    if reports is not None:
        requests = requests.filter(complaint__in=reports)
    complaints = list(requests.order_by("complaint").values_list("complaint", flat=True))
    rows = Identity.objects.select_for_update(of=("self",)).select_related("complaint")
    emptied: dict[uuid.UUID, str] = {}
    for identity in rows.filter(complaint__in=complaints, body=release.body_id).order_by("pk"):
        reporter_identity.empty(identity=identity, signer=signer, today=actor.today)
        emptied[identity.pk] = identity_leaf(identity).hex()
    close(actor, requests, emptied=emptied)


def store(actor: Actor, request: NameRequest) -> None:
    """Insert a request and record it."""
    request.save(force_insert=True)
    facts = {"request": str(request.pk), "release": str(request.release_id), "row": row_digest(request)}
    actor.record("name.requested", case=request.release.case_id, subject=request.complaint_id, facts=facts)


def close(actor: Actor, requests: QuerySet[NameRequest], *, emptied: Mapping[uuid.UUID, str] | None = None) -> None:
    """Close the open ones among ``requests``, and record each.

    Args:
        emptied: by report the leaf (hexadecimal) of its place for a name, where a team has emptied it: the signature
            of a team counts for a place only as its entry says.
    """
    for request in requests.filter(closed_on=None).select_related("release").order_by("pk"):
        request.closed_on = actor.today
        request.save(update_fields=["closed_on"])
        place = (emptied or {}).get(request.complaint_id)
        facts = {"request": str(request.pk)} | ({"place": place} if place else {})
        actor.record("name.closed", case=request.release.case_id, subject=request.complaint_id, facts=facts)
