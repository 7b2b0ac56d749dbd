"""Compares an account and its second factors with the audit chain, before somebody signs in or acts with it."""

from __future__ import annotations

import logging
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from complaints.models.team import Staff
from complaints.services.audit import log, recorded_accounts
from complaints.services.audit.entitlement import SIGNIN_DIFFERED
from complaints.services.audit.state import locked_state, state_of

logger = logging.getLogger(__name__)


class Difference(StrEnum):
    """What is not as the chain records it: the account's row, or the rows of its second factors."""

    ACCOUNT = "account"
    FACTORS = "factors"


@transaction.atomic
def difference(*, staff: Staff, now: datetime) -> Difference | None:
    """Return what of an account is not as the chain records it; None where all is.

    Asked after the right password, before a factor is judged, and before an act of an administrator. What differs was
    altered in the database itself. An entry says so, which the night names even where the row is put back by then; it
    is not written again while nothing changes. The line of the log has no name.
    """
    if _difference(staff) is None:
        return None
    # An act on the account may have come between the entries and the row: with the row locked none does.
    account = locked_state(staff, "staff")
    difference = _difference(staff)
    if difference is None:
        return None
    logger.error("A sign-in or an act was refused: account or second factors are not as the audit chain records them")
    facts = {
        "staff": str(staff.pk),
        "what": difference.value,
        "account": account,
        "factors": state_of(staff, "factors"),
    }
    last = log.last_entry_about(staff.pk)
    if last is None or (last.event, last.facts) != (SIGNIN_DIFFERED, facts):
        log.append(event=SIGNIN_DIFFERED, now=now, subject=staff.pk, facts=facts)
    return difference


def _difference(staff: Staff) -> Difference | None:
    if not recorded_accounts.account_is_recorded(staff.pk):
        return Difference.ACCOUNT
    return None if recorded_accounts.factors_are_recorded(staff.pk) else Difference.FACTORS
