"""Staff accounts as an administrator makes them, and each person's own pages: key, data, sessions, practice mode.

An administrator never sees or sets a key, a membership or a lasting password: an initial password opens nothing, and
the key that a person held ends with it.
"""

from __future__ import annotations

import time
import uuid
from datetime import date, timedelta
from typing import Any, Final, cast

from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin.base import BaseModelForm, StaffRequest, TableAdmin, is_staff, render, staff_page, staff_request
from complaints.admin.forms import StaffForm
from complaints.admin.key_rotation import REFUSALS
from complaints.admin.labels import sign_in_words
from complaints.models.session import SealedSession
from complaints.models.sign_in import AccountConfirmation
from complaints.models.team import Role, Staff, Team, TeamMembership
from complaints.services import account_confirmation, first_look, mfa, practice, sessions, signin_counts
from complaints.services.account_confirmation import Cause
from complaints.services.audit.state import locked_state
from complaints.services.team_keys import personal, rotation
from complaints.services.team_keys.membership import AdmissionRefused
from complaints.services.team_keys.membership import ask_admission as membership_ask_admission

# The fields of an account that are compared with reports, to find conflicts of interest.
COMPARED_FIELDS: Final = {"first_name", "last_name", "nip", "agency"}
# The fields of an account that decide which teams a person may belong to.
MEMBERSHIP_FIELDS: Final = {"role", "body", "is_active"}
# How far back an account's refused sign-ins and changes are shown.
COUNTED_DAYS: Final = timedelta(days=14)
# The entry of the session with a code that was shown: account, code, seconds since the epoch; and how long it is kept.
SHOWN_CODE: Final = "confirmation_code"
CODE_SECONDS: Final = 900


class LanguageForm(BaseModelForm):
    """The language of a person's own pages."""

    class Meta:
        model = Staff
        fields = ["language"]


class OwnDataForm(BaseModelForm):
    """What of a person is compared with reports, so that they do not meet one about themselves."""

    class Meta:
        model = Staff
        fields = ["nip", "agency"]
        help_texts = {
            "nip": gettext_lazy("Optional. Reports that name this number are kept from you."),
            "agency": gettext_lazy(
                "Optional, as it is written officially. Reports about this agency are kept from you."
            ),
        }


# --- Accounts


def _accounts(user: Staff) -> QuerySet[Staff]:
    """Return the accounts that an administrator may change.

    Superusers only for superusers: whoever can give somebody a new password can sign in as that person.
    """
    memberships = TeamMembership.objects.filter(left_at=None).select_related("team__body")
    accounts = Staff.objects.select_related("body").prefetch_related(Prefetch("memberships", memberships))
    return accounts if user.is_superuser else accounts.filter(is_superuser=False)


def _account_or_404(request: StaffRequest, staff_id: uuid.UUID) -> Staff:
    return get_object_or_404(_accounts(request.user), pk=staff_id)


def _counts_of(account: Staff, today: date) -> list[tuple[date, str]]:
    """Return by day, newest first, what was refused or changed at an account's sign-in during the last COUNTED_DAYS."""
    days: dict[date, dict[str, int]] = {}
    for row in signin_counts.days_of(account=account.pk, since=today - COUNTED_DAYS):
        days.setdefault(row.day, {})[row.kind] = row.n
    return [(day, sign_in_words(counts)) for day, counts in days.items()]


def _other_account_or_404(request: StaffRequest, staff_id: uuid.UUID) -> Staff:
    """Return an account that is not the administrator's own; Http404 for others."""
    account = _account_or_404(request, staff_id)
    if account.pk == request.user.pk:
        raise Http404
    return account


class StaffAdmin(TableAdmin):
    """The change list and the form of accounts."""

    form = StaffForm
    change_list_template = "admin/staff.html"
    change_form_template = "admin/staff_form.html"
    list_title = gettext_lazy("Staff")
    opens_for = staticmethod(access.may_administer)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Staff]:
        since = timezone.localdate() - COUNTED_DAYS
        return signin_counts.with_refused(_accounts(cast(Staff, request.user)), since=since)

    def get_ordering(self, request: HttpRequest) -> tuple[str]:
        return ("username",)

    def list_context(self, request: HttpRequest) -> dict[str, object]:
        """Add how many sign-ins were refused for names that no account has."""
        return {"unknown_refused": signin_counts.refused_for_unknown(since=timezone.localdate() - COUNTED_DAYS)}

    def get_readonly_fields(self, request: HttpRequest, obj: Staff | None = None) -> list[str]:
        """Return what nobody changes on their own account: they could lock themselves out, or take another role."""
        return ["role", "body", "is_active"] if obj and obj.pk == request.user.pk else []

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Staff | None = None,
    ) -> HttpResponse:
        """Add the memberships and what can be done with the account to the page of the form."""
        account: Staff | None = context.get("original")
        if account is not None:
            memberships = list(account.memberships.all())
            # Nobody is in two teams: who is in one leaves it first.
            teams = [] if memberships else Team.objects.select_related("body")
            context["to_ask"] = [team for team in teams if access.may_join(account, team)]
            context["memberships"] = memberships
            context["has_factor"] = mfa.has_factor(account)
            context["is_self"] = account.pk == request.user.pk
            context["waiting"] = waiting = account_confirmation.waiting_for(account)
            context["may_confirm"] = waiting and account_confirmation.may_confirm(waiting, cast(Staff, request.user))
            context["refused"] = _counts_of(account, timezone.localdate())
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: Staff, form: StaffForm, change: bool) -> None:
        """Save the account; a new one gets an initial password, which is shown once."""
        before = locked_state(obj, "staff")
        obj.is_staff = True
        if not change or COMPARED_FIELDS & set(form.changed_data):
            obj.must_recheck = obj.must_recheck_separate = True
        if not change:
            _set_initial_password(staff_request(request), obj, "made")
        else:
            super().save_model(request, obj, form, change)
            if MEMBERSHIP_FIELDS & set(form.changed_data):
                _end_memberships(staff_request(request), obj)
            _record_change(staff_request(request), obj, "changed", before=before)
        if obj.role == Role.ADMIN and (not change or "role" in form.changed_data):
            _ask_for_second_administrator(staff_request(request), obj)


def _end_memberships(request: StaffRequest, account: Staff) -> None:
    """End the memberships to which the changed account has no right any more, with a warning for each team."""
    cause = TeamMembership.Cause.ROLE if account.is_active else TeamMembership.Cause.SWITCHED_OFF
    teams = rotation.end_memberships(staff=account, cause=cause, by=request.user, actor=request.actor)
    warning = _(
        "The place in the team “%(team)s” has ended. The person may have kept its key: a member of the team "
        "changes it now, on the page “Teams”."
    )
    for team in teams:
        messages.warning(request, warning % {"team": team})


def _set_initial_password(request: StaffRequest, account: Staff, change: str) -> None:
    """Draw a password, set it and show it in a message, the only place where it is ever shown."""
    password, signer = account_confirmation.draw_code(), request.keyring.signer
    personal.set_initial_password(
        staff=account, password=password, now=timezone.now(), change=change, by=request.user, signer=signer
    )
    text = _(
        "Initial password of %(person)s: %(password)s · Hand it over in person. It is shown only now, and the "
        "person replaces it at the first sign-in."
    )
    messages.warning(request, text % {"person": account.username, "password": password})


def _ask_for_second_administrator(request: StaffRequest, account: Staff) -> None:
    """Close the account of a new administrator: nobody makes the second one that they need by themselves."""
    signer, now = request.keyring.signer, timezone.now()
    account_confirmation.ask(staff=account, cause=Cause.ADMIN, by=request.user, signer=signer, now=now)
    messages.warning(request, _("The account stays closed until another administrator has confirmed it."))


def _record_change(request: StaffRequest, account: Staff, change: str, *, before: str) -> None:
    signer, now = request.keyring.signer, timezone.now()
    personal.record_change(staff=account, change=change, before=before, now=now, by=request.user, signer=signer)


@staff_page("GET", "POST", opens_for=access.may_administer)
def new_password(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Ask, then replace a forgotten password: the person's key ends, and a member has to admit them again."""
    account = _other_account_or_404(request, object_id)
    if request.method == "POST":
        with transaction.atomic():
            _set_initial_password(request, account, "password")
        return redirect("admin:complaints_staff_change", account.pk)
    return _ask(
        request,
        account,
        title=_("New initial password: %(person)s"),
        consequence=_(
            "The person's key ends, and with it their app and recovery codes; every team that admitted them has to "
            "admit them again. No case is lost. The new password is shown once, on the next page. Another "
            "administrator then confirms the account and hands the person a code, unless it was never used."
        ),
        button=_("Give a new initial password"),
    )


def _ask(request: StaffRequest, account: Staff, *, title: str, consequence: str, button: str) -> HttpResponse:
    """Return the page that asks before an act on an account; ``title`` has a place for ``person``."""
    context = {
        "title": title % {"person": account.username},
        "consequence": consequence,
        "button": button,
        "back": reverse("admin:complaints_staff_change", args=[account.pk]),
    }
    return render(request, "admin/ask.html", context, model=Staff)


@staff_page("GET", "POST", opens_for=access.may_administer)
def reset_factor(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Ask, then remove every second factor of a person who has lost theirs."""
    account = _other_account_or_404(request, object_id)
    if request.method == "POST":
        mfa.reset(staff=account, by=request.user, signer=request.keyring.signer, now=timezone.now())
        text = _(
            "The second factor of %(person)s was removed, and their sessions were ended. Another administrator now "
            "confirms the account and hands over the code."
        )
        messages.success(request, text % {"person": account.username})
        return redirect("admin:complaints_staff_change", account.pk)
    return _ask(
        request,
        account,
        title=_("Reset the second factor: %(person)s"),
        consequence=_(
            "Only after you have met and recognised this person: app, security keys and recovery codes end, and so do "
            "their sessions. They set up a new factor once another administrator has confirmed it and handed them a "
            "code. The reset stands in the audit chain under your name, and the person is told."
        ),
        button=_("Reset the second factor"),
    )


@staff_page("GET", "POST", opens_for=access.may_administer)
def confirm(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Confirm what another administrator did to an account, and show the code that opens it.

    A reload makes no new code: for CODE_SECONDS the sealed session of who confirmed keeps the one that was shown.
    """
    account = _other_account_or_404(request, object_id)
    waiting = account_confirmation.waiting_for(account)
    if waiting is None:
        raise Http404
    context: dict[str, object] = {
        "title": _("Confirm the account: %(person)s") % {"person": account.username},
        "person": account,
        "waiting": waiting,
        "may_confirm": account_confirmation.may_confirm(waiting, request.user),
        "askers": account_confirmation.asker_names(waiting),
    }
    status = 200 if context["may_confirm"] else 409
    if request.method == "POST" and context["may_confirm"]:
        signer, now = request.keyring.signer, timezone.now()
        code = account_confirmation.confirm(staff=account, by=request.user, signer=signer, now=now)
        request.session[SHOWN_CODE] = [str(account.pk), code, time.time()]
        return redirect("admin:complaints_staff_confirm", account.pk)
    context["code"] = _shown_code(request, waiting)
    return render(request, "admin/staff_confirm.html", context, model=Staff, status=status)


def _shown_code(request: StaffRequest, waiting: AccountConfirmation) -> str:
    """Return the code that this session was shown for an account, "" once it is over or opens nothing any more."""
    account, code, at = request.session.get(SHOWN_CODE) or ("", "", 0.0)
    if time.time() - at >= CODE_SECONDS:
        request.session.pop(SHOWN_CODE, None)
        return ""
    is_this = account == str(waiting.staff_id) and account_confirmation.is_open_code(waiting, code)
    return code if is_this else ""


@staff_page("POST", opens_for=access.may_administer)
def ask_admission(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Ask a team to admit a person; a member of the team does it."""
    account = _account_or_404(request, object_id)
    team = next((team for team in Team.objects.all() if str(team.pk) == request.POST.get("team")), None)
    if team is None:
        raise Http404
    try:
        membership_ask_admission(staff=account, team=team, by=request.user, actor=request.actor)
    except AdmissionRefused as refusal:
        messages.error(request, str(REFUSALS[refusal.code]))
    else:
        text = _("%(person)s waits now. A member of the team admits them, fingerprint in hand.")
        messages.success(request, text % {"person": account.username})
    return redirect("admin:complaints_staff_change", account.pk)


# --- A person's own key and data


@staff_page("GET", "POST", opens_for=is_staff)
def own_page(request: StaffRequest) -> HttpResponseBase:
    """Show a person their own key and teams; by POST, change the language of their pages."""
    if request.method != "POST":
        return _show_own_page(request)
    form = LanguageForm(request.POST, instance=request.user)
    if not form.is_valid():
        raise Http404
    request.user.save(update_fields=["language"])
    with translation.override(request.user.language):
        messages.success(request, _("From now on this door speaks English."))
    return redirect("admin:me")


def _show_own_page(request: StaffRequest, refused: OwnDataForm | None = None) -> HttpResponse:
    """Show the page, with status 400 where the form of the person's own data was ``refused``."""
    person = request.user
    memberships = person.memberships.filter(left_at=None).select_related("team__body", "admitted_by")
    entitled = set(access.teams_of(person).values_list("pk", flat=True))
    context = {
        "title": _("My key"),
        "fingerprint": personal.fingerprint(person),
        "memberships": [
            (membership, membership.team_id in entitled) for membership in memberships.order_by("team__slug")
        ],
        "language": LanguageForm(instance=person),
        "own_data": refused or OwnDataForm(instance=person),
    }
    return render(request, "admin/me.html", context, model=Staff, status=400 if refused else 200)


@staff_page("POST", opens_for=is_staff)
def own_data(request: StaffRequest) -> HttpResponseBase:
    """Save a person's own NIP and agency, and find the conflicts of interest that follow from them."""
    person = request.user
    form = OwnDataForm(request.POST, instance=person)
    if not form.is_valid():
        return _show_own_page(request, refused=form)
    with transaction.atomic():
        before = locked_state(person, "staff")
        person.must_recheck = person.must_recheck or form.has_changed()
        person.must_recheck_separate = person.must_recheck_separate or form.has_changed()
        person.save(update_fields=["nip", "agency", "must_recheck", "must_recheck_separate"])
        _record_change(request, person, "own_data", before=before)
    access.clear_cache(person)  # what was read before the change says that there is nothing to compare
    if access.is_triage(person):
        first_look.process_new_reports(actor=request.actor)
    messages.success(request, _("Saved. Reports about them are kept from you."))
    return redirect("admin:me")


# --- A person's own sessions


@staff_page("GET", "POST", opens_for=is_staff)
def own_sessions(request: StaffRequest) -> HttpResponseBase:
    """Show a person their own sessions; by POST, end the one that is named, or without one all but this."""
    here = str(request.session.row)  # type: ignore[attr-defined]
    if request.method != "POST":
        rows: list[SealedSession] = sessions.active_sessions(staff=request.user, now=timezone.now())
        context = {
            "title": _("My sessions"),
            "sessions": [(row, row.pk == here) for row in rows],
            "since_last": sign_in_words(request.session.get(signin_counts.SINCE_LAST, {})),
            "counts": _counts_of(request.user, timezone.localdate()),
        }
        return render(request, "admin/sessions.html", context, model=SealedSession)
    named = request.POST.get("session", "")
    if named and not named.isalnum():
        raise Http404  # no id of a row, and PostgreSQL takes no NUL
    count = sessions.end_sessions(
        staff=request.user, by=request.user, signer=request.keyring.signer, only=named, keep="" if named else here
    )
    if named == here:
        return redirect("account_login")
    text = ngettext("%(count)s session was ended.", "%(count)s sessions were ended.", count)
    messages.success(request, text % {"count": count})
    return redirect("admin:sessions")


# --- Practice mode


def _may_see_practice(person: Staff) -> bool:
    # Whoever lost their team while practising can still end it.
    return access.may_practise(person) or person.practising


@staff_page("GET", "POST", opens_for=_may_see_practice)
def practice_page(request: StaffRequest) -> HttpResponseBase:
    """Explain practice mode; by POST, switch it on or off, or make cases to practise on."""
    person = request.user
    makes = access.is_triage(person)
    context = {"title": _("Practice mode"), "makes": makes}
    if request.method != "POST":
        return render(request, "admin/practice.html", context, model=Staff)
    action = request.POST.get("do", "")
    if action in {"on", "off"}:
        practice.switch_practice(actor=request.actor, on=action == "on")
        text = _("You are practising now.") if action == "on" else _("You see the real cases again.")
        messages.success(request, text)
        return redirect("admin:practice")
    if action == "make" and person.practising and makes:
        # The ticket codes are shown on this page alone and nowhere kept, so there is no redirect.
        made = practice.make_practice_cases(actor=request.actor)
        return render(request, "admin/practice.html", context | {"made": made}, model=Staff)
    raise Http404
