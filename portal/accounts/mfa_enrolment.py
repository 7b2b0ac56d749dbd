"""Adding, replacing and removing one's second factors; each page requires password and factor given just before."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any, cast

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.flows import auto_generate_recovery_codes
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, clear_totp_secret
from allauth.mfa.totp.views import DeactivateTOTPView
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from django.core.exceptions import ValidationError
from django.forms import Form, HiddenInput
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import timezone

from complaints.models.team import Staff
from complaints.services import mfa
from complaints.services.keyring import Keyring
from portal.accounts import browser_mark, step_up
from portal.accounts.login import ThrottledView, attempted
from portal.accounts.security_key import CredentialField, wrong_if_malformed
from portal.accounts.sessions import gave_second_factor


def _person(request: HttpRequest) -> Staff:
    return cast(Staff, request.user)


def _recorded(request: HttpRequest, event: str, kind: str) -> AbstractContextManager[None]:
    """Record the change of factors that the block makes, in one transaction with it."""
    keyring: Keyring = request.keyring  # type: ignore[attr-defined]
    return mfa.recorded_change(
        event=event, staff=_person(request), kind=kind, now=timezone.now(), signer=keyring.signer
    )


def _finish_enrolment(request: HttpRequest, *, has_new_codes: bool = False) -> HttpResponse:
    """Release the key that waits for a new factor, and redirect to the recovery codes where they are new.

    The person's first factor changes the session's cookie, as a login does.
    """
    person = _person(request)
    is_first = not gave_second_factor(request, person)
    has_new_codes = bool(auto_generate_recovery_codes(request)) or has_new_codes
    if is_first:
        request.session.cycle_key()
    step_up.release_pending_key(request, person)
    response = redirect("mfa_view_recovery_codes" if has_new_codes else "mfa_index")
    browser_mark.set_mark(response)
    return response


class AppForm(ActivateTOTPForm):
    """The first code of a new authenticator app, which proves that it was set up."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Keep the session's secret until a code has proved it; allauth draws a new one for each rendering."""
        secret = context.request.session.get(SECRET_SESSION_KEY)
        super().__init__(*args, **kwargs)
        if secret:
            self.secret = context.request.session[SECRET_SESSION_KEY] = secret

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        with attempted(self.user):
            self.step = mfa.matching_step(self.secret, code, time.time())
            if self.step is None:
                raise get_adapter().validation_error("incorrect_code")
        return code


class NewKeyForm(AddWebAuthnForm):
    """A new security key; its name is a number, because text that a person typed is not stored in clear."""

    credential = CredentialField(widget=HiddenInput)

    def clean_name(self) -> str:
        return str(get_adapter().generate_authenticator_name(self.user, mfa.WEBAUTHN))

    def clean(self) -> dict[str, Any]:
        with wrong_if_malformed():
            return dict(super().clean())


class Confirmed:
    """Requires that password and factor were given just before (:func:`step_up.require_confirmation`)."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        step_up.require_confirmation(request)
        return cast(HttpResponseBase, super().dispatch(request, *args, **kwargs))  # type: ignore[misc]


class ActivateAppView(Confirmed, ThrottledView):
    """Sets up an authenticator app, which replaces an earlier one."""

    form_class = AppForm
    template_name = "mfa/totp/activate_form.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_valid(self, form: Any) -> HttpResponse:
        with _recorded(self.request, "factor.added", "totp"):
            person = _person(self.request)
            keys = step_up.held_keys(self.request, person)
            mfa.replace_totp(staff=person, keys=keys, secret=form.secret, step=form.step)
            clear_totp_secret(self.request)
            return _finish_enrolment(self.request)

    def get_context_data(self, **kwargs: object) -> dict[str, Any]:
        """Add the secret in groups of four for typing, and whether an app is replaced."""
        values = super().get_context_data(**kwargs)
        secret = self.request.session.get(SECRET_SESSION_KEY, "")
        groups = [secret[start : start + 4] for start in range(0, len(secret), 4)]
        replaces = Authenticator.objects.filter(user=_person(self.request), type=mfa.TOTP).exists()
        return {**values, "groups": groups, "replaces": replaces}


def app_picture(request: HttpRequest) -> HttpResponse:
    """Return the QR code of the secret as a file, because the content security policy allows no data: URL."""
    step_up.require_confirmation(request)
    secret = request.session.get(SECRET_SESSION_KEY)
    if not secret:
        raise Http404
    adapter = get_adapter()
    svg = adapter.build_totp_svg(adapter.build_totp_url(request.user, secret))
    return HttpResponse(svg, content_type="image/svg+xml")


class RemoveAppView(Confirmed, DeactivateTOTPView):
    """Removes the app, where there is another factor."""

    def form_valid(self, form: Form) -> HttpResponse:
        with _recorded(self.request, "factor.removed", "totp"):
            return cast(HttpResponse, super().form_valid(form))


class AddKeyView(Confirmed, AddWebAuthnView):
    """Adds a security key, or the authenticator built into the device."""

    form_class = NewKeyForm

    def form_valid(self, form: NewKeyForm) -> HttpResponse:
        with _recorded(self.request, "factor.added", "webauthn"):
            super().form_valid(form)
            return _finish_enrolment(self.request, has_new_codes=self.did_generate_recovery_codes)


class RemoveKeyView(Confirmed, RemoveWebAuthnView):
    """Removes a security key, where there is another factor."""

    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form: Form) -> HttpResponse:
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.get_object()):
            form.add_error(None, ValidationError(adapter.error_messages["cannot_delete_authenticator"]))
            return cast(HttpResponse, self.render_to_response(self.get_context_data(form=form), status=409))
        with _recorded(self.request, "factor.removed", "webauthn"):
            return cast(HttpResponse, super().form_valid(form))


class NewCodesView(Confirmed, GenerateRecoveryCodesView):
    """Creates new recovery codes; the old ones stop working."""

    def form_valid(self, form: Form) -> HttpResponse:
        with _recorded(self.request, "factor.codes_made", "recovery_codes"):
            return cast(HttpResponse, super().form_valid(form))


class CodesView(Confirmed, ViewRecoveryCodesView):
    """Shows new recovery codes, once."""
