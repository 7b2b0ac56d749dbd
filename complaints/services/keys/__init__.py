"""Who holds keys: people's own, teams' and their recovery; admission, leaving, and the change of a team's key."""

from complaints.services.keys.leaving import end_memberships, held_alone, leavers, reason_of
from complaints.services.keys.own import change_password, fingerprint, record_login, set_initial_password, unlock
from complaints.services.keys.resealing import Progress, open_rotations, progress, reseal, retry
from complaints.services.keys.review import Holder, TeamAccess, review, reviewed, sign_off
from complaints.services.keys.rotation import Plan, plan, rotate
from complaints.services.keys.teams import (
    AdmissionRefused,
    admit,
    ask_admission,
    holds_elsewhere,
    make_team,
    oldest_kept,
    recovery_digest,
)

__all__ = [
    "AdmissionRefused",
    "Holder",
    "Plan",
    "Progress",
    "TeamAccess",
    "admit",
    "ask_admission",
    "change_password",
    "end_memberships",
    "fingerprint",
    "held_alone",
    "holds_elsewhere",
    "leavers",
    "make_team",
    "oldest_kept",
    "open_rotations",
    "plan",
    "progress",
    "reason_of",
    "record_login",
    "recovery_digest",
    "reseal",
    "retry",
    "review",
    "reviewed",
    "rotate",
    "set_initial_password",
    "sign_off",
    "unlock",
]
