"""Who may be where, written by hand from the design. A route without a line here fails the test."""

from __future__ import annotations

# Those who triage the scene's case; and whoever triages any, for pages that name no case, and whose forms do.
TRIAGE = {"verifier", "forwarder"}
TRIAGES = TRIAGE | {"separate"}
# A superuser sees that cases exist, by their clear columns; and opens nothing.
CASES = TRIAGE | {"superuser"}
SEES_CASES = TRIAGES | {"superuser"}
LEAD, BODIES = {"lead body"}, {"lead body", "other body"}
AUDIT, ADMIN = {"auditor"}, {"admin", "superuser"}
TEAMS = TRIAGES | BODIES | ADMIN
ALL = TRIAGES | BODIES | AUDIT | ADMIN | {"unadmitted"}

# The staff's door: who finds anything at an address, and what a GET then answers. 404 for all others.
STAFF_GETS: dict[str, tuple[set[str], int]] = {
    "admin:index": (ALL, 200),
    "admin:me": (ALL, 200),
    "admin:sessions": (ALL, 200),
    "admin:own_data": (ALL, 405),
    "admin:session_left": (ALL, 200),
    "admin:drafts": (TRIAGE, 200),  # of the scene's case; of a release: tests/admin/test_staff_drafts.py
    "admin:rules": (ALL, 200),
    "admin:inquiries": (TRIAGES, 200),
    "admin:inquiry": (set(), 404),  # the scene has a report: tests/admin/test_inquiries.py has inquiries
    "admin:erasures": (TRIAGES, 200),
    "admin:erasure_confirm": (TRIAGES, 405),
    "admin:erasure_refuse": (set(), 404),  # nothing is proposed: tests/admin/test_erasure.py
    "admin:report_erasure": (TRIAGE, 200),
    "admin:rule_changes": (TRIAGES | AUDIT | ADMIN, 200),
    "admin:rule_change": (TRIAGES | AUDIT | ADMIN, 200),
    "admin:rule_compare": (TRIAGE, 405),
    "admin:rule_sign": (ADMIN, 200),
    "admin:rule_reviews": (TRIAGE, 200),
    "admin:rule_add": (ADMIN, 200),
    "admin:rule_propose": (ADMIN, 200),
    "admin:practice": (TRIAGES | BODIES, 200),
    "admin:jsi18n": (ALL, 200),
    "admin:login": (ALL, 302),
    "admin:logout": (ALL, 302),
    "admin:password_change": (ALL, 302),
    "admin:app_list": (ALL, 302),
    "admin:catch-all": (set(), 404),
    "account_change_password": (ALL, 200),
    "account_reauthenticate": (ALL, 200),
    "account_confirmation": (ALL, 302),  # nobody of the cast waits for a second administrator
    "unsent": (ALL, 302),  # nothing waits: tests/accounts/test_unsent.py
    "mfa_index": (ALL, 200),
    "mfa_activate_totp": (ALL, 200),
    "mfa_picture": (ALL, 200),
    "mfa_deactivate_totp": (ALL, 200),  # the only factor: the page says that it stays
    "mfa_add_webauthn": (ALL, 200),
    "mfa_remove_webauthn": (set(), 404),
    "mfa_view_recovery_codes": (set(), 404),  # nobody of the cast has any
    "mfa_generate_recovery_codes": (ALL, 200),
    "admin:complaints_case_changelist": (SEES_CASES, 200),
    "admin:complaints_case_export": (TRIAGES, 200),
    "admin:complaints_case_change": (CASES, 200),
    "admin:complaints_case_keep_filter": (SEES_CASES, 405),
    "admin:complaints_case_drop_filter": (SEES_CASES, 405),
    "admin:complaints_case_columns": (SEES_CASES, 405),
    "admin:complaints_case_keys": (SEES_CASES, 405),
    "admin:complaints_case_search": (TRIAGES, 302),  # without a search to the queue
    "admin:complaints_case_many": (SEES_CASES, 405),
    "admin:complaints_case_undo": (SEES_CASES, 405),
    "admin:complaints_case_restore_filter": (SEES_CASES, 405),
    "admin:complaints_case_reply": (SEES_CASES, 405),
    "admin:complaints_case_note": (SEES_CASES, 405),
    "admin:complaints_case_link": ({"verifier"}, 200),
    "admin:complaints_case_unlink": ({"verifier"}, 409),  # the only report of its case
    "admin:complaints_case_finding": (TRIAGES, 200),
    "admin:complaints_case_finding_table": (TRIAGES, 200),
    "admin:complaints_case_finding_template": (TRIAGES, 200),
    "admin:complaints_case_import": (TRIAGE, 200),
    "admin:complaints_case_assign": (SEES_CASES, 405),
    "admin:complaints_case_claim": (SEES_CASES, 405),
    "admin:complaints_case_take_on": (SEES_CASES, 405),
    "admin:complaints_case_decline": (set(), 404),
    "admin:complaints_absence_changelist": (TRIAGES, 200),
    "admin:complaints_absence_away": (TRIAGES, 405),
    "admin:complaints_absence_back": (TRIAGES, 405),
    "admin:complaints_absence_hand_over": (TRIAGES, 405),
    "admin:complaints_duty_changelist": (ADMIN, 200),
    "admin:complaints_duty_rule": (ADMIN, 405),
    "admin:complaints_duty_change": (ADMIN, 200),
    "admin:complaints_case_conflict": (TRIAGE, 200),
    "admin:complaints_conflict_changelist": ({"forwarder"}, 200),
    "admin:complaints_conflict_lift": ({"forwarder"}, 200),
    "admin:complaints_case_step": (TRIAGE, 409),  # the body holds it; the page says so
    "admin:complaints_case_forward": (TRIAGE, 409),
    "admin:complaints_case_release_preview": (TRIAGE, 200),
    "admin:complaints_case_supplement": ({"forwarder"}, 200),
    "admin:complaints_case_forward_also": ({"forwarder"}, 200),
    # No further release is there: tests/admin/test_further_releases.py has one.
    "admin:complaints_case_supplement_further": (set(), 404),
    "admin:complaints_case_release_take_back": (set(), 404),
    "admin:complaints_case_release": (TRIAGE, 200),
    "admin:complaints_case_release_recall": (TRIAGES, 405),
    "admin:complaints_case_release_compare": (TRIAGES, 405),
    "admin:complaints_case_decision_file": (TRIAGES, 405),
    "admin:complaints_case_letter": (TRIAGE, 302),
    "admin:complaints_case_retaliation": (TRIAGE, 200),
    "admin:complaints_case_check_in": (TRIAGE, 200),
    "admin:complaints_case_transfer_letter": (TRIAGE, 200),
    "admin:complaints_case_risk": (TRIAGE, 200),
    "admin:complaints_case_second": (TRIAGES, 200),
    "admin:complaints_case_lost_code": (TRIAGE, 200),
    "admin:complaints_case_lane": (TRIAGES, 200),
    "admin:complaints_case_lane_out": (TRIAGES, 405),
    "admin:complaints_case_file": (SEES_CASES, 405),
    "admin:complaints_case_view": (TRIAGE, 200),
    "admin:complaints_case_shown": (TRIAGE, 200),
    "admin:complaints_case_work": (SEES_CASES, 405),
    "admin:complaints_case_rules": (TRIAGE, 200),
    "admin:complaints_case_redact": (TRIAGE, 200),
    "admin:complaints_case_redact_text": (TRIAGE, 200),
    "admin:complaints_case_redact_file": (TRIAGE, 200),
    "admin:complaints_case_custody": (TRIAGE, 200),
    "admin:complaints_case_custody_item": (TRIAGE, 200),
    "admin:complaints_case_custody_pdf": (TRIAGE, 200),
    "admin:complaints_case_custody_item_pdf": (TRIAGE, 200),
    "admin:complaints_case_question": (TRIAGE, 200),
    "admin:complaints_case_question_answer": (TRIAGES, 405),
    "admin:complaints_case_question_back": (TRIAGES, 405),
    "admin:complaints_release_ask_office": (LEAD, 200),
    "admin:complaints_release_ask_reporter": (LEAD, 404),  # the case is not being examined
    "admin:complaints_release_question_back": (BODIES, 405),
    "admin:complaints_release_changelist": (BODIES, 200),
    "admin:complaints_release_change": (LEAD, 200),
    "admin:complaints_release_step": (LEAD, 200),
    "admin:complaints_release_letter": (LEAD, 302),
    "admin:complaints_release_finding": (BODIES, 405),
    "admin:complaints_release_decision_file": (BODIES, 405),
    "admin:complaints_release_name": (BODIES, 405),
    "admin:complaints_release_name_ask": (LEAD, 200),
    "admin:complaints_release_file": (BODIES, 405),
    "admin:complaints_release_search": (BODIES, 302),  # without a search to the list
    "admin:complaints_release_claim": (BODIES, 405),
    "admin:complaints_release_assign": (BODIES, 405),
    "admin:complaints_release_note": (LEAD, 200),
    "admin:complaints_release_custody": (LEAD, 200),
    "admin:complaints_release_download": (BODIES, 405),
    "admin:complaints_release_view": (LEAD, 200),
    "admin:complaints_release_shown": (LEAD, 200),
    "admin:complaints_staff_changelist": (ADMIN, 200),
    "admin:complaints_staff_add": (ADMIN, 200),
    "admin:complaints_staff_change": (ADMIN, 200),
    "admin:complaints_staff_password": (ADMIN, 200),
    "admin:complaints_staff_ask": (ADMIN, 405),
    "admin:complaints_staff_factor": (ADMIN, 200),
    "admin:complaints_staff_confirm": (set(), 404),  # nobody of the cast waits for a second administrator
    "admin:complaints_team_changelist": (TEAMS, 200),
    "admin:complaints_team_admit": (TEAMS, 405),
    "admin:complaints_team_remove": (TRIAGE, 200),
    "admin:complaints_team_removal": (TRIAGE | ADMIN, 200),
    "admin:complaints_team_change_key": (TRIAGE, 200),
    "admin:complaints_team_reseal": (TRIAGE, 200),
    "admin:complaints_teamkey_changelist": (TEAMS | AUDIT, 200),
    "admin:complaints_teamkey_sign_off": (TEAMS | AUDIT, 405),
    "admin:complaints_jobfailure_changelist": (ADMIN, 200),
    "admin:operation": (ADMIN, 200),
    "admin:figures": (TRIAGES, 200),
    "admin:complaints_case_remind": (TRIAGES, 405),
    "admin:figures_sheet": (TRIAGES, 200),
    "admin:complaints_jobfailure_again": (ADMIN, 405),
    "admin:complaints_auditentry_changelist": (AUDIT, 200),
    "admin:audit_case": (AUDIT, 405),
    "admin:audit_verify": (AUDIT, 405),
    "admin:audit_export": (AUDIT, 405),
    "admin:audit_unusual": (AUDIT, 200),
    "admin:complaints_verificationfault_changelist": (AUDIT | ADMIN, 200),
    "admin:complaints_verificationfault_acknowledge": (AUDIT, 405),
    **{
        f"admin:complaints_{table}_{page}": (ADMIN, 200)
        for table in (
            "category",
            "accusedkind",
            "sanctionkind",
            "province",
            "oversightbody",
            "election",
            "closedday",
            "standardtext",
        )
        for page in ("changelist", "add", "change")
    },
}
# Pages of the staff's door that answer before anybody has signed in.
BEFORE_LOGIN = {
    "account_login": 200,
    "mfa_authenticate": 302,
    "account_logout": 302,
    "account_inactive": 200,
    "admin:login": 302,
}
# One permission is for one look: these answer 404 until the page before them was opened.
AFTER_LOOKING = {
    "admin:complaints_case_shown": "admin:complaints_case_view",
    "admin:complaints_release_shown": "admin:complaints_release_view",
    "mfa_picture": "mfa_activate_totp",
}

# The reporter's door: what a GET answers without anything, with a finished draft, after sending, with an open ticket.
PUBLIC_GETS: dict[str, tuple[int, int, int, int]] = {
    "home": (200, 200, 200, 200),
    "healthz": (200, 200, 200, 200),
    "readyz": (200, 200, 200, 200),
    "door_elsewhere": (200, 200, 200, 200),
    "about": (200, 200, 200, 200),
    "never_asked": (200, 200, 200, 200),
    "lost_code": (200, 200, 200, 200),
    "guide": (200, 200, 200, 200),
    "guide_acts": (200, 200, 200, 200),
    "bawaslu_form": (200, 200, 200, 200),
    "quick_exit": (303, 303, 303, 303),
    "quick_exit_explained": (200, 200, 200, 200),
    "report_start": (200, 200, 200, 200),
    "report_pressed": (200, 200, 200, 200),
    "report_witnessed": (200, 200, 200, 200),
    "report_who": (302, 200, 302, 302),
    "report_story": (302, 200, 302, 302),
    "report_leaks": (302, 302, 302, 302),  # nothing in the draft tells
    "report_check": (302, 200, 302, 302),
    "report_code": (302, 302, 200, 302),
    "report_code_reminder": (302, 302, 200, 302),
    "inquiry_ask": (200, 200, 200, 200),
    "inquiry_check": (302, 302, 302, 302),
    # The scene's ticket is of a report.
    "inquiry_page": (302, 302, 302, 302),
    "inquiry_withdraw": (302, 302, 302, 302),
    "inquiry_report": (302, 302, 302, 302),
    "report_parked": (302, 302, 302, 302),  # nobody has asked for the code of this draft
    "status_enter": (200, 200, 200, 200),
    "status_page": (302, 302, 302, 200),
    "status_retaliation": (302, 302, 302, 200),
    "status_name": (302, 302, 302, 200),
    "status_erasure": (302, 302, 302, 200),  # a body has it, so that it cannot be withdrawn
    "status_object": (302, 302, 302, 302),  # it has not ended
    "status_withdraw": (302, 302, 302, 302),  # a body holds it, and the status page says so
    **dict.fromkeys(
        (
            "report_code_file",
            "report_cancel",
            "upload_begin",
            "upload_segment",
            "upload_finish",
            "upload_state",
            "upload_cancel",
            "inquiry_message",
            "status_add",
            "status_leave",
        ),
        (405, 405, 405, 405),
    ),
}
