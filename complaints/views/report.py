"""The four pages of a report, its ticket code, and the cancellation. A page stores its answers before validation.

The draft is kept in the reporter's sealed session. A page redirects once its answers are valid. The ticket code is
drawn once three pages are valid; it identifies the report, so that the check page submits it at most once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from complaints.forms.fields import ReporterForm
from complaints.forms.posts import PostForm
from complaints.forms.report import IdentityForm, StoryForm
from complaints.page_cache import empty_fields, hole, still_page
from complaints.reporter_session import stored_size
from complaints.services import bawaslu, parked_drafts, submission
from complaints.services.evidence import drafts, intake, limits
from complaints.services.submission import Draft
from complaints.views import (
    ReporterRequest,
    begin_new_cookie,
    has_room,
    keeping,
    leak_check,
    page,
    parking,
    posts,
    text_limit,
)
from complaints.views.answers import differing, sections
from complaints.views.api import keep_files, waiting_files
from complaints.views.bawaslu import box, filled_form
from complaints.views.public import cancel
from complaints.views.steps import START, STEPS, STORY, WHO, Step, door_elsewhere, door_of, missing_step
from complaints.views.ticket_code import keep_sent


def start(request: ReporterRequest, door: str = "") -> HttpResponse:
    """Page 1; ``door`` limits the categories to what was done to the reporter, or to what they witnessed."""
    return _take_answers(request, START, door) if request.method == "POST" else _show_step(request, START, door)


def who(request: ReporterRequest) -> HttpResponse:
    """Page 2: the accused, the place and the time."""
    return _take_answers(request, WHO) if request.method == "POST" else _show_step(request, WHO)


def story(request: ReporterRequest) -> HttpResponse:
    """Page 3: the account, files and links."""
    return _take_answers(request, STORY) if request.method == "POST" else _show_step(request, STORY)


def _show_step(
    request: ReporterRequest,
    step: Step,
    door: str = "",
    form: ReporterForm | None = None,
    post: PostForm | None = None,
    typed: Draft | None = None,
) -> HttpResponse:
    """Show a page; ``typed`` are the answers of ``form`` where another window has replaced those it was opened with."""
    draft: Draft = request.reporter.get("draft") or Draft()
    missing = missing_step(draft)
    if form is None and missing and STEPS.index(missing) < STEPS.index(step):
        return page(request, "report/ended") if request.reporter.has_lapsed else redirect(missing.url)
    door = door or draft.get("door", "")
    state = {
        "drafted": bool(draft),
        "renewed": draft.get("renewed"),
        "sent": "sent" in request.reporter,
        "bawaslu": box(draft) if step is WHO and draft else "",
        "enter": "stay" if step is STORY else "",
    }
    waiting = waiting_files(request) if step is STORY else {}
    has_files = any(waiting.get(name) for name in ("files", "partial", "refused"))
    parked = parking.notice(draft)
    if not (form or has_files or step.known(draft) or draft.get("posts") or draft.get("post") or parked):
        return _show_empty_step(request, step, door, state)
    more: dict[str, Any] = {"version": submission.page_version(step.kept(draft)), "parked": parked}
    if form and typed is not None:
        more |= {"newer": differing(form, draft, typed), "again": step.url, "before": step.before}
    if step is STORY:
        shown = draft if typed is None else draft | {"post": typed.get("post", {})}
        more |= posts.shown(shown, waiting["files"], post)
    parts = form.rendered() if form else step.fields(door, draft)
    mistakes = (form.mistakes() if form else []) + (post.mistakes() if post else [])
    path = request.path if typed is None else reverse(step.url)
    return page(request, step.template, {"parts": parts, "mistakes": mistakes, **waiting, **state, **more}, path=path)


def _show_empty_step(request: ReporterRequest, step: Step, door: str, state: dict[str, Any]) -> HttpResponse:
    holes = {"bawaslu": state["bawaslu"]}
    still = state | {"bawaslu": hole("bawaslu") if state["bawaslu"] else ""}

    def context() -> dict[str, Any]:
        more = posts.shown({}) if step is STORY else {}
        return {"parts": step.fields(door, {}), **still, **more}

    return still_page(request, step.template, context, (door, *still.values()), holes)


def _store(request: ReporterRequest, step: Step | None, form: ReporterForm) -> Draft:
    """Store the answers in the draft, valid or not; a page counts as done only if valid. None is the check page."""
    stored = request.reporter.get("draft")
    if stored is None:
        begin_new_cookie(request)
    limit = _limit(step, stored or Draft())
    draft = cast(Draft, form.taken_into({"done": []} if stored is None else stored, limit))
    if step:
        draft["windows"] = keeping.windows_after(
            draft.get("windows", {}), step.name, keeping.version_and_window(request)[1]
        )
        draft["done"] = [name for name in draft["done"] if name != step.name]
        if form.is_valid() and not door_elsewhere(draft):
            draft["done"].append(step.name)
        if step is not START and stored is None:
            draft["renewed"] = True
        elif step is START and form.is_valid():
            draft.pop("renewed", None)
    request.reporter["draft"] = draft
    _keep_files(request, step)
    return draft


def _limit(step: Step | None, stored: Draft) -> Callable[[int, int], int]:
    """Return the limit of a draft; on the check page a report that lies there is never kept from being sent."""
    of_draft = text_limit(stored)
    if step:
        return of_draft
    report = {name: value for name, value in stored.items() if name not in IdentityForm.base_fields}
    least = stored_size(report) + limits.NAME_BYTES
    return lambda size, present: least if size <= least else max(least, of_draft(size, present))


def _keep_files(request: ReporterRequest, step: Step | None) -> None:
    if step is STORY and request.FILES:
        keep_files(request)


def _posted(request: ReporterRequest, step: Step, draft: Draft) -> QueryDict:
    """Return the posted answers; of a body that was not read to its end, the missing ones as the draft has them."""
    answers: QueryDict = request.POST
    if not intake.ended_early(request):
        return answers
    answers = answers.copy()
    for name, value in step.known(draft).items():
        answers.setdefault(name, value)
    return answers


def _typed(request: ReporterRequest, step: Step, draft: Draft, form: ReporterForm) -> Draft:
    typed = cast(Draft, form.answers() if form.is_valid() else form.typed())
    if step is STORY:
        typed["post"] = draft.get("post", {}) if intake.ended_early(request) else posts.typed(request, draft)
    return typed


def _is_older(request: ReporterRequest, step: Step, draft: Draft, typed: Draft) -> bool:
    """Whether other answers are kept than the window has, than it showed, and than it kept itself."""
    kept, (seen, window) = submission.page_version(step.kept(draft)), keeping.version_and_window(request)
    if not kept or kept in {seen, submission.page_version(step.kept(typed))}:
        return False
    return not window or draft.get("windows", {}).get(step.name) != window


def _save(request: ReporterRequest, step: Step, form: ReporterForm, door: str) -> HttpResponse:
    """Keep what the script of a page sends. Nothing of an ended report comes back, and no sent or open one ends."""
    stored: Draft | None = request.reporter.get("draft")
    is_new = step is START and not request.reporter.exists and not keeping.version_and_window(request)[0]
    if stored is None and not is_new:
        return keeping.answer_script(kept=False)
    typed = _typed(request, step, stored or Draft(), form)
    if stored is not None and _is_older(request, step, stored, typed):
        return keeping.answer_script(kept=False, is_older=True)
    draft = _store(request, step, form)
    draft["door"] = door_of(draft, door)
    is_kept = not form.too_much
    if step is STORY:
        with_post = cast(Draft, {**draft, "post": typed["post"]})
        if is_kept := is_kept and has_room(with_post, stored or Draft()):
            draft["post"] = typed["post"]
    return keeping.answer_script(kept=is_kept)


def _keep_newer(
    request: ReporterRequest, step: Step, form: ReporterForm, after: str, door: str = ""
) -> HttpResponse | None:
    """Answer a window that would replace answers which it never showed; None where it replaces none.

    What was typed in it goes back to it beside what is kept, and only its files are stored: "Continue" on that page
    replaces the answers knowingly, no other button does. Where nothing was typed in it, those kept stay, and it goes
    to the page ``after``.
    """
    draft: Draft = request.reporter.get("draft") or Draft()
    typed = _typed(request, step, draft, form)
    if not _is_older(request, step, draft, typed):
        return None
    if submission.page_version(step.kept(typed)) == keeping.version_and_window(request)[0] and not request.FILES:
        return redirect(after)
    _keep_files(request, step)
    form.judge_only("evidence")
    return _show_step(request, step, door, form, typed=typed)


def _take_answers(request: ReporterRequest, step: Step, door: str = "") -> HttpResponse:
    draft: Draft = request.reporter.get("draft") or Draft()
    if (answer := _take_removal(request, step, draft)) is not None:
        return answer
    form = step.make(door or draft.get("door", ""), _posted(request, step, draft), request.FILES)
    go = request.POST.get("go")
    if go == keeping.KEEP:
        return _save(request, step, form, door)
    out = step.before if go == "back" else keeping.way_out(go, request.path)
    if out and not _is_worth_keeping(request, form):
        return redirect(out)
    if (answer := _keep_newer(request, step, form, out or (step.url if go else step.after), door)) is not None:
        return answer
    draft = _store(request, step, form)
    draft["door"] = door_of(draft, door)
    post = posts.take(request, draft) if step is STORY else None
    if out and not form.too_much:
        return redirect(out)
    return _go_on(request, step, form, post, door)


def _take_removal(request: ReporterRequest, step: Step, draft: Draft) -> HttpResponse | None:
    """Answer a button that removes something, by its name alone: a browser of text knows no address of a button."""
    if request.POST.get("go") == keeping.DELETE:
        return cancel(request)
    if step is STORY and {"file", "post"} & request.POST.keys():
        return _remove_on_story(request, draft) if draft else redirect("report_start")
    return None


def _is_worth_keeping(request: ReporterRequest, form: ReporterForm) -> bool:
    """Whether who leaves has a report already, or typed something; a code that is shown and an open report stay."""
    return "draft" in request.reporter or (not request.reporter.exists and any(form.typed().values()))


def _go_on(request: ReporterRequest, step: Step, form: ReporterForm, post: PostForm | None, door: str) -> HttpResponse:
    """Lead to the next page that is not answered, or show this one with what is wrong."""
    draft: Draft = request.reporter["draft"]
    go = "" if form.too_much else request.POST.get("go")
    if go in {"stay", "post", "park"}:
        form.judge_only("evidence")
        # A post whose description is not finished waits as it was typed.
        is_kept = go == "park" and "post" in draft
        if not (form.errors or (post and not is_kept)):
            return parking.park(request, step.url) if go == "park" else redirect(step.url)
    if form.errors or post:
        return _show_step(request, step, door, form, post)
    if step is START and (other := door_elsewhere(draft)):
        return redirect("door_elsewhere", other)
    missing = missing_step(draft)
    if missing is None:
        # Drawn here, where the session is written anyway, so that showing the check page writes nothing.
        submission.start_code(draft)
        return leak_check.next_page(draft)
    return redirect(missing.url if STEPS.index(missing) < STEPS.index(step) else step.after)


def check(request: ReporterRequest) -> HttpResponse:
    """Page 4: all answers, the files, the reporter's name; the code is shown after sending."""
    draft = request.reporter.get("draft")
    if request.POST.get("go") == keeping.DELETE:
        return cancel(request)
    if draft is not None:
        return _take_check(request, draft) if request.method == "POST" else _review(request, draft)
    if "sent" in request.reporter:
        return redirect("report_code")
    if request.method != "POST":
        return page(request, "report/ended") if request.reporter.has_lapsed else redirect("report_start")
    received = submission.was_received(request.POST.get("token", ""))
    return page(request, "report/received" if received else "report/gone")


def _review(
    request: ReporterRequest, draft: Draft, form: ReporterForm | None = None, *, changed: bool = False
) -> HttpResponse:
    missing = missing_step(draft)
    if missing:
        return redirect(missing.url)
    if not draft.get("code"):
        submission.start_code(draft)
        request.reporter["draft"] = draft
    waiting = waiting_files(request)
    has_files = any(waiting[name] for name in ("files", "partial", "refused"))
    answers = render_to_string("complaints/report/answers.html", {"sections": sections(draft)})
    pieces = {
        "token": submission.form_token(draft, request.reporter.version),
        "answers": answers,
        "team": _team_words(draft),
        "bawaslu": box(draft),
    }
    parked = parking.notice(draft)
    is_named = draft.get("identity") == IdentityForm.CONFIDENTIAL
    if form is None and not (is_named or has_files or changed or parked):
        return _still_review(request, pieces)
    names = ("identity", "name", "contact")
    fields = form or _identity_form(initial={name: value for name in names if (value := draft.get(name))})
    context: dict[str, object] = {
        "parts": fields.rendered(),
        "recipient": submission.name_recipient(timezone.localdate()),
        "mistakes": form.mistakes() if form else [],
        "changed": changed,
        "parked": parked,
    }
    if form and changed:
        # Who has not chosen yet is anonymous, as the page shows it.
        kept = cast(Draft, {"identity": IdentityForm.ANONYMOUS, **draft})
        context |= {"newer": differing(form, kept, cast(Draft, form.typed())), "again": "report_check"}
        # Beside a newer name only "Send" bears the new token: every other button would replace that name unasked.
        context["shown_token"] = request.POST.get("token", "") if context["newer"] else ""
    return page(request, "report/check", {**context, **waiting, **pieces}, path=reverse("report_check"))


def _team_words(draft: Draft) -> str:
    """Say which team the report will be sealed to; rendered for this response, as no cache may know the reason."""
    destination = submission.destination(draft)
    return render_to_string("complaints/report/team.html", {"destination": destination})


def _identity_form(data: QueryDict | None = None, initial: dict[str, object] | None = None) -> IdentityForm:
    recipient = submission.name_recipient(timezone.localdate())
    return IdentityForm(data, body=recipient.pk if recipient else "", initial=initial)


def _still_review(request: ReporterRequest, pieces: dict[str, str]) -> HttpResponse:
    recipient = submission.name_recipient(timezone.localdate())
    bawaslu = hole("bawaslu") if pieces["bawaslu"] else ""

    def context() -> dict[str, Any]:
        parts = empty_fields(_identity_form, ("identity", recipient is None))
        holes = {"token": hole("form"), "answers": hole("answers"), "team": hole("team")}
        return {"parts": parts, "recipient": recipient, "bawaslu": bawaslu, **holes}

    holes = {"form": pieces["token"], **{name: pieces[name] for name in ("answers", "team", "bawaslu")}}
    return still_page(request, "report/check", context, (bawaslu, recipient.pk if recipient else ""), holes)


def _is_outdated(request: ReporterRequest, draft: Draft) -> bool:
    """Whether the check page that was posted shows another draft, or an older state of this one."""
    token = request.POST.get("token", "")
    current = submission.form_token(draft, request.reporter.version) if draft.get("code") else ""
    return bool(token) and token != current


def _take_check(request: ReporterRequest, draft: Draft) -> HttpResponse:
    """Do what the pressed button of page 4 names; only the one without a name sends the report."""
    if "file" in request.POST:
        return _remove_on_check(request, draft)
    return filled_form(draft) if request.POST.get("go") == "form" else _send(request, draft)


def _send(request: ReporterRequest, draft: Draft) -> HttpResponse:
    token = request.POST.get("token", "")
    form = _identity_form(request.POST)
    if _is_outdated(request, draft):
        # Another window sent this report, changed it or began another one; only what the page showed may be sent.
        if submission.was_received(token):
            return page(request, "report/received")
        if request.POST.get("go") == keeping.KEEP:
            return keeping.answer_script(kept=False, is_older=True)
        return _review(request, draft, form, changed=True)
    draft = _store(request, None, form)
    if (answer := _keep_only(request, draft, form)) is not None:
        return answer
    if form.errors or missing_step(draft):
        return _review(request, draft, form)
    files = drafts.draft_files(session=request.reporter)
    receipt = parked_drafts.send(session=request.reporter, draft=draft, files=files, today=timezone.localdate())
    window = bawaslu.window(draft, timezone.localdate())
    keep_sent(request, receipt, bawaslu=window, to_bawaslu=bawaslu.judges_alone(draft, timezone.localdate()))
    # Partial files, which the check page listed as not included.
    drafts.discard_draft(session=request.reporter)
    return redirect("report_code")


def _keep_only(request: ReporterRequest, draft: Draft, form: IdentityForm) -> HttpResponse | None:
    """Answer whoever keeps the name on the check page without sending, or typed too much; None for all others."""
    go, token = request.POST.get("go"), request.POST.get("token", "")
    if go == keeping.KEEP:
        version = request.reporter.version
        return keeping.answer_script(kept=not form.too_much, token=submission.form_token(draft, version))
    if form.too_much:
        return _review(request, draft, form)
    if go == "park":
        return parking.park(request, "report_check")
    target = next((step.url for step in STEPS if step.name == request.POST.get("change")), "")
    target = target or (STORY.url if go == "back" else keeping.way_out(go, request.path))
    return redirect(target or "report_check") if target or go == "stay" or not token else None


def _remove_file(request: ReporterRequest) -> None:
    drafts.discard_draft_file(session=request.reporter, file_id=request.POST["file"])


def _remove_on_check(request: ReporterRequest, draft: Draft) -> HttpResponse:
    """Delete a draft file from page 4 and store the name; nothing is sent."""
    _remove_file(request)
    form = _identity_form(request.POST)
    if _is_outdated(request, draft):
        return _review(request, draft, form, changed=True)
    draft = _store(request, None, form)
    return _review(request, draft, form) if form.too_much else redirect("report_check")


def _remove_on_story(request: ReporterRequest, draft: Draft) -> HttpResponse:
    """Delete a draft file or a described post from page 3, and store the other answers of that page."""
    if "file" in request.POST:
        _remove_file(request)
    elif draft.get("posts"):
        draft["posts"] = [post for post in draft["posts"] if post["id"] != request.POST["post"]]
        request.reporter["draft"] = draft
    form = StoryForm(_posted(request, STORY, draft), request.FILES)
    if (answer := _keep_newer(request, STORY, form, STORY.url)) is not None:
        return answer
    posts.take(request, _store(request, STORY, form))
    return redirect("report_story")
