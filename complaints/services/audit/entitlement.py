"""Which rights the chain gives each person, entry by entry, and whether who acted had them.

Each entry holds the rights of the account with which a person acted. A role or a superuser mark that somebody writes
into the database, uses and takes away again before the night is named by the entries of what it was used for.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from complaints.models.audit import AuditEntry
from complaints.models.team import Role, Team
from complaints.services.audit.state import STATES, blank_states

# A request acts with the account that it read when it began, which an administrator may change meanwhile.
REQUEST_AT_MOST: Final = timedelta(minutes=2)
SIGNED_IN: Final = "staff.signed_in"
SIGNIN_DIFFERED: Final = "signin.differed"
# Acts for which one must be an administrator, one who reviews, or the holder of a role with a team.
_BY_ADMINISTRATORS: Final = frozenset(
    {
        *("staff.changed", "factor.reset", "confirmation.asked", "confirmation.given"),
        *("team.asked", "team.left", "job.asked"),
        *("rule.proposed", "rule.withdrawn"),
    }
)
_BY_REVIEWERS: Final = frozenset({"team.reviewed", "fault.acknowledged", "verification.asked", "audit.exported"})
_BY_LIAISONS: Final = frozenset({"release.assigned", "release.noted"})
_BY_MEMBERS: Final = frozenset({"team.admitted"})
_ADMITTED: Final = "team.admitted"
_ENDS_OF_MEMBERSHIP: Final = ("team.left", "teamkey.removed")
_TRIAGE: Final = frozenset({Role.VERIFIER, Role.FORWARDER})
_BY_TRIAGE: Final = frozenset({"rule.compared", "rule.confirmed", "rule.declined"})
# By an officer of whichever team holds the report.
_BY_OFFICERS: Final = frozenset(
    {
        *("lost_code.proposed", "lost_code.agreed", "lost_code.refused"),
        *("erasure.requested", "erasure.declined", "erasure.proposed", "erasure.refused", "erasure.confirmed"),
        *("hold.set", "hold.lift_asked", "hold.lifted"),
    }
)
# Of these tables triage may decide as well as administrators: as a proposal names them, and as a state of a table does.
_OF_BOTH: Final = frozenset({"closed_days", "elections", "closedday", "election"})
_MEMBERS: Final = frozenset({Role.VERIFIER, Role.FORWARDER, Role.OVERSEER})
# The states of an account that a sign-in relies on, each with the name that its entry gives them.
_SIGN_IN_STATES: Final = {"account": "staff", "factors": "factors"}


@dataclass
class RecordedAccount:
    """What the chain says of an account so far.

    Attributes:
        rights: the rights of the account (``Staff.rights``), each with the time (ISO) of the entry since which it has
            them; the last ones are in force, the others ended within REQUEST_AT_MOST before those began.
        states: by the name of the state (``staff``, ``factors``), as its newest entry holds it.
        teams: the slugs of the teams that the person was in, by the entries of admissions and of what ended them.
    """

    rights: list[tuple[str, str]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    teams: set[str] = field(default_factory=set)

    def had(self, rights: str, at: datetime) -> bool:
        """Whether a request that began at ``at`` can have met the account with these rights."""
        for number, (recorded, _since) in enumerate(self.rights):
            following = self.rights[number + 1 :]
            if recorded == rights and (not following or at <= _end_of(following[0][1])):
                return True
        return False

    def gets(self, rights: str, at: datetime) -> None:
        """Note the rights that an entry of the time ``at`` gives the account."""
        if self.rights and self.rights[-1][0] == rights:
            return
        ends = [since for _rights, since in self.rights[1:]]
        kept = [self.rights[number] for number, since in enumerate(ends) if at <= _end_of(since)]
        self.rights = [*kept, *self.rights[-1:], (rights, at.isoformat())]


def _end_of(since: str) -> datetime:
    return datetime.fromisoformat(since) + REQUEST_AT_MOST


class RecordedAccounts:
    """The accounts of the chain by the id of the person, moved forward entry by entry."""

    def __init__(self, content: Mapping[str, Any] | None = None) -> None:
        """Begin before the first entry, or with what :meth:`to_json` wrote."""
        self._accounts = {
            person: RecordedAccount([(str(name), str(since)) for name, since in rights], dict(states), set(teams))
            for person, (rights, states, teams) in (content or {}).items()
        }

    def to_json(self) -> dict[str, Any]:
        """Return the accounts as JSON holds them."""
        return {
            person: [[list(row) for row in account.rights], account.states, sorted(account.teams)]
            for person, account in self._accounts.items()
        }

    def fault(self, entry: AuditEntry) -> str:
        """Return the code of the fault of an entry by who may not have acted so, and "" for any other."""
        if entry.event == SIGNIN_DIFFERED:
            return "signin.refused"
        if entry.actor is None:
            return ""
        account = self._accounts.get(str(entry.actor), RecordedAccount())
        is_own = entry.actor == entry.subject
        # An act on one's own account may hold the rights before it or after it.
        if not account.had(entry.rights, entry.at) and not (is_own and entry.facts.get("rights") == entry.rights):
            return "entry.rights"
        if not is_own and not (is_entitled(entry) and _is_of_team(entry, account)):
            return "entry.not_entitled"
        return "signin.differs" if entry.event == SIGNED_IN and not _is_sign_in_recorded(entry, account) else ""

    def move(self, entry: AuditEntry) -> None:
        """Take over what an entry says of the account that it speaks of; only genuine entries may."""
        if not isinstance(entry.facts, dict):
            return
        self._move_teams(entry)
        if entry.subject is None:
            return
        for name in _SIGN_IN_STATES.values():
            if entry.event in STATES[name].events:
                account = self._accounts.setdefault(str(entry.subject), RecordedAccount())
                account.states[name] = str(entry.facts.get("state", ""))
                if rights := entry.facts.get("rights"):
                    account.gets(str(rights), entry.at)

    def _move_teams(self, entry: AuditEntry) -> None:
        if entry.event not in (_ADMITTED, *_ENDS_OF_MEMBERSHIP):
            return
        teams = self._accounts.setdefault(str(entry.facts.get("staff")), RecordedAccount()).teams
        (teams.add if entry.event == _ADMITTED else teams.discard)(str(entry.facts.get("team")))


def _is_of_team(entry: AuditEntry, account: RecordedAccount) -> bool:
    """Whether who decided on a rule by a role of triage was in its team: the separate team has the same roles."""
    is_by_triage = entry.event in _BY_TRIAGE or entry.event == "catalog.changed"
    has_role = entry.rights.split("+")[0] in _TRIAGE
    return not (is_by_triage and has_role) or Team.Kind.TRIAGE.value in account.teams


def is_entitled(entry: AuditEntry) -> bool:
    """Whether one may act so with the rights that an entry holds; whether the person had them is another question."""
    role, *marks = entry.rights.split("+")
    is_superuser, is_open = "superuser" in marks, "inactive" not in marks and "unconfirmed" not in marks
    is_administrator, is_triage = is_superuser or role == Role.ADMIN, not is_superuser and role in _TRIAGE
    if entry.event in _BY_TRIAGE or entry.event == "catalog.changed":
        is_calendar = entry.facts.get("table") in _OF_BOTH
        is_usual = is_administrator if entry.event == "catalog.changed" else is_triage
        return is_open and (is_usual or (is_calendar and (is_administrator or is_triage)))
    if entry.event in _BY_ADMINISTRATORS:
        return is_open and is_administrator
    if entry.event in _BY_OFFICERS:
        return is_open and is_triage
    if entry.event in _BY_REVIEWERS:
        return is_open and (is_superuser or role in (Role.ADMIN, Role.AUDITOR))
    if entry.event in _BY_LIAISONS:
        return is_open and not is_superuser and role == Role.OVERSEER
    return entry.event not in _BY_MEMBERS or (is_open and not is_superuser and role in _MEMBERS)


def _is_sign_in_recorded(entry: AuditEntry, account: RecordedAccount) -> bool:
    person = entry.actor or uuid.UUID(int=0)
    for name, state in _SIGN_IN_STATES.items():
        recorded = account.states.get(state) or blank_states([person], state).get(person, "")
        if entry.facts.get(name) != recorded:
            return False
    return True
