"""Refused sign-ins and changed factors, counted by account and day: told to the person, to administrators, and at night
to the audit chain. No attempt waits for the chain, and none leaves a source or an hour.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from complaints import access, fast_sql
from complaints.adapters import mail
from complaints.models.sign_in import COUNTS_KEPT, REFUSED, UNKNOWN_ACCOUNT, SigninCount
from complaints.models.team import Staff
from complaints.services import signin_floors
from complaints.services.audit import log
from complaints.services.audit.verify_signins import CHANGED, COUNTED, MAILED, TOLD, told_fact

Kind = SigninCount.Kind
# So many wrong codes of a day are answered one by one; after them an app's code counts only together with the next one.
SINGLE_CODES = 10
# Administrators are told of an account with more refused sign-ins than this on a day.
TELL_ABOVE = 10
# The entry of a staff session that holds what :func:`take_untold` returned at the sign-in.
SINCE_LAST = "since_last_sign_in"
# Mails: subject and text, the same for everybody.
CHANGE_MAIL = (
    _("How you sign in was changed"),
    _(
        "Something about how you sign in was changed. The page “My sessions”, at the usual address, says what. "
        "If it was not you, tell an administrator at once, in person or by telephone."
    ),
)
REFUSED_MAIL = (
    _("Sign-ins were refused"),
    _("More sign-ins than usual were refused for an account. The page “Staff”, at the usual address, says which one."),
)


def account_named(username: str) -> uuid.UUID:
    """Return the id of the account with this name, however it is spelt; UNKNOWN_ACCOUNT for every other name."""
    known = Staff.objects.filter(username__iexact=username).values_list("pk", flat=True).first()
    return known or UNKNOWN_ACCOUNT


def count(*, kind: Kind, account: uuid.UUID, day: date) -> int:
    """Count an attempt of ``day``; return the number of them so far, this one included.

    A row that was set back below what this process has counted itself is raised to it again, and that is told.
    """
    before = signin_floors.counted(account, kind.value, day)
    stored = fast_sql.count_signin(account, day, kind.value)
    if kind not in REFUSED:
        return stored
    counted = signin_floors.add(account, kind.value, day)
    if not signin_floors.has_fallen(account, kind.value, before, stored):
        return stored
    SigninCount.objects.filter(account=account, day=day, kind=kind, n__lt=counted).update(n=counted)
    signin_floors.tell_count(account, kind.value, day)
    return counted


def take_back(*, kind: Kind, account: uuid.UUID, day: date) -> None:
    """Undo one :func:`count` of an attempt that turned out right."""
    signin_floors.take_back(account, kind.value, day)
    SigninCount.objects.filter(account=account, day=day, kind=kind, n__gt=0).update(n=F("n") - 1)


def needs_two_codes(*, staff: Staff, day: date) -> bool:
    """Whether so many codes for an account were wrong on ``day`` that one code is not enough any more."""
    if signin_floors.counted(staff.pk, Kind.CODE.value, day).n >= SINGLE_CODES:
        return True
    return SigninCount.objects.filter(account=staff.pk, day=day, kind=Kind.CODE, n__gte=SINGLE_CODES).exists()


# --- Told to the person -----------------------------------------------------------------------------------------------


def note_change(*, staff: Staff, kind: Kind, now: datetime) -> None:
    """Note that a way of signing in was changed: the person is told by mail, and at the next sign-in.

    Call it last in the transaction of the change: the entry, without which somebody could delete the count before the
    person is told, locks the audit chain.
    """
    day = timezone.localdate(now)
    count(kind=kind, account=staff.pk, day=day)
    log.append(event=CHANGED, now=now, subject=staff.pk, facts={"day": day.isoformat(), "kind": kind.value})
    transaction.on_commit(partial(mail.send_each, [staff], *CHANGE_MAIL), robust=True)


@transaction.atomic
def take_untold(*, staff: Staff, now: datetime) -> dict[str, int]:
    """Return by kind what happened to a person's account since they were last told, and record that they are told.

    The entry keeps somebody who writes to the database from marking as told what nobody was told of.
    """
    rows = SigninCount.objects.select_for_update().filter(account=staff.pk, n__gt=F("notified"))
    untold: dict[str, int] = {}
    facts: dict[str, object] = {}
    for row in rows.order_by("day", "kind"):
        untold[row.kind] = untold.get(row.kind, 0) + row.n - row.notified
        facts[told_fact(row.day, row.kind)] = row.n - row.notified
        # The number that was read, because another attempt may be counted meanwhile.
        SigninCount.objects.filter(pk=row.pk).update(notified=row.n)
    if facts:
        log.append(event=TOLD, now=now, subject=staff.pk, facts=facts)
    return untold


def days_of(*, account: uuid.UUID, since: date) -> list[SigninCount]:
    """Return the counts of an account from the day ``since`` on, newest day first."""
    return list(SigninCount.objects.filter(account=account, day__gte=since, n__gt=0).order_by("-day", "kind"))


# --- Told to administrators -------------------------------------------------------------------------------------------


def with_refused(accounts: QuerySet[Staff], *, since: date) -> QuerySet[Staff]:
    """Add to accounts, as ``refused``, how many sign-ins were refused from the day ``since`` on; None for none."""
    rows = SigninCount.objects.refused().filter(account=OuterRef("pk"), day__gte=since).order_by()
    return accounts.annotate(refused=Subquery(rows.values("account").annotate(total=Sum("n")).values("total")))


def refused_for_unknown(*, since: date) -> int:
    """Return how many sign-ins were refused from the day ``since`` on for names that no account has."""
    rows = SigninCount.objects.refused().filter(account=UNKNOWN_ACCOUNT, day__gte=since)
    return int(rows.aggregate(total=Sum("n"))["total"] or 0)


def tell_administrators(*, today: date, now: datetime) -> int:
    """Mail the administrators once an account has more than TELL_ABOVE refused sign-ins on a day; return their number.

    The text is always the same and names no account. The day before is looked at too, for what came late.
    """
    same_day = SigninCount.objects.filter(account=OuterRef("account"), day=OuterRef("day"), is_mailed=True)
    rows = SigninCount.objects.refused().filter(day__gte=today - timedelta(days=1)).exclude(account=UNKNOWN_ACCOUNT)
    totals = rows.exclude(Exists(same_day)).order_by().values("account", "day").annotate(total=Sum("n"))
    many_refused = list(totals.filter(total__gt=TELL_ABOVE).values_list("account", "day"))
    if not many_refused:
        return 0
    sent = mail.send_each(access.administrators(), *REFUSED_MAIL)
    if sent:
        for account, day in many_refused:
            _record_mail(account, day, now)
    return sent


@transaction.atomic
def _record_mail(account: uuid.UUID, day: date, now: datetime) -> None:
    SigninCount.objects.filter(account=account, day=day, kind__in=REFUSED).update(is_mailed=True)
    log.append(event=MAILED, now=now, subject=account, facts={"day": day.isoformat()})


# --- Told to the audit chain ------------------------------------------------------------------------------------------


def record_days(*, today: date, now: datetime) -> int:
    """Append one entry for each account and day before ``today`` with refused sign-ins; return how many.

    It can run again at any time: what was counted after an entry goes into another one. Old counts are deleted.
    """
    days = SigninCount.objects.unrecorded(today).order_by("day", "account").values_list("account", "day").distinct()
    entries = sum(_record_day(account, day, now) for account, day in list(days))
    SigninCount.objects.filter(day__lt=today - COUNTS_KEPT).delete()
    return entries


@transaction.atomic
def _record_day(account: uuid.UUID, day: date, now: datetime) -> int:
    rows = list(SigninCount.objects.select_for_update().refused().filter(account=account, day=day).order_by("kind"))
    counts = {row.kind: row.n - row.recorded for row in rows if row.n > row.recorded}
    if not counts:
        return 0
    for row in rows:
        row.recorded = row.n
        row.save(update_fields=["recorded"])
    staff = "unknown" if account == UNKNOWN_ACCOUNT else str(account)
    log.append(event=COUNTED, now=now, subject=account, facts={"staff": staff, "day": day.isoformat(), **counts})
    return 1
