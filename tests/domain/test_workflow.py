"""The workflow against a table written by hand: what is not in it must be refused, whoever asks."""

from collections.abc import Iterator
from itertools import chain, combinations, product

import pytest

from complaints.domain.workflow import (
    ENDED,
    LIMITS,
    OPEN,
    TABLE,
    URGENT_LIMITS,
    WITHDRAWABLE,
    Action,
    ActorKind,
    Limit,
    Permission,
    Refusal,
    Status,
    TransitionRefused,
    Unit,
    allowed,
    check,
    limit_for,
    stage,
    target_of,
    transition_for,
)

# from, action, actor, permissions of which one is enough ("-": none needed), to ("=": the state that asked),
# flags: w = a reason is needed, n = the reporter is told, 2 = by a second person
EXPECTED = """
received             start_review        staff     triage          in_review            n
received             withdraw            reporter  -               withdrawn            .
received             undo_import         staff     triage,forward  ineligible           w
in_review            ask_reporter        staff     triage          needs_information    wn
in_review            verify              staff     triage          verified             n
in_review            refer               staff     triage          referred             wn
in_review            propose_ineligible  staff     triage          ineligible_proposed  w
in_review            withdraw            reporter  -               withdrawn            .
needs_information    answer              reporter  -               =                    .
needs_information    link                staff     triage          =                    w
needs_information    expire              system    -               ineligible           n
needs_information    resume              body      oversee         =                    n
needs_information    withdraw            reporter  -               withdrawn            .
verified             forward             staff     forward         forwarded            n2
verified             withdraw            reporter  -               withdrawn            .
forwarded            take_up             body      oversee         under_examination    n
forwarded            return              body      oversee         in_review            w
under_examination    return              body      oversee         in_review            w
under_examination    ask_reporter        body      oversee         needs_information    wn
under_examination    substantiate        body      oversee         substantiated        n
under_examination    dismiss             body      oversee         unsubstantiated      wn
substantiated        await_agency        body      oversee         awaiting_agency      n
awaiting_agency      mark_overdue        system    -               overdue_agency       n
awaiting_agency      sanction            body      oversee         sanctioned           n
overdue_agency       sanction            body      oversee         sanctioned           n
ineligible_proposed  confirm_ineligible  staff     triage,forward  ineligible           wn2
ineligible_proposed  reject_ineligible   staff     triage,forward  in_review            w
ineligible_proposed  withdraw            reporter  -               withdrawn            .
ineligible           reopen              staff     triage          in_review            wn
ineligible           answer_late         reporter  -               in_review            .
unsubstantiated      reopen              staff     triage          in_review            wn
referred             reopen              staff     triage          in_review            wn
sanctioned           reopen              staff     triage          in_review            wn
"""
ROWS = {(row[0], row[1]): row[2:] for row in map(str.split, EXPECTED.strip().splitlines())}
PERMISSION_SETS = [
    frozenset(chosen)
    for chosen in chain.from_iterable(combinations(Permission, size) for size in range(len(Permission) + 1))
]
ASKERS = (None, *Status)


def refusal(**step: object) -> str | None:
    try:
        check(**step)  # type: ignore[arg-type]
    except TransitionRefused as refused:
        return refused.code
    return None


def expected_refusal(
    status: Status,
    action: Action,
    actor: ActorKind,
    permissions: frozenset[Permission],
    asked_from: Status | None,
) -> str | None:
    row = ROWS.get((status.value, action.value))
    askers = {Action.EXPIRE: Status.IN_REVIEW, Action.LINK: Status.IN_REVIEW, Action.RESUME: Status.UNDER_EXAMINATION}
    if status is Status.NEEDS_INFORMATION:
        askers[Action.WITHDRAW] = Status.IN_REVIEW  # not once a body holds the report
    if row is None or askers.get(action, asked_from) is not asked_from:
        return "not_from_here"
    wanted_actor, wanted_permissions, _, _ = row
    if actor.value != wanted_actor:
        return "wrong_actor"
    if wanted_permissions != "-" and not set(wanted_permissions.split(",")) & permissions:
        return "missing_permission"
    return None


def combos() -> Iterator[tuple[Status, Action, ActorKind, frozenset[Permission]]]:
    yield from product(Status, Action, ActorKind, PERMISSION_SETS)


def test_every_combination_matches_the_handwritten_table() -> None:
    for status, action, actor, permissions in combos():
        for asked_from in ASKERS:
            step = {"action": action, "status": status, "actor": actor, "permissions": permissions}
            got = refusal(**step, reason="because", previous_actor_same=False, asked_from=asked_from)
            assert got == expected_refusal(status, action, actor, permissions, asked_from), step


def test_allowed_lists_exactly_what_check_lets_through() -> None:
    for status, actor, permissions in product(Status, ActorKind, PERMISSION_SETS):
        for asked_from in ASKERS:
            listed = [row.action for row in allowed(status, actor, permissions, asked_from=asked_from)]
            expected = {
                action for action in Action if expected_refusal(status, action, actor, permissions, asked_from) is None
            }
            assert len(listed) == len(expected)
            assert set(listed) == expected


@pytest.mark.parametrize(("status", "action"), sorted(ROWS))
def test_each_row_leads_where_it_should_with_its_conditions(status: str, action: str) -> None:
    actor, permissions, target, flags = ROWS[status, action]
    row = transition_for(Action(action), Status(status))
    if target == "=":
        assert row.target is None
    else:
        assert target_of(row, None) == target
    assert row.reason_required == ("w" in flags)
    assert row.notice == ("n" in flags)
    assert (row.second_person_than is not None) == ("2" in flags)
    step = {"action": Action(action), "status": Status(status), "actor": ActorKind(actor)}
    held = frozenset(Permission(code) for code in permissions.split(",") if code != "-")
    asked = row.asked_from or Status.IN_REVIEW
    for blank in ("", "  \n\t"):
        got = refusal(**step, permissions=held, reason=blank, previous_actor_same=False, asked_from=asked)
        assert got == ("reason_missing" if "w" in flags else None)
    got = refusal(**step, permissions=held, reason="because", previous_actor_same=True, asked_from=asked)
    assert got == ("same_person" if "2" in flags else None)


def test_second_person_rules_name_the_earlier_step() -> None:
    assert transition_for(Action.FORWARD, Status.VERIFIED).second_person_than is Action.VERIFY
    confirm = transition_for(Action.CONFIRM_INELIGIBLE, Status.INELIGIBLE_PROPOSED)
    assert confirm.second_person_than is Action.PROPOSE_INELIGIBLE


def test_an_answer_returns_to_the_state_that_asked() -> None:
    row = transition_for(Action.ANSWER, Status.NEEDS_INFORMATION)
    askers = {Status.IN_REVIEW, Status.UNDER_EXAMINATION}
    for status in Status:
        if status in askers:
            assert target_of(row, status) is status
        else:
            with pytest.raises(TransitionRefused, match=r"\Anot_from_here\Z"):
                target_of(row, status)
    with pytest.raises(TransitionRefused):
        target_of(row, None)


def test_a_refusal_carries_a_known_code_and_nothing_else() -> None:
    assert {code.value for code in Refusal} == {
        *("not_from_here", "wrong_actor", "missing_permission", "reason_missing", "same_person")
    }
    for code in Refusal:
        refused = TransitionRefused(code.value)
        assert refused.code == code
        assert refused.args == (code.value,)
    with pytest.raises(ValueError, match="secret"):
        TransitionRefused("secret")


def test_no_action_has_two_rows_out_of_one_state() -> None:
    pairs = [(row.action, source) for row in TABLE for source in row.sources]
    assert len(pairs) == len(set(pairs)) == len(ROWS)
    assert {row.action for row in TABLE} == set(Action)


def test_every_rule_says_where_it_comes_from() -> None:
    for row in TABLE:
        origin, _, citation = row.source.partition(": ")
        assert origin in {"law", "practice", "proposal"}
        assert citation
        assert "\n" not in row.source


def test_every_state_is_reached_and_every_open_one_has_a_way_out() -> None:
    onward: dict[str, set[str]] = {status.value: set() for status in Status}
    for (source, _), (_, _, target, _) in ROWS.items():
        onward[source].add(target)
    reached, new = {"received"}, {"received"}
    while new:
        new = set().union(*(onward[status] for status in new)) - reached - {"="}
        reached |= new
    assert reached == {status.value for status in Status}
    for status in OPEN:
        assert onward[status], status
    assert onward[Status.WITHDRAWN] == set()
    for status in ENDED - {Status.WITHDRAWN}:
        assert onward[status] == {"in_review"}


def test_open_ended_and_withdrawable_are_as_designed() -> None:
    assert set(Status) == OPEN | ENDED
    assert not OPEN & ENDED
    assert {status.value for status in ENDED} == {
        *("unsubstantiated", "sanctioned", "referred", "ineligible", "withdrawn")
    }
    assert {status.value for status in WITHDRAWABLE} == {
        *("received", "in_review", "ineligible_proposed", "needs_information", "verified")
    }


def test_stages_of_each_status() -> None:
    third = {"forwarded", "under_examination", "substantiated", "unsubstantiated"}
    third |= {"awaiting_agency", "overdue_agency"}
    for status in Status:
        expected = {"verified": 2, "sanctioned": 4}.get(status.value, 3 if status.value in third else 1)
        assert stage(status) == expected


def test_review_deadline_counts_from_receipt_then_from_reentry() -> None:
    limits = {name: Limit(3, Unit.WORKING_DAYS, "received") for name in {*LIMITS.values(), *URGENT_LIMITS.values()}}
    limits["forward-urgent"] = Limit(9, Unit.HOURS, "entered")
    assert limit_for(Status.IN_REVIEW, source=Status.RECEIVED, limits=limits) == Limit(3, Unit.WORKING_DAYS, "received")
    for source in set(Status) - {Status.RECEIVED}:
        again = limit_for(Status.IN_REVIEW, source=source, limits=limits)
        assert again == Limit(3, Unit.WORKING_DAYS, "entered")
    assert limit_for(Status.RECEIVED, source=None, limits=limits) == limits["first-look"]
    assert limit_for(Status.SANCTIONED, source=Status.AWAITING_AGENCY, limits=limits) is None
    assert limit_for(Status.VERIFIED, source=Status.IN_REVIEW, limits=limits, urgent=True) == limits["forward-urgent"]
    assert {**URGENT_LIMITS, Status.VERIFIED: LIMITS[Status.VERIFIED]} == LIMITS
