"""A line of the list of releases: whom the reports name, where, how urgent it is, and what its body has not opened yet.

Names and places are sealed, so that only those of the page that is shown are opened.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, TypedDict, cast

from django.db import transaction
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from complaints.domain.errors import SealError
from complaints.domain.sealing.records import JSON, open_record
from complaints.models.complaint import Message
from complaints.models.identity import NameRequest
from complaints.models.oversight import Release, ReleasedReport, ReleasePart
from complaints.services.audit import recorded_releases
from complaints.services.forwarding.reading import part_context, release_context
from complaints.services.keyring import Actor, Keyring, Locked, signer_of
from complaints.services.team_key_history import UnpinnedKey

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _News(TypedDict):
        newest: int
        answers: int
        opened_newest: int
        opened_answers: int

    ReleaseWithNews: TypeAlias = WithAnnotations[Release, _News]

# Of a release of 50 reports a line opens no more than its first parts; they begin with the first report's answers.
PARTS_READ: Final = 5


@dataclass
class ReleaseSummary:
    """What a line shows of a forwarding.

    ``accused`` are names with their positions, ``places`` agencies with their regencies, each once; ``reports`` is the
    number of reports that the body holds. ``is_open`` is False where the release does not open for this person.
    """

    is_open: bool = False
    danger: str = ""
    urgent: bool = False
    reports: int = 0
    accused: list[tuple[str, str]] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)


def with_news(firsts: QuerySet[Release]) -> QuerySet[ReleaseWithNews]:
    """Annotate forwardings with the newest release and number of answers, now and at the body's last opening.

    ``newest`` and ``answers`` are those of now. The openings are those of anybody of the body.
    """
    chain = Release.objects.filter(Q(pk=OuterRef("pk")) | Q(first=OuterRef("pk"))).exclude(state=Release.State.RECALLED)
    answers = Message.objects.from_reporter().filter(release=OuterRef("pk")).order_by().values("release")
    counted = Subquery(answers.annotate(number=Count("pk")).values("number"), output_field=IntegerField())
    return firsts.annotate(
        newest=Coalesce(Subquery(chain.order_by("-number").values("number")[:1]), F("number")),
        answers=Coalesce(counted, Value(0)),
        opened_newest=recorded_releases.opened_column("newest"),
        opened_answers=recorded_releases.opened_column("answers"),
    )


def has_new_answers() -> Q:
    """Return the condition on :func:`with_news` that answers of reporters came since the last opening."""
    return Q(answers__gt=F("opened_answers"), opened_newest__gt=0)


def untried_names(firsts: Sequence[Release]) -> Counter[uuid.UUID]:
    """Count by forwarding the reports whose name its body may try to open and has not tried; two queries.

    It counts requests, which are made for every report: nobody is told whether a name was given.
    """
    requests = NameRequest.objects.filter(release__in=firsts, closed_on=None)
    rows = list(requests.values_list("pk", "release", "complaint"))
    tried = recorded_releases.tried_requests([report for _key, _release, report in rows]) if rows else set()
    return Counter(release for key, release, _report in rows if str(key) not in tried)


@transaction.atomic
def summaries(*, actor: Actor, firsts: Sequence[Release]) -> dict[uuid.UUID, ReleaseSummary]:
    """Return what a page of the list shows of forwardings, by their id; four queries.

    Each part is signed by the office, and none is compared with the manifest's root: the page of a release does that.
    One entry records how many were read. One that does not open is shown as such.
    """
    by_forwarding = {first.pk: ReleaseSummary() for first in firsts}
    releases = Release.objects.filter(Q(pk__in=by_forwarding) | Q(first__in=by_forwarding)).exclude(
        state=Release.State.RECALLED
    )
    rows = list(releases.select_related("case").prefetch_related("grants").order_by("number"))
    parts: dict[uuid.UUID, list[ReleasePart]] = defaultdict(list)
    for part in ReleasePart.objects.filter(release__in=rows, number__lte=PARTS_READ).order_by("number"):
        parts[part.release_id].append(part)
    for release in rows:
        with suppress(Locked, SealError, UnpinnedKey):
            _read_into(by_forwarding[release.first_id or release.pk], actor.keyring, release, parts[release.pk])
    held = ReleasedReport.objects.filter(release__in=rows).values_list("release", "complaint")
    first_of = {release.pk: release.first_id or release.pk for release in rows}
    for first, _complaint in {(first_of[release], complaint) for release, complaint in held}:
        by_forwarding[first].reports += 1
    if shown := sum(summary.is_open for summary in by_forwarding.values()):
        actor.record("queue.opened", facts={"shown": shown})
    return by_forwarding


def _read_into(summary: ReleaseSummary, keyring: Keyring, release: Release, parts: Sequence[ReleasePart]) -> None:
    """Add what a release says; of danger and urgency the newest counts, so releases come oldest first."""
    pair, signer = keyring.release(release), signer_of(release)
    manifest = open_record(pair, release.sealed, release_context(release), signer)
    summary.is_open, summary.danger, summary.urgent = True, manifest["danger"], manifest["urgent"]
    for part in parts:
        body = open_record(pair, part.sealed, part_context(part), signer)
        if body["kind"] == "report":
            _add(summary.accused, body["answers"], "accused_name", "accused_position")
            _add(summary.places, body["answers"], "agency", "regency")


def _add(known: list[tuple[str, str]], answers: dict[str, JSON], first: str, second: str) -> None:
    pair = cast("tuple[str, str]", tuple(str(answers.get(name) or "") for name in (first, second)))
    if any(pair) and pair not in known:
        known.append(pair)
