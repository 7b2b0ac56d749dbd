"""The workflow against a table written by hand: what is not in it must be refused, whoever asks."""

from collections.abc import Iterator
from itertools import chain, combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain.objections import closer_objected_to
from complaints.domain.workflow import (
    ENDED,
    LIMITS,
    OF_INQUIRIES,
    OPEN,
    PROMISED,
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

# from, action, actor, permissions of which one is enough ("-": none needed),
# to ("=": the state that asked, ".": the same state), flags:
# w = a reason is needed, n = the reporter is told, 2 = by a second person, 1 = by the same person,
# c = after an objection not by whoever closed it,
# p = a finding must be proposed, o = none may be, h = the accused must have been heard
EXPECTED = """
received             start_review        staff     triage          in_review            n
received             withdraw            reporter  -               withdrawn            .
received             undo_import         staff     triage,forward  ineligible           w
in_review            ask_reporter        staff     triage          needs_information    wn
in_review            verify              staff     triage          verified             nc
in_review            prepare_referral    staff     triage          referring            wnc
in_review            refer               staff     triage          referred             wnc
in_review            propose_ineligible  staff     triage          ineligible_proposed  wc
in_review            withdraw            reporter  -               withdrawn            .
needs_information    answer              reporter  -               =                    .
needs_information    link                staff     triage          =                    w
needs_information    end_wait            staff     triage          in_review            n
needs_information    rest                staff     triage          resting              wn
needs_information    resume              body      oversee         =                    n
needs_information    recall              staff     forward         in_review            wn
needs_information    withdraw            reporter  -               withdrawn            .
resting              answer_late         reporter  -               in_review            .
resting              end_wait            staff     triage          in_review            n
resting              withdraw            reporter  -               withdrawn            .
verified             send_back           staff     triage,forward  in_review            w
verified             forward             staff     forward         forwarded            n2
verified             prepare_referral    staff     triage          referring            wnc
verified             refer               staff     triage          referred             wnc
verified             propose_ineligible  staff     triage          ineligible_proposed  wc
verified             withdraw            reporter  -               withdrawn            .
referring            send_back           staff     triage,forward  in_review            w
referring            deliver             staff     forward         delivered            wn2
referring            withdraw            reporter  -               withdrawn            .
forwarded            take_up             body      oversee         under_examination    n
forwarded            return              body      oversee         in_review            w
forwarded            decline             body      oversee         in_review            wn
forwarded            recall              staff     forward         in_review            wn
under_examination    return              body      oversee         in_review            w
under_examination    decline             body      oversee         in_review            wn
under_examination    recall              staff     forward         in_review            wn
under_examination    ask_reporter        staff     triage,forward  needs_information    wn
under_examination    hear_accused        body      oversee         .                    .
under_examination    postpone_hearing    body      oversee         .                    w
under_examination    propose_finding     body      oversee         .                    wo
under_examination    return_finding      body      oversee         .                    w2p
under_examination    take_back_finding   body      oversee         .                    1p
under_examination    substantiate        body      oversee         substantiated        n2ph
under_examination    dismiss             body      oversee         unsubstantiated      wn2p
under_examination    criminal_outcome    body      oversee         .                    n
substantiated        await_agency        body      oversee         awaiting_agency      n
substantiated        reconsider          body      oversee         under_examination    wn
substantiated        no_sanction         body      oversee         not_sanctioned       wn
substantiated        criminal_outcome    body      oversee         .                    n
substantiated        recall              staff     forward         in_review            wn
awaiting_agency      mark_overdue        system    -               overdue_agency       n
awaiting_agency      remind              body      oversee         .                    n
awaiting_agency      escalate            body      oversee         .                    n
awaiting_agency      sanction            body      oversee         sanctioned           n
awaiting_agency      no_sanction         body      oversee         not_sanctioned       wn
awaiting_agency      criminal_outcome    body      oversee         .                    n
awaiting_agency      reconsider          body      oversee         under_examination    wn
awaiting_agency      recall              staff     forward         in_review            wn
overdue_agency       remind              body      oversee         .                    n
overdue_agency       escalate            body      oversee         .                    n
overdue_agency       sanction            body      oversee         sanctioned           n
overdue_agency       no_sanction         body      oversee         not_sanctioned       wn
overdue_agency       criminal_outcome    body      oversee         .                    n
overdue_agency       reconsider          body      oversee         under_examination    wn
overdue_agency       recall              staff     forward         in_review            wn
ineligible_proposed  confirm_ineligible  staff     triage,forward  ineligible           wn2c
ineligible_proposed  reject_ineligible   staff     triage,forward  in_review            w
ineligible_proposed  withdraw            reporter  -               withdrawn            .
ineligible           reopen              staff     triage          in_review            wn
ineligible           object              reporter  -               in_review            w
unsubstantiated      object              reporter  -               in_review            w
referred             object              reporter  -               in_review            w
not_sanctioned       object              reporter  -               in_review            w
unsubstantiated      reopen              staff     triage          in_review            wn
unsubstantiated      reconsider          body      oversee         under_examination    wn
unsubstantiated      criminal_outcome    body      oversee         .                    n
referred             reopen              staff     triage          in_review            wn
referred             criminal_outcome    staff     triage,forward  .                    n
delivered            reopen              staff     triage          in_review            wn
delivered            criminal_outcome    staff     triage,forward  .                    n
sanctioned           reopen              staff     triage          in_review            wn
sanctioned           no_sanction         body      oversee         not_sanctioned       wn
sanctioned           correct             body      oversee         sanctioned           wn
sanctioned           criminal_outcome    body      oversee         .                    n
not_sanctioned       reopen              staff     triage          in_review            wn
not_sanctioned       no_sanction         body      oversee         not_sanctioned       wn
not_sanctioned       correct             body      oversee         sanctioned           wn
not_sanctioned       criminal_outcome    body      oversee         .                    n
asked                answer_inquiry      staff     triage,forward  answered             wn
asked                close_inquiry       staff     triage,forward  closed               wn
asked                withdraw            reporter  -               withdrawn            .
answered             ask_on              reporter  -               asked                .
answered             close_inquiry       staff     triage,forward  closed               wn
answered             withdraw            reporter  -               withdrawn            .
closed               ask_on              reporter  -               asked                .
closed               withdraw            reporter  -               withdrawn            .
"""
ROWS = {(row[0], row[1]): row[2:] for row in map(str.split, EXPECTED.strip().splitlines())}
PERMISSION_SETS = [
    frozenset(chosen)
    for chosen in chain.from_iterable(combinations(Permission, size) for size in range(len(Permission) + 1))
]
ASKERS = (None, *Status)


def conditions(flags: str) -> dict[str, object]:
    """What must have happened before, so that a row with these flags lets its step through."""
    earlier = ["forward", "hear_accused", *(["propose_finding"] if "p" in flags else [])]
    return {"previous_actor_same": "1" in flags, "earlier": earlier}


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
    askers: dict[Action, Status] = {}
    if status is Status.NEEDS_INFORMATION:
        # What the office asked it ends, and what a body asked the body; no withdrawal once a body holds the report.
        own = (Action.END_WAIT, Action.REST, Action.LINK, Action.WITHDRAW)
        askers = dict.fromkeys(own, Status.IN_REVIEW)
        askers |= dict.fromkeys((Action.RESUME, Action.RECALL), Status.UNDER_EXAMINATION)
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
            before = conditions(ROWS.get((status.value, action.value), (".",))[-1])
            got = refusal(**step, reason="because", **before, asked_from=asked_from)
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
        assert target_of(row, Status(status), None) == (status if target == "." else target)
    assert row.reason_required == ("w" in flags)
    assert row.notice == ("n" in flags)
    assert (row.second_person_than is not None) == ("2" in flags)
    assert (row.same_person_as is not None) == ("1" in flags)
    step = {"action": Action(action), "status": Status(status), "actor": ActorKind(actor)}
    held = frozenset(Permission(code) for code in permissions.split(",") if code != "-")
    asked = row.asked_from or Status.IN_REVIEW
    for blank in ("", "  \n\t"):
        got = refusal(**step, permissions=held, reason=blank, **conditions(flags), asked_from=asked)
        assert got == ("reason_missing" if "w" in flags else None)
    before = conditions(flags)
    other = before | {"previous_actor_same": not before["previous_actor_same"]}
    got = refusal(**step, permissions=held, reason="because", **other, asked_from=asked)
    assert got == ("same_person" if "2" in flags else "other_person" if "1" in flags else None)
    again = before | {"earlier": ["forward", "hear_accused", "propose_finding", "return_finding", "forward"]}
    got = refusal(**step, permissions=held, reason="because", **again, asked_from=asked)
    assert got == ("not_proposed" if "p" in flags else None)
    unheard = before | {"earlier": ["hear_accused", "forward", "propose_finding"]}
    got = refusal(**step, permissions=held, reason="because", **unheard, asked_from=asked)
    assert got == ("unheard" if "h" in flags else "proposed" if "o" in flags else None)
    got = refusal(**step, permissions=held, reason="because", **before, asked_from=asked, is_closer=True)
    assert got == ("same_person" if "c" in flags else None)


def test_second_person_rules_name_the_earlier_step() -> None:
    assert transition_for(Action.FORWARD, Status.VERIFIED).second_person_than is Action.VERIFY
    confirm = transition_for(Action.CONFIRM_INELIGIBLE, Status.INELIGIBLE_PROPOSED)
    assert confirm.second_person_than is Action.PROPOSE_INELIGIBLE


def test_an_objection_bars_whoever_closed_the_case_until_it_is_closed_again() -> None:
    closed = [("propose_ineligible", "vino"), ("confirm_ineligible", "vera")]
    objected = [*closed, ("object", "")]
    assert closer_objected_to(closed) is None
    assert closer_objected_to(objected) == "vera"
    assert closer_objected_to([*objected, ("verify", "vino")]) == "vera"
    assert closer_objected_to([*objected, ("propose_ineligible", "fitri"), ("confirm_ineligible", "vino")]) is None
    assert closer_objected_to([*closed, ("reopen", "vino")]) is None


def test_an_answer_returns_to_the_state_that_asked() -> None:
    row = transition_for(Action.ANSWER, Status.NEEDS_INFORMATION)
    askers = {Status.IN_REVIEW, Status.UNDER_EXAMINATION}
    for status in Status:
        if status in askers:
            assert target_of(row, Status.NEEDS_INFORMATION, status) is status
        else:
            with pytest.raises(TransitionRefused, match=r"\Anot_from_here\Z"):
                target_of(row, Status.NEEDS_INFORMATION, status)
    with pytest.raises(TransitionRefused):
        target_of(row, Status.NEEDS_INFORMATION, None)


def test_a_refusal_carries_a_known_code_and_nothing_else() -> None:
    assert {code.value for code in Refusal} == {
        *(
            "not_from_here",
            "wrong_actor",
            "missing_permission",
            "reason_missing",
            "same_person",
            "other_body",
            "wrong_day",
            "too_early",
            "other_person",
            "not_proposed",
            "proposed",
            "unheard",
        )
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


def _reachable(start: str, by: set[str]) -> set[str]:
    """The states that steps of these actors lead to, over any number of steps; a question leads back to its asker."""
    onward: dict[str, set[str]] = {status.value: set() for status in Status}
    for (source, _), (actor, _, target, _) in ROWS.items():
        if actor in by:
            onward[source] |= {"in_review", "under_examination"} if target == "=" else {target} - {"."}
    reached, new = {start}, {start}
    while new:
        new = set().union(*(onward[status] for status in new)) - reached
        reached |= new
    return reached


def test_every_state_is_reached_and_left_by_a_person_to_an_end_and_back() -> None:
    """No state is left by the clock alone, nor waits for a reporter: those who work lead each to an end, and back."""
    workers = {"staff", "body"}
    reports = {status.value for status in OPEN | ENDED}
    assert _reachable("received", {actor.value for actor in ActorKind}) == reports
    ends = {status.value for status in ENDED}
    for status in OPEN | ENDED:
        reached = _reachable(status.value, workers) - {status.value}
        if status is Status.WITHDRAWN:
            assert not reached
            continue
        assert reached & ends, status
        assert status is Status.IN_REVIEW or "in_review" in reached, status
    assert {action for (_, action), row in ROWS.items() if row[0] == "system"} == {"mark_overdue"}


def test_an_inquiry_never_becomes_a_report_and_a_report_no_inquiry() -> None:
    everybody = {actor.value for actor in ActorKind}
    own = {status.value for status in OF_INQUIRIES}
    assert _reachable("asked", everybody) == own | {"withdrawn"}
    assert not _reachable("received", everybody) & own
    # The office leads each to an answer or an end, and no clock does.
    assert _reachable("asked", {"staff"}) == own


def test_each_asker_is_led_on_by_a_person() -> None:
    everything = frozenset(Permission)
    for asker, actors in ((Status.IN_REVIEW, (ActorKind.STAFF,)), (Status.UNDER_EXAMINATION, tuple(ActorKind)[1:3])):
        for actor in actors:
            rows = allowed(Status.NEEDS_INFORMATION, actor, everything, asked_from=asker)
            assert [row for row in rows if row.action is not Action.LINK], (asker, actor)


def test_open_ended_and_withdrawable_are_as_designed() -> None:
    assert set(Status) == OPEN | ENDED | OF_INQUIRIES
    assert not OPEN & ENDED
    assert not OF_INQUIRIES & (OPEN | ENDED | PROMISED)
    assert {status.value for status in OF_INQUIRIES} == {"asked", "answered", "closed"}
    assert {status.value for status in ENDED} == {
        *("unsubstantiated", "sanctioned", "not_sanctioned", "delivered", "referred", "ineligible", "withdrawn")
    }
    assert {status.value for status in WITHDRAWABLE} == {
        *("received", "in_review", "ineligible_proposed", "needs_information", "resting", "verified", "referring")
    }


def test_stages_of_each_status() -> None:
    third = {"forwarded", "under_examination", "substantiated", "unsubstantiated"}
    third |= {"awaiting_agency", "overdue_agency", "not_sanctioned"}
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


@given(st.data())
def test_random_walks_follow_the_table_and_stage_never_decreases(data: st.DataObject) -> None:
    status, asked_from, reached = Status.RECEIVED, None, 1
    everything = frozenset(Permission)
    for _ in range(30):
        steps = (allowed(status, actor, everything, asked_from=asked_from) for actor in ActorKind)
        rows = list(chain.from_iterable(steps))
        if not rows:
            assert status is Status.WITHDRAWN
            break
        row = data.draw(st.sampled_from(rows))
        target = target_of(row, status, asked_from)
        expected = ROWS[status.value, row.action.value][2]
        assert target == {"=": asked_from, ".": status}.get(expected, expected)
        if target is Status.NEEDS_INFORMATION:
            asked_from = status
        before, reached = reached, max(reached, stage(target))
        assert before <= reached <= 4
        # no stage is jumped: nothing is forwarded unverified, nothing punished unforwarded
        assert reached - before <= 1
        status = target
