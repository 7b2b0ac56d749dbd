"""The registry of all tables with rows sealed to a team, which are sealed again when the team's key changes.

A table whose rows are sealed with ``Keyring.seal_for_team`` has a column ``sealed_number``, the number of the key that
opens the row, and is registered here. Rows of a table that is not registered are lost once the old key is deleted;
tests/keys searches for such rows with the old key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from django.db.models import Q, QuerySet

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import blake2b
from complaints.domain.sealing.records import KEY_SIZES, TEXT_SIZES, Context, seal_record
from complaints.models.blind_index import IndexKey
from complaints.models.complaint import KeyGrant
from complaints.models.identity import Identity, NameRequest, ReadName
from complaints.models.lane import LaneProposal
from complaints.models.oversight import BodyNote
from complaints.models.removal import RemovalRequest
from complaints.models.saved_filters import SavedFilter
from complaints.models.search_document import SearchDoc, SearchKey
from complaints.models.team import Team, TeamMembership
from complaints.models.urgent_register import UrgentRegister
from complaints.services.audit import verify_rows
from complaints.services.keyring import Keyring, check_keys, keys_digest, signer_of

R = TypeVar(
    "R",
    bound=BodyNote
    | Identity
    | IndexKey
    | KeyGrant
    | LaneProposal
    | NameRequest
    | ReadName
    | RemovalRequest
    | SavedFilter
    | SearchDoc
    | SearchKey
    | TeamMembership
    | UrgentRegister,
)


@dataclass(frozen=True)
class SealedTable(Generic[R]):
    """A table with rows that are sealed to a team.

    ``rows`` returns all rows of a team. ``reseal`` opens a row with the key that ``sealed_number`` names, seals it to
    the current key and so changes ``columns``, without saving; it raises SealError for a row that does not open.
    """

    name: str
    rows: Callable[[Team], QuerySet[R]]
    reseal: Callable[[R, Keyring, Team], None]
    columns: tuple[str, ...]


# A table of any of these models; each gives its rows to its own ``reseal`` only.
AnyTable: TypeAlias = "SealedTable[Any]"
_TABLES: dict[str, AnyTable] = {}


def register(table: AnyTable) -> None:
    """Register a table; called once, when the module that seals its rows is imported."""
    _TABLES[table.name] = table


def register_records(
    name: str,
    *,
    rows: Callable[[Team], QuerySet[R]],
    context: Callable[[R], Context],
    column: str = "sealed",
    sizes: tuple[int, ...] = TEXT_SIZES,
) -> None:
    """Register rows whose ``column`` was sealed by ``Keyring.seal_for_team`` with this context and these sizes."""

    def reseal(row: R, keyring: Keyring, team: Team) -> None:
        number = row.sealed_number or 0
        body = keyring.read_for_team(team, getattr(row, column), context(row), number=number, sizes=sizes)
        setattr(row, column, keyring.seal_for_team(team, context(row), body, sizes=sizes))

    register(SealedTable(name, rows, reseal, (column,)))


def registered_tables() -> list[AnyTable]:
    """Return the registered tables, in the order in which their rows are sealed again."""
    return [_TABLES[name] for name in sorted(_TABLES)]


def rows_with_older_key(table: SealedTable[R], team: Team) -> QuerySet[R]:
    """Return a team's rows that are sealed to an older key."""
    return table.rows(team).filter(sealed_number__gt=0, sealed_number__lt=team.key_number)


def rows_set_aside(table: SealedTable[R], team: Team) -> QuerySet[R]:
    """Return a team's rows that did not open when they were to be sealed again; their ``sealed_number`` is negative."""
    return table.rows(team).filter(Q(sealed_number__lt=0) & Q(sealed_number__gt=-team.key_number))


def _reseal_grant(grant: KeyGrant, keyring: Keyring, team: Team) -> None:
    owner = grant.complaint or grant.release
    if owner is None:
        raise SealError("grant")
    signer = signer_of(owner)
    check_keys(owner, signer)
    pair = keyring.granted(grant, owner, signer)
    if pair.public != bytes(owner.public_key):
        raise SealError("grant")
    team_signer, context = keyring.team(team).sign, Context("regrant", str(owner.pk), str(team.pk))
    content = {"key": pair.private.hex(), "keys": keys_digest(owner, signer)}
    first_digest = grant.first_digest or blake2b(bytes(grant.sealed), person=b"ciphertext")
    grant.sealed = seal_record(bytes(team.public_key), context, content, team_signer, sizes=KEY_SIZES)
    grant.first_digest = first_digest
    grant.reseal_signature = team_signer.sign(verify_rows.reseal_statement(grant.pk, first_digest, grant.sealed))


register(
    SealedTable(
        "grant",
        rows=lambda team: KeyGrant.objects.filter(team=team).select_related("complaint", "release"),
        reseal=_reseal_grant,
        columns=("sealed", "first_digest", "reseal_signature"),
    )
)
