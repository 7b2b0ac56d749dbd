"""What a reporter adds to an open report: a message, files, a post. One form, whose button says what of it is sent.

All else of the form is kept: words in the session that the code has opened, chosen files as files that wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from complaints.domain.workflow import TransitionRefused
from complaints.forms.fields import ReporterForm
from complaints.forms.status import MessageForm, MoreEvidenceForm
from complaints.services import follow_up, report_questions
from complaints.services.evidence import drafts, posts
from complaints.services.transitions import CaseChanged
from complaints.views import ReporterRequest, after_the_end, leak_check, page, unsent_words, uploads
from complaints.views.api import keep_files, waiting_files
from complaints.views.leaving import end_session
from complaints.views.status import add_not_sent, handle_unreadable, page_token, post_form, show_page

# What the buttons of the form send as "go", beside those that lead away; the message has none.
MESSAGE, FILES, POST, LEAVE, DROP = "", "files", "post", "leave", "drop"
LEAVING: Final = frozenset({LEAVE, DROP})
Forms = Mapping[str, ReporterForm]


@require_POST
@handle_unreadable
def add(request: ReporterRequest) -> HttpResponse:
    """Send what the pressed button names, once nothing else of the form can be lost by it."""
    written = MessageForm(leak_check.posted(request, "text"))
    described = post_form(leak_check.posted(request, "account"), request.FILES)
    if "ticket" not in request.reporter:
        return _ended(request, written, described)
    keep_files(request)
    if "file" in request.POST:
        return _remove_file(request, written, described)
    if left := unsent_words.take(request, "page", reverse("status_page"), written, described):
        return left
    # The page of telling places sends on which button it was.
    act = request.POST.get("button") or request.POST.get("go", MESSAGE)
    rest = {name: form for name, form in ((MESSAGE, written), (POST, described)) if name != act}
    is_kept = unsent_words.keep(request, "page", written, described)
    if not is_kept and unsent_words.has_more(request, "page", *rest.values()):
        return _rest_not_kept(request, written, described, rest)
    if "rating" in request.POST:
        return after_the_end.rate(request)
    if act in LEAVING:
        return leave_or_ask(request, act, "status_page")
    if act == MESSAGE:
        return _message(request, written)
    return _ACTS.get(act, _stay)(request, described)


def _rest_not_kept(
    request: ReporterRequest, written: ReporterForm, described: ReporterForm, rest: Forms
) -> HttpResponse:
    """Show all that was typed, and which words another window kept; a second press replaces those."""
    for form in (written, described):
        form.errors.clear()
    unsent_words.say_not_kept(request, "page", next(iter(rest.values())))
    return show_page(request, text=written, post=described)


def _ended(request: ReporterRequest, *forms: ReporterForm) -> HttpResponse:
    """Say that the ticket was closed meanwhile, with what was typed to copy it, and that files are to be chosen."""
    typed = [str(value) for form in forms for value in form.typed().values() if value]
    context = {"typed": {"text": "\n".join(typed)}, "files": bool(request.FILES)}
    return page(request, "status/closed", context, path=reverse("status_page"))


def _send(request: ReporterRequest, notice: str, form: ReporterForm, **content: Any) -> HttpResponse:
    """Send what was added; ``notice`` names the kind: for the words above the next page, and for a form that failed."""
    ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
    token = page_token(request)
    try:
        is_new = follow_up.add_message(ticket=ticket, today=timezone.localdate(), token=token, **content)
    except TransitionRefused:
        return page(request, "status/closed", {"typed": content, "withdrawn": True}, path=reverse("status_page"))
    except report_questions.ChooseQuestion:
        form.add_error("text", _("Not sent yet: choose which question you answer."))
        return show_page(request, text=form)
    except CaseChanged:
        add_not_sent(form)
        response = show_page(request, **{{"text": "text", "files": "proof", "post": "post"}[notice]: form})
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


def _message(request: ReporterRequest, form: ReporterForm) -> HttpResponse:
    """Add an answer to a question, or further information."""
    if not form.is_valid() or leak_check.wants_change(request):
        return show_page(request, text=form)
    telling = leak_check.ask(request, form, "text", reader=reader_of_answer)
    if asked := unsent_words.waiting(request, "page", form, telling):
        return asked
    answers = {"text": form.cleaned_data["text"], "circle": form.cleaned_data["circle"]}
    return _send(request, "text", form, **answers, files=[], to=request.POST.get("to", ""))


def reader_of_answer(request: ReporterRequest) -> str:
    """Return the body whose question is answered; "" where it is the office, or the report is here no more."""
    with suppress(ObjectDoesNotExist):
        ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
        report = follow_up.status_page(ticket=ticket, today=timezone.localdate())
        return dict(report.askers).get(request.POST.get("to", ""), "")
    return ""


def _files(request: ReporterRequest, _described: ReporterForm) -> HttpResponse:
    """Add the files that wait as evidence; accepted files are added even where another is refused.

    Chosen files that may identify the reporter, by metadata, text or name, are shown first, so that the reporter can
    remove them; so are those that are passed on as they are.
    """
    form = MoreEvidenceForm(request.POST, request.FILES)
    accepted = [upload for upload in uploads(request) if not upload.refused]
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
        return redirect("status_page") if form.is_valid() else show_page(request, proof=form)
    if form.is_valid():
        return _send(request, "files", form, text="", files=waiting)
    if waiting:
        response = _send(request, "files", form, text="", files=waiting)
        if response.status_code == HTTPStatus.CONFLICT:
            return response
    return show_page(request, proof=form)


def _post(request: ReporterRequest, form: ReporterForm) -> HttpResponse:
    """Add a social media post, with screenshots, of which the reporter reads first what is told, as of other files."""
    if not form.is_valid():
        return show_page(request, post=form)
    chosen = uploads(request, "screenshots")
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
        return show_page(request, post=form)
    if leak_check.wants_change(request):
        return show_page(request, post=form)
    if asked := unsent_words.waiting(request, "page", form, leak_check.ask(request, form, "account")):
        return asked
    screenshots = [file for file, _told in listed]
    answers = posts.describe(form.answers() | {"screenshot": screenshots[0].id if screenshots else ""})
    response = _send(request, "post", form, text="", files=screenshots, posts=[answers])
    if held and response.status_code != HTTPStatus.CONFLICT:
        request.reporter.pop("screenshots")
    return response


def _stay(request: ReporterRequest, _described: ReporterForm) -> HttpResponse:
    """Show the page again: "Enter" in a line of it sends nothing."""
    return redirect("status_page")


def leave_or_ask(request: ReporterRequest, act: str, path: str) -> HttpResponse:
    """Close the ticket; where something is unsent, ask on the page ``path`` first, unless ``act`` says to delete it."""
    if act != DROP and (unsent_words.UNSENT in request.reporter or drafts.draft_files(session=request.reporter)):
        request.reporter["notice"] = "unsent"
        return redirect(path)
    return end_session(request, redirect("home"))


_ACTS: Final[Mapping[str, Callable[[ReporterRequest, ReporterForm], HttpResponse]]] = {
    FILES: _files,
    POST: _post,
}


def _remove_file(request: ReporterRequest, written: ReporterForm, described: ReporterForm) -> HttpResponse:
    """Delete a draft file; what else was typed and chosen is kept."""
    drafts.discard_draft_file(session=request.reporter, file_id=request.POST["file"])
    if unsent_words.keep(request, "page", written, described):
        return redirect("status_page")
    return _rest_not_kept(request, written, described, {MESSAGE: written})
