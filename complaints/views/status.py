"""Coming back by the ticket code: where the report stands, answering, adding, withdrawing, leaving.

The code arrives by POST only and is kept nowhere; an open ticket in the sealed session stands for it. These
pages never show what the reporter sent, so that a found code betrays little.
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
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from complaints.domain.workflow import TransitionRefused
from complaints.forms.fields import ReporterForm
from complaints.forms.posts import MorePostForm
from complaints.forms.status import CodeForm, MessageForm, MoreEvidenceForm, WithdrawForm
from complaints.page_cache import empty_fields, hole, still_page
from complaints.services import follow_up
from complaints.services.evidence import drafts, posts
from complaints.services.transitions import CaseChanged
from complaints.views import ReporterRequest, page, uploads
from complaints.views.api import waiting_files

logger = logging.getLogger(__name__)

NOT_SENT = gettext_lazy(
    "Not sent yet: an officer is changing this report at this moment. What you wrote is still here. "
    "Wait a minute, then send it again."
)
CHOOSE_AGAIN = gettext_lazy("Choose the screenshots again as well.")


def _or_calmly(view: Callable[[ReporterRequest], HttpResponse]) -> Callable[[ReporterRequest], HttpResponse]:
    """Answer with a page of its own where a row was forged or damaged: nothing of it is shown, typed words return."""

    @wraps(view)
    def answer(request: ReporterRequest) -> HttpResponse:
        try:
            return view(request)
        except follow_up.UNREADABLE:
            logger.error("A report was not shown to its reporter: a row or a key of it is not the true one")
        response = page(
            request, "status/unreadable", {"typed": request.POST.get("text", "")}, path=reverse("status_page")
        )
        response.status_code = 503
        return response

    return answer


def enter(request: ReporterRequest) -> HttpResponse:
    """Ask for the code; an unknown and a malformed one get the same answer after the same work."""
    form = CodeForm(request.POST) if request.method == "POST" else None
    if form and form.is_valid():
        ticket = follow_up.open_ticket(form.cleaned_data["code"])
        if ticket:
            drafts.discard_draft(session=request.reporter)
            request.reporter.clear()
            request.reporter["ticket"] = ticket.to_session()
            request.reporter.cycle()
            return redirect("status_page")
        form.add_error("code", _("We do not know that code. Check its letters again."))
    drafted = "draft" in request.reporter
    if form is None:
        empty = {"drafted": drafted}
        return still_page(
            request, "status/enter", lambda: {"parts": empty_fields(CodeForm, ("code",)), **empty}, (drafted,)
        )
    context = {"parts": form.rendered(), "mistakes": form.mistakes(), "drafted": drafted}
    return page(request, "status/enter", context)


@_or_calmly
def show(request: ReporterRequest) -> HttpResponse:
    """Show the report behind the open ticket."""
    return _show(request)


def _show(
    request: ReporterRequest,
    text: ReporterForm | None = None,
    proof: ReporterForm | None = None,
    post: ReporterForm | None = None,
) -> HttpResponse:
    ticket = request.reporter.get("ticket")
    if ticket is None:
        return redirect("status_enter")
    try:
        report = follow_up.status_page(ticket=follow_up.Ticket.from_session(ticket), today=timezone.localdate())
    except ObjectDoesNotExist:
        return _gone(request)
    said = request.reporter.pop("said") if "said" in request.reporter else ""
    own = {"told": render_to_string("complaints/status/told.html", {"report": report, "said": said})}
    if report.thread:
        own["thread"] = render_to_string("complaints/status/thread.html", {"report": report})
    waiting = waiting_files(request)
    if not (text or proof or post or waiting["files"] or waiting["partial"]):
        return _still(request, report, own)
    context: dict[str, Any] = {"report": report, **_forms(text, proof, post), **waiting, **own}
    return page(request, "status/page", context, path=reverse("status_page"))


def _forms(
    text: ReporterForm | None = None, proof: ReporterForm | None = None, post: ReporterForm | None = None
) -> dict[str, Any]:
    failed = text or proof or post
    return {
        "text_parts": text.rendered() if text else empty_fields(MessageForm, ("text",)),
        "file_parts": proof.rendered() if proof else empty_fields(MoreEvidenceForm, ("more",)),
        "post_parts": post.rendered() if post else empty_fields(_post_form, ("more-post",)),
        "post_open": post is not None,
        "mistakes": failed.mistakes() if failed else [],
    }


def _still(request: ReporterRequest, report: follow_up.StatusPage, own: Mapping[str, str]) -> HttpResponse:
    """Answer from memory with all but what is told of this report: its forms, and how much came and was opened."""
    facts = {
        "may_answer": report.may_answer,
        "may_withdraw": report.may_withdraw,
        "question": bool(report.question),
        "thread": bool(report.thread),
        "opened_count": report.opened_count,
        "own_messages": report.own_messages,
        "own_files": report.own_files,
    }

    def context() -> dict[str, Any]:
        return {"report": facts, **_forms(), **waiting_files(request), **{name: hole(name) for name in own}}

    return still_page(request, "status/page", context, tuple(facts.values()), own)


def _gone(request: ReporterRequest) -> HttpResponse:
    request.reporter.end()
    return redirect("status_enter")


def _add(request: ReporterRequest, said: str, form: ReporterForm, **added: Any) -> HttpResponse:
    """Send what was added; ``said`` names the kind, for the words above the next page and for the form that failed."""
    ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
    try:
        follow_up.add_message(ticket=ticket, today=timezone.localdate(), **added)
    except TransitionRefused:
        return page(request, "status/closed", {"typed": added, "withdrawn": True}, path=reverse("status_page"))
    except CaseChanged:
        lost_files = said == "post" and added["files"]
        _not_sent(form, CHOOSE_AGAIN if lost_files else "")
        response = _show(request, **{{"text": "text", "files": "proof", "post": "post"}[said]: form})
        response.status_code = HTTPStatus.CONFLICT
        return response
    request.reporter["said"] = said
    return redirect("status_page")


@require_POST
@_or_calmly
def message(request: ReporterRequest) -> HttpResponse:
    """Take an answer or an addition."""
    form = MessageForm(request.POST)
    if "ticket" not in request.reporter:
        return _closed(request, form)
    if not form.is_valid():
        return _show(request, text=form)
    return _add(request, "text", form, text=form.cleaned_data["text"], files=[])


@require_POST
@_or_calmly
def files(request: ReporterRequest) -> HttpResponse:
    """Take more evidence, with the files that wait; good files are kept even where another was refused.

    Files that tell of their origin wait once more, so that the reporter can take them out.
    """
    if "ticket" not in request.reporter:
        return redirect("status_enter")
    form = MoreEvidenceForm(request.POST, request.FILES)
    came = [upload for upload in uploads(request) if not upload.refused]
    drafts.keep_uploads(session=request.reporter, uploads=came, today=timezone.localdate())
    waiting = waiting_files(request)["files"]
    form.fields["evidence"].required = not waiting
    if came and any(file.betrays for file in waiting):
        # What came with this very form is told of before it is sent; the next press sends it.
        request.reporter["said"] = "look"
        return redirect("status_page") if form.is_valid() else _show(request, proof=form)
    if form.is_valid():
        return _add(request, "files", form, text="", files=waiting)
    if waiting:
        response = _add(request, "files", form, text="", files=waiting)
        if response.status_code == HTTPStatus.CONFLICT:
            return response
    return _show(request, proof=form)


@require_POST
def file_remove(request: ReporterRequest) -> HttpResponse:
    """Drop one file that waits to be sent; others that came with the same form are kept waiting."""
    if "ticket" not in request.reporter:
        return redirect("status_enter")
    drafts.keep_uploads(session=request.reporter, uploads=uploads(request), today=timezone.localdate())
    drafts.discard_draft_file(session=request.reporter, file_id=request.POST.get("file", ""))
    return redirect("status_page")


def _post_form(*typed: Any) -> MorePostForm:
    # The page has another file input; ids of its own keep their labels apart.
    return MorePostForm(*typed, today=timezone.localdate(), auto_id="id_post_%s")


@require_POST
@_or_calmly
def post(request: ReporterRequest) -> HttpResponse:
    """Take a post on social media, with the files that show it."""
    if "ticket" not in request.reporter:
        return redirect("status_enter")
    form = _post_form(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, post=form)
    shots = uploads(request)
    described = posts.describe(form.answers() | {"screenshot": shots[0].id if shots else ""})
    return _add(request, "post", form, text="", files=shots, posts=[described])


def _not_sent(form: ReporterForm, more: object = "") -> None:
    """Let a form say, beside its first field, that the case changed at every attempt; what was typed stays in it."""
    form.add_error(next(iter(form.fields)), f"{NOT_SENT} {more}".strip())


def _closed(request: ReporterRequest, form: ReporterForm) -> HttpResponse:
    """Say that the ticket closed meanwhile, and give the words back."""
    return page(request, "status/closed", {"typed": form.typed()}, path=reverse("status_page"))


@_or_calmly
def withdraw(request: ReporterRequest) -> HttpResponse:
    """Ask once more, then take the report back where the workflow still allows it."""
    ticket = request.reporter.get("ticket")
    if ticket is None:
        return redirect("status_enter")
    try:
        possible = follow_up.may_withdraw(ticket=follow_up.Ticket.from_session(ticket))
    except ObjectDoesNotExist:
        return _gone(request)
    if not possible:
        request.reporter["said"] = "too_late"
        return redirect("status_page")
    form = WithdrawForm(request.POST) if request.method == "POST" else None
    if form and form.is_valid():
        try:
            follow_up.withdraw(
                ticket=follow_up.Ticket.from_session(ticket),
                reason=form.cleaned_data["reason"],
                today=timezone.localdate(),
            )
        except TransitionRefused:
            request.reporter["said"] = "too_late"
        except CaseChanged:
            _not_sent(form)
            return _ask_withdrawal(request, form, status=HTTPStatus.CONFLICT)
        return redirect("status_page")
    return _ask_withdrawal(request, form)


def _ask_withdrawal(request: ReporterRequest, form: WithdrawForm | None, *, status: int = 200) -> HttpResponse:
    context = {
        "parts": form.rendered() if form else empty_fields(WithdrawForm, ("withdraw",)),
        "mistakes": form.mistakes() if form else [],
    }
    response = page(request, "status/withdraw", context)
    response.status_code = status
    return response


@require_POST
def leave(request: ReporterRequest) -> HttpResponse:
    """Close the ticket here and now, and drop the files that still wait."""
    drafts.discard_draft(session=request.reporter)
    request.reporter.end()
    return redirect("home")
