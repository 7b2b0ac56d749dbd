"""What a reporter is told of Bawaslu: whether it judges the matter, and until when it takes a report of their own.

Both follow from the rule table and the elections, by the day of the act. The two days are sealed to the reporter's own
key when the report is sent; every report holds such a record of one size.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.records import KEY_SIZES, seal_record
from complaints.models.complaint import Complaint
from complaints.services import legal_basis, reference_data
from complaints.services.reference_data import BawasluDays
from complaints.services.reporter_reading import BawasluWindow, Sent, days_context

# No rule is older; a day before it is a slip of the keyboard.
EARLIEST_DAY: Final = date(2000, 1, 1)
_NO_DAYS: Final[BawasluWindow] = {"safe": "", "last": ""}
# The answers of a report, or of a draft, by their names; days are ISO text, "" or not valid yet.
Answers = Mapping[str, object]


def concerns(answers: Answers, today: date) -> bool:
    """Tell whether Bawaslu, alone or beside others, judges what is described; by the day of the act, if told."""
    code, kind, day = _act(answers, today)
    category = reference_data.category(code)
    if category is not None and category.door == "bawaslu":
        return True
    return legal_basis.concerns_bawaslu(code, kind, day, reference_data.edition())


def judges_alone(answers: Answers, today: date) -> bool:
    """Tell whether only Bawaslu finds a breach in what is described; by the day of the act, if told."""
    code, kind, day = _act(answers, today)
    days = frozenset({day.isoformat()})
    return legal_basis.is_for_bawaslu(code, kind, days, None, reference_data.edition())


def _act(answers: Answers, today: date) -> tuple[str, str, date]:
    """Return the codes of category and kind of accused, "" where not chosen, and the day of the act, else today."""
    code, kind = str(answers.get("category") or ""), str(answers.get("accused_kind") or "")
    return code, kind, _day(answers, "event_from", today) or today


def limits(answers: Answers, today: date) -> list[BawasluDays]:
    """Return Bawaslu's limits for each kind of election on the day of the act, the earliest safe day first.

    Untold days count as ``today``, so that the limits are known before their days are.
    """
    known = learnt_on(answers, today) or today
    happened = _day(answers, "event_from", today) or known
    category = str(answers.get("category") or "")
    return reference_data.bawaslu_days(category=category, act_on=happened, known_on=known)


def learnt_on(answers: Answers, today: date) -> date | None:
    """Return the day from which the limit is counted: on which it became known, if told, else on which it happened."""
    return _day(answers, "learnt_on", today) or _day(answers, "event_from", today)


def window(answers: Answers, today: date) -> BawasluWindow | None:
    """Return the days for what is described; None where none is told, or no election with such a limit ran then."""
    by_election = limits(answers, today) if learnt_on(answers, today) else []
    if not by_election:
        return None
    last = by_election[0].days.last_day.isoformat() if len(by_election) == 1 else ""
    return {"safe": by_election[0].days.safe_day.isoformat(), "last": last}


def _day(answers: Answers, name: str, today: date) -> date | None:
    """Return a day that was told; None where it was not, or is not valid yet: a draft is kept before it is judged.

    In Papua it may be tomorrow already.
    """
    try:
        day = date.fromisoformat(str(answers.get(name) or ""))
    except ValueError:
        return None
    return day if EARLIEST_DAY <= day <= today + timedelta(days=1) else None


def seal_days(complaint: Complaint, answers: Answers, keys: KeySet) -> None:
    """Seal the two days to the reporter's key, or that there are none, in a record of the same size.

    Reference and day of receipt go with them: the status page tells those from here, whatever the rows say.
    """
    days = window(answers, complaint.day) or _NO_DAYS
    content: Sent = {**days, "reference": complaint.case.reference, "day": complaint.day.isoformat()}
    context = days_context(complaint.pk)
    complaint.sealed_days = seal_record(keys.box.public, context, content, keys.sign, sizes=KEY_SIZES)
