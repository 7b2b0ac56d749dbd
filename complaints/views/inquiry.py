"""Asking before reporting: the question, its check, and the page that a ticket code of an inquiry opens.

An inquiry is kept and sent like a report: in the reporter's sealed session until it is sent, once, under a ticket code.
It has pages and words of its own, and none of a report's stages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Final, cast

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from complaints.domain.workflow import LIMITS, Status, TransitionRefused
from complaints.forms.fields import ReporterForm
from complaints.forms.inquiry import BeginReportForm, InquiryForm
from complaints.forms.passages import telling_of_answer
from complaints.forms.status import MessageForm, WithdrawForm
from complaints.page_cache import empty_fields, still_page
from complaints.services import erasure_days, follow_up, reference_data, submission
from complaints.services.follow_up import new_token
from complaints.services.rule_book import limit_rule
from complaints.services.submission import Draft
from complaints.services.transitions import CaseChanged
from complaints.views import ReporterRequest, begin_new_cookie, keeping, leak_check, page, text_limit, unsent_words
from complaints.views.additions import LEAVING, leave_or_ask
from complaints.views.public import cancel
from complaints.views.status import NOT_SENT, gone, page_token, unreadable
from complaints.views.steps import choices_of_start, door_of
from complaints.views.ticket_code import keep_sent

# What an unsent inquiry keeps in the draft; whatever else is there belongs to a report.
_OWN: Final = frozenset({*InquiryForm.base_fields, "code", "done"})
_DONE: Final = "asked"

View = Callable[[ReporterRequest], HttpResponse]


# --- Asking


def _form(data: QueryDict | None = None, initial: dict[str, object] | None = None) -> InquiryForm:
    return InquiryForm(data, initial=initial, is_separate=submission.has_separate_team(), **choices_of_start(""))


def _days() -> int:
    return limit_rule(LIMITS[Status.ASKED], reference_data.edition()).number or 0


def _holds_report(draft: Draft) -> bool:
    return any(value for name, value in draft.items() if name not in _OWN)


def ask(request: ReporterRequest) -> HttpResponse:
    """Show the page of the question; by POST keep it, and go on to its check once it is valid."""
    draft: Draft = request.reporter.get("draft") or Draft()
    if request.POST.get("go") == keeping.DELETE and not _holds_report(draft):
        return cancel(request)
    if _holds_report(draft):
        # One draft has one code: sending the inquiry would end the report.
        return page(request, "inquiry/unfinished", {"typed": request.POST.get("asked", "")})
    if request.method == "POST":
        return _keep(request, draft)
    known = {name: value for name in InquiryForm.base_fields if (value := draft.get(name))}
    if known:
        return page(
            request, "inquiry/ask", {"parts": _form(initial=known).rendered(), "drafted": True, "days": _days()}
        )
    is_separate, sent = submission.has_separate_team(), "sent" in request.reporter

    def context() -> dict[str, object]:
        parts = empty_fields(_form, ("inquiry", is_separate, *choices_of_start("").values()))
        return {"parts": parts, "days": _days(), "sent": sent}

    return still_page(request, "inquiry/ask", context, (is_separate, sent))


def _keep(request: ReporterRequest, draft: Draft) -> HttpResponse:
    form, go = _form(request.POST), request.POST.get("go")
    out = keeping.way_out(go, request.path)
    if not draft and (out or go == keeping.KEEP) and not _may_begin(request, form):
        return redirect(out) if out else keeping.answer_script(kept=False)
    if not draft:
        begin_new_cookie(request)
    kept = cast(Draft, form.taken_into({**draft, "done": []}, text_limit(draft)))
    if form.is_valid():
        submission.start_code(kept)
        kept["done"] = [_DONE]
    request.reporter["draft"] = kept
    if go == keeping.KEEP:
        return keeping.answer_script(kept=not form.too_much)
    if out and not form.too_much:
        return redirect(out)
    if form.errors:
        shown = {"parts": form.rendered(), "mistakes": form.mistakes(), "drafted": True, "days": _days()}
        return page(request, "inquiry/ask", shown)
    return redirect("inquiry_check")


def _may_begin(request: ReporterRequest, form: InquiryForm) -> bool:
    """Whether leaving the page may begin a draft: nothing that is open ends by it, and no deleted one comes back."""
    return not request.reporter.exists and not keeping.version_and_window(request)[0] and any(form.typed().values())


def check(request: ReporterRequest) -> HttpResponse:
    """Show the question as it will be read, and what in it may tell who wrote it; by POST send it."""
    draft: Draft | None = request.reporter.get("draft")
    if request.POST.get("go") == keeping.DELETE and not _holds_report(draft or Draft()):
        return cancel(request)
    if draft is None:
        return _without_draft(request)
    if _DONE not in draft.get("done", ()) or _holds_report(draft):
        return redirect("inquiry_ask")
    if request.method != "POST":
        return _show_check(request, draft)
    token = request.POST.get("token", "")
    current = submission.form_token(draft, request.reporter.version)
    if token != current:
        # Another window has sent this inquiry or changed it: only what the page showed may be sent.
        if submission.was_received(token):
            return page(request, "inquiry/gone", {"received": True})
        return _show_check(request, draft, changed=True)
    if request.POST.get("go") == "back":
        return redirect("inquiry_ask")
    receipt = submission.submit_inquiry(draft=draft, today=timezone.localdate())
    keep_sent(request, receipt, is_inquiry=True)
    return redirect("report_code")


def _without_draft(request: ReporterRequest) -> HttpResponse:
    if "sent" in request.reporter:
        return redirect("report_code")
    if request.method != "POST" and not request.reporter.has_lapsed:
        return redirect("inquiry_ask")
    return page(request, "inquiry/gone", {"received": submission.was_received(request.POST.get("token", ""))})


def _show_check(request: ReporterRequest, draft: Draft, *, changed: bool = False) -> HttpResponse:
    kind, category = (draft.get(name, "") for name in ("asked_kind", "asked_category"))
    accused = reference_data.accused_kind(str(kind))
    chosen = [accused.text("label") if accused else "", str(reference_data.category(str(category)) or "")]
    context = {
        "token": submission.form_token(draft, request.reporter.version),
        "asked": draft["asked"],
        "chosen": [words for words in chosen if words],
        "is_separate": submission.inquiry_holder(draft) == "separate",
        "passages": telling_of_answer(draft["asked"]),
        "changed": changed,
    }
    return page(request, "inquiry/check", context)


# --- What the code opens


def _of_inquiry(view: View) -> View:
    """Open a view to the ticket of an inquiry alone; what was typed without one is shown again, to be copied."""

    @wraps(view)
    def guarded(request: ReporterRequest) -> HttpResponse:
        ticket = request.reporter.get("ticket")
        if ticket is None:
            if request.method == "POST":
                return page(request, "status/closed", {"typed": {"text": request.POST.get("text", "")}})
            return redirect("status_enter")
        if not follow_up.Ticket.from_session(ticket).is_inquiry:
            return redirect("status_page")
        try:
            return view(request)
        except follow_up.UNREADABLE:
            return unreadable(request)
        except ObjectDoesNotExist:
            return gone(request)

    return guarded


def _ticket(request: ReporterRequest) -> follow_up.Ticket:
    return follow_up.Ticket.from_session(request.reporter["ticket"])


@_of_inquiry
def show(request: ReporterRequest) -> HttpResponse:
    """Show the answers and how it stands."""
    return _show(request)


def _show(request: ReporterRequest, form: ReporterForm | None = None, *, status: int = HTTPStatus.OK) -> HttpResponse:
    inquiry = follow_up.status_page(ticket=_ticket(request), today=timezone.localdate())
    notice = request.reporter.pop("notice") if "notice" in request.reporter else ""
    shown = form or MessageForm(initial=unsent_words.words_of(request, "page"))
    context = {
        "report": inquiry,
        "notice": notice,
        "version": unsent_words.version(request, "page"),
        "parts": shown.rendered(),
        "mistakes": form.mistakes() if form else [],
        "pagetoken": new_token(),
    }
    response = page(request, "inquiry/status", context, path=reverse("inquiry_page"))
    response.status_code = status
    return response


@require_POST
@_of_inquiry
def message(request: ReporterRequest) -> HttpResponse:
    """Ask on; an inquiry that was answered or closed waits for the office again."""
    form = MessageForm(leak_check.posted(request, "text"))
    if left := unsent_words.take(request, "page", reverse("inquiry_page"), form):
        return left
    if (act := request.POST.get("go", "")) in LEAVING and unsent_words.keep(request, "page", form):
        return leave_or_ask(request, act, "inquiry_page")
    if not form.is_valid() or leak_check.wants_change(request):
        return _show(request, form)
    if asked := unsent_words.waiting(request, "page", form, leak_check.ask(request, form, "text")):
        return asked
    words = form.cleaned_data["text"]
    try:
        today, token = timezone.localdate(), page_token(request)
        follow_up.add_message(ticket=_ticket(request), text=words, files=[], today=today, token=token)
    except TransitionRefused:
        return page(request, "status/closed", {"typed": {"text": words}, "withdrawn": True})
    except CaseChanged:
        form.add_error("text", str(NOT_SENT))
        return _show(request, form, status=HTTPStatus.CONFLICT)
    request.reporter["notice"] = "text"
    unsent_words.forget(request, "page", form)
    return redirect("inquiry_page")


@_of_inquiry
def withdraw(request: ReporterRequest) -> HttpResponse:
    """Ask for confirmation, then withdraw the inquiry."""
    words = unsent_words.words_of(request, "withdraw")
    form = WithdrawForm(request.POST if request.method == "POST" else None, initial=words)
    if form.is_bound and (left := unsent_words.take(request, "withdraw", request.path, form)):
        return left
    if form.is_valid():
        try:
            follow_up.withdraw(ticket=_ticket(request), reason=form.cleaned_data["reason"], today=timezone.localdate())
        except TransitionRefused:
            return redirect("inquiry_page")
        except CaseChanged:
            form.add_error("reason", str(NOT_SENT))
        else:
            return redirect("inquiry_page")
    context = {"parts": form.rendered(), "mistakes": form.mistakes()}
    context |= {"box": True, "version": unsent_words.version(request, "withdraw")}
    context["days"] = erasure_days.if_withdrawn(timezone.localdate())
    response = page(request, "inquiry/withdraw", context)
    response.status_code = HTTPStatus.CONFLICT if form.errors else HTTPStatus.OK
    return response


@_of_inquiry
def report(request: ReporterRequest) -> HttpResponse:
    """Offer to begin a report; by POST open its first page with what was chosen here, and close the inquiry's page.

    Nothing that is stored says that the report came after an inquiry.
    """
    words = unsent_words.words_of(request, "begin")
    form = BeginReportForm(request.POST if request.method == "POST" else None, initial=words, **choices_of_start(""))
    if form.is_bound and (left := unsent_words.take(request, "begin", request.path, form)):
        return left
    if not form.is_valid():
        context = {"parts": form.rendered(), "mistakes": form.mistakes()}
        context |= {"box": True, "version": unsent_words.version(request, "begin")}
        return page(request, "inquiry/report", context)
    draft = cast(Draft, {"done": [], **{name: value for name, value in form.answers().items() if value}})
    if door := door_of(draft, ""):
        draft["door"] = door
    request.reporter.clear()
    request.reporter["draft"] = draft
    request.reporter.cycle()
    return redirect("report_start")
