"""The request as the portal's own middleware leaves it, for type checking."""

from __future__ import annotations

from django.http import HttpRequest

from complaints.services.actor import Actor
from complaints.services.keyring import Keyring
from portal.accounts.sessions import ReporterSession


class PortalRequest(HttpRequest):
    """A request with the reporter's session and, at the staff's door, the person with their key ring."""

    reporter: ReporterSession
    keyring: Keyring
    actor: Actor
