"""What the verification of the audit chain leaves behind: the faults that it names, and how far it has come."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

# The codes of faults, each with what is said of it; services.audit refuses any other.
FAULTS: Final = {
    "entry.missing": _("Entries of the chain are missing"),
    "entry.unreadable": _("An entry of the chain cannot be read"),
    "entry.rewritten": _("Entries of the chain were taken out or altered for a while, and put back"),
    "row.rewritten": _("Rows that nothing writes again were deleted or altered for a while, and put back"),
    "entry.altered": _("An entry of the chain was altered"),
    "entry.not_by_portal": _("An entry of the chain was not written by the portal"),
    "entry.signature": _("An entry of the chain has a wrong signature"),
    "entry.unknown_key": _("An entry of the chain is signed by an unknown key"),
    "entry.other_person": _("An entry of the chain is signed by somebody else"),
    "entry.not_by_person": _("An entry of the chain is not signed by the person who acted"),
    "entry.rights": _("Somebody acted with other rights than the chain gives them"),
    "entry.same_person": _("One person took a step that needs two"),
    "entry.no_proposal": _("A finding was recorded that nobody had proposed, or without hearing the accused"),
    "entry.not_entitled": _("An act on an account, a team or settings by somebody who may not"),
    "signin.differs": _("Somebody signed in while their account or second factors were not as recorded"),
    "signin.refused": _("A sign-in was refused: the account or its second factors were not as recorded"),
    "head.differs": _("An entry is not the head that left the machine"),
    "head.beyond": _("The chain was cut off: a head that left the machine lies beyond its end"),
    "chain.cut": _("The chain was cut off: it does not end where its head says"),
    "chain.beyond": _("An entry lies beyond the head of the chain"),
    "batch.count": _("What reporters sent in a closed batch became more or less"),
    "batch.altered": _("What reporters sent in a closed batch was altered"),
    "batch.order": _("The entries of closed batches do not follow one another"),
    "batch.none": _("A row of a reporter is in no batch"),
    "report.signature": _("A report or an inquiry is not as its sender has signed it"),
    "identity.gone": _("A report has lost the sealed place of the reporter's name"),
    "identity.signature": _("The sealed place of a reporter's name is signed by nobody who may write it"),
    "identity.older": _("The sealed place of a reporter's name holds an older version"),
    "signin.fell": _("A count or a delay of refused sign-ins was altered in the database"),
    "signin.count": _("A count of sign-ins, or what was told of it, is not as recorded"),
    "factor.mark": _("A recovery code that was used stands as unused"),
    "clock.differs": _("The clocks of the database and of the jobs differ, so that no batch was closed"),
    "clock.future": _("The open batch bears a day that has not come"),
    "batch.held": _("The open batch bears a later day than the one on which it was opened, so that it stays open"),
    "record.altered": _("The record of the last verification was altered, so that all is verified anew"),
    "record.older": _("An older record of the verification was put back"),
    "faults.more": _("More faults were met than are kept one by one"),
    "structure.missing": _("Part of the database's structure is missing or was altered"),
    "structure.surplus": _("The database holds an object or a setting that the portal has not made"),
    "structure.rights": _("A role of the database may do more or less than it should"),
    "thread.rows": _("Something that belongs to a report is gone, or there is too much of it"),
    "batch.open": _("What reporters sent in the open batch is gone or was altered"),
    "faults.gone": _("Faults that were named have been deleted or altered"),
    "rows.unreadable": _("Rows of a table cannot be read by their check"),
    "row.gone": _("What staff or a body wrote is gone"),
    "row.altered": _("What staff or a body wrote was altered"),
    "row.unrecorded": _("More is stored than the chain records"),
    "grant.resealed": _("A sealed key is not as its team sealed it again"),
    "case.step_count": _("A step of a case is missing or too many"),
    "case.step": _("A step of a case was altered"),
    "case.status": _("A case does not have the status that its steps lead to"),
    "case.reporter": _("A step of a reporter is not signed by a reporter of the case"),
    "case.entries": _("The steps of a case and the entries of the chain differ"),
    "move.count": _("A move of a report is missing or too many"),
    "move.order": _("The moves of a report do not follow one another"),
    "move.case": _("A report is in another case than its moves lead to"),
    "move.reporter": _("A move of a reporter is not signed by them"),
    "move.entries": _("The moves of a report and the entries of the chain differ"),
    "move.gone": _("The moves of a report are gone"),
    "move.none": _("A report is in the case of another one without a move"),
    "case.filing": _("A case is not filed as it was when its report was first read"),
    "case.columns": _("The columns of a case are not what its steps lead to"),
    "case.deadline": _("A case has another deadline than its steps and moves lead to"),
    "case.link": _("A case is linked otherwise than the moves of its reports lead to"),
    "conflict.gone": _("A conflict of interest is gone"),
    "conflict.altered": _("A conflict of interest was altered"),
    "conflict.unrecorded": _("A conflict of interest stands there of which the chain records nothing"),
    "rules.differ": _("The rules of the law on this node differ from those that were recorded"),
    "index.altered": _("The index of a report is not as it was written"),
    "release.altered": _("A release, one of its files or one of its keys is not as it was made"),
    "register.altered": _("A team's register of urgent matters is not as recorded"),
    "release.steps": _("A release to a further body does not stand where its recorded steps lead"),
    "name.altered": _("A request for a reporter's name, or what was read of it, is not as recorded"),
    "note.altered": _("A note of a body on a release is not as recorded"),
    "evidence.state": _("A file stands as worked on or as waiting, and the record says otherwise"),
    "erasure.unrecorded": _("A report stands as erased, and two people and the server have not entered that"),
    "erasure.leaves": _("What an erasure has kept of deleted rows is not as recorded"),
    "erasure.left": _("Something of an erased report is stored"),
    "list.gap": _("The list of erasures has a gap, was shortened, or is older than a head that left with it"),
    "list.differs": _("A line of the list of erasures is not as the chain records it"),
    "chain.restored": _("A backup was restored: two auditors say that this was meant"),
    "state.altered": _("A row is not as the last act on it left it"),
    "state.between": _("A row was altered between two acts on it"),
    "state.gone": _("An account or a team of the chain is gone"),
    "state.unrecorded": _("A row stands there of which the chain records nothing"),
}


class VerificationFault(models.Model):
    """A fault that verification has named; append-only. Two auditors acknowledge it by entries of the chain."""

    # Derived from the columns, so that a fault that is met again is no new row.
    id = models.UUIDField(primary_key=True)
    sequence = models.PositiveBigIntegerField(_("entry"), null=True)
    code = models.CharField(_("fault"), max_length=40)
    subject = models.CharField(_("where"), max_length=80)
    state = models.CharField(max_length=200)
    # The day on which it was first named.
    day = models.DateField(_("day"))

    class Meta:
        verbose_name = _("fault")
        verbose_name_plural = _("faults")

    def __str__(self) -> str:
        return f"{self.code} {self.subject}"


class VerificationState(models.Model):
    """How far the nightly verification has come, signed by the server; a single row, without which it begins anew."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    record = models.JSONField(default=dict)
    signature = models.BinaryField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="verification_state_single")]

    def __str__(self) -> str:
        return "verification"
