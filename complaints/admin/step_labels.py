"""What each step of a case is called: on its button, in a sentence, in the history; and why one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Words: TypeAlias = "str | _StrPromise"

_CRIMINAL: Final[tuple[Words, Words]] = (
    gettext_lazy("Record a criminal decision"),
    gettext_lazy(
        "The decision of a court or of Sentra Gakkumdu is recorded. The status of the case does not "
        "change, and a disciplinary sanction stays recorded beside it."
    ),
)
# Of each step: the text of the button, and in one sentence what the step does.
STAFF_STEPS: Final[dict[str, tuple[Words, Words]]] = {
    "start_review": (
        gettext_lazy("Start checking"),
        gettext_lazy("The case is now being checked by the office."),
    ),
    "ask_reporter": (
        gettext_lazy("Ask the reporter"),
        gettext_lazy(
            "The case waits for the reporter's answer. If none comes by the deadline nothing is closed: you then go on "
            "with what there is, or let the case rest until an answer comes."
        ),
    ),
    "verify": (
        gettext_lazy("Verify"),
        gettext_lazy(
            "You confirm that the report is complete and may be forwarded. Another person forwards it, not you."
        ),
    ),
    "end_wait": (
        gettext_lazy("Go on without an answer"),
        gettext_lazy("The case is checked again with what there is. An answer that comes later still reaches you."),
    ),
    "rest": (
        gettext_lazy("Let it rest"),
        gettext_lazy(
            "The case has no deadline from now on and is not closed. An answer, on any day, brings it back to you."
        ),
    ),
    "send_back": (
        gettext_lazy("Send back to checking"),
        gettext_lazy("The case is checked again, with your reason. Nothing has left the office."),
    ),
    "prepare_referral": (
        gettext_lazy("Prepare a letter to another authority"),
        gettext_lazy(
            "Another person chooses what the letter holds, prints it and delivers it. Until then nothing has left "
            "the office, and the reporter is told so."
        ),
    ),
    "deliver": (
        gettext_lazy("Record the delivery"),
        gettext_lazy("The letter was handed over and its receipt is here. The case ends with it."),
    ),
    "criminal_outcome": _CRIMINAL,
    "recall": (
        gettext_lazy("Take back from the body"),
        gettext_lazy(
            "The case is checked again here. What the body has read and saved it keeps; it can no longer act on "
            "this release."
        ),
    ),
    "forward": (
        gettext_lazy("Forward to a body"),
        gettext_lazy(
            "The body gets the key to what you release now. You can recall it until the body takes it up; "
            "what was read by then cannot be taken back."
        ),
    ),
    "refer": (
        gettext_lazy("Name the authority in charge"),
        gettext_lazy(
            "The case ends here and nothing is sent. Say to the reporter who is in charge and what they can do there."
        ),
    ),
    "propose_ineligible": (
        gettext_lazy("Propose: not eligible"),
        gettext_lazy("A second person looks at your reason and decides. Nothing is turned away yet."),
    ),
    "confirm_ineligible": (
        gettext_lazy("Confirm: not eligible"),
        gettext_lazy("The case ends. What the reporter writes later is read, and you can open the case again."),
    ),
    "reject_ineligible": (
        gettext_lazy("Do not turn it away"),
        gettext_lazy("The proposal is rejected; the case goes back to being checked."),
    ),
    "reopen": (
        gettext_lazy("Open again"),
        gettext_lazy("The case goes back to being checked, and its days count anew."),
    ),
}
# On the page of an inquiry.
INQUIRY_STEPS: Final[dict[str, Words]] = {
    "answer_inquiry": gettext_lazy("Send the answer"),
    "close_inquiry": gettext_lazy("Close with these words"),
}
BODY_STEPS: Final[dict[str, tuple[Words, Words]]] = {
    "take_up": (gettext_lazy("Take up"), gettext_lazy("Your body begins to examine the report.")),
    "resume": (
        gettext_lazy("Go on without an answer"),
        gettext_lazy("The examination goes on; an answer that comes later still reaches you."),
    ),
    "return": (
        gettext_lazy("Return with a question"),
        gettext_lazy(
            "The case goes back to the office with your question. You can no longer act on this release; "
            "if the case is forwarded again you get a new one."
        ),
    ),
    "decline": (
        gettext_lazy("Not in our charge"),
        gettext_lazy(
            "The case goes back to the office, which looks for the body in charge. You can no longer act on this "
            "release."
        ),
    ),
    "reconsider": (
        gettext_lazy("Examine again"),
        gettext_lazy("The case is examined once more. What was recorded stays, and what you decide now follows it."),
    ),
    "remind": (
        gettext_lazy("Record a reminder to the agency"),
        gettext_lazy("Print the letter first and send it. The time of the agency does not begin anew."),
    ),
    "escalate": (
        gettext_lazy("Record a letter to the superior"),
        gettext_lazy("Print the letter first and send it to whoever stands above the agency that did not act."),
    ),
    "hear_accused": (
        gettext_lazy("Record the right of reply"),
        gettext_lazy(
            "You record that the accused was heard, or was summoned and did not come. A finding “proven” needs it."
        ),
    ),
    "postpone_hearing": (
        gettext_lazy("Record why they cannot be heard yet"),
        gettext_lazy("Your reason stays on the release. The accused still has to be heard before a finding “proven”."),
    ),
    "substantiate": (
        gettext_lazy("Propose: proven"),
        gettext_lazy(
            "A second person of your body reads your finding and confirms it or sends it back. Until then the case "
            "stands where it is."
        ),
    ),
    "dismiss": (
        gettext_lazy("Propose: not proven"),
        gettext_lazy(
            "A second person of your body reads your finding and confirms it, and the case ends; or sends it back. "
            "Until then the case stands where it is."
        ),
    ),
    "await_agency": (
        gettext_lazy("Record the recommendation"),
        gettext_lazy("Your recommendation is recorded, and the time that the agency has to act begins."),
    ),
    "sanction": (
        gettext_lazy("Record the sanction"),
        gettext_lazy(
            "The agency's decision is recorded and the case ends. A mistake is corrected by a further record."
        ),
    ),
    "no_sanction": (
        gettext_lazy("Record that there is no sanction"),
        gettext_lazy("What ended the matter is recorded and the case ends. An earlier record stays beside it."),
    ),
    "correct": (
        gettext_lazy("Correct the sanction"),
        gettext_lazy("The right decision is recorded with your reason. The earlier record stays beside it."),
    ),
    "criminal_outcome": _CRIMINAL,
}
# Of each step: the line in the history of the case.
STEPS_DONE: Final[dict[str, Words]] = {
    "start_review": gettext_lazy("Checking begun"),
    "ask_reporter": gettext_lazy("Reporter asked"),
    "answer": gettext_lazy("Reporter answered"),
    "end_wait": gettext_lazy("Went on without an answer"),
    "rest": gettext_lazy("Rests until an answer comes"),
    "send_back": gettext_lazy("Sent back to checking"),
    "decline": gettext_lazy("The body is not in charge"),
    "recall": gettext_lazy("Taken back from the body"),
    "reconsider": gettext_lazy("Examined again"),
    "remind": gettext_lazy("Agency reminded"),
    "escalate": gettext_lazy("Taken to the agency's superior"),
    "no_sanction": gettext_lazy("Ended without a sanction"),
    "correct": gettext_lazy("Sanction corrected"),
    "criminal_outcome": gettext_lazy("Criminal decision recorded"),
    "prepare_referral": gettext_lazy("Letter to another authority in preparation"),
    "deliver": gettext_lazy("Delivered to another authority"),
    "verify": gettext_lazy("Verified"),
    "forward": gettext_lazy("Forwarded"),
    "take_up": gettext_lazy("Taken up by the body"),
    "resume": gettext_lazy("Resumed without an answer"),
    "return": gettext_lazy("Returned by the body with a question"),
    "hear_accused": gettext_lazy("Right of reply recorded"),
    "postpone_hearing": gettext_lazy("The accused could not be heard yet"),
    "propose_finding": gettext_lazy("Finding proposed to a second person"),
    "return_finding": gettext_lazy("Proposed finding sent back"),
    "take_back_finding": gettext_lazy("Proposed finding taken back"),
    "substantiate": gettext_lazy("Found proven"),
    "dismiss": gettext_lazy("Found not proven"),
    "await_agency": gettext_lazy("Recommendation recorded"),
    "mark_overdue": gettext_lazy("The agency has not answered and is to be reminded"),
    "sanction": gettext_lazy("Sanction recorded"),
    "refer": gettext_lazy("Shown the way to another authority"),
    "propose_ineligible": gettext_lazy("Proposed as not eligible"),
    "confirm_ineligible": gettext_lazy("Confirmed as not eligible"),
    "reject_ineligible": gettext_lazy("Proposal rejected"),
    "withdraw": gettext_lazy("Withdrawn by the reporter"),
    "reopen": gettext_lazy("Opened again"),
    "object": gettext_lazy("Its reporter objected: opened again"),
    "link": gettext_lazy("Question settled: linked to another case"),
    "undo_import": gettext_lazy("Import undone"),
    "answer_late": gettext_lazy("A late answer opened it again"),
}
REFUSALS: Final[dict[str, Words]] = {
    "changed": gettext_lazy("The case changed since you opened the page."),
    "not_from_here": gettext_lazy("This step is not possible from where the case stands now."),
    "wrong_actor": gettext_lazy("This step is not yours to take."),
    "missing_permission": gettext_lazy("This step belongs to another role than yours."),
    "reason_missing": gettext_lazy("Write a reason; this step needs one."),
    "no_reporter": gettext_lazy("Staff entered this finding: there is no reporter who could be asked."),
    "too_early": gettext_lazy("The reporter still has time to answer; this is possible when the deadline has passed."),
    "wrong_day": gettext_lazy("The day lies before the act that was reported, or is still to come."),
    "unheard": gettext_lazy(
        "The accused has not been heard yet. Record the right of reply first, then propose the finding."
    ),
    "proposed": gettext_lazy("A finding is proposed already; it is confirmed, sent back or taken back first."),
    "not_proposed": gettext_lazy("No finding waits for a second person."),
    "other_person": gettext_lazy("Only the person who proposed the finding can take it back; you can send it back."),
    "other_body": gettext_lazy(
        "Another body still works on this case. Take its release back first, or wait for the end of its examination."
    ),
    "same_person": gettext_lazy(
        "The step before was yours, or the closing that the reporter objected to; another person has to take this one."
    ),
}
