"""Reading of the rule table: every row is checked, and what nothing reads is refused with the row that holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import combinations
from typing import Final, TypedDict, TypeVar

from complaints.domain.law.rules import (
    Basis,
    BodyRule,
    CautionRule,
    Conditions,
    CrimeRule,
    LimitRule,
    PenaltyRule,
    Period,
    Review,
    RouteRule,
    Rule,
    RuleBook,
    SanctionRule,
    Source,
    StatusRule,
)
from complaints.domain.law.vocabulary import (
    CATEGORIES,
    AccusedKind,
    Answer,
    Body,
    Circumstance,
    ElectionKind,
    Gap,
    Handler,
    Harm,
    Level,
    LimitUnit,
    Mark,
    Penalty,
    Post,
    Promisor,
    ServiceStatus,
    Stage,
    Start,
)

Code = TypeVar("Code", bound=StrEnum)
AnyRule = TypeVar("AnyRule", bound=Rule)
# Rows of a file as JSON gives them, by the name of the file.
Tables = Mapping[str, Sequence[Mapping[str, object]]]


class Fault(StrEnum):
    """What cannot be right in a row; the value is the English sentence, with ``key`` and ``value`` in it."""

    NO_TEXT = "%(key)s is missing or no text"
    NO_LIST = "%(key)s is no list"
    NO_FLAG = "%(key)s is neither true nor false"
    EMPTY = "%(key)s is empty"
    ITEM_NO_TEXT = "%(key)s has a value that is not text"
    NO_NUMBER = "%(key)s is no number of days"
    NO_DAY = "%(key)s is no day: %(value)s"
    UNKNOWN_CODE = "%(key)s has an unknown code: %(value)s"
    UNREAD = "nothing reads %(key)s"
    MISSING = "%(key)s is missing"
    DAYS_SWAPPED = "valid_until lies before valid_from"
    UNSEEN_QUOTATION = "quotation of a text that nobody saw"
    TWO_STATUSES = "applies_to names more than one status"
    OFFENCE = "offence is required unless answer is “no”, and not allowed where it is"
    NUMBER_WITHOUT_UNIT = "number and unit do not go together"
    OVERLAP = "both are valid on the same days"
    TWICE = "the code occurs twice"
    NO_OFFENCE = "penalties.json has no offence %(value)s"
    TOO_HIGH = "number is above %(value)s"
    COUNTED = (
        "deadlines are counted by this limit: it has one row, without valid_from and valid_until, with number, and "
        "unit is one of %(value)s"
    )
    KEY_TWICE = "a key occurs twice"
    NO_JSON = "no JSON in line %(key)s, column %(value)s"
    UNREADABLE = "no JSON that can be read"
    NO_OBJECT = "the row is no object in braces"
    BAD_CODE = "code is missing, or not of at most 40 letters, digits, hyphens"
    TOO_LONG = "the row is longer than %(value)s characters"
    OTHER_CODE = "code is another one: %(value)s"


class RuleError(ValueError):
    """A row that the table refuses.

    Attributes:
        table: the table, which is the name of its file without ending.
        code: the code of the row, "" where it has none.
        rows: the numbers of the rows in their table, from 1, where they are known.
        fault, key, value: what is wrong, the key of the row that it is about, and what stands there.
    """

    def __init__(
        self, fault: Fault, table: str, code: str = "", rows: tuple[int, ...] = (), *, key: str = "", value: str = ""
    ) -> None:
        self.fault, self.table, self.code, self.rows, self.key, self.value = fault, table, code, rows, key, value
        numbers = f", {'row' if len(rows) == 1 else 'rows'} {' and '.join(map(str, rows))}" if rows else ""
        place = f"{table}.json{numbers}" + (f" ({code})" if code else "")
        super().__init__(f"{place}: {fault.value % {'key': key, 'value': value}}")


_KINDS: Final = {str: Fault.NO_TEXT, list: Fault.NO_LIST, bool: Fault.NO_FLAG}


@dataclass(slots=True)
class _Row:
    """A row with its place; it remembers what was read, so that the rest can be refused."""

    table: str
    row_number: int
    values: Mapping[str, object]
    read: set[str] = field(default_factory=set)

    def fault(self, fault: Fault, key: str = "", value: str = "") -> RuleError:
        return RuleError(
            fault, self.table, str(self.values.get("code", "no code")), (self.row_number,), key=key, value=value
        )

    def _value(self, key: str, kind: type, default: object) -> object:
        self.read.add(key)
        value = self.values.get(key, default)
        if not isinstance(value, kind):
            raise self.fault(_KINDS[kind], key)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value = str(self._value(key, str, default))
        if default is None and not value.strip():
            raise self.fault(Fault.EMPTY, key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key, list, [])
        items = tuple(value) if isinstance(value, list) else ()
        if not all(isinstance(item, str) and item for item in items):
            raise self.fault(Fault.ITEM_NO_TEXT, key)
        return items

    def flag(self, key: str) -> bool:
        return bool(self._value(key, bool, False))

    def number(self, key: str) -> int | None:
        self.read.add(key)
        value = self.values.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise self.fault(Fault.NO_NUMBER, key)
        return value

    def day(self, key: str) -> date | None:
        text = self.text(key, "")
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise self.fault(Fault.NO_DAY, key, text) from None

    def code(self, key: str, codes: type[Code]) -> Code:
        return self._code(key, self.text(key), codes)

    def codes(self, key: str, codes: type[Code]) -> tuple[Code, ...]:
        return tuple(self._code(key, item, codes) for item in self.texts(key))

    def _code(self, key: str, value: str, codes: type[Code]) -> Code:
        try:
            return codes(value)
        except ValueError:
            raise self.fault(Fault.UNKNOWN_CODE, key, value) from None

    def end(self) -> None:
        unknown = sorted(set(self.values) - self.read)
        if unknown:
            raise self.fault(Fault.UNREAD, ", ".join(unknown))


def _categories(row: _Row) -> frozenset[str]:
    """Read categories; a single letter stands for its whole group."""
    codes: set[str] = set()
    for item in row.texts("categories"):
        matching = {code for code in CATEGORIES if code == item or (len(item) == 1 and code.startswith(item))}
        if not matching:
            raise row.fault(Fault.UNKNOWN_CODE, "categories", item)
        codes |= matching
    return frozenset(codes)


def _conditions(row: _Row) -> Conditions:
    return Conditions(
        categories=_categories(row),
        accused=frozenset(row.codes("accused", AccusedKind)),
        status=frozenset(row.codes("status", ServiceStatus)),
        election=frozenset(row.codes("election", ElectionKind)),
        stage=frozenset(row.codes("stage", Stage)),
        harm=frozenset(row.codes("harm", Harm)),
        post=frozenset(row.codes("post", Post)),
        agency_rule=frozenset(row.texts("agency_rule")),
        has=frozenset(row.codes("has", Circumstance)),
        lacks=frozenset(row.codes("lacks", Circumstance)),
        handled_from=row.day("handled_from"),
        handled_until=row.day("handled_until"),
    )


def _period(row: _Row) -> Period:
    period = Period(row.day("valid_from"), row.day("valid_until"))
    if period.valid_from and period.valid_until and period.valid_until < period.valid_from:
        raise row.fault(Fault.DAYS_SWAPPED)
    return period


def _basis(row: _Row) -> tuple[Basis, ...]:
    """Read articles written as "LAW | ARTICLE"; without a bar the text is a remark."""
    pairs = (item.rpartition("|") for item in row.texts("basis"))
    return tuple(Basis(law.strip(), article.strip()) for law, _bar, article in pairs)


class _Common(TypedDict):
    code: str
    conditions: Conditions
    period: Period
    basis: tuple[Basis, ...]
    quotation: str
    sources: tuple[str, ...]
    mark: Mark
    note: str
    never_show: tuple[str, ...]
    never_levels: frozenset[Level]
    gaps: frozenset[Gap]
    review: Review


def _common(row: _Row, known_sources: Iterable[str]) -> _Common:
    sources = row.texts("sources")
    mark = row.code("mark", Mark)
    if not sources and mark is not Mark.READING:
        raise row.fault(Fault.MISSING, "sources")
    if unknown := set(sources) - set(known_sources):
        raise row.fault(Fault.UNKNOWN_CODE, "sources", ", ".join(sorted(unknown)))
    if row.text("quotation", "") and mark not in (Mark.SEEN, Mark.TRANSCRIPTION):
        raise row.fault(Fault.UNSEEN_QUOTATION)
    due = row.day("review_due")
    if due is None:
        raise row.fault(Fault.MISSING, "review_due")
    return {
        "code": row.text("code"),
        "conditions": _conditions(row),
        "period": _period(row),
        "basis": _basis(row),
        "quotation": row.text("quotation", ""),
        "sources": sources,
        "mark": mark,
        "note": row.text("note", ""),
        "never_show": row.texts("never_show"),
        "never_levels": frozenset(row.codes("never_levels", Level)),
        "gaps": frozenset(row.codes("gaps", Gap)),
        "review": Review(row.text("reviewed_by", ""), row.day("reviewed_on"), due),
    }


def _sanction(row: _Row, common: _Common) -> SanctionRule:
    applies_to = row.codes("applies_to", ServiceStatus)
    if len(applies_to) > 1:
        raise row.fault(Fault.TWO_STATUSES)
    return SanctionRule(**common, level=row.code("level", Level), applies_to=applies_to[0] if applies_to else None)


def _crime(row: _Row, common: _Common) -> CrimeRule:
    rule = CrimeRule(**common, answer=row.code("answer", Answer), offence=row.text("offence", ""))
    if (rule.answer is Answer.NO) == bool(rule.offence):
        raise row.fault(Fault.OFFENCE)
    return rule


def _penalty(row: _Row, common: _Common) -> PenaltyRule:
    return PenaltyRule(
        **common,
        words=row.text("words"),
        kinds=frozenset(row.codes("kinds", Penalty)),
        handler=row.code("handler", Handler),
        milder=row.flag("milder"),
    )


def _route(row: _Row, common: _Common) -> RouteRule:
    finds = row.codes("finds", Body)
    return RouteRule(
        **common,
        finds=finds[0] if finds else None,
        punishes=row.codes("punishes", Body),
        also=row.codes("also", Body),
    )


def _limit(row: _Row, common: _Common) -> LimitRule:
    rule = LimitRule(
        **common,
        what=row.text("what"),
        number=row.number("number"),
        unit=row.code("unit", LimitUnit),
        start=row.code("start", Start),
        promisor=row.code("promisor", Promisor),
    )
    if (rule.number is None) != (rule.unit is LimitUnit.NONE):
        raise row.fault(Fault.NUMBER_WITHOUT_UNIT)
    return rule


def _caution(row: _Row, common: _Common) -> CautionRule:
    return CautionRule(**common)


def _body(row: _Row, common: _Common) -> BodyRule:
    body, task = row.code("body", Body), row.code("task", Body)
    return BodyRule(**common, body=body, task=task, name=row.text("name"), short_name=row.text("short_name"))


def _status(row: _Row, common: _Common) -> StatusRule:
    return StatusRule(**common, status=row.code("status_of", ServiceStatus))


def _read(
    tables: Tables, name: str, sources: Mapping[str, Source], build: Callable[[_Row, _Common], AnyRule]
) -> tuple[AnyRule, ...]:
    rules = []
    for row in _rows(tables, name):
        rules.append(build(row, _common(row, sources)))
        row.end()
    _refuse_overlaps(name, rules)
    return tuple(rules)


def _rows(tables: Tables, name: str) -> Iterable[_Row]:
    for number, values in enumerate(tables[name], start=1):
        yield _Row(name, number, values)


def _refuse_overlaps(name: str, rules: Sequence[Rule]) -> None:
    """Rows of one code are versions of one rule: on any day at most one of them is valid."""
    for (first, rule), (second, other) in combinations(enumerate(rules, start=1), 2):
        if rule.code == other.code and rule.period.overlaps(other.period):
            raise RuleError(Fault.OVERLAP, name, rule.code, (first, second))


def _sources(tables: Tables) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for row in _rows(tables, "sources"):
        source = Source(row.text("code"), row.text("text"), row.text("where"), row.code("mark", Mark))
        row.end()
        if source.code in sources:
            raise row.fault(Fault.TWICE)
        sources[source.code] = source
    return sources


TABLES: Final = (
    "sources",
    "sanctions",
    "crimes",
    "penalties",
    "routes",
    "limits",
    "cautions",
    "bodies",
    "statuses",
)


def read_rules(tables: Tables) -> RuleBook:
    """Return the rules of all TABLES; raise RuleError with file, row and code for the first that cannot be right."""
    sources = _sources(tables)
    book = RuleBook(
        sources=sources,
        sanctions=_read(tables, "sanctions", sources, _sanction),
        crimes=_read(tables, "crimes", sources, _crime),
        penalties=_read(tables, "penalties", sources, _penalty),
        routes=_read(tables, "routes", sources, _route),
        limits=_read(tables, "limits", sources, _limit),
        cautions=_read(tables, "cautions", sources, _caution),
        bodies=_read(tables, "bodies", sources, _body),
        statuses=_read(tables, "statuses", sources, _status),
    )
    offences = {rule.code for rule in book.penalties}
    for rule in book.crimes:
        if rule.offence and rule.offence not in offences:
            raise RuleError(Fault.NO_OFFENCE, "crimes", rule.code, value=rule.offence)
    return book
