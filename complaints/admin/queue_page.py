"""The page of the queue: its lines and filters, what a person keeps of it, and acts on several ticked cases."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from django.contrib import messages
from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin import queue_filters, queue_list, step_labels
from complaints.admin.base import COUNT_AT_MOST, StaffRequest, render, staff_page
from complaints.admin.forms import SaveFilterForm
from complaints.admin.queue_filters import FilterValues
from complaints.domain.workflow import OPEN
from complaints.models.case import IS_JUNK, Case
from complaints.models.saved_filters import SavedFilter
from complaints.models.team import Staff, Team
from complaints.services import assignment, case_actions, first_look, imports, saved_filters

SEARCH_SESSION_KEY: Final = "queue_search"
CANNOT_BE_ASSIGNED: Final = gettext_lazy("This person cannot have it.")


class ResultList:
    """The cases of the page under the name that Django's change lists have for their rows."""

    def __init__(self, cases: list[Case]) -> None:
        self.result_list = cases


def redirect_to_queue(values: FilterValues, cursors: Mapping[str, str] | None = None) -> HttpResponseRedirect:
    """Redirect to the list of these filters; to the page of it that ``cursors`` name under "after" or "before".

    Where ``cursors`` say that the "list" is that of a search, redirect there.
    """
    if (cursors or {}).get("list") == "search":
        return HttpResponseRedirect(reverse("admin:complaints_case_search"))
    query, order = queue_filters.query_of(values), queue_list.order_for(values.get("status", ""))
    name = "before" if (cursors or {}).get("before") else "after"
    cursor = (cursors or {}).get(name, "")
    if order.after(cursor) is not None:
        query = f"{query}&{name}={cursor}".removeprefix("&")
    return HttpResponseRedirect(reverse("admin:complaints_case_changelist") + f"?{query or queue_filters.NO_FILTERS}")


def posted_filters(request: HttpRequest) -> dict[str, str]:
    """Return the filters of the list that a form was sent from."""
    return queue_filters.filters_in(dict(parse_qsl(request.POST.get("back", ""))))


@staff_page("GET", opens_for=access.may_see_cases)
def queue(request: StaffRequest) -> HttpResponse:
    """Show one page of the queue."""
    person, keyring, now = request.user, request.keyring, timezone.now()
    values = queue_filters.filters_in(request.GET.dict())
    first_look.process_new_reports(actor=request.actor)
    leave_search(request.session)
    is_triage = access.is_triage(person)
    cases = queue_filters.narrow(access.cases_for(person), values, person=person, today=timezone.localdate())
    after, before = queue_list.cursors_of(request.GET.dict())
    order = queue_list.order_for(values.get("status", ""))
    page = queue_list.page_of(cases, order, after=after, before=before)
    lines = queue_list.queue_lines(request, page.cases, now=now)
    columns, query = queue_list.columns_of(person), queue_filters.query_of(values)
    ticked = request.GET.get("tick") == "all"
    drawn = (queue_list.draw_line(line, columns, may_tick=is_triage, ticked=ticked) for line in lines)
    context = {
        "title": _("Queue"),
        "cl": ResultList([line.case for line in lines]),
        "lines": format_html_join("\n", "{}", ((row,) for row in drawn)),
        "columns": columns,
        "all_columns": queue_list.COLUMNS,
        "bar": list(queue_filters.filter_menus(values)),
        "query": query,
        "keys_on": queue_list.keys_on(person),
        "in_words": queue_filters.filters_label(values),
        "page": page,
        "place": {"after": after, "before": before},
        "saved": saved_filters.saved_filters(keyring=keyring),
        "is_triage": is_triage,
        "is_separate": keyring.report_team == Team.Kind.SEPARATE,
        "junk": _count_junk(person) if is_triage else "",
        "may_save": bool(query) and is_triage and keyring.unlocked,
        "opened_import": _opened_import(request, values) if queue_filters.IMPORT in values else None,
    }
    return render(request, "admin/queue.html", context)


def _opened_import(request: StaffRequest, values: FilterValues) -> imports.Import | None:
    """Return the import that the list is narrowed to; None for somebody who sees none of it."""
    if not access.is_triage(request.user):
        return None
    try:
        return imports.open_import(actor=request.actor, key=uuid.UUID(values[queue_filters.IMPORT]))
    except Case.DoesNotExist:
        return None


def _count_junk(person: Staff) -> str:
    """Return how many open cases stand in the lane of likely junk, as shown; "" for none."""
    number = access.cases_for(person).filter(IS_JUNK, status__in=sorted(OPEN))[: COUNT_AT_MOST + 1].count()
    return f"{COUNT_AT_MOST}+" if number > COUNT_AT_MOST else str(number or "")


# --- Saved filters, columns, keys


@staff_page("POST", opens_for=access.may_see_cases, acts_for=access.is_triage)
def save_filter(request: StaffRequest) -> HttpResponseBase:
    """Save the filters of the list under a name, for the person or for all of triage."""
    values, form = posted_filters(request), SaveFilterForm(request.POST)
    if not values or not form.is_valid():
        messages.error(request, _("Choose a filter first, and give it a name of at most 60 characters."))
        return redirect_to_queue(values)
    try:
        saved_filters.save_filter(
            actor=request.actor,
            name=form.cleaned_data["name"],
            query=queue_filters.query_of(values),
            shared=form.cleaned_data["shared"],
        )
    except saved_filters.TooManyFilters:
        messages.error(request, _("There are too many saved filters. Delete one first."))
    else:
        messages.success(request, _("Filter saved."))
    return redirect_to_queue(values)


@staff_page("POST", opens_for=access.may_see_cases, acts_for=access.is_triage)
def delete_filter(request: StaffRequest, filter_id: uuid.UUID) -> HttpResponseBase:
    """Delete a saved filter."""
    try:
        saved_filters.delete_filter(actor=request.actor, filter_id=filter_id)
    except SavedFilter.DoesNotExist:
        raise Http404 from None
    messages.success(request, _("Saved filter deleted."))
    return redirect_to_queue(posted_filters(request))


@staff_page("POST", opens_for=access.may_see_cases, acts_for=access.is_triage)
def choose_columns(request: StaffRequest) -> HttpResponseBase:
    """Save the columns that were ticked; none stand for the default ones."""
    codes = queue_list.known_columns(request.POST.getlist("column"))
    _save_settings(request, codes, keys=queue_list.keys_on(request.user))
    return redirect_to_queue(posted_filters(request))


@staff_page("POST", opens_for=access.may_see_cases, acts_for=access.is_triage)
def switch_keys(request: StaffRequest) -> HttpResponseBase:
    """Let the queue listen to the keyboard, or not."""
    codes = queue_list.known_columns(request.user.queue_columns.split(","))
    _save_settings(request, codes, keys=request.POST.get("keys") != "off")
    return redirect_to_queue(posted_filters(request))


def _save_settings(request: StaffRequest, codes: list[str], *, keys: bool) -> None:
    saved_filters.choose_columns(person=request.user, codes=codes + ([] if keys else [queue_list.KEYS_OFF]))


# --- Search: its own list is admin.case_search


def leave_search(session: SessionBase) -> None:
    """End a search whose list the officer has left: counts and links elsewhere know nothing of it."""
    session.pop(SEARCH_SESSION_KEY, None)


# --- Acts on several ticked cases


@staff_page("POST", opens_for=access.may_see_cases, acts_for=access.is_triage)
def act_on_ticked(request: StaffRequest) -> HttpResponseBase:
    """Do what the button says for every ticked case; ask who is to have them where it is somebody else."""
    case_ids = _ticked_ids(request)
    values = posted_filters(request)
    if not case_ids:
        messages.error(request, _("Tick at least one case."))
        return redirect_to_queue(values, request.POST)
    match request.POST.get("do"):
        case "mine":
            outcome = case_actions.bulk_assign(actor=request.actor, case_ids=case_ids, assignee=request.user)
        case "start":
            outcome = case_actions.bulk_start_review(actor=request.actor, case_ids=case_ids)
        case "give":
            return _assign_ticked(request, case_ids, values)
        case _:
            raise Http404
    _report_outcome(request, outcome)
    return redirect_to_queue(values, request.POST)


def _assign_ticked(request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues) -> HttpResponseBase:
    """Ask who is to have the ticked cases; with an answer, assign them, "" standing for nobody."""
    colleagues, person_id = assignment.assignable(request.keyring.report_team), request.POST.get("person")
    if person_id is None:
        context = {
            "title": _("Give to a colleague"),
            "cases": access.cases_for(request.user).filter(pk__in=case_ids).order_by("reference"),
            "people": colleagues,
            "query": queue_filters.query_of(values),
            "place": {name: request.POST.get(name, "") for name in ("after", "before", "list")},
        }
        return render(request, "admin/queue_give.html", context)
    assignee = next((colleague for colleague in colleagues if str(colleague.pk) == person_id), None)
    if person_id and assignee is None:
        raise Http404
    outcome = case_actions.bulk_assign(actor=request.actor, case_ids=case_ids, assignee=assignee)
    _report_outcome(request, outcome)
    return redirect_to_queue(values, request.POST)


def _ticked_ids(request: HttpRequest) -> list[uuid.UUID]:
    case_ids = []
    for text in request.POST.getlist("case")[: case_actions.BULK_LIMIT]:
        try:
            case_ids.append(uuid.UUID(text))
        except ValueError:
            raise Http404 from None
    return case_ids


def _report_outcome(request: HttpRequest, outcome: case_actions.BulkResult) -> None:
    """Add messages that say how many cases it was done for, for which it was not, and why."""
    if done := len(outcome.done):
        messages.success(request, ngettext("Done for %(n)d case.", "Done for %(n)d cases.", done) % {"n": done})
    by_reason: dict[str, list[str]] = {}
    for reference, code in outcome.refused:
        by_reason.setdefault(str(step_labels.REFUSALS.get(code, CANNOT_BE_ASSIGNED)), []).append(reference)
    for why, references in by_reason.items():
        words = _("Not done for %(cases)s: %(why)s") % {"cases": ", ".join(references), "why": why}
        messages.error(request, words)
    if gone := outcome.unknown:
        text = ngettext("%(n)d case is not there any more.", "%(n)d cases are not there any more.", gone)
        messages.error(request, text % {"n": gone})
