"""Steps of a case: a page that says the consequence and asks the reason, then one call of the service.

A step that became impossible meanwhile writes nothing, says what changed, and keeps what was typed.
"""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import composing, likeness, queue, wording
from complaints.admin.base import CasePart, case_or_404, staff_request
from complaints.admin.composing import Composer
from complaints.admin.found import betrayed
from complaints.admin.meanwhile import meanwhile, refusal_code
from complaints.admin.step_forms import ForwardForm, StepForm
from complaints.domain import workflow
from complaints.domain.disclosure import Disclosure
from complaints.domain.workflow import Action, Refusal, Status, TransitionRefused
from complaints.models.case import Case
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import OversightBody
from complaints.models.team import Role, Staff
from complaints.services import case_actions, case_file, case_items, disclosure_check
from complaints.services.disclosure_check import Override
from complaints.services.forwarding.release import forward as release_forward
from complaints.services.team_key_history import UnpinnedKey, pinned_team
from complaints.services.transitions import CaseChanged


def forwardable(today: date) -> list[OversightBody]:
    """Return the bodies that hold the task today and whose team's key is pinned."""
    found = []
    for body in OversightBody.objects.valid_on(today):
        try:
            pinned_team(f"body-{body.pk}")
        except UnpinnedKey:
            continue
        found.append(body)
    return found


class CaseSteps(CasePart):
    """Confirm pages of the office's steps, forwarding among them."""

    def own_urls(self) -> list[URLPattern]:
        """One address for the plain steps, one for forwarding."""
        return [
            self.route("<uuid:object_id>/langkah/<slug:action>/", self.step, "step", "GET", "POST"),
            self.route("<uuid:object_id>/teruskan/", self.forward, "forward", "GET", "POST"),
            *super().own_urls(),
        ]

    def _readable(self, request: HttpRequest, object_id: uuid.UUID) -> Case:
        case = case_or_404(request, object_id)
        if not access.may_read(request.user, case):
            raise Http404
        return case

    def step(self, request: HttpRequest, object_id: uuid.UUID, action: str) -> HttpResponseBase:
        """Ask, then act."""
        case = self._readable(request, object_id)
        if action == Action.FORWARD:
            return redirect("admin:complaints_case_forward", object_id)
        if action not in wording.STAFF_STEPS:
            raise Http404
        if request.method == "POST":
            return self._act(request, case, Action(action))
        return self._confirm(request, case, Action(action))

    def _choice(self, request: HttpRequest, case: Case, action: Action) -> case_items.AvailableStep | None:
        choices = case_items.available_steps(staff=staff_request(request).user, case=case)
        return next((one for one in choices if one.action is action), None)

    def _confirm(
        self,
        request: HttpRequest,
        case: Case,
        action: Action,
        *,
        form: StepForm | None = None,
        composer: Composer | None = None,
        refused: str = "",
        typed: str = "",
    ) -> HttpResponse:
        """Show the confirm page; with ``refused`` why nothing was written, what changed, and what was typed."""
        choice, seen = self._choice(request, case, action), request.POST.get("seen", "")
        why = choice.refused if choice else Refusal.NOT_FROM_HERE.value
        context: dict[str, Any] = {
            "title": f"{wording.STAFF_STEPS[action.value][0]}: {case.reference}",
            "case": case,
            "mark": case_actions.version_of(case),
            "new_answer": Message.objects.unread().filter(complaint__case=case).exists(),
        }
        if refused or why:
            refusal = wording.REFUSALS[refused or why]
            typed = typed or request.POST.get("reason", "").strip()
            context |= meanwhile(case, seen) | {"refused": refusal, "stale": bool(refused), "typed": typed}
        if choice is not None and not why and action is not Action.FORWARD:
            row = choice.row
            urgent = self._urgent(request, case, action)
            form = form or StepForm(required=row.reason_required, is_read=row.notice, action=action)
            composer = composer or self._composer(request, case, row, "reason")
            context |= {"step": wording.step(row, case, today=timezone.localdate(), urgent=urgent), "form": form}
            told = case.complaints.filter(channel=Complaint.Channel.WEB)
            context |= {"writing": composer.context(), "readers": told.count() if row.notice else 0}
        status = 409 if "refused" in context else composer.status if composer and form and form.is_bound else 200
        return self.page(request, "admin/step.html", context, status=status)

    def _urgent(self, request: HttpRequest, case: Case, action: Action) -> bool:
        keyring = staff_request(request).keyring
        return action is Action.VERIFY and case_actions.is_high_risk(keyring=keyring, case_id=case.pk)

    def _act(self, request: HttpRequest, case: Case, action: Action) -> HttpResponseBase:
        choice, asking = self._choice(request, case, action), staff_request(request)
        if choice is None or choice.refused:
            # Nothing is looked up or kept for a step that is not there; the page says why.
            return self._confirm(request, case, action, refused=choice.refused if choice else "changed")
        row, composer = choice.row, self._composer(request, case, choice.row, "reason")
        form = StepForm(
            composer.data(),
            required=row.reason_required,
            is_read=row.notice,
            action=action,
            only_looking=composer.asked != "send",
        )
        if not form.is_valid() or not composer.may_send(form.cleaned_data["reason"]):
            return self._confirm(request, case, action, form=form, composer=composer)
        try:
            case_actions.act(
                actor=asking.actor,
                case_id=case.pk,
                action=action,
                reason=form.cleaned_data["reason"].strip(),
                seen_status=request.POST.get("seen", ""),
                checklist=form.answers(),
                override=composer.overriding(),
            )
        except (CaseChanged, TransitionRefused) as refusal:
            fresh = case_or_404(request, case.pk)
            return self._confirm(request, fresh, action, form=form, composer=composer, refused=refusal_code(refusal))
        return self._done(request, case)

    def _composer(self, request: HttpRequest, case: Case, row: workflow.Transition, field: str) -> Composer:
        """Return what helps with the words to the reporters of a step; it is silent where none reads them."""
        step, label = wording.step(row, case, today=timezone.localdate()), wording.target_words(row, case)
        body = case.lead_body.short_name if case.lead_body else ""
        return Composer(
            request=request,
            field=field,
            options=composing.options(row.action.value, case, due_on=step.due_on, body=body) if row.notice else [],
            look=(lambda text: _look(request, case, text)) if row.notice else None,
            show=lambda text: composing.preview_of_step(row, case, text, label=label, due_on=step.due_on, body=body),
        )

    def _done(self, request: HttpRequest, before: Case) -> HttpResponseBase:
        after = case_or_404(request, before.pk)
        words = {"before": wording.case_status(before), "after": wording.case_status(after)}
        done = _("Done: from “%(before)s” to “%(after)s”.") % words
        following = _following(staff_request(request).user, before)
        if following is not None:
            url = reverse("admin:complaints_case_change", args=[following.pk])
            done = format_html('{} {} <a href="{}">{}</a>', done, _("Next of this kind:"), url, following.reference)
        messages.success(request, done)
        return redirect("admin:complaints_case_change", before.pk)

    def forward(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Show what a body would get, then release it."""
        case = self._readable(request, object_id)
        choice = self._choice(request, case, Action.FORWARD)
        if choice is None or choice.refused:
            posted = request.method == "POST"
            code = (choice.refused if choice else "changed") if posted else ""
            return self._confirm(request, case, Action.FORWARD, refused=code, typed=_texts(request) if posted else "")
        asking, today = staff_request(request), timezone.localdate()
        opened = case_file.open_case(actor=asking.actor, case_id=case.pk)
        files, composer = _files(opened), self._composer(request, case, choice.row, "told")
        form = ForwardForm(
            composer.data() if request.method == "POST" else None,
            initial={"body": case.lead_body_id},
            only_looking=composer.asked != "send",
            bodies=forwardable(today),
            objects=[str(item["object"].id) for item in files],
        )
        if request.method == "POST" and form.is_valid() and composer.may_send(form.cleaned_data["told"]):
            try:
                self._release(request, case, form, composer.overriding())
            except (CaseChanged, TransitionRefused) as refusal:
                return self._refused(request, case, form, composer, refusal_code(refusal))
            return self._done(request, case)
        return self._offer_release(request, case, form, composer, opened)

    def _refused(
        self, request: HttpRequest, case: Case, form: ForwardForm, composer: Composer, code: str
    ) -> HttpResponseBase:
        """Say what changed; where forwarding is still possible, with the whole form to send again."""
        fresh = case_or_404(request, case.pk)
        choice = self._choice(request, fresh, Action.FORWARD)
        if choice is None or choice.refused:
            return self._confirm(request, fresh, Action.FORWARD, refused=code, typed=_texts(request))
        opened = case_file.open_case(actor=staff_request(request).actor, case_id=case.pk)
        told = meanwhile(fresh, request.POST.get("seen", "")) | {"refused": wording.REFUSALS[code], "stale": True}
        return self._offer_release(request, fresh, form, composer, opened, told)

    def _offer_release(
        self,
        request: HttpRequest,
        case: Case,
        form: ForwardForm,
        composer: Composer,
        opened: case_file.CaseFile,
        told: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what would leave the house, and the form."""
        row, files = workflow.transition_for(Action.FORWARD, Status(case.status)), _files(opened)
        chosen = set(request.POST.getlist("objects")) if form.is_bound else _safe(files)
        context = {
            "title": f"{wording.STAFF_STEPS['forward'][0]}: {case.reference}",
            "case": case,
            "form": form,
            "mark": opened.mark,
            "step": wording.step(row, case, today=timezone.localdate()),
            "complaints": [
                (part, wording.answers(part.answers), likeness.of_items(part.posts)) for part in opened.complaints
            ],
            "files": [item | {"ticked": str(item["object"].id) in chosen} for item in files],
            "writing": composer.context(),
            "readers": sum(part.complaint.has_reporter for part in opened.complaints),
        }
        status = 409 if told else composer.status if form.is_bound else 200
        return self.page(request, "admin/forward.html", context | (told or {}), status=status)

    def _release(self, request: HttpRequest, case: Case, form: ForwardForm, override: Override | None) -> None:
        wanted = form.cleaned_data
        release_forward(
            actor=staff_request(request).actor,
            case_id=case.pk,
            body=wanted["body"],
            objects=[uuid.UUID(name) for name in wanted["objects"]],
            cover=wanted["cover"],
            told=wanted["told"],
            seen_status=request.POST.get("seen", ""),
            checklist=form.answers(),
            override=override,
        )


def _following(person: Staff, before: Case) -> Case | None:
    """Return the case that this person would take up next: where the last one stood, by deadline, their own first."""
    if before.status == Status.INELIGIBLE_PROPOSED:
        return queue.BY_DEADLINE.sort(case_actions.awaiting_approval(person)).first()
    alike = queue.BY_DEADLINE.sort(access.cases_for(person).filter(status=before.status).exclude(pk=before.pk))
    others = alike if person.role == Role.FORWARDER else alike.filter(assignee=None)
    return alike.filter(assignee=person).first() or others.first()


def _look(request: HttpRequest, case: Case, text: str) -> list[Disclosure]:
    keyring = staff_request(request).keyring
    return disclosure_check.check(actor=request.actor, case_id=case.pk, readers=(), text=text)


def _texts(request: HttpRequest) -> str:
    texts = (request.POST.get(name, "").strip() for name in ("cover", "told"))
    return "\n\n".join(text for text in texts if text)


def _files(opened: case_file.CaseFile) -> list[dict[str, Any]]:
    """List every stored object of a case, a working copy before its original."""
    found = []
    for part in opened.complaints:
        for item in part.evidence:
            for stored in (item.working, item.original):
                if stored is not None:
                    is_original = stored is item.original
                    traces = betrayed(item) if is_original else ""
                    found.append({"item": item, "object": stored, "is_original": is_original, "betrays": traces})
    return found


def _safe(files: list[dict[str, Any]]) -> set[str]:
    return {str(item["object"].id) for item in files if not item["is_original"]}
