"""Whether the index rows of reports in a list are as the chain records them, read along with the list's own grants.

By these rows a person whose data changed is found in earlier reports. Whoever deletes or alters one in the database
would keep that conflict of interest from being found.
"""

from __future__ import annotations

from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Aggregate, Case, CharField, Func, OuterRef, Subquery, TextField, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Concat
from django.db.models.sql.compiler import SQLCompiler

from complaints.models.audit import AuditEntry
from complaints.models.blind_index import IndexEntry
from complaints.models.complaint import KeyGrant
from complaints.services.audit.recorded_acts import last_entry
from complaints.services.audit.state import STATES, index_root_of


class _Hex(Func):
    """A binary column in hexadecimal."""

    function = "HEX"
    output_field = CharField()

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="ENCODE(%(expressions)s, 'hex')", **context)


class _Joined(Aggregate):
    """The texts of a group in one, with spaces between them."""

    function = "GROUP_CONCAT"
    output_field = TextField()

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="STRING_AGG", **context)


def _index_rows() -> Coalesce:
    """Return the rows of a report's index as text, as :func:`state.index_root_of` reads them."""
    empty, colon = Value("-"), Value(":")
    columns = (
        *(Cast("id", CharField()), colon, Coalesce(Cast("evidence", CharField()), empty), colon, "kind", colon),
        # HEX of NULL is an empty text on SQLite.
        *(_Hex("digest"), colon, Case(When(sealed__isnull=True, then=empty), default=_Hex("sealed"))),
    )
    rows = IndexEntry.objects.filter(complaint=OuterRef("complaint")).order_by().values("complaint")
    joined = rows.annotate(joined=_Joined(Concat(*columns, output_field=TextField()), Value(" ")))
    return Coalesce(Subquery(joined.values("joined")), Value(""), output_field=TextField())


def _grant_index() -> dict[str, Any]:
    entries = AuditEntry.objects.filter(subject=OuterRef("complaint"), event="index.written")
    first = entries.order_by("sequence").values("sequence")[:1]
    newest = entries.order_by("-sequence").values(root=KT("facts__state"))[:1]
    changed = last_entry(subject=OuterRef("reader"), event__in=STATES["staff"].events)
    return {
        "index_root": Subquery(newest, output_field=CharField()),
        "changed_at": changed,
        "index_rows": Case(When(changed_at__gt=Subquery(first), then=_index_rows()), output_field=TextField()),
    }


# For queries of grants with the annotation ``reader``, in this order: what :func:`has_recorded_index` looks at. Rows
# are read only where the reader's account changed since the report was indexed: before, the reader was compared with
# the answers themselves, and a conflict of interest stands in the chain.
GRANT_INDEX: Final = _grant_index()


def has_recorded_index(grant: KeyGrant) -> bool:
    """Whether the index rows of a grant's report, by which a reader is found in it, are as the chain records them."""
    columns = vars(grant)
    return columns["index_rows"] is None or index_root_of(columns["index_rows"]) == columns["index_root"]
