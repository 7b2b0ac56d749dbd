"""Compares what the rules say of the open cases with what they would say after a proposed change, in slices.

It runs in the session of a member of triage: the day of an act is sealed, and administrators hold no key. One entry of
the chain tells that a slice was read. It names no case, and no reporter is told of an opening: nothing but what the
rules say is shown of a report. Results are stored nowhere in clear.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from django.db import transaction
from django.db.models import QuerySet

from complaints import access
from complaints.domain.deadlines import ReportDays
from complaints.domain.errors import SealError
from complaints.domain.law.changes import check_change
from complaints.domain.law.judgment import Judgment
from complaints.domain.law.reading import TABLES
from complaints.domain.law.rules import RuleBook
from complaints.domain.law.vocabulary import Answer, Body, Level
from complaints.domain.workflow import OPEN
from complaints.fast_sql import with_many
from complaints.models.case import Assessment, Case
from complaints.models.complaint import Complaint, KeyGrant
from complaints.models.rule_change import RuleChange
from complaints.services import assessments, legal_basis, rule_book
from complaints.services.actor import Actor
from complaints.services.audit import recorded_rules
from complaints.services.keyring import Locked, read_answers
from complaints.services.rule_changes import RuleChangeRefused, require_member

# Reports that one request opens, at most: two milliseconds each.
SLICE: Final = 50


# The names of conditions that a report does not tell, on which a part of the answer depends.
Missing: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a judgment comes to: notes, articles and sources of a rule may change without it.

    Attributes:
        levels: the levels of sanction.
        crimes: the answers of criminal law, each with the words of the penalty, "" for none.
        routes: who examines (None: nobody), who punishes, who else may receive the case.
        bawaslu: until when a report to Bawaslu is possible, None where it is not.
        never_show: words that would be wrong.
    """

    levels: tuple[tuple[Level, Missing], ...]
    crimes: tuple[tuple[Answer, str, Missing], ...]
    routes: tuple[tuple[Body | None, tuple[Body, ...], tuple[Body, ...], Missing], ...]
    bawaslu: ReportDays | None
    never_show: tuple[str, ...]

    @classmethod
    def of(cls, judged: Judgment) -> Outcome:
        """Return the outcome of a judgment."""
        levels = ((applied.rule.level, _missing(applied.missing)) for applied in judged.sanctions)
        return cls(
            levels=tuple(dict.fromkeys(levels)),
            crimes=tuple(
                (
                    crime.applied.rule.answer,
                    crime.penalty.words if crime.penalty else "",
                    _missing(crime.applied.missing),
                )
                for crime in judged.crimes
            ),
            routes=tuple(
                (route.finds, route.punishes, route.also, _missing(route.applied.missing)) for route in judged.routes
            ),
            bawaslu=judged.bawaslu.days if judged.bawaslu else None,
            never_show=judged.never_show,
        )


def _missing(names: frozenset[str]) -> Missing:
    return tuple(sorted(names))


@dataclass(frozen=True)
class DifferingReport:
    """A report of an open case of which the rules would say something else."""

    case: Case
    before: Outcome
    after: Outcome


@dataclass(frozen=True)
class ComparedSlice:
    """What a slice found.

    Attributes:
        differing: the reports whose judgment differs.
        read: how many reports were judged; ``without_day`` as many more tell no day of the act.
        unread: how many could not be opened, or still wait to be compared with the people of the staff.
        after: the key of the last report of the slice; None where it was the last slice.
    """

    differing: Sequence[DifferingReport]
    read: int
    without_day: int
    unread: int
    after: uuid.UUID | None


def compare_slice(*, actor: Actor, change_id: uuid.UUID, after: uuid.UUID | None) -> ComparedSlice:
    """Judge the next SLICE reports of open cases by the rules in force and by those with the change; recorded.

    Cases in which the person has a conflict of interest are left out and not counted: the number would tell somebody
    who is accused, by a report of their own team or of the separate one, that there is one.

    Args:
        after: where the last slice ended, None to begin.

    Raises:
        Locked: the person is no member of triage, or practises.
        RuleError: the rules could not be read with the change.
        RuleChangeRefused: decided.
    """
    require_member(actor)
    row = RuleChange.objects.get(pk=change_id, table__in=TABLES)
    if row.state != RuleChange.State.PROPOSED:
        raise RuleChangeRefused("decided")
    changes = rule_book.confirmed_changes()
    books = (
        rule_book.read_changes(changes).book,
        check_change(rule_book.delivered_rules(), changes, rule_book.as_change(row)).book,
    )
    keys = _keys(actor, after)
    with transaction.atomic():
        facts = {"table": row.table, "row": row.code, "end": int(len(keys) <= SLICE)}
        actor.record(recorded_rules.COMPARED, subject=row.pk, facts=facts)
    return _compare(actor, keys[:SLICE], books, keys[SLICE - 1] if len(keys) > SLICE else None)


def _open_cases(actor: Actor) -> QuerySet[Case]:
    return access.cases_for(actor.staff).filter(status__in=OPEN)


def _keys(actor: Actor, after: uuid.UUID | None) -> list[uuid.UUID]:
    """Return the keys of the next reports in order, one more than a slice where there are more."""
    reports = Complaint.objects.filter(case__in=_open_cases(actor)).order_by("pk")
    reports = reports.filter(pk__gt=after) if after else reports
    return list(reports.values_list("pk", flat=True)[: SLICE + 1])


def _compare(
    actor: Actor, keys: Iterable[uuid.UUID], books: tuple[RuleBook, RuleBook], after: uuid.UUID | None
) -> ComparedSlice:
    reports = Complaint.objects.filter(pk__in=list(keys)).order_by("pk")
    rows = with_many(reports, "grants", KeyGrant, "case")
    statements = assessments.last_facts(complaint.pk for complaint, _grants in rows)
    differing: list[DifferingReport] = []
    read = without_day = unread = 0
    for complaint, grants in rows:
        # A report that was not held against the people of the staff yet may name this one.
        is_compared = complaint.index_entry is not None
        stated = statements.get(complaint.pk)
        judged = _judge(actor, complaint, grants, books, stated) if is_compared else None
        if judged is None:
            unread += 1
        elif judged[0] is None or judged[1] is None:
            without_day += 1
        else:
            read += 1
            before, then = Outcome.of(judged[0]), Outcome.of(judged[1])
            differing += [DifferingReport(complaint.case, before, then)] if before != then else []
    return ComparedSlice(differing, read, without_day, unread, after)


def _judge(
    actor: Actor,
    complaint: Complaint,
    grants: Sequence[KeyGrant],
    books: tuple[RuleBook, RuleBook],
    statement: Assessment | None,
) -> tuple[Judgment | None, Judgment | None] | None:
    """Return what both rules say of a report, None for each without a day; None for a report that does not open."""
    try:
        pair = actor.keyring.complaint(complaint, grants)
        answers = read_answers(pair, complaint)
        stated = (
            assessments.read_facts(statement, pair=pair, team=actor.keyring.report_team).stated if statement else None
        )
    except (Locked, SealError):
        return None
    case = complaint.case
    old, new = (
        legal_basis.judge_report(
            category=case.category_id or "",
            accused_kind=case.accused_kind_id or "",
            answers=answers,
            handled_on=actor.today,
            stated=stated,
            rules=book,
        )
        for book in books
    )
    return old, new
