"""How django-allauth signs staff in: a password opens the person's key, the second factor lets the session use it."""

from __future__ import annotations

import ipaddress
import secrets
from functools import lru_cache
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from complaints.models.team import Staff
from complaints.services import login_throttle, mfa, password_hashing, sessions, signin_counts
from complaints.services.signin_counts import Kind
from complaints.services.team_keys import personal
from portal.accounts import step_up

# In IPv6 a sender has a whole network of addresses, up to a /48 for one site (RFC 6177).
NETWORK_BITS = 48
# Messages that the next page repeats.
REDUNDANT_MESSAGES = {"account/messages/logged_in.txt", "mfa/messages/recovery_codes_generated.txt"}


def source(request: HttpRequest) -> str:
    """Return the address of a request, in IPv6 its network, for the login delays; it is never stored or logged."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        # The proxy appends the last address; the sender could write those before it.
        address = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return str(address)
    # A dual-stack socket writes IPv4 addresses as ::ffff:0:0/96, which would count as a single network.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, NETWORK_BITS), strict=False))


class StaffAccountAdapter(DefaultAccountAdapter):
    """Login without sign-up, as administrators create the accounts; login_throttle takes the place of rate limits."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _("Username or password is not right."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt before the password is checked; raises services.login_throttle.Throttled."""
        login_throttle.begin(**_attempt(request, credentials), now=timezone.now())

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Staff | None:
        """Return the user where the password is right, and reset the delays; count what was wrong or came too early.

        Raises password_hashing.Busy before anything is counted: who finds no place has not guessed.
        """
        try:
            with password_hashing.place():
                user: Staff | None = super().authenticate(request, **credentials)
        except login_throttle.Throttled:
            _count(Kind.ADDRESS, credentials)
            raise
        if user is None:
            _count(Kind.PASSWORD, credentials)
        else:
            login_throttle.succeeded(**_attempt(request, credentials), now=timezone.now())
        return user

    def pre_login(self, request: HttpRequest, user: Staff, **kwargs: object) -> HttpResponse | None:
        """Change the session's cookie and hold the key that the password opened until the second factor is given.

        Somebody whose account or second factors are not as the chain records them is sent back, the key unheld.
        """
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        if response is None and (why := step_up.why_refused(user)):
            # Also where no factor is left: the person would be asked to set up one, and with them whoever deleted it.
            messages.error(request, why)
            return redirect("account_login")
        if response is None:
            request.session.cycle_key()
            step_up.hold_pending_key(request, user, getattr(user, "unlocked_key", None))
        return response

    def add_message(
        self, request: HttpRequest, level: int, message_template: Any = None, *args: object, **kwargs: object
    ) -> None:
        if message_template not in REDUNDANT_MESSAGES:
            super().add_message(request, level, message_template, *args, **kwargs)

    def set_password(self, user: Staff, password: str) -> None:
        """Change the password and re-wrap or create the key in one transaction; the person's other sessions end."""
        request = self.request
        # One place for all of it: a password that is changed is also opened.
        with password_hashing.place():
            personal.change_password(staff=user, password=password, keyring=getattr(request, "keyring", None))
            signer = getattr(request, "keyring", None) and request.keyring.signer
            sessions.end_sessions(staff=user, by=user, signer=signer)
            step_up.hold_pending_key(request, user, personal.unlock(staff=user, password=password))

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """Require both password and factor within ACCOUNT_REAUTHENTICATION_TIMEOUT; allauth would accept either."""
        step_up.require_confirmation(context.request)
        return False


def _attempt(request: HttpRequest, credentials: dict[str, Any]) -> dict[str, str]:
    return {"kind": "password", "account": credentials.get("username", ""), "source": source(request)}


def _count(kind: Kind, credentials: dict[str, Any]) -> None:
    # The same two statements for a name that an account has and for any other.
    account = signin_counts.account_named(credentials.get("username", ""))
    signin_counts.count(kind=kind, account=account, day=timezone.localdate())


class StaffFactorAdapter(DefaultMFAAdapter):
    """Second factors under the portal's name; the seed of recovery codes is sealed to its owner's key."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "cannot_delete_authenticator": _("This is your only second factor. Add another one first."),
    }

    def encrypt(self, text: str) -> str:
        user = context.request.user
        return mfa.seal_secret(step_up.held_keys(context.request, user), user.pk, text)

    def decrypt(self, encrypted_text: str) -> str:
        user = context.request.user
        return mfa.open_secret(step_up.held_keys(context.request, user), user.pk, encrypted_text)

    def _get_site_name(self) -> str:
        return "Kanal Netral"

    def _get_user_identifier(self, user: Staff) -> str:
        # Beside the site's name in the authenticator app; allauth would take the e-mail address.
        return str(user.username)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Whether another app or security key remains, so that nobody removes their last second factor."""
        others = Authenticator.objects.filter(user=authenticator.user_id, type__in=mfa.PRIMARY)
        return bool(others.exclude(pk=authenticator.pk).exists())


class KeyUnlockingBackend(AuthenticationBackend):
    """Checks the password and unwraps the person's key with it."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Any:
        user = super().authenticate(request, **credentials)
        if user is not None and credentials.get("password"):
            user.unlocked_key = personal.unlock(staff=user, password=credentials["password"])
        return user

    def _mitigate_timing_attack(self, password: str) -> None:
        # An unknown username costs the same work as a wrong password; a key is unwrapped for neither.
        check_password(password, _unused_hash())


@lru_cache(maxsize=1)
def _unused_hash() -> str:
    return make_password(secrets.token_hex(32))


@receiver(user_logged_in, dispatch_uid="portal.accounts.adapters.record")
def record(sender: object, request: HttpRequest, user: Staff, **kwargs: object) -> None:
    personal.record_login(staff=user)
    # Whoever may not see their desk yet is told at the next sign-in that shows it.
    if user.awaits_confirmation or user.must_change_password:
        return
    if untold := signin_counts.take_untold(staff=user, now=timezone.now()):
        request.session[signin_counts.SINCE_LAST] = untold
