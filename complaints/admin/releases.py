"""What a body's liaison sees: the releases to that body, and nothing else of any case.

Of a release that was returned or replaced, the case's later fate is not shown either: it is no longer theirs.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import composing, likeness, wording
from complaints.admin.base import staff_request
from complaints.admin.evidence import attachment
from complaints.admin.forms import BodyStepForm
from complaints.admin.lists import Listed, ListFilter
from complaints.admin.meanwhile import refusal_code
from complaints.admin.standing import FOLDED_FROM, gist
from complaints.admin.viewer import ReleaseViewer
from complaints.domain.workflow import OPEN, Action, Status, Transition, TransitionRefused
from complaints.models.oversight import Release, ReleasedFile
from complaints.services.disclosure_check import Override
from complaints.services.evidence.storage import InfectedFile
from complaints.services.forwarding import decisions, reading
from complaints.services.transitions import CaseChanged

# Where the body has to move; the rest of what it holds waits for the reporter or the agency, or has ended.
YOURS = frozenset({Status.FORWARDED, Status.UNDER_EXAMINATION, Status.SUBSTANTIATED})


def live(releases: QuerySet[Release]) -> QuerySet[Any]:
    """Mark each release with whether it is the one on which its body may act."""
    later = Release.objects.filter(case=OuterRef("case"), number__gt=OuterRef("number"))
    return releases.annotate(replaced=Exists(later))


def is_live(release: Any) -> bool:
    """Whether the case's present state belongs to this release."""
    return release.state == Release.State.OPEN and not release.replaced


class TurnFilter(ListFilter):
    """Which releases to list; without a choice, those that are still with the body."""

    title, parameter_name, every = gettext_lazy("Show"), "turn", gettext_lazy("With us")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """New, to be worked on, or all."""
        return [
            ("new", _("New")),
            ("yours", _("Our turn")),
            ("late", _("Late")),
            ("ended", _("Ended")),
            ("every", _("All releases")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the releases; what is asked of a case's state is asked of live releases only."""
        value, mine = self.value(), queryset.filter(state=Release.State.OPEN, replaced=False)
        if value == "every":
            return queryset
        if value == "late":
            return mine.filter(case__due_on__lt=timezone.localdate(), case__status__in=YOURS)
        sets = {"new": {Status.FORWARDED}, "yours": YOURS, "ended": set(Status) - OPEN}
        return mine.filter(case__status__in=sets.get(value or "", OPEN))


class ReleaseList(Listed):
    """A page of releases, each with its clock."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch one page and dress its lines."""
        super().get_results(request)
        today = timezone.localdate()
        self.result_list = list(self.result_list)
        for release in self.result_list:
            release.live = is_live(release)
            release.status_line = status_line(release)
            due_on = release.case.due_on if release.live and release.case.status in OPEN else None
            release.clock = wording.clock(due_on, today)


def status_line(release: Any) -> str:
    """Return where a release stands, in words."""
    if release.state == Release.State.RETURNED:
        return str(Release.State.RETURNED.label)
    if release.replaced:
        return _("Replaced by a later release")
    return wording.status_words(release.case.status, release.body.short_name)


def _part(part: dict[str, Any]) -> tuple[Any, ...]:
    links = str(part["answers"].get("links", "")).splitlines()
    posts = likeness.of_release(part.get("posts", ()))
    return part, wording.answers(part["answers"]), links, posts, gist(part["answers"])


class ReleaseAdmin(ReleaseViewer):
    """The liaison's list and the page of one release."""

    list_filter = [TurnFilter]
    change_list_template = "admin/releases.html"
    list_title = gettext_lazy("Releases")

    def opens_for(self, request: HttpRequest) -> bool:
        """Admitted liaisons."""
        return access.is_overseer(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Release]:
        """The releases to this person's body."""
        mine = live(access.releases_for(request.user))
        return mine.select_related("body", "case__category", "case__accused_kind", "case__province")

    def get_ordering(self, request: HttpRequest) -> Any:
        """Late and due first, then oldest."""
        return (F("case__due_on").asc(nulls_last=True), "at", "id")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ReleaseList]:
        """Use the house's list."""
        return ReleaseList

    def own_urls(self) -> list[URLPattern]:
        """The page, its steps and its files."""
        return [
            self.route("<uuid:object_id>/change/", self.release_page, "change", "GET"),
            self.route("<uuid:object_id>/langkah/<slug:action>/", self.step, "step", "GET", "POST"),
            self.route("<uuid:object_id>/berkas/<uuid:file_id>/", self.file, "file", "POST"),
            *self.viewer_urls(),
        ]

    def _found(self, request: HttpRequest, object_id: uuid.UUID) -> Release:
        release = self.get_queryset(request).filter(pk=object_id).first()
        if release is None:
            raise Http404
        return release

    def release_page(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """Open a release."""
        release, asking, today = self._found(request, object_id), staff_request(request), timezone.localdate()
        opened = reading.open_release(actor=asking.actor, release_id=release.pk)
        shown = is_live(release)
        context = {
            "title": release.case.reference,
            "release": release,
            "status": status_line(release),
            "clock": wording.clock(release.case.due_on if shown else None, today),
            "live": shown,
            "band": wording.band(release.case.category.sanction_band),
            "cover": opened.content.get("cover", ""),
            "complaints": [_part(part) for part in opened.content["complaints"]],
            "folds": len(opened.content["complaints"]) >= FOLDED_FROM,
            "all_open": request.GET.get("all") == "1",
            "files": opened.files,
            "thread": opened.thread,
            "decisions": [wording.decision(one) for one in opened.decisions],
            "steps": [self._words(row, release) for row in opened.actions],
        }
        return self.page(request, "admin/release.html", context)

    def _words(self, row: Transition, release: Release) -> wording.Step:
        return wording.step(row, release.case, today=timezone.localdate(), body=release.body.short_name)

    def step(self, request: HttpRequest, object_id: uuid.UUID, action: str) -> HttpResponseBase:
        """Ask, then act."""
        release = self._found(request, object_id)
        if action not in wording.BODY_STEPS:
            raise Http404
        form = None
        composer = self._composer(request, release, Action(action))
        if request.method == "POST":
            form = BodyStepForm(composer.data(), action=Action(action), today=timezone.localdate())
            if form.is_valid() and composer.may_send(form.cleaned_data.get("told", "")):
                return self._act(request, release, Action(action), form, composer.overriding())
        return self._confirm(request, release, Action(action), form=form, composer=composer)

    def _composer(self, request: HttpRequest, release: Release, action: Action) -> composing.Composer:
        """Return what helps with the words to the reporters; it is silent where the step is not there or tells none."""
        case, keyring = release.case, staff_request(request).keyring
        rows = reading.actions(keyring=keyring, release=release)
        row = next((one for one in rows if one.action is action and one.notice), None)
        if row is None:
            return composing.Composer(request, "told", [], None, composing.preview_of_message)
        step, body = self._words(row, release), release.body.short_name
        label = wording.target_words(row, case, body)
        return composing.Composer(
            request=request,
            field="told",
            options=composing.options(action.value, case, due_on=step.due_on, body=body),
            look=lambda text: reading.check(actor=request.actor, release_id=release.pk, text=text),
            show=lambda text: composing.preview_of_step(row, case, text, label=label, due_on=step.due_on, body=body),
        )

    def _confirm(
        self,
        request: HttpRequest,
        release: Release,
        action: Action,
        *,
        form: BodyStepForm | None,
        composer: composing.Composer,
        refused: str = "",
    ) -> HttpResponse:
        rows = reading.actions(keyring=staff_request(request).keyring, release=release)
        row = next((one for one in rows if one.action is action), None)
        context: dict[str, Any] = {
            "title": f"{wording.BODY_STEPS[action.value][0]}: {release.case.reference}",
            "release": release,
        }
        if refused or row is None:
            refusal = wording.REFUSALS[refused or "not_from_here"]
            typed = [form.data.get(name, "") for name in ("text", "told")] if form else []
            texts = "\n\n".join(text for text in typed if text)
            context |= {
                "refused": refusal,
                "stale": bool(refused or form),
                "typed": texts,
                "status": status_line(release),
            }
        if row is not None:
            if form is None or refused:
                again = {name: value for name, value in form.data.items() if name != "seen"} if form else {}
                initial = again | {"seen": release.case.status}
                form = BodyStepForm(initial=initial, action=action, today=timezone.localdate())
            context |= {"step": self._words(row, release), "form": form, "writing": composer.context()}
        status = 409 if "refused" in context else composer.status if form and form.is_bound else 200
        return self.page(request, "admin/release_step.html", context, status=status)

    def _act(
        self,
        request: HttpRequest,
        release: Release,
        action: Action,
        form: BodyStepForm,
        override: Override | None,
    ) -> HttpResponseBase:
        typed = form.cleaned_data
        sanction = None
        if action is Action.SANCTION:
            sanction = decisions.SanctionRecord(typed["kind"].pk, typed["number"], typed["decided_on"])
        try:
            decisions.act(
                actor=staff_request(request).actor,
                release_id=release.pk,
                action=action,
                text=typed.get("text", "").strip(),
                told=typed.get("told", "").strip(),
                sanction=sanction,
                seen_status=typed["seen"],
                override=override,
            )
        except (CaseChanged, TransitionRefused) as refusal:
            fresh = self._found(request, release.pk)
            composer = self._composer(request, fresh, action)
            return self._confirm(request, fresh, action, form=form, composer=composer, refused=refusal_code(refusal))
        after = self._found(request, release.pk)
        words = {"before": status_line(release), "after": status_line(after)}
        messages.success(request, _("Done: from “%(before)s” to “%(after)s”.") % words)
        return redirect("admin:complaints_release_change", release.pk)

    def file(self, request: HttpRequest, object_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponseBase:
        """Open a released file."""
        release = self._found(request, object_id)
        if not ReleasedFile.objects.filter(release=release, pk=file_id).exists():
            raise Http404
        keyring, knowing = staff_request(request).keyring, request.POST.get("knowing") == "yes"
        try:
            info, stream = reading.open_file(actor=request.actor, file_id=file_id, knowing=knowing)
            return attachment(f"{release.case.reference}-{info.name.rpartition('.')[0]}", info, stream)
        except InfectedFile:
            messages.error(request, _("Nothing was opened: confirm that you know what the scanner found."))
        except OSError:
            messages.error(request, _("The evidence storage does not answer. Try again later."))
        return redirect("admin:complaints_release_change", object_id)
