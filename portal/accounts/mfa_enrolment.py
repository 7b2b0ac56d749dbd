"""A person's own second factors: adding, replacing and removing them. Each page asks for password and factor first."""

from __future__ import annotations

import time
from typing import Any, cast

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.views import IndexView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.flows import auto_generate_recovery_codes
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, clear_totp_secret
from allauth.mfa.totp.views import DeactivateTOTPView
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from cryptography.exceptions import InvalidSignature
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator

from complaints.models.team import Staff
from complaints.services import mfa
from portal.accounts import step_up
from portal.accounts.login import ThrottledView, attempted, require_confirmation


def _person(request: HttpRequest) -> Staff:
    return cast(Staff, request.user)


def _record(request: Any, event: str, kind: str) -> None:
    signer = request.keyring.signer
    mfa.record(event=event, staff=request.user, kind=kind, now=timezone.now(), signer=signer)


def _added(request: Any, kind: str, *, made: bool = False) -> HttpResponse:
    """Note a new factor; a person's first one lets their key be used, and brings recovery codes that are shown once."""
    first = not step_up.passed(request, request.user)
    _record(request, "factor.added", kind)
    made = bool(auto_generate_recovery_codes(request)) or made
    if first:
        request.session.cycle_key()
    step_up.release_pending_key(request, request.user)
    return redirect("mfa_view_recovery_codes" if made else "mfa_index")


class AppForm(ActivateTOTPForm):
    """The first code of a new app proves that it was set up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Keep the secret until it was proved: after a new one at every look no app would ever fit."""
        begun = context.request.session.get(SECRET_SESSION_KEY)
        super().__init__(*args, **kwargs)
        if begun:
            self.secret = context.request.session[SECRET_SESSION_KEY] = begun

    def clean_code(self) -> str:
        """Check the code. Raises services.login_throttle.Slow."""
        code = str(self.cleaned_data["code"])
        with attempted(self.user):
            self.step = mfa.matching_step(self.secret, code, time.time())
            if self.step is None:
                raise get_adapter().validation_error("incorrect_code")
        return code


class NewKeyForm(AddWebAuthnForm):
    """A new security key. Its name is drawn: what people type stands nowhere in clear."""

    def clean_name(self) -> str:
        """Number the keys."""
        return str(get_adapter().generate_authenticator_name(self.user, mfa.WEBAUTHN))

    def clean(self) -> dict[str, Any]:
        """Check what the key has answered."""
        try:
            return dict(super().clean())
        except (InvalidSignature, KeyError, TypeError, AttributeError) as error:
            raise get_adapter().validation_error("incorrect_code") from error


@method_decorator(login_required, name="dispatch")
class FactorsView(IndexView):
    """A person's own factors; without one, the choice which to begin with."""


class Confirmed:
    """Asks for password and factor first, where they were not given just now."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer."""
        require_confirmation(request)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return answer


class ActivateAppView(Confirmed, ThrottledView):
    """Set up an authenticator app; it replaces the one that there is."""

    form_class = AppForm
    template_name = "mfa/totp/activate_form.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form its person."""
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_valid(self, form: Any) -> HttpResponse:
        """Store it, sealed."""
        with transaction.atomic():
            mfa.enrol_totp(staff=_person(self.request), secret=form.secret, step=form.step)
            clear_totp_secret(self.request)
            return _added(self.request, "totp")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the secret in groups that can be typed."""
        found = super().get_context_data(**kwargs)
        secret = self.request.session.get(SECRET_SESSION_KEY, "")
        groups = [secret[start : start + 4] for start in range(0, len(secret), 4)]
        had = Authenticator.objects.filter(user=self.request.user, type=mfa.TOTP).exists()
        return {**found, "groups": groups, "replaces": had}


def app_picture(request: HttpRequest) -> HttpResponse:
    """Draw the secret of the app that is being set up; a picture of its own, because no data: address is allowed."""
    require_confirmation(request)
    secret = request.session.get(SECRET_SESSION_KEY)
    if not secret:
        raise Http404
    adapter = get_adapter()
    drawn = adapter.build_totp_svg(adapter.build_totp_url(request.user, secret))
    return HttpResponse(drawn, content_type="image/svg+xml")


class RemoveAppView(Confirmed, DeactivateTOTPView):
    """Remove the app, where there is another factor."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Remove it."""
        with transaction.atomic():
            _record(self.request, "factor.removed", "totp")
            answer: HttpResponse = super().form_valid(form)
        return answer


class AddKeyView(Confirmed, AddWebAuthnView):
    """Add a security key or the device's own."""

    form_class = NewKeyForm

    def form_valid(self, form: Any) -> HttpResponse:
        """Store it."""
        with transaction.atomic():
            super().form_valid(form)
            return _added(self.request, "webauthn", made=self.did_generate_recovery_codes)


class RemoveKeyView(Confirmed, RemoveWebAuthnView):
    """Remove a security key, where there is another factor."""

    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form: Any) -> HttpResponse:
        """Remove it."""
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.get_object()):
            form.add_error(None, ValidationError(adapter.error_messages["cannot_delete_authenticator"]))
            refused: HttpResponse = self.render_to_response(self.get_context_data(form=form), status=409)
            return refused
        with transaction.atomic():
            _record(self.request, "factor.removed", "webauthn")
            answer: HttpResponse = super().form_valid(form)
        return answer


class NewCodesView(Confirmed, GenerateRecoveryCodesView):
    """Make new recovery codes; the old ones end."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Make them."""
        with transaction.atomic():
            _record(self.request, "factor.codes_made", "recovery_codes")
            answer: HttpResponse = super().form_valid(form)
        return answer


class CodesView(Confirmed, ViewRecoveryCodesView):
    """Show new recovery codes, once."""
