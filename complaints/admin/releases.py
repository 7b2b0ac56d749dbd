"""What a liaison of an oversight body sees: the releases to that body, and nothing else of any case.

Of a release that was returned or replaced, the case's later fate is not shown either: it is no longer theirs.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias, TypedDict

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, UUIDField, Value
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels, reply_composer, step_labels
from complaints.admin.base import BaseAdmin, StaffRequest, render, staff_page, staff_request
from complaints.admin.case_summary import FOLDED_FROM, release_deadline
from complaints.admin.file_responses import attachment
from complaints.admin.forms import BodyStepForm
from complaints.admin.legal_basis import judgment_lines
from complaints.admin.list_filter import Choice, ListFilter
from complaints.admin.release_content import DANGER, content_lines, report_count
from complaints.admin.reply_composer import Composer
from complaints.domain.workflow import OPEN, WITH_BODY, Action, Status, Transition, TransitionRefused
from complaints.models.oversight import Release, ReleasedFile
from complaints.models.team import Staff
from complaints.services import legal_basis
from complaints.services.disclosure_check import Override
from complaints.services.evidence.storage import InfectedFile
from complaints.services.forwarding import decisions, dossier, names, reading
from complaints.services.transitions import CaseChanged, CaseVersion

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Replaced(TypedDict):
        replaced: bool

    AnnotatedRelease: TypeAlias = WithAnnotations[Release, _Replaced]


def with_replaced(releases: QuerySet[Release]) -> QuerySet[AnnotatedRelease]:
    """Return the forwardings among releases, with ``replaced``: whether the case was forwarded again after it."""
    later = Release.objects.filter(case=OuterRef("case"), first=None, after_step__gt=OuterRef("after_step"))
    return releases.filter(first=None).annotate(replaced=Exists(later))


def is_current(release: AnnotatedRelease) -> bool:
    """Whether a release of :func:`with_replaced` is the one on which its body acts, so that the case's state is its."""
    return release.state == Release.State.OPEN and not release.replaced


def status_line(release: AnnotatedRelease) -> str:
    """Return the label of the state of a release of :func:`with_replaced`."""
    if release.state == Release.State.RETURNED:
        return str(Release.State.RETURNED.label)
    if release.replaced:
        return _("Replaced by a later release")
    return labels.status_label(release.case.status, release.body.short_name)


def _releases(user: Staff) -> QuerySet[AnnotatedRelease]:
    """Return the releases to this person's body, as :func:`with_replaced`, with what a line shows of the case."""
    releases = with_replaced(access.releases_for(user))
    return releases.select_related("body", "case__category", "case__accused_kind", "case__province")


def release_or_404(request: StaffRequest, release_id: uuid.UUID) -> AnnotatedRelease:
    """Return a forwarding, also by the id of a supplement to it."""
    first = Subquery(Release.objects.filter(pk=release_id).values("first"))
    return get_object_or_404(_releases(request.user), pk=Coalesce(first, Value(release_id, UUIDField())))


# --- The list


class TurnFilter(ListFilter):
    """Which releases to list; without a choice, those that are still with the body."""

    title, parameter_name, every = gettext_lazy("Show"), "turn", gettext_lazy("With us")

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Release]) -> list[Choice]:
        return [
            ("new", _("New")),
            ("yours", _("Our turn")),
            ("late", _("Past the target")),
            ("ended", _("Ended")),
            ("every", _("All releases")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AnnotatedRelease]) -> QuerySet[AnnotatedRelease]:
        """Keep the chosen releases; every choice but "All releases" asks for the case's state: current ones only."""
        value, current = self.value(), queryset.filter(state=Release.State.OPEN, replaced=False)
        if value == "every":
            return queryset
        if value == "late":
            return current.filter(case__due_on__lt=timezone.localdate(), case__status__in=WITH_BODY)
        statuses = {"new": {Status.FORWARDED}, "yours": WITH_BODY, "ended": set(Status) - OPEN}
        return current.filter(case__status__in=statuses.get(value or "", OPEN))


class ReleaseList(ChangeList):
    """A page of releases; each gets ``live``, ``status_line``, ``clock``, ``urgent`` and ``danger``."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        today = timezone.localdate()
        self.result_list = list(self.result_list)
        dangers = reading.dangers(keyring=staff_request(request).keyring, firsts=self.result_list)
        for release in self.result_list:
            grade, release.urgent = dangers.get(release.pk, ("", False))
            release.danger = str(DANGER[grade])
            release.live = is_current(release)
            release.status_line = status_line(release)
            release.clock = release_deadline(release.case, today, is_live=release.live)


class ReleaseAdmin(BaseAdmin):
    """The change list of a liaison's releases."""

    list_filter = [TurnFilter]
    change_list_template = "admin/releases.html"
    list_title = gettext_lazy("Releases")
    opens_for = staticmethod(access.is_overseer)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnnotatedRelease]:
        return _releases(request.user)  # type: ignore[arg-type]

    def get_ordering(self, request: HttpRequest) -> tuple[OrderBy, str, str]:
        return (F("case__due_on").asc(nulls_last=True), "at", "id")

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ReleaseList]:
        return ReleaseList


# --- The page of a release


@staff_page("GET", opens_for=access.is_overseer)
def release_page(request: StaffRequest, object_id: uuid.UUID) -> HttpResponse:
    """Open a release, and write that into the audit log."""
    release, today = release_or_404(request, object_id), timezone.localdate()
    opened = reading.open_release(actor=request.actor, release_id=release.pk, is_replaced=release.replaced)
    current = is_current(release)
    context = {
        "title": release.case.reference,
        "release": release,
        "status": status_line(release),
        "clock": release_deadline(release.case, today, is_live=current),
        "live": current,
        "holds": report_count(len(opened.report_numbers)),
        "warned_of": dossier.warned_of(opened),
        "under_check": opened.under_check,
        "judged": _judged_alike(release, opened.answers),
        "parts": [
            content_lines(one.content, one.release, is_supplement=one.release.first_id is not None)
            for one in opened.opened
        ],
        "folds": len(opened.answers) >= FOLDED_FROM,
        "all_open": request.GET.get("all") == "1",
        "thread": opened.thread,
        "names": _name_requests(release, opened),
        "decisions": [labels.decision_lines(decision) for decision in opened.decisions],
        "steps": [_step_label(row, release) for row in opened.actions],
    }
    return render(request, "admin/release.html", context, model=Release)


def _judged(release: Release, answers: Mapping[str, object]) -> dict[str, object]:
    """Return what the rules of the law say of a released report, by the day of the act that it tells."""
    case = release.case
    judged = legal_basis.judge_report(
        category=case.category_id,
        accused_kind=case.accused_kind_id,
        answers=answers,
        handled_on=timezone.localdate(),
    )
    return judgment_lines(judged)


def _judged_alike(release: Release, answers: Mapping[int, Mapping[str, object]]) -> list[tuple[str, dict[str, object]]]:
    """Return what the rules say with the numbers of the reports of which they say it: mostly the same of all."""
    found: list[tuple[list[int], dict[str, object]]] = []
    for number, of_report in answers.items():
        lines = _judged(release, of_report)
        same = next((numbers for numbers, known in found if known == lines), None)
        if same is None:
            found.append(([number], lines))
        else:
            same.append(number)
    return [(", ".join(map(str, numbers)), lines) for numbers, lines in found]


def _name_requests(release: AnnotatedRelease, opened: reading.ReleaseFile) -> list[tuple[int, names.ReportRequest]]:
    """Return the number of each released report of which the body may open a name, with its request."""
    requests = names.requests_of_release(release, is_replaced=release.replaced)
    numbers = {str(pk): number for one in opened.opened for pk, number in one.numbers.items()}
    found = [(numbers[report], request) for report, request in requests.items() if report in numbers]
    return sorted(found, key=lambda entry: entry[0])


def _step_label(row: Transition, release: Release) -> labels.StepLabel:
    return labels.step_label(row, release.case, today=timezone.localdate(), body=release.body.short_name)


@staff_page("POST", opens_for=access.is_overseer)
def download(request: StaffRequest, object_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponseBase:
    """Download a released file; what the scanner warned of only where the person says that they know."""
    release = release_or_404(request, object_id)
    if not ReleasedFile.objects.filter(Q(release=release) | Q(release__first=release), pk=file_id).exists():
        raise Http404
    knowing = request.POST.get("knowing") == "yes"
    try:
        info, stream = reading.open_file(actor=request.actor, file_id=file_id, knowing=knowing)
        return attachment(f"{release.case.reference}-{info.name.rpartition('.')[0]}", info, stream)
    except InfectedFile:
        messages.error(request, _("Nothing was opened: confirm that you know what the scanner found."))
    except OSError:
        messages.error(request, _("The evidence storage does not answer. Try again later."))
    return redirect("admin:complaints_release_change", object_id)


# --- A step of the body

# What another office decided, on a day that does not lie before the act.
_DATED: Final = decisions.OUTCOMES | {Action.CRIMINAL_OUTCOME}


@staff_page("GET", "POST", opens_for=access.is_overseer)
def step(request: StaffRequest, object_id: uuid.UUID, action: str) -> HttpResponseBase:
    """Show what a step of the body does, with its form; by POST take it, or show it again with what was typed.

    The latter for a preview of the words, and for the kinds of sanction of the status that was chosen.
    """
    release = release_or_404(request, object_id)
    if action not in step_labels.BODY_STEPS:
        raise Http404
    row = _step_row(request, release, Action(action))
    composer = _composer(request, release, row)
    shows_kinds = composer.button == "kinds" and row is not None
    if shows_kinds:
        composer.may_send(request.POST.get("reply", ""))
    if request.method != "POST" or shows_kinds:
        return _show_step(request, release, Action(action), row, composer)
    form = BodyStepForm(
        composer.data(),
        action=Action(action),
        today=timezone.localdate(),
        not_before=_first_day(request, release) if Action(action) in _DATED else None,
    )
    if form.is_valid() and composer.may_send(form.cleaned_data.get("reply", "")):
        return _take_step(request, release, Action(action), form, composer.override_record())
    return _show_step(request, release, Action(action), row, composer, form=form)


def _first_day(request: StaffRequest, release: AnnotatedRelease) -> date | None:
    """Return the earliest day of the act that a release tells."""
    return decisions.first_day(reading.open_contents(request.keyring, reading.chain_of(release)))


def _step_row(request: StaffRequest, release: AnnotatedRelease, action: Action) -> Transition | None:
    """Return the row of the transition table by which the body may take a step now; None where it may not."""
    rows = reading.actions(keyring=request.keyring, release=release)
    return next((row for row in rows if row.action is action), None)


def _composer(request: StaffRequest, release: AnnotatedRelease, row: Transition | None) -> Composer:
    """Return the composer of the words to the reporters; it offers and checks nothing where the step sends none."""
    if row is None or not row.notice:
        return Composer(request=request, field="reply")
    case, body = release.case, release.body.short_name
    due_on, label = _step_label(row, release).due_on, labels.target_status_label(row, case, body)
    return Composer(
        request=request,
        field="reply",
        make_options=lambda: reply_composer.standard_text_options(row.action.value, case, due_on=due_on, body=body),
        find_leaks=lambda text: reading.check(actor=request.actor, release_id=release.pk, text=text),
        make_preview=lambda text: reply_composer.step_preview(row, case, text, label=label, due_on=due_on, body=body),
    )


def _show_step(
    request: StaffRequest,
    release: AnnotatedRelease,
    action: Action,
    row: Transition | None,
    composer: Composer,
    *,
    form: BodyStepForm | None = None,
    refused: str = "",
) -> HttpResponse:
    """Show the page of a step; ``row`` is None where it is not possible now.

    What was posted stays on the page. ``refused`` is the code of the service's refusal, a key of
    ``step_labels.REFUSALS``.
    """
    context: dict[str, object] = {
        "title": f"{step_labels.BODY_STEPS[action.value][0]}: {release.case.reference}",
        "release": release,
        "back": reverse("admin:complaints_release_change", args=[release.pk]),
    }
    status = composer.status if form else 200
    if refused or row is None:
        status = 409
        texts = [form.data.get(name, "") for name in ("text", "reply")] if form else []
        context |= {
            "refused": step_labels.REFUSALS[refused or "not_from_here"],
            "stale": bool(refused or form),
            "typed": "\n\n".join(text for text in texts if text),
            "status": status_line(release),
        }
    if row is not None:
        if form is None or refused:
            # The step is confirmed anew on the state that the page shows now.
            posted = {name: values if name == "penalties" else values[-1] for name, values in request.POST.lists()}
            for name in ("seen", "newest") if form else ():
                posted.pop(name, None)
            # With the number of steps, because a reminder or a correction leaves the status as it is.
            version = CaseVersion(release.case.status, release.case.step_count)
            initial = {"seen": str(version), "newest": reading.newest_number(release)} | posted
            form = BodyStepForm(initial=initial, action=action, today=timezone.localdate())
        context |= {"step": _step_label(row, release), "form": form, "writing": composer.context()}
    return render(request, "admin/release_step.html", context, model=Release, status=status)


def _take_step(
    request: StaffRequest, release: AnnotatedRelease, action: Action, form: BodyStepForm, override: Override | None
) -> HttpResponseBase:
    """Take a step with the values of a valid form; a refusal shows the page again with what was typed."""
    values, sanction = form.cleaned_data, None
    text, reply = values.get("text", "").strip(), values.get("reply", "").strip()
    if form.record:
        told, kept = form.record.texts(form)
        text, reply = f"{kept} {text}".strip(), f"{told} {reply}".strip()
    if action in decisions.OUTCOMES:
        kind = values.get("kind")
        sanction = decisions.SanctionRecord(
            kind.pk if kind else "",
            values["number"],
            values["decided_on"],
            values.get("accused_status", ""),
            values.get("rule", ""),
            values.get("why", ""),
        )
    try:
        decisions.act(
            actor=request.actor,
            release_id=release.pk,
            action=action,
            text=text,
            reply=reply,
            sanction=sanction,
            seen=CaseVersion.parse(values["seen"]),
            newest=values["newest"],
            override=override,
        )
    except (CaseChanged, TransitionRefused) as refusal:
        fresh = release_or_404(request, release.pk)
        row = _step_row(request, fresh, action)
        composer, code = _composer(request, fresh, row), labels.refusal_code(refusal)
        return _show_step(request, fresh, action, row, composer, form=form, refused=code)
    states = {"before": status_line(release), "after": status_line(release_or_404(request, release.pk))}
    messages.success(request, str(labels.DONE[states["before"] == states["after"]]) % states)
    return redirect("admin:complaints_release_change", release.pk)
