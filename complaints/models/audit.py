"""The audit chain: only services.audit appends to it, and database triggers refuse updates and deletes."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

# The events of the audit chain, each with what is said of it; services.audit refuses any other.
EVENTS: Final = {
    "case.opened": _("Case opened"),
    "case.transition": _("Case moved"),
    "case.changed": _("Filing of a case changed"),
    "case.linked": _("Report linked into another case"),
    "case.unlinked": _("Report taken out of a case again"),
    "finding.entered": _("Finding from monitoring entered"),
    "queue.opened": _("Queue read"),
    "queue.searched": _("Queue searched"),
    "filter.saved": _("Filter saved"),
    "filter.deleted": _("Saved filter deleted"),
    "cases.exported": _("Cases exported"),
    "figures.printed": _("Figures with small cells printed"),
    "practice.switched": _("Practice mode switched"),
    "practice.made": _("Practice cases made"),
    "leak.checked": _("Text checked for what it gives away"),
    "leak.overridden": _("Warning overridden"),
    "case.assigned": _("Case given to an officer"),
    "case.taken_on": _("Case taken on by its officer"),
    "case.declined": _("Case declined by its officer"),
    "staff.away": _("Absence of a person changed"),
    "assigning.changed": _("Handing out of cases changed"),
    "conflict.matched": _("Conflict of interest found"),
    "conflict.declared": _("Conflict of interest declared"),
    "conflict.lifted": _("Conflict of interest lifted"),
    "index.written": _("Report indexed and compared"),
    "lane.set": _("Case listed as likely junk"),
    "lane.left": _("Case no longer listed as likely junk"),
    "lane.proposed": _("Likely junk proposed as not eligible"),
    "lane.confirmed": _("Proposal on likely junk confirmed"),
    "lane.withdrawn": _("Proposal on likely junk withdrawn"),
    "lane.finished": _("Proposal on likely junk carried out"),
    "message.sent": _("Message sent"),
    "note.written": _("Internal note written"),
    "register.sealed": _("Team's register of urgent matters written anew"),
    "assessment.recorded": _("Danger graded, facts stated, or a checklist kept"),
    "lost_code.proposed": _("Report proposed as that of a sender who lost an earlier code"),
    "lost_code.agreed": _("Two officers agreed that an earlier code was lost"),
    "lost_code.refused": _("Proposal of a lost code refused or taken back"),
    "redaction.made": _("Passages removed for a body"),
    "redaction.checked": _("Release compared with originals and removed passages"),
    "object.opened": _("File opened"),
    "object.worked": _("File read in an officer's session"),
    "object.retried": _("File that could not be read waits for an officer again"),
    "custody.printed": _("Custody sheet made"),
    "letter.printed": _("Letter printed"),
    "release.made": _("Released to a body"),
    "release.opened": _("Release opened"),
    "release.assigned": _("Release given to a liaison"),
    "release.noted": _("Note on a release written by its body"),
    "release.downloaded": _("All files of a release downloaded"),
    "name.requested": _("Reporter's name requested by a body"),
    "name.closed": _("Request for a reporter's name ended"),
    "name.tried": _("Body tried to open a reporter's name"),
    "name.read": _("Reporter's name read by a body"),
    "release.recalled": _("Release recalled"),
    "question.asked": _("Body asked the office, or proposed a question to reporters"),
    "question.addressed": _("Report named whose reporter a body asks"),
    "question.opened": _("Question of a body read"),
    "question.replied": _("Question of a body answered, passed on, given back or taken back"),
    "release.step": _("Further release moved"),
    "decision.recorded": _("Decision of a body recorded"),
    "decision.filed": _("Copy of a decision stored"),
    "decision.opened": _("Copy of a decision opened"),
    "staff.key_made": _("Person's key made"),
    "staff.key_retired": _("Person's key retired"),
    "staff.signed_in": _("Person signed in"),
    "staff.changed": _("Account changed"),
    "staff.compared": _("Person's data compared with the reports"),
    "session.ended": _("Sessions ended"),
    "signin.differed": _("Sign-in refused: account not as recorded"),
    "signin.counted": _("Refused sign-ins of a day counted"),
    "signin.changed": _("Change of how a person signs in noted"),
    "signin.told": _("Person told of refused sign-ins and changes"),
    "backup.made": _("Backup made"),
    "backup.rehearsed": _("Restoration of a backup rehearsed"),
    "signin.mailed": _("Administrators told by mail of many refused sign-ins"),
    "confirmation.asked": _("Account closed until a second administrator confirms"),
    "confirmation.given": _("Account confirmed by a second administrator"),
    "confirmation.used": _("Account opened with the second administrator's code"),
    "factor.added": _("Second factor added"),
    "factor.removed": _("Second factor removed"),
    "factor.codes_made": _("Recovery codes made"),
    "factor.code_used": _("Recovery code used"),
    "factor.ended": _("App and recovery codes ended with the key"),
    "factor.reset": _("Second factor reset"),
    "team.made": _("Team made"),
    "team.asked": _("Admission asked for"),
    "team.admitted": _("Person admitted to a team"),
    "team.recovered": _("Team's key recovered by its two keepers"),
    "team.left": _("Person's place in a team ended"),
    "team.reviewed": _("Access reviewed"),
    "teamkey.removal_asked": _("Removal of a member requested"),
    "teamkey.removal_stopped": _("Removal of a member stopped"),
    "teamkey.removal_withdrawn": _("Request to remove a member withdrawn"),
    "teamkey.removal_confirmed": _("Removal of a member confirmed by another"),
    "teamkey.removal_completed": _("Removal of a member carried out after 24 hours"),
    "teamkey.removed": _("Person removed from a team"),
    "teamkey.rotated": _("Team's key changed"),
    "teamkey.resealed": _("Sealed again to the team's new key"),
    "teamkey.finished": _("Team's old key forgotten"),
    "catalog.changed": _("Reference data changed"),
    "rule.proposed": _("Change of a rule proposed"),
    "rule.compared": _("Open cases compared with a proposed rule"),
    "rule.confirmed": _("Change of a rule confirmed"),
    "rule.declined": _("Change of a rule declined"),
    "rule.withdrawn": _("Proposal for a rule withdrawn"),
    "rules.delivered": _("Rules of the law that come with the program recorded"),
    "erasure.requested": _("Request to erase a report recorded"),
    "erasure.declined": _("Request to erase a report declined"),
    "erasure.proposed": _("Erasure of a report proposed"),
    "erasure.refused": _("Proposal to erase a report refused"),
    "erasure.confirmed": _("Erasure of a report confirmed by another person"),
    "chain.restored": _("Backup restored: the chain goes on in a new era"),
    "erasure.listed": _("Erasure taken over from a list after a backup was restored"),
    "erasure.unreadable": _("Erased report made unreadable"),
    "erasure.slice": _("Rows of an erased report deleted"),
    "erasure.case": _("Place, kinds and salt of a case deleted: all its reports are erased"),
    "erasure.done": _("Erasure of a report finished"),
    "hold.set": _("Legal hold set"),
    "hold.lift_asked": _("Lifting of a legal hold asked for"),
    "hold.lifted": _("Legal hold lifted"),
    "job.asked": _("Background job run again"),
    "verification.asked": _("Verification asked for"),
    "audit.exported": _("Audit chain exported"),
    "day.closed": _("Batch of reports closed"),
    "fault.acknowledged": _("Fault acknowledged"),
}


# Each names one report and, as its subject, one person; the last entry of the two decides.
CONFLICT_LIFTED: Final = "conflict.lifted"
CONFLICT_EVENTS: Final = ("conflict.matched", "conflict.declared", CONFLICT_LIFTED)


class AuditEntry(models.Model):
    """An act of staff or of the system. ``facts`` are ids, codes and digests of ciphertext, never content."""

    sequence = models.PositiveBigIntegerField(_("number"), primary_key=True)
    at = models.DateTimeField(_("when"))
    event = models.CharField(_("event"), max_length=40)
    # Plain ids, no foreign keys: an entry outlives the rows that it refers to.
    actor = models.UUIDField(_("person"), null=True)
    case = models.UUIDField(_("case"), null=True, db_index=True)
    # The row whose state the entry speaks of: a report, a person, a release; the last entry of a row decides.
    subject = models.UUIDField(_("subject"), null=True)
    # Counts restored backups: 1 until the first one.
    era = models.PositiveSmallIntegerField(default=1)
    facts = models.JSONField(_("facts"), default=dict)
    # What the account of the person allowed in the request in which they acted: Staff.rights.
    rights = models.CharField(max_length=60, blank=True)
    signer = models.BinaryField()
    previous = models.BinaryField()
    digest = models.BinaryField()
    signature = models.BinaryField()
    # The server's signature of the digest. Its key is in no database, so whoever writes to one can add no entry.
    countersignature = models.BinaryField()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit chain")
        indexes = [
            models.Index(fields=["subject", "sequence"], name="audit_subject_sequence"),
            # Read by auditors: what a person did, where an event happened, what a span of days holds.
            models.Index(fields=["actor", "sequence"], name="audit_actor_sequence"),
            models.Index(fields=["event", "sequence"], name="audit_event_sequence"),
            models.Index(fields=["at"], name="audit_at"),
            # Read for each batch whose leaves are computed; a file seldom fails.
            models.Index(fields=["sequence"], condition=models.Q(event="object.retried"), name="audit_retried"),
            # Read by each process once a minute: which rules are in force.
            models.Index(fields=["sequence"], condition=models.Q(event="rule.confirmed"), name="audit_rules"),
            # Read for the desk of administrators and auditors: on which day the last one was.
            models.Index(fields=["sequence"], condition=models.Q(event="backup.made"), name="audit_backups"),
            models.Index(fields=["sequence"], condition=models.Q(event="backup.rehearsed"), name="audit_rehearsals"),
            # Counted for each desk: which proposals of a lost code wait for a second officer.
            models.Index(fields=["sequence"], condition=models.Q(event="lost_code.proposed"), name="audit_lost_codes"),
            # Counted for each desk too: which requests for erasure nobody has answered; the night looks for rows. Read
            # each hour: the numbered list of what was made unreadable.
            models.Index(
                fields=["sequence"],
                condition=models.Q(
                    event__in=["erasure.requested", "erasure.proposed", "erasure.unreadable", "hold.set"]
                ),
                name="audit_erasures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.event}"


class ChainHead(models.Model):
    """The last entry of the chain; a single row, locked while an entry is appended."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.PositiveBigIntegerField(default=0)
    digest = models.BinaryField()
    era = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="chain_head_single")]

    def __str__(self) -> str:
        return str(self.sequence)
