"""How django-allauth signs staff in: a password opens the person's key into the sealed session, nothing else does."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from complaints.services import keys, vault


class StaffAccountAdapter(DefaultAccountAdapter):
    """No sign-up: accounts are made by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse every sign-up."""
        return False

    def set_password(self, user: Any, password: str) -> None:
        """Change the password and re-wrap the key, or make one, in the same transaction."""
        request = self.request
        keyring = getattr(request, "keyring", None)
        keys.change_password(staff=user, password=password, keyring=keyring)
        if keyring is not None:
            vault.remember(request.session, keys.unlock(staff=user, password=password))


class KeyUnlockingBackend(AuthenticationBackend):
    """Checks the password and, while it is at hand, unwraps the person's key."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Any:
        """Return the user with ``unlocked_key`` set where the password opens their key."""
        user = super().authenticate(request, **credentials)
        if user is not None and credentials.get("password"):
            user.unlocked_key = keys.unlock(staff=user, password=credentials["password"])
        return user


@receiver(user_logged_in, dispatch_uid="portal.accounts.keep_key")
def keep_key(sender: object, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Move the unwrapped key into the sealed session, under the cookie that login has just changed."""
    vault.remember(request.session, getattr(user, "unlocked_key", None))
    keys.record_login(staff=user)
