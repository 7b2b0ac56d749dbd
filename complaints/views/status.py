"""The status pages, opened by the ticket code: status, the reporter's name, withdrawal, leaving.

The code arrives by POST only and is not stored; the sealed session keeps an open ticket instead. These pages never show
what the reporter sent, so that a code which others find discloses little.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from complaints.domain.workflow import TransitionRefused
from complaints.forms.fields import ReporterForm, latest_day
from complaints.forms.posts import MorePostForm
from complaints.forms.status import CodeForm, MessageForm, MoreEvidenceForm, NameForm, WithdrawForm
from complaints.page_cache import empty_fields, hole, still_page
from complaints.services import erasure_days, follow_up, own_name, parked_drafts, reporter_reading, retaliation
from complaints.services.evidence import drafts
from complaints.services.follow_up import new_token
from complaints.services.reporter_identity import Name
from complaints.services.reporter_page import StatusPage
from complaints.services.transitions import CaseChanged
from complaints.views import ReporterRequest, leak_check, page, parking, unsent_words
from complaints.views.api import waiting_files
from complaints.views.leaving import end_session

logger = logging.getLogger(__name__)

NOT_SENT = gettext_lazy(
    "Not sent yet: an officer is changing this report at this moment. What you wrote is still here. "
    "Wait a minute, then send it again."
)

OTHER_BODY = gettext_lazy("Not given: now another body could read your name. Read below which one, then decide again.")
ANSWER = gettext_lazy("Your answer")
# What is said of a name takes up this much of a page, whatever it says.
STATE_BYTES = 1024
TOKEN_CHARS = 16


def handle_unreadable(view: Callable[[ReporterRequest], HttpResponse]) -> Callable[[ReporterRequest], HttpResponse]:
    """Answer 503 where a row was forged or damaged; of an erased report say so, also below a page that was open.

    The ticket of an inquiry leads to pages of its own.
    """

    @wraps(view)
    def guarded(request: ReporterRequest) -> HttpResponse:
        if (request.reporter.get("ticket") or {}).get("kind") == "inquiry":
            return redirect("inquiry_page")
        try:
            return view(request)
        except follow_up.UNREADABLE:
            return unreadable(request)
        except ObjectDoesNotExist:
            return gone(request)

    return guarded


def unreadable(request: ReporterRequest) -> HttpResponse:
    """Say that nothing of it can be shown; the page shows the posted text and nothing of the row."""
    logger.error("A report was not shown to its reporter: a row or a key of it is not the true one")
    typed = {"typed": request.POST.get("text", "")}
    response = page(request, "status/unreadable", typed, path=reverse("status_page"))
    response.status_code = 503
    return response


def enter(request: ReporterRequest) -> HttpResponse:
    """Ask for the code; what is wrong with its spelling is said before anything is looked up."""
    form = CodeForm(request.POST) if request.method == "POST" else None
    if form and form.is_valid():
        ticket, secret = parked_drafts.look_up(form.cleaned_data["code"])
        if ticket:
            parked_drafts.leave(session=request.reporter)
            request.reporter.clear()
            request.reporter["ticket"] = ticket.to_session()
            request.reporter.cycle()
            return redirect("inquiry_page" if ticket.is_inquiry else "status_page")
        if resumed := parking.resume(request, form.cleaned_data["code"], secret):
            return resumed
        form.add_error("code", _("No report has this code, sent or still kept. Compare all of it with your note."))
    kept = {"drafted": parked_drafts.ends_here(request.reporter), "just_sent": "sent" in request.reporter}
    if form is None:
        return still_page(
            request,
            "status/enter",
            lambda: {"parts": empty_fields(CodeForm, ("code",)), **kept},
            tuple(kept.values()),
        )
    return page(request, "status/enter", {"parts": form.rendered(), "mistakes": form.mistakes(), **kept})


@handle_unreadable
def show(request: ReporterRequest) -> HttpResponse:
    return show_page(request)


def show_page(
    request: ReporterRequest,
    text: ReporterForm | None = None,
    proof: ReporterForm | None = None,
    post: ReporterForm | None = None,
) -> HttpResponse:
    """Show the report; of the three forms those that were posted, with their errors."""
    ticket = request.reporter.get("ticket")
    if ticket is None:
        return redirect("status_enter")
    report = follow_up.status_page(ticket=follow_up.Ticket.from_session(ticket), today=timezone.localdate())
    pieces: dict[str, str] = {
        "summary": render_to_string("complaints/status/summary.html", _top(request, report)),
        "history": render_to_string("complaints/status/history.html", {"report": report}),
        "state": _padded(render_to_string("complaints/status/name_state.html", {"own": report.name})),
    }
    if report.name.requests:
        pieces["asked"] = render_to_string("complaints/status/name_asked.html", {"own": report.name})
    if report.askers:
        pieces["question"] = render_to_string("complaints/status/question.html", {"report": report})
    if report.thread:
        pieces["thread"] = render_to_string("complaints/status/thread.html", {"report": report})
    pieces["pagetoken"] = new_token()
    kept = unsent_words.UNSENT in request.reporter
    if not (text or proof or post or kept or request.reporter.keeps_files):
        return _still(request, report, pieces)
    waiting = waiting_files(request)
    shown = {"report": report, "chosen": request.POST.get("to", ""), "enter": "stay"}
    forms = _forms(text, proof, post, is_answer=bool(report.askers)) | _unsent_forms(request, text, post, report)
    context: dict[str, Any] = {**shown, **forms, **waiting, "version": unsent_words.version(request, "page"), **pieces}
    return page(request, "status/page", context, path=reverse("status_page"))


def _top(request: ReporterRequest, report: StatusPage) -> dict[str, object]:
    notice = request.reporter.pop("notice") if "notice" in request.reporter else ""
    waits = notice == "text" and bool(drafts.draft_files(session=request.reporter))
    ombudsman = retaliation.legal_lines()["ombudsman"] if report.late else None
    return {"report": report, "notice": notice, "waits": waits, "ombudsman": ombudsman}


def _unsent_forms(
    request: ReporterRequest, text: ReporterForm | None, post: ReporterForm | None, report: StatusPage
) -> dict[str, object]:
    """Return the forms of words that are kept and that no posted form replaces."""
    forms: dict[str, object] = {}
    if not (words := unsent_words.words_of(request, "page")):
        return forms
    if text is None:
        form = MessageForm(initial=words)
        forms["text_parts"] = (_word_as_answer(form) if report.askers else form).rendered()
    if post is None and MorePostForm.base_fields.keys() & words.keys():
        forms |= {"post_parts": post_form(initial=words).rendered(), "post_open": True}
    return forms


def _answer_form() -> ReporterForm:
    return _word_as_answer(MessageForm())


def _word_as_answer(form: ReporterForm) -> ReporterForm:
    """Return a form of a message as it stands below a question: both fit onto the first screen of a phone."""
    # Of the bound field: a form that was validated has made it already.
    form["text"].label = str(ANSWER)
    form.fields["text"].widget.attrs["rows"] = 4
    return form


def _padded(state: SafeString) -> SafeString:
    """Return what is said of a name with spaces behind it: the length of the page tells nothing of it."""
    return state + SafeString(" " * (STATE_BYTES - len(state.encode())))


def _forms(
    text: ReporterForm | None = None,
    proof: ReporterForm | None = None,
    post: ReporterForm | None = None,
    *,
    is_answer: bool = False,
) -> dict[str, Any]:
    failed = [form for form in (text, proof, post) if form]
    written = _answer_form if is_answer else MessageForm
    if text and is_answer:
        _word_as_answer(text)
    return {
        "text_parts": text.rendered() if text else empty_fields(written, ("text", is_answer)),
        "file_parts": proof.rendered() if proof else empty_fields(MoreEvidenceForm, ("more",)),
        "post_parts": post.rendered() if post else empty_fields(post_form, ("more-post",)),
        "post_open": post is not None,
        "mistakes": [mistake for form in failed for mistake in form.mistakes()],
    }


def _still(request: ReporterRequest, report: StatusPage, pieces: Mapping[str, str]) -> HttpResponse:
    """Answer from the page cache; only the status and the messages are rendered for this report."""
    facts = {
        "may_answer": report.may_answer,
        "may_withdraw": report.may_withdraw,
        "under_check": report.under_check,
        "is_ended": report.is_ended,
        "askers": tuple(report.askers),
        "thread": bool(report.thread),
        "opened_count": report.opened_count,
        "own_messages": _or_more(report.own_messages, reporter_reading.OWN_MESSAGES),
        "own_files": report.own_files,
        "asked": bool(report.name.requests),
    }

    def context() -> dict[str, Any]:
        shown = {"report": facts, "enter": "stay"}
        forms = _forms(is_answer=bool(report.askers))
        return {**shown, **forms, **waiting_files(request), **{name: hole(name) for name in pieces}}

    return still_page(request, "status/page", context, tuple(facts.values()), pieces)


def _or_more(number: int, most: int) -> str:
    return str(number) if number <= most else f"{most}+"


def gone(request: ReporterRequest) -> HttpResponse:
    """Close the ticket of a report that is no longer here; of one that was erased, say on which day."""
    kept = request.reporter.get("ticket")
    try:
        day = follow_up.erased_on(ticket=follow_up.Ticket.from_session(kept)) if kept else None
    except follow_up.UNREADABLE:
        return unreadable(request)
    request.reporter.end()
    if day is None:
        return redirect("status_enter")
    context = {"day": day, "gone_by": erasure_days.gone_by(day)}
    return page(request, "status/erased", context, path=reverse("status_enter"))


def post_form(*data: Any, initial: dict[str, object] | None = None) -> MorePostForm:
    """Return the form of a post of the status page; it stands in one form with others, so its ids have a prefix."""
    return MorePostForm(*data, today=latest_day(timezone.now()), auto_id="id_post_%s", initial=initial)


def without_ticket(request: ReporterRequest, name: str) -> HttpResponse:
    """Ask for the code, after a POST with what was typed in the field ``name`` to copy it."""
    if request.method != "POST":
        return redirect("status_enter")
    typed = {"typed": {"text": request.POST.get(name, "")}}
    return page(request, "status/closed", typed, path=reverse("status_page"))


def page_token(request: ReporterRequest) -> str:
    """Return the token of the page that was sent, "" for none; a page that is sent twice adds its words once."""
    return request.POST.get("page", "")[:TOKEN_CHARS]


def add_not_sent(form: ReporterForm) -> None:
    """Let a form say, beside its first field, that the case changed at every attempt; what was typed stays in it."""
    form.add_error(next(iter(form.fields)), str(NOT_SENT))


# --- The reporter's name


@handle_unreadable
def name(request: ReporterRequest) -> HttpResponse:
    """Ask for a name for the body that the page names; by POST give it or take it back.

    The status page says afterwards what holds.
    """
    if "ticket" not in request.reporter:
        return without_ticket(request, "name")
    if request.method != "POST":
        return _ask_name(request)
    form = NameForm(request.POST)
    gives = request.POST.get("do") != "take"
    if gives and not form.is_valid():
        return _ask_name(request, form)
    ticket, today = follow_up.Ticket.from_session(request.reporter["ticket"]), timezone.localdate()
    try:
        if gives:
            given = Name(form.cleaned_data["name"], form.cleaned_data["contact"])
            own_name.give(ticket=ticket, name=given, body=form.cleaned_data["recipient"], today=today)
        else:
            own_name.take_back(ticket=ticket, today=today)
    except TransitionRefused:
        return page(request, "status/closed", {"typed": {}, "withdrawn": True}, path=reverse("status_page"))
    except (CaseChanged, own_name.NotGiven) as refused:
        form.add_error("name", str(NOT_SENT if isinstance(refused, CaseChanged) else OTHER_BODY))
        return _ask_name(request, form, status=HTTPStatus.CONFLICT)
    # One notice for both acts: what holds is said in its own section.
    request.reporter["notice"] = "name"
    return redirect("status_page")


def _ask_name(request: ReporterRequest, form: NameForm | None = None, *, status: int = HTTPStatus.OK) -> HttpResponse:
    ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
    try:
        report = follow_up.status_page(ticket=ticket, today=timezone.localdate())
    except ObjectDoesNotExist:
        return gone(request)
    if not report.may_answer:
        return redirect("status_page")
    parts = form.rendered() if form else empty_fields(NameForm, ("own-name",))
    mistakes = form.mistakes() if form else []
    context = {"parts": parts, "mistakes": mistakes, "reference": report.reference, "asker": report.name.asker}
    response = page(request, "status/own_name", context)
    response.status_code = status
    return response


# --- Withdrawing, leaving


@handle_unreadable
def withdraw(request: ReporterRequest) -> HttpResponse:
    """Ask for confirmation, then withdraw the report where the workflow still allows it."""
    ticket = request.reporter.get("ticket")
    if ticket is None:
        return without_ticket(request, "reason")
    if not follow_up.may_withdraw(ticket=follow_up.Ticket.from_session(ticket)):
        return _not_withdrawn(request)
    form = WithdrawForm(leak_check.posted(request, "reason")) if request.method == "POST" else None
    if form and (left := unsent_words.take(request, "withdraw", request.path, form)):
        return left
    if form and form.is_valid() and not leak_check.wants_change(request):
        telling = leak_check.ask(request, form, "reason")
        return unsent_words.waiting(request, "withdraw", form, telling) or _withdraw(request, form)
    return _ask_withdrawal(request, form)


def _withdraw(request: ReporterRequest, form: WithdrawForm) -> HttpResponse:
    ticket, reason = follow_up.Ticket.from_session(request.reporter["ticket"]), form.cleaned_data["reason"]
    try:
        follow_up.withdraw(ticket=ticket, reason=reason, today=timezone.localdate())
    except TransitionRefused:
        return _not_withdrawn(request)
    except CaseChanged:
        add_not_sent(form)
        return _ask_withdrawal(request, form, status=HTTPStatus.CONFLICT)
    unsent_words.forget(request, "withdraw", form)
    return redirect("status_page")


def _not_withdrawn(request: ReporterRequest) -> HttpResponse:
    """Say why a report is not withdrawn now: it was withdrawn before, or it has gone on."""
    ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
    request.reporter["notice"] = "withdrawn" if follow_up.was_withdrawn(ticket=ticket) else "too_late"
    return redirect("status_page")


def _ask_withdrawal(request: ReporterRequest, form: WithdrawForm | None, *, status: int = 200) -> HttpResponse:
    shown = form or WithdrawForm(initial=unsent_words.words_of(request, "withdraw"))
    context = {
        "parts": shown.rendered(),
        "mistakes": form.mistakes() if form else [],
        "box": True,
        "version": unsent_words.version(request, "withdraw"),
        "days": erasure_days.if_withdrawn(timezone.localdate()),
    }
    response = page(request, "status/withdraw", context)
    response.status_code = status
    return response


@require_POST
def leave(request: ReporterRequest) -> HttpResponse:
    """Close the ticket in this browser and delete the draft files; a parked draft stays with its code."""
    return end_session(request, redirect("home"))
