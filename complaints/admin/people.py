"""Staff accounts as an administrator makes them, and the page on which everybody finds their own key.

An administrator never sees or sets a key, a membership or a lasting password: an initial password opens nothing, and
the key that a person held ends with it.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import sessions as own_sessions
from complaints.admin.base import TableAdmin, staff_request
from complaints.admin.forms import StaffForm
from complaints.admin.keychange import REFUSED
from complaints.admin.officer_forms import LanguageForm, OwnDataForm
from complaints.domain.codes import ALPHABET
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import first_look, mfa
from complaints.services.audit import log
from complaints.services.team_keys import membership, personal, rotation


def initial_password() -> str:
    """Draw 20 characters, 100 bits, in groups that can be read out."""
    groups = ("".join(secrets.choice(ALPHABET) for _letter in range(5)) for _group in range(4))
    return "-".join(groups)


# What of an account is compared with reports (services.conflict_detection).
COMPARED = {"first_name", "last_name", "nip", "agency"}
# What of an account decides about places in teams.
LEAVES = {"role", "body", "is_active"}


class StaffAdmin(TableAdmin):
    """Accounts: made, changed, switched off; an initial password; asking for an admission."""

    form = StaffForm
    change_list_template = "admin/staff.html"
    change_form_template = "admin/staff_form.html"
    list_title = gettext_lazy("Staff")

    def opens_for(self, request: HttpRequest) -> bool:
        """Administrators."""
        return access.may_administer(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Staff]:
        """Everybody; superusers only for superusers, or an administrator could sign in as one."""
        people = Staff.objects.select_related("body").prefetch_related(
            Prefetch("memberships", TeamMembership.objects.filter(left_at=None).select_related("team__body"))
        )
        return people if request.user.is_superuser else people.filter(is_superuser=False)

    def get_ordering(self, request: HttpRequest) -> Any:
        """By name."""
        return ("username",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Nobody locks themselves out, or gives themselves another role."""
        return ["role", "body", "is_active"] if obj and obj.pk == request.user.pk else []

    def own_urls(self) -> list[URLPattern]:
        """The form, and two acts."""
        return [
            *super().own_urls(),
            self.route("<uuid:object_id>/sandi/", self.new_password, "password", "GET", "POST"),
            self.route("<uuid:object_id>/tim/", self.ask, "ask", "POST"),
            self.route("<uuid:object_id>/faktor/", self.reset_factor, "factor", "GET", "POST"),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add what stands beside the form."""
        person = context.get("original")
        if person is not None:
            joined = {row.team_id for row in person.memberships.all()}
            teams = [team for team in Team.objects.select_related("body") if access.may_join(person, team)]
            context["to_ask"] = [team for team in teams if team.pk not in joined]
            context["memberships"] = list(person.memberships.all())
            context["has_factor"] = mfa.has_factor(person)
            context["is_self"] = person.pk == request.user.pk
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the account; a new one gets an initial password, shown once."""
        obj.is_staff = True
        if not change or COMPARED & set(form.changed_data):
            obj.must_recheck = True
        super().save_model(request, obj, form, change)
        if not change:
            self._give_password(request, obj)
        elif LEAVES & set(form.changed_data):
            self._end_memberships(request, obj)
        self._audit(request, obj, "changed" if change else "made")

    def _end_memberships(self, request: HttpRequest, person: Staff) -> None:
        asking = staff_request(request)
        cause = TeamMembership.Cause.ROLE if person.is_active else TeamMembership.Cause.SWITCHED_OFF
        ended = rotation.end_memberships(staff=person, cause=cause, by=asking.user, actor=asking.actor)
        for team in ended:
            words = _(
                "The place in the team “%(team)s” has ended. The person may have kept its key: a member of the team "
                "changes it now, on the page “Teams”."
            )
            messages.warning(request, words % {"team": team})

    def _give_password(self, request: HttpRequest, person: Staff) -> None:
        password = initial_password()
        personal.set_initial_password(staff=person, password=password, now=timezone.now())
        words = _(
            "Initial password of %(person)s: %(password)s · Hand it over in person. It is shown only now, and the "
            "person replaces it at the first sign-in."
        )
        messages.warning(request, words % {"person": person.username, "password": password})

    def _audit(self, request: HttpRequest, person: Staff, change: str) -> None:
        asking = staff_request(request)
        facts = {"staff": str(person.pk), "role": person.role, "active": int(person.is_active), "change": change}
        log.append(
            event="staff.changed", now=timezone.now(), actor=asking.user, signer=asking.keyring.signer, facts=facts
        )

    def _person(self, request: HttpRequest, object_id: uuid.UUID) -> Staff:
        person = self.get_queryset(request).filter(pk=object_id).first()
        if person is None:
            raise Http404
        return person

    def other(self, request: HttpRequest, object_id: uuid.UUID) -> Staff:
        """Return an account that is not the person's own; Http404 for others."""
        person = self._person(request, object_id)
        if person.pk == request.user.pk:
            raise Http404
        return person

    def reset_factor(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Take the second factors from somebody who has lost theirs."""
        return own_sessions.reset_factor(self, request, self.other(request, object_id))

    def new_password(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Ask, then replace a forgotten password: the person's key ends, and a member has to admit them again."""
        person = self.other(request, object_id)
        if request.method == "POST":
            with transaction.atomic():
                self._give_password(request, person)
                self._audit(request, person, "password")
            return redirect("admin:complaints_staff_change", person.pk)
        title = _("New initial password: %(person)s") % {"person": person.username}
        return self.page(request, "admin/staff_password.html", {"title": title, "person": person})

    def ask(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Put a person forward for a team; a member admits them."""
        person, asking = self._person(request, object_id), staff_request(request)
        team = next((one for one in Team.objects.all() if str(one.pk) == request.POST.get("team")), None)
        if team is None:
            raise Http404
        try:
            membership.ask_admission(staff=person, team=team, by=asking.user, actor=asking.actor)
        except membership.AdmissionRefused as refusal:
            messages.error(request, str(REFUSED[refusal.code]))
        else:
            words = _("%(person)s waits now. A member of the team admits them, fingerprint in hand.")
            messages.success(request, words % {"person": person.username})
        return redirect("admin:complaints_staff_change", person.pk)


def own_page(request: HttpRequest) -> dict[str, Any]:
    """Return what the page "My key" shows."""
    person = staff_request(request).user
    rows = person.memberships.filter(left_at=None).select_related("team__body", "admitted_by").order_by("team__slug")
    entitled = set(access.teams_of(person).values_list("pk", flat=True))
    return {
        "title": _("My key"),
        "fingerprint": personal.fingerprint(person),
        "memberships": [(row, row.team_id in entitled) for row in rows],
        "language": LanguageForm(instance=person),
        "own_data": OwnDataForm(instance=person),
    }


def save_own_data(request: HttpRequest) -> OwnDataForm | None:
    """Save a person's own NIP and agency and have them compared; return the form where something is wrong."""
    asking, now = staff_request(request), timezone.now()
    form = OwnDataForm(request.POST, instance=asking.user)
    if not form.is_valid():
        return form
    with transaction.atomic():
        asking.user.must_recheck = asking.user.must_recheck or form.has_changed()
        asking.user.save(update_fields=["nip", "agency", "must_recheck"])
        facts = {"staff": str(asking.user.pk), "change": "own_data"}
        log.append(event="staff.changed", now=now, actor=asking.user, signer=asking.keyring.signer, facts=facts)
    if access.is_triage(asking.user):
        first_look.process_new_reports(actor=asking.actor)
    return None


def save_language(request: HttpRequest) -> bool:
    """Change the language of the person's own door; tell whether that worked."""
    person = staff_request(request).user
    form = LanguageForm(request.POST, instance=person)
    if not form.is_valid():
        return False
    person.save(update_fields=["language"])
    return True
