"""What lies sealed to a team, in one registry: all of it is sealed again when the team's key changes.

Whoever seals something to a team's key (``Keyring.seal_for_team``) gives the row a column ``sealed_number``, the
number of the key that opens it, and registers it here. A row that is missing here is lost once the old key is
forgotten; tests/keys looks for such rows with the old key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from complaints.domain.sealing.primitives import SealError, blake2b
from complaints.domain.sealing.records import KEY_SIZES, TEXT_SIZES, Context, seal_record
from complaints.models.complaint import KeyGrant
from complaints.models.team import Team
from complaints.services.audit import verify_rows
from complaints.services.keyring import Keyring, check_keys, keys_digest, signer_of

Rows = Callable[[Team], "QuerySet[Any]"]


@dataclass(frozen=True)
class SealedTable:
    """One kind of rows.

    ``rows`` are all rows of a team; ``reseal`` opens one with whichever key it names and seals it to the key of
    today, changing ``columns``, and does not save. What does not open raises SealError.
    """

    name: str
    rows: Rows
    reseal: Callable[[Any, Keyring, Team], None]
    columns: tuple[str, ...]


_ALL: dict[str, SealedTable] = {}


def register(holding: SealedTable) -> None:
    """Add a kind of rows; once, when its module is read."""
    _ALL[holding.name] = holding


def register_records(
    name: str,
    *,
    rows: Rows,
    context: Callable[[Any], Context],
    column: str = "sealed",
    sizes: tuple[int, ...] = TEXT_SIZES,
) -> None:
    """Add rows whose ``column`` was sealed by ``Keyring.seal_for_team`` with this context and these sizes."""

    def reseal(row: Any, keyring: Keyring, team: Team) -> None:
        number, sealed = row.sealed_number, getattr(row, column)
        body = keyring.read_for_team(team, sealed, context(row), number=number, sizes=sizes)
        setattr(row, column, keyring.seal_for_team(team, context(row), body, sizes=sizes))

    register(SealedTable(name, rows, reseal, (column,)))


def registered_tables() -> list[SealedTable]:
    """Return all that is registered, in the order in which it is sealed again."""
    return [_ALL[name] for name in sorted(_ALL)]


def rows_with_older_key(holding: SealedTable, team: Team) -> QuerySet[Any]:
    """Return a team's rows that older keys open."""
    return holding.rows(team).filter(sealed_number__gt=0, sealed_number__lt=team.key_number)


def rows_set_aside(holding: SealedTable, team: Team) -> QuerySet[Any]:
    """Return a team's rows that did not open when they should have been sealed again."""
    return holding.rows(team).filter(Q(sealed_number__lt=0) & Q(sealed_number__gt=-team.key_number))


def _reseal_grant(grant: KeyGrant, keyring: Keyring, team: Team) -> None:
    owner = grant.complaint or grant.release
    if owner is None:
        raise SealError("grant")
    signer = signer_of(owner)
    check_keys(owner, signer)
    pair = keyring.granted(grant, owner, signer)
    if pair.public != bytes(owner.public_key):
        raise SealError("grant")
    speaker, context = keyring.team(team).sign, Context("regrant", str(owner.pk), str(team.pk))
    content = {"key": pair.private.hex(), "keys": keys_digest(owner, signer)}
    first = grant.first_digest or blake2b(bytes(grant.sealed), person=b"ciphertext")
    grant.sealed = seal_record(bytes(team.public_key), context, content, speaker, sizes=KEY_SIZES)
    grant.first_digest = first
    grant.reseal_signature = speaker.sign(verify_rows.reseal_statement(grant.pk, first, grant.sealed))


register(
    SealedTable(
        "grant",
        rows=lambda team: KeyGrant.objects.filter(team=team).select_related("complaint", "release"),
        reseal=_reseal_grant,
        columns=("sealed", "first_digest", "reseal_signature"),
    )
)
