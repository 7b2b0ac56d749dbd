"""Who acts, with which keys, and when: the one argument that every act of staff is given."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from complaints.models.team import Staff
from complaints.services.audit import log
from complaints.services.keyring import Keyring, Locked


@dataclass(frozen=True)
class Actor:
    """A member of staff in one request; ``now`` is aware, and one request has one ``now``."""

    keyring: Keyring
    now: datetime

    @property
    def staff(self) -> Staff:
        """The person; raises Locked where nobody is signed in."""
        if self.keyring.staff is None:
            raise Locked("staff")
        return self.keyring.staff

    @property
    def today(self) -> date:
        """The day of ``now`` in the portal's time zone."""
        return timezone.localdate(self.now)

    def record(self, event: str, *, case: uuid.UUID | None = None, facts: Mapping[str, Any] | None = None) -> None:
        """Append an entry to the audit chain, signed with the person's key; raises as ``audit.log.append``."""
        log.append(event=event, now=self.now, actor=self.staff, signer=self.keyring.signer, case=case, facts=facts)
