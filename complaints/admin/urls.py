"""The addresses of all our own screens for the staff, and the change lists of the plain tables.

Every function here is decorated by :func:`complaints.admin.base.staff_page`, which says its methods and for whom the
page exists. Names stand in the namespace "admin", as Django's own do: "admin:complaints_case_step".
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from complaints.admin import (
    assignment,
    audit_log,
    case,
    case_evidence,
    case_links,
    case_questions,
    case_risk,
    case_search,
    case_steps,
    case_writing,
    conflicts,
    custody,
    dashboard,
    dossier,
    erasure,
    export,
    faults,
    figures,
    figures_sheet,
    findings,
    forwarding,
    further_releases,
    imports,
    inquiries,
    jobs,
    key_rotation,
    lane,
    legal_basis,
    letters,
    lost_code,
    monitoring,
    operation,
    queue_bulk,
    queue_page,
    redacted_files,
    redactions,
    reference_data,
    release_assignment,
    release_comparison,
    release_names,
    release_page,
    release_questions,
    release_search,
    release_step,
    releases,
    reminders,
    removal,
    retaliation,
    rule_changes,
    rule_reviews,
    sent_releases,
    staff,
    staff_drafts,
    teams,
)
from complaints.admin.site import site
from complaints.models.oversight import Release
from complaints.models.team import Staff

app_name = "admin"

# Plain tables: their lists, and the forms to add or to change a row, are Django's.
site.register(Release, releases.ReleaseAdmin)
site.register(Staff, staff.StaffAdmin)
for model, table_admin in reference_data.TABLES:
    site.register(model, table_admin)

urlpatterns: list[URLPattern | URLResolver] = [
    # The audit chain
    path("complaints/auditentry/", audit_log.show_entries, name="complaints_auditentry_changelist"),
    path("complaints/auditentry/kasus/", audit_log.find_case, name="audit_case"),
    path("complaints/auditentry/verifikasi/", audit_log.verify_now, name="audit_verify"),
    path("complaints/auditentry/ekspor/", audit_log.export_entries, name="audit_export"),
    path("complaints/auditentry/tidak-lazim/", audit_log.show_unusual, name="audit_unusual"),
    # Dashboard and own account
    path("", dashboard.index, name="index"),
    path("saya/", staff.own_page, name="me"),
    path("sesi/", staff.own_sessions, name="sessions"),
    path("saya/data/", staff.own_data, name="own_data"),
    path("sesi/sisa/", staff_drafts.session_left, name="session_left"),
    path("draf/<uuid:object_id>/", staff_drafts.on_object, name="drafts"),
    path("latihan/", staff.practice_page, name="practice"),
    path("aturan/", legal_basis.rules, name="rules"),
    # Proposed changes of rules. POSTs below "usulan" want password and second factor again: portal.middleware.
    path("aturan/usulan/", rule_changes.change_list, name="rule_changes"),
    path("aturan/usulan/peninjauan/", rule_reviews.reviews, name="rule_reviews"),
    path("aturan/tinjau/", rule_reviews.sign, name="rule_sign"),
    path("aturan/usulan/<uuid:change_id>/", rule_changes.change_page, name="rule_change"),
    path("aturan/perkara/<uuid:change_id>/", rule_changes.compare, name="rule_compare"),
    path("aturan/usul/<slug:table>/", rule_changes.propose_new, name="rule_add"),
    path("aturan/usul/<slug:table>/<slug:code>/<slug:version>/", rule_changes.propose, name="rule_propose"),
    # Inquiries: questions before a report
    path("tanya/", inquiries.inquiry_list, name="inquiries"),
    path("tanya/<uuid:object_id>/", inquiries.inquiry_page, name="inquiry"),
    # Erasure. POSTs to "keputusan" want password and second factor again: portal.middleware.
    path("penghapusan/", erasure.erasures, name="erasures"),
    path("penghapusan/keputusan/", erasure.confirm, name="erasure_confirm"),
    path("penghapusan/<uuid:erasure_id>/tolak/", erasure.refuse, name="erasure_refuse"),
    path(
        "complaints/case/<uuid:object_id>/penghapusan/<uuid:complaint_id>/",
        erasure.report_erasure,
        name="report_erasure",
    ),
    # The queue
    path("complaints/case/", queue_page.queue, name="complaints_case_changelist"),
    path("complaints/case/cari/", case_search.show_search, name="complaints_case_search"),
    path("complaints/case/massal/", queue_bulk.act_on_ticked, name="complaints_case_many"),
    path("complaints/case/massal/batal/", queue_bulk.undo, name="complaints_case_undo"),
    path("complaints/case/saringan/", queue_page.save_filter, name="complaints_case_keep_filter"),
    path("complaints/case/saringan/batal/", queue_page.restore_filter, name="complaints_case_restore_filter"),
    path(
        "complaints/case/saringan/<uuid:filter_id>/hapus/", queue_page.delete_filter, name="complaints_case_drop_filter"
    ),
    path("complaints/case/kolom/", queue_page.choose_columns, name="complaints_case_columns"),
    path("complaints/case/tombol/", queue_page.switch_keys, name="complaints_case_keys"),
    path("complaints/case/ekspor/", export.export_cases, name="complaints_case_export"),
    # Likely junk
    path("complaints/case/spam/", lane.lane, name="complaints_case_lane"),
    path("complaints/case/<uuid:object_id>/bukan-spam/", lane.take_out, name="complaints_case_lane_out"),
    # Findings from monitoring
    path("complaints/case/temuan/", monitoring.enter, name="complaints_case_finding"),
    path("complaints/case/temuan/tabel/", imports.enter_table, name="complaints_case_finding_table"),
    path("complaints/case/temuan/contoh.csv", imports.template, name="complaints_case_finding_template"),
    path("complaints/case/temuan/impor/<uuid:key>/", imports.whole_import, name="complaints_case_import"),
    # A case: reading, steps, messages
    path("complaints/case/<uuid:object_id>/change/", case.case_page, name="complaints_case_change"),
    path("complaints/case/<uuid:object_id>/langkah/<slug:action>/", case_steps.step, name="complaints_case_step"),
    path("complaints/case/<uuid:object_id>/teruskan/", forwarding.forward, name="complaints_case_forward"),
    path(
        "complaints/case/<uuid:object_id>/teruskan/isi/",
        forwarding.preview,
        name="complaints_case_release_preview",
    ),
    path("complaints/case/<uuid:object_id>/susulan/", forwarding.supplement, name="complaints_case_supplement"),
    path(
        "complaints/case/<uuid:object_id>/susulan/<uuid:release_id>/",
        forwarding.supplement,
        name="complaints_case_supplement_further",
    ),
    path(
        "complaints/case/<uuid:object_id>/teruskan-juga/",
        further_releases.forward_also,
        name="complaints_case_forward_also",
    ),
    path(
        "complaints/case/<uuid:object_id>/penerusan/<uuid:release_id>/ambil/",
        further_releases.take_back,
        name="complaints_case_release_take_back",
    ),
    path(
        "complaints/case/<uuid:object_id>/penerusan/<uuid:release_id>/",
        sent_releases.sent,
        name="complaints_case_release",
    ),
    path(
        "complaints/case/<uuid:object_id>/penerusan/<uuid:release_id>/putusan/<uuid:file_id>/",
        findings.download_copy_of_case,
        name="complaints_case_decision_file",
    ),
    path(
        "complaints/case/<uuid:object_id>/penerusan/<uuid:release_id>/tarik/",
        sent_releases.recall,
        name="complaints_case_release_recall",
    ),
    path(
        "complaints/case/<uuid:object_id>/penerusan/<uuid:release_id>/bandingkan/",
        release_comparison.compare_release,
        name="complaints_case_release_compare",
    ),
    path("complaints/case/<uuid:object_id>/surat/", letters.referral_letter, name="complaints_case_letter"),
    path(
        "complaints/case/<uuid:object_id>/kode-hilang/<uuid:complaint_id>/",
        lost_code.lost_code,
        name="complaints_case_lost_code",
    ),
    path("complaints/case/keputusan-kedua/", case_steps.second_decisions, name="complaints_case_second"),
    path("complaints/case/<uuid:object_id>/bahaya/<uuid:complaint_id>/", case_risk.assess, name="complaints_case_risk"),
    path(
        "complaints/case/<uuid:object_id>/jawab/<uuid:complaint_id>/", case_writing.reply, name="complaints_case_reply"
    ),
    path(
        "complaints/case/<uuid:object_id>/catatan/<uuid:complaint_id>/", case_writing.note, name="complaints_case_note"
    ),
    # A case: retaliation
    path(
        "complaints/case/<uuid:object_id>/pembalasan/<uuid:complaint_id>/",
        retaliation.record_act,
        name="complaints_case_retaliation",
    ),
    path(
        "complaints/case/<uuid:object_id>/pembalasan/<uuid:complaint_id>/tanya/<slug:code>/",
        retaliation.check_in,
        name="complaints_case_check_in",
    ),
    path(
        "complaints/case/<uuid:object_id>/pembalasan/<uuid:complaint_id>/surat/",
        retaliation.transfer_letter,
        name="complaints_case_transfer_letter",
    ),
    path("complaints/case/<uuid:object_id>/gabung/", case_links.link, name="complaints_case_link"),
    path(
        "complaints/case/<uuid:object_id>/pisah/<uuid:complaint_id>/", case_links.unlink, name="complaints_case_unlink"
    ),
    # A case: what is removed before a body reads it
    path(
        "complaints/case/<uuid:object_id>/penghitaman/<uuid:complaint_id>/",
        redactions.report_redactions,
        name="complaints_case_redact",
    ),
    path(
        "complaints/case/<uuid:object_id>/penghitaman/<uuid:complaint_id>/teks/<slug:target>/",
        redactions.redact_text,
        name="complaints_case_redact_text",
    ),
    path(
        "complaints/case/<uuid:object_id>/penghitaman/berkas/<uuid:item_id>/",
        redacted_files.redact_file,
        name="complaints_case_redact_file",
    ),
    # A case: officer and conflicts
    path("complaints/case/<uuid:object_id>/aturan/", legal_basis.case_rules, name="complaints_case_rules"),
    path("complaints/case/<uuid:object_id>/petugas/", assignment.assign, name="complaints_case_assign"),
    path("complaints/case/<uuid:object_id>/ambil/", assignment.claim, name="complaints_case_claim"),
    path("complaints/case/<uuid:object_id>/terima/", assignment.take_on, name="complaints_case_take_on"),
    path("complaints/case/<uuid:object_id>/tolak/", assignment.decline, name="complaints_case_decline"),
    path("complaints/case/<uuid:object_id>/konflik/", conflicts.declare, name="complaints_case_conflict"),
    # A case: evidence and chain of custody
    path(
        "complaints/case/<uuid:object_id>/berkas/<uuid:stored_id>/", case_evidence.download, name="complaints_case_file"
    ),
    path(
        "complaints/case/<uuid:object_id>/bukti/<uuid:item_id>/", case_evidence.view_item, name="complaints_case_view"
    ),
    path(
        "complaints/case/<uuid:object_id>/bukti/<uuid:item_id>/isi/<uuid:stored_id>/",
        case_evidence.inline_copy,
        name="complaints_case_shown",
    ),
    path(
        "complaints/case/<uuid:object_id>/bukti/<uuid:item_id>/olah/",
        case_evidence.process_item,
        name="complaints_case_work",
    ),
    path("complaints/case/<uuid:object_id>/berita-acara/", custody.custody, name="complaints_case_custody"),
    path(
        "complaints/case/<uuid:object_id>/berita-acara/<uuid:item_id>/",
        custody.custody,
        name="complaints_case_custody_item",
    ),
    path("complaints/case/<uuid:object_id>/berita-acara/pdf/", custody.custody_pdf, name="complaints_case_custody_pdf"),
    path(
        "complaints/case/<uuid:object_id>/berita-acara/<uuid:item_id>/pdf/",
        custody.custody_pdf,
        name="complaints_case_custody_item_pdf",
    ),
    # Questions of a body, which the office answers, passes on or gives back
    path(
        "complaints/case/<uuid:object_id>/pertanyaan/<uuid:question_id>/",
        case_questions.question,
        name="complaints_case_question",
    ),
    path(
        "complaints/case/<uuid:object_id>/pertanyaan/<uuid:question_id>/jawab/",
        case_questions.answer,
        name="complaints_case_question_answer",
    ),
    path(
        "complaints/case/<uuid:object_id>/pertanyaan/<uuid:question_id>/kembalikan/",
        case_questions.give_back,
        name="complaints_case_question_back",
    ),
    # Releases to oversight bodies
    path(
        "complaints/release/<uuid:object_id>/tanya-kantor/",
        release_questions.ask_office,
        name="complaints_release_ask_office",
    ),
    path(
        "complaints/release/<uuid:object_id>/tanya-pelapor/",
        release_questions.ask_reporter,
        name="complaints_release_ask_reporter",
    ),
    path(
        "complaints/release/<uuid:object_id>/pertanyaan/<uuid:question_id>/tarik/",
        release_questions.take_back,
        name="complaints_release_question_back",
    ),
    path(
        "complaints/release/<uuid:object_id>/bukti/<uuid:file_id>/",
        case_evidence.view_released_file,
        name="complaints_release_view",
    ),
    path(
        "complaints/release/<uuid:object_id>/bukti/<uuid:file_id>/isi/<uuid:shown_id>/",
        case_evidence.inline_released_copy,
        name="complaints_release_shown",
    ),
    path("complaints/release/<uuid:object_id>/change/", release_page.release_page, name="complaints_release_change"),
    path("complaints/release/cari/", release_search.search, name="complaints_release_search"),
    path("complaints/release/<uuid:object_id>/ambil/", release_assignment.claim, name="complaints_release_claim"),
    path("complaints/release/<uuid:object_id>/serahkan/", release_assignment.assign, name="complaints_release_assign"),
    path("complaints/release/<uuid:object_id>/catatan/", release_assignment.note, name="complaints_release_note"),
    path(
        "complaints/release/<uuid:object_id>/berita-acara/",
        dossier.custody_sheet,
        name="complaints_release_custody",
    ),
    path("complaints/release/<uuid:object_id>/unduh/", dossier.download_all, name="complaints_release_download"),
    path(
        "complaints/release/<uuid:object_id>/langkah/<slug:action>/", release_step.step, name="complaints_release_step"
    ),
    path("complaints/release/<uuid:object_id>/temuan/", findings.settle, name="complaints_release_finding"),
    path(
        "complaints/release/<uuid:object_id>/putusan/<uuid:file_id>/",
        findings.download_copy,
        name="complaints_release_decision_file",
    ),
    path(
        "complaints/release/<uuid:object_id>/surat/<slug:kind>/",
        letters.agency_letter,
        name="complaints_release_letter",
    ),
    path(
        "complaints/release/<uuid:object_id>/berkas/<uuid:file_id>/",
        release_page.download,
        name="complaints_release_file",
    ),
    path(
        "complaints/release/<uuid:object_id>/nama/<uuid:complaint_id>/",
        release_names.open_name,
        name="complaints_release_name",
    ),
    path(
        "complaints/release/<uuid:object_id>/nama/<uuid:complaint_id>/minta/",
        release_names.ask_name,
        name="complaints_release_name_ask",
    ),
    # Conflicts, absences, automatic assignment
    path("complaints/conflict/<uuid:case_id>/<uuid:staff_id>/cabut/", conflicts.lift, name="complaints_conflict_lift"),
    path("complaints/absence/pergi/", assignment.go_away, name="complaints_absence_away"),
    path("complaints/absence/<uuid:object_id>/kembali/", assignment.come_back, name="complaints_absence_back"),
    path("complaints/absence/serah/", assignment.hand_over, name="complaints_absence_hand_over"),
    path("complaints/duty/aturan/", assignment.set_rule, name="complaints_duty_rule"),
    path("complaints/duty/<uuid:object_id>/change/", assignment.change_duty, name="complaints_duty_change"),
    path("complaints/conflict/", conflicts.conflict_list, name="complaints_conflict_changelist"),
    path("complaints/absence/", assignment.assignments, name="complaints_absence_changelist"),
    path("complaints/duty/", assignment.duties, name="complaints_duty_changelist"),
    # Teams, their keys, the access review
    path("complaints/team/", teams.team_list, name="complaints_team_changelist"),
    path("complaints/team/<uuid:membership_id>/terima/", teams.admit, name="complaints_team_admit"),
    path(
        "complaints/team/<uuid:team_id>/keluarkan/<uuid:membership_id>/",
        removal.ask,
        name="complaints_team_remove",
    ),
    path("complaints/team/permintaan/<uuid:request_id>/", removal.removal_request, name="complaints_team_removal"),
    path("complaints/team/<uuid:team_id>/ganti-kunci/", key_rotation.change_key, name="complaints_team_change_key"),
    path("complaints/team/<uuid:team_id>/segel-ulang/", key_rotation.reseal, name="complaints_team_reseal"),
    path("complaints/teamkey/", teams.access_review, name="complaints_teamkey_changelist"),
    path("complaints/teamkey/diperiksa/", teams.sign_off, name="complaints_teamkey_sign_off"),
    # Faults that the verification of the audit chain has named
    path("complaints/verificationfault/", faults.fault_list, name="complaints_verificationfault_changelist"),
    path(
        "complaints/verificationfault/<uuid:fault_id>/diketahui/",
        faults.acknowledge,
        name="complaints_verificationfault_acknowledge",
    ),
    # Staff accounts
    path("complaints/staff/<uuid:object_id>/sandi/", staff.new_password, name="complaints_staff_password"),
    path("complaints/staff/<uuid:object_id>/tim/", staff.ask_admission, name="complaints_staff_ask"),
    path("complaints/staff/<uuid:object_id>/pengesahan/", staff.confirm, name="complaints_staff_confirm"),
    path("complaints/staff/<uuid:object_id>/faktor/", staff.reset_factor, name="complaints_staff_factor"),
    # Background jobs, and how the installation stands
    path("operasi/", operation.operation, name="operation"),
    path("complaints/case/<uuid:object_id>/ingatkan/", reminders.remind, name="complaints_case_remind"),
    path("angka/", figures.show, name="figures"),
    path("angka/lembar/", figures_sheet.sheet, name="figures_sheet"),
    path("complaints/jobfailure/", jobs.job_list, name="complaints_jobfailure_changelist"),
    path("complaints/jobfailure/<slug:name>/ulang/", jobs.run_again, name="complaints_jobfailure_again"),
    # Django's own and the plain tables; the last of them catches every other address.
    *site.get_urls(),
]
