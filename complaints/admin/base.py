"""What all screens of the staff share: who may open a page, how it is rendered, the base of forms, plain change lists.

Who may open what is decided by :mod:`complaints.access` alone: Django's own permission table, its log of edits, its
history pages and its deletions are not used. A page that a person may not see does not exist for them: 404, never 403
and never a redirect that would tell.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Field, Model, QuerySet
from django.forms import Field as FormField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import content_disposition_header
from django.utils.translation import get_language

from complaints import access
from complaints.admin.labels import Label
from complaints.admin.site import site
from complaints.domain.errors import SealError
from complaints.domain.forbidden_questions import ForbiddenQuestionPut
from complaints.fast_sql import CappedCount
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import first_look, forbidden_questions, staff_drafts
from complaints.services.keyring import Actor, Keyring, Locked
from complaints.services.team_key_history import UnpinnedKey

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    RowPaginator = Paginator[Any]
else:
    ModelAdmin, RowPaginator = admin.ModelAdmin, Paginator

View = Callable[..., HttpResponseBase]
Response = TypeVar("Response", bound=HttpResponseBase)
# Counting a million rows to print a number nobody needs would cost more than the page.
COUNT_AT_MOST: Final = 1000
# A file of strangers: should a browser take it for a page, nothing in it runs and no page frames it.
FILE_POLICY: Final = "sandbox; default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
CSRF_FIELD: Final = "csrfmiddlewaretoken"
# What does not open, and the code of the sentence that the obstacle page says about it.
OBSTACLES: Final[dict[type[Exception], str]] = {
    Locked: "locked",
    UnpinnedKey: "unpinned",
    SealError: "altered",
    ForbiddenQuestionPut: "asks",
}


class StaffRequest(HttpRequest):
    """A request of a signed-in member of staff, with the key ring that the middleware gives it."""

    user: Staff
    keyring: Keyring
    actor: Actor


def staff_request(request: HttpRequest) -> StaffRequest:
    """Return the request as what the site's permission check has made sure it is."""
    return cast(StaffRequest, request)


def is_staff(person: Staff) -> bool:
    """Return True: the rule of pages that exist for every active member of staff."""
    return True


def staff_page(
    *methods: str, opens_for: Callable[[Staff], bool], acts_for: Callable[[Staff], bool] | None = None
) -> Callable[[View], View]:
    """Make a view a page of the staff site: it wants a signed-in person, for whom it exists, and a known method.

    A person whose own data changed is compared with all reports before they are shown anything. A PermissionDenied
    becomes a 404, as does a case, report or release that is gone, and what does not open (OBSTACLES) a page of status
    409 that says why; 400 for a text that a service did not send because it puts what nobody may ask.

    Args:
        methods: the methods allowed, "GET" and "POST"; a HEAD counts as a GET.
        opens_for: the rule of :mod:`complaints.access` that says for whom the page exists; 404 for others.
        acts_for: the rule for a POST where it is narrower; 404 for others.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            person = request.user
            is_changed = person.must_recheck or person.must_recheck_separate
            if is_changed and access.is_triage(person) and access.must_be_compared(person):
                first_look.process_new_reports(actor=request.actor)
            rule = acts_for if acts_for and request.method == "POST" else opens_for
            if not rule(person):
                raise Http404
            # A HEAD is checked for no CSRF token: it may stand for a GET, never for an act.
            if ("GET" if request.method == "HEAD" else request.method) not in methods:
                return HttpResponseNotAllowed(methods)
            try:
                response = view(request, *args, **kwargs)
                _settle_draft(request, response)
                return response
            except (PermissionDenied, Case.DoesNotExist, Complaint.DoesNotExist, Release.DoesNotExist):
                raise Http404 from None
            except tuple(OBSTACLES) as error:
                return _show_obstacle(request, error)

        return cast(View, site.admin_view(guarded))

    return decorate


# Fields that come with a form and hold no words of the person.
_NO_TEXTS: Final = frozenset({CSRF_FIELD, "draft", "do", "seen", "newest", "standard"})


def _settle_draft(request: StaffRequest, response: HttpResponseBase) -> None:
    """Drop the draft of a form that was taken, which then leads elsewhere; keep that of one that is shown again."""
    match = re.fullmatch(r"([0-9a-f-]{36}) ([a-z0-9_-]{1,80})", request.POST.get("draft", ""))
    if not match or not request.keyring.unlocked:
        return
    place = staff_drafts.Place(uuid.UUID(match[1]), match[2], staff_drafts.holder_of(uuid.UUID(match[1])))
    if response.status_code == HTTPStatus.FOUND:
        staff_drafts.forget(keyring=request.keyring, name=place.name, now=request.actor.now)
        return
    # One word alone is a choice or a number, and typed again in a moment.
    typed = {name: str(values[-1]) for name, values in request.POST.lists() if name not in _NO_TEXTS}
    texts = {name: text for name, text in typed.items() if len(text.split()) > 1}
    if texts:
        with suppress(staff_drafts.DraftRefused):
            staff_drafts.keep(keyring=request.keyring, place=place, texts=texts, base=0, now=request.actor.now)


def _show_obstacle(request: StaffRequest, error: Exception) -> TemplateResponse:
    hits = error.hits if isinstance(error, ForbiddenQuestionPut) else ()
    asked = [(hit.words, hit.question.text("reason", get_language() or "id")) for hit in hits]
    context = {"title": "", "obstacle": OBSTACLES[type(error)], "asked": asked, "posted": _posted(request)}
    return render(request, "admin/obstacle.html", context, status=400 if hits else 409)


def _posted(request: StaffRequest) -> list[tuple[str, str, bool]]:
    """Return what a form sent as (name, value, whether it puts what nobody may ask); [] where none of it does."""
    fields = [(name, value) for name, values in request.POST.lists() for value in values if name != CSRF_FIELD]
    posted = [(name, value, bool(forbidden_questions.find(value))) for name, value in fields]
    return posted if any(asks for _name, _value, asks in posted) else []


def render(
    request: StaffRequest,
    template: str,
    context: Mapping[str, object],
    *,
    model: type[Model] = Case,
    status: int = 200,
) -> TemplateResponse:
    """Answer with a page of the staff site; ``model`` is the one whose list the page belongs to."""
    # Django reverses "admin:" names for the site that serves the request.
    request.current_app = site.name
    shared = {**site.each_context(request), "opts": model._meta, "today": timezone.localdate()}
    return TemplateResponse(request, template, {**shared, **context}, status=status)


def as_attachment(response: Response, name: str) -> Response:
    """Let a response leave as a file of this name, which no browser runs or keeps."""
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["Content-Security-Policy"] = FILE_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def case_or_404(request: HttpRequest, case_id: uuid.UUID) -> Case:
    """Return a case with the reference data of its clear columns; Http404 where it does not exist for the person."""
    parents = ("category", "accused_kind", "province", "lead_body", "assignee")
    return get_object_or_404(access.cases_for(request.user).select_related(*parents), pk=case_id)


def readable_case_or_404(request: HttpRequest, case_id: uuid.UUID) -> Case:
    """Return a case whose reports the person may open; Http404 for others."""
    case = case_or_404(request, case_id)
    # Conflicts, practice and linked cases are left out of the cases above already.
    if not access.is_triage(request.user):
        raise Http404
    return case


# --- The case page, whose reports are read in pages


def reports_page(request: HttpRequest) -> int:
    """Return the page of a case's reports that an address names, from 1; the first where it names none."""
    text = request.GET.get("reports", "")
    return int(text) if re.fullmatch("[1-9][0-9]{0,5}", text) else 1


def reports_query(request: HttpRequest) -> str:
    """Return the query that names the same page of a case's reports as this request; "" for the first."""
    page = reports_page(request)
    return f"?reports={page}" if page > 1 else ""


def to_case(request: HttpRequest, case_id: uuid.UUID) -> HttpResponseRedirect:
    """Redirect to a case, to the page of its reports that the form came from."""
    return HttpResponseRedirect(reverse("admin:complaints_case_change", args=[case_id]) + reports_query(request))


# --- Forms


# So many characters of any script fit into a sealed record of 64 KiB.
TEXT_AT_MOST: Final = 8000


def text_field(label: Label, *, help_text: Label = "", required: bool = False, rows: int = 4) -> forms.CharField:
    """Return a field for a text of several lines, at most TEXT_AT_MOST characters, which is sealed once it is sent."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=TEXT_AT_MOST,
        widget=forms.Textarea(attrs={"rows": rows, "cols": False, "autocomplete": "off"}),
    )


class DayInput(forms.DateInput):
    """The date field of the browser, which takes ISO days only."""

    input_type = "date"

    def __init__(self, attrs: dict[str, str] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class BaseForm(forms.Form):
    """A form whose labels end without a colon, because they stand above their fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class BaseModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A model form whose labels end without a colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


# --- Counts: of rows that somebody outside can make grow, no more are counted than a page needs to know


def capped_count(rows: QuerySet[Any], cap: int = COUNT_AT_MOST) -> CappedCount:
    """Count no further than one more than ``cap``, which stands for "more"."""
    return CappedCount(rows.order_by().values("pk")[: cap + 1])


def or_more(number: int, most: int = COUNT_AT_MOST) -> str:
    """Return a number that was counted up to ``most`` + 1 as it is shown: "1000+" for more than 1000."""
    return str(number) if number <= most else f"{most}+"


# --- Change lists


class CappedPaginator(RowPaginator):
    """A paginator that counts no further than COUNT_AT_MOST; the filters lead to the rows behind."""

    @cached_property
    def count(self) -> int:
        """The number of rows, COUNT_AT_MOST + 1 standing for "more"."""
        # Keys only: what a line shows beside them would be computed for every row counted.
        rows = cast("QuerySet[Any]", self.object_list)
        return int(rows.order_by().values("pk")[: COUNT_AT_MOST + 1].count())


class BaseAdmin(ModelAdmin):
    """The change list of one table, to read: no actions, no deletions, no history, no log of edits."""

    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False
    list_per_page = 50
    list_max_show_all = 0
    paginator = CappedPaginator
    list_title: Any = ""

    @staticmethod
    def opens_for(person: Staff, /) -> bool:
        """Whether the list exists for a person; for nobody unless a subclass says so."""
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the list exists for this person."""
        return site.has_permission(request) and self.opens_for(cast(Staff, request.user))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever may open the list may see its rows."""
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: rows are written by services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: rows are written by services."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: nothing is deleted by a member of staff."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow only the filters shown; a lookup in the address could search by what must not be searched."""
        return lookup in {getattr(list_filter, "parameter_name", None) for list_filter in self.list_filter}

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        """Write nothing: Django's log would keep names in clear."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        """Write nothing: Django's log would keep names in clear."""

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:  # type: ignore[override]
        """Write nothing: Django's log would keep names in clear."""

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        # Django's own answer would repeat the id in a message on another page.
        raise Http404

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under its own title."""
        title = self.list_title or str(self.opts.verbose_name_plural).capitalize()
        context = {"title": title, "count_at_most": COUNT_AT_MOST, "today": timezone.localdate()}
        context |= self.list_context(request)
        return super().changelist_view(request, context | (extra_context or {}))

    def list_context(self, request: HttpRequest) -> dict[str, object]:
        """Return what the template of a list needs beside its rows."""
        return {}

    def get_urls(self) -> list[URLPattern]:
        """Return the list alone: no history, no deletion, no catch-all that redirects."""
        page = staff_page("GET", opens_for=self.opens_for)(self.changelist_view)
        return [path("", page, name=f"{self.opts.app_label}_{self.opts.model_name}_changelist")]


class TableAdmin(BaseAdmin):
    """A plain table that whoever sees it edits by Django's own form; its rows are never deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may open the list may add to it."""
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever may open the list may change its rows."""
        return self.has_module_permission(request)

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest | None, **kwargs: Any
    ) -> FormField | None:
        """Leave out Django's links that open other tables in a second window."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[arg-type]
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def get_urls(self) -> list[URLPattern]:
        """Return the list, and the form to add or to change a row."""
        name, page = (
            f"{self.opts.app_label}_{self.opts.model_name}",
            staff_page("GET", "POST", opens_for=self.opens_for),
        )
        return [
            *super().get_urls(),
            path("add/", page(self.add_view), name=f"{name}_add"),
            path("<path:object_id>/change/", page(self.change_view), name=f"{name}_change"),
        ]
