"""The page of the queue: its lines and filters, what a person keeps of it, and acts on several ticked cases."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from django.contrib import messages
from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import queue_bulk, queue_filters, queue_list, queue_risk
from complaints.admin.base import COUNT_AT_MOST, StaffRequest, or_more, render, staff_page
from complaints.admin.forms import SaveFilterForm
from complaints.admin.queue_filters import FilterValues, posted_filters
from complaints.admin.queue_list import redirect_to_queue
from complaints.domain.workflow import OPEN
from complaints.models.case import IS_JUNK, Case
from complaints.models.complaint import Complaint
from complaints.models.saved_filters import SavedFilter
from complaints.models.team import Staff, Team
from complaints.services import assignment, first_look, imports, saved_filters
from complaints.services.saved_filters import OpenedFilter

SEARCH_SESSION_KEY: Final = "queue_search"
DELETED_KEY: Final = "queue_deleted_filter"
CANNOT_BE_ASSIGNED: Final = gettext_lazy("This person cannot have it.")


class ResultList:
    """The cases of the page under the name that Django's change lists have for their rows."""

    def __init__(self, cases: list[Case]) -> None:
        self.result_list = cases


@staff_page("GET", opens_for=access.may_see_cases)
def queue(request: StaffRequest) -> HttpResponse:
    """Show one page of the queue."""
    person, keyring, now = request.user, request.keyring, timezone.now()
    values = queue_filters.filters_in(request.GET.dict())
    first_look.process_new_reports(actor=request.actor)
    leave_search(request.session)
    is_triage = access.is_triage(person)
    cases = queue_filters.narrow(access.cases_for(person), values, person=person, today=timezone.localdate())
    cases, risk = queue_risk.narrow_by_risk(cases, values, actor=request.actor) if is_triage else (cases, None)
    after, before = queue_list.cursors_of(request.GET.dict())
    order = queue_list.order_for(values, risk.by_case if risk else None)
    page = queue_list.page_of(cases, order, after=after, before=before)
    lines = queue_list.queue_lines(request, page.cases, now=now)
    columns, query = queue_list.columns_of(person), queue_filters.query_of(values)
    ticked = request.GET.get("tick") == "all"
    drawn = (queue_list.draw_line(line, columns, may_tick=is_triage, ticked=ticked) for line in lines)
    saved, is_counting = saved_filters.saved_filters(keyring=keyring), request.GET.get("count") == "saved"
    context = {
        "title": _("Queue"),
        "cl": ResultList([line.case for line in lines]),
        "lines": format_html_join("\n", "{}", ((row,) for row in drawn)),
        "columns": columns,
        "all_columns": queue_list.COLUMNS,
        "bar": list(queue_filters.filter_menus(values)),
        "risk": risk,
        "further": further_filters(request, values) if is_triage else None,
        "query": query,
        "keys_on": queue_list.keys_on(person),
        "in_words": queue_filters.filters_label(values),
        "page": page,
        "place": {"after": after, "before": before},
        "saved": _counted(request, saved) if is_counting else [(row, "") for row in saved],
        "is_counting": is_counting,
        "is_triage": is_triage,
        "deleted_filter": request.session.get(DELETED_KEY, {}).get("name", ""),
        "undoable": queue_bulk.undoable(request.session),
        "is_separate": keyring.report_team == Team.Kind.SEPARATE,
        "junk": _count_junk(person) if is_triage else "",
        "may_save": bool(query) and is_triage and keyring.unlocked,
        "opened_import": _opened_import(request, values) if queue_filters.IMPORT in values else None,
    }
    return render(request, "admin/queue.html", context)


def further_filters(request: StaffRequest, values: FilterValues) -> dict[str, object]:
    """Return the form of the filters that no menu lists: what each can be, what is chosen, what else is in force."""
    people = assignment.assignable(request.keyring.report_team)
    channels = [choice for choice in Complaint.Channel.choices if choice[0] != Complaint.Channel.INQUIRY]
    every = ("", queue_filters.ALL)
    lists = (
        ("person", _("Officer"), [every, *((str(person.pk), assignment.name_of(person)) for person in people)]),
        ("evidence", _("Evidence"), [every, *queue_filters.EVIDENCE.items()]),
        ("channel", _("Channel"), [every, *channels]),
        ("risk", _("Danger to the reporter"), queue_risk.risk_choices()),
        ("sort", _("Sorted"), [("", _("as usual")), *queue_filters.SORTS.items()]),
    )
    asked = {name for name, _title, _choices in lists} | {"since", "until", "urgent"}
    return {
        "lists": [(name, title, choices, values.get(name, "")) for name, title, choices in lists],
        "since": values.get("since", ""),
        "until": values.get("until", ""),
        "urgent": "urgent" in values,
        "kept": [(name, value) for name, value in values.items() if name not in asked],
        "number": len(asked & values.keys()),
    }


def _counted(request: StaffRequest, saved: Sequence[OpenedFilter]) -> list[tuple[OpenedFilter, str]]:
    """Return saved filters, each with how many cases it leaves today; counted because somebody asked."""
    counted = []
    for row in saved:
        values = queue_filters.filters_in(dict(parse_qsl(row.query)))
        visible = access.cases_for(request.user)
        cases = queue_filters.narrow(visible, values, person=request.user, today=timezone.localdate())
        cases, risk = queue_risk.narrow_by_risk(cases, values, actor=request.actor)
        number = cases.order_by().values("pk")[: COUNT_AT_MOST + 1].count()
        counted.append((row, "–" if risk and risk.is_too_long else or_more(number)))
    return counted


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
    deleted = next((row for row in saved_filters.saved_filters(keyring=request.keyring) if row.id == filter_id), None)
    try:
        saved_filters.delete_filter(actor=request.actor, filter_id=filter_id)
    except SavedFilter.DoesNotExist:
        raise Http404 from None
    if deleted and deleted.name:
        request.session[DELETED_KEY] = {"name": deleted.name, "query": deleted.query, "shared": deleted.is_shared}
    messages.success(request, _("Saved filter deleted."))
    return redirect_to_queue(posted_filters(request))


@staff_page("POST", opens_for=access.may_see_cases, acts_for=access.is_triage)
def restore_filter(request: StaffRequest) -> HttpResponseBase:
    """Save the filter again that was deleted last; the sealed session has kept its name."""
    deleted = request.session.pop(DELETED_KEY, None)
    if deleted is None:
        messages.error(request, _("There is nothing to undo any more."))
        return redirect_to_queue(posted_filters(request))
    try:
        saved_filters.save_filter(actor=request.actor, **deleted)
    except saved_filters.TooManyFilters:
        messages.error(request, _("There are too many saved filters. Delete one first."))
    else:
        messages.success(request, _("Filter saved."))
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
