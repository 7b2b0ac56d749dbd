"""How django-allauth signs staff in: a password opens the person's key, the second factor lets the session use it."""

from __future__ import annotations

import ipaddress
import secrets
from functools import lru_cache
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from complaints.services import login_throttle, mfa, sessions
from complaints.services.team_keys import personal
from portal.accounts import step_up

# In IPv6 whoever has one address has all of a network; a /48, 65,536 networks, costs nothing (RFC 6177).
NETWORK_BITS = 48
SAID_BY_THE_PAGE = {"account/messages/logged_in.txt", "mfa/messages/recovery_codes_generated.txt"}


def source(request: HttpRequest) -> str:
    """Where a request comes from, for the delays only: an address, in IPv6 its network. Never stored or logged."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        # The last one is the proxy's own word; those before it are the sender's.
        address = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return str(address)
    # A socket for both kinds names IPv4 so; all of it would be one network, and everybody would wait for everybody.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, NETWORK_BITS), strict=False))


class StaffAccountAdapter(DefaultAccountAdapter):
    """No sign-up: accounts are made by an administrator. No limits of allauth's: delays of our own."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _("Username or password is not right."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse every sign-up."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt before anything is looked at. Raises services.login_throttle.Slow."""
        login_throttle.begin(**_attempt(request, credentials), now=timezone.now())

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Check the password, and take the count back where it was right."""
        user = super().authenticate(request, **credentials)
        if user is not None:
            login_throttle.succeeded(**_attempt(request, credentials), now=timezone.now())
        return user

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        """After the right password, under a new cookie, put the key where the second factor will find it."""
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        if response is None:
            request.session.cycle_key()
            step_up.hold_pending_key(request, user, getattr(user, "unlocked_key", None))
        return response

    def add_message(
        self, request: HttpRequest, level: int, message_template: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        """Leave out what the next page says by itself."""
        if message_template not in SAID_BY_THE_PAGE:
            super().add_message(request, level, message_template, *args, **kwargs)

    def set_password(self, user: Any, password: str) -> None:
        """Change the password and re-wrap the key, or make one, in the same transaction; other sessions end."""
        request = self.request
        personal.change_password(staff=user, password=password, keyring=getattr(request, "keyring", None))
        sessions.end_sessions(staff=user, by=user, signer=getattr(request, "keyring", None) and request.keyring.signer)
        step_up.hold_pending_key(request, user, personal.unlock(staff=user, password=password))

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask for password and factor both; allauth itself would be content with either.

        Raises:
            ReauthenticationRequired: one of them was not given within the last minutes.
        """
        if not step_up.confirmed(context.request):
            raise ReauthenticationRequired
        return False


def _attempt(request: HttpRequest, credentials: dict[str, Any]) -> dict[str, str]:
    return {"kind": "password", "account": credentials.get("username", ""), "source": source(request)}


class StaffFactorAdapter(DefaultMFAAdapter):
    """Secrets sealed to their owner; names and words of the house."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "cannot_delete_authenticator": _("This is your only second factor. Add another one first."),
    }

    def encrypt(self, text: str) -> str:
        """Seal a secret that the signed-in person makes."""
        return mfa.seal_secret(context.request.user.pk, text)

    def decrypt(self, encrypted_text: str) -> str:
        """Open a sealed secret."""
        return mfa.open_secret(encrypted_text)

    def get_totp_issuer(self) -> str:
        """The name that the app shows."""
        return "Kanal Netral"

    def get_totp_label(self, user: Any) -> str:
        """Beside it the username, no address."""
        return str(user.username)

    def _get_site_name(self) -> str:
        return "Kanal Netral"

    def _get_user_identifier(self, user: Any) -> str:
        return str(user.username)

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Nobody is left without a second factor by their own hand."""
        others = authenticator.__class__.objects.filter(user=authenticator.user_id, type__in=mfa.PRIMARY)
        return bool(others.exclude(pk=authenticator.pk).exists())


class KeyUnlockingBackend(AuthenticationBackend):
    """Checks the password and, while it is at hand, unwraps the person's key."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Any:
        """Return the user with ``unlocked_key`` set where the password opens their key."""
        user = super().authenticate(request, **credentials)
        if user is not None and credentials.get("password"):
            user.unlocked_key = personal.unlock(staff=user, password=credentials["password"])
        return user

    def _mitigate_timing_attack(self, password: str) -> None:
        # For an unknown name the very work that a wrong password of a known one costs; no key is unwrapped for either.
        check_password(password, _nobodys_password())


@lru_cache(maxsize=1)
def _nobodys_password() -> str:
    return make_password(secrets.token_hex(32))


@receiver(user_logged_in, dispatch_uid="portal.accounts.adapters.record")
def record(sender: object, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Write the sign-in into the chain."""
    personal.record_login(staff=user)
