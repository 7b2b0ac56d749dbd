"""The acting member of staff, their key ring and the time of the request, as one argument of every service."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from complaints.models.team import Staff
from complaints.services.audit import log
from complaints.services.keyring import Keyring, Locked


@dataclass(frozen=True)
class Actor:
    """A member of staff in one request; ``now`` is an aware datetime and the same throughout the request."""

    keyring: Keyring
    now: datetime

    @property
    def staff(self) -> Staff:
        """The signed-in person; raises Locked where nobody is signed in."""
        if self.keyring.staff is None:
            raise Locked("staff")
        return self.keyring.staff

    @property
    def today(self) -> date:
        """The day of ``now`` in the portal's time zone."""
        return timezone.localdate(self.now)

    def record(
        self,
        event: str,
        *,
        case: uuid.UUID | None = None,
        subject: uuid.UUID | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        """Append an entry to the audit chain, signed with the person's key; arguments and errors as ``log.append``."""
        signer = self.keyring.signer
        log.append(event=event, now=self.now, actor=self.staff, signer=signer, case=case, subject=subject, facts=facts)
