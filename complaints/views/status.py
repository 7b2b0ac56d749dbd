"""The status pages, opened by the ticket code: status, messages, further evidence, withdrawal, leaving.

The code arrives by POST only and is not stored; the sealed session keeps an open ticket instead. These pages never show
what the reporter sent, so that a code which others find discloses little.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
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
from complaints.services import (
    erasure_days,
    follow_up,
    own_name,
    parked_drafts,
    report_questions,
    reporter_reading,
    retaliation,
)
from complaints.services.evidence import drafts, posts
from complaints.services.reporter_acts import new_token
from complaints.services.reporter_identity import Name
from complaints.services.reporter_page import StatusPage
from complaints.services.transitions import CaseChanged
from complaints.views import ReporterRequest, leak_check, page, parking, unsent_words, uploads
from complaints.views.api import keep_files, waiting_files
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
    return _show(request)


def _show(
    request: ReporterRequest,
    text: ReporterForm | None = None,
    proof: ReporterForm | None = None,
    post: ReporterForm | None = None,
    own: ReporterForm | None = None,
) -> HttpResponse:
    ticket = request.reporter.get("ticket")
    if ticket is None:
        return redirect("status_enter")
    report = follow_up.status_page(ticket=follow_up.Ticket.from_session(ticket), today=timezone.localdate())
    notice = request.reporter.pop("notice") if "notice" in request.reporter else ""
    top: dict[str, object] = {"report": report, "notice": notice}
    if report.late:
        top["ombudsman"] = retaliation.legal_lines()["ombudsman"]
    pieces: dict[str, str] = {
        "summary": render_to_string("complaints/status/summary.html", top),
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
    if not (text or proof or post or own or kept or request.reporter.keeps_files):
        return _still(request, report, pieces)
    waiting = waiting_files(request)
    shown = {"report": report, "asker": report.name.asker, "chosen": request.POST.get("to", "")}
    forms = _forms(text, proof, post, own, is_answer=bool(report.askers)) | _unsent_forms(request, text, post, report)
    context: dict[str, Any] = {**shown, **forms, **waiting, "version": unsent_words.version(request, "page"), **pieces}
    return page(request, "status/page", context, path=reverse("status_page"))


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
        forms |= {"post_parts": _post_form(initial=words).rendered(), "post_open": True}
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
    own: ReporterForm | None = None,
    *,
    is_answer: bool = False,
) -> dict[str, Any]:
    failed = text or proof or post or own
    written = _answer_form if is_answer else MessageForm
    if text and is_answer:
        _word_as_answer(text)
    return {
        "text_parts": text.rendered() if text else empty_fields(written, ("text", is_answer)),
        "file_parts": proof.rendered() if proof else empty_fields(MoreEvidenceForm, ("more",)),
        "post_parts": post.rendered() if post else empty_fields(_post_form, ("more-post",)),
        "post_open": post is not None,
        "name_parts": own.rendered() if own else empty_fields(NameForm, ("own-name",)),
        "name_open": own is not None,
        "mistakes": failed.mistakes() if failed else [],
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
        "asker": report.name.asker,
    }

    def context() -> dict[str, Any]:
        shown = {"report": facts, "asker": report.name.asker}
        forms = _forms(is_answer=bool(report.askers))
        return {**shown, **forms, **waiting_files(request), **{name: hole(name) for name in pieces}}

    return still_page(request, "status/page", context, tuple(facts.values()), pieces)


def _or_more(number: int, most: int) -> str:
    return str(number) if number <= most else f"{most}+"


def gone(request: ReporterRequest) -> HttpResponse:
    """Close the ticket of a report that is no longer here; of one that was erased, say on which day."""
    kept = request.reporter.get("ticket")
    day = follow_up.erased_on(ticket=follow_up.Ticket.from_session(kept)) if kept else None
    request.reporter.end()
    if day is None:
        return redirect("status_enter")
    context = {"day": day, "gone_by": erasure_days.gone_by(day)}
    return page(request, "status/erased", context, path=reverse("status_enter"))


def _add(request: ReporterRequest, notice: str, form: ReporterForm, **content: Any) -> HttpResponse:
    """Send what was added; ``notice`` names the kind: for the words above the next page, and for a form that failed."""
    ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
    token = page_token(request)
    try:
        is_new = follow_up.add_message(ticket=ticket, today=timezone.localdate(), token=token, **content)
    except TransitionRefused:
        return page(request, "status/closed", {"typed": content, "withdrawn": True}, path=reverse("status_page"))
    except report_questions.ChooseQuestion:
        form.add_error("text", _("Not sent yet: choose which question you answer."))
        return _show(request, text=form)
    except CaseChanged:
        _not_sent(form)
        response = _show(request, **{{"text": "text", "files": "proof", "post": "post"}[notice]: form})
        response.status_code = HTTPStatus.CONFLICT
        return response
    if not is_new:
        for file in content["files"]:
            drafts.discard_draft_file(session=request.reporter, file_id=str(file.id))
    request.reporter["notice"] = notice
    unsent_words.forget(request, "page", form)
    if token:
        request.reporter["act"] = token
    return redirect("status_page")


def _ended(request: ReporterRequest, form: ReporterForm | None = None, *, files: bool = False) -> HttpResponse:
    """Say that the ticket was closed meanwhile, with what was typed to copy it, and that ``files`` are to be chosen."""
    typed = [str(value) for name, value in form.typed().items() if value and name != "recipient"] if form else []
    context = {"typed": {"text": "\n".join(typed)}, "files": files}
    return page(request, "status/closed", context, path=reverse("status_page"))


def without_ticket(request: ReporterRequest, name: str) -> HttpResponse:
    """Ask for the code, after a POST with what was typed in the field ``name`` to copy it."""
    if request.method != "POST":
        return redirect("status_enter")
    typed = {"typed": {"text": request.POST.get(name, "")}}
    return page(request, "status/closed", typed, path=reverse("status_page"))


def page_token(request: ReporterRequest) -> str:
    """Return the token of the page that was sent, "" for none; a page that is sent twice adds its words once."""
    return request.POST.get("page", "")[:TOKEN_CHARS]


@require_POST
@handle_unreadable
def message(request: ReporterRequest) -> HttpResponse:
    """Add an answer to a question of triage, or further information."""
    form = MessageForm(leak_check.posted(request, "text"))
    if "ticket" not in request.reporter:
        return _ended(request, form)
    if left := unsent_words.take(request, "page", reverse("status_page"), form, _post_form(request.POST)):
        return left
    if not form.is_valid() or leak_check.wants_change(request):
        return _show(request, text=form)
    telling = leak_check.ask(request, form, "text", reader=reader_of_answer)
    if asked := unsent_words.waiting(request, "page", form, telling):
        return asked
    answers = {"text": form.cleaned_data["text"], "circle": form.cleaned_data["circle"]}
    return _add(request, "text", form, **answers, files=[], to=request.POST.get("to", ""))


def reader_of_answer(request: ReporterRequest) -> str:
    """Return the body whose question is answered; "" where it is the office, or the report is here no more."""
    with suppress(ObjectDoesNotExist):
        ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
        report = follow_up.status_page(ticket=ticket, today=timezone.localdate())
        return dict(report.askers).get(request.POST.get("to", ""), "")
    return ""


@require_POST
@handle_unreadable
def files(request: ReporterRequest) -> HttpResponse:
    """Add the posted files and the draft files as evidence; accepted files are added even where another is refused.

    Posted files that may identify the reporter, by metadata, text or name, become draft files first, so that the
    reporter can remove them; so do those that are passed on as they are.
    """
    if "ticket" not in request.reporter:
        return _ended(request, files=True)
    form = MoreEvidenceForm(request.POST, request.FILES)
    accepted = [upload for upload in uploads(request) if not upload.refused]
    keep_files(request)
    listed = waiting_files(request)["listed"]
    waiting = [file for file, _told in listed]
    if not waiting and not request.FILES and page_token(request) == request.reporter.get("act", "?"):
        # The same page was sent before, and took the files along.
        request.reporter["notice"] = "files"
        return redirect("status_page")
    form.fields["evidence"].required = not waiting
    if accepted and any(told.is_warning for _file, told in listed):
        # The page lists what is told of the posted files; the next submission sends them.
        request.reporter["notice"] = "look"
        return redirect("status_page") if form.is_valid() else _show(request, proof=form)
    if form.is_valid():
        return _add(request, "files", form, text="", files=waiting)
    if waiting:
        response = _add(request, "files", form, text="", files=waiting)
        if response.status_code == HTTPStatus.CONFLICT:
            return response
    return _show(request, proof=form)


@require_POST
@handle_unreadable
def name(request: ReporterRequest) -> HttpResponse:
    """Give a name to the body that the page named, or take it back; the page says afterwards what holds."""
    form = NameForm(request.POST)
    if "ticket" not in request.reporter:
        return _ended(request, form)
    gives = request.POST.get("do") != "take"
    if gives and not form.is_valid():
        return _show(request, own=form)
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
        response = _show(request, own=form)
        response.status_code = HTTPStatus.CONFLICT
        return response
    # One notice for both acts: what holds is said in its own section.
    request.reporter["notice"] = "name"
    return redirect("status_page")


@require_POST
def file_remove(request: ReporterRequest) -> HttpResponse:
    """Delete a draft file; files that were posted with the same form become draft files."""
    if "ticket" not in request.reporter:
        return _ended(request, files=True)
    keep_files(request)
    drafts.discard_draft_file(session=request.reporter, file_id=request.POST.get("file", ""))
    return redirect("status_page")


def _post_form(*data: Any, initial: dict[str, object] | None = None) -> MorePostForm:
    # The page has another file input, so the ids need a prefix.
    return MorePostForm(*data, today=latest_day(timezone.now()), auto_id="id_post_%s", initial=initial)


@require_POST
@handle_unreadable
def post(request: ReporterRequest) -> HttpResponse:
    """Add a social media post, with screenshots, of which the reporter reads first what is told, as of other files."""
    form = _post_form(leak_check.posted(request, "account"), request.FILES)
    if "ticket" not in request.reporter:
        return _ended(request, form, files=bool(request.FILES))
    if not form.is_valid():
        return _show(request, post=form)
    chosen = uploads(request)
    keep_files(request)
    # Screenshots that wait are of the post whose page was shown; of one that was given up, another takes none.
    of_post = str(form.cleaned_data["url"] or form.cleaned_data["account"])
    waiting = request.reporter.get("screenshots") or {"post": of_post, "files": []}
    earlier = waiting["files"] if waiting["post"] == of_post else []
    held = [*earlier, *(str(upload.id) for upload in chosen)]
    listed = [(file, told) for file, told in waiting_files(request)["listed"] if file.id in held] if held else []
    if held:
        request.reporter["screenshots"] = {"post": of_post, "files": held}
    if chosen and any(told.is_warning for _file, told in listed):
        request.reporter["notice"] = "look_post"
        return _show(request, post=form)
    if leak_check.wants_change(request):
        return _show(request, post=form)
    if asked := unsent_words.waiting(request, "page", form, leak_check.ask(request, form, "account")):
        return asked
    screenshots = [file for file, _told in listed]
    described = posts.describe(form.answers() | {"screenshot": screenshots[0].id if screenshots else ""})
    response = _add(request, "post", form, text="", files=screenshots, posts=[described])
    if held and response.status_code != HTTPStatus.CONFLICT:
        request.reporter.pop("screenshots")
    return response


def _not_sent(form: ReporterForm) -> None:
    """Let a form say, beside its first field, that the case changed at every attempt; what was typed stays in it."""
    form.add_error(next(iter(form.fields)), str(NOT_SENT))


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
        _not_sent(form)
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
